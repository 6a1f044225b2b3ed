"""Rules: read a message by the phrases of a lexicon.

Phrases match whole words within a sentence. A phrase after a negator ("no need to redesign") does not count, nor does
text that the user only quotes. What the phrases mean together is up to the triggers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import regex

from ladder_bench.errors import InputError, Problem

CACHED = 8_192  # messages; many strategies ask about the same one
NUMBER = "0"  # in a phrase, stands for any number
GAP = 4  # words that "..." may stand for
NEGATION_REACH = 4  # words after a negator that it covers


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A message as words: folded, without apostrophes. `ends[i]` is where the sentence of word i ends."""

    source: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    sentences: tuple[int, ...]
    ends: tuple[int, ...]
    breaks: frozenset[int]  # words that begin a clause, after a comma, a colon, a dash

    def quote(self, hit: Hit) -> str:
        return self.source[self.spans[hit.start][0] : self.spans[hit.end - 1][1]]


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found: the words from `start` to before `end`."""

    start: int
    end: int
    sentence: int


Hits = Mapping[str, tuple[Hit, ...]]


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


@dataclass(frozen=True, slots=True)
class Phrase:
    group: str
    words: tuple[Word, ...]
    opening: bool  # counts only at the beginning of a sentence or clause
    closing: bool  # counts only at the end of one

    def may_follow(self, following: str) -> bool:
        """Say whether the phrase can match with this word, "" for none, in second place."""
        if len(self.words) == 1 or self.words[1].gap or self.words[1].optional:
            return True
        return following != "" and self.words[1].accepts(following)


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """A trigger's phrases, indexed by the word they begin with, and its patterns of structure."""

    languages: frozenset[str]
    by_word: Mapping[str, tuple[Phrase, ...]]
    by_beginning: Mapping[str, tuple[Phrase, ...]]
    beginnings: tuple[int, ...]  # the lengths of the keys of by_beginning
    structures: tuple[regex.Pattern[str], ...]

    @staticmethod
    def compiled(name: str, content: Mapping[str, Any]) -> Lexicon:
        """Read a lexicon's YAML. Raises InputError with every phrase and pattern that cannot be read."""
        problems: list[Problem] = []
        phrases = list(_phrases(content.get("phrases", {}), f"{name}.phrases", "", problems))
        structures = list(_structures(content.get("structures", ()), f"{name}.structures", problems))
        if problems:
            raise InputError(problems)
        by_word: dict[str, list[Phrase]] = {}
        by_beginning: dict[str, list[Phrase]] = {}
        for phrase in phrases:
            for word in sorted(phrase.words[0].whole):
                by_word.setdefault(word, []).append(phrase)
            for beginning in phrase.words[0].beginnings:
                by_beginning.setdefault(beginning, []).append(phrase)
        return Lexicon(
            frozenset(content.get("languages", ())),
            {word: tuple(found) for word, found in by_word.items()},
            {word: tuple(found) for word, found in by_beginning.items()},
            tuple(sorted({len(word) for word in by_beginning})),
            tuple(structures),
        )

    def speaks(self, language: str | None) -> bool:
        return language is None or regex.split("[-_]", language.casefold())[0] in self.languages

    def structure(self, message: str) -> str | None:
        """The first structure found in a message, as it stands there."""
        found = (pattern.search(message) for pattern in self.structures)
        return next((match[0].strip() for match in found if match), None)


# --- reading -------------------------------------------------------------------------------

