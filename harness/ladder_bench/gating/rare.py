"""Rare: where no conversation was resolved on one side alone, there is no spread to measure, and still a risk.

A t-interval would take what was never seen for impossible: with 30 conversations that are all resolved on both sides it
would exclude any loss, though one in eleven may be lost. The exact bound of a share that is 0 in n conversations, 1 -
alpha^(1/n) (Clopper and Pearson 1934), takes its place.
"""

from __future__ import annotations

from dataclasses import replace
from math import ceil, exp, isfinite, log

import numpy as np

from ladder_bench.analyse.decisions import ALPHA, Decided
from ladder_bench.analyse.estimates import least_of_all
from ladder_bench.gating.pair import Pair

WHY = "the same conversations are resolved on both sides; {n} do not exclude that {lost} would be lost"


def careful(pair: Pair, decided: Decided) -> tuple[Decided, str | None]:
    """The test of quality per dollar with what was never seen in its bounds, and why they are wider then."""
    if not _unseen(pair) or not isfinite(decided.low):
        return decided, None
    low, high = bounds(pair, decided.low, decided.high)
    outcome = decided.outcome
    if outcome == "pass" and low <= -decided.test.margin:
        outcome = "inconclusive"
    n = pair.trials(pair.resolved())
    needed = [each for each in (decided.needed, _needed(pair, decided.test.margin)) if each is not None]
    why = _why(pair, n) if outcome != decided.outcome else None
    return replace(decided, low=low, high=high, outcome=outcome, needed=max(needed, default=None)), why


def _why(pair: Pair, n: int) -> str:
    what = f"{n:,} samples" if pair.inference == "suite" else f"{n} {'users' if pair.clustered else 'of them'}"
    one_in = f"one in {max(1, round(1 / _share(n)))}"
    return WHY.format(n=what, lost=f"all of {one_in}" if pair.clustered else one_in)


def bounds(pair: Pair, low: float, high: float, times: float = 1.0) -> tuple[float, float]:
    """Bounds of log QPD, as wide as the share of conversations that may be lost or won unseen. `times`: of F."""
    if not _unseen(pair) or not isfinite(low):
        return low, high
    resolved, usd, _ = pair.alone(0)
    unseen, unresolved = _share(pair.trials(pair.resolved())), times * pair.unresolved_usd

    def moved(by: float) -> float:
        other = min(1.0, resolved + by)
        if other <= 0:
            return -float("inf")
        return log(other / (usd + unresolved * (1 - other))) - log(resolved / (usd + unresolved * (1 - resolved)))

    return low + moved(-unseen), high + moved(unseen)


def _unseen(pair: Pair) -> bool:
    """No conversation differs in being resolved, though answers differ.

    Where quality, which is finer, is the same in every conversation as well, the answers are taken to be the same.
    """
    if not pair.resolved().identical or pair.qpd().identical:
        return False
    quality, resolved = pair.run.cells["quality"], pair.run.cells["resolved"]
    measured = not np.isnan(quality).all() and not np.array_equal(quality, resolved, equal_nan=True)
    return not (measured and pair.quality().identical)


def _share(n: int) -> float:
    return 1 - least_of_all(n, ALPHA)


def _needed(pair: Pair, margin: float) -> int | None:
    """Conversations, all alike, that would exclude a loss of the margin; None where cost alone is beyond it."""
    resolved, usd, _ = pair.alone(0)
    least = exp(-margin) * pair.alone(1)[2]
    bearable = resolved - least * (usd + pair.unresolved_usd) / (1 + least * pair.unresolved_usd)
    if bearable <= 0:
        return None
    return 1 if bearable >= 1 else ceil(log(ALPHA) / log(1 - bearable))
