"""A judge corrected by labels: its errors, Rogan and Gladen's rate, PPI++, and how many labels it takes."""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from judge_coverage import differences, of_differences, of_rates
from ladder_bench.analyse import estimates
from ladder_bench.analyse.agreement import Labels
from ladder_bench.analyse.correction import labels_needed, labels_to_decide, powered, rogan_gladen
from ladder_bench.analyse.judge_errors import error_difference, judge_errors, judged_margin
from ladder_bench.domain import Estimate
from simulated_judges import Design, simulated

NAN = float("nan")
T29 = 2.045230  # t(29), 0.975, from printed tables


def told(hits: int, met: int, rejected: int, not_met: int, conversations: int | None = None) -> Labels:
    """Labels of `met` and `not_met` items with so many of each judged rightly, each item its own conversation or dealt."""
    people = np.repeat((1.0, 0.0), (met, not_met))
    judged = np.concatenate([np.arange(met) < hits, np.arange(not_met) >= rejected]).astype(float)
    return Labels(np.arange(met + not_met) % (conversations or met + not_met), judged, people)


def clustered(seed: int = 1, conversations: int = 60, right: tuple[float, float] = (5, 1)) -> Labels:
    """Six items a conversation; the judge is right more often in some conversations than in others."""
    rng = np.random.default_rng(seed)
    owners = np.repeat(np.arange(conversations), 6)
    people = (rng.random(owners.size) < 0.6).astype(float)
    agrees = rng.random(owners.size) < rng.beta(*right, conversations)[owners]
    return Labels(owners, np.where(agrees, people, 1 - people), people)


