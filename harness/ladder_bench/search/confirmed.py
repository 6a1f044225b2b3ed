"""Confirmed: what a rollout says of the screen's best, with bands that hold for all comparisons at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates, measured, metrics, strategies
from ladder_bench.analyse.bootstrap import max_t
from ladder_bench.analyse.estimates import FEWEST, NOISE, Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.preference import stands_in
from ladder_bench.domain import Estimate, Json
from ladder_bench.search.candidates import Candidate

HELD, FELL, OPEN, UNSURE = "held", "did not hold", "undecided", "not identified"


@dataclass(frozen=True)
class _Compared:
    """A strategy against the strongest tier: quality and cost of both, one value a conversation."""

    name: str
    gain: Array
    usd: Array
    base_usd: Array

    @property
    def known(self) -> Any:
        return ~np.isnan(self.gain) & ~np.isnan(self.usd) & ~np.isnan(self.base_usd)


def confirmed(run: folder.Run, known: Sequence[Candidate], margin: float) -> dict[str, Json]:
    """Each candidate's quality and cost in a rollout against the strongest tier, paired by conversation.

    `held`: the band of the quality gain lies above -margin, and that of the cost ratio below 1. `did not hold`: the
    gain is shown to be below 0 and not to be above -margin, or it costs more. The bands (studentised max-T) hold for
    all of them at once, so whoever picks among them is not fooled by having looked at many.
    """
    about = run.about
    base = strategies.compared_with(about)
    scores = {each.strategy: each for each in measured.scores(about, run.tables, stands_in(about, run.tables))}
    names = [each["name"] for each in about["strategies"] if each["name"] != base]
    compared = [] if base is None else [_compared(scores[name], scores[base]) for name in names]
    usable = [each for each in compared if each.known.any()]
    common = np.logical_and.reduce([each.known for each in usable]) if usable else np.zeros(0, dtype=bool)
    valid = run.summary["validity"].get("strategies", {})
    by_name = {each.name: each for each in known}
    rows = _rows([_among(each, common) for each in usable], margin)
    for row in rows:
        candidate = by_name.get(row["name"])
        row["of"] = candidate.of if candidate else None
        row["identified"] = valid.get(row["name"], {}).get("identified")
        if row["outcome"] == HELD and row["identified"] is False:
            row["outcome"] = UNSURE
    return {
        "why": None if rows else "no strategy of the rollout has both a quality and a cost",
        "base": base,
        "mode": about["mode"],
        "notes": list(_notes(about, base, rows)),
        "conversations": int(common.sum()),
        "left_out": len(about["dataset"]["conversations"]) - int(common.sum()),
        "strategies": rows,
        "dropped": list(about["dropped"]),
        "spent_usd": run.summary["spent_usd"],
    }


def _notes(about: Json, base: str | None, rows: Sequence[Mapping[str, Json]]) -> Iterator[str]:
    """What to beware of in these comparisons."""
    recorded = strategies.recorded_tiers(about["tiers"])
    if any(each["name"] == base and set(strategies.tiers(each)) <= recorded for each in about["strategies"]):
        yield (
            f"{base} is recorded and never leaves its path, so a part of every difference is the replay's; name a live "
            "tier in its off_path, and that one stands for it"
        )
    if rows and all(row["identified"] is None for row in rows):
        yield "nobody judged whether the user's turns still fit what was said"


def _compared(score: Scores, base: Scores) -> _Compared:
    quality, base_quality = metrics.comparable(score, base, "quality")
    usd, base_usd = score.values["cost_usd_warm"], base.values["cost_usd_warm"]
    return _Compared(score.strategy, estimates.difference(quality, base_quality), usd, base_usd)


def _among(each: _Compared, rows: Any) -> _Compared:
    return _Compared(each.name, each.gain[rows], each.usd[rows], each.base_usd[rows])


def _rows(compared: Sequence[_Compared], margin: float) -> list[dict[str, Json]]:
    """A row a strategy, with simultaneous bands over all gains and all log cost ratios."""
    if not compared or not len(compared[0].gain):
        return []
    influences = [each.gain - each.gain.mean() for each in compared] + [_ratio_influence(each) for each in compared]
    n = len(influences[0])
    factor = max_t(np.stack([_still(each) for each in influences], axis=1)) if n >= FEWEST else None
    rows = []
    for each, gain, ratio in zip(
        compared, influences[: len(compared)], influences[len(compared) :], strict=True
    ):  # fmt: skip
        share = float(each.usd.mean() / each.base_usd.mean()) if each.base_usd.mean() > 0 else None
        quality = _band(float(each.gain.mean()), gain, factor)
        cost = estimates.missing("the strongest tier costs nothing") if share is None else _exp(share, ratio, factor)
        rows.append(
            {
                "name": each.name,
                "outcome": outcome(quality, cost, margin),
                "quality_gain": asdict(quality),
                "cost_share": asdict(cost),
            }
        )
    return rows


def outcome(gain: Estimate, share: Estimate, margin: float) -> str:
    """Whether a strategy keeps quality and is cheaper, of its bands."""
    if gain.low is None or gain.high is None or share.low is None or share.high is None:
        return OPEN
    if gain.low > -margin and share.high < 1:
        return HELD
    if (gain.low <= -margin and gain.high < 0) or share.low > 1:
        return FELL
    return OPEN


def _ratio_influence(each: _Compared) -> Array:
    """Of the logarithm of the cost ratio; 0 where either costs nothing."""
    mean, base = each.usd.mean(), each.base_usd.mean()
    if mean <= 0 or base <= 0:
        return np.zeros_like(each.usd)
    found: Array = each.usd / mean - each.base_usd / base
    return found


def _still(influence: Array) -> Array:
    """Without float noise: what does not vary has no band to share."""
    return np.where(np.abs(influence) <= NOISE, 0.0, influence)


def _band(value: float, influence: Array, factor: float | None) -> Estimate:
    n = len(influence)
    if factor is None:
        return Estimate(value, None, None, n, 0, f"no interval: {n} conversations, {FEWEST} are needed")
    half = factor * estimates.standard_error(_still(influence))
    return Estimate(value, value - half, value + half, n)


def _exp(share: float, influence: Array, factor: float | None) -> Estimate:
    band = _band(share, influence, factor)
    if factor is None or share <= 0:
        return band
    half = factor * estimates.standard_error(_still(influence))
    return Estimate(share, share * float(np.exp(-half)), share * float(np.exp(half)), len(influence))


def counted(rows: Sequence[Mapping[str, Json]]) -> dict[str, int]:
    """How many of the screen's best came out how."""
    found = dict.fromkeys((HELD, FELL, OPEN, UNSURE), 0)
    for row in rows:
        if row["of"] is not None:
            found[row["outcome"]] += 1
    return found
