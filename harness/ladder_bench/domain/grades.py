"""Grades: verdicts, and estimates with their intervals."""

from __future__ import annotations

from dataclasses import dataclass

from ladder_bench.domain.calls import Call


@dataclass(frozen=True, slots=True)
class Verdict:
    """One grade. `value` in [0, 1], or None (unscored) with the reason. `turn` None for the whole conversation.

    `metric` is the criterion's kind or the measure's name; `target` the criterion's id or what was counted.
    """

    target: str
    metric: str
    turn: int | None
    value: float | None
    reason: str
    grader: str
    weight: float = 1.0
    critical: bool = False
    evidence: str = ""  # a quote from the answer, where a judge gave one
    rubric: str = ""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one judge said of one criterion, before several judges become one verdict.

    `outcome` is the judge's word (met, not_met, cannot_assess; supported, contradicted, unsupported; win, tie, loss, or
    by_order where it says something else in the other order), or why it could not be read (not_json, refused,
    timeout, ...): then `value` is None. `repeat` is 0 for the judgement that counts; others ask the same again, to see
    how often a judge changes its mind. `key` is that of the call.
    """

    rubric: str
    metric: str
    target: str
    turn: int | None
    judge: str
    repeat: int
    outcome: str
    value: float | None
    reason: str
    evidence: str = ""
    key: str = ""
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Graded:
    """All grades of a transcript, and the calls, each with its turn, that it took to make them."""

    verdicts: tuple[Verdict, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    calls: tuple[tuple[int, Call], ...] = ()


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval over conversations. None where it is not known, and then `why` says so."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int = 0
    why: str | None = None
