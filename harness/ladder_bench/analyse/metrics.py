"""Metrics: from a run's tables to one value a conversation and strategy, and from those to estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Estimate

CRITERIA = ("correctness", "completeness", "constraint", "format")
QUALITY = frozenset((*CRITERIA, "active_constraint"))
UNRESOLVED_TIMES = 10.0  # an unresolved conversation costs this many conversations on the top tier, unless declared

METRICS = (
    "quality",
    "cost_usd_warm",
    "cost_usd_cold",
    "cost_usd_billed",
    "qpd",
    "correctness",
    "completeness",
    "constraint_coverage",
    "unsupported_per_turn",
    "unsupported_per_claim",
    "self_corrections_per_turn",
    "first_turn_alignment",
    "first_turn_alignment_at_1",
    "format_adherence",
    "resolved",
    "turns_to_resolution",
    "tokens_per_resolved",
    "cost_usd_per_resolved",
    "escalations_per_conversation",
    "handoffs_per_conversation",
    "wait_s_p50",
    "wait_s_p90",
    "wait_s_p99",
    "invalid_turn_share",
)
CONVERSATIONS_FOR_P99 = 200


@dataclass(frozen=True, slots=True)
class Scores:
    """One strategy's values, one a conversation in the dataset's order, NaN where there is none. Means over samples.

    `unscored` counts, by metric, the verdicts that could not be judged; `waits` are seconds a turn, by conversation.
    """

    strategy: str
    values: Mapping[str, Array]
    unscored: Mapping[str, int]
    waits: Sequence[Array]
    failed_turns: int
    turns: int


class _Sums:
    """Sums and weights a conversation; their ratio is the conversation's value."""

    def __init__(self, size: int) -> None:
        self.total, self.weight = np.zeros(size), np.zeros(size)

    def add(self, index: int, value: float, weight: float = 1.0) -> None:
        self.total[index] += value * weight
        self.weight[index] += weight

    def means(self) -> Array:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Array = self.total / self.weight
        return found


def scores(
    tables: Mapping[str, Any], strategies: Sequence[str], conversations: Sequence[str], resolved_quality: float
) -> list[Scores]:
    """Reduce a run's tables to values a conversation, for every strategy in the given order."""
    place = {name: index for index, name in enumerate(conversations)}
    turns, calls, verdicts = (_by_strategy(tables[name]) for name in ("turns", "calls", "verdicts"))
    return [
        _scores(name, place, turns.get(name, []), calls.get(name, []), verdicts.get(name, []), resolved_quality)
        for name in strategies
    ]


