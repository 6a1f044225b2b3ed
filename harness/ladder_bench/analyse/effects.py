"""Effects: smooth functions of means over conversations, each a value with its influence on every conversation.

An arm has a reading of its columns: a value and one influence value psi a conversation, psi_i = sum_j dg/dm_j (x_ij -
mean_j). A contrast of two arms subtracts values and, where the arms share their conversations, influences, so pairing
costs nothing (3 designs: paired, unpaired, clustered). An effect's standard error follows from its parts, independent
groups of units: SE^2 = sum of var(part) / size, with Welch's and Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench.analyse.estimates import FEWEST, IDENTICAL, LEVEL, NOISE, Array, t_above, t_quantile
from ladder_bench.domain import Estimate

CLUSTERS = "users"  # what clusters are called where they are counted
ALIKE = 0.2  # correlation of conversations of one user, as far as degrees of freedom go; errors do without it


@dataclass(frozen=True, slots=True)
class Reading:
    """A function of one arm's means: its value, and the influence of every conversation on it."""

    value: float
    influence: Array


def mean(values: Array, weights: Array | None = None) -> Reading:
    centre = _mean(values, weights)
    return Reading(centre, values - centre)


def log_mean(values: Array, weights: Array | None = None) -> Reading:
    """The logarithm of a mean. Raises ValueError where the mean is not above 0."""
    centre = _mean(values, weights)
    if centre <= 0:
        raise ValueError("a logarithm needs a mean above 0")
    return Reading(float(np.log(centre)), (values - centre) / centre)


def log_qpd(resolved: Array, cost: Array, unresolved_usd: float, weights: Array | None = None) -> Reading:
    """log QPD, QPD = R / (C + F (1 - R)). Raises ValueError where nothing is resolved, or all is for nothing."""
    share, dollars = _mean(resolved, weights), _mean(cost, weights)
    whole = dollars + unresolved_usd * (1 - share)
    if share <= 0 or whole <= 0:
        raise ValueError("QPD has no logarithm: nothing is resolved, or all is resolved for nothing")
    by_share = (resolved - share) / share
    return Reading(
        float(np.log(share / whole)), by_share - (cost - dollars - unresolved_usd * (resolved - share)) / whole
    )


def dollars(resolved: Array, cost: Array, unresolved_usd: float, weights: Array | None = None) -> Reading:
    """Effective dollars a conversation: C + F (1 - R)."""
    return mean(cost + unresolved_usd * (1 - resolved), weights)


def log_ratio_of_means(above: Array, below: Array, weights: Array | None = None) -> Reading:
    """log(mean above / mean below) of one arm, such as tokens a turn. Raises ValueError where one is not above 0."""
    first, second = log_mean(above, weights), log_mean(below, weights)
    return Reading(first.value - second.value, first.influence - second.influence)


