"""Estimates: means, ratios and quantiles over conversations, with 95 % intervals.

The unit is the conversation. Smooth functions of means have a t-interval on their influence values; quantiles a
percentile bootstrap over conversations. Fewer than 20 conversations give no interval: nobody could trust its coverage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ladder_bench.domain import Estimate

Array = np.ndarray[Any, np.dtype[np.float64]]
FEWEST = 20  # conversations for an interval
LEVEL = 0.95
DRAWS = 1000
BLOCK = 500_000  # weights that are in memory at once
IDENTICAL = "identical"
NOISE = 1e-12  # relative; sums of floats in another order differ by less, real differences by more


def missing(why: str, unscored: int = 0) -> Estimate:
    return Estimate(None, None, None, 0, unscored, why)


def mean(values: Array, unscored: int = 0) -> Estimate:
    """Mean of one value a conversation; NaN marks conversations without one."""
    known = values[~np.isnan(values)]
    if known.size == 0:
        return missing("no conversation has a value", unscored)
    centre = float(known.mean())
    return with_interval(centre, known - centre, unscored)


def ratio(numerators: Array, denominators: Array, unscored: int = 0) -> Estimate:
    """Ratio of two means over the conversations that have both, by the delta method."""
    known = ~np.isnan(numerators) & ~np.isnan(denominators)
    numerators, denominators = numerators[known], denominators[known]
    whole = float(denominators.mean()) if denominators.size else 0.0
    if whole == 0.0:
        return missing("nothing to divide by", unscored)
    centre = float(numerators.mean()) / whole
    return with_interval(centre, (numerators - centre * denominators) / whole, unscored)


def share(found: Estimate) -> Estimate:
    """A share: its interval within [0, 1], and of a width where every conversation has 0, or every one has 1.

    Those have no spread to measure; what n conversations that agree allow is Clopper's and Pearson's interval (1934).
    """
    found = within_1(found)
    if found.low is None or found.value not in (0.0, 1.0):
        return found
    least = least_of_all(found.n)
    return replace(found, low=least if found.value else 0.0, high=1.0 if found.value else 1 - least)


def least_of_all(n: float, alpha: float = (1 - LEVEL) / 2) -> float:
    """The lower one-sided bound of a share that is 1 in all of n conversations (Clopper and Pearson 1934)."""
    return float(alpha ** (1 / n))


def amount(found: Estimate) -> Estimate:
    """What cannot be below 0, with an interval that does not reach there either."""
    return found if found.low is None else replace(found, low=max(0.0, found.low))


def rate(found: Estimate) -> Estimate:
    """A count of what happens by chance: not below 0, and with a width where it happened in no conversation.

    Then there is no spread to measure; what n conversations without it allow is the exact interval of a Poisson rate
    (Garwood 1936).
    """
    found = amount(found)
    if found.high is None or found.value != 0.0:
        return found
    return replace(found, high=float(-np.log((1 - LEVEL) / 2)) / found.n)


def within_1(found: Estimate) -> Estimate:
    """An estimate of what cannot leave [0, 1], with an interval that does not either."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def difference(first: Array, second: Array) -> Array:
    """First minus second, exactly 0 where only float noise sets them apart."""
    found = first - second
    return np.where(np.abs(found) <= NOISE * np.maximum(np.abs(first), np.abs(second)), 0.0, found)


def paired(first: Array, second: Array) -> Estimate:
    """Mean of first minus second over the conversations that have both; `unscored` counts the others.

    Where nothing differs in any of them, it is 0 [0, 0] and says so.
    """
    changes = difference(first, second)
    found = mean(changes, int(np.isnan(changes).sum()))
    return replace(found, why=IDENTICAL) if found.low == found.high == 0 else found


def with_interval(value: float, influence: Array, unscored: int = 0) -> Estimate:
    """A t-interval from influence values, one a conversation."""
    n = int(influence.size)
    if n < FEWEST:
        return Estimate(value, None, None, n, unscored, f"no interval: {n} conversations, {FEWEST} are needed")
    half = t_quantile((1 + LEVEL) / 2, n - 1) * standard_error(influence)
    return Estimate(value, value - half, value + half, n, unscored)


def standard_error(influence: Array) -> float:
    return float(influence.std(ddof=1) / np.sqrt(influence.size))


@lru_cache(maxsize=1024)
def t_quantile(probability: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def t_above(statistic: float, freedom: float) -> float:
    """P(T > statistic)."""
    from scipy.special import stdtr

    return float(stdtr(freedom, -statistic))


def quantiles(groups: Sequence[Array], probabilities: Sequence[float], seed: int = 0) -> list[Estimate]:
    """Quantiles over all values of all conversations, with a percentile bootstrap over conversations."""
    full = [group for group in groups if group.size]
    if not full:
        return [missing("no latency was measured or recorded") for _ in probabilities]
    if len(full) < FEWEST:
        why = f"no interval: {len(full)} conversations, {FEWEST} are needed"
        return [Estimate(centre, None, None, len(full), 0, why) for centre in _ordered(full, probabilities)[2]]
    centres, drawn = drawn_quantiles(full, probabilities, seed)
    tail = (1 - LEVEL) / 2
    return [
        Estimate(centre, float(np.quantile(each, tail)), float(np.quantile(each, 1 - tail)), len(full))
        for centre, each in zip(centres, drawn, strict=True)
    ]


def drawn_quantiles(
    groups: Sequence[Array], probabilities: Sequence[float], seed: int = 0
) -> tuple[list[float], list[Array]]:
    """Quantiles over all values of all conversations, and each of them in every draw of conversations.

    The same number of groups and the same seed give the same draws, whatever the groups hold.
    """
    values, owner, centres = _ordered(groups, probabilities)
    return centres, _drawn(values, owner, len(groups), probabilities, np.random.default_rng(seed))


def _ordered(groups: Sequence[Array], probabilities: Sequence[float]) -> tuple[Array, Any, list[float]]:
    """All values in their order, the conversation of each, and their quantiles."""
    values = np.concatenate(list(groups))
    owner = np.repeat(np.arange(len(groups)), [group.size for group in groups])
    order = np.argsort(values, kind="stable")
    values, owner = values[order], owner[order]
    ones = np.arange(1, values.size + 1)[np.newaxis]
    return values, owner, [float(_reaching(values, ones, p)[0]) for p in probabilities]


def _drawn(
    values: Array, owner: Any, conversations: int, probabilities: Sequence[float], random: np.random.Generator
) -> list[Array]:
    """Each quantile of sorted values in every draw of conversations. Draws come in blocks of a few MB."""
    at_once = max(1, BLOCK // values.size)
    found: list[list[Array]] = [[] for _ in probabilities]
    for start in range(0, DRAWS, at_once):
        size = min(at_once, DRAWS - start)
        times = random.multinomial(conversations, np.full(conversations, 1 / conversations), size=size)
        reached = np.cumsum(times[:, owner], axis=1)
        for each, probability in zip(found, probabilities, strict=True):
            each.append(_reaching(values, reached, probability))
    return [np.concatenate(each) for each in found]


def _reaching(values: Array, reached: Any, probability: float) -> Array:
    """The first of the sorted values at which the cumulated weights reach a share, for every row of weights."""
    index = (reached < probability * reached[:, -1:] - 1e-9).sum(axis=1)  # weights are whole numbers, products are not
    found: Array = values[np.minimum(index, values.size - 1)]
    return found
