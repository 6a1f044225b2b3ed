"""What a gate tells people and pipelines: terminal, JSON, JUnit, GitHub, Markdown, and exit codes."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from gate_runs import Made, command, decide, luck, noisy, run, written
from ladder_bench import folder
from ladder_bench.report import gate as pages
from ladder_bench.report import gate_ci
from report_runs import HOSTILE

N = 200
OLD = {"ladder": Made(quality=noisy(N), resolved=luck(N))}
WORSE = {"ladder": Made(quality=noisy(N, 0.7, seed=1), resolved=luck(N, 0.6))}
OPEN = {"ladder": Made(quality=noisy(N, 0.88, seed=1, sd=0.2), resolved=luck(N, 0.79, seed=2))}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Folders of the old run, a worse one and one that does not tell, and the old one's baseline."""
    made = {"old": OLD, "worse": WORSE, "open": OPEN}
    found = {name: written(tmp_path / name, run(N, made=each)) for name, each in made.items()}
    found["baseline"] = tmp_path / "baseline.json"
    assert command("baseline", "update", found["old"], "--out", found["baseline"]) == 0
    return found


# --- the command ---------------------------------------------------------------------------


def gate(files: dict[str, Path], name: str, *more: object) -> int:
    return command("gate", files[name], "--baseline", files["baseline"], *more)


def test_exit_codes_are_0_pass_1_fail_2_refused_3_inconclusive(files: dict[str, Path], tmp_path: Path) -> None:
    files["other"] = written(tmp_path / "other", run(N, made=OLD, about={"mode": "forced"}))

    assert [gate(files, name) for name in ("old", "worse", "other", "open")] == [0, 1, 2, 3]


