"""Tables of a run folder: Python values to columns and back, in order, and to the same bytes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ladder_bench import folder

KINDS = {
    "string": (pa.string(), ["", "a", None, "größer", "𝄞"]),
    "int32": (pa.int32(), [0, None, -7, 2**31 - 1]),
    "int64": (pa.int64(), [None, 2**40]),
    "double": (pa.float64(), [0.0, None, 1e-300, float("inf")]),
    "bool": (pa.bool_(), [True, None, False, True, True, False, False, True, True]),
    "list<string>": (pa.list_(pa.string()), [["a", "ü"], [], None, [""]]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_has_the_values_and_nulls_that_it_was_given(kind: str) -> None:
    arrow, values = KINDS[kind]
    for given in (values, [values[0]], [None], []):
        found = folder.column(kind, given)
        found.validate(full=True)
        assert found.equals(pa.array(given, arrow)), given


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert folder.column("string", ["so \ud800 it"]).to_pylist() == ["so ? it"]


def test_rows_come_in_the_order_of_their_places_and_equal_places_keep_theirs() -> None:
    rows = [(f"m{number}", "user", str(number), None) for number in range(6)]
    found = folder.in_order(folder.table("messages", rows), [3, 1, 3, 0, 1, 9])

    assert [row["content"] for row in folder.rows_of(found)] == ["3", "1", "4", "0", "2", "5"]


def test_the_same_rows_are_the_same_bytes_in_whatever_pieces_they_came(tmp_path: Path) -> None:
    draw = random.Random(0)
    rows = [(f"{draw.getrandbits(256):064x}", "user", draw.choice(["a", "b"]), None) for _ in range(20_000)]
    empty = {name: folder.table(name, []) for name in folder.TABLES}
    for pieces in (1, 7):
        size = -(-len(rows) // pieces)
        parts = [folder.table("messages", rows[start : start + size]) for start in range(0, len(rows), size)]
        folder.write(tmp_path / str(pieces), {}, {**empty, "messages": folder.joined(parts)}, {}, {})

    first, second = ((tmp_path / name / "messages.parquet").read_bytes() for name in ("1", "7"))
    assert first == second
    read: Any = folder.read(tmp_path / "7").tables
    assert read["messages"].column("id").to_pylist() == [row[0] for row in rows]
    assert read["turns"].num_rows == 0


def test_a_run_does_not_load_pandas(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom ladder_bench import experiment\n"
        f"place = Path({str(tmp_path)!r})\n"
        "experiment.run(experiment.Options(limit=2, store=place / 'calls.sqlite', out=place / 'run'))\n"
        "sys.exit('pandas' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
