"""Balance: whether traffic was divided between arms as declared; if not, something else may divide them too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ladder_bench.compare.arms import Arm
from ladder_bench.domain import Json

ALARM = 0.001  # p below which a division is hardly chance (Fabijan et al. 2019)


def balance(arms: Sequence[Arm], shares: Mapping[str, float] | None) -> dict[str, Json] | None:
    """Chi-square of conversations an arm against equal or declared shares; None with fewer than two arms.

    `shares`: what each arm was to get, in any unit; arms without one had none declared, and all get the same.
    """
    from scipy.special import chdtrc

    if len(arms) < 2:
        return None
    counts = np.array([_units(arm) for arm in arms], dtype=float)
    declared = shares is not None and all(shares.get(arm.name, 0) > 0 for arm in arms)
    parts = np.array([shares[arm.name] for arm in arms], dtype=float) if declared and shares else np.ones(len(arms))
    expected = parts / parts.sum() * counts.sum()
    if not counts.sum():
        return None
    statistic = float(((counts - expected) ** 2 / expected).sum())
    p_value = float(chdtrc(len(arms) - 1, statistic))
    return {
        "counts": {arm.name: int(count) for arm, count in zip(arms, counts, strict=True)},
        "expected": {arm.name: float(count) for arm, count in zip(arms, expected, strict=True)},
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
