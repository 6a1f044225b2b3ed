"""Agreement of raters and of repeats: published examples, brute force, and intervals by conversation."""

from __future__ import annotations

import gzip
import json
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench.analyse import estimates
from ladder_bench.analyse.agreement import Labels, agreement, all_equal, alpha, flip_rate, icc, labels
from ladder_bench.domain import Estimate

REPEATS = Path(__file__).parents[2] / "shared" / "data" / "judge_repeats"
NAN = float("nan")
GOLDEN = [(1, 1)] * 130 + [(1, 0)] * 56 + [(0, 1)] * 9 + [(0, 0)] * 5


def rated(pairs: list[tuple[float | None, float | None]], conversations: int = 40) -> Labels:
    """Pairs of (judged, people), dealt to conversations one after the other."""
    return labels((f"c{number % conversations}", *pair) for number, pair in enumerate(pairs))


def noisy(seed: int = 1, conversations: int = 40, items: int = 5) -> Labels:
    """A judge that people agree with more in some conversations than in others."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(conversations), items)
    people = (rng.random(owners.size) < 0.7).astype(float)
    right = rng.random(owners.size) < rng.beta(4, 1, conversations)[owners]
    return Labels(owners, np.where(right, people, 1 - people), people)


def bounds(found: Estimate) -> tuple[float | None, float | None, float | None]:
    return found.value, found.low, found.high


# --- two raters ----------------------------------------------------------------------------


def test_a_lopsided_table_has_a_kappa_near_0_and_an_ac1_of_a_half() -> None:
    found = agreement(rated(GOLDEN))

    assert found.raw.value == pytest.approx(135 / 200)
    assert found.kappa.value == pytest.approx(0.022, abs=5e-4)
    assert found.ac1.value == pytest.approx(0.533, abs=5e-4)
    assert (found.judged.value, found.prevalence.value) == pytest.approx((186 / 200, 139 / 200))
    assert (found.items, found.raw.n) == (200, 40)


def test_kappa_and_ac1_are_agreement_beyond_that_of_items_paired_by_chance() -> None:
    """Chance agreement counted pair by pair; Gwet's from two draws of everything that either rater said."""
    data = noisy()
    judged, people = data.judged.tolist(), data.people.tolist()
    said = judged + people
    raw = sum(a == b for a, b in zip(judged, people, strict=True)) / len(judged)
    cohen = sum(a == b for a in judged for b in people) / len(judged) ** 2
    gwet = sum(a != b for a in said for b in said) / len(said) ** 2

    found = agreement(data)
    assert found.kappa.value == pytest.approx((raw - cohen) / (1 - cohen), rel=1e-12)
    assert found.ac1.value == pytest.approx((raw - gwet) / (1 - gwet), rel=1e-12)


def test_the_interval_is_that_of_leaving_out_one_conversation_at_a_time() -> None:
    data = noisy()
    without = []
    for name in range(40):
        stay = data.conversations != name
        without.append(agreement(Labels(data.conversations[stay], data.judged[stay], data.people[stay])).kappa.value)
    error = np.sqrt(39 / 40 * ((np.array(without) - np.mean(without)) ** 2).sum())

    found = agreement(data).kappa
    assert found.high - found.value == pytest.approx(2.022691 * error, rel=1e-6)  # t(39), 0.975, from printed tables


def test_items_that_one_of_the_two_did_not_score_are_left_out_and_counted() -> None:
    found = agreement(rated([*GOLDEN, (None, 1), (1, None), (0, None), (None, None)]))

    assert found.kappa.value == agreement(rated(GOLDEN)).kappa.value
    assert (found.raw.unscored, found.kappa.unscored, found.items) == (3, 3, 200)


def test_two_raters_who_use_one_word_only_have_no_kappa_and_the_reason_is_said() -> None:
    found = agreement(rated([(1, 1)] * 60))

    assert (found.raw.value, found.ac1.value) == (1.0, 1.0)
    assert bounds(found.kappa) == (None, None, None)
    assert found.kappa.why == "each rater says the same of every item"


