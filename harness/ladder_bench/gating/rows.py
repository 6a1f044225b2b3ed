"""Rows: what a test or a limit says, as JSON with stable names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import exp, isfinite
from typing import Literal

from ladder_bench.analyse.decisions import Decided, Outcome
from ladder_bench.analyse.effects import CLUSTERS, Effect
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json

Unit = Literal["change", "points", "claims", "share", "times"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How an effect is shown: its unit, which way is better, and the value that people read."""

    unit: Unit
    better: Literal["higher", "lower"] = "higher"
    shown: Callable[[float], float] = float


def change(value: float) -> float:
    """A log ratio as a relative change: 0.1 is 10 % more."""
    return exp(value) - 1


POINTS = Scale("points")
CHANGE = Scale("change", "higher", change)
CLAIMS = Scale("claims", "lower", lambda value: -value if value else 0.0)


def row(decided: Decided, scale: Scale, margin: float, why: str | None = None) -> dict[str, Json]:
    """A decided test. `low` and `high` are its one-sided bounds at alpha, on the scale that people read."""
    effect = decided.test.effect
    found = values(effect, decided.low, decided.high, scale)
    return {
        "name": decided.test.name,
        "outcome": decided.outcome,
        **found,
        "margin": margin,
        "needed_n": decided.needed,
        "n": effect.n,
        "units": units(effect.unit),
        "unscored": effect.unscored,
        "unit": scale.unit,
        "better": scale.better,
        "p_worse": decided.p_worse,
        "why": why or why_none(effect),
    }


def values(effect: Effect, low: float, high: float, scale: Scale) -> dict[str, Json]:
    """Value and bounds as shown; None where there is no bound."""
    shown = {name: scale.shown(each) if isfinite(each) else None for name, each in
             (("value", effect.value), ("low", low), ("high", high))}  # fmt: skip
    if scale.better == "lower":
        shown["low"], shown["high"] = shown["high"], shown["low"]
    return shown


def why_none(effect: Effect) -> str | None:
    """What a reader must know of the bounds."""
    if effect.identical:
        return "identical"
    return f"no interval: {effect.fewest} {effect.unit}, {FEWEST} are needed" if effect.fewest < FEWEST else None


def units(unit: str) -> str:
    """What n counts, as comparisons say it."""
    return "clusters" if unit == CLUSTERS else unit


def bare(
    name: str, outcome: Outcome, unit: Unit, margin: float, n: int, why: str, limit: float | None = None
) -> dict[str, Json]:
    """A test or limit of which there is no number, and why."""
    nothing = dict.fromkeys(("value", "low", "high", "needed_n", "p_worse"))
    found = {"name": name, "outcome": outcome, "margin": margin, "n": n, "units": "conversations"}
    found |= {"unscored": 0, "unit": unit, "why": why}
    return {**found, **nothing, "better": "higher"} | ({} if limit is None else {"limit": limit})
