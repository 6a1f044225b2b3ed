"""What a judge sees of a transcript: the conversation as it was lived, turn by turn, and nothing about who answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladder_bench.blocks import visible
from ladder_bench.domain import Answered, Conversation, Intent, Message, Mode, Transcript, Turn
from ladder_bench.judge.fences import Piece


@dataclass(frozen=True, slots=True)
class Seen:
    """One turn as a judge sees it. `before`: all that was said earlier; `message`: the user's, with tool results.

    `answer` None: there is none.
    """

    answered: Answered
    turn: Turn
    before: tuple[Piece, ...]
    message: tuple[Piece, ...]
    answer: str | None


def turns(conversation: Conversation, transcript: Transcript, mode: Mode) -> tuple[Seen, ...]:
    """The turns of a transcript. In forced mode every turn follows the recorded answers."""
    before = tuple(_piece(message, 0) for message in conversation.greeting)
    found = []
    for answered in transcript.answered:
        turn = conversation.turns[(answered.step or answered.turn) - 1]
        message = (
            _piece(answered.said or turn.user, answered.turn),
            *(_piece(each, answered.turn) for each in turn.context),
        )
        answer = None if answered.answer is None else visible(answered.answer)
        found.append(Seen(answered, turn, before, message, answer))
        recorded = turn.recorded.text if turn.recorded else None
        heard = recorded if mode == "forced" else answer
        before = (*before, *message, *(() if heard is None else (said(heard, answered.turn),)))
    return tuple(found)


def said(answer: str, turn: int) -> Piece:
    return Piece(f"assistant, turn {turn}", answer)


def system(conversation: Conversation) -> tuple[Piece, ...]:
    return (Piece("system prompt", conversation.system),) if conversation.system else ()


def facts(conversation: Conversation) -> tuple[Piece, ...]:
    return tuple(Piece(f"fact {number}", fact) for number, fact in enumerate(conversation.facts, 1))


def reference(turn: Turn) -> tuple[Piece, ...]:
    """A good answer that the dataset declares; a recorded one is not known to be good, and may be what is judged."""
    recorded = turn.recorded.text if turn.recorded else None
    return () if turn.reference in (None, recorded) else (Piece("reference", str(turn.reference)),)


def intent(found: Intent | None) -> tuple[Piece, ...]:
    """What the user wanted, as known in hindsight."""
    if found is None:
        return ()
    lines = [f"goal: {found.goal.text}"] if found.goal else []
    lines += [f"constraint: {each.criterion.text}" for each in found.constraints]
    lines += [f"not wanted: {each.text}" for each in found.non_goals]
    return (Piece("intent", "\n".join(lines)),) if lines else ()


def listed(label: str, texts: Sequence[tuple[str, str]]) -> tuple[Piece, ...]:
    """What is asked about, a line each: "c1: text"."""
    lines = [f"{name}: {' '.join(text.split())}" for name, text in texts]
    return (Piece(label, "\n".join(lines)),) if lines else ()


def _piece(message: Message, turn: int) -> Piece:
    who = f"{message.role}, turn {turn}" if turn else message.role
    return Piece(who, f"{message.content}\n{message.extra}" if message.extra else message.content)
