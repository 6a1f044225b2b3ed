"""Evidence: the texts that an answer may rely on, read into what can be compared."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import regex

from ladder_bench.judge.counting import counts
from ladder_bench.judge.identifiers import compact, words
from ladder_bench.judge.moments import Clock, Day, clocks, dates, distances, may_date, months, months_apart, weekdays
from ladder_bench.judge.notations import noted
from ladder_bench.judge.quantities import (
    FRACTIONS,
    WORDS,
    Quantity,
    fractions,
    laps,
    lasting,
    quantities,
    shares,
    worded_quantities,
)
from ladder_bench.judge.units import PERIODS, alike
from ladder_bench.judge.workings import Workings, no_results, totals

FEW_NUMBERS = 16  # of the latest texts that an answer is taken to calculate with
SUMMED = 4  # the latest texts of which neighbours are added up
YEARS = frozenset(map(float, range(1000, 2100)))


@dataclass(frozen=True, slots=True, init=False)
class Evidence:
    """The texts that an answer may rely on. Each is read once, for all evidence that `plus` makes of this one too."""

    texts: tuple[str, ...]
    _read: dict[str, Known] = field(compare=False, repr=False)

    def __init__(self, texts: Iterable[str] = (), read: dict[str, Known] | None = None) -> None:
        object.__setattr__(self, "texts", tuple(texts))
        object.__setattr__(self, "_read", {} if read is None else read)

    def plus(self, *texts: str) -> Evidence:
        return Evidence((*self.texts, *texts), self._read)

    def read(self) -> Iterator[Known]:
        """What each text holds."""
        for text in self.texts:
            if text not in self._read:
                self._read[text] = _read(text)
            yield self._read[text]


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that the evidence holds, in comparable form. `compact` is its letters and digits alone."""

    folded: str
    compact: str
    words: frozenset[str]
    quantities: tuple[Quantity, ...]  # without the digits of dates and times
    operands: tuple[Quantity, ...]  # of the latest texts
    written: frozenset[float]  # with those digits, too
    years: frozenset[int]
    counts: frozenset[int]
    summed: tuple[tuple[Quantity, ...], ...]  # the numbers of each of the latest texts
    days: frozenset[Day]
    anchors: dict[Day, int]  # the weekdays of dates
    weekdays: frozenset[int]  # those that stand alone
    clocks: tuple[Clock, ...]
    versions: frozenset[str]
    zones: frozenset[float]  # hours from UTC
    workdays: frozenset[int]  # counts of them
    _looked_up: list[Shelves] = field(default_factory=list, compare=False)
    _worked_out: list[Workings] = field(default_factory=list, compare=False)

    def near(self, claim: Quantity) -> Iterator[Quantity]:
        """Yield the known numbers that are about as large as the claim, by value or as they are written."""
        if not self._looked_up:
            self._looked_up.append(_shelves(self.quantities))
        shelves = self._looked_up[0]
        names = [name for name in shelves if alike(name, claim.dimension)] if claim.dimension else []
        reach = max(claim.slack, 0.03 * claim.value)
        for name in names:
            yield from _between(shelves[name], claim.value - reach, claim.value + reach)
        reach = claim.step + 1e-9 * claim.written
        pounds = shelves.get({"mass": "gbp", "gbp": "mass"}.get(claim.dimension, ""), EMPTY)[1]
        yield from (each for each in pounds if abs(each.written - claim.written) <= reach)
        bare = shelves.get(BARE if claim.dimension not in ("", "%") else ALL, EMPTY)
        for size, leeway in {(claim.written, reach), *_other_sizes(claim, reach)}:
            yield from _between(bare, size - leeway, size + leeway)

    def workings(self) -> Workings:
        """What the numbers give, with the time between any two moments; worked out once, when an answer needs it."""
        if not self._worked_out:
            results = no_results()
            results["time"].extend(_apart(self))
            for numbers in self.summed:
                totals(numbers, results)
            self._worked_out.append(Workings.of(self.operands, results, periods(self.words)))
        return self._worked_out[0]


@lru_cache(maxsize=64)
def known(evidence: Evidence) -> Known:
    read = list(evidence.read())
    numbers = tuple(quantity for part in read for quantity in part.quantities)
    return Known(
        folded="\n".join(part.folded for part in read),
        compact="\n".join(part.compact for part in read),
        words=frozenset().union(*(part.words for part in read)),
        quantities=tuple({(each.value, each.written, each.dimension): each for each in numbers}.values()),
        operands=_latest(part.operands for part in reversed(read)),
        written=frozenset().union(*(part.written for part in read)),
        years=frozenset().union(*(part.years for part in read)),
        counts=frozenset().union(*(part.counts for part in read)),
        summed=tuple(numbers for part in read[-SUMMED:] for numbers in part.summed),
        days=frozenset().union(*(part.days for part in read)),
        anchors={day: number for part in read for day, number in part.anchors.items()},
        weekdays=frozenset().union(*(part.weekdays for part in read)),
        clocks=tuple(clock for part in read for clock in part.clocks),
        versions=frozenset().union(*(part.versions for part in read)),
        zones=frozenset().union(*(part.zones for part in read)),
        workdays=frozenset().union(*(part.workdays for part in read)),
    )


