"""Grades: what every tier's answer to every recorded turn was worth and cost, and which triggers fired there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse.estimates import Array

Flags = np.ndarray[Any, np.dtype[np.bool_]]
Whole = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Grades:
    """Conversations c, turns t, tiers k (strongest first), triggers g, as arrays; 0 after a conversation's last turn.

    `quality` (c, t, k): the turn's share of its conversation's Q, so that a path's Q is a plain sum. `usd` (c, t, k):
    warm, the tier having answered every turn before. `fresh` (c, t, k): what the turn costs more where the tier has
    not read the prompt before it. `groups`: the cache group of each tier, by number. `message` (c, t, g): fired on the
    user's message; `answer` (c, t, k, g): fired on that tier's answer. `turns`: those with a grade, a conversation.
    """

    ids: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    tiers: tuple[str, ...]
    triggers: tuple[str, ...]
    quality: Array
    usd: Array
    fresh: Array
    groups: tuple[int, ...]
    message: Flags
    answer: Flags
    turns: Whole

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def longest(self) -> int:
        return int(self.quality.shape[1])

    def of(self, rows: Whole) -> Grades:
        """Some of the conversations."""
        return Grades(
            ids=tuple(self.ids[row] for row in rows),
            tags=tuple(self.tags[row] for row in rows),
            tiers=self.tiers,
            triggers=self.triggers,
            quality=self.quality[rows],
            usd=self.usd[rows],
            fresh=self.fresh[rows],
            groups=self.groups,
            message=self.message[rows],
            answer=self.answer[rows],
            turns=self.turns[rows],
        )


def shares(quality: Array) -> tuple[Array, Whole]:
    """Each turn's share of its conversation's Q, and the number of graded turns, from grades (c, t, k) with NaN.

    A turn counts where every tier has a grade: else a tier that failed at hard turns would be held to the easy ones.
    """
    known: Flags = ~np.asarray(np.isnan(quality).any(axis=2))
    turns = known.sum(axis=1)
    weights = known / np.maximum(turns, 1)[:, None]
    return np.where(known[..., None], quality, 0.0) * weights[..., None], turns


@dataclass(frozen=True)
class Climbed:
    """The grades under one set of triggers, by the tier that a ladder plans for a turn.

    `quality` and `usd` (c, t, k): with tier k planned for this turn and the one before. `down` (c, t - 1, pairs): what
    a turn from the second on costs more where tier j was planned before it, and k for it; `pairs` are these (j, k).
    """

    quality: Array
    usd: Array
    down: Array
    pairs: tuple[tuple[int, int], ...]


def climbed(grades: Grades, triggers: Sequence[str]) -> Climbed:
    """Let the strongest tier answer where one of the triggers fires, and the planned tier on the turn after.

    One that fires on an answer comes too late to save it: that answer is paid for and thrown away. A prompt is read
    afresh unless a tier of the same cache group read the one before it.
    """
    chosen = [grades.triggers.index(name) for name in triggers]
    return _Climbing(grades, _any(grades.message, chosen), _any(grades.answer, chosen)).climbed()


def _any(fired: Flags, chosen: Sequence[int]) -> Flags:
    """Whether any of the chosen triggers, the last axis, fired."""
    found: Flags = np.zeros(fired.shape[:-1], dtype=bool)
    for trigger in chosen:
        found |= fired[..., trigger]
    return found


class _Climbing:
    """Who is asked where, and what that costs, tier by tier: arrays (c, t)."""

    def __init__(self, grades: Grades, message: Flags, answer: Flags) -> None:
        count, never = len(grades.tiers), np.zeros_like(message)
        self._grades, self._groups = grades, grades.groups
        self._tiers = range(count)
        self._asked = [~never, *[~message] * (count - 1)]  # the planned tier
        self._up = [never, *(message | answer[..., tier] for tier in range(1, count))]  # the strongest in its place
        self._usd, self._fresh, self._quality = (
            [np.ascontiguousarray(each[..., tier]) for tier in self._tiers]
            for each in (grades.usd, grades.fresh, grades.quality)
        )

    def climbed(self) -> Climbed:
        quality, usd, down, pairs = [], [], [], []
        for tier in self._tiers:
            up, asked = self._up[tier], self._asked[tier]
            quality.append(np.where(up, self._quality[0], self._quality[tier]) if tier else self._quality[0])
            cost = self._usd[tier] * asked + self._usd[0] * up if tier else self._usd[0].copy()
            stay = self._afresh(tier, tier)
            cost[:, 1:] += stay
            usd.append(cost)
            for before in range(tier):
                down.append(self._afresh(before, tier) - stay)
                pairs.append((before, tier))
        nothing = np.zeros((len(self._grades), max(self._grades.longest - 1, 0), 0))
        return Climbed(
            np.stack(quality, axis=2),
            np.stack(usd, axis=2),
            np.stack(down, axis=2) if down else nothing,
            tuple(pairs),
        )

    def _afresh(self, before: int, tier: int) -> Array:
        """What is read afresh in turns from the second on, tier `before` having been planned before this one."""
        own = self._unread(before, tier) & self._asked[tier][:, 1:]
        found: Array = self._fresh[tier][:, 1:] * own
        if tier:
            found += self._fresh[0][:, 1:] * (self._unread(before, 0) & self._up[tier][:, 1:])
        return found

    def _unread(self, before: int, tier: int) -> Flags:
        """Whether nobody who was asked in the turn before shares this tier's cache."""
        unread: Flags = np.ones_like(self._asked[0][:, 1:])
        if self._groups[before] == self._groups[tier]:
            unread &= ~self._asked[before][:, :-1]
        if self._groups[0] == self._groups[tier]:
            unread &= ~self._up[before][:, :-1]
        return unread
