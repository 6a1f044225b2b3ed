"""Lines: conversations as they stand in a file, with some of their keys changed. All other keys keep their bytes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import corpus
from ladder_bench.corpus import Corpus, hub
from ladder_bench.documents import Document, display
from ladder_bench.domain import Conversation, Json
from ladder_bench.errors import InputError

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class Line:
    """A conversation, and the JSON that it was built from."""

    conversation: Conversation
    document: Document

    @property
    def value(self) -> Mapping[str, Json]:
        found: Mapping[str, Json] = self.document.value
        return found

    def text(self, changes: Mapping[str, Json]) -> str:
        """The line with these keys replaced, or added at its end; None takes one out.

        A conversation that was called after its place gets that as its id: the place may be another in a new file.
        """
        if self.value.get("id") is None:
            changes = {"id": self.conversation.id, **changes}
        source = self.document.source if not self.document.root else ""
        if source and not changes:
            return source.strip()
        whole = _members(source) if source else {_json(key): _json(each) for key, each in self.value.items()}
        for key, each in changes.items():
            whole.pop(_json(key), None) if each is None else whole.update({_json(key): _json(each)})
        return "{" + ", ".join(f"{key}: {each}" for key, each in whole.items()) + "}"


def read(name: str, limit: int | None = None) -> tuple[Corpus, tuple[Line, ...]]:
    """A dataset, and its lines. Raises InputError."""
    loaded = corpus.load(name, limit=limit)
    found = hub.documents(name, {}) if hub.handles(name) else corpus._documents(corpus.find(name))
    documents = (each for each in found if isinstance(each, Document))
    return loaded, tuple(Line(*each) for each in zip(loaded.conversations, documents, strict=False))


def write(path: Path, lines: Iterable[str]) -> None:
    """Write a file whole or not at all. Raises InputError."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        draft.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InputError(f"{display(path)}: cannot be written: {error.strerror or error}") from None


def _members(source: str) -> dict[str, str]:
    """The keys and values of a JSON object as they are spelt, by the key's usual spelling."""
    decoder = json.JSONDecoder()
    found: dict[str, str] = {}
    at = _after(source, source.index("{") + 1)
    while source[at] != "}":
        key, at = decoder.raw_decode(source, at)
        start = _after(source, _after(source, at) + 1)  # behind the colon
        _, at = decoder.raw_decode(source, start)
        found[_json(key)] = source[start:at]
        at = _after(source, at)
        at = _after(source, at + 1) if source[at] == "," else at
    return found


def _after(source: str, at: int) -> int:
    """The next place that holds something."""
    match = _SPACE.match(source, at)
    assert match is not None
    return match.end()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
