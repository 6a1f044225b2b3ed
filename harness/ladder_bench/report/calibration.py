"""How far judges agree with people, for a terminal: agreement, errors, and what is left of a difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from ladder_bench.domain import Json
from ladder_bench.report import terminal, text

if TYPE_CHECKING:
    from rich.table import Table as RichTable

AGREEMENT = {"raw": "raw", "kappa": "kappa", "ac1": "AC1", "prevalence": "met, people", "met_by_judge": "met, judge"}
RATES = {
    "sensitivity": "sensitivity", "specificity": "specificity", "youden": "J", "judged_rate": "met, all",
    "corrected_rate": "corrected",
}  # fmt: skip
WIDE = 110  # columns from which tables have room for all
DIFFERENCES = {"judge_alone": "judge alone", "people_alone": "people alone", "corrected": "corrected"}


def print_calibration(found: Mapping[str, Json]) -> None:
    """Print the tables, what they mean, and last what may be believed."""
    console = terminal._console()
    for line in _counts(found):
        terminal._line(console, line, style="bold" if line.startswith(found["run"]) else "")
    for name, why in found["left_out"].items():
        terminal._line(console, f"! rubric '{name}' is left out: it {why}", style="yellow")
    if found["scopes"]:
        notes, wide = _Notes(), console.width >= WIDE
        for title, grid in (
            ("how far judge and people agree", _of_arms(found, notes, AGREEMENT, wide)),
            ("the judge's errors, and the share that it calls met", _of_arms(found, notes, RATES, wide)),
            (f"{' minus '.join(reversed(found['arms']))}", _differences(found, notes, wide)),
        ):
            if grid.row_count:
                console.print()
                terminal._line(console, title, style="bold")
                console.print(grid)
        console.print()
        for line in (*_legend(found), *notes.lines()):
            terminal._line(console, line, style="dim")
        for line in _errors(found):
            terminal._line(console, line)
    console.print()
    terminal._line(console, found["sentence"], style="bold")


def _counts(found: Mapping[str, Json]) -> Iterator[str]:
    labels = found["labels"]
    who = text.counted(len(labels["labellers"]), "person", "people")
    yield f"{found['run']}: {text.counted(labels['labelled'], 'labelled criterion', 'labelled criteria')} by {who}"
    others = {
        "not_yet": "not labelled yet", "cannot_assess": "nobody could assess", "tied": "people disagree on",
        "of_other_strategies": "of other strategies, not used here (--arms)",
    }  # fmt: skip
    parts = [f"{labels[name]:,} {words}" for name, words in others.items() if labels[name]]
    if parts:
        yield "; ".join(parts)
    for arm in found["scopes"][0]["arms"] if found["scopes"] else ():
        of = arm["criteria"]
        if of["without_verdict"]:
            told = f"{of['without_verdict']:,} of {of['asked']:,} criteria without a verdict of the judge"
            yield f"{text.one_line(arm['strategy'])}: {told}, {of['labelled_without_verdict']:,} of them labelled"
    if found["people"]:
        between = found["people"]
        yield f"people: {text.counted(between['items'], 'criterion', 'criteria')} labelled by several; " + _said(
            "alpha", between["alpha"]
        )
        for each in between["pairs"]:
            measured = ", ".join(_said(AGREEMENT[name], each[name]) for name in ("raw", "kappa", "ac1"))
            yield f"  {' and '.join(each['labellers'])}, {each['items']:,}: {measured}"


class _Notes:
    """Why values or intervals are missing, numbered in the order in which they come."""

    def __init__(self) -> None:
        self._whys: list[str] = []

    def cell(self, estimate: Mapping[str, Json], signed: bool = False) -> str:
        """A value with its interval below it."""
        shown = _value(estimate["value"], signed)
        if estimate["low"] is None:
            why = estimate["why"] or "not known"
            if why not in self._whys:
                self._whys.append(why)
            return shown + terminal._superscript(self._whys.index(why) + 1)
        return f"{shown}\n{_value(estimate['low'], signed)}…{_value(estimate['high'], signed)}"

    def lines(self) -> Iterator[str]:
        for number, why in enumerate(self._whys, 1):
            yield f"{terminal._superscript(number)} {why}"


def _of_arms(found: Mapping[str, Json], notes: _Notes, measures: Mapping[str, str], wide: bool) -> RichTable:
    grid = terminal._grid()
    if wide:
        grid.add_column("criteria", overflow="fold", min_width=12)
    grid.add_column("answers of", overflow="fold", min_width=12)
    for heading in (*(("items", "conv.") if wide else ()), *measures.values()):
        grid.add_column(heading, justify="right", no_wrap=True)
    for scope in found["scopes"]:
        name = text.one_line(scope["name"])
        if not wide:
            grid.add_row(name, style="bold")
        for place, arm in enumerate(scope["arms"]):
            of, strategy = {**arm["agreement"], **arm}, text.one_line(arm["strategy"])
            cells = [notes.cell(of[measure]) for measure in measures]
            items, conversations = f"{arm['agreement']['items']:,}", f"{arm['agreement']['raw']['n']:,}"
            if wide:
                grid.add_row(name if place == 0 else "", strategy, items, conversations, *cells)
            else:
                grid.add_row(f"{strategy}\n{items} in {conversations} conv.", *cells)
    return grid


def _differences(found: Mapping[str, Json], notes: _Notes, wide: bool) -> RichTable:
    grid = terminal._grid()
    grid.add_column("criteria", overflow="fold", min_width=12)
    for heading in (*DIFFERENCES.values(), *(("λ", "labelled", "of", "worth") if wide else ()), "errors"):
        grid.add_column(heading, justify="right", no_wrap=True)
    for scope in found["scopes"]:
        each = scope["difference"]
        if each is None:
            continue
        labelled, others = each["labelled_conversations"], each["other_conversations"]
        weight = "-" if each["lambda"] is None else text.score(each["lambda"], 2)
        worth = "-" if each["effective_labels"] is None else f"{each['effective_labels']:,.0f}"
        grid.add_row(
            text.one_line(scope["name"]),
            *(notes.cell(each[name], signed=True) for name in DIFFERENCES),
            *((weight, f"{labelled:,}", f"{labelled + others:,}", worth) if wide else ()),
            each["errors"]["verdict"],
        )
    return grid


def _legend(found: Mapping[str, Json]) -> Iterator[str]:
    yield (
        "raw, kappa, AC1: agreement over labelled items. Sensitivity, specificity: the share of what people call met, "
        "or not met, that the judge calls so, too; J: their sum less 1. Met, all: by the judge, labelled or not; "
        "corrected by Rogan and Gladen, for the arm alone."
    )
    yield (
        "Corrected difference: PPI++, valid whatever the judge's errors; λ: how far it heeds the judge; worth: as "
        "many labelled conversations as people alone would need to be as precise. Errors: whether the judge's differ "
        "between arms. Below a value its 95 % interval by conversation."
    )
    if any(arm["criteria"]["without_verdict"] for scope in found["scopes"] for arm in scope["arms"]):
        yield "Criteria without a verdict of the judge count for people alone and for the corrected difference."
    yield f"Rates are {found['meaning']}."


def _errors(found: Mapping[str, Json]) -> Iterator[str]:
    """The judge's errors compared between arms, and the margin for a gate, of the headline."""
    each = found["scopes"][0]["difference"]
    if each is None:
        return
    errors, margin, arms = each["errors"], each["judged_margin"], found["arms"]
    for name in ("sensitivity", "specificity"):
        yield f"{name}, {arms[1]} minus {arms[0]}: {_interval(errors[name], signed=True)}"
    if margin["value"] is None:
        yield f"margin on the judge's scale: none: {margin['why']}"
    else:
        scaled, careful = (text.score(margin[name], 3) for name in ("value", "low"))
        size = f"{found['margin']:g} x J = {scaled}, {careful} to be careful"
        yield f"margin on the judge's scale, if it errs alike in both: {size}"
    for what, name in (
        (f"an interval of ± {found['margin']:g}", "labels_for_half_width"),
        (f"a margin of {found['margin']:g}", "labels_for_margin"),
    ):
        needed = each[name]
        if needed["labels"] is None:
            why = str(needed["why"])
            yield why if why.startswith(("±", "a margin")) else f"{what}: {why}"
        else:
            yield f"{what} needs {needed['labels']:,} of {needed['conversations']:,} conversations labelled"


def _said(name: str, estimate: Mapping[str, Json]) -> str:
    return f"{name} {_interval(estimate)}"


def _interval(estimate: Mapping[str, Json], signed: bool = False) -> str:
    if estimate["low"] is None:
        return f"{_value(estimate['value'], signed)} ({estimate['why']})"
    limits = f"{_value(estimate['low'], signed)}{text.RANGE}{_value(estimate['high'], signed)}"
    return f"{_value(estimate['value'], signed)} ({limits})"


def _value(value: float | None, signed: bool) -> str:
    if value is None:
        return "n/a"
    shown = text.number(value, 3 if signed else 2)
    return f"+{shown}" if signed and value > 0 and float(shown) else shown
