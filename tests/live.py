"""Live runs for tests: files of an experiment whose tiers lead to a provider on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ladder_bench.experiment import Options

PROGRAM = "from ladder_bench.cli import main; main()"
LIMITS = {"concurrency": 8, "retry_pause_s": 0.02}
LADDER = {"name": "two-step", "steps": [{"tier": "strong", "turns": 2}, {"tier": "light"}]}


def write(
    folder: Path,
    url: str,
    conversations: int = 6,
    turns: int = 4,
    strategies: Sequence[Mapping[str, Any]] = (),
    **tier: Any,
) -> Path:
    """Write a dataset, two live tiers and a matrix; the matrix's path. `tier` adds to both tiers."""
    lines = [json.dumps({"id": f"c{n}", "messages": messages(n, turns)}) for n in range(conversations)]
    (folder / "talks.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    params = {"api_base": url, "max_output_tokens": 60, **tier.pop("params", {})}
    shared = {"price": {"input": 3, "output": 15}, "limits": LIMITS, **tier}
    tiers = [{"name": name, "model": f"openai/{name}", "params": params, **shared} for name in ("strong", "light")]
    (folder / "tiers.yaml").write_text(json.dumps({"tiers": tiers}), encoding="utf-8")
    (folder / "two-step.yaml").write_text(json.dumps(LADDER), encoding="utf-8")
    matrix = {
        "dataset": "talks.jsonl",
        "tiers": "tiers.yaml",
        "controls": "none",
        "strategies": list(strategies) or [{"single": "strong"}, {"ladder": "two-step.yaml"}],
    }
    (folder / "matrix.yaml").write_text(json.dumps(matrix), encoding="utf-8")
    return folder / "matrix.yaml"


def messages(conversation: int, turns: int) -> list[dict[str, str]]:
    found = []
    for turn in range(1, turns + 1):
        found.append({"role": "user", "content": f"Question {turn} about order {conversation}: where is it, and why?"})
        found.append(
            {"role": "assistant", "content": f"Order {conversation} is on its way; step {turn} comes next. " * 2}
        )
    return found


def options(folder: Path, out: str = "run", **more: Any) -> Options:
    return Options(str(folder / "matrix.yaml"), store=folder / "calls.sqlite", out=folder / out, **more)


def command(folder: Path, *arguments: str) -> list[str]:
    """`ladder-bench run` of the matrix in a process of its own."""
    rest = ["--store", str(folder / "calls.sqlite"), *arguments]
    return [sys.executable, "-c", PROGRAM, "run", str(folder / "matrix.yaml"), *rest]


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    paths = os.pathsep.join(path for path in sys.path if path)
    return subprocess.Popen(
        command(folder, *arguments),
        cwd=folder,
        env={**os.environ, "PYTHONPATH": paths, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str], timeout_s: float = 60) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    out, err = process.communicate(timeout=timeout_s)
    return process.returncode, out, err


def comparable(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A summary without what may differ between two runs of the same experiment: calls, money and measured waits."""
    rest = {name: value for name, value in summary.items() if name not in ("calls", "spent_usd")}
    strategies = []
    for each in rest["strategies"]:
        metrics = {name: value for name, value in each["metrics"].items() if not name.startswith("wait_s")}
        strategies.append({**each, "metrics": metrics})
    return {**rest, "strategies": strategies}