@pytest.mark.parametrize(("lenience", "code"), [("fail", 1), ("warn", 0), ("pass", 0)])
def test_what_inconclusive_means_is_the_pipelines_choice(
    files: dict[str, Path], lenience: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text(f"on_inconclusive: {lenience}\n", encoding="utf-8")

    assert gate(files, "open", "--on-inconclusive", lenience) == code
    assert gate(files, "open", "--policy", policy) == code
    assert "INCONCLUSIVE" in capsys.readouterr().out


def test_what_is_needed_stands_beside_what_is_open_alone() -> None:
    found = decide(run(N, made=OPEN), run(N, made=OLD))

    shown = {line.outcome: bool(line.needed) for line in pages.lines(found)}
    assert shown == {each: each == "inconclusive" for each in shown}
    assert all(each["needed_n"] for each in found["tests"] if each["value"])
    failed = pages.lines(decide(run(N, made=WORSE), run(N, made=OLD)))
    assert not any(line.needed for line in failed if line.outcome == "fail")


def test_the_first_line_is_the_outcome_and_why(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    gate(files, "worse")

    first = capsys.readouterr().out.splitlines()[0]

    assert first.startswith("FAIL: ")
    assert "quality is shown to be worse" in first


def test_json_has_the_stable_names(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    gate(files, "open", "--json")

    found = json.loads(capsys.readouterr().out)

    assert found["outcome"] == "inconclusive"
    assert found["needed_n"] > 0
    assert [each["name"] for each in found["tests"]] == ["qpd", "quality", "harm"]
    assert found["primary"]["name"] == "qpd"


def test_a_refusal_is_json_on_stdout_and_its_reasons_on_stderr(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["other"] = written(tmp_path / "other", run(N, made=OLD, about={"mode": "forced"}))
    capsys.readouterr()

    assert gate(files, "other", "--json") == 2
    said = capsys.readouterr()

    assert json.loads(said.out)["outcome"] == "refused"
    assert said.err == f"error: {json.loads(said.out)['reasons'][0]}\n"


def test_a_wrong_policy_is_refused_with_its_place(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("margins:\n  qualty: 0.03\n", encoding="utf-8")

    assert gate(files, "old", "--policy", policy) == 2
    assert "policy.yaml:2:3: margins.qualty: unknown key; did you mean 'quality'?" in capsys.readouterr().err


def test_a_policy_is_recognised_by_validate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("tests: [qpd, harms]\n", encoding="utf-8")

    assert command("validate", policy) == 2
    assert "policy.yaml:1:14: tests[1]: unknown value" in capsys.readouterr().out


def test_prices_from_a_file_hold_for_both_sides(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("prices: {light: {input: 0, output: 0}}\n", encoding="utf-8")

    assert gate(files, "old", "--prices", prices) == 2
    assert "has a price of 0" in capsys.readouterr().err
    prices.write_text("prices: {light: {input: 5, output: 20}}\n", encoding="utf-8")
    assert gate(files, "old", "--prices", prices) == 0
    assert "repriced: light input 0.5 -> 5" in capsys.readouterr().out


def test_an_anchor_must_be_one(files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate(files, "old", "--anchor", files["baseline"]) == 2
    assert "is a baseline that is no anchor" in capsys.readouterr().err
    command("baseline", "update", files["old"], "--out", tmp_path / "anchor.json", "--anchor")
    assert gate(files, "old", "--anchor", tmp_path / "anchor.json") == 0
    assert "quality against the anchor" in capsys.readouterr().out


# --- JUnit ---------------------------------------------------------------------------------

SUITE = {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "package"}
CASE = {"name", "classname", "time"}
ORDER = ["properties", "testcase", "system-out", "system-err"]  # of a suite's children, in both common schemas


def checked(text: str) -> ET.Element:
    """The suite of a JUnit file, held against what the Jenkins and the Ant schema have in common."""
    root = ET.fromstring(text.encode("utf-8"))
    assert (root.tag, root.attrib) == ("testsuites", {})
    (suite,) = root
    assert suite.tag == "testsuite"
    assert set(suite.attrib) == SUITE
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
    kinds = [each.tag for each in suite]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert kinds.count("properties") == kinds.count("system-out") == kinds.count("system-err") == 1
    cases = suite.findall("testcase")
    for case in cases:
        assert set(case.attrib) == CASE
        assert float(case.attrib["time"]) >= 0
        assert [child.tag for child in case] in ([], ["skipped"], ["failure"], ["error"])
        for child in case:
            assert set(child.attrib) == ({"message"} if child.tag == "skipped" else {"type", "message"})
    for tag, attribute in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == sum(case.find(tag) is not None for case in cases)
    assert int(suite.attrib["tests"]) == len(cases)
    return suite


def test_junit_holds_a_case_a_test(files: dict[str, Path], tmp_path: Path) -> None:
    gate(files, "worse", "--junit", tmp_path / "junit.xml")

    suite = checked((tmp_path / "junit.xml").read_text(encoding="utf-8"))

    names = [case.attrib["name"] for case in suite.findall("testcase")]
    assert names[:3] == ["quality per dollar", "quality, points", "unsupported claims a turn"]
    assert int(suite.attrib["failures"]) >= 1


def test_what_is_open_is_skipped_or_fails_as_the_pipeline_says(files: dict[str, Path], tmp_path: Path) -> None:
    gate(files, "open", "--junit", tmp_path / "open.xml")
    gate(files, "open", "--junit", tmp_path / "strict.xml", "--on-inconclusive", "fail")

    lenient, strict = (checked((tmp_path / name).read_text(encoding="utf-8")) for name in ("open.xml", "strict.xml"))

    assert int(lenient.attrib["skipped"]) > 0 == int(lenient.attrib["failures"])
    assert int(strict.attrib["failures"]) == int(lenient.attrib["skipped"])


def test_junit_of_a_refusal_has_an_error_a_reason(files: dict[str, Path], tmp_path: Path) -> None:
    files["other"] = written(tmp_path / "other", run(N, made=OLD, about={"mode": "forced"}))

    gate(files, "other", "--junit", tmp_path / "junit.xml")

    assert checked((tmp_path / "junit.xml").read_text(encoding="utf-8")).attrib["errors"] == "1"


# --- GitHub and Markdown -------------------------------------------------------------------


def test_github_gets_a_summary_and_at_most_ten_annotations(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    capsys.readouterr()

    gate(files, "worse", "--github")

    commands = [line for line in capsys.readouterr().out.splitlines() if line.startswith("::")]
    assert 1 < len(commands) <= 10
    assert commands[0].startswith("::error title=ladder-bench gate::FAIL: ")
    assert summary.read_text(encoding="utf-8").startswith("before\n### FAIL: ")


def test_beside_json_annotations_go_to_stderr(files: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    gate(files, "worse", "--github", "--json")

    said = capsys.readouterr()

    json.loads(said.out)
    assert "::error title=ladder-bench gate::FAIL" in said.err


def test_forty_slices_are_ten_annotations() -> None:
    tags = {f"talk-{index:04}": [f"tag-{index % 40}"] for index in range(N)}
    slices = [{"tag": f"tag-{index}"} for index in range(40)]
    found = decide(run(N, made=WORSE, tags=tags), run(N, made=OLD, tags=tags), policy={"limits": {"slices": slices}})

    commands = gate_ci.workflow_commands(found, None)

    assert len(commands) == 10
    assert "more: see the step summary" in commands[-1]


def test_percent_signs_and_line_ends_do_not_break_a_workflow_command() -> None:
    found = {"outcome": "refused", "reasons": ["50 % of\n::error::it"]}

    commands = gate_ci.workflow_commands(found, None)

    assert commands == ["::error title=ladder-bench gate::REFUSED: 50 %25 of ::error::it"]


def test_a_summary_of_10000_conversations_is_small_and_holds_no_text() -> None:
    n = 10_000
    new = run(n, made={"ladder": Made(quality=noisy(n), resolved=luck(n), turns=1)})

    page = gate_ci.markdown(decide(new, new))

    assert len(page.encode()) < 20_000
    assert "talk-" not in page


def hostile(outcome: str) -> dict[str, Any]:
    """A decision whose names are anybody's text."""
    made = {"pass": OLD, "fail": WORSE, "inconclusive": OPEN}[outcome]
    new = run(N, made={HOSTILE: made["ladder"]}, about={"dataset": _named(HOSTILE)})
    return decide(new, run(N, made={HOSTILE + "2": OLD["ladder"]}))


def _named(name: str) -> dict[str, Any]:
    return {**run(N).about["dataset"], "name": name}


@pytest.mark.parametrize("outcome", ["pass", "fail", "inconclusive"])
def test_hostile_names_are_text_in_every_output(outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = hostile(outcome)

    checked(gate_ci.junit(found, None, "2026-01-02T03:04:05+00:00"))
    page = gate_ci.markdown(found)
    pages.print_gate(found)
    said = capsys.readouterr().out

    assert found["outcome"] == outcome
    assert "<script>" not in page.replace("\\<script\\>", "")
    for text in (page, said, *gate_ci.workflow_commands(found, None)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\u200b]", text)
    assert all(line.count("\n") == 0 for line in gate_ci.workflow_commands(found, None))


def test_simulated_tiers_are_named_in_every_output() -> None:
    simulated = {
        "tiers": [{**tier, "model": "simulated/light"} for tier in run(N).about["tiers"]],
    }
    found = decide(run(N, made=OLD, about=simulated), run(N, made=OLD, about=simulated))

    assert found["simulated"] == ["light"]
    assert "in this simulation" in pages.headline(found)
    for text in (gate_ci.markdown(found), gate_ci.junit(found, None, "")):
        assert "they say nothing about any model" in text


def test_numbers_are_shown_as_percent_points_and_dollars() -> None:
    found = decide(run(N, made=WORSE), run(N, made=OLD))

    lines = {line.name: line for line in pages.lines(found)}

    assert re.fullmatch(r"−\d+\.\d %", lines["quality per dollar"].value)
    assert lines["quality per dollar"].allowed == "−10.0 %"
    assert lines["quality, points"].allowed == "−3.0"
    assert lines["padding"].allowed == "≤ 1.50 x"
    assert "in dollars a conversation: +$" in pages.money(found)[1]


def test_reasons_with_hostile_ids_are_a_line_each(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files["other"] = written(tmp_path / "other", run(names=[f"\x1b[31m\n{index}" for index in range(N)], made=OLD))
    capsys.readouterr()

    assert gate(files, "other", "--github", "--markdown", tmp_path / "m.md", "--junit", tmp_path / "j.xml") == 2
    said = capsys.readouterr()

    assert "\x1b" not in said.err + said.out + (tmp_path / "m.md").read_text(encoding="utf-8")
    assert [line[:6] for line in said.err.splitlines() if "GITHUB" not in line] == ["error:"] * 2
    checked((tmp_path / "j.xml").read_text(encoding="utf-8"))


def test_a_gate_reads_a_run_folder_and_nothing_else(files: dict[str, Path]) -> None:
    before = {path: path.read_bytes() for path in files["old"].iterdir()}

    gate(files, "old")

    assert before == {path: path.read_bytes() for path in files["old"].iterdir()}
    assert folder.is_complete(files["old"])
