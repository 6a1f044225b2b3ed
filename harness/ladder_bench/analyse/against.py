"""Against the base: what a strategy loses or gains in quality, what it costs of it, and what that shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from ladder_bench.analyse import estimates, strategies
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.extra_turns import break_even
from ladder_bench.analyse.metrics import Scores, paired
from ladder_bench.analyse.turns import conversation_means
from ladder_bench.domain import Estimate, Json

MARGIN = 0.03  # quality that a cheaper strategy may lose, at the lower end of its interval


def best_single(about: Json, scores: Sequence[Scores]) -> str | None:
    """The plain single tier with the highest mean quality: what a ladder has to hold its own against.

    Where a placebo answers afresh what a recorded tier once answered, it stands for that tier: a recording never pays
    for the replay.
    """
    replaced = strategies.placebos(about)
    plain = {
        strategy["name"]
        for strategy in about["strategies"]
        if strategies.is_plain(strategy) and strategies.tiers(strategy)[0] not in replaced
    }
    known = [score for score in scores if score.strategy in plain and not np.isnan(score.values["quality"]).all()]
    if not known:
        return None
    return max(known, key=lambda score: float(np.nanmean(score.values["quality"]))).strategy


def against(score: Scores, base: Scores) -> dict[str, Json]:
    """The paired difference in quality, the cost as a share of the base's, and the turns that use up what is saved."""
    cost = estimates.amount(estimates.ratio(score.values["cost_usd_warm"], base.values["cost_usd_warm"]))
    return {
        "quality": asdict(paired(score, base, "quality")),
        "cost": asdict(cost),
        "cost_share": cost.value,
        "saving_usd": asdict(paired(base, score, "cost_usd_warm")),
        "break_even_extra_turns": asdict(break_even(score, base)),
    }


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a difference in quality shows: its sign (0: undecided), and that no more than the margin is lost."""

    sign: int
    keeps: bool


def conclusion(difference: Estimate) -> Conclusion | None:
    """None where there is no interval to conclude from."""
    low, high = difference.low, difference.high
    if low is None or high is None:
        return None
    return Conclusion(1 if low > 0 else -1 if high < 0 else 0, low > -MARGIN)


def replay_artefacts(about: Json, scores: Mapping[str, Scores]) -> list[dict[str, Json]]:
    """For each recorded tier with a placebo: the quality of the same tier answering afresh, minus the recording's.

    At the first turn nothing has been replayed yet: a difference there says that the placebo is not what was recorded.
    """
    plain = strategies.plain_by_tier(about["strategies"])
    found = []
    for tier, placebo in strategies.placebos(about).items():
        if tier not in plain:
            continue
        quality = paired(scores[placebo], scores[plain[tier]], "quality")
        first = estimates.paired(_first_turns(scores[placebo]), _first_turns(scores[plain[tier]]))
        found.append(
            {
                "recorded": plain[tier],
                "placebo": placebo,
                "quality": asdict(quality),
                "first_turn_quality": asdict(first),
            }
        )
    return found


def _first_turns(score: Scores) -> Array:
    """Quality of the first turn of each conversation, NaN where it has none."""
    size, lived = len(score.values["quality"]), score.lived
    if lived is None:
        return np.full(size, np.nan)
    first = lived.number == 1
    return conversation_means(lived.conversation[first], lived.sample[first], lived.values["quality"][first], size)
