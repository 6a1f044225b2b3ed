"""Grading by rule: what each answer met, kept, invented and took back."""

from __future__ import annotations

from builders import UNSURE, WEIGHTS, conversation, criterion, escalation, ladder, lived
from ladder_bench.domain import (
    Answered,
    Constraint,
    Conversation,
    Criterion,
    Decision,
    Intent,
    Message,
    Mode,
    Request,
    Statement,
    Transcript,
    Verdict,
)
from ladder_bench.errors import ModelError
from ladder_bench.judge.grading import ConversationGrader


def graded(
    talk: Conversation, *answers: str | None, mode: Mode = "rollout", weights: dict[str, float] = WEIGHTS
) -> list[Verdict]:
    """Verdicts on a replay with these answers; None is a call that fails."""

    def script(request: Request) -> str | ModelError:
        said = answers[request.origin.turn - 1]
        return ModelError("timeout", "late") if said is None else said

    plain = ladder("light")
    return ConversationGrader(talk, mode, weights).grade(lived(talk, plain, script, mode).transcript, plain)


def values(found: list[Verdict], metric: str) -> list[float | None]:
    return [each.value for each in found if each.metric == metric]


def test_a_criterion_is_met_or_not_by_its_check() -> None:
    talk = conversation("hi", criteria={1: [criterion("index"), criterion("lock", "k2", critical=True, weight=2.0)]})
    met, missed = graded(talk, "Use an index.")[:2]

    assert (met.value, missed.value) == (1.0, 0.0)
    assert (missed.critical, missed.weight, missed.turn) == (True, 2.0, 1)


def test_the_rubrics_weights_multiply_a_criterions_own() -> None:
    talk = conversation("hi", criteria={1: [criterion("a", weight=2.0, kind="format")]})

    assert graded(talk, "a", weights={**WEIGHTS, "format": 0.5})[0].weight == 1.0


def test_a_constraint_is_graded_on_the_turns_where_it_is_active() -> None:
    intent = Intent(constraints=(Constraint(criterion("euro"), from_turn=2, until_turn=3),))
    found = graded(conversation("a", "b", "c", "d", intent=intent), "euro", "euro", "dollar", "dollar")

    assert [(each.turn, each.value) for each in found if each.metric == "active_constraint"] == [(2, 1.0), (3, 0.0)]


def test_a_turn_that_was_not_answered_is_unscored_with_its_reason() -> None:
    talk = conversation("a", "b", criteria={1: [criterion("x")], 2: [criterion("y", "k2")]})
    found = graded(talk, None, "y")

    assert values(found, "correctness") == [None, None]
    assert "timeout" in found[0].reason
    assert values(found, "supported_specifics") == values(found, "self_correction") == []


def test_a_criterion_without_a_check_is_unscored() -> None:
    talk = conversation("a", criteria={1: [Criterion("k", "correctness", "is kind")]})

    assert (graded(talk, "x")[0].value, graded(talk, "x")[0].reason) == (None, "has no check; needs a judge")


def test_a_pattern_that_never_ends_is_unscored_and_not_failed() -> None:
    slow = Criterion("k", "correctness", "slow", check={"regex": "(a|aa)+$(?=b)"})

    assert graded(conversation("a", criteria={1: [slow]}), "a" * 4000)[0].value in (None, 0.0)


def test_an_empty_answer_keeps_no_promise_not_even_a_negative_one() -> None:
    talk = conversation("a", criteria={1: [Criterion("k", "constraint", "no slang", check={"absent": ["yo"]})]})

    assert graded(talk, "")[0].value == 0.0


def test_a_frame_is_no_part_of_the_answer() -> None:
    talk = conversation("a", criteria={1: [criterion("index")]})

    assert graded(talk, "[frame]\nGoal: index\n[/frame]\nHello.")[0].value == 0.0


def test_equal_ids_of_different_checks_are_never_mixed_up() -> None:
    """Ids come from the data: one may be called as something else is inside."""
    intent = Intent(
        goal=Statement("g", check={"any": ["yes"]}),
        blocking_unknowns=(Statement("u", "goal", check={"any": ["no"]}),),
        output_contract=Statement("o", check={"any": ["no"]}),
    )
    talk = conversation("a", intent=intent, criteria={1: [criterion("yes", "output_contract")]})
    found = graded(talk, "yes")

    assert values(found, "correctness") == [1.0]
    assert values(found, "output_contract") == [0.0]
    assert values(found, "alignment_at_1") == [1.0, 0.0]


# --- the opening ---------------------------------------------------------------------------

