"""Conversations with judged items in two arms, whose truth is known, from a judge that errs by arm and conversation.

Every conversation has a difficulty that its arms share, and 1 to `items` items an arm, each met with its arm's chance.
The judge is right with the arm's sensitivity or specificity on average; in some conversations it is more lenient than
in others, with all items of both arms. The first `labelled` conversations, which are like the others, have labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from simulator_truth import expected_logistic

DIFFICULTY = 1.2  # standard deviation, in logits


@dataclass(frozen=True, slots=True)
class Design:
    """Pairs are (base, candidate). `lenience`: the standard deviation between conversations, in logits."""

    conversations: int = 300
    labelled: int = 40
    items: int = 6
    level: tuple[float, float] = (1.0, 0.8)  # logits
    sensitivity: tuple[float, float] = (0.85, 0.85)
    specificity: tuple[float, float] = (0.85, 0.85)
    lenience: float = 1.0


@dataclass(frozen=True, slots=True)
class Simulated:
    """Booleans (arm, set, conversation, item): what people and the judge say, and which items there are."""

    people: np.ndarray
    judged: np.ndarray
    exists: np.ndarray

    def means(self, said: np.ndarray) -> np.ndarray:
        """Share met a conversation (arm, set, conversation)."""
        return (said & self.exists).sum(axis=-1) / self.exists.sum(axis=-1)


def simulated(design: Design, sets: int, seed: int = 1) -> Simulated:
    rng = np.random.default_rng(seed)
    shape = (2, sets, design.conversations, design.items)
    exists = np.arange(design.items) < rng.integers(1, design.items + 1, (2, sets, design.conversations, 1))
    difficulty = rng.normal(0, DIFFICULTY, (1, sets, design.conversations, 1))
    lenient = rng.normal(0, design.lenience, (1, sets, design.conversations, 1))
    people = rng.random(shape) < _logistic(_by_arm(design.level) - difficulty)
    met = _by_arm([_location(q, design.lenience) for q in design.sensitivity])
    not_met = _by_arm([_location(1 - q, design.lenience) for q in design.specificity])
    judged = rng.random(shape) < _logistic(np.where(people, met, not_met) + lenient)
    return Simulated(people, judged, exists)


def true_rates(design: Design) -> np.ndarray:
    """The chance that an item is met, in the base and in the candidate, by quadrature."""
    return expected_logistic(np.array(design.level), DIFFICULTY)


def _location(rate: float, spread: float) -> float:
    """The logit whose mean chance over conversations is `rate`."""
    return float(brentq(lambda at: float(expected_logistic(np.array(at), spread)) - rate, -30, 30))


def _by_arm(values: object) -> np.ndarray:
    return np.array(values, dtype=float).reshape(2, 1, 1, 1)


def _logistic(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
