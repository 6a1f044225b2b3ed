"""`judge RUN`: a run is graded again from its folder alone, and nothing else of it changes."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import loopback
from builders import dataset_lines
from ladder_bench import cli, experiment, folder
from ladder_bench.experiment import Options
from loopback import completion

Judge = Callable[[list[str], str, int], str]  # (labels, prompt, requests before) -> reply
PROMPT = """{# version 1 #}
{% block system %}Judge.{% endblock %}
{% block user %}{{ message }}
{{ answer }}
{{ criteria }}{% endblock %}
"""
REPAIR = "{# version 1 #}\n{% block user %}Again: {{ problem }}{% endblock %}\n"
PRICE = {"input": 1, "output": 2}
PROGRAM = "from ladder_bench.cli import main; main()"
SAME = ("turns", "calls", "verdicts", "judgements", "conversations", "messages", "attempts")


def says(verdict: str) -> Judge:
    return lambda labels, prompt, before: words(labels, verdict)


def words(labels: list[str], verdict: str) -> str:
    return json.dumps({label: {"evidence": "it", "reason": "so", "verdict": verdict} for label in labels})


@contextlib.contextmanager
def judging(judge: Judge) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A provider that judges."""

    def answer(asked: dict[str, Any], before: int) -> tuple[int, Any]:
        wanted = asked["response_format"]["json_schema"]["schema"]["properties"]
        return 200, completion(judge(list(wanted), asked["messages"][-1]["content"], before))

    with loopback.server(answer) as (url, seen):
        yield url, seen


def files(place: Path, url: str, count: int = 4, rubrics: tuple[str, ...] = ("checks", "mine"), **matrix: Any) -> Path:
    """A dataset, two simulated tiers, a judge on loopback, a rubric of one's own, and a matrix over them."""
    (place / "cases.jsonl").write_text("".join(json.dumps(each) + "\n" for each in dataset_lines(count)), "utf-8")
    limits = {"concurrency": 4, "retry_pause_s": 0.01}
    tier = {"params": {"api_base": url, "max_output_tokens": 300}, "price": PRICE, "json_output": "schema"}
    judges = [{"name": name, "model": f"openai/{name}", "limits": limits, **tier} for name in ("strict", "mild")]
    tiers = [{"name": name, "model": f"simulated/{name}"} for name in ("advanced", "light")]
    (place / "tiers.yaml").write_text(json.dumps({"tiers": tiers, "judges": judges}), "utf-8")
    (place / "rubrics").mkdir(exist_ok=True)
    (place / "rubrics" / "mine.jinja").write_text(PROMPT, "utf-8")
    (place / "rubrics" / "repair.jinja").write_text(REPAIR, "utf-8")
    rubric = {"id": "mine", "grader": "llm", "kinds": ["correctness", "completeness"], "prompt": "mine.jinja"}
    (place / "rubrics" / "mine.yaml").write_text(json.dumps(rubric), "utf-8")
    steps = [{"tier": "advanced", "turns": 1}, {"tier": "light"}]
    ladder = {"name": "two", "steps": steps, "handoff": {"memory": "standard"}}
    (place / "two.yaml").write_text(json.dumps(ladder), "utf-8")
    uses = [{"single": "advanced"}, {"single": "light"}, {"ladder": "two.yaml"}]
    whole = {"dataset": "cases.jsonl", "tiers": "tiers.yaml", "rubrics": list(rubrics), "judges": ["strict"],
             "strategies": uses, "controls": "none", **matrix}  # fmt: skip
    (place / "matrix.yaml").write_text(json.dumps(whole), "utf-8")
    return place / "matrix.yaml"


def run(place: Path, **more: Any) -> folder.Run:
    with contextlib.chdir(place):
        experiment.run(Options("matrix.yaml", store=place / "calls.sqlite", out=place / "run", **more))
    return folder.read(place / "run")


def judge(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str) -> tuple[int, str, str]:
    """`judge run ...` in a folder: exit code, stdout, stderr."""
    capsys.readouterr()
    with contextlib.chdir(place), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "run", *arguments, "--store", str(place / "calls.sqlite")])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def bytes_of(place: Path, *names: str) -> dict[str, bytes]:
    return {name: (place / f"{name}.parquet").read_bytes() for name in names}


