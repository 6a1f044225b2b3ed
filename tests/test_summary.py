"""The summary: what a strategy is alone never depends on what else was run, and what may be claimed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import escalation, ladder
from ladder_bench.domain import FRAME_PARTS, Handoff, Ladder
from ladder_bench.plan import single
from tabled import TIERS, Tabled, by_name

STRATEGIES = (
    single("advanced", pack=False),
    single("light", pack=False),
    single("light", pack=True, control=True),
    ladder("advanced:1", "light", name="plain"),
    ladder("advanced:1", "light", name="told", handoff=Handoff(memory="standard")),
    ladder("advanced:1", "light", name="framed", scaffold=FRAME_PARTS),
    ladder("light", name="climbs", escalation=escalation()),
    ladder("advanced", name="mixed", mix=(("advanced", 0.5), ("light", 0.5))),
)


def random_run(strategies: Sequence[Ladder], seed: int, mode: str = "rollout") -> Tabled:
    """A strategy's rows depend on its name and the seed alone."""
    made = Tabled(strategies, mode)
    for strategy in strategies:
        random = np.random.default_rng([seed, *strategy.name.encode()])
        for case in range(21):
            before = None
            for turn in range(1, 2 + case % 3 + 1):
                tier = str(random.choice(["advanced", "light"])) if len(strategy.tiers) > 1 else strategy.tiers[0]
                name = f"c{case:02}"
                made.turn(
                    strategy.name, name, turn, tier, None if random.random() < 0.1 else float(random.random()),
                    usd=float(random.random()), switched=before not in (None, tier), wait_s=float(random.random()),
                    memory="a\nb" if random.random() < 0.5 else None, escalated=random.random() < 0.2,
                    opened=random.random() < 0.1, history=f"h{random.integers(3)}",
                )  # fmt: skip
                made.verdict(strategy.name, name, turn, metric="validity", value=float(random.random() < 0.8))
                made.verdict(strategy.name, name, turn, metric="scaffold_part", target="plan", value=1.0)
                made.call(strategy.name, name, turn, purpose="memory", usd_warm=float(random.random()))
                before = tier
    return made


def alone(summary: dict[str, Any], name: str) -> dict[str, Any]:
    """All that a summary says of one strategy without comparing it to another."""
    row = by_name(summary)[name]
    compared = ("pareto", "front_share", "against_base", "qpd_against_base", "cost_at_equal_quality")
    kept = {key: row[key] for key in row if key not in compared}
    validity = summary["validity"]["strategies"][name]
    escalations = {k: v for k, v in summary["escalations"].get(name, {}).items() if k != "gain"}
    triggers = summary["triggers"]["by_strategy"].get(name)
    return {
        **kept, "purposes": summary["by_purpose"][name], "validity": validity["quality"],
        "invalid": validity["invalid_turn_share"], "escalations": escalations, "triggers": triggers,
    }  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, len(STRATEGIES) - 1), st.sampled_from(["rollout", "forced", "simulated"]))
def test_adding_a_strategy_changes_no_others_estimate_or_marginal_interval(seed: int, few: int, mode: str) -> None:
    """The dollars of an unresolved conversation are declared here; by default they follow the top single tier."""
    some, more = random_run(STRATEGIES[:few], seed, mode).summary(), random_run(STRATEGIES, seed, mode).summary()

    for strategy in STRATEGIES[:few]:
        assert alone(some, strategy.name) == alone(more, strategy.name)
    there = {(row["base"], row["strategy"]): row for row in more["ablations"]}
    for row in some["ablations"]:
        also = there[row["base"], row["strategy"]]
        assert (row["differences"], row["cost_ratio"]) == (also["differences"], also["cost_ratio"])


def test_the_order_of_rows_changes_nothing() -> None:
    made = random_run(STRATEGIES, 3)
    first = made.summary()
    for rows in made.rows.values():
        rows.sort(key=lambda row: (-row["turn"], row["conversation"]))

    assert_close(made.summary(), first)


