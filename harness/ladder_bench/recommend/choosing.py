"""Choosing: the cheapest strategy that holds every constraint, shown for all strategies at once, or why none does.

A strategy holds where all its constraints are met one by one (intersection-union: its p-value is the largest of
theirs) and still is among those that Holm's procedure rejects over all candidates: the chance that any strategy is
said to hold and does not is at most 5 %, however many were tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from ladder_bench.analyse import effects
from ladder_bench.analyse.decisions import ALPHA, holm
from ladder_bench.analyse.estimates import Array
from ladder_bench.recommend.constraints import Judged, judged
from ladder_bench.recommend.evidence import Arm, Evidence, difference
from ladder_bench.recommend.policy import Policy

Status = Literal["holds", "violates", "undecided"]
NO_COST = "no cost is known, so nothing can be said about its dollars"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strategy with its constraints. `usd`: mean dollars a conversation. `reasons`: why it is undecided."""

    arm: Arm
    constraints: tuple[Judged, ...]
    usd: float | None
    status: Status
    reasons: tuple[str, ...]

    @property
    def p_not_met(self) -> float:
        return max(each.p_not_met for each in self.constraints) if self.constraints else 1.0

    def needed(self, tested: int) -> int | None:
        """Conversations, or users, that would decide it among so many strategies.

        None where they would not, where nobody can say, or where it is `beyond` what is given.
        """
        if not self._open:
            return None
        found = [each.needed(ALPHA / max(1, tested)) for each in self.constraints]
        known = [each for each in found if each is not None]
        return max(known) if known and len(known) == len(found) else None

    def beyond(self, tested: int) -> bool:
        """Whether more than MOST_NEEDED would be needed for one of its constraints, and a number for all others."""
        alpha = ALPHA / max(1, tested)
        far = [each.beyond(alpha) for each in self.constraints]
        known = [each.needed(alpha) is not None for each in self.constraints]
        return self._open and any(far) and all(each or other for each, other in zip(far, known, strict=True))

    @property
    def _open(self) -> bool:
        """Whether more of the same would decide it."""
        return self.status == "undecided" and not self.arm.doubts and self.usd is not None

    @property
    def seems_to_hold(self) -> bool:
        """What a naive reader of the values would say."""
        return self.usd is not None and all(each.seems_met for each in self.constraints)


def candidates(evidence: Evidence, policy: Policy, within: bool = False) -> list[Candidate]:
    """Judge every strategy that may be chosen, controls only where the policy wants them."""
    high = evidence.high_stakes()
    return together([_candidate(evidence, high, arm, policy, within) for arm in eligible(evidence, policy)])


def eligible(evidence: Evidence, policy: Policy) -> list[Arm]:
    return [arm for arm in evidence.arms.values() if policy.controls or not arm.control]


def _candidate(evidence: Evidence, high: Evidence | None, arm: Arm, policy: Policy, within: bool) -> Candidate:
    found = tuple(judged(evidence, high, arm, policy, within))
    cost = evidence.effect((_cost(evidence, arm),), effects.mean)
    usd = None if isinstance(cost, str) else cost.value
    outcomes = {each.outcome for each in found}
    reasons = [f"{each.constraint.name}: {each.why or 'its bounds lie on both sides'}" for each in found
               if each.outcome == "undecided"]  # fmt: skip
    reasons += [*arm.doubts, *([NO_COST] if usd is None else [])]
    status: Status = "violates" if "violated" in outcomes else "undecided" if reasons else "holds"
    return Candidate(arm, found, usd, status, tuple(reasons))


def together(found: Sequence[Candidate], alpha: float = ALPHA) -> list[Candidate]:
    """Keep as holding only those for which that is shown for all candidates at once (Holm)."""
    shown = holm([each.p_not_met for each in found], alpha)
    why = f"met one by one, but not once {len(found)} strategies are tested (Holm)"
    return [
        each
        if each.status != "holds" or still
        else Candidate(each.arm, each.constraints, each.usd, "undecided", (why,))
        for each, still in zip(found, shown, strict=True)
    ]


def cheapest(found: Iterable[Candidate]) -> Candidate | None:
    """The cheapest that holds; of equally cheap ones the first."""
    holding = [each for each in found if each.status == "holds" and each.usd is not None]
    return min(holding, key=lambda each: each.usd or 0.0, default=None)


def naive(found: Iterable[Candidate]) -> Candidate | None:
    """The cheapest whose values seem to hold, with no regard to chance: what a table sorted by cost would give."""
    holding = [each for each in found if each.seems_to_hold and not each.arm.doubts]
    return min(holding, key=lambda each: each.usd or 0.0, default=None)


def as_cheap(evidence: Evidence, chosen: Candidate, found: Iterable[Candidate]) -> list[str]:
    """Others that hold and are not shown to cost more."""
    own = _cost(evidence, chosen.arm)
    names = []
    for each in found:
        if each.status == "holds" and each is not chosen:
            effect = evidence.effect((_cost(evidence, each.arm), own), difference)
            if isinstance(effect, str) or effect.bounds(ALPHA)[0] <= 0:
                names.append(each.arm.name)
    return names


def _cost(evidence: Evidence, arm: Arm) -> Array:
    return evidence.arms[arm.name].columns["cost"]


def outcome(found: Sequence[Candidate]) -> str:
    """found, none (every strategy violates something) or undecided."""
    if cheapest(found) is not None:
        return "found"
    return "none" if all(each.status == "violates" for each in found) else "undecided"
