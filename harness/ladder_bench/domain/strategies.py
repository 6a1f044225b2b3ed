"""Strategies: ladders over tiers, and what they decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["rollout", "forced", "simulated", "imported"]  # imported: finished transcripts, nothing is replayed

TRIGGER_NAMES = (
    "goal_change",
    "constraint_conflict",
    "missing_information",
    "high_stakes",
    "deep_work",
    "low_confidence",
)
FRAME_PARTS = ("goal", "constraints", "assumptions", "plan", "format", "open questions")  # what a scaffold asks for
GUARDRAILS = ("ask", "unknowns", "assumptions", "format", "confidence")  # rules for who follows the guide


@dataclass(frozen=True, slots=True)
class Step:
    """A rung: a tier for so many turns, None for the rest of the conversation."""

    tier: str
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class Escalation:
    """When to climb and when to come back. `after_turns` belongs to returns == "after_turns".

    `detect` says who looks for the triggers: "rules", or a tier that is asked. `on_unknown`: what a message does whose
    language the rules do not speak.
    """

    to: str
    triggers: tuple[str, ...] = ()
    detect: str = "rules"
    on_unknown: Literal["stay", "escalate"] = "stay"
    returns: Literal["resolved", "after_turns", "never"] = "resolved"
    after_turns: int | None = None
    at_most: int = 3
    cooldown_turns: int = 1


@dataclass(frozen=True, slots=True)
class Handoff:
    """What the next tier is told. `recent` is the number of past turns shown where context == "recent".

    `writer` of the memory: "extractive" (free), "outgoing" (the tier that hands over), or a tier's name.
    """

    memory: Literal["none", "standard"] = "none"
    writer: str = "extractive"
    refresh_every: int | None = 3
    max_tokens: int = 250
    context: Literal["full", "recent", "memory_only"] = "full"
    recent: int | None = None


@dataclass(frozen=True, slots=True)
class Ladder:
    """A strategy: who answers which turn, when to climb, what is handed over.

    `scaffold`: the parts of the frame that the guide is asked for, of `FRAME_PARTS`. `guardrails`: the rules that the
    others are given, of `GUARDRAILS`. Empty for neither. `mix` holds (tier, share) pairs for a random-mix control that
    ignores `steps`. `control` marks strategies that were added to make the others interpretable.
    """

    name: str
    steps: tuple[Step, ...]
    escalation: Escalation | None = None
    handoff: Handoff = Handoff()
    scaffold: tuple[str, ...] = ()
    guardrails: tuple[str, ...] = ()
    mix: tuple[tuple[str, float], ...] = ()
    control: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """Every tier that may be asked for anything: those that answer, the detector, the writer of the memory."""
        others = []
        if self.escalation and self.escalation.triggers and self.escalation.detect != "rules":
            others.append(self.escalation.detect)
        if self.handoff.memory != "none" and self.handoff.writer not in ("extractive", "outgoing"):
            others.append(self.handoff.writer)
        return tuple(dict.fromkeys((*self.tiers, *others)))

    @property
    def tiers(self) -> tuple[str, ...]:
        """Every tier that may answer, first step first, each once."""
        names = [share[0] for share in self.mix] or [step.tier for step in self.steps]
        if self.escalation and self.escalation.triggers:
            names.append(self.escalation.to)
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Fired:
    """A trigger that fired: its name, why, the words that made it, and whose words they are."""

    trigger: str
    reason: str
    evidence: str
    on: Literal["message", "answer"] = "message"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who answers a turn, and why. `escalated` while an escalation is open; `guide` gets the scaffold."""

    tier: str
    reason: str
    switched: bool
    guide: bool
    escalated: bool = False
    opened: bool = False
    fired: tuple[Fired, ...] = ()
    certain: bool = True  # False in a plan, where the decision depends on an answer nobody has seen