def assert_close(first: Any, second: Any) -> None:
    """Equal but for the order in which floats were added."""
    if isinstance(first, dict):
        assert first.keys() == second.keys()
        for key in first:
            assert_close(first[key], second[key])
    elif isinstance(first, list):
        assert len(first) == len(second)
        for one, other in zip(first, second, strict=True):
            assert_close(one, other)
    elif isinstance(first, float):
        assert first == pytest.approx(second, rel=1e-9, abs=1e-9)
    else:
        assert first == second


def test_a_summary_is_plain_json() -> None:
    assert json.loads(json.dumps(random_run(STRATEGIES, 1).summary(), allow_nan=False))


# --- the base and the recording ------------------------------------------------------------

LOG = ({"name": "advanced", "model": "recorded", "off_path": "fresh"}, {"name": "fresh", "model": "live/x"}, TIERS[1])
PLACEBO = replace(single("fresh", pack=False), name="placebo (fresh)", control=True)


def recorded(*strategies: Ladder, **quality: float) -> Tabled:
    made = Tabled(strategies, tiers=LOG)
    luck = np.random.default_rng(0).uniform(-0.01, 0.01, 24)
    for strategy in strategies:
        for case in range(24):
            level = quality.get(strategy.name.split(" ")[0], 0.5) + float(luck[case])
            made.turn(
                strategy.name,
                f"c{case:02}",
                1,
                strategy.tiers[0],
                level,
                usd=1.0 if strategy.tiers[0] == "light" else 4.0,
            )
    return made


def test_a_placebo_stands_for_the_recorded_tier_as_the_base() -> None:
    summary = recorded(single("advanced", pack=False), PLACEBO, advanced=0.9, placebo=0.7).summary()

    assert summary["base"] == "placebo (fresh)"
    assert any("compare with 'placebo (fresh)'" in banner for banner in summary["banners"])
    assert not any("no placebo in this run" in banner for banner in summary["banners"])


def test_placebo_minus_recorded_is_the_replay_artefact() -> None:
    artefact = recorded(single("advanced", pack=False), PLACEBO, advanced=0.9, placebo=0.7).summary()["replay_artefact"]

    assert [(each["recorded"], each["placebo"]) for each in artefact] == [("advanced", "placebo (fresh)")]
    assert artefact[0]["quality"]["value"] == pytest.approx(-0.2)
    assert artefact[0]["quality"]["n"] == 24


def test_a_placebo_whose_first_answers_differ_is_not_what_was_recorded() -> None:
    """Nothing has been replayed at the first turn, so a difference there is no artefact."""
    singles = (single("advanced", pack=False), PLACEBO)
    other, same = (recorded(*singles, advanced=0.9, placebo=level).summary() for level in (0.7, 0.9))

    assert other["replay_artefact"][0]["first_turn_quality"]["value"] == pytest.approx(-0.2)
    assert any("is not what was recorded" in banner and "-20.0 points" in banner for banner in other["banners"])
    assert not any("is not what was recorded" in banner for banner in same["banners"])


def test_without_a_placebo_the_recording_is_the_base_and_a_banner_says_what_that_means() -> None:
    summary = recorded(single("advanced", pack=False), single("light", pack=False), advanced=0.9).summary()

    assert summary["base"] == "advanced"
    assert summary["replay_artefact"] == []
    assert any("no placebo in this run" in banner for banner in summary["banners"])


def test_a_recording_is_never_the_cheaper_strategy_of_a_verdict() -> None:
    made = recorded(single("advanced", pack=False), PLACEBO, advanced=0.9, placebo=0.9)
    for row in made.rows["calls"]:
        row["usd_warm"] = 0.01 if row["strategy"] == "advanced" else 4.0

    assert made.summary()["verdict"]["outcome"] == "none"


