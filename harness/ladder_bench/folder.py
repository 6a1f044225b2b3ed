"""The run folder: what a run leaves behind, and what every later stage reads.

run.json          how it was run: config, hashes, prices, versions, seeds
turns.parquet     one row a turn and strategy: who answered, why, and how long the user waited
calls.parquet     one row a call, with its prompt as message ids, its usage and its cost
messages.parquet  every message body that the calls use, once
verdicts.parquet  one row a grade
judgements.parquet  what each judge said of each criterion, repeats too
conversations.parquet  what was replayed, with what a good answer does, for grading it again
transcripts.parquet  imported runs only: each arm's own conversation, whole
attempts.parquet  one row a request that was sent for this run, failed ones too, with what it cost
summary.json      the numbers
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ladder_bench.content import display
from ladder_bench.domain import Json
from ladder_bench.errors import InputError

SCHEMA = 1
TABLES: dict[str, dict[str, str]] = {
    "turns": {
        "conversation": "string", "strategy": "string", "sample": "int32", "turn": "int32", "tier": "string",
        "reason": "string", "switched": "bool", "guide": "bool", "escalated": "bool", "opened": "bool",
        "fired": "string", "memory": "string", "answer": "string", "failure": "string", "on_recording": "bool",
        "wait_s": "double", "wait_origin": "string", "user": "string", "step": "int32", "history": "string",
        "after": "string", "notes": "list<string>", "ended": "string", "labels": "string", "answer_labels": "string",
    },
    "calls": {
        "key": "string", "conversation": "string", "strategy": "string", "sample": "int32", "turn": "int32",
        "purpose": "string", "tier": "string", "model": "string", "params": "string", "messages": "list<string>",
        "answer": "string", "origin": "string", "served_model": "string", "input": "int64", "output": "int64",
        "cached": "int64", "cache_write": "int64", "reasoning": "int64", "estimated": "bool", "latency_s": "double",
        "first_token_s": "double", "answered_at": "double", "start_s": "double", "flags": "list<string>",
        "usd_warm": "double", "usd_cold": "double", "usd_billed": "double",
    },
    "attempts": {
        "key": "string", "conversation": "string", "tier": "string", "at": "double", "seconds": "double",
        "outcome": "string", "usd_reserved": "double", "usd_paid": "double",
    },
    "messages": {"id": "string", "role": "string", "content": "string", "extra": "string"},
    "verdicts": {
        "conversation": "string", "strategy": "string", "sample": "int32", "turn": "int32", "metric": "string",
        "target": "string", "value": "double", "weight": "double", "critical": "bool", "reason": "string",
        "grader": "string", "evidence": "string", "rubric": "string",
    },
    "judgements": {
        "conversation": "string", "strategy": "string", "sample": "int32", "rubric": "string", "metric": "string",
        "target": "string", "turn": "int32", "judge": "string", "repeat": "int32", "outcome": "string",
        "value": "double", "reason": "string", "evidence": "string", "key": "string", "repaired": "bool",
    },
    "conversations": {"id": "string", "body": "string"},
    "transcripts": {"conversation": "string", "strategy": "string", "sample": "int32", "body": "string"},
}  # fmt: skip
LATER_TABLES = ("judgements", "conversations", "transcripts")  # what folders from before judges do not have
OF_IMPORTS = ("transcripts",)  # what other runs have not got
LATER_COLUMNS = {"verdicts": ("evidence", "rubric")}
ROWS = 4096  # of a table, as they are written together or are Python values at once
NUMBERS = {"int32": np.int32, "int64": np.int64, "double": np.float64}


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its folder holds it. Tables are pyarrow tables."""

    path: Path
    about: Json
    tables: Mapping[str, Any]
    summary: Json


def table(name: str, rows: list[tuple[Any, ...]]) -> Any:
    """A pyarrow table with the named table's columns; each row has their order."""
    import pyarrow as pa

    columns = zip(*rows, strict=True) if rows else [()] * len(TABLES[name])
    kinds = TABLES[name].values()
    return pa.table(
        dict(
            zip(TABLES[name], (column(kind, values) for kind, values in zip(kinds, columns, strict=True)), strict=True)
        )
    )


def column(kind: str, values: Sequence[Any]) -> Any:
    """A pyarrow array of a kind that `TABLES` names, from Python values. Lone surrogates become question marks.

    It is put together from its buffers because `pyarrow.array` loads pandas, which takes 0.3 s and 40 MB.
    """
    import pyarrow as pa

    valid = _bits([value is not None for value in values]) if None in values else None
    if kind == "string":
        texts = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
        buffers = [valid, pa.py_buffer(_offsets(texts)), pa.py_buffer(b"".join(texts))]
        return pa.Array.from_buffers(pa.string(), len(values), buffers)
    if kind == "list<string>":
        lists = [value or () for value in values]
        parts = column("string", [part for each in lists for part in each])
        buffers = [valid, pa.py_buffer(_offsets(lists))]
        texts_of = pa.list_(pa.field("element", pa.string()))  # as Parquet names it: read and written it is the same
        return pa.Array.from_buffers(texts_of, len(values), buffers, children=[parts])
    filled = [value or 0 for value in values]
    if kind == "bool":
        return pa.Array.from_buffers(pa.bool_(), len(values), [valid, _bits(filled)])
    data = pa.py_buffer(np.array(filled, NUMBERS[kind]))
    return pa.Array.from_buffers(pa.from_numpy_dtype(NUMBERS[kind]), len(values), [valid, data])


