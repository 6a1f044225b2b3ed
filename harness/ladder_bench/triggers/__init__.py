"""Triggers: why a conversation should climb.

Each detector says how the groups of its lexicon must meet, so that no single word ever fires on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import regex

from ladder_bench.domain import TRIGGER_NAMES, Fired
from ladder_bench.errors import InputError, Problem
from ladder_bench.triggers.rules import Hits, Lexicon, hits_of
from ladder_bench.triggers.text import Hit, Text, meaning, stem, stems, visible

__all__ = ["Rules", "Seen"]

DETAIL_REACH = 5  # words after a discarding verb that name what is discarded
MAKE_REACH = 5  # words between "write me" and the thing to write
STAKE_REACH = 2  # sentences between a topic and what is at stake
STAKES = {
    "medical": ("decision", "imminent", "event", "person"),
    "safety": ("decision", "imminent", "event", "person"),
    "legal": ("decision", "imminent", "event"),
    "security": ("decision", "imminent", "event"),
    "irreversible": ("decision", "imminent", "event"),
    "finance": ("decision", "imminent"),  # "I recently began to invest" risks nothing now
}
_IDENTIFIER = regex.compile(r"\b(?:[A-Z]{2,6}\d?|[A-Z][a-z]+(?:[A-Z][a-z]+)+|[a-z]+_[a-z_]+|[kMGT]B)\b|`[^`\n]+`")
ASKED = 4_096  # answers that are remembered: the strategies of a conversation ask the same


@dataclass(frozen=True, slots=True)
class Seen:
    """What a trigger may read: the user's message now and those before it. No gold field is among them.

    `turn` counts user messages from 1. `language` is a tag such as "en" or "pt-BR", None where nobody said.
    """

    turn: int
    message: str
    earlier: tuple[str, ...] = ()
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """Rule detectors: free, offline, deterministic. `lexicons` maps a trigger's name to its parsed YAML.

    Raises InputError where a lexicon names no known trigger or has a phrase that cannot be read.
    """

    lexicons: Mapping[str, Mapping[str, Any]]
    _compiled: Mapping[str, Lexicon] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unknown = [name for name in self.lexicons if name not in DETECTORS]
        if unknown:
            raise InputError([Problem(f"no rule detector; valid: {', '.join(DETECTORS)}", where=n) for n in unknown])
        compiled = {name: Lexicon.compiled(name, lexicon) for name, lexicon in self.lexicons.items()}
        object.__setattr__(self, "_compiled", compiled)

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
        unknown = [name for name in names if name not in TRIGGER_NAMES]
        if unknown:
            raise InputError([Problem(f"unknown trigger; valid: {', '.join(TRIGGER_NAMES)}", where=n) for n in unknown])
        found = []
        for name in names:
            lexicon = self._compiled.get(name)
            if lexicon is not None and lexicon.speaks(seen.language):
                fired = _detected(name, lexicon, seen.turn > 1, seen.message, seen.earlier)
                if fired is not None:
                    found.append(fired)
        return tuple(found)


@lru_cache(maxsize=ASKED)
def _detected(name: str, lexicon: Lexicon, later: bool, message: str, earlier: tuple[str, ...]) -> Fired | None:
    """Ask a detector; `later` where the message is not the first of its conversation."""
    found = DETECTORS[name](lexicon, later, message, earlier)
    return Fired(name, *found) if found else None


# --- goal change ---------------------------------------------------------------------------


def _goal_change(lexicon: Lexicon, later: bool, message: str, earlier: tuple[str, ...]) -> tuple[str, str] | None:
    if not later:
        return None
    text = visible(message)
    hits = hits_of(lexicon, text)
    if not (hits.get("replace") or hits.get("discard") or hits.get("reject") or hits.get("deliverable")):
        return None
    said = frozenset().union(*map(stems, earlier))
    mentioned = _sentences(hits, "mentioned")
    asked = _sentences(hits, "request", "deliverable")
    for reason, hit in _replacements(hits, text, said):
        near = range(hit.sentence - 1, hit.sentence + 4)
        if hit.sentence not in mentioned and not asked.isdisjoint(near):
            return reason, text.quote(hit)
    return _new_deliverable(hits, text, said, mentioned)


def _replacements(hits: Hits, text: Text, said: frozenset[str]) -> Iterator[tuple[str, Hit]]:
    """The places where the goal is thrown out: by a fixed phrase, or by words that turn down the goal so far."""
    details = {hit.start for hit in hits.get("detail")}
    for hit in hits.get("replace"):
        if details.isdisjoint(range(hit.end, hit.end + 4)):
            yield "the goal is replaced", hit
    whole = {hit.start for hit in hits.get("whole")}
    stop = {hit.start for hit in hits.get("preposition")}
    things = {hit.start for hit in hits.get("deliverable")}
    new_thing = any(stem(text.words[i]) not in said for i in things)
    for hit in hits.get("discard"):
        end = min(hit.end + DETAIL_REACH, text.ends[hit.start])
        end = min((i for i in range(hit.end, end) if i in stop), default=end)
        dropped = range(hit.end, end)
        named = [i for i in dropped if meaning(text.words[i]) and not text.words[i][0].isdigit()][:3]
        old = not whole.isdisjoint(dropped) or any(stem(text.words[i]) in said for i in named)
        if details.isdisjoint(dropped) and named and (old or (hit.start == _first(text, hit) and new_thing)):
            yield "what was asked before is dropped", hit
    for hit in hits.get("reject"):
        start = next(i for i in range(hit.start, -1, -1) if not i or text.sentences[i - 1] != hit.sentence)
        sentence = [i for i in range(start, text.ends[hit.start]) if meaning(text.words[i])]
        if new_thing and any(stem(text.words[i]) in said for i in sentence) and details.isdisjoint(sentence):
            yield "what was asked before is turned down", hit


def _first(text: Text, hit: Hit) -> int:
    """The first word of the hit's clause."""
    return next(
        i for i in range(hit.start, -1, -1) if not i or i in text.breaks or text.sentences[i - 1] != hit.sentence
    )


