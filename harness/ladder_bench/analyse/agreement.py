"""Agreement: how often two raters, or repeats of one judge, say the same, beyond what chance would give.

Counts are pooled over items (a criterion of a turn, a claim); intervals are by conversation, as items of one
conversation share their luck: the delete-one-conversation jackknife (Efron and Tibshirani 1993, 11.5) with t(C-1).
NaN is "unscored": such items are left out and counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import NOISE, Array
from ladder_bench.domain import Estimate

Ids = np.ndarray[Any, np.dtype[Any]]
Statistic = Callable[[Array], Array]  # totals over items (..., k) to (...), NaN where it is not defined


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What a judge and people (or another judge) said of the same items, one entry an item: 1 met, 0 not, or NaN."""

    conversations: Ids
    judged: Array
    people: Array

    @property
    def known(self) -> Labels:
        """Those items of which both said something."""
        both = ~np.isnan(self.judged) & ~np.isnan(self.people)
        return Labels(self.conversations[both], self.judged[both], self.people[both])

    @property
    def unscored(self) -> int:
        """Items of which one of the two said something and the other did not."""
        return int((np.isnan(self.judged) != np.isnan(self.people)).sum())


def labels(rows: Iterable[tuple[str, float | None, float | None]]) -> Labels:
    """Labels from (conversation, judged, people)."""
    found = list(rows)
    values = np.array([each[1:] for each in found], dtype=float).reshape(-1, 2)  # None becomes NaN
    return Labels(np.array([each[0] for each in found], dtype=str), values[:, 0], values[:, 1])


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two raters of one set of items. `prevalence` is the share that people call met, `judged` the judge's.

    Kappa falls with a lopsided prevalence though raters agree; AC1 does not. Neither says who is right.
    """

    raw: Estimate
    kappa: Estimate
    ac1: Estimate
    prevalence: Estimate
    judged: Estimate
    items: int


def agreement(found: Labels) -> Agreement:
    """Raw agreement, Cohen's kappa (1960), Gwet's AC1 (2008) and prevalence, over items."""
    known, unscored = found.known, found.unscored
    owners, conversations = owned(known.conversations)
    judged, people = known.judged, known.people
    cells = np.stack([judged * people, judged * (1 - people), (1 - judged) * people, (1 - judged) * (1 - people)], -1)
    table = summed(cells, owners, conversations)
    items = table.sum(axis=1)

    def part(*columns: int) -> Estimate:
        return estimates.share(estimates.ratio(table[:, list(columns)].sum(axis=1), items, unscored))

    return Agreement(
        raw=part(0, 3),
        kappa=by_conversation(table, kappa, "each rater says the same of every item", unscored),
        ac1=by_conversation(table, ac1, "no item was rated by both", unscored),
        prevalence=part(0, 2),
        judged=part(0, 1),
        items=len(judged),
    )


def kappa(table: Array) -> Array:
    """Cohen's kappa of counts (..., 4): both met, first alone, second alone, neither. NaN where chance is certain."""
    first, second = table[..., 0] + table[..., 1], table[..., 0] + table[..., 2]
    items = table.sum(axis=-1)
    return _beyond(table, _over(first * second + (items - first) * (items - second), items**2))


def ac1(table: Array) -> Array:
    """Gwet's AC1 of counts (..., 4) as for `kappa`."""
    met = _over(2 * table[..., 0] + table[..., 1] + table[..., 2], 2 * table.sum(axis=-1))
    return _beyond(table, 2 * met * (1 - met))


def _beyond(table: Array, by_chance: Array) -> Array:
    agreed = _over(table[..., 0] + table[..., 3], table.sum(axis=-1))
    return _over(agreed - by_chance, np.where(by_chance >= 1 - NOISE, 0.0, 1 - by_chance))


# --- several raters, and repeats of one ------------------------------------------------------


def alpha(conversations: Ids, values: Array) -> Estimate:
    """Krippendorff's alpha for nominal values (items, raters), NaN where a rater gave none (Krippendorff 2011).

    Items with fewer than two values say nothing of agreement; `unscored` counts them.
    """
    ids, values, unscored = _repeated(conversations, values)
    kinds = np.unique(values[~np.isnan(values)])
    counts = (values[:, :, np.newaxis] == kinds).sum(axis=1).astype(float)  # (items, kinds)
    size = counts.sum(axis=1, keepdims=True)
    differing = (counts * (size - counts) / np.maximum(size - 1, 1)).sum(axis=1, keepdims=True)
    sums = summed(np.hstack([differing, counts]), *owned(ids))
    return by_conversation(sums, _alpha, "every rater says the same of every item", unscored)


def _alpha(sums: Array) -> Array:
    counts = sums[..., 1:]
    size = counts.sum(axis=-1)
    return 1 - _over(sums[..., 0] * (size - 1), size**2 - (counts**2).sum(axis=-1))


