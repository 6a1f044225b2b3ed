"""Metrics: from a run's tables to one value a conversation and strategy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ladder_bench.analyse import estimates, turns
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.gaps import Gap, Ledger
from ladder_bench.analyse.purposes import EVALUATION
from ladder_bench.analyse.resolution import RECORDED_OUTCOME, Life, Reached, Told
from ladder_bench.analyse.tables import rows
from ladder_bench.analyse.turns import AS_GOOD, PREFERENCE, QUALITY, Turns, TurnScore
from ladder_bench.domain import Estimate, Mode

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
SAMPLED = ("quality", "resolved", "cost_usd_warm", "unsupported_per_turn")  # those that are known for each sample
SHARES_OF_A_TURN = ("quality", "constraint_coverage")  # those whose value at each turn is kept
PARTS = ("scaffold_part", "guardrail")  # metrics that are reported by what they are about


@dataclass(frozen=True, slots=True)
class Scores:
    """One strategy's values, one a conversation in the order of their ids, NaN where there is none. Means over samples.

    `unscored` counts, by metric, what is left out: verdicts that could not be judged; turns (quality, per-turn rates);
    conversations, once a sample, that were not answered to the end (costs, tokens, resolved, escalations, handoffs).
    `waits` are seconds a turn, by conversation. `by_purpose`: warm dollars by the purpose of the calls. `parts`: shares
    by (metric, target) for scaffold parts and guardrails, and in `unscored` under "metric: target". `lived`: its turns.
    `cells`: `values` before the mean over samples, (conversations, samples), for the metrics of `SAMPLED`. `gaps`: what
    keeps metrics from having a value in some conversations, where a log does not say what they need.
    """

    strategy: str
    values: Mapping[str, Array]
    unscored: Mapping[str, int]
    waits: Sequence[Array]
    failed_turns: int
    turns: int
    by_purpose: Mapping[str, Array] = field(default_factory=dict)
    parts: Mapping[tuple[str, str], Array] = field(default_factory=dict)
    lived: Turns | None = None
    cells: Mapping[str, Array] = field(default_factory=dict)
    gaps: Mapping[str, Gap] = field(default_factory=dict)


def scores(
    tables: Mapping[str, Any],
    strategies: Sequence[str],
    conversations: Sequence[str],
    resolved_quality: float,
    mode: Mode = "rollout",
    preferred_over: str | None = None,
) -> list[Scores]:
    """Reduce a run's tables to values a conversation, for every strategy in the given order.

    `preferred_over`: the strategy over which a preference stands for quality: its own answers are as good as they are.
    """
    place = {name: index for index, name in enumerate(sorted(conversations))}
    samples = 1 + max(tables["turns"]["sample"].to_pylist(), default=0)
    return [
        _Reduction(tables, name, place, samples, resolved_quality, mode, preferred_over).scores() for name in strategies
    ]


READ = {
    "turns": (
        "conversation", "sample", "turn", "step", "tier", "failure", "opened", "switched", "escalated", "on_recording",
        "wait_s", "history", "answer",
    ),
    "calls": (
        "conversation", "sample", "turn", "purpose", "usd_warm", "usd_cold", "usd_billed", "input", "output",
        "estimated", "tier", "flags",
    ),
    "verdicts": ("conversation", "sample", "turn", "metric", "target", "value", "weight", "critical"),
}  # fmt: skip
Cell = tuple[int, int]  # (index of the conversation, sample)
COMPLETE = (
    "cost_usd_warm", "cost_usd_cold", "cost_usd_billed", "tokens", "estimated_calls",
    "escalations_per_conversation", "handoffs_per_conversation", "discarded_per_conversation",
)  # fmt: skip
GRADED = (
    "quality", "correctness", "completeness", "constraint_coverage", "first_turn_alignment",
    "first_turn_alignment_at_1", "format_adherence", "resolved", "turns_to_resolution", "invalid_turn_share",
)  # fmt: skip
NAMES = {
    "correctness": "correctness",
    "completeness": "completeness",
    "active_constraint": "constraint_coverage",
    "format": "format_adherence",
    "output_contract": "format_adherence",
    "alignment_at_1": "first_turn_alignment_at_1",
    "alignment_at_2": "first_turn_alignment",
    "self_correction": "self_corrections",
    "validity": "invalid_turn_share",
}
RESOLUTION = "resolution"
KNOWN = frozenset((*NAMES, *QUALITY, *PARTS, RESOLUTION, PREFERENCE, "supported_specifics", "reached", "step_met"))


class _Sums:
    """Sums and weights, one a conversation and sample."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.total, self.weight = np.zeros(shape), np.zeros(shape)

    def add(self, cell: Cell, value: float, weight: float = 1.0) -> None:
        self.total[cell] += value * weight
        self.weight[cell] += weight

    def cells(self, counts: Array) -> Array:
        """One value a conversation and sample: the total over the counts, NaN where a count is 0."""
        cells = np.full(self.total.shape, np.nan)
        np.divide(self.total, counts, out=cells, where=counts > 0)
        return cells

    def over(self, counts: Array) -> Array:
        """One value a conversation: the mean over samples of what `cells` gives."""
        return turns.over_samples(self.cells(counts))


