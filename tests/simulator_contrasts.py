"""What each part of a ladder buys, in truth and as estimated: ablations of one knob, over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ladder_bench import content
from ladder_bench.analyse import estimates
from ladder_bench.domain import FRAME_PARTS, Conversation, Escalation, Handoff, Ladder, Step
from ladder_bench.tiers import Tiers
from ladder_bench.triggers import Rules
from simulated_runs import qualities

MESSAGE_TRIGGERS = ("goal_change", "high_stakes", "deep_work")
BARE = Ladder("bare", (Step("advanced", 2), Step("light")))
REMEMBERS = replace(BARE, name="memory", handoff=Handoff(memory="standard"))
CONTRASTS: Mapping[str, tuple[Ladder, Ladder]] = {  # what it is with the knob, and what without
    "memory: standard - none": (REMEMBERS, BARE),
    "memory by tier - none": (replace(BARE, name="written", handoff=Handoff("standard", "outgoing")), BARE),
    "context: memory_only - full": (
        replace(BARE, name="memory only", handoff=Handoff(memory="standard", context="memory_only")),
        REMEMBERS,
    ),
    "scaffold: standard - none": (replace(BARE, name="scaffold", scaffold=FRAME_PARTS), BARE),
    "triggers: rules - none": (
        replace(BARE, name="triggers", escalation=Escalation("advanced", MESSAGE_TRIGGERS)),
        BARE,
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A contrast over seeds. `truth` is its expectation on these conversations, with its Monte Carlo error.

    `bias` is the mean of estimate minus the same run's own expectation; both errors are standard errors.
    """

    truth: float
    truth_error: float
    estimate: float
    bias: float
    bias_error: float
    coverage: float
    coverage_error: float
    half_width: float


def contrasts(conversations: Sequence[Conversation], tiers: Tiers, seeds: Sequence[int]) -> dict[str, Found]:
    """Estimate every contrast with every seed, and hold its 95 % interval against the truth."""
    folder = content.shipped("ladders", "triggers")
    rules = Rules({name: content.read_yaml(folder / f"{name}.yaml").value for name in MESSAGE_TRIGGERS})
    ladders = list({each.name: each for pair in CONTRASTS.values() for each in pair}.values())
    places = {each.name: place for place, each in enumerate(ladders)}
    runs = [qualities(conversations, ladders, tiers, seed, rules) for seed in seeds]
    found = {}
    for name, (first, second) in CONTRASTS.items():
        pairs = [(run[places[first.name]], run[places[second.name]]) for run in runs]
        made = [estimates.mean(estimates.difference(a.graded, b.graded)) for a, b in pairs]
        expected = np.array([np.mean(a.expected - b.expected) for a, b in pairs])
        found[name] = _over_seeds(np.array([each.value for each in made]), expected, made)
    return found


def _over_seeds(values: np.ndarray, expected: np.ndarray, made: Sequence[estimates.Estimate]) -> Found:
    truth = float(expected.mean())
    covered = float(np.mean([each.low is not None and each.low <= truth <= each.high for each in made]))
    return Found(
        truth=truth,
        truth_error=_error(expected),
        estimate=float(values.mean()),
        bias=float((values - expected).mean()),
        bias_error=_error(values - expected),
        coverage=covered,
        coverage_error=float(np.sqrt(covered * (1 - covered) / len(made))),
        half_width=float(np.mean([(each.high - each.low) / 2 for each in made if each.low is not None])),
    )


def _error(values: np.ndarray) -> float:
    return float(values.std(ddof=1) / np.sqrt(len(values)))
