"""Rules: read a message by the phrases of a lexicon.

Phrases match whole words within a sentence. A phrase after a negator ("no need to redesign") does not count, nor does
text that the user only quotes. What the phrases mean together is up to the triggers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import regex

from ladder_bench.errors import InputError, Problem
from ladder_bench.triggers.text import COMMON, RECENT, Hit, Text, stem, words_of

KNOWN_WORDS = 16_384  # of the words that users say, those whose phrases stay at hand
RECENT_HITS = 8 * RECENT  # a text has hits of each lexicon that reads it
NUMBER = "0"  # in a phrase, stands for any number
GAP = 4  # words that "..." may stand for
NEGATION_REACH = 4  # words after a negator that it covers


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """One place in a phrase: the words it accepts whole, and by their beginning. Neither: a gap.

    `loose`: it accepts more than what it has whole.
    """

    whole: frozenset[str]
    beginnings: tuple[str, ...] = ()
    optional: bool = False
    gap: bool = False
    loose: bool = False

    def accepts(self, word: str) -> bool:
        return word in self.whole or word.startswith(self.beginnings) or (NUMBER in self.whole and word[0].isdigit())

    def ways(self, word: str) -> list[int]:
        """How it accepts a word: as it is (0), as a number (1), by its beginning (more, the longer that is)."""
        found = [0] if word in self.whole else []
        if self.loose:
            found += [1] if NUMBER in self.whole and word[0].isdigit() else []
            found += [1 + len(beginning) for beginning in self.beginnings if word.startswith(beginning)]
        return found


@dataclass(frozen=True, slots=True, eq=False)
class Phrase:
    """Words in a row. A text that has the phrase has a word that `telling` accepts, and one of `besides` if any are."""

    lexicon: str
    number: int  # in its lexicon
    group: str
    words: tuple[Word, ...]
    opening: bool  # counts only at the beginning of a sentence or clause
    closing: bool  # counts only at the end of one
    telling: Word
    before: int | None  # words before the telling one, None where they may be more or fewer
    besides: frozenset[str] | None

    def starts(self, text: Text, word: str) -> Iterable[int]:
        """Where the phrase may begin in a text that has this word, which its telling place accepts."""
        if self.before == 0:
            return text.places[word]
        if self.before is not None:
            return [i - self.before for i in text.places[word] if i >= self.before]
        first = self.words[0]
        words = first.whole if not first.loose else filter(first.accepts, text.places)
        return [i for word in words for i in text.places.get(word, ())]


Telling = tuple[frozenset[str] | None, Phrase, str]  # what else a text needs, to have a phrase that a word tells
NO_TELLING: Mapping[str, tuple[Telling, ...]] = {}


class Index:
    """The phrases that a word tells, by lexicon. A word is looked up once for all of them, while there are not many."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        self._whole: dict[str, list[Phrase]] = {}
        self._beginnings: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for word in phrase.telling.whole:
                self._whole.setdefault(word, []).append(phrase)
            for beginning in phrase.telling.beginnings:
                self._beginnings.setdefault(beginning, []).append(phrase)
        self._lengths: dict[str, set[int]] = {}  # of beginnings, by initial
        for beginning in self._beginnings:
            self._lengths.setdefault(beginning[0], set()).add(len(beginning))
        self._known: dict[str, Mapping[str, tuple[Telling, ...]]] = {}

    @lru_cache(maxsize=RECENT)  # noqa: B019
    def told(self, text: Text) -> Mapping[str, list[tuple[Telling, ...]]]:
        """What the words of a text tell, by lexicon."""
        found: dict[str, list[tuple[Telling, ...]]] = {}
        for word in text.places:
            known = self._known.get(word)
            for name, told in (self._looked_up(word) if known is None else known).items():
                found.setdefault(name, []).append(told)
        return found

    def _looked_up(self, word: str) -> Mapping[str, tuple[Telling, ...]]:
        phrases = list(self._whole.get(word, ()))
        number = word[0].isdigit()
        if number:
            phrases += self._whole.get(NUMBER, ())
        for length in self._lengths.get(word[0], ()):
            if length <= len(word):
                phrases += self._beginnings.get(word[:length], ())
        found: dict[str, list[Telling]] = {}
        for phrase in dict.fromkeys(phrases):
            found.setdefault(phrase.lexicon, []).append((phrase.besides, phrase, word))
        told = {name: tuple(each) for name, each in found.items()} if found else NO_TELLING
        if number:
            return told  # not kept: there is no end of numbers
        if len(self._known) >= KNOWN_WORDS:
            self._known.clear()
        self._known[word] = told
        return told


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """A trigger's phrases, in the index of all lexicons, and its patterns of structure."""

    name: str
    languages: frozenset[str]
    index: Index
    structures: tuple[regex.Pattern[str], ...]
    settings: Mapping[str, float]

    def speaks(self, language: str | None) -> bool:
        return language is None or language.casefold().replace("_", "-").partition("-")[0] in self.languages

    def structure(self, message: str) -> str | None:
        """The first structure found in a message, as it stands there."""
        for pattern in self.structures:
            if match := pattern.search(message):
                return match[0].strip()
        return None

    def possible(self, text: Text) -> dict[str, list[Telling]]:
        """The phrases that a text may have, by group: a few, found without reading it."""
        words = text.distinct
        found: dict[str, list[Telling]] = {}
        for each in self.index.told(text).get(self.name, ()):
            for telling in each:
                if telling[0] is None or not words.isdisjoint(telling[0]):
                    found.setdefault(telling[1].group, []).append(telling)
        return found


