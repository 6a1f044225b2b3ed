"""The simulator's expected quality from its documented formula, vectorised, by none of the code under test but checks.

Expectations over the normal difficulties are Gauss-Hermite sums; routes, frames and author changes follow from the steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ladder_bench import checks

NODES, NODE_WEIGHTS = np.polynomial.hermite_e.hermegauss(80)


def expected_logistic(location: np.ndarray, scale: float) -> np.ndarray:
    """E[1 / (1 + exp(-(location + scale Z)))] for a standard normal Z."""
    values = 1 / (1 + np.exp(-(location[..., None] + scale * NODES)))
    return values @ NODE_WEIGHTS / np.sqrt(2 * np.pi)


def expected_quality(
    conversations: Sequence[Mapping[str, Any]],
    steps: Sequence[tuple[str, int | None]],
    params: Mapping[str, Mapping[str, Any]],
    framed: bool,
    memories: Sequence[Mapping[int, str]] | None = None,
    memory_only: bool = False,
) -> np.ndarray:
    """Expected Q of each conversation (as in the JSON lines) under step ladder `steps` with no triggers.

    `memories`: what each conversation's turns carried, by turn. `memory_only`: those turns saw nothing else before them.
    """
    found = []
    for number, conversation in enumerate(conversations):
        carried = memories[number] if memories else {}
        turns = sum(message["role"] == "user" for message in conversation["messages"])
        tiers = [tier for tier, length in steps for _ in range(turns if length is None else length)][:turns]
        scored = [
            _turn(conversation, turn, tiers, params, framed, steps, carried.get(turn), memory_only)
            for turn in range(1, turns + 1)
        ]
        found.append(np.mean([value for value in scored if value is not None]))
    return np.array(found)


def _turn(
    conversation: Mapping[str, Any],
    turn: int,
    tiers: Sequence[str],
    params: Mapping[str, Mapping[str, Any]],
    framed: bool,
    steps: Sequence[tuple[str, int | None]],
    memory: str | None,
    memory_only: bool,
) -> float | None:
    own = params[tiers[turn - 1]]
    kinds, weights, changes, held, earlier = [], [], [], [], []
    for criterion in conversation["turns"].get(str(turn), {}).get("criteria", []):
        kinds.append(criterion.get("kind", "correctness"))
        weights.append(criterion.get("weight", 1.0))
        changes.append(0)
        held.append(_holds(memory, criterion["check"]))
        earlier.append(False)
    for constraint in conversation.get("intent", {}).get("constraints", []):
        first, last = constraint.get("from_turn", 1), constraint.get("until_turn") or len(tiers)
        if first <= turn <= last:
            kinds.append("constraint")
            weights.append(constraint.get("weight", 1.0))
            changes.append(sum(tiers[k] != tiers[k - 1] for k in range(first, turn)))
            held.append(_holds(memory, constraint["check"]))
            earlier.append(first < turn)
    if not kinds:
        return None
    difficulty = np.array([own["difficulty"][kind] for kind in kinds])
    location = own["skill"] - difficulty - own["loss"] * np.array(changes) * (memory is None)
    location = location + own["memory"] * np.array(held)
    if memory is not None and memory_only:
        location = location - own["hidden"] * (np.array(earlier) & ~np.array(held))
    scale = float(np.hypot(own["conversation_sd"], own["item_sd"]))
    guide_turns = min(turn - 1, steps[0][1] if steps[0][1] is not None else turn - 1)
    chance = 1 - (1 - params[steps[0][0]]["frame_rate"]) ** guide_turns if framed else 0.0
    kept = chance * expected_logistic(location + own["framing"], scale) + (1 - chance) * expected_logistic(
        location, scale
    )
    return float(np.average(kept, weights=weights))


def _holds(memory: str | None, check: Mapping[str, Any]) -> bool:
    try:
        return memory is not None and checks.evaluate(check, memory)
    except checks.Undecided:
        return False
