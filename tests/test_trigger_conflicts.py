"""constraint_conflict fires where two requirements cannot both hold, and not where one replaces the other."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder_bench.triggers import Heard, Rules, Seen
from ladder_bench.triggers.bans import bans
from ladder_bench.triggers.constraints import moments, quantities

LEXICON = Path(__file__).parents[1] / "ladders" / "triggers" / "constraint_conflict.yaml"
NAME = "constraint_conflict"


@cache
def rules() -> Rules:
    return Rules({NAME: YAML(typ="safe").load(LEXICON)})


def reason(*messages: str, answers: tuple[str, ...] = ()) -> str | None:
    *earlier, message = messages
    seen = Seen(len(messages), message, tuple(earlier), "en", answers)
    return next((fired.reason for fired in rules().fired((NAME,), seen)), None)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["The form takes at most 250 words.", "Add at least 300 words about my internship."], "past an earlier limit"),
        (["One page, no more.", "It should have at least 1,800 words."], "past an earlier limit"),
        (["We have 600 euros in total for Rome.", "Take the room at 240 euros a night for 3 nights."], "more than the budget"),
        (["250 words max.", "Five paragraphs please, each at least 80 words."], "does not add up"),
        (["Doors at 9:00, out at 12:30.", "Four sessions of an hour each."], "does not add up"),
        (["The clip must be under 60 seconds.", "Ann gets 30 seconds, Ben 20 seconds, Cem 25 seconds."], "does not add up"),
        (["Exams 60 %, homework 40 %.", "A project counts 20 %, leave the others as they are."], "shares of more than the whole"),
        (["There are 7 tables, 8 chairs each.", "61 people said yes, seat them."], "more people than fit"),
        (["The report must be in on 5 March at the latest.", "Tom reviews the report on 9 March."], "outside the time that is left"),
        (["I can only come on Tuesdays.", "Book the session for Friday."], "another day than the only ones"),
        (["I can only do Tuesday and Thursday.", "Plan 4 sessions a week."], "more often than there are days"),
        (["The shop is closed on Sundays.", "Plan the tasting for Sunday at 3."], "a day on which it is closed"),
        (["Standard library only.", "Plot it with seaborn."], "against what was ruled out: installed packages"),
        (["We are vegan.", "Finish it with parmesan."], "against what was ruled out: animal products"),
        (["Everything has to be written in Go.", "Write the importer in Python."], "another programming language"),
        (["Leave the lawsuit alone, do not mention the lawsuit.", "Add a line about the lawsuit."], "what an earlier message ruled out"),
        (["The logo must stay exactly as it is.", "Make the logo rounder."], "what an earlier message ruled out"),
        (["Write at most 100 words, and at least 200 words of it on price."], "bounds that exclude each other"),
        (["She is allergic to nuts.", "Top it with pistachios."], "against what was ruled out: nuts"),
        (["Keep the prices out of it.", "Please mention the new rates."], "against what was ruled out: prices"),
        (["A quarter of an hour, recursion is forbidden.", "Use a recursive helper."], "against what was ruled out: recursion"),
        (["Exactly two sentences. Give the scent, the glass, the size and the price a sentence of its own each."], "more than the limit"),
        (["Hard cap 1500 words.", "Use this: intro 250, economy 600, league 400, conclusion 500."], "does not add up"),
        (["We have 40 guests and a budget of 1800 pounds.", "Take the menu at £65 per person."], "more than the budget"),
        (["The rent is due thirty (30) days after the treasurer's letter is received.",
          "Say that the rent is due 14 days after the treasurer's letter is received."], "said otherwise before"),
    ],
)  # fmt: skip
def test_requirements_that_cannot_both_hold_fire_with_their_reason(messages: list[str], expected: str) -> None:
    assert reason(*messages) == expected


def test_a_requirement_from_several_turns_back_still_holds() -> None:
    assert reason("No pip install, stdlib only.", "Skip hidden files.", "Sort by name.", "Draw it with matplotlib.")


@pytest.mark.parametrize(
    "messages",
    [
        ["Under 300 words please.", "Cut it to 200 words."],
        ["At least 500 words.", "700 words is fine."],
        ["Budget is 900 dollars.", "Make the budget 1200 dollars instead."],
        ["No javascript.", "Scripts are fine now, that ban is history. Add a script."],
        ["The title has at most 60 characters.", "The description should have 150 characters."],
        ["Budget 1000 euros.", "The hotel is 400 euros and the train 350 euros."],
        ["No nuts, allergy.", "Is there almond in marzipan?"],
        ["No butter for my kid.", "I said no butter and you used butter!"],
        ["Not before 9 June.", "Then 12 June it is."],
        ["No emojis.", "Good without emojis."],
        ["We are 30 people.", "5 of the people are vegetarian."],
        ["Two hours at most.", "Intro 20 minutes, exercise 60 minutes, questions 30 minutes."],
        ["We only use Postgres.", "Does Postgres have something like Redis?"],
        ["I can only come on Tuesdays.", "Tuesday at 5 works."],
        ["Write 100 words.", "Thanks!"],
        ["Vegan dinner.", "My nonna browned butter for the sage, what gives me that taste?"],
        ["Vegan dinner.", "Add oat milk and vegan cheese."],
        ["Standard library only.", "My colleague said he would do that in pandas."],
        ["No nuts in the cake.", "And a second cake for the adults, with almonds."],
        ["No alcohol at the party.", "Still no alcohol please, so make the wine a grape juice."],
        ["No meat, I am vegetarian.", "The chicken has to go, you put chicken in."],
        ["He can't pay.", "Say that I want him to pay."],
        ["Not more than 5 requests a second.", "It has to bring at least 60,000 rows a night."],
        ["Two of the guests are vegetarian.", "Add a steak."],
        ["Keep paragraph 2 exactly as it is.", "In paragraph 3, change the date."],
    ],
)  # fmt: skip
def test_a_change_a_question_or_something_compatible_does_not_fire(messages: list[str]) -> None:
    assert reason(*messages) is None


def test_a_requirement_that_was_replaced_on_the_way_no_longer_counts() -> None:
    old, change = "At most 200 words.", "New limit: 900 words instead of 200 words."

    assert reason(old, "Write at least 600 words.") == "past an earlier limit"
    assert reason(old, change, "Write at least 600 words.") is None


def test_constraints_that_a_frame_states_count_as_requirements() -> None:
    framed = "[frame]\ngoal: a menu\nconstraints: vegan, no nuts\n[/frame]\nHere is a menu."

    assert reason("A menu for Sunday.", "Add a cheese plate.", answers=(framed,)) is not None
    assert reason("A menu for Sunday.", "Add a cheese plate.", answers=("Here is a menu.",)) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("This contradicts the limit that you set: 200 words.", True),
        ("With the flights you are at 1,490, which is 290 over the 1,200.", True),
        ("There are 56 seats and 61 guests. Which gives way?", True),
        ("Irony is a contradiction between what is said and what is meant.", False),
        ("Here are your five paragraphs.", False),
    ],
)
def test_an_answer_that_flags_a_conflict_with_what_the_user_said_fires(answer: str, expected: bool) -> None:
    seen = Seen(2, "Five paragraphs of 80 words.", ("At most 200 words.",))

    assert bool(rules().fired_on_answer((NAME,), seen, Heard(answer))) is expected


@pytest.mark.parametrize(
    ("message", "value", "dimension", "bound", "each"),
    [
        ("no longer than 80 words", 80, "words", "most", False),
        ("at least 1,500 words", 1500, "words", "least", False),
        ("exactly two sentences", 2, "sentences", "exactly", False),
        ("half a page or 3 pages max", 3, "pages", "most", False),
        ("a budget of €1.5k", 1500, "money", "most", False),
        ("20 minutes each", 20, "minutes", "plain", True),
        ("2 hours at most", 120, "minutes", "most", False),
        ("3 times a week at most", 3, "times a week", "most", False),
    ],
)
def test_a_quantity_is_read_with_its_unit_and_its_bound(
    message: str, value: float, dimension: str, bound: str, each: bool
) -> None:
    last = quantities(message)[-1]

    assert (last.value, last.dimension, last.bound, last.each) == (value, dimension, bound, each)


def test_days_are_read_with_the_way_they_bound() -> None:
    read = [(moment.scale, moment.bound) for moment in moments("Not before 10 June. By 14:30. On the 3rd.")]

    assert read == [("date", "after"), ("clock", "before"), ("day", "on")]


def test_only_things_are_ruled_out_not_figures_of_speech() -> None:
    assert [ban.evidence for ban in bans("No prices and no discounts.")] == ["No prices", "no discounts"]
    assert not any(ban.stems for ban in bans("No idea, no problem, no more than 5 lines, I don't know."))
