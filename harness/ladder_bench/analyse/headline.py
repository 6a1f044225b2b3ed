"""Headline numbers: every metric of a strategy as an estimate, or why it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from ladder_bench.analyse import estimates, gaps
from ladder_bench.analyse.metrics import METRICS, Scores
from ladder_bench.domain import Estimate

CONVERSATIONS_FOR_P99 = 200
SHARES = frozenset((
    "quality", "correctness", "completeness", "constraint_coverage", "self_corrections_per_turn",
    "first_turn_alignment", "first_turn_alignment_at_1", "format_adherence", "resolved", "invalid_turn_share",
))  # fmt: skip
RATES = frozenset(("unsupported_per_turn", "escalations_per_conversation", "handoffs_per_conversation"))


def estimated(
    score: Scores,
    unresolved_usd: float | None,
    reasons: Mapping[str, str],
    withheld: Mapping[str, str] = MappingProxyType({}),
    certain: frozenset[str] = frozenset(),
    rate: str = "resolved",
) -> dict[str, Estimate]:
    """Every metric of a strategy. `reasons`: why one may have no value in this run; `withheld`: why it may not have.

    `certain`: counts that are 0 by the strategy's make, not by chance. `rate`: the metric that QPD takes for resolved.
    """
    found: dict[str, Estimate] = {}
    for name in METRICS:
        if name in score.values:
            each = estimates.mean(score.values[name], score.unscored.get(name, 0))
            by_chance = name in RATES and name not in certain
            found[name] = estimates.share(each) if name in SHARES else estimates.rate(each) if by_chance else each
    left_out = score.unscored.get("unsupported_per_turn", 0)
    per_claim = estimates.ratio(score.values["unsupported"], score.values["claims"], left_out)
    found["unsupported_per_claim"] = estimates.share(per_claim)
    found["qpd"] = quality_per_dollar(score, unresolved_usd, rate)
    resolved = score.values["resolved"]
    for name, column in (("tokens_per_resolved", "tokens"), ("cost_usd_per_resolved", "cost_usd_warm")):
        known = ~np.isnan(resolved) & ~np.isnan(score.values[column])
        found[name] = (
            estimates.ratio(score.values[column], resolved, score.unscored.get("resolved", 0))
            if known.any() and resolved[known].sum() > 0
            else estimates.missing("no conversation was resolved" if known.any() else "nothing defines resolved")
        )
    for name, estimate in zip(("wait_s_p50", "wait_s_p90", "wait_s_p99"), _waits(score), strict=True):
        found[name] = estimate
    nothing = estimates.missing("no conversation has a value")
    found = {name: estimates.amount(_explained(found.get(name, nothing), reasons.get(name))) for name in METRICS}
    found = {name: gaps.withheld(each, score.gaps.get(name)) for name, each in found.items()}
    return found | {name: estimates.missing(why) for name, why in withheld.items()}


def _explained(estimate: Estimate, reason: str | None) -> Estimate:
    if estimate.value is None and reason:
        return estimates.missing(reason, estimate.unscored)
    return estimate


def quality_per_dollar(score: Scores, unresolved_usd: float | None, rate: str = "resolved") -> Estimate:
    """QPD = R / (C + F·(1 - R)): conversations resolved per effective dollar.

    `rate` is the metric that R is: quality stands in for resolved in a run where nothing defines that.
    """
    cost = score.values["cost_usd_warm"]
    resolved = score.values[rate]
    known = ~np.isnan(resolved) & ~np.isnan(cost)
    if unresolved_usd is None or not known.any():
        return estimates.missing("nothing defines resolved" if not known.any() else "the top tier has no cost")
    r, c = resolved[known], cost[known]
    share, dollars = float(r.mean()), float(c.mean())
    whole = dollars + unresolved_usd * (1 - share)
    if whole == 0:
        return estimates.missing("cost is 0 and everything is resolved")
    by_rate = (whole + share * unresolved_usd) / whole**2
    by_cost = -share / whole**2
    influence = by_rate * (r - share) + by_cost * (c - dollars)
    found = estimates.with_interval(share / whole, influence, score.unscored.get(rate, 0))
    return _as_wide_as_the_share(found, share, dollars, unresolved_usd)


def _as_wide_as_the_share(found: Estimate, share: float, dollars: float, unresolved_usd: float) -> Estimate:
    """Where all are resolved, or none is, the share has no spread to measure and yet is not known for certain.

    The interval then reaches to what QPD is at the end of that share's exact interval.
    """
    if found.low is None or found.high is None or share not in (0.0, 1.0):
        return found
    least = estimates.least_of_all(found.n)
    possible = least if share else 1 - least
    bound = possible / (dollars + unresolved_usd * (1 - possible))
    return replace(found, low=min(found.low, bound), high=max(found.high, bound))


def _waits(score: Scores) -> list[Estimate]:
    found = estimates.quantiles(score.waits, (0.5, 0.9, 0.99))
    measured = sum(1 for group in score.waits if group.size)
    left_out = score.turns - sum(group.size for group in score.waits)
    found = [replace(each, unscored=left_out) for each in found]
    if found[2].value is not None and measured < CONVERSATIONS_FOR_P99:
        why = f"a 99th percentile needs {CONVERSATIONS_FOR_P99} conversations; here are {measured}"
        found[2] = estimates.missing(why)
    return found
