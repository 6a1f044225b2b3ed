"""Validation: tell what kind of file each is by its content, and list everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ladder_bench import config, content, corpus, tiers
from ladder_bench.documents import Document, Loc, display, parse_json, read_json, read_text, read_yaml
from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem, path_text
from ladder_bench.gating.policy import PolicyShape, read_policy
from ladder_bench.judge import asking, labelled
from ladder_bench.judge.rubric import RubricShape, load_rubric, load_rubrics, read_rubric
from ladder_bench.recommend import policy

LINES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
DATASETS = (*LINES, ".parquet", ".csv")
YAML = (".yaml", ".yml")
CASES_HAVE = {"clean", "flawed"}  # keys of a case of the self-test
ARMS_HAVE = {"conversation", "arm"}  # keys of a finished transcript


class LexiconShape(tiers.Shape):
    version: tiers.Positive = 1
    languages: Annotated[list[tiers.Text], Field(min_length=1)]
    phrases: dict[str, Any]
    structures: list[str] = Field([])
    settings: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checked:
    """How many files were looked at, and their problems in order."""

    files: int
    problems: tuple[Problem, ...]


def validate(paths: Sequence[Path] | None) -> Checked:
    """Check files and folders; None stands for everything bundled."""
    problems: list[Problem] = []
    files: list[Path] = []
    for path in paths or [content.shipped(folder) for folder in ("datasets", "ladders", "rubrics")]:
        found = list(_files(path))
        files.extend(found)
        if not found:
            problems.append(Problem("is a folder without any file to check", str(path), 1, 1))
    for file in files:
        try:
            _check(file)
        except InputError as error:
            problems.extend(_in_order(error.problems, file))
    return Checked(len(files), tuple(dict.fromkeys(problems)))


def _in_order(problems: Sequence[Problem], file: Path) -> list[Problem]:
    """Each problem once, by its place; those of the files that a matrix names come after its own."""
    placed = [each if each.file else Problem(each.message, str(file), 1, 1, each.where) for each in problems]
    own = display(file)
    return sorted(dict.fromkeys(placed), key=lambda p: (p.file != own, p.file, p.line or 1, p.column or 1))


def _files(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (
        each for each in sorted(path.rglob("*")) if each.name.endswith((*YAML, *LINES)) and content.is_file(each)
    )


def _check(path: Path) -> None:
    if not content.is_file(path):
        raise InputError(Problem("no such file", str(path), 1, 1))
    keys = set(_first_line(path)) if path.name.endswith(LINES) else set()
    if keys >= CASES_HAVE:
        _cases(path)
        return
    if keys >= labelled.KEYS:
        labelled.load(str(path))
        return
    if keys >= ARMS_HAVE:
        raise InputError(
            Problem("is a log of arms: 'ladder-bench import --arms FILE --out RUN' checks it", str(path), 1, 1)
        )
    if _baseline(path):
        return
    if path.name.endswith(DATASETS) or _holds_conversations(path):
        corpus.load(str(path))
        return
    document = read_json(path) if path.suffix == ".json" else read_yaml(path)
    KINDS[kind_of(document)].check(document, path)


def _holds_conversations(path: Path) -> bool:
    """Say whether a file with another name holds a conversation a line, or a list of them."""
    if path.name.endswith(YAML):
        return False
    text = read_text(path).lstrip()
    if path.suffix == ".json":
        return text[:1] == "[" or '"messages"' in text
    return bool(_first_line(path))


def _first_line(path: Path) -> Mapping[str, Json]:
    """The object on the first line of a file of JSON lines, empty where there is none."""
    try:
        value = parse_json(read_text(path).lstrip().split("\n")[0], "", 1).value
    except InputError:
        return {}
    return value if isinstance(value, dict) else {}


def _baseline(path: Path) -> bool:
    """Check a gate's baseline; False where the file is none."""
    if path.suffix != ".json":
        return False
    from ladder_bench.sides import baselines  # brings numpy, which nothing else here needs

    if not baselines.is_baseline(path):
        return False
    baselines.load(path)
    return True


# --- kinds of files ------------------------------------------------------------------------


def _cases(path: Path) -> None:
    from ladder_bench.selftest import cases  # brings numpy, which nothing else here needs

    cases.load(str(path))


def _tiers(document: Document, path: Path) -> None:
    tiers.read_tiers(document)


def _prices(document: Document, path: Path) -> None:
    tiers.prices_in(document)


def _ladder(document: Document, path: Path) -> None:
    """A ladder names no tiers file; where the default one has all its tiers, their order is taken from there."""
    config.read_ladder(document, None, config.load_tiers("offline"))


def _rubric(document: Document, path: Path) -> None:
    rubric = read_rubric(document, path.parent)
    try:
        asking.check(rubric)
    except InputError as error:
        raise InputError([document.problem(("prompt",), each.message) for each in error.problems]) from None


