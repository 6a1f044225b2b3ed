"""Bands: intervals of several effects that hold all at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladder_bench.analyse import bootstrap, estimates
from ladder_bench.analyse.estimates import FEWEST, LEVEL, Array
from ladder_bench.comparison.contrasts import Spread

MANY = 2000  # units from which sums of influences are as good as normal
DRAWS = 20_000


def halves(tested: Sequence[Spread | None], units: int) -> list[float | None]:
    """Half the width of each effect's band, all of which hold at once (max-T); None where there is no interval.

    Where a few conversations make an effect, draws without them say that its error is nearly 0: then the bands are
    Bonferroni's, which ask no more of an effect than its own t-interval does.
    """
    known = [each for each in tested if each is not None and each.effect.fewest >= FEWEST and not each.effect.identical]
    factor = max_t(np.stack([each.influence(units) for each in known], axis=1)) if known else 0.0
    tail = (1 - LEVEL) / 2
    found: list[float | None] = []
    for each in tested:
        if each is not None and each.effect.identical:
            found.append(0.0)
        elif each is None or each.effect.fewest < FEWEST:
            found.append(None)
        else:
            alone = estimates.t_quantile(1 - tail, each.effect.freedom)
            widest = estimates.t_quantile(1 - tail / len(known), each.effect.freedom)
            found.append(min(max(factor, alone), widest) * each.effect.error)
    return found


def max_t(influences: Array) -> float:
    """By how many standard errors k effects may be off at once: `influences` is (units, k)."""
    if len(influences) < MANY:
        return bootstrap.max_t(influences)
    varying = influences[:, influences.std(axis=0) > 0]
    if varying.shape[1] == 0:
        return 0.0
    spread, axes = np.linalg.eigh(np.corrcoef(varying, rowvar=False).reshape(varying.shape[1], -1))
    drawn = np.random.default_rng(0).normal(size=(DRAWS, len(spread)))
    together = drawn * np.sqrt(np.maximum(spread, 0.0)) @ axes.T
    return float(np.quantile(np.abs(together).max(axis=1), LEVEL))
