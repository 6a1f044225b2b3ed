"""Compare: what changed between runs, or between strategies of one run, and how sure that is.

`compare` gives what `compare --json` prints:

{"schema": 1,
 "headline": what changed, in a sentence,
 "runs": [{"label": "A", "path", "dataset", "mode", "started", "conversations", "simulated", "imported", "design"}],
 "unresolved_cost_usd": what an unresolved conversation costs, on all sides, "qpd_rate": the metric QPD is made of,
 "common": {"kept", "left_out": {label: n}} where --common was asked,
 "repriced": {"at": label, "date", "tiers": {label: [tier]}} where runs had other prices,
 "notes": what to beware of,
 "changes": {label: [{"what", "base", "candidate"}]}, what differs between that run and the first,
 "unmatched": {label: [strategy]}, those in no comparison, where nobody chose any,
 "units": "conversations", or "clusters" of them where a log says whose each is: then n counts those,
 "balance": {"counts", "expected", "declared", "chi_square", "p_value", "alarm"} of unpaired arms,
 "comparisons": [{
   "base": {"run", "strategy"}, "candidate": {"run", "strategy"}, "says": a sentence,
   "changes": [{"what", "base", "candidate"}], the knobs that the two strategies are set differently on,
   "metrics": {M: {"value", "low", "high", "n", "unscored", "why",   candidate minus base, in the metric's unit
                   "scale": "difference|ratio",                      what the word is about
                   "ratio": {"value", "low", "high", "why"},         candidate / base, of costs, QPD and tokens
                   "band": {"low", "high"},                          on that scale, over all comparisons at once
                   "says": "different|not different|identical|no interval|missing",
                   "direction": "better|worse|higher|lower",         of what is different
                   "base": estimate, "candidate": estimate}},        each alone
   "conversations": {"by", "improved", "regressed", "unchanged", "n", "unscored"},
   "movers": {"by", "up": [{"conversation", "base", "candidate", "difference"}], "down", "left_out": {"up", "down"}},
   "tags": [{"tag", "n", "metrics"}] with --by-tag}]}

M are those of summary.json, and `effective_usd`: cost + what the unresolved ones cost, in dollars a conversation. What
is not there is null.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from ladder_bench import folder
from ladder_bench.analyse.tables import plain
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.comparison import changes, segments, sentences
from ladder_bench.comparison.arms import UNPAIRED, Arm, Held
from ladder_bench.comparison.balance import balance
from ladder_bench.comparison.contrasts import Pair, clustered
from ladder_bench.comparison.deltas import deltas
from ladder_bench.comparison.likeness import alike
from ladder_bench.comparison.movers import counts, movers
from ladder_bench.comparison.notes import notes
from ladder_bench.comparison.pairing import matched, unmatched
from ladder_bench.comparison.sentences import titled
from ladder_bench.content import display
from ladder_bench.domain import Json

SCHEMA = 1


@dataclass(frozen=True, slots=True)
class Options:
    """What to compare and how. `strategies` of the later runs, `against` one of the first; see `pairing`.

    `shares`: what part of the traffic unpaired strategies were to get, in any unit; equal parts without it.
    """

    strategies: tuple[str, ...] = ()
    against: str | None = None
    common: bool = False
    by_tag: bool = False
    unresolved_usd: float | None = None
    shares: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found, as `compare --json` prints it, and the runs as they were compared, by their letters."""

    found: dict[str, Json]
    runs: dict[str, folder.Run]


def compare(paths: Sequence[Path], options: Options = Options()) -> Comparison:
    """Compare run folders. Raises InputError that says what is not alike, or what could not be found."""
    like = alike(paths, options.common)
    chosen = matched(like.held, options.strategies, options.against)
    usd = _unresolved_usd(like.held, options.unresolved_usd)
    used = {(held.label, name): held for pair in chosen for held, name in pair}
    arms = {place: held.arm(place[1], usd) for place, held in used.items()}
    places = Places(like.held)
    pairs = [
        places.pair(arms[base.label, first], arms[candidate.label, second], usd)
        for (base, first), (candidate, second) in chosen
    ]
    metrics = deltas(pairs)
    several = len(like.held) > 1
    divided = _divided(like.held, pairs, options.shares)
    same = _same_places(pairs)
    tags = segments.by_tag(pairs) if options.by_tag and same else None
    found = {
        "schema": SCHEMA,
        "headline": _within(like.held, sentences.of_all(pairs, metrics, several)),
        "runs": [_described(each) for each in like.held],
        "unresolved_cost_usd": usd,
        "qpd_rate": pairs[0].base.rate,
        "common": like.common,
        "repriced": like.repriced,
        "notes": [*notes(like, pairs, metrics, divided), *_of_choices(like.held, options, same)],
        "changes": {each.label: changes.between_runs(like.held[0], each) for each in like.held[1:]},
        "unmatched": {} if options.strategies or options.against else unmatched(like.held, chosen),
        "units": "clusters" if any(clustered(pair) for pair in pairs) else "conversations",
        "balance": divided,
        "comparisons": [
            {
                "base": pair.base.as_json(),
                "candidate": pair.candidate.as_json(),
                "says": sentences.of_pair(pair, each, several),
                "changes": changes.between_strategies(pair.base, pair.candidate),
                "metrics": each,
                "conversations": counts(pair),
                "movers": movers(pair),
                "tags": None if tags is None else tags[place],
            }
            for place, (pair, each) in enumerate(zip(pairs, metrics, strict=True))
        ],
    }
    return Comparison(plain(found), {each.label: each.run for each in like.held})


