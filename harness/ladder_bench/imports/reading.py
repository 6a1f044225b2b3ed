"""Reading: files of finished transcripts, whatever their format, as the lines of arms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Literal

from ladder_bench import content, documents
from ladder_bench.corpus import arms, tau
from ladder_bench.documents import Document, display
from ladder_bench.errors import InputError, Problem

Format = Literal["arms", "tau-bench"]
LOOKED_AT = 100  # lines that may tell the format: the first ones may be broken
VALID = "valid: lines of arms, {conversation, arm, messages}, or tau-bench's results, [{task_id, reward, traj}]"


@dataclass(frozen=True, slots=True)
class Log:
    """The lines of all files, those of the picked arms, and what was not used, with counts."""

    formats: tuple[Format, ...]
    lines: tuple[arms.Line, ...]
    notes: dict[str, int] = field(default_factory=dict)


def read(files: Sequence[Path], names: Sequence[str] = (), forced: Format | None = None) -> Log:
    """Read files. `names`: the arms to take; for results of tau-bench, which name none, what to call each file's.

    `forced`: the format of all files, whatever they look like.
    Raises InputError with everything wrong.
    """
    if not files:
        raise InputError("no file: name one with --arms FILE")
    for path in files:
        if not path.is_file():
            what = "is a folder; a file is needed" if path.is_dir() else "no such file"
            raise InputError(f"{display(path)}: {what}")
    formats = [forced or _format(path) for path in files]
    trials = [path for path, each in zip(files, formats, strict=True) if each == "tau-bench"]
    called = _called(trials, names, named_by_files=len(trials) < len(files))
    notes: dict[str, int] = {}
    found = arms.collected(
        document
        for path, each in zip(files, formats, strict=True)
        for document in (_arms(path) if each == "arms" else _trials(path, called[path], notes))
    )
    if not found:
        raise InputError([Problem("holds no transcript", display(path), 1, 1) for path in files])
    return Log(tuple(dict.fromkeys(formats)), _picked(found, names, files), notes)


def stem(path: Path) -> str:
    """A file's name without its endings, of which .json.gz is two: dots inside a name stay."""
    name = path.name
    for ending in (".gz", ".zst", ".jsonl", ".json", ".ndjson"):
        name = name.removesuffix(ending)
    return name or path.name


def _format(path: Path) -> Format:
    """What a file holds, by its first lines. Raises InputError where it is neither, naming what would be."""
    text = documents.read_text(path).lstrip()
    if not text:
        raise InputError(Problem("is empty", display(path), 1, 1))
    if text.startswith("["):
        value = documents.read_json(path).value
        if tau.is_results(value):
            return "tau-bench"
        lines = value[:LOOKED_AT]
    else:
        read = list(islice(documents.read_json_lines(path), LOOKED_AT))
        lines = [each.value for each in read if isinstance(each, Document)]
        if not lines and not _is_one_value(path):
            raise next(each for each in read if isinstance(each, InputError))
    if any(isinstance(each, dict) and ("arm" in each or "conversation" in each) for each in lines):
        return "arms"
    raise InputError(Problem(f"holds no transcripts of arms; {VALID}", display(path), 1, 1))


def _is_one_value(path: Path) -> bool:
    """Whether a file is one JSON value over several lines."""
    try:
        return bool(documents.read_json(path).value)
    except InputError:
        return False


def _arms(path: Path) -> Iterator[Document | InputError]:
    """The lines of a file, or the items of a file that is one list."""
    if documents.read_text(path).lstrip()[:1] != "[":
        yield from documents.read_json_lines(path)
        return
    whole = documents.read_json(path)
    yield from (whole.at(index) for index in range(len(whole.value)))


def _trials(path: Path, arm: str, notes: dict[str, int]) -> Iterator[Document | InputError]:
    whole = documents.read_json(path)
    if not isinstance(whole.value, list):
        raise InputError(whole.problem((), f"must be a list of results; {VALID}"))
    yield from tau.items(whole, arm, notes)


# --- arms ----------------------------------------------------------------------------------


def _called(trials: Sequence[Path], names: Sequence[str], named_by_files: bool) -> dict[Path, str]:
    """The arm of each file that names none: what the user calls it, else the file's own name. Raises InputError."""
    found = {path: stem(path) for path in trials}
    if trials and names and not named_by_files:
        if len(names) != len(trials):
            raise InputError(
                f"--arm: {len(names)} given for {len(trials)} files of tau-bench; give a name for each file, in their "
                "order, or leave them out: arms are then called after their files"
            )
        found = dict(zip(trials, names, strict=True))
    if len(set(found.values())) < len(found):
        same = next(name for name in found.values() if list(found.values()).count(name) > 1)
        raise InputError(f"two files would both be arm '{same}'; name each with --arm, in the order of the files")
    return found


def _picked(found: Sequence[arms.Line], names: Sequence[str], files: Sequence[Path]) -> tuple[arms.Line, ...]:
    """The lines of the arms that were asked for, all without any. Raises InputError for an arm that is not there."""
    known = arms.names(found)
    for name in names:
        if name not in known:
            listed = ", ".join(known)
            hint = content.did_you_mean(name, known)
            where = ", ".join(map(display, files))
            raise InputError(f"no such arm: '{content.shortened(name)}'{hint}; {where} has: {listed}")
    return tuple(line for line in found if not names or line.arm in names)