def _new_deliverable(hits: Hits, text: Text, said: frozenset[str], mentioned: set[int]) -> tuple[str, str] | None:
    """A thing to make that nobody asked for before, with a turning word or without any tie to what was said."""
    if hits.get("addition") or hits.get("correction"):
        return None
    tied = {hit.start for hit in hits.get("back")}
    made = list(_made(hits.get("make"), hits, text, said, tied))
    wished = list(_made(hits.get("wish"), hits, text, said, tied))
    for turn in hits.get("turn"):
        for thing in made + wished:
            if turn.sentence not in mentioned and thing.sentence not in mentioned:
                return "a new deliverable", f"{text.quote(turn)} … {text.quote(thing)}"
    if made and said and not tied and made[0].sentence not in mentioned:
        words = stems(text.source)
        if len(words) >= 3 and words.isdisjoint(said):
            return "a new deliverable that shares no word with the requests before", text.quote(made[0])
    return None


def _made(verbs: tuple[Hit, ...], hits: Hits, text: Text, said: frozenset[str], tied: set[int]) -> Iterator[Hit]:
    """The stretches from a verb to a thing that nobody named before."""
    for verb in verbs:
        for thing in hits.get("deliverable"):
            between = range(verb.end, thing.start)
            near = verb.sentence == thing.sentence and verb.end <= thing.start <= verb.end + MAKE_REACH
            if near and tied.isdisjoint(between) and stem(text.words[thing.start]) not in said:
                yield Hit(verb.start, thing.end, verb.sentence)


# --- high stakes ---------------------------------------------------------------------------


def _high_stakes(lexicon: Lexicon, later: bool, message: str, earlier: tuple[str, ...]) -> tuple[str, str] | None:
    text = visible(message)
    hits = hits_of(lexicon, text)
    topics = hits.among([group for group in hits.groups if "." in group])
    if not topics or hits.get("unreal") or _staged(lexicon, earlier, hits):
        return None
    detached = _sentences(hits, "detached")
    for group, found in topics.items():
        category = group.partition(".")[2]
        stakes = [hit for stake in STAKES.get(category, ()) for hit in hits.get(stake)]
        for hit in found:
            if hit.sentence in detached:
                continue
            if group.startswith("alone."):
                return category, text.quote(hit)
            for stake in stakes:
                if stake.sentence not in detached and abs(stake.sentence - hit.sentence) <= STAKE_REACH:
                    return category, f"{text.quote(hit)} … {text.quote(stake)}"
    return None