INTENT = Intent(
    goal=Statement("move", check={"any": ["move"]}),
    constraints=(Constraint(Criterion("c1", "constraint", "cheap", check={"absent": ["luxury"]})),),
    blocking_unknowns=(Statement("when", "u1", {"any": ["when"]}),),
)


def test_alignment_reads_the_opening_and_nothing_later() -> None:
    talk = conversation("a", "b", "c", intent=INTENT)

    assert values(graded(talk, "move", "when?", "luxury"), "alignment_at_1") == [1.0, 0.0, 1.0]
    assert values(graded(talk, "move", "when?", "luxury"), "alignment_at_2") == [1.0, 1.0, 1.0]
    assert values(graded(talk, "x", "luxury", "move when"), "alignment_at_2") == [0.0, 0.0, 0.0]


def test_a_constraint_of_a_later_turn_is_no_part_of_the_opening() -> None:
    later = Intent(constraints=(Constraint(criterion("x"), from_turn=3),))

    assert values(graded(conversation("a", "b", "c", intent=later), "1", "2", "3"), "alignment_at_2") == []


def test_an_opening_that_was_not_answered_is_unscored_where_nothing_was_broken() -> None:
    talk = conversation("a", "b", intent=INTENT)
    found = [each for each in graded(talk, "move", None) if each.metric == "alignment_at_2"]

    assert [each.value for each in found] == [None, None, None]
    assert all(each.reason not in ("kept", "not kept") for each in found)
    broken = graded(talk, "luxury", None)
    assert [each.value for each in broken if each.metric == "alignment_at_2"] == [None, None, 0.0]


def test_a_conversation_of_one_turn_has_its_opening_there() -> None:
    found = graded(conversation("a", intent=INTENT), "move when")

    assert {each.turn for each in found if each.metric == "alignment_at_2"} == {1}


# --- specifics and retractions -------------------------------------------------------------


def test_a_specific_is_supported_by_the_conversation_so_far_and_never_by_the_answer_itself() -> None:
    talk = conversation("It costs 250 euros.", "And now?")
    found = graded(talk, "You pay 250 euros.", "The fee is 9,431 euros. The fee is 9,431 euros.")

    assert values(found, "supported_specifics")[0] == 1.0
    assert values(found, "supported_specifics")[1] == 0.0


def test_an_answer_without_specifics_has_nothing_to_support() -> None:
    found = [each for each in graded(conversation("a"), "Fine.") if each.metric == "supported_specifics"]

    assert (found[0].value, found[0].weight) == (None, 0.0)


def test_in_forced_mode_the_recorded_answer_is_what_was_said_before() -> None:
    talk = conversation("a", "b", answers=["It takes 4,417 steps.", "ok"])

    assert values(graded(talk, "x", "So 4,417 steps.", mode="forced"), "supported_specifics") == [None, 1.0]
    assert values(graded(talk, None, "So 4,417 steps.", mode="forced"), "supported_specifics") == [1.0]
    assert values(graded(talk, "x", "So 4,417 steps."), "supported_specifics") == [None, 0.0]


def test_a_retraction_is_counted_and_says_who_started_it() -> None:
    found = graded(conversation("a", "b"), "Fine.", "Correction: I was wrong in my earlier answer.")

    assert values(found, "self_correction") == [0.0, 1.0]


def test_an_answer_that_strategies_share_has_the_same_grades_every_time() -> None:
    talk = conversation("a", "b", intent=INTENT, criteria={1: [criterion("x")]})
    plain = ladder("light")
    transcript = lived(talk, plain, lambda request: "move 1,234").transcript
    grader = ConversationGrader(talk, "rollout", WEIGHTS)

    assert grader.grade(transcript, plain) == grader.grade(transcript, plain)


def test_a_discarded_answer_is_never_graded() -> None:
    talk = conversation("a", criteria={1: [criterion("index")]})
    climbing = ladder("light", escalation=escalation(triggers=("low_confidence",)))

    def script(request: Request) -> str:
        return f"{UNSURE} index 7,311" if request.tier.name == "light" else "backup"

    transcript = lived(talk, climbing, script).transcript
    found = ConversationGrader(talk, "rollout", WEIGHTS).grade(transcript, climbing)

    assert [call.purpose for call in transcript.answered[0].calls] == ["discarded", "answer"]
    assert values(found, "correctness") == [0.0]
    assert values(found, "supported_specifics") == [None]


# --- replay validity in a transcript -------------------------------------------------------


