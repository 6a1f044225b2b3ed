"""Conversations through Hugging Face `datasets`: hf:owner/name[:split], and local Parquet and CSV."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ladder_bench.content import Document, parse_json
from ladder_bench.errors import InputError, Problem

COLUMNS = {"id", "system", "tags", "language", "messages", "intent", "facts", "turns", "outcome"}
BUILDERS = {".parquet": "parquet", ".csv": "csv"}


def handles(name: str) -> bool:
    return name.startswith("hf:") or Path(name).suffix in BUILDERS


def documents(name: str) -> Iterator[Document | Problem]:
    """Yield the rows of a dataset as documents; columns that no conversation has are left behind. Raises InputError."""
    for number, row in enumerate(_rows(name), 1):
        value = {key: _unpacked(cell) for key, cell in row.items() if key in COLUMNS and cell is not None}
        if "messages" not in value:
            yield Problem(f"no 'messages' column; found: {', '.join(row)}", name, number, 1)
            return
        yield parse_json(json.dumps(value, default=str), name, number)


def _rows(name: str) -> Any:
    import datasets

    datasets.disable_progress_bars()
    try:
        if not name.startswith("hf:"):
            path = Path(name)
            if not path.is_file():
                raise InputError(f"no such file: '{name}'")
            return datasets.load_dataset(BUILDERS[path.suffix], data_files=str(path), split="train")
        repo, _, split = name.removeprefix("hf:").partition(":")
        if repo.count("/") != 1 or not all(repo.split("/")):
            raise InputError(f"'{name}' is not hf:owner/name[:split]")
        return datasets.load_dataset(repo, split=split or "train")
    except InputError:
        raise
    except Exception as error:  # datasets raises a different class for every way a load can fail
        raise InputError(
            f"{name}: cannot be loaded through `datasets`: {type(error).__name__}: {_first(error)}"
        ) from None


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300]


def _unpacked(cell: Any) -> Any:
    """CSV holds nested values as JSON text; Arrow fills absent struct fields with nulls."""
    if isinstance(cell, str) and cell[:1] in "[{":
        try:
            return json.loads(cell)
        except ValueError:
            return cell
    if isinstance(cell, dict):
        return {key: _unpacked(value) for key, value in cell.items() if value is not None}
    return [_unpacked(value) for value in cell] if isinstance(cell, list) else cell
