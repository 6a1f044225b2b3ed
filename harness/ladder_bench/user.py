"""The played user: what a simulator of the user is asked after an answer, and how its reply is read. Pure.

It is told the recorded intent and script. So gold fields reach a prompt here and nowhere else; a serving tier learns of
them what the user then says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from ladder_bench import content
from ladder_bench.blocks import visible
from ladder_bench.domain import (
    Constraint,
    Conversation,
    History,
    Json,
    Message,
    Origin,
    Request,
    Tier,
    canonical,
    digest_of,
)
from ladder_bench.json_checks import first_json

Move = Literal["script", "follow_up", "leave"]
MOVES: tuple[Move, ...] = get_args(Move)
SCHEMA = canonical(
    {
        "type": "object",
        "properties": {"move": {"enum": list(MOVES)}, "message": {"type": "string"}},
        "required": ["move", "message"],
        "additionalProperties": False,
    }
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the user does after an answer: go on with the script, ask again about the same matter, or leave.

    `message` is what it then says; after the last step "script" says nothing more, and the user is satisfied.
    `readable` is False where the reply was no move; then the script goes on as recorded.
    """

    move: Move
    message: str
    readable: bool = True


def request(
    conversation: Conversation, tier: Tier, history: History, step: int, follow_ups: int, turn: int, sample: int
) -> Request:
    """Ask the player for its next move, when step `step` of the script was answered after so many follow-ups.

    `history` is the conversation as lived, `turn` the one that the user's message would open. The conversation goes in
    as data between marks that nothing in it can hold; without frames, confidence lines and tool calls, which a user
    does not see.
    """
    spoken = _spoken(history)
    script = [each.user.content for each in conversation.turns]
    facts = _facts(conversation, step)
    fence = digest_of(canonical([spoken, script, facts]))[:12]  # nobody can write a text that holds its own hash
    prompts = content.prompts()
    system = prompts.get_template("user.jinja").render(
        **facts, script=script, step=step, last=step == len(script), follow_ups=follow_ups, fence=fence
    )
    heard = prompts.get_template("user_conversation.jinja").render(spoken=spoken, fence=fence)
    return Request(
        tier=tier,
        system=system,
        history=History(),
        now=(Message("user", heard),),
        origin=Origin(conversation.id, turn, step),
        sample=sample,
        purpose="user",
        schema=SCHEMA,
    )


def read(text: str, conversation: Conversation, step: int) -> Said:
    """The move in a reply: its first JSON object. A reply that is none goes on with the script, flagged.

    An empty message with "script" stands for the recorded next message; a follow-up without a message is none.
    """
    known, found = first_json(visible(text))
    move = found.get("move") if known and isinstance(found, dict) else None
    message = found.get("message", "") if move in MOVES else None
    if not isinstance(message, str):
        return Said("script", _next(conversation, step), readable=False)
    message = message.strip()
    if move == "leave":
        return Said("leave", "")
    if move == "follow_up" and message:
        return Said("follow_up", message)
    if move == "follow_up" or not message or step >= len(conversation.turns):
        return Said("script", _next(conversation, step))
    return Said("script", message)


def has_measure(conversation: Conversation) -> bool:
    """Whether a conversation has anything by which a player who knows checks alone would send an answer back."""
    criteria = [criterion for turn in conversation.turns for criterion in turn.criteria]
    constraints = conversation.intent.constraints if conversation.intent else ()
    every = [*criteria, *(each.criterion for each in constraints)]
    return any(each.critical and each.check is not None for each in every)


def _next(conversation: Conversation, step: int) -> str:
    """The recorded message after a step, "" after the last."""
    return conversation.turns[step].user.content if step < len(conversation.turns) else ""


def _spoken(history: History) -> list[tuple[str, str]]:
    """What user and assistant said, as (role, text), as the user of a product sees it."""
    shown = [
        (each.role, visible(each.content) if each.role == "assistant" else each.content) for each in history.messages
    ]
    return [(role, text) for role, text in shown if role == "user" or (role == "assistant" and text.strip())]


def _facts(conversation: Conversation, step: int) -> dict[str, Json]:
    """What the user is known to want, as lines; empty where the dataset does not say."""
    intent = conversation.intent
    if intent is None:
        return {"goal": "", "constraints": [], "non_goals": [], "unknowns": [], "contract": ""}
    return {
        "goal": _line(intent.goal.text) if intent.goal else "",
        "constraints": _active(intent.constraints, step),
        "non_goals": [_line(each.text) for each in intent.non_goals],
        "unknowns": [_line(each.text) for each in intent.blocking_unknowns],
        "contract": _line(intent.output_contract.text) if intent.output_contract else "",
    }


def _active(constraints: Sequence[Constraint], step: int) -> list[str]:
    """The constraints that hold now: one that comes later is not yet known to the user."""
    return [_line(each.criterion.text) for each in constraints if each.active(step)]


def _line(text: str) -> str:
    return " ".join(text.split())
