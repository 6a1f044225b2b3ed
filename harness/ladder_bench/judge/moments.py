"""Moments: dates and times of day, read from text so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, timedelta

import regex

Day = tuple[int | None, int | None, int | None]  # year, month, day; None where it was not written


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date, a month or a quarter. 03/04/2025 has two readings, a quarter has its three months."""

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
    """Yield dates in words and in digits, "the 12th" and quarters; a day of the week or a year alone is none."""
    for match in _DATE.finditer(text):
        if match["name"] in ("may", "mar", "march"):
            continue  # the verbs
        year = int(match["year"]) if match["year"] else None
        first = match.start()
        if match["name"]:
            month, day = _MONTHS.index(match["name"][:3].casefold()) + 1, int(match["day"]) if match["day"] else None
            readings: list[Day] = [(year, month, day)]
            if match["from"]:
                first = match.start("day") if match.start("from") < match.start("day") else match.start()
                yield from _valid([(year, month, int(match["from"]))], *match.span("from"))
        elif match["first"]:
            one, two, year = int(match["first"]), int(match["second"]), _full_year(int(match["tail"]))
            readings = [(year, two, one), (year, one, two)]
        else:
            readings = [(year, int(match["month"]), int(match["iso_day"]))]
        yield from _valid(readings, first, len(match[0].rstrip(".")) + match.start())
    for match in _DAY.finditer(text):
        if _BEFORE_DAY.search(text, max(0, match.start() - 24), match.start()):
            yield from _valid([(None, None, int(match["day"]))], *match.span())
    for match in _QUARTER.finditer(text) if "Q" in text or "quarter" in text else ():
        quarter = int(match["number"] or QUARTERS.index(match["word"].casefold()) + 1)
        year = int(match["year"]) if match["year"] else None
        yield from _valid([(year, 3 * quarter - offset, None) for offset in (2, 1, 0)], *match.span())


def may_date(words: Set[str], text: str) -> bool:
    """Say whether a text with these words may have a date; most have none, and this is found out sooner."""
    return not words.isdisjoint(_OF_DATES) or _SIGN_OF_DATE.search(text) is not None


def months(text: str) -> Iterator[Day]:
    """Yield months that stand alone, with a capital: evidence for a year or a day that stands elsewhere."""
    for match in _MONTH.finditer(text):
        yield None, _MONTHS.index(match[0][:3].casefold()) + 1, None


def _valid(readings: list[Day], start: int, end: int) -> Iterator[Date]:
    valid = tuple(reading for reading in readings if _exists(reading))
    if valid:
        yield Date(valid, start, end)


def same_date(claim: Day, known: Day, numbers: frozenset[float]) -> bool:
    """Say whether a known date gives the claim; a year that it lacks must be among the known numbers."""
    year, month, day = claim
    if month is None:
        return day == known[2]
    if month != known[1] or (day is not None and day != known[2]):
        return False
    return year is None or year == known[0] or (known[0] is None and year in numbers)


def counted_date(claim: Day, known: Day, spans: Iterable[float]) -> bool:
    """Say whether the claim lies a known time (in days) from a known date.

    Whole months count by the calendar; what lasts twelve months from 1 April ends on 31 March.
    """
    if claim[1] is None or known[1] is None:
        return False
    year = claim[0] or known[0] or 2024
    base = known[0] or year
    for span in spans:
        month_count = span / 30.4375
        if abs(month_count - round(month_count)) < 0.01 and _months_away(claim, (base, *known[1:]), round(month_count)):
            return True
    if claim[2] is None or known[2] is None or not _exists((base, *known[1:])) or not _exists((year, *claim[1:])):
        return False
    there, here = date(year, claim[1], claim[2]), date(base, known[1], known[2])
    distance = abs((there - here).days)
    if claim[0] is None:
        distance = min(distance, abs(distance - 365))  # over the turn of a year
    return any(abs(distance - span) < 0.5 for span in spans)


def on_weekday(claim: Day, known: Day, anchor: int | None, weekdays: frozenset[int]) -> bool:
    """Say whether the claim is a named weekday within two weeks of a known date; `anchor` is that date's weekday."""
    placed = _placed(claim, known, anchor)
    return placed is not None and 0 < abs(placed[1]) <= 14 and sum(placed) % 7 in weekdays


def in_workdays(claim: Day, known: Day, anchor: int | None, counts: frozenset[int]) -> bool:
    """Say whether the claim lies a known number of working days after or before a known date."""
    placed = _placed(claim, known, anchor)
    if placed is None or abs(placed[1]) > 100:
        return False
    first, distance = placed
    steps = range(1, distance + 1) if distance > 0 else range(distance, 0)
    return sum((first + step) % 7 < 5 for step in steps) in counts - {0} and (first + distance) % 7 < 5


