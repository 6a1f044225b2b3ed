"""A conversation through a ladder becomes a transcript."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    FIRES,
    MEMORY,
    conversation,
    criterion,
    escalation,
    ladder,
    lived,
    tier,
    tiers,
)
from ladder_bench.domain import (
    Constraint,
    Conversation,
    Handoff,
    Intent,
    Message,
    Reply,
    Request,
    Statement,
    Turn,
    Usage,
)
from ladder_bench.errors import FatalModelError, ModelError

FOUR = conversation("one", "two", "three", "four")


@given(st.integers(1, 6), st.integers(1, 4), st.sampled_from(["rollout", "forced"]), st.integers(0, 6))
def test_every_turn_is_answered_exactly_once(turns: int, first: int, mode: str, failing: int) -> None:
    talk = conversation(*(f"say {n}" for n in range(turns)))

    def script(request: Request) -> str | ModelError:
        return ModelError("timeout", "late") if request.origin.turn == failing else "fine."

    found = lived(talk, ladder(f"advanced:{first}", "light"), script, mode).transcript  # type: ignore[arg-type]

    assert [each.turn for each in found.answered] == list(range(1, turns + 1))
    assert all((each.answer is None) == (each.failure is not None) for each in found.answered)


def test_in_a_rollout_the_history_is_what_the_strategy_said_itself() -> None:
    prompts = lived(FOUR, ladder("advanced:1", "light")).prompts

    assert prompts[2] == ["one", "advanced 1", "two", "light 2", "three"]


def test_in_forced_mode_the_history_is_the_recording() -> None:
    prompts = lived(FOUR, ladder("advanced:1", "light"), mode="forced").prompts

    assert prompts[2] == ["one", "recorded 1", "two", "recorded 2", "three"]


def test_in_forced_mode_a_turn_without_a_recorded_answer_leaves_nobodys_answer_in_the_history() -> None:
    talk = conversation("one", "two", answers=[None, "recorded 2"])

    assert lived(talk, ladder("light"), mode="forced").prompts == lived(talk, ladder("mid"), mode="forced").prompts


def test_tool_calls_and_a_greeting_are_carried_through() -> None:
    tool = Message("tool", "42", '{"tool_call_id":"t"}')
    talk = Conversation("c1", (Turn(1, Message("user", "one"), context=(tool,)), Turn(2, Message("user", "two"))))
    greeted = Conversation("c1", talk.turns, greeting=(Message("assistant", "welcome"),))

    assert lived(greeted, ladder("light")).prompts == [
        ["welcome", "one", "42"],
        ["welcome", "one", "42", "light 1", "two"],
    ]


def test_a_failed_call_ends_a_rollout_and_is_data() -> None:
    def script(request: Request) -> str | ModelError:
        return ModelError("timeout", "late") if request.origin.turn == 2 else "fine."

    found = lived(FOUR, ladder("light"), script)

    assert [each.failure for each in found.transcript.answered] == [
        None, "timeout: late", "not reached: turn 2 failed", "not reached: turn 2 failed",
    ]  # fmt: skip
    assert len(found.requests) == 2


def test_a_failed_call_in_forced_mode_costs_its_own_turn_only() -> None:
    def script(request: Request) -> str | ModelError:
        return ModelError("timeout", "late") if request.origin.turn == 2 else "fine."

    found = lived(FOUR, ladder("light"), script, "forced")

    assert [each.failure is None for each in found.transcript.answered] == [True, False, True, True]
    assert found.prompts[2] == ["one", "recorded 1", "two", "recorded 2", "three"]


def test_a_refused_key_stops_everything() -> None:
    with pytest.raises(FatalModelError):
        lived(FOUR, ladder("light"), lambda request: FatalModelError("refused_key", "no"))


def test_an_open_question_keeps_an_escalation_open() -> None:
    talk = conversation("one", f"sign {FIRES}", "three", "four")
    climbing = ladder("light", escalation=escalation())

    def asks(request: Request) -> str:
        return "Which country?" if request.origin.turn == 2 else "Done."

    assert lived(talk, climbing, asks).answered_by == ["light", "advanced", "advanced", "light"]
    assert lived(talk, climbing).answered_by == ["light", "advanced", "light", "light"]


def test_triggers_are_not_evaluated_in_a_language_that_they_do_not_speak() -> None:
    talk = conversation("one", f"sign {FIRES}", "three", language="de")

    assert lived(talk, ladder("light", escalation=escalation())).answered_by == ["light"] * 3


# --- usage ---------------------------------------------------------------------------------


@pytest.mark.parametrize("usage", [None, Usage(-1, 5), Usage(10, -5), Usage(10, 5, reasoning=-1)])
def test_usage_that_is_missing_or_impossible_is_counted_here_and_flagged(usage: Usage | None) -> None:
    found = lived(FOUR, ladder("light"), lambda request: Reply("fine.", usage, 0.1, "live")).transcript

    counted = found.answered[0].calls[0].usage
    assert counted.estimated
    assert min(counted.input, counted.output) > 0


# --- recorded tiers ------------------------------------------------------------------------

LOG = tiers(advanced=tier("advanced", "recorded"))


def test_a_recorded_tier_answers_from_the_log_with_its_usage_and_latency() -> None:
    found = lived(FOUR, ladder("advanced"), known=LOG).transcript

    assert [each.answer for each in found.answered] == ["recorded 1", "recorded 2", "recorded 3", "recorded 4"]
    assert found.answered[1].calls[0].usage == Usage(20, 5)
    assert found.answered[1].calls[0].reply.latency_s == 1.5
    assert all(each.on_recording for each in found.answered)


def test_stepping_down_from_the_log_sends_calls_for_the_cheap_tier_only() -> None:
    found = lived(FOUR, ladder(), known=LOG)

    assert [each.tier.name for each in found.requests] == ["light", "light"]
    assert found.prompts[0] == ["one", "recorded 1", "two", "recorded 2", "three"]
    assert [each.on_recording for each in found.transcript.answered] == [True, True, True, False]


def test_a_recorded_tier_reads_no_scaffold_and_no_memory() -> None:
    strategy = ladder("mid:1", "advanced", scaffold="standard", guardrails="standard", handoff=MEMORY)
    found = lived(FOUR, strategy, mode="forced", known=LOG).transcript

    assert [each.memory for each in found.answered] == [None] * 4
    assert [bool(each.calls[0].request.system) for each in found.answered] == [True, False, False, False]


def test_a_recording_is_never_used_off_its_path() -> None:
    found = lived(FOUR, ladder("light:1", "advanced"), known=LOG).transcript

    assert found.answered[1].answer is None
    assert "never saw" in str(found.answered[1].failure)


def test_off_its_path_a_recording_is_reused_or_replaced_where_the_tier_says_so() -> None:
    reused = tiers(advanced=tier("advanced", "recorded", off_path="reuse"))
    replaced = tiers(advanced=tier("advanced", "recorded", off_path="mid"))
    strategy = ladder("light:1", "advanced", handoff=MEMORY)

    assert lived(FOUR, strategy, known=reused).transcript.answered[1].answer == "recorded 2"
    again = lived(FOUR, strategy, known=replaced).transcript.answered[1]
    assert again.answer == "mid 2"
    assert again.memory is not None  # a live tier reads the memory, and the transcript keeps it


def test_a_tier_that_names_itself_as_its_replacement_is_not_reused_in_silence() -> None:
    looped = tiers(advanced=tier("advanced", "recorded", off_path="advanced"))

    assert lived(FOUR, ladder("light:1", "advanced"), known=looped).transcript.answered[1].answer is None


def test_a_live_answer_that_equals_the_log_stays_on_the_recording() -> None:
    found = lived(FOUR, ladder("light:1", "advanced"), lambda request: "recorded 1", known=LOG).transcript

    assert [each.answer for each in found.answered][1:] == ["recorded 2", "recorded 3", "recorded 4"]


# --- what must not leak --------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rollout", "forced"])
@pytest.mark.parametrize("context", ["full", "memory_only"])
def test_no_gold_field_ever_reaches_a_prompt(mode: str, context: str) -> None:
    gold = criterion("GOLD", "GOLDid", violation="GOLD violation")
    intent = Intent(
        goal=Statement("GOLD goal"),
        constraints=(Constraint(gold),),
        non_goals=(Statement("GOLD non-goal"),),
        blocking_unknowns=(Statement("GOLD unknown", "GOLDu"),),
        output_contract=Statement("GOLD contract"),
    )
    plain = conversation("plan it", "go on", f"must sign {FIRES}", "then?", "bye", system="Be kind.")
    turns = tuple(
        Turn(
            each.number, each.user, each.recorded, criteria=(gold,), reference="GOLD reference",
            alternative="GOLD other", wrong="GOLD wrong", labels=("high_stakes",), answer_labels=("low_confidence",),
        )
        for each in plain.turns
    )  # fmt: skip
    graded = replace(plain, turns=turns, intent=intent, facts=("GOLD fact",), tags=("GOLDtag",), resolved=True)
    strategy = ladder(
        "advanced:1", "mid:1", "light", scaffold="standard", guardrails="standard", escalation=escalation(),
        handoff=Handoff("standard", context=context),  # type: ignore[arg-type]
    )  # fmt: skip

    seen = lived(graded, strategy, mode=mode)  # type: ignore[arg-type]
    bare = lived(plain, strategy, mode=mode)  # type: ignore[arg-type]

    assert len(seen.requests) == 5
    assert "GOLD" not in json.dumps([[m.as_dict() for m in each.messages] for each in seen.requests])
    assert seen.prompts == bare.prompts  # and labels change no route


def test_no_strategy_or_tier_name_ever_reaches_a_prompt() -> None:
    known = {"TIER-A": tier("TIER-A"), "TIER-B": tier("TIER-B")}
    strategy = ladder("TIER-A:1", "TIER-B", name="STRATEGY", scaffold="standard", guardrails="standard", handoff=MEMORY)

    seen = lived(FOUR, strategy, lambda request: "fine.", known=known)
    assert "TIER-" not in str(seen.prompts)
    assert "STRATEGY" not in str(seen.prompts)
