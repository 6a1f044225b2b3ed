"""The corpus: recorded conversations, from a file, a bundled name or the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import content
from ladder_bench.corpus import conversation, hub
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
    documents = hub.documents(name) if hub.handles(name) else content.read_json_lines(find(name, near))
    conversations, notes = _build(documents, limit)
    if not conversations:
        raise InputError(f"{name}: holds no conversation; at least one line with 'messages' is needed")
    digest = digest_of(*(part for each in conversations for part in (each.id, each.digest)))
    return Corpus(Path(name).name.split(".")[0] if not hub.handles(name) else name, conversations, digest, notes)


def find(name: str, near: Path | None = None) -> Path:
    """Path of a dataset's conversations. Raises InputError, naming the bundled datasets."""
    for candidate in (Path(name), *([near.parent / name] if near else [])):
        if candidate.is_file():
            return candidate
        if (candidate / "conversations.jsonl").is_file():
            return candidate / "conversations.jsonl"
    bundled = sorted(path.parent.name for path in content.shipped("datasets").glob("*/conversations.jsonl"))
    if name in bundled:
        return content.shipped("datasets", name, "conversations.jsonl")
    raise InputError(
        f"no such dataset: '{name}'{content.did_you_mean(name, bundled)}; "
        f"valid: a .jsonl, .jsonl.gz or .jsonl.zst file, hf:owner/name[:split], or bundled: {', '.join(bundled)}"
    )


def _build(
    documents: Iterable[content.Document | Problem], limit: int | None
) -> tuple[tuple[Conversation, ...], tuple[str, ...]]:
    found: list[Conversation] = []
    lines: dict[str, int | None] = {}
    problems: list[Problem] = []
    notes: dict[str, int] = {}
    for document in documents:
        if len(problems) >= MOST_PROBLEMS or (limit is not None and len(found) >= limit and not problems):
            break
        if isinstance(document, Problem):
            problems.append(document)
            continue
        try:
            built = conversation.build(document, notes)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if built.id in lines:
            message = f"duplicate id '{built.id}': first on line {lines[built.id]}; ids must be unique"
            problems.append(document.problem(("id",), message))
            continue
        lines[built.id] = document.line
        found.append(built)
    if problems:
        raise InputError(problems[:MOST_PROBLEMS])
    return tuple(found), tuple(_counted(notes))


def _counted(notes: dict[str, int]) -> Iterator[str]:
    for note, count in sorted(notes.items()):
        yield f"{note} ({count}x)"
