"""Counting: how many items the lists of a text have, and numbers that announce another count than they have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import regex

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
MOST = 20  # items that a text announces by their number
SHORT = 12  # words of an item between commas; longer ones are clauses, and commas may stand inside them


@dataclass(frozen=True, slots=True)
class Miscount:
    """A number that announces items, as it stands, where there are `found` of them. `noun`: what is counted."""

    text: str
    number: int
    found: int
    noun: str
    start: int


def counts(text: str) -> frozenset[int]:
    """The number of items of every list and of rows of every table, and of all lists together."""
    lines = text.split("\n")
    runs, rows = [len(places) for places in _runs(lines)], [0]
    for line in lines:
        if line.lstrip().startswith("|"):
            rows[-1] += 0 if _RULE.match(line) else 1
        elif rows[-1]:
            rows.append(0)
    return frozenset((0, *runs, sum(runs), *rows, *(count - 1 for count in rows)))


def miscounts(text: str) -> Iterator[Miscount]:
    """Yield numbers before a colon and a list, in lines or between commas, that has more or fewer items.

    And "those are your two payments" right below one. Where it is not clear how many items there are, nothing is said.
    """
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    for run in _runs(lines):
        top = _top(lines, run)
        above = next((place for place in range(run[0] - 1, max(-1, run[0] - 3), -1) if lines[place].strip()), None)
        if above is not None and lines[above].rstrip(" *_").endswith(":") and not ITEM.match(lines[above]):
            yield from _announced(lines[above], starts[above], top)
        below = next(
            (place for place in range(run[-1] + 1, min(len(lines), run[-1] + 3)) if lines[place].strip()), None
        )
        if below is not None and (summed := _THOSE.match(lines[below])):
            yield from _announced(summed[0], starts[below], top)
    for match in _INLINE.finditer(text):
        if (found := _between_commas(match["items"])) is not None:
            yield from _announced(match["head"] + ":", match.start("head"), {found})


def _announced(head: str, start: int, found: set[int]) -> Iterator[Miscount]:
    """The number that announces items, where it is the only one in its sentence and no count of them."""
    sentence = max(head.rfind(mark) + len(mark) for mark in (". ", "! ", "? ", "\n"))
    sentence = sentence if sentence >= 2 and head[:sentence].strip() else 0
    numbers = [match for match in _COUNT.finditer(head, sentence) if 1 < _value(match["number"]) <= MOST]
    if len(numbers) != 1 or _RATHER.search(head, sentence):
        return
    number = _value(numbers[0]["number"])
    if number not in found:
        yield Miscount(
            numbers[0]["number"], number, max(found), numbers[0]["noun"].casefold(), start + numbers[0].start("number")
        )


def _value(number: str) -> int:
    folded = number.casefold()
    return NUMBERS.index(folded) + 1 if folded in NUMBERS else int(number) if number.isdecimal() else 0


def _runs(lines: list[str]) -> list[list[int]]:
    """The places of the items of every list; a line between two items belongs to the first."""
    runs: list[list[int]] = []
    for place, line in enumerate(lines):
        if ITEM.match(line):
            if runs and place <= runs[-1][-1] + 2:
                runs[-1].append(place)
            else:
                runs.append([place])
    return runs


def _top(lines: list[str], run: list[int]) -> set[int]:
    """How many items a list has: on its first level, and in all."""
    depths = [len(lines[place]) - len(lines[place].lstrip()) for place in run]
    return {sum(depth <= min(depths) for depth in depths), len(run)}


def _between_commas(items: str) -> int | None:
    """How many items "a, b and c" are; None where it is not clear."""
    bare = _BRACKETS.sub("", items).strip()
    parts = [part.strip() for part in _COMMA.split(bare)]
    if any(len(part.split()) > SHORT or not part for part in parts):
        return None
    last = _AND.split(parts[-1])
    if any(_AND.search(part) for part in parts[:-1]):
        return None
    if len(parts) == 1:
        return 2 if len(last) == 2 else None
    if len(last) == 1 and len(parts) > 2 and not _AND.match(f" {parts[-1]}"):  # a, b, c
        return len(parts)
    if _AND.match(f" {parts[-1]}"):  # a, b, and c
        return len(parts) if len(_AND.split(f" {parts[-1]}")) == 2 else None
    return len(parts) + 1 if len(last) == 2 else None


ITEM = regex.compile(r"[ \t]*+(?:(?:[-*•]|\(?(?:\d{1,2}[.)]|[a-h]\)))\s|\d\ufe0f?\u20e3)\s*\S")  # of a list
_RULE = regex.compile(r"[ \t|:-]+$")  # under the head of a table
_COUNT = regex.compile(
    rf"(?<![\w.,/$€£-])(?P<number>{'|'.join(NUMBERS)}|\d{{1,2}})"
    r"(?:\s(?:[\p{L}'’-]+\s){0,3}?(?P<noun>\p{L}[\p{L}-]+s|of them|people)\b|(?P<noun>)(?=[\s*_]*:$))",
    regex.IGNORECASE,
)
_RATHER = regex.compile(
    r"\b(?:at least|at most|up to|about|roughly|more than|over|first|next|another|among|of the|per|each|every)\b",
    regex.IGNORECASE,
)
_THOSE = regex.compile(r"\s*(?:Those|These|They) (?:are|were) [^.:!?\n]{0,60}")
_INLINE = regex.compile(r"(?m)(?P<head>[^.!?:;\n]{4,120}):[ \t]+(?P<items>[^.!?:;\n]{5,240})(?:[.;]|$)")
_BRACKETS = regex.compile(r"\([^()]*\)")
_COMMA = regex.compile(r",\s+")
_AND = regex.compile(r"\s(?:and|or|&)\s")
