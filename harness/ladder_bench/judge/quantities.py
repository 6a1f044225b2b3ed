"""Quantities: numbers and money, read from text so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import regex

from ladder_bench.judge.units import ANY_MONEY, CODES, CURRENCIES, MONEY, SCALES, UNITS, alike


@dataclass(frozen=True, slots=True)
class Quantity:
    """A written number. `value` is in the base unit of `dimension` ("" for a bare number), `written` as it stands.

    `slack` and `step` are half of the last written digit, in the base unit and in the written one; more after words
    such as "about" and "over".
    """

    value: float
    written: float
    slack: float
    step: float
    dimension: str
    start: int
    end: int


def quantities(text: str) -> Iterator[Quantity]:
    """Yield every number written in digits, with its scale, unit, percent sign or currency. "2 h 15 min" is one."""
    last: Quantity | None = None
    for number in _simple(text):
        if last is not None and _continues(last, number, text):
            last = _joined(last, number)
            continue
        if last is not None:
            yield last
        last = number
    if last is not None:
        yield last


def _simple(text: str) -> Iterator[Quantity]:
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
            dimension, factor, offset = CURRENCIES.get(currency.strip().casefold(), ANY_MONEY), 1.0, 0.0
        number, decimals = _parsed(match["digits"])
        step = 0.5 * 10.0**-decimals * multiple
        written = number * multiple
        start = match.start("currency") if currency else match.start()
        step = max(step, _leeway(text, start, written))
        end = match.end() if known in UNITS or not unit else match.start("gap")
        yield Quantity(written * factor + offset, written, step * abs(factor), step, dimension, start, end)


def _leeway(text: str, start: int, written: float) -> float:
    """How far "about 340" and "over 20 %" may be from what they stand for."""
    if start < 2 or not _HEDGED.search(text, max(0, start - 24), start):
        return 0.0
    if _BEYOND.search(text, max(0, start - 24), start):
        return min(last_digit(written), 0.25 * written)
    return min(0.5 * last_digit(written), 0.1 * written)


def _continues(first: Quantity, second: Quantity, text: str) -> bool:
    """Say whether two numbers are one: 2 h 15 min, 5 feet 11 inches."""
    if (
        first.dimension != second.dimension
        or first.dimension not in COMPOUND
        or not first.written
        or not second.written
    ):
        return False
    larger, smaller = first.value / first.written, second.value / second.written
    return smaller < larger and second.value < larger and text[first.end : second.start] in (" ", " and ", ", ")


def _joined(first: Quantity, second: Quantity) -> Quantity:
    factor = first.value / first.written
    value = first.value + second.value
    return Quantity(
        value, value / factor, second.slack, second.slack / factor, first.dimension, first.start, second.end
    )


def worded_quantities(text: str, words: Iterable[str] | None = None) -> Iterator[Quantity]:
    """Yield numbers written as words, up to ninety-nine and with a scale, also with a half: two and a half hours.

    `words`, where known, are the text's words that can begin one.
    """
    for match in _WORDED.finditer(text) if words is None else _beginning(text, words):
        unit = (match["unit"] or "").casefold()
        if (match["lone"] or match["tail"]) and unit not in UNITS:
            continue  # "a user" is not the number 1
        number = (
            0.5 if match["half"] else WORDS[match["word"].casefold()] + WORDS.get((match["ones"] or "").casefold(), 0)
        )
        if match["more"] or match["tail"]:
            number += 0.5
        written = number * SCALES.get((match["scale"] or "").casefold(), 1.0)
        dimension, factor, offset = UNITS.get(unit, ("", 1.0, 0.0))
        end = match.end() if dimension or not unit else match.start("unit") - 1
        leeway = _leeway(text, match.start(), written)
        yield Quantity(written * factor + offset, written, leeway * factor, leeway, dimension, match.start(), end)


def fractions(text: str) -> Iterator[Quantity]:
    """Yield fractions in digits and in words, and multiples: 3/4, two thirds, "doubled"."""
    for match in _FRACTION.finditer(text):
        value = int(match[1]) / int(match[2])
        dimension, factor, offset = UNITS.get((match[3] or "").casefold(), ("", 1.0, 0.0))
        yield Quantity(value * factor + offset, value, 0.0, 0.0, dimension, match.start(), match.end())
    for match in _PARTS.finditer(text):
        if match["part"]:
            share = (
                100 * WORDS.get((match["many"] or "a").casefold(), 1.0) / PARTS[match["part"].casefold().rstrip("s")]
            )
            yield Quantity(share, share, 0.0, 0.0, "%", match.start(), match.end())
        else:
            times = TIMES[match["times"].casefold()]
            yield Quantity(times, times, 0.0, 0.0, "", match.start(), match.end())


def _beginning(text: str, words: Iterable[str]) -> Iterator[regex.Match[str]]:
    """Find numbers that begin with one of these words, in reading order."""
    folded = text.lower()
    if len(folded) != len(text):
        yield from _WORDED.finditer(text)
        return
    done = 0
    for start in sorted(place for word in words for place in _places(folded, word)):
        match = _WORDED.match(text, start) if start >= done else None
        if match:
            done = match.end()
            yield match


def _places(text: str, word: str) -> Iterator[int]:
    place = text.find(word)
    while place >= 0:
        yield place
        place = text.find(word, place + 1)


def shares(text: str) -> Iterator[Quantity]:
    """Yield "1 in 9" and "six in ten" as percentages, right to a twentieth of it, or a tenth after "about"."""
    for link in (" in ", " out of "):
        for place in _places(text, link):
            after = _WHOLE.match(text, place + len(link))
            before = _PART.search(text, max(0, place - 12), place) if after else None
            if after is None or before is None:
                continue
            part, whole = (WORDS.get(word.casefold(), 0.0) or float(word) for word in (before[1], after[1]))
            if 0 < part < whole:
                share = 100 * part / whole
                slack = share * (0.1 if _leeway(text, before.start(1), share) else 0.05)
                yield Quantity(share, share, slack, slack, "%", before.start(1), after.end())


def lasting(text: str) -> Iterator[Quantity]:
    """Yield what may be a time of day or how long something took: 3:45:00."""
    for match in _LASTING.finditer(text):
        seconds = 3600.0 * int(match[1]) + 60 * int(match[2]) + int(match[3])
        yield Quantity(seconds, seconds, 0.5, 0.5, "time", match.start(), match.end())


def laps(text: str) -> Iterator[Quantity]:
    """Yield times of a race, 1:09.5, in seconds."""
    for match in _LAP.finditer(text):
        seconds = 60 * int(match["minutes"]) + float(match["seconds"])
        step = 0.5 * 10.0 ** -len(match["seconds"].partition(".")[2])
        yield Quantity(seconds, seconds, step, step, "time", match.start(), match.end())


def same(claim: Quantity, known: Quantity) -> bool:
    """Say whether a known quantity, rounded as the claim is and in its unit, gives the claim.

    A bare number agrees with one that has a unit where the digits agree: the unit may stand in a column's title.
    """
    if alike(claim.dimension, known.dimension):
        converted = abs(claim.value * known.written - known.value * claim.written) > 1e-9 * abs(claim.value)
        # months, 1000 against 1024 bytes and miles convert only roughly
        slack = max(claim.slack, 0.025 * abs(claim.value)) if converted else claim.slack
        return abs(claim.value - known.value) <= slack + 1e-9 * abs(claim.value)
    if claim.dimension and known.dimension and not _pounds(claim, known):
        return False
    agrees = abs(claim.written - known.written) <= claim.step + 1e-9 * claim.written
    if claim.dimension == "%":
        return agrees or abs(claim.written / 100 - known.written) <= claim.step / 100 + 1e-12
    if known.dimension == "%":
        return agrees or abs(claim.written - known.written / 100) <= claim.step + 1e-12
    if claim.dimension in MONEY and claim.written and claim.value != claim.written:  # 81 cents for 0.81
        return abs(claim.value - known.written) <= claim.slack + 1e-9
    return agrees


def _pounds(first: Quantity, second: Quantity) -> bool:
    """Pounds are a weight and a currency: 5,000 pounds may be £5,000."""
    weights = [each for each in (first, second) if each.dimension == "mass" and each.written]
    others = {first.dimension, second.dimension} - {"mass"}
    return others == {"gbp"} and all(abs(each.value / each.written - POUND_KG) < 1e-6 for each in weights)


def last_digit(number: float) -> float:
    """The place of the last digit that is not zero: 41,000 gives 1,000."""
    place = 1.0
    while number >= 10 * place and number % (10 * place) == 0:
        place *= 10
    return place


def _parsed(digits: str) -> tuple[float, int]:
    """Read digits: (number, decimals). A comma before one or two last digits is a decimal comma."""
    if digits.isdecimal():
        return float(digits), 0
    head, comma, tail = digits.rpartition(",")
    if comma and len(tail) < 3:
        digits = f"{head.replace('.', '')}.{tail}"
    plain = _SEPARATOR.sub("", digits)
    return float(plain), len(plain.partition(".")[2])


POUND_KG = UNITS["pound"][1]
COMPOUND = ("time", "length", "mass")
_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
WORDS = {word: float(value) for value, word in enumerate(_ONES.split())}
WORDS |= {word: 10.0 * value for value, word in enumerate(_TENS.split(), start=2)}
WORDS |= {"a": 1.0, "an": 1.0, "dozen": 12.0, "hundred": 100.0, "thousand": 1000.0, "million": 1e6}
PARTS = {
    "half": 2.0,
    "halve": 2.0,
    "third": 3.0,
    "quarter": 4.0,
    "fifth": 5.0,
    "sixth": 6.0,
    "eighth": 8.0,
    "tenth": 10.0,
}
TIMES = {"twice": 2.0, "double": 2.0, "doubled": 2.0, "doubles": 2.0, "triple": 3.0, "tripled": 3.0, "triples": 3.0}
TIMES |= {"both": 2.0, "couple": 2.0, "pair": 2.0, "halved": 0.5}
FRACTIONS = frozenset((*PARTS, *TIMES, *(f"{part}s" for part in PARTS), "halves"))
TELLING = WORDS.keys() - {"zero", "one", "a", "an"}  # without one of these no number in words tells anything

_SEPARATOR = regex.compile(r"[,'\u00a0\u202f]")
_DECADE = regex.compile(r"[12]\d\d0s")
_HEDGES = "about|around|roughly|approximately|approx\\.?|nearly|almost|some|circa|ca\\.|close to|not quite"
_LIMITS = "over|more than|less than|under|below|above|at least|at most|up to|fewer than"
_HEDGED = regex.compile(
    rf"(?:\b(?:{_HEDGES}|{_LIMITS})|[~≈<>])\s?(?:the |an? )?(?:(?:US)?[$€£¥₹]|EUR |USD )?$", regex.IGNORECASE
)
_BEYOND = regex.compile(rf"(?:\b(?:{_LIMITS})|[<>])\s?(?:the )?(?:(?:US)?[$€£¥₹]|EUR |USD )?$", regex.IGNORECASE)
# after a letter and a hyphen or dot stands a name (COVID-19, utf-8, fig.3); after another digit a range
_NUMBER = regex.compile(
    rf"(?=[\d.])(?:(?<=(?<!\w)(?P<currency>(?:US\$|[$€£¥₹]|{'|'.join(CODES).upper()}|Rs\.?)\s?))"
    r"|(?<![\w^_\\#@$€£¥₹]|\d\.|[A-Za-z][-–.:/]))(?<!\w\()"
    r"(?P<digits>\d{1,3}(?:\.\d{3})+,\d{1,2}(?!\d)|\d{1,3}(?:[,'\u00a0\u202f]\d{3})+(?!\d)(?:\.\d+)?|\d+,\d{1,2}(?![\d,])|\d+(?:\.\d+)?|(?<!\d)\.\d+)"
    r"(?P<scale>(?:[\s-]?(?:thousand|million|mio|mn|billion|bn|trillion|hundred|dozen|lakh|crore)|[kKMB])(?![A-Za-z]))?"
    r"(?:\sdegrees(?=\s[CF]))?"
    r"(?:(?P<gap>[ \u00a0-]?)(?P<unit>%|°[CF]|[€£$¥]|per\scent\b|sq\.?\s?(?:ft|m|km|mi)\b"
    r"|[A-Za-zµ]+[²³]?(?:/[hs]\b)?))?"
)
_TEN_WORDS, _ONE_WORDS = _TENS.replace(" ", "|"), _ONES.replace(" ", "|")
_WORDED = regex.compile(
    rf"(?<!\d[\s-])\b(?:(?P<half>half)\s(?:an?\s)?(?!past\s)|(?P<tail>(?P<word>an?))\s(?=[a-z]+(?P<end>\sand\sa\shalf))"
    rf"|(?P<lone>(?P<word>an?))\s(?!dozen|hundred|thousand|million|half\b)|(?P<word>{_TEN_WORDS})(?:-(?P<ones>{_ONE_WORDS}))?"
    rf"|(?P<word>{_ONE_WORDS}|dozen|hundred|thousand|million))\b"
    r"(?P<more>\sand\sa\shalf\b)?"
    r"(?:[\s-]?(?P<scale>hundred|thousand|million|billion|dozen)s?\b)?(?:[\s-]?(?P<unit>%|per\scent|[a-z]+\b))?",
    regex.IGNORECASE,
)
_FRACTION = regex.compile(r"(?<![\w/.])(\d{1,2})/([1-9]\d?)(?![\w/.]*\d)(?:\s(?:of an?\s)?([a-z]+))?", regex.IGNORECASE)
_PARTS = regex.compile(
    r"\b(?:(?:(?P<many>an?|one|two|three|four|five)[\s-])?(?P<part>half|halves|thirds?|quarters?|fifths?|sixths?|eighths?|tenths?)"
    rf"|(?P<times>{'|'.join(TIMES)}))\b",
    regex.IGNORECASE,
)
_PART = regex.compile(rf"(?<![\w.,])(\d{{1,2}}|{_ONE_WORDS})$", regex.IGNORECASE)
_WHOLE = regex.compile(
    rf"(?:every\s)?(\d{{1,3}}|{_ONE_WORDS}|{_TEN_WORDS}|hundred)\b(?![.,:]?\d|\s?%)", regex.IGNORECASE
)
_LASTING = regex.compile(r"(?<![\w:.])(\d{1,2}):([0-5]\d):([0-5]\d)(?![\w:]|\.\d)")
_LAP = regex.compile(r"(?<![\w:.])(?P<minutes>\d{1,2}):(?P<seconds>[0-5]\d\.\d{1,3})(?![\w:])")
