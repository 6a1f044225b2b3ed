"""How fast a run replays from the store, and how much memory it takes.

python scripts/bench/store_replay.py [--conversations 1000] [--turns 6] [--repeats 3] [--profile]

A first run fills the store from a provider on loopback. Then, each in a fresh process and with no provider there: the
same run again, for its time and peak memory; and its stages apart, which are replay (triggers, decisions, keys, stored
answers), the cost ledger with the rows, and the grades. Goals: 10,000 turns/s in replay, 300 MB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

import generated  # noqa: E402

import loopback  # noqa: E402

STRATEGIES = "[{ladder: two-step, vary: {triggers: [rules], memory: [none]}}]"  # one strategy: a turn is a call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="show where the time of one more replay goes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.folder)))
        return
    turns = options.conversations * options.turns
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with loopback.process() as provider:
            generated.write(folder, provider.url, options.conversations, options.turns, 64, STRATEGIES)
            check(in_a_process("run", folder), {"sent": turns, "from_store": 0})
        runs = [check(in_a_process("run", folder), {"sent": 0, "from_store": turns}) for _ in range(options.repeats)]
        timed = [check(in_a_process("stages", folder), {"turns": turns}) for _ in range(options.repeats)]
        if options.profile:
            in_a_process("profile", folder)
    found: dict[str, Any] = {"turns": turns, "run_s": statistics.median(each["run_s"] for each in runs)}
    found["peak_mb"] = max(each["peak_mb"] for each in runs)
    for stage, key in (("replay", "replay_s"), ("with the cost ledger", "rows_s"), ("with grades too", "grades_s")):
        rates = sorted(turns / each[key] for each in timed)
        found[stage] = {"turns_per_s": statistics.median(rates), "lowest": rates[0], "highest": rates[-1]}
    if options.json:
        print(json.dumps(found, indent=1))
        return
    print(f"{turns} turns from the store, medians of {options.repeats} (lowest to highest)")
    for stage, rate in found.items():
        if isinstance(rate, dict):
            print(f"{stage:22s} {rate['turns_per_s']:8,.0f} turns/s ({rate['lowest']:,.0f} to {rate['highest']:,.0f})")
    print(f"the whole run: {found['run_s']:.2f} s after imports, at most {found['peak_mb']:.0f} MB")


def in_a_process(part: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, f"--part={part}", f"--folder={folder}"]
    paths = [str(ROOT / "harness"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return dict(json.loads(done.stdout))


def check(found: dict[str, Any], expected: dict[str, int]) -> dict[str, Any]:
    if {key: found[key] for key in expected} != expected:
        sys.exit(f"expected {expected}, found {found}")
    return found


# --- in a process of its own ---------------------------------------------------------------


def settings(folder: Path) -> Any:
    from ladder_bench.experiment import Options

    return Options(matrix=str(folder / "matrix.yaml"), store=folder / "calls.sqlite", out=folder / "run")


def run(folder: Path) -> dict[str, Any]:
    from ladder_bench import experiment

    started = time.perf_counter()
    result = experiment.run(settings(folder))
    return {
        "sent": result.summary["calls"]["sent"],
        "from_store": result.summary["calls"]["from_store"],
        "run_s": time.perf_counter() - started,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def stages(folder: Path) -> dict[str, float]:
    """Seconds of the replay, of replay and rows, and of these and the grades; conversations as a run works on them."""
    from ladder_bench.calls import Calls, Layers, Stop, Terms
    from ladder_bench.experiment import prepare
    from ladder_bench.judge.grading import ConversationGrader
    from ladder_bench.replay import replay
    from ladder_bench.rows import Rows
    from ladder_bench.store import Store

    options = settings(folder)
    prepared = prepare(options)
    (ladder,) = prepared.strategies.ladders
    rows = Rows(prepared.matrix.gap_s)
    seconds = [0.0, 0.0, 0.0]
    turns = 0

    async def whole(store: Store) -> None:
        nonlocal turns
        terms = Terms(prepared.identity(options))
        calls = Calls(prepared.clients, store, Layers(offline=True), Stop(), terms)
        for index, conversation in enumerate(prepared.corpus.conversations):
            begun = time.perf_counter()
            transcript = await replay(conversation, ladder, prepared.setting(0), calls.fetcher(ladder.name))
            replayed = time.perf_counter()
            grader = ConversationGrader(conversation, prepared.matrix.mode, prepared.rubric.weights)
            verdicts = grader.grade(transcript, ladder)
            graded = time.perf_counter()
            rows.add((index, 0, 0), conversation, transcript, verdicts)
            seconds[0] += replayed - begun
            seconds[1] += graded - replayed
            seconds[2] += time.perf_counter() - graded
            turns += sum(answered.answer is not None for answered in transcript.answered)
        await calls.close()

    with Store(options.store) as store:
        asyncio.run(whole(store))
    return {
        "turns": turns,
        "replay_s": seconds[0],
        "rows_s": seconds[0] + seconds[2],
        "grades_s": sum(seconds),
    }


def profile(folder: Path) -> dict[str, float]:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    result = profiler.runcall(stages, folder)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(40)
    return dict(result)


PARTS = {"run": run, "stages": stages, "profile": profile}

if __name__ == "__main__":
    main()