def test_raters_who_always_agree_are_not_known_to_always_agree() -> None:
    found = agreement(rated([(1, 1), (0, 0), (1, 1)] * 20))

    assert found.raw.low == pytest.approx(1 - 0.0881, abs=1e-4)  # Clopper-Pearson, 40 of 40
    assert bounds(found.kappa) == (1.0, None, None)
    assert found.kappa.why == "no interval: no conversation differs from the others"


def test_a_kappa_that_hangs_on_one_conversation_has_no_interval() -> None:
    found = agreement(rated([(0, 0), *[(1, 1)] * 59], 30)).kappa

    assert (found.value, found.low) == (1.0, None)
    assert found.why == "no interval: it hangs on a single conversation"


def test_fewer_than_20_conversations_give_a_value_without_an_interval() -> None:
    found = agreement(rated(GOLDEN, 19))

    for each in (found.raw, found.kappa, found.ac1, found.prevalence):
        assert each.low is None
        assert each.why == "no interval: 19 conversations, 20 are needed"


def test_nothing_labelled_is_missing_and_not_zero() -> None:
    found = agreement(labels([]))

    for each in (found.raw, found.kappa, found.ac1, found.prevalence, found.judged):
        assert (each.value, each.n) == (None, 0)
        assert each.why


@given(st.integers(0, 1000))
def test_the_order_of_items_and_the_names_of_raters_change_nothing(seed: int) -> None:
    data, order = noisy(seed), np.random.default_rng(seed).permutation(200)
    shuffled = Labels(data.conversations[order], data.people[order], data.judged[order])
    first, second = agreement(data), agreement(shuffled)

    for name in ("raw", "kappa", "ac1"):
        assert bounds(getattr(first, name)) == pytest.approx(bounds(getattr(second, name)), abs=1e-12)


def test_items_said_twice_in_their_conversations_are_no_more_evidence() -> None:
    data = noisy()
    twice = Labels(*(np.tile(each, 2) for each in (data.conversations, data.judged, data.people)))

    for name in ("raw", "kappa", "ac1", "prevalence"):
        first, second = getattr(agreement(data), name), getattr(agreement(twice), name)
        assert bounds(first) == pytest.approx(bounds(second), abs=1e-12)


# --- several raters ------------------------------------------------------------------------


def coded(*rows: str) -> np.ndarray:
    """Raters' rows as (items, raters); a point is no value."""
    return np.array([[NAN if each == "." else float(each) for each in row.replace(" ", "")] for row in rows]).T


def alpha_by_pairs(values: np.ndarray) -> float:
    """Krippendorff's definition: disagreement within items over disagreement of any two pairable values."""
    units = [[value for value in row if value == value] for row in values.tolist()]
    units = [unit for unit in units if len(unit) > 1]
    pooled = [value for unit in units for value in unit]
    observed = sum(sum(a != b for a, b in permutations(unit, 2)) / (len(unit) - 1) for unit in units) / len(pooled)
    expected = sum(a != b for a, b in permutations(pooled, 2)) / (len(pooled) * (len(pooled) - 1))
    return 1 - observed / expected


FOUR_BY_TWELVE = ("1233214 12...", "1233224 125.3", ".333234 2251.", "1233244 1251.")  # Content Analysis, chapter 12
THREE_BY_FIFTEEN = (".....34 12113 3.3", "1.21334 3.......", "..21344 .2113 3.4")


@pytest.mark.parametrize(("rows", "published"), [(FOUR_BY_TWELVE, 0.743), (THREE_BY_FIFTEEN, 0.691)])
def test_nominal_alpha_is_that_of_krippendorffs_examples_with_missing_values(
    rows: tuple[str, ...], published: float
) -> None:
    values = coded(*rows)
    found = alpha(np.arange(len(values)), values)

    assert found.value == pytest.approx(published, abs=5e-4)
    assert found.value == pytest.approx(alpha_by_pairs(values), rel=1e-12)
    assert found.unscored == sum((row == row).sum() < 2 for row in values)


