"""A side: one strategy of a run as a comparison sees it, numbers by conversation and no text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Json, Price
from ladder_bench.sides.tokens import Tokens

CELLS = ("quality", "resolved", "unsupported_per_turn")  # known for each sample
VALUES = ("first_turn_alignment", "constraint_coverage", "invalid_turn_share")  # known as means over samples
DIGITS = 9  # significant ones that are kept, on both sides of a comparison


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One strategy. Arrays are in the order of the ids; NaN is "no value".

    `cells`: (conversations, samples) by the names of CELLS. `values`: (conversations,) by those of VALUES. `answered`:
    (C, S), 1 where a conversation was answered to its end, else NaN: then nobody knows what it would have cost.
    `turns`: (C, S). `criteria`: (C, 2), how many were asked of a conversation and how many of them have no value.
    `waits`: seconds a turn, by conversation, empty in a baseline. `estimated`: calls whose usage was guessed.
    `clusters`: whose each conversation is, empty where nobody says. `characters`: of all answers whose tokens were
    counted; None in a baseline that does not say it.
    """

    strategy: str
    conversations: tuple[str, ...]
    cells: Mapping[str, Array]
    values: Mapping[str, Array]
    answered: Array
    turns: Array
    criteria: Array
    tokens: Tokens
    estimated: int
    waits: Sequence[Array] = ()
    clusters: tuple[str, ...] = ()
    characters: int | None = None

    @property
    def samples(self) -> int:
        return int(self.turns.shape[1])

    def among(self, kept: Sequence[int]) -> Side:
        """The same over some of the conversations, by their places. What is known of all of them alone is not kept."""
        places = np.array(kept, dtype=int)
        return replace(
            self,
            conversations=tuple(self.conversations[place] for place in kept),
            cells={name: values[places] for name, values in self.cells.items()},
            values={name: values[places] for name, values in self.values.items()},
            answered=self.answered[places],
            turns=self.turns[places],
            criteria=self.criteria[places],
            tokens=replace(self.tokens, counts=self.tokens.counts[:, places]),
            waits=tuple(self.waits[place] for place in kept) if self.waits else (),
            clusters=tuple(self.clusters[place] for place in kept) if self.clusters else (),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """Strategies of one run, with what has to be the same before another run may be held against them.

    `prices`: USD per million tokens as the run had them. `unresolved_usd`: what one unresolved conversation costs,
    `declared` by the user or ten conversations on the top tier. `judging`: parse failures and flip rates of its judges.
    `stands_in`: what was taken for quality where nothing else defines it. `models`: by the name of a tier. `owners`:
    the hashed user of each conversation, by id, where a log names users.
    """

    sides: Mapping[str, Side]
    primary: str
    fingerprint: Json
    prices: Mapping[str, Price]
    unresolved_usd: float | None
    declared: bool
    dataset: str
    version: str
    simulated: tuple[str, ...]
    judging: Json
    stands_in: str | None
    incomplete: bool
    anchor: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    owners: Mapping[str, str] = field(default_factory=dict)


def short(value: float) -> float:
    """To the digits that a baseline keeps, so that a run and its own baseline are equal."""
    return float(f"{value:.{DIGITS}g}")


def rounded(values: Array) -> Array:
    """Each value `short`."""
    return np.array([short(value) for value in values.ravel().tolist()], dtype=float).reshape(values.shape)
