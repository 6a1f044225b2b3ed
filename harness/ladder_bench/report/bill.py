"""The bill for people: a table in the terminal and a page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ladder_bench.bill import SWEPT
from ladder_bench.domain import Json
from ladder_bench.report import html, terminal, text
from ladder_bench.report.method import Fact
from ladder_bench.report.table import MISSING, Cell
from ladder_bench.report.text import Unit

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

EXAMPLE = 2  # turns on the strongest tier of the ladder that the headline spells out
THOUSAND = 1000.0


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and what it means in a sentence."""

    key: str
    heading: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy in its group, with a cell a column. `bar`: its share of the top tier's cost in %, 100 at most."""

    name: str
    group: str
    top: bool
    cells: Mapping[str, Cell]
    bar: float


# --- what both show ------------------------------------------------------------------------


def headline(bill: Mapping[str, Json]) -> tuple[str, ...]:
    """The answer in two sentences: the range of the ladders, and one of them spelled out."""
    top, rows = bill["top"], bill["strategies"]
    each = _dollars(rows[0]["metrics"]["cost_usd_warm"]["value"])
    ladders = [row for row in rows if row["shown"] and len(row["steps"]) > 1 and row["steps"][0]["tier"] == top]
    first = f"{text.one_line(top)} alone would have cost {each} a conversation"
    if not ladders:
        few = "no conversation has" if bill["log"]["longest"] == 1 else "fewer than 1 in 10 conversations have"
        why = f"{few} a second answered turn" if len(bill["tiers"]["tiers"]) > 1 else "the tiers file has one tier"
        return (f"{first}. There is nothing to step down to: {why}.",)
    shares = [row["metrics"]["share_of_top"]["value"] for row in ladders]
    if None in shares:
        return (f"{first}: its price is 0, so there is nothing to save.",)
    low, high = text.percent(min(shares)), text.percent(max(shares))
    spread = low if low == high else f"{low} to {high}"
    count = text.counted(len(ladders), "step ladder")
    begin = f"{first}; the {count} below that begin{'s' if len(ladders) == 1 else ''} on it, {spread} of that."
    return begin, _example(bill, ladders)


def _example(bill: Mapping[str, Json], ladders: Sequence[Mapping[str, Json]]) -> str:
    last = bill["tiers"]["tiers"][-1]["name"]
    steps = [[{"tier": bill["top"], "turns": turns}, {"tier": last, "turns": None}] for turns in (EXAMPLE, 1)]
    row = next((row for wanted in steps for row in ladders if row["steps"] == wanted), ladders[0])
    found = row["metrics"]
    name = text.one_line(row["name"])
    factor, volume = _volume(bill)
    saved, share = found["saving_usd"]["value"] * factor, text.percent(found["share_of_top"]["value"])
    if saved <= 0:
        return f"For example {name} costs {share} of it: nothing is saved."
    turns, unresolved = found["further_turns_break_even"], found["unresolved_break_even"]
    eaten = []
    if turns["value"] is not None:
        eaten.append(f"{text.number(turns['value'])} more turns a conversation")
    if unresolved["value"] is not None and unresolved["value"] <= 1:
        eaten.append(f"{_points(unresolved['value'])} more unresolved conversations in 100")
    end = f"; {' or '.join(eaten)} would eat that" if eaten else ""
    return f"For example {name} costs {share} of it and saves {_dollars(saved)} {volume}{end}."


def _volume(bill: Mapping[str, Json]) -> tuple[float, str]:
    """How many conversations the larger sums are for, and their name."""
    per_month = bill["traffic"]["per_month"]
    return (THOUSAND, "per 1,000 conversations") if per_month is None else (per_month, "a month")


