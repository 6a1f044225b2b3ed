"""Limits: what else must hold, where the policy says so. Each is decided alone, with a margin and an interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import exp, log

import numpy as np

from ladder_bench.analyse import effects
from ladder_bench.analyse.decisions import ALPHA, Decided, Test, decide
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.turns import Flags
from ladder_bench.domain import Json
from ladder_bench.gating import few, rare, rows
from ladder_bench.gating.blocking import NOTHING
from ladder_bench.gating.pair import Pair
from ladder_bench.gating.policy import FloorShape, LatencyShape, PaddingShape, PolicyShape
from ladder_bench.gating.rows import POINTS, Scale

UNKNOWN_WAITS = 0.02  # of the turns; beyond it the slow ones may be among those
TIMES = Scale("times", "lower", lambda value: exp(-value))


def limits(pair: Pair, anchor: Pair | None, policy: PolicyShape, slices: Mapping[str, Flags]) -> list[dict[str, Json]]:
    """The limits of a policy, but slices, which are tests of the family. `slices`: conversations by tag."""
    asked, found = policy.limits, []
    if asked.quality:
        found.append(_floor("quality floor", pair, asked.quality, None))
    if asked.high_stakes:
        flags = slices[asked.high_stakes.tag]
        found.append(_floor(f"floor of {asked.high_stakes.tag}", pair, asked.high_stakes, flags))
    if asked.latency:
        found.append(_latency(pair, asked.latency))
    if anchor is not None:
        found += _anchor(anchor, policy)
    if asked.padding and all(side.tokens.lines for side in (pair.run, pair.baseline)):
        found.append(_padding(pair, asked.padding))
    return found


def _floor(name: str, pair: Pair, asked: FloorShape, among: Flags | None) -> dict[str, Json]:
    """Quality above a floor: shown as it is, so that a reader sees 0.91 against 0.85."""
    try:
        own, quality = pair.quality_alone(among)
    except ValueError as error:
        return rows.bare(name, "inconclusive", "share", asked.margin, 0, str(error), asked.floor)
    decided = _decided(name, replace(own, value=own.value - asked.floor), asked.margin)
    if pair.inference == "population":
        decided = few.floored(decided, quality)
    scale = Scale("share", "higher", lambda value: value + asked.floor)
    return {**rows.row(decided, scale, asked.margin), "limit": asked.floor}


def _latency(pair: Pair, asked: LatencyShape) -> dict[str, Json]:
    """The share of turns that wait longer than the limit: a ratio over conversations."""
    side, name = pair.run, f"turns over {asked.over_s:g} s"
    turns = side.turns.sum(axis=1)
    known = np.array([len(each) for each in side.waits], dtype=float)
    if not known.sum() or known.sum() < (1 - UNKNOWN_WAITS) * turns.sum():
        why = f"the wait of {turns.sum() - known.sum():,.0f} of {turns.sum():,.0f} turns is not known"
        return rows.bare(name, "inconclusive", "share", asked.margin, 0, why, asked.share)
    slow = np.array([float((each > asked.over_s).sum()) for each in side.waits])
    share = float(slow.sum() / known.sum())
    influence = (slow - share * known) / known.mean()
    effect = pair.by_unit(effects.of(Reading(asked.share - share, -influence)), np.ones(len(known), dtype=bool))
    scale = Scale("share", "lower", lambda value: asked.share - value)
    decided = _decided(name, effect, asked.margin)
    return {**rows.row(decided if slow.any() else few.never(decided), scale, asked.margin), "limit": asked.share}


def _anchor(pair: Pair, policy: PolicyShape) -> Iterator[dict[str, Json]]:
    """The same tests against the release that no gate moves."""
    asked, youden = policy.limits.anchor, policy.judge.youden if policy.judge else 1.0
    if asked.qpd is not None:
        name = "qpd against the anchor"
        try:
            decided, why = rare.careful(pair, _decided(name, pair.qpd(), -log(1 - asked.qpd)))
            if why is None:
                decided, why = few.careful(pair, decided, "resolved")
            yield rows.row(decided, rows.CHANGE, asked.qpd, why)
        except ValueError:
            yield rows.bare(name, "fail", "change", asked.qpd, len(pair.run.conversations), NOTHING)
    if asked.quality is not None:
        decided = _decided("quality against the anchor", pair.quality(), asked.quality * youden)
        decided, why = few.careful(pair, decided, "quality")
        yield rows.row(decided, POINTS, asked.quality * youden, why)
    if asked.harm is not None:
        decided = _decided("harm against the anchor", pair.harm(), asked.harm, skewed=True)
        yield rows.row(decided, rows.CLAIMS, asked.harm)


def _padding(pair: Pair, asked: PaddingShape) -> dict[str, Json]:
    """Answers that became much longer, though no gain in quality is shown: more to read for nothing."""
    name = "padding"
    try:
        effect = pair.answer_length()
    except ValueError:
        return rows.bare(name, "inconclusive", "times", 0.0, 0, "a side has no answer tokens", asked.times)
    low, high = effect.bounds(ALPHA)
    longer = low > log(asked.times)
    gained = pair.quality().bounds(ALPHA)[0] > 0
    passed = not longer or gained
    why = None if passed else "answers are longer without being better"
    return {
        "name": name,
        "outcome": "pass" if passed else "inconclusive",
        **rows.values(effect.reversed(), -high, -low, TIMES),
        "margin": 0.0,
        "needed_n": None,
        "n": effect.n,
        "units": rows.units(effect.unit),
        "unscored": effect.unscored,
        "unit": "times",
        "better": "lower",
        "p_worse": None,
        "why": why or rows.why_none(effect),
        "limit": asked.times,
    }


def _decided(name: str, effect: Effect, margin: float, skewed: bool = False) -> Decided:
    """One test alone. A floor without a margin must be cleared."""
    return decide([Test(name, effect, margin, skewed)])[0] if margin else _cleared(name, effect)


def _cleared(name: str, effect: Effect) -> Decided:
    low, high = effect.bounds(ALPHA)
    outcome = "pass" if low > 0 else "fail" if high < 0 else "inconclusive"
    return Decided(Test(name, effect, 0.0), outcome, low, high, effect.p_below(), None)  # type: ignore[arg-type]
