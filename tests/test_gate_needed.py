"""What a gate says of further conversations and samples comes true, and its effects obey their symmetries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ladder_bench.analyse.decisions import decide
from ladder_bench.domain import Price
from ladder_bench.gating.blocking import blocking
from ladder_bench.gating.needed import needed
from ladder_bench.gating.pair import Pair, pair_of
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.sides.side import Side
from ladder_bench.sides.tokens import COUNTS, Line, Tokens

PRICES = {"light": Price(1.0, 4.0)}
F = 0.05
POLICY = PolicyShape()


def side(random: np.random.Generator, hard: np.ndarray, samples: int = 1) -> Side:
    """A strategy over conversations of known difficulty, with noise between its samples."""
    shape = len(hard), samples
    quality = np.clip(0.8 - 0.1 * hard[:, None] + random.normal(0, 0.12, shape), 0, 1)
    resolved = (quality + random.normal(0, 0.1, shape) > 0.75).astype(float)
    counts = np.zeros((1, *shape, len(COUNTS)))
    counts[0, :, :, 0] = np.round(np.exp(random.normal(7, 0.5, shape) + 0.3 * hard[:, None]))
    counts[0, :, :, 3] = np.round(np.exp(random.normal(6, 0.5, shape)))
    cells = {"quality": quality, "resolved": resolved, "unsupported_per_turn": random.poisson(0.15, shape) / 3}
    turns, names = np.full(shape, 3.0), tuple(f"talk-{index:05}" for index in range(len(hard)))
    tokens = Tokens((Line("light", "answer"),), counts)
    return Side("a", names, cells, {}, np.ones(shape), turns, np.ones((len(hard), 2)), tokens, 0)


def pair(seed: int, conversations: int, samples: int = 1, inference: str = "population") -> Pair:
    random = np.random.default_rng(seed)
    hard = random.normal(size=conversations)
    both = [side(random, hard, samples) for _ in range(2)]
    return pair_of(both[0], both[1], PRICES, F, "suite" if inference == "suite" else "population")


def wanted(found: Pair) -> dict[str, object]:
    decided, _ = blocking(found, POLICY, {})
    return needed(found, decided, {})


def test_what_twice_the_samples_would_do_comes_true() -> None:
    predicted = np.median([wanted(pair(seed, 300, 2))["with_twice_the_samples"] for seed in range(20)])
    found = np.median([wanted(pair(seed, 300, 4))["n"] for seed in range(20)])

    assert predicted == pytest.approx(found, rel=0.1)


def test_the_printed_number_of_conversations_has_the_power_that_it_says() -> None:
    n = int(np.median([wanted(pair(seed, 200))["n"] for seed in range(20)]))

    passed = np.mean([_passes(pair(seed, n)) for seed in range(1000, 1150)])

    assert passed == pytest.approx(0.8, abs=0.1)


def _passes(found: Pair) -> bool:
    return all(row["outcome"] == "pass" for row in blocking(found, POLICY, {})[1])


def test_a_suites_error_is_the_spread_of_the_same_conversations_run_again() -> None:
    hard = np.random.default_rng(0).normal(size=60)
    runs = []
    for seed in range(200):
        random = np.random.default_rng((1, seed))
        runs.append(pair_of(side(random, hard, 3), side(random, hard, 3), PRICES, F, "suite"))

    for effects in ([each.quality() for each in runs], [each.qpd() for each in runs], [each.harm() for each in runs]):
        spread, told = np.std([each.value for each in effects]), np.mean([each.error for each in effects])
        assert told == pytest.approx(spread, rel=0.15)


def test_sides_with_other_numbers_of_samples_are_held_against_each_other() -> None:
    random, hard = np.random.default_rng(3), np.random.default_rng(4).normal(size=60)
    found = pair_of(side(random, hard, 2), side(random, hard, 4), PRICES, F, "suite")

    assert found.quality().n == found.quality().fewest == 60
    assert 0 < replace(found, inference="population").noise_share("quality") < 1


@pytest.mark.parametrize("inference", ["population", "suite"])
def test_swapping_the_sides_flips_every_sign(inference: str) -> None:
    one = pair(5, 80, 2, inference)
    other = Pair(one.baseline, one.run, (one.usd[1], one.usd[0]), F, one.inference)

    for first, second in ((one.qpd(), other.qpd()), (one.quality(), other.quality()), (one.harm(), other.harm())):
        assert first.value == pytest.approx(-second.value, abs=1e-12)
        assert first.error == pytest.approx(second.error, abs=1e-12)


def test_prices_k_times_as_high_leave_quality_per_dollar_where_a_failure_costs_k_times_as_much() -> None:
    one = pair(6, 80)
    other = pair_of(one.run, one.baseline, {"light": Price(7.0, 28.0)}, 7 * F)

    assert other.qpd().value == pytest.approx(one.qpd().value, abs=1e-12)
    assert other.qpd().error == pytest.approx(one.qpd().error, abs=1e-12)
    assert other.dollars().value == pytest.approx(7 * one.dollars().value)


def test_the_order_of_conversations_changes_nothing() -> None:
    one = pair(7, 80)
    order = np.random.default_rng(8).permutation(80)
    moved = [
        replace(
            each,
            cells={name: values[order] for name, values in each.cells.items()},
            turns=each.turns[order],
            tokens=replace(each.tokens, counts=each.tokens.counts[:, order]),
        )
        for each in (one.run, one.baseline)
    ]
    other = pair_of(moved[0], moved[1], PRICES, F)

    assert other.qpd().value == pytest.approx(one.qpd().value, abs=1e-12)
    assert other.qpd().error == pytest.approx(one.qpd().error, abs=1e-12)


def test_the_margin_decides_between_pass_and_open() -> None:
    found = pair(9, 400)

    low = found.quality().bounds(0.05)[0]
    outcomes = [
        blocking(found, PolicyShape.model_validate({"margins": {"quality": margin}}), {})[1][1]["outcome"]
        for margin in (-low * 1.01, -low * 0.99)
    ]

    assert low < 0
    assert outcomes[0] == "pass" != outcomes[1]
    assert decide([]) == []
