"""Arms: finished transcripts of several models or strategies over the same conversations, such as an A/B log.

One line a (conversation, arm, sample): `{"conversation", "arm", "sample"?, "messages": [{"role", "content", "usage"?,
"latency_s"?}], "outcome": {"resolved"}?, "usage"?}`. Messages are read as in a dataset; the opening one may be empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.corpus import MOST_PROBLEMS, conversation, shapes
from ladder_bench.documents import Document, read_json_lines
from ladder_bench.domain import Conversation, Json, Usage
from ladder_bench.errors import InputError, Problem


class LineShape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    conversation: Annotated[str, Field(min_length=1)]
    arm: Annotated[str, Field(min_length=1)]
    sample: Annotated[int, Field(ge=0)] = 0
    messages: list[dict[str, Any]]
    usage: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what an arm said in a conversation. `usage` is the whole conversation's, None where not logged."""

    conversation: str
    arm: str
    sample: int
    usage: Usage | None
    document: Document


def handles(path: Path) -> bool:
    """Say whether a file holds arms, by its first line. Raises InputError."""
    if path.suffix in (".json", ".parquet", ".csv"):
        return False
    first = next(read_json_lines(path), None)
    return isinstance(first, Document) and isinstance(first.value, dict) and {"conversation", "arm"} <= set(first.value)


def lines(path: Path) -> tuple[Line, ...]:
    """Read the lines of a file, their messages not yet looked at. Raises InputError with everything wrong.

    (conversation, arm, sample) is unique.
    """
    found: list[Line] = []
    first: dict[tuple[str, str, int], int | None] = {}
    problems: list[Problem] = []
    for document in read_json_lines(path):
        try:
            if isinstance(document, InputError):
                raise document
            line = _line(document)
            key = (line.conversation, line.arm, line.sample)
            if key in first:
                what = f"conversation '{key[0]}', arm '{key[1]}', sample {key[2]} is there already: line {first[key]}"
                raise InputError(document.problem(("conversation",), what))
            first[key] = document.line
            found.append(line)
        except InputError as error:
            problems.extend(error.problems)
            _stop_at_most(problems)
    if problems:
        raise InputError(problems)
    return tuple(found)


def build(chosen: Iterable[Line], notes: dict[str, int]) -> tuple[Conversation, ...]:
    """Build the conversation of each line, counting in `notes` what was merged or left out. Raises InputError.

    The conversations carry the ids of the log, so a conversation has the same id in every arm and sample.
    """
    found: list[Conversation] = []
    problems: list[Problem] = []
    for line in chosen:
        try:
            found.append(conversation.build(_as_conversation(line, notes), notes))
        except InputError as error:
            problems.extend(error.problems)
            _stop_at_most(problems)
    if problems:
        raise InputError(problems)
    return tuple(found)


def names(found: Sequence[Line]) -> dict[str, int]:
    """The arms in the order of the file, each with its number of lines."""
    counts: dict[str, int] = {}
    for line in found:
        counts[line.arm] = counts.get(line.arm, 0) + 1
    return counts


def _stop_at_most(problems: Sequence[Problem]) -> None:
    if len(problems) >= MOST_PROBLEMS:
        more = replace(problems[MOST_PROBLEMS - 1], message="the rest of the file was not checked", column=1, where="")
        raise InputError([*problems[:MOST_PROBLEMS], more])


# --- one line ------------------------------------------------------------------------------

CARRIED = frozenset(shapes.ConversationShape.model_fields) - {"id"}


def _line(document: Document) -> Line:
    if not isinstance(document.value, dict):
        raise InputError(document.problem((), "must be an object with 'conversation', 'arm' and 'messages'"))
    shape = content.parse(LineShape, document)
    usage = conversation._usage(_named(shape.usage))
    return Line(shape.conversation, shape.arm, shape.sample, usage, document)


def _as_conversation(line: Line, notes: dict[str, int]) -> Document:
    """The line as a dataset would hold it: its own keys left out, each by name."""
    raw = line.document.value
    value: dict[str, Json] = {"id": line.conversation}
    for key, part in raw.items():
        if key in CARRIED:
            value[key] = part
        elif key not in LineShape.model_fields:
            _note(notes, f"key '{key}' of lines not used")
    value["messages"] = [{**message, "usage": _named(message.get("usage"))} for message in raw["messages"]]
    outcome = raw.get("outcome")
    if isinstance(outcome, dict):
        for key in sorted(outcome.keys() - {"resolved"}):
            _note(notes, f"key '{key}' of outcomes not used")
        value["outcome"] = {key: part for key, part in outcome.items() if key == "resolved"}
    return replace(line.document, value=value)


# The names that agent frameworks give a call's counts, whatever the provider. Their input holds the cached part.
NAMES = {
    "input": "input_tokens", "output": "output_tokens", "cached": "cache_read_tokens",
    "cache_write": "cache_write_tokens", "reasoning": "reasoning_tokens",
}  # fmt: skip


def _named(usage: Json) -> Json:
    """Usage under our own names where it has these; anything else as it came.

    An input below its own cached parts cannot hold them, and gets them added.
    """
    if not isinstance(usage, Mapping) or not {NAMES["cached"], NAMES["cache_write"]} & set(usage):
        return usage
    found = {ours: usage[theirs] for ours, theirs in NAMES.items() if usage.get(theirs) is not None}
    counts = [found.get(key, 0) for key in ("input", "cached", "cache_write")]
    if all(type(count) is int for count in counts) and counts[0] < counts[1] + counts[2]:
        found["input"] = sum(counts)
    return found


def _note(notes: dict[str, int], text: str) -> None:
    notes[text] = notes.get(text, 0) + 1
