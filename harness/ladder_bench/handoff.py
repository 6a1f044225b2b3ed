"""The handoff: what the next tier is told, as scaffold, guardrails, memory and context. Pure.

A memory has six sections. The extractive one is made from the visible conversation alone, free, and the same for the
same conversation; a tier may be asked to write it instead, and what it writes is held to the same sections and limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import regex

from ladder_bench import content
from ladder_bench.blocks import MARKERS, SECTIONS, frame_parts, sentences, visible, with_memory
from ladder_bench.domain import (
    Answered,
    Conversation,
    Decision,
    Handoff,
    History,
    Ladder,
    Message,
    Origin,
    Request,
    Tier,
    digest_of,
)

BYTES_PER_TOKEN = (
    3  # the memory's limit is enforced in bytes, so that any tokenizer keeps it; English has 4 to 5 a token
)


def system_prompt(conversation: Conversation, ladder: Ladder, decision: Decision) -> str:
    """The dataset's system prompt with the scaffold (for the guide) or the guardrails (for the others)."""
    parts = ladder.scaffold if decision.guide else ladder.guardrails
    if not parts:
        return conversation.system
    return _joined(conversation.system, "scaffold" if decision.guide else "guardrails", parts)


@lru_cache(maxsize=4096)
def _joined(system: str, prompt: str, parts: tuple[str, ...]) -> str:
    addition = content.prompts().get_template(f"{prompt}.jinja").render(parts=parts)
    return f"{system}\n\n{addition}" if system else addition


def carries_memory(ladder: Ladder, decision: Decision, so_far: Sequence[Answered]) -> bool:
    """Whether a turn gets the memory: every turn after a switch that the guide does not answer."""
    if ladder.handoff.memory == "none" or decision.guide:
        return False
    return decision.switched or any(answered.decision.switched for answered in so_far)


def memory_is_due(ladder: Ladder, decision: Decision, so_far: Sequence[Answered]) -> bool:
    """Whether the memory is written afresh: on a switch, where there is none yet, or when it has grown old."""
    age = 0  # turns that carried a memory since it was last due for another reason than its age
    for answered in reversed(so_far):
        if answered.memory is None:
            break
        age += 1
        if answered.decision.switched:
            break
    refresh = ladder.handoff.refresh_every
    return age == 0 or decision.switched or (refresh is not None and age % refresh == 0)


def writer(ladder: Ladder, so_far: Sequence[Answered]) -> str | None:
    """The tier that writes the memory, None where it is extractive. The outgoing tier is the one that answered last."""
    if ladder.handoff.writer == "extractive":
        return None
    return so_far[-1].decision.tier if ladder.handoff.writer == "outgoing" else ladder.handoff.writer


def memory_request(
    conversation: Conversation,
    ladder: Ladder,
    so_far: Sequence[Answered],
    tier: Tier,
    history: History,
    said: str,
    origin: Origin,
    sample: int,
) -> Request:
    """Ask a tier for the memory.

    The conversation goes in as it was lived, under the prompt that the last turn had, so that the tier that hands over
    finds its prefix in the cache; what is asked for follows as one more message.
    """
    previous = next((answered.memory for answered in reversed(so_far) if answered.memory), "")
    prompt = content.prompts().get_template("memory.jinja")
    asked = prompt.render(
        sections=SECTIONS,
        words=ladder.handoff.max_tokens * 2 // 3,  # English has about 4 tokens in 3 words, and models overrun
        previous=previous,
        said=said,
        fence=digest_of(previous, said)[:12],  # nobody can write a text that holds its own hash
    )
    return Request(
        tier=tier,
        system=system_prompt(conversation, ladder, so_far[-1].decision),
        history=history,
        now=(Message("user", asked),),
        origin=origin,
        sample=sample,
        purpose="memory",
    )


def shown_history(handoff: Handoff, history: History) -> History:
    """The part of the history that a request shows; a cut falls before a user message."""
    if handoff.context == "full":
        return history
    if handoff.context == "memory_only":
        return History()
    starts = [index for index, message in enumerate(history.messages) if message.role == "user"]
    keep = handoff.recent or 1
    if len(starts) <= keep:
        return history
    return History().plus(*history.messages[starts[-keep] :])


def user_message(said: Message, memory: str | None) -> Message:
    """The user's words, with the memory after them."""
    if memory is not None:
        return Message("user", with_memory(said.content, memory))
    return Message("user", said.content) if said.extra else said


# --- written memory ------------------------------------------------------------------------

_HEADING = regex.compile(r"^[\s#*-]*(?P<name>[A-Za-z][A-Za-z ]+?)[\s*]*(?::[\s*]*(?P<rest>.*))?$")
_BULLET = regex.compile(r"^\s*[-*•]\s")


def read_memory(reply: str, max_tokens: int) -> str | None:
    """The memory out of a tier's reply: its six sections within the limit, None where it has no goal.

    Headings are taken with and without markup, items as bullets or right after their heading. Anything else is left
    out. Never longer than `max_tokens` tokens of three bytes.
    """
    names = {name.casefold(): name for name in SECTIONS}
    items: dict[str, list[str]] = {name: [] for name in SECTIONS}
    section: str | None = None
    for line in visible(reply).splitlines():
        heading = _HEADING.match(line)
        if heading and heading["name"].casefold() in names:
            section = names[heading["name"].casefold()]
            line = f"- {heading['rest'] or ''}"
        elif section is not None and items[section] and not _BULLET.match(line):
            section = None
        item = _shortened(" ".join(line.strip(" \t-*•").split()))
        empty = item.casefold().rstrip(".") in ("", "none", "n/a") or item in MARKERS
        if section is not None and not empty:
            items[section].append(item)
    return _fitted(items, max_tokens * BYTES_PER_TOKEN) if items["Goal"] else None


