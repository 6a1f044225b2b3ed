"""Unsupported specifics: details in an answer that nothing before it supports.

A rule and a proxy for hallucination: it reads numbers, money, dates, times of day, URLs, e-mail addresses,
identifiers, versions and names, and asks whether the conversation so far has them. It knows nothing of the world, so
a correct fact that nobody mentioned counts as unsupported too. It prefers to miss a detail over a false alarm.

Not specifics: whole numbers up to 3, numbering and ordinals, fenced code and inline snippets (what they name is a
proposal; URLs, addresses and versions in them do count), questions, examples ("e.g. 20"), placeholders, and the
common vocabulary of the trade.

Supported is what the evidence has in another spelling, unit or rounding, what a correct equation in the answer gives,
how many items a list in the answer has, and what two numbers of the evidence give by one operation. Since with many
numbers everything can be computed, operands are those of the evidence that the answer repeats and a few of the latest
texts. `quantities.computed` says which operations and which results are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from ladder_bench.judge.identifiers import addresses, bare_url, compact, identifiers, parts, words
from ladder_bench.judge.moments import Clock, Date, Day, clocks, counted_date, dates, same_clock, same_date
from ladder_bench.judge.names import names, words_of
from ladder_bench.judge.quantities import (
    Quantity,
    computed,
    quantities,
    same,
    totals,
    worded_quantities,
    written_out,
)

FEW_NUMBERS = 8  # with more operands than this, an invented two-digit number is as a rule computable from some pair


@dataclass(frozen=True, slots=True)
class Specific:
    """A detail that an answer states. `kind` is number, money, date, time, url, email, identifier, version or name."""

    kind: str
    text: str
    supported: bool


@dataclass(frozen=True, slots=True, init=False)
class Evidence:
    """The texts that an answer may rely on. Each is read once, for all evidence that `plus` makes of this one too."""

    texts: tuple[str, ...]
    _read: dict[str, _Known] = field(compare=False, repr=False)

    def __init__(self, texts: Iterable[str] = (), read: dict[str, _Known] | None = None) -> None:
        object.__setattr__(self, "texts", tuple(texts))
        object.__setattr__(self, "_read", {} if read is None else read)

    def plus(self, *texts: str) -> Evidence:
        return Evidence((*self.texts, *texts), self._read)

    def read(self) -> Iterator[_Known]:
        """What each text holds."""
        for text in self.texts:
            if text not in self._read:
                self._read[text] = _read(text)
            yield self._read[text]


def find(answer: str, evidence: Evidence) -> tuple[Specific, ...]:
    """List the specifics of an answer in reading order, each once."""
    known, page = _known(evidence), _Page(answer)
    found = [item for reader in READERS for item in reader(page, known)]
    once: dict[tuple[str, str], Specific] = {}
    for _, specific in sorted(found, key=lambda item: item[0]):
        once.setdefault((specific.kind, specific.text.casefold()), specific)
    return tuple(once.values())


# --- what is known -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    """Everything that the evidence holds, in comparable form. `compact` is its letters and digits alone."""

    folded: str
    compact: str
    words: frozenset[str]
    quantities: tuple[Quantity, ...]
    operands: tuple[Quantity, ...]  # of the latest texts, without the digits of dates and times
    written: frozenset[float]
    totals: frozenset[float]
    days: frozenset[Day]
    clocks: tuple[Clock, ...]
    versions: frozenset[str]


@lru_cache(maxsize=64)
def _known(evidence: Evidence) -> _Known:
    read = list(evidence.read())
    numbers = tuple(quantity for part in read for quantity in part.quantities)
    return _Known(
        folded="\n".join(part.folded for part in read),
        compact="\n".join(part.compact for part in read),
        words=frozenset().union(*(part.words for part in read)),
        quantities=numbers,
        operands=_latest(part.operands for part in reversed(read)),
        written=frozenset(quantity.written for quantity in numbers),
        totals=frozenset().union(*(part.totals for part in read)),
        days=frozenset().union(*(part.days for part in read)),
        clocks=tuple(clock for part in read for clock in part.clocks),
        versions=frozenset().union(*(part.versions for part in read)),
    )


def _read(text: str) -> _Known:
    numbers = (*quantities(text), *worded_quantities(text))
    items = len(_ITEM.findall(text))
    if items:
        numbers += (Quantity(items, items, 0.0, 0.0, "", 0, 0),)
    calendar, times, folded = tuple(dates(text)), tuple(clocks(text)), text.casefold()
    spans = [(day.start, day.end) for day in calendar] + [(time.start, time.end) for time in times]
    operands = tuple(n for n in numbers if not any(start <= n.start < end for start, end in spans))
    return _Known(
        folded=folded,
        compact=compact(folded),
        words=frozenset(words(text)),
        quantities=numbers,
        operands=operands,
        written=frozenset(quantity.written for quantity in numbers),
        totals=frozenset(totals(operands)),
        days=frozenset(reading for found in calendar for reading in found.readings),
        clocks=times,
        versions=frozenset(_prefixes(_DOTTED_NUMBER.findall(text))),
    )


def _latest(numbers: Iterable[tuple[Quantity, ...]]) -> tuple[Quantity, ...]:
    """The numbers of the last texts, as many whole texts as together have few."""
    latest: tuple[Quantity, ...] = ()
    for more in numbers:
        if len({number.written for number in (*latest, *more)}) > FEW_NUMBERS:
            break
        latest += more
    return latest


def _prefixes(versions: Iterable[str]) -> Iterator[str]:
    """Yield versions and what they refine: 3.11.2 supports 3.11 and 3."""
    for version in versions:
        parts = version.split(".")
        yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))


# --- what the answer states ----------------------------------------------------------------

_Found = tuple[int, Specific]


class _Page:
    """An answer from which readers take what they understand, so that the next ones no longer see it."""

    __slots__ = ("answer", "code", "rest")

    def __init__(self, answer: str) -> None:
        self.answer = self.rest = answer
        self.code = ""

    def take(self, pattern: regex.Pattern[str]) -> list[regex.Match[str]]:
        matches = list(pattern.finditer(self.rest))
        if matches:
            self.rest = pattern.sub(lambda match: _NOT_LINE.sub(" ", match[0]), self.rest)
        return matches

    def blank(self, start: int, end: int) -> None:
        self.rest = self.rest[:start] + _NOT_LINE.sub(" ", self.rest[start:end]) + self.rest[end:]


def _addresses(page: _Page, known: _Known) -> Iterator[_Found]:
    for mention in list(addresses(page.rest)):
        page.blank(mention.start, mention.end)
        if mention.stated:
            text = bare_url(mention.text) if mention.kind == "url" else mention.text.casefold()
            yield mention.start, Specific(mention.kind, mention.text, text in known.folded)


def _versions_in_code(page: _Page, known: _Known) -> Iterator[_Found]:
    """Read versions in code, then take the code away, and with it all that claims nothing."""
    fences = page.take(_FENCE) if "```" in page.rest else []
    snippets = page.take(_SNIPPET) if "`" in page.rest else []
    for match in (*fences, *snippets):
        for version in _CODE_VERSION.finditer(match[0]):
            yield match.start() + version.start(), _version(version["version"], version[0].strip(), known)
    page.code = compact("".join(match[0] for match in fences))
    page.take(_ILLUSTRATION)
    if "?" in page.rest:
        for match in list(_QUESTION_END.finditer(page.rest)):
            page.blank(_sentence_start(page.rest, match.start()), match.end())


def _sentence_start(text: str, end: int) -> int:
    reach = max(0, end - 400)
    return max(reach - 1, *(text.rfind(mark, reach, end) for mark in (". ", "! ", "? ", ": ", "\n"))) + 1


def _identifiers(page: _Page, known: _Known) -> Iterator[_Found]:
    for mention in list(identifiers(page.rest)):
        page.blank(mention.start, mention.end)
        if mention.stated:
            yield mention.start, Specific("identifier", mention.text, _identified(mention.text, page.code, known))


def _identified(text: str, code: str, known: _Known) -> bool:
    """Known in some spelling, named in the answer's own code, or put together from known words."""
    spelled, pieces = compact(text), parts(text)
    return spelled in known.compact or spelled in code or (len(pieces) > 1 and known.words.issuperset(pieces))


