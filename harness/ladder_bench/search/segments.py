"""Segments: is a ladder of its own for each tag better than one for all? Chosen and reported apart. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.search.choosing import Goal, parts_of, rank, without
from ladder_bench.search.family import Family
from ladder_bench.search.grades import Grades
from ladder_bench.search.results import per_dollar
from ladder_bench.search.screening import Moments, of_strategy, screen, together


def by_tag(
    grades: Grades, family: Family, goal: Goal, whole: list[Moments], least: int = FEWEST
) -> list[dict[str, Json]]:
    """For every tag of at least so many conversations: what choosing for it alone gains over choosing for all.

    `whole`: the sums of all conversations by part. Both choices see all parts but one, and are held against each other
    on that one, conversation by conversation; so the gain is of choosing, not of one ladder. Most conversations first.
    """
    counts = Counter(tag for tags in grades.tags for tag in set(tags))
    return [
        _segment(grades, family, goal, whole, tag)
        for tag, count in sorted(counts.items(), key=lambda each: (-each[1], each[0]))
        if count >= least
    ]


def _segment(grades: Grades, family: Family, goal: Goal, whole: list[Moments], tag: str) -> dict[str, Json]:
    mine = grades.of(np.array([row for row, tags in enumerate(grades.tags) if tag in tags], dtype=np.int64))
    part = parts_of(mine.ids, len(whole))
    moments = screen(mine, family, part, len(whole))
    quality, usd = np.zeros((2, len(mine))), np.zeros((2, len(mine)))
    filled = np.zeros(len(mine), dtype=bool)
    for each in range(len(whole)):
        rows = np.flatnonzero(part == each)
        seen = without(moments, each), without(whole, each)
        if not len(rows) or not seen[0].n:
            continue
        filled[rows] = True
        for side, sums in enumerate(seen):
            chosen = rank(sums, goal, family.complexity).order[0]
            quality[side, rows], usd[side, rows] = of_strategy(mine.of(rows), family, chosen)
    own = rank(together(moments), goal, family.complexity)
    quality, usd = quality[:, filled], usd[:, filled]
    gain = estimates.mean(estimates.difference(quality[0], quality[1]))
    saving = estimates.mean(estimates.difference(usd[1], usd[0]))
    return {
        "tag": tag,
        "conversations": len(mine),
        "chosen": family.name(own.order[0]),
        "quality_gain": asdict(gain),
        "saving_usd": asdict(saving),
        "qpd": [asdict(per_dollar(quality[side], usd[side], goal.unresolved_usd)) for side in (0, 1)],
    }
