"""What was spoken: the messages of a transcript in their order, each with its turn, and the model calls among them.

A dataset's conversation holds turns; what a finished transcript cost and how long its users waited is known by message.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ladder_bench import content
from ladder_bench.corpus import conversation
from ladder_bench.corpus.shapes import ConversationShape, MessageShape
from ladder_bench.documents import Document
from ladder_bench.domain import Message, Usage


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message. `turn` counts user messages as turns do, 0 before the first. `usage`, `latency_s`, `model`, `at` are
    what the log says of it, None where it says nothing.
    """

    turn: int
    message: Message
    usage: Usage | None = None
    latency_s: float | None = None
    model: str | None = None
    at: float | None = None

    @property
    def by_model(self) -> bool:
        return self.message.role == "assistant"


def spoken(document: Document) -> tuple[Spoken, ...]:
    """The messages of a conversation that `conversation.build` has built, its system prompt first."""
    shape = content.parse(ConversationShape, document, [])
    system = [Spoken(0, Message.plain("system", shape.system))] if shape.system else []
    return (*system, *_all(shape, document))


def _all(shape: ConversationShape, document: Document) -> Iterator[Spoken]:
    turn, answered = 0, True
    for index, message in enumerate(shape.messages):
        if message.role == "user":
            turn += answered  # several user messages in a row are one turn
            answered = False
        elif turn and message.role in ("assistant", "tool"):
            answered = True
        yield _one(turn, message, document.at("messages", index))


def _one(turn: int, message: MessageShape, part: Document) -> Spoken:
    role = "system" if message.role == "developer" else message.role
    said = Message(role, conversation._text(message, part, {}, []), conversation._extra(message))
    at = conversation._time(message, part, [])
    if role != "assistant":
        return Spoken(turn, said, at=at)
    return Spoken(turn, said, _whole(conversation._usage(message.usage)), message.latency_s, message.model, at)


def _whole(usage: Usage | None) -> Usage | None:
    """Usage that can be: no call reads nothing and writes nothing, so such a count was never taken."""
    if usage is None or usage.input == usage.output == 0:
        return None
    return usage if usage.reasoning <= usage.output else replace(usage, reasoning=usage.output)
