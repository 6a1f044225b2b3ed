"""The search for people: the choice, how it did where it was not chosen, and what a rollout says of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import html, terminal, text
from ladder_bench.report.table import MISSING, Cell
from ladder_bench.report.text import Unit
from ladder_bench.search.confirmed import FELL, HELD, OPEN, UNSURE, counted
from ladder_bench.search.remarks import METHOD

if TYPE_CHECKING:
    from rich.table import Table as RichTable

GOALS = {
    "cheapest": "the cheapest that keeps quality within {margin} points of {top}",
    "qpd": "the best in quality per dollar",
    "quality": "the best in quality, whatever it costs",
}


NO_INTERVAL = {"low": None, "high": None}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: its name, its cells, and whether it is the one that matters."""

    name: str
    cells: tuple[Cell, ...]
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: what it holds in a sentence, its headings and its rows."""

    caption: str
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    named: str = "strategy"


# --- what both show --------------------------------------------------------------------------


def headline(found: Mapping[str, Json]) -> str:
    """The answer in a sentence: the choice, and what it is worth on conversations that did not choose it."""
    held, top, name = found["held_out"], text.one_line(found["top"]), text.one_line(found["chosen"]["name"])
    where = "In this simulation, " if found["simulated"] else ""
    size = text.counted(found["family"]["strategies"], "strategy", "strategies")
    if len(found["family"]["tiers"]) == 1:
        return f"{where}{top} is the only tier: there is nothing to step down to."
    if found["chosen"]["name"] == found["top"]:
        none = f"nothing cheaper among {size} is shown to keep the quality of {top}"
        if found["goal"]["objective"] != "cheapest":
            none = f"nothing among {size} is better than {top} alone"
        return f"{_first(where + none)}."
    goal = _goal(found)
    whose = "what is chosen so" if found["parts"]["cross_fitted"] else "it"
    share = "n/a" if held["cost_share"]["value"] is None else text.percent(held["cost_share"]["value"])
    return (
        f"{where}{name} was chosen as {goal}, among {size}. On {_n(held['quality'])} that did not choose, {whose} "
        f"is at {_points(held['quality_gain'])} against {top} and {share} of its cost{_kept(found)}."
    )


def _goal(found: Mapping[str, Json]) -> str:
    margin = _margin(found)
    return GOALS[found["goal"]["objective"]].format(margin=margin, top=text.one_line(found["top"]))


def _margin(found: Mapping[str, Json]) -> str:
    return f"{100 * found['goal']['margin']:g}"


def _kept(found: Mapping[str, Json]) -> str:
    """Whether the other conversations bear out that quality is kept."""
    low, margin = found["held_out"]["quality_gain"]["low"], found["goal"]["margin"]
    if low is None:
        return ": too few to show anything"
    if found["goal"]["objective"] != "cheapest":
        return ""
    return ": kept there, too" if low > -margin else ": there it is not shown to keep quality"


def curse(found: Mapping[str, Json]) -> str:
    """What choosing and reporting on the same conversations would have claimed, in words."""
    naive, gain = found["naive"], found["flattery"]["quality_gain"]
    name = text.one_line(naive["name"])
    share = naive["cost_share"]["value"]
    claim = (
        f"Choosing and reporting on the same {_n(naive['quality'])} would have claimed: {name}, "
        f"{_points(naive['quality_gain'])} at {'n/a' if share is None else text.percent(share)} of the cost"
    )
    if found["chosen"]["name"] == found["top"] == naive["name"]:
        return f"{claim}."
    there = _points(found["screened"]["quality_gain"] | NO_INTERVAL)
    here = _points(found["held_out"]["quality_gain"] | NO_INTERVAL)
    if found["parts"]["cross_fitted"]:
        return (
            f"{claim}. Chosen on other conversations it shows {here}: choosing flatters by {_points(gain)}; above 0, "
            "that is luck that was picked along with the ladder."
        )
    return (
        f"{claim}. What is chosen shows {there} where it was chosen and {here} where it was not: choosing flattered it "
        f"by {_points(gain)}; above 0, that is luck that was picked along with the ladder."
    )


def oracle(found: Mapping[str, Json]) -> Iterator[str]:
    """How much better any route, and any that only steps down, could have been, a sentence each."""
    if len(found["family"]["tiers"]) == 1:
        return
    names = {"any": "any route", "step_down": "any route that only steps down, chosen for each conversation"}
    for key, words in names.items():
        gap = found["oracle"][key]
        yield (
            f"Oracle, {words}: {_points(gap['points'], signed=False)} more quality at equal dollars, "
            f"or {_usd(gap['usd'])} less a conversation at equal quality (n = {gap['points']['n']:,})."
        )


def results(found: Mapping[str, Json]) -> Grid:
    """Single tiers and the choice on the conversations that did not choose, the choice where it was made, the naive
    claim.
    """
    rows = [_row(text.one_line(each["name"]), each) for each in found["singles"]]
    name = text.one_line(found["chosen"]["name"])
    parts = found["parts"]
    if parts["cross_fitted"]:
        rows.append(_row(f"chosen on the others, {parts['count']} parts", found["held_out"], strong=True))
    elif found["chosen"]["name"] in [each["name"] for each in found["singles"]]:
        rows = [replace(row, strong=row.name == name) for row in rows]
    else:
        rows.append(_row(name, found["held_out"], strong=True))
        rows.append(_row(f"{name}, where it was chosen", found["screened"]))
    rows.append(_row(f"naive claim: {text.one_line(found['naive']['name'])}", found["naive"]))
    top = text.one_line(found["top"])
    caption = (
        f"Q against {top} in points of 0.01, share of its cost, paired by conversation; $ a conversation, warm cache; "
        "QPD with Q in the place of resolved. Below a value its 95 % interval."
    )
    return Grid(caption, ("conversations", "Q", "dQ", "$ each", "share", "QPD"), tuple(rows))


def _row(name: str, metrics: Mapping[str, Json], strong: bool = False) -> Row:
    cells = (
        Cell(f"{metrics['quality']['n']:,}"),
        _cell(metrics["quality"], "score"),
        _gain(metrics["quality_gain"]),
        _cell(metrics["cost_usd_warm"], "usd"),
        _cell(metrics["cost_share"], "share"),
        _cell(metrics["qpd"], "rate"),
    )
    return Row(name, cells, strong)


def segments(found: Mapping[str, Json]) -> Grid | None:
    """What a ladder of its own gains for each tag, None where nobody asked."""
    if found["by_tag"] is None:
        return None
    rows = tuple(
        Row(
            text.one_line(each["tag"]),
            (
                Cell(f"{each['conversations']:,}"),
                Cell(text.one_line(each["chosen"])),
                _gain(each["quality_gain"]),
                _cell(each["saving_usd"], "usd"),
                *(_cell(side, "rate") for side in each["qpd"]),
            ),
        )
        for each in found["by_tag"]
    )
    caption = (
        "By tag: a ladder chosen for the tag against the one chosen for all, both chosen on other parts than they are "
        f"reported on. {len(rows)} tags were looked at, and one interval in 20 misses."
    )
    if not rows:
        caption = "By tag: no tag has the 20 conversations that an interval needs."
    return Grid(caption, ("conversations", "own ladder", "dQ", "$ saved", "own QPD", "QPD"), rows, "tag")


def confirmation(found: Mapping[str, Json]) -> Grid | None:
    """What the rollout says, None where there was none."""
    seen = found["confirmation"]
    if not seen or not seen.get("strategies"):
        return None
    order = {HELD: 0, UNSURE: 1, OPEN: 2, FELL: 3}
    rows = tuple(
        Row(
            text.one_line(each["name"]),
            (
                Cell("screened" if each["of"] else "fixed set"),
                _gain(each["quality_gain"]),
                _cell(each["cost_share"], "share"),
                Cell(each["outcome"]),
            ),
            strong=each["of"] is not None,
        )
        for each in sorted(seen["strategies"], key=lambda row: (order[row["outcome"]], _share(row)))
    )
    caption = (
        f"Rollout of {text.counted(seen['conversations'], 'conversation')} that chose none of them, against "
        f"{text.one_line(seen['base'])}: each strategy lives with its own answers. Bands hold for all comparisons at "
        f"once. {HELD}: quality shown to be within {_margin(found)} points and cost below; "
        f"{FELL}: quality or cost shown to be worse; {UNSURE}: depends on what is done with user turns that no longer "
        f"fit; {OPEN}: neither is shown."
    )
    return Grid(caption, ("from", "dQ", "share", "in rollout"), rows)


def _share(row: Mapping[str, Json]) -> float:
    value = row["cost_share"]["value"]
    return float("inf") if value is None else float(value)


def verdict(found: Mapping[str, Json]) -> str:
    """Which of the screen's choices held in the rollout, or why there was none, in a sentence."""
    seen = found["confirmation"]
    if seen is None:
        return "Not confirmed: screened ladders are candidates until a rollout has seen them."
    if seen["why"]:
        return f"Not confirmed: {seen['why']}."
    count = counted(seen["strategies"])
    told = ", ".join(f"{number} {what}" for what, number in count.items() if number)
    screened = sum(count.values())
    first = f"Of the screen's {text.counted(screened, 'candidate')}, with and without memory and prompts: {told}."
    if not screened:
        first = "None of the screen's candidates was in the rollout."
    if seen["dropped"]:
        out = seen["dropped"][0]
        name, why = text.one_line(out["name"]), text.one_line(out["reason"])
        first += (
            f" {text.counted(len(seen['dropped']), 'strategy', 'strategies')} could not be run, such as {name}: {why}."
        )
    held = [row for row in seen["strategies"] if row["outcome"] == HELD]
    if not held:
        return f"{first} No strategy of the rollout is shown to keep quality and to cost less."
    best = min(held, key=_share)
    where = "screened" if best["of"] else "of the fixed set, which the screen would not have found"
    return (
        f"{first} The cheapest that held is {text.one_line(best['name'])} ({where}), at "
        f"{text.percent(best['cost_share']['value'])} of the cost."
    )


