"""The replay: a conversation through a ladder, turn by turn, becomes a transcript."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from ladder_bench import cost, handoff
from ladder_bench.domain import (
    Answered,
    Call,
    Conversation,
    Decision,
    Fired,
    History,
    Ladder,
    Message,
    Mode,
    Origin,
    Reply,
    Request,
    Tier,
    Transcript,
    Turn,
)
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.ladder import decide
from ladder_bench.triggers import Rules, Seen
from ladder_bench.triggers.answers import is_settled

Fetch = Callable[[Request], Awaitable[tuple[str, Reply]]]
UNSEEN = "planned"  # the origin of a reply that stands for one nobody has seen yet


@dataclass(frozen=True, slots=True)
class Setting:
    """What a replay needs beyond the conversation and the ladder."""

    tiers: Mapping[str, Tier]
    rank: Mapping[str, int]
    rules: Rules
    mode: Mode
    sample: int = 0


async def replay(conversation: Conversation, ladder: Ladder, setting: Setting, fetch: Fetch) -> Transcript:
    """Answer every turn once. In a rollout a call that fails ends the conversation: what would follow, nobody can know.

    In forced mode the next turn starts from the recording all the same.
    """
    so_far: list[Answered] = []
    history = History().plus(*conversation.greeting)
    on_recording = True
    failed_at: int | None = None
    heard = ladder.escalation is not None and setting.rules.speaks(conversation.language)
    for turn in conversation.turns:
        fired = _fired(conversation, turn, ladder, setting.rules) if heard else ()
        decision = decide(ladder, so_far, fired, conversation.id, _settled(so_far), setting.rank)
        if failed_at is not None:
            so_far.append(Answered(turn.number, decision, None, (), failure=f"not reached: turn {failed_at} failed"))
            continue
        memory = _memory(conversation, ladder, decision, so_far, history)
        request = _request(conversation, turn, ladder, decision, history, memory, on_recording, setting)
        answered = await _answered(turn, decision, request, memory, on_recording, fetch)
        so_far.append(answered)
        shown = answered.answer
        recorded = turn.recorded.text if turn.recorded else None
        if setting.mode == "forced":
            shown = recorded
        elif shown is None:
            failed_at = turn.number
        elif shown != recorded:
            on_recording = False
        said = () if shown is None else (Message.plain("assistant", shown),)
        history = history.plus(turn.user, *turn.context, *said)
    return Transcript(conversation.id, ladder.name, setting.sample, tuple(so_far))


def _fired(conversation: Conversation, turn: Turn, ladder: Ladder, rules: Rules) -> tuple[Fired, ...]:
    assert ladder.escalation is not None
    earlier = tuple(before.user.content for before in conversation.turns[: turn.number - 1])
    seen = Seen(turn.number, turn.user.content, earlier, conversation.language)
    return rules.fired(ladder.escalation.triggers, seen)


def _settled(so_far: list[Answered]) -> bool | None:
    """Whether the last answer left nothing open; None where nobody knows it, or no open escalation depends on it."""
    if not so_far or not so_far[-1].decision.escalated:
        return None
    if so_far[-1].answer is None or any(call.reply.origin == UNSEEN for call in so_far[-1].calls):
        return None
    return is_settled(so_far[-1].answer)


def _memory(
    conversation: Conversation, ladder: Ladder, decision: Decision, so_far: list[Answered], history: History
) -> str | None:
    """The memory that this turn carries: the last one while it is fresh, else one from the visible conversation."""
    if not handoff.carries_memory(ladder, decision, so_far):
        return None
    if not handoff.memory_is_due(ladder, decision, so_far):
        return so_far[-1].memory
    users = [turn.user.content for turn in conversation.turns[: len(so_far) + 1]]
    answers = [message.content for message in history.messages if message.role == "assistant"]
    return handoff.extractive_memory(users, answers, ladder.handoff.max_tokens)


def _request(
    conversation: Conversation,
    turn: Turn,
    ladder: Ladder,
    decision: Decision,
    history: History,
    memory: str | None,
    on_recording: bool,
    setting: Setting,
) -> Request:
    tier = setting.tiers[decision.tier]
    if tier.recorded and not on_recording:
        tier = setting.tiers.get(tier.off_path, tier)
    origin = Origin(conversation.id, turn.number)
    if tier.recorded:  # what it said is fixed: it reads no scaffold and no memory
        return Request(tier, conversation.system, history, (turn.user, *turn.context), origin)
    return _fitted(
        Request(
            tier=tier,
            system=handoff.system_prompt(conversation, ladder, decision),
            history=handoff.shown_history(ladder.handoff, history) if memory is not None else history,
            now=(handoff.user_message(turn.user, memory), *turn.context),
            origin=origin,
            sample=setting.sample,
        )
    )


def _fitted(request: Request) -> Request:
    """The request, without its oldest exchanges where its tier's context is too small and may be trimmed."""
    room = _room(request.tier)
    if room is None or request.tier.on_overflow == "fail" or _fits(request, room):
        return request
    messages = request.history.messages
    for start in range(1, len(messages) + 1):
        if start == len(messages) or messages[start].role == "user":
            shorter = replace(request, history=History().plus(*messages[start:]), trimmed=start)
            if _fits(shorter, room):
                return shorter
    return request


def _room(tier: Tier) -> int | None:
    return None if tier.context_limit is None else tier.context_limit - tier.max_output_tokens


def _fits(request: Request, room: int) -> bool:
    """Whether a prompt fits, by a public tokenizer; bytes settle it for most."""
    bound = sum(len(m.content) * 4 + len(m.extra) * 4 + cost.MESSAGE_OVERHEAD for m in request.messages)
    return bound <= room or cost.prompt_tokens(request.messages) <= room


async def _answered(
    turn: Turn, decision: Decision, request: Request, memory: str | None, on_recording: bool, fetch: Fetch
) -> Answered:
    """Answer a turn; a failed call becomes data. A recording off its path has no answer, unless the tier reuses it."""
    carried = None if request.tier.recorded else memory
    try:
        if request.tier.recorded and not on_recording and request.tier.off_path != "reuse":
            raise ModelError("off_path", f"tier '{request.tier.name}' has no recorded answer to a history it never saw")
        room = _room(request.tier)
        if room is not None and not request.tier.recorded and not _fits(request, room):
            what = f"about {cost.prompt_tokens(request.messages)} tokens, and '{request.tier.name}' has room for {room}"
            raise ModelError("context_overflow", what)
        call = await _call(request, fetch)
    except FatalModelError:
        raise
    except ModelError as error:
        return Answered(turn.number, decision, None, (), carried, failure=str(error), on_recording=on_recording)
    return Answered(turn.number, decision, call.reply.text, (call,), carried, on_recording=on_recording)


async def _call(request: Request, fetch: Fetch) -> Call:
    key, reply = await fetch(request)
    usage = reply.usage
    if usage is None or min(usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning) < 0:
        usage = cost.estimated_usage(request.messages, reply.text)
    return Call(key, "answer", request, reply, usage)
