"""The terminal: a run's summary and a plan as tables on stdout."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.content import display
from ladder_bench.domain import Json
from ladder_bench.folder import Run
from ladder_bench.forecast import Again, FollowUps, Plan, Range, Route, Sending
from ladder_bench.report import ablations, judging, method, preferences, routes, text, trials
from ladder_bench.report.columns import BY_METRIC
from ladder_bench.report.grid import Words
from ladder_bench.report.routes import plan_json
from ladder_bench.report.table import NOT_IDENTIFIED, Cell, Table, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

__all__ = ["plan_json", "print_plan", "print_summary"]

WIDE = 120  # columns from which everything has room
FLAG = "‡"  # beside a difference that depends on how turns are counted
PIPED = 120  # width where stdout is a file or a pipe and nobody set COLUMNS
SHOWN = ("quality", "cost_usd_warm", "resolved", "escalations_per_conversation", "handoffs_per_conversation")
ONLY_WIDE = frozenset(("escalations_per_conversation", "handoffs_per_conversation"))
HEADINGS = {
    "quality": "Q", "cost_usd_warm": "$ each", "resolved": "resolved",
    "escalations_per_conversation": "escalations", "handoffs_per_conversation": "handoffs",
}  # fmt: skip
AFTER = {"quality": "dQ, points", "cost_usd_warm": "share"}  # columns that need a base, after the metric they compare


def print_summary(run: Run) -> None:
    """Print a run: the verdict, what to beware of, the table, and what to do next."""
    console = _console()
    summary = run.summary
    _line(console, summary["verdict"]["text"], style="bold")
    for banner in summary["banners"]:
        _line(console, f"! {banner}", style="yellow")
    console.print()
    whole = table(summary, [BY_METRIC[metric] for metric in SHOWN])
    wide = console.width >= WIDE
    has_quality = any(each["metrics"]["quality"]["value"] is not None for each in summary["strategies"])
    console.print(_strategies(whole, wide, has_quality))
    for line in _footnotes(whole, wide):
        _line(console, line, style="dim")
    _print_parts(console, run)
    _print_own_rubrics(console, run)
    console.print()
    for line in _next(run):
        _line(console, line)
    console.print(f"report: {text.one_line(display(run.path / 'report.html'))}", soft_wrap=True)  # a path stays whole


def _print_parts(console: Console, run: Run) -> None:
    """What each part buys, a line each, where strategies differ in one alone."""
    lines = ablations.lines(run.summary)
    if not lines:
        return
    console.print()
    where = "in this simulation, " if is_simulated(run.about) else ""
    _line(console, f"{where}what each part buys, in points of Q (95 % interval)", style="bold")
    for line in lines:
        console.print(f"  {text.one_line(line)}")


def _print_own_rubrics(console: Console, run: Run) -> None:
    """What judges said under rubrics of one's own, where there are any."""
    found = preferences.own_shares(run.summary)
    if found is None:
        return
    console.print()
    where = "in this simulation, " if is_simulated(run.about) else ""
    _line(console, f"{where}{found.caption}", style="bold")
    grid = _grid()
    grid.add_column(found.heads[0], overflow="fold", min_width=12)
    for head in found.heads[1:]:
        grid.add_column(head, justify="right", overflow="fold")
    for line in found.lines:
        cells = (cell.text if isinstance(cell, Words) else _cell(cell) for cell in line.cells)
        grid.add_row(line.head + (" (control)" if line.quiet else ""), *cells, style="dim" if line.quiet else "")
    console.print(grid)
    for number, note in enumerate(found.notes, 1):
        _line(console, f"{_superscript(number)} {note}", style="dim")


def _console() -> Console:
    """A console that shows text as it is: no markup, no emoji codes, no colours but ours."""
    from rich.console import Console

    piped = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=PIPED if piped else None, markup=False, emoji=False, highlight=False)


def _line(console: Console, content: str, style: str = "") -> None:
    console.print(text.one_line(content), style=style)


def _grid(gap: int = 1) -> RichTable:
    from rich import box
    from rich.table import Table as RichTable

    return RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")


# --- the strategies ------------------------------------------------------------------------


