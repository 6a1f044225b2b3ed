"""Rare harm: unsupported claims that hardly any conversation has are not shown to be absent from the next ones."""

from __future__ import annotations

import numpy as np

from ladder_bench.analyse.decisions import ALPHA
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.turns import over_samples
from ladder_bench.gating.pair import Pair

FEW = 10  # units that differ, below which an interval of their mean says little of how many more would


def why(pair: Pair) -> tuple[str | None, int]:
    """Why somebody should look for rare harm, None where nobody has to, and the units that this stands on."""
    new, old = (over_samples(side.cells["unsupported_per_turn"]) for side in (pair.run, pair.baseline))
    known = ~np.isnan(new) & ~np.isnan(old)
    differs, seen = new[known] != old[known], (new[known] > 0) | (old[known] > 0)
    if pair.clustered:
        names = np.array(pair.run.clusters)[known]
        differs, seen = (np.array([each[names == name].any() for name in np.unique(names)]) for each in (differs, seen))
    n, count = differs.size, int(differs.sum())
    if n < FEWEST or count >= FEW or _same_answers(pair):
        return None, n
    unit = pair.unit
    if not seen.any():
        return f"{n:,} {unit} without one do not exclude that one in {_one_in(n, 0)} has them", n
    if not count:
        return f"the same on both sides; {n:,} {unit} do not exclude that one in {_one_in(n, 0)} has other ones", n
    return (
        f"unsupported claims differ in {count} of {n:,} {unit}, which does not exclude that one in "
        f"{_one_in(n, count)} has more",
        n,
    )


def _one_in(n: int, count: int) -> int:
    """1 over the exact upper bound of a share that is `count` of n (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    return max(1, round(1 / float(betaincinv(count + 1, n - count, 1 - ALPHA))))


def _same_answers(pair: Pair) -> bool:
    """Whether nothing that is measured differs: then the answers are taken to be the same."""
    for name in ("quality", "resolved", "unsupported_per_turn"):
        if not np.array_equal(pair.run.cells[name], pair.baseline.cells[name], equal_nan=True):
            return False
    return np.array_equal(pair.run.tokens.answered(), pair.baseline.tokens.answered())
