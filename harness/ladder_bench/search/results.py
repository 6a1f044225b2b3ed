"""Results: what a strategy is worth on some conversations, against the strongest tier on the same ones. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import FEWEST, LEVEL, Array, t_quantile
from ladder_bench.domain import Estimate, Json


@dataclass(frozen=True)
class Values:
    """Quality and dollars of a strategy and of the strongest tier alone, one value a conversation."""

    quality: Array
    usd: Array
    top_quality: Array
    top_usd: Array

    @property
    def gain(self) -> Array:
        return estimates.difference(self.quality, self.top_quality)

    def of(self, rows: Array) -> Values:
        return Values(self.quality[rows], self.usd[rows], self.top_quality[rows], self.top_usd[rows])


def joined(parts: Sequence[Values]) -> Values:
    """The values of several sets of conversations, one after the other."""
    names = ("quality", "usd", "top_quality", "top_usd")
    return Values(*(np.concatenate([getattr(each, name) for each in parts]) for name in names))


def told(values: Values, unresolved_usd: float) -> dict[str, Json]:
    """The estimates of a strategy, as JSON."""
    found = {
        "quality": estimates.within_1(estimates.mean(values.quality)),
        "quality_gain": estimates.mean(values.gain),
        "cost_usd_warm": estimates.amount(estimates.mean(values.usd)),
        "cost_share": estimates.ratio(values.usd, values.top_usd),
        "saving_usd": estimates.mean(estimates.difference(values.top_usd, values.usd)),
        "qpd": per_dollar(values.quality, values.usd, unresolved_usd),
    }
    return {name: asdict(each) for name, each in found.items()}


def per_dollar(quality: Array, usd: Array, unresolved_usd: float) -> Estimate:
    """QPD with quality in the place of resolved: Q / (C + F * (1 - Q)), by influence values."""
    share, dollars = float(quality.mean()), float(usd.mean())
    whole = dollars + unresolved_usd * (1 - share)
    if whole <= 0:
        return estimates.missing("cost is 0 and nothing is lost")
    by_quality = (whole + share * unresolved_usd) / whole**2
    influence = by_quality * (quality - share) - share / whole**2 * (usd - dollars)
    return estimates.with_interval(share / whole, influence)


def apart(first: Array, second: Array) -> Estimate:
    """Mean of `first` minus mean of `second` over different conversations, with Welch's interval."""
    n = min(len(first), len(second))
    value = float(first.mean() - second.mean())
    if n < FEWEST:
        why = f"no interval: {n} conversations on one side, {FEWEST} are needed"
        return Estimate(value, None, None, len(first) + len(second), 0, why)
    errors = [float(each.var(ddof=1)) / len(each) for each in (first, second)]
    whole = sum(errors)
    if whole == 0:
        return Estimate(value, value, value, len(first) + len(second))
    freedom = whole**2 / sum(e**2 / (len(each) - 1) for e, each in zip(errors, (first, second), strict=True))
    half = t_quantile((1 + LEVEL) / 2, int(freedom)) * float(np.sqrt(whole))
    return Estimate(value, value - half, value + half, len(first) + len(second))