def serving(found: folder.Run) -> list[dict[str, Any]]:
    return [row for row in found.tables["calls"].to_pylist() if row["purpose"] != "judge"]


def values(found: folder.Run, metric: str) -> list[float | None]:
    return [row["value"] for row in found.tables["verdicts"].to_pylist() if row["metric"] == metric]


# --- the same again ------------------------------------------------------------------------


@pytest.mark.parametrize("sharing", [True, False])
def test_the_same_judge_is_not_asked_again_and_every_table_stays_to_the_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sharing: bool
) -> None:
    with judging(lambda labels, prompt, before: words(labels, "met" if "step" in prompt else "not_met")) as (url, seen):
        files(tmp_path, url, judge_repeats={"share": 0.5, "times": 2})
        first = run(tmp_path, sharing=sharing)
        asked, before = len(seen), bytes_of(tmp_path / "run", *SAME)
        (tmp_path / "cases.jsonl").unlink()

        code, _, err = judge(capsys, tmp_path)

    assert code == 0
    assert len(seen) == asked > 0
    assert f"{asked} calls, {asked} of them stored" in err
    assert bytes_of(tmp_path / "run", *SAME) == before
    again = folder.read(tmp_path / "run")
    assert again.summary == first.summary
    assert again.about["judged"]["calls"]["sent"] == 0
    assert {key: value for key, value in again.about.items() if key != "judged"} == first.about


@pytest.mark.parametrize("mode", ["rollout", "forced", "simulated"])
def test_checks_alone_ask_nobody_and_give_the_verdicts_of_a_run_by_checks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", rubrics=("checks",), replay=mode, samples=2)
    by_checks = run(tmp_path)
    before = bytes_of(tmp_path / "run", *SAME)

    code, out, err = judge(capsys, tmp_path, "--rubrics", "checks", "--offline")

    assert code == 0
    assert "nobody was asked" in out
    assert "stored" not in err
    assert bytes_of(tmp_path / "run", *SAME) == before
    assert folder.read(tmp_path / "run").summary == by_checks.summary


def test_a_judged_run_goes_back_to_checks_and_its_judges_calls_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with judging(says("not_met")) as (url, _):
        files(tmp_path, url)
        first = run(tmp_path)
        judge(capsys, tmp_path, "--rubrics", "checks", "--out", "back")

    back = folder.read(tmp_path / "back")
    assert set(values(first, "correctness")) == {0.0}
    assert set(values(back, "correctness")) != {0.0}
    assert serving(back) == serving(first)
    assert back.tables["calls"].num_rows == len(serving(first)) < first.tables["calls"].num_rows
    assert back.tables["judgements"].num_rows == 0
    assert back.tables["attempts"].equals(first.tables["attempts"])  # they were paid
    assert back.summary["spent_usd"] == first.summary["spent_usd"] > 0
    assert back.about["judges"] == []
    used = {row["answer"] for row in back.tables["calls"].to_pylist()}
    assert {row["id"] for row in back.tables["messages"].to_pylist() if row["role"] == "assistant"} == used
    assert folder.read(tmp_path / "run").summary == first.summary  # as it was


# --- other judges and rubrics --------------------------------------------------------------


def test_another_judge_of_a_tiers_file_replaces_what_the_first_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with judging(says("not_met")) as (url, seen):
        files(tmp_path, url)
        first = run(tmp_path)
        once = len(seen)
    with judging(says("met")) as (url, seen):
        files(tmp_path, url)
        code, out, err = judge(capsys, tmp_path, "--tiers", "tiers.yaml", "--judge", "mild")

    second = folder.read(tmp_path / "run")
    assert code == 0
    assert len(seen) == once
    assert f"mild (openai/mild): {once} calls, 0 of them stored; {once} to send to 127.0.0.1" in err
    assert "about $" in err
    assert " before, " in out
    assert {row["judge"] for row in second.tables["judgements"].to_pylist()} == {"mild"}
    assert set(values(second, "correctness")) == {1.0}
    assert serving(second) == serving(first)
    assert {row["tier"] for row in second.tables["calls"].to_pylist() if row["purpose"] == "judge"} == {"mild"}
    assert second.about["judges"][0]["name"] == "mild"
    assert "strict" not in second.about["prices"]["usd_per_million"]
    tried = [row["tier"] for row in second.tables["attempts"].to_pylist()]
    assert tried == ["strict"] * once + ["mild"] * once
    assert second.summary["calls"]["attempts"] == 2 * once
    paid = sum(row["usd_paid"] for row in second.tables["attempts"].to_pylist())
    assert second.summary["spent_usd"] == pytest.approx(paid)
    assert second.summary["evaluation_calls"]["judge"] == once


