"""JSON in an answer: find the first value, and hold it against a JSON Schema within a time limit."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import regex

from ladder_bench.domain import Json, canonical

REGEX_LIMIT_S = 0.25
MOST_REPEATS = 100_000  # of a pattern, its counted repeats multiplied: beyond it compiling takes all memory
MOST_STARTS = 1000  # brackets tried; a text of brackets only would take quadratic time
REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
Loc = tuple[str | int, ...]


class Undecided(Exception):  # noqa: N818  an outcome, not a failure
    """A check that could not be evaluated; the criterion is unscored, with this as its reason."""


def meets(schema: Json, text: str) -> bool:
    """Say whether the first JSON value in a text meets a schema. Raises Undecided."""
    found, value = first_json(text)
    if not found:
        return False
    try:
        return bool(_validator(canonical(schema)).is_valid(value))
    except RecursionError:
        raise Undecided("the JSON Schema refers to itself without end") from None


def errors(schema: Json, value: Json) -> list[Any]:
    """What in a value does not meet a schema of our own: jsonschema's errors, in the order of the value."""
    return list(_validator(canonical(schema)).iter_errors(value))


def first_json(text: str) -> tuple[bool, Json]:
    """Find the first JSON object or array in a text: (found, value)."""
    decoder = json.JSONDecoder(parse_constant=_no_json)
    starts = 0
    for match in regex.finditer(r"[{\[]", text):
        starts += 1
        if starts > MOST_STARTS:
            break
        try:
            return True, decoder.raw_decode(text, match.start())[0]
        except (ValueError, RecursionError):
            continue
    return False, None


def _no_json(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads and JSON does not have."""
    raise ValueError(constant)


def repeats(pattern: str) -> int:
    """How many items a pattern holds once its counted repeats are written out: (a{10}b){20} holds 220."""
    sizes, last = [0], 0
    for token in _TOKEN.finditer(pattern):
        if token["open"]:
            sizes.append(0)
        elif token["close"]:
            last = sizes.pop() if len(sizes) > 1 else 0
            sizes[-1] += last
        elif token["least"] is not None:
            times = max(int(number or 0) for number in (token["least"], token["most"]))
            sizes[-1] += last * max(0, min(times, MOST_REPEATS + 1) - 1)
        else:
            last = 1
            sizes[-1] += 1
    return sum(sizes)


def problems(schema: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for what is wrong with a schema. Nothing is ever fetched."""
    import jsonschema

    if not isinstance(schema, Mapping | bool):
        yield where, "must be a JSON Schema: an object, or true or false"
        return
    dialect = schema.get("$schema") if isinstance(schema, Mapping) else None
    if dialect is not None and jsonschema.validators.validator_for(schema, default=None) is None:
        yield (*where, "$schema"), f"unknown dialect '{dialect}'; leave it out for draft 2020-12"
        return
    try:
        jsonschema.validators.validator_for(schema).check_schema(schema)
        yield from [*_bad_references(schema, schema, where), *_bad_patterns(schema, where)]
    except jsonschema.SchemaError as error:
        yield (*where, *error.path), f"is not a JSON Schema: {error.message}"
    except RecursionError:
        yield where, "is nested too deeply to be read"


def _bad_patterns(part: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    for key, value in part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ():
        patterns = [value] if key == "pattern" else value if key == "patternProperties" else ()
        for pattern in patterns:
            if isinstance(pattern, str) and repeats(pattern) > MOST_REPEATS:
                yield (*where, key), f"repeats more than {MOST_REPEATS:,} times"
        yield from _bad_patterns(value, (*where, key))


def _bad_references(part: Json, whole: Json, where: Loc) -> Iterator[tuple[Loc, str]]:
    items = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
    for key, value in items:
        if key in REFERENCES and isinstance(value, str):
            if not value.startswith("#"):
                yield (*where, key), "must point inside the schema (start with #): a check fetches nothing"
            elif not _resolves(value, whole):
                yield (*where, key), f"'{value}' points at nothing in the schema"
        else:
            yield from _bad_references(value, whole, (*where, key))


def _resolves(reference: str, whole: Json) -> bool:
    if reference != "#" and not reference.startswith("#/"):
        return any(f'"{key}":{json.dumps(reference[1:])}' in canonical(whole) for key in ("$anchor", "$dynamicAnchor"))
    here = whole
    for part in reference.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            return False
    return True


_TOKEN = regex.compile(
    r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|(?P<open>\()|(?P<close>\))|\{(?P<least>\d*)(?:,(?P<most>\d*))?\}|[^*+?]",
    regex.DOTALL,
)


@lru_cache(maxsize=512)
def _validator(schema: str) -> Any:
    import jsonschema

    parsed = json.loads(schema)
    plain = jsonschema.validators.validator_for(parsed)
    # its own `pattern` has no time limit
    return jsonschema.validators.extend(plain, {"pattern": _pattern, "patternProperties": _pattern_properties})(parsed)


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> Iterator[Any]:
    import jsonschema

    if isinstance(instance, str) and not _found(pattern, instance):
        yield jsonschema.ValidationError(f"does not match {pattern}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Json], instance: Json, schema: Json) -> Iterator[Any]:
    for pattern, inner in patterns.items() if isinstance(instance, dict) else ():
        for key, value in instance.items():
            if _found(pattern, key):
                yield from validator.descend(value, inner, path=key, schema_path=pattern)


def _found(pattern: str, text: str) -> bool:
    try:
        return regex.search(pattern, text, timeout=REGEX_LIMIT_S) is not None
    except TimeoutError:
        raise Undecided(f"a pattern of the JSON Schema took over {REGEX_LIMIT_S} s: {pattern}") from None
    except regex.error as error:
        raise Undecided(f"a pattern of the JSON Schema cannot be used: {error}") from None
