"""Balance: whether traffic was divided between arms as declared; if not, something else may divide them too."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ladder_bench.comparison.arms import Arm
from ladder_bench.domain import Json

ALARM = 0.001  # p below which a division is hardly chance (Fabijan et al. 2019)


def balance(arms: Mapping[str, Arm], shares: Mapping[str, float]) -> dict[str, Json] | None:
    """Chi-square of conversations an arm against equal or declared shares; None with fewer than two arms.

    `arms` by the names that they are shown under. `shares`: what each strategy was to get, in any unit; where one of
    them has none, all were to get the same.
    """
    from scipy.special import chdtrc

    if len(arms) < 2:
        return None
    counts = np.array([_units(arm) for arm in arms.values()], dtype=float)
    declared = all(shares.get(arm.name, 0) > 0 for arm in arms.values())
    parts = np.array([shares[arm.name] if declared else 1.0 for arm in arms.values()])
    expected = parts / parts.sum() * counts.sum()
    if not counts.sum():
        return None
    statistic = float(((counts - expected) ** 2 / expected).sum())
    p_value = float(chdtrc(len(arms) - 1, statistic))
    return {
        "counts": {name: int(count) for name, count in zip(arms, counts, strict=True)},
        "expected": {name: float(count) for name, count in zip(arms, expected, strict=True)},
        "declared": declared,
        "chi_square": statistic,
        "p_value": p_value,
        "alarm": p_value < ALARM,
    }


def _units(arm: Arm) -> int:
    """What was divided: clusters where there are any, such as users, else conversations."""
    there = [name for name, lived in zip(arm.held.conversations, arm.lived, strict=True) if lived]
    clusters = arm.held.clusters
    return len({clusters.get(name, name) for name in there}) if clusters else len(there)
