"""Text: a message of a user as words, in sentences and clauses, without what the user only quotes."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

import regex

RECENT = 1024  # messages that stay read: those of one conversation, which its later turns ask about


class Hit(NamedTuple):
    """A phrase found: the words from `start` to before `end`."""

    start: int
    end: int
    sentence: int


class Text:
    """A message as words: folded, without apostrophes. `sentences[i]` is the number of word i's sentence.

    `ends[i]` is where that sentence ends; `breaks` are the words that begin a clause, after a comma, a colon, a dash.
    `asked` are the numbers of the sentences with a question mark; `places` is where each word stands,
    and `distinct` each word once.
    """

    __slots__ = ("asked", "breaks", "distinct", "ends", "places", "sentences", "source", "words")

    def __init__(self, source: str) -> None:
        tokens = _folded(_TOKEN.findall(source))
        words: list[str] = []
        sentences: list[int] = []
        ends: list[int] = []
        breaks: set[int] = set()
        asked: set[int] = set()
        sentence = next_token = 0
        marks = [n for n, token in enumerate(tokens) if token[0] in _MARKS]
        for n in (*marks, len(tokens)):
            words += tokens[next_token:n]
            next_token = n + 1
            if n < len(tokens) and tokens[n][0] not in _ENDS:
                breaks.add(len(words))
            elif size := len(words) - len(ends):
                sentences += [sentence] * size
                ends += [len(words)] * size
                if n < len(tokens) and "?" in tokens[n]:
                    asked.add(sentence)
                sentence += 1
        places: dict[str, list[int]] = {}
        for i, word in enumerate(words):
            places.setdefault(word, []).append(i)
        self.places = places
        self.distinct = frozenset(places)
        self.source = source
        self.words = tuple(words)
        self.sentences = tuple(sentences)
        self.ends = tuple(ends)
        self.breaks = frozenset(breaks)
        self.asked = frozenset(asked)

    def quote(self, hit: Hit) -> str:
        """The words of a hit as they stand in the message."""
        spans = [match.span() for match in _TOKEN.finditer(self.source) if match[0][0] not in _MARKS]
        return self.source[spans[hit.start][0] : spans[hit.end - 1][1]]


def _folded(tokens: list[str]) -> list[str]:
    """Fold tokens, all at once: none has a zero character in it."""
    return "\0".join(tokens).casefold().replace("'", "").replace("’", "").split("\0") if tokens else []


@lru_cache(maxsize=RECENT)
def visible(message: str, quotations: bool = False) -> Text:
    """Read a message without code and quoted lines, and without quotations unless they are asked for.

    What is left out leaves one word behind, and as many characters, so that places stay the same.
    """
    if not _QUOTES.search(message):
        return read(message)
    left_out = _BLOCKS if quotations else _QUOTED
    return read(left_out.sub(lambda match: "¤" + " " * (len(match[0]) - 1), message))


@lru_cache(maxsize=RECENT)
def read(source: str) -> Text:
    return Text(source)


@lru_cache(maxsize=RECENT)
def stems(message: str) -> frozenset[str]:
    """The stems of the words of a message that carry meaning, quoted or not."""
    return frozenset(stem(word) for word in set(read(message).words) if meaning(word))


def meaning(word: str) -> bool:
    return len(word) > 1 and word not in COMMON


def stem(word: str) -> str:
    """Cut a word so that its forms agree; a guess that needs no dictionary."""
    word = word[:-1] if word.endswith("s") and len(word) > 3 else word
    return word[:5]


_FENCE = r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)"
_QUOTED_LINE = r"^[ \t]*>[^\n]*"
_QUOTATION = r'"[^"\n]{1,600}"|“[^”]{1,600}”|«[^»]{1,600}»|„[^“”]{1,600}[“”]'
# an apostrophe inside a word does not end a quotation in single quotes
_SINGLE = r"(?<![\w'’])['‘](?=\S)(?:[^'’‘\n]|(?<=\w)['’](?=\w)){2,300}(?<=\S)['’](?!\w)"
_BLOCKS = regex.compile(f"{_FENCE}|{_QUOTED_LINE}", regex.DOTALL | regex.MULTILINE)
_QUOTED = regex.compile(f"{_FENCE}|{_QUOTED_LINE}|{_QUOTATION}|{_SINGLE}", regex.DOTALL | regex.MULTILINE)
_QUOTES = re.compile("[`~>\"“«„'‘]")  # all that is left out has one of these
_UNIT = r"(?:mg|mcg|ml|kg|tb|gb|mb|ms|k|bn|m|s|h|yo)\b"  # "50mg" is read as "50 mg"
_TOKEN = re.compile(
    r"(?! \w)(?:"  # a space before a word is the commonest place where no token begins
    rf"(?i:\d+(?:[.,]\d+){{0,4}}(?={_UNIT}))|"
    r"\w+(?:['’][^\W\d_]+)*|[.!?;]+(?=[\s\"')¤]|$)|\n|[,:()…—–]|\s-+\s|\.{3}|¤)"
)

_ENDS = frozenset(".!?;\n")  # what a token begins with that ends a sentence
_MARKS = _ENDS.union(",:()…—–", filter(str.isspace, map(chr, range(0x3001))))  # or that is no word


def words_of(listing: str) -> frozenset[str]:
    return frozenset(listing.split())


# English, as the lexicons are; in another language nothing is evaluated
COMMON = words_of("""
    a an the this that these those it its i im id ive me my we our us you your he she they them his her their and or
    but not no nor of in on at to for from with by as is are was were be been am do does did done have has had can
    could would should will shall may might must if so than then there here what which who how why when where just
    also please plz pls thanks ok okay actually instead rather now more some any all one two make write give get
    want need like help tell show let lets use using about into up out down very really good new dont cant whats
    thats
""")
