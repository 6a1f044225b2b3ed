"""Checks: what a criterion asks of a text, as data.

A check is a mapping; several keys in one check must all hold. An empty text meets no check at all: an answer that
says nothing has kept no promise, also not a negative one.

    all / any / absent   lists of terms, case-folded substrings
    regex                a pattern, searched; 0.25 s limit per search, beyond which the check is undecided
    number               {"value", "tolerance"?, "unit"?}: some number in the text within the tolerance
    json                 a JSON Schema that the first JSON value in the text must meet
    words / lines        {"min"?, "max"?}
    starts_with          a prefix, case-folded
    not, and, or         a check, lists of checks
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import regex

from ladder_bench.domain import Check, Json, canonical

REGEX_LIMIT_S = 0.25


class Undecided(Exception):
    """A check that could not be evaluated; the criterion is unscored, with this as its reason."""


def evaluate(check: Check, text: str) -> bool:
    """Say whether a text meets a check. Raises Undecided where a pattern ran out of time."""
    return bool(text.strip()) and _holds(check, text)


Loc = tuple[str | int, ...]


def problems(check: Json, where: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for everything that is wrong with a check."""
    if not isinstance(check, Mapping):
        yield where, f'must be an object such as {{"all": ["index"]}}, not {_type_name(check)}'
        return
    if not check:
        yield where, f"is empty; valid keys: {', '.join(OPERATORS)}"
    for key, value in check.items():
        if key not in OPERATORS:
            close = difflib.get_close_matches(str(key), OPERATORS, n=1)
            hint = f"did you mean '{close[0]}'?" if close else f"valid: {', '.join(OPERATORS)}"
            yield (*where, key), f"unknown check '{key}'; {hint}"
            continue
        yield from SHAPES[key](value, (*where, key))


def _holds(check: Check, text: str) -> bool:
    return all(OPERATORS[key](value, text) for key, value in check.items())


def _all(terms: list[str], text: str) -> bool:
    folded = text.casefold()
    return all(term.casefold() in folded for term in terms)


def _any(terms: list[str], text: str) -> bool:
    folded = text.casefold()
    return any(term.casefold() in folded for term in terms)


def _absent(terms: list[str], text: str) -> bool:
    return bool(text.strip()) and not _any(terms, text)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> regex.Pattern[str]:
    return regex.compile(pattern)


def _regex(pattern: str, text: str) -> bool:
    try:
        return _compiled(pattern).search(text, timeout=REGEX_LIMIT_S) is not None
    except TimeoutError:
        raise Undecided(f"regex took over {REGEX_LIMIT_S} s: {pattern}") from None


# 1,234.50 / 1234.5 / 1 234,50 is ambiguous, so a comma groups thousands unless it is followed by 1-2 final digits
_NUMBER = regex.compile(
    r"(?<![\w.])(?P<sign>[-−+])?(?:[$€£¥]\s?)?(?P<digits>\d{1,3}(?:[,'  ]\d{3})+(?:\.\d+)?|\d+(?:[.,]\d{1,2}(?!\d))?(?:\.\d+)?|\d+\.\d+|\.\d+)"
    r"(?:e(?P<exponent>[-+]?\d+))?(?P<scale>\s?(?:k|thousand|m|mn|mio|million|bn|billion)\b)?(?P<percent>\s?%)?",
    regex.IGNORECASE,
)
_SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9}
_UNIT_REACH = 12  # characters on either side in which a unit counts as belonging to a number


def _number(wanted: Mapping[str, Any], text: str) -> bool:
    value, tolerance = float(wanted["value"]), float(wanted.get("tolerance", 0.0))
    unit = str(wanted.get("unit", "")).casefold()
    for match in _NUMBER.finditer(text):
        slack = tolerance + 1e-9 * max(1.0, abs(value))
        if not any(abs(found - value) <= slack for found in _readings(match)):
            continue
        around = text[max(0, match.start() - _UNIT_REACH) : match.end() + _UNIT_REACH]
        if not unit or unit in around.casefold():
            return True
    return False


def _readings(match: regex.Match[str]) -> Iterator[float]:
    """Every value that a written number may stand for: with its scale and without ("5 m" may be metres)."""
    digits = match["digits"]
    for separator in ("'", " ", " "):
        digits = digits.replace(separator, "")
    head, comma, tail = digits.rpartition(",")
    digits = f"{head}.{tail}" if comma and len(tail) < 3 and "." not in digits else digits.replace(",", "")
    value = float(digits) * (10.0 ** int(match["exponent"]) if match["exponent"] else 1.0)
    scale = _SCALES.get((match["scale"] or "").strip().casefold(), 1.0)
    for size in {value, value * scale}:
        yield size
        if match["sign"] in ("-", "−"):
            yield -size


