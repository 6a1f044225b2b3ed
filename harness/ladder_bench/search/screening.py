"""Screening: quality and cost of every member of a family over every conversation, as sums that parts can be made of.

Pure. A strategy's value on a conversation is a sum over its turns, and of what its switches cost, so all ladders under
one set of triggers are one product of matrices. Conversations come in blocks: nobody holds all values at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.search.family import Family, Paths
from ladder_bench.search.grades import Climbed, Grades, Whole, climbed

BLOCK = 1024  # conversations


@dataclass(frozen=True)
class Moments:
    """Sums over the conversations of some parts, by strategy: (strategies,) each.

    `gain`: quality minus the strongest tier's, `usd`: cost minus the strongest tier's; their squares and product.
    `top_quality` and `top_usd` are means over the same n conversations.
    """

    n: int
    gain: Array
    gain_2: Array
    usd: Array
    usd_2: Array
    product: Array
    top_quality: float
    top_usd: float

    def means(self) -> tuple[Array, Array]:
        """Mean quality and mean cost in dollars."""
        return self.top_quality + self.gain / self.n, self.top_usd + self.usd / self.n

    def gains(self) -> tuple[Array, Array]:
        """The mean gain of quality over the strongest tier, and the sd of the gain over conversations."""
        return self.gain / self.n, _sd(self.gain, self.gain_2, self.n)

    def costs(self) -> tuple[Array, Array]:
        """The mean of the cost minus the strongest tier's, and its sd over conversations."""
        return self.usd / self.n, _sd(self.usd, self.usd_2, self.n)


def screen(grades: Grades, family: Family, part: Whole, parts: int) -> list[Moments]:
    """The sums over each part of the conversations. `part`: the part of each, from 0."""
    sums, tops = np.zeros((5, parts, len(family))), np.zeros((2, parts))
    for start in range(0, len(grades), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(grades)))
        member = _members(part[rows], parts)
        tops += [member @ each[rows, :, 0].sum(axis=1) for each in (grades.quality, grades.usd)]
        for place, (quality, usd) in _values(grades.of(rows), family):
            sums[:, :, place] += _sums(quality, usd, member)
    return _moments(sums, tops, part, parts)


def of_values(quality: Array, usd: Array, part: Whole, parts: int) -> list[Moments]:
    """The same from values (conversations, strategies), the strongest tier's in the first column."""
    member = _members(part, parts)
    tops = np.stack([member @ quality[:, 0], member @ usd[:, 0]])
    return _moments(_sums(quality.copy(), usd.copy(), member), tops, part, parts)


def together(moments: list[Moments]) -> Moments:
    """The sums over several parts at once."""
    n = sum(each.n for each in moments)
    totals = [sum(getattr(each, name) for each in moments) for name in ("gain", "gain_2", "usd", "usd_2", "product")]
    tops = [sum(getattr(each, name) * each.n for each in moments) / max(n, 1) for name in ("top_quality", "top_usd")]
    return Moments(n, *totals, *tops)


def of_strategy(grades: Grades, family: Family, strategy: int) -> tuple[Array, Array]:
    """Quality and dollars of one strategy, one value a conversation."""
    ladder = strategy % len(family.paths)
    under = climbed(grades, family.trigger_sets[strategy // len(family.paths)])
    quality, usd = _products(under, family.paths[[ladder], : grades.longest])
    return quality[:, 0], usd[:, 0]


def _values(grades: Grades, family: Family) -> Iterator[tuple[slice, tuple[Array, Array]]]:
    """Yield quality and cost (conversations, ladders) under each set of triggers, with their place in the family."""
    ladders = len(family.paths)
    for index, triggers in enumerate(family.trigger_sets):
        yield slice(index * ladders, (index + 1) * ladders), _products(climbed(grades, triggers), family.paths)


def _members(part: Whole, parts: int) -> Array:
    """Which part each conversation is of, as numbers to multiply with: (parts, conversations)."""
    return np.asarray(part == np.arange(parts)[:, None], dtype=float)


def _sums(quality: Array, usd: Array, member: Array) -> Array:
    """The sums that Moments hold, (5, parts, strategies). Takes the values apart."""
    quality -= quality[:, :1]  # the strongest tier alone comes first
    usd -= usd[:, :1]
    gain, dollars, product = member @ quality, member @ usd, member @ (quality * usd)
    gain_2, dollars_2 = member @ np.square(quality, out=quality), member @ np.square(usd, out=usd)
    return np.stack([gain, gain_2, dollars, dollars_2, product])


def _moments(sums: Array, tops: Array, part: Whole, parts: int) -> list[Moments]:
    counts = np.bincount(part, minlength=parts).tolist()
    return [
        Moments(n, *sums[:, each], *(float(top[each]) / max(n, 1) for top in tops)) for each, n in enumerate(counts)
    ]


def _products(under: Climbed, paths: Paths) -> tuple[Array, Array]:
    """Quality and cost (conversations, ladders) by products with the matrices that say who plans which turn."""
    conversations, turns, tiers = under.quality.shape
    planned = (paths[:, :, None] == np.arange(tiers)).astype(float)  # (ladders, turns, tiers)
    whole = planned.reshape(len(paths), -1).T
    quality = under.quality.reshape(conversations, -1) @ whole
    usd = under.usd.reshape(conversations, -1) @ whole
    if turns > 1 and under.pairs:
        steps = np.stack([planned[:, :-1, j] * planned[:, 1:, k] for j, k in under.pairs], axis=2)
        usd += under.down.reshape(conversations, -1) @ steps.reshape(len(paths), -1).T
    return quality, usd


def _sd(total: Array, squares: Array, n: int) -> Array:
    if n < 2:
        return np.zeros_like(total)
    found: Array = np.sqrt(np.maximum(squares - total * total / n, 0.0) / (n - 1))
    return found
