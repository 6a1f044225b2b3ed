"""The replay: a conversation through a ladder, turn by turn, becomes a transcript."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

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
    """Answer every turn once. A call that fails ends the conversation: what would follow, no product would show."""
    so_far: list[Answered] = []
    history = History().plus(*conversation.greeting)
    on_recording = True
    failed_at: int | None = None
    for turn in conversation.turns:
        decision = decide(
            ladder, so_far, _fired(conversation, turn, ladder, setting), conversation.id, _settled(so_far), setting.rank
        )
        if failed_at is not None:
            so_far.append(Answered(turn.number, decision, None, (), failure=f"not reached: turn {failed_at} failed"))
            continue
        memory = _memory(conversation, ladder, decision, so_far, history)
        request = _request(conversation, turn, ladder, decision, history, memory, on_recording, setting)
        carried = memory if request.tier.name == decision.tier and not request.tier.recorded else None
        try:
            call = await _call(request, fetch)
        except FatalModelError:
            raise
        except ModelError as error:
            so_far.append(
                Answered(turn.number, decision, None, (), carried, failure=str(error), on_recording=on_recording)
            )
            failed_at = turn.number
            continue
        answer = call.reply.text
        so_far.append(Answered(turn.number, decision, answer, (call,), carried, on_recording=on_recording))
        recorded = turn.recorded.text if turn.recorded else None
        if setting.mode == "forced":
            answer = recorded if recorded is not None else answer
        elif answer != recorded:
            on_recording = False
        history = history.plus(turn.user, *turn.context, Message("assistant", answer))
    return Transcript(conversation.id, ladder.name, setting.sample, tuple(so_far))


def _fired(conversation: Conversation, turn: Turn, ladder: Ladder, setting: Setting) -> tuple[Fired, ...]:
    if ladder.escalation is None or not setting.rules.speaks(conversation.language):
        return ()
    earlier = tuple(before.user.content for before in conversation.turns[: turn.number - 1])
    seen = Seen(turn.number, turn.user.content, earlier, conversation.language)
    return setting.rules.fired(ladder.escalation.triggers, seen)


def _settled(so_far: list[Answered]) -> bool | None:
    if not so_far or so_far[-1].answer is None or any(call.reply.origin == UNSEEN for call in so_far[-1].calls):
        return None
    return is_settled(so_far[-1].answer)


def _memory(
    conversation: Conversation, ladder: Ladder, decision: Decision, so_far: list[Answered], history: History
) -> str | None:
    """The memory that this turn carries: the last one while it is fresh, else a new one from the visible conversation."""
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
    if tier.recorded and not on_recording and tier.off_path in setting.tiers:
        tier = setting.tiers[tier.off_path]
    origin = Origin(conversation.id, turn.number)
    if tier.recorded:  # what it said is fixed: it reads no scaffold and no memory
        return Request(tier, conversation.system, history, (turn.user, *turn.context), origin)
    return Request(
        tier=tier,
        system=handoff.system_prompt(conversation, ladder, decision),
        history=handoff.shown_history(ladder.handoff, history) if memory is not None else history,
        now=(handoff.user_message(turn.user.content, memory), *turn.context),
        origin=origin,
        sample=setting.sample,
    )


async def _call(request: Request, fetch: Fetch) -> Call:
    key, reply = await fetch(request)
    usage = reply.usage
    if usage is None:
        usage = cost.estimated_usage(request.messages, reply.text)
    return Call(key, "answer", request, reply, usage)
