"""A grid: a small table of one section, as text, with its intervals, its notes and what its caption must say. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.table import IDENTICAL, MISSING, Cell, Notes, sized

Unit = text.Unit | str  # or "points": a difference between scores, in hundredths
POINTS = "points"
TIMES = "times"  # a ratio of two values


@dataclass(frozen=True, slots=True)
class Value:
    """An estimate of a summary that is to be shown. `nothing`: the value that would mean no effect, if there is one."""

    estimate: Mapping[str, Json]
    unit: Unit
    nothing: float | None = None
    flag: str = ""


@dataclass(frozen=True, slots=True)
class Words:
    """A cell of words; `mark` stands before them, as a label."""

    text: str = ""
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A row: what it is about, and its cells. Controls are quiet; `base` is what others compare with."""

    head: str
    cells: tuple[Cell | Words, ...]
    quiet: bool = False
    base: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: `id` is its place on a page, `heads` are its columns, of which the first one is about the rows."""

    id: str
    caption: str
    heads: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def is_text(self) -> tuple[bool, ...]:
        """For each column whether it holds words, which are set from the left."""
        columns = [tuple(line.cells[place] for line in self.lines) for place in range(len(self.heads) - 1)]
        return (True, *(all(isinstance(cell, Words) for cell in column) for column in columns))


@dataclass(frozen=True, slots=True)
class Row:
    """What a line is made from."""

    head: str
    cells: Sequence[Value | Words | Cell]
    quiet: bool = False
    base: bool = False


def grid(name: str, caption: str, heads: Sequence[str], rows: Sequence[Row], noun: str = "conversation") -> Grid | None:
    """A grid of rows, None without any. The caption gets the number of conversations that most values are from."""
    if not rows:
        return None
    values = [cell for row in rows for cell in row.cells if isinstance(cell, Value)]
    sizes = Counter(each.estimate["n"] for each in values if each.estimate["value"] is not None)
    usual = max(sizes, key=lambda size: (sizes[size], size)) if sizes else None
    notes = Notes()
    lines = tuple(
        Line(text.one_line(row.head), tuple(_cell(each, usual, notes) for each in row.cells), row.quiet, row.base)
        for row in rows
    )
    about = f"{text.one_line(caption)} {basis(usual, lines, noun)}".rstrip()
    return Grid(f"grid-{name}", about, tuple(text.one_line(head) for head in heads), lines, tuple(notes.found))


def basis(usual: int | None, lines: Sequence[Line], noun: str = "conversation") -> str:
    """How many conversations the values are from, and what stands below them."""
    if usual is None:
        return ""
    known = any(isinstance(cell, Cell) and cell.interval and cell.note is None for line in lines for cell in line.cells)
    below = "Below each value its 95 % interval." if known else "No value has an interval."
    size = f"n = {text.counted(usual, noun)}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{size} unless a cell says otherwise. {below}"


def number(value: float, unit: Unit = "count") -> Cell:
    """A count or an amount that is no estimate."""
    return Cell(_shown(value, unit), sort=value)


def count(value: int) -> Cell:
    """A whole number, to its last digit."""
    return Cell(f"{value:,}", sort=value)


def _cell(cell: Value | Words | Cell, usual: int | None, notes: Notes) -> Cell | Words:
    if isinstance(cell, Cell):
        return cell
    if isinstance(cell, Words):
        return Words(text.one_line(cell.text), text.one_line(cell.mark))
    return replace(_value(cell, usual, notes), flag=cell.flag)


def _value(cell: Value, usual: int | None, notes: Notes) -> Cell:
    value, low, high = cell.estimate["value"], cell.estimate["low"], cell.estimate["high"]
    why = text.one_line(cell.estimate["why"] or "no reason was given")
    if value is None:
        return Cell(MISSING, note=notes.number(why), why=why)
    shown, extra = _shown(value, cell.unit), sized(cell.estimate, usual)
    if low is None or high is None:
        return Cell(shown, "no interval", extra, notes.number(_once(why)), why, value)
    if low == high == cell.nothing:
        return Cell(shown, IDENTICAL, extra, sort=value)
    strong = cell.nothing is not None and not low <= cell.nothing <= high
    return Cell(shown, _interval(value, low, high, cell.unit), extra, sort=value, strong=strong)


def _once(why: str) -> str:
    """The reason without the number of conversations, which stands in the cell: one note for all of them."""
    few = re.fullmatch(rf"no interval: [\d,]+ (\w+), {FEWEST} are needed", why)
    return f"no interval: {FEWEST} {few[1]} are needed" if few else why


def _shown(value: float, unit: Unit) -> str:
    if unit == POINTS:
        return text.points(value)
    if unit == TIMES:
        return f"×{text.number(value, 2)}"
    return text.UNITS[unit](value, None)  # type: ignore[index]


def _interval(value: float, low: float, high: float, unit: Unit) -> str:
    if unit == POINTS:
        return text.points_interval(low, high)
    if unit == TIMES:
        return f"{text.number(low, 2)}{text.RANGE}{text.number(high, 2)}"
    return text.interval(value, low, high, unit)  # type: ignore[arg-type]
