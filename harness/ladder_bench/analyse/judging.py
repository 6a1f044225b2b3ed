"""Judging: what judges were asked, what could not be scored and why, and how far they agree with each other.

Criteria are counted as strategies have them: an answer that two strategies share counts for both. Agreement, repeats
and quotes take what is shared once, since it was said once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import agreement, estimates
from ladder_bench.analyse.families import family
from ladder_bench.analyse.judgements import Judged, distinct, judges
from ladder_bench.analyse.preference import BY_ORDER
from ladder_bench.analyse.quotes import quotes
from ladder_bench.analyse.turns import PREFERENCE
from ladder_bench.domain import Estimate, Json

UNEVEN = 0.02  # between two strategies' unscored shares; beyond it what is left may be the easier part of one
THREE_WORDS = "a preference has three outcomes: see alpha"


def judging(about: Json, tables: Mapping[str, Any], found: Sequence[Judged]) -> dict[str, Json] | None:
    """What a summary says of judging; None where nobody judged."""
    if not found:
        return None
    once = list(distinct(found))
    spent = _spent(tables)
    names = [each["name"] for each in about["strategies"]]
    return {
        "judges": [
            {
                "name": name,
                "model": model,
                "family": family(model),
                **_of_judge(name, found),
                "calls": spent[name][0],
                "usd": spent[name][1],
            }
            for name, model in judges(about, found).items()
        ],
        "rubrics": _rubrics(about, found),
        "calls": {"asked": _asked(tables), "distinct": sum(calls for calls, _ in spent.values())},
        **counts(found),
        "by_strategy": _by_strategy(found, names),
        "uneven": _uneven(found, names),
        "agreement": [asdict_of(each) for each in _agreements(once, list(judges(about, found)))],
        "repeats": _repeats(once),
        "order": _order(once),
        "quotes": quotes(tables, once),
    }


def counts(found: Sequence[Judged]) -> dict[str, Json]:
    """How many criteria were judged, how many have a value, and why the others have none."""
    why = Counter(each.unscored for each in found if each.unscored is not None)
    return {
        "criteria": len(found),
        "scored": len(found) - why.total(),
        "unscored": dict(sorted(why.items(), key=lambda each: (-each[1], each[0]))),
        "repaired": sum(each.repaired for each in found),
    }


def asdict_of(found: Mapping[str, Any]) -> dict[str, Json]:
    """A mapping with its estimates as JSON."""
    return {name: asdict(each) if isinstance(each, Estimate) else each for name, each in found.items()}


# --- who was asked what --------------------------------------------------------------------


def _of_judge(name: str, found: Sequence[Judged]) -> dict[str, Json]:
    said = [each for one in found for each in one.counted if each.judge == name]
    why = Counter(each.outcome for each in said if each.value is None)
    return {
        "criteria": len(said),
        "scored": len(said) - why.total(),
        "unscored": dict(sorted(why.items(), key=lambda each: (-each[1], each[0]))),
        "repaired": sum(each.repaired for each in said),
    }


def _spent(tables: Mapping[str, Any]) -> Mapping[str, tuple[int, float]]:
    """Distinct calls and dollars (USD, evaluation ledger) by judge."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for row in _calls(tables):
        found[row["tier"]][row["key"]] = row["usd_warm"]
    spent = {name: (len(calls), sum(calls.values())) for name, calls in found.items()}
    return defaultdict(lambda: (0, 0.0), spent)


def _asked(tables: Mapping[str, Any]) -> int:
    return sum(1 for _ in _calls(tables))


