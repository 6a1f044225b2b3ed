"""The strategies table: every cell as text with its interval, its n and the reason for what is missing. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.columns import COLUMNS, HEADLINE, Column, told

MISSING = "n/a"
NO_BASE = "no single tier has a quality to compare with"
NOT_IDENTIFIED = "not identified"
IDENTICAL = "identical"  # in every conversation: there is no spread to make an interval from
FRONTS = (
    "Below a Pareto label: in how many bootstrap draws of the conversations no other strategy is as good and as cheap, "
    "and better in one of both; it describes, and tests nothing."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One number for people. `sort` orders it, None last; `note` is its place in the table's notes, from 1.

    `strong`: its interval leaves out what would mean nothing. `flag`: a warning that stands beside it.
    """

    value: str
    interval: str = ""
    extra: str = ""
    note: int | None = None
    why: str = ""
    sort: float | None = None
    strong: bool = False
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One strategy: its number in the figure, its label, how often draws have it on the front, and its cells."""

    number: int
    name: str
    control: bool
    label: str
    front: Cell
    base: bool
    chosen: bool
    cells: tuple[Cell, ...]
    difference: Cell
    share: Cell


@dataclass(frozen=True, slots=True)
class Table:
    """Rows and columns, the n that most cells have, and the reasons that cells refer to."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    n: int | None
    notes: tuple[str, ...]
    base: str | None

    @property
    def basis(self) -> str:
        """How many conversations the values are from, and where their intervals stand or why there are none."""
        n = "" if self.n is None else f"n = {text.counted(self.n, 'conversation')} unless a cell says otherwise. "
        cells = [cell for row in self.rows for cell in (*row.cells, row.difference)]
        known = any(cell.interval and cell.note is None for cell in cells)
        return n + ("Below each value its 95 % interval over conversations." if known else "No value has an interval.")

    @property
    def flagged(self) -> tuple[str, ...]:
        """The strategies whose difference to the base depends on how user turns are counted that no longer fit."""
        return tuple(row.name for row in self.rows if row.difference.flag)

    @property
    def eaten(self) -> str:
        """What stands below the shares, where any strategy saves something."""
        below = any(row.share.extra for row in self.rows)
        return "Below a share: the extra turns a conversation may take before what is saved is gone." if below else ""

    @property
    def fronts(self) -> str:
        """What stands below the Pareto labels, where draws say anything."""
        return FRONTS if any(row.front.sort is not None for row in self.rows) else ""

    def cell(self, row: Row, metric: str) -> Cell:
        """A row's cell by metric, where the table has that column."""
        return row.cells[[column.metric for column in self.columns].index(metric)]


class Notes:
    """Reasons in the order in which cells need them, each once."""

    def __init__(self) -> None:
        self.found: dict[str, int] = {}

    def number(self, reason: str) -> int:
        return self.found.setdefault(reason, len(self.found) + 1)


def table(summary: Mapping[str, Json], columns: Sequence[Column] = COLUMNS) -> Table:
    """The table of a summary. Columns without any value are left out, except quality and cost."""
    strategies = summary["strategies"]
    present = tuple(
        column
        for column in told(columns, summary)
        if column.metric in HEADLINE or any(_estimate(each, column.metric)["value"] is not None for each in strategies)
    )
    estimates = [_estimate(each, column.metric) for each in strategies for column in present]
    sizes = Counter(each["n"] for each in estimates if each["value"] is not None)
    usual = max(sizes, key=lambda size: (sizes[size], size)) if sizes else None
    notes = Notes()
    rows = tuple(_row(number, each, present, summary, usual, notes) for number, each in enumerate(strategies, 1))
    return Table(present, rows, usual, tuple(notes.found), summary["base"])


def _estimate(strategy: Mapping[str, Json], metric: str) -> Mapping[str, Json]:
    absent = {"value": None, "low": None, "high": None, "n": 0, "unscored": 0, "why": "this run has no such metric"}
    found: Mapping[str, Json] = strategy["metrics"].get(metric, absent)
    return found


