"""Notations: numbers of evidence whose unit or scale stands elsewhere: in a key, in a table's head, in a range."""

from __future__ import annotations

from collections.abc import Iterator

import regex

from ladder_bench.judge.quantities import Quantity
from ladder_bench.judge.units import CODES, CURRENCIES, SCALES, UNITS


def noted(text: str) -> Iterator[Quantity]:
    """Yield 1790 of "distance_km": 1790 as kilometres, 1.2 under "in mio CHF" as francs, 66k of 58k-66k, 5 ft 9, 350 F.

    Without their unit they are read elsewhere, too.
    """
    for match in _KEY.finditer(text):
        yield _quantity(match["digits"], 1.0, match["unit"].casefold(), match)
    for match in _THOUSANDS.finditer(text):
        yield _quantity(match["digits"], SCALES[match["scale"].casefold()], "", match)
    for match in _FEET.finditer(text):
        metres = 0.3048 * int(match["feet"]) + 0.0254 * int(match["inches"])
        yield Quantity(metres, metres, 0.0127, 0.0127, "length", match.start(), match.end())
    for match in _FAHRENHEIT.finditer(text):
        yield _quantity(match["digits"], 1.0, "fahrenheit", match)
    head = _HEAD.search(text)
    if head is not None:
        currency = (head["before"] or head["after"] or "").casefold()
        scale = SCALES[head["scale"].casefold().removesuffix("s")]
        for match in _BARE.finditer(text, head.end()):
            yield _quantity(match["digits"], scale, CURRENCIES.get(currency, ""), match)


def _quantity(digits: str, scale: float, unit: str, match: regex.Match[str]) -> Quantity:
    plain = digits.replace(",", "")
    step = 0.5 * 10.0 ** -len(plain.partition(".")[2]) * scale
    written = float(plain) * scale
    dimension, factor, offset = UNITS.get(unit, ("", 1.0, 0.0))
    return Quantity(written * factor + offset, written, step * abs(factor), step, dimension, match.start(), match.end())


_DIGITS = r"(?P<digits>\d+(?:,\d{3})*(?:\.\d+)?)"
_KEY_UNITS = (
    "km|cm|mm|kg|mg|ms|sec|seconds|min|mins|minutes|hours|hrs|days|weeks|months|years|kb|mb|gb|tb|kwh|pct|percent"
    "|usd|eur|gbp|chf"
)
_KEY = regex.compile(rf"_(?P<unit>{_KEY_UNITS})[\"']?\s?[:=]\s?[\"']?{_DIGITS}\b", regex.IGNORECASE)
_THOUSANDS = regex.compile(rf"(?<=\d[kKM]\s?[-–]\s?){_DIGITS}(?P<scale>[kKM])\b")
_FEET = regex.compile(
    r"(?<![\w.,])(?P<feet>[3-7])\s?(?:ft|feet|foot|['′])\s?(?P<inches>1[01]|\d)\b(?!\s?(?:ft|feet|cm|m\b))"
)
_FAHRENHEIT = regex.compile(rf"(?<![\w.,]){_DIGITS}\s?F\b")
_CODES = "|".join((*CODES, "[€$£]"))
_HEAD = regex.compile(
    rf"\b(?:all\s)?(?:amounts?|figures?|numbers?|values?)?\s?in\s(?:(?P<before>{_CODES})\s)?"
    rf"(?P<scale>thousands?|millions?|mio|mn|billions?|k|m|bn)\b(?:\s(?:of\s)?(?P<after>{_CODES})(?!\w))?(?=\s?[):,;\n])",
    regex.IGNORECASE,
)
_BARE = regex.compile(rf"(?<![\w.,$€£%-]){_DIGITS}(?![\w%]|[.,:]\d|\s?%)")
