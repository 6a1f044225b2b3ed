"""Whole runs of every kind of strategy, in every replay mode: what must hold whatever happens."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from typing import Any

import pytest

from builders import experiment_files
from ladder_bench import blocks, experiment, folder
from ladder_bench.experiment import Options
from ladder_bench.handoff import BYTES_PER_TOKEN

USES = [
    {"single": "light"},
    {"ladder": "cascade", "vary": {"triggers": ["rules", "mid"], "at_most": [1, 3]}},
    {"ladder": "two-step", "vary": {"guide_turns": [1], "writer": ["extractive", "outgoing"], "max_tokens": [60]}},
    {"ladder": "memory-only"},
    {"ladder": "sticky"},
]
MODES = ("rollout", "forced", "simulated")


@pytest.fixture(scope="module", params=MODES)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> folder.Run:
    place = tmp_path_factory.mktemp(request.param)
    matrix = experiment_files(place, USES, replay=request.param)
    return experiment.run(Options(str(matrix), store=place / "calls.sqlite", out=place / "run"))


def lives(made: folder.Run) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The turns of each (strategy, conversation), in their order."""
    found = defaultdict(list)
    for row in made.tables["turns"].to_pylist():
        found[row["strategy"], row["conversation"]].append(row)
    return found


def test_every_turn_is_answered_exactly_once(made: folder.Run) -> None:
    for turns in lives(made).values():
        assert [row["turn"] for row in turns] == list(range(1, len(turns) + 1))
        assert all(row["answer"] is not None for row in turns)
    answers = Counter(
        (row["strategy"], row["conversation"], row["turn"])
        for row in made.tables["calls"].to_pylist()
        if row["purpose"] == "answer"
    )
    assert set(answers.values()) == {1}
    assert len(answers) == made.tables["turns"].num_rows


def test_escalations_keep_their_budget_and_say_why(made: folder.Run) -> None:
    rules = {each["name"]: each["escalation"] for each in made.about["strategies"]}
    opened = 0
    for (strategy, _), turns in lives(made).items():
        found = [row for row in turns if row["opened"]]
        opened += len(found)
        assert all(row["fired"] and row["escalated"] for row in found)
        assert len(found) <= (rules[strategy]["at_most"] if rules[strategy] else 0)
    assert opened > 0


def test_every_answer_that_was_given_again_is_paid_for_twice(made: folder.Run) -> None:
    calls = made.tables["calls"].to_pylist()
    discarded = [row for row in calls if row["purpose"] == "discarded"]
    turns = {(row["strategy"], row["conversation"], row["turn"]): row for row in made.tables["turns"].to_pylist()}

    assert discarded
    for row in discarded:
        turn = turns[row["strategy"], row["conversation"], row["turn"]]
        assert row["usd_warm"] > 0
        assert turn["opened"]
        assert turn["tier"] != row["tier"]
        assert any(each["on"] == "answer" for each in json.loads(turn["fired"]))


def test_a_memory_keeps_its_limit_and_stands_in_no_history(made: folder.Run) -> None:
    limits = {each["name"]: each["handoff"]["max_tokens"] for each in made.about["strategies"]}
    said = {row["id"]: row["content"] for row in made.tables["messages"].to_pylist() if row["role"] != "system"}
    carried = [row for row in made.tables["turns"].to_pylist() if row["memory"]]

    assert carried
    assert all(len(row["memory"].encode()) <= limits[row["strategy"]] * BYTES_PER_TOKEN for row in carried)
    for row in made.tables["calls"].to_pylist():
        assert not any(blocks.MEMORY_OPEN in said.get(each, "") for each in row["messages"][:-1])


def test_serving_costs_hold_every_serving_call_and_nothing_else(made: folder.Run) -> None:
    summary = {each["name"]: each["metrics"]["cost_usd_warm"]["value"] for each in made.summary["strategies"]}
    spent: dict[str, float] = defaultdict(float)
    for row in made.tables["calls"].to_pylist():
        if row["purpose"] in ("answer", "discarded", "memory", "trigger"):
            spent[row["strategy"]] += row["usd_warm"]

    assert summary == pytest.approx({name: usd / 24 for name, usd in spent.items()})


def test_calls_are_the_distinct_requests(made: folder.Run) -> None:
    assert made.summary["calls"]["distinct"] == len(set(made.tables["calls"].column("key").to_pylist()))


def test_gold_reaches_the_player_of_the_user_alone(made: folder.Run) -> None:
    messages = {row["id"]: row["content"] for row in made.tables["messages"].to_pylist()}
    for row in made.tables["calls"].to_pylist():
        if row["purpose"] != "user":
            assert not any("GOLD" in messages[each] for each in row["messages"])


def test_forced_results_claim_nothing_about_framing(made: folder.Run) -> None:
    if made.about["mode"] != "forced":
        pytest.skip("of forced replay")
    rows = {each["name"]: each for each in made.summary["strategies"]}

    assert all(each["knob"] != "scaffold" or each["why"] for each in made.summary["ablations"])
    assert all(row["metrics"]["first_turn_alignment"]["value"] is None for row in rows.values())


def test_a_played_user_tells_turns_and_tokens_until_resolution(made: folder.Run) -> None:
    cells = [each["metrics"] for each in made.summary["strategies"]]
    if made.about["mode"] != "simulated":
        assert all(each["turns_to_resolution"]["value"] is None for each in cells)
        return
    for each in cells:
        assert each["turns_to_resolution"]["value"] >= 3
        assert each["tokens_per_resolved"]["value"] > 0


def test_validity_is_a_matter_of_rollout_alone(made: folder.Run) -> None:
    judged = {row["metric"] for row in made.tables["verdicts"].to_pylist()}

    assert ("validity" in judged) == (made.about["mode"] == "rollout")
