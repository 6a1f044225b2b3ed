"""Turns: what each turn of a strategy was worth and cost, and which turns of two strategies are about the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse.estimates import Array

CRITERIA = ("correctness", "completeness", "constraint", "format")
QUALITY = frozenset((*CRITERIA, "active_constraint"))
PREFERENCE = "preference"  # a metric that may stand for quality, where nothing else defines it
AS_GOOD = 0.5  # the preference over an answer that is as good
OF_A_TURN = {  # a share of the turn first, then the mean over turns
    "correctness": "correctness",
    "completeness": "completeness",
    "active_constraint": "constraint_coverage",
}
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Whole = np.ndarray[Any, np.dtype[np.int64]]


class TurnScore:
    """A turn's criteria and active constraints: met and judged weight, and whether the critical ones hold."""

    __slots__ = ("_kinds", "critical_missed", "critical_unknown", "met", "weight")

    def __init__(self) -> None:
        self.met = self.weight = 0.0
        self.critical_missed = self.critical_unknown = False
        self._kinds: dict[str, tuple[float, float]] = {}

    def add(self, row: Mapping[str, Any]) -> None:
        value, metric = row["value"], row["metric"]
        if value is None:
            self.critical_unknown |= row["critical"]
            return
        self.met += value * row["weight"]
        self.weight += row["weight"]
        self.critical_missed |= row["critical"] and value < 1.0
        if metric in OF_A_TURN:
            weight = 1.0 if metric == "active_constraint" else row["weight"]  # coverage counts constraints
            met, whole = self._kinds.get(metric, (0.0, 0.0))
            self._kinds[metric] = met + value * weight, whole + weight

    def shares(self) -> dict[str, float]:
        """Q and the other shares of this turn, by the metric's name, where something was judged."""
        parts = {"quality": (self.met, self.weight)} | {OF_A_TURN[kind]: part for kind, part in self._kinds.items()}
        return {name: met / whole for name, (met, whole) in parts.items() if whole > 0}


@dataclass(frozen=True, slots=True)
class Turns:
    """A strategy's turns as columns, in the order of conversation (by index), sample and number.

    `step`: the recorded turn that each is about. `values`: quality, constraint_coverage, valid (1 or 0), usd (warm,
    every serving call of the turn); NaN where not known. `history`: the digest of what was said before.
    """

    conversation: Whole
    sample: Whole
    number: Whole
    step: Whole
    tier: Sequence[str]
    switched: Flags
    escalated: Flags
    opened: Flags
    on_recording: Flags
    history: Sequence[str | None]
    values: Mapping[str, Array]

    def __len__(self) -> int:
        return len(self.number)

    def first_visits(self, among: Flags | None = None) -> tuple[Whole, Whole]:
        """Keys that tell conversation, sample and step apart, ascending, and the place of each: its first turn.

        `among`: the turns that count, all without it.
        """
        keys = (self.conversation << 40) + (self.sample << 20) + self.step
        counted = np.arange(len(self)) if among is None else np.flatnonzero(among)
        found, places = np.unique(keys[counted], return_index=True)
        return found, counted[places]

    def before(self) -> Whole:
        """The place of the turn before each, -1 for a conversation's first."""
        places = np.arange(len(self)) - 1
        same = np.zeros(len(self), dtype=bool)
        same[1:] = (self.conversation[1:] == self.conversation[:-1]) & (self.sample[1:] == self.sample[:-1])
        return np.where(same, places, -1)

    def since_handoff(self) -> Whole:
        """Turns since the last handoff, 0 at the handoff itself, -1 where there was none yet."""
        found = np.full(len(self), -1)
        for place, last in enumerate(self.before()):
            if self.switched[place]:
                found[place] = 0
            elif last >= 0 and found[last] >= 0:
                found[place] = found[last] + 1
        return found


NUMBERS = ("quality", "constraint_coverage", "valid", "usd")


def columns(
    rows: Sequence[Mapping[str, Any]], place: Mapping[str, int], values: Mapping[tuple[int, int, int], dict[str, float]]
) -> Turns:
    """Turns from the rows of the table; `values` by (conversation's index, sample, turn)."""
    ordered = sorted(rows, key=lambda row: (place[row["conversation"]], row["sample"], row["turn"]))
    at = [(place[row["conversation"]], row["sample"], row["turn"]) for row in ordered]
    names: dict[str, str] = {}  # one string a tier, not one a row

    def numbers(index: int) -> Whole:
        return np.array([each[index] for each in at], dtype=np.int64)

    def flags(name: str) -> Flags:
        return np.array([bool(row[name]) for row in ordered], dtype=bool)

    none: dict[str, float] = {}
    return Turns(
        conversation=numbers(0),
        sample=numbers(1),
        number=numbers(2),
        step=np.array([row["turn"] if row["step"] is None else row["step"] for row in ordered], dtype=np.int64),
        tier=[names.setdefault(row["tier"], row["tier"]) for row in ordered],
        switched=flags("switched"),
        escalated=flags("escalated"),
        opened=flags("opened"),
        on_recording=flags("on_recording"),
        history=[row["history"] for row in ordered],
        values={name: np.array([values.get(each, none).get(name, np.nan) for each in at]) for name in NUMBERS},
    )


def paired(first: Turns, second: Turns) -> tuple[Whole, Whole]:
    """Places of the turns that two strategies spent on the same matter: conversation, sample and step, asked first."""
    keys, places = first.first_visits()
    other_keys, other_places = second.first_visits()
    _, here, there = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
    return places[here], other_places[there]


def scored_in_both(first: Turns, second: Turns, metric: str) -> tuple[Whole, Whole]:
    """Places of the turns on the same matter that have a value of a metric in both."""
    keys, places = first.first_visits(~np.isnan(first.values[metric]))
    other_keys, other_places = second.first_visits(~np.isnan(second.values[metric]))
    _, here, there = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
    return places[here], other_places[there]


def matches(first: Turns, second: Turns) -> dict[int, int]:
    """For the places of one strategy's turns the place of the same turn in another."""
    here, there = paired(first, second)
    return dict(zip(here.tolist(), there.tolist(), strict=True))


def conversation_means(conversation: Whole, sample: Whole, values: Array, conversations: int) -> Array:
    """One value a conversation: the mean over a sample's turns, then over samples; NaN where none has a value."""
    known = ~np.isnan(values)
    samples = int(sample.max()) + 1 if len(sample) else 1
    cells = (conversation * samples + sample)[known]
    size = conversations * samples
    counts = np.bincount(cells, minlength=size)
    means = np.full(size, np.nan)
    np.divide(np.bincount(cells, values[known], minlength=size), counts, out=means, where=counts > 0)
    return over_samples(means.reshape(conversations, samples))


def over_samples(cells: Array) -> Array:
    """One value a conversation from its samples' values (conversations, samples), NaN where none has one."""
    known = ~np.isnan(cells)
    found = np.full(len(cells), np.nan)
    np.divide(np.where(known, cells, 0.0).sum(axis=1), known.sum(axis=1), out=found, where=known.any(axis=1))
    return found
