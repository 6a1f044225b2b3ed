"""What an answer leaves open, what it doubts, and what a message fails to say."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder_bench.errors import InputError
from ladder_bench.triggers import Heard, Rules, Seen
from ladder_bench.triggers.answers import is_settled, open_question, refusal

LEXICONS = Path(__file__).parents[1] / "ladders" / "triggers"
NAMES = ("missing_information", "low_confidence")


@cache
def rules() -> Rules:
    yaml = YAML(typ="safe")
    return Rules({name: yaml.load(LEXICONS / f"{name}.yaml") for name in NAMES})


def on_message(message: str, *earlier: str, answers: tuple[str, ...] = ()) -> bool:
    seen = Seen(len(earlier) + 1, message, earlier, "en", answers)
    return bool(rules().fired(("missing_information",), seen))


def on_answer(
    name: str, answer: str, asked: str = "Tell me.", finish: str | None = "stop", logprob: float | None = None
) -> str | None:
    fired = rules().fired_on_answer((name,), Seen(1, asked), Heard(answer, finish, logprob))
    return fired[0].reason if fired else None


# --- whether an answer is settled ----------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        "Use a list comprehension.",
        "Done. Want me to add tests?",
        "Paint it twice. Would you like a shopping list?",
        "Why does it rise? Because yeast makes gas.",
        'Write to him: "When can we meet?"',
        "```\nwhat?\n```\nThat prints it.",
        "1. What is your name? 2. How old are you? 3. Where do you live?",
        "I can't help noticing that the sum is 12.",
    ],
)
def test_an_answer_that_leaves_nothing_open_is_settled(answer: str) -> None:
    assert is_settled(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "Which version do you use?",
        "What is your budget? With that I can narrow it down.",
        "I'm sorry, but I can't help with that.",
        "I’m not able to assist with this request.",
        "I was wrong: it is 12.",
    ],
)
def test_a_question_a_refusal_or_a_retraction_leaves_it_open(answer: str) -> None:
    assert not is_settled(answer)


def test_help_after_a_refusal_of_a_detail_is_no_refusal() -> None:
    advice = (
        "Call a tax lawyer before Thursday, keep every document, and ask through them to postpone the meeting. " * 2
    )

    assert refusal("I won't help with backdating.") is not None
    assert refusal("I won't help with backdating. " + advice) is None


def test_a_letter_written_for_the_user_asks_nobody() -> None:
    assert (
        open_question("Here you go:\n\nDear Tom,\n\ncould you tell me when you are free?\n\nBest regards,\nAnna")
        is None
    )


# --- low confidence -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "finish", "logprob", "expected"),
    [
        ("It is 12.\n[confidence: low]", "stop", None, "self-report"),
        ("It is 12.\n[confidence: high]", "stop", None, None),
        ("It is", "length", None, "cut short"),
        ("It is 12.", "stop", -1.4, "log-probability"),
        ("It is 12.", "stop", -0.3, None),
        ("I'm sorry, but I can't help with that.", "stop", None, "refused"),
    ],
)
def test_the_models_own_signals_are_read_first(
    answer: str, finish: str, logprob: float | None, expected: str | None
) -> None:
    assert on_answer("low_confidence", answer, finish=finish, logprob=logprob) == expected


@pytest.mark.parametrize(
    "answer",
    [
        "1911, I believe, but I can't verify it.",
        "My best guess is the belt.",
        "I'm not sure that this is right.",
        "Take the figure with a pinch of salt, I'm going from memory.",
        "It could be a batch code. It could just as well be a date.",
        "I couldn't tell you whether it was merged.",
        "That is a placeholder; the true number may be quite different.",
    ],
)
def test_doubts_about_the_answer_itself_fire(answer: str) -> None:
    assert on_answer("low_confidence", answer) is not None


@pytest.mark.parametrize(
    "answer",
    [
        "Rain is likely, and it may snow.",
        "I think you'll like Lisbon.",
        "You might want to add salt.",
        "It should take 3 to 5 days.",
        'Write: "I am not sure that I understood, I may be wrong."',
        "Nobody knows for sure; researchers disagree.",
        "If you're not sure, ask a doctor.",
        "Fry it with a pinch of salt.",
        "`# not sure` is a comment.",
    ],
)
def test_chances_in_the_world_quotations_and_politeness_do_not(answer: str) -> None:
    assert on_answer("low_confidence", answer) is None


def test_words_that_the_user_asked_about_are_no_doubt_of_the_assistant() -> None:
    listing = "Surely, maybe, I have no idea."

    assert on_answer("low_confidence", listing) == "hedges"
    assert on_answer("low_confidence", listing, asked='Sort "I have no idea", "maybe", "surely".') is None


def test_the_threshold_of_the_log_probability_is_the_lexicons() -> None:
    rules = Rules({"low_confidence": {"languages": ["en"], "settings": {"mean_logprob": -2.0}}})
    seen = Seen(1, "Tell me.")

    assert not rules.fired_on_answer(("low_confidence",), seen, Heard("12.", "stop", -1.5))
    assert rules.fired_on_answer(("low_confidence",), seen, Heard("12.", "stop", -2.5))


def test_a_setting_that_is_no_number_is_refused_with_its_place() -> None:
    with pytest.raises(InputError, match=r"settings\.mean_logprob"):
        Rules({"low_confidence": {"settings": {"mean_logprob": "low"}}})


# --- missing information --------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [
        "Please go through the attached minutes.",
        "what's wrong with mine",
        "convert the recipe to metric",
        "why does it fail?",
        "how much tax will I owe",
        "It's making that noise again when I turn left.",
        "put it in our house style",
        "does my insurance cover that?",
        "which one should I take, the first guy's offer or the second's?",
    ],
)
def test_a_message_that_points_to_what_nobody_said_fires(message: str) -> None:
    assert on_message(message)


@pytest.mark.parametrize(
    "message",
    [
        "how do I poach an egg",
        "why is the sky blue",
        "what is a marginal tax rate",
        "write a thank-you note to my aunt",
        "How much tax do I owe on 60,000 euros, 20 % flat, with 5,000 deducted?",
        'Translate this sentence: "The cat sat on the mat and it slept."',
        "Why does it fail?\n```\nKeyError: 'a'\n```",
        "just pick a film for me, anything works",
    ],
)
def test_a_message_that_holds_what_it_needs_or_asks_in_general_does_not(message: str) -> None:
    assert not on_message(message)


def test_what_was_told_earlier_is_not_missing() -> None:
    usual = "my usual order is a number 14 without onions"

    assert on_message("book the usual for 7pm")
    assert not on_message("book the usual for 7pm", usual, answers=("Noted.",))
    assert not on_message("shorten the letter", "Write a letter to my bank.", answers=("Here it is.",))


@pytest.mark.parametrize(
    "answer",
    [
        "For that I need your gross salary and the country you work in.",
        "No file has come through. Could you paste the minutes here?",
        "Which flour do you use?",
        "I'll assume that you earn 40,000 euros. Then you owe 6,500.",
        "The hours are placeholders of mine, since you didn't give any.",
    ],
)
def test_an_answer_that_asks_for_particulars_or_invents_them_fires(answer: str) -> None:
    assert on_answer("missing_information", answer) is not None


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("regex for zip codes", "`^\\d{5}$`. Want me to add tests?"),
        ("write 3 interview questions", "What did you learn last year? Why us? When can you start?"),
        ("difference between assume and guess", 'You assume without evidence. "I assume he sleeps" is a guess.'),
        ("how long do eggs keep", "Two weeks in the fridge. Let me know if you need more!"),
    ],
)
def test_offers_and_questions_written_for_others_do_not(asked: str, answer: str) -> None:
    assert on_answer("missing_information", answer, asked) is None


def test_open_questions_of_a_frame_fire_unless_there_are_none() -> None:
    frame = "[frame]\ngoal: a plan\nopen questions: {}\n[/frame]\nHere is the plan."

    assert on_answer("missing_information", frame.format("which city?")) == "open questions in the frame"
    assert on_answer("missing_information", frame.format("none")) is None
