"""Grades: verdicts, and estimates with their intervals."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its interval over conversations. None where it is not known, and then `why` says so."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int = 0
    why: str | None = None
