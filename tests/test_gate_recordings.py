"""The gate on published recordings: what their logs do not say, it refuses to guess."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gate_runs import decide, row
from ladder_bench import folder
from ladder_bench.imports import Options, import_arms

DATA = Path(__file__).parents[2] / "shared" / "data"
PRICES = """
tiers:
  - {name: gpt-4-0613, model: x/a, price: {input: 30, output: 60}}
  - {name: gpt-3.5-turbo-0613, model: x/b, price: {input: 1.5, output: 2}}
  - {name: Meta-Llama-3-70B-Instruct, model: x/c, price: {input: 0.9, output: 0.9}}
"""


def imported(name: str, out: Path, **more: Any) -> folder.Run:
    found = sorted(DATA.glob(f"{name}*"))
    if not found:
        pytest.skip(f"needs the recordings: {name} is not in ../shared/data")
    return import_arms(Options((found[0],), out, **more)).run


def test_without_usage_the_gate_refuses_and_says_why(tmp_path: Path) -> None:
    run = imported("agentclinic", tmp_path / "run")

    found = decide(run, run, strategy="claude-haiku-4-5", policy={"tests": ["qpd", "quality"]})

    assert found["outcome"] == "refused"
    assert "44.0% of the conversations have no cost in the run" in found["reasons"][0]


def test_what_nobody_measured_is_not_a_pass(tmp_path: Path) -> None:
    run = imported("agentclinic", tmp_path / "run")

    found = decide(run, run, strategy="claude-opus-5")

    assert found["outcome"] == "refused"
    assert "unsupported claims were not measured" in found["reasons"][0]
    assert "'tests: [qpd, quality]' does without" in found["reasons"][0]


def test_arms_of_one_log_are_held_against_each_other(tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text(PRICES, encoding="utf-8")
    arms = ("gpt-4-0613", "gpt-3.5-turbo-0613", "Meta-Llama-3-70B-Instruct")
    run = imported("mint", tmp_path / "run", arms=arms, tiers=str(prices))
    policy = {"tests": ["qpd", "quality"]}

    cheaper = decide(run, run, strategy=arms[2], against=arms[0], policy=policy)
    worse = decide(run, run, strategy=arms[1], against=arms[0], policy=policy)

    assert cheaper["n"] == worse["n"] == 586
    assert row(cheaper, "qpd")["outcome"] == "pass"
    assert row(cheaper, "quality")["outcome"] == "inconclusive"
    assert row(worse, "quality")["outcome"] == "fail"
    assert "resolved stands for quality: nothing else in the run defines it" in worse["notes"]
