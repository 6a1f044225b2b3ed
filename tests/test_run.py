"""Whole runs, from a matrix to a run folder: what is sent, what is shared, and what a second run gives."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from builders import MEMORY, conversation, dataset_lines, experiment_files, ladder, lived
from ladder_bench import experiment, folder
from ladder_bench.domain import Conversation, Graded, Json
from ladder_bench.experiment import Options
from ladder_bench.rows import Rows
from ladder_bench.store import Store

LADDER = {
    "name": "two",
    "steps": [{"tier": "advanced", "turns": 1}, {"tier": "light"}],
    "escalation": {"to": "advanced", "triggers": ["goal_change", "high_stakes", "deep_work"]},
    "handoff": {"memory": "standard"},
    "scaffold": "standard",
    "guardrails": "standard",
}


@pytest.fixture
def uses(tmp_path: Path) -> list[Mapping[str, Any]]:
    """A single tier, and a ladder with and without its memory."""
    path = tmp_path / "two.yaml"
    path.write_text(json.dumps(LADDER), encoding="utf-8")
    return [
        {"single": "advanced"},
        {"single": "light"},
        {"ladder": str(path), "vary": {"memory": ["none", "standard"]}},
    ]


def run(matrix: Path, name: str = "run", store: str = "calls", **more: Any) -> folder.Run:
    place = matrix.parent
    return experiment.run(Options(str(matrix), store=place / f"{store}.sqlite", out=place / name, **more))


def numbers(summary: Json) -> Json:
    """A summary without what a run may differ in: the calls it sent, and what it paid for them."""
    return {key: value for key, value in summary.items() if key not in ("calls", "spent_usd")}


def by_name(summary: Json) -> dict[str, Json]:
    return {each["name"]: each for each in summary["strategies"]}


# --- running again -------------------------------------------------------------------------


def test_a_second_run_sends_nothing_and_gives_the_same_numbers(tmp_path: Path, uses: list[Any]) -> None:
    matrix = experiment_files(tmp_path, uses)
    first, second = run(matrix, "first"), run(matrix, "second")

    assert second.summary["calls"]["sent"] == 0
    assert second.summary["calls"]["from_store"] == first.summary["calls"]["sent"] == first.summary["calls"]["distinct"]
    texts = [(tmp_path / name / "summary.json").read_text("utf-8") for name in ("first", "second")]
    assert numbers(json.loads(texts[0])) == numbers(json.loads(texts[1]))
    for name in ("turns", "calls", "verdicts", "messages"):
        assert (tmp_path / "first" / f"{name}.parquet").read_bytes() == (
            tmp_path / "second" / f"{name}.parquet"
        ).read_bytes()


KILLED = """
import sys
from pathlib import Path
from ladder_bench import experiment
experiment.run(experiment.Options(sys.argv[1], store=Path(sys.argv[2]), out=Path(sys.argv[3])))
"""


def test_a_run_killed_at_random_moments_ends_like_one_that_was_not(tmp_path: Path, uses: list[Any]) -> None:
    matrix = experiment_files(tmp_path, uses, 40)
    store, out = tmp_path / "killed.sqlite", tmp_path / "killed"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    chance = random.Random(1)
    for _ in range(3):
        process = subprocess.Popen([sys.executable, "-c", KILLED, matrix, store, out], env=environment)
        seen = size(store)
        while process.poll() is None and size(store) == seen:
            os.sched_yield()  # until something is on disk
        try:
            process.wait(chance.uniform(0, 0.15))
        except subprocess.TimeoutExpired:
            process.kill()
        process.wait(60)

    resumed = run(matrix, "killed", "killed").summary
    whole = run(matrix, "whole", "whole").summary
    assert numbers(resumed) == numbers(whole)
    assert resumed["calls"]["sent"] + resumed["calls"]["from_store"] == whole["calls"]["distinct"]


def size(store: Path) -> int:
    log = store.with_name(f"{store.name}-wal")
    try:
        return log.stat().st_size
    except FileNotFoundError:  # not begun, or just closed
        return 0


def test_a_damaged_call_is_made_again_and_changes_nothing(tmp_path: Path, uses: list[Any]) -> None:
    matrix = experiment_files(tmp_path, uses)
    first = run(matrix, "first")
    key = first.tables["calls"].column("key")[0].as_py()
    with Store(tmp_path / "calls.sqlite") as store:
        store._database.execute("UPDATE calls SET reply = x'00' WHERE key = ?", (key,))

    second = run(matrix, "second")
    assert second.summary["calls"]["sent"] == 1
    assert numbers(second.summary) == numbers(first.summary)


# --- sharing -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rollout", "forced"])
def test_distinct_calls_are_the_distinct_requests_of_the_run_folder(tmp_path: Path, uses: list[Any], mode: str) -> None:
    made = run(experiment_files(tmp_path, uses, replay=mode, samples=2))
    bodies = {row["id"]: (row["role"], row["content"], row["extra"]) for row in made.tables["messages"].to_pylist()}
    calls = made.tables["calls"].to_pylist()

    recount = {
        (
            row["conversation"],
            row["sample"],
            row["model"],
            row["params"],
            tuple(bodies[each] for each in row["messages"]),
        )
        for row in calls
    }
    assert made.summary["calls"]["distinct"] == len(recount) == len({row["key"] for row in calls})
    assert made.summary["calls"]["unshared"] == len(calls)


def test_without_sharing_only_the_count_changes(tmp_path: Path, uses: list[Any]) -> None:
    matrix = experiment_files(tmp_path, uses)
    shared, alone = run(matrix, "shared"), run(matrix, "alone", sharing=False)

    assert numbers(alone.summary) == numbers(shared.summary)
    assert alone.summary["calls"]["distinct"] == alone.summary["calls"]["unshared"]
    assert shared.summary["calls"]["distinct"] < alone.summary["calls"]["distinct"]


def test_two_strategies_with_equal_prompts_share_every_call_until_they_part(tmp_path: Path, uses: list[Any]) -> None:
    calls = run(experiment_files(tmp_path, uses)).tables["calls"].to_pylist()
    keys = {(row["strategy"], row["conversation"], row["turn"]): row["key"] for row in calls}

    for place in {row["conversation"] for row in calls}:
        assert keys["two memory=none", place, 1] == keys["two memory=standard", place, 1]
        assert keys["two memory=none", place, 2] != keys["two memory=standard", place, 2]


def test_in_forced_mode_strategies_that_use_the_same_prompts_cost_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "plain.yaml"
    path.write_text(json.dumps({"name": "plain", "steps": LADDER["steps"]}), encoding="utf-8")
    singles = [{"single": "advanced"}, {"single": "light"}]
    grid = {"ladder": str(path), "vary": {"guide_turns": [1, 2, 3]}}

    few = run(experiment_files(tmp_path, singles, replay="forced"), "few", "few").summary["calls"]
    many = run(experiment_files(tmp_path, [*singles, grid], replay="forced"), "many", "many").summary["calls"]
    assert many["distinct"] == few["distinct"]
    assert many["unshared"] > few["unshared"]


def test_adding_a_strategy_changes_no_others_estimate(tmp_path: Path, uses: list[Any]) -> None:
    few = by_name(run(experiment_files(tmp_path, uses[:2]), "few", "few").summary)
    many = by_name(run(experiment_files(tmp_path, uses), "many", "many").summary)

    for name in few:
        assert many[name]["metrics"] == few[name]["metrics"]


def test_the_order_of_conversations_changes_no_estimate(tmp_path: Path, uses: list[Any]) -> None:
    matrix = experiment_files(tmp_path, uses)
    forwards = by_name(run(matrix, "forwards").summary)
    lines = [json.dumps(line) for line in dataset_lines(24)]
    (tmp_path / "cases.jsonl").write_text("\n".join(lines[::-1]) + "\n", encoding="utf-8")
    backwards = by_name(run(matrix, "backwards").summary)

    assert {name: each["metrics"] for name, each in backwards.items()} == {
        n: each["metrics"] for n, each in forwards.items()
    }


# --- what the numbers are made of ----------------------------------------------------------


def test_a_strategys_cost_is_the_sum_of_its_calls_over_its_conversations(tmp_path: Path, uses: list[Any]) -> None:
    made = run(experiment_files(tmp_path, uses))
    calls = made.tables["calls"].to_pylist()

    for strategy in made.summary["strategies"]:
        for column in ("warm", "cold"):
            whole = sum(row[f"usd_{column}"] for row in calls if row["strategy"] == strategy["name"])
            assert strategy["metrics"][f"cost_usd_{column}"]["value"] == pytest.approx(whole / 24, rel=1e-12)


def test_warm_costs_follow_from_the_prompts_in_the_run_folder(tmp_path: Path, uses: list[Any]) -> None:
    """Recomputed from the tables alone, by an own loop over whole prompts."""
    made = run(experiment_files(tmp_path, uses[:2], gap_s=60))
    prices = {tier["name"]: tier["price"] for tier in made.about["tiers"]}
    calls = made.tables["calls"].to_pylist()
    for place in {(row["conversation"], row["strategy"]) for row in calls}:
        before = 0
        for row in (row for row in calls if (row["conversation"], row["strategy"]) == place):
            price = prices[row["tier"]]
            cached = before if before >= price["minimum_prefix"] else 0
            rest = row["input"] - cached
            rate = (
                price["cache_write"]
                if row["input"] >= price["minimum_prefix"] and price["cache_write"]
                else price["input"]
            )
            expected = cached * (price["cached"] or 0) + rest * rate + row["output"] * price["output"]
            assert row["usd_warm"] == pytest.approx(expected / 1e6, rel=1e-9)
            before = row["input"]


def test_every_turn_of_every_strategy_is_answered_once(tmp_path: Path, uses: list[Any]) -> None:
    made = run(experiment_files(tmp_path, uses, samples=2))
    rows = made.tables["turns"].to_pylist()

    places = [(row["conversation"], row["strategy"], row["sample"], row["turn"]) for row in rows]
    assert len(places) == len(set(places)) == made.about["dataset"]["turns"] * 4 * 2


def test_forced_and_rollout_agree_on_the_first_turn_only(tmp_path: Path, uses: list[Any]) -> None:
    def prompts(mode: str) -> dict[tuple[str, int], tuple[str, ...]]:
        made = run(experiment_files(tmp_path, uses[1:2], replay=mode), mode)
        rows = made.tables["calls"].to_pylist()
        return {(row["conversation"], row["turn"]): tuple(row["messages"]) for row in rows}

    forced, rollout = prompts("forced"), prompts("rollout")
    assert {place[1] for place in forced if forced[place] == rollout[place]} == {1}


def test_no_gold_text_is_among_the_messages_of_a_run(tmp_path: Path, uses: list[Any]) -> None:
    tables = run(experiment_files(tmp_path, uses)).tables
    messages = tables["messages"].to_pylist()
    asked = {each for row in tables["calls"].column("messages").to_pylist() for each in row}

    assert not any("GOLD" in row["content"] for row in messages if row["id"] in asked)


def test_fewer_than_20_conversations_give_values_without_intervals(tmp_path: Path, uses: list[Any]) -> None:
    summary = run(experiment_files(tmp_path, uses, 5)).summary

    quality = summary["strategies"][0]["metrics"]["quality"]
    assert quality["value"] is not None
    assert (quality["low"], quality["high"], quality["n"]) == (None, None, 5)
    assert "20 are needed" in quality["why"]
    assert {each["pareto"] for each in summary["strategies"]} == {"undecided"}
    assert summary["verdict"]["outcome"] == "too_few"


def test_a_strategy_against_itself_differs_by_exactly_zero(tmp_path: Path, uses: list[Any]) -> None:
    summary = run(experiment_files(tmp_path, uses)).summary
    base = by_name(summary)[summary["base"]]["against_base"]

    assert (base["quality"]["value"], base["quality"]["low"], base["quality"]["high"]) == (0.0, 0.0, 0.0)
    assert base["cost_share"] == 1.0


def test_an_answer_with_half_a_surrogate_pair_does_not_lose_the_run() -> None:
    talk = conversation("sign it?", "and now?", "then?")
    strategy = ladder("advanced:1", "light", handoff=MEMORY)
    rows = Rows(60.0)

    rows.add((0, 0, 0), talk, lived(talk, strategy, lambda request: "so use \ud800 it.").transcript, Graded())
    tables = rows.tables()
    assert tables["turns"].column("memory")[1].as_py().count("so use ? it.") == 1
    assert "so use ? it." in tables["messages"].column("content").to_pylist()


def test_tables_do_not_depend_on_the_order_in_which_conversations_are_done() -> None:
    talks = [conversation("hello", "and then?", name=f"c{number}") for number in range(3)]
    lives = [lived(talk, ladder("advanced:1", "light")).transcript for talk in talks]

    def tables(order: tuple[int, ...]) -> Mapping[str, Any]:
        rows = Rows(60.0)
        for index in order:
            rows.add((index, 0, 0), talks[index], lives[index], Graded())
        return rows.tables()

    expected = tables((0, 1, 2))
    assert expected["turns"].column("conversation").to_pylist() == ["c0", "c0", "c1", "c1", "c2", "c2"]
    assert tables((2, 0, 1)) == expected


def test_a_clock_that_ran_backwards_counts_as_no_time() -> None:
    calm, odd = (conversation("a", "b", "c", gap_s=gap) for gap in (0.0, -9999.0))

    def costs(talk: Conversation) -> list[float]:
        rows = Rows(60.0)
        rows.add((0, 0, 0), talk, lived(talk, ladder("advanced:1", "light:1", "advanced")).transcript, Graded())
        return list(rows.tables()["calls"].column("usd_warm").to_pylist())

    assert costs(odd) == costs(calm)
