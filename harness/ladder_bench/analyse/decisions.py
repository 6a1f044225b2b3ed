"""Decisions: pass, fail or inconclusive for effects that should not be worse by a margin, and the n that would decide.

Higher is better. With a margin delta and one-sided alpha, L and U an effect's one-sided bounds: PASS if L > -delta,
FAIL if L <= -delta and U < 0, else INCONCLUSIVE. So P(PASS | worse by delta or more) <= alpha for each test, and
P(any FAIL | nothing is worse) <= alpha for all of them (Holm over the family).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, sqrt
from typing import Literal

import numpy as np

from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import FEWEST, Array

ALPHA = 0.05
POWER = 0.80
MOST = 10_000_000  # conversations; beyond it no number is printed
Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Test:
    """An effect, and by how much it may be worse; higher is better. `skewed`: few conversations may carry all of it."""

    name: str
    effect: Effect
    margin: float
    skewed: bool = False


@dataclass(frozen=True, slots=True)
class Decided:
    """What a test says: its outcome, its one-sided bounds at alpha, its p-value for "worse", and n for POWER at 0."""

    test: Test
    outcome: Outcome
    low: float
    high: float
    p_worse: float
    needed: int | None


def decide(tests: Sequence[Test], alpha: float = ALPHA) -> list[Decided]:
    """Decide every test of one family."""
    p_values = [test.effect.p_below() for test in tests]
    found = []
    for test, p_worse, is_worse in zip(tests, p_values, holm(p_values, alpha), strict=True):
        low, high = test.effect.skewed_bounds(alpha) if test.skewed else test.effect.bounds(alpha)
        outcome: Outcome = "pass" if low > -test.margin else "fail" if is_worse else "inconclusive"
        needed = conversations_needed(test.effect.deviation, test.margin, alpha)
        found.append(Decided(test, outcome, low, high, p_worse, needed))
    return found


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """One failure fails, all must pass."""
    if "fail" in outcomes:
        return "fail"
    return "pass" if all(outcome == "pass" for outcome in outcomes) else "inconclusive"


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which null hypotheses Holm's step-down procedure rejects, family-wise at alpha (Holm 1979)."""
    rejected = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=lambda place: (p_values[place], place))
    for rank, place in enumerate(order):
        if not p_values[place] <= alpha / (len(order) - rank):  # NaN rejects nothing either
            break
        rejected[place] = True
    return rejected


def conversations_needed(deviation: float, margin: float, alpha: float = ALPHA, power: float = POWER) -> int | None:
    """N at which a true effect of 0 passes with the given power: ((z(1-alpha) + z(power)) deviation / margin)^2.

    At least FEWEST. None where the spread is not known.
    """
    if not np.isfinite(deviation):
        return None
    return max(FEWEST, ceil(((_z(1 - alpha) + _z(power)) * deviation / margin) ** 2))


def conversations_needed_together(
    tests: Sequence[Test], alpha: float = ALPHA, power: float = POWER, draws: int = 20_000, seed: int = 0
) -> int | None:
    """N at which all tests pass together with the given power when nothing differs: joint normal, observed correlation.

    None where the tests do not share their units, or need more than MOST.
    """
    varying = [test for test in tests if test.effect.error > 0]  # a difference that is the same everywhere is no noise
    if not varying:
        return FEWEST
    effects = [test.effect for test in varying]
    units = [(type(effect), [part.shape for part in effect.parts]) for effect in effects]
    if any(unit != units[0] for unit in units) or effects[0].fewest < 2:
        return None
    drawn = _correlated(effects, draws, seed)
    scales = np.array([test.margin / test.effect.deviation for test in varying])

    def passing(n: int) -> float:
        return float((drawn > _z(1 - alpha) - scales * sqrt(n)).all(axis=1).mean())

    low, high = FEWEST - 1, FEWEST
    while passing(high) < power:
        low, high = high, 2 * high
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passing(middle) >= power else (middle, high)
    return high


def _correlated(effects: Sequence[Effect], draws: int, seed: int) -> Array:
    """Standard normal draws (draws, k) with the correlation of the effects."""
    covariances = np.array([[one.covariance(two) for two in effects] for one in effects])
    errors = np.sqrt(covariances.diagonal())
    values, vectors = np.linalg.eigh(covariances / np.outer(errors, errors))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    found: Array = np.random.default_rng(seed).standard_normal((draws, len(effects))) @ root.T
    return found


@lru_cache(maxsize=64)
def _z(probability: float) -> float:
    from scipy.special import ndtri

    return float(ndtri(probability))