def test_a_user_turn_is_judged_once_the_answers_have_left_the_recording() -> None:
    talk = conversation("a", "b", "do step 3", "thanks", answers=["x", "1. a\n2. b\n3. c", "ok", "ok"])
    found = [each for each in graded(talk, "x", "Which one?", "ok", "ok") if each.metric == "validity"]

    assert [(each.turn, each.value) for each in found] == [(1, None), (2, None), (3, 0.0), (4, 1.0)]
    assert found[1].reason == "the history is still the recording"
    assert "'step 3'" in found[2].reason
    assert {each.target for each in found} == {"user_turn"}


def test_a_recorded_arm_never_leaves_the_recording() -> None:
    talk = conversation("a", "do step 3", answers=["1. a\n2. b\n3. c", "ok"])

    assert values(graded(talk, "1. a\n2. b\n3. c", "other"), "validity") == [None, None]


def test_what_follows_a_failed_turn_is_neither_valid_nor_invalid() -> None:
    found = [each for each in graded(conversation("a", "b", "c"), "x", None, "y") if each.metric == "validity"]

    assert [each.value for each in found] == [None, 1.0, None]
    assert found[2].reason == "the turn before was not answered"


def test_validity_is_a_matter_of_rollout_and_of_english() -> None:
    german = conversation("a", "Schritt 3 geht nicht", answers=["3. c", "ok"], language="de")

    assert values(graded(conversation("a", "b"), "x", "y", mode="forced"), "validity") == []
    assert values(graded(german, "x", "y"), "validity") == [None, None]


# --- a played user -------------------------------------------------------------------------


def played(talk: Conversation, *turns: tuple[int, str, str | None], ended: str = "satisfied") -> list[Verdict]:
    """Verdicts on a conversation with a played user, turn by turn: (step, what the user said, the answer)."""
    plain = ladder("light")
    decision = Decision("light", "step 1", switched=False, guide=False)
    lived_turns = tuple(
        Answered(
            number, decision, answer, (), said=Message("user", said), step=step, failure=None if answer else "late"
        )
        for number, (step, said, answer) in enumerate(turns, 1)
    )
    transcript = Transcript(talk.id, plain.name, 0, lived_turns, ended)
    return ConversationGrader(talk, "simulated", WEIGHTS).grade(transcript, plain)


TWO_STEPS = conversation(
    "a", "b", criteria={1: [criterion("index", critical=True)], 2: [criterion("lock", "k2", critical=True)]}
)


def of(found: list[Verdict], metric: str) -> list[tuple[int | None, float | None]]:
    return [(each.turn, each.value) for each in found if each.metric == metric]


def test_a_step_that_was_answered_again_is_graded_on_its_last_answer() -> None:
    found = played(TWO_STEPS, (1, "a", "no"), (1, "and the index?", "index"), (2, "b", "lock"))

    assert of(found, "correctness") == [(2, 1.0), (3, 1.0)]
    assert of(found, "step_met") == [(2, 1.0), (3, 1.0)]
    assert of(found, "reached") == [(3, 1.0)]
    assert [turn for turn, _ in of(found, "supported_specifics")] == [1, 2, 3]


def test_a_step_that_was_never_reached_is_unscored_and_the_conversation_did_not_reach_its_end() -> None:
    found = played(TWO_STEPS, (1, "a", "no"), (1, "and the index?", "no"), ended="gave up")

    assert of(found, "correctness") == [(2, 0.0), (3, None)]
    assert of(found, "reached") == [(None, 0.0)]
    assert {each.reason for each in found if each.turn == 3} == {"never reached: the user left"}


def test_a_user_who_gives_up_at_the_last_step_did_not_get_there() -> None:
    assert of(played(TWO_STEPS, (1, "a", "index"), (2, "b", "no"), ended="gave up"), "reached") == [(None, 0.0)]


def test_where_a_turn_failed_nobody_knows_whether_the_end_was_reached() -> None:
    found = played(TWO_STEPS, (1, "a", "index"), (2, "b", None))

    assert of(found, "reached") == [(None, None)]
    assert of(found, "step_met") == [(1, 1.0), (2, None)]


def test_what_a_played_user_said_is_what_supports_an_answer() -> None:
    talk = conversation("It costs 4,417 euros.")

    assert of(played(talk, (1, "It costs 9,881 euros.", "You pay 9,881.")), "supported_specifics") == [(1, 1.0)]
    assert of(played(talk, (1, "It costs a lot.", "You pay 4,417.")), "supported_specifics") == [(1, 0.0)]


def test_a_constraint_of_a_later_step_is_not_asked_of_a_follow_up() -> None:
    intent = Intent(constraints=(Constraint(criterion("euro", "c"), from_turn=2),))
    found = played(conversation("a", "b", intent=intent), (1, "a", "x"), (1, "again", "y"), (2, "b", "euro"))

    assert of(found, "active_constraint") == [(3, 1.0)]