def columns(bill: Mapping[str, Json]) -> tuple[Column, ...]:
    """The columns of the table, in their order."""
    volume, top = _volume(bill)[1], text.one_line(bill["top"])
    unresolved = _dollars(bill["unresolved_cost_usd"])
    how = "as declared" if bill["unresolved_declared"] else f"ten conversations on {top}, unless --unresolved-cost says"
    return (
        Column("each", "$ each", "USD a conversation, warm: with each tier's prefix cache simulated"),
        Column("cold", "cold", "USD a conversation, had no provider a cache"),
        Column("cost", f"$ {volume.removesuffix(' conversations')}", f"the warm cost {volume}"),
        Column("share", "share", f"of the warm cost of {top} alone"),
        Column(
            "swept",
            f"×{min(SWEPT):g}…×{max(SWEPT):g}",
            f"the share, had all tiers but {top} answered {min(SWEPT):g} to {max(SWEPT):g} times as long",
        ),
        Column("saved", "saved", f"USD {volume}, against {top} alone, paired by conversation"),
        Column(
            "lost",
            "cache lost",
            f"USD {volume}, part of the cost: what switches add: a new tier reads afresh what another had cached",
        ),
        Column(
            "turns",
            "break-even turns",
            "extra turns in every conversation that would eat the saving, each as long as its mean turn and answered "
            "by the tier that the ladder has there; to first order",
        ),
        Column(
            "points",
            "break-even points",
            f"extra unresolved conversations in 100 that would eat the saving, at {unresolved} each ({how})",
        ),
    )


def rows(bill: Mapping[str, Json]) -> list[Row]:
    """The strategies that are worth a line, grouped."""
    sweep = [each["share_of_top"] for each in bill["output_ratio_sweep"]]
    factor, _ = _volume(bill)
    found = []
    for strategy in bill["strategies"]:
        if not strategy["shown"]:
            continue
        metrics, top = strategy["metrics"], strategy["name"] == bill["top"]
        share = metrics["share_of_top"]["value"]
        cells = {
            "each": _cell(metrics["cost_usd_warm"], "usd"),
            "cold": _cell(metrics["cost_usd_cold"], "usd"),
            "cost": _cell(metrics["cost_usd_warm"], "usd", factor),
            "share": Cell("base") if top else _cell(metrics["share_of_top"], "share"),
            "swept": _swept(strategy["name"], sweep),
            "saved": Cell("") if top else _cell(metrics["saving_usd"], "usd", factor),
            "lost": Cell("") if len(strategy["steps"]) == 1 else _cell(metrics["cache_lost_usd"], "usd", factor),
            "turns": Cell("") if top else _break_even(metrics, "further_turns_break_even", 1),
            "points": Cell("") if top else _break_even(metrics, "unresolved_break_even", 100),
        }
        bar = 0.0 if share is None else min(100.0, 100 * share)
        found.append(Row(text.one_line(strategy["name"]), _group(strategy, bill["top"]), top, cells, round(bar, 1)))
    return found


def _group(strategy: Mapping[str, Json], top: str) -> str:
    names = [text.one_line(step["tier"]) for step in strategy["steps"]]
    if len(names) == 1:
        return "one tier"
    if len(names) == 2:
        return " → ".join(names)
    return f"three tiers or more: the cheapest for each number of turns on {text.one_line(top)}"


def _cell(estimate: Mapping[str, Json], unit: Unit, factor: float = 1.0) -> Cell:
    value, low, high = (None if estimate[key] is None else estimate[key] * factor for key in ("value", "low", "high"))
    if value is None:
        return Cell(MISSING, why=estimate["why"] or "")
    shown = _dollars(value) if unit == "usd" else text.quantity(value, unit)
    interval = "" if low is None or high is None else text.interval(value, low, high, unit)
    ends = interval.split(text.RANGE)
    return Cell(shown, interval if len(set(ends)) > 1 else "", sort=value)


def _dollars(value: float) -> str:
    """Three significant digits, as its interval has them: a bill is no more exact than that."""
    return text.dollars(value, text.decimals(value)) if value else "$0"


def _break_even(metrics: Mapping[str, Json], name: str, factor: float) -> Cell:
    estimate = metrics[name]
    if estimate["value"] is None:
        return Cell(MISSING, why=estimate["why"] or "")
    if estimate["value"] <= 0:
        return Cell("none", why="nothing is saved")
    if name == "unresolved_break_even" and estimate["value"] > 1:
        return Cell("over 100")
    return _cell(estimate, "count", factor)


def _points(value: float) -> str:
    return text.number(100 * value)


def _swept(name: str, sweep: Sequence[Mapping[str, Json]]) -> Cell:
    """The lowest and the highest share over the sweep; none for the strongest tier, which is not swept."""
    known = [each[name]["value"] for each in sweep if name in each and each[name]["value"] is not None]
    return Cell(f"{_bare_percent(min(known))}…{text.percent(max(known))}") if known else Cell("")