def _placed(claim: Day, known: Day, anchor: int | None) -> tuple[int, int] | None:
    """The weekday of a known date and the days from there to the claim; None where a weekday cannot be told."""
    if None in (claim[1], claim[2], known[1], known[2]) or (anchor is None and known[0] is None):
        return None
    base = known[0] or claim[0] or 2025
    if not _exists((base, *known[1:])) or not _exists((claim[0] or base, *claim[1:])):
        return None
    here = date(base, known[1] or 1, known[2] or 1)
    distance = (date(claim[0] or base, claim[1] or 1, claim[2] or 1) - here).days
    return (here.weekday() if anchor is None else anchor), distance


def weekdays(text: str, calendar: Sequence[Date]) -> tuple[dict[Day, int], frozenset[int]]:
    """The weekday that stands beside a date, by date; and the weekdays that stand alone."""
    beside: dict[Day, int] = {}
    alone: set[int] = set()
    for match in _WEEKDAY.finditer(text):
        number = WEEKDAYS.index(match[0][:3].casefold())
        near = [day for day in calendar if -2 <= day.start - match.end() <= 5 or 0 <= match.start() - day.end <= 2]
        beside.update({reading: number for day in near for reading in day.readings})
        alone |= set() if near else {number}
    return beside, frozenset(alone)


def weekday_of(day: Day) -> int | None:
    """The weekday of a whole date, Monday is 0; None where it is none."""
    year, month, number = day
    if year is None or month is None or number is None or not _exists(day):
        return None
    return date(year, month, number).weekday()


