"""pass^k: how often k trials of a task, drawn without putting back, are all resolved (Yao et al. 2024, tau-bench)."""

from __future__ import annotations

from math import comb

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Estimate

MOST = 16  # of k that are told


def pass_hat_k(resolved: Array) -> dict[int, Estimate]:
    """By k the mean over tasks of C(c, k) / C(n, k), c of a task's n trials resolved. Empty with one trial a task.

    `resolved` has a row a conversation and a column a sample: 1, 0, or NaN where there is no such trial or no outcome.
    Tasks with fewer than k trials say nothing of k, and are counted as unscored.
    """
    trials = (~np.isnan(resolved)).sum(axis=1)
    done = np.nansum(resolved, axis=1)
    some = trials > 0
    if not some.any() or trials.max() < 2:
        return {}
    found = {}
    for k in range(1, min(int(trials.max()), MOST) + 1):
        pairs = zip(done[some].tolist(), trials[some].tolist(), strict=True)
        values = np.array([comb(round(c), k) / comb(n, k) if n >= k else np.nan for c, n in pairs])
        found[k] = estimates.share(estimates.mean(values, int(np.isnan(values).sum())))
    return found
