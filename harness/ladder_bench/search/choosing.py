"""Choosing: one strategy on one part of the conversations, reported on another that it has never seen. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ladder_bench.analyse.against import MARGIN
from ladder_bench.analyse.estimates import FEWEST, LEVEL, NOISE, Array, t_quantile
from ladder_bench.search.grades import Whole
from ladder_bench.search.screening import Moments, together

Objective = Literal["cheapest", "qpd", "quality"]
OBJECTIVES: tuple[Objective, ...] = ("cheapest", "qpd", "quality")


@dataclass(frozen=True, slots=True)
class Goal:
    """What is chosen: the cheapest that is shown to keep quality within `margin` of the strongest tier's and to be
    cheaper, the best quality per dollar, or the best quality. `unresolved_usd`: what an unresolved conversation costs,
    for QPD.
    """

    objective: Objective = "cheapest"
    margin: float = MARGIN
    unresolved_usd: float = 0.0


@dataclass(frozen=True, slots=True)
class Ranked:
    """Strategies in the order of a goal, the chosen one first, without those that the goal rules out.

    `shown`: whether quality was kept with an interval; False where there are too few conversations for one.
    """

    order: tuple[int, ...]
    shown: bool


def part_of(name: str, parts: int) -> int:
    """The part that a conversation belongs to, by the hash of its id: the same in every run."""
    digest = hashlib.blake2b(f"part\x1f{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % parts


def parts_of(ids: Sequence[str], parts: int) -> Whole:
    return np.array([part_of(name, parts) for name in ids], dtype=np.int64)


def without(moments: Sequence[Moments], part: int) -> Moments:
    """The sums over all parts but one."""
    return together([each for index, each in enumerate(moments) if index != part])


def rank(moments: Moments, goal: Goal, complexity: Callable[[int], tuple[int, ...]]) -> Ranked:
    """Strategies from the best on, as these conversations have it. Of equals the simpler one comes first."""
    quality, usd = moments.means()
    shown = moments.n >= FEWEST
    if goal.objective == "cheapest":
        allowed = (_ends(moments, *moments.gains())[0] > -goal.margin) & (_ends(moments, *moments.costs())[1] < 0)
        allowed[0] = True  # the strongest tier alone keeps its own quality
        score = -usd
    elif goal.objective == "qpd":
        effective = usd + goal.unresolved_usd * (1 - quality)
        allowed = quality > 0
        score = np.divide(quality, effective, out=np.full_like(quality, np.inf), where=effective > 0)
    else:
        allowed, score = np.ones(len(usd), dtype=bool), quality
    members = np.flatnonzero(allowed)
    if not len(members):
        members = np.array([0])
    rounded = _rounded(score)
    order = sorted(members.tolist(), key=lambda each: (-rounded[each], complexity(each)))
    return Ranked(tuple(order), shown or goal.objective != "cheapest")


def _ends(moments: Moments, mean: Array, sd: Array) -> tuple[Array, Array]:
    """The ends of 95 % intervals; the mean itself where there are too few conversations for one."""
    if moments.n < FEWEST:
        return mean, mean
    half = t_quantile((1 + LEVEL) / 2, moments.n - 1) * sd / np.sqrt(moments.n)
    return mean - half, mean + half


def _rounded(score: Array) -> Array:
    """Scores that differ by float noise alone made equal."""
    scale = float(np.abs(score[np.isfinite(score)]).max(initial=0.0)) * NOISE * 1e2 or 1.0
    return np.where(np.isfinite(score), np.round(score / scale) * scale, score)
