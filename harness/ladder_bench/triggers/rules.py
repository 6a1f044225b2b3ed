"""Rules: read a message by the phrases of a lexicon.

Phrases match whole words within a sentence. A phrase after a negator ("no need to redesign") does not count, nor does
text that the user only quotes. What the phrases mean together is up to the triggers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import regex

from ladder_bench.errors import InputError, Problem
from ladder_bench.triggers.text import COMMON, RECENT, Hit, Text, stem, words_of

KNOWN_WORDS = 16_384  # of the words that users say, those whose phrases stay at hand
NUMBER = "0"  # in a phrase, stands for any number
GAP = 4  # words that "..." may stand for
NEGATION_REACH = 4  # words after a negator that it covers


@dataclass(frozen=True, slots=True)
class Word:
    """One place in a phrase: the words it accepts whole, and by their beginning. Neither: a gap."""

    whole: frozenset[str]
    beginnings: tuple[str, ...] = ()
    optional: bool = False

    @property
    def gap(self) -> bool:
        return not self.whole and not self.beginnings

    def accepts(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.beginnings) or (NUMBER in self.whole and word[0].isdigit())


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """Words in a row. A text that has the phrase has a word that `telling` accepts, and one of `besides` if any are."""

    group: str
    words: tuple[Word, ...]
    opening: bool  # counts only at the beginning of a sentence or clause
    closing: bool  # counts only at the end of one
    telling: Word
    besides: frozenset[str] | None = None


class Index(dict[str, tuple[Phrase, ...]]):
    """The phrases that accept a word at one of their places. Each word is looked up once, while there are not many."""

    def __init__(self, phrases: Iterable[Phrase], place: Callable[[Phrase], Word]) -> None:
        self._whole: dict[str, list[Phrase]] = {}
        self._beginnings: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for word in sorted(place(phrase).whole):
                self._whole.setdefault(word, []).append(phrase)
            for beginning in place(phrase).beginnings:
                self._beginnings.setdefault(beginning, []).append(phrase)
        self._numbers = tuple(self._whole.get(NUMBER, ()))
        self._lengths = sorted({len(beginning) for beginning in self._beginnings})
        self._initials = {beginning[0] for beginning in self._beginnings}

    def __missing__(self, word: str) -> tuple[Phrase, ...]:
        number = word[0].isdigit()
        if number and word not in self._whole and word[0] not in self._initials:
            return self._numbers  # not kept: there is no end of numbers
        phrases = list(self._whole.get(word, ()))
        if number:
            phrases += self._numbers
        if word[0] in self._initials:
            for length in self._lengths:
                if length <= len(word):
                    phrases += self._beginnings.get(word[:length], ())
        if len(self) >= KNOWN_WORDS:
            self.clear()
        found = self[word] = tuple(phrases)
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """A trigger's phrases, by their first word and by the word that tells most, and its patterns of structure."""

    languages: frozenset[str]
    by_first: Index
    by_telling: Index
    structures: tuple[regex.Pattern[str], ...]
    settings: Mapping[str, float]

    @staticmethod
    def compiled(name: str, content: Mapping[str, Any]) -> Lexicon:
        """Read a lexicon's YAML. Raises InputError with every phrase and pattern that cannot be read."""
        problems: list[Problem] = []
        phrases = list(_told(list(_phrases(content.get("phrases", {}), f"{name}.phrases", "", problems))))
        structures = list(_structures(content.get("structures", ()), f"{name}.structures", problems))
        settings = dict(_settings(content.get("settings", {}), f"{name}.settings", problems))
        if problems:
            raise InputError(problems)
        return Lexicon(
            frozenset(content.get("languages", ())),
            Index(phrases, lambda phrase: phrase.words[0]),
            Index(phrases, lambda phrase: phrase.telling),
            tuple(structures),
            settings,
        )

    def speaks(self, language: str | None) -> bool:
        return language is None or language.casefold().replace("_", "-").partition("-")[0] in self.languages

    def structure(self, message: str) -> str | None:
        """The first structure found in a message, as it stands there."""
        for pattern in self.structures:
            if match := pattern.search(message):
                return match[0].strip()
        return None

    def possible(self, words: frozenset[str]) -> set[Phrase]:
        """The phrases that a text of these words may have: a few, found without reading it."""
        told = map(self.by_telling.__getitem__, words)
        return {
            phrase
            for phrases in told
            for phrase in phrases
            if phrase.besides is None or not phrase.besides.isdisjoint(words)
        }