def facts(found: Mapping[str, Json]) -> Iterator[str]:
    """What was read and how, a line each."""
    members, parts = found["family"], found["parts"]
    tiers = text.joined([text.one_line(name) for name in members["tiers"]])
    yield (
        f"screened: {text.counted(found['conversations'], 'conversation')}, "
        f"{text.counted(found['turns'], 'graded turn')}; {text.counted(members['ladders'], 'ladder')} over "
        f"{tiers} without a step up, switches by turn {members['switches_by']}, "
        f"x {text.counted(members['trigger_sets'], 'set')} of triggers"
    )
    fired = [f"{name.replace('_', ' ')} on {_texts(each)}" for name, each in members["triggers"].items()]
    if fired:
        yield f"fired, in {members['turns']:,} turns: {'; '.join(fired)}"
    sizes = ", ".join(f"{size:,}" for size in parts["sizes"])
    yield f"parts: by the hash of a conversation's id, {sizes} conversations"
    yield from METHOD


def _texts(fired: Mapping[str, Json]) -> str:
    """How many messages and answers a trigger fired on."""
    answers = [
        f"{text.counted(count, 'answer')} of {text.one_line(tier)}"
        for tier, count in fired["on_answers"].items()
        if count
    ]
    return ", ".join([text.counted(fired["on_messages"], "message"), *answers])


