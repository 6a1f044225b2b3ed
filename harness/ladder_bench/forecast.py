"""The forecast: what a plan says before anything is sent, as values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ladder_bench.corpus import Corpus
from ladder_bench.domain import Tier
from ladder_bench.plan import Strategies
from ladder_bench.tiers import Tiers


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers each turn of a conversation, as far as that is known before anything is sent."""

    strategy: str
    conversation: str
    tiers: tuple[str, ...]
    reasons: tuple[str, ...]
    certain: tuple[bool, ...]
    opened: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """From a low to a high guess."""

    low: float = 0.0
    high: float = 0.0

    def plus(self, other: Range) -> Range:
        return Range(self.low + other.low, self.high + other.high)

    @staticmethod
    def sum(ranges: Iterable[Range]) -> Range:
        total = Range()
        for each in ranges:
            total = total.plus(each)
        return total

    def within(self, factor: float) -> Range:
        """The same middle, on a scale of ratios, with at most that factor from low to high."""
        if self.high <= self.low * factor:
            return self
        middle = math.sqrt(max(self.low, self.high / factor**2) * self.high)
        return Range(middle / math.sqrt(factor), middle * math.sqrt(factor))


@dataclass(frozen=True, slots=True)
class Sending:
    """What one tier would be sent: calls that nothing stored answers, their tokens, and their USD at its price."""

    tier: str
    calls: int
    input: Range
    output: Range
    usd: Range
    minutes: float  # at the tier's limits and a typical latency


@dataclass(frozen=True, slots=True)
class Again:
    """Answers to come that a stronger tier may give again, as far as budgets allow, and what that costs at most."""

    answers: int = 0
    usd_at_most: float = 0.0


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Turns that a played user may add at most, and about what they cost at the length of the planned ones."""

    turns_at_most: int = 0
    usd_about: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `distinct` counts calls on the assumption that different prompts get different answers.

    `to_send` has the live tiers, `simulated` the ones that compute their answers: priced as declared, never paid.
    `again` and `follow_ups` are in neither: nobody knows which answers will make a trigger fire, or send a played user
    back.
    """

    corpus: Corpus
    strategies: Strategies
    tiers: Tiers
    notes: tuple[str, ...]
    routes: tuple[Route, ...]
    distinct: int
    unshared: int
    stored: int
    to_send: tuple[Sending, ...]
    simulated: tuple[Sending, ...]
    again: Again
    follow_ups: FollowUps = FollowUps()
    player: Tier | None = None  # who plays the user, in a simulated replay
    judges: tuple[Tier, ...] = ()  # who grades, where a rubric asks a model

    @property
    def usd(self) -> Range:
        """What the run would pay."""
        return Range.sum(each.usd for each in self.to_send)
