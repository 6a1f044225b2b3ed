"""Asking: one question a conversation, that shows the user's words and the system prompt, and never an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ladder_bench import content
from ladder_bench.calls.calling import UNSEEN, Fetch, call
from ladder_bench.domain import (
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
from ladder_bench.errors import ModelError, StoppedError
from ladder_bench.judge.fences import Piece, fenced, mark
from ladder_bench.judge.reading import Unreadable, read

SYSTEM, SHOWN, REPAIR = "annotate.jinja", "annotate_conversation.jinja", "annotate_repair.jinja"
KINDS = ("correctness", "completeness", "constraint", "format")
SOURCES = ("message", "hindsight")
SAID = "user, turn "  # how the label of a user's message begins
AT_ONCE = 2  # conversations in progress for each call in flight
SHORT, LONG = (150, 60), (400, 250)  # tokens of a reply: of any, and more for each turn
MOST_ECHOED = 4000  # characters of a reply that are shown again to put it right
REFUSED = "refused"  # asked once more, a model refuses once more, for money
FORM = "the reply has not the form that was asked for"
WHY = {
    REFUSED: "the model refused",
    "empty": "the reply is empty",
    "truncated": "the reply broke off; a larger max_output_tokens of the tier may help",
    "not_json": "the reply is not the JSON that was asked for",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is nothing of a conversation: `why` counts, `what` tells more of this one.

    `kind`: of a call that failed or was not sent, and would be the next time; "" where asking again changes nothing.
    """

    why: str
    what: str = ""
    kind: str = ""


Finding = Json | Failure  # what a model replied, an object; or why there is nothing of it


def request(conversation: Conversation, tier: Tier) -> Request:
    """Ask for the drafts of a conversation. Its answers, tool results and gold fields stay out."""
    system = (Piece("system prompt", conversation.system),) if conversation.system else ()
    messages = tuple(Piece(f"{SAID}{each.number}", each.user.content) for each in conversation.turns)
    fence = mark({"system_prompt": system, "messages": messages})
    prompts = content.prompts()
    shown = prompts.get_template(SHOWN).render(
        system_prompt=fenced(system, fence), messages=fenced(messages, fence), turns=len(messages)
    )
    return Request(
        tier=tier,
        system=prompts.get_template(SYSTEM).render(fence=fence),
        history=History(),
        now=(Message("user", shown),),
        origin=Origin(conversation.id, len(messages)),
        purpose="annotate",
        schema=canonical(SCHEMA),
        fence=fence,
    )


def repair(first: Request, reply: str, problem: str) -> Request:
    """Ask once more, with what was wrong; that may quote the reply, so it is data as well."""
    wrong = fenced((Piece("problem", problem),), first.fence)
    again = Message("user", content.prompts().get_template(REPAIR).render(problem=wrong))
    said = (Message("assistant", reply[:MOST_ECHOED]),) if reply.strip() else ()
    return replace(first, now=(*first.now, *said, again))


def length(asked: Request) -> tuple[int, int]:
    """Tokens of a short reply and of a long one."""
    turns = asked.now[0].content.count(f"<<<{asked.fence} {SAID}")
    return SHORT[0] + turns * SHORT[1], LONG[0] + turns * LONG[1]


def prompt_digest() -> str:
    """What the drafts depend on beside model and conversation."""
    sources = [
        text
        for name in (SYSTEM, SHOWN, REPAIR)
        for text in content.prompt_sources(name, None, "ladders/prompts").values()
    ]
    return digest_of(*sources, canonical(SCHEMA))[:12]


async def asked_all(asked: Sequence[Request], fetch: Fetch, done: Callable[[], None] = lambda: None) -> list[Finding]:
    """A finding for each request, in their order; `done` is called after each. Raises InputError, MissError."""
    places = asyncio.Semaphore(AT_ONCE * max((each.tier.limits.concurrency for each in asked), default=1))

    async def one(each: Request) -> Finding:
        async with places:
            found = await _finding(each, fetch)
        done()
        return found

    found = await asyncio.gather(*(one(each) for each in asked), return_exceptions=True)
    for each in found:
        if isinstance(each, BaseException):
            raise each
    return list(found)


async def _finding(asked: Request, fetch: Fetch) -> Finding:
    try:
        made = await call(asked, fetch)
        said = read(made.reply, asked) if made.reply.origin != UNSEEN else Unreadable(UNSEEN, "")
        if isinstance(said, Unreadable) and said.outcome not in (UNSEEN, REFUSED):
            made = await call(repair(asked, made.reply.text, said.what), fetch)
            said = read(made.reply, asked) if made.reply.origin != UNSEEN else Unreadable(UNSEEN, "")
    except StoppedError as stopped:
        return Failure(f"stopped: {stopped}", kind="stopped")
    except ModelError as error:
        return Failure(f"the call failed: {error.kind.replace('_', ' ')}", str(error), error.kind)
    if isinstance(said, Unreadable):
        return Failure(WHY[said.outcome]) if said.outcome in WHY else Failure(FORM, said.what)
    return said


# --- the form of a reply -------------------------------------------------------------------


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _list(each: Json) -> Json:
    return {"type": "array", "items": each}


def _or_null(each: Json) -> Json:
    return {"anyOf": [each, {"type": "null"}]}


TEXT, TURN, TRUTH = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
STATEMENT = _object(turn=TURN, quote=TEXT, text=TEXT)
SCHEMA: Json = _object(
    goal=_or_null(STATEMENT),
    constraints=_list(_object(from_turn=TURN, until_turn=_or_null(TURN), quote=TEXT, text=TEXT, critical=TRUTH)),
    non_goals=_list(STATEMENT),
    blocking_unknowns=_list(STATEMENT),
    output_contract=_or_null(STATEMENT),
    criteria=_list(
        _object(
            turn=TURN,
            source={"type": "string", "enum": list(SOURCES)},
            corrected_by=_or_null(TURN),
            quote=TEXT,
            text=TEXT,
            kind={"type": "string", "enum": list(KINDS)},
            critical=TRUTH,
            weight={"type": "integer", "enum": [1, 2, 3]},
        )
    ),
)
