"""A comparison for people: in the terminal, as Markdown, and as a page that loads nothing and runs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.folder import Run
from ladder_bench.report import compare_grids as grids
from ladder_bench.report import html, markdown, terminal, text
from ladder_bench.report.columns import COLUMNS, OTHERS, told
from ladder_bench.report.compare_forest import forest
from ladder_bench.report.compare_transcripts import moved
from ladder_bench.report.grid import Grid, Words
from ladder_bench.report.method import Fact
from ladder_bench.report.table import Cell

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

FIRST = 3  # comparisons of which the terminal says what moved, and Markdown every metric
BY_CHANCE = "Each metric is looked at alone: of twenty that did not change, one looks different by chance."
MOVERS = 3  # in each direction, in the terminal and in Markdown


def simulated(found: Mapping[str, Json]) -> bool:
    return any(each["simulated"] for each in found["runs"])


def run_line(run: Mapping[str, Json]) -> str:
    """A run in a line."""
    what = ["simulated tiers"] if run["simulated"] else []
    design = [run["design"]] if run["design"] != "paired" else []
    size = text.counted(run["conversations"], "conversation")
    day = (run["started"] or "")[:10]
    return " · ".join(
        text.one_line(each) for each in (run["path"], run["dataset"], run["mode"], size, day, *what, *design) if each
    )


def facts(found: Mapping[str, Json]) -> tuple[Fact, ...]:
    """How the numbers came about."""
    return tuple(Fact(name, text.one_line(value)) for name, value in _facts(found))


def _facts(found: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    several = len(found["comparisons"]) > 1
    unpaired = any(each["design"] == "unpaired" for each in found["runs"])
    yield (
        "intervals",
        "95 %, over conversations; "
        + ("each arm's own, added up (Welch)" if unpaired else "of the differences, paired by conversation")
        + "; waits by bootstrap; none below 20 conversations",
    )
    if found["units"] == "clusters":
        yield (
            "n",
            "counts clusters of conversations, such as a user's: they are taken together, each conversation weighs 1",
        )
    if several:
        yield (
            "bands",
            f"hold over all {len(found['comparisons'])} comparisons of a metric at once (studentised max-T); only what "
            "they exclude is called different",
        )
    yield "several metrics", BY_CHANCE
    usd = found["unresolved_cost_usd"]
    yield (
        "an unresolved conversation",
        "n/a: no cost is known for the strongest tier" if usd is None else f"costs {text.dollars(usd)} on every side",
    )
    if found["qpd_rate"] == "quality":
        yield "QPD", "counts quality, as nothing defines resolved"
    yield "better / worse / same", "by quality, or by resolved where nothing has a quality; the same within 1e-9"
    if found["repriced"]:
        yield "prices", f"those of {found['repriced']['at']}, {found['repriced']['date']}, on every side"
    if divided := found["balance"]:
        yield (
            "sample ratio",
            ", ".join(f"{name} {count:,}" for name, count in divided["counts"].items())
            + f"; {'declared' if divided['declared'] else 'equal'} shares: p = {divided['p_value']:.2g}",
        )


def unmatched(found: Mapping[str, Json]) -> list[str]:
    """A line for each run with strategies that were compared with nothing."""
    return [
        f"only in {label}, compared with nothing: {text.joined([text.one_line(name) for name in names])}"
        for label, names in found["unmatched"].items()
        if len(found["runs"]) > 1
    ]


# --- the terminal --------------------------------------------------------------------------

OPTIONAL = ("unsupported specifics a turn", "p90 wait", "QPD")  # columns that go first where there is no room
NAMES = (44, 30, 20)  # characters of a name in a line, the best first


def print_comparison(found: Mapping[str, Json]) -> None:
    """Print a comparison: the answer, what to beware of, the tables, what moved, and what is set differently."""
    console = terminal._console()
    terminal._line(console, found["headline"], style="bold")
    for note in found["notes"]:
        terminal._line(console, f"! {note}", style="yellow")
    console.print()
    for run in found["runs"]:
        terminal._line(console, run_line(run) if len(found["runs"]) == 1 else f"{run['label']}: {run_line(run)}")
    for line in unmatched(found):
        terminal._line(console, line, style="dim")
    several_runs, comparisons = len(found["runs"]) > 1, found["comparisons"]
    if len(comparisons) > 1:
        console.print()
        grid = grids.overview(found)
        shown, left = _fitting(console, grid, OPTIONAL)
        console.print(shown)
        terminal._line(console, f"{grid.caption.replace('Bold', '*')}{left}", style="dim")
    for number, each in enumerate(comparisons[: 1 if len(comparisons) == 1 else 0], 1):
        console.print()
        terminal._line(console, grids.title(each, several_runs), style="bold")
        console.print(_fitting(console, grids.metrics(number, each), ("n",))[0])
        unit = "; n counts clusters of conversations, such as a user's" if found["units"] == "clusters" else ""
        terminal._line(
            console, f"change: candidate minus base, or × the base; a point is 0.01{unit}. {BY_CHANCE}", style="dim"
        )
    for number, each in enumerate(comparisons, 1):
        if tags := grids.by_tag(number, each):
            console.print()
            terminal._line(console, f"{grids.title(each, several_runs)}, by tag", style="bold")
            console.print(_fitting(console, tags, ("warm cost",))[0])
            terminal._line(console, tags.caption.replace("bold", "*"), style="dim")
    for line in _moved(found):
        terminal._line(console, line)
    _print_changes(console, found)


def _moved(found: Mapping[str, Json]) -> Iterator[str]:
    """What moved most in each of the first comparisons."""
    several_runs = len(found["runs"]) > 1
    shown = found["comparisons"][:FIRST]
    for each in shown:
        counted, movers = each["conversations"], each["movers"]
        head = grids.title(each, several_runs)
        if counted:
            yield ""
            yield (
                f"{head}: {counted['improved']:,} better, {counted['regressed']:,} worse, {counted['unchanged']:,} the "
                f"same of {text.counted(counted['n'], 'conversation')}, by {grids.name_of(counted['by'])}"
            )
        for way, name in (("down", "fell most"), ("up", "rose most")):
            if movers and movers[way]:
                yield f"  {name}: " + "; ".join(_mover(movers["by"], one) for one in movers[way][:MOVERS])
    if len(found["comparisons"]) > len(shown):
        yield f"{len(found['comparisons']) - len(shown)} more comparisons: --html FILE or --json has what moved in them"


def _mover(by: str, each: Mapping[str, Json]) -> str:
    before, after = (grids.side(by, each[who]) for who in ("base", "candidate"))
    return f"{text.one_line(each['conversation'])} {before} → {after}"


def _print_changes(console: Console, found: Mapping[str, Json]) -> None:
    several_runs = len(found["runs"]) > 1
    base = found["runs"][0]["label"]
    for label, rows in found["changes"].items():
        console.print()
        if not rows:
            terminal._line(console, f"{label} is set like {base}: nothing differs in their run.json but time and place")
            continue
        terminal._line(console, f"what differs between {base} and {label}", style="bold")
        for each in rows:
            terminal._line(console, f"  {_changed(each)}")
    knobs = [(each, each["changes"]) for each in found["comparisons"] if each["changes"]]
    for each, rows in knobs[:FIRST]:
        console.print()
        terminal._line(console, f"{grids.title(each, several_runs)} differ in", style="bold")
        for one in rows:
            terminal._line(console, f"  {_changed(one)}")


def _changed(row: Mapping[str, Json]) -> str:
    return f"{row['what']}: {grids._value(row['base'])} → {grids._value(row['candidate'])}"


def _fitting(console: Console, grid: Grid, optional: Sequence[str]) -> tuple[RichTable, str]:
    """The table with as many of the optional columns as fit, the first ones going first, and which have no room."""
    unbounded = console.options.update(width=10_000)
    there = [head for head in optional if head in grid.heads]
    for count, widest in ((count, widest) for count in range(len(there) + 1) for widest in NAMES):
        table = _table(grid, there[:count], widest)
        if console.measure(table, options=unbounded).maximum <= console.width:
            break
    return table, f" No room here for: {', '.join(there[:count])}." if count else ""


def _table(grid: Grid, left: Sequence[str], widest: int) -> RichTable:
    """`left`: the columns that are left out. `widest`: characters of a name in a line."""
    table = terminal._grid(1)
    kept = [place for place, head in enumerate(grid.heads) if head not in left]
    for place in kept:
        shown, words = grid.heads[place].replace(", points", "\npoints").replace(" / ", "/"), grid.is_text[place]
        if not place:
            table.add_column(shown, overflow="fold", max_width=widest)
        elif grid.heads[place] == "shows":
            table.add_column(shown, overflow="fold", min_width=13, max_width=28)
        else:
            table.add_column(shown, justify="left" if words else "right", no_wrap=True)
    for line in grid.lines:
        table.add_row(line.head, *(_cell(line.cells[place - 1]) for place in kept if place))
    return table


def _cell(cell: Cell | Words) -> str:
    if isinstance(cell, Words):
        return cell.text
    mark = "*" if cell.strong else ""
    parts = (f"{cell.value}{mark}", cell.interval.replace(text.RANGE, "…"), cell.extra)
    return "\n".join(part for part in parts if part)


# --- Markdown ------------------------------------------------------------------------------


def markdown_page(found: Mapping[str, Json], command: str) -> str:
    """A comparison as Markdown, for a review or a chat. No text of a conversation."""
    several_runs = len(found["runs"]) > 1
    sections = []
    for number, each in enumerate(found["comparisons"], 1):
        shown = [grids.metrics(number, each), grids.by_tag(number, each), grids.moved(number, each, MOVERS)]
        knobs = grids.changes(f"knobs-{number}", each["changes"], "base", "candidate")
        sections.append(
            (grids.title(each, several_runs), each["says"], _counted(each), [each for each in (*shown, knobs) if each])
        )
    return (
        html.environment()
        .get_template("compare.md.jinja")
        .render(
            found=found,
            runs=[(each["label"], run_line(each)) for each in found["runs"]],
            overview=grids.overview(found) if len(found["comparisons"]) > 1 else None,
            sections=sections[: FIRST if len(sections) > FIRST else None],
            left_out=max(0, len(sections) - FIRST),
            changes=_run_changes(found),
            unmatched=unmatched(found),
            not_measured=grids.not_measured(found),
            facts=facts(found),
            grid=markdown._grid,
            plain=markdown.plain,
            code=markdown._code,
            command=command,
        )
    )


def _counted(comparison: Mapping[str, Json]) -> str:
    found = comparison["conversations"]
    if not found:
        return ""
    return (
        f"Conversations by {grids.name_of(found['by'])}: {found['improved']:,} better, {found['regressed']:,} worse, "
        f"{found['unchanged']:,} the same, n = {found['n']:,}"
        + (f", {found['unscored']:,} unscored." if found["unscored"] else ".")
    )


def _run_changes(found: Mapping[str, Json]) -> list[tuple[str, Grid | None]]:
    base = found["runs"][0]["label"]
    return [(label, grids.changes(label, rows, base, label)) for label, rows in found["changes"].items()]


# --- the page ------------------------------------------------------------------------------


def page(found: Mapping[str, Json], runs: Mapping[str, Run], command: str) -> str:
    """A comparison as HTML."""
    from markupsafe import Markup

    several_runs, comparisons = len(found["runs"]) > 1, found["comparisons"]
    shown = moved(found, runs)
    sections = [
        {
            "number": number,
            "title": grids.title(each, several_runs),
            "says": text.one_line(each["says"]),
            "counted": _counted(each),
            "metrics": grids.metrics(number, each),
            "tags": grids.by_tag(number, each),
            "moved": grids.moved(number, each),
            "knobs": grids.changes(f"knobs-{number}", each["changes"], "base", "candidate"),
            "pages": [Markup(page) for of, page in shown.pages if of == number],  # rendered by our own template
        }
        for number, each in enumerate(comparisons, 1)
    ]
    return html.still(
        "compare.html.jinja",
        command,
        found=found,
        title=text.joined([text.one_line(each["path"]) for each in found["runs"]], 3),
        headline=text.one_line(found["headline"]),
        notes=[text.one_line(each) for each in found["notes"]],
        runs=[(each["label"], run_line(each)) for each in found["runs"]],
        simulated=simulated(found),
        forest=forest(found),
        overview=grids.overview(found) if len(comparisons) > 1 else None,
        sections=sections,
        is_open=len(comparisons) == 1,
        left_out=shown.left_out,
        changes=_run_changes(found),
        unmatched=unmatched(found),
        not_measured=grids.not_measured(found),
        facts=facts(found),
        meanings=_meanings(found, runs[found["runs"][0]["label"]].summary),
    )


def _meanings(found: Mapping[str, Json], summary: Mapping[str, Json]) -> Sequence[tuple[str, str]]:
    """What each metric is, where judges or a log say it too."""
    known = {each.metric: each.meaning for each in told((*COLUMNS, *OTHERS), summary)}
    return [
        (grids.name_of(metric), known.get(metric) or grids.MEANINGS.get(metric, ""))
        for metric in found["comparisons"][0]["metrics"]
    ]