_FENCE = r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)"
_QUOTED_LINE = r"^[ \t]*>[^\n]*"
_QUOTATION = r'"[^"\n]{1,600}"|“[^”]{1,600}”|«[^»]{1,600}»|„[^“”]{1,600}[“”]'
# an apostrophe inside a word does not end a quotation in single quotes
_SINGLE = r"(?<![\w'’])['‘](?=\S)(?:[^'’‘\n]|(?<=\w)['’](?=\w)){2,300}(?<=\S)['’](?!\w)"
_BLOCKS = regex.compile(f"{_FENCE}|{_QUOTED_LINE}", regex.DOTALL | regex.MULTILINE)
_QUOTED = regex.compile(f"{_FENCE}|{_QUOTED_LINE}|{_QUOTATION}|{_SINGLE}", regex.DOTALL | regex.MULTILINE)
_UNIT = r"(?:mg|mcg|ml|kg|tb|gb|mb|ms|k|bn|m|s|h|yo)\b"  # "50mg" is read as "50 mg"
_TOKEN = regex.compile(
    rf"(?i:\d+(?:[.,]\d+)*(?={_UNIT}))|"
    r"[\p{L}\p{N}_]+(?:['’][\p{L}]+)*|[.!?;]+(?=[\s\"')¤]|$)|\n|[,:()…—–]|\s-+\s|\.{3}|¤"
)


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# English, as the lexicons are; in another language nothing is evaluated
_CLAUSE_WORDS = frozenset({"but", "and", "so", "because", "then", "however"})
_FILLERS = _set("""
    ok okay oh so hm hmm hmmm well and but wait no sorry yeah yes right thanks thank you um uh hey hi lol ah great
""")
_STOP = _set("""
    a an the this that these those it its i im id ive me my we our us you your he she they them his her their and or
    but not no nor of in on at to for from with by as is are was were be been am do does did done have has had can
    could would should will shall may might must if so than then there here what which who how why when where just
    also please plz pls thanks ok okay actually instead rather now more some any all one two make write give get
    want need like help tell show let lets use using about into up out down very really good new dont cant whats
    thats
""")


@lru_cache(maxsize=CACHED)
def visible(message: str, quotations: bool = False) -> Text:
    """Read a message without code and quoted lines, and without quotations unless they are asked for.

    What is left out leaves one word behind, and as many characters, so that places stay the same.
    """
    left_out = _BLOCKS if quotations else _QUOTED
    return _text(left_out.sub(lambda match: "¤" + " " * (len(match[0]) - 1), message))


def _text(source: str) -> Text:
    words: list[str] = []
    spans: list[tuple[int, int]] = []
    sentences: list[int] = []
    breaks: set[int] = set()
    sentence = 0
    for match in _TOKEN.finditer(source):
        token = match[0]
        if token[0].isalnum() or token[0] in "_¤":
            words.append(token.casefold().replace("'", "").replace("’", ""))
            spans.append(match.span())
            sentences.append(sentence)
        elif token[0] in ".!?;\n":
            sentence = sentences[-1] + 1 if sentences else 0
        else:
            breaks.add(len(words))
    ends = [len(words)] * len(words)
    for i in range(len(words) - 2, -1, -1):
        ends[i] = ends[i + 1] if sentences[i] == sentences[i + 1] else i + 1
    return Text(source, tuple(words), tuple(spans), tuple(sentences), tuple(ends), frozenset(breaks))


@lru_cache(maxsize=CACHED)
def hits_of(lexicon: Lexicon, text: Text) -> Hits:
    """Every phrase of a lexicon in a text by group, without those that are negated."""
    found: dict[str, list[Hit]] = {}
    following = (*text.words[1:], "")
    for i, word in enumerate(text.words):
        for phrase in _starting(lexicon, word, following[i]):
            end = _match(phrase.words, 0, text, i)
            if end and (not phrase.opening or _opens(text, i)) and (not phrase.closing or _closes(text, end)):
                found.setdefault(phrase.group, []).append(Hit(i, end, text.sentences[i]))
    negators = _negators(found.pop("negator", []), found.pop("not_negator", []))
    if not negators:
        return {group: tuple(hits) for group, hits in found.items()}
    kept = {group: tuple(hit for hit in hits if not _negated(hit, negators, text)) for group, hits in found.items()}
    return {group: hits for group, hits in kept.items() if hits}


