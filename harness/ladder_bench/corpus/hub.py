"""Conversations in tables: a row each, from Parquet, CSV or the Hugging Face Hub (hf:owner/name[:split])."""

from __future__ import annotations

import csv
import datetime
import io
import logging
import math
import os
import socket
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ladder_bench.content import is_file
from ladder_bench.documents import Document, display, parse_json, read_text
from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem

TEXT = {"id", "system", "language"}  # a conversation's columns that hold text
NESTED = {  # columns that hold values, or their JSON text
    "tags", "messages", "intent", "facts", "turns", "outcome", "metadata", "annotation",
}  # fmt: skip
HUB = "hf:"
EXACT = 2**53  # beyond it a float is no longer a count that somebody wrote


def handles(name: str) -> bool:
    return name.startswith(HUB) or Path(name).suffix in (".parquet", ".csv")


def documents(name: str, notes: dict[str, int], near: Path | None = None) -> Iterator[Document | InputError]:
    """Yield the rows of a table as documents, noting the columns that no conversation has. Raises InputError."""
    shown, rows = _opened(name, near)
    for count, (line, row) in enumerate(rows):
        if "messages" not in row:
            raise InputError(Problem(f"no 'messages' column; found: {', '.join(map(str, row))}", shown, 1, 1))
        for column in row if count == 0 else ():
            if column not in TEXT | NESTED:
                notes[f"column '{column}' not used"] = 1
        try:
            value = {key: found for key in row if (found := _cell(key, row[key], shown, line)) is not None}
        except InputError as error:
            yield error
            continue
        yield Document(shown, value, {(): (line, 1)}, line)


def _opened(name: str, near: Path | None) -> tuple[str, Iterator[tuple[int, Mapping[str, Any]]]]:
    """A table's name as the reader knows it, and its rows with the line or the number of each."""
    if name.startswith(HUB):
        return name, _numbered(_from_hub(name))
    path = next((each for each in (Path(name), *([near.parent / name] if near else [])) if is_file(each)), None)
    if path is None:
        raise InputError(f"no such file: '{name}'")
    return display(path), _csv(path) if path.suffix == ".csv" else _numbered(_parquet(path))


def _numbered(rows: Iterator[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return enumerate(rows, 1)


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Every cell is text, so that an id such as 007 stays what it is; an empty cell is an absent value."""
    csv.field_size_limit(2**31 - 1)  # a conversation in a cell is long
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        header = next(reader, [])
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) != len(header):
                    what = f"has {len(cells)} cells where the header has {len(header)}"
                    raise InputError(Problem(what, display(path), line, 1))
                yield line, {key: cell for key, cell in zip(header, cells, strict=True) if cell or key == "messages"}
            line = reader.line_num + 1
    except csv.Error as error:
        raise InputError(Problem(f"broken CSV: {error}", display(path), reader.line_num, 1)) from None


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=256):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(Problem(f"is not a whole Parquet file: {_first(error)}", display(path), 1, 1)) from None


def _from_hub(name: str) -> Iterator[Mapping[str, Any]]:
    repo, _, split = name.removeprefix(HUB).partition(":")
    if repo.count("/") != 1 or not all(repo.split("/")):
        raise InputError(f"'{name}' is not hf:owner/name[:split]")
    if not _reachable():  # else every request is tried six times, with pauses; what was fetched before still loads
        os.environ["HF_HUB_OFFLINE"] = "1"
    import datasets

    datasets.disable_progress_bars()
    for library in ("datasets", "huggingface_hub"):  # what fails is said below, in one line
        logging.getLogger(library).setLevel(logging.CRITICAL)
    try:
        return iter(datasets.load_dataset(repo, split=split or "train"))
    except Exception as error:  # datasets raises a different class for every way a load can fail
        what = f"cannot be loaded through `datasets`: {type(error).__name__}: {_first(error)}"
        raise InputError(f"{name}: {what}") from None


def _reachable() -> bool:
    if os.environ.get("HF_HUB_OFFLINE") or urllib.request.getproxies():  # a proxy resolves names itself
        return True
    host = urllib.parse.urlsplit(os.environ.get("HF_ENDPOINT", "https://huggingface.co")).hostname
    try:
        return bool(socket.getaddrinfo(host, 443))
    except OSError:
        return False


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


# --- cells ---------------------------------------------------------------------------------


def _cell(column: str, cell: Any, name: str, line: int) -> Json:
    """A column's value, None where it is absent. Text columns keep text that looks like JSON."""
    if column in TEXT:
        return str(cell) if isinstance(cell, int) and not isinstance(cell, bool) else cell
    if column not in NESTED:
        return None
    if not isinstance(cell, str):
        return _plain(cell)
    try:
        return parse_json(cell, name, 1).value
    except InputError as error:
        what = f"must be JSON text: {error.problems[0].message}"
        raise InputError(Problem(what, name, line, 1, column)) from None


def _plain(value: Any) -> Json:
    """Undo what a table does to values: absent fields are there as null, whole numbers as floats, null as NaN."""
    if isinstance(value, dict):
        kept = {key: found for key, item in value.items() if (found := _plain(item)) is not None}
        return kept or (None if value else {})
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return None
        return int(value) if value.is_integer() and abs(value) < EXACT else value
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | bool) or value is None else str(value)
