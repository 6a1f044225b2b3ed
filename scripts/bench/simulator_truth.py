"""Does the harness find what the simulator declares? Coverage and bias of Q over seeds, on a dataset.

python scripts/bench/simulator_truth.py [--dataset workbench] [--seeds 200]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from ladder_bench import config, corpus
from ladder_bench.domain import Handoff, Ladder, Step
from simulated_runs import quality_estimates
from simulator_truth import expected_quality

LADDERS = {
    "advanced": Ladder("advanced", (Step("advanced"),)),
    "light": Ladder("light", (Step("light"),)),
    "two-step": Ladder(
        "two-step", (Step("advanced", 2), Step("light")), handoff=Handoff(memory="none"), scaffold="standard"
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="workbench")
    parser.add_argument("--seeds", type=int, default=200)
    options = parser.parse_args()
    started = time.time()
    tiers = config.load_tiers("offline")
    loaded = corpus.load(options.dataset)
    lines = corpus.find(options.dataset).read_text("utf-8").splitlines()
    raw = [json.loads(line) for line in lines if line.strip()]
    params = {tier.name: dict(tier.params) for tier in tiers.tiers}
    truth = {
        name: expected_quality(
            raw, [(s.tier, s.turns) for s in ladder.steps], params, ladder.scaffold is not None
        ).mean()
        for name, ladder in LADDERS.items()
    }
    runs = [
        quality_estimates(loaded.conversations, list(LADDERS.values()), tiers, seed) for seed in range(options.seeds)
    ]
    print(f"{len(raw)} conversations, {options.seeds} seeds, {time.time() - started:.0f} s")
    for number, name in enumerate(LADDERS):
        found = [run[number] for run in runs]
        values = np.array([each.value for each in found])
        covered = np.mean([each.low <= truth[name] <= each.high for each in found])
        error = values.std(ddof=1) / np.sqrt(len(values))
        print(
            f"{name:10s} truth {truth[name]:.4f}  mean {values.mean():.4f} ± {1.96 * error:.4f}  "
            f"sd {values.std(ddof=1):.4f}  mean half-width {np.mean([(e.high - e.low) / 2 for e in found]):.4f}  "
            f"coverage {covered:.1%}"
        )


if __name__ == "__main__":
    main()
