"""The ladder: who answers the next turn, and why.

Pure: the state is the transcript so far, so there is no state machine to keep in step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ladder_bench.domain import Answered, Decision, Fired, Ladder


def planned_tier(ladder: Ladder, turn: int, conversation: str) -> str:
    """The tier that the steps (or the mix) name for a turn, counted from 1."""
    if ladder.mix:
        return _mixed(ladder, turn, conversation)
    last = 0
    for step in ladder.steps:
        if step.turns is None:
            return step.tier
        last += step.turns
        if turn <= last:
            return step.tier
    return ladder.steps[-1].tier


def decide(
    ladder: Ladder,
    so_far: Sequence[Answered],
    fired: Sequence[Fired],
    conversation: str,
    settled: bool | None,
    rank: Mapping[str, int],
    noticed: bool = True,
) -> Decision:
    """Decide who answers the turn after `so_far`.

    `fired`: triggers that fired on this turn's message. `settled`: whether the last answer left nothing open, None
    where nobody has seen it (a plan). `rank`: tier name -> 0 for the strongest. `noticed`: whether it is known what
    fired; a plan does not know what a model would say.
    """
    turn = len(so_far) + 1
    planned = planned_tier(ladder, turn, conversation)
    before = so_far[-1].decision if so_far else None
    escalation = ladder.escalation
    certain = all(answered.decision.certain for answered in so_far)
    reason, tier, escalated, opened = _planned_reason(ladder, turn), planned, False, False
    if escalation is not None and escalation.triggers:
        climbs = rank[escalation.to] < rank[planned]
        open_turns = _open_turns(so_far)
        closes = open_turns > 0 and _returns(ladder, open_turns, fired, settled)
        if open_turns and escalation.returns == "resolved" and settled is None and not fired:
            certain = False
        if open_turns and not closes:
            reason, tier, escalated = f"still escalated ({_opener(so_far)})", escalation.to if climbs else planned, True
        elif fired and climbs:
            names = ", ".join(each.trigger for each in fired)
            refused = _refusal(ladder, so_far, closes)
            if refused is None:
                reason, tier, escalated, opened = f"{names}: {fired[0].reason}", escalation.to, True, True
            else:
                reason = f"{reason}; {names} fired, but {refused}"
        elif closes:
            reason = f"{reason}; escalation closed ({escalation.returns.replace('_', ' ')})"
        if not noticed and (open_turns or climbs):
            certain = False
            if not escalated:
                by_rules = escalation.detect == "rules"
                what = "a trigger fires on" if by_rules else f"'{escalation.detect}' sees a trigger in"
                reason = f"{reason}; climbs if {what} the message"
    return Decision(
        tier=tier,
        reason=reason,
        switched=before is not None and before.tier != tier,
        guide=escalated or (not ladder.mix and planned == ladder.steps[0].tier and _in_first_step(ladder, turn)),
        escalated=escalated,
        opened=opened,
        fired=tuple(fired),
        certain=certain,
    )


def can_climb(ladder: Ladder, decision: Decision, rank: Mapping[str, int]) -> bool:
    """Whether a decision leaves a stronger tier to climb to, if the answer gives reason to."""
    escalation = ladder.escalation
    if escalation is None or not escalation.triggers or decision.escalated:
        return False
    return rank[escalation.to] < rank[decision.tier]


def reconsider(
    ladder: Ladder,
    so_far: Sequence[Answered],
    decision: Decision,
    fired: Sequence[Fired],
    rank: Mapping[str, int],
    noticed: bool = True,
) -> Decision:
    """Decide again once the answer is there: where triggers fired on it, the stronger tier answers instead, if it may.

    `decision` is the one that can climb (`can_climb`) and led to the answer; `fired`: triggers that fired on that.
    """
    escalation = ladder.escalation
    assert escalation is not None
    refused = _refusal(ladder, so_far, closes=False)
    if not fired:
        if noticed or refused:
            return decision
        return replace(decision, reason=f"{decision.reason}; climbs if its answer gives reason to", certain=False)
    names = ", ".join(each.trigger for each in fired)
    every = (*decision.fired, *fired)
    if refused is not None:
        reason = f"{decision.reason}; {names} fired on the answer, but {refused}"
        return replace(decision, reason=reason, fired=every)
    before = so_far[-1].decision.tier if so_far else None
    return replace(
        decision,
        tier=escalation.to,
        reason=f"{names} on the answer: {fired[0].reason}; answered again",
        switched=before is not None and before != escalation.to,
        guide=True,
        escalated=True,
        opened=True,
        fired=every,
    )


def _planned_reason(ladder: Ladder, turn: int) -> str:
    if ladder.mix:
        return "drawn at random"
    last = 0
    for number, step in enumerate(ladder.steps, 1):
        last += step.turns or 0
        if step.turns is None or turn <= last:
            return f"step {number}"
    return f"step {len(ladder.steps)}"


def _in_first_step(ladder: Ladder, turn: int) -> bool:
    turns = ladder.steps[0].turns
    return turns is None or turn <= turns


def _open_turns(so_far: Sequence[Answered]) -> int:
    """How many turns the escalation that is still open has lasted; 0 where none is."""
    count = 0
    for answered in reversed(so_far):
        if not answered.decision.escalated:
            break
        count += 1
        if answered.decision.opened:
            break
    return count


def _opener(so_far: Sequence[Answered]) -> str:
    for answered in reversed(so_far):
        if answered.decision.opened:
            return ", ".join(each.trigger for each in answered.decision.fired)
    return ""


def _returns(ladder: Ladder, open_turns: int, fired: Sequence[Fired], settled: bool | None) -> bool:
    escalation = ladder.escalation
    assert escalation is not None
    if escalation.returns == "never":
        return False
    if escalation.returns == "after_turns":
        return open_turns >= (escalation.after_turns or 1)
    return not fired and settled is not False


def _refusal(ladder: Ladder, so_far: Sequence[Answered], closes: bool) -> str | None:
    """Why a trigger that fired may not open an escalation, None where it may."""
    escalation = ladder.escalation
    assert escalation is not None
    opened = sum(answered.decision.opened for answered in so_far)
    if opened >= escalation.at_most:
        return f"all {escalation.at_most} escalations are spent"
    since = 0
    for answered in reversed(so_far):
        if answered.decision.escalated:
            break
        since += 1
    if (opened or closes) and since < escalation.cooldown_turns:
        return f"it is cooling down ({escalation.cooldown_turns} turns)"
    return None


def _mixed(ladder: Ladder, turn: int, conversation: str) -> str:
    digest = hashlib.blake2b(f"{conversation}\x1f{turn}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    draw = int.from_bytes(digest, "big") / 2**64
    for tier, share in ladder.mix:
        draw -= share
        if draw < 0:
            return tier
    return ladder.mix[-1][0]
