"""Means, ratios and quantiles over conversations, with intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import (
    FEWEST,
    difference,
    mean,
    quantiles,
    ratio,
    share,
    t_above,
    t_quantile,
    within_1,
)
from ladder_bench.domain import Estimate

NAN = float("nan")


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)


def test_the_interval_of_a_mean_is_students() -> None:
    values = np.arange(20.0)
    half = 2.093024 * values.std(ddof=1) / np.sqrt(20)  # t(19), 0.975, from printed tables

    found = mean(values)
    assert (found.value, found.n) == (9.5, 20)
    assert found.low == pytest.approx(9.5 - half, rel=1e-6)
    assert found.high == pytest.approx(9.5 + half, rel=1e-6)


def test_below_20_conversations_there_is_no_interval_and_the_reason_is_said() -> None:
    assert mean(np.ones(FEWEST - 1)) == Estimate(1.0, None, None, 19, 0, "no interval: 19 conversations, 20 are needed")
    assert mean(array(0.5)).low is None
    assert ratio(array(1.0), array(2.0)).why == "no interval: 1 conversations, 20 are needed"
    assert quantiles([array(1.0)], [0.5])[0].why == "no interval: 1 conversations, 20 are needed"


def test_nothing_known_is_missing_and_not_zero() -> None:
    for found in (mean(array()), mean(array(NAN, NAN)), ratio(array(1.0), array(0.0)), ratio(array(NAN), array(1.0))):
        assert (found.value, found.low, found.high, found.n) == (None, None, None, 0)
        assert found.why
    assert quantiles([array()], [0.5])[0].value is None


def test_conversations_without_a_value_are_left_out_and_not_counted() -> None:
    assert mean(array(1.0, NAN, 0.0)).value == 0.5
    assert mean(array(1.0, NAN, 0.0)).n == 2
    assert ratio(array(1.0, NAN, 3.0), array(2.0, 5.0, 2.0)).value == 1.0


def test_equal_values_have_an_interval_of_no_width() -> None:
    found = mean(np.zeros(30))

    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)


def test_the_interval_of_a_share_stays_within_0_and_1() -> None:
    few = np.repeat((1.0, 0.0), (2, 22))
    assert mean(few).low == pytest.approx(-0.0359, abs=1e-4)

    assert (share(mean(few)).low, share(mean(1 - few)).high) == (0.0, 1.0)
    assert share(mean(few)).high == mean(few).high
    assert within_1(mean(np.zeros(30))) == mean(np.zeros(30))


def test_a_share_of_nobody_among_24_is_not_known_to_be_0() -> None:
    """Clopper and Pearson: 1 - 0.025 ** (1 / 24)."""
    none, all_ = share(mean(np.zeros(24))), share(mean(np.ones(24)))

    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.14247, abs=1e-5)
    assert (all_.low, all_.high) == (pytest.approx(1 - 0.14247, abs=1e-5), 1.0)
    assert share(mean(np.ones(19))).low is None


def test_float_noise_is_no_difference_and_a_real_difference_is_kept() -> None:
    assert difference(array(0.1 + 0.2, 0.75), array(0.3, 0.25)).tolist() == [0.0, 0.5]
    assert np.isnan(difference(array(NAN), array(1.0)))[0]


def test_a_ratio_has_the_delta_methods_interval() -> None:
    """Against the closed form for a ratio of means."""
    rng = np.random.default_rng(1)
    x, y = rng.gamma(2, 1, 40), rng.gamma(5, 1, 40)
    value = x.mean() / y.mean()
    matrix = np.cov(x, y)
    variance = (matrix[0, 0] - 2 * value * matrix[0, 1] + value**2 * matrix[1, 1]) / y.mean() ** 2 / 40

    found = ratio(x, y)
    assert found.high - found.low == pytest.approx(2 * t_quantile(0.975, 39) * np.sqrt(variance))


def test_t_tails_agree_with_printed_tables() -> None:
    assert t_quantile(0.975, 10) == pytest.approx(2.228139, abs=1e-6)
    assert t_above(2.228139, 10) == pytest.approx(0.025, abs=1e-7)


@given(st.lists(st.floats(0, 1), min_size=20, max_size=60), st.randoms())
def test_the_order_of_conversations_changes_nothing(values: list[float], chance: object) -> None:
    shuffled = values.copy()
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = mean(np.array(values)), mean(np.array(shuffled))

    assert (first.value, first.low, first.high) == pytest.approx((second.value, second.low, second.high), abs=1e-12)


# --- coverage ------------------------------------------------------------------------------


def simulated(conversations: int, sets: int = 2000, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Turn scores in [0, 1] with luck that a conversation's turns share: values (sets, C, 12), which turns exist.

    The true mean over conversations is 0.7: each has its own level, a beta draw, and as many turns as it likes.
    """
    rng = np.random.default_rng([seed, conversations])
    level = rng.beta(7, 3, (sets, conversations, 1))
    turns = rng.integers(3, 13, (sets, conversations, 1))
    values = rng.binomial(4, np.broadcast_to(level, (sets, conversations, 12))) / 4
    return values, np.arange(12) < turns


