"""What a simulated tier writes beside answers: the handoff memory, and which triggers fire. Pure.

A memory is made from what the request shows; it keeps each sentence of the user with the declared probability `recall`,
the newest first within the words that it is allowed. A detector knows the labels and errs at its declared rates.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import regex

from ladder_bench.blocks import SECTIONS, sentences, visible
from ladder_bench.domain import Conversation, Request, canonical

Draw = Callable[..., float]  # a draw in (0, 1) by its names

_SAID = regex.compile(r"<message-(?P<fence>[0-9a-f]+)>\n(?P<text>.*)\n</message-(?P=fence)>", regex.DOTALL)
_WORDS = regex.compile(r"At most (\d+) words")
_FORMAT = regex.compile(
    r"(?i)\b(table|list|bullets?|json|csv|yaml|markdown|code|sql|script|words|format|short|one (line|sentence|block))\b"
)
_ASSUMED = regex.compile(r"(?i)\bassum\w+")
MOST_WORDS = 150  # of a memory where the request names no limit


def memory(request: Request, recall: float, draw: Draw) -> str:
    """Write the six sections, each item in its author's words.

    The draws do not name the turn: who overlooks a sentence overlooks it again, so that unchanged items stay.
    """
    asked = request.now[-1].content
    said = _SAID.search(asked)
    users = [each.content for each in request.history.messages if each.role == "user"]
    users.append(said["text"] if said else asked)
    answers = [visible(each.content) for each in request.history.messages if each.role == "assistant"]
    kept = [part for user in users for part in _parts(user) if draw("recall", part) < recall]
    told = [part for answer in answers for part in _parts(answer)]
    goal = kept[:1] or list(_parts(users[0]))[:1]  # a memory without a goal would tell nothing
    rest = [part for part in dict.fromkeys(kept) if part not in goal]
    items = {
        "Goal": goal,
        "Constraints": [part for part in rest if not part.endswith("?") and not _FORMAT.search(part)],
        "Decisions so far": [part for answer in answers if (part := next(iter(_parts(answer)), ""))],
        "Open questions": [part for part in rest if part.endswith("?")],
        "Assumptions": [part for part in told if _ASSUMED.search(part)],
        "Output format": [part for part in rest if not part.endswith("?") and _FORMAT.search(part)],
    }
    limit = _WORDS.search(asked)
    return _written(items, int(limit[1]) if limit else MOST_WORDS)


def detections(request: Request, conversation: Conversation, rates: Mapping[str, float], draw: Draw) -> str:
    """Say for each trigger in the request's schema whether it fires, by the labels and the declared errors.

    Labels are those of the recorded message, or of the recorded answer where the request shows one. Where there are
    none, also because a played user said something else, nothing fires.
    """
    turn = conversation.turns[request.origin.matter - 1]
    prompt = request.now[-1].content
    fence = regex.search(r"<system-([0-9a-f]+)>", prompt)
    message, answer = _last(prompt, "user", fence), _last(prompt, "assistant", fence)
    labels: Sequence[str] | None = turn.answer_labels if answer is not None else turn.labels
    if answer is None and message is not None and message.strip() != turn.user.content.strip():
        labels = None
    read = turn.user.content if message is None else message if answer is None else answer
    evidence = next(iter(_parts(read)), "")
    found: dict[str, Any] = {}
    for name in json.loads(request.schema)["properties"]:
        chance = 0.0 if labels is None else rates["sensitivity"] if name in labels else rates["false_alarm"]
        fires = draw("detect", "message" if answer is None else "answer", name) < chance
        found[name] = {"evidence": evidence if fires else "", "fires": fires}
    return canonical(found)


def _last(prompt: str, role: str, fence: regex.Match[str] | None) -> str | None:
    """What was said last by a role, between marks that only the prompt's author knows."""
    if fence is None:
        return None
    _, _, rest = prompt.partition(f'<{role}-{fence[1]} last="yes">\n')
    return rest.partition(f"\n</{role}-{fence[1]}>")[0] if rest else None


def _parts(text: str) -> Sequence[str]:
    """The sentences of a text that hold words, on one line each; the line that opens a code block holds none."""
    parts = (" ".join(part.split()) for part in sentences(text))
    return [part for part in parts if any(character.isalnum() for character in part) and not part.startswith("```")]


def _written(items: Mapping[str, Sequence[str]], words: int) -> str:
    """The sections with their newest items, taken in turn until the words are used up; the goal in any case."""
    room = words - len(" ".join((*SECTIONS, "-", *items["Goal"])).split())
    chosen: dict[str, list[str]] = {name: [] for name in SECTIONS} | {"Goal": list(items["Goal"])}
    for depth in range(max(len(found) for found in items.values())):
        for name in SECTIONS[1:]:
            if depth < len(items[name]):
                item = items[name][-1 - depth]
                size = len(item.split()) + 1  # its dash
                if size <= room:
                    chosen[name].insert(0, item)
                    room -= size
    lines = [
        line for name in SECTIONS if chosen[name] for line in (f"{name}:", *(f"- {each}" for each in chosen[name]))
    ]
    return "\n".join(lines)