# --- extractive memory ---------------------------------------------------------------------

_CONSTRAINT = regex.compile(
    r"(?i)\b(must|mustn't|need(s)? to|have to|has to|only|no more than|at most|at least|under|below|within|without|"
    r"can'?t|cannot|won'?t|don'?t|do not|never|always|no \w+|budget|deadline|max(imum)?|min(imum)?|avoid|keep|by (mon|"
    r"tues|wednes|thurs|fri|satur|sun)day|before|not allowed|allergic|limit)\b"
)
_FORMAT = regex.compile(
    r"(?i)\b(table|list|bullet|json|csv|yaml|markdown|one (block|line|sentence|paragraph)|code block|numbered|words|"
    r"format|short|brief|e-?mail|formula|command|script|sql|query|step by step|paste|copy)\b"
)
_REPLACEMENT = regex.compile(
    r"(?i)\b(forget (that|it|the|about)|instead|scrap|never ?mind|change of plan|new plan|actually|rather than)\b"
)
_DECISION = regex.compile(
    r"(?i)\b(so (the|we|you|use|go)|use|go with|choose|recommend|decided|settle[sd]?|the (fix|answer|cause|plan) is|"
    r"because|therefore|total|means)\b"
)
_ASSUMPTION = regex.compile(r"(?i)\b(assum\w+|i take it|presum\w+|if (that|this) is right)\b")


def extractive_memory(users: Sequence[str], answers: Sequence[str], max_tokens: int) -> str:
    """Write the memory from the user messages up to now (this turn's included) and the answers before it.

    Six sections, each item in its author's words, so that unchanged items keep their words; the newest items survive
    the limit. Never longer than `max_tokens` tokens of three bytes.
    """
    told = [visible(answer) for answer in answers]
    frame = next((parts for answer in reversed(answers) if (parts := frame_parts(answer))), {})
    items: dict[str, Sequence[str]] = {
        "Goal": _goal(users),
        "Constraints": [part for part in _having(_CONSTRAINT, users) if not part.endswith("?")],
        "Decisions so far": [part for part in _having(_DECISION, told) if not part.endswith("?")],
        "Open questions": [part for part in _clean(told[-1]) if part.endswith("?")] if told else [],
        "Assumptions": _having(_ASSUMPTION, told) or _lines(frame.get("assumptions", "")),
        "Output format": _having(_FORMAT, users),
    }
    return _fitted(items, max_tokens * BYTES_PER_TOKEN)


def _goal(users: Sequence[str]) -> Sequence[str]:
    """The first request, or the newest message that replaced it."""
    for user in reversed(users[1:]):
        if _REPLACEMENT.search(user):
            return _clean(user)[:2]
    return _clean(users[0])[:2] if users else []


def _having(pattern: regex.Pattern[str], texts: Sequence[str]) -> list[str]:
    return [part for text in texts for part in _found(pattern, text)]


@lru_cache(maxsize=4096)  # every turn reads the turns before it again
def _found(pattern: regex.Pattern[str], text: str) -> tuple[str, ...]:
    return tuple(part for part in _clean(text) if pattern.search(part))


@lru_cache(maxsize=4096)
def _clean(text: str) -> tuple[str, ...]:
    parts = (" ".join(part.split()) for part in sentences(text))
    return tuple(_shortened(part) for part in parts if part and part not in MARKERS)


def _shortened(item: str) -> str:
    return item if len(item) <= ITEM_CHARACTERS else item[: ITEM_CHARACTERS - 1].rstrip() + "…"


ITEM_CHARACTERS = 180


def _lines(text: str) -> list[str]:
    return [line.strip(" -*") for line in text.splitlines() if line.strip(" -*")]


def _fitted(items: Mapping[str, Sequence[str]], limit: int) -> str:
    """Fill the sections in turn, each with its newest items first, until the limit (in bytes) is reached."""
    chosen: dict[str, list[int]] = {name: [] for name in SECTIONS}
    unique = {name: list(dict.fromkeys(found)) for name, found in items.items()}
    room = limit - sum(len(name) + 2 for name in SECTIONS)
    for depth in range(max((len(found) for found in unique.values()), default=0)):
        for name in SECTIONS:
            found = unique[name]
            if depth < len(found):
                index = depth if name == "Goal" else len(found) - 1 - depth
                if name == "Goal" and depth == 0:  # a memory without a goal would tell nothing
                    found[0] = _cut(found[0], room - 3)
                cost = _bytes(found[index]) + 3
                if cost <= room:
                    chosen[name].append(index)
                    room -= cost
    lines = []
    for name in SECTIONS:
        if chosen[name]:
            lines.append(f"{name}:")
            lines.extend(f"- {unique[name][index]}" for index in sorted(chosen[name]))
    return "\n".join(lines)


def _cut(text: str, limit: int) -> str:
    """A text of at most `limit` bytes, with a mark where something was left out."""
    if _bytes(text) <= limit:
        return text
    return text.encode("utf-8", "surrogatepass")[: max(0, limit - 3)].decode("utf-8", "ignore").rstrip() + "…"


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
