"""Triggers: why a conversation should climb.

Each detector says how the groups of its lexicon must meet, so that no single word ever fires on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from ladder_bench.domain import TRIGGER_NAMES, Fired, canonical, digest_of
from ladder_bench.errors import InputError, Problem
from ladder_bench.triggers import (
    constraint_conflict,
    deep_work,
    goal_change,
    high_stakes,
    low_confidence,
    missing_information,
)
from ladder_bench.triggers.rules import Lexicon, compiled
from ladder_bench.triggers.seen import Heard, Seen

__all__ = ["Heard", "Rules", "Seen"]

ASKED = 4_096  # answers that are remembered: the strategies of a conversation ask the same

Detector = Callable[[Lexicon, Seen], tuple[str, str] | None]
AnswerDetector = Callable[[Lexicon, Seen, Heard], tuple[str, str] | None]
ON_MESSAGE: Mapping[str, Detector] = {
    "goal_change": goal_change.detect,
    "constraint_conflict": constraint_conflict.detect,
    "missing_information": missing_information.detect,
    "high_stakes": high_stakes.detect,
    "deep_work": deep_work.detect,
}
ON_ANSWER: Mapping[str, AnswerDetector] = {
    "constraint_conflict": constraint_conflict.detect_answer,
    "missing_information": missing_information.detect_answer,
    "low_confidence": low_confidence.detect_answer,
}
READ_USER_ALONE = frozenset(("high_stakes", "deep_work"))  # what was answered before changes nothing for these


@dataclass(frozen=True, slots=True)
class Rules:
    """Rule detectors: free, offline, deterministic. `lexicons` maps a trigger's name to its parsed YAML.

    Raises InputError where a lexicon names no known trigger or has a phrase that cannot be read.
    """

    lexicons: Mapping[str, Mapping[str, Any]]
    _compiled: Mapping[str, Lexicon] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = [name for name in TRIGGER_NAMES if name in ON_MESSAGE or name in ON_ANSWER]
        unknown = [name for name in self.lexicons if name not in known]
        if unknown:
            raise InputError([Problem(f"no rule detector; valid: {', '.join(known)}", where=n) for n in unknown])
        object.__setattr__(self, "_compiled", compiled(self.lexicons))

    @property
    def digest(self) -> str:
        """A hash of every lexicon."""
        return digest_of(canonical(self.lexicons))

    @property
    def evaluated(self) -> frozenset[str]:
        """The triggers that these rules can see; the others are not evaluated, which is not 'did not fire'."""
        return frozenset(self._compiled)

    def speaks(self, language: str | None) -> bool:
        """Say whether every lexicon covers a language; an unknown language (None) is taken as covered."""
        return all(lexicon.speaks(language) for lexicon in self._compiled.values())

    def fired(self, names: Sequence[str], seen: Seen) -> tuple[Fired, ...]:
        """The triggers of `names` that fire on the message, in the order of `names`.

        Empty where the rules do not speak the language: ask `speaks` to tell that from silence.
        """
        user = replace(seen, answers=(), system="")
        found = (
            _on_message(name, lexicon, user if name in READ_USER_ALONE else seen)
            for name, lexicon in self._of(names, seen)
            if name in ON_MESSAGE
        )
        return tuple(fired for fired in found if fired is not None)

    def certain(self, names: Sequence[str], fired: Sequence[Fired]) -> bool:
        """Whether what fired on a message stands whatever was answered before it."""
        if any(each.trigger in READ_USER_ALONE for each in fired):
            return True
        return not any(name in ON_MESSAGE and name not in READ_USER_ALONE for name in names)

    def fired_on_answer(self, names: Sequence[str], seen: Seen, heard: Heard) -> tuple[Fired, ...]:
        """The triggers of `names` that fire on an answer to the message."""
        found = (_on_answer(name, lexicon, seen, heard) for name, lexicon in self._of(names, seen) if name in ON_ANSWER)
        return tuple(fired for fired in found if fired is not None)

    def _of(self, names: Sequence[str], seen: Seen) -> list[tuple[str, Lexicon]]:
        unknown = [name for name in names if name not in TRIGGER_NAMES]
        if unknown:
            raise InputError([Problem(f"unknown trigger; valid: {', '.join(TRIGGER_NAMES)}", where=n) for n in unknown])
        pairs = ((name, self._compiled.get(name)) for name in names)
        return [(name, lexicon) for name, lexicon in pairs if lexicon is not None and lexicon.speaks(seen.language)]


@lru_cache(maxsize=ASKED)
def _on_message(name: str, lexicon: Lexicon, seen: Seen) -> Fired | None:
    found = ON_MESSAGE[name](lexicon, seen)
    return Fired(name, *found) if found else None


@lru_cache(maxsize=ASKED)
def _on_answer(name: str, lexicon: Lexicon, seen: Seen, heard: Heard) -> Fired | None:
    found = ON_ANSWER[name](lexicon, seen, heard)
    return Fired(name, *found, on="answer") if found else None
