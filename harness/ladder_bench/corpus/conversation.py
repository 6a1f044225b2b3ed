"""One conversation from its JSON: what a shape cannot say, and what becomes of each message."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from typing import Any

from ladder_bench import checks, content
from ladder_bench.corpus.shapes import ConversationShape, IntentShape, MessageShape, StatementShape, TurnShape
from ladder_bench.documents import Document, Loc
from ladder_bench.domain import (
    Constraint,
    Conversation,
    Criterion,
    Intent,
    Json,
    Message,
    Recording,
    Statement,
    Turn,
    Usage,
    canonical,
    digest_of,
)
from ladder_bench.errors import InputError, Problem, path_text


def build(document: Document, notes: dict[str, int]) -> Conversation:
    """Build a conversation from a parsed line, counting in `notes` what was merged or left out. Raises InputError."""
    if not isinstance(document.value, dict):
        raise InputError(document.problem((), "must be an object with 'messages'"))
    problems: list[Problem] = []
    shape = content.parse(ConversationShape, document, problems)
    problems.extend(_problems(shape, document))
    system, greeting, turns = _walk(shape, document, notes, problems)
    if turns:
        problems.extend(_out_of_range(shape, document, len(turns)))
    if problems:
        raise InputError(problems)
    if shape.metadata:
        _note(notes, "'metadata' of the conversation not used")
    if shape.annotation and shape.annotation.status == "draft":
        _note(notes, f"intent and criteria drafted by {shape.annotation.author}, and reviewed by nobody")
    return Conversation(
        id=_place_name(document) if shape.id is None else shape.id,
        turns=turns,
        system=system,
        greeting=greeting,
        intent=_intent(shape.intent),
        facts=tuple(shape.facts),
        tags=tuple(shape.tags),
        language=shape.language,
        resolved=shape.outcome.resolved if shape.outcome else None,
        digest=digest_of(canonical(document.value)),
        author=shape.annotation.author if shape.annotation else None,
    )


def _place_name(document: Document) -> str:
    """What a conversation without an id is called: its line in a file, or its place in a list."""
    return f"item-{int(document.root[-1]) + 1}" if document.root else f"line-{document.line}"


# --- what the shape alone cannot say -------------------------------------------------------


def _problems(shape: ConversationShape, document: Document) -> Iterator[Problem]:
    if shape.id is not None and not shape.id.strip():
        yield document.problem(("id",), "is empty; give it a name, or leave it out to be called after its line")
    if not any(message.role == "user" for message in shape.messages):
        yield document.problem(("messages",), "holds no user message; at least one is needed")
    of_intent = ("goal", "output_contract")  # verdicts call them so
    seen = {name: f"intent.{name}" for name in of_intent if shape.intent and getattr(shape.intent, name)}
    for loc, identifier, check in _checked(shape):
        if identifier and identifier in seen:
            yield document.problem((*loc, "id"), f"duplicate id '{identifier}': also at {seen[identifier]}")
        elif identifier:
            seen[identifier] = path_text(loc)
        if check is not None:
            for inner, message in checks.problems(check, (*loc, "check")):
                yield document.problem(inner, message)
    for index, constraint in enumerate(shape.intent.constraints if shape.intent else []):
        if constraint.until_turn is not None and constraint.until_turn < constraint.from_turn:
            yield document.problem(
                ("intent", "constraints", index, "until_turn"), f"is before from_turn {constraint.from_turn}"
            )


def _out_of_range(shape: ConversationShape, document: Document, last: int) -> Iterator[Problem]:
    """Gold that belongs to no turn, and would be lost."""
    numbers = {str(number) for number in range(1, last + 1)}
    for key in shape.turns:
        if key not in numbers:
            message = f"there is no turn '{key}'; turns are counted by user messages, 1 to {last}"
            yield document.problem(("turns", key), message)
    for index, constraint in enumerate(shape.intent.constraints if shape.intent else []):
        if constraint.from_turn > last:
            message = f"there is no turn {constraint.from_turn}: the constraint is never active; turns are 1 to {last}"
            yield document.problem(("intent", "constraints", index, "from_turn"), message)


def _checked(shape: ConversationShape) -> Iterator[tuple[Loc, str, Mapping[str, Any] | None]]:
    if shape.intent:
        for field in ("goal", "output_contract"):
            if statement := getattr(shape.intent, field):
                yield ("intent", field), "", statement.check
        for field in ("constraints", "non_goals", "blocking_unknowns"):
            for index, item in enumerate(getattr(shape.intent, field)):
                yield ("intent", field, index), item.id, item.check
    for key, turn in shape.turns.items():
        for index, criterion in enumerate(turn.criteria):
            yield ("turns", key, "criteria", index), criterion.id, criterion.check


def _intent(shape: IntentShape | None) -> Intent | None:
    if shape is None:
        return None
    return Intent(
        goal=_statement(shape.goal),
        constraints=tuple(
            Constraint(
                Criterion(c.id, "constraint", c.text, c.weight, c.critical, c.check, c.violation),
                c.from_turn,
                c.until_turn,
            )
            for c in shape.constraints
        ),
        non_goals=tuple(Statement(s.text, s.id, s.check) for s in shape.non_goals),
        blocking_unknowns=tuple(Statement(s.text, s.id, s.check) for s in shape.blocking_unknowns),
        output_contract=_statement(shape.output_contract),
    )


def _statement(shape: StatementShape | None) -> Statement | None:
    return Statement(shape.text, shape.id, shape.check) if shape else None


# --- messages to turns ---------------------------------------------------------------------


def _walk(
    shape: ConversationShape, document: Document, notes: dict[str, int], problems: list[Problem]
) -> tuple[str, tuple[Message, ...], tuple[Turn, ...]]:
    """Split messages into system prompt, greeting and turns. Each message is carried through or refused by name."""
    system = [shape.system] if shape.system else []
    greeting: list[Message] = []
    turns: list[_Open] = []
    for index, message in enumerate(shape.messages):
        part = document.at("messages", index)
        text = _text(message, part, notes, problems)
        time = _time(message, part, problems)
        if message.role in ("system", "developer"):
            if turns or greeting:
                what = "a system message after the first turn cannot be replayed; put it first, or into 'system'"
                problems.append(part.problem((), what))
            system.append(text)
        elif message.role == "user":
            if turns and not turns[-1].after:
                turns[-1].user += "\n\n" + text
                _note(notes, "consecutive user messages merged into one turn")
            else:
                turns.append(_Open(text, time))
        elif turns:
            turns[-1].after.append((message, text))
        elif message.role == "assistant":
            greeting.append(Message("assistant", text, _extra(message)))
            _note(notes, "assistant greeting before the first user message carried as history")
        else:
            what = "a tool message before the first user message has no call to answer"
            problems.append(part.problem((), what))
    if any("messages" in problem.where for problem in problems):
        return "", (), ()
    built = tuple(_turn(number, turns, shape, notes) for number in range(1, len(turns) + 1))
    if unanswered := sum(turn.recorded is None for turn in built):
        _note(notes, "turns without a recorded answer kept; recorded tiers cannot answer them", unanswered)
    return "\n\n".join(system), tuple(greeting), built


class _Open:
    """A turn being collected."""

    def __init__(self, user: str, time: float | None) -> None:
        self.user, self.time = user, time
        self.after: list[tuple[MessageShape, str]] = []


def _turn(number: int, turns: list[_Open], shape: ConversationShape, notes: dict[str, int]) -> Turn:
    here = turns[number - 1]
    gold = shape.turns.get(str(number), TurnShape())
    # the answer is the trailing run of plain assistant messages; what stands before it is context
    cut = len(here.after)
    while cut and here.after[cut - 1][0].role == "assistant" and not _calls(here.after[cut - 1][0]):
        cut -= 1
    answer = here.after[cut:]
    return Turn(
        number=number,
        user=Message("user", here.user),
        recorded=_recording(answer, notes) if answer else None,
        context=tuple(Message(message.role, text, _extra(message)) for message, text in here.after[:cut]),
        criteria=tuple(
            Criterion(c.id, c.kind, c.text, c.weight, c.critical, c.check, c.violation) for c in gold.criteria
        ),
        reference=gold.reference if gold.reference is not None else ("\n\n".join(t for _, t in answer) or None),
        labels=tuple(gold.labels) if gold.labels is not None else None,
        answer_labels=tuple(gold.answer_labels) if gold.answer_labels is not None else None,
        alternative=gold.alternative,
        wrong=gold.wrong,
        gap_s=_gap(turns[number - 2].time if number > 1 else None, here.time, notes),
    )


def _gap(before: float | None, now: float | None, notes: dict[str, int]) -> float | None:
    if before is None or now is None:
        return None
    if now < before:
        _note(notes, "timestamps that go back in time not used")
        return None
    return now - before


def _recording(answer: list[tuple[MessageShape, str]], notes: dict[str, int]) -> Recording:
    """What was answered. Several messages make one answer, whose tokens nobody counted as a whole."""
    waits = [message.latency_s for message, _ in answer if message.latency_s is not None]
    usages = [usage for message, _ in answer if (usage := _usage(message.usage)) is not None]
    if len(answer) > 1:
        _note(notes, "consecutive assistant messages merged into one answer, without their usage")
    elif answer[0][0].usage and not usages:
        _note(notes, "usage without whole token counts not used")
    return Recording(
        "\n\n".join(text for _, text in answer),
        answer[-1][0].model,
        usages[0] if usages and len(answer) == 1 else None,
        sum(waits) if len(waits) == len(answer) else None,
    )


MOST_TOKENS = 10**12  # of one conversation; what claims more is no count


def _usage(raw: dict[str, Any] | None) -> Usage | None:
    """Read usage as OpenAI, Anthropic or we ourselves write it; None where either count is missing."""
    if not raw:
        return None

    def count(*names: str) -> int | None:
        for name in names:
            found: Any = raw
            for part in name.split("."):
                found = found.get(part) if isinstance(found, dict) else None
            whole = isinstance(found, int) or (isinstance(found, float) and found.is_integer())
            if whole and not isinstance(found, bool) and 0 <= found <= MOST_TOKENS:
                return int(found)
        return None

    read, written = count("cache_read_input_tokens"), count("cache_creation_input_tokens")
    whole, output = count("input", "prompt_tokens"), count("output", "completion_tokens", "output_tokens")
    if whole is None and (fresh := count("input_tokens")) is not None:
        whole = fresh + (read or 0) + (written or 0)  # Anthropic reports input without its cached parts
    if whole is None or output is None:
        return None
    cached = count("cached", "prompt_tokens_details.cached_tokens", "input_tokens_details.cached_tokens") or read or 0
    names = ("reasoning", "completion_tokens_details.reasoning_tokens", "output_tokens_details.reasoning_tokens")
    reasoning = count(*names) or 0
    return Usage(whole, output, cached, count("cache_write") or written or 0, reasoning)


CALLS = ("tool_calls", "function_call")
CARRIED = (*CALLS, "tool_call_id", "name")


def _calls(message: MessageShape) -> bool:
    return any((message.model_extra or {}).get(key) for key in CALLS)


def _carried(message: MessageShape) -> tuple[str, ...]:
    """The keys that travel with a message: of calls and their results. Users and plain answers have only words."""
    return CARRIED if message.role == "tool" or (message.role == "assistant" and _calls(message)) else ()


def _extra(message: MessageShape) -> str:
    found = {key: value for key, value in (message.model_extra or {}).items() if key in _carried(message) and value}
    return canonical(found) if found else ""


def _text(message: MessageShape, part: Document, notes: dict[str, int], problems: list[Problem]) -> str:
    for key, value in (message.model_extra or {}).items():
        if key not in _carried(message) and value not in (None, [], {}, ""):
            _note(notes, f"key '{key}' of {message.role} messages not used")
    if isinstance(message.content, str):
        return message.content
    if message.content is None:
        if not (message.role == "assistant" and _calls(message)):
            problems.append(part.problem(("content",), "is missing; only an assistant's tool call may have none"))
        return ""
    texts = []
    for index, piece in enumerate(message.content):
        if piece.get("type") in ("text", "input_text", "output_text") and isinstance(piece.get("text"), str):
            texts.append(piece["text"])
        else:
            what = f"content part '{piece.get('type', 'without type')}' cannot be replayed; only text parts can"
            problems.append(part.problem(("content", index), what))
    return "\n".join(texts)


MOST_SECONDS = 1e11  # the year 5138; beyond it a number counts milliseconds


def _time(message: MessageShape, part: Document, problems: list[Problem]) -> float | None:
    stamp: Json = message.timestamp
    what = f"is not an ISO 8601 time or Unix seconds: {stamp!r}"
    if isinstance(stamp, str):
        try:
            time = datetime.datetime.fromisoformat(stamp)
        except ValueError:
            problems.append(part.problem(("timestamp",), what))
            return None
        # without a zone it is taken as UTC: this machine's own zone must not change a result
        return (time if time.tzinfo else time.replace(tzinfo=datetime.UTC)).timestamp()
    if stamp is not None and not 0 <= stamp < MOST_SECONDS:
        problems.append(part.problem(("timestamp",), what))
        return None
    return float(stamp) if stamp is not None else None


def _note(notes: dict[str, int], text: str, count: int = 1) -> None:
    notes[text] = notes.get(text, 0) + count
