"""Tables: a strategy's rows of a run's tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ladder_bench import folder


def rows(tables: Mapping[str, Any], name: str, strategy: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """A strategy's rows of a table. Columns that an older run has not got are None."""
    import pyarrow.compute as pc

    there = [column for column in columns if column in tables[name].column_names]
    absent = dict.fromkeys(column for column in columns if column not in there)
    chosen = pc.is_in(tables[name]["strategy"], value_set=folder.column("string", [strategy]))
    for row in folder.rows_of(tables[name].select(there).filter(chosen)):
        yield row | absent if absent else row
