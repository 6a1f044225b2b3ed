"""Scores of one history are never continued with those of another."""

from __future__ import annotations

from itertools import pairwise

import pytest

from ladder_bench.analyse.recombination import same_history, spliced
from ladder_bench.errors import InputError


def turns(strategy: str, *histories: str, conversation: str = "c1") -> list[dict[str, object]]:
    """Turns whose digests are named: turn n has the n-th history and leaves the next one."""
    return [
        {"conversation": conversation, "strategy": strategy, "turn": n, "history": before, "after": after}
        for n, (before, after) in enumerate(pairwise(histories), 1)
    ]


def test_transcripts_join_where_the_history_is_the_same() -> None:
    first, second = turns("a", "start", "h1", "h2", "h3"), turns("b", "start", "h1", "other", "more")

    joined = spliced(first, second, 2)
    assert [(row["strategy"], row["turn"]) for row in joined] == [("a", 1), ("b", 2), ("b", 3)]


def test_another_history_is_refused_with_the_conversation_and_the_turn() -> None:
    first, second = turns("a", "start", "h1", "h2", "h3"), turns("b", "start", "x1", "x2", "x3")

    with pytest.raises(InputError, match=r"conversation 'c1', turn 2: 'b' .* another history than 'a' left"):
        spliced(first, second, 2)


def test_a_history_that_nobody_knows_matches_none() -> None:
    with pytest.raises(InputError, match="turn 2"):
        spliced(turns("a", "", "", ""), turns("b", "", "", ""), 2)
    assert not same_history("", "")
    assert not same_history(None, None)


def test_turns_of_two_conversations_are_refused() -> None:
    with pytest.raises(InputError, match="different conversations cannot be joined: c1, c2"):
        spliced(turns("a", "s", "h1", "h2"), turns("b", "s", "h1", "h2", conversation="c2"), 2)


def test_a_gap_between_the_turns_is_refused() -> None:
    with pytest.raises(InputError, match="turn 3"):
        spliced(turns("a", "s", "h2"), turns("b", "s", "h1", "h2", "h3"), 3)


def test_from_the_first_turn_on_it_is_the_other_transcript() -> None:
    second = turns("b", "s", "x1", "x2")

    assert spliced(turns("a", "s", "h1", "h2"), second, 1) == second
