"""Labelled texts: what a detector is shown of a recording, and how its findings are counted against the labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ladder_bench.analyse.detection import Detection, detection
from ladder_bench.domain import Conversation, Fired, History, Message, Turn
from ladder_bench.triggers import Heard, Seen, model

Side = Literal["message", "answer"]
Finding = tuple[Fired, ...] | str  # what fired, or why nobody looked
NOT_EVALUATED = "not evaluated"


@dataclass(frozen=True, slots=True)
class Look:
    """One labelled text: a turn's message, or the answer recorded to it (then `heard` is there).

    `names` are the triggers to look for, `labels` the ones that a reader would have fire.
    """

    conversation: str
    turn: int
    names: tuple[str, ...]
    labels: tuple[str, ...]
    seen: Seen
    heard: Heard | None = None

    @property
    def side(self) -> Side:
        return "message" if self.heard is None else "answer"

    @property
    def text(self) -> str:
        return self.seen.message if self.heard is None else self.heard.answer


@dataclass(frozen=True, slots=True)
class Confusion:
    """A turn where label and detector differ. `on` is where the label stands, or what made the detector fire."""

    conversation: str
    turn: int
    trigger: str
    kind: Literal["missed", "false_alarm"]
    on: Side
    text: str
    reason: str | None = None
    evidence: str | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """One trigger over all labelled turns. `turns` were compared, `not_evaluated` ones were labelled and not seen."""

    trigger: str
    detection: Detection
    turns: int
    not_evaluated: int


# --- what is shown -------------------------------------------------------------------------


def looks(conversations: Sequence[Conversation], names: Sequence[str]) -> list[Look]:
    """The labelled texts in which some of `names` may be found, each with the recorded conversation before it.

    A trigger is looked for in what it reads (`triggers.model` says which), and counted wherever its label stands.
    """
    return [look for each in conversations for look in _looks(each, names)]


def _looks(conversation: Conversation, names: Sequence[str]) -> Iterator[Look]:
    history = History().plus(*conversation.greeting)
    for turn in conversation.turns:
        seen = Seen(
            turn.number,
            turn.user.content,
            _said(history, "user"),
            conversation.language,
            _said(history, "assistant"),
            conversation.system,
        )
        if turn.labels is not None and (sought := _sought(names, turn.labels, on_answer=False)):
            yield Look(conversation.id, turn.number, sought, turn.labels, seen)
        if (
            turn.answer_labels is not None
            and turn.recorded is not None
            and (sought := _sought(names, turn.answer_labels, on_answer=True))
        ):
            yield Look(conversation.id, turn.number, sought, turn.answer_labels, seen, Heard(turn.recorded.text))
        history = history.plus(turn.user, *turn.context, *_recorded(turn))


def _said(history: History, role: str) -> tuple[str, ...]:
    return tuple(message.content for message in history.messages if message.role == role)


def _recorded(turn: Turn) -> tuple[Message, ...]:
    return (Message("assistant", turn.recorded.text),) if turn.recorded else ()


def _sought(names: Sequence[str], labels: Sequence[str], on_answer: bool) -> tuple[str, ...]:
    readable = model.names(names, on_answer)
    return tuple(name for name in names if name in readable or name in labels)


# --- how it is counted ---------------------------------------------------------------------


def score(
    found: Sequence[Look], findings: Sequence[Finding], names: Sequence[str]
) -> tuple[list[Score], list[Confusion]]:
    """Count turns by trigger. A turn is positive where its message or its answer is labelled, and fires where either
    fires; one of which a labelled text was not looked at is not evaluated.
    """
    by_turn: dict[tuple[str, int], list[tuple[Look, Finding]]] = defaultdict(list)
    for look, finding in zip(found, findings, strict=True):
        by_turn[look.conversation, look.turn].append((look, finding))
    scores, confusions = [], []
    for name in names:
        counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        turns = unseen = 0
        for (conversation, turn), texts in by_turn.items():
            here = [(look, finding) for look, finding in texts if name in look.names]
            if not here:
                continue
            if any(isinstance(finding, str) for _, finding in here):
                unseen += 1
                continue
            turns += 1
            labelled = next((look for look, _ in here if name in look.labels), None)
            fired = next(((look, each) for look, finding in here for each in _fired(finding, name)), None)
            counts[conversation][0] += bool(labelled and fired)
            counts[conversation][1] += bool(fired and not labelled)
            counts[conversation][2] += bool(labelled and not fired)
            if labelled and not fired:
                confusions.append(Confusion(conversation, turn, name, "missed", labelled.side, labelled.text))
            if fired and not labelled:
                look, each = fired
                confusions.append(
                    Confusion(conversation, turn, name, "false_alarm", look.side, look.text, each.reason, each.evidence)
                )
        triples = [(tp, fp, fn) for tp, fp, fn in counts.values()]
        scores.append(Score(name, detection(triples, NOT_EVALUATED if unseen and not turns else None), turns, unseen))
    return scores, confusions


def _fired(finding: Finding, name: str) -> Iterator[Fired]:
    if not isinstance(finding, str):
        yield from (each for each in finding if each.trigger == name)
