"""One turn: triggers, decision, memory, answer, and a second answer where the first one makes a trigger fire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ladder_bench import handoff
from ladder_bench.calls.calling import UNSEEN, Fetch, call, fitted
from ladder_bench.domain import Answered, Call, Decision, Fired, Origin, Request
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.ladder import can_climb, decide, reconsider
from ladder_bench.replay.lived import Lived, Spoken
from ladder_bench.replay.setting import Setting
from ladder_bench.triggers import Heard, Seen, model
from ladder_bench.triggers.answers import is_settled


@dataclass(frozen=True, slots=True)
class Noticed:
    """The triggers that fired, the calls that it took to see them, and whether that is known for certain."""

    fired: tuple[Fired, ...] = ()
    calls: tuple[Call, ...] = ()
    notes: tuple[str, ...] = ()
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Remembered:
    """The memory that a turn carries, with the calls that wrote it."""

    text: str | None = None
    calls: tuple[Call, ...] = ()
    notes: tuple[str, ...] = ()


async def live(lived: Lived, spoken: Spoken, setting: Setting, fetch: Fetch) -> Answered:
    """Answer one turn. A call that fails becomes data; what it took until then stays paid."""
    seen = Seen(
        lived.turn,
        spoken.message.content,
        lived.users,
        lived.conversation.language,
        lived.answers,
        lived.conversation.system,
    )
    noticed = await _notice(lived, spoken, seen, None, setting, fetch)
    decision = decide(
        lived.ladder, lived.so_far, noticed.fired, lived.conversation.id, settled(lived), setting.rank, noticed.certain
    )
    memory = await _memory(lived, spoken, decision, setting, fetch)
    turn = _Turn(lived, spoken, setting, fetch)
    answered = await turn.answered(decision, memory.text)
    before = (*noticed.calls, *memory.calls)
    notes = (*spoken.notes, *noticed.notes, *memory.notes)
    if answered.answer is None or not answered.calls or not can_climb(lived.ladder, decision, setting.rank):
        return replace(answered, calls=(*before, *answered.calls), notes=notes)
    first = answered.calls[-1]
    heard = Heard(answered.answer, first.reply.finish, first.reply.logprob)
    if first.reply.origin == UNSEEN:
        again = Noticed(certain=not _reads_answers(lived, setting))
    else:
        again = await _notice(lived, spoken, seen, heard, setting, fetch)
    calls, notes = (*before, *answered.calls, *again.calls), (*notes, *again.notes)
    revised = reconsider(lived.ladder, lived.so_far, decision, again.fired, setting.rank, again.certain)
    if revised.tier == decision.tier:
        return replace(answered, decision=revised, calls=calls, notes=notes)
    second = await turn.answered(revised, None)
    if second.answer is None:  # a product would show what it has
        kept = f"the stronger tier did not answer again ({second.failure}): the first answer stands"
        return replace(answered, decision=replace(decision, fired=revised.fired), calls=calls, notes=(*notes, kept))
    discarded = replace(first, purpose="discarded")
    return replace(second, calls=(*before, discarded, *again.calls, *second.calls), notes=notes)


def settled(lived: Lived) -> bool | None:
    """Whether the last answer left nothing open; None where nobody knows it, or no open escalation depends on it."""
    if not lived.so_far or not lived.so_far[-1].decision.escalated:
        return None
    last = lived.so_far[-1]
    if last.answer is None or any(call.reply.origin == UNSEEN for call in last.calls):
        return None
    return is_settled(last.answer)


# --- triggers ------------------------------------------------------------------------------


async def _notice(
    lived: Lived, spoken: Spoken, seen: Seen, heard: Heard | None, setting: Setting, fetch: Fetch
) -> Noticed:
    """Look for the ladder's triggers in the message, or in the answer where there is one."""
    escalation = lived.ladder.escalation
    if escalation is None or not escalation.triggers:
        return Noticed()
    if escalation.detect != "rules":
        return await _asked(lived, spoken, seen, heard, setting, fetch)
    if not setting.rules.speaks(seen.language):
        if escalation.on_unknown == "escalate" and heard is None:
            return Noticed((Fired("language", "the rules do not speak it, so nobody looked", str(seen.language)),))
        return Noticed(notes=() if heard else (f"triggers not evaluated: no lexicon for '{seen.language}'",))
    rules = setting.rules
    if heard is None:
        fired = rules.fired(escalation.triggers, seen)
        unseen = any(call.reply.origin == UNSEEN for answered in lived.so_far for call in answered.calls)
        return Noticed(fired, certain=not unseen or rules.certain(escalation.triggers, fired))
    return Noticed(rules.fired_on_answer(escalation.triggers, seen, heard))


def _reads_answers(lived: Lived, setting: Setting) -> bool:
    escalation = lived.ladder.escalation
    assert escalation is not None
    return bool(model.names(escalation.triggers, on_answer=True))