def covered(centre: np.ndarray, half: np.ndarray, truth: float) -> float:
    return float((np.abs(centre - truth) <= half).mean())


def conversation_means(conversations: int) -> np.ndarray:
    values, exists = simulated(conversations)
    return (values * exists).sum(axis=2) / exists.sum(axis=2)


@pytest.mark.parametrize("conversations", [20, 50, 200])
def test_the_interval_covers_the_truth_95_times_in_100(conversations: int) -> None:
    found = [mean(each) for each in conversation_means(conversations)]

    share = np.mean([each.low <= 0.7 <= each.high for each in found])
    assert 0.935 <= share <= 0.965


@pytest.mark.parametrize("conversations", [20, 50, 200])
def test_an_error_that_treats_turns_as_independent_covers_too_rarely(conversations: int) -> None:
    """The proof that the test above can fail."""
    values, exists = simulated(conversations)
    count = exists.sum(axis=(1, 2))
    centre = (values * exists).sum(axis=(1, 2)) / count
    spread = np.sqrt((((values - centre[:, None, None]) ** 2) * exists).sum(axis=(1, 2)) / (count - 1))

    assert covered(centre, 1.96 * spread / np.sqrt(count), 0.7) < 0.85


# --- quantiles -----------------------------------------------------------------------------


def waits(conversations: int, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.lognormal(rng.normal(0, 0.3), 0.5, rng.integers(3, 9)) for _ in range(conversations)]


@pytest.mark.parametrize("probability", [0.5, 0.9, 0.99])
def test_a_quantile_is_the_smallest_value_that_enough_values_do_not_exceed(probability: float) -> None:
    groups = waits(30)
    values = np.sort(np.concatenate(groups))

    found = quantiles(groups, [probability])[0]
    assert found.value == np.quantile(values, probability, method="inverted_cdf")
    assert found.low <= found.value <= found.high
    assert found.n == 30


def test_a_quantile_of_round_numbers_suffers_no_float_noise() -> None:
    groups = [array(*range(10 * n, 10 * n + 10)) for n in range(100)]

    assert [each.value for each in quantiles(groups, (0.5, 0.9, 0.99))] == [499, 899, 989]


def test_conversations_without_a_measured_wait_are_left_out() -> None:
    assert quantiles([*waits(25), array()], [0.5])[0].n == 25


def test_a_quantiles_interval_widens_with_the_luck_that_turns_share() -> None:
    rng = np.random.default_rng(3)
    own = [np.full(10, level) for level in rng.normal(5, 1, 40)]
    mixed = np.concatenate(own)
    rng.shuffle(mixed)

    def width(groups: list[np.ndarray]) -> float:
        found = quantiles(groups, [0.5])[0]
        return found.high - found.low

    assert width(own) > 2 * width(list(mixed.reshape(40, 10)))


def test_the_bootstrap_covers_a_median() -> None:
    truth = float(np.median(np.concatenate(waits(20000, seed=99))))
    seeds = range(200)

    found = [quantiles(waits(60, seed=seed), [0.5], seed=seed)[0] for seed in seeds]
    assert np.mean([each.low <= truth <= each.high for each in found]) >= 0.90


def test_a_seed_repeats_itself() -> None:
    first, second = (quantiles(waits(40), (0.5, 0.9)) for _ in range(2))

    assert first == second


def test_quantiles_do_not_depend_on_how_many_draws_are_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    groups = [random.exponential(size=size) for size in random.integers(0, 9, 60)]

    whole = quantiles(groups, (0.5, 0.9))
    monkeypatch.setattr(estimates, "BLOCK", 1)
    assert quantiles(groups, (0.5, 0.9)) == whole
