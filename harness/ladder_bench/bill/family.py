"""The family: every step ladder that only steps down, over tiers strongest first. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from math import comb

from ladder_bench.domain import Ladder, Step
from ladder_bench.errors import InputError

MOST_LADDERS = 5000
MOST_SWITCHES_BY = 6  # the last switch comes after at most so many turns, unless asked otherwise


def step_downs(tiers: Sequence[str], switches_by: int) -> tuple[Ladder, ...]:
    """Every single tier, and every way down through two or more tiers with all switches by that turn.

    Raises InputError where there are too many to price.
    """
    # a step-down ladder is a choice of its switch turns and, with repetition, of where each leads
    count = comb(len(tiers) + switches_by, len(tiers) - 1)
    if count > MOST_LADDERS:
        raise InputError(
            f"{count:,} step ladders over {len(tiers)} tiers with switches by turn {switches_by}; {MOST_LADDERS:,} are "
            "priced at most: lower --switches-by, or name fewer tiers in the tiers file"
        )
    return tuple(_step_downs(tiers, switches_by))


def _step_downs(tiers: Sequence[str], switches_by: int) -> Iterator[Ladder]:
    for size in range(1, min(len(tiers), switches_by + 1) + 1):
        for names in combinations(tiers, size):
            for switches in combinations(range(1, switches_by + 1), size - 1):
                turns = [after - before for before, after in pairwise((0, *switches))]
                steps = (*map(Step, names[:-1], turns), Step(names[-1]))
                yield Ladder(_name(steps), steps)


def _name(steps: Sequence[Step]) -> str:
    """advanced 2 → mid 1 → light: two turns on advanced, one on mid, the rest on light."""
    return " → ".join(step.tier if step.turns is None else f"{step.tier} {step.turns}" for step in steps)
