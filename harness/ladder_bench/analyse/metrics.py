"""Metrics: from a run's tables to one value a conversation and strategy, and from those to estimates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench import folder
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
    """One strategy's values, one a conversation in the order of their ids, NaN where there is none. Means over samples.

    `unscored` counts, by metric, what is left out: verdicts that could not be judged; turns (quality, per-turn rates);
    conversations, once a sample, that were not answered to the end (costs, tokens, resolved, escalations, handoffs).
    `waits` are seconds a turn, by conversation.
    """

    strategy: str
    values: Mapping[str, Array]
    unscored: Mapping[str, int]
    waits: Sequence[Array]
    failed_turns: int
    turns: int


def scores(
    tables: Mapping[str, Any], strategies: Sequence[str], conversations: Sequence[str], resolved_quality: float
) -> list[Scores]:
    """Reduce a run's tables to values a conversation, for every strategy in the given order."""
    place = {name: index for index, name in enumerate(sorted(conversations))}
    samples = 1 + max(tables["turns"]["sample"].to_pylist(), default=0)
    return [_scores(name, tables, place, samples, resolved_quality) for name in strategies]


READ = {
    "turns": ("conversation", "sample", "failure", "opened", "switched", "wait_s"),
    "calls": ("conversation", "sample", "usd_warm", "usd_cold", "usd_billed", "input", "output", "estimated"),
    "verdicts": ("conversation", "sample", "turn", "metric", "value", "weight", "critical"),
}


def _rows(tables: Mapping[str, Any], name: str, strategy: str) -> Iterator[Mapping[str, Any]]:
    import pyarrow.compute as pc

    chosen = pc.is_in(tables[name]["strategy"], value_set=folder.column("string", [strategy]))
    return folder.rows_of(tables[name].select(READ[name]).filter(chosen))


