"""A log: recorded conversations as they came in, with the time when each began. A dataset, or one arm of several."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import content, corpus
from ladder_bench.corpus import arms, conversation, hub, shapes
from ladder_bench.documents import Document, display
from ladder_bench.domain import Conversation, digest_of
from ladder_bench.errors import InputError


@dataclass(frozen=True, slots=True)
class Log:
    """`began`: Unix seconds of each conversation's first user message, None where not logged; None for a part of a log.

    `arm` is None for a dataset. `notes` say what was merged or left out, with counts.
    """

    name: str
    conversations: tuple[Conversation, ...]
    digest: str
    began: tuple[float | None, ...] | None
    arm: str | None = None
    notes: tuple[str, ...] = ()


def load(name: str, arm: str | None = None, limit: int | None = None) -> Log:
    """Load a dataset by path, bundled name or hf:owner/name, or one arm of a file of arms. Raises InputError.

    Of several samples of a conversation the first counts: repeats of one conversation are not traffic.
    """
    path = None if hub.handles(name) else corpus.find(name)
    if path is not None and arms.handles(path):
        return _arm(path, arm, limit)
    if arm is not None:
        shown = name if path is None else display(path)
        raise InputError(f"--arm '{content.shortened(arm)}': {shown} is a dataset, its lines name no arm; leave it out")
    found = corpus.load(name, limit=limit)
    cut = limit is not None and len(found.conversations) >= limit
    began = None if cut else _began(hub.documents(name, {}) if path is None else corpus._documents(path))
    return Log(found.name, found.conversations, found.digest, began, None, found.notes)


def _arm(path: Path, arm: str | None, limit: int | None) -> Log:
    whole = arms.lines(path)
    counts = arms.names(whole)
    listed = ", ".join(counts)
    if arm is None and len(counts) > 1:
        raise InputError(f"{display(path)} holds {len(counts)} arms; pick one with --arm: {listed}")
    chosen = next(iter(counts)) if arm is None else arm
    if chosen not in counts:
        hint = content.did_you_mean(chosen, counts)
        raise InputError(f"no such arm: '{content.shortened(chosen)}'{hint}; {display(path)} has: {listed}")
    lines = [line for line in whole if line.arm == chosen]
    first: dict[str, arms.Line] = {}
    for line in lines:
        if line.conversation not in first or line.sample < first[line.conversation].sample:
            first[line.conversation] = line
    kept = list(first.values())[:limit]
    notes: dict[str, int] = {}
    if len(first) < len(lines):
        notes["further samples of a conversation left out: the first counts"] = len(lines) - len(first)
    if totals := sum(line.usage is not None for line in kept):
        notes["usage of whole conversations not used: it cannot be told apart by turn"] = totals
    built = arms.build(kept, notes)
    digest = digest_of(*(part for each in built for part in (each.id, each.digest)))
    began = None if len(kept) < len(first) else _began(line.document for line in kept)
    counted = tuple(f"{note} ({count}x)" for note, count in sorted(notes.items()))
    return Log(path.name.split(".")[0], built, digest, began, chosen, counted)


def _began(documents: Iterable[Document | InputError]) -> tuple[float | None, ...]:
    return tuple(_first_time(document) for document in documents if isinstance(document, Document))


def _first_time(document: Document) -> float | None:
    """When the first user message was sent; the conversation was built from this document, so it has one."""
    messages = document.value["messages"]
    part = document.at("messages", next(at for at, message in enumerate(messages) if message["role"] == "user"))
    return conversation._time(content.parse(shapes.MessageShape, part), part, [])
