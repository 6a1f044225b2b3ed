"""The contract: what was asked for and came, part by part; and the memory that was handed over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from ladder_bench import cost
from ladder_bench.analyse import estimates, turns
from ladder_bench.analyse.metrics import PARTS, Scores
from ladder_bench.analyse.tables import rows
from ladder_bench.domain import Estimate, Json

READ = ("conversation", "sample", "turn", "memory")
NONE = "no turn carried a memory"
NOTHING = {  # why a guardrail has no rate: there was never anything to keep
    "ask": "nothing was missing",
    "unknowns": "nothing was open",
    "assumptions": "no turn is labelled with a conflict",
    "format": "no output contract that can be checked",
}


def contract(score: Scores) -> dict[str, dict[str, Json]]:
    """Shares by part: of the scaffold's parts that came, and of the times that a guardrail was kept."""
    found: dict[str, dict[str, Json]] = {metric: {} for metric in PARTS}
    for (metric, target), values in sorted(score.parts.items()):
        left_out = score.unscored.get(f"{metric}: {target}", 0)
        nothing = NOTHING.get(target) if metric == "guardrail" else None
        if nothing and np.isnan(values).all():
            found[metric][target] = asdict(estimates.missing(nothing, left_out))
        else:
            found[metric][target] = asdict(estimates.share(estimates.mean(values, left_out)))
    return found


def memory(tables: Mapping[str, Any], score: Scores, place: Mapping[str, int]) -> dict[str, Json]:
    """Tokens of the memory a turn that carried one; and what changed from one to the next of a conversation.

    `churn`: the share of lines that differ, over successive turns that carried one; `churn_per_rewrite`: over those
    where it differed at all. `carried`: the share of turns with one.
    """
    carried: list[float] = []
    tokens: list[float] = []
    churn: list[float] = []
    at: list[tuple[int, int]] = []
    before: dict[tuple[int, int], str] = {}
    counted: dict[str, float] = {}
    ordered = sorted(rows(tables, "turns", score.strategy, READ), key=lambda row: row["turn"])
    for row in ordered:
        cell, text = (place[row["conversation"]], row["sample"]), row["memory"]
        at.append(cell)
        carried.append(float(text is not None))
        if text is None:
            tokens.append(np.nan)
            churn.append(np.nan)
            continue
        if text not in counted:
            counted[text] = float(cost.count_tokens(text))
        tokens.append(counted[text])
        churn.append(changed_share(before[cell], text) if cell in before else np.nan)
        before[cell] = text
    cells = np.array(at, dtype=np.int64).reshape(-1, 2)

    def estimate(values: list[float], why: str, kept: turns.Flags | None = None) -> Estimate:
        each = np.array(values)
        if kept is not None:
            each = np.where(kept, each, np.nan)
        means = turns.conversation_means(cells[:, 0], cells[:, 1], each, len(place))
        return estimates.missing(why) if np.isnan(means).all() else estimates.amount(estimates.mean(means))

    again = NONE if not before else "no conversation carried one twice"
    never = again if np.isnan(churn).all() else "it never changed"
    return {
        "carried": asdict(estimates.within_1(estimate(carried, NONE))),
        "tokens": asdict(estimate(tokens, NONE)),
        "churn": asdict(estimates.within_1(estimate(churn, again))),
        "churn_per_rewrite": asdict(estimates.within_1(estimate(churn, never, np.array(churn) > 0))),
    }


def changed_share(first: str, second: str) -> float:
    """The share of lines that two texts do not have in common, of the longer one."""
    one, other = (Counter(line for line in text.splitlines() if line.strip()) for text in (first, second))
    longest = max(one.total(), other.total())
    return 1.0 - (one & other).total() / longest if longest else 0.0
