"""Which strategies another one beats on quality and cost at once, and which none can."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import scores
from ladder_bench.analyse.pareto import _holm, labels


def arm(name: str, quality: float, cost: float, size: int = 60, noise: float = 0.02, seed: int = 0) -> object:
    """A strategy around these means, with conversation luck that all arms share and noise of its own."""
    shared = np.random.default_rng(7).normal(0, 0.1, size)
    own = np.random.default_rng([seed, *name.encode()]).normal(0, 1, (2, size))
    return scores(name, quality=quality + shared + noise * own[0], cost_usd_warm=cost * np.exp(shared + noise * own[1]))


def test_better_and_cheaper_dominates_and_a_trade_does_not() -> None:
    found = labels([arm("strong", 0.9, 10), arm("light", 0.6, 1), arm("bad", 0.7, 12)])

    assert found == {"strong": "front", "light": "front", "bad": "dominated"}


def test_what_the_data_cannot_tell_apart_is_undecided() -> None:
    found = labels([arm("a", 0.8, 5, noise=0.3), arm("b", 0.8, 5, noise=0.3)])

    assert found == {"a": "undecided", "b": "undecided"}


def test_arms_that_are_identical_or_differ_by_float_noise_are_undecided() -> None:
    first = arm("a", 0.8, 5)
    same = scores("b", quality=first.values["quality"], cost_usd_warm=first.values["cost_usd_warm"])
    noisy = scores(
        "c", quality=first.values["quality"] + 1e-16, cost_usd_warm=first.values["cost_usd_warm"] * (1 - 2e-16)
    )

    assert set(labels([first, same, noisy]).values()) == {"undecided"}


def test_a_constant_difference_needs_no_spread_to_be_seen() -> None:
    flat = [
        scores(name, quality=np.full(30, q), cost_usd_warm=np.full(30, c))
        for name, q, c in (("a", 0.9, 1), ("b", 0.5, 2))
    ]

    assert labels(flat) == {"a": "front", "b": "dominated"}


def test_below_20_conversations_and_without_quality_everything_is_undecided() -> None:
    few = [arm("a", 0.9, 1, size=19), arm("b", 0.1, 9, size=19)]
    blind = [
        scores(name, quality=np.full(40, np.nan), cost_usd_warm=np.full(40, cost))
        for name, cost in (("a", 1), ("b", 2))
    ]

    assert set(labels(few).values()) == {"undecided"}
    assert set(labels(blind).values()) == {"undecided"}


def test_free_is_cheaper_than_anything_that_costs_and_no_cheaper_than_free() -> None:
    assert labels([arm("a", 0.9, 1), arm("b", 0.8, 0)]) == {"a": "front", "b": "front"}
    assert labels([arm("a", 0.9, 0), arm("b", 0.8, 0)])["b"] == "undecided"


def test_what_stands_apart_neither_dominates_nor_is_dominated() -> None:
    arms = [arm("recording", 0.95, 0.5), arm("strong", 0.9, 10), arm("light", 0.6, 1)]
    assert labels(arms) == {"recording": "front", "strong": "dominated", "light": "dominated"}

    assert labels(arms, {"recording"}) == {"recording": "undecided", "strong": "front", "light": "front"}


def test_pairs_are_compared_on_the_conversations_that_both_have() -> None:
    first, second = arm("a", 0.9, 1), arm("b", 0.5, 2)
    first.values["quality"][:30] = np.nan
    second.values["quality"][:5] = np.nan

    assert labels([first, second])["b"] == "dominated"


def test_holm_steps_down_and_stops_at_the_first_that_fails() -> None:
    p_values = {(0, 1): 0.01, (1, 0): 0.02, (0, 2): 0.03, (2, 0): 0.04}

    assert _holm(p_values) == {(0, 1)}  # 0.01 <= 0.05/4, 0.02 > 0.05/3
    assert _holm({**p_values, (1, 0): 0.016}) == {(0, 1), (1, 0)}  # 0.03 > 0.05/2


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.2, 1), st.floats(0.1, 10)), min_size=2, max_size=5),
    st.floats(0.01, 100),
    st.randoms(),
)
def test_labels_are_consistent_and_know_no_order_and_no_currency(
    points: list[tuple[float, float]], scale: float, chance: object
) -> None:
    arms = [arm(f"s{n}", quality, cost) for n, (quality, cost) in enumerate(points)]
    dearer = [
        scores(each.strategy, quality=each.values["quality"], cost_usd_warm=scale * each.values["cost_usd_warm"])
        for each in arms
    ]
    chance.shuffle(dearer)  # type: ignore[attr-defined]
    found = labels(arms)

    assert labels(dearer) == found
    front = [n for n in range(len(points)) if found[f"s{n}"] == "front"]
    for n in front:  # nothing on the front is beaten by anything, by far
        assert not any(q > points[n][0] + 0.1 and c < points[n][1] / 2 for q, c in points)


def test_equal_strategies_are_called_different_rarely() -> None:
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(300):
        arms = [
            scores(str(n), quality=rng.normal(0.7, 0.1, 40), cost_usd_warm=rng.lognormal(0, 0.3, 40)) for n in range(3)
        ]
        wrong += any(label != "undecided" for label in labels(arms).values())

    assert wrong / 300 <= 0.065


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_strategies_have_nobody_to_beat(count: int) -> None:
    assert set(labels([arm("a", 0.9, 1)][:count]).values()) <= {"undecided"}
