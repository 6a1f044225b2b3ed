"""Many sets of conversations on which all ladders are equally good: how often choosing among them is fooled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array, t_quantile
from ladder_bench.search.choosing import Goal, rank
from ladder_bench.search.screening import of_values

BEST = Goal("quality")


@dataclass(frozen=True, slots=True)
class Fooled:
    """Of one way to choose and report, over sets whose every true gain is 0.

    `covers`: the share of 95 % intervals of the choice's gain that hold 0. `better`: the share called better than the
    base at a one-sided 5 %. `bias`: the mean of the reported gain, in standard errors.
    """

    covers: float
    better: float
    bias: float


def fooled(sets: int, conversations: int = 200, ladders: int = 20, turns: int = 6, seed: int = 0) -> dict[str, Fooled]:
    """Choose the best of equal ladders and report it on the same conversations (naive), or on the other half (split)."""
    draw = np.random.default_rng(seed)
    half = np.arange(conversations) % 2
    reports: dict[str, list[tuple[float, float, int]]] = {"naive": [], "split": []}
    for _ in range(sets):
        quality = equal(draw, conversations, ladders, turns)
        parts = of_values(quality, np.zeros_like(quality), half, 2)
        whole = of_values(quality, np.zeros_like(quality), np.zeros(conversations, dtype=np.int64), 1)[0]
        for way, seen, rows in (("naive", whole, half >= 0), ("split", parts[1], half == 0)):
            chosen = rank(seen, BEST, lambda each: (each,)).order[0]
            gain = quality[rows, chosen] - quality[rows, 0]
            reports[way].append((float(gain.mean()), estimates.standard_error(gain), len(gain)))
    return {way: _fooled(each) for way, each in reports.items()}


def equal(draw: np.random.Generator, conversations: int, ladders: int, turns: int) -> Array:
    """Quality (conversations, base and ladders): the same chance for all, a conversation's own; luck by ladder."""
    chance = draw.beta(4.0, 1.0, conversations)
    found: Array = draw.binomial(turns, chance[:, None], (conversations, ladders + 1)) / turns
    return found


def _fooled(reports: list[tuple[float, float, int]]) -> Fooled:
    gain, error = (np.array([each[index] for each in reports]) for index in (0, 1))
    freedom = reports[0][2] - 1
    return Fooled(
        covers=float((np.abs(gain) <= t_quantile(0.975, freedom) * error).mean()),
        better=float((gain > t_quantile(0.95, freedom) * error).mean()),
        bias=float((gain / np.where(error > 0, error, 1.0)).mean()),
    )
