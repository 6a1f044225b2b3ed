"""A played user: asks again, goes on, leaves, and never makes a strategy dearer."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import conversation, criterion, escalation, ladder, lived, tier, tiers
from ladder_bench.domain import Constraint, Conversation, Criterion, Intent, Request, Statement
from ladder_bench.errors import ModelError
from ladder_bench.replay import Player

TALK = conversation("one", "two", "three")
PLAYER = Player(tier("player"))
LIGHT = ladder("light")


def plays(*moves: tuple[str, str]) -> object:
    """A user who makes these moves, then follows the script; tiers answer with their name and turn."""
    left = list(moves)

    def script(request: Request) -> str:
        if request.purpose != "user":
            return f"{request.tier.name} {request.origin.turn}"
        move, message = left.pop(0) if left else ("script", "")
        return json.dumps({"move": move, "message": message})

    return script


def played(*moves: tuple[str, str], talk: Conversation = TALK, **player: int):  # type: ignore[no-untyped-def]
    return lived(talk, LIGHT, plays(*moves), "simulated", player=replace(PLAYER, **player))  # type: ignore[arg-type]


def said(transcript) -> list[tuple[str, int]]:  # type: ignore[no-untyped-def]
    return [(each.said.content, each.step) for each in transcript.answered]


def test_a_satisfied_user_says_the_recorded_messages_and_then_nothing() -> None:
    found = played().transcript

    assert said(found) == [("one", 1), ("two", 2), ("three", 3)]
    assert found.ended == "satisfied"
    assert [turn for turn, _ in found.user] == [2, 3, 4]


def test_a_user_who_is_not_served_asks_again_before_going_on() -> None:
    found = played(("follow_up", "no, really?")).transcript

    assert said(found) == [("one", 1), ("no, really?", 1), ("two", 2), ("three", 3)]
    assert [each.turn for each in found.answered] == [1, 2, 3, 4]


def test_a_user_may_put_the_script_in_other_words() -> None:
    assert said(played(("script", "two, then")).transcript)[1] == ("two, then", 2)


def test_patience_and_the_turn_limit_end_what_would_not_end() -> None:
    stubborn = [("follow_up", "again")] * 50

    assert said(played(*stubborn, patience=1).transcript) == [
        ("one", 1), ("again", 1), ("two", 2), ("again", 2), ("three", 3), ("again", 3),
    ]  # fmt: skip
    assert played(*stubborn, patience=1).transcript.ended == "gave up"
    limited = played(*stubborn, patience=99, most_turns=4).transcript
    assert (len(limited.answered), limited.ended) == (4, "turn limit")


def test_a_user_who_leaves_says_nothing_more_and_nothing_failed() -> None:
    found = played(("leave", "")).transcript

    assert found.ended == "gave up"
    assert [each.failure for each in found.answered] == [None]


def test_a_move_that_cannot_be_read_goes_on_with_the_script_and_is_noted() -> None:
    found = lived(TALK, LIGHT, lambda request: "hm", "simulated", player=PLAYER).transcript

    assert said(found) == [("one", 1), ("two", 2), ("three", 3)]
    assert found.answered[1].notes == ("the user's move could not be read: the script went on",)
    assert found.ended == "unknown"


def test_an_offline_user_with_nothing_to_hold_answers_against_is_not_called_satisfied() -> None:
    offline = Player(tier("(user)", "simulated/user"))

    def unmeasured(talk: Conversation) -> str | None:
        return lived(talk, LIGHT, plays(), "simulated", player=offline).transcript.ended  # type: ignore[arg-type]

    measured = conversation("one", criteria={1: [criterion("light", critical=True)]})
    assert (unmeasured(TALK), unmeasured(measured)) == ("unknown", "satisfied")


def test_a_user_who_cannot_be_played_ends_the_conversation_as_data() -> None:
    def late(request: Request) -> str | ModelError:
        return ModelError("timeout", "late") if request.purpose == "user" else "fine."

    found = lived(TALK, LIGHT, late, "simulated", player=PLAYER).transcript

    assert [each.failure for each in found.answered] == [
        None, *["not reached: the user could not be played: timeout: late"] * 2,
    ]  # fmt: skip
    assert found.ended is None


def test_the_player_is_nobodys_serving_call() -> None:
    found = played(("follow_up", "again")).transcript

    assert all(call.purpose == "answer" for each in found.answered for call in each.calls)
    assert all(call.purpose == "user" and call.request.tier.name == "player" for _, call in found.user)


def test_the_gold_intent_reaches_the_player_and_no_serving_tier() -> None:
    intent = Intent(
        goal=Statement("GOLD goal"), constraints=(Constraint(Criterion("c1", "constraint", "GOLD constraint")),)
    )
    talk = replace(TALK, intent=intent)
    requests = played(("follow_up", "again"), talk=talk).requests
    texts = {
        purpose: " ".join(m.content for r in requests if r.purpose == purpose for m in r.messages)
        for purpose in ("user", "answer")
    }

    assert "GOLD goal" in texts["user"]
    assert "GOLD" not in texts["answer"]


def test_a_recorded_tier_answers_while_the_user_says_the_recorded_words() -> None:
    log = tiers(advanced=tier("advanced", "recorded"))
    stepped = ladder("advanced:2", "light")
    on = lived(TALK, stepped, plays(), "simulated", known=log, player=PLAYER)  # type: ignore[arg-type]
    off = lived(TALK, stepped, plays(("follow_up", "hm?")), "simulated", known=log, player=PLAYER)  # type: ignore[arg-type]

    assert [each.answer for each in on.transcript.answered] == ["recorded 1", "recorded 2", "light 3"]
    assert off.transcript.answered[1].failure == (
        "off_path: tier 'advanced' has no recorded answer to a history it never saw"
    )


def test_off_the_recording_the_tier_that_stands_in_for_it_answers() -> None:
    log = tiers(advanced=tier("advanced", "recorded", off_path="mid"))
    found = lived(
        TALK, ladder("advanced:2", "light"), plays(("follow_up", "hm?")), "simulated", known=log, player=PLAYER
    )  # type: ignore[arg-type]

    assert [each.answer for each in found.transcript.answered] == ["recorded 1", "mid 2", "light 3", "light 4"]


@pytest.mark.parametrize("triggers", [(), ("high_stakes", "low_confidence")])
@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["script", "follow_up", "leave", "odd"]), st.text(max_size=3)), max_size=12
    ),
    most=st.one_of(st.none(), st.integers(1, 9)),
    patience=st.integers(0, 3),
)
def test_whatever_the_user_does_every_turn_is_answered_once_and_no_step_is_skipped(
    triggers: tuple[str, ...], moves: list[tuple[str, str]], most: int | None, patience: int
) -> None:
    strategy = ladder("light", escalation=escalation(triggers=triggers) if triggers else None)
    player = replace(PLAYER, most_turns=most, patience=patience)
    found = lived(TALK, strategy, plays(*moves), "simulated", player=player).transcript  # type: ignore[arg-type]

    assert [each.turn for each in found.answered] == list(range(1, len(found.answered) + 1))
    steps = [each.step for each in found.answered]
    assert steps == sorted(steps)
    assert set(steps) == set(range(1, max(steps) + 1))
    assert found.ended in ("satisfied", "gave up", "turn limit", "unknown")
    spoken = [each for each in found.answered if each.failure is None]
    assert len(spoken) <= (most or 8)
    assert all([call.purpose for call in each.calls].count("answer") == 1 for each in spoken)
