"""Tables: a strategy's rows of a run's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ladder_bench import folder


def rows(tables: Mapping[str, Any], name: str, strategy: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A strategy's rows of a table. Columns that an older run has not got are None."""
    there = [column for column in columns if column in tables[name].column_names]
    absent = dict.fromkeys(column for column in columns if column not in there)
    for row in folder.rows_of(folder.having(tables[name], "strategy", [strategy]).select(there)):
        yield row | absent if absent else row
