"""Quantities: numbers and money, read from text so that they can be compared."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex


@dataclass(frozen=True, slots=True)
class Quantity:
    """A written number. `value` is in the base unit of `dimension` ("" for a bare number), `written` as it stands.

    `slack` and `step` are half of the last written digit, in the base unit and in the written one.
    """

    value: float
    written: float
    slack: float
    step: float
    dimension: str
    start: int
    end: int


def quantities(text: str) -> Iterator[Quantity]:
    """Yield every number written in digits, with its scale, unit, percent sign or currency."""
    for match in _NUMBER.finditer(text):
        gap, unit, scale = match["gap"], match["unit"] or "", (match["scale"] or "").strip(" -").casefold()
        known = unit if unit in UNITS or len(unit) == 1 else unit.casefold()
        if unit and not gap and known not in UNITS and not _DECADE.fullmatch(match["digits"] + unit):
            continue  # 4th, 2x, 3D: a word, not a number
        multiple, currency = SCALES.get(scale, 1.0), match["currency"]
        if _DECADE.fullmatch(match["digits"] + unit):
            known = ""
        if currency and known in ("m", "b"):
            multiple, known = (1e6 if known == "m" else 1e9), ""
        dimension, factor, offset = UNITS.get(known, ("", 1.0, 0.0))
        if currency:
            dimension, factor, offset = CURRENCIES.get(currency.strip().casefold(), "money"), 1.0, 0.0
        number, decimals = _parsed(match["digits"])
        step = 0.5 * 10.0**-decimals * multiple
        written = number * multiple
        if _ABOUT.search(text, max(0, match.start() - 20), match.start()):
            step = max(step, min(0.5 * _last_digit(written), 0.1 * written))
        end = match.end() if known in UNITS or not unit else match.start("gap")
        yield Quantity(written * factor + offset, written, step * abs(factor), step, dimension, match.start(), end)


def worded_quantities(text: str) -> Iterator[Quantity]:
    """Yield numbers written as words, up to ninety-nine and with a scale, and small fractions such as 3/4."""
    for match in _WORDED.finditer(text):
        if match["lone"] and (match["unit"] or "").casefold() not in UNITS:
            continue  # "a user" is not the number 1
        number = (
            0.5 if match["half"] else WORDS[match["word"].casefold()] + WORDS.get((match["ones"] or "").casefold(), 0)
        )
        written = number * SCALES.get((match["scale"] or "").casefold(), 1.0)
        dimension, factor, offset = UNITS.get((match["unit"] or "").casefold(), ("", 1.0, 0.0))
        yield Quantity(written * factor + offset, written, 0.0, 0.0, dimension, match.start(), match.end())
    for match in _FRACTION.finditer(text):
        value = int(match[1]) / int(match[2])
        dimension, factor, offset = UNITS.get((match[3] or "").casefold(), ("", 1.0, 0.0))
        yield Quantity(value * factor + offset, value, 0.0, 0.0, dimension, match.start(), match.end())


def same(claim: Quantity, known: Quantity) -> bool:
    """Say whether a known quantity, rounded as the claim is and in its unit, gives the claim.

    A bare number agrees with one that has a unit where the digits agree: the unit may stand in a column's title.
    """
    if claim.dimension == known.dimension:
        converted = abs(claim.value * known.written - known.value * claim.written) > 1e-9 * abs(claim.value)
        # months, 1000 against 1024 bytes and miles convert only roughly
        slack = max(claim.slack, 0.025 * abs(claim.value)) if converted else claim.slack
        return abs(claim.value - known.value) <= slack + 1e-9 * abs(claim.value)
    if claim.dimension and known.dimension:
        return False
    agrees = abs(claim.written - known.written) <= claim.step + 1e-9 * claim.written
    if claim.dimension == "%":
        return agrees or abs(claim.written / 100 - known.written) <= claim.step / 100 + 1e-12
    if known.dimension == "%":
        return agrees or abs(claim.written - known.written / 100) <= claim.step + 1e-12
    return agrees


def computed(claim: Quantity, operands: Sequence[Quantity]) -> bool:
    """Say whether one operation on two operands gives the claim.

    Accepted: sum, difference, product, quotient, mean, percentage; of one operand square, root, and twelve or 52
    times it (a month, a week to a year). Whole numbers below ten arise from almost any two numbers, so they are never
    taken as computed; nor are sums and differences with a whole operand of three or less, or with one of another
    dimension. The result must agree within one percent.
    """
    targets = [
        (target, step)
        for target, step in {(claim.value, claim.slack), (claim.written, claim.step)}
        if target > 0 and (target >= 10 or target != int(target))
    ]
    if not targets and claim.dimension != "%":
        return False
    alike = sorted({size for known in operands for size in _comparable(claim, known)})
    numbers = sorted({size for known in operands for size in (known.value, known.written) if size > 0})
    rates = [rate for known in operands if known.dimension == "%" for rate in _rates(known.written)]
    if claim.dimension == "%" and any(
        _near(first * rate, first * claim.step / 100, numbers) for first in numbers for rate in _rates(claim.written)
    ):
        return True
    for target, step in targets:
        slack = min(step, 0.01 * target) + 1e-9 * target
        if any(_added(target, slack, first, alike) for first in alike if not _trivial(first)):
            return True
        if any(_near(target / rate, slack / rate, alike) for rate in rates):
            return True
        if any(_multiplied(target, slack, first, numbers) for first in numbers if first != 1):
            return True
    return False


def totals(known: Sequence[Quantity]) -> Iterator[float]:
    """Yield the sum of all numbers of a dimension, and with a unit also of any three and more neighbours."""
    for dimension in {quantity.dimension for quantity in known}:
        values = [quantity.value for quantity in known if quantity.dimension == dimension][:20]
        for first in range(len(values) if dimension else 1):
            for last in range(first + 3, len(values) + 1) if dimension else [len(values)]:
                yield sum(values[first:last])


def written_out(text: str) -> tuple[float, ...]:
    """What the sums that the answer writes out come to, such as 24 + 56 or 12 x 7 = 84."""
    if not _OPERATOR.search(text):
        return ()
    return tuple(
        _evaluated(numbers, operators)
        for match in _EXPRESSION.finditer(text)
        for numbers, operators in [_operands(match[0])]
        if len(numbers) == len(operators) + 1
    )


def _parsed(digits: str) -> tuple[float, int]:
    """Read digits: (number, decimals). A comma before one or two last digits is a decimal comma."""
    head, comma, tail = digits.rpartition(",")
    if comma and len(tail) < 3 and "." not in digits:
        digits = f"{head}.{tail}"
    plain = _SEPARATOR.sub("", digits)
    return float(plain), len(plain.partition(".")[2])


def _last_digit(number: float) -> float:
    """The place of the last digit that is not zero: 41,000 gives 1,000."""
    place = 1.0
    while number >= 10 * place and number % (10 * place) == 0:
        place *= 10
    return place


def _comparable(claim: Quantity, known: Quantity) -> tuple[float, ...]:
    """The sizes in which a known number may be added to give the claim."""
    if known.dimension == claim.dimension:
        return (known.value,)
    return (known.written,) if not (claim.dimension and known.dimension) else ()


def _added(target: float, slack: float, first: float, numbers: list[float]) -> bool:
    """Say whether the first and another number give the target as sum, difference or mean."""
    rest, mirrored = target - first, 2 * target - first
    return (
        (rest > 0 and not _trivial(round(rest, 9)) and _near(rest, slack, numbers))
        or _near(target + first, slack, numbers)
        or (abs(rest) > 2 * slack and _near(mirrored, 2 * slack, numbers))
    )


def _trivial(number: float) -> bool:
    return number <= 3 and number == int(number)


def _multiplied(target: float, slack: float, first: float, numbers: list[float]) -> bool:
    """Say whether the first and another number give the target as product or quotient, or the first by itself."""
    if abs(first * first - target) <= slack or abs(target * target - first) <= 2 * target * slack:
        return True
    other = target / first
    if any(abs(target - first * periods) <= slack for periods in PERIODS):
        return True
    return (abs(other - 1) > 0.01 and _near(other, slack / first, numbers)) or _near(
        target * first, slack * first, numbers
    )


def _near(value: float, slack: float, numbers: list[float]) -> bool:
    place = bisect_left(numbers, value - slack)
    return place < len(numbers) and numbers[place] <= value + slack


def _rates(percent: float) -> Iterator[float]:
    yield from (rate for rate in (percent / 100, 1 + percent / 100, 1 - percent / 100) if rate > 0)


def _operands(expression: str) -> tuple[list[float], list[str]]:
    numbers = [quantity.written for quantity in quantities(expression)]
    return numbers, [operator.strip() for operator in _SPACED_OPERATOR.findall(expression)]


def _evaluated(numbers: list[float], operators: list[str]) -> float:
    terms = [numbers[0]]
    for operator, number in zip(operators, numbers[1:], strict=True):
        if operator in "+-−–":
            terms.append(number if operator == "+" else -number)
        else:
            terms[-1] = terms[-1] / (number or 1.0) if operator in "/÷" else terms[-1] * number
    return sum(terms)


SCALES = {"k": 1e3, "thousand": 1e3, "m": 1e6, "mn": 1e6, "mio": 1e6, "million": 1e6, "b": 1e9, "bn": 1e9}
SCALES |= {"billion": 1e9, "trillion": 1e12, "hundred": 1e2, "dozen": 12.0, "lakh": 1e5, "crore": 1e7}
PERIODS = (12, 52)  # months and weeks of a year
CURRENCIES = {"$": "usd", "us$": "usd", "usd": "usd", "€": "eur", "eur": "eur", "£": "gbp", "gbp": "gbp"}
CURRENCIES |= {"¥": "jpy", "jpy": "jpy", "₹": "inr", "inr": "inr", "rs": "inr", "rs.": "inr", "chf": "chf"}
_MEASURES: dict[str, dict[str, float]] = {
    "time": {
        "ms millisecond milliseconds": 0.001,
        "s sec secs second seconds": 1,
        "min mins minute minutes": 60,
        "h hr hrs hour hours": 3600,
        "d day days": 86400,
        "week weeks": 7 * 86400,
        "month months": 30.4375 * 86400,
        "year years yr yrs year-old": 365.25 * 86400,
        "decade decades": 3652.5 * 86400,
        "century centuries": 36525 * 86400,
    },
    "length": {
        "mm millimeter millimeters millimetres": 0.001,
        "cm centimeter centimeters centimetres": 0.01,
        "m meter meters metre metres": 1,
        "km kilometer kilometers kilometre kilometres": 1000,
        "inch inches": 0.0254,
        "ft foot feet": 0.3048,
        "yd yard yards": 0.9144,
        "mi mile miles": 1609.344,
    },
    "mass": {
        "mg milligram milligrams": 0.001,
        "g gram grams": 1,
        "kg kilogram kilograms kilos": 1000,
        "oz ounce ounces": 28.3495,
        "lb lbs pound pounds": 453.592,
        "tonne tonnes ton tons": 1e6,
    },
    "volume": {
        "ml milliliter milliliters millilitres": 1,
        "l liter liters litre litres": 1000,
        "tsp teaspoon teaspoons": 4.929,
        "tbsp tablespoon tablespoons": 14.787,
        "cup cups": 236.6,
        "gallon gallons": 3785.4,
    },
    "data": {"byte bytes": 1, "kb kib": 1e3, "mb mib": 1e6, "gb gib": 1e9, "tb tib": 1e12, "pb pib": 1e15},
    "speed": {"km/h kph kmh": 1, "mph": 1.609344, "m/s": 3.6},
    "%": {"% percent percentage": 1},
    "usd": {"$ usd dollar dollars bucks": 1, "cent cents": 0.01},
    "eur": {"€ eur euro euros": 1},
    "gbp": {"£ gbp": 1},
    "jpy": {"¥ jpy yen": 1},
    "inr": {"₹ inr rupee rupees": 1},
    "chf": {"chf": 1},
}
UNITS: dict[str, tuple[str, float, float]] = {
    name: (dimension, float(factor), 0.0)
    for dimension, measures in _MEASURES.items()
    for names, factor in measures.items()
    for name in names.split()
}
UNITS |= {"°c": ("temperature", 1.0, 0.0), "celsius": ("temperature", 1.0, 0.0)}
UNITS |= {"°f": ("temperature", 5 / 9, -160 / 9), "fahrenheit": ("temperature", 5 / 9, -160 / 9)}
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: float(value) for value, word in enumerate(_ONES.split())}
WORDS |= {word: 10.0 * value for value, word in enumerate(_TENS.split(), start=2)}
WORDS |= {"a": 1.0, "an": 1.0, "dozen": 12.0, "hundred": 100.0, "thousand": 1000.0, "million": 1e6}


_SEPARATOR = regex.compile(r"[,'\u00a0\u202f]")
_DECADE = regex.compile(r"[12]\d\d0s")
_ABOUT = regex.compile(
    r"(?:\b(?:about|around|roughly|approximately|approx\.?|nearly|almost|over|more than|less than|under|some|circa)"
    r"|[~≈])\s?(?:the )?$",
    regex.IGNORECASE,
)
# after a letter and a hyphen or dot stands a name (COVID-19, utf-8, fig.3); after another digit a range
_NUMBER = regex.compile(
    r"(?<![\w^_\\#@]|\d\.|[A-Za-z][-–.:/=])"
    r"(?<!\w\()(?P<currency>(?:US\$|[$€£¥₹]|(?:USD|EUR|GBP|JPY|CHF|INR)(?=\s?\d)|Rs\.?(?=\s?\d))\s?)?"
    r"(?P<digits>\d{1,3}(?:[,'\u00a0\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d+,\d{1,2}(?![\d,])|\d+(?:\.\d+)?|(?<!\d)\.\d+)"
    r"(?P<scale>(?:[\s-]?(?:thousand|million|mio|mn|billion|bn|trillion|hundred|dozen|lakh|crore)|[kKMB])(?![A-Za-z]))?"
    r"(?:\sdegrees(?=\s[CF]))?(?:(?P<gap>[ \u00a0-]?)(?P<unit>%|°[CF]|[€£$¥]|[A-Za-zµ]+(?:/[hs]\b)?))?"
)
_TEN_WORDS, _ONE_WORDS = _TENS.replace(" ", "|"), _ONES.replace(" ", "|")
_WORDED = regex.compile(
    rf"\b(?:(?P<half>half)\s(?:an?\s)?|(?P<lone>(?P<word>an?))\s(?!dozen|hundred|thousand|million)|(?P<word>{_TEN_WORDS})(?:-(?P<ones>{_ONE_WORDS}))?"
    rf"|(?P<word>{_ONE_WORDS}|dozen|hundred|thousand|million))\b"
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|dozen)s?\b)?(?:[\s-]?(?P<unit>%|[a-z]+\b))?",
    regex.IGNORECASE,
)
_FRACTION = regex.compile(r"(?<![\w/.])(\d{1,2})/([1-9]\d?)(?![\w/.]*\d)(?:\s(?:of an?\s)?([a-z]+))?", regex.IGNORECASE)
_OPERATOR = regex.compile(r"[+\-−–*×x·/÷]")
_SPACED_OPERATOR = regex.compile(r"\s[+\-−–]\s|\s?[+*×·/÷]\s?|\sx\s")
_EXPRESSION = regex.compile(
    r"[$€£]?\d[\d.,]*+%?(?:\s[a-zA-Z]{1,12})?"
    r"(?:(?:\s[+\-−–]\s|\s?[+*×·/÷]\s?|\sx\s)[$€£]?\d[\d.,]*+%?(?:\s(?!x\s)[a-zA-Z]{1,12})?){1,12}"
)