def test_a_recording_whose_placebo_is_there_dominates_nothing() -> None:
    """It costs no less and is no better: it never paid for the replay."""
    singles = [single("advanced", pack=False), single("light", pack=False)]
    quality = {"advanced": 0.9, "placebo": 0.7, "light": 0.6}
    made = recorded(*singles, PLACEBO, **quality)
    for row in made.rows["calls"]:
        row["usd_warm"] = {"advanced": 0.5, "light": 1.0}.get(row["strategy"], 4.0)
    label = {name: row["pareto"] for name, row in by_name(made.summary()).items()}

    assert label == {"advanced": "undecided", "light": "front", "placebo (fresh)": "front"}


# --- modes ---------------------------------------------------------------------------------


def test_forced_replay_has_no_artefact_and_its_verdict_reaches_one_answer_ahead() -> None:
    """Every arm follows the recording there, so a placebo that is worse is a worse model, not a replay that costs."""
    made = recorded(single("advanced", pack=False), PLACEBO, advanced=0.9, placebo=0.7)
    made.mode = "forced"
    summary = made.summary()

    assert summary["base"] == "advanced"
    assert summary["replay_artefact"] == []
    assert summary["verdict"]["text"].startswith("In this simulation and one answer ahead of the recording, nothing")


def test_a_forced_replay_withholds_what_only_carried_answers_could_show() -> None:
    made = random_run(STRATEGIES, 2, "forced")
    for strategy in STRATEGIES:
        made.verdict(strategy.name, "c00", 2, metric="alignment_at_2", value=1.0)
        made.verdict(strategy.name, "c00", 1, metric="alignment_at_1", value=1.0)
    summary = made.summary()
    metrics = by_name(summary)["framed"]["metrics"]

    assert metrics["first_turn_alignment"]["value"] is None
    assert metrics["first_turn_alignment"]["why"].startswith("forced replay")
    assert metrics["first_turn_alignment_at_1"]["value"] == 1.0
    assert all(row["why"] for row in summary["ablations"] if row["knob"] not in ("memory", "triggers"))
    assert not any(row["knob"] == "scaffold" for row in summary["ablations_pooled"])


def test_a_simulated_user_is_said_to_be_one() -> None:
    banners = random_run(STRATEGIES, 2, "simulated").summary()["banners"]

    assert any(banner.startswith("simulated user") for banner in banners)


# --- money ---------------------------------------------------------------------------------


def test_playing_the_user_and_judging_are_no_part_of_a_strategys_cost() -> None:
    made = recorded(single("advanced", pack=False), single("light", pack=False))
    before = made.summary()
    for purpose in ("user", "judge"):
        for strategy in ("advanced", "light"):  # the two share the call
            made.call(strategy, "c00", 1, purpose=purpose, usd_warm=7.0, key=purpose)
    after = made.summary()

    assert [row["metrics"] for row in before["strategies"]] == [row["metrics"] for row in after["strategies"]]
    assert (before["evaluation_usd"], after["evaluation_usd"]) == (0.0, 14.0)
    assert after["evaluation_by_purpose"] == {"judge": 7.0, "user": 7.0}


def test_the_cost_of_a_strategy_is_split_by_purpose() -> None:
    made = recorded(single("light", pack=False))
    for case in range(24):
        made.call("light", f"c{case:02}", 1, purpose="memory", usd_warm=3.0)
    shares = made.summary()["by_purpose"]["light"]

    assert {purpose: each["share"]["value"] for purpose, each in shares.items()} == {"answer": 0.25, "memory": 0.75}
    assert shares["memory"]["usd"]["value"] == 3.0


# --- what the contract and the memory did --------------------------------------------------


