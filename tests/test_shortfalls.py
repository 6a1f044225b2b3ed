"""What nobody could evaluate or write: counted apart, said before the numbers, and never compared."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders import escalation, experiment_files, ladder
from ladder_bench import experiment
from ladder_bench.domain import TRIGGER_NAMES, Handoff, Ladder
from ladder_bench.experiment import Options
from ladder_bench.report import triggers
from ladder_bench.report.grid import Words
from report_runs import Talk, whole
from tabled import Tabled

UNREADABLE = "'helper' gave no readable reply"
RULES = ladder("light", name="by rules", escalation=escalation(triggers=TRIGGER_NAMES))
ASKED = replace(RULES, name="asked", escalation=escalation(triggers=TRIGGER_NAMES, detect="helper"))
TIERS = tuple({"name": name, "model": f"simulated/{name}"} for name in ("advanced", "light", "helper"))


def lived(*strategies: Ladder, notes: dict[str, list[str]], cases: int = 20, turns: int = 2, **more: Any) -> Tabled:
    """Conversations of two turns, with the notes of each strategy at every turn."""
    made = Tabled(strategies, tiers=TIERS)
    for each in strategies:
        for case in range(cases):
            for turn in range(1, turns + 1):
                made.turn(each.name, f"c{case:02}", turn, "light", 1.0, notes=notes.get(each.name, []), **more)
    return made


def note(side: str, why: str = UNREADABLE) -> str:
    return f"triggers not evaluated on the {side}: {why}"


def banner(summary: dict[str, Any], begins: str) -> str:
    return next(each for each in summary["banners"] if each.startswith(begins))


# --- detectors -----------------------------------------------------------------------------


def test_what_was_not_evaluated_is_counted_apart_from_what_did_not_fire() -> None:
    summary = lived(ASKED, notes={"asked": [note("message")]}).summary()
    found = summary["triggers"]["by_strategy"]["asked"]

    assert (found["goal_change"]["evaluated_on_message"], found["goal_change"]["not_evaluated_on_message"]) == (0, 40)
    assert found["goal_change"]["message"]["why"] == "no message was evaluated"
    assert found["low_confidence"]["evaluated_on_answer"] == 40  # the answer was asked about apart


def test_a_message_in_a_language_that_made_it_climb_was_not_evaluated() -> None:
    fired = '[{"trigger": "language", "reason": "r", "evidence": "fi", "on": "message"}]'
    made = lived(RULES, notes={}, fired=fired, labels='["goal_change"]')
    found = made.summary()["triggers"]["by_strategy"]["by rules"]

    assert found["goal_change"]["not_evaluated_on_message"] == 40
    assert found["goal_change"]["message"]["recall"] is None
    assert (found["language"]["evaluated_on_message"], found["language"]["fired_on_message"]) == (40, 40)


def test_a_detector_that_nobody_could_read_is_a_banner() -> None:
    summary = lived(ASKED, RULES, notes={"asked": [note("message"), note("answer", "timeout: 9 s")]}).summary()

    assert banner(summary, "triggers: 'helper'") == (
        "triggers: 'helper' gave no readable reply, or failed, at 40 of 40 messages in asked "
        "(mostly: 'helper' gave no readable reply); not evaluated is not 'did not fire'"
    )
    assert any("40 of 40 answers in asked (mostly: timeout: 9 s)" in each for each in summary["banners"])
    assert summary["shortfalls"]["asked"]["messages"]["short"] == 40
    assert "by rules" not in summary["shortfalls"]


def test_detectors_are_not_compared_where_one_mostly_did_not_evaluate() -> None:
    summary = lived(ASKED, RULES, notes={"asked": [note("message")]}).summary()
    (row,) = summary["ablations"]

    assert (row["knob"], row["why"]) == ("detect", "triggers were not evaluated at 40 of 40 messages of asked")
    assert row["differences"]["quality"]["value"] is None
    assert summary["ablations_pooled"] == []


def test_detectors_are_compared_where_few_texts_were_not_evaluated() -> None:
    made = lived(ASKED, RULES, notes={})
    made.rows["turns"][0]["notes"] = [note("message")]
    (row,) = made.summary()["ablations"]

    assert row["why"] is None
    assert "at 1 of 40 messages" in banner(made.summary(), "triggers:")


def test_the_page_says_not_evaluated_where_nothing_was() -> None:
    def shown(**counts: int) -> str:
        each = {
            "turns": 40,
            "fired_on_message": 0,
            "fired_on_answer": 0,
            "message": {"precision": None, "recall": None, "f1": None, "n_labelled": 0, "n_fired": 0, "why": "no"},
            "answer": None,
        }
        by = {"by_strategy": {}, "by_detector": {"helper": {"goal_change": each | counts}}}
        found = triggers.triggers(whole(Talk(), triggers=by))
        assert found
        cell = found.detectors[0].lines[0].cells[1]
        assert isinstance(cell, Words)
        return cell.text

    assert shown() == "0 of 40"  # a run of an older version
    assert shown(evaluated_on_message=40, not_evaluated_on_message=0) == "0 of 40"
    assert shown(evaluated_on_message=30, not_evaluated_on_message=10) == "0 of 30; 10 not evaluated"
    assert shown(evaluated_on_message=0, not_evaluated_on_message=40) == "40 not evaluated"


# --- writers -------------------------------------------------------------------------------


def test_memories_that_rules_wrote_instead_are_a_banner_and_no_comparison_of_writers() -> None:
    written = ladder("advanced:1", "light", name="written", handoff=Handoff("standard", "helper"))
    plain = replace(written, name="plain", handoff=Handoff("standard"))
    wrote_none = "'helper' wrote no memory that can be read: extractive memory instead"
    made = lived(written, plain, notes={"written": [wrote_none]})
    for case in range(20):
        made.call("written", f"c{case:02}", 2, purpose="memory", key=f"m{case}", tier="helper")
    summary = made.summary()

    assert banner(summary, "memory: ") == (
        "memory: 40 of 40 in written were written by rule instead of by 'helper' "
        "(mostly: 'helper' wrote no memory that can be read)"
    )
    (row,) = summary["ablations"]
    assert (row["knob"], row["why"]) == ("writer", "40 of 40 memories of written were written by rule instead")


# --- the played user, and failures ---------------------------------------------------------


def test_moves_of_a_played_user_that_nobody_could_read_are_counted() -> None:
    made = lived(ladder("light", name="one"), notes={}, turns=3)
    made.mode = "simulated"
    for row in made.rows["turns"][1:3]:
        row["notes"] = ["the user's move could not be read: the script went on"]

    assert banner(made.summary(), "simulated user: 2 of") == (
        "simulated user: 2 of 40 moves could not be read; there the script went on"
    )


def test_the_commonest_reason_stands_beside_the_turns_that_were_not_answered() -> None:
    made = lived(ladder("light", name="one"), notes={}, turns=3)
    for row, failure in zip(
        made.rows["turns"], ("timeout: 9 s", "timeout: 9 s", "refused: no", "not reached: turn 1 failed"), strict=False
    ):
        row["failure"] = failure

    assert (
        "4 of 60 turns were not answered (mostly: timeout: 9 s, at 2); they are unscored, not wrong"
        in (made.summary()["banners"])
    )


# --- before anything is run ----------------------------------------------------------------


def notes_of(folder: Path, detect: str) -> tuple[str, ...]:
    """Notes of a run with triggers over conversations that have neither labels nor a language."""
    opens = {"to": "advanced", "triggers": ["high_stakes"], "detect": detect}
    path = folder / "climbs.yaml"
    path.write_text(json.dumps({"name": "climbs", "steps": [{"tier": "light"}], "escalation": opens}), encoding="utf-8")
    matrix = experiment_files(folder, [{"ladder": str(path)}], 4)
    cases = folder / "cases.jsonl"
    cases.write_text(cases.read_text("utf-8").replace('"language": "en", ', ""), encoding="utf-8")
    return experiment.prepare(Options(str(matrix))).notes


def test_a_simulated_detector_is_said_to_know_labels_only(tmp_path: Path) -> None:
    asked, ruled = (" ".join(notes_of(tmp_path, detect)) for detect in ("mid", "rules"))

    assert "the simulated detector knows labels only: 14 messages are unlabelled" in asked
    assert "simulated detector" not in ruled


def test_conversations_without_a_language_are_said_to_be_read_as_english_by_rules(tmp_path: Path) -> None:
    asked, ruled = (" ".join(notes_of(tmp_path, detect)) for detect in ("mid", "rules"))

    assert "4 conversations without 'language': the rules for triggers read them as English" in ruled
    assert "English" not in asked
