"""Calls: a request, its reply, and the transcript that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ladder_bench.domain.conversations import History, Message, Usage
from ladder_bench.domain.strategies import Decision
from ladder_bench.domain.tiers import Tier

Purpose = Literal["answer", "discarded", "memory", "trigger", "judge", "user", "annotate"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: for keys and offline backends; never rendered.

    `turn` counts user messages as the strategy lived them, from 1. `step` is the recorded turn whose matter this is:
    with a simulated user, who may ask again, it lags behind; else it is None, and the turn itself.
    """

    conversation: str
    turn: int
    step: int | None = None

    @property
    def matter(self) -> int:
        """The recorded turn that the request is about."""
        return self.turn if self.step is None else self.step


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to one tier: system, history, then the messages of this turn.

    `trimmed` counts the oldest messages that were left out because the tier's context is too small. `purpose` says what
    the reply is for. `schema` is the JSON schema that it should follow, as canonical JSON, "" for prose. `fence` stands
    in `system` and `now` around what is data; it is part of the key, and replaced when the request is sent.
    """

    tier: Tier
    system: str
    history: History
    now: tuple[Message, ...]
    origin: Origin
    sample: int = 0
    trimmed: int = 0
    purpose: Purpose = "answer"
    schema: str = ""
    fence: str = ""

    def sealed(self, nonce: str) -> Request:
        """The request as it is sent: a mark that nobody in the data can know stands where `fence` stood."""
        now = tuple(replace(message, content=message.content.replace(self.fence, nonce)) for message in self.now)
        return replace(self, system=self.system.replace(self.fence, nonce), now=now, fence="")

    @property
    def messages(self) -> tuple[Message, ...]:
        head = (Message.plain("system", self.system),) if self.system else ()
        return head + self.history.messages + self.now


@dataclass(frozen=True, slots=True)
class Reply:
    """What a backend answered. `origin` says how its latency came about: live, recorded, simulated, scripted.

    `latency_s` is that of the attempt that succeeded; `first_token_s` is known where it was streamed. `at` is when it
    was answered (seconds since 1970), None where that means nothing. `notes` flag what a reader must know: a served
    model other than the requested one, an answer cut short, usage that cannot be.
    """

    text: str
    usage: Usage | None
    latency_s: float | None
    origin: str
    model: str | None = None
    finish: str | None = None
    notes: tuple[str, ...] = ()
    first_token_s: float | None = None
    at: float | None = None
    logprob: float | None = None  # mean log-probability of the answer's tokens, where the provider returns them


@dataclass(frozen=True, slots=True)
class Call:
    """A request and its reply under its key, as a strategy uses it."""

    key: str
    purpose: Purpose
    request: Request
    reply: Reply
    usage: Usage  # the reply's, or counted here and flagged estimated


@dataclass(frozen=True, slots=True)
class Answered:
    """One turn of a transcript. `answer` is None where the call failed, and `failure` says how.

    `calls` are the ones that serve the turn, in their order: triggers, memory, discarded, answer. `said` is the user's
    message and `step` the recorded turn that it plays. `history` and `after`: digests of what was said before the turn
    and with it. `notes`: what a reader must know, such as triggers that could not be evaluated.
    """

    turn: int
    decision: Decision
    answer: str | None
    calls: tuple[Call, ...]
    memory: str | None = None
    failure: str | None = None
    on_recording: bool = False  # the history of this turn equals the recording
    said: Message | None = None
    step: int | None = None
    history: str = ""
    after: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation as one strategy lived it.

    `ended` says how a simulated user left it ("satisfied", "gave up", "turn limit", "unknown"), None in other modes.
    `user` are the calls that played the user, each with the turn that it opened: evaluation, never part of a
    strategy's cost.
    """

    conversation: str
    strategy: str
    sample: int
    answered: tuple[Answered, ...]
    ended: str | None = None
    user: tuple[tuple[int, Call], ...] = ()
