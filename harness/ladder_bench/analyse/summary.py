"""The summary: a run's numbers under their stable names, its verdict and its banners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ladder_bench.analyse import estimates, metrics, pareto
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.metrics import Scores
from ladder_bench.domain import Estimate, Json

SCHEMA = 1
MARGIN = 0.03  # quality that a cheaper strategy may lose, at the lower end of its interval
FAILED_SHARE = 0.02  # of the turns; beyond it what is left may be the easy part
SMALL = 50  # conversations below which a sample is small


def summarise(about: Json, tables: Mapping[str, Any], counts: Mapping[str, Json], spent_usd: float) -> dict[str, Json]:
    """Summarise a run from its description (run.json) and tables. The result is `summary.json`."""
    strategies = about["strategies"]
    config = about["config"]
    names = [each["name"] for each in strategies]
    scores = metrics.scores(tables, names, about["dataset"]["conversations"], config["resolved_quality"])
    by_name = dict(zip(names, scores, strict=True))
    unresolved = config["unresolved_cost_usd"]
    if unresolved is None:
        unresolved = _default_unresolved(by_name, about["tiers"])
    reasons = _reasons(about["dataset"])
    base = _best_single(scores, strategies)
    labels = pareto.labels(scores)
    rows = [
        {
            "name": name,
            "controls": bool(strategy["control"]),
            "metrics": {key: asdict(value) for key, value in metrics.estimated(score, unresolved, reasons).items()},
            "pareto": labels[name],
            "against_base": _against(score, by_name[base]) if base else None,
            "failed_turns": score.failed_turns,
            "turns": score.turns,
        }
        for name, strategy, score in zip(names, strategies, scores, strict=True)
    ]
    summary: dict[str, Json] = {
        "schema": SCHEMA,
        "dataset": about["dataset"]["name"],
        "mode": about["mode"],
        "incomplete": about.get("incomplete"),
        "banners": [],
        "verdict": _verdict(rows, base, about),
        "base": base,
        "unresolved_cost_usd": unresolved,
        "strategies": rows,
        "dropped": about["dropped"],
        "not_measured": _not_measured(rows),
        "calls": dict(counts),
        "spent_usd": spent_usd,
        "validity": {"value": None, "why": "replay validity is not measured by this version"},
    }
    summary["banners"] = _banners(summary, about, scores)
    found: dict[str, Json] = _plain(summary)
    return found


def _default_unresolved(scores: Mapping[str, Scores], tiers: Sequence[Mapping[str, Json]]) -> float | None:
    top = scores.get(tiers[0]["name"])
    if top is None:
        return None
    cost = estimates.mean(top.values["cost_usd_warm"]).value
    return None if cost is None else metrics.UNRESOLVED_TIMES * cost


def _reasons(dataset: Mapping[str, Json]) -> dict[str, str]:
    """Why a metric cannot be measured in a dataset, by metric."""
    holds = dataset["holds"]
    reasons: dict[str, str] = {}
    if not holds["criteria"] and not holds["constraints"]:
        why = "the dataset has no criteria and no constraints"
        reasons |= dict.fromkeys(("quality", "resolved", "tokens_per_resolved", "cost_usd_per_resolved", "qpd"), why)
    if not holds["criteria"]:
        reasons |= dict.fromkeys(("correctness", "completeness"), "the dataset has no criteria")
    if not holds["constraints"]:
        reasons["constraint_coverage"] = "the dataset has no constraints"
    if not holds["intent"]:
        reasons |= dict.fromkeys(("first_turn_alignment", "first_turn_alignment_at_1"), "the dataset has no intent")
    if not holds["format"]:
        reasons["format_adherence"] = "the dataset has no output contract and no format criteria"
    reasons["cost_usd_billed"] = "no provider reported usage for every call (simulated tiers bill nothing)"
    reasons["unsupported_per_claim"] = "no answer names specifics"
    return reasons


def _best_single(scores: Sequence[Scores], strategies: Sequence[Mapping[str, Json]]) -> str | None:
    """The plain single tier with the highest mean quality: what a ladder has to hold its own against."""
    plain = [
        score
        for score, strategy in zip(scores, strategies, strict=True)
        if len(strategy["steps"]) == 1
        and not strategy["mix"]
        and not strategy["scaffold"]
        and not strategy["guardrails"]
        and not strategy["escalation"]
    ]
    known = [score for score in plain if not np.isnan(score.values["quality"]).all()]
    if not known:
        return None
    return max(known, key=lambda score: float(np.nanmean(score.values["quality"]))).strategy


def _against(score: Scores, base: Scores) -> dict[str, Json]:
    """The paired difference in quality and the cost as a share of the base's."""
    cost = estimates.ratio(score.values["cost_usd_warm"], base.values["cost_usd_warm"])
    return {"quality": asdict(metrics.paired(score, base, "quality")), "cost": asdict(cost), "cost_share": cost.value}


