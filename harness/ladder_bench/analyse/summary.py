"""The summary: a run's numbers under their stable names, its verdict and its banners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ladder_bench.analyse import handoffs, measured, metrics, purposes, shortfalls
from ladder_bench.analyse.ablations import ablations
from ladder_bench.analyse.against import replay_artefacts
from ladder_bench.analyse.banners import banners
from ladder_bench.analyse.escalations import escalations
from ladder_bench.analyse.families import kinships
from ladder_bench.analyse.judgements import judged
from ladder_bench.analyse.judging import judging
from ladder_bench.analyse.measured import Measured
from ladder_bench.analyse.own_rubrics import own_rubrics
from ladder_bench.analyse.preference import preference, stands_in
from ladder_bench.analyse.routes import triggers
from ladder_bench.analyse.slices import slices
from ladder_bench.analyse.strategies import compared_with
from ladder_bench.analyse.tables import plain
from ladder_bench.analyse.validity import validity
from ladder_bench.analyse.verdict import verdict
from ladder_bench.domain import Json

SCHEMA = 1


def summarise(about: Json, tables: Mapping[str, Any], counts: Mapping[str, Json], spent_usd: float) -> dict[str, Json]:
    """Summarise a run from its description (run.json) and tables. The result is `summary.json`."""
    over, said = stands_in(about, tables), judged(tables)
    scores = measured.scores(about, tables, over)
    run = Measured(about, tables, scores, said, over)
    base, by_name, rows = run.base, run.by_name, run.rows()
    fitting = validity(scores, base, about["mode"])
    identified = {name: row["identified"] for name, row in fitting["strategies"].items()}
    preferred = preference(about, tables, said)
    short = shortfalls.shortfalls(about, tables)
    pairs, pooled = ablations(about, by_name, short)
    by_strategy, by_detector = triggers(about, tables)
    evaluation, evaluation_calls = purposes.evaluation(tables)
    summary: dict[str, Json] = {
        "schema": SCHEMA,
        "dataset": about["dataset"]["name"],
        "mode": about["mode"],
        **({"design": about["design"]} if "design" in about else {}),
        "incomplete": about.get("incomplete"),
        "banners": [],
        "verdict": verdict(rows, base, about, identified, preferred),
        "base": base,
        "unresolved_cost_usd": run.unresolved_usd,
        "qpd_rate": run.qpd_rate,
        "strategies": rows,
        "dropped": about["dropped"],
        "not_measured": _not_measured(rows),
        "slices": slices(about, tables, scores, by_name[base] if base else None),
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
        "judging": judging(about, tables, said),
        "kinships": kinships(about, tables, said, scores, base, lambda other: measured.scores(about, other, over)),
        "preference": preferred,
        "own_rubrics": own_rubrics(
            tables, list(by_name), about["dataset"]["conversations"], base or compared_with(about)
        ),
    }
    summary["banners"] = banners(summary, about, scores, short)
    found: dict[str, Json] = plain(summary)
    return found


def _not_measured(rows: Sequence[Mapping[str, Json]]) -> list[dict[str, str]]:
    """Metrics that no strategy has, each with its reason."""
    found = []
    for name in metrics.METRICS:
        cells = [row["metrics"][name] for row in rows]
        if all(cell["value"] is None for cell in cells):
            found.append({"metric": name, "why": cells[0]["why"]})
    return found
