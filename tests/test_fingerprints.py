"""Fingerprints: what must be the same before two runs may be compared, and the words of a refusal."""

from __future__ import annotations

from typing import Any

import pytest

import ladder_bench as lb
from builders import experiment_files
from ladder_bench import folder
from ladder_bench.domain import Json
from ladder_bench.sides.fingerprints import differences, fingerprint


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> folder.Run:
    place = tmp_path_factory.mktemp("prints")
    matrix = experiment_files(place, [{"single": "light"}], count=5)
    return folder.read(lb.run(matrix, out=place / "run", store=place / "calls.sqlite", offline=True).path)


def changed(run: folder.Run, **about: Any) -> Json:
    return fingerprint(folder.Run(run.path, {**run.about, **about}, run.tables, run.summary))


def test_a_run_has_the_fingerprint_of_itself(run: folder.Run) -> None:
    assert differences(fingerprint(run), fingerprint(run)) == []


def test_a_fingerprint_holds_no_word_of_a_conversation(run: folder.Run) -> None:
    written = str(fingerprint(run))
    assert "case-00" in written
    assert not any(word in written for word in ("Question", "GOLD", "euros", "matters"))


def test_prices_seeds_and_strategies_may_differ(run: folder.Run) -> None:
    config = {**run.about["config"], "seed": 99}
    assert differences(fingerprint(run), changed(run, config=config, prices={}, strategies=[], version="9")) == []


def test_another_judge_is_named(run: folder.Run) -> None:
    judge = {"name": "j", "model": "openai/gpt-x", "params": {"temperature": 0}}
    (found,) = differences(fingerprint(run), changed(run, judges=[judge]))
    assert found == 'judge differs: none in the first, openai/gpt-x {"temperature":0} in the second'


def test_the_name_of_a_judge_does_not_matter(run: folder.Run) -> None:
    one = [{"name": "a", "model": "openai/gpt-x", "params": {}}]
    assert differences(changed(run, judges=one), changed(run, judges=[{**one[0], "name": "b"}])) == []


def test_a_changed_rubric_is_named(run: folder.Run) -> None:
    rubrics = [{**run.about["rubrics"][0], "hash": "0" * 16}]
    (found,) = differences(fingerprint(run), changed(run, rubrics=rubrics))
    assert found == "rubrics differ: checks changed (its text, its prompt or both)"
    (found,) = differences(fingerprint(run), changed(run, rubrics=[{**rubrics[0], "id": "other"}]))
    assert found == "rubrics differ: checks only in the first; other only in the second"


def test_missing_conversations_are_counted_and_named(run: folder.Run) -> None:
    dataset = {**run.about["dataset"], "conversations": ["case-00"]}
    (found,) = differences(fingerprint(run), changed(run, dataset=dataset))
    assert found == "conversations differ: 4 only in the first (case-01, case-02, case-03, ...)"


def test_a_conversation_with_other_criteria_is_another_one(run: folder.Run) -> None:
    first = fingerprint(run)
    second = {**first, "conversations": {**first["conversations"], "case-02": "f" * 16}}
    (found,) = differences(first, second)
    assert found == "conversations differ: 1 have the same id and another content or other criteria (case-02)"


def test_of_imported_transcripts_the_ids_are_what_arms_share(run: folder.Run) -> None:
    assert set(changed(run, imported=True)["conversations"].values()) == {None}
