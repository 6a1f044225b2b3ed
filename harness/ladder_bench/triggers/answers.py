"""Whether an answer leaves something open: a question back, a refusal, or a retraction."""

from __future__ import annotations

from functools import lru_cache

import regex

from ladder_bench.blocks import sentences, visible
from ladder_bench.triggers import retractions

_REFUSAL = regex.compile(
    r"(?i)^(?:i['’]?m (?:very |so )?sorry,? but i|sorry,? (?:but )?i|i (?:can(?:no|['’])t|am unable to|['’]m unable to|won['’]t)"
    r"(?: \w+){0,2} (?:help|assist|do|answer|provide|discuss|give))"
)
LAST_SENTENCES = 2  # a question further up is usually rhetorical or answered by what follows


@lru_cache(maxsize=256)
def is_settled(answer: str) -> bool:
    """True where the answer asks nothing at its end, does not refuse and takes nothing back."""
    shown = visible(answer).rstrip()
    if not shown or _REFUSAL.search(shown) or retractions.find(shown, "") is not None:
        return False
    ending = [part.rstrip(INVISIBLE) for part in sentences(shown) if part.strip()][-LAST_SENTENCES:]
    return not any(part.endswith("?") for part in ending)


INVISIBLE = " \t\r\n\"')”’\u2060"
