"""Numbers: read those that a text writes, as people write them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import regex

_GROUPING = "'\u2019_ \u00a0\u2009\u202f"  # between thousands: apostrophes, spaces, as in 1\u202f234; and _ as in code
_DATE = r"\d{4}([-/])\d{1,2}\1\d{1,2}|\d{1,2}([-/])\d{1,2}\2\d{2,4}|\d{1,2}:\d{2}(?::\d{2})?"
_NUMBER = regex.compile(
    # a date or a time of day is no number, nor is what stands inside a word, an identifier or a version
    rf"(?<![\w.])(?:{_DATE})(?!\w)(*SKIP)(*FAIL)|"
    r"(?<!\w)(?<!\d[.,])"
    r"(?P<sign>(?<![\d)\]])[-\u2212])?(?P<currency>[$\u20ac\u00a3\u00a5]\s?)?(?P<inner>(?<=[$\u20ac\u00a3\u00a5]\s?)[-\u2212])?"
    rf"(?P<digits>\d++(?:[{_GROUPING}]\d{{3}}(?!\d)|[.,]\d++)*+|(?<!\w)\.\d++)"
    r"(?:e(?P<exponent>[-+]?\d{1,5})(?!\d))?"
    r"(?:(?P<space>\s)?(?P<scale>k|thousand|m|mn|mio|million|bn|billion|trillion)\b)?"
    r"(?![\p{L}_]+\d)",
    regex.IGNORECASE,
)
_SCALES = {
    "k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "bn": 1e9, "billion": 1e9,
    "trillion": 1e12,
}  # fmt: skip
_LIST = regex.compile(r"\d+(?:,\d+)+")
_UNGROUPED = str.maketrans("", "", _GROUPING)
UNIT_REACH = 12  # characters on either side in which a unit counts as belonging to a number


def mentions(text: str, value: float, tolerance: float = 0.0, unit: str = "") -> bool:
    """Say whether a text has a number within the tolerance, with the unit near it where there is one."""
    slack = tolerance + 1e-9 * max(1.0, abs(value))
    units = [match.span() for match in _unit(unit).finditer(text)] if unit.strip() else None
    for found, (start, end) in read(text):
        if abs(found - value) <= slack and (
            units is None or any(a < end + UNIT_REACH and b > start - UNIT_REACH for a, b in units)
        ):
            return True
    return False


@lru_cache(maxsize=256)  # many checks ask the same text
def read(text: str) -> tuple[tuple[float, tuple[int, int]], ...]:
    """Every value that a written number may stand for, with its place: "5 m" may be metres or millions."""
    return tuple(_read(text))


def _read(text: str) -> Iterator[tuple[float, tuple[int, int]]]:
    for match in _NUMBER.finditer(text):
        written = _plain(match["digits"])
        if written is None and _LIST.fullmatch(match["digits"]):
            yield from ((float(part), match.span()) for part in match["digits"].split(",") if len(part) < 300)
        for size in _sizes(match, written) if written is not None else ():
            if math.isfinite(size):
                yield size, match.span()


def _sizes(match: regex.Match[str], written: str) -> set[float]:
    value = float(written + (f"e{match['exponent']}" if match["exponent"] else ""))
    value = -value if match["sign"] or match["inner"] else value
    scale = match["scale"] or ""
    scaled = value * _SCALES.get(scale.casefold(), 1.0)
    ambiguous = len(scale) == 1 and not match["currency"] and (scale == "m" or match["space"] is not None)
    return {scaled, value} if ambiguous else {scaled}


_THOUSANDS = {",": regex.compile(r"\d{1,3}(?:,\d{2,3})*,\d{3}"), ".": regex.compile(r"\d{1,3}(?:\.\d{3})+")}


def _plain(digits: str) -> str | None:
    """Digits as Python reads them. None where they are a version, an address or a list.

    A lone separator groups thousands where it is a comma before three digits, else it is the decimal point; of two
    kinds the last is the decimal point.
    """
    digits = digits.translate(_UNGROUPED)
    kinds = [mark for mark in ",." if mark in digits]
    if not kinds:
        return digits
    last = max(kinds, key=digits.rfind)
    head, _, tail = digits.rpartition(last)
    if len(kinds) == 2:
        other = "," if last == "." else "."
        return f"{head.replace(other, '')}.{tail}" if _THOUSANDS[other].fullmatch(head) else None
    if digits.count(last) > 1 or (last == "," and len(tail) == 3):
        return digits.replace(last, "") if _THOUSANDS[last].fullmatch(digits) else None
    return f"{head}.{tail}"


@lru_cache(maxsize=1024)
def _unit(unit: str) -> regex.Pattern[str]:
    """A short unit stands alone ("m" is not in "months"); a longer one may have an ending ("day", "days")."""
    unit = unit.strip()
    before = r"(?<!\p{L})" if unit[0].isalpha() else ""
    after = r"(?!\p{L})" if unit[-1].isalpha() and len(unit) < 3 else ""
    return regex.compile(before + regex.escape(unit) + after, regex.IGNORECASE)