class _Sums:
    """Sums and weights, one a conversation and sample."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.total, self.weight = np.zeros(shape), np.zeros(shape)

    def add(self, cell: Cell, value: float, weight: float = 1.0) -> None:
        self.total[cell] += value * weight
        self.weight[cell] += weight

    def over(self, counts: Array) -> Array:
        """One value a conversation: the total over the counts, NaN where a count is 0; then the mean over samples."""
        cells = np.full(self.total.shape, np.nan)
        np.divide(self.total, counts, out=cells, where=counts > 0)
        known = ~np.isnan(cells)
        found = np.full(len(cells), np.nan)
        np.divide(np.where(known, cells, 0.0).sum(axis=1), known.sum(axis=1), out=found, where=known.any(axis=1))
        return found


Cell = tuple[int, int]  # (index of the conversation, sample)
COMPLETE = (
    "cost_usd_warm", "cost_usd_cold", "cost_usd_billed", "tokens", "estimated_calls",
    "escalations_per_conversation", "handoffs_per_conversation",
)  # fmt: skip


def _scores(
    name: str,
    tables: Mapping[str, Any],
    place: Mapping[str, int],
    samples: int,
    resolved_quality: float,
) -> Scores:
    sums: dict[str, _Sums] = defaultdict(lambda: _Sums((len(place), samples)))
    waits: list[list[float]] = [[] for _ in place]
    for row in _rows(tables, "turns", name):
        cell = place[row["conversation"]], row["sample"]
        sums["turns"].add(cell, 1.0)
        sums["answered"].add(cell, float(row["failure"] is None))
        sums["escalations_per_conversation"].add(cell, float(row["opened"]))
        sums["handoffs_per_conversation"].add(cell, float(row["switched"]))
        if row["wait_s"] is not None:
            waits[cell[0]].append(row["wait_s"])
    for row in _rows(tables, "calls", name):
        _add_call(sums, (place[row["conversation"]], row["sample"]), row)
    lived, answered = sums["turns"].total, sums["answered"].total
    complete = ((lived > 0) & (answered == lived)).astype(float)  # what was not answered to the end has no whole cost
    billed = complete * (sums["not_billed"].total == 0)
    broken = int((lived > 0).sum() - complete.sum())
    failed = int(lived.sum() - answered.sum())
    unscored: dict[str, int] = defaultdict(int, dict.fromkeys(COMPLETE, broken))
    unscored |= {"cost_usd_billed": int((lived > 0).sum() - billed.sum())}
    unscored |= {"unsupported_per_turn": failed, "self_corrections_per_turn": failed}
    values = {metric: sums[metric].over(billed if metric == "cost_usd_billed" else complete) for metric in COMPLETE}
    values |= _graded(_rows(tables, "verdicts", name), place, sums, unscored, resolved_quality)
    some = (answered > 0).astype(float)
    values |= {"unsupported": sums["unsupported"].over(some), "claims": sums["claims"].over(some)}
    values |= {f"{metric}_per_turn": sums[metric].over(answered) for metric in ("unsupported", "self_corrections")}
    return Scores(name, values, unscored, [np.array(each) for each in waits], failed, int(lived.sum()))


def _add_call(sums: dict[str, _Sums], cell: Cell, row: Mapping[str, Any]) -> None:
    sums["cost_usd_warm"].add(cell, row["usd_warm"])
    sums["cost_usd_cold"].add(cell, row["usd_cold"])
    sums["not_billed"].add(cell, float(row["usd_billed"] is None))
    sums["cost_usd_billed"].add(cell, row["usd_billed"] or 0.0)
    sums["tokens"].add(cell, float(row["input"] + row["output"]))
    sums["estimated_calls"].add(cell, float(row["estimated"]))


def _graded(
    verdicts: Iterable[Mapping[str, Any]],
    place: Mapping[str, int],
    sums: dict[str, _Sums],
    unscored: dict[str, int],
    resolved_quality: float,
) -> dict[str, Array]:
    per_turn: dict[tuple[Cell, int], _TurnScore] = defaultdict(_TurnScore)
    for row in verdicts:
        cell, metric, value = (place[row["conversation"]], row["sample"]), row["metric"], row["value"]
        if metric in QUALITY:
            per_turn[cell, row["turn"]].add(row)
        if metric == "supported_specifics":
            if value is not None:  # None: the answer names none, so there was nothing to judge
                sums["claims"].add(cell, row["weight"])
                sums["unsupported"].add(cell, row["weight"] * (1.0 - value))
        elif metric in NAMES and value is None:
            unscored[NAMES[metric]] += 1
        elif metric in NAMES and metric not in OF_A_TURN:
            sums[NAMES[metric]].add(cell, value)
    for (cell, _), turn in per_turn.items():
        for metric, share in turn.shares().items():
            sums[metric].add(cell, share)
        if turn.weight == 0:
            unscored["quality"] += 1
    complete = sums["answered"].total == sums["turns"].total
    for cell, is_resolved in _resolved(per_turn, complete, resolved_quality).items():
        if is_resolved is None:
            unscored["resolved"] += 1
        else:
            sums["resolved"].add(cell, float(is_resolved))
    wanted = (
        "quality", "correctness", "completeness", "constraint_coverage", "first_turn_alignment",
        "first_turn_alignment_at_1", "format_adherence", "resolved",
    )  # fmt: skip
    return {name: sums[name].over(sums[name].weight) for name in wanted}


NAMES = {
    "correctness": "correctness",
    "completeness": "completeness",
    "active_constraint": "constraint_coverage",
    "format": "format_adherence",
    "output_contract": "format_adherence",
    "alignment_at_1": "first_turn_alignment_at_1",
    "alignment_at_2": "first_turn_alignment",
    "self_correction": "self_corrections",
}
OF_A_TURN = ("correctness", "completeness", "active_constraint")  # a share of the turn first, then the mean over turns


class _TurnScore:
    """A turn's criteria and active constraints: met and judged weight, and whether the critical ones hold."""

    __slots__ = ("_kinds", "critical_missed", "critical_unknown", "met", "weight")

    def __init__(self) -> None:
        self.met = self.weight = 0.0
        self.critical_missed = self.critical_unknown = False
        self._kinds: dict[str, tuple[float, float]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        value, metric = row["value"], row["metric"]
        if value is None:
            self.critical_unknown |= row["critical"]
            return
        self.met += value * row["weight"]
        self.weight += row["weight"]
        self.critical_missed |= row["critical"] and value < 1.0
        if metric in OF_A_TURN:
            weight = 1.0 if metric == "active_constraint" else row["weight"]  # coverage counts constraints
            met, whole = self._kinds.get(metric, (0.0, 0.0))
            self._kinds[metric] = met + value * weight, whole + weight

    def shares(self) -> dict[str, float]:
        """Q and the other shares of this turn, by the metric's name, where something was judged."""
        parts = {"quality": (self.met, self.weight)} | {NAMES[kind]: part for kind, part in self._kinds.items()}
        return {name: met / whole for name, (met, whole) in parts.items() if whole > 0}


def _resolved(
    per_turn: Mapping[tuple[Cell, int], _TurnScore], complete: Any, resolved_quality: float
) -> dict[Cell, bool | None]:
    """All critical criteria met and Q at least the threshold.

    None where that could not be judged: a critical criterion is unscored, or turns were not answered.
    """
    grouped: dict[Cell, list[_TurnScore]] = defaultdict(list)
    for (cell, _), turn in per_turn.items():
        grouped[cell].append(turn)
    found: dict[Cell, bool | None] = {}
    for cell, turns in grouped.items():
        scored = [turn.met / turn.weight for turn in turns if turn.weight > 0]
        if any(turn.critical_missed for turn in turns):
            found[cell] = False
        elif any(turn.critical_unknown for turn in turns) or not scored or not complete[cell]:
            found[cell] = None
        else:
            found[cell] = sum(scored) / len(scored) >= resolved_quality - 1e-12
    return found


# --- estimates -----------------------------------------------------------------------------


def estimated(score: Scores, unresolved_usd: float | None, reasons: Mapping[str, str]) -> dict[str, Estimate]:
    """Every metric of a strategy. `reasons` say why a metric has no value in this dataset."""
    found: dict[str, Estimate] = {}
    simple = [name for name in METRICS if name in score.values]
    for name in simple:
        found[name] = estimates.mean(score.values[name], score.unscored.get(name, 0))
    left_out = score.unscored.get("unsupported_per_turn", 0)
    found["unsupported_per_claim"] = estimates.ratio(score.values["unsupported"], score.values["claims"], left_out)
    found["qpd"] = quality_per_dollar(score, unresolved_usd)
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
    influence = by_rate * (r - rate) + by_cost * (c - dollars)
    return estimates.with_interval(rate / whole, influence, score.unscored.get("resolved", 0))


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
    return estimates.mean(estimates.difference(first.values[metric], second.values[metric]))
