"""The README's worked examples are what the commands print, and its Python is what the interface does."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path

import pytest

import ladder_bench as lb
from ladder_bench import cli

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
WIDTH = "110"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def sessions() -> list[tuple[str, list[str]]]:
    """The commands of the README's consoles, each with the lines shown below it."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def words(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


def test_the_worked_examples_are_real_output(
    place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", WIDTH)
    monkeypatch.chdir(place)
    shown = 0
    for command, lines in sessions():
        with contextlib.suppress(SystemExit):
            cli.main(shlex.split(command)[1:])
        printed = words(capsys.readouterr().out.splitlines())
        for part in "\n".join(lines).split("..."):
            wanted = words(part.splitlines())
            assert wanted in printed, command
            shown += bool(wanted)
    assert shown == 5


def test_the_python_of_the_readme_runs(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(code, {"lb": lb})  # our own words


def test_every_path_that_the_readme_links_to_is_there() -> None:
    root = Path(__file__).parents[1]
    for path in re.findall(r"\]\(([^)#:]+)[^):]*\)", README):
        assert (root / path).exists(), path