# --- finding -------------------------------------------------------------------------------

_CLAUSE_WORDS = frozenset({"but", "and", "so", "because", "then", "however"})
_FILLERS = words_of("""
    ok okay oh so hm hmm hmmm well and but wait no sorry yeah yes right thanks thank you um uh hey hi lol ah great
""")


class Hits:
    """The phrases of a lexicon in a text, by group, without those that are negated. A group is read when asked for."""

    def __init__(self, lexicon: Lexicon, text: Text) -> None:
        self._text = text
        self._possible = lexicon.possible(text)
        self.groups = self._possible.keys()  # those that may have hits; no other has
        self._read: dict[str, tuple[Hit, ...]] = {}
        self._first: dict[str, tuple[int, int, int]] = {}
        self._found: dict[str, tuple[Hit, ...]] = {}
        self._dropped: set[int] = set()

    def get(self, group: str) -> tuple[Hit, ...]:
        """The hits of a group, in the order of the text."""
        if group not in self._possible:
            return ()
        found = self._found.get(group)
        if found is None:
            told = self.told(group)
            if told and (self._negators or self._dropped):
                told = tuple(filter(self._counts, told))
            found = self._found[group] = told
        return found

    def told(self, group: str) -> tuple[Hit, ...]:
        """The hits of a group, negated or not."""
        if group not in self._possible:
            return ()
        found = self._read.get(group)
        if found is None:
            matched = sorted(self._matched(group))
            found = self._read[group] = tuple([hit for _, hit in matched])
            if matched:
                self._first[group] = matched[0][0]
        return found

    def among(self, groups: Iterable[str]) -> dict[str, tuple[Hit, ...]]:
        """The hits of the groups that have some; the group whose phrase stands first comes first, negated or not."""
        first = sorted((self._first[group], group) for group in groups if self.told(group))
        return {group: hits for _, group in first if (hits := self.get(group))}

    def outside(self, sentences: set[int]) -> Hits:
        """The hits that stand in other sentences than these."""
        if not sentences:
            return self
        others = copy(self)
        others._dropped = self._dropped | sentences
        others._found = {}
        return others

    def _matched(self, group: str) -> set[tuple[tuple[int, int, int], Hit]]:
        """The phrases of a group that are there, each with its place in an order."""
        found = set()
        text = self._text
        for _, phrase, word in self._possible[group]:
            for i in phrase.starts(text, word):
                end = _match(phrase.words, 0, text.words, i, text.ends[i])
                if end and (not phrase.opening or _opens(text, i)) and (not phrase.closing or _closes(text, end)):
                    hit = Hit(i, end, text.sentences[i])
                    for way in phrase.words[0].ways(text.words[i]):
                        found.add(((i, way, phrase.number), hit))
        return found

    @cached_property
    def _negators(self) -> list[Hit]:
        exceptions = self.told("not_negator")
        return [n for n in self.told("negator") if not any(e.start <= n.start < e.end for e in exceptions)]

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


@lru_cache(maxsize=RECENT_HITS)
def hits_of(lexicon: Lexicon, text: Text) -> Hits:
    return Hits(lexicon, text)


