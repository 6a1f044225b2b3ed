"""Checks: what a criterion asks of a text, as data.

A check is a mapping; several keys in one check must all hold. An empty text meets no check at all: an answer that
says nothing has kept no promise, also not a negative one.

    all / any / absent   lists of terms, substrings; whatever the case and the form of apostrophes, spaces and accents
    regex                a pattern, searched; 0.25 s limit per search, beyond which the check is undecided; with
                         counted repeats of at most 100,000 items
    number               {"value", "tolerance"?, "unit"?}: some number in the text within the tolerance
    json                 a JSON Schema that the first JSON value in the text must meet
    words / lines        {"min"?, "max"?}
    starts_with          a prefix, folded likewise
    not, and, or         a check, lists of checks
"""

from __future__ import annotations

import difflib
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache, partial
from typing import Any

import regex

from ladder_bench import json_checks, numbers
from ladder_bench.domain import Check, Json
from ladder_bench.json_checks import MOST_REPEATS, REGEX_LIMIT_S, Undecided

__all__ = ["Undecided", "evaluate", "problems"]


def evaluate(check: Check, text: str) -> bool:
    """Say whether a text meets a check. Raises Undecided where a pattern ran out of time and it matters."""
    return _says_something(text) and _holds(check, text)


def _says_something(text: str) -> bool:
    """Spaces and invisible characters say nothing."""
    return any(not character.isspace() and character.isprintable() for character in text)


_ALIKE = str.maketrans({"’": "'", "‘": "'", "\u02bc": "'", "\u00a0": " ", "\u202f": " ", "\u2007": " "})
Loc = tuple[str | int, ...]
DEEPEST = 100  # keys and places on the way to a check inside checks


def problems(check: Json, where: Loc = ()) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for everything that is wrong with a check."""
    if not isinstance(check, Mapping):
        yield where, f'must be an object such as {{"all": ["index"]}}, not {_type_name(check)}'
        return
    if len(where) > DEEPEST:
        yield where[:4], "is nested too deeply to be read"
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
    if len(check) == 1:  # as nearly all have
        ((key, value),) = check.items()
        return OPERATORS[key](value, text)
    return _decided((partial(OPERATORS[key], value, text) for key, value in check.items()), settles=False)


def _decided(parts: Iterable[Callable[[], bool]], settles: bool) -> bool:
    """False settles an "and", True an "or", also where another part is undecided (Kleene's logic)."""
    undecided: Undecided | None = None
    for part in parts:
        try:
            if part() is settles:
                return settles
        except Undecided as error:
            undecided = error
    if undecided is not None:
        raise undecided
    return not settles


@lru_cache(maxsize=1024)
def _folded(text: str) -> str:
    """Fold what makes no difference to a reader: case, typographic apostrophes, fixed spaces, how accents are built."""
    folded = text if text.isascii() else unicodedata.normalize("NFC", text).translate(_ALIKE)
    return folded.casefold()


def _all(terms: list[str], text: str) -> bool:
    folded = _folded(text)
    return all(_folded(term) in folded for term in terms)


def _any(terms: list[str], text: str) -> bool:
    folded = _folded(text)
    return any(_folded(term) in folded for term in terms)


def _absent(terms: list[str], text: str) -> bool:
    return not _any(terms, text)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> regex.Pattern[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a later version may read otherwise
        return regex.compile(pattern)


def _regex(pattern: str, text: str) -> bool:
    found = _found(pattern, text)
    if found is None:
        raise Undecided(f"regex took over {REGEX_LIMIT_S} s: {pattern}")
    return found


@lru_cache(maxsize=4096)  # answers that differ in one sentence are held against the same patterns many times
def _found(pattern: str, text: str) -> bool | None:
    """Say whether a pattern is found; None where that takes too long, which is not tried again."""
    try:
        return _compiled(pattern).search(text, timeout=REGEX_LIMIT_S) is not None
    except TimeoutError:
        return None


def _number(wanted: Mapping[str, Any], text: str) -> bool:
    return numbers.mentions(
        text, float(wanted["value"]), float(wanted.get("tolerance", 0.0)), str(wanted.get("unit", ""))
    )


def _between(limits: Mapping[str, int], count: int) -> bool:
    return limits.get("min", 0) <= count <= limits.get("max", math.inf)


def _words(limits: Mapping[str, int], text: str) -> bool:
    return _between(limits, len(text.split()))


def _lines(limits: Mapping[str, int], text: str) -> bool:
    return _between(limits, sum(1 for line in text.splitlines() if line.strip()))


def _starts_with(prefix: str, text: str) -> bool:
    return _folded(text).lstrip("\ufeff\u200b \t\r\n").startswith(_folded(prefix))


def _not(check: Check, text: str) -> bool:
    return not _holds(check, text)


def _and(parts: list[Check], text: str) -> bool:
    return _decided((partial(_holds, part, text) for part in parts), settles=False)


def _or(parts: list[Check], text: str) -> bool:
    return _decided((partial(_holds, part, text) for part in parts), settles=True)


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
    if not value:
        yield where, "is empty: it is found in every text"
    if json_checks.repeats(value) > MOST_REPEATS:
        yield where, f"repeats more than {MOST_REPEATS:,} times"
        return
    try:
        _compiled(value)
    except (regex.error, RecursionError, OverflowError) as error:
        yield where, f"invalid regex: {error}"


def _finite(value: Json) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


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


def _limits_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    valid = isinstance(value, Mapping) and value and set(value) <= {"min", "max"}
    if not valid or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in value.values()):
        yield where, 'must be an object such as {"max": 120}; keys min, max; whole numbers'
    elif value.get("min", 0) > value.get("max", math.inf):
        yield where, "min is above max: no text can meet it"


def _prefix_shape(value: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    if not isinstance(value, str) or not value:
        yield where, "must be a non-empty string"
    elif value[0].isspace():
        yield where, "begins with a space, which a text is read without: no text can meet it"


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
    "json": json_checks.meets,
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
    "json": json_checks.problems,
    "words": _limits_shape,
    "lines": _limits_shape,
    "starts_with": _prefix_shape,
    "not": problems,
    "and": _parts_shape,
    "or": _parts_shape,
}
