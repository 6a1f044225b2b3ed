"""Unsupported specifics: details in an answer that nothing before it supports.

A rule and a proxy for hallucination: it reads numbers, money, dates, times of day, URLs, e-mail addresses,
identifiers, versions and names, and asks whether the conversation so far has them. It knows nothing of the world, so
a correct fact that nobody mentioned counts as unsupported too. Where it cannot tell, it prefers to miss a detail.

Not specifics: whole numbers up to 3 and, in words, up to twelve without a unit, but for those that announce a list of
another length (`counting`); numbering and ordinals; fenced code and commands between backticks (what they name is a
proposal; URLs, addresses and versions in them do count), questions, examples ("e.g. 20"), placeholders, and the common
vocabulary of the trade.

Supported is what the evidence has in another spelling, unit or rounding; a date or a time that lies a known time from a
known one, on its own weekday; what a correct equation in the answer gives, and how many items a list or rows a table
has; and what known numbers give by calculation, unless they would give it by chance (`workings`). Operands are the
numbers of the latest texts (`evidence.FEW_NUMBERS`), those that the answer repeats, and its own results.

How well it does: `datasets/specifics` and `scripts/bench/specifics.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

import regex

from ladder_bench.judge.counting import NUMBERS
from ladder_bench.judge.evidence import YEARS, Evidence, Known, known, periods
from ladder_bench.judge.identifiers import bare_url, compact
from ladder_bench.judge.moments import Clock, Date, Day, counted_date, in_workdays, on_weekday, same_date, weekday_of
from ladder_bench.judge.quantities import Quantity, same
from ladder_bench.judge.stated import Numbers, Stated, stated
from ladder_bench.judge.units import MONEY

__all__ = ["Evidence", "Specific", "find"]
SURE = 1.0  # results that chance alone gives no more often are calculated with in turn


@dataclass(frozen=True, slots=True)
class Specific:
    """A detail that an answer states. `kind` is number, money, date, time, url, email, identifier, version or name."""

    kind: str
    text: str
    supported: bool


def find(answer: str, evidence: Evidence) -> tuple[Specific, ...]:
    """List the specifics of an answer in reading order, each once."""
    support, read = known(evidence), stated(answer)
    found = [item for judge in JUDGES for item in judge(read, support)]
    once: dict[tuple[str, str], Specific] = {}
    for _, specific in sorted(found, key=lambda item: item[0]):
        once.setdefault((specific.kind, specific.text.casefold()), specific)
    return tuple(once.values())


# --- what of the answer is known -----------------------------------------------------------

_Found = tuple[int, Specific]


def _addresses(answer: Stated, known: Known) -> Iterator[_Found]:
    for mention in answer.addresses:
        text = bare_url(mention.text) if mention.kind == "url" else mention.text.casefold()
        yield mention.start, Specific(mention.kind, mention.text, text in known.folded)


def _identifiers(answer: Stated, known: Known) -> Iterator[_Found]:
    for mention in answer.identifiers:
        yield mention.start, Specific("identifier", mention.text, _identified(mention.text, answer.code, known))


def _identified(text: str, code: str, known: Known) -> bool:
    """Known in some spelling, or named in the answer's own code."""
    spelled = compact(text)
    return spelled in known.compact or spelled in code


def _moments(answer: Stated, known: Known) -> Iterator[_Found]:
    if not answer.moments:
        return
    spans = {quantity.value for quantity in known.quantities if quantity.dimension == "time"}
    around = _around(known, spans) if any(isinstance(moment, Clock) for _, moment in answer.moments) else set()
    reached = {minutes for clock in known.clocks for minutes in _reached(clock, around)} if around else set()
    days = {span / 86400 for span in spans if span >= 86400}
    days |= {1.0} if any(phrase in known.folded for phrase in NEXT_DAY) else set()
    days |= WEEKS if not known.words.isdisjoint(EVERY_WEEK) else set()
    found = set(known.days)
    for text, moment in answer.moments:
        if isinstance(moment, Date):
            dated = _dated(moment, known, found, days) and not _on_another_day(moment, answer.anchors, known)
            found |= set(moment.readings) if dated else set()
            yield moment.start, Specific("date", text, dated)
        else:
            timed = _timed(moment, known, reached)
            reached |= _reached(moment, around) if timed else set()  # an hour after what is itself computed
            yield moment.start, Specific("time", text, timed)


