"""Which strategies another one beats on quality and cost at once, and which none can."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import scores
from ladder_bench.analyse.decisions import holm
from ladder_bench.analyse.estimates import DRAWS
from ladder_bench.analyse.pareto import front_shares, labels


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
    assert holm([0.03, 0.01, 0.02, 0.04]) == [False, True, False, False]  # 0.01 <= 0.05/4, 0.02 > 0.05/3
    assert holm([0.03, 0.01, 0.016, 0.04]) == [False, True, True, False]  # 0.03 > 0.05/2


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


# --- the share of draws on the front -------------------------------------------------------


def shares(*arms: object, apart: set[str] | None = None) -> dict[str, float | None]:
    return {name: found["value"] for name, found in front_shares(arms, apart or set()).items()}


def test_what_is_always_beaten_is_never_on_the_front_and_a_trade_always_is() -> None:
    assert shares(arm("strong", 0.9, 10), arm("light", 0.6, 1), arm("bad", 0.7, 12)) == {
        "strong": 1.0, "light": 1.0, "bad": 0.0,
    }  # fmt: skip


def test_the_share_is_how_often_the_draws_leave_a_planted_doubt() -> None:
    """The dearer arm is better by one standard error: it is behind in about one draw of six, and then beaten."""
    quality = np.linspace(-1, 1, 100)
    error = quality.std() / 10
    cheap = scores("cheap", quality=np.zeros(100), cost_usd_warm=np.ones(100))
    dear = scores("dear", quality=quality + error, cost_usd_warm=np.full(100, 2.0))
    found = shares(cheap, dear)

    assert found["cheap"] == 1.0
    assert found["dear"] == pytest.approx(0.841, abs=0.04)


def test_identical_arms_do_not_push_each_other_off_the_front() -> None:
    first = arm("a", 0.8, 5)
    noisy = scores(
        "b", quality=first.values["quality"] + 1e-16, cost_usd_warm=first.values["cost_usd_warm"] * (1 - 2e-16)
    )

    assert shares(first, noisy) == {"a": 1.0, "b": 1.0}


def test_as_good_and_cheaper_beats_in_every_draw() -> None:
    first = arm("a", 0.8, 5)
    cheaper = scores("b", quality=first.values["quality"], cost_usd_warm=first.values["cost_usd_warm"] * 0.9)

    assert shares(first, cheaper) == {"a": 0.0, "b": 1.0}


def test_a_share_that_is_missing_says_why() -> None:
    few = front_shares([arm("a", 0.9, 1, size=19), arm("b", 0.1, 9, size=19)])
    blind = front_shares([scores("a", quality=np.full(40, np.nan), cost_usd_warm=np.ones(40)), arm("b", 1, 1, size=40)])
    stood_for = front_shares([arm("recording", 0.95, 0.5), arm("strong", 0.9, 10), arm("light", 0.6, 1)], {"recording"})

    assert few["a"] == {"value": None, "n": 19, "draws": 0, "why": "no share: 19 conversations, 20 are needed"}
    assert blind["a"]["why"] == "no conversation has a quality and a cost"
    assert blind["b"]["why"] == "no other strategy to compare with"
    assert stood_for["recording"]["why"] == "held against nothing: a placebo stands for this recording"
    assert stood_for["strong"] == {"value": 1.0, "n": 60, "draws": DRAWS, "why": None}
    assert front_shares([]) == {}


def test_shares_are_taken_over_the_conversations_that_all_have() -> None:
    """What a strategy lacks is nothing that it is better or cheaper in."""
    full, partial = arm("a", 0.9, 1), arm("b", 0.5, 2)
    partial.values["quality"][:30] = np.nan
    full.values["quality"][30:] -= 0.3  # below 0.9 but still above the other on what both have
    full.values["quality"][:30] = -9.0
    apart = arm("c", 0.7, 0.1)
    apart.values["cost_usd_warm"][30:] = np.nan
    found = front_shares([full, partial])

    assert shares(full, partial) == {"a": 1.0, "b": 0.0}
    assert found["a"]["n"] == 30
    assert front_shares([full, partial, apart])["a"] == {
        "value": None, "n": 60, "draws": 0, "why": "no share: 0 conversations that all strategies have, 20 are needed",
    }  # fmt: skip


def test_shares_know_no_order_and_no_currency() -> None:
    arms = [arm("a", 0.80, 5, noise=0.3), arm("b", 0.79, 4.9, noise=0.3), arm("c", 0.78, 5.1, noise=0.3)]
    euros = [
        scores(each.strategy, quality=each.values["quality"], cost_usd_warm=3 * each.values["cost_usd_warm"])
        for each in reversed(arms)
    ]

    assert shares(*euros) == shares(*arms)
