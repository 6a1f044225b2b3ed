"""A forest of intervals: how far each difference in points is from none, and how sure that is. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import compare_grids as grids
from ladder_bench.report import text

ROOM = 1.08  # of the widest bound, to each side
FEWEST = 2  # lines that are worth a figure


@dataclass(frozen=True, slots=True)
class Bar:
    """A line: its name, its difference in words, and where it stands, in % of the width. `band` is the wider one."""

    name: str
    shown: str
    at: float
    interval: tuple[float, float]
    band: tuple[float, float] | None
    strong: bool


@dataclass(frozen=True, slots=True)
class Forest:
    """Bars around the line of no difference, which is in the middle. `reach`: points at the edges."""

    caption: str
    bars: tuple[Bar, ...]
    reach: str


def forest(found: Mapping[str, Json]) -> Forest | None:
    """Of one comparison a bar a metric that is in points, of several a bar a comparison; None with too few bars."""
    comparisons = found["comparisons"]
    if len(comparisons) == 1:
        metrics = comparisons[0]["metrics"]
        rows = [(grids.name_of(name), name, row) for name, row in metrics.items() if name in grids.SHARES]
        what = "Every metric that is a share"
    else:
        by = next(
            (name for name in grids.JUDGED if any(each["metrics"][name]["value"] is not None for each in comparisons)),
            grids.JUDGED[0],
        )
        rows = [(grids.head(found, each), by, each["metrics"][by]) for each in comparisons]
        what = f"{grids.name_of(by)} of every comparison"
    known = [(name, metric, row) for name, metric, row in rows if row["value"] is not None and row["low"] is not None]
    if len(known) < FEWEST:
        return None
    bounds = [abs(each) for _, _, row in known for each in (*_interval(row), *(_band(row) or ()))]
    reach = ROOM * max(max(bounds), 1e-9)
    bars = tuple(_bar(name, metric, row, reach) for name, metric, row in known)
    caption = f"{what}, candidate minus base in points of 0.01. Thick: its 95 % interval."
    if any(bar.band for bar in bars):
        caption += " Thin: the band that holds over all of them."
    return Forest(f"{caption} The table below holds the same.", bars, text.number(100 * reach, _places(100 * reach)))


def _bar(name: str, metric: str, row: Mapping[str, Json], reach: float) -> Bar:
    def place(value: float) -> float:
        return round(50 + 50 * value / reach, 2)

    low, high = _interval(row)
    band = _band(row)
    return Bar(
        name,
        grids.signed(metric, row["value"]),
        place(row["value"]),
        (place(low), place(high)),
        None if band is None else (place(band[0]), place(band[1])),
        row["says"] == "different",
    )


def _interval(row: Mapping[str, Json]) -> tuple[float, float]:
    return row["low"], row["high"]


def _band(row: Mapping[str, Json]) -> tuple[float, float] | None:
    found = row["band"]
    return None if found is None else (found["low"], found["high"])


def _places(value: float) -> int:
    return 0 if value >= 10 else max(0, -math.floor(math.log10(value)))
