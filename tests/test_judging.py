"""Judging: what judges said becomes counts, reasons, agreement, flips and quotes, each with its interval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from judged_tables import PAIRWISE, RUBRIC, JudgedTables
from ladder_bench.analyse import judging as judging_module
from ladder_bench.analyse.judge_banners import banners, words
from ladder_bench.analyse.judgements import judged
from ladder_bench.analyse.judging import judging
from ladder_bench.analyse.quotes import stands_in
from ladder_bench.judge import pairs
from ladder_bench.plan import single

LADDERS = (single("advanced", pack=False), single("light", pack=False))


def tables(**more: Any) -> JudgedTables:
    return JudgedTables(LADDERS, **more)


def of(made: JudgedTables) -> Any:
    found = made.tables()
    return judging(made.about(), found, judged(found))


def warnings(made: JudgedTables, kinships: Sequence[Any] = ()) -> list[str]:
    given = {"judging": of(made), "kinships": kinships, "preference": None, "base": "advanced", "qpd_rate": "resolved"}
    return list(banners(given))


# --- counts and reasons --------------------------------------------------------------------


def test_a_run_that_nobody_judged_has_no_judging() -> None:
    made = tables()
    made.lived("light", "c00")

    assert of(made) is None
    assert warnings(made) == []


def test_what_one_judge_fails_to_say_the_other_one_says_alone() -> None:
    made = tables()
    made.said("light", "c00", {"strict": "not_json", "mild": "met"})

    found = of(made)
    assert (found["criteria"], found["scored"], found["unscored"]) == (1, 1, {})
    assert {each["name"]: (each["scored"], each["unscored"]) for each in found["judges"]} == {
        "strict": (0, {"not_json": 1}), "mild": (1, {})
    }  # fmt: skip


def test_a_criterion_that_nobody_can_judge_is_unscored_with_its_commonest_reason() -> None:
    made = tables(judges={"a": "x/a", "b": "x/b", "c": "x/c"})
    made.said("light", "c00", {"a": "timeout", "b": "not_json", "c": "timeout"})

    assert of(made)["unscored"] == {"timeout": 1}


def test_judges_that_contradict_each_other_leave_a_criterion_unscored_as_disagreement() -> None:
    made = tables()
    made.said("light", "c00", {"strict": "not_met", "mild": "met"})

    assert of(made)["unscored"] == {"judges_disagree": 1}


def test_repeats_are_no_second_word_in_any_count() -> None:
    made = tables()
    made.said("light", "c00", {"strict": ["met", "not_met", "not_json"], "mild": "met"})

    found = of(made)
    assert (found["criteria"], found["scored"]) == (1, 1)
    assert found["judges"][0]["criteria"] == 1


def test_an_answer_that_two_strategies_share_counts_for_both_and_agrees_once() -> None:
    made = tables()
    for strategy in ("advanced", "light"):
        made.said(strategy, "c00", {"strict": "met", "mild": "not_met"}, key="shared")

    found = of(made)
    assert found["criteria"] == 2
    assert found["agreement"][0]["items"] == 1


def test_a_call_that_strategies_share_is_paid_once() -> None:
    made = tables()
    made.said("light", "c00", "met")
    for strategy in ("advanced", "light"):
        made.asked("strict", "one", 0.25, strategy)
    made.asked("strict", "two", 0.5)

    found = of(made)
    assert (found["judges"][0]["calls"], found["judges"][0]["usd"]) == (2, 0.75)
    assert found["calls"] == {"asked": 3, "distinct": 2}


def test_rubrics_are_counted_in_the_runs_order_and_those_that_asked_nobody_are_left_out() -> None:
    made = tables(rubrics=(RUBRIC, {**RUBRIC, "id": "silent"}, PAIRWISE))
    made.said("light", "c00", "win", metric="preference", rubric="pairs")
    made.said("light", "c00", "cannot_assess")

    found = of(made)["rubrics"]
    assert [(each["id"], each["version"], each["criteria"], each["scored"]) for each in found] == [
        ("mine", 1, 1, 0), ("pairs", 1, 1, 1)
    ]  # fmt: skip


def test_a_judged_summary_is_plain_json() -> None:
    made = tables(rubrics=(RUBRIC, PAIRWISE))
    made.lived("light", "c00", answer="It is done.")
    made.said("light", "c00", {"strict": ["met", "not_met"], "mild": "met"}, evidence="done")
    made.said("light", "c00", "by_order", metric="preference", rubric="pairs")
    made.said("light", "c00", "met", metric="tone")

    assert json.loads(json.dumps(made.summary(), allow_nan=False))


# --- by strategy ---------------------------------------------------------------------------


def uneven(light: int, advanced: int = 0) -> JudgedTables:
    """25 conversations with 4 criteria each; of the first ones judges cannot tell."""
    made = tables()
    for case in range(25):
        for target in range(4):
            for strategy, left in (("light", light), ("advanced", advanced)):
                word = "cannot_assess" if 4 * case + target < left else "met"
                made.said(strategy, f"c{case:02}", word, target=f"k{target}")
    return made


def test_the_share_without_a_value_has_its_interval_over_conversations() -> None:
    share = of(uneven(light=10))["by_strategy"]["light"]["share"]

    assert share["value"] == pytest.approx(0.1)
    assert share["low"] < 0.1 < share["high"]
    assert share["n"] == 25


def test_more_without_a_value_in_one_strategy_than_in_another_is_uneven() -> None:
    assert of(uneven(light=3, advanced=2))["uneven"] == []
    assert of(uneven(light=10, advanced=2))["uneven"] == [{
        "rubric": "mine",
        "most": {"strategy": "light", "unscored": 10, "criteria": 100},
        "least": {"strategy": "advanced", "unscored": 2, "criteria": 100},
    }]  # fmt: skip


def test_what_has_no_value_is_a_banner_above_two_in_a_hundred_and_uneven_one_says_where() -> None:
    few, many = warnings(uneven(light=2, advanced=2)), warnings(uneven(light=10, advanced=0))

    assert not any("no value" in each or "unevenly" in each for each in few)
    assert any(
        each.startswith("10 of 200 judged criteria have no value (cannot assess 10): unscored, not wrong; the rubric")
        for each in many
    )
    assert any("of rubric 'mine' 10 of 100 in light, 0 of 100 in advanced" in each for each in many)


def test_a_judge_that_cannot_be_read_is_named_where_another_covers_for_it() -> None:
    made = tables()
    for case in range(25):
        made.said("light", f"c{case:02}", {"strict": "truncated" if case < 5 else "met", "mild": "met"})

    assert any(
        "judge 'strict' could not be read on 5 of 25 criteria (truncated 5); raise the judge's max" in each
        for each in warnings(made)
    )


@pytest.mark.parametrize(
    ("outcome", "hint"),
    [("not_json", "json_output: schema"), ("wrong_value", "json_output: schema"), ("timeout", "asks again"),
     ("refused", "another judge")],
)  # fmt: skip
def test_a_banner_names_one_cause_and_one_hint(outcome: str, hint: str) -> None:
    made = tables(judges={"strict": "x/strict"})
    made.said("light", "c00", outcome)

    assert any(f"({outcome.replace('_', ' ')} 1)" in each and hint in each for each in warnings(made))


def test_reasons_beyond_the_commonest_are_counted_together() -> None:
    assert (
        words({"timeout": 1, "not_json": 9, "empty": 2, "refused": 3}, 2)
        == "not json 9, refused 3 and 3 for other reasons"
    )


def test_a_judge_that_nobody_checked_against_people_is_a_banner() -> None:
    made = tables(judges={"strict": "openai/gpt-4o"})
    made.said("light", "c00", "met")

    assert warnings(made)[0].startswith("judge 'strict' (openai/gpt-4o) has not been calibrated against people")


# --- agreement -----------------------------------------------------------------------------


def paired(*words: tuple[str, str], **more: Any) -> JudgedTables:
    made = tables(rubrics=(RUBRIC, PAIRWISE))
    for number, (strict, mild) in enumerate(words):
        made.said("light", f"c{number % 25:02}", {"strict": strict, "mild": mild}, target=f"k{number}", **more)
    return made


def test_agreement_is_counted_on_what_both_judged() -> None:
    words = [("met", "met")] * 60 + [("not_met", "not_met")] * 20 + [("met", "not_met")] * 20 + [("met", "empty")] * 5
    found = of(paired(*words))["agreement"]

    assert [(each["judges"], each["of"], each["items"]) for each in found] == [(["strict", "mild"], "criteria", 100)]
    assert found[0]["raw"]["value"] == pytest.approx(0.8)
    assert found[0]["kappa"]["value"] == pytest.approx((0.8 - 0.56) / 0.44)
    assert found[0]["met_by_first"]["value"] == pytest.approx(0.8)
    assert found[0]["met_by_second"]["value"] == pytest.approx(0.6)
    assert found[0]["raw"]["unscored"] == 5
    assert found[0]["raw"]["n"] == 25


def test_preferences_have_three_outcomes_and_no_kappa_of_two() -> None:
    found = of(paired(("win", "win"), ("tie", "win"), ("loss", "loss"), metric="preference", rubric="pairs"))
    each = found["agreement"][0]

    assert each["of"] == "preference"
    assert each["raw"]["value"] == pytest.approx(2 / 3)
    assert each["kappa"]["value"] is None
    assert "three outcomes" in each["kappa"]["why"]
    assert each["alpha"]["value"] is not None


def test_one_judge_has_nobody_to_agree_with() -> None:
    made = tables(judges={"strict": "x/strict"})
    made.said("light", "c00", "met")

    assert of(made)["agreement"] == []


def test_judges_that_say_the_same_of_few_are_a_banner() -> None:
    words = [("met", "met")] * 70 + [("met", "not_met")] * 30

    assert any("'strict' and 'mild' disagree: they say the same of 70% of 100" in each
               for each in warnings(paired(*words)))  # fmt: skip
    assert not any("disagree:" in each for each in warnings(paired(*words[:70])))


# --- repeats and order ---------------------------------------------------------------------


def test_a_flip_rate_is_the_share_of_pairs_of_readings_that_differ() -> None:
    made = tables()
    for case in range(25):
        again = ["met", "not_met", "met"] if case < 5 else ["met"] * 3
        made.said("light", f"c{case:02}", {"strict": again, "mild": "met"})

    found = of(made)["repeats"]
    assert list(found) == ["strict"]
    assert (found["strict"]["criteria"], found["strict"]["readings"]) == (25, 3)
    assert found["strict"]["flip_rate"]["value"] == pytest.approx(5 * (2 / 3) / 25)
    assert found["strict"]["changed"]["value"] == pytest.approx(0.2)
    assert any("change their mind: asked the same again, 13.3% ('strict') of" in each
               for each in warnings(made))  # fmt: skip


def test_a_judge_that_prefers_a_place_is_a_banner() -> None:
    words = [("win", "by_order"), ("tie", "by_order"), ("loss", "win")] * 10
    made = paired(*words, metric="preference", rubric="pairs")

    found = of(made)["order"]
    assert (found["strict"]["by_order"], found["mild"]["by_order"], found["mild"]["compared"]) == (0, 20, 30)
    assert any("prefer a place: shown two answers the other way round, 66.7% ('mild') of" in each
               for each in warnings(made))  # fmt: skip
    assert pairs.BY_ORDER == judging_module.BY_ORDER


# --- quotes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("quote", "text", "stands"),
    [
        ("an index", "Create an\n  index now.", True),
        ("“Create an index”", "create an index", True),
        ("Create … now", "Create an index now.", True),
        ("Create [...] never", "Create an index now.", False),
        ("it's fine", "It’s **fine**.", True),
        ("drop it", "Create an index now.", False),
        ("...", "anything", False),
    ],
)
def test_a_quote_stands_in_an_answer_in_whatever_spacing_case_and_typography(
    quote: str, text: str, stands: bool
) -> None:
    assert stands_in(quote, text) is stands


def quoting(*quotes: str, answer: str = "Create an index.", **more: Any) -> JudgedTables:
    made = tables(judges={"strict": "x/strict"})
    made.lived("light", "c00", 1, answer=answer)
    made.lived("light", "c00", 2, answer="Then drop it.")
    for number, quote in enumerate(quotes):
        made.said("light", "c00", "met", target=f"k{number}", evidence=quote, **more)
    return made


def test_quotes_are_held_against_the_answer_that_was_judged() -> None:
    found = of(quoting("an index", "drop it", " "))["quotes"]

    assert (found["quotes"], found["found"]) == (2, 1)
    assert found["share"]["value"] == 0.5


def test_of_a_whole_conversation_any_answer_will_do() -> None:
    assert of(quoting("an index", "drop it", turn=None))["quotes"]["found"] == 2


@pytest.mark.parametrize("metric", ["supported_specifics", "validity"])
def test_evidence_from_elsewhere_than_the_answer_is_no_misquote(metric: str) -> None:
    assert of(quoting("not in the answer", metric=metric))["quotes"] is None


def test_quotes_that_nobody_said_are_a_banner() -> None:
    assert any("1 of 2 quotes that judges gave" in each for each in warnings(quoting("an index", "drop it")))
    assert not any("quotes" in each for each in warnings(quoting("an index")))
