"""Baselines: what the committed file holds, and what it refuses to be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gate_runs import Made, command, luck, noisy, run, written
from ladder_bench import folder
from ladder_bench.domain import Price
from ladder_bench.errors import InputError
from ladder_bench.sides import baselines
from ladder_bench.sides.reading import baseline_of
from ladder_bench.sides.tokens import counted

SECRET = "my number is 555-0100"


def two() -> dict[str, Made]:
    return {"a": Made(quality=noisy(30), resolved=luck(30)), "b": Made(samples=2, tier="advanced", seed=3)}


def test_a_baseline_read_back_is_the_same(tmp_path: Path) -> None:
    made = {name: Made(**{**each.__dict__, "samples": 2}) for name, each in two().items()}
    made["a"].quality = np.where(np.arange(30) == 3, np.nan, made["a"].quality)
    found = baseline_of(run(30, made=made))

    baselines.write(tmp_path / "baseline.json", found)

    assert baselines.as_text(baselines.load(tmp_path / "baseline.json")) == baselines.as_text(found)


def test_the_file_has_a_line_a_conversation_and_no_text(tmp_path: Path) -> None:
    secret = run(30, tags={"talk-0001": [SECRET]})

    text = baselines.as_text(baseline_of(secret))

    assert sum(line.startswith('{"id":"talk-') for line in text.splitlines()) == 30
    assert SECRET not in text
    assert json.loads(text)["strategies"][0]["summary"]["quality"]["n"] == 30


def test_a_judges_key_stays_out_of_the_file() -> None:
    params = {"temperature": 0, "api_key": "sk-1", "extra_headers": {"X-Team": "sk-2"}, "more": {"accessToken": "sk-3"}}

    text = baselines.as_text(baseline_of(run(about={"judges": [{"model": "openai/kind", "params": params}]})))

    assert "openai/kind" in text
    assert "sk-" not in text


@pytest.mark.parametrize("price", [{"input": float("nan")}, {"output": "x"}, {"input": -1.0}])
def test_a_price_that_is_none_is_a_damaged_folder(price: dict[str, object]) -> None:
    tiers = [{"name": "light", "model": "scripted/light", "price": {"input": 1.0, "output": 1.0, **price}}]

    with pytest.raises(InputError, match=r"the run folder is damaged.*must be a number of at least 0"):
        baseline_of(run(about={"tiers": tiers}))


def test_a_cost_of_a_failure_that_is_no_number_is_a_damaged_folder() -> None:
    with pytest.raises(InputError, match=r"damaged.*unresolved_cost_usd"):
        baseline_of(run(summary={"unresolved_cost_usd": float("nan")}))


def test_the_same_run_makes_the_same_bytes() -> None:
    assert baselines.as_text(baseline_of(run())) == baselines.as_text(baseline_of(run()))


def test_a_thousand_conversations_take_some_200_kilobytes() -> None:
    made = {"ladder": Made(quality=noisy(1000), resolved=luck(1000), unsupported=luck(1000))}

    assert len(baselines.as_text(baseline_of(run(1000, made=made))).encode()) < 300_000


def test_dollars_follow_from_the_tokens_as_the_run_has_them() -> None:
    found = run(5, made={"ladder": Made(output=[100, 200, 300, 400, 500])})

    side = baseline_of(found).sides["ladder"]

    usd = side.tokens.usd({"light": Price(0.5, 2.0)}, side.answered)[:, 0]
    assert usd == pytest.approx([2 * (1000 * 0.5 + each * 2.0) / 1e6 for each in (100, 200, 300, 400, 500)])


def test_tokens_are_counted_by_the_step_of_the_price_that_held() -> None:
    steps = {"light": Price(0.5, 2.0, steps=((500, Price(1.0, 4.0)),))}
    found = run(2, made={"ladder": Made()}, prices=steps)

    tokens = counted(found, "ladder", steps, {"talk-0000": 0, "talk-0001": 1}, 1).tokens

    assert [line.above for line in tokens.lines] == [500]
    assert tokens.usd(steps, np.ones((2, 1)))[0, 0] == pytest.approx(2 * (1000 * 1.0 + 100 * 4.0) / 1e6)


# --- files that are none -------------------------------------------------------------------


def test_a_missing_file_says_what_writes_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such baseline; write one with 'ladder-bench baseline update"):
        baselines.load(tmp_path / "none.json")


def test_a_folder_is_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        baselines.load(tmp_path)


def _edited(text: str) -> str:
    return text.replace('"quality":[0.9]', '"quality":[0.1]', 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_edited, "not as it was written"),
        (lambda text: text.replace('"primary": "ladder"', '"primary": "other"'), "not as it was written"),
        (lambda text: text.replace('"anchor": false', '"anchor": true'), "not as it was written"),
        (lambda text: text.replace('"schema": 1', '"schema": 9'), "written by a newer ladder-bench"),
        (lambda text: text.replace('"turns":[2]', '"turns":[-2]', 1), "must be"),
        (lambda text: text.replace('"turns":[2]', '"tunrs":[2]', 1), "did you mean 'turns'"),
        (lambda text: text.replace('"quality":[0.9]', '"quality":[NaN]', 1), "baseline.json"),
        (lambda text: text[: len(text) // 2], "baseline.json"),
        (lambda text: "<<<<<<< ours\n" + text, "baseline.json"),
        (lambda text: '{"a": 1}\n{"a": 2}\n', "is no baseline \\(what 'ladder-bench baseline update' writes\\)$"),
        (lambda text: "<!doctype html>\n<p>a\n", "is no baseline \\(what 'ladder-bench baseline update' writes\\)$"),
        (lambda text: "{}", "is no baseline"),
        (lambda text: "[]", "is no baseline"),
        (lambda text: "", "baseline.json"),
    ],
)
def test_a_file_that_was_cut_edited_or_is_newer_is_refused(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    path = tmp_path / "baseline.json"
    text = baselines.as_text(baseline_of(run(20)))
    path.write_text(change(text), encoding="utf-8")

    assert change(text) != text
    with pytest.raises(InputError, match=message) as error:
        baselines.load(path)
    assert str(path) in str(error.value)


def test_other_line_ends_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_bytes(baselines.as_text(baseline_of(run(20))).replace("\n", "\r\n").encode())

    assert baselines.load(path).primary == "ladder"


def test_a_write_that_breaks_off_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baselines.write(path, baseline_of(run(20)))
    before = path.read_bytes()
    code = (
        "import resource, sys; from pathlib import Path; from ladder_bench.sides import baselines\n"
        f"found = baselines.load(Path({str(path)!r}))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        f"baselines.write(Path({str(path)!r}), found)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=_environment())

    assert done.returncode != 0
    assert "cannot be written" in done.stderr
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["baseline.json"]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


# --- the command ---------------------------------------------------------------------------


def test_update_writes_all_strategies_or_those_that_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = written(tmp_path / "run", run(30, made=two()))

    assert command("baseline", "update", made, "--out", tmp_path / "all.json") == 0
    assert command("baseline", "update", made, "--out", tmp_path / "b.json", "--strategy", "b") == 0

    assert list(baselines.load(tmp_path / "all.json").sides) == ["a", "b"]
    assert baselines.load(tmp_path / "b.json").primary == "b"
    assert "30 conversations, 2 strategies" in capsys.readouterr().out
    assert command("baseline", "update", made, "--out", tmp_path / "c.json", "--strategy", "bb") == 2
    assert "no strategy 'bb'" in capsys.readouterr().err


def test_what_an_unresolved_conversation_costs_can_be_declared(tmp_path: Path) -> None:
    made = written(tmp_path / "run", run(30))

    assert command("baseline", "update", made, "--out", tmp_path / "b.json", "--unresolved-cost", "7.5") == 0

    assert baselines.load(tmp_path / "b.json").unresolved_usd == 7.5
    assert baselines.load(tmp_path / "b.json").declared


def test_a_stopped_run_becomes_no_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stopped = written(tmp_path / "run", run(30, about={"incomplete": {"why": "cap"}}))

    assert command("baseline", "update", stopped, "--out", tmp_path / "b.json") == 2
    assert "incomplete" in capsys.readouterr().err
    assert not (tmp_path / "b.json").exists()


def test_an_anchor_is_not_moved_by_accident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = written(tmp_path / "run", run(30)), tmp_path / "anchor.json"

    assert command("baseline", "update", made, "--out", out, "--anchor") == 0
    assert baselines.load(out).anchor
    assert command("baseline", "update", made, "--out", out) == 2
    assert "is an anchor, which updates do not move" in capsys.readouterr().err
    assert command("baseline", "update", made, "--out", out, "--anchor") == 2
    assert "--force moves it" in capsys.readouterr().err
    assert command("baseline", "update", made, "--out", out, "--anchor", "--force") == 0


def test_a_file_that_is_no_baseline_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made, out = written(tmp_path / "run", run(30)), tmp_path / "notes.txt"
    out.write_text("precious", encoding="utf-8")

    assert command("baseline", "update", made, "--out", out) == 2
    assert out.read_text(encoding="utf-8") == "precious"
    assert "is no baseline" in capsys.readouterr().err


def test_a_damaged_run_folder_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = written(tmp_path / "run", run(30))
    (made / "calls.parquet").write_bytes(b"PAR1")

    assert command("baseline", "update", made, "--out", tmp_path / "b.json") == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_run_from_the_real_replay_has_the_dollars_of_its_summary(tmp_path: Path) -> None:
    out, matrix = tmp_path / "run", tmp_path / "matrix.yaml"
    matrix.write_text("controls: none\nstrategies: [{ladder: two-step}, {ladder: cascade}]\n", encoding="utf-8")
    assert command("run", matrix, "--limit", 2, "--out", out, "--store", tmp_path / "calls.sqlite") == 0
    found = folder.read(out)

    sides = baseline_of(found)

    for row in found.summary["strategies"]:
        side = sides.sides[row["name"]]
        usd = side.tokens.usd(sides.prices, side.answered)
        assert usd.mean() == pytest.approx(row["metrics"]["cost_usd_warm"]["value"], rel=1e-12)
