"""Preference: wins, ties and losses, and a run in which being preferred is all that quality means."""

from __future__ import annotations

from typing import Any

import pytest

from judged_tables import PAIRWISE, RUBRIC, JudgedTables
from ladder_bench.analyse.preference import meaning, stands_in
from ladder_bench.analyse.reasons import NO_RUBRIC, PREFERRED
from ladder_bench.plan import single
from tabled import by_name

LADDERS = (single("advanced", pack=False), single("light", pack=False), single("light", pack=True, control=True))


def compared(
    *light: str, packed: str = "tie", rubrics: Any = (PAIRWISE,), conversations: int = 24, **more: Any
) -> JudgedTables:
    """Conversations of two turns: light's answers against advanced's, these words in turn; light + pack's all tie."""
    made = JudgedTables(LADDERS, rubrics=rubrics, judges={"strict": "x/strict"}, **more)
    for case in range(conversations):
        for turn in (1, 2):
            name = f"c{case:02}"
            for strategy, usd in (("advanced", 4.0), ("light", 1.0), ("light + pack", 1.5)):
                made.lived(strategy, name, turn, usd)
            word = light[(2 * case + turn - 1) % len(light)]
            made.said("light", name, word, turn=turn, metric="preference", rubric="pairs")
            made.said("light + pack", name, packed, turn=turn, metric="preference", rubric="pairs")
    return made


# --- wins, ties, losses --------------------------------------------------------------------


def test_wins_ties_and_losses_are_counted_by_turn_and_the_margin_by_conversation() -> None:
    found = compared("win", "tie", "loss", "loss", "win", "cannot_assess").summary()["preference"]

    light = found["strategies"]["light"]
    assert (found["against"], found["judges"]) == ("advanced", ["strict"])
    assert {name: light[name] for name in ("wins", "ties", "losses", "unscored")} == {
        "wins": 16, "ties": 8, "losses": 16, "unscored": 8
    }  # fmt: skip
    # conversations take turns: (win, tie), (loss, loss), (win, alone)
    assert light["margin"]["value"] == pytest.approx((0.5 - 1.0 + 1.0) / 3)
    assert light["margin"]["low"] < light["margin"]["value"] < light["margin"]["high"]
    assert light["margin"]["unscored"] == 8
    assert light["decisive"]["value"] == pytest.approx((0.5 + 1.0 + 1.0) / 3)


def test_ties_in_every_conversation_are_no_certainty() -> None:
    margin = compared("win").summary()["preference"]["strategies"]["light + pack"]["margin"]

    assert (margin["value"], margin["low"]) == (0.0, None)
    assert "no conversation differs" in margin["why"]


def test_where_nothing_was_compared_there_is_no_preference() -> None:
    made = JudgedTables(LADDERS)
    made.lived("light", "c00")

    assert made.summary()["preference"] is None


def test_a_rubric_names_with_whom_it_compares_and_the_last_one_counts() -> None:
    named = {**PAIRWISE, "against": "light + pack"}

    assert stands_in(compared("win", rubrics=(PAIRWISE, named)).about(), compared("win").tables()) == "light + pack"


# --- where it stands for quality -----------------------------------------------------------


def test_quality_is_then_the_mean_of_1_a_half_and_0_and_a_half_for_who_it_is_compared_with() -> None:
    rows = by_name(compared("win", "tie", "loss", "tie").summary())

    assert rows["advanced"]["metrics"]["quality"]["value"] == 0.5
    assert rows["light"]["metrics"]["quality"]["value"] == pytest.approx(0.5)
    assert rows["light"]["metrics"]["quality"]["low"] < 0.5
    assert rows["light"]["against_base"]["quality"]["value"] == pytest.approx(0.0)


def test_who_is_compared_with_is_the_base_though_another_one_is_preferred() -> None:
    found = compared("win", "tie").summary()

    assert found["base"] == "advanced"
    assert by_name(found)["light"]["against_base"]["quality"]["value"] == pytest.approx(0.25)
    assert (found["verdict"]["outcome"], found["verdict"]["strategy"]) == ("found", "light")


def test_the_verdict_and_a_banner_say_what_quality_means() -> None:
    found = compared("win", "tie").summary()

    says = (
        "how often an answer is preferred to that of advanced to the same message, a tie counting half, by judge strict"
    )
    assert found["verdict"]["text"].endswith(
        "Quality here means preferred over advanced by judge strict: 0.5 is as good."
    )
    (banner,) = [each for each in found["banners"] if says in each]
    assert banner.startswith("quality here is a preference")
    assert banner.endswith("resolved has no meaning then, and QPD counts Q in its place")


