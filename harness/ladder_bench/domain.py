"""The vocabulary: what a conversation, a ladder, a call, a verdict and an estimate are.

Frozen values, standard library only. Missing is None, never 0, "" or NaN.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

Json = Any
Check = Mapping[str, Any]  # a check as data; `checks.evaluate` gives it meaning
Kind = Literal["correctness", "completeness", "constraint", "format"]
Purpose = Literal["answer", "discarded", "memory", "trigger", "judge", "user"]
Mode = Literal["rollout", "forced"]

TRIGGER_NAMES = (
    "goal_change",
    "constraint_conflict",
    "missing_information",
    "high_stakes",
    "deep_work",
    "low_confidence",
)


def digest_of(*parts: str) -> str:
    """Hash strings so that no two different tuples of strings collide by concatenation."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(len(data).to_bytes(8, "big"))
        whole.update(data)
    return whole.hexdigest()


def canonical(value: Json) -> str:
    """Render a JSON value so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


# --- conversations -------------------------------------------------------------------------


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
    """A recorded conversation. `digest` covers everything in it, gold fields included."""

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

    def constraints_at(self, turn: int) -> tuple[Constraint, ...]:
        return tuple(c for c in self.intent.constraints if c.active(turn)) if self.intent else ()


DEFAULT_MAX_OUTPUT_TOKENS = 1024
OUTPUT_BOUNDS = ("max_output_tokens", "max_completion_tokens", "max_tokens")  # ours, and what providers call it

# --- strategies ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. `cached` and `cache_write` default to the input price, `reasoning` to output.

    `steps` are (tokens, price): a prompt of more tokens than that is charged at that price throughout.
    """

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    ttl_s: float = 300.0  # how long a prefix stays cached
    minimum_prefix: int = 1024  # tokens below which nothing is cached
    steps: tuple[tuple[int, Price], ...] = ()

    def at(self, tokens: int) -> Price:
        """The price of a prompt of so many tokens."""
        if not self.steps:
            return self
        return max((step for step in self.steps if tokens > step[0]), key=lambda step: step[0], default=(0, self))[1]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider may be asked for. `timeout_s` is an attempt's, `turn_timeout_s` a call's with its retries."""

    concurrency: int = 16
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 120.0
    turn_timeout_s: float = 600.0
    retry_pause_s: float = 0.5  # before the second attempt; it doubles with each, up to 30 s


@dataclass(frozen=True, slots=True)
class Tier:
    """A model at a price. `model` is a litellm id, `recorded`, `simulated/NAME` or `local/NAME`.

    `transport`: how a live tier is reached; `auto` is direct where `params` hold the base URL of an OpenAI-compatible
    server, else litellm. `stream` asks for the answer piece by piece, which tells the time to the first token.
    `on_overflow`: what happens to a prompt beyond `context_limit` tokens.
    """

    name: str
    model: str
    params: Mapping[str, Json]
    price: Price
    context_limit: int | None = None
    hosts: tuple[str, ...] = ()
    cache_group: str = ""
    off_path: str = "error"  # recorded tiers only: error | reuse | the name of a live tier
    limits: Limits = Limits()
    transport: Literal["auto", "direct", "litellm"] = "auto"
    stream: bool = False
    on_overflow: Literal["fail", "trim"] = "fail"

    @property
    def recorded(self) -> bool:
        return self.model == "recorded"

    @property
    def simulated(self) -> bool:
        return self.model.startswith("simulated/")

    @property
    def live(self) -> bool:
        """Answers over a socket, for money."""
        return not self.recorded and not self.simulated

    @property
    def max_output_tokens(self) -> int:
        """Bound of an answer's tokens; always sent, so that a call's worst case is known before it."""
        return next(
            (int(self.params[name]) for name in OUTPUT_BOUNDS if name in self.params), DEFAULT_MAX_OUTPUT_TOKENS
        )


@dataclass(frozen=True, slots=True)
class Step:
    """A rung: a tier for so many turns, None for the rest of the conversation."""

    tier: str
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """When to climb and when to come back. `after_turns` belongs to returns == "after_turns"."""

    to: str
    triggers: tuple[str, ...] = ()
    returns: Literal["resolved", "after_turns", "never"] = "resolved"
    after_turns: int | None = None
    at_most: int = 3
    cooldown_turns: int = 1


@dataclass(frozen=True, slots=True)
class Handoff:
    """What the next tier is told. `recent` is the number of past turns shown where context == "recent"."""

    memory: Literal["none", "standard"] = "none"
    writer: str = "extractive"
    refresh_every: int | None = 3
    max_tokens: int = 250
    context: Literal["full", "recent", "memory_only"] = "full"
    recent: int | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """A strategy: who answers which turn, when to climb, what is handed over.

    `scaffold` and `guardrails` name prompts in `ladders/prompts`, None for neither. `mix` holds
    (tier, share) pairs for a random-mix control, which ignores `steps`. `control` marks strategies that were added
    to make the others interpretable.
    """

    name: str
    steps: tuple[Step, ...]
    escalation: Escalation | None = None
    handoff: Handoff = Handoff()
    scaffold: str | None = None
    guardrails: str | None = None
    mix: tuple[tuple[str, float], ...] = ()
    control: bool = False

    @property
    def tiers(self) -> tuple[str, ...]:
        """Every tier that may answer, first step first, each once."""
        names = [share[0] for share in self.mix] or [step.tier for step in self.steps]
        if self.escalation and self.escalation.triggers:
            names.append(self.escalation.to)
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that fired: its name, why, and the words that made it."""

    trigger: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Who answers a turn, and why. `escalated` while an escalation is open; `guide` gets the scaffold."""

    tier: str
    reason: str
    switched: bool
    guide: bool
    escalated: bool = False
    opened: bool = False
    fired: tuple[Fired, ...] = ()
    certain: bool = True  # False in a plan, where the decision depends on an answer nobody has seen


# --- calls ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from: for keys and offline backends; never rendered."""

    conversation: str
    turn: int


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt to one tier: system, history, then the messages of this turn.

    `trimmed` counts the oldest messages that were left out because the tier's context is too small.
    """

    tier: Tier
    system: str
    history: History
    now: tuple[Message, ...]
    origin: Origin
    sample: int = 0
    trimmed: int = 0

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
    """One turn of a transcript. `answer` is None where the call failed, and `failure` says how."""

    turn: int
    decision: Decision
    answer: str | None
    calls: tuple[Call, ...]
    memory: str | None = None
    failure: str | None = None
    on_recording: bool = False  # the history of this turn equals the recording


@dataclass(frozen=True, slots=True)
class Transcript:
    """A conversation as one strategy lived it."""

    conversation: str
    strategy: str
    sample: int
    answered: tuple[Answered, ...]


# --- grades --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    """One grade. `value` in [0, 1], or None (unscored) with the reason. `turn` None for the whole conversation.

    `metric` is the criterion's kind or the measure's name; `target` the criterion's id or what was counted.
    """

    target: str
    metric: str
    turn: int | None
    value: float | None
    reason: str
    grader: str
    weight: float = 1.0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval over conversations. None where it is not known, and then `why` says so."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int = 0
    why: str | None = None
