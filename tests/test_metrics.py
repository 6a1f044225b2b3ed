"""From a run's tables to one value a conversation, and from those to estimates."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import scores as built
from ladder_bench import folder
from ladder_bench.analyse.headline import SHARES, estimated, quality_per_dollar
from ladder_bench.analyse.metrics import METRICS, Scores, paired, scores
from ladder_bench.domain import Mode
from ladder_bench.plan import single
from tabled import Tabled, by_name

WHO = {"conversation": "c1", "strategy": "a", "sample": 0, "turn": 1}
TURN = {"tier": "light", "reason": "", "switched": False, "guide": False, "escalated": False, "opened": False,
        "on_recording": False, "wait_s": 1.0}  # fmt: skip
CALL = {"purpose": "answer", "input": 10, "output": 5, "cached": 0, "cache_write": 0, "reasoning": 0,
        "estimated": False, "usd_warm": 1.0, "usd_cold": 2.0, "usd_billed": 3.0, "messages": []}  # fmt: skip
VERDICT = {
    "metric": "correctness",
    "target": "k",
    "value": 1.0,
    "weight": 1.0,
    "critical": False,
    "reason": "",
    "grader": "",
}


def rows(default: dict[str, Any], *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**WHO, **default, **each} for each in more]


def table(name: str, found: Iterable[dict[str, Any]]) -> Any:
    return folder.table(name, [tuple(row.get(column) for column in folder.TABLES[name]) for row in found])


def scored(
    turns: Sequence[dict[str, Any]] = ({},),
    calls: Sequence[dict[str, Any]] = (),
    verdicts: Sequence[dict[str, Any]] = (),
    conversations: Sequence[str] = ("c1",),
    mode: Mode = "rollout",
) -> Scores:
    """Scores of strategy "a" from rows that name what differs from the defaults."""
    tables = {
        "turns": table("turns", rows(TURN, *turns)),
        "calls": table("calls", rows(CALL, *calls)),
        "verdicts": table("verdicts", rows(VERDICT, *verdicts)),
    }
    return scores(tables, ["a"], conversations, 0.8, mode)[0]


def value(found: Scores, metric: str) -> float | None:
    first = float(found.values[metric][0])
    return None if np.isnan(first) else first


# --- quality -------------------------------------------------------------------------------


def test_quality_is_met_weight_over_judged_weight_a_turn_and_then_the_mean_over_turns() -> None:
    found = scored(
        turns=[{}, {"turn": 2}],
        verdicts=[
            {"weight": 3.0},
            {"value": 0.0, "metric": "active_constraint"},
            {"turn": 2, "value": 0.0, "metric": "format"},
        ],
    )

    assert value(found, "quality") == (0.75 + 0.0) / 2


def test_correctness_and_coverage_are_shares_of_a_turn_too() -> None:
    first = [{"value": 1.0, "weight": 9.0}, {"metric": "active_constraint", "value": 0.0, "weight": 9.0}]
    second = [
        {"turn": 2, "value": 0.0},
        {"turn": 2, "metric": "active_constraint"},
        {"turn": 2, "metric": "completeness"},
    ]
    found = scored(turns=[{}, {"turn": 2}], verdicts=[*first, *second])

    assert (value(found, "correctness"), value(found, "constraint_coverage")) == (0.5, 0.5)
    assert value(found, "completeness") == 1.0


def test_coverage_counts_constraints_whatever_their_weight() -> None:
    kept, broken = {"metric": "active_constraint", "weight": 9.0}, {"metric": "active_constraint", "value": 0.0}

    assert value(scored(verdicts=[kept, broken]), "constraint_coverage") == 0.5


def test_what_could_not_be_judged_is_left_out_and_counted_never_zero() -> None:
    found = scored(
        turns=[{}, {"turn": 2}],
        verdicts=[
            {},
            {"value": None},
            {"turn": 2, "value": None},
            {"turn": 2, "value": None, "metric": "active_constraint"},
        ],
    )

    assert value(found, "quality") == value(found, "correctness") == 1.0
    assert found.unscored["quality"] == 1  # a turn
    assert found.unscored["correctness"] == 2  # verdicts
    assert found.unscored["constraint_coverage"] == 1


def test_format_criteria_and_the_output_contract_are_format_adherence() -> None:
    found = scored(
        verdicts=[
            {"metric": "format", "value": 0.0},
            {"metric": "output_contract"},
            {"metric": "format", "value": None},
        ]
    )

    assert value(found, "format_adherence") == 0.5
    assert found.unscored["format_adherence"] == 1


def test_samples_are_averaged_first_whatever_was_judged_of_each() -> None:
    found = scored(
        turns=[{}, {"turn": 2}, {"sample": 1}, {"sample": 1, "turn": 2}],
        verdicts=[{}, {"turn": 2}, {"sample": 1, "value": 0.0}, {"sample": 1, "turn": 2, "value": None}],
    )

    assert value(found, "quality") == 0.5


# --- resolved ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdicts", "resolved"),
    [
        ([{"critical": True}], 1.0),
        ([{"critical": True, "value": 0.0}, *[{}] * 9], 0.0),
        ([{}, {}, {}, {}, {"value": 0.0}], 1.0),  # Q = 0.8
        ([{}, {}, {}, {"value": 0.0}], 0.0),
        ([{"critical": True, "value": None}, {}], None),
        ([{"critical": True, "value": None}, {"critical": True, "value": 0.0}], 0.0),
        ([{"value": None}], None),
        ([], None),
    ],
)
def test_resolved_needs_every_critical_criterion_and_quality(
    verdicts: list[dict[str, Any]], resolved: float | None
) -> None:
    assert value(scored(verdicts=verdicts), "resolved") == resolved


def test_a_conversation_that_was_not_answered_to_the_end_is_not_known_to_be_resolved() -> None:
    found = scored(turns=[{}, {"turn": 2, "failure": "timeout"}], verdicts=[{}])

    assert value(found, "resolved") is None
    assert found.unscored["resolved"] == 1


def simulated(reached: float | None, *verdicts: dict[str, Any], turn: int | None = None) -> Scores:
    """A played user who asked about the first recorded turn twice, then about the second: three turns."""
    said = {"metric": "reached", "target": "user", "turn": turn, "value": reached}
    return scored(
        turns=[{"step": 1}, {"turn": 2, "step": 1}, {"turn": 3, "step": 2}],
        verdicts=[*verdicts, said],
        mode="simulated",
    )


def test_with_a_played_user_resolved_is_what_they_came_away_with() -> None:
    low = {"value": 0.0, "turn": 3}

    assert (value(simulated(1.0, low), "resolved"), value(simulated(0.0), "resolved")) == (1.0, 0.0)
    assert value(simulated(None), "resolved") is None
    assert simulated(None).unscored["resolved"] == 1


def test_a_critical_criterion_may_be_met_when_the_user_asks_again_but_not_left_unmet() -> None:
    missed, met = {"critical": True, "value": 0.0}, {"critical": True, "value": 1.0}

    assert value(simulated(1.0, missed, {**met, "turn": 2}), "resolved") == 1.0
    assert value(simulated(1.0, met, {**missed, "turn": 2}), "resolved") == 0.0
    assert value(simulated(1.0, met, {**met, "value": None, "turn": 3}), "resolved") is None


def test_no_share_has_an_interval_beyond_0_or_1() -> None:
    rng = np.random.default_rng(5)
    values = {name: (rng.random(24) < 0.05).astype(float) for name in SHARES}
    built_of = built(**values | {"resolved": np.zeros(24)})
    found = estimated(built_of, 1.0, {})

    assert all(0 <= found[name].low <= found[name].value <= found[name].high <= 1 for name in SHARES)
    assert found["resolved"].high > 0.1  # nobody among 24


def test_turns_to_resolution_are_the_turns_that_were_lived_where_it_was_resolved() -> None:
    assert value(simulated(1.0), "turns_to_resolution") == 3.0
    assert value(simulated(1.0, turn=2), "turns_to_resolution") == 2.0
    assert value(simulated(0.0), "turns_to_resolution") is None
    assert value(scored(verdicts=[{}]), "turns_to_resolution") is None


def test_a_run_without_verdicts_on_what_was_reached_resolves_nothing_in_simulation() -> None:
    found = scored(verdicts=[{"critical": True}], mode="simulated")

    assert value(found, "resolved") is None
    assert found.unscored["resolved"] == 1


# --- costs and failures --------------------------------------------------------------------


def test_a_conversation_that_was_not_answered_to_the_end_has_no_cost_rather_than_a_small_one() -> None:
    found = scored(
        turns=[{}, {"turn": 2, "failure": "timeout"}, {"conversation": "c2"}],
        calls=[{}, {"conversation": "c2", "usd_warm": 7.0}],
        conversations=("c1", "c2"),
    )

    for metric in ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed", "tokens", "handoffs_per_conversation"):
        assert np.isnan(found.values[metric][0])
    assert estimated(found, 1.0, {})["cost_usd_warm"].value == 7.0
    assert estimated(found, 1.0, {})["cost_usd_warm"].unscored == 1


def test_a_strategy_that_never_answered_has_no_value_anywhere() -> None:
    found = estimated(scored(turns=[{"failure": "timeout", "wait_s": None}]), None, {})

    assert {name for name, each in found.items() if each.value is not None} == set()
    assert all(each.why for each in found.values())


def test_a_cost_is_the_sum_of_its_calls_and_the_mean_over_samples() -> None:
    found = scored(
        turns=[{}, {"turn": 2}, {"sample": 1}, {"sample": 1, "turn": 2}],
        calls=[{"usd_warm": 1.0}, {"usd_warm": 2.0, "purpose": "discarded"}, {"sample": 1, "usd_warm": 5.0}],
    )

    assert value(found, "cost_usd_warm") == 4.0
    assert value(found, "tokens") == 15 * 1.5


def test_one_call_that_nobody_billed_leaves_the_billed_cost_unknown() -> None:
    found = scored(turns=[{}], calls=[{}, {"usd_billed": None}])

    assert value(found, "cost_usd_billed") is None
    assert value(found, "cost_usd_warm") == 2.0
    assert found.unscored["cost_usd_billed"] == 1


def test_evaluation_is_no_part_of_a_conversations_cost_or_tokens() -> None:
    found = scored(calls=[{}, {"purpose": "trigger"}, {"purpose": "memory"}, {"purpose": "user"}, {"purpose": "judge"}])

    assert (value(found, "cost_usd_warm"), value(found, "tokens")) == (3.0, 45.0)
    assert {purpose: float(usd[0]) for purpose, usd in found.by_purpose.items()} == dict.fromkeys(
        ("answer", "memory", "trigger"), 1.0
    )


def test_a_free_conversation_costs_nothing_and_that_is_known() -> None:
    assert value(scored(calls=[{"usd_warm": 0.0}]), "cost_usd_warm") == 0.0


# --- rates ---------------------------------------------------------------------------------


def test_rates_a_turn_are_over_answered_turns() -> None:
    specifics = {"metric": "supported_specifics", "value": 0.5, "weight": 4.0}
    found = scored(
        turns=[{}, {"turn": 2}, {"turn": 3, "failure": "x"}],
        verdicts=[specifics, {"turn": 2, "metric": "supported_specifics", "value": None, "weight": 0.0},
                  {"metric": "self_correction"}, {"turn": 2, "metric": "self_correction", "value": 0.0}],
    )  # fmt: skip

    assert (value(found, "unsupported_per_turn"), value(found, "self_corrections_per_turn")) == (1.0, 0.5)
    assert found.unscored["unsupported_per_turn"] == 1


def test_claims_are_pooled_over_conversations() -> None:
    """2 of 4 and 0 of 12 are 2 of 16, not the mean of two shares."""
    specifics = {"metric": "supported_specifics"}
    found = scored(
        turns=[{}, {"conversation": "c2"}],
        verdicts=[{**specifics, "value": 0.5, "weight": 4.0}, {**specifics, "conversation": "c2", "weight": 12.0}],
        conversations=("c1", "c2"),
    )

    assert estimated(found, None, {})["unsupported_per_claim"].value == 2 / 16


def test_handoffs_and_escalations_are_a_conversation() -> None:
    found = scored(turns=[{"opened": True}, {"turn": 2, "switched": True}, {"turn": 3, "switched": True}])

    assert (value(found, "escalations_per_conversation"), value(found, "handoffs_per_conversation")) == (1.0, 2.0)


def test_a_99th_percentile_needs_200_conversations() -> None:
    def wait(count: int) -> Any:
        names = [f"c{n:03}" for n in range(count)]
        turns = [{"conversation": name, "wait_s": float(n)} for n, name in enumerate(names)]
        return estimated(scored(turns, conversations=names), None, {})["wait_s_p99"]

    assert wait(199).value is None
    assert "200" in wait(199).why
    assert wait(200).value == 197


def test_waits_that_nobody_measured_are_counted() -> None:
    found = estimated(scored(turns=[{}, {"turn": 2, "wait_s": None}]), None, {})

    assert (found["wait_s_p50"].value, found["wait_s_p50"].unscored) == (1.0, 1)


# --- estimates -----------------------------------------------------------------------------


def draws(seed: int, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.binomial(1, 0.7, size).astype(float), rng.lognormal(-3, 0.5, size)


def test_qpd_is_resolved_over_effective_dollars_with_its_influence_interval() -> None:
    resolved, cost = draws(1)
    rate, dollars, unresolved = resolved.mean(), cost.mean(), 0.4
    whole = dollars + unresolved * (1 - rate)
    on_log = (resolved - rate) / rate - (cost - dollars - unresolved * (resolved - rate)) / whole

    found = quality_per_dollar(built(resolved=resolved, cost_usd_warm=cost), unresolved)
    assert found.value == pytest.approx(rate / whole)
    error = found.value * on_log.std(ddof=1) / np.sqrt(40)
    assert found.high - found.value == pytest.approx(2.022691 * error, rel=1e-6)  # t(39), 0.975


def test_qpd_ranks_cheap_rubbish_last() -> None:
    def qpd(rate: float, cost: float) -> float:
        resolved = (np.arange(100) < 100 * rate).astype(float)
        return quality_per_dollar(built(resolved=resolved, cost_usd_warm=np.full(100, cost)), 1.0).value

    assert 0.03 / 0.0002 > 0.90 / 0.10  # what a plain ratio says
    assert qpd(0.03, 0.0002) < qpd(0.90, 0.10)
    assert qpd(0.0, 0.0002) == 0


def test_qpd_without_resolved_or_cost_says_why() -> None:
    nothing = np.full(30, np.nan)

    assert quality_per_dollar(built(resolved=nothing, cost_usd_warm=np.ones(30)), 1.0).why == "nothing defines resolved"
    assert quality_per_dollar(built(resolved=np.ones(30), cost_usd_warm=np.ones(30)), None).why
    assert quality_per_dollar(built(resolved=np.ones(30), cost_usd_warm=np.zeros(30)), 1.0).value is None


def test_nothing_resolved_means_no_cost_per_resolved() -> None:
    found = estimated(built(resolved=np.zeros(30), cost_usd_warm=np.ones(30), tokens=np.ones(30)), 1.0, {})

    assert found["cost_usd_per_resolved"].why == "no conversation was resolved"
    assert found["qpd"].value == 0.0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-3, 1e3))
def test_scaling_prices_scales_costs_and_qpd(seed: int, factor: float) -> None:
    resolved, cost = draws(seed)
    before, after = (
        estimated(built(resolved=resolved, cost_usd_warm=scale * cost, tokens=cost), 0.4 * scale, {})
        for scale in (1.0, factor)
    )

    for metric, power in (("cost_usd_warm", 1), ("cost_usd_per_resolved", 1), ("qpd", -1), ("resolved", 0)):
        bounds = [(getattr(after[metric], part), getattr(before[metric], part)) for part in ("value", "low", "high")]
        assert [a for a, _ in bounds] == pytest.approx([b * factor**power for _, b in bounds], rel=1e-9)


def test_arms_that_are_identical_differ_by_exactly_zero() -> None:
    quality = np.random.default_rng(2).random(30)
    found = paired(built(quality=quality), built("b", quality=quality.copy()), "quality")

    assert (found.value, found.low, found.high, found.n) == (0.0, 0.0, 0.0, 30)


def test_swapping_arms_flips_the_sign_and_pairs_need_both() -> None:
    rng = np.random.default_rng(3)
    first, second = built(quality=rng.random(40)), built("b", quality=rng.random(40))
    first.values["quality"][0] = second.values["quality"][1] = np.nan
    there, back = paired(first, second, "quality"), paired(second, first, "quality")

    assert (there.n, there.unscored) == (38, 2)
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=1e-12)


def test_pairing_by_conversation_narrows_what_conversations_share() -> None:
    hard = np.random.default_rng(4).normal(0, 0.2, 50)
    first, second = built(quality=0.8 + hard), built("b", quality=0.7 + hard)
    found = paired(first, second, "quality")

    assert found.value == pytest.approx(0.1)
    assert found.high - found.low < 1e-9


def test_the_order_of_conversations_and_rows_changes_nothing_at_all() -> None:
    names = [f"c{n}" for n in range(25)]
    turns = [{"conversation": name, "wait_s": float(n)} for n, name in enumerate(names)]
    calls = [{"conversation": name, "usd_warm": 0.1 * n} for n, name in enumerate(names)]
    verdicts = [{"conversation": name, "value": float(n % 3 > 0)} for n, name in enumerate(names)]

    first = estimated(scored(turns, calls, verdicts, names), 1.0, {})
    second = estimated(scored(turns[::-1], calls[::-1], verdicts[::-1], names[::-1]), 1.0, {})
    assert first == second


def test_every_metric_is_there_by_its_stable_name_and_explains_itself_when_missing() -> None:
    found = estimated(scored(), None, {"quality": "the dataset has no criteria and no constraints"})

    assert tuple(found) == METRICS
    assert found["quality"].why == "the dataset has no criteria and no constraints"
    assert all(each.why for each in found.values() if each.value is None)


def test_one_strategys_rows_never_touch_anothers() -> None:
    both = {
        name: table(name, itertools.chain(rows(default, {}), rows(default, {"strategy": "b", **other})))
        for name, default, other in (
            ("turns", TURN, {"failure": "x"}),
            ("calls", CALL, {"usd_warm": 9.0}),
            ("verdicts", VERDICT, {"value": 0.0}),
        )
    }  # fmt: skip
    first, second = scores(both, ["a", "b"], ["c1"], 0.8)

    assert (value(first, "cost_usd_warm"), value(first, "quality")) == (1.0, 1.0)
    assert (value(second, "cost_usd_warm"), value(second, "quality")) == (None, 0.0)


def test_turns_that_failed_are_left_out_of_the_rate_of_corrections_once() -> None:
    made = Tabled((single("light", pack=False),))
    for case in range(24):
        for turn in (1, 2, 3, 4):
            failed = turn == 4 and case % 2 == 0
            made.turn(
                "light", f"c{case:02}", turn, "light", None if failed else 1.0, failure="gone" if failed else None
            )
            value = None if failed else 1.0
            made.verdict(
                "light", f"c{case:02}", turn, metric="self_correction", value=value, reason="self-initiated: so"
            )

    found = by_name(made.summary())["light"]["metrics"]["self_corrections_per_turn"]

    assert (found["value"], found["unscored"]) == (1.0, 12)


def test_quality_per_dollar_is_as_uncertain_as_the_share_that_is_0_or_1_everywhere() -> None:
    n, none, all_of_them = 24, np.zeros(24), np.ones(24)
    nothing = quality_per_dollar(built(resolved=none, cost_usd_warm=np.full(n, 0.01)), 1.0)
    possible = 1 - 0.025 ** (1 / n)  # what 24 conversations without one leave possible (Clopper and Pearson)
    assert (nothing.value, nothing.low) == (0.0, 0.0)
    assert nothing.high == pytest.approx(possible / (0.01 + 1 - possible))
    whole = quality_per_dollar(built(resolved=all_of_them, cost_usd_warm=np.full(n, 0.01)), 1.0)
    assert whole.value == whole.high == pytest.approx(100)
    assert whole.low == pytest.approx((1 - possible) / (0.01 + possible))
