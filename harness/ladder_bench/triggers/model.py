"""A tier as detector: one request asks for all triggers of a message or an answer, one reply says which fire.

The request holds the conversation as data between marks that nobody in it can know; the reply is JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import Literal

from ladder_bench import content
from ladder_bench.blocks import visible
from ladder_bench.domain import Fired, History, Message, Origin, Request, Tier, canonical, digest_of
from ladder_bench.json_checks import first_json
from ladder_bench.triggers.seen import Heard, Seen

ON_MESSAGE: Mapping[str, str] = {
    "goal_change": "the user replaces or redirects the goal, or wants another thing made instead; "
    "not an addition, a correction of a detail or the next step of the same plan",
    "constraint_conflict": "a requirement contradicts one that still holds, or two cannot both hold; "
    "not one that is openly replaced",
    "missing_information": "a good answer needs something that nobody has said or shown, and a guess would be wrong",
    "high_stakes": "a wrong answer could soon do serious harm: security, law, medicine, money, safety, or an action "
    "that cannot be undone; not study, fiction or history",
    "deep_work": "deep debugging of a failure without an obvious cause, or a decision about how a system is built; "
    "not a simple how-to",
}
ON_ANSWER: Mapping[str, str] = {
    "constraint_conflict": "the assistant says that what the user wants contradicts a requirement or an assumption",
    "missing_information": "the assistant asks for what it needs to go on, or guesses what it should ask for",
    "low_confidence": "the assistant is unsure of the substance of its own answer, refuses, or breaks off",
}
EXCHANGES = 6  # of the conversation before the message that the detector is shown
EVIDENCE = 200  # characters of a quote that are kept


def names(triggers: Sequence[str], on_answer: bool) -> tuple[str, ...]:
    """The triggers that can be seen in an answer, or in a message."""
    return tuple(name for name in triggers if name in (ON_ANSWER if on_answer else ON_MESSAGE))


def request(
    triggers: Sequence[str], seen: Seen, heard: Heard | None, tier: Tier, origin: Origin, sample: int
) -> Request:
    """Ask a tier which of these triggers fire on the message, or on the answer to it."""
    pairs = list(zip_longest(seen.earlier, map(visible, seen.answers), fillvalue=""))[-EXCHANGES:]
    answer = None if heard is None else visible(heard.answer)
    asked = (
        content.prompts()
        .get_template("trigger.jinja")
        .render(
            names=triggers,
            meanings=ON_MESSAGE if heard is None else ON_ANSWER,
            system=seen.system,
            before=pairs,
            message=seen.message,
            answer=answer,
            fence=digest_of(canonical([pairs, seen.message, answer]))[:12],
        )
    )
    return Request(
        tier=tier,
        system="",
        history=History(),
        now=(Message("user", asked),),
        origin=origin,
        sample=sample,
        purpose="trigger",
        schema=schema(triggers),
    )


def schema(triggers: Sequence[str]) -> str:
    """The JSON schema of a reply, as canonical JSON: for each trigger its evidence and whether it fires."""
    each = {
        "type": "object",
        "properties": {"evidence": {"type": "string"}, "fires": {"type": "boolean"}},
        "required": ["evidence", "fires"],
        "additionalProperties": False,
    }
    return canonical(
        {
            "type": "object",
            "properties": dict.fromkeys(triggers, each),
            "required": list(triggers),
            "additionalProperties": False,
        }
    )


def read(reply: str, triggers: Sequence[str], on: Literal["message", "answer"]) -> tuple[Fired, ...] | None:
    """The triggers that a reply says fire, in their order; None where it does not answer for every one of them."""
    known, found = first_json(visible(reply))
    if not known or not isinstance(found, dict):
        return None
    fired = []
    for name in triggers:
        each = found.get(name)
        if not isinstance(each, dict) or not isinstance(each.get("fires"), bool):
            return None
        if each["fires"]:
            fired.append(Fired(name, "the detector says so", str(each.get("evidence", ""))[:EVIDENCE], on))
    return tuple(fired)
