"""Few: outcomes that are yes or no, of which few differ. What one more lost conversation would change is not small.

A t-interval of such a difference is too narrow: with one loss in 100 it would exclude a loss of three in a hundred, and
be wrong far more often than it says. Two conversations are added, one won and one lost (Bonett and Price 2012): where
the bound does not hold with them, the test stays open. A share against a floor has the exact bound of Clopper and
Pearson (1934).
"""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from statistics import NormalDist

import numpy as np

from ladder_bench.analyse.decisions import ALPHA, POWER, Decided, Outcome
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import Array, least_of_all
from ladder_bench.analyse.turns import Flags, over_samples
from ladder_bench.gating.pair import Pair

WHY = "{moved} of {n:,} conversations ended differently, too few to tell how many more would"
OF_USERS = "; they are of {units:,} users, of whom one more may lose as many as any did"


def careful(pair: Pair, decided: Decided, cell: str, among: Flags | None = None) -> tuple[Decided, str | None]:
    """A test that passes by its t-interval, open where one conversation won and one lost would change that.

    `cell`: what the test is about, quality or resolved. The same answers on both sides stay the same.
    """
    effect, margin = decided.test.effect, decided.test.margin
    if decided.outcome != "pass" or effect.identical or pair.inference == "suite":
        return decided, None
    changes = _changes(pair, cell, among)
    if changes is None or not np.nan_to_num(changes).any():  # where none did, `rare` says what was not seen
        return decided, None
    (part,) = effect.parts
    flip = 1.0 if cell == "quality" else _worth(pair)
    if pair.clustered:
        flip *= _most_of_one(pair, changes)
    low, high = _with_two_more(effect.value, part, flip).bounds(ALPHA)
    if low > -margin:
        return decided, None
    needed = max(decided.needed or 0, _needed(part, flip, margin))
    opened = replace(
        decided, outcome="inconclusive", low=min(low, decided.low), high=max(high, decided.high), needed=needed
    )
    known = ~np.isnan(changes)
    why = WHY.format(moved=f"{int((changes[known] != 0).sum()):,}", n=int(known.sum()))
    return opened, why + (OF_USERS.format(units=part.size) if pair.clustered else "")


def floored(decided: Decided, values: Array) -> Decided:
    """The test of a share against a floor, its bounds exact where every value is 0 or 1.

    Of users it is a share of fewer conversations, as many as have the same error apart (Korn and Graubard 1998).
    """
    if not np.isin(values, (0.0, 1.0)).all() or not np.isfinite(decided.low):
        return decided
    from scipy.special import betaincinv

    share, effect = float(values.mean()), decided.test.effect
    n = float(values.size)
    if effect.n < values.size:
        n = float(effect.n) if effect.error == 0 else min(n, share * (1 - share) / effect.error**2)
    ones = share * n
    floor = share - decided.test.effect.value
    low = betaincinv(ones, n - ones + 1, ALPHA) if ones else 0.0
    high = betaincinv(ones + 1, n - ones, 1 - ALPHA) if ones < n else 1.0
    low, high = min(decided.low, float(low) - floor), max(decided.high, float(high) - floor)
    return replace(decided, outcome=_outcome(low, high, decided), low=low, high=high)


def never(decided: Decided) -> Decided:
    """The test of a share of turns against a limit, where no conversation had such a turn: one of them may."""
    if not np.isfinite(decided.low):
        return decided
    low = decided.low - (1 - least_of_all(decided.test.effect.n, ALPHA))
    return replace(decided, outcome=_outcome(low, decided.high, decided), low=low)


def _outcome(low: float, high: float, decided: Decided) -> Outcome:
    """A pass that wider bounds do not allow is open, and so is a failure."""
    if decided.outcome == "pass":
        return "pass" if low > -decided.test.margin else "inconclusive"
    return "inconclusive" if decided.outcome == "fail" and high >= 0 else decided.outcome


def _changes(pair: Pair, cell: str, among: Flags | None) -> Array | None:
    """How each conversation ended otherwise, -1, 0 or 1, NaN where unknown; None where it is no yes or no."""
    new, old = (over_samples(side.cells[cell]) for side in (pair.run, pair.baseline))
    known = ~np.isnan(new) & ~np.isnan(old)
    if among is not None:
        known &= among
    if not known.any() or not np.isin((new[known], old[known]), (0.0, 1.0)).all():
        return None
    found: Array = np.where(known, new - old, np.nan)
    return found


def _most_of_one(pair: Pair, changes: Array) -> float:
    """By how much one user may move the mean times the number of users: as any of them did, a conversation at least."""
    known = ~np.isnan(changes)
    _, place = np.unique(np.array(pair.run.clusters)[known], return_inverse=True)
    sums = np.bincount(place, weights=changes[known])
    return float(max(np.abs(sums).max(), 1.0)) * len(sums) / int(known.sum())


def _worth(pair: Pair) -> float:
    """What one conversation more resolved adds to n times log QPD."""
    resolved, usd, _ = pair.alone(0)
    return 1 / resolved + pair.unresolved_usd / (usd + pair.unresolved_usd * (1 - resolved))


def _with_two_more(value: float, part: Array, flip: float) -> Effect:
    n = part.size
    return Effect(value * n / (n + 2), (np.concatenate([part, [flip, -flip]]),))


def _needed(part: Array, flip: float, margin: float) -> int:
    """Conversations with which the test passes with POWER if nothing differs, the two more among them."""
    reach, spread = sum(map(NormalDist().inv_cdf, (1 - ALPHA, POWER))), float(part.var(ddof=1))
    n = part.size
    while reach * sqrt(n * spread + 2 * flip**2) / (n + 2) > margin:
        n += max(1, n // 100)
    return n
