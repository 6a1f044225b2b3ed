"""Who answers the next turn, and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import FIRED, RANK, escalation, ladder
from ladder_bench.domain import Answered, Decision, Ladder
from ladder_bench.ladder import decide, planned_tier


def route(strategy: Ladder, fires: str, settled: bool | None = True, conversation: str = "c1") -> list[Decision]:
    """Decide a conversation; "!" in `fires` marks the turns whose message fires."""
    so_far: list[Answered] = []
    for mark in fires:
        decision = decide(strategy, so_far, (FIRED,) if mark == "!" else (), conversation, settled, RANK)
        so_far.append(Answered(len(so_far) + 1, decision, "done.", ()))
    return [each.decision for each in so_far]


def letters(decisions: Sequence[Decision]) -> str:
    """The first letter of each turn's tier, a capital where an escalation is open."""
    return "".join(d.tier[0].upper() if d.escalated else d.tier[0] for d in decisions)


def test_steps_answer_as_many_turns_as_they_say() -> None:
    assert letters(route(ladder("advanced:2", "mid:1", "light"), "......")) == "aamlll"


def test_an_escalation_that_is_resolved_closes_on_the_next_quiet_message() -> None:
    assert letters(route(ladder(escalation=escalation()), "...!..")) == "aalAll"


def test_an_escalation_stays_open_while_triggers_fire_or_the_answer_leaves_something_open() -> None:
    strategy = ladder(escalation=escalation())

    assert letters(route(strategy, "..!!!.")) == "aaAAAl"
    assert letters(route(strategy, "..!...", settled=False)) == "aaAAAA"


def test_staying_escalated_spends_one_escalation() -> None:
    decisions = route(ladder(escalation=escalation()), "..!!!!")

    assert sum(each.opened for each in decisions) == 1


def test_after_turns_closes_on_time_whatever_happens() -> None:
    two_turns = escalation(returns="after_turns", after_turns=2, cooldown_turns=1)

    assert letters(route(ladder(escalation=two_turns), "..!..")) == "aaAAl"
    assert letters(route(ladder(escalation=two_turns), "..!!!!")) == "aaAAlA"


def test_never_does_not_come_back() -> None:
    assert letters(route(ladder(escalation=escalation(returns="never")), "..!....")) == "aaAAAAA"


def test_cooldown_keeps_that_many_turns_between_escalations() -> None:
    def climbs(turns: int) -> str:
        after_one = escalation(returns="after_turns", after_turns=1, at_most=9, cooldown_turns=turns)
        return letters(route(ladder("light", escalation=after_one), "!!!!!!"))

    assert [climbs(0), climbs(1), climbs(2)] == ["AAAAAA", "AlAlAl", "AllAll"]


def test_a_refused_escalation_says_why() -> None:
    after_one = escalation(returns="after_turns", after_turns=1, at_most=2, cooldown_turns=1)
    decisions = route(ladder("light", escalation=after_one), "!!!.!")

    assert "cooling down" in decisions[1].reason
    assert "all 2 escalations are spent" in decisions[4].reason


def test_a_trigger_on_the_strongest_tier_opens_nothing() -> None:
    decisions = route(ladder(escalation=escalation()), "!!.")

    assert letters(decisions) == "aal"
    assert decisions[0].fired == (FIRED,)


def test_an_escalation_never_goes_down() -> None:
    """Escalating to mid while the plan reaches advanced keeps advanced."""
    decisions = route(ladder("light:1", "advanced", escalation=escalation(to="mid", returns="never")), "!..!")

    assert [each.tier for each in decisions] == ["mid", "advanced", "advanced", "advanced"]


@given(
    st.sampled_from([("light",), ("advanced:1", "light"), ("mid:2", "advanced:1", "light"), ("light:2", "advanced")]),
    st.builds(
        escalation,
        to=st.sampled_from(["advanced", "mid"]),
        returns=st.sampled_from(["resolved", "after_turns", "never"]),
        after_turns=st.integers(1, 3),
        at_most=st.integers(1, 3),
        cooldown_turns=st.integers(0, 3),
    ),
    st.text("!.", min_size=1, max_size=12),
    st.sampled_from([True, False, None]),
)
def test_every_route_keeps_the_rules(steps: tuple[str, ...], rule: object, fires: str, settled: bool | None) -> None:
    strategy = ladder(*steps, escalation=rule)
    decisions = route(strategy, fires, settled)

    assert sum(each.opened for each in decisions) <= strategy.escalation.at_most
    for turn, each in enumerate(decisions, 1):
        assert RANK[each.tier] <= RANK[planned_tier(strategy, turn, "c1")]
        assert each.escalated or each.tier == planned_tier(strategy, turn, "c1")
        assert each.switched == (turn > 1 and decisions[turn - 2].tier != each.tier)
        assert not each.opened or each.fired
    closed = [n for n, (now, then) in enumerate(pairwise(decisions)) if now.escalated and not then.escalated]
    opened = [n for n, each in enumerate(decisions) if each.opened]
    for last in closed:
        following = [n for n in opened if n > last]
        assert not following or following[0] - last > strategy.escalation.cooldown_turns


def test_a_decision_after_an_answer_that_nobody_has_seen_is_uncertain() -> None:
    decisions = route(ladder(escalation=escalation()), "..!.", settled=None)

    assert [each.certain for each in decisions] == [True, True, True, False]


def test_the_first_step_and_whoever_answers_an_escalation_are_guides() -> None:
    decisions = route(ladder(escalation=escalation()), "...!.")

    assert [each.guide for each in decisions] == [True, True, False, True, False]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.85])
def test_a_random_mix_keeps_its_shares_and_is_the_same_every_time(share: float) -> None:
    strategy = ladder("advanced", mix=(("advanced", share), ("light", 1 - share)))
    drawn = [planned_tier(strategy, turn, f"c{n}") for n in range(400) for turn in range(1, 11)]

    assert drawn.count("advanced") / len(drawn) == pytest.approx(share, abs=4 * (0.25 / 4000) ** 0.5)
    assert drawn == [planned_tier(strategy, turn, f"c{n}") for n in range(400) for turn in range(1, 11)]
