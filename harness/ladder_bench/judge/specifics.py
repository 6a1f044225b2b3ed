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

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from ladder_bench.judge.identifiers import bare_url, compact, parts, words
from ladder_bench.judge.moments import Clock, Date, Day, clocks, counted_date, dates, same_date
from ladder_bench.judge.quantities import Quantity, computed, quantities, same, totals, worded_quantities
from ladder_bench.judge.stated import ITEM, Stated, stated

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
    known, read = _known(evidence), stated(answer)
    found = [item for judge in JUDGES for item in judge(read, known)]
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
        quantities=tuple({(each.value, each.written, each.dimension): each for each in numbers}.values()),
        operands=_latest(part.operands for part in reversed(read)),
        written=frozenset(quantity.written for quantity in numbers),
        totals=frozenset().union(*(part.totals for part in read)),
        days=frozenset().union(*(part.days for part in read)),
        clocks=tuple(clock for part in read for clock in part.clocks),
        versions=frozenset().union(*(part.versions for part in read)),
    )


def _read(text: str) -> _Known:
    numbers = (*quantities(text), *worded_quantities(text))
    items = len(ITEM.findall(text))
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


# --- what of the answer is known -----------------------------------------------------------

_Found = tuple[int, Specific]


def _addresses(answer: Stated, known: _Known) -> Iterator[_Found]:
    for mention in answer.addresses:
        text = bare_url(mention.text) if mention.kind == "url" else mention.text.casefold()
        yield mention.start, Specific(mention.kind, mention.text, text in known.folded)


def _identifiers(answer: Stated, known: _Known) -> Iterator[_Found]:
    for mention in answer.identifiers:
        yield mention.start, Specific("identifier", mention.text, _identified(mention.text, answer.code, known))


def _identified(text: str, code: str, known: _Known) -> bool:
    """Known in some spelling, named in the answer's own code, or put together from known words."""
    spelled, pieces = compact(text), parts(text)
    return spelled in known.compact or spelled in code or (len(pieces) > 1 and known.words.issuperset(pieces))


def _moments(answer: Stated, known: _Known) -> Iterator[_Found]:
    spans = (
        {quantity.value for quantity in known.quantities if quantity.dimension == "time"} if answer.moments else set()
    )
    reached = _reached(known.clocks, spans) if any(isinstance(m, Clock) for _, m in answer.moments) else set()
    for text, moment in answer.moments:
        if isinstance(moment, Date):
            yield moment.start, Specific("date", text, _dated(moment, known, spans))
        else:
            yield moment.start, Specific("time", text, _timed(moment, known, reached))


def _dated(claim: Date, known: _Known, spans: Set[float]) -> bool:
    days = {round(span / 86400) for span in spans if span >= 86400} | ({1} if "tomorrow" in known.words else set())
    weekdays = WEEKDAYS & known.words
    return any(
        same_date(reading, day, known.written) or counted_date(reading, day, days, weekdays)
        for reading in claim.readings
        for day in known.days
    )


def _reached(known: Sequence[Clock], spans: Set[float]) -> set[int]:
    """The known times and those that lie a known span before or after one, in minutes on a dial of twelve hours."""
    around = {sign * span / 60 for span in (0.0, *spans) for sign in (1, -1)}
    return {round(clock + span) % 720 for clock in {clock.minutes for clock in known} for span in around}


def _timed(claim: Clock, known: _Known, reached: Set[int]) -> bool:
    """A known time, a known time plus or minus a known span, or a bare "at 9" for nine o'clock."""
    if claim.minutes % 720 in reached:
        return True
    return claim.minutes % 60 == 0 and bool(
        {claim.minutes / 60, (claim.minutes / 60 - 12) % 12 or 12.0} & known.written
    )


def _versions(answer: Stated, known: _Known) -> Iterator[_Found]:
    for version in answer.versions:
        yield version.start, Specific("version", version.text, version.number in known.versions)


def _versions_in_code(answer: Stated, known: _Known) -> Iterator[_Found]:
    for version in answer.versions_in_code:
        yield version.start, Specific("version", version.text, version.number in known.versions)


def _numbers(answer: Stated, known: _Known) -> Iterator[_Found]:
    numbers = answer.numbers
    stated = [claim for claim in numbers.claims if _given(claim, known)]
    given = {claim.start for claim in stated}
    operands = (*known.operands, *stated[-40:])  # a table of numbers must not make everything computable
    for place, claim in enumerate(numbers.claims):
        if place in numbers.restated:
            continue
        supported = (
            claim.start in given
            or any(abs(result - claim.written) <= max(claim.step, 0.005 * abs(result)) for result in numbers.results)
            or claim.written in numbers.counts
            or any(abs(total - claim.value) <= claim.slack for total in known.totals if total >= 10)
            or computed(claim, operands)
        )
        if supported and claim.start not in given:
            operands = (*operands, claim)  # an intermediate result
        kind = "money" if claim.dimension in MONEY else "number"
        yield claim.start, Specific(kind, numbers.texts[place], supported)


def _given(claim: Quantity, known: _Known) -> bool:
    return (claim.dimension == "" and claim.written in known.written) or any(same(claim, q) for q in known.quantities)


def _names(answer: Stated, known: _Known) -> Iterator[_Found]:
    for name, telling, start in answer.names:
        yield start, Specific("name", name, known.words.issuperset(telling) or name.casefold() in known.folded)


JUDGES: tuple[Callable[[Stated, _Known], Iterator[_Found]], ...] = (
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

_DOTTED_NUMBER = regex.compile(r"\d+(?:\.\d+)*")
