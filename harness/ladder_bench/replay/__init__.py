"""The replay: a conversation through a ladder, turn by turn, becomes a transcript."""

from __future__ import annotations

from dataclasses import replace

from ladder_bench.calls.calling import Fetch
from ladder_bench.domain import Answered, Conversation, History, Ladder, Message, Transcript
from ladder_bench.ladder import decide
from ladder_bench.replay.lived import Lived, Spoken
from ladder_bench.replay.setting import Player, Setting
from ladder_bench.replay.speaking import Speaker, speaker
from ladder_bench.replay.turn import live, settled

__all__ = ["Player", "Setting", "replay"]


async def replay(conversation: Conversation, ladder: Ladder, setting: Setting, fetch: Fetch) -> Transcript:
    """Answer every turn once. Where answers carry forward, one that fails ends the conversation: what would follow,
    nobody can know.

    In forced mode the next turn starts from the recording all the same.
    """
    lived = Lived(conversation, ladder, (), History().plus(*conversation.greeting))
    user: Speaker = speaker(conversation, setting, fetch)
    while (spoken := await user.next(lived)) is not None:
        answered = await live(lived, spoken, setting, fetch)
        lived = _after(lived, spoken, answered, setting)
        if answered.answer is None and setting.mode != "forced":
            lived = _unreached(lived, setting, f"turn {answered.turn} failed")
            break
    if user.failure is not None:  # a user who leaves has had the whole conversation; one who breaks off has not
        lived = _unreached(lived, setting, user.failure)
    return Transcript(conversation.id, ladder.name, setting.sample, lived.so_far, user.ended, user.calls)


def _after(lived: Lived, spoken: Spoken, answered: Answered, setting: Setting) -> Lived:
    """The conversation with a turn more: with the recorded answer in forced mode, else with the strategy's own."""
    recorded = spoken.recorded.recorded.text if spoken.recorded.recorded else None
    shown = recorded if setting.mode == "forced" else answered.answer
    said = () if shown is None else (Message.plain("assistant", shown),)
    history = lived.history.plus(*spoken.now, *said)
    kept = lived.on_recording and shown == recorded and spoken.message is spoken.recorded.user
    answered = replace(answered, history=lived.history.digest, after=history.digest)
    return replace(lived, so_far=(*lived.so_far, answered), history=history, on_recording=kept)


def _unreached(lived: Lived, setting: Setting, why: str) -> Lived:
    """The recorded turns that were not reached, each with the reason; nobody heard their messages."""
    reached = {answered.turn if answered.step is None else answered.step for answered in lived.so_far}
    for turn in lived.conversation.turns:
        if turn.number not in reached:
            decision = decide(lived.ladder, lived.so_far, (), lived.conversation.id, settled(lived), setting.rank)
            step = None if setting.player is None else turn.number
            missed = Answered(lived.turn, decision, None, (), failure=f"not reached: {why}", said=turn.user, step=step)
            lived = replace(lived, so_far=(*lived.so_far, missed))
    return lived
