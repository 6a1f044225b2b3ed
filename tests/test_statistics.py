"""Do intervals cover and does the gate err as rarely as it says? Over simulated conversations whose truth is known.

The short version of `scripts/bench/coverage.py`, whose output is committed beside it: fewer sets and sizes, all claims.
Elsewhere: PPI++ and Rogan-Gladen (tests/test_correction.py, scripts/bench/ppi_coverage.py), kappa, AC1 and nominal alpha
(tests/test_agreement.py), choosing among equal ladders (tests/test_search.py), golden numbers and what must not change
a result (tests/test_effects.py).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

import gate_errors as gate
import interval_coverage as intervals
from simulated_conversations import HEAVY, ORDINARY, UNEQUAL, Design, simulated, truth

LOW, HIGH = 0.935, 0.965
MOST = 0.065  # of decisions that are wrong, where 5 % may be
SKEWED = ("cost", "Δ cost", "harm", "tokens a turn")  # what a few conversations make up: see the long grid


@pytest.mark.parametrize("design", [UNEQUAL, replace(UNEQUAL, icc=0.3)], ids=["icc 0.15", "icc 0.3"])
def test_intervals_for_means_contrasts_ratios_and_qpd_hold_the_truth(design: Design) -> None:
    found = intervals.coverage(replace(design, conversations=100), sets=2000)

    assert {name: share for name, share in found.items() if not LOW <= share <= HIGH and name not in SKEWED} == {}
    assert min(found.values()) > 0.92


def test_small_samples_cover_nearly_as_often() -> None:
    found = intervals.coverage(replace(ORDINARY, conversations=20, missing=0.0), sets=1500)

    assert min(share for name, share in found.items() if name not in SKEWED) > 0.92
    assert min(found.values()) > 0.89
    assert all(LOW - 0.01 <= found[name] <= HIGH for name in ("quality", "Δ quality", "Δ resolved", "Δ log QPD"))


def test_the_error_of_turns_is_too_small() -> None:
    """That the tests above can fail."""
    assert intervals.of_turns(replace(ORDINARY, conversations=100), sets=2000) < 0.85


def test_log_ratios_with_heavy_tails_cover_91_percent_and_the_warning_fires() -> None:
    heavy = replace(HEAVY, conversations=100)
    found = intervals.coverage(heavy, sets=1500)

    assert found["log cost ratio"] >= 0.91
    assert LOW <= found["Δ log QPD"] <= HIGH
    assert intervals.tails(heavy, sets=500) > 0.4
    assert intervals.tails(replace(ORDINARY, conversations=100), sets=500) < 0.01


def test_the_simulation_has_the_truth_that_formulas_give() -> None:
    design = replace(UNEQUAL, conversations=4000)
    data = simulated(design, sets=50)

    for arm in (0, 1):
        formula = truth(design, arm)
        for name, expected in (("quality", formula.quality), ("resolved", formula.resolved), ("cost", formula.cost)):
            assert getattr(data, name)[arm].mean() == pytest.approx(expected, rel=0.01)
        assert data.harm[arm].mean() == pytest.approx(formula.harm, rel=0.02)
        assert data.tokens[arm].sum() / data.turns.sum() == pytest.approx(formula.tokens_per_turn, rel=0.01)


def test_percentile_intervals_of_means_ratios_and_savings_hold_the_truth() -> None:
    found = intervals.of_bootstrap(replace(ORDINARY, conversations=50), sets=400, draws=400)

    assert (
        min(found.values()) > 0.92 - 0.02
    )  # 1.3 points are two standard errors of so few sets; few draws cost a point


@pytest.mark.parametrize("design", [ORDINARY, HEAVY], ids=["ordinary", "heavy"])
def test_the_gate_seldom_fails_what_is_no_worse(design: Design) -> None:
    assert gate.outcomes(replace(design, conversations=30), sets=2000).failed <= MOST


@pytest.mark.parametrize("by", ["log QPD, by cost", "log QPD, by resolved", "quality", "harm"])
def test_the_gate_seldom_passes_what_is_worse_by_a_margin_in_one_thing(by: str) -> None:
    worse = gate.worse_by_margin(replace(HEAVY, conversations=30))[by]
    found = gate.outcomes(worse, sets=2000)

    assert found.passed <= MOST
    assert found.alone[by.split(",")[0]] <= MOST


def test_at_the_printed_number_of_conversations_80_percent_pass() -> None:
    found = gate.power(Design(resolved=(0.9, 0.9), dear=1.0, icc=0.05), sets=1000)

    assert set(found) == {"log QPD", "quality", "harm", "all three"}
    assert {name: each for name, each in found.items() if not 0.77 <= each.passed <= 0.83} == {}


def test_six_points_of_quality_less_fail() -> None:
    assert gate.six_points_lower(conversations=400, sets=300) >= 0.93


def test_bands_around_20_effects_seldom_exclude_0_for_any_of_them_and_plain_intervals_often_do() -> None:
    banded, plain = gate.family_wise_error(30, 20, sets=400, draws=500)

    assert banded <= MOST + 0.01
    assert plain > 0.4


def test_arms_with_different_conversations_cover_at_unequal_sizes_and_spreads() -> None:
    candidate = replace(UNEQUAL, conversations=200, quality=(0.75, 0.90))
    found = intervals.unpaired(replace(UNEQUAL, conversations=50), candidate, sets=1500)

    assert all(LOW - 0.01 <= share <= HIGH + 0.01 for share in found.values())


def test_the_gate_errs_as_rarely_with_different_conversations() -> None:
    base = replace(ORDINARY, conversations=80)
    assert gate.outcomes_unpaired(base, replace(ORDINARY, conversations=160), sets=1500).failed <= MOST

    for worse in gate.worse_by_margin(replace(ORDINARY, conversations=160)).values():
        assert gate.outcomes_unpaired(base, worse, sets=500).passed <= MOST


@pytest.mark.parametrize("uneven", [False, True])
def test_users_with_many_conversations_count_as_one(uneven: bool) -> None:
    found = intervals.by_cluster(50, sets=1200, uneven=uneven)

    assert LOW <= found["clustered"] <= 0.975
    assert found["as if independent"] < 0.85


def test_declared_weights_cover_what_they_declare() -> None:
    found = intervals.by_stratum(150, sets=1000)

    assert min(found["Δ mean"], found["log ratio"]) >= LOW - 0.01
    assert found["unweighted Δ mean"] < 0.85


def test_run_to_run_noise_covers_these_conversations_and_not_all_such() -> None:
    found = intervals.of_suite(40, samples=3, sets=1500)

    assert all(LOW - 0.01 <= found[name] <= HIGH + 0.01 for name in ("suite, Δ resolved", "suite, log cost ratio"))
    assert found["suite's, of the population"] < 0.90
    assert found["population's, of the suite"] > HIGH


def test_labels_are_seldom_claimed_for_equal_arms_or_against_a_dearer_one() -> None:
    assert gate.pareto_errors(4, conversations=40, sets=150) <= MOST
    assert gate.pareto_errors(3, conversations=40, sets=150, cheaper=0.2) <= MOST + 0.02
