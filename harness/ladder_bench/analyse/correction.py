"""Correction: what people would have said, from what a judge said of everything and people of a part.

A rate is corrected by Rogan and Gladen's formula (1978), which takes for granted that the judge errs alike wherever it
is used; a difference between two arms by prediction-powered inference, which does not: it stays valid where a judge
favours one arm.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.agreement import Ids, Labels, owned
from ladder_bench.analyse.estimates import FEWEST, LEVEL, NOISE, Array, t_quantile
from ladder_bench.analyse.judge_errors import (
    MAY_BE_NO_BETTER,
    NO_BETTER,
    Limits,
    Rate,
    correlation,
    errors_of,
    rate_of,
    youden_limits,
)
from ladder_bench.domain import Estimate

# --- a rate ----------------------------------------------------------------------------------


def rogan_gladen(conversations: Ids, judged: Array, labels: Labels) -> Estimate:
    """The share that people would call met, from the share that a judge does: (p + specificity - 1) / J.

    `judged` is the judge's word on every item (or a mean a conversation), `labels` what people said of some; the
    same name is the same conversation. The interval is the adjusted one of Lee et al. (arXiv 2511.21140; Lang and
    Reiczigel 2014), with effective sizes for counts of items, and with the correlations that conversations bring
    about: a judge who is lenient in a conversation is so with everything in it, and labels are part of what is judged.
    It holds only if the judge errs here as it does in `labels`: never pool labels over arms where errors differ.
    """
    scored = ~np.isnan(judged)
    known, unscored = labels.known, int((~scored).sum())
    owners, count = owned(np.concatenate([conversations[scored], known.conversations]))
    here, there = np.split(owners, [int(scored.sum())])
    rate = rate_of(judged[scored], here, count)
    met, not_met = errors_of(known, there, count)
    if rate is None:
        return estimates.missing("nothing is judged", unscored)
    if met is None or not_met is None:
        why = "people use one word for every labelled item" if known.people.size else "nothing is labelled"
        return estimates.missing(why, unscored)
    youden = met.value + not_met.value - 1
    if youden <= NOISE:
        return estimates.missing(NO_BETTER, unscored)
    value = min(1.0, max(0.0, (rate.value + not_met.value - 1) / youden))
    labelled = len(np.unique(there))
    found = Estimate(value, None, None, rate.conversations, unscored)
    if min(labelled, rate.conversations) < FEWEST:
        few = "labelled conversations" if labelled < FEWEST else "conversations"
        n = min(labelled, rate.conversations)
        return replace(found, why=f"no interval: {n} {few}, {FEWEST} are needed")
    if youden_limits(met, not_met)[0] <= 0:
        return replace(found, why=f"no interval: {MAY_BE_NO_BETTER}")
    low, high = _adjusted(rate, met, not_met, t_quantile((1 + LEVEL) / 2, labelled - 1))
    return replace(found, low=min(value, max(0.0, low)), high=max(value, min(1.0, high)))


def _adjusted(rate: Rate, met: Rate, not_met: Rate, z: float) -> Limits:
    """Lee et al.'s limits: p gets z squared / 2 hits and misses, the judge's rates one of each; then a shift."""
    p, size = _with_added(rate, z * z / 2)
    q1, m1 = _with_added(met, 1)
    q0, m0 = _with_added(not_met, 1)
    youden = q0 + q1 - 1
    if youden <= NOISE:
        return 0.0, 1.0
    centre = (p + q0 - 1) / youden
    spreads = np.array([p * (1 - p) / size, q1 * (1 - q1) / m1, q0 * (1 - q0) / m0])
    pulls = np.array([1.0, -centre, 1 - centre]) * np.sqrt(spreads)
    parts = (rate, met, not_met)
    together = np.array([[1.0 if a is b else correlation(a, b) for b in parts] for a in parts])
    error = float(np.sqrt(max(0.0, pulls @ together @ pulls))) / youden
    shift = 2 * z * z * (centre * spreads[1] - (1 - centre) * spreads[2])
    return float(centre + shift - z * error), float(centre + shift + z * error)


def _with_added(rate: Rate, added: float) -> tuple[float, float]:
    size = rate.effective + 2 * added
    return (rate.effective * rate.value + added) / size, size


# --- a paired difference ---------------------------------------------------------------------

FEWEST_APART = 5  # labelled conversations whose difference is not the usual one, for an interval
SAME = "people see the same difference in every labelled conversation"


@dataclass(frozen=True, slots=True)
class Moments:
    """Of differences a conversation: variances as people and as the judge see them, and their covariance."""

    people: float
    judged: float
    covariance: float

    def weight(self, labelled: float, unlabelled: float) -> float:
        """The lambda of least variance, in [0, 1] (Angelopoulos et al., arXiv 2311.01453)."""
        if unlabelled <= 0 or self.judged <= NOISE**2:
            return 0.0
        return min(1.0, max(0.0, self.covariance / ((1 + labelled / unlabelled) * self.judged)))

    def residual(self, weight: float) -> float:
        """Variance of people's difference minus the weighted judged one."""
        return max(0.0, self.people - 2 * weight * self.covariance + weight**2 * self.judged)


@dataclass(frozen=True, slots=True)
class Powered:
    """A paired difference on people's scale, from judged differences of all conversations and people's of some.

    `estimate` is PPI++'s, `people` that of the labelled conversations alone, `naive` that of the judge alone.
    `weight` (lambda) is how far the judge is heeded, 0 not at all. `gain` is how many times as many labels people
    alone would have needed, `effective` that number of labels.
    """

    estimate: Estimate
    people: Estimate
    naive: Estimate
    weight: float | None
    labelled: int
    unlabelled: int
    gain: float | None
    effective: float | None
    moments: Moments | None


