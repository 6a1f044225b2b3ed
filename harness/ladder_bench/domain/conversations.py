"""Conversations: what was said, and what a good answer does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from ladder_bench.domain.values import Json, digest_of

Check = Mapping[str, Any]  # a check as data; `checks.evaluate` gives it meaning
Kind = Literal["correctness", "completeness", "constraint", "format"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `extra` holds tool calls and their ids as canonical JSON, carried as they came."""

    role: str
    content: str
    extra: str = ""
    digest: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest_of(self.role, self.content, self.extra))

    @staticmethod
    @lru_cache(maxsize=256)
    def plain(role: str, content: str) -> Message:
        """A message without extras. Made again shortly after, it is the same one, and not hashed anew."""
        return Message(role, content)

    def as_dict(self) -> dict[str, Json]:
        return {"role": self.role, "content": self.content, **(json.loads(self.extra) if self.extra else {})}


@dataclass(frozen=True, slots=True)
class History:
    """Messages so far with a running digest, so that a conversation costs O(turns) hash work."""

    messages: tuple[Message, ...] = ()
    digest: str = ""

    def plus(self, *messages: Message) -> History:
        digest = self.digest
        for message in messages:
            digest = digest_of(digest, message.digest)
        return History(self.messages + messages, digest)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. `input` includes cached and cache-written tokens; `output` includes reasoning."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """What the log's own model answered at a turn. `latency_s` in seconds, None where not logged."""

    text: str
    model: str | None = None
    usage: Usage | None = None
    latency_s: float | None = None


@dataclass(frozen=True, slots=True)
class Criterion:
    """Something a good answer does. `violation` is a sentence that makes a negative check fail."""

    id: str
    kind: Kind
    text: str
    weight: float = 1.0
    critical: bool = False
    check: Check | None = None
    violation: str | None = None


@dataclass(frozen=True, slots=True)
class Constraint:
    """A criterion with a lifetime: active from turn `from_turn` to `until_turn` (None: the end), both inclusive."""

    criterion: Criterion
    from_turn: int = 1
    until_turn: int | None = None

    def active(self, turn: int) -> bool:
        return self.from_turn <= turn and (self.until_turn is None or turn <= self.until_turn)


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of the intent, with a check where it can be graded by rule."""

    text: str
    id: str = ""
    check: Check | None = None


@dataclass(frozen=True, slots=True)
class Intent:
    """What the user wanted, as known in hindsight. For grading only: it never reaches a prompt."""

    goal: Statement | None = None
    constraints: tuple[Constraint, ...] = ()
    non_goals: tuple[Statement, ...] = ()
    blocking_unknowns: tuple[Statement, ...] = ()
    output_contract: Statement | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A user message, what was answered when it was recorded, and what a good answer does.

    `number` counts user messages from 1. `context` holds tool calls and results that came between the
    message and the answer. `labels` is None where nobody labelled the turn.
    """

    number: int
    user: Message
    recorded: Recording | None = None
    context: tuple[Message, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    reference: str | None = None
    labels: tuple[str, ...] | None = None
    answer_labels: tuple[str, ...] | None = None
    alternative: str | None = None
    wrong: str | None = None
    gap_s: float | None = None  # seconds since the previous user message, where timestamps were recorded


@dataclass(frozen=True, slots=True)
class Conversation:
    """A recorded conversation. `digest` covers everything in it, gold fields included.

    `author` is the model that drafted its intent and criteria, None where no model did; people may have changed them.
    """

    id: str
    turns: tuple[Turn, ...]
    system: str = ""
    greeting: tuple[Message, ...] = ()
    intent: Intent | None = None
    facts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    language: str | None = None
    resolved: bool | None = None
    digest: str = ""
    author: str | None = None

    def constraints_at(self, turn: int) -> tuple[Constraint, ...]:
        return tuple(c for c in self.intent.constraints if c.active(turn)) if self.intent else ()
