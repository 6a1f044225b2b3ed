"""The summary: a run's numbers under their stable names, its verdict and its banners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ladder_bench.analyse import contract, estimates, handoffs, metrics, pareto, purposes, shortfalls, strategies
from ladder_bench.analyse.ablations import ablations
from ladder_bench.analyse.against import against, best_single, replay_artefacts
from ladder_bench.analyse.banners import banners
from ladder_bench.analyse.escalations import escalations
from ladder_bench.analyse.headline import estimated
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.reasons import reasons, withheld
from ladder_bench.analyse.routes import triggers
from ladder_bench.analyse.validity import validity
from ladder_bench.analyse.verdict import verdict
from ladder_bench.domain import Estimate, Json

SCHEMA = 1


def summarise(about: Json, tables: Mapping[str, Any], counts: Mapping[str, Json], spent_usd: float) -> dict[str, Json]:
    """Summarise a run from its description (run.json) and tables. The result is `summary.json`."""
    names = [each["name"] for each in about["strategies"]]
    conversations = about["dataset"]["conversations"]
    scores = metrics.scores(tables, names, conversations, about["config"]["resolved_quality"], about["mode"])
    by_name = dict(zip(names, scores, strict=True))
    base = best_single(about, scores)
    unresolved = about["config"]["unresolved_cost_usd"]
    if unresolved is None:
        unresolved = _default_unresolved(by_name, about)
    rows = _rows(about, tables, scores, unresolved, by_name[base] if base else None)
    fitting = validity(scores, base, about["mode"])
    identified = {name: row["identified"] for name, row in fitting["strategies"].items()}
    short = shortfalls.shortfalls(about, tables)
    pairs, pooled = ablations(about, by_name, short)
    by_strategy, by_detector = triggers(about, tables)
    evaluation, evaluation_calls = purposes.evaluation(tables)
    summary: dict[str, Json] = {
        "schema": SCHEMA,
        "dataset": about["dataset"]["name"],
        "mode": about["mode"],
        "incomplete": about.get("incomplete"),
        "banners": [],
        "verdict": verdict(rows, base, about, identified),
        "base": base,
        "unresolved_cost_usd": unresolved,
        "strategies": rows,
        "dropped": about["dropped"],
        "not_measured": _not_measured(rows),
        "calls": dict(counts),
        "spent_usd": spent_usd,
        "evaluation_usd": sum(evaluation.values()),
        "evaluation_by_purpose": evaluation,
        "evaluation_calls": evaluation_calls,
        "by_purpose": {score.strategy: purposes.by_purpose(score) for score in scores},
        "validity": fitting,
        "replay_artefact": replay_artefacts(about, by_name),
        "ablations": pairs,
        "ablations_pooled": pooled,
        "handoffs": handoffs.handoffs(about, by_name),
        "triggers": {"by_strategy": by_strategy, "by_detector": by_detector},
        "escalations": escalations(about, tables, by_name),
        "shortfalls": shortfalls.as_json(short),
        "failure": shortfalls.failures(tables),
    }
    summary["banners"] = banners(summary, about, scores, short)
    found: dict[str, Json] = _plain(summary)
    return found


def _rows(
    about: Json, tables: Mapping[str, Any], scores: Sequence[Scores], unresolved: float | None, base: Scores | None
) -> list[dict[str, Json]]:
    """A row a strategy, with all that is known of it alone, and against the base."""
    why, never, labels = reasons(about), withheld(about["mode"]), pareto.labels(scores, _replaced(about))
    place = {name: index for index, name in enumerate(sorted(about["dataset"]["conversations"]))}
    return [
        {
            "name": score.strategy,
            "controls": bool(strategy["control"]),
            "metrics": {
                key: asdict(each)
                for key, each in estimated(score, unresolved, why, never, strategies.certain(strategy)).items()
            },
            "pareto": labels[score.strategy],
            "against_base": against(score, base) if base else None,
            "failed_turns": score.failed_turns,
            "turns": score.turns,
            "contract": contract.contract(score),
            "memory": contract.memory(tables, score, place),
            "discarded_per_conversation": asdict(estimates.amount(_discarded(score))),
            "quality_by_turn": handoffs.by_turn(score),
            **_since_handoff(score, about["mode"]),
        }
        for strategy, score in zip(about["strategies"], scores, strict=True)
    ]


def _discarded(score: Scores) -> Estimate:
    return estimates.mean(score.values["discarded_per_conversation"])


def _replaced(about: Json) -> frozenset[str]:
    """The recordings for which a placebo stands: a comparison with them would charge the others for the replay."""
    plain = strategies.plain_by_tier(about["strategies"])
    return frozenset(plain[tier] for tier in strategies.placebos(about) if tier in plain)


def _since_handoff(score: Scores, mode: str) -> dict[str, Json]:
    """What becomes of answers after a handoff; nothing, where every turn starts from the recording.

    Nor with a played user, who sends the worse answers back: the first ones that are graded would be the better ones.
    """
    return {
        f"{name}_since_handoff": handoffs.since_handoff(score, metric) if mode == "rollout" else {}
        for name, metric in (("quality", "quality"), ("coverage", "constraint_coverage"))
    }


def _default_unresolved(scores: Mapping[str, Scores], about: Json) -> float | None:
    """From the top tier alone, whatever the strategy is called that is just that."""
    top = strategies.plain_by_tier(about["strategies"]).get(about["tiers"][0]["name"])
    if top is None:
        return None
    cost = estimates.mean(scores[top].values["cost_usd_warm"]).value
    return None if cost is None else metrics.UNRESOLVED_TIMES * cost


def _not_measured(rows: Sequence[Mapping[str, Json]]) -> list[dict[str, str]]:
    """Metrics that no strategy has, each with its reason."""
    found = []
    for name in metrics.METRICS:
        cells = [row["metrics"][name] for row in rows]
        if all(cell["value"] is None for cell in cells):
            found.append({"metric": name, "why": cells[0]["why"]})
    return found


def _plain(value: Json) -> Json:
    """Numpy scalars to Python ones."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def estimate_of(cell: Mapping[str, Json]) -> Estimate:
    """An estimate back from its place in a summary."""
    return Estimate(**cell)
