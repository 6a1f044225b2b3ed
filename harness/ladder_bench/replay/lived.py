"""A conversation as far as a strategy has lived it."""

from __future__ import annotations

from dataclasses import dataclass

from ladder_bench.domain import Answered, Conversation, History, Ladder, Message, Turn


@dataclass(frozen=True, slots=True)
class Spoken:
    """The user's next message, the messages that came with it, and the recorded turn that it plays."""

    message: Message
    context: tuple[Message, ...]
    recorded: Turn
    step: int | None = None  # the number of that turn where it is not this turn's own: a played user may ask again
    notes: tuple[str, ...] = ()

    @property
    def now(self) -> tuple[Message, ...]:
        return (self.message, *self.context)


@dataclass(frozen=True, slots=True)
class Lived:
    """Everything before the next turn. `on_recording` while what was said equals the recording."""

    conversation: Conversation
    ladder: Ladder
    so_far: tuple[Answered, ...]
    history: History
    on_recording: bool = True

    @property
    def turn(self) -> int:
        return len(self.so_far) + 1

    @property
    def users(self) -> tuple[str, ...]:
        return tuple(message.content for message in self.history.messages if message.role == "user")

    @property
    def answers(self) -> tuple[str, ...]:
        return tuple(message.content for message in self.history.messages if message.role == "assistant")