# --- finding -------------------------------------------------------------------------------

_CLAUSE_WORDS = frozenset({"but", "and", "so", "because", "then", "however"})
_FILLERS = words_of("""
    ok okay oh so hm hmm hmmm well and but wait no sorry yeah yes right thanks thank you um uh hey hi lol ah great
""")


class Hits:
    """The phrases of a lexicon in a text, by group, without those that are negated. A group is read when asked for."""

    def __init__(self, lexicon: Lexicon, text: Text) -> None:
        self._by_first, self._text = lexicon.by_first, text
        self._possible = lexicon.possible(frozenset(text.words))
        self.groups = {phrase.group for phrase in self._possible}  # those that may have hits; no other has
        self._found: dict[str, tuple[Hit, ...]] = {}
        self._dropped: set[int] = set()

    def get(self, group: str) -> tuple[Hit, ...]:
        """The hits of a group, in the order of the text."""
        if group not in self.groups:
            return ()
        if group not in self._found:
            self._found[group] = tuple(hit for _, hit in self._matched(group) if self._counts(hit))
        return self._found[group]

    def told(self, group: str) -> tuple[Hit, ...]:
        """The hits of a group, negated or not."""
        return tuple(hit for _, hit in self._matched(group)) if group in self.groups else ()

    def among(self, groups: Iterable[str]) -> dict[str, tuple[Hit, ...]]:
        """The hits of the groups that have some; the group whose phrase stands first comes first, negated or not."""
        first = sorted((matched[0][0], group) for group in groups if (matched := self._matched(group)))
        return {group: hits for _, group in first if (hits := self.get(group))}

    def outside(self, sentences: set[int]) -> Hits:
        """The hits that stand in other sentences than these."""
        if not sentences:
            return self
        others = copy(self)
        others._dropped = self._dropped | sentences
        others._found = {}
        return others

    @cached_property
    def _begun(self) -> Mapping[str, list[tuple[int, int, Phrase]]]:
        """Where phrases may begin, by group: a running number, the word, the phrase."""
        starting = enumerate(map(self._by_first.__getitem__, self._text.words))
        begun = [(i, phrase) for i, phrases in starting for phrase in phrases if phrase in self._possible]
        found: dict[str, list[tuple[int, int, Phrase]]] = {}
        for n, (i, phrase) in enumerate(begun):
            found.setdefault(phrase.group, []).append((n, i, phrase))
        return found

    def _matched(self, group: str) -> list[tuple[int, Hit]]:
        """The phrases of a group that are there, each with its number."""
        found = []
        text = self._text
        for n, i, phrase in self._begun.get(group, ()):
            end = _match(phrase.words, 0, text.words, i, text.ends[i])
            if end and (not phrase.opening or _opens(text, i)) and (not phrase.closing or _closes(text, end)):
                found.append((n, Hit(i, end, text.sentences[i])))
        return found

    @cached_property
    def _negators(self) -> list[Hit]:
        exceptions = [hit for _, hit in self._matched("not_negator")]
        negators = [hit for _, hit in self._matched("negator")]
        return [n for n in negators if not any(e.start <= n.start < e.end for e in exceptions)]

    def _counts(self, hit: Hit) -> bool:
        return hit.sentence not in self._dropped and not self._negated(hit)

    def _negated(self, hit: Hit) -> bool:
        """Say whether a negator stands shortly before a phrase, in the same clause."""
        text = self._text
        for negator in self._negators:
            between = range(negator.end, hit.start + 1)
            near = negator.sentence == hit.sentence and 0 < len(between) <= NEGATION_REACH
            if near and not any(i in text.breaks or text.words[i] in _CLAUSE_WORDS for i in between):
                return True
        return False


@lru_cache(maxsize=RECENT)
def hits_of(lexicon: Lexicon, text: Text) -> Hits:
    return Hits(lexicon, text)


def _match(phrase: Sequence[Word], k: int, words: Sequence[str], i: int, limit: int) -> int:
    """Match the words of a phrase from the k-th on against those of a text from word i to `limit`; the end, or 0."""
    while k < len(phrase):
        word = phrase[k]
        k += 1
        if i < limit and word.accepts(words[i]):  # a gap accepts none
            if not word.optional:
                i += 1
            elif end := _match(phrase, k, words, i + 1, limit):
                return end
        elif word.gap:
            last = min(i + GAP, limit)
            return next((end for j in range(i, last + 1) if (end := _match(phrase, k, words, j, limit))), 0)
        elif not word.optional:
            return 0
    return i


