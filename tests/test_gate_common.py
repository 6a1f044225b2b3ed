"""Conversations of one side alone: refused with their names, or left out where a reader asks for that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gate_runs import Made, command, decide, luck, noisy, row, run, written
from ladder_bench import folder
from ladder_bench.domain import Ladder, Step
from tabled import Tabled

N = 100
TAGS = {"limits": {"slices": [{"tag": "law", "margin": 0.2}]}}


def made(n: int, seed: int = 0) -> dict[str, Made]:
    return {"ladder": Made(quality=noisy(N, seed=seed)[:n], resolved=luck(N)[:n])}


def without(n: int, found: folder.Run, strategy: str) -> folder.Run:
    """A log in which one arm has not had the first n conversations."""
    import pyarrow.compute as pc

    names = sorted(found.about["dataset"]["conversations"])[:n]
    tables = dict(found.tables)
    for name in ("turns", "calls", "verdicts"):
        table = tables[name]
        gone = pc.and_(pc.equal(table["strategy"], strategy), pc.is_in(table["conversation"], value_set=_array(names)))
        tables[name] = table.filter(pc.invert(gone))
    return folder.Run(found.path, found.about, tables, found.summary)


def _array(names: list[str]) -> Any:
    return folder.column("string", names)


def arms(n: int) -> folder.Run:
    return without(n, run(N, made={"a": made(N)["ladder"], "b": made(N, 1)["ladder"]}), "b")


def test_conversations_of_one_run_alone_are_named_with_what_to_do() -> None:
    found = decide(run(N - 4, made=made(N - 4)), run(N, made=made(N)))

    assert found["outcome"] == "refused"
    assert "conversations differ: 4 only in the baseline (talk-0096, talk-0097, talk-0098, ...)" in found["reasons"][0]
    assert found["reasons"][0].endswith("'gate --common' holds both to the 96 conversations that both have")


def test_arms_of_a_log_with_few_conversations_in_one_alone_are_named_with_what_to_do() -> None:
    found = decide(arms(3), arms(3), strategy="a", against="b")

    assert (
        "'b' has not had 3 of the 100 conversations of the baseline (talk-0000, talk-0001, talk-0002)"
        in (found["reasons"][0])
    )
    assert "'gate --common' holds both to the 97 conversations" in found["reasons"][0]


def test_common_goes_on_and_says_so_first() -> None:
    found = decide(arms(3), arms(3), arms(3), strategy="a", against="b", common=True)

    assert found["outcome"] in ("pass", "inconclusive")
    assert found["n"] == row(found, "quality")["n"] == 97
    assert found["notes"][0].startswith(
        "--common: over the 97 conversations that both sides have; 3 that one has alone"
    )
    assert row(found, "common")["raised"]


def test_what_dropped_conversations_could_hide_is_shown() -> None:
    found = decide(run(N - 6, made=made(N - 6)), run(N, made=made(N)), common=True)

    assert row(found, "common")["value"] == pytest.approx(-noisy(N)[N - 6 :].sum() / N, abs=1e-6)
    assert (
        decide(run(N - 6, made=made(N - 6)), run(N, made=made(N)), common=True, policy={"strict": True})["outcome"]
        == "inconclusive"
    )


def test_common_keeps_slices_and_limits_in_place() -> None:
    tags = {f"talk-{index:04}": ["law"] for index in range(2, 60)}
    cut = arms(3)
    whole = run(N, made={"a": made(N)["ladder"], "b": made(N, 1)["ladder"]}, tags=tags)
    cut = folder.Run(cut.path, cut.about, {**cut.tables, "conversations": whole.tables["conversations"]}, cut.summary)

    found = decide(cut, cut, strategy="a", against="b", common=True, policy=TAGS)

    assert row(found, "slice law")["n"] == 57


def test_too_few_in_common_are_refused_since_hard_ones_may_be_dropped() -> None:
    found = decide(run(N - 11, made=made(N - 11)), run(N, made=made(N)), common=True)

    assert found["outcome"] == "refused"
    assert "both sides have 89 of 100 conversations; at least 90% have to be common" in found["reasons"][0]


def test_common_changes_nothing_where_all_are() -> None:
    found = decide(run(N, made=made(N)), run(N, made=made(N)), common=True)

    assert (found["outcome"], found["n"]) == ("pass", N)
    assert not any(note.startswith("--common") for note in found["notes"])


def test_the_command_takes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [written(tmp_path / str(n), run(n, made=made(n))) for n in (N, N - 2)]
    baseline = tmp_path / "b.json"
    assert command("baseline", "update", folders[0], "--out", baseline) == 0

    assert command("gate", folders[1], "--baseline", baseline) == 2
    assert command("gate", folders[1], "--baseline", baseline, "--common") == 0
    assert "note: --common: over the 98 conversations" in capsys.readouterr().out


# --- usage and tables that cannot be -------------------------------------------------------


def worded(found: folder.Run, characters: int) -> folder.Run:
    """The same run, its answers so long."""
    tables = dict(found.tables)
    ids = ["long"] * tables["turns"].num_rows
    place = tables["turns"].column_names.index("answer")
    tables["turns"] = tables["turns"].set_column(place, "answer", folder.column("string", ids))
    tables["messages"] = folder.table("messages", [("long", "assistant", "x" * characters, None)])
    return folder.Run(found.path, found.about, tables, found.summary)


@pytest.mark.parametrize(("characters", "outcome"), [(2000, "pass"), (2001, "refused")])
def test_more_characters_than_tokens_can_be_are_understated_usage(characters: int, outcome: str) -> None:
    found = decide(*[worded(run(N, made=made(N)), characters)] * 2)

    assert found["outcome"] == outcome
    if outcome == "refused":
        assert (
            "usage is understated in the run: 400,200 characters of answers were counted as 20,000 output tokens"
            in (found["reasons"][0])
        )
        assert "in the baseline" in found["reasons"][1]


def test_understated_usage_is_no_matter_where_cost_is_not_tested() -> None:
    found = decide(*[worded(run(N, made=made(N)), 5000)] * 2, policy={"tests": ["quality"]})

    assert found["outcome"] == "pass"


@pytest.mark.parametrize("value", [-0.5, 1.5])
def test_a_grade_outside_0_to_1_is_damage(value: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tabled = Tabled([Ladder("ladder", (Step("light"),))])
    tabled.turn("ladder", "talk-0000", 1, "light", value)
    whole = run(1)
    broken = written(tmp_path / "run", folder.Run(whole.path, whole.about, {**whole.tables, **tabled.tables()}, {}))

    assert command("baseline", "update", broken, "--out", tmp_path / "b.json") == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1
    assert "the run folder is damaged" in said[0]
    assert f"'ladder' has a grade of {value:g}; grades are from 0 to 1" in said[0]


def test_an_answer_without_a_call_is_damage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = worded(run(3), 10)
    found = folder.Run(found.path, found.about, {**found.tables, "calls": found.tables["calls"].slice(1)}, {})
    broken = written(tmp_path / "run", found)

    assert command("baseline", "update", broken, "--out", tmp_path / "b.json") == 2
    assert "has an answer in turn 1 of talk-0000 without a call" in capsys.readouterr().err


# --- rare harm -----------------------------------------------------------------------------


def unsupported(count: int, n: int = N) -> Made:
    claims = np.zeros(n)
    claims[:count] = 1.0
    return Made(quality=noisy(n, seed=count + 5), resolved=luck(n), unsupported=claims)


@pytest.mark.parametrize(
    ("count", "why"),
    [
        (0, "100 conversations without one do not exclude that one in 34 has them"),
        (3, "unsupported claims differ in 3 of 100 conversations, which does not exclude that one in 13 has more"),
        (10, None),
    ],
)
def test_harm_that_hardly_anybody_has_is_looked_at(count: int, why: str | None) -> None:
    found = decide(run(N, made={"ladder": unsupported(count)}), run(N, made={"ladder": unsupported(0)}))
    if count == 0:
        other = {"ladder": Made(quality=noisy(N, seed=1), resolved=luck(N))}
        found = decide(run(N, made={"ladder": unsupported(0)}), run(N, made=other))

    flag = row(found, "rare harm")
    assert (flag["raised"], flag["why"]) == (why is not None, why)


def test_the_same_answers_have_no_rare_harm() -> None:
    assert not row(decide(run(N), run(N)), "rare harm")["raised"]
    assert not row(decide(run(12, made=made(12)), run(12, made=made(12, 1))), "rare harm")["raised"]
