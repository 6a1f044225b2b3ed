"""Ablations: what one knob buys, from every pair of strategies that differ in it alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import combinations
from types import MappingProxyType

import numpy as np

from ladder_bench.analyse import estimates, strategies
from ladder_bench.analyse.drift import holm
from ladder_bench.analyse.estimates import FEWEST, NOISE, Array, standard_error, t_above
from ladder_bench.analyse.metrics import Scores, comparable
from ladder_bench.analyse.shortfalls import Shortfall, withheld
from ladder_bench.analyse.strategies import Strategy
from ladder_bench.domain import Json

DIFFERENCES = (
    "quality",
    "resolved",
    "constraint_coverage",
    "unsupported_per_turn",
    "handoffs_per_conversation",
    "cost_usd_warm",
)
PACK, BEYOND_PACK = "pack on a single tier", "ladder beyond the pack"  # the comparisons of more than one knob
FRAMING = frozenset(("scaffold", PACK, BEYOND_PACK))  # what only shows where answers carry forward
READ_LATER = frozenset(("guardrails", "memory", "context", *strategies.IN_MEMORY))  # what the later tiers read
FORCED = "forced replay starts every turn from the recording: it cannot show what framing does"


@dataclass(frozen=True, slots=True)
class Pair:
    """Two strategies and what sets them apart. `before` is without the mitigation; the names are `base`, `strategy`."""

    knob: str
    before: str
    after: str
    base: str
    strategy: str
    why: str | None = None  # the reason where nothing may be said
    controls: bool = field(default=False, compare=False)  # one of the two was added as a control


def ablations(
    about: Json, scores: Mapping[str, Scores], short: Mapping[str, Mapping[str, Shortfall]] = MappingProxyType({})
) -> tuple[list[dict[str, Json]], list[dict[str, Json]]]:
    """A row for every pair, and one for every change of a knob over all its pairs. Differences: with minus without.

    `short`: what strategies fell short of; where that is most of what a knob sets, nothing is said of the knob.
    """
    found = list(pairs(about, short))
    rows = [_row([pair], scores) | {"strategy": pair.strategy, "base": pair.base} for pair in found]
    grouped: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for pair in found:
        if pair.why is None and pair.knob not in (PACK, BEYOND_PACK):
            grouped[pair.knob, pair.before, pair.after].append(pair)
    together = [_row(group, scores) | {"pairs": len(group)} for group in grouped.values()]
    return _adjusted(rows), _adjusted(together)


# --- pairs ---------------------------------------------------------------------------------


def pairs(about: Json, short: Mapping[str, Mapping[str, Shortfall]] = MappingProxyType({})) -> Iterator[Pair]:
    """Every pair of a run's strategies that says what something buys, with the reason where it cannot."""
    recorded = strategies.recorded_tiers(about["tiers"])
    for each in (*_of_one_knob(about["strategies"]), *_of_the_pack(about["strategies"])):
        knob, base, strategy = each
        yield Pair(
            knob,
            strategies.readable(knob, base) if knob in strategies.knobs(base) else str(base["name"]),
            strategies.readable(knob, strategy) if knob in strategies.knobs(base) else str(strategy["name"]),
            base["name"],
            strategy["name"],
            _withheld(knob, strategy, about["mode"], recorded)
            or withheld(knob, strategy["name"], short)
            or withheld(knob, base["name"], short),
            bool(base["control"] or strategy["control"]),
        )


def _of_one_knob(known: Sequence[Strategy]) -> Iterator[tuple[str, Strategy, Strategy]]:
    set_as = [(strategy, strategies.knobs(strategy)) for strategy in known]
    for (first, one), (second, other) in combinations(set_as, 2):
        knob = strategies.only_change(one, other)
        if knob is None:
            continue
        ordered = sorted(((first, one), (second, other)), key=lambda each: strategies.extent(knob, each[1][knob]))
        yield knob, ordered[0][0], ordered[1][0]


def _of_the_pack(known: Sequence[Strategy]) -> Iterator[tuple[str, Strategy, Strategy]]:
    """Each tier with the prompt pack against itself without; each ladder against its last step's tier with the pack."""
    by_name = {strategy["name"]: strategy for strategy in known}
    plain, packed = strategies.plain_by_tier(known), strategies.packed_by_tier(known)
    for tier in packed:
        if tier in plain:
            yield PACK, by_name[plain[tier]], by_name[packed[tier]]
    for strategy in known:
        last = strategy["steps"][-1]["tier"]
        changes = len(strategies.tiers(strategy)) > 1 or strategies.escalation(strategy) is not None
        if changes and not strategy["mix"] and last in packed:
            yield BEYOND_PACK, by_name[packed[last]], strategy


def _withheld(knob: str, strategy: Strategy, mode: str, recorded: frozenset[str]) -> str | None:
    guide, *others = (step["tier"] for step in strategy["steps"])
    if mode == "forced" and knob in FRAMING:
        return FORCED
    if knob in ("scaffold", BEYOND_PACK) and guide in recorded:
        return f"the guide '{guide}' is recorded: it reads no scaffold"
    if knob in READ_LATER and others and set(others) <= recorded:
        return f"'{others[0]}' is recorded: it reads no {'guardrails' if knob == 'guardrails' else 'memory'}"
    return None


# --- rows ----------------------------------------------------------------------------------


def _row(group: Sequence[Pair], scores: Mapping[str, Scores]) -> dict[str, Json]:
    """One pair, or the mean over several: a value a conversation first, from those that all the pairs have."""
    first = group[0]
    arms = [(scores[pair.strategy], scores[pair.base]) for pair in group]
    changes = {
        metric: np.mean([estimates.difference(*comparable(*arm, metric)) for arm in arms], axis=0)
        for metric in DIFFERENCES
    }
    costs = [np.mean([each.values["cost_usd_warm"] for each in side], axis=0) for side in zip(*arms, strict=True)]
    if first.why is None:
        differences = {
            metric: estimates.mean(values, int(np.isnan(values).sum())) for metric, values in changes.items()
        }
        ratio = estimates.amount(estimates.ratio(*_both(*costs)))
    else:
        differences = {metric: estimates.missing(first.why) for metric in DIFFERENCES}
        ratio = estimates.missing(first.why)
    return {
        "knob": first.knob,
        "from": first.before,
        "to": first.after,
        "differences": {metric: asdict(each) for metric, each in differences.items()},
        "cost_ratio": asdict(ratio),
        "p": None if first.why else _p(changes["quality"]),
        "controls": all(pair.controls for pair in group),
        "why": first.why,
    }


def _both(first: Array, second: Array) -> tuple[Array, Array]:
    known = ~np.isnan(first) & ~np.isnan(second)
    return first[known], second[known]


def _p(changes: Array) -> float | None:
    """Two-sided p-value that the mean is 0; None where there are too few conversations."""
    known = changes[~np.isnan(changes)]
    if known.size < FEWEST:
        return None
    centre, error = abs(float(known.mean())), standard_error(known)
    if centre <= NOISE:
        return 1.0
    return min(1.0, 2 * t_above(centre / error, known.size - 1)) if error > 0 else 0.0


def _adjusted(rows: list[dict[str, Json]]) -> list[dict[str, Json]]:
    """Rows with the p-value of their quality difference adjusted for all the rows of the table (Holm)."""
    tested = {(str(place), ""): row["p"] for place, row in enumerate(rows) if row["p"] is not None}
    adjusted = holm(tested)
    return [
        {key: value for key, value in row.items() if key != "p"} | {"p_adjusted": adjusted.get((str(place), ""))}
        for place, row in enumerate(rows)
    ]
