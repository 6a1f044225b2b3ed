"""Tables: a strategy's rows of a run's tables, and results as JSON has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ladder_bench import folder


def rows(tables: Mapping[str, Any], name: str, strategy: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A strategy's rows of a table. Columns that an older run has not got are None."""
    there = [column for column in columns if column in tables[name].column_names]
    absent = dict.fromkeys(column for column in columns if column not in there)
    for row in folder.rows_of(folder.having(tables[name], "strategy", [strategy]).select(there)):
        yield row | absent if absent else row


def plain(value: Any) -> Any:
    """A result with Python's own numbers in the place of numpy's, and lists in that of tuples, as JSON has them."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value