def halves(seed: int = 1, conversations: int = 200, labelled: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Judged and people's differences a conversation, the first of them labelled."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0.1, 0.3, conversations)
    judged = 0.7 * truth + rng.normal(0.1, 0.2, conversations)
    return judged, np.where(np.arange(conversations) < labelled, truth, NAN)


def bounds(found: Estimate) -> tuple[float | None, float | None, float | None]:
    return found.value, found.low, found.high


# --- errors of a judge ---------------------------------------------------------------------


def test_sensitivity_and_specificity_count_items_that_people_call_met_and_not_met() -> None:
    found = judge_errors(told(hits=40, met=50, rejected=21, not_met=30))

    assert (found.sensitivity.value, found.specificity.value) == pytest.approx((0.8, 0.7))
    assert found.youden.value == pytest.approx(0.5)
    assert (found.met, found.not_met, found.sensitivity.n, found.specificity.n, found.youden.n) == (50, 30, 50, 30, 80)


def test_a_rates_limits_are_the_chances_that_its_own_spread_would_just_allow() -> None:
    """Wilson's limits solve |p - rate| = t sqrt(p (1 - p) / size); one item a conversation has size n - 1."""
    found = judge_errors(told(hits=27, met=30, rejected=20, not_met=40)).sensitivity

    def excess(p: float) -> float:
        return abs(p - 0.9) - T29 * np.sqrt(p * (1 - p) / 29)

    assert found.low == pytest.approx(brentq(excess, 0.5, 0.9), abs=1e-5)
    assert found.high == pytest.approx(brentq(excess, 0.9, 1 - 1e-9), abs=1e-5)


def test_a_judge_who_never_erred_is_not_known_never_to_err() -> None:
    found = judge_errors(told(30, 30, 30, 30))

    assert bounds(found.sensitivity) == (1.0, pytest.approx(1 / (1 + T29**2 / 30), abs=1e-5), 1.0)
    assert found.youden.value == 1.0
    assert found.youden.low < found.sensitivity.low
    assert found.youden.high <= 1.0


def test_where_people_use_one_word_the_other_rate_is_missing_with_its_reason() -> None:
    only_met, only_not = judge_errors(told(20, 30, 0, 0)), judge_errors(told(0, 0, 20, 30))

    assert (only_met.specificity.value, only_met.specificity.why) == (None, "people call every labelled item met")
    assert (only_not.sensitivity.value, only_not.sensitivity.why) == (None, "people call no labelled item met")
    assert only_met.youden.why == "people use one word for every labelled item"
    assert judge_errors(told(0, 0, 0, 0)).sensitivity.value is None


def test_labels_of_fewer_than_20_conversations_give_no_interval() -> None:
    found = judge_errors(told(40, 50, 30, 50, conversations=19))

    for each in (found.sensitivity, found.specificity, found.youden):
        assert each.value is not None
        assert (each.low, each.why) == (None, "no interval: 19 conversations, 20 are needed")


def test_items_said_twice_in_their_conversations_are_no_more_evidence_of_errors() -> None:
    data = clustered(right=(1.2, 0.4))
    twice = Labels(*(np.tile(each, 2) for each in (data.conversations, data.judged, data.people)))

    for name in ("sensitivity", "specificity", "youden"):
        assert bounds(getattr(judge_errors(data), name)) == pytest.approx(
            bounds(getattr(judge_errors(twice), name)), abs=1e-12
        )


def test_the_spread_of_j_is_that_of_leaving_out_conversations() -> None:
    """Against the jackknife, where rates are far from 0 and 1; lenience makes both rates move together."""
    data = clustered(conversations=400, right=(2, 1))
    without = [judge_errors(dropped(data, name)).youden.value for name in range(400)]
    error = np.sqrt(399 / 400 * ((np.array(without) - np.mean(without)) ** 2).sum())

    found = judge_errors(data).youden
    assert (found.high - found.low) / 2 == pytest.approx(1.966 * error, rel=0.02)


def dropped(data: Labels, name: int) -> Labels:
    stay = data.conversations != name
    return Labels(data.conversations[stay], data.judged[stay], data.people[stay])


# --- errors in two arms, and the margin ----------------------------------------------------


def test_a_judge_that_favours_one_arm_is_told_from_one_that_errs_alike() -> None:
    base, same, favoured = told(160, 200, 160, 200, 100), told(162, 200, 158, 200, 100), told(196, 200, 120, 200, 100)

    assert error_difference(same, base).differ is False
    found = error_difference(favoured, base)
    assert found.differ is True
    assert (found.sensitivity.value, found.specificity.value) == pytest.approx((0.18, -0.2))
    assert found.sensitivity.low > 0 > found.specificity.high


def test_swapped_arms_swap_the_sign_of_a_difference_in_errors() -> None:
    first, second = clustered(1), clustered(2, right=(3, 1))
    there, back = error_difference(first, second), error_difference(second, first)

    for name in ("sensitivity", "specificity"):
        one, other = getattr(there, name), getattr(back, name)
        assert bounds(one) == pytest.approx((-other.value, -other.high, -other.low), abs=1e-12)


def test_an_arm_compared_with_itself_differs_by_0_and_errs_alike() -> None:
    data = clustered()
    found = error_difference(data, data)

    assert (found.sensitivity.value, found.specificity.value, found.differ) == (0.0, 0.0, False)
    assert found.sensitivity.low == pytest.approx(-found.sensitivity.high, abs=1e-12)


def test_conversations_that_a_judge_treats_alike_in_both_arms_make_a_difference_in_errors_surer() -> None:
    """Against the jackknife: each arm has half of the items of the same conversations."""
    data, odd = clustered(conversations=400, right=(2, 1)), np.arange(2400) % 2 == 1
    arms = [Labels(*(each[part] for each in (data.conversations, data.judged, data.people))) for part in (odd, ~odd)]
    without = [error_difference(*(dropped(arm, name) for arm in arms)).sensitivity.value for name in range(400)]
    error = np.sqrt(399 / 400 * ((np.array(without) - np.mean(without)) ** 2).sum())

    found = error_difference(*arms).sensitivity
    assert (found.high - found.low) / 2 == pytest.approx(1.966 * error, rel=0.03)


def test_two_looks_at_a_judges_errors_ask_more_of_each() -> None:
    base = told(160, 200, 160, 200)
    just, clearly = error_difference(told(165, 200, 160, 200), base), error_difference(told(170, 200, 160, 200), base)

    assert (just.sensitivity.low > 0, just.differ) == (True, False)  # at 95 % but not at 97.5 %
    assert clearly.differ is True


def test_errors_in_an_arm_of_one_word_cannot_be_compared() -> None:
    found = error_difference(told(20, 30, 0, 0), told(20, 30, 20, 30))

    assert (found.specificity.value, found.differ) == (None, None)
    assert found.specificity.why == "people call every labelled item of an arm met"


def test_the_margin_on_the_judged_scale_shrinks_by_j() -> None:
    errors = judge_errors(told(80, 100, 70, 100))
    found = judged_margin(0.03, errors.youden)

    assert found.value == pytest.approx(0.03 * 0.5)
    assert (found.low, found.high) == pytest.approx((0.03 * errors.youden.low, 0.03 * errors.youden.high))


def test_there_is_no_margin_on_the_scale_of_a_judge_that_may_be_guessing() -> None:
    guessing, unsure = judge_errors(told(15, 30, 15, 30)).youden, judge_errors(told(18, 30, 17, 30)).youden

    assert "no better than chance" in str(judged_margin(0.03, guessing).why)
    assert "reaches 0" in str(judged_margin(0.03, unsure).why)
    assert "19 conversations" in str(judged_margin(0.03, judge_errors(told(40, 50, 30, 50, 19)).youden).why)
    assert {judged_margin(0.03, each).value for each in (guessing, unsure)} == {None}


# --- Rogan and Gladen ----------------------------------------------------------------------


def test_a_corrected_rate_is_rogan_and_gladens_with_the_limits_of_lee_and_others() -> None:
    """One item a conversation, labels apart from what is judged: then sizes are counts less 1, and rates independent."""
    met, not_met, items = 60, 40, 200
    judged = (np.arange(items) < 130).astype(float)
    labelled = told(51, met, 34, not_met)
    found = rogan_gladen(np.arange(1000, 1000 + items), judged, labelled)

    z = estimates.t_quantile(0.975, met + not_met - 1)
    p, size = (130 * (items - 1) / items + z**2 / 2) / (items - 1 + z**2), items - 1 + z**2
    q1, q0 = (0.85 * (met - 1) + 1) / (met + 1), (0.85 * (not_met - 1) + 1) / (not_met + 1)
    v1, v0 = q1 * (1 - q1) / (met + 1), q0 * (1 - q0) / (not_met + 1)
    theta = (p + q0 - 1) / (q0 + q1 - 1)
    centre = theta + 2 * z**2 * (theta * v1 - (1 - theta) * v0)
    half = z * np.sqrt(p * (1 - p) / size + (1 - theta) ** 2 * v0 + theta**2 * v1) / (q0 + q1 - 1)
    assert bounds(found) == pytest.approx(((0.65 - 0.15) / 0.7, centre - half, centre + half), rel=1e-9)


def test_where_everything_is_labelled_the_corrected_rate_is_what_people_said() -> None:
    data = clustered(conversations=400, right=(8, 1))
    owners, people = data.conversations, data.people
    found = rogan_gladen(owners, data.judged, data)
    by_people = estimates.ratio(np.bincount(owners, people), np.bincount(owners).astype(float))

    assert found.value == pytest.approx(people.mean(), abs=1e-12)
    assert found.high - found.low == pytest.approx(by_people.high - by_people.low, rel=0.2)


def test_the_spread_of_a_corrected_rate_is_that_of_leaving_out_conversations() -> None:
    """Labels are a part of what is judged, and the judge's errors hang together within conversations."""
    data = clustered(conversations=500, right=(4, 1))
    few = Labels(*(each[:1200] for each in (data.conversations, data.judged, data.people)))
    without = []
    for name in range(500):
        stay, small = data.conversations != name, dropped(few, name)
        without.append(rogan_gladen(data.conversations[stay], data.judged[stay], small).value)
    error = np.sqrt(499 / 500 * ((np.array(without) - np.mean(without)) ** 2).sum())

    found = rogan_gladen(data.conversations, data.judged, few)
    assert (found.high - found.low) / 2 == pytest.approx(estimates.t_quantile(0.975, 199) * error, rel=0.05)


def test_a_judge_no_better_than_chance_has_no_corrected_rate_and_one_that_may_be_no_interval() -> None:
    names, judged = np.arange(100), (np.arange(100) < 60).astype(float)
    worse = rogan_gladen(names, judged, told(12, 30, 12, 30))
    unsure = rogan_gladen(names, judged, told(18, 30, 17, 30))

    assert (worse.value, worse.low) == (None, None)
    assert "no better than chance" in str(worse.why)
    assert unsure.value is not None
    assert unsure.low is None
    assert "may do no better than chance" in str(unsure.why)


def test_a_corrected_rate_stays_a_share_and_holds_its_own_value() -> None:
    found = rogan_gladen(np.arange(100), np.ones(100), told(27, 30, 27, 30))

    assert (found.value, found.high) == (1.0, 1.0)
    assert 0 < found.low < 1


def test_a_rate_without_labels_or_judgements_is_missing_with_its_reason() -> None:
    names, judged, labelled = np.arange(40), np.ones(40), told(27, 30, 27, 30)

    assert rogan_gladen(names, judged, told(0, 0, 0, 0)).why == "nothing is labelled"
    assert rogan_gladen(names, judged * NAN, labelled).why == "nothing is judged"
    assert rogan_gladen(names, judged * NAN, labelled).unscored == 40
    assert rogan_gladen(names, judged, told(20, 30, 0, 0)).why == "people use one word for every labelled item"
    few = rogan_gladen(names, judged, told(50, 60, 50, 60, 12))
    assert few.why == "no interval: 12 labelled conversations, 20 are needed"


# --- PPI++ ---------------------------------------------------------------------------------


def test_a_corrected_difference_is_ppis_in_so_many_words() -> None:
    """The formula in the standard library's words: sums over lists, no arrays."""
    judged, people = halves()
    n, others = 40, 160
    y, seen, rest = people[:n].tolist(), judged[:n].tolist(), judged[n:].tolist()
    spread = statistics.variance(seen + rest)
    weight = min(1.0, max(0.0, statistics.covariance(y, seen) / ((1 + n / others) * spread)))
    left = [a - weight * b for a, b in zip(y, seen, strict=True)]
    variance = weight**2 * spread / others + statistics.variance(left) * (n - 1) / (n - 2) / n

    found = powered(judged, people)
    half = 2.024394 * variance**0.5  # t(38), 0.975, from printed tables
    value = weight * statistics.mean(rest) + statistics.mean(left)
    assert found.weight == pytest.approx(weight, rel=1e-12)
    assert bounds(found.estimate) == pytest.approx((value, value - half, value + half), rel=1e-6)
    assert found.gain == pytest.approx(statistics.variance(y) / n / variance)
    assert (found.labelled, found.unlabelled, found.effective) == (n, others, pytest.approx(n * found.gain))


def test_labelled_conversations_in_the_judged_mean_would_give_the_same_estimate() -> None:
    """The regression estimator of survey sampling: the mean over all, with the slope of people on the judge."""
    judged, people = halves()
    y, seen = people[:40], judged[:40]
    slope = np.cov(y, seen)[0, 1] / judged.var(ddof=1)

    assert powered(judged, people).estimate.value == pytest.approx(
        y.mean() + slope * (judged.mean() - seen.mean()), rel=1e-12
    )


@given(st.integers(0, 1000))
def test_swapped_arms_flip_the_sign_and_the_order_of_conversations_changes_nothing(seed: int) -> None:
    judged, people = halves(seed)
    order = np.random.default_rng(seed).permutation(200)
    found, swapped, shuffled = powered(judged, people), powered(-judged, -people), powered(judged[order], people[order])

    value, low, high = bounds(found.estimate)
    assert bounds(swapped.estimate) == pytest.approx((-value, -high, -low), abs=1e-12)
    assert bounds(shuffled.estimate) == pytest.approx((value, low, high), abs=1e-12)


def test_a_judge_that_always_says_the_same_is_not_heeded() -> None:
    _, people = halves()
    found = powered(np.full(200, 0.3), people)

    assert (found.weight, found.gain) == (0.0, pytest.approx(1.0))
    assert bounds(found.estimate) == pytest.approx(bounds(estimates.mean(people)), abs=1e-12)


def test_a_judge_who_is_wrong_way_round_is_not_heeded() -> None:
    judged, people = halves()

    assert powered(-judged, people).weight == 0.0


def test_a_perfect_judge_leaves_as_much_as_if_all_were_labelled() -> None:
    truth = np.random.default_rng(2).normal(0.1, 0.3, 200)
    found = powered(truth, np.where(np.arange(200) < 40, truth, NAN))

    assert found.estimate.high - found.estimate.low == pytest.approx(
        2 * 1.972 * truth.std(ddof=1) / np.sqrt(200), rel=0.1
    )
    assert 3.5 < found.gain < 7


def test_where_all_are_labelled_the_judge_adds_nothing() -> None:
    judged, people = halves(labelled=200)

    assert bounds(powered(judged, people).estimate) == pytest.approx(bounds(estimates.mean(people)), abs=1e-12)


def test_labels_of_too_few_conversations_give_no_interval_and_none_give_no_value() -> None:
    judged, people = halves(labelled=19)
    few, none = powered(judged, people), powered(judged, people * NAN)

    assert few.estimate.value is not None
    assert few.estimate.why == "no interval: 19 labelled conversations, 20 are needed"
    assert (none.estimate.value, none.estimate.why) == (None, "no conversation is labelled")
    assert none.naive.value == pytest.approx(judged.mean())


def test_people_who_never_see_a_difference_give_no_certainty_but_equal_arms_do() -> None:
    judged, people = halves()
    never = powered(judged, people * 0)

    assert bounds(never.estimate) == bounds(never.people) == (0.0, None, None)
    assert never.estimate.why == "no interval: people see the same difference in every labelled conversation"
    # a judge that sees nothing either is no reason to be certain; the same answers in both arms are one
    assert bounds(powered(judged * 0, people * 0).estimate) == (0.0, None, None)
    assert bounds(powered(judged * 0, people * 0, identical=True).estimate) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("usual", "what"), [(0.0, "a difference"), (-0.5, "a difference other than -0.5")])
