"""The action for GitHub: what it passes on, and that nothing in it is pasted into a script."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ladder_bench.documents import read_yaml

FILE = Path(__file__).parents[1] / ".github" / "actions" / "gate" / "action.yml"
STUB = """#!/bin/sh
for each in "$@"; do echo "$each" >> "$ARGUMENTS"; done
echo "### FAIL: worse" > "$OUT/comment.md"
exit 1
"""


WRONG_USAGE = """#!/bin/sh
echo "$@" >> "$ARGUMENTS"
exit 2
"""


def action() -> dict[str, Any]:
    return dict(read_yaml(FILE).value)


def done(tmp_path: Path, stub: str = STUB, **inputs: str) -> tuple[int, list[str], str]:
    """The action's script with a command that writes down what it is given: exit code, arguments, outputs."""
    (tmp_path / "ladder-bench").write_text(stub, encoding="utf-8")
    (tmp_path / "ladder-bench").chmod(0o755)
    step = action()["runs"]["steps"][1]
    given = {name: inputs.get(name.lower(), "") for name in step["env"]} | {"OUT": str(tmp_path / "out")}
    environment = {
        **os.environ, **given, "PATH": f"{tmp_path}:{os.environ['PATH']}", "ARGUMENTS": str(tmp_path / "arguments"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
    }  # fmt: skip
    left = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", step["run"]], env=environment, check=False)
    arguments = (tmp_path / "arguments").read_text(encoding="utf-8").splitlines()
    return left.returncode, arguments, (tmp_path / "outputs").read_text(encoding="utf-8")


def test_the_action_passes_its_inputs_and_the_exit_code_on(tmp_path: Path) -> None:
    code, arguments, outputs = done(tmp_path, run="runs/new", baseline="b.json", on_inconclusive="warn", strict="true")

    out = tmp_path / "out"
    assert code == 1
    assert arguments == [
        "gate", "--baseline=b.json", "--github", f"--junit={out}/junit.xml", f"--markdown={out}/comment.md",
        "--on-inconclusive=warn", "--strict", "--", "runs/new",
    ]  # fmt: skip
    assert outputs.splitlines()[0] == "outcome=fail"


def test_an_earlier_decision_is_not_taken_for_this_one(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "comment.md").write_text("### PASS: identical", encoding="utf-8")

    code, _, outputs = done(tmp_path, stub=WRONG_USAGE, run="runs/new", baseline="b.json")

    assert code == 2
    assert outputs.splitlines()[0] == "outcome=refused"


def test_an_input_with_shell_code_in_it_is_text(tmp_path: Path) -> None:
    nasty = "$(touch pwned)`touch pwned`; touch pwned"

    _, arguments, _ = done(tmp_path, run=nasty, baseline="b.json", strategy=nasty)

    assert arguments[-1] == nasty
    assert f"--strategy={nasty}" in arguments
    assert not list(tmp_path.rglob("pwned"))


@pytest.mark.parametrize("step", action()["runs"]["steps"], ids=lambda step: str(step["name"]))
def test_no_expression_stands_in_a_script(step: dict[str, Any]) -> None:
    assert "${{" not in step["run"]


def test_every_input_is_used() -> None:
    text = FILE.read_text(encoding="utf-8")

    assert [name for name in action()["inputs"] if f"inputs.{name}" not in text] == []
