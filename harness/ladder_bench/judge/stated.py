"""Stated: the details that an answer states, read once and not yet compared with anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex

from ladder_bench.judge.identifiers import Mention, addresses, compact, identifiers
from ladder_bench.judge.moments import Clock, Date, clocks, dates
from ladder_bench.judge.names import names, words_of
from ladder_bench.judge.quantities import Quantity, quantities, same, written_out


@dataclass(frozen=True, slots=True)
class Version:
    """A version as it stands and its number alone."""

    text: str
    number: str
    start: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of an answer that claim something, and as they stand there.

    `restated`: the places of those that are one before in another unit. `results`: what the sums that are written out
    come to. `counts`: how many items the lists have.
    """

    claims: tuple[Quantity, ...] = ()
    texts: tuple[str, ...] = ()
    restated: frozenset[int] = frozenset()
    results: tuple[float, ...] = ()
    counts: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Stated:
    """What an answer states, by kind, in reading order.

    Moments are given as they stand and as read, names with the words that carry them and their place. `code` is the
    letters and digits of its fenced code.
    """

    addresses: tuple[Mention, ...]
    versions_in_code: tuple[Version, ...]
    identifiers: tuple[Mention, ...]
    moments: tuple[tuple[str, Date | Clock], ...]
    versions: tuple[Version, ...]
    numbers: Numbers
    names: tuple[tuple[str, tuple[str, ...], int], ...]
    code: str


@lru_cache(maxsize=256)  # strategies share answers
def stated(answer: str) -> Stated:
    """Read an answer. Each reader takes what it understands, so that the next ones no longer see it."""
    page = _Page(answer)
    return Stated(  # in this order
        addresses=_mentions(page, addresses),
        versions_in_code=tuple(_versions_in_code(page)),
        identifiers=_mentions(page, identifiers),
        moments=(*_moments(page, dates), *_moments(page, clocks)) if page.has_digits() else (),
        versions=_versions(page),
        numbers=_numbers(page),
        names=tuple((name, tuple(words), start) for name, start in names(page.rest) if (words := words_of(name))),
        code=compact(page.code),
    )


class _Page:
    """An answer from which readers take what they understand, so that the next ones no longer see it."""

    __slots__ = ("code", "rest")

    def __init__(self, answer: str) -> None:
        self.rest = answer
        self.code = ""

    def has_digits(self) -> bool:
        return _DIGIT.search(self.rest) is not None

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
    snippets = page.take(_SNIPPET) if "`" in page.rest else []
    for match in (*fences, *snippets):
        for version in _CODE_VERSION.finditer(match[0]):
            yield Version(version[0].strip(), version["version"], match.start() + version.start())
    page.code = "".join(match[0] for match in fences)
    page.take(_ILLUSTRATION)
    if "?" in page.rest:
        for match in list(_QUESTION_END.finditer(page.rest)):
            page.blank([(_sentence_start(page.rest, match.start()), match.end())])


def _sentence_start(text: str, end: int) -> int:
    reach = max(0, end - 400)
    return max(reach - 1, *(text.rfind(mark, reach, end) for mark in (". ", "! ", "? ", ": ", "\n"))) + 1


def _moments(
    page: _Page, read: Callable[[str], Iterator[Date]] | Callable[[str], Iterator[Clock]]
) -> tuple[tuple[str, Date | Clock], ...]:
    found = tuple((page.rest[moment.start : moment.end], moment) for moment in read(page.rest))
    page.blank((moment.start, moment.end) for _, moment in found)
    return found


def _versions(page: _Page) -> tuple[Version, ...]:
    if not page.has_digits():
        return ()
    return tuple(Version(match[0], match["version"], match.start()) for match in page.take(_VERSION))


def _numbers(page: _Page) -> Numbers:
    if not page.has_digits():
        return Numbers()
    for pattern in (_ENUMERATION, _RHETORICAL, _SCORE, _NAMED):
        page.take(pattern)
    _blank_numbering(page)
    text = page.rest
    claims = tuple(claim for claim in quantities(text) if not _small(claim) and not _constant(claim, text))
    restated = [
        place
        for place, claim in enumerate(claims)
        if any(_restated(claim, earlier) for earlier in claims[max(0, place - 2) : place])
    ]
    return Numbers(
        claims,
        tuple(text[claim.start : claim.end].strip() for claim in claims),
        frozenset(restated),
        written_out(text),
        _counts(text),
    )


