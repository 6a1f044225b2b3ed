"""The contract: whether the frame came, and each guardrail by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from builders import WEIGHTS, conversation, ladder, lived, tier, tiers
from ladder_bench.domain import (
    FRAME_PARTS,
    GUARDRAILS,
    Answered,
    Conversation,
    Decision,
    Intent,
    Ladder,
    Mode,
    Statement,
    Transcript,
    Verdict,
)
from ladder_bench.judge.contract import open_questions
from ladder_bench.judge.grading import ConversationGrader

FRAME = "[frame]\nGoal: move\nPlan: pack, drive\nOpen questions: which city?\n[/frame]\nLet us go."


def turn(answer: str | None, *, number: int = 1, guide: bool = False, **more: Any) -> Answered:
    decision = Decision("advanced" if guide else "light", "step 1", switched=False, guide=guide)
    return Answered(number, decision, answer, (), failure=None if answer else "late", **more)


def verdicts(talk: Conversation, strategy: Ladder, *turns: Answered, mode: Mode = "rollout") -> list[Verdict]:
    transcript = Transcript(talk.id, strategy.name, 0, turns)
    return ConversationGrader(talk, mode, WEIGHTS).grade(transcript, strategy)


def labelled(*labels: str, message: str = "go on", intent: Intent | None = None) -> Conversation:
    """Two turns, the second with these labels."""
    talk = conversation("hi", message, intent=intent)
    return replace(talk, turns=(replace(talk.turns[0], labels=()), replace(talk.turns[1], labels=labels)))


def kept(rule: str, talk: Conversation, answer: str, *, opening: str = "Hello.", **more: Any) -> float | None:
    """The value of one guardrail on the second turn."""
    first, second = turn(opening, guide=True), turn(answer, number=2, **more)
    found = verdicts(talk, ladder(guardrails=(rule,)), first, second)
    (value,) = [each.value for each in found if each.metric == "guardrail"]
    return value


# --- the scaffold --------------------------------------------------------------------------


def test_every_part_that_the_guide_was_asked_for_is_counted_by_itself() -> None:
    asked = ladder(scaffold=("goal", "assumptions", "plan"))
    found = verdicts(conversation("hi"), asked, turn(FRAME, guide=True))

    parts = {each.target: each.value for each in found if each.metric == "scaffold_part"}
    assert parts == {"goal": 1.0, "assumptions": 0.0, "plan": 1.0}


def test_parts_that_nobody_asked_for_are_not_counted_and_neither_are_turns_of_the_others() -> None:
    talk = conversation("hi", "go on")
    plain = verdicts(talk, ladder(), turn(FRAME, guide=True), turn("ok", number=2))
    asked = verdicts(talk, ladder(scaffold=FRAME_PARTS), turn("ok"), turn(FRAME, number=2, guide=True))

    assert not [each for each in plain if each.metric == "scaffold_part"]
    assert {each.turn for each in asked if each.metric == "scaffold_part"} == {2}


def test_a_guide_that_failed_is_unscored_and_one_without_a_frame_is_not() -> None:
    asked = ladder(scaffold=("goal",))
    found = [*verdicts(conversation("hi"), asked, turn(None, guide=True))]
    found += verdicts(conversation("hi"), asked, turn("Let us go.", guide=True))

    came = [(each.value, each.reason) for each in found if each.metric == "scaffold_part"]
    assert came == [(None, "not answered: late"), (0.0, "no frame came")]


def test_a_recorded_tier_reads_no_prompt_and_is_held_to_none() -> None:
    strategy = ladder("advanced:1", "light", scaffold=FRAME_PARTS, guardrails=("confidence",))
    talk = conversation("hi", "go on")
    known = tiers(advanced=tier("advanced", "recorded"))
    transcript = lived(talk, strategy, known=known).transcript
    found = ConversationGrader(talk, "rollout", WEIGHTS).grade(transcript, strategy)

    assert [(each.metric, each.turn) for each in found if each.metric in ("scaffold_part", "guardrail")] == [
        ("guardrail", 2)
    ]


# --- guardrails ----------------------------------------------------------------------------


def test_each_rule_that_was_given_has_its_own_verdict_and_the_guide_has_none() -> None:
    found = verdicts(labelled(), ladder(guardrails=GUARDRAILS), turn("Hello.", guide=True), turn("Fine.", number=2))

    assert [(each.target, each.turn) for each in found if each.metric == "guardrail"] == [
        (rule, 2) for rule in GUARDRAILS
    ]


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        ("Which version do you run?", 1.0),
        ("I need the log and the version.", 1.0),
        ("Restart it.", 0.0),
        ("Which version? It has 48,113 rows.", 0.0),
    ],
)
def test_where_something_is_missing_the_answer_asks_and_invents_nothing(answer: str, value: float) -> None:
    assert kept("ask", labelled("missing_information"), answer) == value


def test_where_nothing_is_missing_there_is_nothing_to_ask() -> None:
    assert kept("ask", labelled("deep_work"), "Restart it.") is None
    assert kept("ask", conversation("hi", "go on"), "Restart it.") is None


UNKNOWN = Statement("Which version of Postgres?", "u1", {"any": ["version"]})


def test_without_labels_a_blocking_unknown_is_missing_until_it_was_asked_for_or_said() -> None:
    intent = Intent(blocking_unknowns=(UNKNOWN,))
    never = conversation("hi", "go on", intent=intent)
    asked = conversation("hi", "14", intent=intent, answers=["Which version?", "ok"])
    said = conversation("hi", "the version is 14", intent=intent)

    assert kept("ask", never, "Restart it.") == 0.0
    assert kept("ask", asked, "Restart it.") is None
    assert kept("ask", said, "Restart it.") is None


def test_an_open_unknown_stays_visible() -> None:
    talk = conversation("hi", "go on", intent=Intent(blocking_unknowns=(UNKNOWN,)))

    assert kept("unknowns", talk, "I still lack the version.") == 1.0
    assert kept("unknowns", talk, "Restart it.") == 0.0
    assert kept("unknowns", conversation("hi", "go on"), "Restart it.") is None


def test_open_questions_of_the_memory_stay_visible_in_any_words() -> None:
    memory = "Goal:\n- move\nOpen questions:\n- Which budget may we plan with?\n- Who packs the kitchen?"
    talk = conversation("hi", "tell me about lorries in more detail")

    value = kept("unknowns", talk, "Lorries. Who packs the kitchen is still open.", memory=memory)
    assert value == 0.5


def test_without_a_memory_the_last_frame_says_what_is_open_but_not_in_a_forced_replay() -> None:
    talk = conversation("hi", "tell me about lorries in more detail")
    strategy = ladder(guardrails=("unknowns",))
    turns = turn(FRAME, guide=True), turn("Lorries it is.", number=2)

    rollout = [each.value for each in verdicts(talk, strategy, *turns) if each.metric == "guardrail"]
    forced = [each.value for each in verdicts(talk, strategy, *turns, mode="forced") if each.metric == "guardrail"]
    assert (rollout, forced) == ([0.0], [None])


@pytest.mark.parametrize(
    ("said", "left"), [("we move to a city in may, i think", 0), ("Berlin", 0), ("what about the lorry and fuel", 1)]
)
def test_a_question_that_the_message_answers_is_no_longer_open(said: str, left: int) -> None:
    assert len(open_questions(None, [FRAME], said)) == left


def test_a_frame_with_no_open_questions_leaves_none() -> None:
    assert open_questions(None, [FRAME.replace("which city?", "none")], "what about the lorry and fuel") == ()


@pytest.mark.parametrize(
    "answer",
    [
        "That contradicts the limit you gave.",
        "The two rules clash: one has to give.",
        "Both cannot hold; 46 people don't fit into 16,000.",
        "You said no downtime. This takes the site down.",
    ],
)
def test_a_conflict_is_flagged_in_many_words(answer: str) -> None:
    assert kept("assumptions", labelled("constraint_conflict"), answer) == 1.0


def test_a_conflict_that_is_passed_over_is_not_flagged_and_elsewhere_there_is_none() -> None:
    assert kept("assumptions", labelled("constraint_conflict"), "Sure, that is easy to add.") == 0.0
    assert kept("assumptions", labelled(), "Sure, that is easy to add.") is None
    assert kept("assumptions", conversation("hi", "go on"), "Sure.") is None


def test_the_format_is_that_of_the_output_contract() -> None:
    talk = labelled(intent=Intent(output_contract=Statement("a table", check={"regex": r"\|"})))

    assert (kept("format", talk, "| a |"), kept("format", talk, "a")) == (1.0, 0.0)
    assert kept("format", labelled(), "a") is None


def test_confidence_is_read_from_its_line_and_not_from_the_visible_answer() -> None:
    assert kept("confidence", labelled(), "Fine.\n[confidence: low]") == 1.0
    assert kept("confidence", labelled(), "I am very confident.") == 0.0


def test_a_played_user_who_asks_again_is_not_missing_what_the_first_message_missed() -> None:
    talk = conversation("hi")
    talk = replace(talk, turns=(replace(talk.turns[0], labels=("missing_information",)),))
    strategy = ladder(guardrails=("ask",))
    found = verdicts(talk, strategy, turn("Fine.", step=1), turn("Fine.", number=2, step=1), mode="simulated")

    assert [each.value for each in found if each.metric == "guardrail"] == [0.0, None]
