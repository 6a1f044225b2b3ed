"""The marks of the cost/quality figure: which points are drawn, the single-tier line, and where labels stand. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import text

Box = tuple[float, float, float, float]  # left, bottom, right, top
NAMES_AT_MOST = 8  # points that carry their name; more of them carry a number
LONGEST_NAME = 24  # characters that fit beside a point
LABELS = ("front", "undecided", "dominated")


@dataclass(frozen=True, slots=True)
class Mark:
    """A strategy as a point. Intervals are (low, high) or None; `single` for a tier alone without prompts."""

    number: int
    name: str
    control: bool
    single: bool
    base: bool
    label: str
    cost: float
    cost_interval: tuple[float, float] | None
    quality: float | None
    quality_interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Marks:
    """The points of a run, and why others have none.

    `over`: the strategy over which a preference stands for quality.
    """

    drawn: tuple[Mark, ...]
    left_out: tuple[str, ...]
    has_quality: bool
    over: str | None = None

    @property
    def numbered(self) -> bool:
        """Whether points carry numbers, with the names in a key."""
        return len(self.drawn) > NAMES_AT_MOST or any(len(mark.name) > LONGEST_NAME for mark in self.drawn)


def marks(summary: Mapping[str, Json], about: Mapping[str, Json]) -> Marks:
    """One mark a strategy that has a cost above 0 (and a quality, where any strategy has one)."""
    singles = {each["name"] for each in about["strategies"] if is_plain_single(each)}
    strategies = summary["strategies"]
    has_quality = any(each["metrics"]["quality"]["value"] is not None for each in strategies)
    drawn, left_out = [], []
    for number, each in enumerate(strategies, 1):
        cost, quality = each["metrics"]["cost_usd_warm"], each["metrics"]["quality"]
        name = text.one_line(each["name"])
        if cost["value"] is None or cost["value"] <= 0:
            left_out.append(f"{name}: {cost['why'] or 'costs nothing, which a log axis cannot show'}")
        elif has_quality and quality["value"] is None:
            left_out.append(f"{name}: {quality['why']}")
        else:
            drawn.append(
                Mark(
                    number=number,
                    name=name,
                    control=bool(each["controls"]),
                    single=each["name"] in singles,
                    base=each["name"] == summary["base"],
                    label=each["pareto"],
                    cost=cost["value"],
                    cost_interval=_interval(cost),
                    quality=quality["value"],
                    quality_interval=_interval(quality),
                )
            )
    preferred = summary.get("preference") or {}
    over = text.one_line(preferred["against"]) if preferred.get("stands_in") else None
    return Marks(tuple(drawn), tuple(left_out), has_quality, over)


def is_plain_single(strategy: Mapping[str, Json]) -> bool:
    """Whether a strategy of run.json is one tier alone, without scaffold, guardrails or escalation."""
    return (
        len(strategy["steps"]) == 1
        and not strategy["mix"]
        and not strategy["scaffold"]
        and not strategy["guardrails"]
        and not strategy["escalation"]
    )


def _interval(estimate: Mapping[str, Json]) -> tuple[float, float] | None:
    low, high = estimate["low"], estimate["high"]
    return None if low is None or high is None else (low, high)


# --- the single-tier line ------------------------------------------------------------------


def single_tier_line(drawn: Sequence[Mark], steps: int = 40) -> list[tuple[float, float]]:
    """(cost, quality) along the best that mixing plain single tiers by chance reaches at each cost.

    It is the upper hull in dollars, sampled so that it looks right on a log axis; empty with fewer than two tiers.
    """
    points = sorted((mark.cost, mark.quality) for mark in drawn if mark.single and mark.quality is not None)
    hull: list[tuple[float, float]] = []
    for point in points:
        while len(hull) >= 2 and _turns_left(hull[-2], hull[-1], point):
            hull.pop()
        hull.append(point)
    if len(hull) < 2:
        return []
    line = [hull[0]]
    for (a, qa), (b, qb) in itertools.pairwise(hull):
        for step in range(1, steps + 1):
            cost = a * (b / a) ** (step / steps)
            line.append((cost, qa + (qb - qa) * (cost - a) / (b - a) if b > a else qb))
    return line


def _turns_left(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]) >= 0


# --- labels --------------------------------------------------------------------------------

_AROUND = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
_DISTANCES = (6.0, 12.0, 20.0, 32.0, 46.0)  # pixels between a point and its label


def place(
    points: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], bars: Sequence[Box], frame: Box
) -> list[tuple[float, float]]:
    """The middle of each point's label, in pixels: near its point, inside the frame, off other labels and points.

    Greedy in the given order: labels and points must not be covered, error bars (`bars`) rather not.
    """
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in points]
    found = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        best: tuple[float, float, float] | None = None
        for ring, distance in enumerate(_DISTANCES):
            for turn, (right, up) in enumerate(_AROUND):
                cx, cy = x + right * (distance + width / 2), y + up * (distance + height / 2)
                box = (cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)
                penalty = 3.0 * ring + 0.1 * turn
                penalty += 100.0 * sum(_overlap(box, other) for other in taken)
                penalty += 2.0 * sum(_overlap(box, bar) for bar in bars)
                penalty += 1000.0 * (not _inside(box, frame))
                if best is None or penalty < best[0]:
                    best = (penalty, cx, cy)
        assert best is not None
        _, cx, cy = best
        found.append((cx, cy))
        taken.append((cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2))
    return found


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _inside(box: Box, frame: Box) -> bool:
    return frame[0] <= box[0] and frame[1] <= box[1] and box[2] <= frame[2] and box[3] <= frame[3]
