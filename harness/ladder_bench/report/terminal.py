"""The terminal: a run's summary and a plan as tables on stdout."""

from __future__ import annotations

from ladder_bench.domain import Json
from ladder_bench.folder import Run


def print_summary(run: Run) -> None:
    print(run.summary["verdict"]["text"])
    for b in run.summary["banners"]:
        print("!", b)
    for s in run.summary["strategies"]:
        m = s["metrics"]
        print(
            f"{s['name']:55s} {s['pareto']:10s}",
            *(
                f"{k}={m[k]['value'] and round(m[k]['value'], 4)}"
                for k in (
                    "quality",
                    "cost_usd_warm",
                    "cost_usd_cold",
                    "qpd",
                    "resolved",
                    "first_turn_alignment",
                    "constraint_coverage",
                    "unsupported_per_turn",
                    "escalations_per_conversation",
                    "handoffs_per_conversation",
                    "wait_s_p50",
                )
            ),
        )
    print(run.summary["calls"], run.path)


def print_plan(plan, explain) -> None:
    print(plan.distinct, plan.unshared, plan.stored)


def plan_json(plan, explain) -> Json:
    return {}