def _first(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _n(estimate: Mapping[str, Json]) -> str:
    return text.counted(estimate["n"], "conversation")


def _points(estimate: Mapping[str, Json], signed: bool = True) -> str:
    if estimate["value"] is None:
        return "n/a points"
    interval = "" if estimate["low"] is None else f" ({_between(estimate)})"
    return f"{text.points(estimate['value'], signed)} points{interval}"


def _between(estimate: Mapping[str, Json]) -> str:
    return f"95 % interval {text.points_interval(estimate['low'], estimate['high'])}"


def _usd(estimate: Mapping[str, Json]) -> str:
    value = estimate["value"]
    if estimate["low"] is None:
        return text.dollars(value) if value else "$0"
    return f"{text.spent(value)} ({text.interval(value, estimate['low'], estimate['high'], 'usd')})"


def _gain(estimate: Mapping[str, Json]) -> Cell:
    value = estimate["value"]
    if value is None:
        return Cell(MISSING, why=estimate["why"] or "")
    interval = "" if estimate["low"] is None else text.points_interval(estimate["low"], estimate["high"])
    return Cell(text.points(value), interval, why=estimate["why"] or "")


def _cell(estimate: Mapping[str, Json], unit: Unit) -> Cell:
    value, low, high = estimate["value"], estimate["low"], estimate["high"]
    if value is None:
        return Cell(MISSING, why=estimate["why"] or "")
    interval = "" if low is None else text.interval(value, low, high, unit)
    shown = text.spent(value) if unit == "usd" else text.quantity(value, unit)
    return Cell(shown, interval, why=estimate["why"] or "")


# --- the terminal ----------------------------------------------------------------------------


def print_search(found: Mapping[str, Json]) -> None:
    """Print a search: the answer, what to beware of, the table, the oracle, the rollout, and the ladder to paste."""
    console = terminal._console()
    terminal._line(console, headline(found), style="bold")
    for remark in (*found["remarks"], *_notes(found)):
        terminal._line(console, f"! {remark}", style="yellow")
    for grid in (results(found), segments(found), confirmation(found)):
        if grid is not None:
            console.print()
            if grid.rows:
                console.print(_table(grid))
            terminal._line(console, grid.caption, style="dim")
    console.print()
    for line in (verdict(found), curse(found), *oracle(found)):
        terminal._line(console, line)
    console.print()
    for line in facts(found):
        terminal._line(console, line, style="dim")
    console.print()
    terminal._line(console, "the ladder, to paste into a file:")
    for line in found["chosen"]["yaml"].splitlines():
        console.print(text.shown(line), soft_wrap=True, style="bold")


def _table(grid: Grid) -> RichTable:
    table = terminal._grid()
    table.add_column(grid.named, overflow="fold", min_width=14)
    for heading in grid.headings:
        folds = heading in ("own ladder", "from", "in rollout")
        table.add_column(heading, justify="left" if folds else "right", no_wrap=not folds, overflow="fold")
    for row in grid.rows:
        table.add_row(row.name, *map(_two_lines, row.cells), style="bold" if row.strong else "")
    return table


def _two_lines(cell: Cell) -> str:
    return "\n".join(part for part in (cell.value, cell.interval.replace(text.RANGE, "…")) if part)


def _notes(found: Mapping[str, Json]) -> list[str]:
    """What to beware of in the rollout."""
    return [f"rollout: {note}" for note in (found["confirmation"] or {}).get("notes", ())]


# --- the page --------------------------------------------------------------------------------


def page(found: Mapping[str, Json], command: str) -> str:
    """The search as HTML, which loads nothing and runs nothing."""
    grids = [grid for grid in (results(found), segments(found), confirmation(found)) if grid is not None]
    return html.still(
        "search.html.jinja",
        command,
        title=text.one_line(found["dataset"]),
        headline=headline(found),
        remarks=[text.one_line(each) for each in (*found["remarks"], *_notes(found))],
        grids=grids,
        sentences=[verdict(found), curse(found), *oracle(found)],
        facts=list(facts(found)),
        ladder=text.shown(found["chosen"]["yaml"]),
    )