def _by_strategy(table: Any) -> dict[str, list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    light = table.drop_columns(
        [name for name in ("messages", "memory", "reason", "params") if name in table.column_names]
    )
    for row in light.to_pylist():
        groups[row["strategy"]].append(row)
    return groups


def _scores(
    name: str,
    place: Mapping[str, int],
    turns: list[dict[str, Any]],
    calls: list[dict[str, Any]],
    verdicts: list[dict[str, Any]],
    resolved_quality: float,
) -> Scores:
    size = len(place)
    sums: dict[str, _Sums] = defaultdict(lambda: _Sums(size))
    waits: list[list[float]] = [[] for _ in range(size)]
    samples: dict[int, set[int]] = defaultdict(set)
    for row in turns:
        index = place[row["conversation"]]
        samples[index].add(row["sample"])
        sums["turns"].add(index, 1.0)
        sums["answered"].add(index, float(row["failure"] is None))
        sums["escalations"].add(index, float(row["opened"]))
        sums["handoffs"].add(index, float(row["switched"]))
        if row["wait_s"] is not None:
            waits[index].append(row["wait_s"])
    count = np.array([len(samples[index]) or np.nan for index in range(size)], dtype=float)
    values = {
        "escalations_per_conversation": sums["escalations"].total / count,
        "handoffs_per_conversation": sums["handoffs"].total / count,
        "answered_turns": sums["answered"].total / count,
    }
    values |= _costs(calls, place, sums, count)
    unscored: dict[str, int] = defaultdict(int)
    values |= _graded(verdicts, place, sums, unscored, resolved_quality)
    with np.errstate(invalid="ignore", divide="ignore"):
        for metric in ("unsupported", "self_corrections"):
            values[f"{metric}_per_turn"] = sums[metric].total / np.where(
                sums["answered"].total > 0, sums["answered"].total, np.nan
            )
    values["unsupported"] = sums["unsupported"].total / count
    values["claims"] = sums["claims"].total / count
    failed = int(sums["turns"].total.sum() - sums["answered"].total.sum())
    return Scores(name, values, unscored, [np.array(each) for each in waits], failed, int(sums["turns"].total.sum()))


def _costs(
    calls: list[dict[str, Any]], place: Mapping[str, int], sums: dict[str, _Sums], count: Array
) -> dict[str, Array]:
    billed_missing = np.zeros(len(place), dtype=bool)
    for row in calls:
        index = place[row["conversation"]]
        for column in ("usd_warm", "usd_cold"):
            sums[column].add(index, row[column])
        if row["usd_billed"] is None:
            billed_missing[index] = True
        else:
            sums["usd_billed"].add(index, row["usd_billed"])
        sums["tokens"].add(index, float(row["input"] + row["output"]))
        sums["estimated"].add(index, float(row["estimated"]))
    return {
        "cost_usd_warm": sums["usd_warm"].total / count,
        "cost_usd_cold": sums["usd_cold"].total / count,
        "cost_usd_billed": np.where(billed_missing, np.nan, sums["usd_billed"].total / count),
        "tokens": sums["tokens"].total / count,
        "estimated_calls": sums["estimated"].total / count,
    }


def _graded(
    verdicts: list[dict[str, Any]],
    place: Mapping[str, int],
    sums: dict[str, _Sums],
    unscored: dict[str, int],
    resolved_quality: float,
) -> dict[str, Array]:
    per_turn: dict[tuple[int, int, int], _TurnScore] = defaultdict(_TurnScore)
    for row in verdicts:
        index, metric, value = place[row["conversation"]], row["metric"], row["value"]
        if metric in QUALITY:
            per_turn[index, row["sample"], row["turn"]].add(row)
        if metric == "supported_specifics":
            if value is not None:
                sums["claims"].add(index, row["weight"])
                sums["unsupported"].add(index, row["weight"] * (1.0 - value))
            continue
        name = NAMES.get(metric)
        if name is None:
            continue
        if value is None:
            unscored[name] += 1
        else:
            sums[name].add(index, value, row["weight"] if metric in CRITERIA else 1.0)
        if metric == "format" and value is not None:
            sums["format_adherence"].add(index, value)
    resolved = _resolved(per_turn, resolved_quality)
    for (index, _, _), turn in per_turn.items():
        if turn.weight > 0:
            sums["quality"].add(index, turn.met / turn.weight)
        else:
            unscored["quality"] += 1
        if turn.constraints:
            sums["constraint_coverage"].add(index, sum(turn.constraints) / len(turn.constraints))
    for (index, _), is_resolved in resolved.items():
        if is_resolved is None:
            unscored["resolved"] += 1
        else:
            sums["resolved"].add(index, float(is_resolved))
    wanted = (
        "quality", "correctness", "completeness", "constraint_coverage", "first_turn_alignment",
        "first_turn_alignment_at_1", "format_adherence", "resolved",
    )  # fmt: skip
    return {name: sums[name].means() for name in wanted}


NAMES = {
    "correctness": "correctness",
    "completeness": "completeness",
    "output_contract": "format_adherence",
    "alignment_at_1": "first_turn_alignment_at_1",
    "alignment_at_2": "first_turn_alignment",
    "self_correction": "self_corrections",
}


class _TurnScore:
    """A turn's criteria and active constraints: met and judged weight, and whether the critical ones hold."""

    def __init__(self) -> None:
        self.met = self.weight = 0.0
        self.constraints: list[float] = []
        self.critical_missed = self.critical_unknown = False

    def add(self, row: Mapping[str, Any]) -> None:
        value = row["value"]
        if value is None:
            self.critical_unknown |= row["critical"]
            return
        self.met += value * row["weight"]
        self.weight += row["weight"]
        self.critical_missed |= row["critical"] and value < 1.0
        if row["metric"] == "active_constraint":
            self.constraints.append(value)


def _resolved(
    per_turn: Mapping[tuple[int, int, int], _TurnScore], resolved_quality: float
) -> dict[tuple[int, int], bool | None]:
    """All critical criteria met and Q at least the threshold; None where a critical one could not be judged."""
    grouped: dict[tuple[int, int], list[_TurnScore]] = defaultdict(list)
    for (index, sample, _), turn in per_turn.items():
        grouped[index, sample].append(turn)
    found: dict[tuple[int, int], bool | None] = {}
    for key, turns in grouped.items():
        scored = [turn.met / turn.weight for turn in turns if turn.weight > 0]
        if any(turn.critical_missed for turn in turns):
            found[key] = False
        elif any(turn.critical_unknown for turn in turns) or not scored:
            found[key] = None
        else:
            found[key] = sum(scored) / len(scored) >= resolved_quality - 1e-12
    return found


# --- estimates -----------------------------------------------------------------------------


def estimated(score: Scores, unresolved_usd: float | None, reasons: Mapping[str, str]) -> dict[str, Estimate]:
    """Every metric of a strategy. `reasons` say why a metric has no value in this dataset."""
    found: dict[str, Estimate] = {}
    simple = [name for name in METRICS if name in score.values]
    for name in simple:
        found[name] = estimates.mean(score.values[name], score.unscored.get(name, 0))
    found["unsupported_per_claim"] = estimates.ratio(score.values["unsupported"], score.values["claims"])
    found["qpd"] = quality_per_dollar(score, unresolved_usd)
    resolved = score.values["resolved"]
    for name, column in (("tokens_per_resolved", "tokens"), ("cost_usd_per_resolved", "cost_usd_warm")):
        known = ~np.isnan(resolved) & ~np.isnan(score.values[column])
        found[name] = (
            estimates.ratio(score.values[column][known], resolved[known])
            if known.any() and resolved[known].sum() > 0
            else estimates.missing("no conversation was resolved" if known.any() else "nothing defines resolved")
        )
    for name, estimate in zip(("wait_s_p50", "wait_s_p90", "wait_s_p99"), _waits(score), strict=True):
        found[name] = estimate
    found["turns_to_resolution"] = estimates.missing(
        "a replay has as many user turns as the recording; needs a simulated user, which this version has not"
    )
    found["invalid_turn_share"] = estimates.missing("replay validity is not measured by this version")
    return {name: _explained(found[name], reasons.get(name)) for name in METRICS}


def _explained(estimate: Estimate, reason: str | None) -> Estimate:
    if estimate.value is None and reason:
        return estimates.missing(reason, estimate.unscored)
    return estimate


def quality_per_dollar(score: Scores, unresolved_usd: float | None) -> Estimate:
    """QPD = R / (C + F·(1 - R)): conversations resolved per effective dollar. Q stands in where nothing defines R."""
    cost = score.values["cost_usd_warm"]
    resolved = score.values["resolved"]
    known = ~np.isnan(resolved) & ~np.isnan(cost)
    if unresolved_usd is None or not known.any():
        return estimates.missing("nothing defines resolved" if not known.any() else "the top tier has no cost")
    r, c = resolved[known], cost[known]
    rate, dollars = float(r.mean()), float(c.mean())
    whole = dollars + unresolved_usd * (1 - rate)
    if whole == 0:
        return estimates.missing("cost is 0 and everything is resolved")
    by_rate = (whole + rate * unresolved_usd) / whole**2
    by_cost = -rate / whole**2
    return estimates.with_interval(rate / whole, by_rate * (r - rate) + by_cost * (c - dollars))


def _waits(score: Scores) -> list[Estimate]:
    found = estimates.quantiles(score.waits, (0.5, 0.9, 0.99))
    measured = sum(1 for group in score.waits if group.size)
    left_out = score.turns - sum(group.size for group in score.waits)
    found = [replace(each, unscored=left_out) for each in found]
    if found[2].value is not None and measured < CONVERSATIONS_FOR_P99:
        why = f"a 99th percentile needs {CONVERSATIONS_FOR_P99} conversations; here are {measured}"
        found[2] = estimates.missing(why)
    return found


def paired(first: Scores, second: Scores, metric: str) -> Estimate:
    """Mean of `first` minus `second` over the conversations that both have."""
    difference = first.values[metric] - second.values[metric]
    return estimates.mean(difference)
