"""Effects, the bootstrap and decisions: golden numbers, what must not change them, and where they refuse."""

from __future__ import annotations

from math import ceil, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from ladder_bench.analyse import bootstrap, decisions, effects
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.tails import TAIL, tail_share
from ladder_bench.domain import Estimate

CLOSE = 1e-12
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(FEWEST, 60)
unhurried = settings(deadline=None)


def drawn(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Resolved and dollars of two arms (arm, conversation)."""
    rng = np.random.default_rng(seed)
    resolved = (rng.random((2, size)) < 0.7).astype(float)
    resolved[:, 0] = 1.0
    return resolved, rng.lognormal(-2, 0.8, (2, size))


def contrasts(resolved: np.ndarray, cost: np.ndarray, unresolved_usd: float = 2.0) -> dict[str, Effect]:
    """Of the second arm against the first."""

    def contrast(reading: object, *columns: np.ndarray) -> Effect:
        arms = [reading(*(column[arm] for column in columns)) for arm in (1, 0)]  # type: ignore[operator]
        return effects.difference(*arms)

    return {
        "mean": contrast(effects.mean, resolved),
        "log mean": contrast(effects.log_mean, cost),
        "log ratio": contrast(effects.log_ratio_of_means, cost, resolved + 1),
        "log QPD": contrast(lambda r, c: effects.log_qpd(r, c, unresolved_usd), resolved, cost),
        "dollars": contrast(lambda r, c: effects.dollars(r, c, unresolved_usd), resolved, cost),
    }


def figures(effect: Effect) -> tuple[float, ...]:
    return effect.value, effect.error, *effect.bounds(0.05)


# --- what must not change a result ---------------------------------------------------------


@unhurried
@given(seeds, sizes)
def test_swapping_the_arms_flips_the_sign(seed: int, size: int) -> None:
    resolved, cost = drawn(seed, size)
    swapped = contrasts(resolved[::-1], cost[::-1])

    for name, effect in contrasts(resolved, cost).items():
        assert figures(swapped[name]) == pytest.approx(figures(effect.reversed()), rel=CLOSE, abs=CLOSE)
        low, high = effect.bounds(0.05)
        assert effect.reversed().bounds(0.05) == pytest.approx((-high, -low), rel=CLOSE, abs=CLOSE)


@unhurried
@given(seeds, sizes)
def test_the_order_of_conversations_changes_nothing(seed: int, size: int) -> None:
    resolved, cost = drawn(seed, size)
    order = np.random.default_rng(seed).permutation(size)
    again = contrasts(resolved[:, order], cost[:, order])

    for name, effect in contrasts(resolved, cost).items():
        assert figures(again[name]) == pytest.approx(figures(effect), rel=CLOSE, abs=CLOSE)


@unhurried
@given(seeds, sizes, st.floats(1e-3, 1e3))
def test_other_prices_scale_costs_and_leave_log_ratios_and_log_qpd(seed: int, size: int, factor: float) -> None:
    resolved, cost = drawn(seed, size)
    found, dearer = contrasts(resolved, cost), contrasts(resolved, factor * cost, factor * 2.0)

    for name in ("mean", "log mean", "log ratio", "log QPD"):
        assert figures(dearer[name]) == pytest.approx(figures(found[name]), rel=CLOSE, abs=CLOSE)
    scaled = tuple(factor * each for each in figures(found["dollars"]))
    assert figures(dearer["dollars"]) == pytest.approx(scaled, rel=CLOSE, abs=factor * CLOSE)


@unhurried
@given(seeds, sizes)
def test_conversations_that_are_there_twice_leave_the_error_of_clusters(seed: int, size: int) -> None:
    resolved, cost = drawn(seed, size)
    users = [f"user {number % (size - 3)}" for number in range(size)]
    twice = contrasts(np.tile(resolved, 2), np.tile(cost, 2))

    for name, effect in contrasts(resolved, cost).items():
        once, doubled = effects.by_cluster(effect, [users]), effects.by_cluster(twice[name], [users * 2])
        assert (doubled.value, doubled.error) == pytest.approx((once.value, once.error), rel=CLOSE, abs=CLOSE)
        assert once.n == doubled.n == size - 3


@unhurried
@given(seeds, sizes)
def test_clusters_of_one_conversation_change_nothing(seed: int, size: int) -> None:
    for effect in contrasts(*drawn(seed, size)).values():
        assert figures(effects.by_cluster(effect, [range(size)])) == pytest.approx(figures(effect), rel=1e-9, abs=CLOSE)


@unhurried
@given(st.lists(st.integers(1, 30), min_size=20, max_size=40))
def test_a_few_large_clusters_leave_fewer_degrees_of_freedom(sizes: list[int]) -> None:
    """Against the matrices of Bell and McCaffrey written out."""
    users = np.repeat(np.arange(len(sizes)), sizes)
    found = effects.by_cluster(effects.of(effects.mean(np.arange(users.size) % 7.0)), [users])
    counts = np.array(sizes, dtype=float)
    residual = np.eye(counts.size) - np.outer(counts / counts.sum(), np.ones(counts.size))
    covariance = residual @ np.diag(counts * (1 + (counts - 1) * effects.ALIKE)) @ residual.T
    golden = np.trace(covariance) ** 2 / np.trace(covariance @ covariance)

    assert found.freedom == pytest.approx(golden, rel=1e-9)
    assert found.freedom <= len(sizes) - 1 + 1e-9


def test_a_run_against_itself_is_exactly_0_and_passes() -> None:
    resolved, cost = drawn(1, 30)
    same = contrasts(resolved[[0, 0]], cost[[0, 0]])
    decided = decisions.decide([decisions.Test(name, effect, 0.03) for name, effect in same.items()])

    assert {each.estimate() for each in same.values()} == {Estimate(0.0, 0.0, 0.0, 30, 0, "identical")}
    assert decisions.together([each.outcome for each in decided]) == "pass"
    assert bootstrap.max_t(np.column_stack([each.parts[0] for each in same.values()])) == 0.0


def test_float_noise_between_equal_columns_is_identical() -> None:
    flat = np.full(30, 0.1) * 3
    noisy = effects.difference(effects.mean(flat), effects.mean(np.full(30, 0.3)))

    assert noisy.identical


# --- golden numbers ------------------------------------------------------------------------

# statsmodels 0.15.0, standard errors of .fit(cov_type="cluster", cov_kwds={"groups": USERS}), its correction for small
# samples on: OLS(VALUES, constant) for the mean, WLS(VALUES, BELOW, weights=1 / BELOW) for the ratio of means.
USERS = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 5, 5, 6, 7, 7, 7, 7, 7, 8, 9, 9, 10, 11, 11]
VALUES = np.array([9, 8, 7, 2, 3, 5, 10, 9, 8, 10, 4, 6, 7, 1, 5, 4, 6, 5, 3, 9, 2, 1, 7, 8, 6]) / 10
BELOW = np.array([1, 2, 3, 1, 2, 1, 4, 1, 2, 2, 1, 3, 1, 2, 1, 1, 5, 1, 2, 1, 1, 2, 1, 3, 1], dtype=float)
CLUSTERED_SE = 0.08701999770167772
CLUSTERED_RATIO_SE = 0.041478274687654956


def test_a_clustered_error_is_that_of_statsmodels() -> None:
    mean = effects.by_cluster(effects.of(effects.mean(VALUES)), [USERS])
    ratio = VALUES.mean() / BELOW.mean()
    logs = effects.by_cluster(effects.of(effects.log_ratio_of_means(VALUES, BELOW)), [USERS])

    assert (mean.error, mean.n) == (pytest.approx(CLUSTERED_SE, rel=1e-12), 12)
    assert logs.error * ratio == pytest.approx(CLUSTERED_RATIO_SE, rel=1e-12)


@unhurried
@given(seeds, st.integers(20, 80), st.integers(20, 80))
def test_different_conversations_are_compared_as_scipys_welch_does(seed: int, first: int, second: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.normal(0.1, 1, first), rng.normal(0, 3, second)
    effect = effects.apart(effects.mean(one), effects.mean(two))
    golden = stats.ttest_ind(one, two, equal_var=False, alternative="less")
    interval = stats.ttest_ind(one, two, equal_var=False).confidence_interval(0.95)

    assert effect.p_below() == pytest.approx(golden.pvalue, rel=1e-9)
    assert effect.freedom == pytest.approx(golden.df, rel=1e-9)
    assert (effect.estimate().low, effect.estimate().high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_the_influence_of_log_qpd_is_what_one_conversation_more_would_do() -> None:
    """The derivative of the plain formula towards each conversation, by finite differences."""
    (resolved, _), (cost, _) = drawn(3, 40)
    found = effects.log_qpd(resolved, cost, 0.7)

    def formula(weights: np.ndarray) -> float:
        share, dollars = (weights @ column / weights.sum() for column in (resolved, cost))
        return log(share / (dollars + 0.7 * (1 - share)))

    step = 1e-6
    by_hand = [
        (formula(np.ones(40) + step * row) - formula(np.ones(40) - step * row)) / step * 20 for row in np.eye(40)
    ]
    assert found.value == pytest.approx(formula(np.ones(40)), rel=CLOSE)
    assert found.influence == pytest.approx(by_hand, abs=1e-7)


def test_holm_rejects_as_on_paper() -> None:
    assert decisions.holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert decisions.holm([0.04, 0.04], 0.05) == [False, False]
    assert decisions.holm([], 0.05) == []
    assert decisions.holm([float("nan"), 0.9], 0.05) == [False, False]


def test_conversations_needed_is_the_printed_formula() -> None:
    assert decisions.conversations_needed(0.25, 0.03) == ceil(((1.6448536 + 0.8416212) * 0.25 / 0.03) ** 2) == 430
    assert decisions.conversations_needed(0.001, 0.03) == FEWEST
    assert decisions.conversations_needed(float("inf"), 0.03) is None


def test_the_joint_number_of_one_test_is_its_own_and_of_independent_ones_is_more() -> None:
    rng = np.random.default_rng(2)
    first, second = (decisions.Test(name, Effect(0.0, (rng.normal(0, 0.25, 4000),)), 0.03) for name in "ab")
    alone = decisions.conversations_needed(first.effect.deviation, 0.03)
    twins, both = (decisions.conversations_needed_together(pair) for pair in ([first, first], [first, second]))

    assert decisions.conversations_needed_together([first]) == pytest.approx(alone, rel=0.02)
    assert twins == pytest.approx(alone, rel=0.02)
    # each passes with sqrt(0.8): z(0.95) + z(0.8944) in place of z(0.95) + z(0.8)
    assert both == pytest.approx(alone * ((1.6449 + 1.2505) / (1.6449 + 0.8416)) ** 2, rel=0.03)


def test_the_joint_number_takes_a_constant_difference_and_separate_conversations() -> None:
    rng = np.random.default_rng(2)
    constant = decisions.Test("a", Effect(0.1, (np.zeros(30),)), 0.03)
    apart = [decisions.Test(name, Effect(0.0, (rng.normal(size=50), rng.normal(size=90))), 0.5) for name in "ab"]
    paired = decisions.Test("c", Effect(0.0, (rng.normal(size=140),)), 0.5)

    assert decisions.conversations_needed_together([constant]) == FEWEST
    assert decisions.conversations_needed_together(apart) > decisions.conversations_needed(
        apart[0].effect.deviation, 0.5
    )
    assert decisions.conversations_needed_together([*apart, paired]) is None


# --- strata, samples, tails ----------------------------------------------------------------


def test_strata_weigh_what_is_declared_whatever_the_shares_add_up_to() -> None:
    rng = np.random.default_rng(4)
    strata = ["a"] * 40 + ["b"] * 20 + ["unused"] * 3
    values = rng.normal(size=63) + np.repeat((0.0, 1.0, 9.0), (40, 20, 3))
    spread = [0.7**2 * values[:40].var(ddof=1) / 40, 0.3**2 * values[40:60].var(ddof=1) / 20]

    for shares in ({"a": 0.7, "b": 0.3, "unused": 0}, {"a": 70, "b": 30, "unused": 0}):
        reading = effects.mean(values, effects.weights(strata, shares))
        found = effects.by_stratum(effects.of(reading), strata, shares)
        assert found.value == pytest.approx(0.7 * values[:40].mean() + 0.3 * values[40:60].mean(), rel=CLOSE)
        assert found.error == pytest.approx(np.sqrt(sum(spread)), rel=CLOSE)


def test_a_stratum_without_a_conversation_or_without_a_share_is_refused() -> None:
    with pytest.raises(ValueError, match="no conversation of 'b'"):
        effects.weights(["a"], {"a": 0.5, "b": 0.5})
    with pytest.raises(KeyError):
        effects.weights(["a", "c"], {"a": 1.0})


def test_a_suites_error_is_that_of_samples_within_conversations() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(30, 4)) + 10 * rng.normal(size=(30, 1))
    found = effects.suite(effects.of(effects.mean(values)))

    assert found.error == pytest.approx(np.sqrt((values.var(axis=1, ddof=1) / 4).sum()) / 30, rel=CLOSE)
    assert (found.value, found.n) == (pytest.approx(values.mean()), 30)
    assert 45 < found.freedom <= 90
    assert found.reversed().bounds(0.05) == pytest.approx([-each for each in found.bounds(0.05)[::-1]])


def test_suite_inference_needs_two_samples() -> None:
    for column in (np.ones(30), np.ones((30, 1))):
        with pytest.raises(ValueError, match="needs 2 samples"):
            effects.suite(effects.of(effects.mean(column)))


def test_the_tail_is_the_dearest_hundredth_and_at_least_one_conversation() -> None:
    costs = np.array([1.0] * 198 + [50.0, 52.0])
    assert tail_share(costs) == pytest.approx(102 / 300)
    assert tail_share(np.array([3.0, 1.0, np.nan])) == 0.75
    assert tail_share(np.ones(1000)) == pytest.approx(0.01)
    assert tail_share(np.zeros(5)) == tail_share(np.array([])) == 0.0 < TAIL


# --- bootstrap -----------------------------------------------------------------------------


def test_all_columns_share_their_draws_and_blocks_do_not_change_them() -> None:
    values = np.random.default_rng(6).normal(size=(50, 2))
    drawn = bootstrap.means(values, draws=300)

    assert drawn == pytest.approx(bootstrap.weights(50, draws=300) @ values / 50, rel=CLOSE)
    assert drawn[:, [0]] == pytest.approx(bootstrap.means(values[:, [0]], draws=300), rel=CLOSE)


def test_bands_around_one_effect_are_about_students_and_grow_with_the_number_of_effects() -> None:
    values = np.random.default_rng(7).normal(size=(100, 20))
    one, twenty = bootstrap.max_t(values[:, :1]), bootstrap.max_t(values)

    assert one == pytest.approx(1.984, abs=0.12)
    assert 2.8 < twenty < 3.3
    assert bootstrap.max_t(np.repeat(values[:, :1], 20, axis=1)) == pytest.approx(one)


def test_an_effect_that_is_there_in_few_conversations_does_not_widen_the_bands_of_others() -> None:
    values = np.random.default_rng(8).normal(size=(100, 5))
    rare = np.where(np.arange(100) < 3, 1.0, 0.0)[:, np.newaxis]

    assert bootstrap.max_t(np.hstack([values, rare])) < bootstrap.max_t(values) + 0.3


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(1e-6, 1e6))
def test_bands_do_not_depend_on_units(seed: int, factor: float) -> None:
    values = np.random.default_rng(seed).normal(size=(30, 3))
    scaled = values * np.array([1.0, factor, -1.0])

    assert bootstrap.max_t(scaled, draws=200) == pytest.approx(bootstrap.max_t(values, draws=200), rel=1e-9)


# --- refusals ------------------------------------------------------------------------------


def test_below_20_conversations_nothing_passes_and_nothing_fails() -> None:
    few = Effect(-0.9, (np.random.default_rng(9).normal(0, 0.01, FEWEST - 1),))
    (decided,) = decisions.decide([decisions.Test("quality", few, 0.03)])

    assert (decided.outcome, decided.p_worse) == ("inconclusive", 1.0)
    assert few.estimate().why == "no interval: 19 conversations, 20 are needed"


def test_nothing_resolved_has_no_log_qpd() -> None:
    with pytest.raises(ValueError, match="nothing is resolved"):
        effects.log_qpd(np.zeros(30), np.ones(30), 1.0)
    with pytest.raises(ValueError, match="above 0"):
        effects.log_mean(np.zeros(30))


@unhurried
@given(seeds, st.floats(-0.2, 0.2), st.floats(0.001, 0.2))
def test_a_test_says_one_thing_as_its_bounds_do(seed: int, centre: float, margin: float) -> None:
    values = np.random.default_rng(seed).normal(centre, 0.2, 40)
    (found,) = decisions.decide(
        [decisions.Test("quality", effects.of(Reading(values.mean(), values - values.mean())), margin)]
    )
    wanted = "pass" if found.low > -margin else "fail" if found.high < 0 else "inconclusive"

    assert found.outcome == wanted