def _strategies(whole: Table, wide: bool, has_quality: bool) -> RichTable:
    grid = _grid(gap=1 if wide else 0)
    metrics = [column.metric for column in whole.columns if wide or column.metric not in ONLY_WIDE]
    grid.add_column("strategy", overflow="fold", min_width=12)
    for metric in metrics:
        grid.add_column(HEADINGS[metric], justify="right", no_wrap=True)
        if whole.base and metric in AFTER:
            grid.add_column(AFTER[metric], justify="right", no_wrap=True)
    if has_quality and wide:
        grid.add_column("pareto", no_wrap=True)
    for row in whole.rows:
        cells: list[Cell] = []
        for metric in metrics:
            cells.append(whole.cell(row, metric))
            if whole.base and metric in AFTER:
                cells.append(row.difference if metric == "quality" else replace(row.share, extra=""))
        name = row.name + (" (control)" if row.control else "")
        if has_quality and not wide:  # no room for a column of its own
            name += f"\n{row.label}"
        labels = [row.label] if has_quality and wide else []
        style = "dim" if row.control else "bold" if row.chosen else ""
        grid.add_row(name, *(_cell(cell) for cell in cells), *labels, style=style)
    return grid


def _cell(cell: Cell) -> str:
    """A value with its interval below it, and the number of its note."""
    value = f"{cell.value}{_superscript(cell.note)}{FLAG * bool(cell.flag)}"
    interval = "" if cell.note else cell.interval.replace(text.RANGE, "…")  # the note says why there is none
    return "\n".join(part for part in (value, interval, cell.extra) if part)


def _superscript(note: int | None) -> str:
    return "" if note is None else str(note).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _footnotes(whole: Table, wide: bool) -> list[str]:
    lines = [f"{whole.basis} $ each: USD a conversation, warm cache."]
    if whole.base:
        lines.append(f"dQ: Q against {whole.base}, paired, in points of 0.01. share: of its cost, a ratio of means.")
    if whole.flagged:
        lines.append(f"{FLAG} {NOT_IDENTIFIED}: depends on what is done with user turns that no longer fit")
    lines += [f"{_superscript(number)} {note}" for number, note in enumerate(whole.notes, 1)]
    if not wide:
        lines.append(f"escalations and handoffs: in report.html, or in a terminal of {WIDE} columns")
    return lines


def _next(run: Run) -> list[str]:
    summary = run.summary
    lines = []
    dropped, missing = method.dropped(summary), method.not_measured(summary)
    if dropped:
        names = text.joined([each.name for each in dropped], 3)
        lines.append(f"dropped, with reasons in the report: {names}")
    if missing:
        lines.append(f"not measured, with reasons in the report: {text.joined([each.name for each in missing], 12)}")
    lines += trials.line(summary)
    if judged := judging.line(summary):
        lines.append(judged)
    calls = summary["calls"]
    if summary["mode"] == "imported":
        lines.append(f"{calls['distinct']:,} messages of models imported; nothing was sent")
        return lines
    lines.append(
        f"calls: {calls['distinct']:,} distinct for {calls['unshared']:,} answers; {calls['sent']:,} made, "
        f"{calls['from_store']:,} from the store; spent {text.spent(summary['spent_usd'])}"
    )
    return lines


# --- the plan ------------------------------------------------------------------------------


def print_plan(plan: Plan, explain: str | None) -> None:
    """Print what a run would do; with `explain`, every strategy's route through that conversation."""
    console = _console()
    conversations = plan.corpus.conversations
    sizes = (
        text.counted(len(conversations), "conversation"),
        text.counted(sum(len(each.turns) for each in conversations), "turn"),
        text.counted(len(plan.strategies.ladders), "strategy", "strategies"),
    )
    _line(console, f"{plan.corpus.name}: {', '.join(sizes)}; nothing was sent", style="bold")
    console.print()
    console.print(_planned(plan))
    _line(
        console,
        "? counts turns whose tier depends on an answer that nobody has seen yet; * as far as it is known now",
        style="dim",
    )
    console.print()
    for line in _calls(plan):
        _line(console, line)
    for line in routes.receivers(plan):
        _line(console, line)
    for dropped in plan.strategies.dropped:
        _line(console, f"dropped: {dropped.name}: {dropped.reason}", style="yellow")
    for note in plan.notes:
        _line(console, f"! {note}", style="yellow")
    if explain is not None:
        console.print()
        _explained(console, plan, explain)


