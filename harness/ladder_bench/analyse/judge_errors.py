"""Errors of a judge: its sensitivity and specificity against people, over items, with intervals by conversation.

Sensitivity is the share of what people call met that the judge calls met, too; specificity the same for not met.
Several items of a conversation share their luck: variances are by conversation, and Wilson's interval, which is right
near 1 too, takes the number of independent items that would have the same variance (Korn and Graubard 1998).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.agreement import Ids, Labels, owned
from ladder_bench.analyse.estimates import FEWEST, LEVEL, NOISE, Array, t_quantile
from ladder_bench.domain import Estimate

Limits = tuple[float, float]
NO_BETTER = "the judge does no better than chance: sensitivity + specificity is not above 1"
MAY_BE_NO_BETTER = "the judge may do no better than chance: the interval of sensitivity + specificity - 1 reaches 0"


@dataclass(frozen=True, slots=True)
class JudgeErrors:
    """How a judge errs against people. `youden` is J = sensitivity + specificity - 1: 0 is chance, 1 never errs.

    A true difference d between arms shows as J x d on the judged scale, if the judge errs alike in both.
    `met` and `not_met` count the labelled items of either kind.
    """

    sensitivity: Estimate
    specificity: Estimate
    youden: Estimate
    met: int
    not_met: int


@dataclass(frozen=True, slots=True)
class ErrorDifference:
    """A judge's sensitivity and specificity in one arm minus another's.

    `differ`: one of the two intervals, each at 97.5 %, excludes 0, which happens to a judge that errs alike in at most
    5 % of cases. None where it cannot be told. False is no proof that it errs alike.
    """

    sensitivity: Estimate
    specificity: Estimate
    differ: bool | None


def judge_errors(labels: Labels) -> JudgeErrors:
    """Sensitivity, specificity and J with intervals by conversation."""
    known, unscored = labels.known, labels.unscored
    owners, conversations = owned(known.conversations)
    met, not_met = errors_of(known, owners, conversations)
    return JudgeErrors(
        sensitivity=_share(met, unscored, "people call no labelled item met"),
        specificity=_share(not_met, unscored, "people call every labelled item met"),
        youden=_youden(met, not_met, conversations, unscored),
        met=met.items if met else 0,
        not_met=not_met.items if not_met else 0,
    )


def error_difference(candidate: Labels, base: Labels) -> ErrorDifference:
    """Does the judge err alike in two arms? Arms of one conversation are paired."""
    arms, unscored = (candidate.known, base.known), candidate.unscored + base.unscored
    owners, conversations = owned(np.concatenate([arm.conversations for arm in arms]))
    parts = np.split(owners, [len(arms[0].judged)])
    rates = [errors_of(arm, part, conversations) for arm, part in zip(arms, parts, strict=True)]
    sensitivity = _difference(rates[0][0], rates[1][0], "people call no labelled item of an arm met", unscored)
    specificity = _difference(rates[0][1], rates[1][1], "people call every labelled item of an arm met", unscored)
    return ErrorDifference(sensitivity[0], specificity[0], _either(sensitivity[1], specificity[1]))


def _difference(first: Rate | None, second: Rate | None, why: str, unscored: int) -> tuple[Estimate, bool | None]:
    """A rate in one arm minus the other's, and whether its interval at 97.5 % excludes 0."""
    if first is None or second is None:
        return estimates.missing(why, unscored), None
    n = int((first.counts + second.counts > 0).sum())
    found = _estimate(first.value - second.value, _less(first, second, LEVEL), n, unscored)
    low, high = _less(first, second, (1 + LEVEL) / 2)
    return found, None if found.low is None else not low <= 0 <= high


def _either(first: bool | None, second: bool | None) -> bool | None:
    if first or second:
        return True
    return None if first is None or second is None else False