def _row(
    number: int,
    strategy: Mapping[str, Json],
    columns: Sequence[Column],
    summary: Mapping[str, Json],
    usual: int | None,
    notes: Notes,
) -> Row:
    name, base = strategy["name"], summary["base"]
    return Row(
        number=number,
        name=text.one_line(name),
        control=bool(strategy["controls"]),
        label=strategy["pareto"],
        front=_front(strategy.get("front_share"), usual),
        base=name == base,
        chosen=name == summary["verdict"]["strategy"],
        cells=tuple(estimate_cell(_estimate(strategy, c.metric), c, usual, notes) for c in columns),
        difference=_marked(_difference(strategy, base, usual, notes), summary, name),
        share=_share(strategy, base, notes),
    )


def estimate_cell(estimate: Mapping[str, Json], column: Column, usual: int | None, notes: Notes) -> Cell:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    why = text.one_line(estimate["why"] or "no reason was given")
    if value is None:
        return Cell(MISSING, note=notes.number(why), why=why)
    shown = text.quantity(value, column.unit)
    extra = sized(estimate, usual)
    if low is None or high is None:
        return Cell(shown, "no interval", extra, notes.number(why), why, value)
    return Cell(shown, text.interval(value, low, high, column.unit), extra, sort=value)


def sized(estimate: Mapping[str, Json], usual: int | None) -> str:
    """How many conversations a value is from, where that is not the usual number, and what it leaves out."""
    parts = []
    if estimate["n"] != usual:
        parts.append(f"n = {estimate['n']:,}")
    if estimate["unscored"]:
        parts.append(f"{estimate['unscored']:,} unscored")
    return ", ".join(parts)


def _front(found: Mapping[str, Json] | None, usual: int | None) -> Cell:
    """How often a strategy is on the front, in words that stand below its label; empty in an older run."""
    if not found:
        return Cell("")
    if found["value"] is None:
        return Cell(f"{MISSING}: {text.one_line(found['why'])}")
    n = "" if found["n"] == usual else f", n = {found['n']:,}"
    return Cell(f"{text.percent(found['value'])} of draws{n}", sort=found["value"])


def _difference(strategy: Mapping[str, Json], base: str | None, usual: int | None, notes: Notes) -> Cell:
    """The paired difference in quality to the base, in hundredths."""
    against = strategy["against_base"]
    if base is None or against is None:
        return Cell(MISSING, why=NO_BASE)
    if strategy["name"] == base:
        return Cell("base", sort=0.0)
    estimate = against["quality"]
    value, why = estimate["value"], text.one_line(estimate["why"] or "no reason was given")
    if value is None:
        return Cell(MISSING, note=notes.number(why), why=why)
    extra = sized(estimate, usual)
    if estimate["low"] is None:
        return Cell(text.points(value), "no interval", extra, notes.number(why), why, value)
    same = estimate["low"] == estimate["high"] == 0
    interval = IDENTICAL if same else text.points_interval(estimate["low"], estimate["high"])
    return Cell(text.points(value), interval, extra, sort=value)


def _marked(cell: Cell, summary: Mapping[str, Json], name: str) -> Cell:
    found = summary["validity"].get("strategies", {}).get(name, {})
    return replace(cell, flag=NOT_IDENTIFIED) if found.get("identified") is False else cell


def _turns(extra: Mapping[str, Json]) -> str:
    """A number of turns with its interval, "" where it has none."""
    value, low, high = (extra.get(name) for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return ""
    return f"+{text.number(value)} turns ({text.interval(value, low, high, 'rate')})"


def _share(strategy: Mapping[str, Json], base: str | None, notes: Notes) -> Cell:
    """Warm cost / the base's, and the extra turns that would eat what is saved, where they have an interval."""
    against = strategy["against_base"]
    if base is None or against is None:
        return Cell(MISSING, why=NO_BASE)
    cost = against.get("cost") or {"value": against["cost_share"], "low": None, "high": None, "why": None}
    share, low, high = cost["value"], cost["low"], cost["high"]
    if share is None:
        why = "one of the two costs is not known, or the base costs nothing"
        return Cell(MISSING, note=notes.number(why), why=why)
    if strategy["name"] == base:
        return Cell(text.percent(share), sort=share)
    if low is None or high is None:
        reason = text.one_line(cost["why"] or "")  # none in an older run, which knows no more
        if not reason:
            return Cell(text.percent(share), sort=share)
        return Cell(text.percent(share), "no interval", "", notes.number(reason), reason, share)
    extra = _turns(against.get("break_even_extra_turns") or {})
    return Cell(text.percent(share), text.interval(share, low, high, "share"), extra, sort=share)
