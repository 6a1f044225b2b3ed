"""The family: every ladder that only steps down, times every set of triggers. Enumerated, never sampled. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, combinations_with_replacement, groupby
from math import comb
from typing import Any

import numpy as np

from ladder_bench.domain import Escalation, Handoff, Ladder, Step
from ladder_bench.errors import InputError

MOST_STRATEGIES = 100_000
USUAL_SWITCHES_BY = 19  # all step-down ladders of 20 turns
Paths = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Family:
    """Step-down ladders over `tiers`, strongest first, and the trigger sets that each is tried with.

    `turns` is the length of the longest conversation, `switches_by` the last turn after which a ladder may step down.
    Where a trigger fires, the strongest tier answers that turn, and the ladder goes on with the next one.
    """

    tiers: tuple[str, ...]
    triggers: tuple[str, ...]
    turns: int
    switches_by: int

    @cached_property
    def paths(self) -> Paths:
        """The tier of each turn on each ladder, by index: (ladders, turns). The strongest tier alone comes first."""
        never = self.turns  # a switch after the last turn is none
        places = [*range(self.switches_by + 1), never] if self.switches_by < never else [*range(never + 1)]
        turn = np.arange(self.turns)
        ladders = [
            (turn >= np.array(switches, dtype=np.int64)[:, None]).sum(axis=0)
            for switches in combinations_with_replacement(places[::-1], len(self.tiers) - 1)
        ]
        if len(self.tiers) == 1:
            ladders = [np.zeros(self.turns, dtype=np.int64)]
        return np.array(ladders, dtype=np.int64)

    @cached_property
    def trigger_sets(self) -> tuple[tuple[str, ...], ...]:
        """Every set of the triggers, smaller ones first; a tier alone at the top has nowhere to climb."""
        sizes = range(len(self.triggers) + 1 if len(self.tiers) > 1 else 1)
        return tuple(chosen for size in sizes for chosen in combinations(self.triggers, size))

    def __len__(self) -> int:
        return len(self.paths) * len(self.trigger_sets)

    def name(self, strategy: int) -> str:
        """A strategy in words, by its number: ladders within trigger sets. advanced 2 → light, climbs: goal change."""
        steps = self._steps(strategy % len(self.paths))
        words = " → ".join(step.tier if step.turns is None else f"{step.tier} {step.turns}" for step in steps)
        climbs = self._climbs(strategy)
        return f"{words}, climbs: {', '.join(climbs).replace('_', ' ')}" if climbs else words

    def ladder(self, strategy: int) -> Ladder:
        """A strategy as the screen takes it: no prompts, no memory, and back a turn after every climb."""
        climbs = self._climbs(strategy)
        escalation = Escalation(
            to=self.tiers[0],
            triggers=climbs,
            returns="after_turns",
            after_turns=1,
            at_most=self.turns,
            cooldown_turns=0,
        )
        steps = self._steps(strategy % len(self.paths))
        return Ladder(self.name(strategy), steps, escalation if climbs else None, Handoff(memory="none"))

    def complexity(self, strategy: int) -> tuple[int, int, int]:
        """What a simpler ladder has less of, for ties: steps, triggers, and its place."""
        path = self.paths[strategy % len(self.paths)]
        return int((path[1:] != path[:-1]).sum()), len(self._climbs(strategy)), strategy

    def single(self, tier: int) -> int:
        """The strategy that is one tier alone, without triggers."""
        return int(np.flatnonzero((self.paths == tier).all(axis=1))[0])

    def _climbs(self, strategy: int) -> tuple[str, ...]:
        """The triggers of a strategy; none where it never leaves the top."""
        alone = not self.paths[strategy % len(self.paths)].any()
        return () if alone else self.trigger_sets[strategy // len(self.paths)]

    def _steps(self, ladder: int) -> tuple[Step, ...]:
        runs = [(self.tiers[tier], len(list(turns))) for tier, turns in groupby(self.paths[ladder].tolist())]
        return (*(Step(tier, turns) for tier, turns in runs[:-1]), Step(runs[-1][0]))


def family(tiers: Sequence[str], triggers: Sequence[str], turns: int, switches_by: int | None = None) -> Family:
    """The family over conversations of so many turns. Raises InputError where it has too many members.

    Without `switches_by` it is the last turn but one, 19 at most, and fewer where tiers and triggers are many.
    """
    last = turns - 1
    if switches_by is not None:
        found = Family(tuple(tiers), tuple(triggers), turns, min(switches_by, last))
        if (count := _count(found)) > MOST_STRATEGIES:
            raise InputError(
                f"{count:,} strategies over {len(tiers)} tiers and {len(triggers)} triggers with switches by turn "
                f"{switches_by}; {MOST_STRATEGIES:,} are screened at most: lower --switches-by or name fewer --triggers"
            )
        return found
    for by in range(min(last, USUAL_SWITCHES_BY), -1, -1):
        found = Family(tuple(tiers), tuple(triggers), turns, by)
        if _count(found) <= MOST_STRATEGIES:
            return found
    raise InputError(
        f"{len(tiers)} tiers and {len(triggers)} triggers make more than {MOST_STRATEGIES:,} strategies: "
        "name fewer tiers in the tiers file, or fewer --triggers"
    )


def _count(found: Family) -> int:
    """How many strategies there are, without making them: switches are chosen with repetition."""
    places = min(found.switches_by + 2, found.turns + 1)
    ladders: int = comb(places + len(found.tiers) - 2, len(found.tiers) - 1)
    sets: int = 2 ** len(found.triggers)
    return ladders * sets