def judged_margin(margin: float, youden: Estimate) -> Estimate:
    """A margin on people's scale as a margin on the judged scale: margin x J. `low` is the careful choice.

    No value unless J is sure to be above 0: on the scale of a judge that guesses, no margin means anything.
    """
    if youden.value is None or youden.low is None or youden.high is None:
        return estimates.missing(f"J is not known: {youden.why}", youden.unscored)
    if youden.low <= 0:
        return estimates.missing(NO_BETTER if youden.value <= 0 else MAY_BE_NO_BETTER, youden.unscored)
    return replace(youden, value=margin * youden.value, low=margin * youden.low, high=margin * youden.high)


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of items, and how much each of a list of conversations moves it (linearised, in sum 0)."""

    value: float
    moves: Array
    counts: Array  # items of each conversation

    @property
    def items(self) -> int:
        return int(self.counts.sum())

    @property
    def conversations(self) -> int:
        """That have such items."""
        return int((self.counts > 0).sum())

    @property
    def variance(self) -> float:
        """By conversation (Taylor linearisation, Binder 1983)."""
        return float((self.moves**2).sum()) * self.conversations / max(self.conversations - 1, 1)

    @property
    def effective(self) -> float:
        """As many independent items have this variance; one a conversation where nothing varies."""
        if self.variance <= NOISE**2:
            return float(self.conversations)
        return min(self.value * (1 - self.value) / self.variance, float(self.items))

    def limits(self, level: float) -> Limits:
        """Wilson's interval (1927) at the effective size, with t: near 1 the usual one is far too short."""
        if self.conversations < 2:
            return 0.0, 1.0
        squared, size = t_quantile((1 + level) / 2, self.conversations - 1) ** 2, self.effective
        centre = (self.value + squared / (2 * size)) / (1 + squared / size)
        spread = squared / size * self.value * (1 - self.value) + (squared / size / 2) ** 2
        half = float(np.sqrt(spread)) / (1 + squared / size)
        return min(self.value, centre - half), max(self.value, centre + half)


def errors_of(known: Labels, owners: Ids, conversations: int) -> tuple[Rate | None, Rate | None]:
    """Sensitivity and specificity, None where people never used that word."""
    met = known.people == 1
    return (
        rate_of(known.judged[met], owners[met], conversations),
        rate_of(1 - known.judged[~met], owners[~met], conversations),
    )


def rate_of(hits: Array, owners: Ids, conversations: int) -> Rate | None:
    if not hits.size:
        return None
    value = float(hits.mean())
    moves = np.bincount(owners, weights=hits - value, minlength=conversations) / hits.size
    return Rate(value, moves, np.bincount(owners, minlength=conversations).astype(float))


def _share(rate: Rate | None, unscored: int, why: str) -> Estimate:
    if rate is None:
        return estimates.missing(why, unscored)
    return _estimate(rate.value, rate.limits(LEVEL), rate.conversations, unscored)


def _youden(met: Rate | None, not_met: Rate | None, conversations: int, unscored: int) -> Estimate:
    if met is None or not_met is None:
        return estimates.missing("people use one word for every labelled item", unscored)
    return _estimate(met.value + not_met.value - 1, youden_limits(met, not_met), conversations, unscored)


def youden_limits(met: Rate, not_met: Rate) -> Limits:
    low, high = _sum(met, not_met.value, not_met.limits(LEVEL), correlation(met, not_met), LEVEL)
    return low - 1, high - 1


def _less(first: Rate, second: Rate, level: float) -> Limits:
    low, high = second.limits(level)
    return _sum(first, -second.value, (-high, -low), -correlation(first, second), level)


def _sum(first: Rate, value: float, limits: Limits, together: float, level: float) -> Limits:
    """Limits of a sum from those of its parts (Zou and Donner 2008): right near 0 and 1, where normal ones are not."""
    low, high = first.limits(level)
    reach = []
    for a, b in ((first.value - low, value - limits[0]), (high - first.value, limits[1] - value)):
        reach.append(float(np.sqrt(max(0.0, a * a + b * b + 2 * together * a * b))))
    return first.value + value - reach[0], first.value + value + reach[1]


def correlation(first: Rate, second: Rate) -> float:
    """Of two rates over the same list of conversations; 0 where one of them does not vary."""
    scale = np.sqrt((first.moves**2).sum() * (second.moves**2).sum())
    return float((first.moves * second.moves).sum() / scale) if scale > NOISE**2 else 0.0


def _estimate(value: float, limits: Limits, n: int, unscored: int) -> Estimate:
    if n < FEWEST:
        return Estimate(value, None, None, n, unscored, f"no interval: {n} conversations, {FEWEST} are needed")
    return Estimate(value, *limits, n, unscored)