def test_a_handful_of_differences_is_too_few_to_know_their_spread(usual: float, what: str) -> None:
    judged, people = halves()
    few, enough = (
        powered(judged, np.where(np.isnan(people), NAN, np.where(np.arange(200) < count, usual - 0.25, usual)))
        for count in (4, 5)
    )

    assert few.estimate.value is not None
    assert few.estimate.low is None
    assert few.estimate.why == f"no interval: people see {what} in only 4 labelled conversations, 5 are needed"
    assert enough.estimate.low is not None


@pytest.mark.parametrize(("conversations", "labelled"), [(200, 20), (200, 60), (500, 150)])
def test_a_loss_that_few_conversations_show_is_not_taken_for_none(conversations: int, labelled: int) -> None:
    """People see a loss of 1 in 6 % of conversations, and the judge calls everything met; the margin is 0.03."""
    rng = np.random.default_rng(1)
    kept = 0
    for _ in range(600):
        people = -(rng.random(conversations) < 0.06).astype(float)
        people[labelled:] = NAN
        low = powered(np.zeros(conversations), people).estimate.low
        kept += low is not None and low > -0.03

    assert kept <= 0.05 * 600


def test_conversations_that_the_judge_did_not_score_are_left_out_and_counted() -> None:
    judged, people = halves()
    stay = np.arange(200) % 10 != 0
    found = powered(np.where(stay, judged, NAN), people)

    assert bounds(found.estimate) == bounds(powered(judged[stay], people[stay]).estimate)
    assert (found.labelled, found.unlabelled, found.estimate.unscored) == (36, 144, 20)


