"""Where quality is won and lost: by turn, and by turns since a handoff. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report.grid import Grid, Row, Value, Words, grid

ABSENT = Words("no such turn")
SINCE = {
    "before": "before any",
    "0": "first answer after",
    "1": "1 turn later",
    "2": "2 turns later",
    "3+": "3 or more",
}
FORCED = "By turns since a handoff: not shown. Every turn of a forced replay starts from the recording."


@dataclass(frozen=True, slots=True)
class ByTurn:
    """Quality by turn and by turns since a handoff, and why the latter is not there."""

    turns: Grid | None
    since: Grid | None
    why_not: str | None


def by_turn(summary: Mapping[str, Json]) -> ByTurn | None:
    """The section's tables; None where nothing was scored."""
    rows = [row for row in summary["strategies"] if any(_known(each) for each in row.get("quality_by_turn", ()))]
    if not rows:
        return None
    numbers = {each["turn"]: each["on"] for row in rows for each in row["quality_by_turn"]}
    heads = [f"turn {turn}{' and on' if numbers[turn] else ''}" for turn in sorted(numbers)]
    handed = [row for row in rows if row.get("quality_since_handoff")]
    return ByTurn(
        turns=grid(
            "by-turn",
            "Q at each turn. Where a stronger tier alone leads on the first turns only, a ladder can fit; where it "
            "leads by as much on all of them, stepping down loses that on every later turn.",
            ("strategy", *heads),
            [_row(row, _at_turns(row, sorted(numbers))) for row in rows],
        ),
        since=grid(
            "since-handoff",
            "Q by turns since the last change of tier, over the turns that were so far from one.",
            ("strategy", *SINCE.values()),
            [_row(row, [Value(row["quality_since_handoff"][key], "score") for key in SINCE]) for row in handed],
        ),
        why_not=FORCED if summary["mode"] == "forced" else None,
    )


def _known(each: Mapping[str, Json]) -> bool:
    return each["estimate"]["value"] is not None


def _at_turns(row: Mapping[str, Json], numbers: list[int]) -> list[Value | Words]:
    found = {each["turn"]: each["estimate"] for each in row["quality_by_turn"]}
    return [Value(found[number], "score") if number in found else ABSENT for number in numbers]


def _row(row: Mapping[str, Json], cells: list[Value | Words] | list[Value]) -> Row:
    return Row(row["name"], cells, quiet=bool(row["controls"]))
