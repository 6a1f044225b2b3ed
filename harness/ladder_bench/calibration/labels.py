"""Labels: what people said of items, read from their files, with every problem by file and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from ladder_bench.calibration import tables
from ladder_bench.calibration.items import Item
from ladder_bench.calibration.tables import Row
from ladder_bench.content import did_you_mean, shortened
from ladder_bench.errors import InputError, Problem
from ladder_bench.judge.asking import VERDICTS

VALUES = {"met": 1.0, "not_met": 0.0, "cannot_assess": None}
T = TypeVar("T")
MOST_PROBLEMS = 20  # that are printed
WHOLE = ("", "whole", "conversation")  # how a criterion of the whole conversation is placed


@dataclass(frozen=True, slots=True)
class Label:
    """One person's word on an item; `value` None: cannot be assessed. `word` "" where nothing was said yet."""

    id: str
    labeller: str
    word: str
    row: Row

    @property
    def value(self) -> float | None:
        return VALUES.get(self.word)


def read(files: Sequence[Path], items: Sequence[Item], run: str) -> list[Label]:
    """The labels of all files, each person's of an item once; those not filled in, too. Raises InputError."""
    problems: list[Problem] = []
    known = _Known(items, run)
    found: dict[tuple[str, str], Label] = {}
    for path in files:
        for row in tables.read(path, problems):
            before = len(problems)
            name, word = (_tried(each, row, problems) for each in (known.id_of, _word))
            if len(problems) > before:
                continue
            label = Label(name, row["labeller"] or path.stem, word, row)
            key = (label.id, label.labeller)
            if key not in found or not found[key].word:
                found[key] = label
            elif label.word and label.word != found[key].word:
                problems.append(_contradiction(label, found[key]))
    if problems:
        more = len(problems) - MOST_PROBLEMS
        rest = [Problem(f"and {more:,} problems more")] if more > 0 else []
        raise InputError([*problems[:MOST_PROBLEMS], *rest])
    return list(found.values())


def _tried(read: Callable[[Row], str], row: Row, problems: list[Problem]) -> str:
    """What is read from a row; where that cannot be, "" and one problem more."""
    try:
        return read(row)
    except InputError as error:
        problems += error.problems
        return ""


def _word(row: Row) -> str:
    """A label as it is kept; upper case, spaces and hyphens do not matter. Raises InputError."""
    word = re.sub(r"[\s-]+", "_", row["label"].casefold())
    if word and word not in VERDICTS:
        hint = did_you_mean(word, VERDICTS)
        what = f"unknown label '{shortened(row['label'])}'{hint}; valid: {', '.join(VERDICTS)}, or empty for not yet"
        raise InputError(row.problem(what))
    return word


def _contradiction(label: Label, first: Label) -> Problem:
    where = f"{first.row.file}:{first.row.line}"
    words = f"'{label.word}', and '{first.word}' in {where}"
    return label.row.problem(
        f"'{label.labeller}' labels the same item twice: {words}; keep one, or name who says which in 'labeller'"
    )


class _Known:
    """The items of a run by id and by place."""

    def __init__(self, items: Iterable[Item], run: str) -> None:
        self._run = run
        self._ids: set[str] = set()
        self._places: dict[str, dict[str, dict[tuple[int, int | None], list[Item]]]] = {}
        for each in items:
            self._ids.add(each.id)
            of_arm = self._places.setdefault(each.conversation, {}).setdefault(each.strategy, {})
            of_arm.setdefault((each.sample, each.turn), []).append(each)

    def id_of(self, row: Row) -> str:
        """The item that a row is about. Raises InputError."""
        if row["id"]:
            if row["id"] not in self._ids:
                what = f"unknown id '{shortened(row['id'])}': no judged criterion of {self._run} has it"
                why = "an answer or a criterion's words may have changed since the sheet was drawn"
                raise InputError(row.problem(f"{what}: {why}; draw one from it: `judge sample {self._run}`"))
            return row["id"]
        if not all(row[name] for name in tables.OWN):
            raise InputError(row.problem(f"names no item: it needs 'id', or {', '.join(tables.OWN)} and turn"))
        return self._placed(row)

    def _placed(self, row: Row) -> str:
        arms = _one_of(row, "conversation", self._places)
        turns = _one_of(row, "strategy", arms)
        at = (_number(row, "sample", 0), None if row["turn"].casefold() in WHOLE else _number(row, "turn", 1))
        found = turns.get(at)
        if found is None:
            valid = _listed(_named(each) for each in sorted(turns, key=lambda each: (each[0], each[1] or 0)))
            raise InputError(row.problem(f"nothing is judged at {_named(at)}; valid: {valid}"))
        of_name = [each for each in found if row["criterion"] in (each.target, f"{each.metric}/{each.target}")]
        mine = [each for each in of_name if row["metric"] in ("", each.metric)]
        if not mine:
            names = sorted({each.target for each in found})
            hint = did_you_mean(row["criterion"], names)
            what = f"no criterion '{shortened(row['criterion'])}' is judged there{hint}; valid: {_listed(names)}"
            raise InputError(row.problem(what))
        if len({each.metric for each in mine}) > 1:
            metrics = sorted(each.metric for each in mine)
            raise InputError(row.problem(f"'{row['criterion']}' is several criteria; add 'metric': {_listed(metrics)}"))
        return mine[0].id


def _one_of(row: Row, name: str, known: Mapping[str, T]) -> T:
    given = row[name]
    if given not in known:
        hint = did_you_mean(given, known)
        what = f"no judged {name} '{shortened(given)}'{hint}; valid: {_listed(known)}"
        raise InputError(row.problem(what))
    return known[given]


def _number(row: Row, name: str, default: int) -> int:
    text = row[name] or str(default)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InputError(row.problem(f"'{name}' must be a whole number, not '{shortened(text)}'"))
    return int(text)


def _named(at: tuple[int, int | None]) -> str:
    sample, turn = at
    where = "the whole conversation" if turn is None else f"turn {turn}"
    return where if sample == 0 else f"{where} of sample {sample}"


def _listed(names: Iterable[str], most: int = 10) -> str:
    found: Iterator[str] = iter(names)
    first = [shortened(name) for _, name in zip(range(most), found, strict=False)]
    return ", ".join(first) + (", …" if next(found, None) is not None else "")