class Places:
    """Where the conversations of each run stand among all: the same for all runs, unless arms have different ones."""

    def __init__(self, held: Sequence[Held]) -> None:
        self._apart = any(each.unpaired for each in held)
        sizes = [len(each.conversations) for each in held]
        starts = [0, *accumulate(sizes)] if self._apart else [0] * len(held)
        self._starts = {each.label: start for each, start in zip(held, starts, strict=False)}
        self._units = sum(sizes) if self._apart else sizes[0]

    def pair(self, base: Arm, candidate: Arm, usd: float | None) -> Pair:
        """A candidate and its base, paired by conversation where the runs do that and the two share any."""
        paired = not self._apart and bool(base.has & candidate.has)
        starts = self._starts[candidate.held.label], self._starts[base.held.label]
        return Pair(base, candidate, paired, usd, self._units, starts)


def _within(held: Sequence[Held], sentence: str) -> str:
    """A sentence that says of what it holds, where that is of no model."""
    if not any(is_simulated(each.run.about) for each in held):
        return sentence
    first = sentence.partition(" ")[0]
    ours = f"{first[0].lower()}{first[1:]}" if first in ("Of", "Nothing") else first  # else it is a strategy's name
    return f"In this simulation, {ours}{sentence[len(first) :]}"


def _unresolved_usd(held: Sequence[Held], declared: float | None) -> float | None:
    """One figure for all sides: the declared one, else the first run's that has one."""
    if declared is not None:
        return declared
    return next((usd for each in held if (usd := each.measured.unresolved_usd) is not None), None)


def _described(held: Held) -> dict[str, Json]:
    about = held.run.about
    return {
        "label": held.label,
        "path": display(held.run.path),
        "dataset": about["dataset"]["name"],
        "mode": about["mode"],
        "started": about.get("started"),
        "conversations": len(held.conversations),
        "simulated": is_simulated(about),
        "imported": about["mode"] == "imported" or bool(about.get("imported")),
        "design": UNPAIRED if held.unpaired else "paired",
    }


def _divided(held: Sequence[Held], pairs: Sequence[Pair], shares: Sequence[tuple[str, float]]) -> Json:
    """The check of how conversations were divided between the arms, where they were."""
    if all(pair.paired for pair in pairs):
        return None
    arms = {(arm.held.label, arm.name): arm for pair in pairs for arm in (pair.base, pair.candidate)}
    return balance({titled(arm, len(held) > 1): arm for arm in arms.values()}, dict(shares))


def _same_places(pairs: Sequence[Pair]) -> bool:
    """Whether all arms have the same conversations at the same places."""
    places = [arm.held.conversations for pair in pairs for arm in (pair.base, pair.candidate)]
    return all(one == other for one, other in pairwise(places))


def _of_choices(held: Sequence[Held], options: Options, same_places: bool) -> Iterator[str]:
    """What could not be done as it was asked for, or was taken from one run alone."""
    if options.by_tag and not same_places:
        yield "no deltas by tag: the runs hold different conversations"
    declared = {usd for each in held if (usd := each.run.about["config"].get("unresolved_cost_usd")) is not None}
    if options.unresolved_usd is None and len(declared) > 1:
        yield "the runs declare different costs of an unresolved conversation; that of the first is used on all sides"
    taken = [usd for each in held if (usd := each.measured.unresolved_usd) is not None]
    if options.unresolved_usd is None and not declared and len(set(taken)) > 1:
        yield (
            f"an unresolved conversation is taken to cost ${taken[0]:.3g} on all sides, ten on the strongest tier of "
            "the first run; QPD in a later run's own report rests on its own ten"
        )


__all__ = ["Comparison", "Options", "compare"]
