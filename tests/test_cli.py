"""The command line: short errors, exit codes, and nothing written before the input is right."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from ladder_bench import cli


def ladder_bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from ladder_bench.cli import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    with contextlib.chdir(folder), pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("run --limit 0", "Invalid value for '--limit': must be"),
        ("run --replay rolout", "is not one of 'rollout', 'forced'"),
        ("run --datset x", "No such option: --datset"),
        ("rn", "No such command 'rn'"),
        ("run quickstrt", "did you mean 'quickstart'?"),
        ("run --dataset workbnch", "did you mean 'workbench'?"),
        ("run --tiers offlin", "did you mean 'offline'?"),
        ("run --rubrics cheks", "did you mean 'checks'?"),
        ("run --dataset hf:squad", "is not hf:owner/name[:split]"),
        ("run --dataset missing.parquet", "no such file: 'missing.parquet'"),
        ("run --out file", "is a file; --out needs a folder"),
        ("run --out foreign", "holds something else than a run"),
        ("run --dataset bad.jsonl", "bad.jsonl:1:2: broken JSON"),
        ("plan --dataset bad.jsonl", "bad.jsonl:1:2: broken JSON"),
        ("report foreign", "is not a run folder"),
    ],
)
def test_what_the_user_can_put_right_is_one_line_and_leaves_nothing_behind(
    arguments: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "foreign").mkdir()
    for name in ("file", "bad.jsonl", "foreign/note.txt"):
        (tmp_path / name).write_text("{")

    code, out, err = said(capsys, tmp_path, *arguments.split())

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.jsonl", "file", "foreign"]


def test_a_store_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "calls.sqlite").write_text("no database" * 100)

    done = ladder_bench(tmp_path, "run", "--limit", "1", "--store", "calls.sqlite")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "choose another with --store" in done.stderr
    assert (tmp_path / "calls.sqlite").read_text() == "no database" * 100


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.sqlite")) as database:
        database.execute("PRAGMA user_version=99")

    done = ladder_bench(tmp_path, "run", "--limit", "1", "--store", "calls.sqlite")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "written by a newer ladder-bench" in done.stderr


def test_a_name_on_the_hub_fails_in_one_line_without_a_network(tmp_path: Path) -> None:
    done = ladder_bench(tmp_path, "run", "--dataset", "hf:nobody/nothing")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("error: hf:nobody/nothing: cannot be loaded")


def test_validate_prints_problems_as_lines_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "l.yaml").write_text("name: t\nsteps: [{tier: a, turn: 1}]\n")

    lines = said(capsys, tmp_path, "validate", "l.yaml")
    code, out, _ = said(capsys, tmp_path, "validate", "--json", "l.yaml")

    assert lines == (2, "l.yaml:2:19: steps[0].turn: unknown key; did you mean 'turns'?\n", "")
    assert (code, json.loads(out)) == (
        2,
        [
            {
                "file": "l.yaml",
                "line": 2,
                "column": 19,
                "where": "steps[0].turn",
                "message": "unknown key; did you mean 'turns'?",
            }
        ],
    )


def test_validate_without_a_problem_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, tmp_path, "validate")
    assert (code, out.endswith(" files, no problem\n")) == (0, True)
    assert said(capsys, tmp_path, "validate", "--json") == (0, "[]\n", "")
    (tmp_path / "one.yaml").write_text("name: one\nsteps: [{tier: light}]\n", encoding="utf-8")
    assert said(capsys, tmp_path, "validate", "one.yaml")[1] == "1 file, no problem\n"


def test_without_a_command_the_help_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, tmp_path)

    assert code == 0
    assert "Usage: ladder-bench" in out


def test_a_name_that_no_terminal_can_show_is_no_traceback(tmp_path: Path) -> None:
    done = ladder_bench(tmp_path, "run", "--dataset", os.fsdecode(b"caf\xe9"))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
