"""The bundled dataset: its checks accept correct answers, refuse wrong ones, and say how well on answers never seen.

`data/workbench_blind.jsonl` holds answers written from the criteria's texts alone, with the ids that a reader found met
and not met. On the sets marked `unseen` the checks were never tuned; their figures are those of the dataset's README.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ladder_bench import checks

ROOT = Path(__file__).parents[1]
DATASET = ROOT / "datasets" / "workbench" / "conversations.jsonl"
BLIND = ROOT / "tests" / "data" / "workbench_blind.jsonl"
REFUSAL = "I'm sorry, but I can't help with that."
LAST = 99


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@cache
def conversations() -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in _lines(DATASET)}


def turns() -> Iterator[tuple[dict[str, Any], int, dict[str, Any]]]:
    for conversation in conversations().values():
        for number, turn in conversation["turns"].items():
            yield conversation, int(number), turn


def recorded(conversation: dict[str, Any], turn: int) -> str:
    return str(conversation["messages"][2 * turn - 1]["content"])


def constraints(conversation: dict[str, Any], turn: int) -> list[dict[str, Any]]:
    found = conversation["intent"]["constraints"]
    return [each for each in found if each["from_turn"] <= turn <= (each["until_turn"] or LAST)]


def unmet(items: list[dict[str, Any]], text: str) -> list[str]:
    return [item["id"] for item in items if not checks.evaluate(item["check"], text)]


def test_every_reference_meets_its_criteria_and_the_active_constraints() -> None:
    missed = {
        (conversation["id"], number): ids
        for conversation, number, turn in turns()
        if (ids := unmet(turn["criteria"] + constraints(conversation, number), recorded(conversation, number)))
    }

    assert missed == {}


def test_every_second_correct_answer_meets_them_too() -> None:
    missed = {
        (conversation["id"], number): ids
        for conversation, number, turn in turns()
        if (ids := unmet(turn["criteria"] + constraints(conversation, number), turn["alternative"]))
    }

    assert missed == {}


@pytest.mark.parametrize(("kind", "most"), [("wrong", 1), ("refusal", 0), ("empty", 0), ("previous", 0)])
def test_what_is_no_answer_meets_hardly_any_criterion(kind: str, most: int) -> None:
    met = []
    for conversation, number, turn in turns():
        before = recorded(conversation, number - 1) if number > 1 else ""
        text = {"wrong": turn["wrong"], "refusal": REFUSAL, "empty": "", "previous": before}[kind]
        missed = set(unmet(turn["criteria"], text))
        met += [(conversation["id"], each["id"]) for each in turn["criteria"] if each["id"] not in missed]

    assert len(met) <= most, met


def test_every_label_of_the_blind_answers_is_an_item_of_its_turn() -> None:
    for row in _lines(BLIND):
        conversation = conversations()[row["id"]]
        items = conversation["turns"][str(row["turn"])]["criteria"] + constraints(conversation, row["turn"])

        assert set(row["met"]) | set(row["not_met"]) <= {item["id"] for item in items}, (row["id"], row["turn"])
        assert not set(row["met"]) & set(row["not_met"]), (row["id"], row["turn"])


@cache
def measured(sets: tuple[str, ...]) -> Counter[str]:
    """Count criteria ("met", "accepted", "not met", "refused") and kept constraints on the blind sets of these names."""
    counts: Counter[str] = Counter()
    for row in _lines(BLIND):
        if row["set"] not in sets:
            continue
        conversation = conversations()[row["id"]]
        criteria = conversation["turns"][str(row["turn"])]["criteria"]
        failed = set(unmet(criteria, row["answer"]))
        for criterion in criteria:
            if criterion["id"] in row["met"]:
                counts.update({"met": 1, "accepted": criterion["id"] not in failed})
            elif criterion["id"] in row["not_met"]:
                counts.update({"not met": 1, "refused": criterion["id"] in failed})
        kept = [each for each in constraints(conversation, row["turn"]) if each["id"] in row["met"]]
        counts.update({"kept": len(kept), "seen as kept": len(kept) - len(unmet(kept, row["answer"]))})
    return counts


@pytest.mark.parametrize(
    ("sets", "sensitivity", "specificity", "kept"),
    [  # floors: about two points below what was measured
        (("debugging-3",), 0.89, 0.94, 0.98),  # unseen; measured 0.910, 0.974, 1.000
        (("travel-1", "support-1"), 0.915, 0.885, 0.95),  # unseen; measured 0.936, 0.907, 0.971
        (("debugging-1", "debugging-2", "contracts-1"), 0.98, 0.98, 0.98),  # the checks were tuned on these
    ],
)
def test_the_checks_judge_blind_answers_as_their_readers_did(
    sets: tuple[str, ...], sensitivity: float, specificity: float, kept: float
) -> None:
    found = measured(sets)

    accepted, refused = found["accepted"] / found["met"], found["refused"] / found["not met"]
    said = (
        f"{', '.join(sets)}: sensitivity {found['accepted']}/{found['met']} = {accepted:.3f}, "
        f"specificity {found['refused']}/{found['not met']} = {refused:.3f}, "
        f"kept constraints {found['seen as kept']}/{found['kept']}"
    )
    assert accepted >= sensitivity, said
    assert refused >= specificity, said
    assert found["seen as kept"] / found["kept"] >= kept, said