@dataclass(frozen=True, slots=True)
class Effect:
    """A value and the influence values of independent groups of units, each group with mean 0.

    `degrees`: of freedom of each group where they are not one fewer than its units. `within`: units of groups that the
    parts do not tell apart, such as strata that share clusters. `unit`: what is counted, in words.
    """

    value: float
    parts: tuple[Array, ...]
    unscored: int = 0
    degrees: tuple[float, ...] | None = None
    within: tuple[int, ...] = ()
    unit: str = "conversations"

    @property
    def n(self) -> int:
        """Units: conversations, or clusters of them."""
        return sum(part.size for part in self.parts)

    @property
    def fewest(self) -> int:
        """Units in the smallest of the groups: they have to be enough for an interval."""
        return min((*(part.size for part in self.parts), *self.within), default=0)

    @property
    def identical(self) -> bool:
        """Nothing differs in any unit."""
        return self.value == 0.0 and not any(part.any() for part in self.parts)

    @property
    def error(self) -> float:
        """The standard error; infinite where a group has a single unit."""
        if self.fewest < 2:
            return 0.0 if self.identical else float("inf")
        return float(np.sqrt(self.covariance(self)))

    @property
    def freedom(self) -> float:
        """Degrees of freedom: n - 1 of one group, Welch's and Satterthwaite's of several."""
        degrees = self.degrees or [part.size - 1 for part in self.parts]
        if len(degrees) == 1:
            return degrees[0]
        shares = [part.var(ddof=1) / part.size for part in self.parts]
        below = sum(share**2 / each for share, each in zip(shares, degrees, strict=True))
        return float(sum(shares) ** 2 / below) if below > 0 else min(degrees)

    def covariance(self, other: Effect) -> float:
        """Of this value with another over the same units; with itself the square of the error."""
        pairs = zip(self.parts, other.parts, strict=True)
        return float(sum(_dot(one - one.mean(), two - two.mean()) / (one.size - 1) / one.size for one, two in pairs))

    @property
    def deviation(self) -> float:
        """What the error would be for one unit: SE = deviation / sqrt(n)."""
        return self.error * float(np.sqrt(self.n))

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The lower and the upper one-sided bound, each wrong with probability alpha. No bound where n is too small."""
        if self.identical:
            return 0.0, 0.0
        if self.fewest < FEWEST:
            return -float("inf"), float("inf")
        half = t_quantile(1 - alpha, self.freedom) * self.error
        return self.value - half, self.value + half

    @property
    def skewness(self) -> float:
        """Of the effect's own distribution: its third cumulant over its standard error cubed."""
        return float(sum((part**3).mean() / part.size**2 for part in self.parts)) / self.error**3

    def skewed_bounds(self, alpha: float) -> tuple[float, float]:
        """The bounds, further out on the side of a long tail (Hall 1992), never further in.

        For what few conversations carry: where one of thirty has all the harm, a plain bound at 5 % is wrong in 22 % of
        100 conversations, this one in 7 % (gamma sizes; scripts/bench/coverage.md has the grid).
        """
        low, high = self.bounds(alpha)
        if not 0 < self.error < float("inf") or self.fewest < FEWEST:
            return low, high
        quantile = t_quantile(1 - alpha, self.freedom)
        least, most = (self.value - self.error * uncorrected(each, self.skewness) for each in (quantile, -quantile))
        return min(low, least), max(high, most)

    def p_below(self, bound: float = 0.0) -> float:
        """One-sided p-value that the effect is below a bound; 1 where n is too small."""
        if self.identical:
            return 0.0 if bound > 0 else 1.0
        if self.fewest < FEWEST:
            return 1.0
        distance = bound - self.value
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return t_above(distance / self.error, self.freedom)

    def estimate(self) -> Estimate:
        """With its 95 % interval, or with the reason why there is none."""
        if self.identical:
            return Estimate(0.0, 0.0, 0.0, self.n, self.unscored, IDENTICAL)
        if self.fewest < FEWEST:
            why = f"no interval: {self.fewest} {self.unit}, {FEWEST} are needed"
            return Estimate(self.value, None, None, self.n, self.unscored, why)
        low, high = self.bounds((1 - LEVEL) / 2)
        return Estimate(self.value, low, high, self.n, self.unscored)

    def reversed(self) -> Effect:
        """The same with the other sign."""
        return replace(self, value=-self.value, parts=tuple(-part for part in self.parts))


@dataclass(frozen=True, slots=True)
class Suite(Effect):
    """An effect on these conversations and no others: all that varies is from run to run.

    Each part is (conversations, samples). With C conversations, S samples and s_i^2 the variance of conversation i's,
    SE^2 = sum_i s_i^2 / S / C^2. It says nothing about other conversations: never to be mixed with an `Effect`.
    """

    @property
    def n(self) -> int:
        return max((part.shape[0] for part in self.parts), default=0)

    @property
    def fewest(self) -> int:
        return min((part.shape[0] for part in self.parts), default=0)

    @property
    def freedom(self) -> float:
        """Satterthwaite's, about C (S - 1): s_i^4 overstates the fourth power by (S + 1) / (S - 1) on average."""
        varied = [part.var(axis=1, ddof=1) / part.shape[1] / part.shape[0] ** 2 for part in self.parts]
        below = sum(float((each**2).sum()) / (part.shape[1] + 1) for each, part in zip(varied, self.parts, strict=True))
        most = float(sum(part.shape[0] * (part.shape[1] - 1) for part in self.parts))
        return min(most, float(sum(each.sum() for each in varied)) ** 2 / below) if below > 0 else most

    @property
    def skewness(self) -> float:
        within = [part - part.mean(axis=1, keepdims=True) for part in self.parts]
        return float(sum((part**3).mean() / part.size**2 for part in within)) / self.error**3

    def covariance(self, other: Effect) -> float:
        found = 0.0
        for one, two in zip(self.parts, other.parts, strict=True):
            count, samples = one.shape
            within = _dot(one - one.mean(axis=1, keepdims=True), two - two.mean(axis=1, keepdims=True))
            found += within / (samples - 1) / samples / count**2
        return found


