"""How near a run comes to what the provider's latency allows, beside bare loops over the same calls.

python scripts/bench/live_speed.py [--conversations 1000] [--turns 4] [--in-flight 64] [--latency 0.05] [--repeats 3]

A provider on loopback, in its own process, answers after a fixed latency. Turns of a conversation wait for one another.
Time is the provider's: first arrival to last departure. Goals: run (direct) at most 1.3 x ideal, run (litellm) at most
1.1 x the bare litellm loop.
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
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(Path(__file__).parent)]

import generated  # noqa: E402

import loopback  # noqa: E402

MOST_TOKENS = 256
Ask = Callable[[list[dict[str, str]]], Awaitable[str]]  # messages -> answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conversations", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=4)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", choices=LEGS, action="append", help="measure these alone")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--leg", choices=LEGS, help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.leg:
        LEGS[options.leg](options)
        return
    # interleaved, so that a slow minute of the machine slows every leg
    rounds = [{name: measured(name, options) for name in options.only or LEGS} for _ in range(options.repeats)]
    ideal_s = options.conversations * options.turns / options.in_flight * options.latency
    rows = [row(name, [each[name] for each in rounds], rounds, ideal_s) for name in options.only or LEGS]
    if options.json:
        print(json.dumps({"ideal_s": ideal_s, "legs": rows}, indent=1))
        return
    print(
        f"{options.conversations} conversations x {options.turns} turns, {options.in_flight} in flight, "
        f"{options.latency * 1000:g} ms: ideal {ideal_s:.2f} s; medians of {options.repeats} (lowest to highest)"
    )
    for each in rows:
        bare = "" if each["of_bare"] is None else f"  {each['of_bare']:.2f} x its bare loop"
        print(
            f"{each['leg']:14s} {each['seconds']:6.2f} s ({each['lowest']:.2f} to {each['highest']:.2f})  "
            f"{each['of_ideal']:.2f} x ideal{bare}  CPU {each['cpu_s']:.1f} s, {each['cpu_ms']:.2f} ms a call"
        )


def measured(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Run one leg in a process of its own against a provider in another."""
    calls = options.conversations * options.turns
    with (
        tempfile.TemporaryDirectory() as folder,
        loopback.process(loopback.Behaviour(delay_s=options.latency)) as provider,
    ):
        sizes = [f"--{size}={getattr(options, size)}" for size in ("conversations", "turns")]
        more = [f"--in-flight={options.in_flight}", f"--leg={name}", f"--url={provider.url}", f"--folder={folder}"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, __file__, *sizes, *more], capture_output=True, text=True, env=environment()
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        ledger = provider.ledger()
    if done.returncode or ledger.outcomes != {"answered": calls} or ledger.most_in_flight > options.in_flight:
        seen = f"{dict(ledger.outcomes)}, at most {ledger.most_in_flight} in flight"
        sys.exit(f"{name}: exit code {done.returncode}; the provider saw {seen}\n{done.stderr[-3000:]}")
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": ledger.seconds, "cpu_s": cpu_s, "calls": calls}


def row(name: str, found: list[dict[str, float]], rounds: list[dict[str, Any]], ideal_s: float) -> dict[str, Any]:
    """Medians of a leg; its ratio to its bare loop is the median of the ratios within a round."""
    seconds = [each["seconds"] for each in found]
    bare = BARE.get(name)
    ratios = [each[name]["seconds"] / each[bare]["seconds"] for each in rounds if bare in each]
    cpu_s = statistics.median(each["cpu_s"] for each in found)
    return {
        "leg": name,
        "seconds": statistics.median(seconds),
        "lowest": min(seconds),
        "highest": max(seconds),
        "of_ideal": statistics.median(seconds) / ideal_s,
        "of_bare": statistics.median(ratios) if ratios else None,
        "cpu_s": cpu_s,
        "cpu_ms": cpu_s / found[0]["calls"] * 1000,
    }


def environment() -> dict[str, str]:
    paths = [str(ROOT / "harness"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OPENAI_API_KEY": "none-needed"}


# --- the legs ------------------------------------------------------------------------------


async def conversations(options: argparse.Namespace, ask: Ask) -> None:
    """The bare loop: as many workers as calls in flight, each takes the next conversation."""
    todo = iter(generated.questions(options.conversations, options.turns))

    async def worker() -> None:
        for texts in todo:
            messages: list[dict[str, str]] = []
            for text in texts:
                messages.append({"role": "user", "content": text})
                messages.append({"role": "assistant", "content": await ask(messages)})

    await asyncio.gather(*(worker() for _ in range(options.in_flight)))


def bare_aiohttp(options: argparse.Namespace) -> None:
    import aiohttp

    async def whole() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

            async def ask(messages: list[dict[str, str]]) -> str:
                body = {"model": "advanced", "max_tokens": MOST_TOKENS, "messages": messages}
                async with session.post(f"{options.url}/chat/completions", json=body) as response:
                    return (await response.json())["choices"][0]["message"]["content"]

            await conversations(options, ask)

    asyncio.run(whole())


def bare_litellm(options: argparse.Namespace) -> None:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.suppress_debug_info = True

    async def ask(messages: list[dict[str, str]]) -> str:
        response = await litellm.acompletion(
            model="openai/advanced", messages=messages, max_tokens=MOST_TOKENS, api_base=options.url,
            num_retries=0, max_retries=0,
        )  # fmt: skip
        return response.choices[0].message.content

    asyncio.run(conversations(options, ask))


def run(options: argparse.Namespace, transport: str = "direct") -> None:
    from ladder_bench.cli import main as command

    matrix = generated.write(
        options.folder, options.url, options.conversations, options.turns, options.in_flight,
        "[{single: advanced}]", transport=transport,
    )  # fmt: skip
    out, store = options.folder / "run", options.folder / "calls.sqlite"
    sys.argv = ["ladder-bench", "run", str(matrix), f"--out={out}", f"--store={store}", "--json"]
    command()


def run_litellm(options: argparse.Namespace) -> None:
    run(options, "litellm")


LEGS = {"aiohttp": bare_aiohttp, "litellm": bare_litellm, "run (direct)": run, "run (litellm)": run_litellm}
BARE = {"run (direct)": "aiohttp", "run (litellm)": "litellm"}

if __name__ == "__main__":
    main()
