"""Content and documents: values with the place of each key."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench import content
from ladder_bench.documents import parse_json, plain_scalar, read_yaml
from ladder_bench.errors import InputError

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
TREES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4))


@given(TREES, st.sampled_from([None, 2]), st.booleans())
def test_every_key_of_a_json_text_stands_where_its_document_says(
    tree: Any, indent: int | None, ascii_only: bool
) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=ascii_only)
    document = parse_json(text, "f", 1)

    for loc in _keys(tree):
        problem = document.problem(loc, "")
        line = text.split("\n")[(problem.line or 0) - 1]
        assert line[(problem.column or 0) - 1 :].startswith(json.dumps(loc[-1], ensure_ascii=ascii_only))


def _keys(tree: Any, loc: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(tree, list):
        return [found for index, item in enumerate(tree) for found in _keys(item, (*loc, index))]
    if not isinstance(tree, dict):
        return []
    return [found for key, item in tree.items() for found in ((*loc, key), *_keys(item, (*loc, key)))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6), ("1E3", 1000.0), (".5", 0.5), ("007", 7), ("0x10", 16), ("0o17", 15), ("-3", -3), ("~", None),
        ("no", "no"), ("on", "on"), ("True", True), ("1_000", "1_000"), ("2024-01-01", "2024-01-01"),
        ("1.2.3", "1.2.3"), ("12:30", "12:30"), ("9" * 400, math.inf),
    ],
)  # fmt: skip
def test_unquoted_yaml_is_read_by_the_core_schema(text: str, value: object) -> None:
    assert plain_scalar(text) == value
    assert type(plain_scalar(text)) is type(value)


def test_yaml_problems_name_what_is_open(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: 'abc\nsteps: 1\n")

    with pytest.raises(InputError, match="quoted scalar that begins on line 1"):
        read_yaml(tmp_path / "a.yaml")


def test_a_file_of_the_user_comes_before_a_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "two-step").write_text("")

    assert content.locate("two-step", "ladders", near=tmp_path / "m.yaml") == tmp_path / "two-step"
    assert content.locate("two-step", "ladders") == content.shipped("ladders", "two-step.yaml")


@pytest.mark.parametrize("name", ["", ".", "..", "simulator", "x" * 5000, "a\0b", "../tiers/offline"])
def test_a_name_that_leads_nowhere_lists_what_is_bundled(name: str) -> None:
    with pytest.raises(InputError, match=r"bundled: cascade, escalate-only, .*two-step-plain"):
        content.locate(name, "ladders")
