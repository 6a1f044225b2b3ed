"""Unvaried: a share that all of a group agree on, 0 or 1. What all of one group did is not certain of another group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladder_bench.analyse.estimates import FEWEST, LEVEL, Array, least_of_all, t_quantile


def uncertain(values: Array, side: int, clusters: Sequence[str] | None = None) -> Array:
    """Values that are all 0, or all 1, with a spread that makes their t-interval as wide as the exact one.

    That is the one of so many conversations, or clusters. Other values stay as they are. For groups of different
    conversations: the same ones on both sides need no such care. `side`: 0 or 1, of a difference; the spreads of the
    two do not go together, whoever is on both.
    """
    known = ~np.isnan(values)
    if not known.any() or values[known].min() != values[known].max() or values[known][0] not in (0.0, 1.0):
        return values
    names = np.arange(values.size) if clusters is None else np.asarray(clusters)
    groups, place = np.unique(names[known], return_inverse=True)
    n = int(groups.size)
    if n < FEWEST:
        return values
    size = (1 - least_of_all(n)) * np.sqrt(n - 1) / t_quantile((1 + LEVEL) / 2, n - 1)
    signs = np.where(place // (1 + side) % 2, -1.0, 1.0)
    found = values.copy()
    found[known] += size * (signs - signs.mean())
    return found
