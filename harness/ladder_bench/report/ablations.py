"""What each part buys: one knob at a time, and the prompt pack apart from the ladder. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.analyse.ablations import BEYOND_PACK, PACK
from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, TIMES, Grid, Row, Value, Words, grid

NOTHING = "nothing shown"
SAME = "no conversation differs"
KNOBS = {
    "guide_turns": "turns of the guide",
    "at_most": "escalations at most",
    "cooldown_turns": "turns between escalations",
    "max_tokens": "tokens of the memory at most",
    "refresh_every": "refresh of the memory",
    "writer": "writer of the memory",
    "detect": "detector of triggers",
    "on_unknown": "unknown language",
    "to": "escalation to",
    "return": "return from an escalation",
}
HEADS = ("difference in Q, points", "what it shows", "warm cost", "resolved, points", "unsupported a turn")
ADJUSTED = 0.05  # of the p-value over all rows of the table (Holm)
LINES = 8  # in a terminal


@dataclass(frozen=True, slots=True)
class Parts:
    """The tables of the section, and why there is no comparison where one would be expected."""

    pooled: Grid | None
    pack: Grid | None
    pairs: Grid | None
    withheld: tuple[str, ...]


def parts(summary: Mapping[str, Json]) -> Parts | None:
    """What a run says of its parts; None where no two of its strategies differ in one."""
    every: Sequence[Mapping[str, Json]] = summary.get("ablations", ())
    if not every:
        return None
    pack = [each for each in every if each["knob"] in (PACK, BEYOND_PACK)]
    single = [each for each in every if each["knob"] not in (PACK, BEYOND_PACK) and not each["why"]]
    return Parts(
        pooled=grid(
            "parts",
            "Each line changes one thing and keeps the rest, over all pairs of strategies that differ in it alone. "
            "Bold: the interval leaves out 0.",
            ("part", "pairs", *HEADS),
            [Row(_change(each), (_pairs(each), *_cells(each))) for each in summary["ablations_pooled"]],
        ),
        pack=grid(
            "pack",
            "Every tier alone with the prompt pack (scaffold and guardrails), and every ladder against its last tier "
            "with that pack: the first lines are what better prompts buy, the others what the ladder adds to them.",
            ("compared", "with", *HEADS),
            [Row(each["strategy"], (Words(each["base"]), *_cells(each))) for each in pack if not each["why"]],
        ),
        pairs=grid(
            "pairs",
            "The pairs that the lines above are made of.",
            ("strategy", "with", "part", *HEADS),
            [Row(each["strategy"], (Words(each["base"]), Words(_change(each)), *_cells(each))) for each in single],
        ),
        withheld=_withheld(every),
    )


def lines(summary: Mapping[str, Json]) -> list[str]:
    """The pooled comparisons, one a line, for a terminal: 'memory: +2.1 points (+0.4…+3.8), n = 24'."""
    rows = summary.get("ablations_pooled", ())
    found = [_line(each) for each in rows[:LINES]]
    return [*found, f"and {len(rows) - LINES} more in the report"] if len(rows) > LINES else found


def _line(row: Mapping[str, Json]) -> str:
    quality = row["differences"]["quality"]
    if quality["value"] is None:
        return f"{_change(row)}: n/a ({quality['why']})"
    points = f"{_change(row)}: {text.points(quality['value'])} points"
    if quality["low"] is None:
        return f"{points}, {quality['why']}"
    shown = _shows(row)
    if shown == SAME:
        return f"{_change(row)}: {SAME} in Q, n = {quality['n']}"
    interval = text.points_interval(quality["low"], quality["high"]).replace(text.RANGE, "…")
    return f"{points} ({interval}), n = {quality['n']}" + ("" if shown in ("gains", "loses") else f"; {shown}")


# --- rows ----------------------------------------------------------------------------------


def _change(row: Mapping[str, Json]) -> str:
    """What is changed: 'memory' where it was none before and is the standard now, else from what to what."""
    knob = KNOBS.get(row["knob"], str(row["knob"]).replace("_", " "))
    if row["from"] == "none" and row["to"] == "standard":
        return knob
    return f"{knob}: {row['from']} → {row['to']}"


def _pairs(row: Mapping[str, Json]) -> Words:
    return Words(text.counted(row["pairs"], "pair"))


def _cells(row: Mapping[str, Json]) -> tuple[Value | Words, ...]:
    differences = row["differences"]
    return (
        Value(differences["quality"], POINTS, nothing=0.0),
        Words(_shows(row)),
        Value(row["cost_ratio"], TIMES, nothing=1.0),
        Value(differences["resolved"], POINTS, nothing=0.0),
        Value(differences["unsupported_per_turn"], "rate", nothing=0.0),
    )


def _shows(row: Mapping[str, Json]) -> str:
    """What a difference in quality shows, alone and among all the rows of its table."""
    quality = row["differences"]["quality"]
    low, high, p = quality["low"], quality["high"], row["p_adjusted"]
    if low is None or high is None:
        return "no interval"
    if low == high == 0:
        return SAME
    if low <= 0 <= high:
        return NOTHING
    direction = "gains" if low > 0 else "loses"
    return direction if p is None or p < ADJUSTED else f"{direction}; not once all lines are tested (Holm)"


def _withheld(rows: Sequence[Mapping[str, Json]]) -> tuple[str, ...]:
    """Why comparisons are not made, each reason with the parts that it is about."""
    reasons: dict[str, dict[str, None]] = {}
    for each in rows:
        if each["why"]:
            reasons.setdefault(each["why"], {})[KNOBS.get(each["knob"], str(each["knob"]))] = None
    return tuple(text.one_line(f"Not compared ({', '.join(knobs)}): {why}.") for why, knobs in reasons.items())
