"""An answer that makes a trigger fire is discarded, paid for, and given again by the stronger tier."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builders import FIRES, MEMORY, UNSURE, conversation, escalation, ladder, lived
from ladder_bench.domain import Escalation, Ladder, Request
from ladder_bench.errors import ModelError

FOUR = conversation("one", "two", "three", "four")
DOUBTS = escalation(triggers=("high_stakes", "low_confidence"))
CASCADE = ladder("light", escalation=DOUBTS)


def unsure_at(*turns: int, tier: str = "light") -> object:
    def script(request: Request) -> str:
        mark = f" {UNSURE}" if request.tier.name == tier and request.origin.turn in turns else ""
        return f"{request.tier.name} {request.origin.turn}.{mark}"

    return script


def test_the_stronger_tier_answers_again_and_the_first_answer_stays_paid() -> None:
    found = lived(FOUR, CASCADE, unsure_at(2))  # type: ignore[arg-type]
    turn = found.transcript.answered[1]

    assert found.answered_by == ["light", "advanced", "light", "light"]
    assert [(call.purpose, call.request.tier.name) for call in turn.calls] == [
        ("discarded", "light"), ("answer", "advanced"),
    ]  # fmt: skip
    assert turn.answer == "advanced 2."
    assert turn.decision.opened
    assert turn.decision.fired[0].evidence == "unsure"
    assert turn.decision.reason == "low_confidence on the answer: hedged; answered again"


def test_a_discarded_answer_is_seen_by_nobody_afterwards() -> None:
    prompts = lived(FOUR, CASCADE, unsure_at(2)).prompts  # type: ignore[arg-type]

    assert prompts[3] == ["one", "light 1.", "two", "advanced 2.", "three"]
    assert not any(UNSURE in text for prompt in prompts for text in prompt)


def test_the_strongest_tiers_own_doubts_are_not_asked_about() -> None:
    found = lived(FOUR, CASCADE, unsure_at(2, 3, tier="advanced"))  # type: ignore[arg-type]

    assert [len(each.calls) for each in found.transcript.answered] == [1, 1, 1, 1]


def test_where_the_stronger_tier_fails_the_first_answer_stands() -> None:
    def script(request: Request) -> str | ModelError:
        if request.tier.name == "advanced":
            return ModelError("timeout", "late")
        return f"light {request.origin.turn}. {UNSURE if request.origin.turn == 2 else ''}"

    turn = lived(FOUR, CASCADE, script).transcript.answered[1]

    assert (turn.answer, turn.decision.tier, turn.decision.opened) == ("light 2. (unsure)", "light", False)
    assert [call.purpose for call in turn.calls] == ["answer"]
    assert turn.decision.fired[0].trigger == "low_confidence"
    assert turn.notes == ("the stronger tier did not answer again (timeout: late): the first answer stands",)


def test_a_turn_that_is_already_escalated_is_not_answered_again() -> None:
    talk = conversation("one", f"two {FIRES}", "three")

    assert [len(each.calls) for each in lived(talk, CASCADE, unsure_at(2)).transcript.answered] == [1, 1, 1]  # type: ignore[arg-type]


def test_a_budget_that_is_spent_leaves_the_answer_and_says_so() -> None:
    once = ladder("light", escalation=escalation(triggers=("low_confidence",), at_most=1))
    found = lived(FOUR, once, unsure_at(1, 4)).transcript.answered  # type: ignore[arg-type]

    assert [each.decision.tier for each in found] == ["advanced", "light", "light", "light"]
    assert found[3].decision.reason.endswith("low_confidence fired on the answer, but all 1 escalations are spent")
    assert [call.purpose for call in found[3].calls] == ["answer"]


def test_the_tier_that_answers_again_is_a_guide_and_reads_no_memory() -> None:
    talk = conversation("one", "two", "three")
    stepped = ladder("advanced:1", "light", escalation=DOUBTS, handoff=MEMORY, scaffold=("goal",), guardrails=("ask",))
    found = lived(talk, stepped, unsure_at(2))  # type: ignore[arg-type]
    first, second = (call.request for call in found.transcript.answered[1].calls)

    assert "[handoff memory]" in first.messages[-1].content
    assert "[handoff memory]" not in second.messages[-1].content
    assert "[frame]" in second.system
    assert found.transcript.answered[1].memory is None


@given(
    st.lists(st.booleans(), min_size=1, max_size=8),
    st.sets(st.integers(1, 8)),
    st.integers(1, 3),
    st.integers(0, 2),
    st.sampled_from([("resolved", None), ("after_turns", 1), ("after_turns", 2), ("never", None)]),
)
def test_every_route_with_doubts_keeps_the_rules(
    fires: list[bool], doubts: set[int], at_most: int, cooldown: int, rule: tuple[str, int | None]
) -> None:
    talk = conversation(*(f"say {n} {FIRES if fired else ''}" for n, fired in enumerate(fires)))
    rules = Escalation("advanced", DOUBTS.triggers, "rules", "stay", rule[0], rule[1], at_most, cooldown)  # type: ignore[arg-type]
    strategy: Ladder = ladder("light", escalation=rules)
    answered = lived(talk, strategy, unsure_at(*doubts)).transcript.answered  # type: ignore[arg-type]
    decisions = [each.decision for each in answered]

    assert sum(each.opened for each in decisions) <= at_most
    assert all(sum(call.purpose == "answer" for call in each.calls) == 1 for each in answered)
    assert all(each.escalated == (each.tier == "advanced") for each in decisions)
    for number, decision in enumerate(decisions):
        if decision.opened and rule[0] == "after_turns":
            stays = decisions[number : number + (rule[1] or 1)]
            assert all(each.escalated for each in stays)
            after = decisions[number + (rule[1] or 1) : number + (rule[1] or 1) + 1]
            assert all(not each.escalated or each.opened for each in after)
        if decision.opened and rule[0] == "never":
            assert all(each.escalated for each in decisions[number:])
