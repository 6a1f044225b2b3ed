"""The corpus: recorded conversations, from a file, a bundled name or the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ladder_bench import content, documents
from ladder_bench.corpus import conversation, hub
from ladder_bench.documents import Document, display
from ladder_bench.domain import Conversation, digest_of
from ladder_bench.errors import InputError, Problem

MOST_PROBLEMS = 50  # a file in another format is wrong on every line; the first ones tell


@dataclass(frozen=True, slots=True)
class Corpus:
    """A dataset as it was read. `notes` say what was merged or left out, with counts."""

    name: str
    conversations: tuple[Conversation, ...]
    digest: str
    notes: tuple[str, ...] = ()

    @property
    def turns(self) -> int:
        return sum(len(each.turns) for each in self.conversations)


def load(name: str, near: Path | None = None, limit: int | None = None) -> Corpus:
    """Load a dataset: a path, a bundled name or `hf:owner/name[:split]`. Raises InputError."""
    notes: dict[str, int] = {}
    tabular = hub.handles(name)
    conversations = _build(hub.documents(name, notes, near) if tabular else _documents(find(name, near)), limit, notes)
    if not conversations:
        what = "holds no conversation; at least one line with 'messages' is needed"
        raise InputError(Problem(what, name if tabular else display(find(name, near)), 1, 1))
    return Corpus(_name(name), conversations, _digest(conversations), tuple(_counted(notes)))


def among(loaded: Corpus, ids: Collection[str]) -> Corpus:
    """The conversations with these ids alone. Raises InputError where one of them is not there."""
    kept = tuple(each for each in loaded.conversations if each.id in ids)
    if len(kept) != len(set(ids)):
        missing = sorted(set(ids) - {each.id for each in kept})
        raise InputError(f"dataset '{loaded.name}': has no conversation '{missing[0]}' ({len(missing)} are missing)")
    return replace(loaded, conversations=kept, digest=_digest(kept))


def _digest(conversations: Iterable[Conversation]) -> str:
    return digest_of(*(part for each in conversations for part in (each.id, each.digest)))


def find(name: str, near: Path | None = None) -> Path:
    """Path of a dataset's conversations. Raises InputError, naming the bundled datasets."""
    for candidate in (Path(name), *([near.parent / name] if near else [])):
        for path in (candidate, candidate / "conversations.jsonl"):
            if content.is_file(path):
                return path
    bundled = sorted(path.parent.name for path in content.shipped("datasets").glob("*/conversations.jsonl"))
    if name in bundled:
        return content.shipped("datasets", name, "conversations.jsonl")
    raise InputError(
        f"no such dataset: '{content.shortened(name)}'{content.did_you_mean(name, bundled)}; "
        "valid: a .jsonl (.gz, .zst), .json, .parquet or .csv file, a folder with conversations.jsonl, "
        f"hf:owner/name[:split], or bundled: {', '.join(bundled)}"
    )


def _name(name: str) -> str:
    """What the dataset is called in reports: by its file, or by its folder where all files have the same name."""
    if name.startswith(hub.HUB):
        return name
    path = Path(name)
    return (path.parent if path.name == "conversations.jsonl" and path.parent.name else path).name.split(".")[0]


def _documents(path: Path) -> Iterator[Document | InputError]:
    """The conversations of a file: a line each, or the items of a .json file."""
    if path.suffix != ".json":
        yield from documents.read_json_lines(path)
        return
    whole = documents.read_json(path)
    if isinstance(whole.value, list):
        yield from (whole.at(index) for index in range(len(whole.value)))
    else:
        yield whole


def _build(
    found: Iterable[Document | InputError], limit: int | None, notes: dict[str, int]
) -> tuple[Conversation, ...]:
    conversations: list[Conversation] = []
    first: dict[str, int | None] = {}
    problems: list[Problem] = []
    for document in found:
        if len(problems) >= MOST_PROBLEMS:
            last = problems[MOST_PROBLEMS - 1]
            more = Problem("the rest of the file was not checked: put these right first", last.file, last.line, 1)
            raise InputError([*problems[:MOST_PROBLEMS], more])
        if limit is not None and len(conversations) >= limit and not problems:
            break
        try:
            if isinstance(document, InputError):
                raise document
            built = conversation.build(document, notes)
            line = document.problem(("id",), "").line if document.root else document.line
            if built.id in first:
                what = f"duplicate id '{built.id}': first on line {first[built.id]}; ids must be unique"
                raise InputError(document.problem(("id",), what))
            first[built.id] = line
            conversations.append(built)
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    return tuple(conversations)


def _counted(notes: dict[str, int]) -> Iterator[str]:
    for note, count in sorted(notes.items()):
        yield f"{note} ({count}x)"
