"""Lives: each line of a log as a conversation that an arm lived, with its calls, or the reason why it is left out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ladder_bench import content
from ladder_bench.corpus import MOST_PROBLEMS, arms, conversation, spoken
from ladder_bench.corpus.shapes import ConversationShape
from ladder_bench.corpus.spoken import Spoken
from ladder_bench.documents import Document
from ladder_bench.domain import Conversation, Usage
from ladder_bench.errors import InputError, Problem

MERGED_ANSWERS = "consecutive assistant messages merged into one answer, without their usage"
SAID_OTHERWISE: dict[
    str, str | None
] = {  # notes of a dataset, in which a recorded answer is one message and nothing is known of its calls
    MERGED_ANSWERS: "consecutive assistant messages merged into one answer; each counts as a call",
    "turns without a recorded answer kept; recorded tiers cannot answer them": "turns without an answer in words kept",
    "usage without whole token counts not used": None,  # counted here by message
}
UNREAD = "usage without token counts, or of 0 tokens, not used"
UNREAD_OF_WHOLE = "usage of whole conversations without token counts not used"


@dataclass(frozen=True, slots=True)
class Life:
    """A conversation as an arm lived it. `usage` is the whole conversation's; `said` are its messages in order.

    `sample` counts from 0 within a conversation, whatever the log counts by.
    """

    arm: str
    sample: int
    conversation: Conversation
    said: tuple[Spoken, ...]
    usage: Usage | None
    user: str | None
    model: str | None


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is left out, where it is and why."""

    reason: str
    problem: Problem


def lives(lines: Sequence[arms.Line], notes: dict[str, int]) -> tuple[tuple[Life, ...], tuple[Skipped, ...]]:
    """Build what can be built, counting in `notes` what was merged or not used.

    A line whose messages are no messages is an error, as is broken JSON: InputError with all of them. A line that
    cannot be carried through, such as an answer with an image, is left out by name.
    """
    samples = _samples(lines, notes)
    found: list[Life] = []
    skipped: list[Skipped] = []
    problems: list[Problem] = []
    raw: dict[str, int] = {}
    for line in lines:
        try:
            document = arms.as_conversation(line, raw)
            content.parse(ConversationShape, document)
        except InputError as error:
            problems.extend(error.problems)
            if len(problems) >= MOST_PROBLEMS:
                break
            continue
        try:
            built = _built(line, document, raw)
        except InputError as error:
            skipped.append(Skipped(_reason(error.problems[0]), error.problems[0]))
            continue
        sample = samples[line.conversation][line.sample]
        said = spoken.spoken(document)
        _note(notes, UNREAD, _unread(document, said))
        found.append(Life(line.arm, sample, built, said, line.usage, line.user, line.model))
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    for note, count in raw.items():
        if (said_here := SAID_OTHERWISE.get(note, note)) is not None:
            _note(notes, said_here, count)
    return tuple(found), tuple(skipped)


def _built(line: arms.Line, document: Document, notes: dict[str, int]) -> Conversation:
    if line.usage is None and line.document.value.get("usage"):
        _note(notes, UNREAD_OF_WHOLE)
    return conversation.build(document, notes)


def _unread(document: Document, said: Sequence[Spoken]) -> int:
    """How many messages of a model have a usage that says nothing."""
    given = sum(bool(raw.get("usage")) for raw in document.value["messages"] if raw["role"] == "assistant")
    return given - sum(each.usage is not None for each in said)


def _note(notes: dict[str, int], text: str, count: int = 1) -> None:
    if count:
        notes[text] = notes.get(text, 0) + count


def _reason(problem: Problem) -> str:
    """What is wrong, without the place and the value: equal reasons are counted together."""
    return problem.message.partition(" time or Unix seconds: ")[0].replace(
        "an ISO 8601", "a time in ISO 8601 or seconds"
    )


def _samples(lines: Iterable[arms.Line], notes: dict[str, int]) -> dict[str, dict[int, int]]:
    """By conversation the place of each sample that any arm has of it, so that arms are paired by sample too.

    Logs may have gaps, or count by seeds.
    """
    seen: dict[str, set[int]] = defaultdict(set)
    for line in lines:
        seen[line.conversation].add(line.sample)
    found = {name: {sample: place for place, sample in enumerate(sorted(each))} for name, each in seen.items()}
    renumbered = sum(sample != place for each in found.values() for sample, place in each.items())
    if renumbered:
        notes["samples numbered anew within their conversation: the log's numbers have gaps"] = renumbered
    return found


def in_order(found: Sequence[Life]) -> Iterator[tuple[tuple[int, int, int], Life]]:
    """Each life with its place: conversations and arms in the order in which the log first names them."""
    conversations = {name: n for n, name in enumerate(dict.fromkeys(life.conversation.id for life in found))}
    names = {name: n for n, name in enumerate(dict.fromkeys(life.arm for life in found))}
    for life in found:
        yield (conversations[life.conversation.id], names[life.arm], life.sample), life
