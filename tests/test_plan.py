"""Which strategies a matrix stands for, which can be run, and what a run would send."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from builders import experiment_files
from ladder_bench import experiment
from ladder_bench.errors import InputError
from ladder_bench.experiment import Options

LADDER = {"name": "two", "steps": [{"tier": "advanced", "turns": 2}, {"tier": "light"}]}
CLIMB = {"to": "advanced", "triggers": ["high_stakes"]}


def prepared(folder: Path, strategies: Sequence[Mapping[str, Any]], **matrix: Any) -> experiment.Prepared:
    return experiment.prepare(Options(str(experiment_files(folder, strategies, 4, **matrix))))


def names(found: experiment.Prepared) -> list[str]:
    return [each.name for each in found.strategies.ladders]


def file(folder: Path, name: str, content: Mapping[str, Any]) -> str:
    (folder / name).write_text(json.dumps(content), encoding="utf-8")
    return str(folder / name)


# --- expansion -----------------------------------------------------------------------------


def test_a_grid_has_every_combination_under_a_readable_name(tmp_path: Path) -> None:
    vary = {"guide_turns": [1, 2], "memory": ["none", "standard"]}
    found = prepared(tmp_path, [{"ladder": file(tmp_path, "two.yaml", LADDER), "vary": vary}])

    assert names(found) == [
        f"two guide_turns={turns} memory={memory}" for turns in (1, 2) for memory in ("none", "standard")
    ]
    assert [each.steps[0].turns for each in found.strategies.ladders] == [1, 1, 2, 2]


def test_a_line_that_changes_one_thing_is_named_after_it(tmp_path: Path) -> None:
    two = file(tmp_path, "two.yaml", LADDER)
    lines = [{"ladder": two}, *({"ladder": two, "vary": {key: ["none"]}} for key in ("memory", "scaffold"))]
    lines.append({"ladder": two, "vary": {"guide_turns": [1]}})
    found = prepared(tmp_path, lines)

    assert names(found) == ["two", "two guide_turns=1"]
    assert [(each.name, each.reason) for each in found.strategies.dropped] == [("two", "the same as 'two'")] * 2


def test_nonsense_is_dropped_by_name_with_its_reason(tmp_path: Path) -> None:
    vary = {"memory": ["none", "standard"], "context": ["full", "memory_only"]}
    found = prepared(tmp_path, [{"ladder": file(tmp_path, "two.yaml", LADDER), "vary": vary}])

    assert [each.name for each in found.strategies.dropped] == ["two memory=none context=memory_only"]
    assert "hide what was said" in found.strategies.dropped[0].reason


def test_controls_are_every_tier_alone_and_framed_the_ladder_reversed_and_a_mix(tmp_path: Path) -> None:
    found = prepared(tmp_path, [{"ladder": file(tmp_path, "two.yaml", LADDER)}], controls="default")

    assert names(found)[:7] == ["two", "advanced", "mid", "light", "advanced + pack", "mid + pack", "light + pack"]
    reversed_, mix = found.strategies.ladders[7:]
    assert [step.tier for step in reversed_.steps] == ["light", "advanced"]
    assert sum(share for _, share in mix.mix) == pytest.approx(1)
    assert dict(mix.mix)["advanced"] == pytest.approx(8 / found.corpus.turns)


def test_a_strategy_that_is_there_already_is_not_run_twice(tmp_path: Path) -> None:
    found = prepared(tmp_path, [{"single": "light"}, {"single": "light"}], controls=["single"])

    assert names(found) == ["light", "advanced", "mid"]
    assert [each.reason for each in found.strategies.dropped] == ["the same as 'light'"]


# --- recorded tiers ------------------------------------------------------------------------

RECORDED = {
    "tiers": [
        {"name": "top", "model": "simulated/advanced"},
        {"name": "log", "model": "recorded", "price": {"input": 1, "output": 2}},
        {"name": "light", "model": "simulated/light"},
    ]
}


@pytest.mark.parametrize(
    ("steps", "escalation", "runs"),
    [
        (["log:2", "light"], None, True),
        (["light:1", "log"], None, False),
        (["log:1", "light:1", "log"], None, False),
        (["log:1", "log:1", "light"], None, True),
        (["log:2", "light"], "log", False),
        (["log:2", "light"], "top", False),
        (["light"], "log", False),
        (["light:1", "top"], None, True),
    ],
)
def test_a_ladder_that_needs_a_recording_off_its_path_is_dropped_by_name(
    tmp_path: Path, steps: list[str], escalation: str | None, runs: bool
) -> None:
    parts = [step.partition(":") for step in steps]
    shape: dict[str, Any] = {
        "name": "x",
        "steps": [{"tier": tier, **({"turns": int(turns)} if turns else {})} for tier, _, turns in parts],
        **({"escalation": {"to": escalation, "triggers": ["high_stakes"]}} if escalation else {}),
    }
    tiers = file(tmp_path, "tiers.yaml", RECORDED)
    uses = [{"single": "top"}, {"ladder": file(tmp_path, "x.yaml", shape)}]

    assert ("x" in names(prepared(tmp_path, uses, tiers=tiers))) == runs
    assert "x" in names(prepared(tmp_path, uses, tiers=tiers, replay="forced"))


@pytest.mark.parametrize(
    ("steps", "back", "runs"),
    [
        (["log:2", "light"], "never", True),
        (["log:2", "light"], "resolved", False),
        (["log:1", "light"], "resolved", True),
    ],
)
def test_a_recording_is_left_for_good_where_nothing_comes_back_to_it(
    tmp_path: Path, steps: list[str], back: str, runs: bool
) -> None:
    parts = [step.partition(":") for step in steps]
    shape = {
        "name": "x",
        "steps": [{"tier": tier, **({"turns": int(turns)} if turns else {})} for tier, _, turns in parts],
        "escalation": {"to": "top", "triggers": ["low_confidence"], "return": back},
    }
    tiers = file(tmp_path, "tiers.yaml", RECORDED)
    uses = [{"single": "top"}, {"ladder": file(tmp_path, "x.yaml", shape)}]

    assert ("x" in names(prepared(tmp_path, uses, tiers=tiers))) == runs


def test_a_recording_has_nothing_to_say_to_a_played_user(tmp_path: Path) -> None:
    uses = [{"single": "log"}, {"single": "light"}]
    found = prepared(tmp_path, uses, tiers=file(tmp_path, "tiers.yaml", RECORDED), replay="simulated")

    assert names(found) == ["light"]
    assert "no answer to what a played user says" in found.strategies.dropped[0].reason


def test_a_recorded_tier_whose_path_may_be_left_has_a_placebo(tmp_path: Path) -> None:
    log = {"name": "log", "model": "recorded", "price": {"input": 1, "output": 2}, "off_path": "top"}
    tiers = file(tmp_path, "tiers.yaml", {"tiers": [RECORDED["tiers"][0], log, RECORDED["tiers"][2]]})
    found = prepared(tmp_path, [{"single": "log"}, {"single": "top"}], tiers=tiers, controls="default")

    placebo = next(each for each in found.strategies.ladders if each.name == "placebo (top)")
    assert placebo.control
    assert [step.tier for step in placebo.steps] == ["top"]
    assert "top" in names(found)


def test_without_a_tier_that_answers_in_a_recordings_place_there_is_no_placebo(tmp_path: Path) -> None:
    tiers = file(tmp_path, "tiers.yaml", RECORDED)

    assert not [
        name
        for name in names(prepared(tmp_path, [{"single": "log"}], tiers=tiers, controls="default"))
        if "placebo" in name
    ]


def test_a_recording_reads_no_prompts_so_its_framed_control_is_dropped(tmp_path: Path) -> None:
    found = prepared(tmp_path, [{"single": "log"}], tiers=file(tmp_path, "tiers.yaml", RECORDED), controls=["pack"])

    assert "log + pack" not in names(found)
    assert "cannot read a scaffold" in found.strategies.dropped[0].reason


def test_a_matrix_with_nothing_left_to_run_is_an_error(tmp_path: Path) -> None:
    tiers = file(tmp_path, "tiers.yaml", RECORDED)

    with pytest.raises(InputError, match="no strategy can be run: log \\+ pack"):
        prepared(tmp_path, [{"single": "log", "pack": True}], tiers=tiers)


# --- counting before sending ---------------------------------------------------------------


@pytest.mark.parametrize("mode", ["rollout", "forced"])
def test_the_plan_counts_the_calls_that_the_run_makes_and_sends_none(tmp_path: Path, mode: str) -> None:
    """Strategies that cannot converge on the same words: their prompts differ from the first turn on."""
    uses = [{"single": "advanced"}, {"single": "light"}, {"ladder": file(tmp_path, "two.yaml", LADDER)}]
    matrix = experiment_files(tmp_path, uses, 6, replay=mode)
    options = Options(str(matrix), store=tmp_path / "calls.sqlite", out=tmp_path / "run")

    plan = experiment.plan(options)
    assert plan.stored == 0
    counted = experiment.run(options).summary["calls"]
    assert (plan.distinct, plan.unshared) == (counted["distinct"], counted["unshared"])
    assert counted["sent"] == counted["distinct"]
    assert experiment.plan(options).stored == counted["distinct"]


def test_a_plan_says_which_decisions_wait_for_an_answer(tmp_path: Path) -> None:
    climbing = file(tmp_path, "up.yaml", {**LADDER, "name": "up", "escalation": CLIMB})
    matrix = experiment_files(tmp_path, [{"ladder": climbing}, {"single": "light"}], 4)

    routes = experiment.plan(Options(str(matrix), store=tmp_path / "calls.sqlite")).routes
    assert {each.strategy for each in routes} == {"up", "light"}
    assert all(all(each.certain) for each in routes if each.strategy == "light")
    assert all(len(each.tiers) == len(each.reasons) == len(each.certain) for each in routes)