def _dated(claim: Date, known: Known, known_days: Set[Day], spans: Set[float]) -> bool:
    pairs = [(reading, day) for reading in claim.readings for day in known_days]
    return any(same_date(reading, day, known.written) for reading, day in pairs) or any(
        counted_date(reading, day, spans)
        or on_weekday(reading, day, known.anchors.get(day), known.weekdays)
        or (known.workdays and in_workdays(reading, day, known.anchors.get(day), known.workdays))
        for reading, day in pairs
    )


def _on_another_day(claim: Date, anchors: Mapping[Day, int], known: Known) -> bool:
    """Whether the weekday beside a date is another one than the calendar has, or the evidence says."""
    for reading in claim.readings:
        said, (year, month, day) = anchors.get(reading), reading
        if said is None or month is None or day is None:
            return False
        told = {number for other, number in known.anchors.items() if other[1:] == (month, day)}
        years = {year} if year else {other[0] for other in known.days if other[1:] == (month, day) and other[0]}
        if not years and not told:
            years = {other[0] for other in known.days if other[0]}
        right = told | {found for one in years if one and (found := weekday_of((one, month, day))) is not None}
        if not right or said in right:
            return False
    return True


def _around(known: Known, spans: Set[float]) -> set[float]:
    """How far from a time others may lie, in minutes: by known spans, and by the hours between two zones."""
    hours = {abs(first - second) for first in known.zones for second in known.zones}
    around = {sign * span / 60 for span in (0.0, *spans) if span < 86400 for sign in (1, -1)}
    return around | {sign * 60 * between + span for between in hours for span in around for sign in (1, -1) if between}


def _reached(clock: Clock, around: Set[float]) -> set[int]:
    """The times around one, in minutes after midnight; one that may be morning or afternoon has both."""
    times = (clock.minutes,) if clock.certain else (clock.minutes, clock.minutes + 720)
    return {round(minutes + span) % 1440 for span in around for minutes in times}


def _timed(claim: Clock, known: Known, reached: Set[int]) -> bool:
    """A known time, a known time plus or minus a known span, "at 9" for nine o'clock; or a time for a kilometre."""
    minutes = claim.minutes
    if minutes % 1440 in reached or (not claim.certain and (minutes + 720) % 1440 in reached):
        return True
    if minutes % 60 == 0 and {minutes / 60, (minutes / 60 - 12) % 12 or 12.0} & known.written:
        return True
    seconds = Quantity(float(minutes), float(minutes), 0.5, 0.5, "time", claim.start, claim.end)
    hours = Quantity(60.0 * minutes, float(minutes), 30.0, 0.5, "time", claim.start, claim.end)
    if claim.certain and minutes >= 720:
        return False
    return any(same(span, other) for span in (seconds, hours) for other in known.near(span) if other.dimension) or (
        known.workings().chance(seconds) is not None
    )


def _versions(answer: Stated, known: Known) -> Iterator[_Found]:
    for version in answer.versions:
        yield version.start, Specific("version", version.text, version.number in known.versions)


def _versions_in_code(answer: Stated, known: Known) -> Iterator[_Found]:
    for version in answer.versions_in_code:
        yield version.start, Specific("version", version.text, version.number in known.versions)


def _laps(answer: Stated, known: Known) -> Iterator[_Found]:
    for text, lap in answer.laps:
        yield lap.start, Specific("time", text, _given(lap, known) or known.workings().chance(lap) is not None)


def _numbers(answer: Stated, known: Known) -> Iterator[_Found]:
    numbers = answer.numbers
    supported = _supported(numbers, known, answer.words)
    for place, claim in enumerate(numbers.claims):
        if place not in numbers.restated:
            kind = "money" if claim.dimension in MONEY else "number"
            yield claim.start, Specific(kind, numbers.texts[place], place in supported)


