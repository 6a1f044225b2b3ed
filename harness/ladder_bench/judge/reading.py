"""Reading: a judge's reply becomes JSON of the form that was asked for, or the reason why it cannot be read.

Strict on purpose: what was not said in the form that was asked for is never taken for a verdict. Only where the prompt
alone asks for JSON may prose stand around it, and then without any other brace, and not around an object that was
shown: a verdict that is quoted from what is judged must not become one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import regex

from ladder_bench import json_checks
from ladder_bench.domain import Json, Reply, Request

LONGEST = 200_000  # characters of a reply that are read
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
    prose = request.tier.json_output == "prompt"
    found = _objects(text[:LONGEST], _shown(request) if prose else None)
    if isinstance(found, Unreadable):
        if reply.finish in CUT and found.outcome == "not_json":
            return Unreadable("truncated", "the reply broke off before its JSON was complete; be brief")
        return found
    return _unmet(found, json.loads(request.schema)) or found


def _shown(request: Request) -> str:
    """What the judge was shown: an object that stands in it is a quote."""
    return "\n".join(message.content for message in request.now if message.role == "user")


def _objects(text: str, shown: str | None) -> Json | Unreadable:
    """The one object of a text. `shown` is None where no prose may stand around it."""
    try:
        return _object(_parsed(_unfenced(text)))
    except (ValueError, RecursionError) as error:
        if isinstance(error, _DoubledError):
            return Unreadable("not_json", str(error))
    if (text.lstrip()[:1] == "{" or "```" in text) and _open(text):
        return Unreadable("truncated", "the reply broke off before its JSON was complete; be brief")
    if shown is not None and "{" in text:
        return _within(text, shown)
    if _REFUSES.search(text[:400]) and "{" not in text:
        return Unreadable("refused", "the reply refuses to judge")
    return Unreadable("not_json", "the reply is not the JSON that was asked for")


def _unfenced(text: str) -> str:
    """What stands in a block of code that is the whole text, else the text."""
    bare = text.strip()
    first, _, rest = bare.partition("\n")
    if len(bare) > 6 and bare.endswith("```") and first[:3] == "```" and (first[3:].strip() or "json").isalpha():
        return rest.removesuffix("```")
    return bare


def _object(found: Json) -> Json | Unreadable:
    return found if isinstance(found, dict) else Unreadable("not_json", "the reply is JSON, and no object")


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


def _within(text: str, shown: str) -> Json | Unreadable:
    """The one object that prose stands around. Any other brace, or an object that is only quoted, makes it unsure."""
    start = text.index("{")
    decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)
    try:
        found, end = decoder.raw_decode(text, start)
    except _DoubledError as error:
        return Unreadable("not_json", str(error))
    except (ValueError, RecursionError):
        return Unreadable("not_json", "the reply is not the JSON that was asked for")
    if "{" in text[end:] or "}" in text[end:]:
        return Unreadable("not_json", "more braces stand around the reply's JSON, and only one object was asked for")
    if text[start:end] in shown:
        return Unreadable("not_json", "the reply quotes JSON that it was shown, and has none of its own")
    return _object(found)


def _open(text: str) -> bool:
    """Whether more braces open than close, outside of strings, or a string is never closed."""
    depth, within, escaped = 0, False, False
    for character in text:
        if escaped:
            escaped = False
        elif character == '"':
            within = not within
        elif within:
            escaped = character == "\\"
        elif character in "{}":
            depth += 1 if character == "{" else -1
    return within or depth > 0


def _unmet(found: Json, schema: Json) -> Unreadable | None:
    """What a reply has too little, too much or wrong; the first in this order."""
    errors = [(OUTCOMES.get(each.validator, "wrong_value"), each) for each in json_checks.errors(schema, found)]
    for outcome in ("missing_field", "extra_field", "wrong_value"):
        for kind, error in errors:
            if kind == outcome:
                where = ".".join(str(part) for part in error.absolute_path) or "the reply"
                return Unreadable(outcome, f"{where}: {error.message}"[:300])
    return None
