"""What quality is worth: QPD against the base and in dollars, how it hangs on F, and cost at equal quality. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import TIMES, Grid, Row, Value, Words, grid

SENSITIVE = "F-sensitive"
SWEPT = (0.1, 0.5, 1.0, 2.0, 10.0, 100.0, 1000.0)  # multiples of F that have a column


@dataclass(frozen=True, slots=True)
class Worth:
    """What F is, quality per dollar against the base, the same along F, and cost at equal quality."""

    assumption: str
    against: Grid | None
    sweep: Grid | None
    equal: Grid | None


def worth(summary: Mapping[str, Json], about: Mapping[str, Json]) -> Worth | None:
    """The section; None for a run of an earlier version."""
    rows = [row for row in summary["strategies"] if "cost_at_equal_quality" in row]
    if not rows:
        return None
    return Worth(_assumption(summary, about), _against(rows, summary), _sweep(rows, summary), _equal(rows, summary))


def _assumption(summary: Mapping[str, Json], about: Mapping[str, Json]) -> str:
    usd = summary["unresolved_cost_usd"]
    if usd is None:
        return (
            "QPD and what follows from it have no value: F, what one unresolved conversation costs, is not declared, "
            "and the strongest tier has no cost to derive it from."
        )
    declared = about["config"].get("unresolved_cost_usd") is not None
    how = (
        "as declared"
        if declared
        else "an assumption: nobody declared it, so it is ten conversations on the strongest tier; declare your own "
        "with unresolved_cost_usd in the matrix"
    )
    rate = (
        "Q stands in for the share resolved, which nothing defines here. "
        if summary.get("qpd_rate") == "quality"
        else ""
    )
    return f"F, what one unresolved conversation costs, is {text.dollars(usd)} ({how}). {rate}".rstrip()


def _known(rows: Sequence[Mapping[str, Json]]) -> list[Mapping[str, Json]]:
    return [row for row in rows if row["qpd_against_base"] and row["qpd_against_base"]["log_ratio"]]


def _against(rows: Sequence[Mapping[str, Json]], summary: Mapping[str, Json]) -> Grid | None:
    base = summary["base"]
    made = []
    for row in _known(rows):
        found = row["qpd_against_base"]
        own = row["name"] == base
        cells: list[Value | Words] = [
            Words("base") if own else Value(_times(found["log_ratio"]), TIMES, nothing=1.0),
            Words() if own else Value(found["dollars"], "usd", nothing=0.0),
            Value(found["point_usd"], "usd"),
            Words("" if own else found["verdict"] or "", SENSITIVE if found["f_sensitive"] else ""),
        ]
        made.append(Row(row["name"], cells, bool(row["controls"]), own))
    caption = (
        f"Against {base}, paired by conversation. QPD: R / (C + F (1 - R)), as a ratio; above 1 more is resolved per "
        "effective dollar. Dollars: what a conversation costs more (+) or less, with F for each that is not resolved; "
        "they add up over segments. One point of R: what a conversation may cost more for 0.01 more resolved, with QPD "
        f"as it is. {SENSITIVE}: better, worse or undecided turns into another of them within a tenth and ten times F."
    )
    heads = ("strategy", "QPD / the base's", "effective $ against the base", "$ that one point of R is worth", "by QPD")
    return grid("worth", caption, heads, made)


def _times(log: Mapping[str, Json]) -> dict[str, Json]:
    """A log ratio as a ratio."""
    names = ("value", "low", "high")
    return {**log, **{name: None if log[name] is None else math.exp(log[name]) for name in names}}


def _sweep(rows: Sequence[Mapping[str, Json]], summary: Mapping[str, Json]) -> Grid | None:
    made = []
    for row in _known(rows):
        swept = {each["factor"]: each for each in row["qpd_against_base"]["sweep"]}
        if row["name"] != summary["base"] and swept:
            about = {"n": row["qpd_against_base"]["log_ratio"]["n"], "unscored": 0, "why": "QPD has no value there"}
            cells = [Value({**_times(swept[factor]), **about}, TIMES, nothing=1.0) for factor in SWEPT]
            made.append(Row(row["name"], cells, bool(row["controls"])))
    caption = "QPD / the base's, had an unresolved conversation cost so many times F. Bold: the interval leaves out 1."
    return grid("worth-sweep", caption, ("strategy", *(f"×{factor:g}" for factor in SWEPT)), made)


def _equal(rows: Sequence[Mapping[str, Json]], summary: Mapping[str, Json]) -> Grid | None:
    made = []
    for row in rows:
        found = row["cost_at_equal_quality"]
        between = " and ".join(found["between"]) if found["between"] else ""
        cells: list[Value | Words] = [
            Value(found["saving_usd"], "usd", nothing=0.0),
            Value(found["saving_share"], "share", nothing=0.0),
            Words(between),
        ]
        made.append(Row(row["name"], cells, bool(row["controls"]), row["name"] == summary["base"]))
    if not any(row["cost_at_equal_quality"]["saving_usd"]["value"] is not None for row in rows):
        return None
    caption = (
        "What a strategy saves a conversation against the straight line between two single tiers at its own quality: "
        "what sending conversations to one of the two by lot would cost for as much. Intervals by bootstrap. Outside "
        "of the line nothing is said."
    )
    heads = ("strategy", "$ saved at equal quality", "of the line's cost", "between")
    return grid("equal-quality", caption, heads, made)