def test_nothing_is_resolved_and_quality_stands_in_for_it_in_qpd_alone() -> None:
    found = compared("win", "tie").summary()
    light = by_name(found)["light"]["metrics"]

    assert found["qpd_rate"] == "quality"
    assert (light["resolved"]["value"], light["resolved"]["why"]) == (None, PREFERRED)
    assert light["cost_usd_per_resolved"]["value"] is None
    assert light["qpd"]["value"] == pytest.approx(0.75 / (2.0 + 5.0 * 0.25))


def test_a_judge_that_says_what_is_resolved_is_what_qpd_counts() -> None:
    made = compared("win", "tie")
    for case in range(24):
        for name in ("advanced", "light", "light + pack"):
            made.said(name, f"c{case:02}", "met" if case % 2 else "not_met", turn=None, metric="resolution")

    found = made.summary()
    assert found["qpd_rate"] == "resolved"
    assert by_name(found)["light"]["metrics"]["resolved"]["value"] == 0.5
    assert by_name(found)["light"]["metrics"]["quality"]["value"] == 0.75


def test_metrics_that_no_rubric_grades_say_so() -> None:
    light = by_name(compared("win").summary())["light"]["metrics"]

    assert light["correctness"]["why"] == light["first_turn_alignment"]["why"] == NO_RUBRIC


def test_ties_that_the_order_makes_do_not_show_that_answers_are_as_good() -> None:
    placed = compared("by_order", "by_order", "by_order", "win").summary()
    steady = compared("by_order", "tie", "tie", "win").summary()

    assert placed["preference"]["by_order"] == pytest.approx(36 / 96)  # light + pack's ties are ties in both orders
    assert steady["verdict"]["outcome"] == "found"
    only = compared("by_order", packed="by_order").summary()
    assert only["verdict"]["outcome"] == "unknown"
    assert "100% of the preferences are another one" in only["verdict"]["text"]


def test_a_strategy_that_loses_more_than_the_margin_keeps_nothing() -> None:
    found = compared("loss", "tie").summary()

    assert found["verdict"]["strategy"] != "light"
    assert by_name(found)["light"]["against_base"]["quality"]["value"] == pytest.approx(-0.25)


def test_a_turn_that_nobody_could_compare_is_left_out_and_counted() -> None:
    light = by_name(compared("win", "cannot_assess").summary())["light"]["metrics"]["quality"]

    assert (light["value"], light["unscored"]) == (1.0, 24)


# --- where it does not ---------------------------------------------------------------------


def test_where_criteria_have_values_quality_is_theirs_and_preference_stands_beside_it() -> None:
    made = compared("win", rubrics=(RUBRIC, PAIRWISE))
    for case in range(24):
        for name in ("advanced", "light", "light + pack"):
            made.said(name, f"c{case:02}", "met" if name == "advanced" or case % 4 else "not_met")

    found = made.summary()
    assert found["preference"]["stands_in"] is False
    assert meaning(found["preference"]) is None
    assert by_name(found)["light"]["metrics"]["quality"]["value"] == 0.75
    assert not any("quality here is" in each for each in found["banners"])
    assert found["preference"]["strategies"]["light"]["wins"] == 48


def test_criteria_that_no_judge_could_judge_say_why_and_not_what_the_dataset_lacks() -> None:
    made = JudgedTables(LADDERS)
    made.lived("light", "c00")
    made.said("light", "c00", "not_json")

    found = made.summary()
    why = by_name(found)["light"]["metrics"]["correctness"]["why"]
    assert why == "judges were asked, and nothing has a value (mostly: not_json, 1 of 1)"


# --- rubrics of one's own ------------------------------------------------------------------


def test_a_metric_that_nobody_knows_has_its_share_by_strategy_and_criterion_with_the_difference_to_the_base() -> None:
    made = JudgedTables(LADDERS)
    for case in range(24):
        for name in ("advanced", "light", "light + pack"):
            made.lived(name, f"c{case:02}")
            made.said(name, f"c{case:02}", "met")
            for target, met in (("warm", name == "advanced" or case % 2), ("brief", True)):
                made.said(name, f"c{case:02}", "met" if met else "not_met", metric="tone", target=target)

    found = made.summary()["own_rubrics"]
    assert list(found) == ["tone"]
    light = found["tone"]["light"]
    assert light["share"]["value"] == pytest.approx(0.75)
    assert (light["criteria"]["warm"]["value"], light["criteria"]["brief"]["value"]) == (0.5, 1.0)
    assert light["criteria"]["brief"]["low"] < 1.0  # 24 that agree are no proof of all
    assert light["against_base"]["value"] == pytest.approx(-0.25)
    assert found["tone"]["advanced"]["against_base"] is None
