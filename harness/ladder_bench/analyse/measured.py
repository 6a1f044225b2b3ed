"""Measured: a run's values by strategy, what they are held against, and the row that each strategy has in a summary."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse import contract, estimates, handoffs, metrics, pareto, sensitivity, strategies
from ladder_bench.analyse.against import against, best_single
from ladder_bench.analyse.corrections import prompted_shares
from ladder_bench.analyse.equal_quality import cost_at_equal_quality
from ladder_bench.analyse.headline import estimated
from ladder_bench.analyse.judgements import Judged
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.pass_hat import pass_hat_k
from ladder_bench.analyse.reasons import of_arm, reasons, withheld
from ladder_bench.domain import Estimate, Json


def scores(about: Json, tables: Mapping[str, Any], over: str | None) -> list[Scores]:
    """Every strategy's values from some tables. `over`: the strategy over which a preference stands for quality."""
    names, config = [each["name"] for each in about["strategies"]], about["config"]
    conversations = about["dataset"]["conversations"]
    return metrics.scores(tables, names, conversations, config["resolved_quality"], about["mode"], over)


@dataclass(frozen=True, slots=True)
class Measured:
    """A run with its values in the order of its strategies, and what judges said. `over` as for `scores`."""

    about: Json
    tables: Mapping[str, Any]
    scores: Sequence[Scores]
    found: Sequence[Judged]
    over: str | None

    @property
    def by_name(self) -> dict[str, Scores]:
        return {score.strategy: score for score in self.scores}

    @property
    def base(self) -> str | None:
        """What the others are held against: who answers were compared with, else the best plain single tier."""
        return self.over or best_single(self.about, self.scores)

    @property
    def unresolved_usd(self) -> float | None:
        """What one unresolved conversation costs; not declared, it follows from the top tier alone.

        That is the plain strategy of that tier, whatever it is called.
        """
        declared: float | None = self.about["config"]["unresolved_cost_usd"]
        if declared is not None:
            return declared
        top = strategies.plain_by_tier(self.about["strategies"]).get(self.about["tiers"][0]["name"])
        if top is None:
            return None
        gap = self.by_name[top].gaps.get("cost_usd_warm")
        cost = None if gap and gap.too_wide else estimates.mean(self.by_name[top].values["cost_usd_warm"]).value
        return None if cost is None else metrics.UNRESOLVED_TIMES * cost

    @property
    def qpd_rate(self) -> str:
        """The metric that QPD takes for resolved: quality, where a preference is all there is."""
        resolved = any(not np.isnan(score.values["resolved"]).all() for score in self.scores)
        return "quality" if self.over and not resolved else "resolved"

    def rows(self) -> list[dict[str, Json]]:
        """A row a strategy, with all that is known of it alone, and against the base."""
        about, unresolved, rate = self.about, self.unresolved_usd, self.qpd_rate
        base = self.by_name[self.base] if self.base else None
        why, never = reasons(about, self.found, rate == "quality"), withheld(about["mode"])
        labels = pareto.labels(self.scores, _replaced(about))
        fronts = pareto.front_shares(self.scores, _replaced(about))
        place = {name: index for index, name in enumerate(sorted(about["dataset"]["conversations"]))}
        prompted = prompted_shares(self.tables)
        equal = cost_at_equal_quality(about, self.by_name)
        rows = []
        for strategy, score in zip(about["strategies"], self.scores, strict=True):
            own = why | of_arm(about, score.strategy, unresolved)
            found = estimated(score, unresolved, own, never, strategies.certain(strategy), rate)
            found["self_corrections_prompted_share"] = prompted[score.strategy]
            if about["mode"] == "imported":
                found["turns_per_conversation"] = estimates.mean(score.values["turns_per_conversation"])
            rows.append(
                {
                    "name": score.strategy,
                    "controls": bool(strategy["control"]),
                    "metrics": {key: asdict(each) for key, each in found.items()},
                    "pareto": labels[score.strategy],
                    "front_share": fronts[score.strategy],
                    "against_base": against(score, base) if base else None,
                    **_trials(score),
                    "qpd_against_base": sensitivity.qpd_against_base(score, base, unresolved, rate) if base else None,
                    "cost_at_equal_quality": equal[score.strategy],
                    "failed_turns": score.failed_turns,
                    "turns": score.turns,
                    "contract": contract.contract(score),
                    "memory": contract.memory(self.tables, score, place),
                    "discarded_per_conversation": asdict(estimates.amount(_discarded(score))),
                    "quality_by_turn": handoffs.by_turn(score),
                    **_since_handoff(score, about["mode"]),
                }
            )
        return rows


def _trials(score: Scores) -> dict[str, Json]:
    """pass^k, where conversations have several samples and something says which were resolved."""
    resolved = score.cells.get("resolved")
    found = {} if resolved is None else pass_hat_k(resolved)
    return {"pass_hat_k": {str(k): asdict(each) for k, each in found.items()}} if found else {}


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
