"""Checks: what a text must say, as data."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench import checks, json_checks, numbers

SLOW = {"regex": "(a|aa)+$"}
SLOW_TEXT = "a" * 60 + "b"


@pytest.mark.parametrize(
    ("check", "text", "met"),
    [
        ({"all": ["Index", "TABLE"]}, "an index on the table", True),
        ({"all": ["index", "view"]}, "an index", False),
        ({"any": ["straße"]}, "STRASSE", True),
        ({"absent": ["drop"]}, "keep it", True),
        ({"absent": ["drop"]}, "Dropped", False),
        ({"absent": ["drop"]}, "", False),
        ({"absent": ["drop"]}, " \n\u200b\u2060", False),
        ({"not": {"any": ["drop"]}}, "", False),
        ({"any": ["a"], "absent": ["b"]}, "a b", False),
        ({"regex": "^b"}, "a\nb", False),
        ({"regex": "(?m)^b"}, "a\nb", True),
        ({"words": {"max": 2}}, "one two", True),
        ({"words": {"min": 3}}, "one two", False),
        ({"lines": {"max": 2}}, "a\n\n\nb", True),
        ({"starts_with": "yes"}, "  YES, and", True),
        ({"starts_with": "yes"}, "\ufeffYes", True),
        ({"any": ["don't"]}, "We don’t", True),
        ({"any": ["caf\u00e9 au lait"]}, "cafe\u0301\u00a0au lait", True),
        ({"absent": ["don't"]}, "We DON’T", False),
        ({"json": {}}, '{"a": NaN}', False),
        ({"json": {"required": ["b"]}}, '{"a": Infinity} {"b": 1}', True),
        ({"or": [{"any": ["x"]}, {"any": ["a"]}]}, "a", True),
        ({"and": [{"any": ["x"]}, {"any": ["a"]}]}, "a", False),
        ({"json": {"required": ["a"]}}, 'so: ```json\n{"a": 1}\n```', True),
        ({"json": {"required": ["a"]}}, '{"b": 1} {"a": 1}', False),
        ({"json": {}}, "no value here {", False),
        ({"json": {"properties": {"a": {"pattern": "^x"}}}}, '{"a": "yx"}', False),
        ({"json": {"patternProperties": {"^a": {"type": "string"}}}}, '{"ab": 1}', False),
    ],
)
def test_a_check_is_met_or_not(check: dict[str, Any], text: str, met: bool) -> None:
    assert checks.evaluate(check, text) is met


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234.50", [1234.5]), ("1.234,50", [1234.5]), ("1234.5", [1234.5]), ("1 234,50", [1234.5]),
        ("1'234.50", [1234.5]), ("1_000", [1000]), ("1,234", [1234]), ("1.234", [1.234]), ("1,5", [1.5]),
        ("1,234,567.8", [1234567.8]), ("1.234.567,8", [1234567.8]), ("1,00,000", [100000]), ("1.2k", [1200]),
        ("$1.2M", [1.2e6]), ("3 million", [3e6]), ("5 m", [5, 5e6]), ("12 %", [12]), ("−5", [-5]), ("-5", [-5]),
        ("$-5", [-5]), ("-$5", [-5]), ("3 to 5", [3, 5]), ("3-5", [3, 5]), ("3–5", [3, 5]), ("1e-6", [1e-6]),
        ("1,2,3", [1, 2, 3]), ("It is 5.", [5]), ("5kg", [5]), ("x=.5", [0.5]), ("**8**", [8]), ("3rd", [3]),
        ("1.2.3", []), ("v1.2", []), ("10.0.0.1", []), ("2024-03-05", []), ("5/3/2024", []), ("5.3.2024", []),
        ("12:30", []), ("abc12", []), ("3f5a9c", []), ("1e99999", []), ("9" * 400, []), ("½", []),
    ],
)  # fmt: skip
def test_numbers_are_read_as_people_write_them(text: str, values: list[float]) -> None:
    assert sorted(value for value, _ in numbers.read(text)) == pytest.approx(values)


@given(st.integers(-(10**12), 10**12), st.integers(0, 99), st.sampled_from([",.", ".,", "'.", " ,", "_."]))
def test_every_grouped_amount_reads_as_its_value(whole: int, cents: int, marks: str) -> None:
    text = f"{whole:,}".replace(",", marks[0]) + f"{marks[1]}{cents:02d}"
    value = float(f"{whole}.{cents:02d}")

    assert numbers.mentions(f"the sum is {text} in all", value)


@given(st.text(alphabet="0123456789.,'- $kme%:/x_ \n", max_size=60))
def test_reading_numbers_takes_any_text(text: str) -> None:
    assert all(value == value and abs(value) != float("inf") for value, _ in numbers.read(text))


@pytest.mark.parametrize(
    ("text", "unit", "met"),
    [
        ("5 days", "day", True), ("EUR 5", "EUR", True), ("5%", "%", True), ("5 m", "m", True),
        ("5 from them", "m", False),
        ("5 apples for a day", "day", False), ("5", "day", False),
    ],
)  # fmt: skip
def test_a_unit_belongs_to_the_number_beside_it(text: str, unit: str, met: bool) -> None:
    assert checks.evaluate({"number": {"value": 5, "unit": unit}}, text) is met


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (SLOW, SLOW_TEXT),
        ({"not": SLOW}, SLOW_TEXT),
        ({"json": {"items": {"pattern": "(a|aa)+$"}}}, f'["{SLOW_TEXT}"]'),
        ({"json": {"$ref": "#"}}, "[1]"),
    ],
)
def test_a_check_without_end_is_undecided(check: dict[str, Any], text: str) -> None:
    with pytest.raises(checks.Undecided):
        checks.evaluate(check, text)


def test_what_is_settled_elsewhere_is_decided_in_spite_of_a_slow_part() -> None:
    assert checks.evaluate({"or": [SLOW, {"any": ["b"]}]}, SLOW_TEXT) is True
    assert checks.evaluate({"and": [SLOW, {"any": ["z"]}]}, SLOW_TEXT) is False
    assert checks.evaluate({**SLOW, "any": ["z"]}, SLOW_TEXT) is False


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (5, "must be an object"), ({}, "is empty; valid keys"), ({"al": ["x"]}, "did you mean 'all'?"),
        ({"all": []}, "one or more non-empty strings"), ({"any": "x"}, "must be a list"), ({"any": [""]}, "non-empty"),
        ({"regex": "a(b"}, "invalid regex: missing ) at position 3"), ({"regex": ""}, "is empty"),
        ({"regex": "(" * 5000}, "invalid regex"), ({"number": 5}, "must be an object such as"),
        ({"number": {"value": 10**400}}, "must be a finite number"), ({"number": {"value": True}}, "finite number"),
        ({"number": {"value": 1, "tolerance": -1}}, "0 or more"),
        ({"number": {"value": 1, "units": "m"}}, "unknown key"),
        ({"json": 7}, "must be a JSON Schema"), ({"json": {"type": "strng"}}, "is not a JSON Schema"),
        ({"json": {"$ref": "#/nope"}}, "points at nothing"), ({"json": {"$ref": "http://x"}}, "fetches nothing"),
        ({"json": {"properties": {"a": {"$ref": "#"}, "b": {"$ref": "x"}}}}, "fetches nothing"),
        ({"json": {"$schema": "http://nope"}}, "unknown dialect"),
        ({"regex": "a{1000000000}"}, "repeats more than 100,000 times"),
        ({"regex": "((a{99}b){99}c){99}"}, "repeats more than 100,000 times"),
        ({"json": {"properties": {"a": {"pattern": "(?:a{999}){999}"}}}}, "repeats more than 100,000 times"),
        ({"json": {"patternProperties": {"a{999999}": {}}}}, "repeats more than 100,000 times"),
        ({"starts_with": " yes"}, "begins with a space"),
        ({"words": {"min": 3, "max": 2}}, "no text can meet"),
        ({"lines": {}}, "must be an object"), ({"or": []}, "one or more checks"), ({"not": []}, "must be an object"),
        ({"and": [{"any": ["x"]}, {"nay": 1}]}, "did you mean 'any'?"),
    ],
)  # fmt: skip
def test_a_check_that_makes_no_sense_is_refused(check: Any, problem: str) -> None:
    [(_, message)] = checks.problems(check)

    assert problem in message


@pytest.mark.parametrize(
    ("key", "innermost", "wrap"),
    [
        ("not", {"any": ["a"]}, lambda inner: {"not": inner}),
        ("or", {"any": ["a"]}, lambda inner: {"or": [inner]}),
        ("json", {"json": {"type": "array"}}, lambda inner: {"json": {"items": inner["json"]}}),
    ],
)
def test_a_check_that_is_nested_without_end_is_refused(key: str, innermost: Any, wrap: Any) -> None:
    check = innermost
    for _ in range(3000):
        check = wrap(check)

    [(where, message)] = checks.problems(check)

    assert where[0] == key
    assert "nested too deeply" in message


def test_a_slow_pattern_is_tried_once_on_a_text() -> None:
    started = time.process_time()
    for _ in range(20):
        with pytest.raises(checks.Undecided):
            checks.evaluate({"regex": "(a|aa)+#"}, SLOW_TEXT)

    assert time.process_time() - started < 10 * json_checks.REGEX_LIMIT_S


@pytest.mark.parametrize(
    ("pattern", "items"),
    [
        ("(a{10}b){20}", 220),
        (r"\d{4}-\d{2}", 7),
        ("[{}]{3}", 3),
        (r"\{5\}", 3),
        ("a{,5}", 5),
        ("[]a]{9}", 9),
        (")(", 0),
    ],
)
def test_counted_repeats_are_multiplied_through_groups(pattern: str, items: int) -> None:
    assert json_checks.repeats(pattern) == items


CHECKS = st.recursive(
    st.sampled_from(
        [{"any": ["a"]}, {"absent": ["b"]}, {"words": {"max": 2}}, {"number": {"value": 5}}, {"regex": "^a"}]
    ),
    lambda inner: st.one_of(
        inner.map(lambda check: {"not": check}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"and": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"or": parts}),
    ),
)


@given(CHECKS, st.text(alphabet="ab 5\n", max_size=12))
def test_a_check_and_its_opposite_agree_on_every_text_that_says_something(check: dict[str, Any], text: str) -> None:
    assert not list(checks.problems(check))
    both = checks.evaluate(check, text) + checks.evaluate({"not": check}, text)
    assert both == (1 if text.strip() else 0)