def _months_away(claim: Day, known: Day, count: int) -> bool:
    """Whether the claim is so many months after or before a known date, or the day that ends that time."""
    year, month, day = known
    if day is None and claim[2] is not None:
        return False
    for sign in (1, -1):
        index = (year or 2024) * 12 + (month or 1) - 1 + sign * count
        there = (index // 12, index % 12 + 1)
        if day is None or claim[2] is None:
            ends = [there, _month_before(there)] if sign > 0 else [there, _month_after(there)]
        else:
            last = date(*there, min(day, _days_in(*there)))
            late = max(0, last.weekday() - 4)  # what ends on a weekend ends on the Monday after it
            around = [last + timedelta(days) for days in (0, -sign, (3 - late) if late else 0)]
            if any((claim[1], claim[2]) == (each.month, each.day) and claim[0] in (None, each.year) for each in around):
                return True
            continue
        if any(claim[1] == end[1] and (claim[0] is None or claim[0] == end[0]) for end in ends):
            return True
    return False


def _month_before(month: tuple[int, int]) -> tuple[int, int]:
    return (month[0] - 1, 12) if month[1] == 1 else (month[0], month[1] - 1)


def _month_after(month: tuple[int, int]) -> tuple[int, int]:
    return (month[0] + 1, 1) if month[1] == 12 else (month[0], month[1] + 1)


def _days_in(year: int, month: int) -> int:
    following = _month_after((year, month))
    return (date(*following, 1) - timedelta(1)).day


def distances(known: Iterable[Day]) -> Iterator[int]:
    """Yield how many days lie between any two known days; without a year they are of one, or of two that follow."""
    whole = [day for day in dict.fromkeys(known) if day[1] is not None and day[2] is not None and _exists(day)][:12]
    for place, first in enumerate(whole):
        for second in whole[place + 1 :]:
            years = first[0] or second[0] or 2025, second[0] or first[0] or 2025
            here, there = date(years[0], first[1] or 1, first[2] or 1), date(years[1], second[1] or 1, second[2] or 1)
            apart = abs((here - there).days)
            yield from (apart, apart + 1)  # the last day may count
            if first[0] is None and second[0] is None:
                yield 365 - apart


def months_apart(known: Iterable[Day]) -> Iterator[int]:
    """Yield how many months lie between any two known months."""
    whole = sorted({(day[0] or 0) * 12 + day[1] for day in known if day[1] is not None})[:12]
    apart = {later - earlier for earlier in whole for later in whole if 0 < later - earlier < 1200}
    yield from apart | {months + 1 for months in apart}  # from May to August are three months, or four with both


def clocks(text: str) -> Iterator[Clock]:
    """Yield times of day: 14:30, 2.30 pm, 9am, noon, half past seven, ten o'clock."""
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
    if any(sign in text for sign in ("clock", " past ", "quarter to ", "five to ", "ten to ", "twenty to ")):
        for match in _SPOKEN.finditer(text):
            minutes = 60 * _hour(match["hour_word"])
            if match["by"]:
                away = _MINUTES.get(match["by"].casefold().replace("-", " "), 0)
                minutes += away if match["way"].casefold() == "past" else -away
            yield Clock(minutes % 720, False, match.start(), match.end())


def _hour(word: str) -> int:
    return int(word) if word.isdecimal() else _HOURS.index(word.casefold()) + 1


def _full_year(year: int) -> int:
    return year if year > 99 else 2000 + year


def _exists(day: Day) -> bool:
    try:
        date(day[0] or 2024, day[1] or 1, 1 if day[2] is None else day[2])
    except ValueError:
        return False
    return True


QUARTERS = ("first", "second", "third", "fourth")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_HOURS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_MINUTES = {"quarter": 15, "a quarter": 15, "half": 30, "five": 5, "ten": 10, "twenty": 20, "twenty five": 25}
_MINUTES |= {str(minutes): minutes for minutes in range(1, 31)}

_WORDS = "jan feb mar apr may jun jul aug sep sept oct nov dec january february march april june july august september"
_OF_DATES = frozenset(f"{_WORDS} october november december quarter q".split())
_SIGN_OF_DATE = regex.compile(r"\d[-/.]\d\d?[-/.]\d|\bthe\s\d|\bQ[1-4]")
_MONTH_NAMES = (
    r"(?P<name>Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
_RANGE = r"(?P<from>[0-3]?\d)(?:st|nd|rd|th)?\s?(?:-|–|to|and|until)\s?(?:the\s)?"
_DATE = regex.compile(
    r"\b(?=\d|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    rf"(?:(?:{_RANGE})?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\.?\s(?:of\s)?{_MONTH_NAMES}(?:,?\s(?P<year>[12]\d{{3}})\b)?"
    rf"|{_MONTH_NAMES}\s(?:the\s)?(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b(?![:.]\d|,\d{{3}}(?!\d))"
    r"(?:\s?(?:-|–)\s?(?P<from>[0-3]?\d)\b)?(?:,?\s(?P<year>[12]\d{3})\b(?!-))?"
    rf"|{_MONTH_NAMES},?\s(?:of\s)?(?P<year>[12]\d{{3}})\b"
    r"|(?P<year>[12]\d{3})[-/.](?P<month>[01]?\d)[-/.](?P<iso_day>[0-3]?\d)(?:\b|(?=T\d))"
    r"|(?P<first>[0-3]?\d)(?P<mark>[/.-])(?P<second>[0-3]?\d)(?P=mark)(?P<tail>[12]\d{3}|\d\d)\b(?![.-]\d))",
    regex.IGNORECASE,
)
_DAY = regex.compile(
    r"\bthe\s(?P<day>[0-3]?\d)(?:st|nd|rd|th)"
    r"(?=[.,;:!?)\n]|$|\s(?:and|or|at|to|with|but|if|is|we|you|I|when|because|so|instead|for|in|–|-)\b)"
)
_BEFORE_DAY = regex.compile(
    r"\b(?:on|by|until|till|from|before|after|since|of|for)\s(?:\w+day,?\s)?$", regex.IGNORECASE
)
_QUARTER = regex.compile(
    r"\b(?:Q(?P<number>[1-4])\b|(?P<word>first|second|third|fourth)\squarter\b)(?:(?:\s(?:of\s)?|[/-])(?P<year>20\d\d)\b)?",
    regex.IGNORECASE,
)
_WEEKDAY = regex.compile(
    r"\b(?:Mon(?:day)?|Tue(?:s(?:day)?)?|Wed(?:nesday)?|Thu(?:r(?:s(?:day)?)?)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)s?\b"
)
_MONTH = regex.compile(
    r"\b(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?"
    r"|Nov(?:ember)?|Dec(?:ember)?)\b"
)
_CLOCK = regex.compile(
    r"(?<![\w.:$€£])(?:(?P<hour>[01]?\d|2[0-4])(?::(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:\s?(?P<half>[ap])\.?m\b\.?)?"
    r"|(?:\.(?P<minute>[0-5]\d))?\s?(?P<half>[ap])\.?m\b\.?)|\b(?P<word>noon|midnight)\b)(?![:\d]|\.\d)"
    r"|(?<=\d{4}-\d\d-\d\dT)(?P<hour>[01]\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?",
    regex.IGNORECASE,
)
_SPOKEN = regex.compile(
    r"\b(?:(?P<by>half|(?:a\s)?quarter|twenty(?:[\s-]five)?|ten|five|\d{1,2})(?:\sminutes)?\s(?P<way>past|to)\s"
    rf"(?P<hour_word>{'|'.join(_HOURS)})\b|(?P<hour_word>\d{{1,2}}|{'|'.join(_HOURS)})\so['’]clock)",
    regex.IGNORECASE,
)
