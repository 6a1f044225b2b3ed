"""Escalations: how often a strategy climbed, what was refused or answered twice, what it gained and what it cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse import estimates, strategies, turns
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.handoffs import SENT_BACK
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.strategies import Strategy
from ladder_bench.analyse.tables import rows
from ladder_bench.domain import Estimate, Json

READ = ("conversation", "sample", "turn", "tier", "opened", "fired")


def escalations(about: Json, tables: Mapping[str, Any], scores: Mapping[str, Scores]) -> dict[str, Json]:
    """By strategy with triggers."""
    found = {}
    for strategy in about["strategies"]:
        if strategies.escalation(strategy) is None:
            continue
        score = scores[strategy["name"]]
        counts = {name: score.values[name] for name in ("escalations_per_conversation", "discarded_per_conversation")}
        counts |= _refused(about, strategy, tables)
        found[strategy["name"]] = {
            **{name: asdict(estimates.rate(estimates.mean(values))) for name, values in counts.items()},
            "discarded_usd": asdict(_discarded(score)),
            "gain": _gain(about, strategy, scores),
        }
    return found


def _discarded(score: Scores) -> Estimate:
    """Warm dollars a conversation for answers that were thrown away."""
    nothing = np.where(np.isnan(score.values["cost_usd_warm"]), np.nan, 0.0)
    return estimates.amount(estimates.mean(score.by_purpose.get("discarded", nothing)))


# --- what was refused ----------------------------------------------------------------------


def _refused(about: Json, strategy: Strategy, tables: Mapping[str, Any]) -> dict[str, Array]:
    """Turns a conversation at which a trigger fired and might have climbed, by what kept it from that."""
    escalation = strategy["escalation"]
    rank = {tier["name"]: place for place, tier in enumerate(about["tiers"])}
    place = {name: index for index, name in enumerate(sorted(about["dataset"]["conversations"]))}
    kept: dict[tuple[int, int], list[int]] = {}  # by conversation and sample: opened, refused by budget, by cooldown
    ordered = sorted(rows(tables, "turns", strategy["name"], READ), key=lambda row: row["turn"])
    for row in ordered:
        counts = kept.setdefault((place[row["conversation"]], row["sample"]), [0, 0, 0])
        if row["fired"] and rank[escalation["to"]] < rank[row["tier"]]:
            counts[1 if counts[0] >= escalation["at_most"] else 2] += 1
        counts[0] += row["opened"]
    cells = np.array([*kept], dtype=np.int64).reshape(-1, 2)
    values = np.array([*kept.values()], dtype=float).reshape(-1, 3)
    return {
        name: turns.conversation_means(cells[:, 0], cells[:, 1], values[:, column], len(place))
        for name, column in (("refused_by_budget", 1), ("refused_by_cooldown", 2))
    }


# --- what it gained ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Match:
    """The escalated turns of a strategy and, of some, the same turn not escalated: quality and dollars of both."""

    conversation: turns.Whole
    sample: turns.Whole
    quality: tuple[Array, Array]
    usd: tuple[Array, Array]


def _gain(about: Json, strategy: Strategy, scores: Mapping[str, Scores]) -> dict[str, Json]:
    """An escalated turn against the same turn of the same ladder without triggers, else of the step's tier alone."""
    lived = scores[strategy["name"]].lived
    escalated = np.flatnonzero(lived.escalated) if lived is not None else np.array([], dtype=np.int64)
    if lived is None or not escalated.size:
        return _nothing("no turn was escalated")
    if about["mode"] == "simulated":
        return _nothing(SENT_BACK, len(escalated))
    against = _without_triggers(about["strategies"], strategy)
    if against is not None:
        match = _matched(lived, escalated, [against] * len(escalated), scores)
        text = against
    else:
        alone = strategies.staying(about)
        planned = [strategies.planned_tier(strategy, int(lived.step[place])) for place in escalated]
        match = _matched(lived, escalated, [alone.get(tier or "") for tier in planned], scores)
        text = "the step's tier alone"
    if match is None:
        return _nothing("the run has neither the ladder without triggers nor its tiers alone")
    size = len(about["dataset"]["conversations"])
    unmatched = len(escalated) - len(match.conversation)
    found = {}
    for name, (own, other) in (("quality", match.quality), ("cost_usd_warm", match.usd)):
        changes = estimates.difference(own, other)
        means = turns.conversation_means(match.conversation, match.sample, changes, size)
        found[name] = asdict(estimates.mean(means, unmatched + int(np.isnan(changes).sum())))
    return {"against": text, "turns": len(escalated), **found, "why": None}


def _nothing(why: str, turns: int = 0) -> dict[str, Json]:
    missing = asdict(estimates.missing(why))
    return {"against": None, "turns": turns, "quality": missing, "cost_usd_warm": missing, "why": why}


def _without_triggers(known: Sequence[Strategy], strategy: Strategy) -> str | None:
    """The strategy that differs in having no triggers, if the run has one."""
    own = strategies.knobs(strategy)
    for other in known:
        if strategies.escalation(other) is None and strategies.only_change(strategies.knobs(other), own) == "triggers":
            return str(other["name"])
    return None


def _matched(
    lived: turns.Turns, escalated: turns.Whole, against: Sequence[str | None], scores: Mapping[str, Scores]
) -> _Match | None:
    """For each escalated turn the same turn of the strategy that it is held against, where both were lived."""
    places: list[int] = []
    quality: list[float] = []
    usd: list[float] = []
    matches: dict[str, dict[int, int]] = {}
    for place, name in zip(escalated.tolist(), against, strict=True):
        other = scores[name].lived if name else None
        if name is None or other is None:
            continue
        if name not in matches:
            matches[name] = turns.matches(lived, other)
        if place in matches[name]:
            at = matches[name][place]
            places.append(place)
            quality.append(float(other.values["quality"][at]))
            usd.append(float(other.values["usd"][at]))
    if not places:
        return None
    return _Match(
        lived.conversation[places],
        lived.sample[places],
        (lived.values["quality"][places], np.array(quality)),
        (lived.values["usd"][places], np.array(usd)),
    )
