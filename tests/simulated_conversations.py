"""Conversations in two arms whose truth is known: quality, resolved, cost, tokens and harm, as runs measure them.

A conversation has a difficulty that its arms share; it makes for more turns (3 to 20), dearer answers and worse ones.
Quality is beta-binomial over turns, cost lognormal with Pareto spikes, harm gamma-Poisson a turn; 2 % have no value.
Truths are quadrature over difficulty and closed forms, none from the code under test.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.optimize import brentq

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
FEWEST_TURNS, MORE_TURNS = 3, 17
DIFFICULTY = 0.6  # logits of quality a standard deviation of difficulty
DEARER = 0.2  # log cost and log tokens a turn, likewise
COST_SHARED, COST_OWN, TOKENS_OWN = 0.3, 0.3, 0.3  # standard deviations of log cost and log tokens
BASE, CANDIDATE = 0, 1
Pair = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Design:
    """Pairs are (base, candidate). A spike multiplies a conversation's cost by `least` times a Pareto draw.

    `dear`: what an unresolved conversation costs, in mean costs of the base. `missing`: of each arm's conversations.
    `bursts`: the shape of the gamma that gathers harm in some conversations; the smaller, the fewer.
    """

    conversations: int = 100
    quality: Pair = (0.75, 0.75)  # true means
    resolved: Pair = (0.70, 0.70)
    cost_usd: Pair = (0.10, 0.10)
    harm: Pair = (0.10, 0.10)  # unsupported claims a turn
    tokens: Pair = (400.0, 400.0)  # a turn of middling difficulty
    icc: float = 0.15
    spikes: Pair = (0.01, 0.01)
    shape: float = 4.0
    least: float = 3.0
    missing: float = 0.02
    shared_spikes: bool = True
    dear: float = 10.0
    bursts: float = 2.0

    @property
    def unresolved_usd(self) -> float:
        return self.dear * self.cost_usd[BASE]


ORDINARY = Design()
UNEQUAL = Design(
    quality=(0.75, 0.70), resolved=(0.70, 0.65), cost_usd=(0.10, 0.07), harm=(0.10, 0.14), tokens=(400.0, 300.0)
)
HEAVY = Design(spikes=(0.02, 0.02), shape=2.1, least=10.0, shared_spikes=False)


@dataclass(frozen=True, slots=True)
class Simulated:
    """Values (arm, set, conversation); turns are shared. `known`: in which conversations both arms have values."""

    turns: np.ndarray
    met: np.ndarray
    resolved: np.ndarray
    cost: np.ndarray
    tokens: np.ndarray
    harm: np.ndarray
    known: np.ndarray

    @property
    def quality(self) -> np.ndarray:
        """The share of turns met."""
        return self.met / self.turns


@dataclass(frozen=True, slots=True)
class Truth:
    """Expectations of one arm's conversations."""

    quality: float
    resolved: float
    cost: float
    harm: float
    tokens_per_turn: float


def simulated(design: Design, sets: int, seed: int = 1) -> Simulated:
    rng = np.random.default_rng([seed, design.conversations])
    shape = (2, sets, design.conversations)
    difficulty = rng.normal(size=shape[1:])
    turns = FEWEST_TURNS + rng.binomial(MORE_TURNS, _more_turns(difficulty))
    chance = np.stack([_logistic(_logit(mean) - DIFFICULTY * difficulty) for mean in design.quality])
    if design.icc > 0:
        size = (1 - design.icc) / design.icc
        chance = rng.beta(chance * size, (1 - chance) * size)
    met = rng.binomial(turns, chance)
    resolved = np.stack(
        [rng.random(shape[1:]) < _logistic(_logit(mean) - DIFFICULTY * difficulty) for mean in design.resolved]
    )
    noise = COST_SHARED * rng.normal(size=shape[1:]) + COST_OWN * rng.normal(size=shape)
    dearer = turns * np.exp(DEARER * difficulty)
    spike = _spikes(rng, design, shape)
    cost = _column(design.cost_usd) / _unit_cost(design)[:, None, None] * dearer * np.exp(noise) * spike
    tokens = _column(design.tokens) * dearer * np.exp(TOKENS_OWN * rng.normal(size=shape))
    claims = rng.poisson(_column(design.harm) * turns * rng.gamma(design.bursts, 1 / design.bursts, shape))
    known = (rng.random(shape) >= design.missing).all(axis=0)
    return Simulated(turns, met, resolved.astype(float), cost, tokens, claims / turns, known)


def truth(design: Design, arm: int) -> Truth:
    """Of one arm. Turns weigh on tokens a turn: a ratio of means."""
    spread = np.exp(TOKENS_OWN**2 / 2)
    per_turn = expected(lambda z: _mean_turns(z) * np.exp(DEARER * z)) / expected(_mean_turns)
    return Truth(
        design.quality[arm],
        design.resolved[arm],
        design.cost_usd[arm],
        design.harm[arm],
        design.tokens[arm] * spread * per_turn,
    )


def log_qpd(design: Design, arm: int) -> float:
    """log(R / (C + F (1 - R)))"""
    share, cost = design.resolved[arm], design.cost_usd[arm]
    return float(np.log(share) - np.log(cost + design.unresolved_usd * (1 - share)))


def worse(design: Design, by: str, margin: float) -> Design:
    """The same with a candidate that is worse by just this margin: quality, harm, or log QPD by cost or by resolved."""
    if by in ("quality", "harm"):
        base: float = getattr(design, by)[BASE]
        return replace(design, **{by: (base, base + (margin if by == "harm" else -margin))})
    target = log_qpd(design, BASE) - margin

    def with_(figure: float) -> Design:
        base = getattr(design, by)[BASE]
        return replace(design, **{by: (base, figure)})

    low, high = (1e-3, design.resolved[BASE]) if by == "resolved" else (design.cost_usd[BASE], 1e3)
    return with_(brentq(lambda figure: log_qpd(with_(figure), CANDIDATE) - target, low, high, xtol=1e-15))


def expected(function: object) -> float:
    """The mean of a function of a standard normal."""
    return float(function(NODES) @ NODE_WEIGHTS / np.sqrt(2 * np.pi))  # type: ignore[operator]


def _spikes(rng: np.random.Generator, design: Design, shape: tuple[int, ...]) -> np.ndarray:
    luck = rng.random(shape[1:] if design.shared_spikes else shape)
    size = design.least * (1 + rng.pareto(design.shape, shape[1:] if design.shared_spikes else shape))
    return np.where(luck < _column(design.spikes), size, 1.0)


def _unit_cost(design: Design) -> np.ndarray:
    """The mean cost of each arm at one dollar a turn of middling difficulty."""
    mean_spike = design.least * design.shape / (design.shape - 1)
    by_turns = expected(lambda z: _mean_turns(z) * np.exp(DEARER * z))
    noise = np.exp((COST_SHARED**2 + COST_OWN**2) / 2)
    return by_turns * noise * (1 + np.array(design.spikes) * (mean_spike - 1))


def _logit(mean: float) -> float:
    """The logit at middling difficulty with which the mean over difficulties is this."""
    return float(brentq(lambda at: expected(lambda z: _logistic(at - DIFFICULTY * z)) - mean, -30, 30))


def _more_turns(difficulty: np.ndarray) -> np.ndarray:
    return _logistic(0.5 * difficulty - 0.4)


def _mean_turns(difficulty: np.ndarray) -> np.ndarray:
    return FEWEST_TURNS + MORE_TURNS * _more_turns(difficulty)


def _column(values: Pair) -> np.ndarray:
    return np.array(values, dtype=float)[:, None, None]


def _logistic(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))
