"""The delimited parts of prompts and answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench.blocks import FRAME_PARTS, frame_is_complete, frame_parts, memory_in, sentences, visible, with_memory

FRAME = "[frame]\n" + "\n".join(f"{part.title()}: something" for part in FRAME_PARTS) + "\n[/frame]\n"


def test_a_frame_is_read_by_part_and_hidden_from_the_user() -> None:
    assert frame_is_complete(FRAME + "Here you are.")
    assert visible(FRAME + "Here you are.") == "Here you are."


def test_an_empty_part_is_missing() -> None:
    assert "assumptions" not in frame_parts(FRAME.replace("Assumptions: something", "Assumptions:"))
    assert not frame_is_complete(FRAME.replace("Plan: something\n", ""))


def test_markdown_around_the_names_of_the_parts_is_no_matter() -> None:
    assert frame_parts("[frame]\n- **Goal**: move\n## Plan:\n1. pack\n[/frame]") == {"goal": "move", "plan": "1. pack"}


@pytest.mark.parametrize("inside", ["", "nothing to say\n"])
def test_a_frame_without_parts_has_none(inside: str) -> None:
    assert frame_parts(f"[frame]\n{inside}[/frame]\nHello.") == {}


def test_a_frame_that_is_not_closed_is_no_frame_and_stays_visible() -> None:
    assert frame_parts("[frame]\nGoal: x\nand on") == {}
    assert visible("[frame]\nGoal: x") == "[frame]\nGoal: x"


@given(st.text(), st.text().filter(lambda text: "[handoff memory]" not in text))
def test_a_memory_comes_back_out_of_the_message_that_carries_it(message: str, memory: str) -> None:
    assert memory_in(with_memory(message, memory)) == memory.strip()


def test_a_message_without_memory_has_none() -> None:
    assert memory_in("hello [handoff memory] there") is None


@given(st.text(alphabet=st.sampled_from("ab A.?!\n\t\"') :;…é")))
def test_sentences_joined_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("e.g.  this stays", ["e.g.  this stays"]),
        ("Version 1.5 is out\n\nNext", ["Version 1.5 is out\n\n", "Next"]),
        ('He said "Go." Then left.', ['He said "Go." ', "Then left."]),
    ],
)
def test_sentences_end_where_a_reader_sees_an_end(text: str, parts: list[str]) -> None:
    assert list(sentences(text)) == parts


def test_hostile_text_is_read_in_linear_time() -> None:
    started = time.perf_counter()
    for text in ("[frame]\n" * 20_000, "goal" * 50_000, ". " * 100_000, "-" * 200_000):
        frame_parts("[frame]\n" + text + "\n[/frame]")
        visible(text)
        sentences(text)

    assert time.perf_counter() - started < 5
