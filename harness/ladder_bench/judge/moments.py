"""Moments: dates and times of day, read from text so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

import regex

Day = tuple[int | None, int, int | None]  # year, month, day; None where it was not written


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date. 03/04/2025 has two readings."""

    readings: tuple[Day, ...]
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day in minutes after midnight; `certain` unless it may be morning or afternoon."""

    minutes: int
    certain: bool
    start: int
    end: int


def dates(text: str) -> Iterator[Date]:
    """Yield dates in words and in digits; a day of the week alone or a year alone is none."""
    for match in _DATE.finditer(text):
        if match["name"] in ("may", "mar", "march"):
            continue  # the verbs
        year = int(match["year"]) if match["year"] else None
        if match["name"]:
            month, day = _MONTHS.index(match["name"][:3].casefold()) + 1, int(match["day"]) if match["day"] else None
            readings: list[Day] = [(year, month, day)]
        elif match["first"]:
            first, second, year = int(match["first"]), int(match["second"]), _full_year(int(match["tail"]))
            readings = [(year, second, first), (year, first, second)]
        else:
            readings = [(year, int(match["month"]), int(match["iso_day"]))]
        valid = tuple(reading for reading in readings if _exists(reading))
        if valid:
            yield Date(valid, match.start(), match.end())


def same_date(claim: Day, known: Day, numbers: frozenset[float]) -> bool:
    """Say whether a known date gives the claim; a year that it lacks must be among the known numbers."""
    year, month, day = claim
    if month != known[1] or (day is not None and day != known[2]):
        return False
    return year is None or year == known[0] or (known[0] is None and year in numbers)


def counted_date(claim: Day, known: Day, spans: Iterable[int], weekdays: frozenset[str]) -> bool:
    """Say whether the claim lies a known number of days from a known date, or is a named weekday near it."""
    year = claim[0] or known[0] or 2024
    if claim[2] is None or known[2] is None or not _exists((known[0] or year, known[1], known[2])):
        return False
    there = date(year, claim[1], claim[2]) if _exists((year, claim[1], claim[2])) else None
    here = date(known[0] or year, known[1], known[2])
    if there is None:
        return False
    distance = abs((there - here).days)
    return distance in spans or (distance <= 14 and there.strftime("%A").casefold() in weekdays)


def clocks(text: str) -> Iterator[Clock]:
    """Yield times of day: 14:30, 2.30 pm, 9am, noon."""
    for match in _CLOCK.finditer(text):
        if match["word"]:
            yield Clock(720 if match["word"].casefold() == "noon" else 0, True, match.start(), match.end())
            continue
        half = (match["half"] or "").casefold()[:1]
        hour = int(match["hour"])
        if half and not 1 <= hour <= 12:
            continue
        minutes = (hour % 12 + 12 * (half == "p") if half else hour) * 60 + int(match["minute"] or 0)
        yield Clock(minutes, bool(half) or hour > 12 or hour == 0, match.start(), match.end())


def _full_year(year: int) -> int:
    return year if year > 99 else 2000 + year


def _exists(day: Day) -> bool:
    try:
        date(day[0] or 2024, day[1], 1 if day[2] is None else day[2])
    except ValueError:
        return False
    return True


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_MONTH_NAMES = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_DATE = regex.compile(
    r"\b(?=\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    rf"(?:(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\s(?:of\s)?{_MONTH_NAMES}(?:,?\s(?P<year>[12]\d{{3}})\b)?"
    rf"|{_MONTH_NAMES}\s(?:the\s)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?![:.]\d)(?:,?\s(?P<year>[12]\d{{3}})\b(?!-))?"
    rf"|{_MONTH_NAMES},?\s(?:of\s)?(?P<year>[12]\d{{3}})\b"
    r"|(?P<year>[12]\d{3})[-/.](?P<month>[01]?\d)[-/.](?P<iso_day>[0-3]?\d)\b"
    r"|(?P<first>[0-3]?\d)(?P<mark>[/.-])(?P<second>[0-3]?\d)(?P=mark)(?P<tail>[12]\d{3}|\d\d)\b(?![.-]\d))",
    regex.IGNORECASE,
)
_CLOCK = regex.compile(
    r"(?<![\w.:$€£])(?:(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap])\.?m\b\.?)?"
    r"|(?:\.(?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.?)|\b(?P<word>noon|midnight)\b)(?![:\d])",
    regex.IGNORECASE,
)