def _planned(plan: Plan) -> RichTable:
    grid = _grid()
    tiers = [tier.name for tier in routes.used_tiers(plan)]
    grid.add_column("strategy", overflow="fold", min_width=16)
    for name in tiers:
        grid.add_column(text.one_line(name), justify="right", overflow="fold")
    grid.add_column("?", justify="right")
    grid.add_column("escalations*", justify="right")
    for each in routes.outlook(plan):
        grid.add_row(
            text.one_line(each.name) + (" (control)" if each.control else ""),
            *(f"{each.turns.get(name, 0):,}" for name in tiers),
            f"{each.uncertain:,}",
            f"{each.escalations:,}",
            style="dim" if each.control else "",
        )
    return grid


def _calls(plan: Plan) -> list[str]:
    to_pay = f"dollars to pay: {text.spent(plan.usd.low)} to {text.spent(plan.usd.high)}"
    simulated = "simulated, and nobody pays it"
    bound = "" if plan.again.answers or plan.follow_ups.turns_at_most else "at most "
    return [
        f"calls: {bound}{plan.distinct:,} distinct, {plan.unshared:,} without sharing, {plan.stored:,} already stored",
        *(_sent(each) for each in plan.to_send),
        *(f"{text.one_line(each.tier)}: {each.calls:,} calls, {_priced(each)}; {simulated}" for each in plan.simulated),
        to_pay if plan.to_send else "dollars to pay: none",
        *([_again(plan.again)] if plan.again.answers else []),
        *([_follow_ups(plan.follow_ups)] if plan.follow_ups.turns_at_most else []),
    ]


def _again(again: Again) -> str:
    """What the range leaves out: nobody knows yet which answers make a trigger fire."""
    return (
        f"not counted: up to {again.answers:,} answers may be given again by a stronger tier when a trigger fires on "
        f"them, for at most {text.spent(again.usd_at_most)} more"
    )


def _follow_ups(found: FollowUps) -> str:
    """What a played user may add, which nobody knows before."""
    cost = f", for about {text.spent(found.usd_about)} more at these lengths" if found.usd_about else ""
    return f"not counted: the played user may ask again, up to {found.turns_at_most:,} turns in all{cost}"


def _sent(each: Sending) -> str:
    """What a live tier would be sent, and how long its limits make that take."""
    minutes = f"{each.minutes:.0f} minutes" if each.minutes >= 1.5 else f"{max(1, each.minutes * 60):.0f} s"
    tokens = f"{_span(each.input)} tokens in, {_span(each.output)} out"
    calls = f"{text.one_line(each.tier)}: {each.calls:,} calls to send"
    return f"{calls}, {tokens}, {_priced(each)}; about {minutes} at its limits"


def _span(each: Range) -> str:
    return f"{each.low:,.0f} to {each.high:,.0f}"


def _priced(each: Sending) -> str:
    if each.usd.high - each.usd.low < 1e-9:
        return text.spent(each.usd.low)
    return f"{text.spent(each.usd.low)} to {text.spent(each.usd.high)}"


def _explained(console: Console, plan: Plan, conversation: str) -> None:
    """The routes through one conversation; strategies that take the same one share it."""
    from rich.table import Table as RichTable

    _line(console, f"routes through {conversation}", style="bold")
    for names, route in _distinct_routes([each for each in plan.routes if each.conversation == conversation]):
        console.print()
        for name in names:
            _line(console, name, style="bold")
        grid = RichTable.grid(padding=(0, 2, 0, 0))
        grid.add_column(justify="right")
        grid.add_column(no_wrap=True)
        grid.add_column(overflow="fold")
        steps = zip(route.tiers, route.reasons, route.certain, strict=True)
        for number, (tier, reason, certain) in enumerate(steps, 1):
            shown = f"{text.one_line(tier)}{'' if certain else ' ?'}"
            grid.add_row(f"  turn {number}", shown, text.one_line(reason))
        console.print(grid)
    if any(not all(each.certain) for each in plan.routes if each.conversation == conversation):
        console.print()
        _line(
            console, "? depends on an answer or a detector that nobody has seen yet; the others need no model to know"
        )


def _distinct_routes(found: Sequence[Route]) -> list[tuple[list[str], Route]]:
    groups: dict[Json, tuple[list[str], Route]] = {}
    for route in found:
        key = (route.tiers, route.reasons, route.certain)
        groups.setdefault(key, ([], route))[0].append(route.strategy)
    return list(groups.values())
