"""Arms: finished transcripts of several models or strategies over the same conversations, such as an A/B log.

One line a (conversation, arm, sample): `{"conversation", "arm", "sample"?, "messages": [{"role", "content", "usage"?,
"latency_s"?}], "outcome": {"resolved"}?, "usage"?, "user"?, "model"?}`. Messages are read as in a dataset; the opening
one may be empty. `user` is whose conversation it is, `model` what answered; both may be left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ladder_bench import content
from ladder_bench.corpus import MOST_PROBLEMS, conversation, shapes
from ladder_bench.documents import Document, read_json_lines
from ladder_bench.domain import Conversation, Json, Usage
from ladder_bench.errors import InputError, Problem


def _text(value: Any) -> Any:
    """A whole number as text: logs number their conversations, too."""
    return str(value) if type(value) is int else value


Name = Annotated[str, Field(min_length=1), BeforeValidator(_text)]


class LineShape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    conversation: Name
    arm: Name
    sample: Annotated[int, Field(ge=0)] | None = None
    messages: list[dict[str, Any]]
    usage: dict[str, Any] | None = None
    user: Name | None = None
    model: Name | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line: what an arm said in a conversation. `usage` is the whole conversation's, None where not logged.

    `user` and `model` are as the line names them, None where it does not.
    """

    conversation: str
    arm: str
    sample: int
    usage: Usage | None
    document: Document
    user: str | None = None
    model: str | None = None


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
    return collected(read_json_lines(path))


def collected(documents: Iterable[Document | InputError]) -> tuple[Line, ...]:
    """The lines of parsed files, their messages not yet looked at. Raises InputError with everything wrong."""
    found: list[Line] = []
    first: dict[tuple[str, str, int], Document] = {}
    problems: list[Problem] = []
    for document in documents:
        try:
            if isinstance(document, InputError):
                raise document
            line = _line(document)
            key = (line.conversation, line.arm, line.sample)
            if key in first:
                what = f"conversation '{key[0]}', arm '{key[1]}', sample {key[2]} is there already: "
                more = "" if "sample" in document.value else "; give repeats a 'sample' each"
                raise InputError(document.problem(("conversation",), f"{what}{_place(first[key], document)}{more}"))
            first[key] = document
            found.append(line)
        except InputError as error:
            problems.extend(error.problems)
            _stop_at_most(problems)
    if problems:
        raise InputError(problems)
    return tuple(found)


def _place(first: Document, now: Document) -> str:
    at = first.problem((), "")
    return f"line {at.line}" if first.file == now.file else f"{at.file}, line {at.line}"


def build(chosen: Iterable[Line], notes: dict[str, int]) -> tuple[Conversation, ...]:
    """Build the conversation of each line, counting in `notes` what was merged or left out. Raises InputError.

    The conversations carry the ids of the log, so a conversation has the same id in every arm and sample.
    """
    found: list[Conversation] = []
    problems: list[Problem] = []
    for line in chosen:
        try:
            found.append(conversation.build(as_conversation(line, notes), notes))
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
    return Line(shape.conversation, shape.arm, shape.sample or 0, usage, document, shape.user, shape.model)


def as_conversation(line: Line, notes: dict[str, int]) -> Document:
    """The line as a dataset would hold it: its own keys left out, each by name."""
    raw = line.document.value
    value: dict[str, Json] = {"id": line.conversation}
    for key, part in raw.items():
        if key in CARRIED:
            value[key] = part
        elif key not in LineShape.model_fields:
            _note(notes, f"key '{key}' of lines not used")
    value["messages"] = [_message(message, notes) for message in raw["messages"]]
    outcome = raw.get("outcome")
    if isinstance(outcome, dict):
        for key in sorted(outcome.keys() - {"resolved"}):
            _note(notes, f"key '{key}' of outcomes not used")
        value["outcome"] = {key: _flag(part) for key, part in outcome.items() if key == "resolved"}
    return replace(line.document, value=value)


MOST_SECONDS = conversation.MOST_SECONDS  # beyond it a time counts milliseconds


def _message(raw: Mapping[str, Json], notes: dict[str, int]) -> dict[str, Json]:
    """A message with its usage, its latency and its time as we have them, where it has them otherwise.

    One without content is empty: it was said, and the conversation went on.
    """
    found = {**raw, "usage": _named(raw.get("usage"))}
    if raw.get("role") == "function":
        found["role"] = "tool"
    if raw.get("content") is None and not any(raw.get(key) for key in conversation.CALLS):
        found["content"] = ""
        _note(notes, "messages without content taken as empty")
    stamp = raw.get("timestamp")
    if type(stamp) in (int, float) and stamp is not None and stamp >= MOST_SECONDS:
        found["timestamp"] = stamp / 1000
    milliseconds = raw.get("latency_ms")
    if raw.get("latency_s") is None and type(milliseconds) in (int, float) and milliseconds is not None:
        found["latency_s"] = milliseconds / 1000
        del found["latency_ms"]
    return found


def _flag(value: Json) -> Json:
    """A success that was written as 1 or 0, as a flag."""
    return bool(value) if type(value) in (int, float) and value in (0, 1) else value


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
