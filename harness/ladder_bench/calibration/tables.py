"""Label files as rows: CSV as spreadsheets save it, or JSON lines. Every row knows its line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ladder_bench.content import did_you_mean, display
from ladder_bench.errors import InputError, Problem

KNOWN = ("id", "conversation", "strategy", "sample", "turn", "metric", "criterion", "label", "labeller", "note")
OWN = ("conversation", "strategy", "criterion")  # what names a place where there is no id
NEEDED = "a column 'label', and 'id' (of a label sheet) or 'conversation', 'strategy', 'turn' and 'criterion'"
MOST_CHARACTERS = 1_000_000  # of a cell


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its fields as text, "" where there is none."""

    file: str
    line: int
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    def problem(self, message: str) -> Problem:
        return Problem(message, self.file, self.line)


def read(path: Path, problems: list[Problem]) -> list[Row]:
    """The rows of a file; what is wrong with single rows is added to the problems. Raises InputError."""
    name, text = display(path), _text(path)
    if not text.strip():
        raise InputError(Problem(f"is empty; a label file has {NEEDED}", name))
    rows = _json_rows(name, text, problems) if text.lstrip()[0] in "{[" else _csv_rows(name, text)
    return list(rows)


def _text(path: Path) -> str:
    """Spreadsheets write UTF-8 with a mark or without, or UTF-16. Raises InputError."""
    name = display(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror or error}") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = 1 + data[: error.start].count(b"\n")
        what = "is not UTF-8; save it as 'CSV UTF-8'"
        if data[:2] == b"PK":
            line, what = 1, "is a spreadsheet's own file; save it as 'CSV UTF-8'"
        raise InputError(Problem(what, name, line)) from None


# --- CSV -----------------------------------------------------------------------------------


def _csv_rows(name: str, text: str) -> Iterator[Row]:
    head = text.lstrip("\r\n").splitlines()[0]
    separator = max(",;\t", key=head.count)  # some countries' spreadsheets save with ";"
    previous = csv.field_size_limit(MOST_CHARACTERS)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        columns: list[str] | None = None
        line = 1
        for cells in reader:
            start, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if columns is None:
                columns = [cell.strip().casefold() for cell in cells]
                _check(columns, name, start)
                continue
            yield Row(name, start, {key: cell.strip() for key, cell in zip(columns, cells, strict=False)})
    except csv.Error as error:
        raise InputError(Problem(f"is no CSV that can be read: {error}", name, line)) from None
    finally:
        csv.field_size_limit(previous)


def _check(columns: list[str], name: str, line: int) -> None:
    """Raises InputError where a header has not what labels need."""
    missing = [] if "label" in columns else ["label"]
    if "id" not in columns:
        missing += [each for each in OWN if each not in columns]
    if missing:
        hints = [f"'{each}'{did_you_mean(each, columns)}" for each in missing]
        raise InputError(Problem(f"has no column {', '.join(hints)}; needed: {NEEDED}", name, line))
    twice = sorted({each for each in columns if each in KNOWN and columns.count(each) > 1})
    if twice:
        raise InputError(Problem(f"has the column '{twice[0]}' twice; keep one", name, line))


# --- JSON lines ----------------------------------------------------------------------------


def _json_rows(name: str, text: str, problems: list[Problem]) -> Iterator[Row]:
    for line, content in enumerate(text.split("\n"), 1):
        if not content.strip():
            continue
        try:
            found = json.loads(content)
        except (ValueError, RecursionError) as error:
            problems.append(Problem(f"is no JSON: {error}; a line is one label", name, line))
            continue
        if not isinstance(found, dict):
            problems.append(Problem('must be an object such as {"id": "item-…", "label": "met"}', name, line))
            continue
        odd = [key for key in KNOWN if not isinstance(found.get(key, ""), str | int | None) or found.get(key) is True]
        if odd or "label" not in found or not ("id" in found or all(each in found for each in OWN)):
            what = f"'{odd[0]}' must be text or a whole number" if odd else f"is no label: it needs {NEEDED}"
            problems.append(Problem(what.replace("a column ", ""), name, line))
            continue
        plain = {key: "" if found.get(key) is None else str(found[key]).strip() for key in KNOWN if key in found}
        yield Row(name, line, plain)
