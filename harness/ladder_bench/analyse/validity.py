"""Replay validity: headline results with all turns, without those that no longer fit, and up to the first of these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np

from ladder_bench.analyse import estimates, turns
from ladder_bench.analyse.against import MARGIN, conclusion
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import Scores, paired
from ladder_bench.analyse.turns import Flags, Turns
from ladder_bench.domain import Estimate, Json

WAYS = ("all", "dropped", "cut")
RULE = (
    "all: every turn; dropped: without user turns that no longer fit what was just said; cut: up to the first of them. "
    f"Identified: all three agree on the sign of the difference to the base and on whether it is above -{MARGIN:.2f}."
)
UNJUDGED = {
    "imported": "imported transcripts: nothing was replayed, and every user message followed what had been said",
    "forced": "forced replay: every user turn follows the answer that it was a reply to",
    "simulated": "simulated user: every message is a reply to what was just said",
}


def validity(scores: Sequence[Scores], base: str | None, mode: str) -> dict[str, Json]:
    """Every strategy's share of invalid turns and its quality three ways, alone and against the base.

    Beside them the share of user turns that fit, over all strategies.
    """
    by_name = {score.strategy: score for score in scores}
    measured = any(score.lived is not None and not np.isnan(score.lived.values["valid"]).all() for score in scores)
    found: dict[str, Json] = {}
    for score in scores:
        against = _against(score, by_name[base], mode) if base is not None and base != score.strategy else None
        found[score.strategy] = {
            "invalid_turn_share": asdict(_share(score, mode, measured)),
            "quality": {way: asdict(each) for way, each in _alone(score).items()},
            "against_base": against and {way: asdict(each) for way, each in against.items()},
            "identified": identified(against) if against and measured else None,
        }
    return {**asdict(_fitting(scores, mode)), "rule": RULE, "strategies": found}


def why_not(mode: str) -> str:
    """Why a run in this mode has no verdicts on validity."""
    return UNJUDGED.get(mode, "no user turn was judged: no strategy left the recording, or no rubric looked")


def identified(against: Mapping[str, Estimate]) -> bool | None:
    """Whether every way of counting turns leads to the same conclusion; None where none of them concludes anything."""
    found = {conclusion(each) for each in against.values()}
    return None if found == {None} else len(found) == 1


def _fitting(scores: Sequence[Scores], mode: str) -> Estimate:
    """The share of user turns that fit what was just said: a value a conversation over all strategies first."""
    shares = [score.values["invalid_turn_share"] for score in scores if "invalid_turn_share" in score.values]
    if not shares or np.isnan(shares).all():
        return estimates.missing(why_not(mode))
    means = turns.over_samples(np.array(shares).T)
    left_out = sum(score.unscored.get("invalid_turn_share", 0) for score in scores)
    return estimates.share(estimates.mean(1.0 - means, left_out))


def _share(score: Scores, mode: str, measured: bool) -> Estimate:
    values = score.values.get("invalid_turn_share")
    if values is None or np.isnan(values).all():
        return estimates.missing("no user turn after it left the recording" if measured else why_not(mode))
    return estimates.share(estimates.mean(values, score.unscored.get("invalid_turn_share", 0)))


# --- three ways ----------------------------------------------------------------------------


def _alone(score: Scores) -> dict[str, Estimate]:
    found = {"all": estimates.share(estimates.mean(score.values["quality"], score.unscored.get("quality", 0)))}
    lived = score.lived
    for way in ("dropped", "cut"):
        if lived is None:
            found[way] = found["all"]
            continue
        found[way] = estimates.share(estimates.mean(_quality(lived, _kept(lived, way), score)))
    return found


def _against(score: Scores, base: Scores, mode: str) -> dict[str, Estimate]:
    """The paired difference; a turn that is left out or unscored in one is left out in the other."""
    found = {"all": paired(score, base, "quality")}
    first, second = score.lived, base.lived
    for way in ("dropped", "cut"):
        if first is None or second is None:
            found[way] = found["all"]
            continue
        here, there = _kept(first, way), _kept(second, way)
        if mode != "simulated":  # where each user goes their own way, turns have no counterpart
            here, there = _in_both(first, second, here, there)
        own, other = _quality(first, here, score), _quality(second, there, base)
        found[way] = estimates.paired(own, other)
    return found


def _kept(lived: Turns, way: str) -> Flags:
    """The turns that stay. A turn that nobody could judge stays."""
    gone: Flags = lived.values["valid"] == 0.0
    if way == "cut":
        for place, last in enumerate(lived.before()):
            gone[place] |= last >= 0 and gone[last]
    return np.logical_not(gone)


def _in_both(first: Turns, second: Turns, here: Flags, there: Flags) -> tuple[Flags, Flags]:
    one, other = turns.paired(first, second)
    scored = ~np.isnan(first.values["quality"][one]) & ~np.isnan(second.values["quality"][other])
    both = here[one] & there[other] & scored
    here, there = here.copy(), there.copy()
    here[one], there[other] = both, both
    return here, there


def _quality(lived: Turns, kept: Flags, score: Scores) -> Array:
    """Quality a conversation over the turns that stay."""
    size = len(score.values["quality"])
    return turns.conversation_means(lived.conversation[kept], lived.sample[kept], lived.values["quality"][kept], size)
