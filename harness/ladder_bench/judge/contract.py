"""The contract: whether the guide wrote its frame, part by part, and the others kept the guardrails, each apart.

Rules over words, and so proxies. Each looks at the turns where its rule has something to do and is None elsewhere:

    ask          something is missing (the turn is labelled missing_information; without labels, a blocking unknown is
                 open): the answer asks or lists what it needs, and states no unsupported specifics
    unknowns     open questions of the memory or of the last frame, and open blocking unknowns: the share that the
                 answer still names, by the unknown's own check or by half of its words
    assumptions  the turn is labelled constraint_conflict: the answer says that something conflicts or no longer holds
    format       the conversation has an output contract with a check: the answer meets it
    confidence   the answer says how sure it is, on a line of its own

A recorded answer was given without scaffold and guardrails, and is not held to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex

from ladder_bench.blocks import confidence_in, frame_parts, visible
from ladder_bench.domain import Answered, Check, Conversation, Ladder, Statement, Verdict
from ladder_bench.judge.contents import asks, stems

Value = tuple[float | None, str]
Meets = Callable[[Check, str], Value]  # evaluates a check on a text, None where it cannot be decided


@dataclass(frozen=True, slots=True)
class Situation:
    """What an answer is held against.

    `said` is the user's message, `labels` those of the recorded turn (None where nobody labelled it, empty where a
    played user asks again), `missing` the blocking unknowns that are open, `questions` what the memory or the last
    frame left open, `unsupported` whether the answer states specifics that nothing supports.
    """

    answered: Answered
    said: str
    labels: tuple[str, ...] | None
    missing: tuple[Statement, ...]
    questions: tuple[str, ...]
    contract: Statement | None
    unsupported: bool


def scaffold(answered: Answered, ladder: Ladder, grader: str) -> Iterator[Verdict]:
    """One verdict for each part of the frame that the guide was asked for."""
    if not answered.decision.guide:
        return
    came = None if answered.answer is None else frame_parts(answered.answer)
    for part in ladder.scaffold:
        value, reason = _not_answered(answered) if came is None else _came(came, part)
        yield Verdict(part, "scaffold_part", answered.turn, value, reason, grader)


def _came(parts: Mapping[str, str], part: str) -> Value:
    return (1.0, "came") if part in parts else (0.0, "missing from the frame" if parts else "no frame came")


def guardrails(situation: Situation, ladder: Ladder, meets: Meets, grader: str) -> Iterator[Verdict]:
    """One verdict for each rule that the turn was answered under."""
    answered = situation.answered
    if answered.decision.guide:
        return
    for rule in ladder.guardrails:
        value, reason = _not_answered(answered) if answered.answer is None else RULES[rule](situation, meets)
        yield Verdict(rule, "guardrail", answered.turn, value, reason, grader)


def _not_answered(answered: Answered) -> Value:
    return None, f"not answered: {answered.failure}"


def read_no_prompt(answered: Answered, recorded: frozenset[str]) -> bool:
    """Whether the answering tier is recorded; by its name (of those known as recorded) where the call failed."""
    call = next((call for call in reversed(answered.calls) if call.purpose == "answer"), None)
    return call.request.tier.recorded if call else answered.decision.tier in recorded


def recorded_tiers(answered: Sequence[Answered]) -> frozenset[str]:
    """The names of the recorded tiers that answered."""
    calls = (call for each in answered for call in each.calls)
    return frozenset(call.request.tier.name for call in calls if call.request.tier.recorded)


# --- the rules -----------------------------------------------------------------------------


def _ask(situation: Situation, meets: Meets) -> Value:
    labels = situation.labels
    if not (situation.missing if labels is None else "missing_information" in labels):
        return None, "nothing was missing"
    if situation.unsupported:
        return 0.0, "states specifics that nothing supports"
    return (1.0, "asks") if asks(_shown(situation)) else (0.0, "asks for nothing")


def _unknowns(situation: Situation, meets: Meets) -> Value:
    names = [_named(unknown, meets) for unknown in situation.missing]
    names += [_has_half(question) for question in situation.questions if stems(question)]
    if not names:
        return None, "nothing was open"
    texts = [unknown.text for unknown in situation.missing]
    texts += [question for question in situation.questions if stems(question)]
    shown = _shown(situation)
    gone = [text for text, has in zip(texts, names, strict=True) if not has(shown)]
    reason = f"no longer named: {'; '.join(gone)}" if gone else "all still named"
    return 1.0 - len(gone) / len(texts), reason


def _named(unknown: Statement, meets: Meets) -> Callable[[str], bool]:
    check = unknown.check
    return _has_half(unknown.text) if check is None else lambda text: meets(check, text)[0] == 1.0


def _has_half(question: str) -> Callable[[str], bool]:
    wanted = stems(question)
    return lambda text: bool(wanted) and 2 * len(wanted & stems(text)) >= len(wanted)


def _assumptions(situation: Situation, meets: Meets) -> Value:
    if situation.labels is None:
        return None, "nobody labelled the turn"
    if "constraint_conflict" not in situation.labels:
        return None, "nothing conflicted"
    found = _FLAGGED.search(_shown(situation))
    return (1.0, f"flagged: {found[0]}") if found else (0.0, "not flagged")


def _format(situation: Situation, meets: Meets) -> Value:
    if situation.contract is None or situation.contract.check is None:
        return None, "no output contract that can be checked"
    return meets(situation.contract.check, _shown(situation))


def _confidence(situation: Situation, meets: Meets) -> Value:
    said = confidence_in(situation.answered.answer or "")
    return (0.0, "no such line") if said is None else (1.0, f"says {said}")


RULES: Mapping[str, Callable[[Situation, Meets], Value]] = {
    "ask": _ask,
    "unknowns": _unknowns,
    "assumptions": _assumptions,
    "format": _format,
    "confidence": _confidence,
}


def _shown(situation: Situation) -> str:
    return visible(situation.answered.answer or "")


# --- what is open --------------------------------------------------------------------------


def open_unknowns(
    conversation: Conversation, step: int, users: Sequence[str], answers: Sequence[str], meets: Meets
) -> tuple[Statement, ...]:
    """The blocking unknowns that nobody has supplied by recorded turn `step`.

    One counts as supplied where a message of the user (`users`, the newest included) names it, or where an answer
    that the user replied to asked for it: the recorded ones before `step`, whose replies the script holds, and
    `answers`, the strategy's own where a played user replied to them.
    """
    if conversation.intent is None:
        return ()
    recorded = [turn.recorded.text for turn in conversation.turns[: step - 1] if turn.recorded]
    texts = [*users, *recorded, *answers]
    unknowns = conversation.intent.blocking_unknowns
    return tuple(unknown for unknown in unknowns if not any(map(_named(unknown, meets), texts)))


def open_questions(memory: str | None, earlier: Sequence[str], said: str) -> tuple[str, ...]:
    """What the memory lists as open, or where there is none the last frame; less what the message seems to answer.

    `earlier` are the answers that the tier saw. A message answers a question with which it shares a telling word; one
    of a few words answers them all.
    """
    if memory is not None:
        block = _OPEN_IN_MEMORY.search(memory)
        lines = block[1].splitlines() if block else []
    else:
        frame = next((parts for answer in reversed(earlier) if (parts := frame_parts(answer))), {})
        lines = frame.get("open questions", "").splitlines()
    if len(said.split()) <= SHORT_REPLY:
        return ()
    questions = (line.strip(" -*•\t") for line in lines)
    return tuple(each for each in questions if not _NONE.fullmatch(each) and stems(each).isdisjoint(stems(said)))


SHORT_REPLY = 4  # words
_OPEN_IN_MEMORY = regex.compile(r"(?ims)^\W*open questions[^\n:]*:[ \t]*(.*?)(?=^[A-Z][\w ]+:|\Z)")
_NONE = regex.compile(r"(?i)\W*(?:none|nothing|no|n/?a)?\W*(?:open|yet|left)?\W*")
_FLAGGED = regex.compile(
    r"\b(?:conflicts?|conflicting|contradict(?:s|ion|ory)?|clash(?:es)?|collides?|incompatible|inconsistent|at odds"
    r"|rules? (?:it|that|this|these|them|each other)? ?out|mutually exclusive|cannot both|can['’]?t both"
    r"|cannot (?:have|hold|keep|do) both|not both|can['’]?t (?:have|hold|keep|do) both"
    r"|no longer (?:hold|work|fit|true|valid|possible|apply|applies|met|within|an option|the case)\w*"
    r"|(?:violat|break|breach|exceed|overrun|overshoot)(?:e?s|ing)?\b(?=[^.!?\n]{0,60}\b(?:rule|limit|constraint|budget|cap"
    r"|ceiling|deadline|condition|requirement|agreement|what you|your|that|the)\b)"
    r"|(?:over|above|beyond|past|against|outside) (?:the|your|our|that) (?:\w+ )?(?:rule|limit|budget|cap|ceiling"
    r"|constraint|deadline|requirement)"
    r"|(?:doesn['’]?t|does not|don['’]?t|do not|won['’]?t|will not|can['’]?t|cannot) (?:go together|fit|square"
    r"|hold any ?more)"
    r"|you (?:said|told me|ruled out|had ruled)|you (?:wanted|asked)[^.!?\n]{0,60}\b(?:earlier|before|first|but|now)"
    r"|(?:can['’]?t|cannot) (?:be done|make (?:all|both))|there is no (?:such|way)|not possible|impossible"
    r"|(?:one|something|somebody) (?:of (?:the two|them|these|your) )?(?:\w+ )?(?:has to|must|needs to)"
    r" (?:give|go|change|yield)"
    r"|(?:goes|runs) against|instead of the (?:earlier|previous)|replaces? (?:the|your) (?:earlier|previous|old))\b",
    regex.IGNORECASE,
)
