"""The bootstrap over conversations: multinomial weights that all arms share, percentile intervals, max-T bands."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ladder_bench.analyse.estimates import DRAWS, LEVEL, NOISE, Array

CELLS = 4_000_000  # weights in memory at once
USUAL = 0.25  # standard deviations from the median: nearer ones are taken to be alike


def weights(n: int, draws: int = DRAWS, seed: int = 0) -> Array:
    """How often each of n conversations is drawn, (draws, n), each row with sum n."""
    counts = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws)
    return counts.astype(float)


def means(values: Array, draws: int = DRAWS, seed: int = 0) -> Array:
    """The means of columns (n, k) in every draw, (draws, k): the same draws for all columns."""
    return np.concatenate([block @ values / len(values) for block in _blocks(len(values), draws, seed)])


def percentiles(drawn: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """The percentile interval of a statistic from its draws (along the first axis)."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], axis=0)
    return low, high


def max_t(influences: Array, alpha: float = 1 - LEVEL, draws: int = 4000, seed: int = 0) -> float:
    """The factor by which standard errors are multiplied for simultaneous bands around k effects.

    `influences`: (n, k), each column an effect's influence values on the same n conversations. Studentised max-T with
    multinomial weights shared by all effects (Romano and Wolf 2005): in each draw, the largest |mean / error| over the
    effects that vary, the error made again from that draw. Infinite where nothing can be said (n < 2).

    An effect that is the usual one in most conversations keeps its first error: draws that hold hardly any of the
    others would have next to none, and one such effect would make the bands of all three times as wide.
    """
    n = len(influences)
    if n < 2:
        return float("inf")
    varying = influences[:, influences.std(axis=0) > 0]
    if varying.shape[1] == 0:
        return 0.0
    centred = varying - varying.mean(axis=0)
    spread = centred.std(axis=0)
    apart = np.abs(centred - np.median(centred, axis=0)) > USUAL * spread
    sparse = apart.sum(axis=0) < n / 2
    largest = []
    for block in _blocks(n, draws, seed):
        centre = block @ centred / n
        drawn = np.maximum(block @ centred**2 / n - centre**2, 0.0)
        told = ~sparse & (drawn > NOISE * spread**2)  # a draw of equal values has no error
        variance = np.where(told, drawn, np.where(sparse, spread**2, np.inf))
        largest.append((np.abs(centre) / np.sqrt(variance / (n - 1))).max(axis=1))
    return float(np.quantile(np.concatenate(largest), 1 - alpha))


def _blocks(n: int, draws: int, seed: int) -> Iterator[Array]:
    """Weights in blocks that fit into memory; the same whatever the size of a block."""
    random = np.random.default_rng(seed)
    at_once = max(1, CELLS // n)
    for start in range(0, draws, at_once):
        yield random.multinomial(n, np.full(n, 1 / n), size=min(at_once, draws - start)).astype(float)
