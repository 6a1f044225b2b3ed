"""Fences: what a judge is shown stands as data between marks that nobody who wrote it can know.

The mark in a request is a hash of all that is shown, so that equal questions have equal keys; when the request is sent,
a random one takes its place (`Request.sealed`). Content goes in byte for byte: it can hold neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.domain import canonical, digest_of

LENGTH = 32  # of a mark, in hexadecimal digits


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of content and what it is, such as "user, turn 2". The label is ours, the content anybody's."""

    label: str
    content: str


Shown = Mapping[str, Sequence[Piece]]  # by the name under which a prompt refers to it


def mark(shown: Shown) -> str:
    """The mark for what is shown: as good as unknown to it, since it depends on every byte of it."""
    return digest_of("fence", canonical([[name, [_pair(each) for each in shown[name]]] for name in sorted(shown)]))[
        :LENGTH
    ]


def fenced(pieces: Iterable[Piece], mark: str) -> str:
    """Pieces as one text, each between the mark; "" where there are none."""
    return "\n".join(f"<<<{mark} {each.label}\n{each.content}\n{mark}>>>" for each in pieces)


def _pair(piece: Piece) -> list[str]:
    return [piece.label, piece.content]
