"""Splicing: a JSON text gets new keys where its objects end, and everything else keeps its bytes. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ladder_bench.domain import Json, canonical

_SPACE = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()
INDENT = 2  # spaces, in a file that has lines of its own for each key


@dataclass(frozen=True, slots=True)
class Style:
    """How an object is spelt: what stands before a key, and between a key and its value."""

    glue: str = " "
    colon: str = ": "

    def rendered(self, value: Json) -> str:
        if "\n" in self.glue:
            newline = "\r\n" if "\r\n" in self.glue else "\n"
            whole = json.dumps(value, ensure_ascii=False, indent=INDENT)
            return whole.replace("\n", newline + self.glue.rpartition("\n")[2])
        return json.dumps(value, ensure_ascii=False, separators=("," + self.glue, self.colon))


@dataclass(frozen=True, slots=True)
class Member:
    """A key of an object, where it begins, and from where to where its value stands."""

    key: str
    at: int
    start: int
    end: int


def rewritten(source: str, value: Json, style: Style = Style()) -> str:
    """A JSON text changed so that it says `value`, which keeps every key that is there."""
    old, _ = _DECODER.raw_decode(source)
    if canonical(old) == canonical(value):
        return source
    if not (isinstance(old, dict) and isinstance(value, dict)):
        return style.rendered(value)
    members = list(_members(source))
    style = _style(source, members) or style
    at = source.index("{") + 1
    parts = [source[:at]]
    for each in members:
        parts += [source[at : each.start], rewritten(source[each.start : each.end], value[each.key], style)]
        at = each.end
    added = [f"{json.dumps(key)}{style.colon}{style.rendered(value[key])}" for key in value if key not in old]
    comma = "," + style.glue
    parts += [comma if members and added else "", comma.join(added), source[at:]]
    return "".join(parts)


def items(source: str) -> Iterator[tuple[int, int]]:
    """From where to where each item of a JSON list stands."""
    at = _after(source, source.index("[") + 1)
    while source[at] != "]":
        _, end = _DECODER.raw_decode(source, at)
        yield at, end
        at = _next(source, end)


def _members(source: str) -> Iterator[Member]:
    at = _after(source, source.index("{") + 1)
    while source[at] != "}":
        key, end = _DECODER.raw_decode(source, at)
        start = _after(source, _after(source, end) + 1)  # behind the colon
        _, end = _DECODER.raw_decode(source, start)
        yield Member(key, at, start, end)
        at = _next(source, end)


def _style(source: str, members: list[Member]) -> Style | None:
    """The style of an object that has keys."""
    if not members:
        return None
    last = members[-1]
    colon = ":" if source[last.start - 1] == ":" else ": "
    if len(members) > 1:
        comma = source.index(",", members[-2].end)
        return Style(source[comma + 1 : last.at], colon)
    before = source[source.index("{") + 1 : last.at]
    return Style(before if "\n" in before else colon[1:], colon)


def _next(source: str, at: int) -> int:
    """The place of the next member or item, or of the closing bracket."""
    at = _after(source, at)
    return _after(source, at + 1) if source[at] == "," else at


def _after(source: str, at: int) -> int:
    """The next place that holds something."""
    match = _SPACE.match(source, at)
    assert match is not None
    return match.end()
