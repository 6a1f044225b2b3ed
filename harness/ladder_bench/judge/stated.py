"""Stated: the details that an answer states, read once and not yet compared with anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex

from ladder_bench.judge.counting import Miscount, counts, miscounts
from ladder_bench.judge.identifiers import Mention, addresses, compact, identifiers
from ladder_bench.judge.moments import Clock, Date, Day, clocks, dates, may_date, weekdays
from ladder_bench.judge.names import names, words_of
from ladder_bench.judge.quantities import (
    FRACTIONS,
    TELLING,
    Quantity,
    fractions,
    laps,
    quantities,
    same,
    shares,
    worded_quantities,
)
from ladder_bench.judge.sums import OPERATOR, written_out
from ladder_bench.judge.units import CONVERSIONS, PERIODS


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it stands and its number alone."""

    text: str
    number: str
    start: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of an answer that claim something, and as they stand there.

    `hints` are fractions and multiples: they claim nothing, but are calculated with. `restated`: the places of claims
    that are one before in another unit. `results`: what the sums that are written out come to. `counts`: how many items
    the lists have.
    """

    claims: tuple[Quantity, ...] = ()
    texts: tuple[str, ...] = ()
    hints: tuple[Quantity, ...] = ()
    restated: frozenset[int] = frozenset()
    results: tuple[float, ...] = ()
    counts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Stated:
    """What an answer states, by kind, in reading order.

    Moments are given as they stand and as read, names with the words that carry them and their place. `code` is the
    letters and digits of its fenced code, `words` those that name a period, `anchors` the weekdays beside dates.
    """

    addresses: tuple[Mention, ...]
    versions_in_code: tuple[Version, ...]
    identifiers: tuple[Mention, ...]
    laps: tuple[tuple[str, Quantity], ...]
    moments: tuple[tuple[str, Date | Clock], ...]
    versions: tuple[Version, ...]
    numbers: Numbers
    miscounts: tuple[Miscount, ...]
    anchors: dict[Day, int]
    names: tuple[tuple[str, tuple[str, ...], int], ...]
    words: frozenset[str]
    code: str


@lru_cache(maxsize=256)  # strategies share answers
def stated(answer: str) -> Stated:
    """Read an answer. Each reader takes what it understands, so that the next ones no longer see it."""
    page = _Page(answer)
    return Stated(  # in this order
        addresses=_mentions(page, addresses),
        versions_in_code=tuple(_versions_in_code(page)),
        identifiers=_mentions(page, identifiers),
        laps=_taken(page, laps) if ":" in page.rest else (),
        moments=(
            *(_dates(page) if page.has_dates() else ()),
            *(_moments(page, clocks(page.rest)) if page.has_clocks() else ()),
        ),
        versions=_versions(page),
        numbers=_numbers(page, answer),
        miscounts=tuple(miscounts(page.plain)),
        anchors=page.anchors,
        names=tuple((name, tuple(words), start) for name, start in names(page.rest) if (words := words_of(name))),
        words=page.words & PERIODS.keys(),
        code=compact(page.code),
    )


class _Page:
    """An answer from which readers take what they understand, so that the next ones no longer see it."""

    __slots__ = ("anchors", "code", "plain", "rest", "words")

    def __init__(self, answer: str) -> None:
        self.rest = self.plain = answer
        self.anchors: dict[Day, int] = {}
        self.code = ""
        self.words = frozenset(_LETTERS.findall(answer.casefold()))

    def has_digits(self) -> bool:
        return _DIGIT.search(self.rest) is not None

    def has_dates(self) -> bool:
        return may_date(self.words, self.rest)

    def has_clocks(self) -> bool:
        return ":" in self.rest or ".m" in self.rest or not self.words.isdisjoint(_OF_CLOCKS)

    def take(self, pattern: regex.Pattern[str]) -> list[regex.Match[str]]:
        matches = list(pattern.finditer(self.rest))
        self.blank(match.span() for match in matches)
        return matches

    def blank(self, spans: Iterable[tuple[int, int]]) -> None:
        """Blank what stands there, all but the line breaks. Spans come in order."""
        parts: list[str] = []
        done = 0
        for start, end in spans:
            parts += (self.rest[done:start], _blanked(self.rest[max(start, done) : end]))
            done = max(end, done)
        self.rest = "".join((*parts, self.rest[done:])) if parts else self.rest


def _blanked(text: str) -> str:
    return "\n".join(" " * len(line) for line in text.split("\n")) if "\n" in text else " " * len(text)


def _mentions(page: _Page, read: Callable[[str], Iterator[Mention]]) -> tuple[Mention, ...]:
    mentions = list(read(page.rest))
    page.blank(sorted((mention.start, mention.end) for mention in mentions))
    return tuple(mention for mention in mentions if mention.stated)


def _versions_in_code(page: _Page) -> Iterator[Version]:
    """Read versions in code, then take the code away, and with it all that claims nothing."""
    fences = page.take(_FENCE) if "```" in page.rest else []
    inline = _INLINE.finditer(page.rest) if "`" in page.rest else ()
    snippets = [match for match in inline if _NOT_A_NAME.search(match[0])]
    page.blank(match.span() for match in snippets)
    for match in (*fences, *snippets):
        for version in _CODE_VERSION.finditer(match[0]):
            yield Version(version[0].strip(), version["version"], match.start() + version.start())
    page.code, page.plain = "".join(match[0] for match in fences), page.rest
    page.take(_ILLUSTRATION)
    if "?" in page.rest:
        for match in list(_QUESTION_END.finditer(page.rest)):
            page.blank([(_sentence_start(page.rest, match.start()), match.end())])


def _sentence_start(text: str, end: int) -> int:
    reach = max(0, end - 400)
    return max(reach - 1, *(text.rfind(mark, reach, end) for mark in (". ", "! ", "? ", ": ", "\n"))) + 1


def _moments(page: _Page, read: Iterable[Date] | Iterable[Clock]) -> tuple[tuple[str, Date | Clock], ...]:
    found = tuple((page.rest[moment.start : moment.end], moment) for moment in read)
    page.blank(sorted((moment.start, moment.end) for _, moment in found))
    return found


def _dates(page: _Page) -> tuple[tuple[str, Date | Clock], ...]:
    """Read the dates, and the weekdays that stand beside them."""
    calendar = tuple(dates(page.rest))
    page.anchors, _ = weekdays(page.rest, calendar)
    return _moments(page, calendar)


def _taken(page: _Page, read: Callable[[str], Iterator[Quantity]]) -> tuple[tuple[str, Quantity], ...]:
    found = tuple((page.rest[number.start : number.end], number) for number in read(page.rest))
    page.blank((number.start, number.end) for _, number in found)
    return found


def _versions(page: _Page) -> tuple[Version, ...]:
    if not page.has_digits():
        return ()
    return tuple(Version(match[0], match["version"], match.start()) for match in page.take(_VERSION))


def _numbers(page: _Page, answer: str) -> Numbers:
    found = list(_worded(page))
    if page.has_digits():
        if not page.words.isdisjoint(_ENUMERATED):
            page.take(_ENUMERATION)
        page.take(_RHETORICAL)
        parts = tuple(shares(page.rest))
        page.blank((part.start, part.end) for part in parts)
        for pattern in (_SCORE, _NAMED):
            page.take(pattern)
        _blank_numbering(page)
        text = page.rest
        found += [*parts, *(n for n in quantities(text) if not _small(n) and not _constant(n, text))]
    if not found:
        return Numbers()
    claims = tuple(sorted(found, key=lambda claim: claim.start))
    restated = [
        place
        for place, claim in enumerate(claims)
        if any(_restated(claim, earlier) for earlier in claims[max(0, place - 2) : place])
    ]
    return Numbers(
        claims,
        tuple(answer[claim.start : claim.end].strip() for claim in claims),
        tuple(fractions(page.rest)) if "/" in page.rest or not page.words.isdisjoint(FRACTIONS) else (),
        frozenset(restated),
        written_out(page.rest),
        counts(answer),
    )


def _worded(page: _Page) -> Iterator[Quantity]:
    """Numbers in words that claim something: those with a unit, and from thirteen on; taken from the page."""
    words = page.words & TELLING
    if not words:
        return
    found = [number for number in worded_quantities(page.rest, words) if _tells(number, page.rest)]
    page.blank((number.start, number.end) for number in found)
    yield from found


def _tells(number: Quantity, text: str) -> bool:
    if text[number.start].isdecimal():
        return False
    written = number.written
    return (written > 1 and number.dimension not in ("", "length")) or (written > 12 and written != 100)


def _small(claim: Quantity) -> bool:
    return claim.dimension == "" and claim.written <= 3 and claim.written == int(claim.written)


def _constant(claim: Quantity, text: str) -> bool:
    """A factor of conversion beside an operator: 2 x 60."""
    around = text[max(0, claim.start - 3) : claim.start] + text[claim.end : claim.end + 3]
    return claim.written in CONVERSIONS and OPERATOR.search(around) is not None


def _restated(claim: Quantity, earlier: Quantity) -> bool:
    """Say whether a claim is an earlier one in another unit: 150 million kilometres (93 million miles)."""
    return (
        claim.dimension != ""
        and claim.written != earlier.written
        and claim.dimension == earlier.dimension
        and same(claim, earlier)
    )


def _blank_numbering(page: _Page) -> None:
    """Blank 1. 2. 3. inside a line; at the start of a line any number before a point or bracket."""
    expected, spans = 1, []
    for match in _NUMBERING.finditer(page.rest):
        number = int(match["number"])
        line = page.rest.rfind("\n", 0, match.start()) + 1
        if number in (1, expected) or not page.rest[line : match.start()].strip(" \t#>*("):
            spans.append(match.span())
            expected = number + 1
    page.blank(spans)


_DIGIT = regex.compile(r"\d")
_OF_CLOCKS = frozenset(("am", "pm", "noon", "midnight", "clock", "past", "quarter", "five", "ten", "twenty"))
_LETTERS = regex.compile(r"[a-z]+")
_FENCE = regex.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", regex.DOTALL)
_INLINE = regex.compile(r"`[^`\n]+`")
_NOT_A_NAME = regex.compile(r"[\s=<>{}$;,|]")
_CODE_VERSION = regex.compile(
    r"(?<![\w.])v(?P<version>\d+(?:\.\d+)+)\b|(?:==|:|@|(?<![\w.]))(?P<version>\d+\.\d+\.\d+)(?![\w.]\d)"
)
_ILLUSTRATION = regex.compile(
    r"(?:\be\.g\.|\bfor (?:example|instance)\b|\bsuch as\b|\b(?:let's )?say,"
    r"|\b(?:suppose|imagine|assume)\b|\bhypothetical)"
    r"(?:[^.!?\n)]|[.!?](?=\S))*+",
    regex.IGNORECASE,
)
_QUESTION_END = regex.compile(r"\?(?=\s|$|[\"'*)])")
_VERSION = regex.compile(
    r"\b[vV](?P<version>\d+(?:\.\d+)*)\b|\b[vV]ersion\s(?P<version>\d+(?:\.\d+)*)\b|(?<![\w.$€£])(?P<version>\d+\.\d+\.\d+)(?![\w.]\d)"
    r"|\b(?:Python|Postgres|PostgreSQL|MySQL|Java|Node|Node\.js|Ubuntu|Debian|Django|PHP|Ruby|Go|Windows|iOS|Android|macOS|React)"
    r"\s(?P<version>\d+(?:\.\d+)*)\b"
)
_ENUMERATED_WORDS = (
    "step option question phase stage chapter section part figure table example rule tip point item day week act scene "
    "level tier round case method approach grade type task lesson module episode exercise problem verse stanza "
    "equation scenario"
)
_ENUMERATED = frozenset(_ENUMERATED_WORDS.split())
_ENUMERATION = regex.compile(
    rf"\b(?:{'|'.join(sorted(_ENUMERATED))})s?\s#?\d{{1,2}}(?:\.\d+)?(?:\s?(?:-|–|to|and|&)\s?\d{{1,2}})?\b",
    regex.IGNORECASE,
)
_ENUMERATED |= {f"{word}s" for word in _ENUMERATED}
_RHETORICAL = regex.compile(
    r"\b(?:100\s?%|0\s?%|24/7|50[/-]50|\d\ufe0f?\u20e3|100 percent|9-to-5|80/20|360[ -]degrees?|401\(k\)"
    r"|TLS 1\.[0-3]|[Pp]ort (?:22|25|80|443)(?!\d)"
    r"|(?:in|early|mid|late|his|her|their|your|the)[ -]\d0s\b)"
)
# PlayStation 5, Apollo 11: part of a name
_NAMED = regex.compile(
    r"(?<=[\p{Ll},] (?!(?:Room|Flight|Gate|Error|Code|Order|Invoice|Ticket|Line|Port"
    r"|Building|Platform|Page|In|By)\s)\p{Lu}\w+ )\d{1,3}"
    r"(?![.,:]?\d|\s?%|[a-z])"
)
_SCORE = regex.compile(r"(?<![\w/.])\d/\d{1,2}(?![\w/])")
_NUMBERING = regex.compile(r"(?P<number>\d{1,3})(?<=(?<!\S)[(*]*\d+)[.):](?=\s|\*)")