def _bare_percent(share: float) -> str:
    return text.percent(share).removesuffix(" %")


def basis(bill: Mapping[str, Json]) -> str:
    """How many conversations the values are from, and where their intervals stand or why there are none."""
    n = text.counted(bill["log"]["conversations"], "conversation")
    why = bill["strategies"][0]["metrics"]["cost_usd_warm"]["why"]
    if why:
        return f"n = {n}. {why[0].upper()}{why[1:]}."
    return f"n = {n}. Below a value its 95 % interval over conversations, where it is wide enough to show."


def facts(bill: Mapping[str, Json]) -> tuple[Fact, ...]:
    """What was read and assumed."""
    return tuple(Fact(name, text.one_line(value)) for name, value in _facts(bill))


def _facts(bill: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    log, turns, flow = bill["log"], bill["log"]["turns"], bill["traffic"]
    arm = f", arm {log['arm']}" if log["arm"] else ""
    size = f"{text.counted(log['conversations'], 'conversation')}, {text.counted(turns['answered'], 'answered turn')}"
    yield "log", f"{log['name']}{arm}: {size}, the longest {text.counted(log['longest'], 'turn')}"
    yield (
        "tokens",
        f"median prompt {log['prompt_tokens_p50']:,}, median answer {log['answer_tokens_p50']:,}; "
        f"{turns['answered'] - turns['estimated']:,} turns as logged, {turns['estimated']:,} estimated",
    )
    if log["models"]:
        yield "answered by", ", ".join(f"{name} ({count:,})" for name, count in log["models"].items())
    known = "" if flow["per_month"] is None else f"{text.number(flow['per_month'])} conversations a month, "
    yield "traffic", f"{known}{flow['why']}" + ("" if known else "; declare it with --conversations-per-month")
    yield (
        "pauses between turns",
        f"{turns['recorded_pauses']:,} from timestamps, {turns['declared_pauses']:,} declared as {bill['gap_s']:g} s; "
        "a cache forgets after its tier's TTL",
    )
    ratios = [(each["name"], each["output_ratio"]) for each in bill["tiers"]["tiers"]]
    declared = ", ".join(f"{name} {ratio:g}" for name, ratio in ratios if ratio != 1)
    yield (
        "answer length",
        f"as logged, times the declared ratio: {declared}" if declared else "as logged, on every tier",
    )
    waits = bill["recorded_wait_s"]
    if waits["p50"]["value"] is not None:
        p50, p90 = text.seconds(waits["p50"]["value"]), text.seconds(waits["p90"]["value"])
        yield (
            "waits in the log",
            f"median {p50}, p90 {p90} over {text.counted(waits['turns'], 'answer')}; not a ladder's",
        )
    ladders = sum(len(each["steps"]) > 1 for each in bill["strategies"])
    yield (
        "ladders",
        f"{text.counted(ladders, 'ladder')} that only step{'s' if ladders == 1 else ''} down, every switch by turn "
        f"{bill['switches_by']}; the table leaves out those whose last step fewer than 1 in 10 conversations reach; "
        "--json has all",
    )
    for note in log["notes"]:
        yield "reading the log", note


# --- the terminal --------------------------------------------------------------------------

ALL = ("cost", "share", "swept", "saved", "lost", "turns", "points")  # the page has `each` and `cold` as well
SOME = ("cost", "share", "saved", "turns", "points")
LEAST = ("cost", "share", "saved")
# columns, the gap between them, and whether names may fold; the best one first
LAYOUTS = ((ALL, 2, False), (ALL, 1, False), (SOME, 1, False), (SOME, 1, True))


def print_bill(bill: Mapping[str, Json]) -> None:
    """Print a bill: the answer, what to beware of, the table, what its columns mean, and what it does not know."""
    console = terminal._console()
    for sentence in headline(bill):
        terminal._line(console, sentence, style="bold")
    for remark in bill["remarks"]:
        terminal._line(console, f"! {remark}", style="yellow")
    console.print()
    keys, grid = _fitting(console, bill)
    console.print(grid)
    for line in _legend(bill, keys):
        terminal._line(console, line, style="dim")
    console.print()
    terminal._line(console, bill["not_known"])


def _fitting(console: Console, bill: Mapping[str, Json]) -> tuple[Sequence[str], RichTable]:
    """The best layout that fits, else the smallest."""
    unbounded = console.options.update(width=10_000)
    for keys, gap, folds in LAYOUTS:
        grid = _grid(bill, keys, gap)
        width = console.measure(grid, options=unbounded)
        if (width.minimum if folds else width.maximum) <= console.width:
            return keys, grid
    return LEAST, _grid(bill, LEAST, 1)


def _grid(bill: Mapping[str, Json], keys: Sequence[str], gap: int) -> RichTable:
    known = {each.key: each for each in columns(bill)}
    grid = terminal._grid(gap)
    grid.add_column("strategy", overflow="fold", min_width=14)
    for key in keys:
        grid.add_column(known[key].heading.replace("break-even ", "break-even\n"), justify="right", no_wrap=True)
    for _, group in groupby(rows(bill), key=lambda row: row.group):
        for row in group:
            cells = [_two_lines(row.cells[key]) for key in keys]
            grid.add_row(row.name, *cells, style="bold" if row.top else "")
        grid.add_section()
    return grid


def _legend(bill: Mapping[str, Json], keys: Sequence[str]) -> Iterator[str]:
    yield basis(bill)
    lost = ", cache lost" if "lost" in keys else ""
    yield f"$, saved{lost}: USD {_volume(bill)[1]}, with each tier's prefix cache simulated."
    for each in columns(bill):
        if each.key in keys and each.key not in LEAST:
            yield f"{each.heading}: {each.meaning}."
    for fact in facts(bill):
        if fact.name in ("traffic", "pauses between turns"):
            yield f"{fact.name}: {fact.value}."
    yield f"strategies: {len(rows(bill))} of {len(bill['strategies'])}; --json has all, --html FILE writes a page."


def _two_lines(cell: Cell) -> str:
    return "\n".join(part for part in (cell.value, cell.interval.replace(text.RANGE, "…")) if part)


# --- the page ------------------------------------------------------------------------------


def page(bill: Mapping[str, Json], command: str) -> str:
    """The bill as HTML."""
    grouped = [(name, list(group)) for name, group in groupby(rows(bill), key=lambda row: row.group)]
    return html.still(
        "bill.html.jinja",
        command,
        bill=bill,
        title=_title(bill),
        headline=headline(bill),
        remarks=[text.one_line(remark) for remark in bill["remarks"]],
        columns=[column for column in columns(bill) if column.key != "swept"],
        groups=grouped,
        basis=basis(bill),
        sweep=_sweep_table(bill),
        facts=facts(bill),
        prices=_prices(bill),
    )


def _title(bill: Mapping[str, Json]) -> str:
    log = bill["log"]
    return text.one_line(f"{log['name']}, {log['arm']}" if log["arm"] else log["name"])


def _sweep_table(bill: Mapping[str, Json]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Headings and rows of the sweep over output ratios."""
    sweep = bill["output_ratio_sweep"]
    names = [row["name"] for row in bill["strategies"] if row["shown"] and row["name"] in sweep[0]["share_of_top"]]
    lines = [(text.one_line(name), [_cell(each["share_of_top"][name], "share") for each in sweep]) for name in names]
    return [f"×{each['factor']:g}" for each in sweep], lines


def _prices(bill: Mapping[str, Json]) -> list[list[str]]:
    """A line a tier: name, model, rates in USD per million tokens, TTL, smallest prefix, output ratio."""
    lines = []
    for tier in bill["tiers"]["tiers"]:
        price = tier["price"]
        name, model = text.one_line(tier["name"]), text.one_line(tier["model"])
        cache = [f"{price['ttl_s']:g} s", f"{price['minimum_prefix']:,}", f"{tier['output_ratio']:g}"]
        lines.append([name, model, *_rates(price), *cache])
        for above, step in price["steps"]:
            lines.append([name, f"{model}, prompts above {above:,} tokens", *_rates(step), *cache])
    return lines


def _rates(price: Mapping[str, Json]) -> list[str]:
    rates = [text.spent(price["input"]), text.spent(price["output"])]
    return rates + ["as input" if price[key] is None else text.spent(price[key]) for key in ("cached", "cache_write")]