# --- labels needed -------------------------------------------------------------------------


def test_as_many_labels_as_it_asks_for_give_the_width_that_was_asked_for() -> None:
    design = Design(labelled=60, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75))
    pilots = differences(simulated(design, 60), design)
    needed = round(np.median([labels_needed(each, 0.11).labels for each in pilots]))
    again = differences(simulated(replace(design, labelled=needed), 300, seed=2), replace(design, labelled=needed))

    widths = [(each.estimate.high - each.estimate.low) / 2 for each in again]
    assert needed < 60
    assert np.mean(widths) == pytest.approx(0.11, rel=0.04)


def test_labels_to_decide_grow_with_what_is_asked_and_say_where_conversations_run_out() -> None:
    found = powered(*halves())
    wide, narrow, impossible = (labels_to_decide(found, margin) for margin in (0.12, 0.08, 0.01))

    assert wide.labels < narrow.labels <= 200
    assert impossible.labels is None
    assert "there are 200" in str(impossible.why)
    assert labels_needed(found, 10).labels == 20
    assert labels_needed(powered(*halves(labelled=0)), 0.1).labels is None


def test_a_margin_is_met_with_the_power_that_was_asked_for() -> None:
    """Arms that are equal: the lower one-sided limit is above -margin in about 80 % of sets."""
    design = Design(labelled=100, level=(1.0, 1.0), sensitivity=(0.80, 0.92), specificity=(0.90, 0.75))
    needed = round(
        np.median([labels_to_decide(each, 0.15).labels for each in differences(simulated(design, 40), design)])
    )
    at_it = replace(design, labelled=needed)
    sets = differences(simulated(at_it, 600, seed=3), at_it)
    one_sided = estimates.t_quantile(0.95, needed - 2) / estimates.t_quantile(0.975, needed - 2)

    passed = [each.estimate.value - one_sided * (each.estimate.high - each.estimate.value) > -0.15 for each in sets]
    assert 0.74 < np.mean(passed) < 0.86