def test_alpha_agrees_with_brute_force_and_its_interval_is_by_conversation() -> None:
    rng = np.random.default_rng(3)
    owners = np.repeat(np.arange(30), 4)
    truth = rng.integers(0, 3, 120)[:, np.newaxis]
    values = np.where(rng.random((120, 3)) < 0.7, truth, rng.integers(0, 3, (120, 3))).astype(float)
    values[rng.random((120, 3)) < 0.2] = NAN
    without = [alpha_by_pairs(values[owners != name]) for name in range(30)]
    error = np.sqrt(29 / 30 * ((np.array(without) - np.mean(without)) ** 2).sum())

    found = alpha(owners, values)
    assert found.value == pytest.approx(alpha_by_pairs(values), rel=1e-12)
    assert found.high - found.low == pytest.approx(2 * estimates.t_quantile(0.975, 29) * error, rel=1e-9)


def test_raters_of_one_word_have_no_alpha_and_the_reason_is_said() -> None:
    found = alpha(np.arange(30), np.ones((30, 3)))

    assert (found.value, found.why) == (None, "every rater says the same of every item")
    assert alpha(np.arange(30), np.full((30, 3), NAN)).value is None


# --- repeats of one judge ------------------------------------------------------------------


def test_icc_is_that_of_shrouts_and_fleisss_example() -> None:
    scores = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7.0]])

    assert icc(np.arange(6), scores).value == pytest.approx(0.17, abs=5e-3)


def test_scores_that_never_differ_have_no_icc_and_perfect_repeats_no_interval() -> None:
    steady = np.tile(np.arange(30.0)[:, np.newaxis], 3)

    assert icc(np.arange(30), np.ones((30, 3))).why == "no score differs from another"
    assert bounds(icc(np.arange(30), steady)) == (1.0, None, None)
    assert icc(np.arange(30), np.full((30, 3), NAN)).why == "no item was scored twice"


def test_a_repeat_without_a_score_is_left_out_of_its_item() -> None:
    scores = np.array([[1, 1, 0], [1, 0, NAN], [1, NAN, NAN], [0, 0, 0]])
    names = np.arange(4)

    assert flip_rate(names, scores).value == pytest.approx((2 / 3 + 1 + 0) / 3)
    assert all_equal(names, scores).value == pytest.approx(1 / 3)
    for each in (flip_rate(names, scores), all_equal(names, scores), icc(names, scores)):
        assert (each.n, each.unscored) == (3, 1)


def test_a_judge_that_never_flipped_in_24_conversations_is_not_known_never_to() -> None:
    found = flip_rate(np.arange(24), np.ones((24, 2)))

    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(0.14247, abs=1e-5)
    assert flip_rate(np.arange(24), np.ones((24, 1))).why == "no item was rated twice"


@pytest.mark.parametrize(("name", "equal", "coefficient"), [("mt_bench", 0.441, 0.851), ("vicuna", 0.622, 0.808)])
def test_repeated_scores_of_gpt_4_agree_as_published(name: str, equal: float, coefficient: float) -> None:
    path = REPEATS / f"{name}_eval.json.gz"
    if not path.is_file():
        pytest.skip(f"needs the recordings: {path.name} is not in ../shared/data/judge_repeats")
    rows = json.loads(gzip.decompress(path.read_bytes()))
    questions = np.array([row["idx"] for row in rows])
    scores = np.array([row["gpt4_score"] for row in rows], dtype=float)
    differing = np.mean([[a != b for a, b in combinations(row["gpt4_score"], 2)] for row in rows])

    assert all_equal(questions, scores).value == pytest.approx(equal, abs=5e-4)
    assert icc(questions, scores).value == pytest.approx(coefficient, abs=5e-4)
    assert flip_rate(questions, scores).value == pytest.approx(differing, rel=1e-12)
    assert all_equal(questions, scores).n == 80
