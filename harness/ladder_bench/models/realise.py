"""Realise: a text that meets just the checks that the simulator drew, cut from a reference answer.

A dropped item loses the sentences that satisfy it, or single words where a whole sentence would take a kept item along; a
negative check is broken by its declared violation. Items that hang together by their words cannot always be separated:
then the text that differs from the draw in the fewest items wins, and the simulator's card says how often that happens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import regex

from ladder_bench import checks
from ladder_bench.blocks import sentences
from ladder_bench.domain import Check

HARMLESS = "That is how it stands for now."
PADDING = " It may help to keep that in mind when you get to the next step of this."


@dataclass(frozen=True, slots=True)
class Item:
    """Something that an answer may keep or drop: a criterion or an active constraint with its check."""

    id: str
    check: Check
    violation: str | None = None


def meets(check: Check, text: str) -> bool:
    try:
        return checks.evaluate(check, text)
    except checks.Undecided:
        return False


def realise(reference: str, alternative: str | None, items: Sequence[Item], kept: Sequence[bool]) -> str:
    """Cut the reference so that the items that are not kept fail and the kept ones still pass, as far as can be.

    Where that does not come out, the items are cut in the other order, and then from the alternative; the text that
    differs from the draw in the fewest items wins.
    """
    other = alternative or reference
    orders = (1, -1) if sum(kept) < len(items) - 1 else (1,)  # one item is cut in one order
    sources = ((reference, other), (other, reference)) if other != reference else ((reference, reference),)
    best, least = HARMLESS, len(items) + 1
    for (source, help_from), order in product(sources, orders):
        text = _cut(source, help_from, items, kept, order)
        wrong = sum(meets(item.check, text) != stays for item, stays in zip(items, kept, strict=True))
        if wrong < least:
            best, least = text, wrong
        if least == 0:
            break
    return best


def _cut(source: str, help_from: str, items: Sequence[Item], kept: Sequence[bool], order: int) -> str:
    text = source
    keep = [item for item, stays in zip(items, kept, strict=True) if stays]
    drop = [item for item, stays in zip(items, kept, strict=True) if not stays]
    for item in drop[::order]:
        if meets(item.check, text):
            text = _best(_without(item, text), item, keep, text)
    for item in keep:
        if not meets(item.check, text):
            text = _restored(item, text, (help_from, source), items)
    return text if text.strip() else HARMLESS


def _best(candidates: Iterator[str], item: Item, keep: Sequence[Item], text: str) -> str:
    """The first candidate that fails the item and takes no kept item along, else the one that takes the fewest."""
    best, least = text, len(keep) + 1
    for candidate in candidates:
        if meets(item.check, candidate):
            continue
        lost = 0
        for other in keep:
            lost += not meets(other.check, candidate)
            if lost >= least:
                break
        if lost == 0:
            return candidate
        if lost < least:
            best, least = candidate, lost
    return best


def _without(item: Item, text: str) -> Iterator[str]:
    """Candidate texts in which the item may fail, most natural first."""
    if meets(item.check, HARMLESS):  # negative: only something added can break it
        for violation in filter(None, (item.violation, *_implied(item.check))):
            yield f"{text.rstrip()}\n\n{violation}"
        for repeats in (8, 32):
            yield text.rstrip() + PADDING * repeats
        return
    parts = list(sentences(text))
    satisfying = [index for index, part in enumerate(parts) if meets(item.check, part)]
    for index in satisfying or range(len(parts)):
        yield "".join(parts[:index] + parts[index + 1 :])
    if satisfying:
        yield "".join(part for index, part in enumerate(parts) if index not in satisfying)
    for word in dict.fromkeys(_WORD.findall("".join(parts[index] for index in satisfying) or text)):
        yield _less(word, text)
    yield "".join(_broken(part, item.check) if index in satisfying else part for index, part in enumerate(parts))
    if satisfying:  # spread over sentences: take them from the end until it fails
        rest = list(parts)
        while rest and meets(item.check, "".join(rest)):
            rest.pop()
        yield "".join(rest)
    yield _greedy(item.check, parts)


_WORD = regex.compile(r"[^\s.,;:!?()\[\]{}\"'`]+")
_PART_OF_WORD = regex.compile(r"\w")
_SPACE = regex.compile(r"\s")


def _less(word: str, text: str) -> str:
    """A text without a word wherever it stands alone, and without the space after it."""
    parts, done, start = [], 0, text.find(word)
    while start >= 0:
        end = start + len(word)
        if (start and _PART_OF_WORD.match(text, start - 1)) or _PART_OF_WORD.match(text, end):
            start = text.find(word, start + 1)
            continue
        parts.append(text[done:start])
        done = end + 1 if _SPACE.match(text, end) else end
        start = text.find(word, done)
    return "".join((*parts, text[done:]))


def _broken(sentence: str, check: Check) -> str:
    """The sentence less the first word without which it no longer meets the check; empty where no one word does it."""
    for word in dict.fromkeys(_WORD.findall(sentence)):
        shorter = sentence.replace(word, "")
        if not meets(check, shorter):
            return shorter
    return ""


def _greedy(check: Check, parts: Sequence[str]) -> str:
    """Keep, one after the other, every part that does not bring the check about."""
    text = ""
    for part in parts:
        if not meets(check, text + part):
            text += part
    return text


def _implied(check: Check) -> Iterator[str]:
    """Violations that can be read off a negative check itself."""
    for key, value in check.items():
        if key == "absent":
            yield f"There is also {value[0]}."
        elif key == "not":
            yield from (
                f"There is also {' and '.join(terms)}." for name in ("any", "all") if (terms := value.get(name))
            )
        elif key in ("and", "or"):
            for part in value:
                yield from _implied(part)


def _restored(item: Item, text: str, sources: Sequence[str], items: Sequence[Item]) -> str:
    """Add a sentence, or two that follow each other, that brings a lost item back, unless it changes another one."""
    others = [other for other in items if other.id != item.id]
    before = [meets(other.check, text) for other in others]
    for source in dict.fromkeys(sources):
        parts = sentences(source)
        for part in (*parts, *(first + second for first, second in pairwise(parts))):
            longer = f"{text.rstrip()}\n\n{part.strip()}"
            if meets(item.check, longer) and all(
                meets(other.check, longer) == met for other, met in zip(others, before, strict=True)
            ):
                return longer
    return text
