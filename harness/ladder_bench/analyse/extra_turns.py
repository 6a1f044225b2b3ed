"""Extra turns: how many more turns a conversation may take before what a strategy saves is spent."""

from __future__ import annotations

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.turns import conversation_means
from ladder_bench.domain import Estimate


def break_even(score: Scores, base: Scores) -> Estimate:
    """Warm dollars saved a conversation against the base, over what one more turn would cost: that of the last one.

    A replay has as many user turns as the recording; if weaker answers make people ask again, a saving is smaller.
    """
    saving = estimates.difference(base.values["cost_usd_warm"], score.values["cost_usd_warm"])
    last = last_turn_usd(score)
    known = ~np.isnan(saving) & ~np.isnan(last)
    if not known.any():
        return estimates.missing("no conversation has a cost in both")
    if saving[known].mean() <= 0:
        return estimates.missing(f"it saves nothing against {base.strategy}")
    if last[known].mean() <= 0:
        return estimates.missing("one more turn costs nothing")
    return estimates.ratio(saving, last, score.unscored.get("cost_usd_warm", 0))


def last_turn_usd(score: Scores) -> Array:
    """Warm dollars of the last turn of each conversation, mean over samples; NaN where it has no whole cost."""
    conversations = len(score.values["cost_usd_warm"])
    lived = score.lived
    if lived is None or not len(lived):
        return np.full(conversations, np.nan)
    last = np.ones(len(lived), dtype=bool)
    last[:-1] = (lived.conversation[1:] != lived.conversation[:-1]) | (lived.sample[1:] != lived.sample[:-1])
    found = conversation_means(lived.conversation[last], lived.sample[last], lived.values["usd"][last], conversations)
    return np.where(np.isnan(score.values["cost_usd_warm"]), np.nan, found)