def _calls(tables: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    calls = tables["calls"].select(["key", "tier", "purpose", "usd_warm"])
    return folder.rows_of(folder.having(calls, "purpose", ["judge"]))


def _rubrics(about: Json, found: Sequence[Judged]) -> list[Json]:
    """The rubrics that judges were asked about, as run.json has them, with what became of their criteria."""
    by_rubric: dict[str, list[Judged]] = defaultdict(list)
    for each in found:
        by_rubric[each.rubric].append(each)
    known = {each["id"]: each for each in about.get("rubrics") or ()}
    order = [*known, *sorted(set(by_rubric) - set(known))]
    return [{"id": name, **known.get(name, {}), **counts(by_rubric[name])} for name in order if name in by_rubric]


# --- what is unscored, by strategy ---------------------------------------------------------


def _by_strategy(found: Sequence[Judged], names: Sequence[str]) -> dict[str, Json]:
    return {
        name: {**counts(own), "share": asdict(_unscored_share(own))}
        for name, own in _split(found, lambda each: each.strategy, names).items()
    }


def _unscored_share(found: Sequence[Judged]) -> Estimate:
    """The share of criteria without a value, with its interval by conversation."""
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for each in found:
        sums[each.conversation][0] += each.unscored is not None
        sums[each.conversation][1] += 1
    values = np.array(list(sums.values()), dtype=float)
    return estimates.share(estimates.ratio(values[:, 0], values[:, 1]))


def _uneven(found: Sequence[Judged], names: Sequence[str]) -> list[Json]:
    """By rubric the strategies with most and with fewest criteria unscored, where they are too far apart."""
    rows = []
    rubrics = list(dict.fromkeys(each.rubric for each in found))
    for rubric, own in _split(found, lambda each: each.rubric, rubrics).items():
        sides: list[dict[str, Any]] = [
            {"strategy": name, "unscored": sum(each.unscored is not None for each in of), "criteria": len(of)}
            for name, of in _split(own, lambda each: each.strategy, names).items()
        ]
        least, *_, most = sorted([*sides, *sides], key=lambda side: side["unscored"] / side["criteria"])
        if most["unscored"] / most["criteria"] - least["unscored"] / least["criteria"] > UNEVEN:
            rows.append({"rubric": rubric, "most": most, "least": least})
    return rows


def _split(found: Sequence[Judged], name: Callable[[Judged], str], order: Sequence[str]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = defaultdict(list)
    for each in found:
        groups[name(each)].append(each)
    return {each: groups[each] for each in order if each in groups}


# --- how far judges agree, with each other and with themselves -----------------------------


def _agreements(once: Sequence[Judged], names: Sequence[str]) -> Iterable[dict[str, Any]]:
    """Of every pair of judges on the criteria that both were asked about, preferences apart."""
    for first, second in combinations(names, 2):
        for is_preference in (False, True):
            rows = []
            for each in once:
                said = {one.judge: one.value for one in each.counted}
                if (each.metric == PREFERENCE) == is_preference and first in said and second in said:
                    rows.append((each.conversation, said[first], said[second]))
            if rows:
                yield {"judges": [first, second], "of": PREFERENCE if is_preference else "criteria", **_of_pair(rows)}


def _of_pair(rows: Sequence[tuple[str, float | None, float | None]]) -> dict[str, Any]:
    labels = agreement.labels(rows)
    both = np.stack([labels.judged, labels.people], axis=-1)
    alpha = agreement.alpha(labels.conversations, both)
    if np.isin(both[~np.isnan(both)], (0.0, 1.0)).all():
        found = agreement.agreement(labels)
        return {
            "items": found.items, "raw": found.raw, "kappa": found.kappa, "ac1": found.ac1, "alpha": alpha,
            "met_by_first": found.judged, "met_by_second": found.prevalence,
        }  # fmt: skip
    none = estimates.missing(THREE_WORDS)
    return {
        "items": len(labels.known.judged), "raw": agreement.all_equal(labels.conversations, both), "kappa": none,
        "ac1": none, "alpha": alpha, "met_by_first": none, "met_by_second": none,
    }  # fmt: skip


def _repeats(once: Sequence[Judged]) -> dict[str, Json]:
    """By judge how often it changes its mind where it was asked again.

    `flip_rate`: the share of pairs of readings that differ; `changed`: of criteria with any reading that differs.
    """
    rows: dict[str, list[tuple[str, list[float | None]]]] = defaultdict(list)
    for each in once:
        again = {said.judge for said in each.said if said.repeat > 0}
        for judge in sorted(again):
            rows[judge].append((each.conversation, [said.value for said in each.said if said.judge == judge]))
    found = {}
    for judge, own in rows.items():
        width = max(len(values) for _, values in own)
        readings = np.array([values + [None] * (width - len(values)) for _, values in own], dtype=float)
        conversations = np.array([name for name, _ in own])
        same = agreement.all_equal(conversations, readings)
        found[judge] = {
            "criteria": len(own),
            "readings": width,
            "flip_rate": asdict(agreement.flip_rate(conversations, readings)),
            "changed": asdict(_one_minus(same)),
        }
    return found


def _order(once: Sequence[Judged]) -> dict[str, Json]:
    """By judge how often the order decided which of two answers it preferred: shown the other way it said otherwise."""
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for each in once:
        for said in each.counted if each.metric == PREFERENCE else ():
            if said.value is not None:
                sums[said.judge][each.conversation][0] += said.outcome == BY_ORDER
                sums[said.judge][each.conversation][1] += 1
    found = {}
    for judge, by_conversation in sums.items():
        values = np.array(list(by_conversation.values()), dtype=float)
        share = estimates.share(estimates.ratio(values[:, 0], values[:, 1]))
        compared = int(values[:, 1].sum())
        found[judge] = {"compared": compared, "by_order": int(values[:, 0].sum()), "share": asdict(share)}
    return found


def _one_minus(found: Estimate) -> Estimate:
    if found.value is None:
        return found
    low, high = (None if limit is None else 1.0 - limit for limit in (found.high, found.low))
    return Estimate(1.0 - found.value, low, high, found.n, found.unscored, found.why)
