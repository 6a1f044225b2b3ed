"""Constraints: each floor and limit of a policy on one strategy, met, violated or undecided by its one-sided bound.

Met: the bound at 95 % is inside. Violated: the bound on the other side is outside. Else undecided. Bounds are by t on
influence values, corrected for skewness, since p-values are compared far out in the tail once strategies are many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil, exp, inf, isfinite, log
from typing import Literal

from ladder_bench.analyse import effects
from ladder_bench.analyse.decisions import ALPHA, conversations_needed
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.estimates import FEWEST, Array, least_of_all, t_above, t_quantile
from ladder_bench.recommend.evidence import Arm, Evidence
from ladder_bench.recommend.policy import Floor, Policy

MOST_NEEDED = 1_000_000  # conversations; beyond it no number is given
Outcome = Literal["met", "violated", "undecided"]
UNLABELLED = "the dataset labels no turn as high_stakes; name a 'tag' under high_stakes in the policy"
NO_BASE = "this run has no base, no single tier with a quality: name a strategy to be against"
Kind = Literal["share", "rate", "difference"]  # of a value: within [0, 1], not below 0, or any


@dataclass(frozen=True, slots=True)
class Constraint:
    """What has to hold: a value at least, or at most, a limit. `against`: the strategy that a difference is to."""

    name: str
    kind: Kind
    at_least: bool
    limit: float
    against: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A constraint on a strategy. `low`, `high`: one-sided 95 % bounds, each. `p_not_met`: the p-value that it fails.

    `deviation`: the standard error for a single unit (a conversation, or a user), None where nothing is known. `share`:
    of all units, those that it is about.
    """

    constraint: Constraint
    outcome: Outcome
    value: float | None
    low: float | None
    high: float | None
    n: int
    unscored: int
    p_not_met: float
    deviation: float | None
    why: str | None = None
    share: float = 1.0

    def needed(self, alpha: float = ALPHA) -> int | None:
        """Units that would decide it with a power of 80 %, were the value the truth; None: nobody can say, or `beyond`.

        Those that it is not about are counted, too.
        """
        found = self._needed(alpha)
        return found if found is not None and found <= MOST_NEEDED else None

    def beyond(self, alpha: float = ALPHA) -> bool:
        """Whether more than MOST_NEEDED would have to be there: the value all but lies on its limit."""
        found = self._needed(alpha)
        return found is not None and found > MOST_NEEDED

    def _needed(self, alpha: float) -> int | None:
        found = self._of_those(alpha)
        return None if found is None else ceil(found / self.share)

    def _of_those(self, alpha: float) -> int | None:
        if self.value is None or self.deviation is None or self.value == self.constraint.limit:
            return None
        distance, kind = abs(self.value - self.constraint.limit), self.constraint.kind
        if self.deviation == 0 and kind == "share":
            return max(FEWEST, ceil(log(alpha) / log(1 - distance))) if distance < 1 else FEWEST
        if self.deviation == 0 and kind == "rate":
            return max(FEWEST, ceil(-log(alpha) / distance))
        return conversations_needed(self.deviation, distance, alpha)

    @property
    def seems_met(self) -> bool | None:
        """What the value alone would say."""
        if self.value is None:
            return None
        limit = self.constraint.limit
        return self.value >= limit if self.constraint.at_least else self.value <= limit


def judged(evidence: Evidence, high: Evidence | None, arm: Arm, policy: Policy, within: bool = False) -> list[Judged]:
    """Judge every constraint of a policy on a strategy. `high`: the conversations where stakes are high.

    `within` a segment that has none, nothing is asked of them.
    """
    found: list[Judged] = []
    columns = evidence.arms[arm.name].columns
    for floor in policy.floors:
        if not floor.stakes:
            found += _held(evidence, arm, floor)
        elif high is not None:
            share = high.units / evidence.units
            found += (replace(each, share=share) for each in _held(high, arm, floor))
        elif not within:
            found += (_missing(each, UNLABELLED) for each in _asked(evidence, floor))
    for limit in policy.waits:
        effect = evidence.effect((columns[limit.name], columns["waited"]), _share_of_turns, columns["lived"])
        what = effect if not isinstance(effect, str) else "no wait was measured or recorded"
        found.append(_decided(Constraint(limit.name, "share", False, limit.at_most), what, evidence))
    if policy.unsupported_at_most is not None:
        effect = evidence.effect((columns["unsupported"],), effects.mean, columns["lived"])
        found.append(
            _decided(Constraint("unsupported per turn", "rate", False, policy.unsupported_at_most), effect, evidence)
        )
    return found


def _name(floor: Floor) -> str:
    return f"high-stakes {floor.metric}" if floor.stakes else floor.metric