# --- coverage ------------------------------------------------------------------------------


def test_ppi_holds_the_truth_where_a_judge_that_favours_an_arm_does_not() -> None:
    """The long grid is scripts/bench/ppi_coverage.py. Three standard errors at 95 % and 400 sets are 3.3 points."""
    favours = Design(labelled=40, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75))
    found = of_differences(favours, 400)

    assert 0.917 <= found["PPI++"].share <= 0.983
    assert abs(found["PPI++"].bias) < 0.01
    assert found["PPI++"].width < found["people alone"].width
    assert found["judge alone"].share < 0.1
    assert found["Rogan-Gladen pooled"].share < 0.3
    assert found["Rogan-Gladen pooled"].without == 0


def test_the_intervals_of_corrected_rates_and_of_a_judges_errors_hold_the_truth() -> None:
    found = of_rates(Design(200, 40, lenience=1.5), 400)

    for name in ("Rogan-Gladen", "sensitivity", "specificity", "J", "difference in sensitivity", "kappa", "AC1"):
        assert 0.91 <= found[name].share <= 0.99, name
    assert found["judge alone"].share < 0.7


def test_items_taken_for_conversations_would_hold_the_truth_too_rarely() -> None:
    """That the check above can fail: the same data with every item called a conversation of its own."""
    design = Design(200, 40, items=12, lenience=2.0)
    data = simulated(design, 200)
    held = []
    for number in range(200):
        exists = data.exists[1, number, :40]
        people, judged = (said[1, number, :40][exists].astype(float) for said in (data.people, data.judged))
        found = judge_errors(Labels(np.arange(len(people)), judged, people)).sensitivity
        held.append(found.low <= 0.85 <= found.high)

    assert np.mean(held) < 0.8
