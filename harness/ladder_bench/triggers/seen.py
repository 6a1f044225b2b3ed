"""What a trigger may read. No gold field is among it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Seen:
    """The user's message now, and the conversation before it.

    `turn` counts user messages from 1. `earlier` are the user's messages before this one, `answers` what was answered
    to them, as it came, frames and all (`blocks` reads those). `language` is a tag such as "en" or "pt-BR", None where
    nobody said.
    """

    turn: int
    message: str
    earlier: tuple[str, ...] = ()
    language: str | None = None
    answers: tuple[str, ...] = ()
    system: str = ""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer to the message: as it came, how it ended, and the mean log-probability of its tokens."""

    answer: str
    finish: str | None = None
    logprob: float | None = None
