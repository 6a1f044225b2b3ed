"""Tokens: what the log says that each prompt and each answer had, and what is counted where it says nothing. Pure.

A recorded prompt may hold more than the logged messages show: a system prompt, tool definitions, another tokenizer.
So a prompt whose usage is missing is counted from its messages *plus the base of the recorded ones*: the median of
(recorded input - counted input) over the recorded turns of its conversation, else of the log. Estimated and recorded
turns then stand on the same ground; where no turn of a log is recorded the base is 0. Answers are counted as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median_low

from ladder_bench import cost
from ladder_bench.domain import Conversation, Message, Turn, Usage

MOST_TOKENS = 10**8  # of one call; beyond it a log counts something else


@dataclass(frozen=True, slots=True)
class Asked:
    """An answered turn: its number, the messages that the model read, its tokens, and seconds since the first turn."""

    turn: int
    messages: tuple[Message, ...]
    usage: Usage  # `estimated` where the log has none
    at_s: float

    @property
    def visible(self) -> int:
        """Tokens of the answer that later prompts hold: without its reasoning."""
        return self.usage.output - min(self.usage.reasoning, self.usage.output)


@dataclass(frozen=True, slots=True)
class Spoken:
    """A conversation as the bill reads it: its answered turns, and the means of its user messages and pauses."""

    id: str
    asked: tuple[Asked, ...]
    user_tokens: int
    pause_s: float


@dataclass(frozen=True, slots=True)
class Counted:
    """What was recorded, estimated or odd, in turns. `base` is the log's, None where no turn needed it."""

    answered: int
    unanswered: int
    estimated: int
    unusable: int
    shrinking: int
    with_tools: int
    declared_pauses: int
    recorded_pauses: int
    output: int
    reasoning: int
    base: int | None


def read(conversations: Sequence[Conversation], gap_s: float) -> tuple[tuple[Spoken, ...], Counted]:
    """Read the tokens of every answered turn. Conversations without an answer are left out."""
    found = [_walked(conversation, gap_s) for conversation in conversations]
    recorded = [asked for each in found for asked in each if not asked.usage.estimated]
    missing = sum(asked.usage.estimated for each in found for asked in each)
    base = _base(recorded) if missing and recorded else None
    if base is not None:
        found = [_based(each, base) for each in found]
    usages = [asked.usage for each in found for asked in each]
    pauses = [turn.gap_s is None for each in conversations for turn in each.turns[1:]]
    counted = Counted(
        answered=len(usages),
        unanswered=sum(turn.recorded is None for each in conversations for turn in each.turns),
        estimated=missing,
        unusable=sum(_is_unusable(turn) for each in conversations for turn in each.turns),
        shrinking=sum(_shrinks(before, now) for each in found for before, now in pairwise(each)),
        with_tools=sum(bool(turn.context and turn.recorded) for each in conversations for turn in each.turns),
        declared_pauses=sum(pauses),
        recorded_pauses=len(pauses) - sum(pauses),
        output=sum(usage.output for usage in usages),
        reasoning=sum(min(usage.reasoning, usage.output) for usage in usages),
        base=base,
    )
    pairs = zip(conversations, found, strict=True)
    return tuple(_spoken(conversation, asked, gap_s) for conversation, asked in pairs if asked), counted


def _walked(conversation: Conversation, gap_s: float) -> list[Asked]:
    """The answered turns over the recorded history, their usage as logged or as the tokenizer counts it."""
    history = (*((Message("system", conversation.system),) if conversation.system else ()), *conversation.greeting)
    found, at_s = [], 0.0
    for turn in conversation.turns:
        at_s += (gap_s if turn.gap_s is None else turn.gap_s) if turn.number > 1 else 0.0
        history = (*history, turn.user, *turn.context)
        if turn.recorded is None:
            continue
        usage = turn.recorded.usage
        if usage is None or _is_unusable(turn):
            usage = cost.estimated_usage(history, turn.recorded.text)
        found.append(Asked(turn.number, history, usage, at_s))
        history = (*history, Message("assistant", turn.recorded.text))
    return found


def _is_unusable(turn: Turn) -> bool:
    """Usage that cannot be the call's: no input, no output for an answer that is there (a logger's 0), or too much."""
    if turn.recorded is None or turn.recorded.usage is None:
        return False
    usage = turn.recorded.usage
    silent = usage.output == 0 and bool(turn.recorded.text.strip())
    return usage.input == 0 or silent or max(usage.input, usage.output) > MOST_TOKENS


def _base(recorded: Sequence[Asked]) -> int:
    """What a recorded prompt has beyond its messages as the tokenizer counts them, in tokens: the median."""
    return median_low(asked.usage.input - cost.estimated_usage(asked.messages, "").input for asked in recorded)


def _based(asked: Sequence[Asked], log_base: int) -> list[Asked]:
    if not any(each.usage.estimated for each in asked):
        return list(asked)
    recorded = [each for each in asked if not each.usage.estimated]
    base = _base(recorded) if recorded else log_base
    return [
        replace(each, usage=replace(each.usage, input=max(0, each.usage.input + base)))
        if each.usage.estimated
        else each
        for each in asked
    ]


def _shrinks(before: Asked, now: Asked) -> bool:
    """A prompt that is smaller than the one before it, though it holds more messages."""
    return not before.usage.estimated and not now.usage.estimated and now.usage.input < before.usage.input


def _spoken(conversation: Conversation, asked: Sequence[Asked], gap_s: float) -> Spoken:
    last = asked[-1]
    users = [cost.estimated_usage((turn.user,), "").input for turn in conversation.turns]
    pause = last.at_s / (last.turn - 1) if last.turn > 1 else gap_s
    return Spoken(conversation.id, tuple(asked), round(sum(users) / len(users)), pause)
