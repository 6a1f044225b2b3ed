"""Validation: tell what kind of file each is by its content, and list everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import config, content, corpus
from ladder_bench.errors import InputError, Problem
from ladder_bench.judge.rubric import read_rubric
from ladder_bench.triggers import Rules

DATASET_SUFFIXES = (".jsonl", ".gz", ".zst", ".json", ".parquet", ".csv")
YAML_SUFFIXES = (".yaml", ".yml")
KINDS = {"tiers": "tiers", "strategies": "matrix", "steps": "ladder", "grader": "rubric", "languages": "triggers"}


@dataclass(frozen=True, slots=True)
class Checked:
    """How many files were looked at, and their problems in order."""

    files: int
    problems: tuple[Problem, ...]


def validate(paths: Sequence[Path] | None) -> Checked:
    """Check files and folders; None stands for everything bundled."""
    files = [each for path in paths for each in _files(path)] if paths else list(_bundled())
    problems: list[Problem] = []
    for path in files:
        try:
            _check(path)
        except InputError as error:
            problems.extend(error.problems)
    return Checked(len(files), tuple(problems))


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for each in sorted(path.rglob("*")):
        if each.is_file() and each.name.endswith((*YAML_SUFFIXES, ".jsonl", ".jsonl.gz", ".jsonl.zst")):
            yield each


def _bundled() -> Iterator[Path]:
    for folder in ("datasets", "ladders", "rubrics"):
        yield from (path for path in _files(content.shipped(folder)) if path.name != "simulator.yaml")


def _check(path: Path) -> None:
    if not path.is_file():
        raise InputError(Problem("no such file", str(path)))
    if path.name.endswith(DATASET_SUFFIXES):
        corpus.load(str(path))
        return
    document = content.read_yaml(path)
    kind = next((KINDS[key] for key in KINDS if isinstance(document.value, dict) and key in document.value), None)
    if kind is None:
        what = "is no file that ladder-bench knows: a ladder has 'steps', a tiers file 'tiers', a matrix 'strategies', a rubric 'grader'"
        raise InputError(document.problem((), what))
    if kind == "matrix":
        config.read_matrix(document, path)
    elif kind == "tiers":
        config.read_tiers(document)
    elif kind == "ladder":
        config.read_ladder(document, None)
    elif kind == "rubric":
        read_rubric(document)
    else:
        Rules({path.stem: document.value})
