"""The gate for people: the outcome and why in a line, then every test with its numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import terminal, text
from ladder_bench.report.table import MISSING

if TYPE_CHECKING:
    from rich.table import Table as RichTable

SAYS = {"pass": "PASS", "fail": "FAIL", "inconclusive": "INCONCLUSIVE", "refused": "REFUSED"}
STYLES = {"pass": "green", "fail": "red", "inconclusive": "yellow", "refused": "red"}
NAMES = {
    "qpd": "quality per dollar",
    "quality": "quality, points",
    "harm": "unsupported claims a turn",
    "qpd against the anchor": "quality per dollar against the anchor",
    "harm against the anchor": "unsupported claims against the anchor",
}
USERS = "users"  # what clusters are called
WIDE = 100  # columns from which an interval has a column of its own
SIMULATED = "simulated tiers: these numbers illustrate the tool, they say nothing about any model"


@dataclass(frozen=True, slots=True)
class Line:
    """A test or a limit as a row of text."""

    name: str
    outcome: str
    value: str
    interval: str
    allowed: str
    n: str
    needed: str
    why: str


# --- what all outputs share ----------------------------------------------------------------


def headline(found: Mapping[str, Json]) -> str:
    """The outcome and its reason in one sentence."""
    if found["outcome"] == "refused":
        rest = len(found["reasons"]) - 1
        return f"{SAYS['refused']}: {found['reasons'][0]}" + (
            f" (and {text.counted(rest, 'more reason')})" if rest else ""
        )
    where = "in this simulation, " if found["simulated"] else ""
    return f"{SAYS[found['outcome']]}: {where}{found['why']}"


def about(found: Mapping[str, Json]) -> str:
    """Who against whom, over what."""
    new, old = text.one_line(found["strategy"]), text.one_line(found["against"])
    whom = f"{new} against its baseline" if new == old else f"{new} against {old} in the baseline"
    samples = max(found["samples"])
    more = f" with {samples} samples" if samples > 1 else ""
    of = f" of {text.counted(found['clusters'], 'user')}" if found["clusters"] else ""
    conversations = text.counted(found["n"], "conversation")
    return f"{whom}; {conversations}{of}{more}, paired; dataset {text.one_line(found['dataset'])}"


def lines(found: Mapping[str, Json]) -> list[Line]:
    """The tests and limits."""
    return [_line(row) for row in (*found["tests"], *found["limits"])]


def _line(row: Mapping[str, Json]) -> Line:
    shown = UNITS[row["unit"]]
    value = MISSING if row["value"] is None else shown(row["value"])
    both = row["low"] is not None and row["high"] is not None
    interval = f"{shown(row['low'])} to {shown(row['high'])}" if both else MISSING
    open_ = row["needed_n"] is not None and row["outcome"] == "inconclusive"
    needed = f"{row['needed_n']:,}" if open_ else ""
    name = NAMES.get(row["name"], text.one_line(row["name"]))
    return Line(name, row["outcome"], value, interval, _allowed(row), counted(row), needed, row["why"] or "")


def counted(row: Mapping[str, Json]) -> str:
    """The n of a row, with what it counts where that is not conversations."""
    return f"{row['n']:,} {USERS}" if row.get("units") == "clusters" else f"{row['n']:,}"


def _allowed(row: Mapping[str, Json]) -> str:
    if (limit := row.get("limit")) is not None:
        return f"{'≤' if row['better'] == 'lower' else '≥'} {UNITS[row['unit']](limit)}{_within(row)}"
    margin = row["margin"] if row["better"] == "lower" else -row["margin"]
    return UNITS[row["unit"]](margin)


def _within(row: Mapping[str, Json]) -> str:
    sign = "+" if row["better"] == "lower" else text.MINUS
    return f" ({sign}{UNITS[row['unit']](row['margin'])})" if row["margin"] else ""


def _signed(value: float, shown: str) -> str:
    return f"+{shown}" if value > 0 and shown.strip("0.% ") else shown


def _change(value: float) -> str:
    return _signed(value, text.percent(value, 1))


UNITS: dict[str, Callable[[float], str]] = {
    "change": _change,
    "points": text.points,
    "claims": lambda value: _signed(value, text.number(value, 3)),
    "share": lambda value: text.percent(value, 1),
    "times": lambda value: f"{value:.2f} x",
}


def remarks(found: Mapping[str, Json]) -> list[str]:
    """Why tests that do not pass have no interval, or what else is wrong with them."""
    return [f"{line.name}: {line.why}" for line in lines(found) if line.why and line.outcome != "pass"]


def money(found: Mapping[str, Json]) -> list[str]:
    """Quality per dollar on both sides, and the difference in dollars a conversation."""
    first = found["primary"]
    if "qpd" not in first:
        return []
    share, usd = first["resolved"], first["cost_usd_warm"]
    effective, unresolved = first["effective_usd"], text.dollars(first["unresolved_cost_usd"])
    units = found["units"]
    how = "as declared" if first["unresolved_cost_declared"] else "an assumption: ten conversations on the top tier"
    return [
        f"resolved {text.percent(share['run'])} (was {text.percent(share['baseline'])}), "
        f"cost {text.dollars(usd['run'])} a conversation (was {text.dollars(usd['baseline'])}), resolved per effective "
        f"dollar {text.number(first['qpd']['run'])} (was {text.number(first['qpd']['baseline'])})",
        f"in dollars a conversation: {_difference(effective, units)}, of which cost "
        f"{_difference(usd['difference'], units)}; an unresolved conversation costs {unresolved} ({how}), so a point "
        f"of resolved is worth {text.dollars(first['usd_per_point_resolved'])}",
    ]


def _difference(found: Mapping[str, Json], units: str) -> str:
    n = counted({"n": found["n"], "units": units})
    value = text.dollars(found["value"]) if found["value"] else "$0"
    value = f"+{value}" if found["value"] > 0 else value
    if found["low"] is None:
        return f"{value} ({found['why']})"
    if found["why"] == "identical":
        return f"{value} (identical, n = {n})"
    return f"{value} (95 % interval {text.dollars(found['low'])} to {text.dollars(found['high'])}, n = {n})"


def needed(found: Mapping[str, Json]) -> list[str]:
    """How many conversations would decide it, where it is not decided."""
    if found["outcome"] != "inconclusive":
        return []
    asked = found["needed"]
    power = text.percent(asked["power"], 0)
    if asked["samples"] is not None:
        each = f"{asked['samples']:,} samples of each conversation"
        return [f"needed: {each}, for each test to pass with a chance of {power} if nothing differs"]
    if asked["n"] is None:
        return []
    unit, have = (USERS, found["clusters"]) if found["units"] == "clusters" else ("conversations", found["n"])
    said = f"needed: {asked['n']:,} {unit}, for all tests to pass together with a chance of {power} if nothing differs"
    if asked["n"] <= have:
        said += "; this run has that many, so more are no help unless the difference is chance"
    if asked["with_twice_the_samples"] is not None:
        said += f"; {asked['with_twice_the_samples']:,} with twice the samples"
    elif max(found["samples"]) == 1:
        said += "; what more samples of each would do is not known from one sample"
    return [said]


def flags(found: Mapping[str, Json]) -> list[str]:
    """What a person should look at."""
    return [_flag(row) for row in found["review"] if row["raised"]]


def _flag(row: Mapping[str, Json]) -> str:
    numbers = ""
    shown = "times" if row["name"] == "tokens per turn" else "points"
    if row["value"] is not None and row["name"] != "tail":
        numbers = f" {UNITS[shown](row['value'])}"
        if row["low"] is not None:
            numbers += f" (90 % interval {UNITS[shown](row['low'])} to {UNITS[shown](row['high'])}, n = {counted(row)})"
    return f"{row['name']}:{numbers}{',' if numbers else ''} {row['why']}"


def basis(found: Mapping[str, Json]) -> str:
    """What the columns mean."""
    what = "these conversations run again" if found["inference"] == "suite" else "conversations like these"
    unit = USERS if found["units"] == "clusters" else "conversations"
    what = f"{USERS} like these" if found["units"] == "clusters" else what
    alpha = found["alpha"]
    return (
        f"interval: each bound is wrong with a chance of {text.percent(alpha, 0)}, so {text.percent(1 - 2 * alpha, 0)} "
        f"over {what}. A test passes where all of it is inside what is allowed, and fails where it is not and the run "
        f"is shown to be worse (Holm over the tests). needed: {unit} for that test alone to pass with a "
        f"chance of {text.percent(found['needed']['power'], 0)} if nothing differs."
    )


# --- the terminal --------------------------------------------------------------------------


def print_gate(found: Mapping[str, Json]) -> None:
    """Print a decision: the outcome, what to beware of, the tests, what would decide it, and what to look at."""
    console = terminal._console()
    terminal._line(console, headline(found), style=f"bold {STYLES[found['outcome']]}")
    if found["simulated"]:
        terminal._line(console, f"! {SIMULATED}", style="yellow")
    terminal._line(console, about(found))
    console.print()
    console.print(_grid(lines(found), console.width >= WIDE))
    terminal._line(console, basis(found), style="dim")
    console.print()
    for each in (*remarks(found), *money(found), *needed(found)):
        terminal._line(console, each)
    for each in flags(found):
        terminal._line(console, f"look at {each}", style="yellow")
    for each in found["notes"]:
        terminal._line(console, f"note: {each}", style="dim")


def _grid(rows: Sequence[Line], wide: bool) -> RichTable:
    """The tests; where there is little room, each interval below its value."""
    grid = terminal._grid(2 if wide else 1)
    grid.add_column("test", overflow="fold", min_width=14)
    for heading in ("outcome", "value", *(("interval",) if wide else ()), "allowed", "n", "needed"):
        grid.add_column(heading, justify="left" if heading == "outcome" else "right", no_wrap=True)
    for row in rows:
        interval = _short(row.interval)
        values = (row.value, interval) if wide else (f"{row.value}\n{interval}",)
        style = "" if row.outcome == "pass" else "bold"
        grid.add_row(row.name, row.outcome, *values, row.allowed, row.n, row.needed, style=style)
    return grid


def _short(interval: str) -> str:
    """An interval with its unit once: −39.3…+220.5 %."""
    low, to, high = interval.partition(text.RANGE)
    unit = next((each for each in (" %", " x") if high.endswith(each)), "")
    return f"{low.removesuffix(unit)}…{high}" if to else interval


def sweep(found: Mapping[str, Json]) -> Iterator[tuple[str, str, str, str]]:
    """How quality per dollar hangs on what an unresolved conversation costs: times F, dollars, change, outcome."""
    for each in found["sweep"]:
        low, high = each["low"], each["high"]
        bounds = "" if low is None or high is None else f" ({_change(low)} to {_change(high)})"
        yield (
            f"{each['times']:g}",
            text.spent(each["unresolved_cost_usd"]),
            f"{_change(each['value'])}{bounds}",
            each["outcome"],
        )
