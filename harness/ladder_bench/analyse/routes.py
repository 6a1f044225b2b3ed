"""Routes: the triggers that fired in a run, and how well they agree with the labels where turns are labelled."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ladder_bench.analyse import strategies
from ladder_bench.analyse.detection import detection, pooled
from ladder_bench.analyse.strategies import Strategy
from ladder_bench.analyse.tables import rows
from ladder_bench.domain import TRIGGER_NAMES, Json

READ = (
    "conversation", "sample", "turn", "tier", "escalated", "fired", "notes", "labels", "answer_labels", "failure",
)  # fmt: skip
UNEVALUATED = "triggers not evaluated"  # how a turn's note begins where nobody looked
ON_THE_MESSAGE, ON_THE_ANSWER = (f"{UNEVALUATED} on the {what}: " for what in ("message", "answer"))
LANGUAGE = "language"  # fires where nobody could look, and the ladder climbs then
NOT_REACHED = "not reached"  # how the failure of a turn begins that nobody came to, so that nobody looked there
ON_MESSAGE = tuple(name for name in TRIGGER_NAMES if name != "low_confidence")
READING_ANSWERS = ("missing_information", "low_confidence")
Counts = dict[str, tuple[float, float, float]]  # by conversation: true positives, false positives, false negatives


@dataclass(frozen=True, slots=True)
class Heard:
    """What was noticed at one turn, and what its labels say; None where nobody looked or nobody labelled it.

    `looked` at the message, `read` the answer: None where there was nothing to look at or no reason to, False where it
    was not evaluated.
    """

    conversation: str
    sample: int
    message: frozenset[str]
    answer: frozenset[str]
    labels: frozenset[str] | None
    answer_labels: frozenset[str] | None
    looked: bool | None = True
    read: bool | None = True


def heard(row: Mapping[str, Any], rank: Mapping[str, int], to: str) -> Heard:
    """What a row of the table of turns says of triggers. `rank`: 0 for the strongest tier; `to`: where they lead."""
    fired = json.loads(row["fired"] or "[]")
    early, late = ([each["trigger"] for each in fired if each["on"] == on] for on in ("message", "answer"))
    notes = [note for note in row["notes"] or () if note.startswith(UNEVALUATED)]
    foreign = LANGUAGE in early  # it climbed because nobody could look
    looked = read = None
    if not (row["failure"] or "").startswith(NOT_REACHED):
        looked = not foreign and all(ON_THE_ANSWER in note for note in notes)
    if looked is not None and _answer_was_read(row, bool(late), rank, to):
        read = not foreign and all(ON_THE_MESSAGE in note for note in notes)
    return Heard(
        row["conversation"],
        row["sample"],
        frozenset(early),
        frozenset(late),
        _labels(row["labels"]) if looked else None,
        _labels(row["answer_labels"]) if read else None,
        looked,
        read,
    )


def _answer_was_read(row: Mapping[str, Any], fired: bool, rank: Mapping[str, int], to: str) -> bool:
    """An answer is read where there is one, and a stronger tier to climb to."""
    return fired or (not row["failure"] and not row["escalated"] and rank[to] < rank[row["tier"]])


def _labels(text: str | None) -> frozenset[str] | None:
    return None if text is None else frozenset(json.loads(text))


def triggers(about: Json, tables: Mapping[str, Any]) -> tuple[dict[str, Json], dict[str, Json]]:
    """By strategy with triggers, and by detector ("rules" or the tier that was asked) over its strategies."""
    rank = {tier["name"]: place for place, tier in enumerate(about["tiers"])}
    by_strategy: dict[str, Json] = {}
    by_detector: dict[str, list[tuple[Strategy, list[Heard]]]] = defaultdict(list)
    for strategy in about["strategies"]:
        escalation = strategies.escalation(strategy)
        if escalation is None:
            continue
        found = [heard(row, rank, escalation["to"]) for row in rows(tables, "turns", strategy["name"], READ)]
        by_strategy[strategy["name"]] = _table([(strategy, found)])
        by_detector[strategies.detector(escalation)].append((strategy, found))
    return by_strategy, {detector: _table(group) for detector, group in sorted(by_detector.items())}


def _table(group: Sequence[tuple[Strategy, Sequence[Heard]]]) -> dict[str, Json]:
    """For each trigger that a group of strategies listens to: how often it fired, and how well."""
    found: dict[str, Json] = {}
    for name in (*TRIGGER_NAMES, LANGUAGE):
        listening = [turns for strategy, turns in group if name in (*strategy["escalation"]["triggers"], LANGUAGE)]
        on_message = sum(name in turn.message for turns in listening for turn in turns)
        on_answer = sum(name in turn.answer for turns in listening for turn in turns)
        if not listening or (name == LANGUAGE and not on_message):
            continue
        found[name] = {
            "turns": sum(map(len, listening)),
            "fired_on_message": on_message,
            "fired_on_answer": on_answer,
            **_evaluated("message", [turn.looked or name == LANGUAGE for turns in listening for turn in turns]),
            **_evaluated("answer", [turn.read for turns in listening for turn in turns]),
            "message": _agreement(name, listening, "message") if name in ON_MESSAGE else None,
            "answer": _agreement(name, listening, "answer") if name in READING_ANSWERS else None,
        }
    return found


def _evaluated(where: str, states: Sequence[bool | None]) -> dict[str, int]:
    return {f"evaluated_on_{where}": states.count(True), f"not_evaluated_on_{where}": states.count(False)}


def _agreement(name: str, listening: Sequence[Sequence[Heard]], where: str) -> Json:
    """Precision, recall and F1 over the labelled turns; every conversation counts once, however often it was lived."""
    groups = [counts for turns in listening for counts in _counts(name, turns, where)]
    if not any(groups):
        states = [turn.looked if where == "message" else turn.read for turns in listening for turn in turns]
        if False in states and True not in states:
            why = f"no {where} was evaluated"
        else:
            why = "no turn is labelled" if where == "message" else "no labelled answer was read for it"
        return {"precision": None, "recall": None, "f1": None, "n_labelled": 0, "n_fired": 0, "why": why}
    result = detection(pooled(groups))
    found: dict[str, Json] = {each: asdict(result[each]) for each in ("precision", "recall", "f1")}
    return found | {"n_labelled": result["n_labelled"], "n_fired": result["n_fired"], "why": None}


def _counts(name: str, turns: Iterable[Heard], where: str) -> Iterator[Counts]:
    """Counts by conversation, one mapping a sample."""
    samples: dict[int, Counts] = defaultdict(dict)
    for turn in turns:
        fired, labels = (turn.message, turn.labels) if where == "message" else (turn.answer, turn.answer_labels)
        if labels is None:
            continue
        tp, fp, fn = samples[turn.sample].get(turn.conversation, (0.0, 0.0, 0.0))
        is_fired, is_labelled = name in fired, name in labels
        samples[turn.sample][turn.conversation] = (
            tp + (is_fired and is_labelled),
            fp + (is_fired and not is_labelled),
            fn + (is_labelled and not is_fired),
        )
    yield from samples.values()
