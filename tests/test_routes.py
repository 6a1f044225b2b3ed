"""Triggers in a run: how often they fired, how well, what was refused, and what climbing gained."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from builders import escalation, ladder
from ladder_bench.domain import Step
from ladder_bench.plan import single
from tabled import Tabled, by_name

ALL = ("goal_change", "high_stakes", "missing_information", "low_confidence")
CLIMBS = ladder("light", name="climbs", escalation=escalation(triggers=ALL, at_most=1, cooldown_turns=1))
FLAT = replace(CLIMBS, name="flat", escalation=None)


def fired(*names: str, late: tuple[str, ...] = ()) -> str:
    """Triggers that fired on the message, and on the answer."""
    sides = [*((name, "message") for name in names), *((name, "answer") for name in late)]
    return json.dumps([{"trigger": name, "reason": "r", "evidence": "e", "on": on} for name, on in sides])


def labelled(*turns: dict[str, Any], cases: int = 20, strategy: Any = CLIMBS) -> Tabled:
    """Conversations of these turns, all alike; lists under `labels` and `answer_labels`."""
    made = Tabled((strategy,))
    for case in range(cases):
        for number, turn in enumerate(turns, 1):
            given = dict(turn)
            for key in ("labels", "answer_labels"):
                if key in given:
                    given[key] = json.dumps(given[key])
            made.turn(strategy.name, f"c{case:02}", number, given.pop("tier", "light"), 1.0, **given)
    return made


def table(made: Tabled) -> dict[str, Any]:
    return made.summary()["triggers"]["by_strategy"]["climbs"]


# --- agreement with labels -----------------------------------------------------------------


def test_precision_and_recall_are_over_labelled_turns() -> None:
    made = labelled(
        {"labels": ["goal_change"], "fired": fired("goal_change")},
        {"labels": [], "fired": fired("goal_change")},
        {"labels": ["goal_change"]},
        {"fired": fired("goal_change")},  # nobody labelled it
    )
    found = table(made)["goal_change"]

    assert found["fired_on_message"] == 60
    assert found["message"]["precision"]["value"] == pytest.approx(0.5)
    assert found["message"]["recall"]["value"] == pytest.approx(0.5)
    assert found["message"]["precision"]["low"] is not None
    assert (found["message"]["n_labelled"], found["message"]["n_fired"]) == (40, 40)


def test_without_labels_only_the_counts_are_there_with_the_reason() -> None:
    found = table(labelled({"fired": fired("goal_change")}))["goal_change"]

    assert found["fired_on_message"] == 20
    assert found["message"]["precision"] is None
    assert found["message"]["why"] == "no turn is labelled"


def test_a_turn_at_which_nobody_looked_is_no_miss() -> None:
    """Not evaluated is not 'did not fire'."""
    notes = {"notes": ["triggers not evaluated: no lexicon for 'fi'"]}
    made = labelled({"labels": ["goal_change"], "fired": fired("goal_change")}, {"labels": ["goal_change"], **notes})

    assert table(made)["goal_change"]["message"]["recall"]["value"] == 1.0


def test_a_turn_that_nobody_came_to_is_no_miss() -> None:
    seen = {"labels": ["goal_change"], "fired": fired("goal_change")}
    failed = {"labels": ["goal_change"], "failure": "timeout: no answer"}  # its message was heard
    never = {"labels": ["goal_change"], "failure": "not reached: turn 2 failed"}

    assert table(labelled(seen, never))["goal_change"]["message"]["recall"]["value"] == 1.0
    assert table(labelled(seen, failed))["goal_change"]["message"]["recall"]["value"] == 0.5


def test_with_a_played_user_climbing_gains_nothing_that_can_be_told() -> None:
    made = labelled({"escalated": True, "opened": True, "tier": "advanced", "fired": fired("goal_change")})
    made.mode = "simulated"
    gain = made.summary()["escalations"]["climbs"]["gain"]

    assert (gain["turns"], gain["quality"]["value"]) == (20, None)
    assert gain["why"].startswith("simulated user")


def test_what_fired_on_the_answer_is_told_from_what_fired_on_the_message() -> None:
    made = labelled(
        {
            "labels": ["goal_change"],
            "answer_labels": ["low_confidence"],
            "fired": fired("goal_change", late=("low_confidence",)),
        },
        {
            "answer_labels": ["missing_information"],
            "fired": fired(late=("missing_information",)),
            "escalated": True,
            "opened": True,
            "tier": "advanced",
        },
    )
    found = table(made)

    assert (found["goal_change"]["fired_on_message"], found["low_confidence"]["fired_on_message"]) == (20, 0)
    assert (found["low_confidence"]["fired_on_answer"], found["missing_information"]["fired_on_answer"]) == (20, 20)
    assert found["low_confidence"]["answer"]["recall"]["value"] == 1.0
    assert found["missing_information"]["answer"]["precision"]["value"] == 1.0
    assert found["low_confidence"]["message"] is None


def test_an_answer_of_the_strongest_tier_is_not_read_so_its_label_is_no_miss() -> None:
    made = labelled({"tier": "advanced", "answer_labels": ["low_confidence"]})

    assert table(made)["low_confidence"]["answer"]["why"] == "no labelled answer was read for it"


def test_a_conversation_that_many_strategies_lived_counts_once() -> None:
    made = labelled({"labels": ["goal_change"], "fired": fired("goal_change")})
    made.strategies = (CLIMBS, replace(CLIMBS, name="again"))
    for rows in made.rows.values():
        rows += [{**row, "strategy": "again"} for row in rows]
    found = made.summary()["triggers"]["by_detector"]["rules"]["goal_change"]

    assert found["fired_on_message"] == 40
    assert found["message"]["precision"]["n"] == 20
    assert found["message"]["n_labelled"] == 20


# --- climbing ------------------------------------------------------------------------------


def climbing() -> Tabled:
    """Up at turn 2 (opened), refused for the cooldown at 3 and, its budget spent, at 4."""
    made = Tabled((CLIMBS, FLAT))
    for case in range(20):
        name = f"c{case:02}"
        for turn in range(1, 5):
            made.turn("flat", name, turn, "light", 0.25, usd=1.0)
        made.turn("climbs", name, 1, "light", 0.25, usd=1.0)
        made.turn(
            "climbs",
            name,
            2,
            "advanced",
            0.75,
            usd=4.0,
            escalated=True,
            opened=True,
            switched=True,
            fired=fired("goal_change"),
        )
        made.call("climbs", name, 2, purpose="discarded", usd_warm=1.0)
        made.turn("climbs", name, 3, "light", 0.25, usd=1.0, fired=fired("goal_change"), switched=True)
        made.turn("climbs", name, 4, "light", 0.25, usd=1.0)
    return made


def found(made: Tabled) -> dict[str, Any]:
    return made.summary()["escalations"]["climbs"]


def test_escalations_refusals_and_answers_thrown_away_are_a_conversation() -> None:
    row = found(climbing())

    assert row["escalations_per_conversation"]["value"] == 1.0
    assert row["refused_by_budget"]["value"] == 1.0  # one escalation a conversation, and it was spent
    assert row["refused_by_cooldown"]["value"] == 0.0
    assert row["discarded_per_conversation"]["value"] == 1.0
    assert row["discarded_usd"]["value"] == 1.0


def test_a_count_has_an_interval_that_never_goes_below_0() -> None:
    made = climbing()
    made.strategies = (replace(CLIMBS, escalation=escalation(triggers=ALL, at_most=2)), FLAT)
    for row in made.rows["turns"]:
        if row["conversation"] != "c00":
            row["fired"] = None
    row = found(made)

    assert row["refused_by_cooldown"]["value"] == pytest.approx(0.05)
    assert row["refused_by_cooldown"]["low"] == 0.0
    assert row["refused_by_budget"]["value"] == 0.0
    assert row["refused_by_budget"]["high"] == pytest.approx(3.689 / 20, abs=1e-3)  # Garwood: nothing in 20


def test_what_a_strategy_cannot_do_is_0_for_certain() -> None:
    rows = by_name(climbing().summary())
    climbs, flat = (rows[name]["metrics"]["escalations_per_conversation"] for name in ("climbs", "flat"))

    assert (flat["low"], flat["high"]) == (0.0, 0.0)
    assert climbs["low"] >= 0.0


def test_what_the_cooldown_refused_is_told_from_what_the_budget_did() -> None:
    made = climbing()
    made.strategies = (replace(CLIMBS, escalation=escalation(triggers=ALL, at_most=2)), FLAT)

    assert found(made)["refused_by_cooldown"]["value"] == 1.0
    assert found(made)["refused_by_budget"]["value"] == 0.0


def test_an_escalated_turn_is_held_against_the_same_ladder_without_triggers() -> None:
    gain = found(climbing())["gain"]

    assert (gain["against"], gain["turns"]) == ("flat", 20)
    assert (gain["quality"]["value"], gain["quality"]["n"]) == (0.5, 20)
    assert gain["cost_usd_warm"]["value"] == pytest.approx(4.0)  # 4 and the answer thrown away, against 1


def test_without_that_ladder_it_is_held_against_the_steps_tier_alone() -> None:
    made = climbing()
    stepped = replace(CLIMBS, steps=(Step("advanced", 1), Step("light")))
    made.strategies = (stepped, single("light", pack=False))
    for rows in made.rows.values():
        rows[:] = [{**row, "strategy": "light"} if row["strategy"] == "flat" else row for row in rows]

    assert found(made)["gain"]["against"] == "the step's tier alone"
    assert found(made)["gain"]["quality"]["value"] == 0.5


def test_with_nothing_to_hold_it_against_the_reason_is_said() -> None:
    made = climbing()
    made.strategies = (CLIMBS,)

    assert "neither" in found(made)["gain"]["why"]
    assert found(labelled({}))["gain"]["why"] == "no turn was escalated"