Shelf = tuple[list[float], list[Quantity]]
Shelves = dict[str, Shelf]
BARE, ALL = "bare", "all"  # by the number as it is written: those without a unit, and all
EMPTY: Shelf = ([], [])


def _shelves(numbers: Iterable[Quantity]) -> Shelves:
    """Numbers by dimension in the order of their values, and as they are written."""
    groups: dict[str, list[tuple[float, Quantity]]] = {}
    for number in numbers:
        groups.setdefault(number.dimension or BARE, []).append((number.value, number))
        groups.setdefault(ALL, []).append((number.written, number))
    ordered = {name: sorted(group, key=lambda item: item[0]) for name, group in groups.items()}
    return {name: ([size for size, _ in group], [each for _, each in group]) for name, group in ordered.items()}


def _between(shelf: Shelf, low: float, high: float) -> Iterator[Quantity]:
    sizes, numbers = shelf
    yield from numbers[bisect_left(sizes, low) : bisect_right(sizes, high)]


def _other_sizes(claim: Quantity, reach: float) -> Iterator[tuple[float, float]]:
    """A percentage may be known as a fraction, a fraction as a percentage, and cents as a part of the whole."""
    if claim.dimension == "%":
        yield claim.written / 100, reach / 100
    elif claim.dimension == "":
        yield 100 * claim.written, 100 * reach
    elif claim.value != claim.written:
        yield claim.value, claim.slack


def _read(text: str) -> Known:
    folded, spelled = text.casefold(), frozenset(words(text))
    dated = may_date(spelled, text)
    calendar, times = tuple(dates(text)) if dated else (), tuple(clocks(text))
    spans = [(day.start, day.end) for day in calendar] + [(time.start, time.end) for time in times]
    parts = tuple(fractions(text)) if "/" in text or not spelled.isdisjoint(FRACTIONS) else ()
    every = (*quantities(text), *worded_quantities(text), *parts)
    numbers = tuple(n for n in every if not any(start <= n.start < end for start, end in spans))
    numbers += (*shares(text), *_millions(text))
    numbers += (*laps(text), *lasting(text)) if ":" in text else ()
    numbers += tuple(noted(text))
    beside, alone = weekdays(text, calendar)
    days = frozenset((*(reading for found in calendar for reading in found.readings), *(months(text) if dated else ())))
    return Known(
        folded=folded,
        compact=compact(folded),
        words=spelled,
        quantities=numbers,
        operands=numbers,
        written=frozenset(quantity.written for quantity in every),
        years=frozenset(int(n.written) for n in every if n.written in YEARS),
        counts=counts(text),
        summed=(numbers,) if numbers else (),
        days=days,
        anchors=beside,
        weekdays=alone,
        clocks=times,
        versions=frozenset(_prefixes(_DOTTED_NUMBER.findall(text))),
        workdays=frozenset(_workdays(text)),
        zones=frozenset(float(found[1].replace("−", "-")) for found in _ZONE.finditer(text)),
    )


def _workdays(text: str) -> Iterator[int]:
    for match in _WORKDAYS.finditer(text):
        count = match[1].casefold()
        yield int(count) if count.isdecimal() else int(WORDS.get(count, 0))


def _millions(text: str) -> Iterator[Quantity]:
    """Yield 1.32m as millions; it is also read as metres."""
    for match in _MILLIONS.finditer(text):
        value = float(match[1]) * 1e6
        yield Quantity(value, value, 0.0, 0.0, "", match.start(), match.end())


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


def periods(words: Iterable[str]) -> tuple[int, ...]:
    """The periods that a text speaks of, as factors: twelve months of a year."""
    return tuple(sorted({count for word in PERIODS.keys() & set(words) for count in PERIODS[word]}))


def _apart(known: Known) -> Iterator[float]:
    """Yield the seconds between any two known moments, and between two zones."""
    minutes = sorted({clock.minutes for clock in known.clocks})[:12]
    yield from (60.0 * ((later - earlier) % 1440) for earlier in minutes for later in minutes if later != earlier)
    yield from (86400.0 * days for days in distances(sorted(known.days, key=str)))
    yield from (30.4375 * 86400 * months for months in months_apart(known.days))
    yield from (3600 * abs(first - second) for first in known.zones for second in known.zones)


_DOTTED_NUMBER = regex.compile(r"\d+(?:\.\d+)*")
_MILLIONS = regex.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)m\b")
_WORKDAYS = regex.compile(r"\b(\w+)[\s-](?:working|business|work)[\s-]?days?\b", regex.IGNORECASE)
_ZONE = regex.compile(r"\b(?:UTC|GMT)\s?([+−-]\d{1,2})\b")
