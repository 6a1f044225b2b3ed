"""The first answer after a handoff against the same turn where that tier stayed; and what follows a handoff."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import ladder
from ladder_bench.domain import Handoff
from ladder_bench.plan import single
from tabled import Tabled, by_name

STEPS = ladder("advanced:1", "light", name="ladder")
LIGHT = single("light", pack=False)


def handed_over(
    after: float = 0.5,
    stayed: float = 0.25,
    *,
    cases: int = 24,
    mode: str = "rollout",
    alone: bool = True,
    on_recording: bool = False,
    histories: tuple[str, str] = ("own", "other"),
    **more: Any,
) -> Tabled:
    """Conversations of three turns handed from advanced to light at the second one, and light alone."""
    made = Tabled((STEPS, LIGHT) if alone else (STEPS,), mode)
    for case in range(cases):
        name = f"c{case:02}"
        made.turn("ladder", name, 1, "advanced", 1.0)
        made.turn(
            "ladder", name, 2, "light", after, switched=True, on_recording=on_recording, history=histories[0], **more
        )
        made.turn("ladder", name, 3, "light", 0.75)
        if alone:
            for turn in (1, 2, 3):
                made.turn("light", name, turn, "light", stayed, history=histories[1])
    return made


def rows(made: Tabled, key: str = "by_tiers") -> list[dict[str, Any]]:
    return made.summary()["handoffs"][key]


def test_the_first_answer_after_a_handoff_is_held_against_the_same_turn_of_that_tier_alone() -> None:
    row = rows(handed_over())[0]

    assert (row["from"], row["to"], row["prefix"], row["against"]) == ("advanced", "light", "own", "light")
    assert (row["difference"]["value"], row["difference"]["n"], row["handoffs"]) == (0.25, 24, 24)


def test_handoffs_from_the_recording_are_apart_because_they_are_unbiased() -> None:
    made = handed_over()
    for row in made.rows["turns"]:
        if row["strategy"] == "ladder" and row["turn"] == 2 and row["conversation"] < "c12":
            row["on_recording"] = True

    assert [(row["prefix"], row["handoffs"]) for row in rows(made)] == [("own", 12), ("recording", 12)]


def test_handoffs_after_the_same_history_are_counted() -> None:
    assert rows(handed_over())[0]["shared_history"] == 0
    assert rows(handed_over(histories=("same", "same")))[0]["shared_history"] == 24


def test_handoffs_of_a_conversation_are_averaged_first() -> None:
    made = handed_over()
    for turn in (4, 5):  # back and down again, in one conversation: two handoffs to light there
        made.turn("ladder", "c00", turn, ("advanced", "light")[turn - 4], 1.25, switched=True)
        made.turn("light", "c00", turn, "light", 0.25)
    row = next(row for row in rows(made) if row["to"] == "light")

    assert row["handoffs"] == 25
    assert row["difference"]["n"] == 24
    assert row["difference"]["value"] == pytest.approx((23 * 0.25 + (0.25 + 1.0) / 2) / 24)


def test_without_the_tier_alone_nothing_shows_it_staying() -> None:
    row = rows(handed_over(alone=False))[0]

    assert row["difference"]["value"] is None
    assert "'light' alone is not in this run" in row["difference"]["why"]


def test_rows_are_by_memory_and_context_too() -> None:
    made = handed_over()
    told = replace(STEPS, name="told", handoff=Handoff(memory="standard", context="memory_only"))
    made.strategies = (*made.strategies, told)
    for row_list in made.rows.values():
        row_list += [{**row, "strategy": "told"} for row in row_list if row["strategy"] == "ladder"]

    assert [(row["memory"], row["context"]) for row in rows(made, "by_memory")] == [
        ("none", "full"), ("standard", "memory_only"),
    ]  # fmt: skip
    assert [row["strategy"] for row in rows(made, "by_strategy")] == ["ladder", "told"]
    assert rows(made)[0]["handoffs"] == 48


def test_a_recorded_tier_is_held_against_its_placebo() -> None:
    tiers = (
        {"name": "advanced", "model": "recorded", "off_path": "fresh"},
        {"name": "fresh", "model": "simulated/advanced"},
        {"name": "light", "model": "simulated/light"},
    )
    up = ladder("light:1", "advanced", name="up")
    placebo = replace(single("fresh", pack=False), name="placebo (fresh)", control=True)
    made = Tabled((up, single("advanced", pack=False), placebo), tiers=tiers)
    for case in range(20):
        name = f"c{case:02}"
        for strategy, tier, quality in (("advanced", "advanced", 1.0), ("placebo (fresh)", "fresh", 0.5)):
            for turn in (1, 2):
                made.turn(strategy, name, turn, tier, quality)
        made.turn("up", name, 1, "light", 0.25)
        made.turn("up", name, 2, "advanced", 0.75, switched=True)
    row = rows(made)[0]

    assert (row["against"], row["difference"]["value"]) == ("placebo (fresh)", 0.25)


# --- what follows --------------------------------------------------------------------------


def test_quality_is_shown_by_turn_and_by_turns_since_the_handoff() -> None:
    row = by_name(handed_over().summary())["ladder"]

    assert [(each["turn"], each["estimate"]["value"]) for each in row["quality_by_turn"]] == [
        (1, 1.0),
        (2, 0.5),
        (3, 0.75),
    ]
    since = {name: each["value"] for name, each in row["quality_since_handoff"].items()}
    assert since == {"before": 1.0, "0": 0.5, "1": 0.75, "2": None, "3+": None}


def test_a_strategy_that_never_hands_over_and_a_forced_replay_have_no_such_table() -> None:
    assert by_name(handed_over().summary())["light"]["quality_since_handoff"] == {}
    assert by_name(handed_over(mode="forced").summary())["ladder"]["quality_since_handoff"] == {}


def test_first_answers_are_not_compared_where_a_played_user_sends_the_worse_ones_back() -> None:
    """Only the last answer on a recorded turn is graded, so the graded first answers are those that were good."""
    made = Tabled((STEPS, LIGHT), "simulated")
    for case in range(24):
        name, again = f"c{case:02}", case % 2 == 0
        made.turn("ladder", name, 1, "advanced", 1.0, step=1)
        made.turn("ladder", name, 2, "light", None if again else 1.0, step=2, switched=True)
        if again:
            made.turn("ladder", name, 3, "light", 0.0, step=2)
        for turn in (1, 2):
            made.turn("light", name, turn, "light", 0.5, step=turn)
    summary = made.summary()
    ladder_row = by_name(summary)["ladder"]

    for table in ("by_tiers", "by_memory", "by_strategy"):
        row = summary["handoffs"][table][0]
        assert (row["difference"]["value"], row["handoffs"]) == (None, 24)
        assert row["difference"]["why"].startswith("simulated user")
    assert ladder_row["quality_since_handoff"] == ladder_row["coverage_since_handoff"] == {}
    assert [(each["turn"], each["estimate"]["value"]) for each in ladder_row["quality_by_turn"]] == [(1, 1.0), (2, 0.5)]


def test_controls_are_pooled_only_where_nothing_else_hands_over() -> None:
    made = handed_over()
    assert rows(made)[0]["handoffs"] == 24

    made.strategies = (replace(STEPS, control=True), LIGHT)
    assert rows(made)[0]["handoffs"] == 24

    made.strategies = (*made.strategies, replace(STEPS, name="own"))
    for row_list in made.rows.values():
        row_list += [{**row, "strategy": "own"} for row in row_list if row["strategy"] == "ladder"]
    assert rows(made)[0]["handoffs"] == 24
    assert len(rows(made, "by_strategy")) == 2