def _moments(page: _Page, known: _Known) -> Iterator[_Found]:
    if not _DIGIT.search(page.rest):
        return
    spans = [quantity for quantity in known.quantities if quantity.dimension == "time"]
    for day in dates(page.rest):
        yield day.start, Specific("date", page.rest[day.start : day.end], _dated(day, known, spans))
        page.blank(day.start, day.end)
    for clock in clocks(page.rest):
        yield clock.start, Specific("time", page.rest[clock.start : clock.end], _timed(clock, known, spans))
        page.blank(clock.start, clock.end)


def _dated(claim: Date, known: _Known, spans: list[Quantity]) -> bool:
    days = {round(span.value / 86400) for span in spans if span.value >= 86400} | (
        {1} if "tomorrow" in known.words else set()
    )
    weekdays = WEEKDAYS & known.words
    return any(
        same_date(reading, day, known.written) or counted_date(reading, day, days, weekdays)
        for reading in claim.readings
        for day in known.days
    )


def _timed(claim: Clock, known: _Known, spans: list[Quantity]) -> bool:
    """A known time, a known time plus or minus a known span, or a bare "at 9" for nine o'clock."""
    minutes = [0.0, *(span.value / 60 for span in spans)]
    reached = [clock.minutes + sign * span for clock in known.clocks for span in minutes for sign in (1, -1)]
    if any(same_clock(claim, Clock(round(minute) % 1440, False, 0, 0)) for minute in reached):
        return True
    return claim.minutes % 60 == 0 and bool(
        {claim.minutes / 60, (claim.minutes / 60 - 12) % 12 or 12.0} & known.written
    )