def corrected(t: float, skewness: float) -> float:
    """Hall's monotone cubic of a studentised mean (1992): t + S (t^2 / 3 + 1/6) + S^2 t^3 / 27."""
    return t + skewness * (t**2 / 3 + 1 / 6) + skewness**2 * t**3 / 27


def uncorrected(t: float, skewness: float) -> float:
    """The inverse of `corrected`."""
    if abs(skewness) < NOISE:
        return t
    inside = 1 + skewness * (t - skewness / 6)
    return 3 / skewness * float(np.cbrt(inside) - 1)


def suite(effect: Effect) -> Suite:
    """The same effect for these conversations alone, from readings of columns (conversations, samples) without gaps.

    Raises ValueError where there are no two samples: then what a run varies by is not known.
    """
    if any(part.ndim != 2 or part.shape[1] < 2 for part in effect.parts):
        raise ValueError("suite inference needs 2 samples of each conversation or more")
    return Suite(effect.value, effect.parts, effect.unscored)


def difference(first: Reading, second: Reading, unscored: int = 0) -> Effect:
    """First minus second over the same conversations. What only float noise sets apart is 0."""
    value = first.value - second.value
    if abs(value) <= NOISE * max(abs(first.value), abs(second.value), 1.0):
        value = 0.0
    influence = first.influence - second.influence
    scale = max(float(np.abs(each).max(initial=0.0)) for arm in (first, second) for each in (arm.value, arm.influence))
    return Effect(value, (np.where(np.abs(influence) <= NOISE * scale, 0.0, influence),), unscored)


def apart(first: Reading, second: Reading, unscored: int = 0) -> Effect:
    """First minus second over different conversations (Welch)."""
    return Effect(first.value - second.value, (first.influence, -second.influence), unscored)


def of(reading: Reading, unscored: int = 0) -> Effect:
    """One arm alone."""
    return Effect(reading.value, (reading.influence,), unscored)


def by_cluster(effect: Effect, clusters: Sequence[Sequence[Any]], weights: Array | None = None) -> Effect:
    """The same effect with the units of each part taken together by cluster: one sum of influences a cluster.

    With G clusters of C conversations, SE^2 = G/(G-1) sum_g psi_g^2 / C^2: the sandwich of a regression on a constant
    (Liang and Zeger 1986), each conversation weighing 1. There are fewer than G - 1 degrees of freedom where a few
    clusters have most of the conversations, or of their `weights`, which the influences have in them already.
    """
    parts, degrees = [], []
    for part, names in zip(effect.parts, clusters, strict=True):
        groups, place = np.unique(np.asarray(names), return_inverse=True)
        parts.append(_sums(place, part, groups.size) * groups.size / part.size)
        weight = np.ones(part.size) if weights is None else weights
        sizes, squares = (_sums(place, each, groups.size) for each in (weight, weight**2))
        degrees.append(_cluster_freedom(sizes, squares))
    return replace(effect, parts=tuple(parts), degrees=tuple(degrees), unit=CLUSTERS)


def apart_by_cluster(effect: Effect, clusters: Sequence[Sequence[Any]]) -> Effect:
    """An effect over different conversations by cluster, where the same clusters may be on both sides.

    Those have one sum of their influences on both: somebody who likes the one and not the other counts once.
    """
    apart = by_cluster(effect, clusters)
    first, second = (set(names) for names in clusters)
    if not first & second or apart.degrees is None:
        return apart
    groups, place = np.unique(np.concatenate([np.asarray(names) for names in clusters]), return_inverse=True)
    shares = np.concatenate([part / part.size for part in effect.parts])
    sums = _sums(place, shares, groups.size)
    return replace(apart, parts=(sums * groups.size,), degrees=(min(apart.degrees),), within=(len(first), len(second)))