def powered(judged: Array, people: Array, identical: bool = False) -> Powered:
    """PPI++ on paired differences, one a conversation; NaN in `people` where nobody labelled both arms.

    Labelled conversations must be a random part of all. n counts them, N the others: then both parts are independent,
    as in the paper. Nothing is lost by that: the judged mean over all conversations with their own best lambda is the
    same estimate. Variance: lambda^2 Var(judged) / N + Var(people - lambda judged) / n, the second with n - 2 where
    lambda was fitted, as a line is; quantiles are Student's with as many degrees of freedom. `unscored` counts
    conversations that the judge did not score, labelled or not.

    Where nearly all labelled conversations have the same difference there is no interval: how many others there are
    is a matter of luck, and by chance none may be labelled. `identical`: both arms gave the same answers everywhere, so
    that their difference is known to be 0.
    """
    scored = ~np.isnan(judged)
    unscored = int((~scored).sum())
    judged, people = judged[scored], people[scored]
    has = ~np.isnan(people)
    n, others = int(has.sum()), int((~has).sum())
    alone, naive = estimates.mean(people, unscored), estimates.mean(judged, unscored)
    if n < 2:
        why = "no conversation is labelled" if n == 0 else "one labelled conversation shows no spread"
        return Powered(estimates.missing(why, unscored), alone, naive, None, n, others, None, None, None)
    truth, seen = people[has], judged[has]
    moments = Moments(
        float(truth.var(ddof=1)),
        float(judged.var(ddof=1)),
        float(((truth - truth.mean()) * (seen - seen.mean())).sum() / (n - 1)),
    )
    weight = moments.weight(n, others)
    residuals = truth - weight * seen
    value = float(residuals.mean() + (weight * judged[~has].mean() if weight else 0.0))
    free = n - (2 if 0 < weight < 1 else 1)
    variance = float(residuals.var()) / max(free, 1) + (weight**2 * moments.judged / others if weight else 0.0)
    gain = moments.people / n / variance if variance > NOISE**2 else None
    effective = None if gain is None else gain * n
    estimate = _estimate(value, variance, free, n, unscored)
    alike = None if identical else _alike(truth)
    if alike and n >= FEWEST:
        estimate, alone = (
            replace(each, low=None, high=None, why=f"no interval: {alike}") for each in (estimate, alone)
        )
    return Powered(estimate, alone, naive, weight, n, others, gain, effective, moments)


def _alike(differences: Array) -> str | None:
    """Why the spread of differences is not known, None where enough of them are not the most frequent one."""
    values, counts = np.unique(differences.round(12), return_counts=True)  # sums of floats differ by noise
    apart = int(counts.sum() - counts.max())
    if apart >= FEWEST_APART:
        return None
    if not apart:
        return SAME
    usual = float(values[counts.argmax()])
    what = "a difference" if usual == 0 else f"a difference other than {usual:.3g}"
    return f"people see {what} in only {apart} labelled conversations, {FEWEST_APART} are needed"


def _estimate(value: float, variance: float, free: int, n: int, unscored: int) -> Estimate:
    if n < FEWEST:
        why = f"no interval: {n} labelled conversations, {FEWEST} are needed"
        return Estimate(value, None, None, n, unscored, why)
    half = t_quantile((1 + LEVEL) / 2, free) * variance**0.5
    return Estimate(value, value - half, value + half, n, unscored)


# --- labels needed ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Needed:
    """How many conversations must be labelled, of those that there are; None where not even all are enough, and why."""

    labels: int | None
    conversations: int
    why: str | None = None


def labels_needed(found: Powered, half_width: float) -> Needed:
    """Labelled conversations, in all, for an interval of value ± half_width, as `found`'s spread promises."""
    return _needed(found, lambda free: half_width / t_quantile((1 + LEVEL) / 2, free), f"± {half_width:g}")


def labels_to_decide(found: Powered, margin: float, alpha: float = 0.05, power: float = 0.8) -> Needed:
    """Labelled conversations, in all, to tell with `power` that arms that are equal differ by less than a margin."""

    def error(free: int) -> float:
        return margin / (t_quantile(1 - alpha, free) + t_quantile(power, free))

    return _needed(found, error, f"a margin of {margin:g}")


def _needed(found: Powered, error: Callable[[int], float], what: str) -> Needed:
    """The fewest labels whose standard error is below what is asked for; the error falls as labels are added."""
    conversations = found.labelled + found.unlabelled
    if found.moments is None:
        return Needed(None, conversations, "fewer than two conversations are labelled")
    if found.moments.people <= NOISE**2:
        return Needed(None, conversations, SAME)
    for labels in range(FEWEST, conversations + 1):
        if standard_error(found.moments, labels, conversations) <= error(labels - 2):
            return Needed(labels, conversations)
    all_ = ceil(found.moments.people / error(max(FEWEST, conversations)) ** 2)
    why = f"{what} needs about {all_} conversations that are all labelled; there are {conversations}"
    return Needed(None, conversations, why)


def standard_error(moments: Moments, labels: int, conversations: int) -> float:
    """What PPI++'s standard error is expected to be with so many of the conversations labelled."""
    others = conversations - labels
    weight = moments.weight(labels, others)
    fitted = (labels - 1) / (labels - 2) if 0 < weight < 1 else 1.0
    variance = moments.residual(weight) / labels * fitted + (weight**2 * moments.judged / others if weight else 0.0)
    return float(variance**0.5)
