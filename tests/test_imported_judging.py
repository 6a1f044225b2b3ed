"""Imported transcripts before a judge: each arm is graded by its own words, and what the log says of it stays."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ladder_bench import cli, folder
from test_imports import imported, line, metrics, said, user
from test_judge_run import files, judge, judging, words

CRITERIA = {"1": {"criteria": [{"id": "k", "kind": "correctness", "text": "says yes"}]}}
LINES = [
    line(user(f"{n} to {arm}"), said(answer, into, 5), name=f"c{n:02}", arm=arm, resolved=n % 2 == 0, turns=CRITERIA)
    for n in range(25)
    for arm, answer, into in (("a", "yes", 100), ("b", "yes, too" if n % 5 else "NAY", 10))
]
GRADE = ("--rubrics", "mine", "--tiers", "tiers.yaml", "--judge", "strict")


def test_a_judge_grades_each_arm_by_its_own_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with judging(lambda labels, prompt, before: words(labels, "not_met" if "NAY" in prompt else "met")) as (url, seen):
        files(tmp_path, url)
        imported(tmp_path, *LINES)

        code, _, err = judge(capsys, tmp_path, *GRADE)

    after = folder.read(tmp_path / "run")
    assert (code, len(seen)) == (0, 50), err
    assert [metrics(after, arm)["quality"]["value"] for arm in ("a", "b")] == [1.0, 0.8]
    assert [metrics(after, arm)["resolved"]["value"] for arm in ("a", "b")] == [13 / 25] * 2
    assert after.summary["base"] == "a"
    assert after.summary["verdict"]["text"].startswith("Over finished transcripts, nothing cheaper is shown")


def test_people_may_label_what_a_judge_graded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with judging(lambda labels, prompt, before: words(labels, "met")) as (url, _):
        files(tmp_path, url)
        imported(tmp_path, *LINES)
        judge(capsys, tmp_path, *GRADE)

    with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "sample", "run", "--arms", "a", "--arms", "b", "--n", "20", "--out", "labels.csv"])

    sheet = (tmp_path / "labels.csv").read_text()
    assert caught.value.code in (0, None)
    assert "to a" in sheet
    assert "to b" in sheet
