"""Does the harness find what the simulator declares? Bias and coverage over seeds, on a dataset.

python scripts/bench/simulator_truth.py [--dataset workbench] [--seeds 200]

First Q of a few ladders against an independent formula. Then ablations, one knob each, against the expectation along
the requests that were really made; once as declared, once with all effects declared 0. Seeds are new luck on the same
conversations, and the interval allows for other conversations, too: its coverage is at or above 95 %.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests")]

from ladder_bench import corpus  # noqa: E402
from ladder_bench.domain import FRAME_PARTS, Conversation, Ladder, Step  # noqa: E402
from ladder_bench.tiers import Tiers, load_tiers  # noqa: E402
from simulated_runs import EFFECTS, quality_estimates, with_params  # noqa: E402
from simulator_contrasts import contrasts  # noqa: E402
from simulator_truth import expected_quality  # noqa: E402

LADDERS = {
    "advanced": Ladder("advanced", (Step("advanced"),)),
    "light": Ladder("light", (Step("light"),)),
    "two-step": Ladder("two-step", (Step("advanced", 2), Step("light")), scaffold=FRAME_PARTS),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="workbench")
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    started = time.time()
    tiers = load_tiers("offline")
    conversations = corpus.load(options.dataset).conversations
    print(f"{len(conversations)} conversations, {options.seeds} seeds\n")
    _levels(options.dataset, conversations, tiers, range(options.seeds))
    print("\nablations as declared")
    _ablations(conversations, tiers, range(options.seeds))
    print("\nablations with every effect declared 0")
    _ablations(conversations, with_params(tiers, **dict.fromkeys(EFFECTS, 0.0)), range(options.seeds))
    print(f"\n{time.time() - started:.0f} s")


def _levels(dataset: str, conversations: tuple[Conversation, ...], tiers: Tiers, seeds: range) -> None:
    raw = [json.loads(line) for line in corpus.find(dataset).read_text("utf-8").splitlines() if line.strip()]
    params = {tier.name: dict(tier.params) for tier in tiers.tiers}
    runs = [quality_estimates(conversations, list(LADDERS.values()), tiers, seed) for seed in seeds]
    print(f"{'Q':30s} {'truth':>8s} {'mean':>8s} {'±':>7s} {'half-width':>11s} {'coverage':>9s} {'±':>6s}")
    for number, (name, ladder) in enumerate(LADDERS.items()):
        steps = [(step.tier, step.turns) for step in ladder.steps]
        truth = expected_quality(raw, steps, params, bool(ladder.scaffold)).mean()
        found = [run[number] for run in runs]
        values = np.array([each.value for each in found])
        covered = np.mean([each.low <= truth <= each.high for each in found])
        error = values.std(ddof=1) / np.sqrt(len(values))
        half = np.mean([(each.high - each.low) / 2 for each in found])
        wrong = np.sqrt(covered * (1 - covered) / len(found))
        print(
            f"{name:30s} {truth:8.4f} {values.mean():8.4f} {1.96 * error:7.4f} {half:11.4f} "
            f"{covered:9.1%} {1.96 * wrong:6.1%}"
        )


def _ablations(conversations: tuple[Conversation, ...], tiers: Tiers, seeds: range) -> None:
    print(
        f"{'difference in Q':30s} {'truth':>8s} {'±':>7s} {'mean':>8s} {'bias':>8s} {'±':>7s} {'half-width':>11s} "
        f"{'coverage':>9s} {'±':>6s}"
    )
    for name, found in contrasts(conversations, tiers, seeds).items():
        print(
            f"{name:30s} {found.truth:+8.4f} {1.96 * found.truth_error:7.4f} {found.estimate:+8.4f} {found.bias:+8.4f} "
            f"{1.96 * found.bias_error:7.4f} {found.half_width:11.4f} {found.coverage:9.1%} "
            f"{1.96 * found.coverage_error:6.1%}"
        )


if __name__ == "__main__":
    main()