class _Reduction:
    """One strategy's rows become its scores."""

    def __init__(
        self,
        tables: Mapping[str, Any],
        strategy: str,
        place: Mapping[str, int],
        samples: int,
        resolved_quality: float,
        mode: Mode,
        preferred_over: str | None = None,
    ) -> None:
        self._tables, self._strategy, self._place = tables, strategy, place
        self._resolved_quality, self._mode = resolved_quality, mode
        self._preferred_over = preferred_over
        self._shape = (len(place), samples)
        self._sums: dict[str, _Sums] = defaultdict(lambda: _Sums(self._shape))
        self._by_purpose: dict[str, _Sums] = defaultdict(lambda: _Sums(self._shape))
        self._parts: dict[tuple[str, str], _Sums] = defaultdict(lambda: _Sums(self._shape))
        self._unscored: dict[str, int] = defaultdict(int)
        self._per_turn: dict[tuple[Cell, int], TurnScore] = defaultdict(TurnScore)
        self._columns: dict[tuple[int, int, int], dict[str, float]] = defaultdict(dict)  # by conversation, sample, turn
        self._reached: dict[Cell, Reached] = {}
        self._told: dict[Cell, Told] = {}
        self._on_recording: set[tuple[Cell, int]] = set()  # turns at which there is no question of validity
        self._failed: set[tuple[Cell, int]] = set()  # turns without an answer
        self._called: set[tuple[int, int, int]] = set()  # turns with a call
        self._looked: set[str] = set()  # metrics of verdicts
        self._ledger = Ledger(self._shape)

    def scores(self) -> Scores:
        sums, unscored = self._sums, self._unscored
        lived_rows = list(self._rows("turns"))
        waits = self._add_turns(lived_rows)
        for row in self._rows("calls"):
            if row["purpose"] not in EVALUATION:
                self._add_call((self._place[row["conversation"]], row["sample"]), row)
        lived, answered, spoken = (sums[name].total for name in ("turns", "answered", "spoken"))
        whole = (lived > 0) & (answered == lived)  # what was not answered to the end has no whole cost
        complete = whole.astype(float)
        ledger = self._ledger
        if self._mode == "imported":
            ledger.silent((lived > 0) & (sums["called"].total == 0))
        priced, counted = complete * ~ledger.unpriced, complete * ~ledger.uncounted
        billed = priced * (sums["not_billed"].total == 0)
        of = dict.fromkeys(COMPLETE, complete) | {"cost_usd_warm": priced, "cost_usd_cold": priced}
        of |= {"cost_usd_billed": billed, "tokens": counted}
        failed = int(lived.sum() - answered.sum())
        unscored |= {metric: int((lived > 0).sum() - known.sum()) for metric, known in of.items()}
        unscored |= {"unsupported_per_turn": failed, "self_corrections_per_turn": failed}
        values = {metric: sums[metric].over(known) for metric, known in of.items()}
        values["turns_per_conversation"] = sums["called"].over((lived > 0).astype(float))
        self._add_verdicts(self._rows("verdicts"))
        self._add_shares()
        self._add_resolved(whole, lived_rows)
        values |= {name: sums[name].over(sums[name].weight) for name in GRADED}
        judged = self._of_looked(spoken, "supported_specifics")
        some = (judged > 0).astype(float)
        values |= {"unsupported": sums["unsupported"].over(some), "claims": sums["claims"].over(some)}
        judged = judged - sums["unjudged unsupported"].total
        values["unsupported_per_turn"] = sums["unsupported"].over(judged)
        read = self._of_looked(spoken, "self_correction") - sums["unjudged self_corrections"].total
        values["self_corrections_per_turn"] = sums["self_corrections"].over(read)
        cells = {name: sums[name].cells(sums[name].weight) for name in ("quality", "resolved")}
        cells["cost_usd_warm"] = sums["cost_usd_warm"].cells(priced)
        cells["unsupported_per_turn"] = sums["unsupported"].cells(judged)
        return Scores(
            self._strategy,
            values,
            unscored,
            [np.array(each) for each in waits],
            failed,
            int(lived.sum()),
            {purpose: found.over(priced) for purpose, found in sorted(self._by_purpose.items())},
            {part: found.over(found.weight) for part, found in self._parts.items()},
            turns.columns(lived_rows, self._place, self._columns),
            cells,
            ledger.gaps(int((lived > 0).sum())),
        )

    def _of_looked(self, spoken: Array, metric: str) -> Array:
        """The turns of a rate. Where nobody looked at imported answers nothing was found, and that is not 0."""
        return spoken * 0.0 if self._mode == "imported" and metric not in self._looked else spoken

    def _rows(self, name: str) -> Iterator[Mapping[str, Any]]:
        return rows(self._tables, name, self._strategy, READ[name])

    # --- turns and calls -------------------------------------------------------------------

    def _add_turns(self, lived: Iterable[Mapping[str, Any]]) -> list[list[float]]:
        waits: list[list[float]] = [[] for _ in self._place]
        for row in lived:
            cell = self._place[row["conversation"]], row["sample"]
            self._sums["turns"].add(cell, 1.0)
            self._sums["answered"].add(cell, float(row["failure"] is None))
            silent = self._mode == "imported" and row["answer"] is None  # where a log ends, nothing failed
            self._sums["spoken"].add(cell, float(row["failure"] is None and not silent))
            self._sums["escalations_per_conversation"].add(cell, float(row["opened"]))
            self._sums["handoffs_per_conversation"].add(cell, float(row["switched"]))
            if self._strategy == self._preferred_over and row["failure"] is None:
                self._per_turn[cell, row["turn"]].add(
                    {"metric": PREFERENCE, "value": AS_GOOD, "weight": 1.0, "critical": False}
                )
            if row["failure"] is not None or silent:
                self._failed.add((cell, row["turn"]))
            if row["on_recording"]:
                self._on_recording.add((cell, row["turn"]))
            if row["wait_s"] is not None:
                waits[cell[0]].append(row["wait_s"])
        return waits

    def _add_call(self, cell: Cell, row: Mapping[str, Any]) -> None:
        sums, discarded = self._sums, row["purpose"] == "discarded"
        if (*cell, row["turn"]) not in self._called:
            self._called.add((*cell, row["turn"]))
            sums["called"].add(cell, 1.0)
        sums["estimated_calls"].add(cell, float(row["estimated"]))
        sums["discarded_per_conversation"].add(cell, float(discarded))
        if not self._ledger.add(cell, row):
            return
        sums["cost_usd_warm"].add(cell, row["usd_warm"] or 0.0)
        sums["cost_usd_cold"].add(cell, row["usd_cold"] or 0.0)
        sums["not_billed"].add(cell, float(row["usd_billed"] is None))
        sums["cost_usd_billed"].add(cell, row["usd_billed"] or 0.0)
        sums["tokens"].add(cell, float((row["input"] or 0) + (row["output"] or 0)))
        self._by_purpose[row["purpose"]].add(cell, row["usd_warm"] or 0.0)
        if row["usd_warm"] is not None:
            columns = self._columns[*cell, row["turn"]]
            columns["usd"] = columns.get("usd", 0.0) + row["usd_warm"]

    # --- verdicts --------------------------------------------------------------------------

    def _add_verdicts(self, verdicts: Iterable[Mapping[str, Any]]) -> None:
        sums = self._sums
        for row in verdicts:
            cell, metric, value = (self._place[row["conversation"]], row["sample"]), row["metric"], row["value"]
            self._looked.add(metric)
            if metric in QUALITY or (metric == PREFERENCE and self._preferred_over):
                self._per_turn[cell, row["turn"]].add(row)
            if metric == "supported_specifics":
                self._add_claims(cell, row)
            elif metric == RESOLUTION:
                self._told.setdefault(cell, Told()).add(value, recorded=row["target"] == RECORDED_OUTCOME)
            elif metric in PARTS:
                self._add_part(cell, row)
            elif metric == "reached":
                self._add_reached(cell, row)
            elif metric == "validity" and (cell, row["turn"]) in self._on_recording:
                continue
            elif metric in NAMES and value is None:
                self._unscored[NAMES[metric]] += 1
                if metric == "self_correction" and (cell, row["turn"]) not in self._failed:
                    self._leave_out(cell, "self_corrections")
            elif metric == "validity":
                self._columns[*cell, row["turn"]]["valid"] = value
                sums["invalid_turn_share"].add(cell, 1.0 - value)
            elif metric in NAMES and metric not in turns.OF_A_TURN:
                sums[NAMES[metric]].add(cell, value)

    def _add_claims(self, cell: Cell, row: Mapping[str, Any]) -> None:
        value, weight = row["value"], row["weight"]
        if value is not None:
            self._sums["claims"].add(cell, weight)
            self._sums["unsupported"].add(cell, weight * (1.0 - value))
        elif weight > 0:  # else the answer names none, so there was nothing to judge
            self._leave_out(cell, "unsupported")

    def _leave_out(self, cell: Cell, metric: str) -> None:
        """Leave a turn out of a rate over turns, since nobody could judge it."""
        self._sums[f"unjudged {metric}"].add(cell, 1.0)
        self._unscored[f"{metric}_per_turn"] += 1

    def _add_part(self, cell: Cell, row: Mapping[str, Any]) -> None:
        part, value = (row["metric"], row["target"]), row["value"]
        found = self._parts[part]  # there is one, even where nothing could be judged
        if value is None:
            self._unscored[": ".join(part)] += 1
        else:
            found.add(cell, value)

    def _add_reached(self, cell: Cell, row: Mapping[str, Any]) -> None:
        """Of several verdicts the first that says yes counts, else the last."""
        if cell not in self._reached or self._reached[cell].value != 1.0:
            self._reached[cell] = Reached(row["value"], row["turn"])

    def _add_shares(self) -> None:
        for (cell, number), turn in self._per_turn.items():
            shares = turn.shares()
            for metric, share in shares.items():
                self._sums[metric].add(cell, share)
            if turn.weight == 0:
                self._unscored["quality"] += 1
            columns = self._columns[*cell, number]
            for name in shares.keys() & turns.NUMBERS:
                columns[name] = shares[name]

    # --- resolved --------------------------------------------------------------------------

    def _add_resolved(self, complete: Any, lived: Iterable[Mapping[str, Any]]) -> None:
        for cell, life in self._lives(complete, lived).items():
            found = life.resolved(self._resolved_quality, self._mode)
            if found is None:
                self._unscored["resolved"] += 1
                continue
            self._sums["resolved"].add(cell, float(found))
            if found and self._mode == "simulated":
                self._sums["turns_to_resolution"].add(cell, float(life.turn_of_resolution))

    def _lives(self, complete: Any, lived: Iterable[Mapping[str, Any]]) -> dict[Cell, Life]:
        """The conversations in which something was graded that may say whether they were resolved."""
        lives: dict[Cell, Life] = {}
        for row in lived:
            cell = self._place[row["conversation"]], row["sample"]
            new = Life({}, {}, bool(complete[cell]), self._reached.get(cell), self._told.get(cell))
            life = lives.setdefault(cell, new)
            life.steps[row["turn"]] = row["turn"] if row["step"] is None else row["step"]
        if self._preferred_over is None:  # to be preferred is not to have resolved anything
            for (cell, number), turn in self._per_turn.items():
                lives[cell].scored[number] = turn
        return {cell: life for cell, life in lives.items() if life.scored or life.reached or life.told}


def paired(first: Scores, second: Scores, metric: str) -> Estimate:
    """Mean of `first` minus `second` over the conversations that both have."""
    return estimates.paired(*comparable(first, second, metric))


def comparable(first: Scores, second: Scores, metric: str) -> tuple[Array, Array]:
    """A metric's values of two strategies, one a conversation, over the turns that have a value in both.

    Else a strategy that failed at the hard turns would be held to the easy ones, and the other one to all.
    """
    one, other = first.lived, second.lived
    if one is None or other is None or metric not in SHARES_OF_A_TURN:
        return first.values[metric], second.values[metric]
    size = len(first.values[metric])
    found = [
        turns.conversation_means(lived.conversation[at], lived.sample[at], lived.values[metric][at], size)
        for lived, at in zip((one, other), turns.scored_in_both(one, other, metric), strict=True)
    ]
    return found[0], found[1]