def _supported(numbers: Numbers, known: Known, words: Iterable[str]) -> set[int]:
    """The places of the claims that are known, counted or calculated; results are calculated with, too."""
    found = {
        place for place, claim in enumerate(numbers.claims) if _given(claim, known) or _shown(claim, numbers, known)
    }
    open_claims = [place for place in range(len(numbers.claims)) if place not in found | numbers.restated]
    if not open_claims:
        return found
    workings = known.workings().on(periods(words))
    for place in sorted(found):
        workings.add(numbers.claims[place])
    for hint in numbers.hints:
        if _given(hint, known) or workings.chance(hint) is not None:
            workings.add(hint)
    for _ in range(2):  # a total may stand before its parts
        more = []
        for place in open_claims:
            chance = None if _is_year(numbers.texts[place]) else workings.chance(numbers.claims[place])
            if chance is not None:
                more.append(place)
                if chance <= SURE:
                    workings.add(numbers.claims[place])
        found.update(more)
        open_claims = [place for place in open_claims if place not in found]
        if not more:
            break
    return found


def _is_year(text: str) -> bool:
    """A year is no result of a calculation, but that of another year and a time."""
    return len(text) == 4 and text.isdecimal() and float(text) in YEARS


def _shown(claim: Quantity, numbers: Numbers, known: Known) -> bool:
    """Written out as a sum, or the number of items in a list; a year may be some years from a known one."""
    if any(abs(result - claim.written) <= max(claim.step, 0.0005 * abs(result)) for result in numbers.results):
        return True
    if claim.dimension == "" and claim.written >= MANY_DIGITS and f"{claim.written:.0f}" in known.compact:
        return True  # a part of a telephone number in other groups
    if claim.dimension == "" and claim.step and f"{claim.written:g}" in known.versions and claim.written % 1:
        return True  # 5.12 of v5.12.0
    if claim.written in numbers.counts or (claim.dimension == "" and claim.written in known.counts):
        return True
    return (
        claim.written in YEARS
        and claim.dimension == ""
        and any(
            abs(claim.written - year) == round(quantity.value / YEAR_S)
            for quantity in known.quantities
            if quantity.dimension == "time" and quantity.value >= YEAR_S
            for year in known.years
        )
    )


def _given(claim: Quantity, known: Known) -> bool:
    return any(same(claim, quantity) for quantity in known.near(claim))


def _miscounts(answer: Stated, known: Known) -> Iterator[_Found]:
    """Numbers that announce another count of items than the answer lists, unless the evidence counts them so."""
    for each in answer.miscounts:
        noun = regex.escape(each.noun.removesuffix("s"))
        spelled = NUMBERS[each.number - 1] if each.number <= len(NUMBERS) else str(each.number)
        asked = regex.search(rf"\b(?:{each.number}|{spelled})\s(?:\w+\s){{0,3}}{noun}", known.folded)
        if asked is None:
            yield each.start, Specific("number", each.text, False)


def _names(answer: Stated, known: Known) -> Iterator[_Found]:
    for name, telling, start in answer.names:
        yield start, Specific("name", name, known.words.issuperset(telling) or name.casefold() in known.folded)


JUDGES: tuple[Callable[[Stated, Known], Iterator[_Found]], ...] = (
    _addresses,
    _versions_in_code,
    _identifiers,
    _laps,
    _moments,
    _versions,
    _miscounts,
    _numbers,
    _names,
)
NEXT_DAY = ("tomorrow", "yesterday", "next day", "day after", "following day", "day before", "day later", "overnight")
_WEEKDAYS = "mondays tuesdays wednesdays thursdays fridays saturdays sundays weekly"
EVERY_WEEK = frozenset(_WEEKDAYS.split())
WEEKS = frozenset(7.0 * weeks for weeks in range(1, 27))
MANY_DIGITS = 10_000  # from here on a number is not found inside another by chance
YEAR_S = 365.25 * 86400
