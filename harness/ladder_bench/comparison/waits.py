"""Waits: differences between quantiles of two arms, by a bootstrap over conversations that all comparisons share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladder_bench.analyse.effects import CLUSTERS
from ladder_bench.analyse.estimates import FEWEST, IDENTICAL, LEVEL, Array, drawn_quantiles
from ladder_bench.comparison.arms import Arm
from ladder_bench.comparison.contrasts import Pair, clustered
from ladder_bench.domain import Estimate

QUANTILES = {"wait_s_p50": 0.5, "wait_s_p90": 0.9, "wait_s_p99": 0.99}
NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A quantile's difference, candidate minus base, and the same in every draw of conversations."""

    estimate: Estimate
    draws: Array | None = None


Draws = tuple[list[float], list[Array]]  # of one arm, quantile by quantile


def waits(pairs: Sequence[Pair]) -> list[dict[str, Drawn]]:
    """For each comparison each quantile's difference over the conversations that have waits in both arms.

    Where they had different ones, over those that have waits in each.
    """
    known: dict[tuple[str, str, int, bytes], Draws] = {}  # an arm is in several comparisons
    return [_of_pair(pair, known) for pair in pairs]


def _of_pair(pair: Pair, known: dict[tuple[str, str, int, bytes], Draws]) -> dict[str, Drawn]:
    arms = (pair.candidate, pair.base)
    kept = [np.array([bool(each.size) for each in arm.score.waits]) for arm in arms]
    if pair.paired:
        kept = [kept[0] & kept[1]] * 2
        counts, whole = [int(kept[0].sum())], int(np.maximum(pair.candidate.lived, pair.base.lived).sum())
    else:
        counts, whole = [int(each.sum()) for each in kept], int(sum(arm.lived.sum() for arm in arms))
    left_out = whole - sum(counts)
    if not min(counts):
        nothing = Estimate(None, None, None, 0, left_out, "no latency was measured or recorded in both")
        return {name: Drawn(nothing) for name in QUANTILES}
    found: list[Draws] = []
    seconds: list[list[Array]] = []
    for arm, mask, seed in zip(arms, kept, (0, 0 if pair.paired else 1), strict=True):
        place = arm.held.label, arm.name, seed, mask.tobytes()
        own = [each if there else NOTHING for each, there in zip(arm.score.waits, mask, strict=True)]
        seconds.append(_together(arm, own) if clustered(pair) else own)
        if place not in known:
            known[place] = drawn_quantiles(seconds[-1], tuple(QUANTILES.values()), seed)
        found.append(known[place])
    if clustered(pair):
        counts = [sum(bool(each.size) for each in groups) for groups in seconds[: len(counts)]]
    same = pair.paired and all(np.array_equal(*each) for each in zip(*seconds, strict=True))
    unit = CLUSTERS if clustered(pair) else "conversations"
    few = f"no interval: {min(counts)} {unit}, {FEWEST} are needed" if min(counts) < FEWEST else None
    n = Estimate(None, None, None, sum(counts), left_out, IDENTICAL if same else few)
    return {
        name: _drawn(found[0][0][at] - found[1][0][at], found[0][1][at] - found[1][1][at], n)
        for at, name in enumerate(QUANTILES)
    }


def _together(arm: Arm, own: Sequence[Array]) -> list[Array]:
    """The waits of each cluster, such as those of one user: they are drawn together."""
    found: dict[str, list[Array]] = {}
    for name, each in zip(arm.held.conversations, own, strict=True):
        found.setdefault(arm.held.clusters.get(name, f"\0{name}"), []).append(each)
    return [np.concatenate(each) for each in found.values()]


def _drawn(value: float, draws: Array, over: Estimate) -> Drawn:
    """`over`: its n, and why there is no interval."""
    if over.why == IDENTICAL:
        return Drawn(replace(over, value=0.0, low=0.0, high=0.0))
    if over.why is not None:
        return Drawn(replace(over, value=value))
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Drawn(replace(over, value=value, low=float(low), high=float(high)), draws)


def factor(found: list[Drawn]) -> float:
    """By how many of its standard deviations each difference may be off, all at once."""
    varying = [each for each in found if each.draws is not None and each.draws.std() > 0]
    if not varying:
        return 0.0
    off = np.stack([np.abs(each.draws - each.estimate.value) / each.draws.std() for each in varying])  # type: ignore
    return float(np.quantile(off.max(axis=0), LEVEL))
