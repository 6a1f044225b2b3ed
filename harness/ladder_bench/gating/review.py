"""Review: what a person should look at. Flags never decide, unless the policy is strict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import exp, isfinite, log

import numpy as np

from ladder_bench.analyse.decisions import ALPHA, Outcome
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.tails import TAIL, tail_share
from ladder_bench.analyse.turns import over_samples
from ladder_bench.domain import Json
from ladder_bench.gating import rare, rare_harm, rows
from ladder_bench.gating.pair import Pair
from ladder_bench.gating.policy import ReviewShape
from ladder_bench.sides.side import Side

SMALL = 50  # conversations below which a sample is small (3-statistics)
WITHIN = (0.1, 10.0)  # times F: if the verdict flips in here, it hangs on a guess
SWEPT = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)  # times F
NAMES = {
    "first_turn_alignment": "first-turn alignment",
    "constraint_coverage": "constraint retention",
    "invalid_turn_share": "invalid turns",
}


def review(
    pair: Pair, asked: ReviewShape, sweep: Sequence[Mapping[str, Json]], placebo: Pair | None
) -> list[dict[str, Json]]:
    """Every flag with its numbers, raised or not. `placebo`: the run's strategy against its placebo."""
    found = [
        _of_value("first_turn_alignment", pair, asked.first_turn_alignment, 1),
        _of_value("constraint_coverage", pair, asked.constraint_coverage, 1),
        _of_value("invalid_turn_share", placebo or pair, asked.invalid_turn_share, -1),
    ]
    if placebo is not None:
        found[-1]["against"] = placebo.baseline.strategy
    found += [*_tokens(pair, asked.tokens_per_turn), _sensitive(sweep), *_tail(pair), *_small(pair), _lost(pair)]
    return found


def harm(pair: Pair) -> dict[str, Json]:
    """Whether harm that is rare may have been missed."""
    said, n = rare_harm.why(pair) if pair.inference == "population" else (None, 0)
    return {**_flag("rare harm", said is not None, None, None, None, n, said), "units": rows.units(pair.unit)}


def left_out(pair: Pair, whole: tuple[Side, Side]) -> dict[str, Json]:
    """Conversations that one of the whole sides has alone, where a reader asked to go on without them.

    The value is what quality would differ by, did those that the run has not had count as 0 in it.
    """
    kept, (new, old) = set(pair.run.conversations), (_qualities(side) for side in whole)
    lost = old.keys() - new.keys() - kept
    both = [name for name in kept if name in new and name in old]
    n = len(both) + len(lost)
    value = (sum(new[name] - old[name] for name in both) - sum(old[name] for name in lost)) / n if n else None
    why = "if the conversations that the run has not had counted as 0: they may be the hard ones"
    return _flag("common", True, value, None, None, n, why)


def _qualities(side: Side) -> dict[str, float]:
    quality = over_samples(side.cells["quality"])
    return {name: float(each) for name, each in zip(side.conversations, quality, strict=True) if not np.isnan(each)}


def _of_value(name: str, pair: Pair, margin: float, sign: int) -> dict[str, Json]:
    """Raised where it is worse by the margin or more, or shown to be worse at all."""
    try:
        effect = pair.value(name)
    except ValueError:
        why = "not decided for a suite" if pair.inference == "suite" else "not measured on both sides"
        return _flag(NAMES[name], False, None, None, None, 0, why)
    oriented = effect if sign > 0 else effect.reversed()
    low, high = oriented.bounds(ALPHA)
    worse = oriented.value <= -margin or high < 0
    low, high = effect.bounds(ALPHA)
    found = _flag(NAMES[name], worse, effect.value, low, high, effect.n, "worse than before" if worse else None)
    return {**found, "units": rows.units(effect.unit)}


def _tokens(pair: Pair, times: float) -> Iterator[dict[str, Json]]:
    try:
        effect = pair.tokens()
    except ValueError:
        return
    low, high = effect.bounds(ALPHA)
    more = effect.value > np.log(times)
    why = f"over {times:g} x the baseline's" if more else None
    shown = (exp(each) if isfinite(each) else None for each in (effect.value, low, high))
    yield {
        **_flag("tokens per turn", more, None, None, None, effect.n, why),
        **dict(zip(("value", "low", "high"), shown, strict=True)),
        "units": rows.units(effect.unit),
    }


