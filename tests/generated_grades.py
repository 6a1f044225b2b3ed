"""Grades without a run: generated tables of every tier's answers, and the plain loop that searches must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench.search.grades import Grades, shares

TIERS = ("advanced", "mid", "light")
TRIGGERS = ("goal_change", "constraint_conflict", "high_stakes", "deep_work")


@dataclass(frozen=True)
class Sizes:
    conversations: int = 30
    turns: int = 5
    tiers: Sequence[str] = TIERS
    triggers: Sequence[str] = TRIGGERS
    groups: tuple[int, ...] = (0, 1, 2)


def generated(seed: int = 0, sizes: Sizes | None = None, **more: Any) -> Grades:
    """Conversations of 1 turn up to the longest; weaker tiers are worse and cheaper; some turns have no grade."""
    sizes = sizes or Sizes(**more)
    draw = np.random.default_rng(seed)
    shape = (sizes.conversations, sizes.turns, len(sizes.tiers))
    lengths = draw.integers(1, sizes.turns + 1, sizes.conversations)
    lengths[0] = sizes.turns
    lived = (np.arange(sizes.turns) < lengths[:, None])[..., None]
    quality = np.clip(draw.normal(0.9 - 0.1 * np.arange(shape[2]), 0.2, shape), 0, 1)
    quality[~np.broadcast_to(lived, shape)] = np.nan
    quality[draw.uniform(size=shape) < 0.02] = np.nan
    quality[:, 0] = np.nan_to_num(quality[:, 0], nan=0.5)  # every conversation has a grade
    shared, turns = shares(quality)
    usd = np.where(lived, draw.lognormal(-4 - 2.0 * np.arange(shape[2]), 0.5, shape), 0.0)
    fresh = np.where(lived, 0.8 * usd * draw.uniform(size=shape), 0.0)
    fresh[:, 0] = 0.0
    fired = (sizes.conversations, sizes.turns, len(sizes.triggers))
    answer = draw.uniform(size=(*shape, len(sizes.triggers))) < 0.08
    return Grades(
        ids=tuple(f"c{number:05d}" for number in range(sizes.conversations)),
        tags=tuple(("even",) if number % 2 == 0 else ("odd", "rest") for number in range(sizes.conversations)),
        tiers=tuple(sizes.tiers),
        triggers=tuple(sizes.triggers),
        quality=shared,
        usd=usd,
        fresh=fresh,
        groups=sizes.groups,
        message=(draw.uniform(size=fired) < 0.15) & lived,
        answer=answer & lived[..., None],
        turns=turns,
    )


def without_triggers(grades: Grades) -> Grades:
    return replace(grades, message=np.zeros_like(grades.message), answer=np.zeros_like(grades.answer))


def walked(grades: Grades, row: int, path: Sequence[int], triggers: Sequence[str]) -> tuple[float, float]:
    """Quality and dollars of one conversation on one ladder, turn by turn as a person would add it up."""
    chosen = [grades.triggers.index(name) for name in triggers]
    quality = usd = 0.0
    before: list[int] = []
    for turn, planned in enumerate(path):
        asked = [planned]
        if planned > 0 and grades.message[row, turn, chosen].any():
            asked = [0]
        elif planned > 0 and grades.answer[row, turn, planned, chosen].any():
            asked = [planned, 0]
        quality += float(grades.quality[row, turn, asked[-1]])
        for tier in asked:
            usd += float(grades.usd[row, turn, tier])
            if turn > 0 and grades.groups[tier] not in {grades.groups[each] for each in before}:
                usd += float(grades.fresh[row, turn, tier])
        before = asked
    return quality, usd
