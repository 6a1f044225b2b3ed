"""How well triggers agree with labels, for a terminal: a table, then the turns where they differ, with their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import terminal, text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

MEASURES = {"precision": "precision", "recall": "recall", "f1": "F1"}
KINDS = {"missed": "missed", "false_alarm": "false alarm"}


def print_detection(found: Mapping[str, Json], misses: int | None) -> None:
    """Print the table and, for each trigger, at most `misses` of either kind of confusion; None for all."""
    console = terminal._console()
    size = f"{text.counted(found['conversations'], 'conversation')}, {text.counted(found['turns'], 'labelled turn')}"
    name = found["dataset"] if found["tag"] is None else f"{found['dataset']}, {found['tag']}"
    terminal._line(console, f"{name}: {size}, triggers found by {found['detect']}", style="bold")
    for note in found["notes"]:
        terminal._line(console, f"! {note}", style="yellow")
    console.print()
    console.print(_table(found["triggers"]))
    for line in _legend(found["triggers"]):
        terminal._line(console, line, style="dim")
    for name in found["triggers"]:
        _print_confusions(console, name, [each for each in found["confusions"] if each["trigger"] == name], misses)


def _table(triggers: Mapping[str, Json]) -> RichTable:
    grid = terminal._grid()
    unseen = any(each["not_evaluated"] for each in triggers.values())
    grid.add_column("trigger", overflow="fold", min_width=12)
    headings = [*MEASURES.values(), "labelled", "fired", "turns", *(["not evaluated"] if unseen else [])]
    for heading in headings:
        grid.add_column(heading, justify="right", no_wrap=True)
    for name, each in triggers.items():
        counts = [each["n_labelled"], each["n_fired"], each["turns"], *([each["not_evaluated"]] if unseen else [])]
        measured = (_measure(each[measure], each["intervals"][measure]) for measure in MEASURES)
        grid.add_row(name, *measured, *(f"{count:,}" for count in counts))
    return grid


def _measure(value: float | None, interval: Mapping[str, Json]) -> str:
    """A share with its interval below it."""
    if value is None:
        return "-"
    shown = text.score(value, 2)
    if interval["low"] is None:
        return shown
    return f"{shown}\n{text.score(interval['low'], 2)}…{text.score(interval['high'], 2)}"


def _legend(triggers: Mapping[str, Json]) -> Iterator[str]:
    yield "labelled, fired, turns: turns that should fire, that fire, and that were compared."
    yield "Below a value its 95 % interval over conversations."
    whys: dict[str, list[str]] = {}
    for name, each in triggers.items():
        for measure, heading in MEASURES.items():
            if why := each["intervals"][measure]["why"]:
                whys.setdefault(why, []).append(f"{name} {heading}")
    for why, where in whys.items():
        yield f"{text.joined(where, 6)}: {why}"


def _print_confusions(
    console: Console, name: str, confusions: Sequence[Mapping[str, Json]], misses: int | None
) -> None:
    if not confusions:
        return
    by_kind = {kind: [each for each in confusions if each["kind"] == kind] for kind in KINDS}
    counted = text.counted(len(by_kind["false_alarm"]), "false alarm")
    console.print()
    terminal._line(console, f"{name}: {len(by_kind['missed']):,} missed, {counted}", style="bold")
    shown = [each for these in by_kind.values() for each in these[:misses]]
    for each in shown:
        _quote(console, "  ", _what(each))
        if each["reason"] is not None:
            _quote(console, "      ", _why(each))
    if hidden := len(confusions) - len(shown):
        console.print(f"  … {hidden:,} more: --trigger {name} --misses all shows them", style="dim")


def _quote(console: Console, indent: str, line: str) -> None:
    """A line that is cut where the terminal ends."""
    console.print(indent + text.one_line(line), no_wrap=True, overflow="ellipsis")


def _what(each: Mapping[str, Json]) -> str:
    on = ", answer" if each["on"] == "answer" else ""
    return f"{KINDS[each['kind']]}: {each['conversation']}, turn {each['turn']}{on}: {each['text']}"


def _why(each: Mapping[str, Json]) -> str:
    return f"{each['reason']}: {each['evidence']}" if each["evidence"] else str(each["reason"])
