"""Waits: differences between quantiles of two arms, by a bootstrap over conversations that all comparisons share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladder_bench.analyse.estimates import FEWEST, IDENTICAL, LEVEL, Array, drawn_quantiles
from ladder_bench.compare.contrasts import Pair
from ladder_bench.domain import Estimate

QUANTILES = {"wait_s_p50": 0.5, "wait_s_p90": 0.9, "wait_s_p99": 0.99}
NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A quantile's difference, candidate minus base, and the same in every draw of conversations."""

    estimate: Estimate
    draws: Array | None = None


def waits(pair: Pair) -> dict[str, Drawn]:
    """Each quantile's difference over the conversations that have waits in both arms (unpaired: in each)."""
    mine, theirs = pair.candidate.score.waits, pair.base.score.waits
    if pair.paired:
        both = [bool(one.size and other.size) for one, other in zip(mine, theirs, strict=True)]
        mine, theirs = ([each if kept else NOTHING for each, kept in zip(arm, both, strict=True)]
                        for arm in (mine, theirs))  # fmt: skip
        left_out = int(np.maximum(pair.candidate.lived, pair.base.lived).sum()) - sum(both)
        counts = [sum(both)]
    else:
        counts = [sum(bool(each.size) for each in arm) for arm in (mine, theirs)]
        left_out = int(pair.candidate.lived.sum() + pair.base.lived.sum()) - sum(counts)
    if not min(counts):
        nothing = Estimate(None, None, None, 0, left_out, "no latency was measured or recorded in both")
        return {name: Drawn(nothing) for name in QUANTILES}
    found = [
        drawn_quantiles(arm, tuple(QUANTILES.values()), seed)
        for arm, seed in zip((mine, theirs), (0, 0 if pair.paired else 1), strict=True)
    ]
    same = pair.paired and all(np.array_equal(one, other) for one, other in zip(mine, theirs, strict=True))
    return {
        name: _drawn(found[0][0][at] - found[1][0][at], found[0][1][at] - found[1][1][at], counts, left_out, same)
        for at, name in enumerate(QUANTILES)
    }


def _drawn(value: float, draws: Array, counts: list[int], left_out: int, same: bool) -> Drawn:
    n = sum(counts)
    if same:
        return Drawn(Estimate(0.0, 0.0, 0.0, n, left_out, IDENTICAL))
    if min(counts) < FEWEST:
        why = f"no interval: {min(counts)} conversations, {FEWEST} are needed"
        return Drawn(Estimate(value, None, None, n, left_out, why))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Drawn(Estimate(value, float(low), float(high), n, left_out), draws)


def factor(found: list[Drawn]) -> float:
    """By how many of its standard deviations each difference may be off, all at once."""
    varying = [each for each in found if each.draws is not None and each.draws.std() > 0]
    if not varying:
        return 0.0
    off = np.stack([np.abs(each.draws - each.estimate.value) / each.draws.std() for each in varying])  # type: ignore
    return float(np.quantile(off.max(axis=0), LEVEL))