# --- verdict -------------------------------------------------------------------------------


def _verdict(rows: Sequence[Mapping[str, Json]], base: str | None, about: Json) -> dict[str, Json]:
    """The cheapest strategy whose quality against the best single tier is shown to be above -0.03, or none.

    Shown to be cheaper, too, and answered: a strategy that failed at many turns has shown nothing.
    """
    simulated = _is_simulated(about)
    if base is None:
        text = "No verdict: nothing in this dataset defines quality, so cost is all that could be compared."
        return {"outcome": "unknown", "strategy": None, "text": text}
    conversations = len(about["dataset"]["conversations"])
    if conversations < FEWEST:
        text = f"Too few conversations to tell: {conversations}, and {FEWEST} are needed for an interval."
        return {"outcome": "too_few", "strategy": None, "text": text}
    others = [row for row in rows if row["name"] != base]
    held = [
        row
        for row in others
        if (low := row["against_base"]["quality"]["low"]) is not None
        and low > -MARGIN
        and (high := row["against_base"]["cost"]["high"]) is not None
        and high < 1
        and row["failed_turns"] <= FAILED_SHARE * row["turns"]
    ]
    where = "In this simulation, " if simulated else ""
    if not held:
        text = (
            f"{where}{'n' if where else 'N'}othing cheaper is shown to keep the quality of {base}: no cheaper "
            f"strategy's 95 % interval stays above -{MARGIN:.2f}."
        )
        return {"outcome": "none", "strategy": None, "text": text}
    best = min(held, key=lambda row: row["against_base"]["cost_share"])
    difference = best["against_base"]["quality"]
    text = (
        f"{where}{best['name']} is the cheapest that keeps quality: {_points(difference['value'])} points against "
        f"{base} (95 % interval {_points(difference['low'])} to {_points(difference['high'])}, n = {difference['n']}) "
        f"at {best['against_base']['cost_share']:.0%} of its cost; picked among {len(others)} on the same "
        "conversations, so confirm it on others before you ship it."
    )
    return {"outcome": "found", "strategy": best["name"], "text": text}


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def _is_simulated(about: Json) -> bool:
    return any(tier["model"].startswith("simulated/") for tier in about["tiers"])


# --- what a reader must know ---------------------------------------------------------------


def _banners(summary: Mapping[str, Json], about: Json, scores: Sequence[Scores]) -> list[str]:
    found = []
    if _is_simulated(about):
        found.append("simulated tiers: these numbers illustrate the tool, they say nothing about any model")
    if stopped := about.get("incomplete"):
        found.append(
            f"incomplete: stopped after {stopped['conversations']} of {stopped['of']} conversations, those that "
            f"finished first ({stopped['reason']}); the same command again completes it"
        )
    conversations = len(about["dataset"]["conversations"])
    if conversations < FEWEST:
        found.append(f"{conversations} conversations: too few for any interval ({FEWEST} are needed)")
    elif conversations < SMALL:
        found.append(f"small sample: {conversations} conversations")
    if about["mode"] == "forced":
        found.append(
            "forced replay: every turn starts from the recorded history, so good or bad framing cannot carry on"
        )
    recorded = [tier["name"] for tier in about["tiers"] if tier["model"] == "recorded"]
    if recorded and about["mode"] == "rollout":
        found.append(
            f"'{recorded[0]}' is recorded: it never leaves its own log, so a difference to it includes what replaying "
            "costs (no placebo in this run)"
        )
    failed = sum(score.failed_turns for score in scores)
    if failed:
        found.append(
            f"{failed} of {sum(score.turns for score in scores)} turns were not answered; they are unscored, not wrong"
        )
    if any(np.nansum(score.values["estimated_calls"]) > 0 for score in scores):
        found.append("some usage was not recorded: tokens were counted with a public tokenizer, so costs are estimates")
    unscored = sum(row["metrics"]["quality"]["unscored"] for row in summary["strategies"])
    if unscored:
        found.append(f"{unscored} turns could not be scored for quality and are left out of its means")
    found.extend(about["notes"])
    return found


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
