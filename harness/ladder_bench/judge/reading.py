"""Reading: a judge's reply becomes JSON of the form that was asked for, or the reason why it cannot be read.

Strict on purpose: what was not said in the form that was asked for is never taken for a verdict. Only where the prompt
alone asks for JSON may prose stand around it, and then around one object, since a second one could be quoted from what
is judged.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from ladder_bench import json_checks
from ladder_bench.domain import Json, Reply, Request

LONGEST = 200_000  # characters of a reply that are read
MOST_STARTS = 200  # braces that are tried in prose
_BLOCK = regex.compile(r"\A\s*```[a-zA-Z]*[ \t]*\n(.*?)\n?[ \t]*```\s*\Z", regex.DOTALL)
_REFUSES = regex.compile(
    r"\b(?:I(?:'m| am) (?:sorry|unable|not able)|I (?:cannot|can't|won't|will not|must decline|refuse)|as an AI)\b",
    regex.IGNORECASE,
)
OUTCOMES = {"required": "missing_field", "additionalProperties": "extra_field"}  # by what of the schema is not met
CUT = ("length", "max_tokens", "max_output_tokens")
BLOCKED = ("content_filter", "safety", "refusal")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Why a reply has no verdicts. `outcome` is a short stable word, `what` tells the judge and the reader."""

    outcome: str
    what: str


def read(reply: Reply, request: Request) -> Json | Unreadable:
    """The JSON object of a reply, exactly as the request's schema wants it."""
    text = reply.text
    if not text.strip():
        return Unreadable("refused" if reply.finish in BLOCKED else "empty", "the reply is empty")
    if reply.finish in BLOCKED:
        return Unreadable("refused", f"the provider withheld the reply ({reply.finish})")
    found = _objects(text[:LONGEST], prose=request.tier.json_output == "prompt")
    if isinstance(found, Unreadable):
        if reply.finish in CUT and found.outcome == "not_json":
            return Unreadable("truncated", "the reply broke off before its JSON was complete; be brief")
        return found
    return _unmet(found, json.loads(request.schema)) or found


def _objects(text: str, prose: bool) -> Json | Unreadable:
    """The one object of a text."""
    block = _BLOCK.match(text)
    try:
        return _one([_parsed(block[1] if block else text)])
    except (ValueError, RecursionError) as error:
        if isinstance(error, _DoubledError):
            return Unreadable("not_json", str(error))
    if (text.lstrip()[:1] == "{" or "```" in text) and _open(text):
        return Unreadable("truncated", "the reply broke off before its JSON was complete; be brief")
    if prose and (found := list(_within(text))):
        return _one(found)
    if _REFUSES.search(text[:400]) and "{" not in text:
        return Unreadable("refused", "the reply refuses to judge")
    return Unreadable("not_json", "the reply is not the JSON that was asked for")


def _one(found: Sequence[Json]) -> Json | Unreadable:
    if len(found) > 1:
        return Unreadable("not_json", f"the reply holds {len(found)} JSON objects, and only one was asked for")
    if not isinstance(found[0], dict):
        return Unreadable("not_json", "the reply is JSON, and no object")
    return found[0]


class _DoubledError(ValueError):
    """An object that says the same key twice."""


def _parsed(text: str) -> Json:
    return json.loads(text.strip(), object_pairs_hook=_pairs, parse_constant=_constant)


def _pairs(pairs: list[tuple[str, Json]]) -> Json:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _DoubledError("the reply says a key twice")
    return found


def _constant(name: str) -> Json:
    raise ValueError(f"{name} is no JSON")


def _within(text: str) -> Iterator[Json]:
    """The objects in prose, one after the other."""
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
    place = 0
    for _ in range(MOST_STARTS):
        place = text.find("{", place)
        if place < 0:
            return
        try:
            found, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            place += 1
            continue
        yield found


def _open(text: str) -> bool:
    """Whether more braces open than close."""
    bare = regex.sub(r'"(?:[^"\\]|\\.)*+"', "", text)
    return '"' in bare or bare.count("{") > bare.count("}")


def _unmet(found: Json, schema: Json) -> Unreadable | None:
    """What a reply has too little, too much or wrong; the first in this order."""
    errors = [(OUTCOMES.get(each.validator, "wrong_value"), each) for each in json_checks.errors(schema, found)]
    for outcome in ("missing_field", "extra_field", "wrong_value"):
        for kind, error in errors:
            if kind == outcome:
                where = ".".join(str(part) for part in error.absolute_path) or "the reply"
                return Unreadable(outcome, f"{where}: {error.message}"[:300])
    return None