def _sums(place: Any, values: Array, groups: int) -> Array:
    return np.bincount(place, weights=values, minlength=groups).astype(float)


def _cluster_freedom(sizes: Array, squares: Array) -> float:
    """Bell's and McCaffrey's degrees of freedom (2002) of a mean over clusters of these sizes; G - 1 if all are equal.

    (tr B)^2 / tr(B^2) with B the covariance of the clusters' sums of residuals, were ALIKE the correlation within.
    `sizes`: sums of the weights in each; `squares`: of their squares.
    """
    weight, spread = sizes / sizes.sum(), (1 - ALIKE) * squares + ALIKE * sizes**2
    whole, squared, crossed = float(spread.sum()), _dot(weight, weight), _dot(weight, spread)
    trace = whole - 2 * crossed + whole * squared
    below = _dot(spread, spread) * (1 + 2 * squared) + 2 * crossed**2 + (whole * squared) ** 2
    below -= 4 * _dot(weight, spread**2) - 2 * whole * _dot(spread, weight**2) + 4 * whole * squared * crossed
    return trace**2 / below if below > 0 else 0.0


def by_stratum(effect: Effect, strata: Sequence[Any], shares: dict[Any, float]) -> Effect:
    """A paired effect read with `weights(strata, shares)`, its error that of a post-stratified mean.

    SE^2 = sum_h W_h^2 s_h^2 / n_h over strata with declared shares W_h (Cochran 1977, 5A.9, conditional on n_h).
    """
    (part,) = effect.parts
    labels = np.array([*strata, None], dtype=object)[:-1]  # names of any kind, compared as they are
    names = [name for name in dict.fromkeys(strata) if shares[name] > 0]
    whole = sum(shares[name] for name in names)
    found = []
    for name in names:
        mine = part[labels == name]
        found.append(shares[name] / whole * (mine - mine.mean()))
    return Effect(effect.value, tuple(found), effect.unscored)


def by_stratum_and_cluster(
    effect: Effect, strata: Sequence[Any], shares: dict[Any, float], clusters: Sequence[Any]
) -> Effect:
    """A paired effect read with `weights(strata, shares)` by cluster, whose conversations may be of several strata.

    One sum a cluster of the post-stratified mean's influences, w_i (psi_i - mean of its stratum). Each stratum needs
    as many clusters as an effect alone does.
    """
    (part,) = effect.parts
    labels, owners = np.array([*strata, None], dtype=object)[:-1], np.asarray(clusters)
    names = list(dict.fromkeys(strata))
    weight = weights(strata, {name: shares[name] for name in names})
    centred = np.empty(part.size)
    for name in names:
        mine = labels == name
        centred[mine] = weight[mine] * (part[mine] - part[mine].mean())
    within = tuple(len(set(owners[labels == name])) for name in names if shares[name] > 0)
    return replace(by_cluster(Effect(effect.value, (centred,), effect.unscored), [clusters], weight), within=within)


def weights(strata: Sequence[Any], shares: dict[Any, float]) -> Array:
    """The weight of each conversation, mean 1, so that each stratum has its declared share.

    Raises KeyError where a stratum has no share, ValueError where a share has no conversation.
    """
    counts: dict[Any, int] = {}
    for name in strata:
        counts[name] = counts.get(name, 0) + 1
    whole = sum(shares[name] for name in counts)
    if absent := [name for name, share in shares.items() if share > 0 and name not in counts]:
        raise ValueError(f"no conversation of '{absent[0]}'")
    return np.array([shares[name] / whole * len(strata) / counts[name] for name in strata])


def _mean(values: Array, weights: Array | None) -> float:
    return float(values.mean() if weights is None else (values * weights).mean())


def _dot(first: Array, second: Array) -> float:
    return float(np.vdot(first, second))
