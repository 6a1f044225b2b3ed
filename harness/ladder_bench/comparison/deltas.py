"""Deltas: every metric of every comparison with its interval, its simultaneous band, and the word for what it shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import IDENTICAL
from ladder_bench.analyse.metrics import METRICS
from ladder_bench.comparison import bands, waits
from ladder_bench.comparison.arms import EFFECTIVE
from ladder_bench.comparison.contrasts import Contrast, Pair, Spread, contrast
from ladder_bench.comparison.waits import Drawn
from ladder_bench.domain import Estimate, Json

HIGHER = frozenset((
    "quality", "qpd", "correctness", "completeness", "constraint_coverage", "first_turn_alignment",
    "first_turn_alignment_at_1", "format_adherence", "resolved",
))  # fmt: skip
NEITHER = frozenset(("self_corrections_per_turn", "escalations_per_conversation", "handoffs_per_conversation"))
SHOWN = (*METRICS, EFFECTIVE)
Band = tuple[float, float] | None


def deltas(pairs: Sequence[Pair]) -> list[dict[str, Json]]:
    """For each comparison the metrics by name, as `compare --json` has them.

    Bands hold over all comparisons of a metric at once, and decide what is called different; one comparison has none.
    """
    found: list[dict[str, Json]] = [{} for _ in pairs]
    drawn = waits.waits(pairs)
    for metric in SHOWN:
        if metric in waits.QUANTILES:
            rows = _of_waits(pairs, metric, [each[metric] for each in drawn])
        else:
            rows = _of_contrasts(pairs, metric, [contrast(pair, metric) for pair in pairs])
        for row, comparison in zip(rows, found, strict=True):
            comparison[metric] = row
    return found


def _of_contrasts(pairs: Sequence[Pair], metric: str, found: Sequence[Contrast]) -> list[Json]:
    tested = [each.tested for each in found]
    half = bands.halves(tested, pairs[0].units) if len(pairs) > 1 else [None] * len(pairs)
    return [
        row_of(pair, metric, each, wide, len(pairs) > 1) for pair, each, wide in zip(pairs, found, half, strict=True)
    ]


def _of_waits(pairs: Sequence[Pair], metric: str, found: Sequence[Drawn]) -> list[Json]:
    wide = waits.factor(list(found)) if len(pairs) > 1 else 0.0
    rows = []
    for pair, each in zip(pairs, found, strict=True):
        band: Band = None
        one = each.estimate
        if len(pairs) > 1 and one.low is not None and one.high is not None and one.value is not None:
            half = 0.0 if each.draws is None else wide * float(each.draws.std())
            band = min(one.low, one.value - half), max(one.high, one.value + half)
        rows.append(_row(pair, metric, one, None, band, len(pairs) > 1))
    return rows


def _estimate(found: Contrast, spread: Spread | None) -> Estimate:
    if spread is None:
        return estimates.missing(found.why or "no conversation has a value in both", found.unscored)
    return spread.effect.estimate()


def _exponential(found: Estimate) -> Estimate:
    value, low, high = (None if each is None else float(np.exp(each)) for each in (found.value, found.low, found.high))
    return Estimate(value, low, high, found.n, found.unscored, found.why)


# --- one metric of one comparison ----------------------------------------------------------


def row_of(pair: Pair, metric: str, found: Contrast, half: float | None, several: bool) -> dict[str, Json]:
    """A metric as the JSON has it. `half` the width of its band, which decides where there are `several` at once."""
    shown = _estimate(found, found.difference)
    ratio = _exponential(_estimate(found, found.log_ratio)) if found.as_ratio else None
    tested = found.tested
    band = None if tested is None or half is None else (tested.effect.value - half, tested.effect.value + half)
    return _row(pair, metric, shown, ratio, band, several)


def _row(
    pair: Pair, metric: str, shown: Estimate, ratio: Estimate | None, band: Band, several: bool
) -> dict[str, Json]:
    """`band` is on the logarithm where there is a ratio."""
    sides = {"base": pair.base.estimates.get(metric), "candidate": pair.candidate.estimates.get(metric)}
    if why := _why_not(sides):
        shown = estimates.missing(why, shown.unscored)
        ratio, band = None if ratio is None else shown, None
    has_ratio = ratio is not None and ratio.value is not None
    bounds = (band and _each(np.exp, band)) if has_ratio else band
    tested, nothing = (ratio, 1.0) if has_ratio else (shown, 0.0)
    assert tested is not None
    low, high = bounds if several and bounds else (tested.low, tested.high)
    says = _says(tested, low, high, nothing)
    return {
        **asdict(shown),
        "scale": "ratio" if has_ratio else "difference",
        "ratio": None if ratio is None else {key: asdict(ratio)[key] for key in ("value", "low", "high", "why")},
        "band": None if not several or bounds is None else {"low": bounds[0], "high": bounds[1]},
        "says": says,
        "direction": _direction(metric, tested, nothing) if says == "different" else None,
        **{who: None if each is None else asdict(each) for who, each in sides.items()},
    }


def _why_not(sides: Mapping[str, Estimate | None]) -> str | None:
    """Why a metric has no value in one side or both, and in which where the reasons are not the same."""
    whys = {who: each.why or "no value" for who, each in sides.items() if each is not None and each.value is None}
    if len(whys) == len(sides) and len(set(whys.values())) == 1:
        return next(iter(whys.values()))
    return "; ".join(f"{who}: {why}" for who, why in whys.items()) or None


def _each(function: Callable[[float], float], band: tuple[float, float]) -> tuple[float, float]:
    return float(function(band[0])), float(function(band[1]))


def _says(tested: Estimate, low: float | None, high: float | None, nothing: float) -> str:
    if tested.value is None:
        return "missing"
    if tested.why == IDENTICAL:
        return IDENTICAL
    if low is None or high is None:
        return "no interval"
    return "not different" if low <= nothing <= high else "different"


def _direction(metric: str, tested: Estimate, nothing: float) -> str:
    higher = (tested.value or 0.0) > nothing
    if metric in NEITHER:
        return "higher" if higher else "lower"
    return "better" if higher == (metric in HIGHER) else "worse"