def test_parts_of_the_scaffold_and_guardrails_have_a_rate_each() -> None:
    made = recorded(single("light", pack=False))
    for case in range(24):
        made.verdict("light", f"c{case:02}", 1, metric="scaffold_part", target="plan", value=float(case % 2))
        made.verdict("light", f"c{case:02}", 1, metric="scaffold_part", target="goal", value=None)
        made.verdict("light", f"c{case:02}", 1, metric="guardrail", target="ask", value=1.0)
    contract = by_name(made.summary())["light"]["contract"]

    assert (contract["scaffold_part"]["plan"]["value"], contract["guardrail"]["ask"]["value"]) == (0.5, 1.0)
    assert (contract["scaffold_part"]["goal"]["value"], contract["scaffold_part"]["goal"]["unscored"]) == (None, 24)
    assert by_name(made.summary())["light"]["metrics"]["quality"]["n"] == 24  # a part is no criterion


def test_a_guardrail_that_nothing_asked_for_says_that_nothing_was_missing() -> None:
    made = recorded(single("light", pack=False))
    made.verdict("light", "c00", 1, metric="guardrail", target="ask", value=None)

    assert by_name(made.summary())["light"]["contract"]["guardrail"]["ask"]["why"] == "nothing was missing"


def test_the_churn_of_a_memory_is_the_share_of_its_lines_that_changed() -> None:
    made = Tabled((single("light", pack=False),))
    for case in range(20):
        for turn, memory in enumerate((None, "goal\nplan", "goal\nplan", "goal\nother\nmore"), 1):
            made.turn("light", f"c{case:02}", turn, "light", 1.0, memory=memory)
    memory = by_name(made.summary())["light"]["memory"]

    assert memory["carried"]["value"] == 0.75
    assert memory["churn"]["value"] == pytest.approx((0 + 2 / 3) / 2)
    assert memory["churn_per_rewrite"]["value"] == pytest.approx(2 / 3)
    assert 0 < memory["tokens"]["value"] < 10


def test_a_strategy_without_a_memory_says_so() -> None:
    memory = by_name(recorded(single("light", pack=False)).summary())["light"]["memory"]

    assert memory["churn"]["why"] == "no turn carried a memory"
    assert memory["tokens"]["value"] is None


# --- extra turns ---------------------------------------------------------------------------


def priced(*costs: tuple[float, ...]) -> dict[str, Any]:
    """Light conversations of these costs a turn, and advanced ones of 4 dollars a turn."""
    made = Tabled((single("advanced", pack=False), single("light", pack=False)))
    for case in range(20):
        for turn, usd in enumerate(costs[case % len(costs)], 1):
            made.turn("advanced", f"c{case:02}", turn, "advanced", 1.0, usd=4.0)
            made.turn("light", f"c{case:02}", turn, "light", 0.5, usd=usd)
    found: dict[str, Any] = by_name(made.summary())["light"]["against_base"]
    return found


def test_the_extra_turns_that_use_up_a_saving_are_the_saving_over_the_last_turns_cost() -> None:
    found = priced((1.0, 2.0), (1.0, 1.0, 1.0))

    assert found["saving_usd"]["value"] == ((8 - 3) + (12 - 3)) / 2
    assert found["break_even_extra_turns"]["value"] == pytest.approx(7 / 1.5)
    assert found["break_even_extra_turns"]["low"] < 7 / 1.5 < found["break_even_extra_turns"]["high"]


def test_the_top_tier_alone_is_found_under_any_name() -> None:
    made = Tabled((replace(single("advanced", pack=False), name="single"), single("light", pack=False)))
    for case in range(20):
        made.turn("single", f"c{case:02}", 1, "advanced", 1.0, usd=4.0)
        made.turn("light", f"c{case:02}", 1, "light", 0.5, usd=1.0)
    summary = made.summary(config={"resolved_quality": 0.8, "unresolved_cost_usd": None})

    assert summary["unresolved_cost_usd"] == pytest.approx(40.0)
    assert by_name(summary)["light"]["metrics"]["qpd"]["value"] is not None
    assert "quality of single (advanced alone)" in summary["verdict"]["text"]


def test_what_saves_nothing_has_no_break_even() -> None:
    found = priced((5.0, 5.0))["break_even_extra_turns"]

    assert (found["value"], found["why"]) == (None, "it saves nothing against advanced")
