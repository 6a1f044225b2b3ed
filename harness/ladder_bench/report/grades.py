"""Grades: what was graded at a turn, by rule or by judges, and what else was found in its answer. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.analyse.turns import PREFERENCE, QUALITY
from ladder_bench.domain import Json
from ladder_bench.report.text import one_line

PLAIN_REASONS = frozenset(("met", "not met", "kept", "not kept"))  # they say no more than the outcome
KINDS = {
    "active_constraint": "constraint", "output_contract": "format", "alignment_at_1": "opening",
    "alignment_at_2": "opening",
}  # fmt: skip
OUTCOMES = {  # of what is neither met nor missed
    PREFERENCE: {1.0: "preferred", 0.5: "as good", 0.0: "not preferred"},
    "validity": {1.0: "fits", 0.0: "does not fit"},
    "self_correction": {1.0: "takes something back", 0.0: "takes nothing back"},
}
GOOD, BAD = ("met", "preferred", "fits", "all supported"), ("not met", "not preferred", "does not fit")
LONGEST = 400  # characters of a reason or a quote
SHORT = 60  # characters of a criterion's words in a list
Told = Callable[[Mapping[str, Json]], str]  # the words of what a verdict is about, "" where nobody knows them


@dataclass(frozen=True, slots=True)
class Grade:
    """One verdict: `outcome` is met, not met or unscored, or another word where neither fits.

    `words` are the criterion's own, "" where nobody knows them or its name says them. `by` says which judge gave it, by
    which rubric, and `quote` what the judge quoted; "" where a rule did.
    """

    name: str
    kind: str
    outcome: str
    reason: str
    critical: bool
    by: str = ""
    quote: str = ""
    words: str = ""

    @property
    def short(self) -> str:
        """What a list names it by: how its words begin, or its name."""
        if len(self.words) <= SHORT:
            return self.words or self.name
        return f"{self.words[:SHORT].rsplit(' ', 1)[0]} …"

    @property
    def tone(self) -> str:
        """Its colour on a page: met, missed, or none of both."""
        if self.outcome in GOOD:
            return "met"
        return "missed" if self.outcome in BAD or "%" in self.outcome else ""


def grades(verdicts: Sequence[Mapping[str, Json]], told: Told) -> tuple[Grade, ...]:
    """What was graded as met or not at a turn, what is not met first."""
    found = [_grade(row, told) for row in verdicts if _counts(row)]
    rank = ("not met", "unscored", "met")
    return tuple(sorted(found, key=lambda grade: rank.index(grade.outcome) if grade.outcome in rank else 0))


def opinions(verdicts: Sequence[Mapping[str, Json]], told: Told) -> tuple[Grade, ...]:
    """What judges said beside that: of no criterion and no constraint of the dataset."""
    return tuple(_grade(row, told) for row in verdicts if row.get("rubric") and not _counts(row))


def _counts(row: Mapping[str, Json]) -> bool:
    return row["metric"] in QUALITY or row["metric"] in KINDS


def _grade(row: Mapping[str, Json], told: Told) -> Grade:
    name, words = one_line(row["target"]), told(row)
    return Grade(
        name=name,
        kind=one_line(KINDS.get(str(row["metric"]), str(row["metric"]).replace("_", " "))),
        outcome=_outcome(row["metric"], row["value"]),
        reason="" if row["reason"] in PLAIN_REASONS else _short(row["reason"]),
        critical=row["critical"],
        by=one_line(f"{row['grader']}, rubric {row['rubric']}" if row["grader"] else f"rubric {row['rubric']}")
        if row.get("rubric")
        else "",
        quote=_short(row.get("evidence") or ""),
        words="" if words == name else words,
    )


def _short(said: str) -> str:
    whole = one_line(said)
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]} …"


def _outcome(metric: str, value: float | None) -> str:
    if value is None:
        return "unscored"
    if metric in OUTCOMES:
        return OUTCOMES[metric].get(value, f"{value:.0%}")
    if metric == "supported_specifics":
        return "all supported" if value >= 1.0 else f"{value:.0%} supported"
    return "met" if value >= 1.0 else "not met" if value <= 0.0 else f"{value:.0%} met"


def remarks(verdicts: Sequence[Mapping[str, Json]]) -> tuple[str, ...]:
    """What else the rules found in an answer: unsupported specifics and self-corrections."""
    found = []
    for row in verdicts:
        if row.get("rubric"):  # among the opinions
            continue
        if row["metric"] == "supported_specifics" and row["value"] is not None and row["value"] < 1.0:
            found.append(one_line(row["reason"])[:400])
        if row["metric"] == "self_correction" and row["value"]:
            found.append("self-correction, " + one_line(row["reason"])[:400])
    return tuple(found)
