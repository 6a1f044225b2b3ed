"""Slices: quality and cost against the base by tag, as a table. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, grid
from ladder_bench.report.table import Cell

MOST_NAMES = 12


@dataclass(frozen=True, slots=True)
class Slices:
    """The table, and what it leaves out."""

    rows: Grid | None
    left_out: str


def slices(summary: Mapping[str, Json]) -> Slices | None:
    """The section; None where the dataset has no tags, or an earlier version wrote the run."""
    found = summary.get("slices")
    if not found or not found["tagged"]:
        return None
    controls = {row["name"]: bool(row["controls"]) for row in summary["strategies"]}
    rows = [
        Row(
            row["tag"],
            [
                Words(row["strategy"]),
                Cell(f"{row['n']:,}", sort=row["n"]),
                Value(row["quality"], POINTS, nothing=0.0),
                Value(row["cost_ratio"], "share", nothing=1.0),
            ],
            controls.get(row["strategy"], False),
        )
        for row in found["rows"]
    ]
    caption = (
        f"Against {found['base']} within the conversations of each tag, paired. Intervals hold for all tags of a "
        "strategy together (max-T), in quality and in cost apart."
    )
    heads = ("tag", "strategy", "conversations", "quality, points", "cost / base")
    return Slices(grid("slices", caption, heads, rows), _left_out(found))


def _left_out(found: Mapping[str, Json]) -> str:
    counts = found["left_out"]
    parts = []
    if counts["too_small"]:
        names = [f"{each['tag']} ({each['n']})" for each in found["too_small"][:MOST_NAMES]]
        more = f" and {counts['too_small'] - len(names)} more" if counts["too_small"] > len(names) else ""
        tags = text.counted(counts["too_small"], "tag")
        parts.append(f"{tags} with fewer than {FEWEST} conversations: {', '.join(names)}{more}.")
    if counts["beyond"]:
        parts.append(f"{text.counted(counts['beyond'], 'tag')} with fewer conversations than those shown.")
    return text.one_line(f"Not shown: {' '.join(parts)}") if parts else ""