def joined(tables: list[Any]) -> Any:
    """Tables of the same columns one after the other."""
    import pyarrow as pa

    return pa.concat_tables(tables)


def in_order(table: Any, places: Sequence[int]) -> Any:
    """A table with its rows in the order of their places; itself where that is their order."""
    if all(place <= following for place, following in pairwise(places)):
        return table
    return table.take(column("int64", np.argsort(places, kind="stable").tolist()))


def rows_of(table: Any) -> Iterator[dict[str, Any]]:
    """The rows of a pyarrow table by column, a few thousand in memory at a time."""
    for batch in table.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()


def having(table: Any, name: str, values: Iterable[str], without: bool = False) -> Any:
    """The rows of a table whose column has one of these texts, or `without` them.

    Compared with a column and not with Python's own values: those would load pandas.
    """
    import pyarrow.compute as pc

    found = pc.is_in(table[name], value_set=column("string", list(values)))
    return table.filter(pc.invert(found) if without else found)


def _offsets(parts: Sequence[Sized]) -> array[int]:
    """Where each part begins, and where the last one ends. OverflowError beyond 2 GiB."""
    return array("i", accumulate(map(len, parts), initial=0))


def _bits(flags: Sequence[Any]) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(np.array(flags, bool), bitorder="little"))


def check_target(path: Path) -> None:
    """Refuse a folder that holds something else than a run. Raises InputError."""
    if path.exists() and not path.is_dir():
        raise InputError(f"{display(path)}: is a file; --out needs a folder")
    if path.is_dir() and any(path.iterdir()) and not (path / "run.json").is_file():
        raise InputError(
            f"{display(path)}: holds something else than a run; --out needs a new folder, an empty one or an old run"
        )
    nearest = next(each for each in (path, *path.absolute().parents) if each.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(
            f"{display(path)}: cannot be written: {display(nearest)} is read-only for you; choose another --out"
        )


def is_complete(path: Path) -> bool:
    """Whether a folder holds a run that was not stopped."""
    try:
        return not json.loads((path / "run.json").read_text(encoding="utf-8")).get("incomplete")
    except (OSError, ValueError, AttributeError):
        return False


def write(path: Path, about: Json, tables: Mapping[str, Any], summary: Json, pages: Mapping[str, str | bytes]) -> None:
    """Write a whole run folder beside its place, then move it there: nobody sees half of it. Raises InputError."""
    check_target(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise InputError(f"{display(path)}: cannot be written: {error.strerror}") from None
    try:
        draft.chmod(0o755)
        for name, content in tables.items():
            if content.num_rows or name not in OF_IMPORTS:
                _write_table(content, draft / f"{name}.parquet")
        (draft / "run.json").write_text(json_text(about), encoding="utf-8")
        (draft / "summary.json").write_text(json_text(summary), encoding="utf-8")
        write_pages(draft, pages)
        _replace(draft, path)
    except OSError as error:
        raise InputError(
            f"{display(path)}: cannot be written: {error.strerror}; the calls are safe in the store"
        ) from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _write_table(content: Any, path: Path) -> None:
    """Write a table as Parquet: the same bytes for the same rows, in whatever pieces they are in memory."""
    import pyarrow.parquet as pq

    with pq.ParquetWriter(path, content.schema, compression="zstd") as writer:
        for start in range(0, content.num_rows, ROWS):
            writer.write_table(content.slice(start, ROWS).combine_chunks())


def write_pages(path: Path, pages: Mapping[str, str | bytes]) -> None:
    """Write pages into a run folder, each whole or not at all."""
    for name, content in pages.items():
        draft = path / f".{name}.partial"
        draft.write_bytes(content.encode("utf-8", "replace") if isinstance(content, str) else content)
        draft.replace(path / name)


def read(path: Path) -> Run:
    """Read a run folder. Raises InputError where it is none, or one of a newer version.

    Tables and columns that came with judges are empty where an earlier version wrote the folder.
    """
    import pyarrow as pa

    if not (path / "run.json").is_file():
        raise InputError(f"{display(path)}: is not a run folder (it has no run.json)")
    try:
        about = json.loads((path / "run.json").read_text(encoding="utf-8"))
        if about.get("schema", 0) > SCHEMA:
            raise InputError(
                f"{display(path)}: written by a newer ladder-bench (schema {about['schema']}); upgrade to read it"
            )
        tables = {name: _read_table(name, path / f"{name}.parquet") for name in TABLES}
        summary = json.loads((path / "summary.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError(f"{display(path)}: the run folder is damaged: {error}") from None
    return Run(path, about, tables, summary)


def _read_table(name: str, path: Path) -> Any:
    import pyarrow.parquet as pq

    if name in LATER_TABLES and not path.exists():
        return table(name, [])
    found = pq.read_table(path)
    for text in LATER_COLUMNS.get(name, ()):
        if text not in found.column_names:
            found = found.append_column(text, column("string", [""] * found.num_rows))
    return found


def json_text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _replace(draft: Path, path: Path) -> None:
    if not path.exists():
        draft.rename(path)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{path.name}-old-", dir=path.parent))
    path.rename(old / path.name)
    draft.rename(path)
    shutil.rmtree(old, ignore_errors=True)