def _json(schema: Json, text: str) -> bool:
    found, value = first_json(text)
    if not found:
        return False
    return bool(_validator(canonical(schema)).is_valid(value))


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    import jsonschema

    parsed = json.loads(schema)
    return jsonschema.validators.validator_for(parsed)(parsed)


def first_json(text: str) -> tuple[bool, Json]:
    """Find the first JSON object or array in a text: (found, value)."""
    decoder = json.JSONDecoder()
    for position, character in enumerate(text):
        if character in "{[":
            try:
                return True, decoder.raw_decode(text, position)[0]
            except (ValueError, RecursionError):
                continue
    return False, None


def _between(limits: Mapping[str, int], count: int) -> bool:
    return limits.get("min", 0) <= count <= limits.get("max", math.inf)


def _words(limits: Mapping[str, int], text: str) -> bool:
    return _between(limits, len(text.split()))


def _lines(limits: Mapping[str, int], text: str) -> bool:
    return _between(limits, sum(1 for line in text.splitlines() if line.strip()))


def _starts_with(prefix: str, text: str) -> bool:
    return text.lstrip().casefold().startswith(prefix.casefold())


def _not(check: Check, text: str) -> bool:
    return not _holds(check, text)


def _and(parts: list[Check], text: str) -> bool:
    return all(_holds(part, text) for part in parts)


def _or(parts: list[Check], text: str) -> bool:
    return any(_holds(part, text) for part in parts)


# --- shapes: what is wrong with a check's value -------------------------------------------


def _type_name(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true/false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _terms_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, list) or not value or not all(isinstance(term, str) and term for term in value):
        yield where, "must be a list of one or more non-empty strings"


def _regex_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, str):
        yield where, f"must be a pattern, not {_type_name(value)}"
        return
    try:
        _compiled(value)
    except regex.error as error:
        yield where, f"invalid regex: {error}"


def _finite(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, Mapping) or "value" not in value:
        yield where, 'must be an object such as {"value": 12.5, "tolerance": 0.1, "unit": "EUR"}'
        return
    for key, item in value.items():
        if key not in ("value", "tolerance", "unit"):
            yield where, f"unknown key '{key}'; valid: value, tolerance, unit"
        elif key == "unit" and not isinstance(item, str):
            yield (*where, "unit"), "must be a string"
        elif key != "unit" and (not _finite(item) or (key == "tolerance" and item < 0)):
            yield (*where, key), "must be a finite number" + (" of 0 or more" if key == "tolerance" else "")


def _json_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    import jsonschema

    if '"$ref": "' in json.dumps(value) and '"$ref": "#' not in json.dumps(value):
        yield where, "$ref must point inside the schema (start with #): a check fetches nothing"
        return
    try:
        jsonschema.validators.validator_for(value).check_schema(value)
    except (jsonschema.SchemaError, AttributeError, TypeError) as error:
        yield where, f"is not a JSON Schema: {getattr(error, 'message', error)}"


def _limits_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    valid = isinstance(value, Mapping) and value and set(value) <= {"min", "max"}
    if not valid or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value.values()):
        yield where, 'must be an object such as {"max": 120}; keys min, max; whole numbers'
    elif value.get("min", 0) > value.get("max", math.inf):
        yield where, "min is above max: no text can meet it"


def _prefix_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, str) or not value:
        yield where, "must be a non-empty string"


def _parts_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, list) or not value:
        yield where, "must be a list of one or more checks"
        return
    for index, part in enumerate(value):
        yield from problems(part, (*where, index))


OPERATORS: dict[str, Callable[[Any, str], bool]] = {
    "all": _all,
    "any": _any,
    "absent": _absent,
    "regex": _regex,
    "number": _number,
    "json": _json,
    "words": _words,
    "lines": _lines,
    "starts_with": _starts_with,
    "not": _not,
    "and": _and,
    "or": _or,
}
SHAPES: dict[str, Callable[[Json, Loc], Iterator[tuple[Loc, str]]]] = {
    "all": _terms_shape,
    "any": _terms_shape,
    "absent": _terms_shape,
    "regex": _regex_shape,
    "number": _number_shape,
    "json": _json_shape,
    "words": _limits_shape,
    "lines": _limits_shape,
    "starts_with": _prefix_shape,
    "not": problems,
    "and": _parts_shape,
    "or": _parts_shape,
}
