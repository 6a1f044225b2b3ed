"""Common: a run and a baseline restricted to the conversations that both of the strategies have had.

What is left out may be the hard part: so little of it may be missing that a reader can look at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ladder_bench.sides.side import Baseline, Side

LEAST = 0.90  # of the conversations that either side has had
NAMED = 10  # conversations that a message names


def of_both(pair: tuple[Side, Side]) -> tuple[list[str], list[str]]:
    """The ids that both sides have had, and those that one of them has had alone."""
    first, second = (
        {name for name, turns in zip(side.conversations, side.turns, strict=True) if turns.any()} for side in pair
    )
    return sorted(first & second), sorted(first ^ second)


def enough(pair: tuple[Side, Side]) -> bool:
    shared, alone = of_both(pair)
    return bool(shared) and len(shared) >= LEAST * (len(shared) + len(alone))


def too_few(pair: tuple[Side, Side]) -> list[str]:
    """The reason, where the sides have too little in common."""
    if enough(pair):
        return []
    shared, alone = of_both(pair)
    return [
        f"--common: both sides have {len(shared):,} of {len(shared) + len(alone):,} conversations; at least "
        f"{LEAST:.0%} have to be common, since those left out may be the hard ones ({named(alone)})"
    ]


def restricted(held: Baseline, names: Sequence[str]) -> Baseline:
    """The same with these conversations alone, as far as it has them."""
    wanted = set(names)
    kept = {name: value for name, value in held.fingerprint["conversations"].items() if name in wanted}
    return replace(
        held,
        sides={name: among(side, names) for name, side in held.sides.items()},
        fingerprint={**held.fingerprint, "conversations": kept},
    )


def among(side: Side, names: Sequence[str]) -> Side:
    wanted = set(names)
    return side.among([place for place, name in enumerate(side.conversations) if name in wanted])


def said(names: Sequence[str], alone: Sequence[str]) -> str:
    """What a reader must know first."""
    return (
        f"--common: over the {len(names):,} conversations that both sides have; {len(alone):,} that one has alone are "
        f"not counted ({named(alone)})"
    )


def hint(pair: tuple[Side, Side]) -> str:
    """What to do about conversations of one side alone."""
    if not enough(pair):
        return ""
    shared, _ = of_both(pair)
    return f"; 'gate --common' holds both to the {len(shared):,} conversations that both have"


def named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