def _small(claim: Quantity) -> bool:
    return claim.dimension == "" and claim.written <= 3 and claim.written == int(claim.written)


def _constant(claim: Quantity, text: str) -> bool:
    """A factor of conversion beside an operator: 2 x 60."""
    around = text[max(0, claim.start - 3) : claim.start] + text[claim.end : claim.end + 3]
    return claim.written in CONVERSIONS and _OPERATOR.search(around) is not None


def _restated(claim: Quantity, earlier: Quantity) -> bool:
    """Say whether a claim is an earlier one in another unit: 150 million kilometres (93 million miles)."""
    return (
        claim.dimension != ""
        and claim.written != earlier.written
        and claim.dimension == earlier.dimension
        and same(claim, earlier)
    )


def _counts(text: str) -> frozenset[int]:
    """The number of items of every list, and of all lists together."""
    runs, last = [0], -2
    for place, line in enumerate(text.split("\n")):
        if ITEM.match(line):
            runs = [*runs, 1] if place > last + 2 else [*runs[:-1], runs[-1] + 1]
            last = place
    return frozenset((*runs, sum(runs)))


def _blank_numbering(page: _Page) -> None:
    """Blank 1. 2. 3. inside a line; at the start of a line any number before a point or bracket."""
    expected, spans = 1, []
    for match in _NUMBERING.finditer(page.rest):
        number = int(match["number"])
        if match["margin"] is not None or number in (1, expected):
            spans.append((match.start("number"), match.end()))
            expected = number + 1
    page.blank(spans)


CONVERSIONS = frozenset((7, 12, 24, 30, 52, 60, 100, 365, 1000, 1024, 3600))

ITEM = regex.compile(r"(?m)^[ \t]*+(?:(?:[-*•]|\(?\d{1,2}[.)])\s|\d\ufe0f?\u20e3)\s*\S")  # of a list
_DIGIT = regex.compile(r"\d")
_FENCE = regex.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", regex.DOTALL)
_SNIPPET = regex.compile(r"`[^`\n]*[\s=<>{}$;,|][^`\n]*`")
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
_ENUMERATION = regex.compile(
    r"\b(?:step|option|question|phase|stage|chapter|section|part|figure|table|example|rule|tip|point|item|day|week|act|scene|level"
    r"|tier|round|case|method|approach|grade|type|task|lesson|module|episode|exercise|problem|verse|stanza|equation|scenario)s?"
    r"\s#?\d{1,2}(?:\.\d+)?(?:\s?(?:-|–|to|and|&)\s?\d{1,2})?\b",
    regex.IGNORECASE,
)
_RHETORICAL = regex.compile(
    r"\b(?:100\s?%|0\s?%|24/7|50[/-]50|\d\ufe0f?\u20e3|100 percent|9-to-5|80/20|360[ -]degrees?|401\(k\)"
    r"|(?:in|early|mid|late|his|her|their|your|the)[ -]\d0s\b)"
)
# PlayStation 5, Apollo 11: part of a name
_NAMED = regex.compile(
    r"(?<=[\p{Ll},] (?!(?:Room|Flight|Gate|Error|Code|Order|Invoice|Ticket|Line|Port"
    r"|Building|Platform|Page|In|By)\s)\p{Lu}\w+ )\d{1,3}"
    r"(?![.,:]?\d|\s?%|[a-z])"
)
_SCORE = regex.compile(r"(?<![\w/.])\d/\d{1,2}(?![\w/])")
_OPERATOR = regex.compile(r"[+\-−–*×x·/÷]")
_NUMBERING = regex.compile(r"(?m)(?P<margin>^[ \t#>*]*)?(?<!\S)[(*]*(?P<number>\d{1,3})[.):](?=\s|\*)")
