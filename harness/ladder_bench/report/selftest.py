"""The self-test of judges, for a terminal: what each sees and imagines, by kind of flaw, and where it went wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import terminal, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

SHARES = {"seen": "flaws seen", "false_alarms": "false alarms"}


def print_selftest(found: Mapping[str, Json], misses: int) -> None:
    """Print what each judge came to, and all together; `misses`: how many errors of either kind to show of each."""
    console = terminal._console()
    judges = found["judges"]
    for place, (name, each) in enumerate(judges.items()):
        if place:
            console.print()
        _print_one(console, f"{name} ({each['model']})", each, misses)
    if found["panel"] is not None:
        console.print()
        _print_one(console, f"all {len(judges)} judges together, by majority", found["panel"], misses)
    console.print()
    for line in _legend(found):
        terminal._line(console, line, style="dim")
    terminal._line(console, _taken(found["calls"]))


def _print_one(console: Console, who: str, found: Mapping[str, Json], misses: int) -> None:
    terminal._line(console, f"{who}: {found['verdict']}", style="bold")
    console.print()
    console.print(_table(found))
    terminal._line(console, _read(found["replies"]), style="yellow" if found["replies"]["unreadable"] else "dim")
    if found["unscored"]:
        terminal._line(console, f"unscored answers: {_counts(found['unscored'])}", style="yellow")
    _print_errors(console, "missed", [each for each in found["looks"] if each["seen"] is False], misses)
    _print_errors(console, "false alarm", [each for each in found["looks"] if each["false_alarm"]], misses)


def _table(found: Mapping[str, Json]) -> RichTable:
    grid = terminal._grid()
    grid.add_column("", overflow="fold", min_width=12)
    for heading in ("cases", *SHARES.values(), "told apart, points", "unscored answers"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for part in ("by_flaw", "by_difficulty"):
        for name, each in found[part].items():
            grid.add_row(name, *_cells(each))
        grid.add_section()
    grid.add_row("all", *_cells(found))
    return grid


def _cells(score: Mapping[str, Json]) -> Iterator[str]:
    yield f"{score['cases']:,}"
    for name in SHARES:
        yield _share(score[name])
    yield _difference(score["told_apart"])
    unscored = score["unscored_answers"]
    yield f"{unscored:,} of {2 * score['cases']:,}" if unscored else "0"


def _share(found: Mapping[str, Json]) -> str:
    """A share and of how many answers, with its interval below."""
    if found["value"] is None:
        return "n/a"
    shown = f"{text.percent(found['value'], 0)} of {found['n']:,}"
    if found["low"] is None:
        return shown
    return f"{shown}\n{text.number(100 * found['low'], 0)}…{text.number(100 * found['high'], 0)}"


def _difference(found: Mapping[str, Json]) -> str:
    """A difference of shares in points, with its interval below."""
    if found["value"] is None:
        return "n/a"
    shown = _signed(found["value"])
    return shown if found["low"] is None else f"{shown}\n{_signed(found['low'])}…{_signed(found['high'])}"


def _signed(value: float) -> str:
    shown = text.number(100 * value, 0)
    return f"+{shown}" if round(100 * value) > 0 else shown


def _read(replies: Mapping[str, Json]) -> str:
    """How many replies could be read, and what is wrong with the others."""
    total = replies["read"] + sum(replies["unreadable"].values())
    if not total:
        return "no reply came"
    counted = text.counted(total, "reply", "replies")
    line = f"{replies['read']:,} of {counted} could be read ({text.percent(replies['read'] / total)})"
    return f"{line}; the others: {_counts(replies['unreadable'])}" if replies["unreadable"] else line


def _counts(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in found.items())


def _print_errors(console: Console, kind: str, looks: Sequence[Mapping[str, Json]], most: int) -> None:
    """The flaws that were missed, or the clean answers that were called flawed, with what was said of them."""
    if not looks or not most:
        return
    said = "said_of_flawed" if kind == "missed" else "said_of_clean"
    terminal._line(console, f"{kind}: {len(looks):,}", style="bold")
    for each in looks[:most]:
        what = f"  {each['id']} ({each['flaw']}, {each['difficulty']})"
        _quote(console, f"{what}: {each['what']}" if kind == "missed" else what)
        if each[said]:
            _quote(console, f"      the judge: {each[said]}")
    if len(looks) > most:
        console.print(f"  … {len(looks) - most:,} more: --misses {len(looks)} shows them", style="dim")


def _quote(console: Console, line: str) -> None:
    """A line that is cut where the terminal ends; its indent stays."""
    indent = line[: len(line) - len(line.lstrip())]
    console.print(indent + text.one_line(line), no_wrap=True, overflow="ellipsis")


def _legend(found: Mapping[str, Json]) -> Iterator[str]:
    yield (
        "flaws seen: flawed answers that are called flawed in what was planted; false alarms: clean twins that are. "
        "told apart: the one minus the other; 0 sees nothing, 100 never errs."
    )
    yield "Below a value its 95 % interval over cases; there is none below 20 cases."
    if found["panel"] is not None:
        yield "Each judge was tested alone, then all together: what half of them or fewer say is unscored."


def _taken(taken: Mapping[str, Json]) -> str:
    upper = taken["spent_at_most_usd"]
    most = f", at most {text.spent(upper)}" if upper > taken["spent_usd"] else ""
    return (
        f"asking: {text.counted(taken['distinct'], 'call')}, {taken['sent']:,} sent, {taken['from_store']:,} from the "
        f"store; spent {text.spent(taken['spent_usd'])}{most}"
    )