def _versions(page: _Page, known: _Known) -> Iterator[_Found]:
    if _DIGIT.search(page.rest):
        for match in page.take(_VERSION):
            yield match.start(), _version(match["version"], match[0], known)


def _version(number: str, text: str, known: _Known) -> Specific:
    return Specific("version", text, number in known.versions)


def _numbers(page: _Page, known: _Known) -> Iterator[_Found]:
    if not _DIGIT.search(page.rest):
        return
    for pattern in (_ENUMERATION, _RHETORICAL, _SCORE, _NAMED):
        page.take(pattern)
    _blank_numbering(page)
    claims = [claim for claim in quantities(page.rest) if not _small(claim) and not _constant(claim, page.rest)]
    shown = written_out(page.rest)
    counts = _counts(page.rest)
    stated = [claim for claim in claims if _given(claim, known)]
    given = {claim.start for claim in stated}
    operands = (*known.operands, *stated[-40:])  # a table of numbers must not make everything computable
    for place, claim in enumerate(claims):
        if any(_restated(claim, earlier) for earlier in claims[max(0, place - 2) : place]):
            continue
        supported = (
            claim.start in given
            or any(abs(result - claim.written) <= max(claim.step, 0.005 * abs(result)) for result in shown)
            or claim.written in counts
            or any(abs(total - claim.value) <= claim.slack for total in known.totals if total >= 10)
            or computed(claim, operands)
        )
        if supported and claim.start not in given:
            operands = (*operands, claim)  # an intermediate result
        kind = "money" if claim.dimension in MONEY else "number"
        yield claim.start, Specific(kind, page.rest[claim.start : claim.end].strip(), supported)


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


def _given(claim: Quantity, known: _Known) -> bool:
    return (claim.dimension == "" and claim.written in known.written) or any(same(claim, q) for q in known.quantities)


def _counts(text: str) -> frozenset[int]:
    """The number of items of every list, and of all lists together."""
    runs, last = [0], -2
    for place, line in enumerate(text.split("\n")):
        if _ITEM.match(line):
            runs = [*runs, 1] if place > last + 2 else [*runs[:-1], runs[-1] + 1]
            last = place
    return frozenset((*runs, sum(runs)))


def _blank_numbering(page: _Page) -> None:
    """Blank 1. 2. 3. inside a line; at the start of a line any number before a point or bracket."""
    expected = 1
    for match in list(_NUMBERING.finditer(page.rest)):
        number = int(match["number"])
        if match["margin"] is not None or number in (1, expected):
            page.blank(match.start("number"), match.end())
            expected = number + 1


def _names(page: _Page, known: _Known) -> Iterator[_Found]:
    for name, start in names(page.rest):
        words = words_of(name)
        if words:
            yield start, Specific("name", name, known.words.issuperset(words) or name.casefold() in known.folded)


READERS: tuple[Callable[[_Page, _Known], Iterator[_Found]], ...] = (
    _addresses,
    _versions_in_code,
    _identifiers,
    _moments,
    _versions,
    _numbers,
    _names,
)
WEEKDAYS = frozenset(("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
MONEY = frozenset(("usd", "eur", "gbp", "jpy", "inr", "chf", "money"))
CONVERSIONS = frozenset((7, 12, 24, 30, 52, 60, 100, 365, 1000, 1024, 3600))

_NOT_LINE = regex.compile(r"[^\n]")
_DIGIT = regex.compile(r"\d")
_ITEM = regex.compile(r"(?m)^[ \t]*+(?:(?:[-*•]|\(?\d{1,2}[.)])\s|\d\ufe0f?\u20e3)\s*\S")
_DOTTED_NUMBER = regex.compile(r"\d+(?:\.\d+)*")
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
