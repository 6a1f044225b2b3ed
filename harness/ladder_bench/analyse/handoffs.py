"""Handoffs: the first answer after one against the same turn where that tier answered all along, and what follows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ladder_bench.analyse import estimates, strategies, turns
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.recombination import same_history
from ladder_bench.analyse.strategies import Strategy
from ladder_bench.domain import Estimate, Json

LONGEST = 3  # turns since a handoff from which on they are one group
FURTHEST = 12  # turns that have a row of their own
SENT_BACK = (
    "simulated user: an answer that is sent back is not graded, so the first answers that are would be the better ones"
)


@dataclass(frozen=True, slots=True)
class Handoff:
    """A turn that another tier answered than the one before. `difference` in quality, NaN where it has no match.

    `prefix`: "recording" while the history was still the recording, so that the user's message fits it, else "own".
    `shared`: the two answers follow the same history, so that the user's message fits them alike.
    """

    conversation: int
    sample: int
    before: str
    after: str
    prefix: str
    difference: float
    shared: bool


def handoffs(about: Json, scores: Mapping[str, Scores]) -> dict[str, Json]:
    """Rows by strategy, by (from, to), and by (from, to, memory, context), each with its kind of prefix.

    The rows that pool strategies leave controls out, unless nothing else hands over.
    """
    plain = strategies.staying(about)
    conversations = len(about["dataset"]["conversations"])
    why = SENT_BACK if about["mode"] == "simulated" else None
    found = {
        strategy["name"]: _found(scores[strategy["name"]], {tier: scores[name] for tier, name in plain.items()})
        for strategy in about["strategies"]
    }
    known: Sequence[Strategy] = [each for each in about["strategies"] if found[each["name"]]]
    own = [each for each in known if not each["control"]] or known
    pooled = [(each, handoff) for each in own for handoff in found[each["name"]]]
    told = [(_told(each), handoff) for each, handoff in pooled]
    by_strategy = [({"strategy": each["name"], **_told(each)}, one) for each in known for one in found[each["name"]]]
    return {
        "by_strategy": _rows(by_strategy, plain, conversations, why),
        "by_tiers": _rows([({}, handoff) for _, handoff in pooled], plain, conversations, why),
        "by_memory": _rows(told, plain, conversations, why),
    }


def by_turn(score: Scores, metric: str = "quality") -> list[dict[str, Json]]:
    """A metric at each recorded turn, and from the last row's on (`on`: True).

    A played user who asks again stays at the same one: there its last answer counts, the one that is graded.
    """
    lived = score.lived
    if lived is None or not len(lived):
        return []
    groups = np.minimum(lived.step, FURTHEST)
    return [
        {"turn": int(number), "on": bool(number == FURTHEST), "estimate": asdict(_at(score, groups == number, metric))}
        for number in np.unique(groups)
    ]


def since_handoff(score: Scores, metric: str = "quality") -> dict[str, Json]:
    """A metric by turns since the last handoff: "0" is the first answer after one, "before" where there was none."""
    lived = score.lived
    if lived is None or not lived.switched.any():
        return {}
    since = np.minimum(lived.since_handoff(), LONGEST)
    names = {-1: "before"} | {count: str(count) for count in range(LONGEST)} | {LONGEST: f"{LONGEST}+"}
    return {name: asdict(_at(score, since == count, metric)) for count, name in names.items()}


# --- the first answer ----------------------------------------------------------------------


def _found(score: Scores, plain: Mapping[str, Scores]) -> list[Handoff]:
    lived = score.lived
    if lived is None:
        return []
    matches = {tier: turns.matches(lived, each.lived) for tier, each in plain.items() if each.lived is not None}
    quality, before = lived.values["quality"], lived.before()
    found = []
    for place in np.flatnonzero(lived.switched & (before >= 0)).tolist():
        tier = lived.tier[place]
        match = matches.get(tier, {}).get(place)
        staying = plain[tier].lived if match is not None else None
        difference, shared = float("nan"), False
        if staying is not None and match is not None:
            difference = float(estimates.difference(quality[place], staying.values["quality"][match]))
            shared = same_history(lived.history[place], staying.history[match])
        found.append(
            Handoff(
                int(lived.conversation[place]),
                int(lived.sample[place]),
                lived.tier[before[place]],
                tier,
                "recording" if lived.on_recording[place] else "own",
                difference,
                shared,
            )
        )
    return found


def _told(strategy: Strategy) -> dict[str, Json]:
    return {"memory": strategy["handoff"]["memory"], "context": strategies.readable("context", strategy)}


def _rows(
    found: Iterable[tuple[Mapping[str, Json], Handoff]], plain: Mapping[str, str], conversations: int, why: str | None
) -> list[dict[str, Json]]:
    grouped: dict[tuple[Json, ...], tuple[Mapping[str, Json], list[Handoff]]] = {}
    for labels, each in found:
        key = (*labels.values(), each.before, each.after, each.prefix)
        grouped.setdefault(key, (labels, []))[1].append(each)
    return [_row(labels, group, plain, conversations, why) for _, (labels, group) in sorted(grouped.items())]


def _row(
    labels: Mapping[str, Json], group: Sequence[Handoff], plain: Mapping[str, str], conversations: int, why: str | None
) -> dict[str, Json]:
    first = group[0]
    if first.after not in plain:
        why = f"'{first.after}' alone is not in this run, so nothing shows it staying"
    difference = estimates.missing(why) if why else _mean(group, conversations)
    return {
        **labels,
        "from": first.before,
        "to": first.after,
        "prefix": first.prefix,
        "difference": asdict(difference),
        "against": plain.get(first.after),
        "handoffs": len(group),
        "shared_history": sum(each.shared for each in group),
    }


def _mean(group: Sequence[Handoff], conversations: int) -> Estimate:
    """Over the handoffs of a conversation first, then over conversations."""
    values: dict[int, list[float]] = defaultdict(list)
    for each in group:
        if not np.isnan(each.difference):
            values[each.conversation].append(each.difference)
    means = np.full(conversations, np.nan)
    for conversation, found in values.items():
        means[conversation] = np.mean(found)
    unmatched = sum(1 for each in group if np.isnan(each.difference))
    return estimates.mean(means, unmatched)


def _at(score: Scores, chosen: turns.Flags, metric: str) -> Estimate:
    """A metric over the chosen turns: a value a conversation first."""
    lived = score.lived
    assert lived is not None
    if not chosen.any():
        return estimates.missing("no turn is so far from a handoff")
    values = lived.values[metric][chosen]
    size = len(score.values["quality"])
    means = turns.conversation_means(lived.conversation[chosen], lived.sample[chosen], values, size)
    return estimates.share(estimates.mean(means, int(np.isnan(values).sum())))