async def _asked(
    lived: Lived, spoken: Spoken, seen: Seen, heard: Heard | None, setting: Setting, fetch: Fetch
) -> Noticed:
    """Ask a tier which triggers fire; a reply that fails or cannot be read is noted, and nothing fires."""
    escalation = lived.ladder.escalation
    assert escalation is not None
    names = model.names(escalation.triggers, on_answer=heard is not None)
    if not names:
        return Noticed()
    tier = setting.tiers[escalation.detect]
    request = model.request(names, seen, heard, tier, _origin(lived, spoken), setting.sample)
    what = "the answer" if heard else "the message"
    try:
        made = await call(fitted(request), fetch)
    except FatalModelError:
        raise
    except ModelError as error:
        return Noticed(notes=(f"triggers not evaluated on {what}: {error}",))
    if made.reply.origin == UNSEEN:
        return Noticed(calls=(made,), certain=False)
    fired = model.read(made.reply.text, names, "message" if heard is None else "answer")
    if fired is None:
        return Noticed(
            calls=(made,), notes=(f"triggers not evaluated on {what}: '{tier.name}' gave no readable reply",)
        )
    return Noticed(fired, (made,))


# --- memory --------------------------------------------------------------------------------


async def _memory(lived: Lived, spoken: Spoken, decision: Decision, setting: Setting, fetch: Fetch) -> Remembered:
    """The memory that this turn carries: the last one while it is fresh, else one from the visible conversation."""
    ladder, so_far = lived.ladder, lived.so_far
    if not handoff.carries_memory(ladder, decision, so_far):
        return Remembered()
    if not handoff.memory_is_due(ladder, decision, so_far):
        return Remembered(so_far[-1].memory)
    extractive = _extractive(lived, spoken)
    writer = handoff.writer(ladder, so_far)
    if writer is None:
        return Remembered(extractive)
    tier = setting.tiers[writer]
    if tier.recorded:
        return Remembered(extractive, notes=(f"'{writer}' is recorded and cannot write: extractive memory instead",))
    request = handoff.memory_request(
        lived.conversation,
        ladder,
        so_far,
        tier,
        lived.history,
        spoken.message.content,
        _origin(lived, spoken),
        setting.sample,
    )
    try:
        made = await call(fitted(request), fetch)
    except FatalModelError:
        raise
    except ModelError as error:
        return Remembered(extractive, notes=(f"the memory was not written ({error}): extractive memory instead",))
    if made.reply.origin == UNSEEN:
        return Remembered(made.reply.text, (made,))
    written = handoff.read_memory(made.reply.text, ladder.handoff.max_tokens)
    if written is None:
        note = f"'{writer}' wrote no memory that can be read: extractive memory instead"
        return Remembered(extractive, (made,), (note,))
    return Remembered(written, (made,))


def _extractive(lived: Lived, spoken: Spoken) -> str:
    users: Sequence[str] = (*lived.users, spoken.message.content)
    return handoff.extractive_memory(users, lived.answers, lived.ladder.handoff.max_tokens)


# --- answer --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Turn:
    """What every answer to one message has in common."""

    lived: Lived
    spoken: Spoken
    setting: Setting
    fetch: Fetch

    @property
    def _off_path(self) -> bool:
        """Whether the recording never saw this: other words before, or from the user now."""
        return not self.lived.on_recording or self.spoken.message is not self.spoken.recorded.user

    async def answered(self, decision: Decision, memory: str | None) -> Answered:
        """Answer as decided. A recording off its path has no answer, unless the tier reuses it."""
        lived, spoken = self.lived, self.spoken
        request = self._request(decision, memory)
        tier = request.tier
        turn = Answered(
            lived.turn,
            decision,
            None,
            (),
            None if tier.recorded else memory,
            on_recording=lived.on_recording,
            said=spoken.message,
            step=spoken.step,
        )
        try:
            if tier.recorded and self._off_path and tier.off_path != "reuse":
                what = f"tier '{tier.name}' has no recorded answer to a history it never saw"
                raise ModelError("off_path", what)
            made = await call(request, self.fetch)
        except FatalModelError:
            raise
        except ModelError as error:
            return replace(turn, failure=str(error))
        return replace(turn, answer=made.reply.text, calls=(made,))

    def _request(self, decision: Decision, memory: str | None) -> Request:
        lived, spoken, setting = self.lived, self.spoken, self.setting
        tier = setting.tiers[decision.tier]
        if tier.recorded and self._off_path:
            tier = setting.tiers.get(tier.off_path, tier)
        origin = _origin(lived, spoken)
        if tier.recorded:  # what it said is fixed: it reads no scaffold and no memory
            return Request(tier, lived.conversation.system, lived.history, spoken.now, origin)
        return fitted(
            Request(
                tier=tier,
                system=handoff.system_prompt(lived.conversation, lived.ladder, decision),
                history=(
                    lived.history if memory is None else handoff.shown_history(lived.ladder.handoff, lived.history)
                ),
                now=(handoff.user_message(spoken.message, memory), *spoken.context),
                origin=origin,
                sample=setting.sample,
            )
        )


def _origin(lived: Lived, spoken: Spoken) -> Origin:
    return Origin(lived.conversation.id, lived.turn, spoken.step)