def icc(conversations: Ids, scores: Array) -> Estimate:
    """ICC(1,1) of repeated scores (items, repeats): one-way random effects, one score (Shrout and Fleiss 1979).

    NaN where a repeat has no score: then mean squares are those of unequal groups. `unscored`: items with fewer than 2.
    """
    ids, scores, unscored = _repeated(conversations, scores)
    if not scores.size:
        return estimates.missing("no item was scored twice", unscored)
    scores = scores - np.nanmean(scores)  # sums of squares then lose no digits
    repeats = (~np.isnan(scores)).sum(axis=1).astype(float)
    total, squares = np.nansum(scores, axis=1), np.nansum(scores**2, axis=1)
    sums = np.stack([np.ones(len(ids)), repeats, repeats**2, total, total**2 / repeats, squares], axis=-1)
    return by_conversation(summed(sums, *owned(ids)), _icc, "no score differs from another", unscored)


def _icc(sums: Array) -> Array:
    items, scores, squared, total, between, squares = np.moveaxis(sums, -1, 0)
    between_items = _over(between - _over(total**2, scores), items - 1)
    within = _over(squares - between, scores - items)
    within = np.where(within <= NOISE * squares, 0.0, within)
    repeats = _over(scores - _over(squared, scores), items - 1)
    return _over(between_items - within, between_items + (repeats - 1) * within)


def all_equal(conversations: Ids, values: Array) -> Estimate:
    """Share of items (items, repeats) whose repeats are all the same; `unscored`: items with fewer than two."""
    ids, values, unscored = _repeated(conversations, values)
    same = np.nanmax(values, axis=1) == np.nanmin(values, axis=1) if values.size else np.zeros(0)
    return _share_of_items(ids, same.astype(float), unscored)


def flip_rate(conversations: Ids, values: Array) -> Estimate:
    """How often a judge that is asked twice changes its mind: the share of pairs of repeats that differ, over items."""
    ids, values, unscored = _repeated(conversations, values)
    kinds = np.unique(values[~np.isnan(values)])
    counts = (values[:, :, np.newaxis] == kinds).sum(axis=1)
    size = counts.sum(axis=1)
    same = (counts * (counts - 1)).sum(axis=1) / np.maximum(size * (size - 1), 1)
    return _share_of_items(ids, 1 - same, unscored)


def _share_of_items(ids: Ids, values: Array, unscored: int) -> Estimate:
    if not values.size:
        return estimates.missing("no item was rated twice", unscored)
    sums = summed(np.stack([values, np.ones(len(values))], axis=-1), *owned(ids))
    return estimates.share(estimates.ratio(sums[:, 0], sums[:, 1], unscored))


def _repeated(conversations: Ids, values: Array) -> tuple[Ids, Array, int]:
    """Items with two values or more, and how many others there are."""
    enough = (~np.isnan(values)).sum(axis=1) >= 2
    return conversations[enough], values[enough], int((~enough).sum())


# --- by conversation -------------------------------------------------------------------------


def owned(conversations: Ids) -> tuple[Ids, int]:
    """Each item's conversation as a number, and how many conversations there are."""
    names, owners = np.unique(conversations, return_inverse=True)
    return owners, len(names)


def summed(values: Array, owners: Ids, conversations: int) -> Array:
    """Sums (conversations, k) of items' values (items, k)."""
    columns = [np.bincount(owners, weights=column, minlength=conversations) for column in values.T]
    found: Array = np.stack(columns, axis=-1)
    return found


def by_conversation(sums: Array, statistic: Statistic, undefined: str, unscored: int = 0) -> Estimate:
    """A coefficient of totals over conversations (conversations, k), with the jackknife's interval.

    `undefined` says why where it has no value. It has no interval where it hangs on one conversation, or where no
    conversation moves it: that is no spread that could be measured, and not certainty.
    """
    total = sums.sum(axis=0)
    value = float(statistic(total)) if len(sums) else np.nan
    if np.isnan(value):
        return estimates.missing(undefined, unscored)
    without = statistic(total - sums)
    if np.isnan(without).any():
        return Estimate(value, None, None, len(sums), unscored, "no interval: it hangs on a single conversation")
    moved = (len(sums) - 1) * (without.mean() - without)
    found = estimates.with_interval(value, moved, unscored)
    if found.low is None or found.high is None:
        return found
    if np.abs(moved).max() <= NOISE * len(sums):
        return replace(found, low=None, high=None, why="no interval: no conversation differs from the others")
    return replace(found, low=max(-1.0, found.low), high=min(1.0, found.high))


def _over(above: Array, below: Array) -> Array:
    """A quotient, NaN where it is not defined."""
    below = np.asarray(below, dtype=float)
    found: Array = np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below != 0)
    return found
