"""The tail: how much of the cost a few conversations make up, beyond which intervals for costs are too narrow."""

from __future__ import annotations

from math import ceil

import numpy as np

from ladder_bench.analyse.estimates import Array

DEAREST = 0.01  # of conversations, and at least one
TAIL = 0.20  # of cost: above it, a warning


def tail_share(costs: Array) -> float:
    """The share of cost in the dearest 1 % of conversations; NaN marks conversations without a cost."""
    known = np.sort(costs[~np.isnan(costs)])
    whole = float(known.sum())
    return float(known[-ceil(DEAREST * known.size) :].sum()) / whole if whole > 0 else 0.0
