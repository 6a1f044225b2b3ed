"""How long does it take to screen a family? Over generated grades, without a run.

python scripts/bench/search.py [--conversations 5000] [--turns 20] [--rounds 3] [--seed 0]

Every step-down ladder of three tiers times every set of four triggers: quality and cost of each on every conversation,
then means and spreads by part. Exit code 1 where the best round takes 3 s or more.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as `ladder-bench search`: before numpy is loaded

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "harness"), str(ROOT / "tests")]

from generated_grades import TIERS, TRIGGERS, generated, walked  # noqa: E402
from ladder_bench.search import oracle  # noqa: E402
from ladder_bench.search.choosing import Goal, parts_of, rank, without  # noqa: E402
from ladder_bench.search.family import family  # noqa: E402
from ladder_bench.search.screening import of_strategy, screen  # noqa: E402

MOST_S = 3.0
CHECKED = 20  # values that are added up turn by turn as well


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=5000)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    grades = generated(options.seed, conversations=options.conversations, turns=options.turns)
    part = parts_of(grades.ids, 2)
    seconds, cpu = [], time.process_time()
    for _ in range(options.rounds):
        started = time.perf_counter()
        members = family(TIERS, TRIGGERS, options.turns)
        moments = screen(grades, members, part, 2)
        seconds.append(time.perf_counter() - started)
    cpu = (time.process_time() - cpu) / options.rounds
    values = len(members) * len(grades)
    print(
        f"{len(members.paths):,} ladders x {len(members.trigger_sets)} sets of triggers = {len(members):,} strategies "
        f"over {len(grades):,} conversations of up to {options.turns} turns"
    )
    print(
        f"screened in {', '.join(f'{each:.2f}' for each in seconds)} s ({cpu:.2f} s of CPU); "
        f"{values / min(seconds):,.0f} values/s"
    )
    started = time.perf_counter()
    chosen = rank(without(moments, 0), Goal(), members.complexity).order[0]
    quality, usd = of_strategy(grades, members, chosen)
    print(f"chosen and valued in {time.perf_counter() - started:.2f} s: {members.name(chosen)}")
    started = time.perf_counter()
    oracle.gap(grades, quality, usd, 1.0, monotone=False)
    print(f"oracle's gap in {time.perf_counter() - started:.2f} s")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    for strategy in range(0, len(members), len(members) // CHECKED):
        row = strategy % len(grades)
        path = members.paths[strategy % len(members.paths)]
        slow = walked(grades, row, path.tolist(), members.trigger_sets[strategy // len(members.paths)])
        fast = [float(each[row]) for each in of_strategy(grades, members, strategy)]
        assert all(abs(a - b) <= 1e-12 for a, b in zip(slow, fast, strict=True)), (strategy, slow, fast)
    return 0 if min(seconds) < MOST_S else 1


if __name__ == "__main__":
    sys.exit(main())
