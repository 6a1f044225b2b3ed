"""The recommendation for people: in the terminal, as Markdown, and as a page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import html, terminal, text
from ladder_bench.report import markdown as marked
from ladder_bench.report.decision import HOW, SAYS, facts, grids, headline, noun_of, reasons
from ladder_bench.report.decision import held as met
from ladder_bench.report.grid import Grid, Words
from ladder_bench.report.table import Cell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

SPARED = ("resolved", "effective $ a month", "Q", "traffic", "conversations")  # where a terminal has no room, in turn
NAME = 12  # characters of a strategy's name on a line
HEAD = 14  # and of a head
KICKERS = {
    "found": "The cheapest that holds",
    "none": "Nothing holds",
    "undecided": "Too little is known to choose",
}


# --- the terminal --------------------------------------------------------------------------


def print_recommendation(found: Mapping[str, Json]) -> None:
    """Print the answer, what to beware of, dollars, why the others do not hold, and what cross-fitting says."""
    from rich.padding import Padding

    console = terminal._console()
    for sentence in headline(found):
        terminal._line(console, sentence, style="bold")
    for banner in found["banners"]:
        terminal._line(console, f"! {banner}", style="yellow")
    for _, each in grids(found)[1:]:
        console.print()
        terminal._line(console, each.caption, style="dim")
        console.print(_fitting(console, each))
        for number, note in enumerate(each.notes, 1):
            terminal._line(console, f"{terminal._superscript(number)} {note}", style="dim")
    console.print()
    terminal._line(console, HOW, style="dim")
    for row in found["strategies"]:
        terminal._line(console, f"{row['name']}: {SAYS[row['status']]}", style="bold")
        for reason in reasons(row, noun_of(found)) or [met(row)]:
            console.print(Padding(text.one_line(reason), (0, 0, 0, 2)))
    for fact in facts(found):
        terminal._line(console, f"{fact.name}: {fact.value}", style="dim")


def _fitting(console: Console, found: Grid) -> RichTable:
    """The table with all columns that there is room for."""
    unbounded = console.options.update(width=10_000)
    left_out: set[str] = set()
    for head in (None, *SPARED):
        left_out |= {head} if head else set()
        table = _rich(found, left_out)
        if console.measure(table, options=unbounded).minimum <= console.width:
            break
    return table


def _rich(found: Grid, left_out: Collection[str]) -> RichTable:
    table = terminal._grid(1)
    kept = [place for place, head in enumerate(found.heads) if head not in left_out]
    rows = [
        [line.head + (" (base)" if line.base else ""), *(_shown(each) for each in line.cells)] for line in found.lines
    ]
    for place in kept:
        words = found.is_text[place]
        head = "\n".join(wrap(found.heads[place], HEAD))
        widest = max(len(part) for each in (head, *(row[place] for row in rows)) for part in each.split("\n"))
        table.add_column(
            head, justify="left" if words else "right", overflow="fold", no_wrap=not words,
            min_width=min(NAME, widest) if words else widest,
        )  # fmt: skip
    for line, row in zip(found.lines, rows, strict=True):
        table.add_row(*(row[place] for place in kept), style="dim" if line.quiet else "")
    return table


def _shown(cell: Cell | Words) -> str:
    return terminal._cell(cell) if isinstance(cell, Cell) else _words(cell)


def _words(cell: Words) -> str:
    return " ".join(part for part in (f"{cell.mark}:" if cell.mark and cell.text else cell.mark, cell.text) if part)


# --- pages ---------------------------------------------------------------------------------


def markdown(found: Mapping[str, Json]) -> str:
    """The answer as Markdown."""
    lines = [f"# {marked.plain(found['dataset'])}: ladder-bench recommend", ""]
    lines += [f"**{marked.plain(' '.join(headline(found)))}**", ""]
    for banner in found["banners"]:
        lines += [f"> {marked.plain(banner)}", ">"]
    tag = "*Simulated tiers.* " if found["simulated"] else ""
    for heading, each in grids(found):
        caption = marked.plain(each.caption).replace("Below each value", "In brackets")
        lines += ["", f"## {heading}", "", f"{tag}{caption}", "", marked._grid(each)]
    lines += ["", "## Why", ""]
    lines += [
        f"- {marked.plain(row['name'])}: {SAYS[row['status']]}{_because(row, noun_of(found))}"
        for row in found["strategies"]
    ]
    lines += ["", *(f"- **{fact.name}**: {marked.plain(fact.value)}" for fact in facts(found)), ""]
    return "\n".join(lines)


def _because(row: Mapping[str, Json], noun: str) -> str:
    found: Sequence[str] = reasons(row, noun)
    return f" ({'; '.join(marked.plain(text.one_line(each)) for each in found)})" if found else ""


def page(found: Mapping[str, Json], command: str) -> str:
    """The answer as HTML."""
    return html.still(
        "recommend.html.jinja",
        command,
        title=text.one_line(found["dataset"]),
        kicker=KICKERS[found["outcome"]],
        headline=headline(found),
        banners=[text.one_line(banner) for banner in found["banners"]],
        grids=grids(found),
        why=[
            (
                text.one_line(row["name"]),
                SAYS[row["status"]],
                [text.one_line(each) for each in reasons(row, noun_of(found))],
            )
            for row in found["strategies"]
        ],
        facts=facts(found),
        simulated=found["simulated"],
    )
