"""Purposes: what a strategy's calls were for, what each purpose cost, and what evaluating cost beside that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ladder_bench import folder
from ladder_bench.analyse import estimates, gaps
from ladder_bench.domain import Json

if TYPE_CHECKING:
    from ladder_bench.analyse.metrics import Scores

EVALUATION = ("judge", "user")  # purposes that no strategy pays for


def by_purpose(score: Scores) -> dict[str, dict[str, Json]]:
    """For each purpose that a strategy's calls had: warm dollars a conversation, and their share of its cost."""
    whole, left_out = score.values["cost_usd_warm"], score.unscored.get("cost_usd_warm", 0)
    gap = score.gaps.get("cost_usd_warm")
    return {
        purpose: {
            "usd": asdict(gaps.withheld(estimates.amount(estimates.mean(usd, left_out)), gap)),
            "share": asdict(estimates.within_1(estimates.ratio(usd, whole, left_out))),
        }
        for purpose, usd in score.by_purpose.items()
    }


def evaluation(tables: Mapping[str, Any]) -> tuple[dict[str, float], dict[str, int]]:
    """What judging and playing the user cost (USD), and in how many calls; one that strategies share counts once."""
    calls = tables["calls"].select(["key", "purpose", "usd_warm"])
    usd, count = dict.fromkeys(EVALUATION, 0.0), dict.fromkeys(EVALUATION, 0)
    seen: set[str] = set()
    for row in folder.rows_of(calls):
        if row["purpose"] in EVALUATION and row["key"] not in seen:
            usd[row["purpose"]] += row["usd_warm"]
            count[row["purpose"]] += 1
            seen.add(row["key"])
    return usd, count
