"""Is the cap ever exceeded? Random prices, sizes, limits and failures, each run under a random cap, then raised.

python scripts/bench/cap.py [--runs 200] [--seed 0]

The provider on loopback adds up what it bills (answers that never arrived too). Every run is stopped by its cap or
ends; then the cap is raised and the run completed: no call may be billed twice for it. Exit code 1 at any violation.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "harness")]

import live  # noqa: E402
import loopback  # noqa: E402
from ladder_bench import experiment  # noqa: E402
from ladder_bench.errors import StoppedError  # noqa: E402
from loopback import Behaviour  # noqa: E402

KINDS = ("429", "429_after", "500", "502", "html", "cut", "cut_middle", "no_choices", "null_content", "length", "hang")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    ratios, stopped, violations = [], 0, []
    with tempfile.TemporaryDirectory() as name, loopback.process() as provider:
        for number in range(options.runs):
            place = Path(name) / str(number)
            place.mkdir()
            found = one(place, provider, random.Random(options.seed * 100_000 + number))
            ratios.append(found["ratio"])
            stopped += found["stopped"]
            if found["ratio"] > 1 or found["twice"]:
                violations.append((number, found))
    print(f"{options.runs} runs, {stopped} stopped by their cap; billed / cap at most {max(ratios):.3f}")
    print(f"violations: {violations or 'none'}")
    sys.exit(bool(violations))


def one(place: Path, provider: loopback.Provider, chance: random.Random) -> dict[str, Any]:
    """Billed / cap of one run, whether the cap stopped it, and what was billed twice when it was raised."""
    price = {"input": 10 ** chance.uniform(-1, 1), "output": 10 ** chance.uniform(-0.5, 1.5)}
    failures = {kind: chance.uniform(0, 0.08) for kind in chance.sample(KINDS, chance.randint(0, 4))}
    provider.behave(
        Behaviour(
            failures=failures,
            seed=chance.randrange(10**6),
            hang_s=3,
            retry_after_s=0.02,
            bytes_per_token=chance.choice([1.0, 2.0, 4.0]),
            input_usd=price["input"],
            output_usd=price["output"],
            bill_errors=chance.random() < 0.5,
        )
    )
    limits = {"concurrency": chance.choice([1, 4, 16]), "retry_pause_s": 0.01, "timeout_s": 0.6}
    params = {"max_output_tokens": chance.choice([5, 60, 400])}
    live.write(
        place, provider.url, chance.randint(1, 8), chance.randint(1, 5), price=price, limits=limits, params=params,
        stream=chance.random() < 0.3,
    )  # fmt: skip
    before = provider.ledger()
    cap = 10 ** chance.uniform(-4, -1.5)
    stopped = run(place, cap)
    billed = provider.ledger().billed_usd - before.billed_usd
    answered = set(provider.ledger().answered) - set(before.answered)
    run(place, 1e6)
    twice = [key for key in answered if provider.ledger().answered[key] > 1 + provider.ledger().lost]
    return {"ratio": billed / cap, "stopped": stopped, "twice": twice}


def run(place: Path, cap_usd: float) -> bool:
    """Whether the cap stopped the run."""
    try:
        found = experiment.run(live.options(place, max_cost_usd=cap_usd))
    except StoppedError:
        return True
    return bool(found.summary["incomplete"])


if __name__ == "__main__":
    main()
