"""Labelled specifics: answers whose details somebody marked as supported or not, and how the rule does on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import regex
from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.documents import read_json_lines
from ladder_bench.errors import InputError, Problem
from ladder_bench.judge.specifics import Evidence, Specific, find

SHIPPED = "specifics"
FILE = "cases.jsonl"
KEYS = {"evidence", "answer", "specifics"}  # of a case; no dataset has them
Text = Annotated[str, Field(min_length=1)]
Kind = Literal["number", "money", "date", "time", "url", "email", "identifier", "version", "name"]
Span = tuple[int, int]


class LabelShape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    text: Text
    kind: Kind
    supported: bool
    why: Text


class CaseShape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    id: Text
    evidence: list[str]
    answer: Text
    specifics: list[LabelShape]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the rule makes of a case.

    `found`: labels that are unsupported and called so. `missed`: the other unsupported ones. `alarms`: what the rule
    calls unsupported though it is not, each with the label it lies on, or None where nobody marked a specific.
    """

    case: CaseShape
    found: tuple[LabelShape, ...]
    missed: tuple[LabelShape, ...]
    alarms: tuple[tuple[Specific, LabelShape | None], ...]


def load(name: str = SHIPPED) -> tuple[CaseShape, ...]:
    """Labelled answers by path, or the bundled ones. Raises InputError with every problem."""
    path = content.shipped("datasets", SHIPPED, FILE) if name == SHIPPED else Path(name)
    if not content.is_file(path):
        raise InputError(Problem("no such file of labelled answers; leave it out for the bundled ones", str(path)))
    found: list[CaseShape] = []
    problems: list[Problem] = []
    seen: set[str] = set()
    for document in read_json_lines(path):
        try:
            if isinstance(document, InputError):
                raise document
            case = content.parse(CaseShape, document)
            wrong = [document.problem(loc, message) for loc, message in _wrong(case, seen)]
            if wrong:
                raise InputError(wrong)
            found.append(case)
            seen.add(case.id)
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError(f"{content.display(path)}: holds no case")
    return tuple(found)


def _wrong(case: CaseShape, seen: set[str]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if case.id in seen:
        yield ("id",), f"'{case.id}' is taken by an earlier line; ids are unique"
    texts: set[str] = set()
    for place, label in enumerate(case.specifics):
        if label.text not in case.answer:
            yield ("specifics", place, "text"), f"'{label.text}' does not stand in the answer"
        if label.text in texts:
            yield ("specifics", place, "text"), f"'{label.text}' is listed twice; once is enough"
        texts.add(label.text)


def outcome(case: CaseShape) -> Outcome:
    """Hold the rule against the labels. A finding belongs to the label with its words, else to one that it overlaps."""
    found: list[LabelShape] = []
    alarms: list[tuple[Specific, LabelShape | None]] = []
    for specific in find(case.answer, Evidence(case.evidence)):
        if specific.supported:
            continue
        touched = _touched(specific.text, case)
        wrong = [label for label in touched if not label.supported]
        found += wrong
        if not wrong:
            alarms.append((specific, touched[0] if touched else None))
    missed = tuple(label for label in case.specifics if not label.supported and label not in found)
    return Outcome(case, tuple(dict.fromkeys(found)), missed, tuple(alarms))


def _touched(text: str, case: CaseShape) -> list[LabelShape]:
    exact = [label for label in case.specifics if label.text.casefold() == text.casefold()]
    if exact:
        return exact
    spans = list(_spans(text, case.answer))
    return [label for label in case.specifics if _overlap(spans, _spans(label.text, case.answer))]


def _spans(text: str, answer: str) -> Iterator[Span]:
    """Yield where a text stands by itself, not inside a longer word or number."""
    for match in regex.finditer(rf"(?<!\w|\d[.,]){regex.escape(text)}(?!\w|[.,]\d)", answer):
        yield match.span()


def _overlap(first: Iterable[Span], second: Iterable[Span]) -> bool:
    others = list(second)
    return any(start < other_end and other < end for start, end in first for other, other_end in others)
