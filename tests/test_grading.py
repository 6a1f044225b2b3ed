"""Grading by rule: what each answer met, kept, invented and took back."""

from __future__ import annotations

from builders import WEIGHTS, conversation, criterion, ladder, lived
from ladder_bench.domain import Constraint, Conversation, Criterion, Intent, Mode, Request, Statement, Verdict
from ladder_bench.errors import ModelError
from ladder_bench.judge.grading import ConversationGrader


def graded(
    talk: Conversation, *answers: str | None, mode: Mode = "rollout", weights: dict[str, float] = WEIGHTS
) -> list[Verdict]:
    """Verdicts on a replay with these answers; None is a call that fails."""

    def script(request: Request) -> str | ModelError:
        said = answers[request.origin.turn - 1]
        return ModelError("timeout", "late") if said is None else said

    return ConversationGrader(talk, mode, weights).grade(lived(talk, ladder("light"), script, mode).transcript)


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
    transcript = lived(talk, ladder("light"), lambda request: "move 1,234").transcript
    grader = ConversationGrader(talk, "rollout", WEIGHTS)

    assert grader.grade(transcript) == grader.grade(transcript)
