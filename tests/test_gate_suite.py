"""Suite inference in the gate: these conversations run again, and nothing that is about other conversations."""

from __future__ import annotations

import numpy as np
import pytest

from gate_runs import Made, decide, noisy, row, run
from ladder_bench.analyse.effects import Suite

N = 40


def sides(n: int = N, samples: int = 3, **more: object) -> list[object]:
    values = {"quality": noisy(n), "samples": samples, **more}
    return [run(n, made={"ladder": Made(**values, seed=seed)}) for seed in (1, 2)]


def test_ten_conversations_have_no_interval_however_many_their_samples() -> None:
    found = decide(*sides(10, 8), policy={"tests": ["quality"], "inference": "suite"})

    assert found["outcome"] == "inconclusive"
    assert row(found, "quality")["why"] == "no interval: 10 conversations, 20 are needed"
    assert found["needed"]["samples"] is None


def test_a_floor_is_about_the_same_conversations_too() -> None:
    policy = {"tests": ["quality"], "limits": {"quality": {"floor": 0.8}}}
    both = sides()

    suite, population = (
        row(decide(*both, policy={**policy, "inference": how}), "quality floor") for how in ("suite", "population")
    )

    assert suite["value"] == pytest.approx(population["value"])
    assert suite["high"] - suite["low"] < 0.7 * (population["high"] - population["low"])
    assert suite["n"] == N


def test_a_latency_limit_is_refused_as_waits_are_not_known_by_sample() -> None:
    policy = {"tests": ["quality"], "inference": "suite", "limits": {"latency": {"over_s": 5, "share": 0.1}}}

    found = decide(*sides(), policy=policy)

    assert found["outcome"] == "refused"
    assert "inference: suite cannot decide limits.latency" in found["reasons"][0]


def test_flags_of_means_over_samples_are_left_out_and_said_so() -> None:
    found = decide(*sides(), policy={"tests": ["quality"], "inference": "suite"})

    assert row(found, "first-turn alignment")["value"] is None
    assert any("are known as means over samples, and are not looked at" in note for note in found["notes"])


def test_noise_of_few_conversations_leaves_few_degrees_of_freedom() -> None:
    """Where one conversation has nearly all the noise, there are hardly more degrees than its samples."""
    from ladder_bench.analyse import effects

    random = np.random.default_rng(0)
    cells = random.normal(0, 0.001, (N, 3))
    cells[0] = random.normal(0, 1.0, 3)
    effect = effects.suite(effects.of(effects.Reading(0.0, cells)))

    assert isinstance(effect, Suite)
    assert effect.freedom < 5