def test_what_judge_makes_is_what_a_run_with_that_judge_makes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with judging(lambda labels, prompt, before: words(labels, "met" if "step" in prompt else "not_met")) as (url, _):
        files(tmp_path, url, rubrics=("checks",))
        run(tmp_path)
        judge(capsys, tmp_path, "--rubrics", "checks", "--rubrics", "mine", "--tiers", "tiers.yaml",
              "--judge", "strict", "--judge", "mild", "--repeats", "0.5x2")  # fmt: skip
        judged = folder.read(tmp_path / "run")
        files(tmp_path, url, judges=["strict", "mild"], judge_repeats={"share": 0.5, "times": 2})
        shutil.rmtree(tmp_path / "run")
        whole = run(tmp_path)

    for name in ("turns", "calls", "verdicts", "judgements", "conversations", "messages"):
        assert judged.tables[name].equals(whole.tables[name]), name
    for part in ("rubric", "rubrics", "judges", "judge_repeats", "prices", "tiers", "strategies"):
        assert judged.about[part] == whole.about[part], part
    assert judged.summary["strategies"] == whole.summary["strategies"]


# --- what goes wrong -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "outcome"), [("I'm sorry, but I can't judge this.", "refused"), ("well ...", "not_json"), ("", "empty")]
)
def test_a_judge_that_fails_leaves_its_questions_unscored_and_the_command_completes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], reply: str, outcome: str
) -> None:
    with judging(lambda labels, prompt, before: reply) as (url, _):
        files(tmp_path, url, rubrics=("checks",))
        run(tmp_path)
        before = bytes_of(tmp_path / "run", *SAME)
        again = ("--rubrics", "mine", "--tiers", "tiers.yaml", "--judge", "strict")
        in_place, _, err = judge(capsys, tmp_path, *again)
        code, out, _ = judge(capsys, tmp_path, *again, "--out", "other")

    assert in_place == 3
    assert "run was left as it was" in err
    assert bytes_of(tmp_path / "run", *SAME) == before
    found = folder.read(tmp_path / "other")
    assert code == 3  # nothing at all was judged
    assert f"without a value: {outcome.replace('_', ' ')}" in out
    assert set(values(found, "correctness")) == {None}
    assert {row["outcome"] for row in found.tables["judgements"].to_pylist()} == {outcome}


def test_a_provider_that_refuses_one_judge_of_two_leaves_the_others_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def answer(asked: dict[str, Any], before: int) -> tuple[int, Any]:
        if asked["model"] == "strict":
            return 401, {"error": {"message": "no such key", "code": "invalid_api_key"}}
        return 200, completion(words(list(asked["response_format"]["json_schema"]["schema"]["properties"]), "met"))

    with loopback.server(answer) as (url, seen):
        files(tmp_path, url, rubrics=("checks",))
        run(tmp_path)
        code, out, _ = judge(capsys, tmp_path, "--rubrics", "mine", "--tiers", "tiers.yaml")

    assert code == 0
    assert sum(each["model"] == "strict" for each in seen) <= 4 * 2  # it is not asked for ever
    assert "! strict: " in out
    judgements = folder.read(tmp_path / "run").tables["judgements"].to_pylist()
    assert {row["value"] for row in judgements if row["judge"] == "mild"} == {1.0}
    assert {row["value"] for row in judgements if row["judge"] == "strict"} == {None}


def test_a_cap_leaves_the_folder_as_it_was_and_the_same_command_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = ("--rubrics", "mine", "--tiers", "tiers.yaml", "--judge", "strict")
    with judging(says("met")) as (url, seen):
        files(tmp_path, url, rubrics=("checks",))
        run(tmp_path)
        before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
        code, out, err = judge(capsys, tmp_path, *again, "--max-cost", "0.002")
        after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
        sent = len(seen)
        resumed, _, _ = judge(capsys, tmp_path, *again)

    assert code == 3
    assert out == ""
    assert "--max-cost 0.002" in err
    assert "run was left as it was" in err
    assert after == before
    assert 0 < sent < len(seen)
    assert resumed == 0
    found = folder.read(tmp_path / "run")
    assert found.tables["attempts"].num_rows == len(seen)  # of both
    assert set(values(found, "correctness")) == {1.0}


