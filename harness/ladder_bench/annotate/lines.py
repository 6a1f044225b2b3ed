"""Lines: the conversations of a file as they are spelt, and what stands between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ladder_bench import corpus, documents
from ladder_bench.annotate import splice
from ladder_bench.corpus import Corpus, hub
from ladder_bench.documents import Document, display
from ladder_bench.domain import Conversation, Json, canonical, digest_of
from ladder_bench.errors import InputError

MARK = b"\xef\xbb\xbf"  # of byte order, which some editors put before UTF-8


@dataclass(frozen=True, slots=True)
class Line:
    """A conversation, the JSON that it was built from, and how that is spelt."""

    conversation: Conversation
    value: Mapping[str, Json]
    source: str


@dataclass(frozen=True, slots=True)
class Log:
    """A dataset and its file. `between`: what stands before each line, and after the last one."""

    corpus: Corpus
    lines: tuple[Line, ...]
    between: tuple[str, ...]
    suffix: str  # of a file that says the same

    def text(self, values: Mapping[int, Json]) -> str:
        """The file with some conversations, by their place, saying more."""
        parts = [self.between[0]]
        for place, (line, after) in enumerate(zip(self.lines, self.between[1:], strict=True)):
            parts += [splice.rewritten(line.source, values[place]) if place in values else line.source, after]
        return "".join(parts)


def read(name: str) -> Log:
    """Read a dataset. Raises InputError."""
    loaded = corpus.load(name)
    if hub.handles(name):
        rows = [each.value for each in hub.documents(name, {}) if isinstance(each, Document)]
        lines = list(_of_rows(loaded, rows))
        return Log(loaded, tuple(lines), ("", *["\n"] * len(lines)), ".jsonl")
    path = corpus.find(name)
    data = documents.read_bytes(path)
    text = documents.decode(data, display(path))
    spans = list(_items(text) if path.suffix == ".json" else _lines(text))
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    between = [text[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    between[0] = (MARK.decode() if data.startswith(MARK) else "") + between[0]
    values = [json.loads(text[start:end]) for start, end in spans]
    _check_same(loaded, values)
    found = zip(loaded.conversations, values, spans, strict=True)
    lines = [Line(each, value, text[start:end]) for each, value, (start, end) in found]
    return Log(loaded, tuple(lines), tuple(between), ".json" if path.suffix == ".json" else ".jsonl")


def _of_rows(loaded: Corpus, rows: list[Json]) -> Iterator[Line]:
    """A line for each row of a table. One without an id gets the name of its row, which is another in the new file."""
    _check_same(loaded, rows)
    for conversation, row in zip(loaded.conversations, rows, strict=True):
        value = row if row.get("id") is not None else {"id": conversation.id, **row}
        yield Line(conversation, value, json.dumps(value, ensure_ascii=False))


def _check_same(loaded: Corpus, values: Iterable[Json]) -> None:
    """Drafts must not end up with another conversation. Raises InputError where the file is no longer the same."""
    if [each.digest for each in loaded.conversations] != [digest_of(canonical(value)) for value in values]:
        raise InputError(f"{loaded.name}: the file changed while it was read; run the same command again")


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each line that holds something does."""
    at = 0
    for line in text.split("\n"):  # not splitlines(): U+2028 and its like are ordinary characters in a JSON string
        if line.strip():
            yield at + len(line) - len(line.lstrip()), at + len(line.rstrip())
        at += len(line) + 1


def _items(text: str) -> Iterator[tuple[int, int]]:
    """From where to where each conversation of a .json file stands: the items of a list, or the one object."""
    bare = text.strip()
    start = text.index(bare)
    if bare.startswith("["):
        yield from splice.items(text)
    else:
        yield start, start + len(bare)