def _match(phrase: Sequence[Word], k: int, words: Sequence[str], i: int, limit: int) -> int:
    """Match the words of a phrase from the k-th on against those of a text from word i to `limit`; the end, or 0."""
    while k < len(phrase):
        word = phrase[k]
        k += 1
        if i < limit and (words[i] in word.whole or (word.loose and word.accepts(words[i]))):  # a gap accepts none
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

Line = tuple[str, tuple[Word, ...], bool, bool]  # a phrase as it is written: group, words, opening, closing


def compiled(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, Lexicon]:
    """Read the YAML of lexicons, by name. Raises InputError with every phrase and pattern that cannot be read."""
    problems: list[Problem] = []
    phrases: list[Phrase] = []
    patterns: dict[str, tuple[regex.Pattern[str], ...]] = {}
    settings: dict[str, Mapping[str, float]] = {}
    for name, content in contents.items():
        phrases += _told(name, list(_lines(content.get("phrases", {}), f"{name}.phrases", "", problems)))
        patterns[name] = tuple(_structures(content.get("structures", ()), f"{name}.structures", problems))
        settings[name] = dict(_settings(content.get("settings", {}), f"{name}.settings", problems))
    if problems:
        raise InputError(problems)
    index = Index(phrases)
    return {
        name: Lexicon(name, frozenset(content.get("languages", ())), index, patterns[name], settings[name])
        for name, content in contents.items()
    }


def _lines(content: Any, where: str, group: str, problems: list[Problem]) -> Iterator[Line]:
    if isinstance(content, Mapping):
        for key, value in content.items():
            yield from _lines(value, f"{where}.{key}", f"{group}.{key}" if group else str(key), problems)
    elif isinstance(content, list) and group:
        for line in content:
            for phrase in str(line).split(","):
                try:
                    yield _line(phrase.strip(), group)
                except ValueError as error:
                    problems.append(Problem(f"'{phrase.strip()}': {error}", where=where))
    else:
        problems.append(Problem("must be a list of phrases, or groups of such lists", where=where))


def _line(line: str, group: str) -> Line:
    """Read a phrase: words; `a|b` either; `leak*` any ending; `the?` optional; `...` a few words; `0` any number.

    `^` before and `$` after a phrase tie it to the beginning and the end of a sentence or clause.
    """
    bare = line.removeprefix("^").removesuffix("$")
    words = tuple(map(_word, bare.replace("-", " ").split()))
    if not words or words[0].gap or words[0].optional or words[-1].gap:
        raise ValueError("must begin and end with a word that has to be there")
    return group, words, line.startswith("^"), line.endswith("$")


@lru_cache(maxsize=4096)
def _word(part: str) -> Word:
    if part == "...":
        return Word(frozenset(), gap=True)
    choices = part.removesuffix("?").casefold().replace("'", "").replace("’", "").split("|")
    for choice in choices:
        if not choice.isalpha() and not _CHOICE.fullmatch(choice):
            raise ValueError(f"{choice!r} is not a word; valid: letters and digits, a|b, word*, word? and ...")
    beginnings = tuple(choice[:-1] for choice in choices if choice.endswith("*")) if "*" in part else ()
    whole = frozenset(choice for choice in choices if not choice.endswith("*")) if beginnings else frozenset(choices)
    return Word(whole, beginnings, part.endswith("?"), loose=bool(beginnings) or NUMBER in whole)


_CHOICE = regex.compile(r"[\p{L}\p{N}_¤]+\*?")


def _told(name: str, lines: Sequence[Line]) -> Iterator[Phrase]:
    """Choose what tells that a text may have a phrase: the words of it that are rarest, by the lexicon itself."""
    counts = Counter(word for _, words, *_ in lines for place in words for word in place.whole)
    known: dict[Word, tuple[bool, bool, int]] = {}

    def commonness(place: Word) -> tuple[bool, bool, int]:
        if place not in known:
            common = not place.whole.isdisjoint(COMMON)
            known[place] = NUMBER in place.whole, common, sum(counts[word] for word in place.whole)
        return known[place]

    for number, (group, words, opening, closing) in enumerate(lines):
        needed = [word for word in reversed(words) if not word.gap and not word.optional]
        telling, *others = sorted(needed, key=commonness)
        exact = next((word.whole for word in others if not word.loose), None)
        place = words.index(telling)
        fixed = not any(word.gap or word.optional for word in words[:place])
        yield Phrase(name, number, group, words, opening, closing, telling, place if fixed else None, exact)


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