@lru_cache(maxsize=16 * CACHED)
def _starting(lexicon: Lexicon, word: str, following: str) -> tuple[Phrase, ...]:
    """The phrases that may begin with a word, as far as the word after it tells."""
    phrases = list(lexicon.by_word.get(word, ()))
    if word[0].isdigit():
        phrases += lexicon.by_word.get(NUMBER, ())
    for length in lexicon.beginnings:
        if length <= len(word):
            phrases += lexicon.by_beginning.get(word[:length], ())
    return tuple(phrase for phrase in phrases if phrase.may_follow(following))


def _match(words: Sequence[Word], k: int, text: Text, i: int) -> int:
    """Match the words of a phrase from the k-th on against a text from word i; the end, or 0."""
    if k == len(words):
        return i
    word, limit = words[k], text.ends[i - 1] if k else text.ends[i]
    if word.gap:
        return next((end for j in range(i, min(i + GAP, limit) + 1) if (end := _match(words, k + 1, text, j))), 0)
    end = _match(words, k + 1, text, i + 1) if i < limit and word.accepts(text.words[i]) else 0
    return end or (_match(words, k + 1, text, i) if word.optional else 0)


def _opens(text: Text, i: int) -> bool:
    """Say whether a word begins its sentence or clause, but for words such as "ok" and "hmm"."""
    while i and i not in text.breaks and text.sentences[i - 1] == text.sentences[i] and text.words[i - 1] in _FILLERS:
        i -= 1
    return not i or i in text.breaks or text.sentences[i - 1] != text.sentences[i]


def _closes(text: Text, end: int) -> bool:
    return end in text.breaks or end == text.ends[end - 1]


def _negators(negators: list[Hit], exceptions: list[Hit]) -> list[Hit]:
    return [n for n in negators if not any(e.start <= n.start < e.end for e in exceptions)]


def _negated(hit: Hit, negators: list[Hit], text: Text) -> bool:
    """Say whether a negator stands shortly before a phrase, in the same clause."""
    for negator in negators:
        between = range(negator.end, hit.start + 1)
        near = negator.sentence == hit.sentence and 0 < len(between) <= NEGATION_REACH
        if near and not any(i in text.breaks or text.words[i] in _CLAUSE_WORDS for i in between):
            return True
    return False


@lru_cache(maxsize=CACHED)
def content(messages: tuple[str, ...]) -> frozenset[str]:
    """The stems of the words that carry meaning."""
    return frozenset(stem(w) for w in chain.from_iterable(_text(m).words for m in messages) if meaning(w))


def meaning(word: str) -> bool:
    return len(word) > 1 and word not in _STOP


def stem(word: str) -> str:
    """Cut a word so that its forms agree; a guess that needs no dictionary."""
    word = word[:-1] if word.endswith("s") and len(word) > 3 else word
    return word[:5]


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
    return Phrase(group, words, line.strip().startswith("^"), line.strip().endswith("$"))


def _word(part: str) -> Word:
    if part == "...":
        return Word(frozenset())
    choices = [choice.casefold().replace("'", "").replace("’", "") for choice in part.removesuffix("?").split("|")]
    for choice in choices:
        if not regex.fullmatch(r"[\p{L}\p{N}_¤]+\*?", choice):
            raise ValueError(f"{choice!r} is not a word; valid: letters and digits, a|b, word*, word? and ...")
    whole = frozenset(choice for choice in choices if not choice.endswith("*"))
    return Word(whole, tuple(choice[:-1] for choice in choices if choice.endswith("*")), part.endswith("?"))


def _structures(content: Any, where: str, problems: list[Problem]) -> Iterator[regex.Pattern[str]]:
    for pattern in content:
        try:
            yield regex.compile(pattern, regex.MULTILINE)
        except (regex.error, TypeError) as error:
            problems.append(Problem(f"{pattern!r}: invalid regex: {error}", where=where))
