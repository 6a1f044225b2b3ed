"""Grades: what was graded at a turn, and what else the graders found in its answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.analyse.turns import QUALITY
from ladder_bench.domain import Json
from ladder_bench.report.text import one_line

PLAIN_REASONS = frozenset(("met", "not met", "kept", "not kept"))  # they say no more than the outcome


@dataclass(frozen=True, slots=True)
class Grade:
    """One verdict: `outcome` is met, not met or unscored."""

    name: str
    kind: str
    outcome: str
    reason: str
    critical: bool


def grades(verdicts: Sequence[Mapping[str, Json]]) -> tuple[Grade, ...]:
    """What was graded as met or not at a turn, what is not met first."""
    kinds = {"active_constraint": "constraint", "output_contract": "format", "alignment_at_1": "opening",
             "alignment_at_2": "opening"}  # fmt: skip
    found = [
        Grade(
            name=one_line(row["target"]),
            kind=kinds.get(str(row["metric"]), str(row["metric"])),
            outcome=_outcome(row["value"]),
            reason="" if row["reason"] in PLAIN_REASONS else one_line(row["reason"]),
            critical=row["critical"],
        )
        for row in verdicts
        if row["metric"] in QUALITY or row["metric"] in kinds
    ]
    rank = ("not met", "unscored", "met")
    return tuple(sorted(found, key=lambda grade: rank.index(grade.outcome) if grade.outcome in rank else 0))


def _outcome(value: float | None) -> str:
    if value is None:
        return "unscored"
    return "met" if value >= 1.0 else "not met" if value <= 0.0 else f"{value:.0%} met"


def remarks(verdicts: Sequence[Mapping[str, Json]]) -> tuple[str, ...]:
    """What else the graders found in an answer: unsupported specifics and self-corrections."""
    found = []
    for row in verdicts:
        if row["metric"] == "supported_specifics" and row["value"] is not None and row["value"] < 1.0:
            found.append(one_line(row["reason"])[:400])
        if row["metric"] == "self_correction" and row["value"]:
            found.append("self-correction, " + one_line(row["reason"])[:400])
    return tuple(found)