def _staged(lexicon: Lexicon, earlier: tuple[str, ...], hits: Hits) -> bool:
    """Say whether the conversation is about a story, and nobody in this message is real."""
    if hits.get("decision") or hits.get("event"):
        return False
    return any(hits_of(lexicon, visible(message)).get("unreal") for message in earlier)


# --- deep work -----------------------------------------------------------------------------


def _deep_work(lexicon: Lexicon, later: bool, message: str, earlier: tuple[str, ...]) -> tuple[str, str] | None:
    text = visible(message, quotations=True)  # an error message is often quoted
    hits = hits_of(lexicon, text)
    trace = lexicon.structure(message)
    if not trace and not any(map(hits.get, ("fault", "symptom", "stubborn", "decide", "weigh"))):
        return None
    if hits.get("resolved"):
        return None
    if trace:
        return "debugging", trace
    attached = hits.outside(_sentences(hits, "detached"))

    def before() -> bool:
        """Whether an earlier message was about software."""
        read = (hits_of(lexicon, visible(one)) for one in earlier)
        return any(found.get(group) for found in read for group in ("system", "software", "fault"))

    return _debugging(attached, text, before) or _architecture(attached, text, before)


def _debugging(hits: Hits, text: Text, before: Callable[[], bool]) -> tuple[str, str] | None:
    """A symptom in software that persists, comes and goes, or that the user cannot explain."""
    faults, symptoms, stubborn = (hits.get(group) for group in ("fault", "symptom", "stubborn"))
    signs = len(stubborn) + len(hits.get("search"))
    own = bool(hits.get("own"))
    if (faults and signs + own >= 1) or (signs >= 2 and _odd(hits, text, signs, own, before)):
        return "debugging", text.quote((faults or symptoms or stubborn)[0])
    return None


def _odd(hits: Hits, text: Text, signs: int, own: bool, before: Callable[[], bool]) -> bool:
    """Whether two or more signs, without a plain fault, are about software that misbehaves."""
    symptoms, stubborn = hits.get("symptom"), hits.get("stubborn")
    clear = _distinct(hits, text, "system", "software")
    terms = len(clear | _distinct(hits, text, "part") | _identifiers(text))
    if symptoms and signs + own >= 3 and (clear or terms >= 2 or before()):
        return True
    enough = signs >= (2 if symptoms or terms >= 3 else 3)
    return bool(stubborn) and enough and terms >= 2 and (bool(clear) or terms >= 3 or before())


def _architecture(hits: Hits, text: Text, before: Callable[[], bool]) -> tuple[str, str] | None:
    """A decision about how a system is built: a verb or question of design that meets parts of a system."""
    decide, weigh = hits.get("decide"), hits.get("weigh")
    if not decide and not weigh:
        return None
    clear = _distinct(hits, text, "system")
    parts = clear | _distinct(hits, text, "part")
    if not parts:
        return None
    named = parts | _identifiers(text)
    score = 2 * bool(decide) + len(weigh) + min(len(named), 3) + bool(hits.get("scale"))
    if score >= 4 or (score == 3 and (clear or before())):
        return "architecture", text.quote((decide + weigh)[0])
    return None


def _identifiers(text: Text) -> set[str]:
    """Names that look like code or like the abbreviations of the trade: SSM, OrderManager, max_size, `x`, 64 KB."""
    return {match[0] for match in _IDENTIFIER.finditer(text.source)}


def _distinct(hits: Hits, text: Text, *groups: str) -> set[str]:
    return {stem(text.words[hit.start]) for group in groups for hit in hits.get(group)}


def _sentences(hits: Hits, *groups: str) -> set[int]:
    return {hit.sentence for group in groups for hit in hits.get(group)}


Detector = Callable[[Lexicon, bool, str, tuple[str, ...]], tuple[str, str] | None]
DETECTORS: Mapping[str, Detector] = {
    "goal_change": _goal_change,
    "high_stakes": _high_stakes,
    "deep_work": _deep_work,
}
