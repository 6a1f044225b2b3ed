"""Text for people: numbers with three significant digits, and content in which nothing is hidden."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import regex

Unit = Literal["score", "share", "usd", "seconds", "count", "rate"]
DIGITS = 3  # significant digits in pages; the exact values are in summary.json
MINUS = "−"
RANGE = " to "

_INVISIBLE = regex.compile("[\u00ad\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]+")
_DECEIVING = regex.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def shown(text: str) -> str:
    """Content as it may be shown: without invisible characters, with controls and direction marks spelled out.

    Joiners that emoji and Persian or Indic words need are kept.
    """
    plain = _INVISIBLE.sub("", text.replace("\r\n", "\n"))
    return _DECEIVING.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", plain)


def one_line(text: str) -> str:
    """Content for a table cell or a line of a terminal."""
    return " ".join(shown(text).split())


# --- numbers -------------------------------------------------------------------------------


def decimals(*values: float) -> int:
    """Decimals that give the first value that is not 0 three significant digits."""
    for value in values:
        if value and math.isfinite(value):
            return max(0, DIGITS - 1 - math.floor(math.log10(abs(value))))
    return 0


def number(value: float, places: int | None = None) -> str:
    """A number with thousands separators and a true minus sign."""
    places = decimals(value) if places is None else places
    text = f"{_rounded(value, places):,.{places}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.replace("-", "")


def _rounded(value: float, places: int) -> float:
    """Above 1,000 three significant digits end left of the point, where a format cannot round."""
    if places or abs(value) < 10**DIGITS:
        return value
    return float(round(value, DIGITS - 1 - math.floor(math.log10(abs(value)))))


def quantity(value: float, unit: Unit, places: int | None = None) -> str:
    """A value with its unit: 0.926, 26 %, $0.0337, 5.73 s."""
    return UNITS[unit](value, places)


def interval(value: float, low: float, high: float, unit: Unit) -> str:
    """An interval to the precision of its value: 0.878 to 0.973."""
    scale = 100 if unit == "share" else 1
    places = decimals(value * scale, high * scale, low * scale)
    if unit in ("score", "share"):
        places = min(places, 1 if unit == "share" else DIGITS)
    return f"{_bare(low, unit, places)}{RANGE}{_bare(high, unit, places)}"


def _bare(value: float, unit: Unit, places: int) -> str:
    return number(100 * value if unit == "share" else value, places)


def points(value: float, signed: bool = True) -> str:
    """A difference in quality in hundredths, with one decimal: −8.9."""
    text = number(100 * value, 1)
    return f"+{text}" if signed and float(text.replace(MINUS, "-").replace(",", "")) > 0 else text


def points_interval(low: float, high: float) -> str:
    return f"{points(low)}{RANGE}{points(high)}"


def dollars(value: float, places: int | None = None) -> str:
    """Dollars with three significant digits, at least cents from one dollar on."""
    if places is None:
        places = max(decimals(value), 2) if abs(value) >= 1 else decimals(value)
    sign = MINUS if value < 0 else ""
    return f"{sign}${number(abs(value), places)}"


def spent(value: float) -> str:
    return dollars(value) if value else "$0"


def percent(value: float, places: int | None = None) -> str:
    places = min(1, decimals(100 * value)) if places is None else places
    return f"{number(100 * value, places)} %"


def score(value: float, places: int | None = None) -> str:
    """A value between 0 and 1, or near it, with three decimals at most."""
    return number(value, min(DIGITS, decimals(value)) if places is None else places)


def seconds(value: float, places: int | None = None) -> str:
    return f"{number(value, places)} s"


UNITS: dict[Unit, Callable[[float, int | None], str]] = {
    "score": score,
    "share": percent,
    "usd": dollars,
    "seconds": seconds,
    "count": number,
    "rate": number,
}


def counted(count: int, noun: str, plural: str | None = None) -> str:
    """1 conversation, 2 conversations."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def joined(names: list[str], limit: int = 8) -> str:
    """Names in a sentence, the first ones where there are many."""
    if len(names) <= limit:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"