def _gate(document: Document, path: Path) -> None:
    read_policy(document)


def _simulator(document: Document, path: Path) -> None:
    content.parse(tiers.SimulatorShape, document)


def _matrix(document: Document, path: Path) -> None:
    """A matrix is right when everything that it names is there, and right too."""
    problems: list[Problem] = []
    value = document.value
    names = value.get("rubrics", []) if isinstance(value.get("rubrics"), list) else []
    rubrics = [(("rubrics", i), lambda name=name: load_rubric(str(name), path)) for i, name in enumerate(names)]
    dataset = (
        [(("dataset",), lambda: _dataset(value["dataset"], path))] if isinstance(value.get("dataset"), str) else []
    )
    steps: list[tuple[Loc, Callable[[], object]]] = [
        ((), lambda: config.read_matrix(document, path)), *dataset, *rubrics
    ]  # fmt: skip
    for loc, step in steps:
        try:
            step()
        except InputError as error:
            problems.extend(each if each.file else document.problem(loc, each.message) for each in error.problems)
    if not problems:
        try:
            load_rubrics(names, path)
        except InputError as error:
            problems.append(document.problem(("rubrics",), str(error)))
    if problems:
        raise InputError(problems)


def _dataset(name: str, path: Path) -> None:
    """A dataset on the Hub is not fetched, and one in a file is checked when that file is."""
    if not name.startswith(corpus.hub.HUB):
        corpus.find(name, path)


def _lexicon(document: Document, path: Path) -> None:
    from ladder_bench.domain import TRIGGER_NAMES
    from ladder_bench.triggers import Rules

    shape = content.parse(LexiconShape, document)
    name = path.stem
    if name not in TRIGGER_NAMES:
        hint = content.did_you_mean(name, TRIGGER_NAMES)
        raise InputError(
            document.problem((), f"no trigger is called '{name}'{hint}; valid file names: {', '.join(TRIGGER_NAMES)}")
        )
    try:
        Rules({name: shape.model_dump()})
    except InputError as error:
        raise InputError([_placed(document, each, name) for each in error.problems]) from None


def _placed(document: Document, problem: Problem, name: str) -> Problem:
    """Find the line of a phrase or pattern: the problem names its group and quotes it."""
    where = problem.where.removeprefix(f"{name}.")
    group = next((loc for loc in document.positions if path_text(loc) == where), ())
    value = document.at(*group).value
    quoted = re.match(r"(['\"])(.*?)\1: ", problem.message)
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if quoted and quoted[2] in (str(item), repr(item)[1:-1], *(part.strip() for part in str(item).split(","))):
            return document.problem((*group, index), problem.message)
    return document.problem(group, problem.message)


def _recommendation(document: Document, path: Path) -> None:
    policy.read_policy(document)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: the key that only it has, all its keys, and how it is checked."""

    marker: str
    keys: tuple[str, ...]
    check: Callable[[Document, Path], None]


def _kind(marker: str, shape: Any, check: Callable[[Document, Path], None]) -> Kind:
    return Kind(marker, tuple(content.keys_of(shape)), check)


KINDS: Mapping[str, Kind] = {
    "matrix": _kind("strategies", config.MatrixShape, _matrix),
    "ladder": _kind("steps", config.LadderShape, _ladder),
    "rubric": _kind("grader", RubricShape, _rubric),
    "trigger lexicon": _kind("phrases", LexiconShape, _lexicon),
    "gate policy": _kind("margins", PolicyShape, _gate),
    "simulator": _kind("profiles", tiers.SimulatorShape, _simulator),
    "tiers file": _kind("tiers", tiers.TiersShape, _tiers),
    "price list": _kind("prices", tiers.PricesShape, _prices),
    "policy of recommend": _kind("traffic", policy.PolicyShape, _recommendation),
}


def kind_of(document: Document) -> str:
    """What a file means to be: by the key that only its kind has, else by the keys it has, typing errors included.

    Raises InputError where nothing tells.
    """
    value = document.value
    listed = ", ".join(f"a {name} has '{kind.marker}'" for name, kind in KINDS.items() if name != "simulator")
    if isinstance(value, Mapping) and "messages" in value:
        raise InputError(document.problem(("messages",), "is a conversation: put it on one line of a .jsonl file"))
    if not isinstance(value, Mapping):
        what = (
            "is empty"
            if value is None
            else f"must be a mapping, not a {'list' if isinstance(value, list) else 'single value'}"
        )
        raise InputError(document.problem((), f"{what}; {listed}"))
    for name, kind in KINDS.items():
        if kind.marker in value:
            return name
    score = {
        name: sum(2 if key in kind.keys else bool(content.did_you_mean(key, kind.keys)) for key in value)
        for name, kind in KINDS.items()
    }
    best = max(score, key=lambda name: score[name])
    if not score[best]:
        raise InputError(document.problem((), f"is no file that ladder-bench knows: {listed}"))
    return best
