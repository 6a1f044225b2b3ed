"""Precision, recall and F1, with intervals over conversations."""

from __future__ import annotations

import numpy as np
import pytest

from ladder_bench.analyse.detection import detection, pooled


def test_precision_recall_and_f1_are_over_all_turns_of_all_conversations() -> None:
    found = detection([(2, 1, 0), (1, 0, 3), (0, 0, 0)])

    assert (found["precision"].value, found["recall"].value) == (3 / 4, 3 / 6)
    assert found["f1"].value == pytest.approx(2 * 3 / (2 * 3 + 1 + 3))
    assert (found["n_labelled"], found["n_fired"]) == (6, 4)


def test_n_counts_the_conversations_that_say_something() -> None:
    found = detection([(1, 0, 0), (0, 2, 0), (0, 0, 1), (0, 0, 0)])

    assert (found["precision"].n, found["recall"].n, found["f1"].n) == (2, 2, 3)


def test_what_never_fired_has_no_precision_and_an_unlabelled_set_no_recall() -> None:
    silent, unlabelled, nothing = detection([(0, 0, 3)]), detection([(0, 2, 0)]), detection([])

    assert (silent["precision"].value, silent["precision"].why) == (None, "it never fired")
    assert (silent["recall"].value, silent["f1"].value) == (0.0, 0.0)
    assert (unlabelled["recall"].value, unlabelled["recall"].why) == (None, "no turn is labelled")
    assert nothing["f1"].why == "it never fired and no turn is labelled"


def test_fewer_than_20_conversations_give_no_interval() -> None:
    assert detection([(1, 1, 0)] * 19)["precision"].low is None
    assert "20 are needed" in str(detection([(1, 1, 0)] * 19)["precision"].why)
    assert detection([(1, 1, 0)] * 20)["precision"].low is not None


def test_intervals_stay_within_0_and_1_and_hold_the_value() -> None:
    found = detection([(1, 0, 0)] * 29 + [(0, 1, 1)])

    for each in (found["precision"], found["recall"], found["f1"]):
        assert 0 <= each.low <= each.value <= each.high <= 1


def test_forty_out_of_forty_is_not_certainty() -> None:
    found = detection([(1, 0, 0)] * 40)

    assert found["precision"].value == 1.0
    assert found["precision"].low == pytest.approx(0.9119, abs=1e-4)  # Clopper-Pearson, 40 of 40, two-sided 95 %


def test_the_interval_covers_the_truth_where_conversations_differ() -> None:
    rng = np.random.default_rng(5)
    covered = []
    for _ in range(400):
        chance = rng.beta(8, 2, 60)  # conversations differ in how often a firing is right
        fired = rng.integers(1, 5, 60)
        right = rng.binomial(fired, chance)
        found = detection([(r, f - r, 0) for r, f in zip(right.tolist(), fired.tolist(), strict=True)])["precision"]
        covered.append(found.low <= 0.8 <= found.high)

    assert 0.92 <= np.mean(covered) <= 0.98


def test_a_conversation_seen_by_several_strategies_counts_once() -> None:
    found = pooled([{"a": (1, 0, 0), "b": (0, 1, 0)}, {"a": (0, 1, 0)}])

    assert found == [(0.5, 0.5, 0.0), (0.0, 1.0, 0.0)]
