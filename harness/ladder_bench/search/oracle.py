"""The oracle: the best that any choice of tiers could have done, and how far a ladder is from it. Pure.

It sees every grade before it chooses, lucky ones too, so no rule reaches all of it: a bound, not a goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, log

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Estimate
from ladder_bench.search.grades import Grades

STEPS = 40  # of the search for an exchange rate; each shrinks the interval of its logarithm by 0.62
SPAN = 1e6  # the rates that are searched, as a factor either way from one over the strongest tier's mean cost
SMALL = 1e-9  # float noise
GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True, slots=True)
class Gap:
    """How far a ladder is from an oracle. `points`: of quality, at equal dollars. `usd`: dollars, at equal quality.

    `worth`: quality minus rate times dollars, at the rate at which an unresolved conversation is paid for.
    """

    points: Estimate
    usd: Estimate
    worth: Estimate


def best(grades: Grades, rate: float, monotone: bool) -> Array:
    """The most of quality - rate * dollars that a path of tiers reaches, one value a conversation.

    Dynamic programming over turns and tiers, with what a switch costs. `monotone`: paths that only step down.
    """
    tiers = len(grades.tiers)
    differ = np.not_equal.outer(np.array(grades.groups), np.array(grades.groups))
    worth = grades.quality - rate * grades.usd
    reached = worth[:, 0].copy()
    for turn in range(1, grades.longest):
        lost = rate * grades.fresh[:, turn]
        reached = np.stack(
            [
                np.maximum.reduce(
                    [
                        reached[:, before] - lost[:, tier] if differ[before, tier] else reached[:, before]
                        for before in range(tier + 1 if monotone else tiers)
                    ]
                )
                + worth[:, turn, tier]
                for tier in range(tiers)
            ],
            axis=1,
        )
    found: Array = reached.max(axis=1)
    return found


def gap(grades: Grades, quality: Array, usd: Array, rate: float, monotone: bool) -> Gap:
    """How far a strategy with these values is from the oracle, on the same conversations; below 0 where it is ahead,
    as a ladder that climbs may be of one that only steps down.

    What the oracle could reach at a mean cost b is the least over rates r of mean(best(r)) + r * b: every mixture of
    its best paths counts. At that r the gap is a mean over conversations, and has a mean's interval.
    """
    cost = float(grades.usd[..., 0].sum(axis=1).mean())
    centre = 1 / cost if cost > 0 else 1.0

    def at_equal_usd(r: float) -> Array:
        return best(grades, r, monotone) + r * usd - quality

    def at_equal_quality(r: float) -> Array:
        return at_equal_usd(r) / r

    points = _least(at_equal_usd, centre, 1.0)
    dollars = _least(at_equal_quality, centre, cost)
    return Gap(*(estimates.mean(each) for each in (points, dollars, at_equal_usd(rate))))


def _least(values: Callable[[float], Array], centre: float, scale: float) -> Array:
    """The values whose mean is least over rates: golden section on the logarithm, where the mean has one valley.

    What is noise on the values' scale becomes 0.
    """
    low, high = log(centre / SPAN), log(centre * SPAN)
    first, second = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
    lower, upper = values(exp(first)).mean(), values(exp(second)).mean()
    for _ in range(STEPS):
        if lower <= upper:
            high, second, upper = second, first, lower
            first = high - GOLDEN * (high - low)
            lower = values(exp(first)).mean()
        else:
            low, first, lower = first, second, upper
            second = low + GOLDEN * (high - low)
            upper = values(exp(second)).mean()
    found = values(exp((low + high) / 2))
    return np.where(np.abs(found) <= SMALL * scale, 0.0, found)
