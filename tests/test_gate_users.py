"""Conversations of one user are no independent evidence: a gate counts users where a log names them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gate_runs import Made, command, decide, row, run, written
from ladder_bench.comparison import Options, compare
from ladder_bench.domain import digest_of
from ladder_bench.gating.blocking import blocking
from ladder_bench.gating.needed import needed
from ladder_bench.gating.pair import Pair
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.report import gate as pages
from ladder_bench.sides import baselines
from ladder_bench.sides.reading import baseline_of
from ladder_bench.sides.side import Side
from ladder_bench.sides.tokens import Tokens

USERS, EACH = 25, 8
N = USERS * EACH
QUALITY = {"tests": ["quality"]}
MARGIN = 0.03


def owners(n: int = N, each: int = EACH) -> dict[str, str]:
    return {f"talk-{index:04}": digest_of("user", str(index // each))[:16] for index in range(n)}


def tastes(seed: int, mean: float = 0.0, sd: float = 0.1, users: int = USERS, each: int = EACH) -> np.ndarray:
    """By how much each conversation is better in the run: users prefer one arm, and stay with that."""
    random = np.random.default_rng(seed)
    return np.repeat(mean + random.normal(0, sd, users), each) + random.normal(0, 0.05, users * each)


def pair(change: np.ndarray, each: int = EACH, known: bool = True) -> Pair:
    n = len(change)
    ones, nothing = np.ones((n, 1)), np.zeros((n, 1))
    clusters = tuple(str(index // each) for index in range(n)) if known else ()

    def side(quality: np.ndarray) -> Side:
        cells = {"quality": quality.reshape(-1, 1), "resolved": ones, "unsupported_per_turn": nothing}
        names = tuple(f"talk-{index:05}" for index in range(n))
        tokens = Tokens((), np.zeros((0, n, 1, 5)))
        return Side("a", names, cells, {}, ones, ones, np.zeros((n, 2)), tokens, 0, clusters=clusters)

    return Pair(side(0.5 + change), side(np.full(n, 0.5)), (ones, ones), 1.0)


def outcomes(mean: float, known: bool = True, sets: int = 1500) -> list[str]:
    policy = PolicyShape(tests=["quality"])
    return [blocking(pair(tastes(seed, mean), known=known), policy, {})[0][0].outcome for seed in range(sets)]


def test_arms_that_are_alike_fail_as_seldom_as_the_gate_says_and_worse_ones_pass_as_seldom() -> None:
    failed = outcomes(0.0).count("fail") / 1500
    passed = outcomes(-MARGIN).count("pass") / 1500

    assert failed <= 0.06
    assert 0.03 <= passed <= 0.065
    assert outcomes(-MARGIN, known=False).count("pass") / 1500 > 0.2  # so that this test can fail


def arms(seed: int = 3, **about: Any) -> Any:
    base = np.full(N, 0.6)
    made = {"old": Made(quality=base), "new": Made(quality=base + tastes(seed))}
    return run(N, made=made, about={"cluster": owners(), **about})


def test_the_interval_is_the_one_of_compare(tmp_path: Path) -> None:
    found = arms()
    compared = compare([written(tmp_path / "run", found)], Options(("new",), "old")).found
    (one,) = compared["comparisons"]
    said = one["metrics"]["quality"]

    held = baseline_of(found)
    mine = Pair(held.sides["new"], held.sides["old"], (np.ones((N, 1)),) * 2, 1.0).quality().estimate()

    assert (said["n"], mine.n) == (USERS, USERS)
    assert (mine.value, mine.low, mine.high) == pytest.approx((said["value"], said["low"], said["high"]), abs=1e-9)


def test_n_and_needed_count_users_and_say_so() -> None:
    found = decide(arms(), arms(), strategy="new", against="old", policy=QUALITY)

    quality = row(found, "quality")
    assert (found["n"], found["units"], found["clusters"]) == (N, "clusters", USERS)
    assert (quality["n"], quality["units"]) == (USERS, "clusters")
    assert pages.lines(found)[0].n == "25 users"
    assert "200 conversations of 25 users, paired" in pages.about(found)
    assert any("so n and needed count users" in note for note in found["notes"])
    assert "users, for all tests to pass together" in pages.needed({**found, "outcome": "inconclusive"})[0]
    assert found["needed_n"] > USERS


def test_the_printed_number_of_users_has_the_power_that_it_says() -> None:
    policy = PolicyShape(tests=["quality"])
    printed = []
    for seed in range(40):
        one = pair(tastes(seed))
        printed.append(needed(one, blocking(one, policy, {})[0], {})["n"])
    users = int(np.median(printed))

    passed = [
        blocking(pair(tastes(seed, users=users)), policy, {})[0][0].outcome == "pass" for seed in range(1000, 1300)
    ]

    assert np.mean(passed) == pytest.approx(0.8, abs=0.08)


def test_fewer_than_20_users_decide_nothing() -> None:
    few = {"cluster": owners(N, 20)}
    found = decide(arms(**few), arms(**few), strategy="new", against="old", policy=QUALITY)

    assert found["outcome"] == "inconclusive"
    assert found["why"] == "too few users to tell: 10, and 20 are needed for an interval"
    assert row(found, "quality")["why"] == "no interval: 10 users, 20 are needed"


def test_a_run_with_users_against_itself_passes() -> None:
    found = decide(arms(), arms(), strategy="new")

    assert found["outcome"] == "pass"
    assert found["why"] == "identical in all 200 conversations"


def test_everything_that_is_decided_counts_users() -> None:
    limits = {"quality": {"floor": 0.4}, "latency": {"over_s": 5, "share": 0.2}}
    found = decide(arms(), arms(), arms(), strategy="new", against="old", policy={"limits": limits})

    assert {each["units"] for each in (*found["tests"], *found["limits"], *found["sweep"])} == {"clusters"}
    assert {each["n"] for each in (*found["tests"], *found["limits"], *found["sweep"])} == {USERS}
    assert found["primary"]["effective_usd"]["n"] == USERS


def test_runs_that_say_otherwise_of_whose_conversations_are_whose_are_refused() -> None:
    other = {**owners(), "talk-0003": digest_of("user", "else")[:16]}

    changed = decide(arms(cluster=other), arms(), strategy="new")
    alone = decide(arms(), arms(cluster={}), strategy="new")

    assert changed["reasons"] == [
        "users differ: 1 conversations are another user's in the run than in the baseline (talk-0003)"
    ]
    assert "is known in the run alone" in alone["reasons"][0]


def test_a_baseline_holds_users_as_hashes_and_only_where_there_are_any(tmp_path: Path) -> None:
    named = {**owners(), "talk-0000": "ada@example.org"}
    held = baseline_of(arms(cluster=named))
    path = tmp_path / "baseline.json"

    baselines.write(path, held)

    assert "ada@" not in path.read_text(encoding="utf-8")
    assert baselines.load(path).sides["new"].clusters == held.sides["new"].clusters
    assert len(json.loads(path.read_text(encoding="utf-8"))["users"]) == N
    assert "users" not in json.loads(baselines.as_text(baseline_of(run())))


def test_a_suite_does_not_ask_whose_conversations_are_whose() -> None:
    made = {"ladder": Made(quality=np.full(N, 0.6), samples=3)}
    old, new = (
        run(N, made={"ladder": replace(made["ladder"], seed=seed)}, about={"cluster": owners()}) for seed in (1, 2)
    )

    found = decide(new, old, policy={**QUALITY, "inference": "suite"})

    assert (found["units"], row(found, "quality")["n"]) == ("conversations", N)


def test_yes_or_no_of_few_users_stays_open() -> None:
    values = np.zeros((USERS, EACH))
    values[:, ::2] = 1.0
    lost = values.copy()
    lost[0] = 0.0  # one user lost everything
    made = [{"ladder": Made(quality=each.ravel(), resolved=each.ravel())} for each in (lost, values)]

    found = decide(
        *(run(N, made=each, about={"cluster": owners()}) for each in made),
        policy={**QUALITY, "margins": {"quality": 0.06}},
    )

    assert row(found, "quality")["outcome"] == "inconclusive"
    assert "they are of 25 users" in row(found, "quality")["why"]


def test_the_command_says_users(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path / "run", arms())
    assert command("baseline", "update", folder, "--out", tmp_path / "b.json") == 0

    command("gate", folder, "--baseline", tmp_path / "b.json", "--strategy", "new", "--against", "old")

    assert "25 users" in capsys.readouterr().out
