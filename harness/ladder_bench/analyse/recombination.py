"""Recombination: scores of one history are continued with those of another only where the histories are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ladder_bench.errors import InputError

Row = Mapping[str, Any]  # of the table of turns: conversation, strategy, turn, history, after


def spliced(first: Sequence[Row], second: Sequence[Row], turn: int) -> list[Row]:
    """One transcript's turns before `turn`, then the other's from there: what both would be if joined.

    Both are turns of one conversation, in their order. Raises InputError where the second was answered after another
    history than the first left, naming conversation and turn.
    """
    head = [row for row in first if row["turn"] < turn]
    tail = [row for row in second if row["turn"] >= turn]
    names = {row["conversation"] for row in (*head, *tail)}
    if len(names) > 1:
        raise InputError(f"turns of different conversations cannot be joined: {', '.join(sorted(names))}")
    if head and tail and not continues(head[-1], tail[0]):
        what = f"'{tail[0]['strategy']}' answered it after another history than '{head[-1]['strategy']}' left"
        raise InputError(
            f"conversation '{tail[0]['conversation']}', turn {turn}: {what}; scores of one cannot continue the other's"
        )
    return head + tail


def continues(before: Row, after: Row) -> bool:
    """Whether a turn was answered after exactly the history that another one left; unknown histories never match."""
    return bool(before["after"]) and before["after"] == after["history"] and before["turn"] + 1 == after["turn"]


def same_history(first: str | None, second: str | None) -> bool:
    """Whether two turns were answered after the same history, by its digest; unknown ones never match."""
    return bool(first) and first == second
