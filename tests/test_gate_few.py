"""Outcomes that are yes or no: a test does not pass on what too few conversations have shown."""

from __future__ import annotations

import numpy as np
import pytest

from gate_runs import Made, decide, noisy, row, run
from ladder_bench.analyse import decisions, effects
from ladder_bench.gating import few
from ladder_bench.gating.pair import Pair
from ladder_bench.sides.side import Side
from ladder_bench.sides.tokens import Tokens

QUALITY = {"tests": ["quality"]}
MARGIN = 0.03


def outcomes(n: int, lost: int = 0, won: int = 0) -> dict[str, Made]:
    """Half of the conversations are a success, but for those that were lost or won."""
    values = (np.arange(n) % 2).astype(float)
    values[1 : 2 * lost : 2] = 0.0
    values[0 : 2 * won : 2] = 1.0
    return {"ladder": Made(quality=values, resolved=values)}


def test_one_loss_in_100_is_too_few_to_exclude_three_points() -> None:
    found = decide(run(100, made=outcomes(100, lost=1)), run(100, made=outcomes(100)), policy=QUALITY)

    quality = row(found, "quality")
    assert quality["outcome"] == "inconclusive"
    assert quality["why"] == "1 of 100 conversations ended differently, too few to tell how many more would"
    assert quality["low"] < -MARGIN < quality["value"] < quality["high"]
    assert quality["needed_n"] > 100


def test_one_loss_in_1000_passes() -> None:
    found = decide(run(1000, made=outcomes(1000, lost=1)), run(1000, made=outcomes(1000)), policy=QUALITY)

    assert found["outcome"] == "pass"


def test_one_win_in_30_does_not_exclude_a_loss() -> None:
    found = decide(run(30, made=outcomes(30, won=1)), run(30, made=outcomes(30)), policy=QUALITY)

    assert found["outcome"] == "inconclusive"


def test_quality_that_is_no_yes_or_no_keeps_its_interval() -> None:
    pair = [run(100, made={"ladder": Made(quality=noisy(100, sd=0.02, seed=seed))}) for seed in (1, 0)]

    assert row(decide(*pair, policy=QUALITY), "quality")["why"] is None


def side(resolved: np.ndarray) -> Side:
    n, cell = len(resolved), resolved.reshape(-1, 1).astype(float)
    cells = {"quality": cell, "resolved": cell, "unsupported_per_turn": np.zeros((n, 1))}
    ones = np.ones((n, 1))
    return Side(
        "a", tuple(map(str, range(n))), cells, {}, ones, ones, np.zeros((n, 2)), Tokens((), np.zeros((0, n, 1, 5))), 0
    )


@pytest.mark.parametrize("n", [30, 100, 200])
def test_three_points_worse_passes_as_seldom_as_it_says(n: int) -> None:
    random, sets, with_t, passed = np.random.default_rng(n), 1000, 0, 0
    for _ in range(sets):
        old, draw = random.random(n) < 0.7, random.random(n)
        new = np.where(old, draw >= 0.05 / 0.7, draw < 0.02 / 0.3)
        pair = Pair(side(new), side(old), (np.ones((n, 1)), np.ones((n, 1))), 1.0)
        (alone,) = decisions.decide([decisions.Test("quality", pair.quality(), MARGIN)])
        with_t += alone.outcome == "pass" and not alone.test.effect.identical
        passed += few.careful(pair, alone, "quality")[0].outcome == "pass" and not alone.test.effect.identical

    assert passed / sets < 0.065
    assert n > 30 or with_t / sets > 0.1  # so that this test can fail


def test_a_floor_is_not_cleared_by_25_successes_of_25() -> None:
    policy = {**QUALITY, "limits": {"quality": {"floor": 0.95}}}
    few_, many = (run(n, made={"ladder": Made(quality=1.0)}) for n in (25, 100))

    found = [decide(each, each, policy=policy) for each in (few_, many)]

    assert [row(each, "quality floor")["outcome"] for each in found] == ["inconclusive", "pass"]
    assert row(found[0], "quality floor")["low"] == pytest.approx(0.05 ** (1 / 25))


def test_waits_that_were_never_seen_are_not_taken_for_impossible() -> None:
    policy = {**QUALITY, "limits": {"latency": {"over_s": 5, "share": 0.05}}}
    few_, many = (run(n, made={"ladder": Made()}) for n in (25, 100))

    found = [decide(each, each, policy=policy) for each in (few_, many)]

    assert [row(each, "turns over 5 s")["outcome"] for each in found] == ["inconclusive", "pass"]


def test_two_more_conversations_are_no_news_to_many() -> None:
    part = np.random.default_rng(0).normal(size=10_000)
    effect = effects.Effect(0.0, (part - part.mean(),))

    assert few._with_two_more(0.0, effect.parts[0], 1.0).error == pytest.approx(effect.error, rel=1e-3)
