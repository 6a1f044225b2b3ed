"""Transcripts on a page: what each strategy heard, what was thrown away, and who else was asked."""

from __future__ import annotations

from ladder_bench.folder import Run
from ladder_bench.report import transcripts
from ladder_bench.report.transcripts import Extra, Passage, Shown
from report_runs import Tags, Talk, page_of, run

TWO = ("advanced", "two-step")


def shown(found: Run, *strategies: str) -> Shown:
    return transcripts.collect(found, ["talk-1"], strategies or TWO)[0]


def test_what_users_said_is_shown_once_where_all_strategies_heard_it() -> None:
    exchange = shown(run(Talk())).exchanges[0]

    assert exchange.user == Passage("A question. 1")
    assert [each.user for each in exchange.answers] == [None, None]


def test_a_user_who_said_different_things_is_shown_beside_each_answer() -> None:
    found = run(Talk(heard={"two-step": "That is not what I meant."}))
    exchange = shown(found).exchanges[0]

    assert (exchange.user, exchange.heard) == (None, True)
    assert [each.user for each in exchange.answers] == [Passage("A question. 1"), Passage("That is not what I meant.")]
    assert "Said something else to each strategy" in Tags(page_of(found)).words


def test_a_message_is_known_where_no_call_was_made() -> None:
    found = run(Talk(turns=1, failure="timeout: no answer in 60 s"))

    assert shown(found).exchanges[0].user == Passage("A question. 1")


def test_a_played_turn_says_which_recorded_turn_it_is_about() -> None:
    found = run(Talk())
    turns = found.tables["turns"]
    steps = turns.set_column(turns.column_names.index("step"), "step", [[1] * len(turns)])
    answers = shown(Run(found.path, found.about, {**found.tables, "turns": steps}, found.summary)).exchanges

    assert answers[0].answers[0].step is None
    assert answers[1].answers[0].step == 1


def test_a_discarded_answer_is_there_to_read_with_what_it_cost() -> None:
    found = run(Talk(discarded="I am not sure."))
    answer = shown(found).exchanges[1].answers[1]

    assert answer.extras == (Extra("discarded answer of light, paid ($0.0100)", Passage("I am not sure.")),)
    assert answer.usd_warm == 0.02
    assert "discarded answer of light, paid" in Tags(page_of(found)).words


def test_other_calls_are_named_and_are_not_the_systems_prompt() -> None:
    found = shown(run(Talk(system="Be brief, and more.", detector="Be")))

    assert found.system == Passage("Be brief, and more.")
    assert found.exchanges[0].answers[0].extras == (Extra("trigger by advanced ($0.00100)", None),)


def test_who_plays_the_user_is_in_no_strategys_cost() -> None:
    found = shown(run(Talk(ended="gave up")))

    assert [each.ended for each in found.lives] == ["gave up", "gave up"]
    assert found.exchanges[0].answers[0].usd_warm == 0.01
    assert found.exchanges[0].answers[0].extras == ()


def test_the_page_says_how_the_user_left_and_after_how_many_turns() -> None:
    words = Tags(page_of(run(Talk(ended="turn limit")))).words

    assert "user reached the turn limit after 2 turns" in " ".join(words.split())


def test_stated_confidence_is_a_mark_and_not_part_of_the_answer() -> None:
    found = run(Talk(said="It is 42.\n[confidence: low]\n"))
    answer = shown(found).exchanges[0].answers[0]

    assert answer.confidence == "low"
    assert answer.frame is None
    assert answer.text
    assert "confidence" not in answer.text.text
    assert "says its confidence is low" in Tags(page_of(found)).words


def test_notes_of_a_turn_are_shown() -> None:
    assert (
        "triggers not evaluated: no lexicon"
        in Tags(page_of(run(Talk(notes=("triggers not evaluated: no lexicon",))))).words
    )


def test_a_run_without_the_newer_columns_still_has_its_transcripts() -> None:
    found = run(Talk())
    old = found.tables["turns"].drop_columns(["user", "step", "notes", "ended", "labels", "answer_labels"])
    exchange = shown(Run(found.path, found.about, {**found.tables, "turns": old}, found.summary)).exchanges[1]

    assert exchange.user == Passage("A question. 2")
    assert exchange.answers[1].memory == Passage("Goal: be short")