def _asked(evidence: Evidence, floor: Floor) -> Iterator[Constraint]:
    """What a floor asks: a mean of at least so much, or no lower than another strategy's by more than so much."""
    if floor.at_least is not None:
        yield Constraint(_name(floor), "share", True, floor.at_least)
    if floor.against is not None:
        other = evidence.against[floor.key]
        yield Constraint(f"{_name(floor)} against {other or 'the base'}", "difference", True, -floor.margin, other)


def _held(evidence: Evidence, arm: Arm, floor: Floor) -> Iterator[Judged]:
    columns = evidence.arms[arm.name].columns
    for constraint in _asked(evidence, floor):
        if constraint.kind == "share":
            effect = evidence.effect((columns[floor.metric],), effects.mean, columns["lived"])
            yield _decided(constraint, effect, evidence)
        elif constraint.against is None:
            yield _missing(constraint, NO_BASE)
        else:
            yield _decided(constraint, evidence.contrast(arm.name, floor.key, constraint.against), evidence)


def _share_of_turns(over: Array, waited: Array, weights: Array | None) -> Reading:
    """Turns over the limit / all turns, a ratio of means."""
    above, below = effects.mean(over, weights), effects.mean(waited, weights)
    share = above.value / below.value
    return Reading(share, (above.influence - share * below.influence) / below.value)


def _missing(constraint: Constraint, why: str) -> Judged:
    return Judged(constraint, "undecided", None, None, None, 0, 0, 1.0, None, why)


def _decided(constraint: Constraint, effect: Effect | str, evidence: Evidence) -> Judged:
    if isinstance(effect, str):
        return _missing(constraint, effect)
    limit, value = constraint.limit, effect.value
    low, high, p_not_met = _bounds(constraint, effect, evidence)
    met = low >= limit if constraint.at_least else high <= limit
    violated = high < limit if constraint.at_least else low > limit
    outcome: Outcome = "met" if met else "violated" if violated else "undecided"
    why = None
    if not isfinite(low):
        why = f"{effect.fewest} {evidence.unit}, {FEWEST} are needed"
        if evidence.shares is not None and effect.n >= FEWEST:
            why = evidence.too_small(effect)
    if constraint.kind != "difference":
        low, high = max(0.0, low), min(1.0, high) if constraint.kind == "share" else high
    return Judged(
        constraint, outcome, value, _finite(low) if why is None else None, _finite(high) if why is None else None,
        effect.n, effect.unscored,
        0.0 if met and _always(constraint) else p_not_met, _finite(effect.deviation), why,
    )  # fmt: skip


def _always(constraint: Constraint) -> bool:
    """A limit that no value of its kind can break."""
    if constraint.kind == "difference":
        return False
    return constraint.limit <= 0 if constraint.at_least else constraint.kind == "share" and constraint.limit >= 1


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _bounds(constraint: Constraint, effect: Effect, evidence: Evidence) -> tuple[float, float, float]:
    """One-sided bounds at ALPHA, and the p-value that the constraint does not hold."""
    identical = effect.identical and constraint.kind == "difference"  # a mean of 0 is no identity
    if effect.fewest < FEWEST and not identical:
        return -inf, inf, 1.0
    if effect.error == 0 and constraint.kind != "difference":
        return _without_spread(constraint, effect, evidence.effective_n(effect))
    return _by_t(constraint, effect)


def _by_t(constraint: Constraint, effect: Effect) -> tuple[float, float, float]:
    """By the t distribution, corrected for the skewness of the values (Hall 1992).

    Shares near 0 or 1, waits and rates are skewed: uncorrected, a floor of 0.9 would be said to be met too often.
    """
    value, limit, error = effect.value, constraint.limit, effect.error
    if error == 0:
        holds = value >= limit if constraint.at_least else value <= limit
        return value, value, 0.0 if holds else 1.0
    skewness, quantile = effect.skewness, t_quantile(1 - ALPHA, effect.freedom)
    low, high = (value - error * effects.uncorrected(each, skewness) for each in (quantile, -quantile))
    sign = 1 if constraint.at_least else -1
    return low, high, t_above(effects.corrected(sign * (value - limit) / error, sign * skewness), effect.freedom)


def _without_spread(constraint: Constraint, effect: Effect, n: float) -> tuple[float, float, float]:
    """Where no conversation differs from another there is no spread to measure: what n that agree allow.

    Clopper and Pearson (1934) for a share of 0 or 1, Garwood (1936) for a rate of 0.
    """
    value, limit = effect.value, constraint.limit
    if constraint.kind == "share" and value == 1:
        return least_of_all(n, ALPHA), 1.0, limit**n if constraint.at_least else 1.0
    if constraint.kind == "share" and value == 0:
        return 0.0, 1 - least_of_all(n, ALPHA), 1.0 if constraint.at_least else (1 - limit) ** n
    if constraint.kind == "rate" and value == 0:
        return 0.0, -log(ALPHA) / n, 1.0 if constraint.at_least else exp(-limit * n)
    holds = value >= limit if constraint.at_least else value <= limit
    return value, value, 0.0 if holds else 1.0