def sweep(pair: Pair, margin: float) -> list[dict[str, Json]]:
    """log QPD, as a relative change, for F from a tenth to a thousand times what it is taken to be."""
    found = []
    for times in SWEPT:
        try:
            effect = pair.qpd(times)
        except ValueError:
            continue
        low, high = rare.bounds(pair, *effect.bounds(ALPHA), times)
        found.append(
            {
                "times": times,
                "unresolved_cost_usd": times * pair.unresolved_usd,
                "value": exp(effect.value) - 1,
                "low": exp(low) - 1 if isfinite(low) else None,
                "high": exp(high) - 1 if isfinite(high) else None,
                "outcome": _alone(effect, low, high, margin),
                "n": effect.n,
                "units": rows.units(effect.unit),
            }
        )
    return found


def _alone(effect: Effect, low: float, high: float, margin: float) -> Outcome:
    if low > -margin:
        return "pass"
    return "fail" if high < 0 and effect.fewest >= FEWEST else "inconclusive"


def _sensitive(swept: Sequence[Mapping[str, Json]]) -> dict[str, Json]:
    """Raised where another cost of a failure, up to ten times less or more, would have another outcome."""
    here = next((each for each in swept if each["times"] == 1.0), None)
    near = [each for each in swept if WITHIN[0] <= each["times"] <= WITHIN[1]]
    others = [each for each in near if here and each["outcome"] != here["outcome"]]
    if here is None or not others:
        return _flag("F-sensitive", False, None, None, None, 0, None)
    first = min(others, key=lambda each: abs(log(each["times"])))
    other, this = (f"${each['unresolved_cost_usd']:.3g}" for each in (first, here))
    why = (
        f"the outcome hangs on F, what one unresolved conversation costs you: at {other} in place of {this}, quality "
        f"per dollar alone would be '{first['outcome']}' (here '{here['outcome']}')"
    )
    return _flag("F-sensitive", True, None, None, None, 0, why)


def _tail(pair: Pair) -> Iterator[dict[str, Json]]:
    shares = {where: tail_share(over_samples(usd)) for where, usd in zip(("run", "baseline"), pair.usd, strict=True)}
    worst = max(shares, key=lambda where: shares[where])
    heavy = shares[worst] > TAIL
    why = f"{shares[worst]:.0%} of the cost of the {worst} is in the dearest 1 % of conversations" if heavy else None
    yield _flag("tail", heavy, shares[worst], None, None, len(pair.run.conversations), why)


def _small(pair: Pair) -> Iterator[dict[str, Json]]:
    n = pair.units
    why = (
        f"{n} {pair.unit}; intervals from fewer than {SMALL} are wide, and cover a little less than they say"
        if n < SMALL
        else None
    )
    yield {**_flag("small sample", n < SMALL, None, None, None, n, why), "units": rows.units(pair.unit)}


def _lost(pair: Pair) -> dict[str, Json]:
    """Conversations that the run alone has no quality for; the value is what quality would differ by, were they 0."""
    new, old = (over_samples(side.cells["quality"]) for side in (pair.run, pair.baseline))
    both = ~np.isnan(old)
    lost = int((both & np.isnan(new)).sum())
    if not lost:
        return _flag("left out", False, None, None, None, 0, None)
    value = float(np.nan_to_num(new[both]).mean() - old[both].mean())
    why = f"if the {lost:,} conversations that have no quality in the run alone counted as 0"
    return _flag("left out", True, value, None, None, int(both.sum()), why)


def _flag(
    name: str, raised: bool, value: float | None, low: float | None, high: float | None, n: int, why: str | None
) -> dict[str, Json]:
    bounds = [each if each is not None and isfinite(each) else None for each in (low, high)]
    return {
        "name": name,
        "raised": bool(raised),
        "value": value,
        "low": bounds[0],
        "high": bounds[1],
        "n": n,
        "units": "conversations",
        "why": why,
    }
