"""The test double plays every part that a tier may have."""

from __future__ import annotations

import asyncio

import pytest

from builders import reply, request, tier
from ladder_bench.domain import Reply, Request
from ladder_bench.errors import ModelError
from ladder_bench.models.scripted import Script, Scripted

PLAY: Script = {
    "answer": ["first", "second", "ever after"],
    "memory": "Goal: a roof.",
    "trigger": lambda asked: f"seen at {asked.origin.turn}",
    "user": [reply("and then?"), ModelError("timeout", "gone")],
}


def said(script: Script, *asked: Request) -> list[str]:
    model = Scripted(script)

    async def all_of_them() -> list[Reply]:
        return [await model.complete(each) for each in asked]

    return [each.text for each in asyncio.run(all_of_them())]


def test_each_purpose_has_its_part_by_turns_whatever_the_order() -> None:
    turns = [3, 1, 2, 9, 1]

    assert said(PLAY, *(request(turn=turn) for turn in turns)) == [
        "ever after",
        "first",
        "second",
        "ever after",
        "first",
    ]
    assert said(PLAY, request(purpose="memory"), request(purpose="trigger", turn=4)) == ["Goal: a roof.", "seen at 4"]
    assert said(PLAY, request(purpose="user")) == ["and then?"]


def test_a_failure_may_be_scripted_and_a_part_that_is_missing_is_one() -> None:
    with pytest.raises(ModelError, match="gone"):
        said(PLAY, request(purpose="user", turn=2))
    with pytest.raises(ModelError, match="'light' has no part for 'judge'"):
        said(PLAY, request(purpose="judge"))


def test_a_tiers_own_script_goes_first() -> None:
    detector = tier("detector", params={"script": {"trigger": "nothing fires"}})

    assert said(PLAY, request(tier=detector, purpose="trigger"), request()) == ["nothing fires", "first"]


def test_a_function_of_the_request_answers_everything() -> None:
    assert said(lambda asked: asked.purpose, request(), request(purpose="memory")) == ["answer", "memory"]
