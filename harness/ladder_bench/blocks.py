"""Blocks: the delimited parts of prompts and answers, the frame that a guide writes and the memory that is handed over.

Both stand between markers on lines of their own, so that they can be parsed, shown apart and kept from the graders: the
user of a product sees neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import regex

from ladder_bench.domain import FRAME_PARTS

FRAME_OPEN, FRAME_CLOSE = "[frame]", "[/frame]"
CONFIDENCE = "[confidence:"
SECTIONS = ("Goal", "Constraints", "Decisions so far", "Open questions", "Assumptions", "Output format")  # of a memory
MEMORY_OPEN, MEMORY_CLOSE = "[handoff memory]", "[/handoff memory]"
MARKERS = frozenset((FRAME_OPEN, FRAME_CLOSE, MEMORY_OPEN, MEMORY_CLOSE))

_FRAME = regex.compile(  # lines that neither open nor close a frame: a scan that meets none stops at the next opening
    r"^\[frame\][ \t]*\n((?:(?!\[/?frame\][ \t]*(?:\n|\Z))[^\n]*\n)*+)\[/frame\][ \t]*(?:\n|\Z)", regex.MULTILINE
)
_CONFIDENCE = regex.compile(
    r"^[ \t]*\[confidence:[ \t]*(high|medium|low)[ \t]*\][ \t]*(?:\n|\Z)", regex.IGNORECASE | regex.MULTILINE
)
_PART = regex.compile(rf"^[\s*#-]*({'|'.join(FRAME_PARTS)})\W*:\W*", regex.IGNORECASE | regex.MULTILINE)


def asks_for_frame(system: str) -> bool:
    """Whether a system prompt asks its reader to write a frame."""
    return FRAME_OPEN in system


@lru_cache(maxsize=8192)
def frame_parts(answer: str) -> Mapping[str, str]:
    """The parts of an answer's frame, by name; empty where there is no closed frame."""
    block = _FRAME.search(answer)
    if block is None:
        return {}
    heads = list(_PART.finditer(block[1]))
    ends = [*(head.start() for head in heads[1:]), len(block[1])][: len(heads)]
    parts = {head[1].casefold(): block[1][head.end() : end].strip() for head, end in zip(heads, ends, strict=True)}
    return {name: text for name, text in parts.items() if text}


def frame_is_complete(answer: str) -> bool:
    return len(frame_parts(answer)) == len(FRAME_PARTS)


@lru_cache(maxsize=8192)
def visible(answer: str) -> str:
    """An answer as the user of a product sees it: without its frame and what it says of its confidence."""
    if FRAME_OPEN in answer:
        answer = _FRAME.sub("", answer).strip()
    return _CONFIDENCE.sub("", answer).rstrip() if CONFIDENCE in answer else answer


def confidence_in(answer: str) -> str | None:
    """What an answer says of its confidence on a line of its own: "high", "medium" or "low"; None where nothing."""
    found = _CONFIDENCE.findall(answer) if CONFIDENCE in answer else []
    return str(found[-1]).casefold() if found else None


def with_memory(message: str, memory: str) -> str:
    """A user message with the memory at its end, where it leaves the shared prefix cacheable."""
    return f"{message}\n\n{MEMORY_OPEN}\n{memory}\n{MEMORY_CLOSE}"


def memory_in(message: str) -> str | None:
    """The memory that a message carries, None without one."""
    if not message.endswith(MEMORY_CLOSE):
        return None
    start = message.rfind(MEMORY_OPEN)
    return message[start + len(MEMORY_OPEN) : -len(MEMORY_CLOSE)].strip() if start >= 0 else None


@lru_cache(maxsize=8192)
def sentences(text: str) -> tuple[str, ...]:
    """Split a text into sentences and lines; joined again they are the text."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return tuple(text[start:end] for start, end in zip((0, *ends), (*ends, len(text)), strict=True) if start < end)


# a line break, or space after a sentence's end where no small letter follows
_SENTENCE_END = regex.compile(r"\n+|[ \t](?<=[.!?…:;][\"')\]]?[ \t])[ \t]*+(?=[^a-z])")