@pytest.mark.parametrize("interrupts", [1, 2])
def test_ctrl_c_leaves_the_folder_as_it_was(tmp_path: Path, interrupts: int) -> None:
    with loopback.process(loopback.Behaviour(delay_s=0.3)) as provider:
        files(tmp_path, provider.url, count=8, rubrics=("checks",))
        run(tmp_path)
        before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "judge", "run", "--rubrics", "mine", "--tiers", "tiers.yaml",
             "--store", "calls.sqlite"],
            cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while sum(provider.ledger().outcomes.values()) < 4:
            time.sleep(0.05)
        for _ in range(interrupts):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        out, err = process.communicate(timeout=60)

    assert process.returncode == (3 if interrupts == 1 else 130), err
    assert "the same command goes on" in err
    assert interrupts == 2 or "run was left as it was" in err
    assert out == ""
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before


def test_offline_says_how_many_calls_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", rubrics=("checks",))
    run(tmp_path)

    code, _, err = judge(capsys, tmp_path, "--rubrics", "mine", "--tiers", "tiers.yaml", "--offline")

    assert code == 2
    assert "calls to tier 'strict' are not in the store, and nothing may be sent" in err
    assert len(err.splitlines()) == 1


def test_a_folder_from_before_conversations_were_kept_is_refused_in_a_line_and_still_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", rubrics=("checks",))
    run(tmp_path)
    for name in ("conversations", "judgements"):
        (tmp_path / "run" / f"{name}.parquet").unlink()
    verdicts = folder.read(tmp_path / "run").tables["verdicts"].drop_columns(["evidence", "rubric"])
    folder._write_table(verdicts, tmp_path / "run" / "verdicts.parquet")

    code, _, err = judge(capsys, tmp_path, "--rubrics", "checks")
    with pytest.raises(SystemExit) as caught:
        cli.main(["report", str(tmp_path / "run")])

    assert code == 2
    assert "written by an earlier ladder-bench" in err
    assert "run it again" in err
    assert len(err.splitlines()) == 1
    assert not caught.value.code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--rubrics", "mine"), "rubric 'mine' needs a judge, and run names none; name a tiers file"),
        (("--rubrics", "mine", "--judge", "mild"), "'mild' is no judge"),
        (("--rubrics", "mine", "--judge", "light"), "'light' is recorded or simulated and judges nothing"),
        (("--rubrics", "mine", "--tiers", "tiers.yaml", "--judge", "mid"), "did you mean 'mild'?"),
        (("--rubrics", "chekcs"), "did you mean 'checks'?"),
        (("--repeats", "2"), "--repeats: must be a share from 0 to 1"),
        (("--repeats", "0.1x99"), "--repeats: must be a share from 0 to 1"),
        (("--out", "tiers.yaml"), "is a file"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", count=1, rubrics=("checks",))
    run(tmp_path)

    code, _, err = judge(capsys, tmp_path, *arguments)

    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1


# --- for programs --------------------------------------------------------------------------


def test_json_holds_the_metrics_before_and_after_and_what_every_judge_came_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with judging(says("not_met")) as (url, seen):
        files(tmp_path, url, rubrics=("checks",))
        first = run(tmp_path)
        _, out, _ = judge(capsys, tmp_path, "--rubrics", "mine", "--tiers", "tiers.yaml", "--judge", "mild", "--json")

    found: Mapping[str, Any] = json.loads(out)
    assert found["calls"]["sent"] == len(seen)
    assert found["judges"]["mild"]["judged"] == found["judges"]["mild"]["judgements"] > 0
    assert [each["id"] for each in found["rubrics"]] == ["mine"]
    row, old = found["strategies"][0], first.summary["strategies"][0]
    assert row["metrics"]["quality"]["before"] == old["metrics"]["quality"]
    assert row["metrics"]["correctness"]["after"]["value"] == 0.0


def test_a_run_folder_may_stand_where_commands_do_and_options_before_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", count=1, rubrics=("checks",))
    run(tmp_path)

    with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "--rubrics", "checks", "run"])

    assert not caught.value.code
    assert "nobody was asked" in capsys.readouterr().out