def _opens(text: Text, i: int) -> bool:
    """Say whether a word begins its sentence or clause, but for words such as "ok" and "hmm"."""
    while i and i not in text.breaks and text.sentences[i - 1] == text.sentences[i] and text.words[i - 1] in _FILLERS:
        i -= 1
    return not i or i in text.breaks or text.sentences[i - 1] != text.sentences[i]


def _closes(text: Text, end: int) -> bool:
    return end in text.breaks or end == text.ends[end - 1]


def sentences_of(hits: Hits, *groups: str) -> set[int]:
    """The sentences that hold hits of these groups."""
    return {hit.sentence for group in groups for hit in hits.get(group)}


def distinct(text: Text, hits: Iterable[Hit]) -> set[str]:
    """The stems of the words that hits begin with: a thing that is named twice counts once."""
    return {stem(text.words[hit.start]) for hit in hits}


# --- compiling -----------------------------------------------------------------------------


def _phrases(content: Any, where: str, group: str, problems: list[Problem]) -> Iterator[Phrase]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _phrases(value, f"{where}.{key}", f"{group}.{key}" if group else str(key), problems)
    elif isinstance(content, list) and group:
        for line in content:
            for phrase in str(line).split(","):
                try:
                    yield _phrase(phrase, group)
                except ValueError as error:
                    problems.append(Problem(f"'{phrase.strip()}': {error}", where=where))
    else:
        problems.append(Problem("must be a list of phrases, or groups of such lists", where=where))


def _phrase(line: str, group: str) -> Phrase:
    """Read a phrase: words; `a|b` either; `leak*` any ending; `the?` optional; `...` a few words; `0` any number.

    `^` before and `$` after a phrase tie it to the beginning and the end of a sentence or clause.
    """
    bare = line.strip().removeprefix("^").removesuffix("$")
    words = tuple(_word(part) for part in bare.replace("-", " ").split())
    if not words or words[0].gap or words[0].optional or words[-1].gap:
        raise ValueError("must begin and end with a word that has to be there")
    return Phrase(group, words, line.strip().startswith("^"), line.strip().endswith("$"), telling=words[0])


def _word(part: str) -> Word:
    if part == "...":
        return Word(frozenset())
    choices = [choice.casefold().replace("'", "").replace("’", "") for choice in part.removesuffix("?").split("|")]
    for choice in choices:
        if not regex.fullmatch(r"[\p{L}\p{N}_¤]+\*?", choice):
            raise ValueError(f"{choice!r} is not a word; valid: letters and digits, a|b, word*, word? and ...")
    whole = frozenset(choice for choice in choices if not choice.endswith("*"))
    return Word(whole, tuple(choice[:-1] for choice in choices if choice.endswith("*")), part.endswith("?"))


def _told(phrases: Sequence[Phrase]) -> Iterator[Phrase]:
    """Choose what tells that a text may have a phrase: the words of it that are rarest, by the lexicon itself."""
    counts = Counter(word for phrase in phrases for place in phrase.words for word in place.whole)

    def commonness(place: Word) -> tuple[bool, bool, int]:
        return NUMBER in place.whole, not place.whole.isdisjoint(COMMON), sum(counts[word] for word in place.whole)

    for phrase in phrases:
        needed = [word for word in reversed(phrase.words) if not word.gap and not word.optional]
        telling, *others = sorted(needed, key=commonness)
        exact = [word.whole for word in others if not word.beginnings and NUMBER not in word.whole]
        yield replace(phrase, telling=telling, besides=exact[0] if exact else None)


def _structures(content: Any, where: str, problems: list[Problem]) -> Iterator[regex.Pattern[str]]:
    for pattern in content:
        try:
            yield regex.compile(pattern, regex.MULTILINE)
        except (regex.error, TypeError) as error:
            problems.append(Problem(f"{pattern!r}: invalid regex: {error}", where=where))


def _settings(content: Mapping[str, Any], where: str, problems: list[Problem]) -> Iterator[tuple[str, float]]:
    for name, value in content.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield str(name), float(value)
        else:
            problems.append(Problem(f"{value!r}: must be a number", where=f"{where}.{name}"))
