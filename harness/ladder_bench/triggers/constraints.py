"""Constraints: what a message requires in numbers, as values: quantities with unit and bound, days and hours.

A reading of surface forms, for English. Text that is only quoted is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import regex

from ladder_bench.triggers.text import COMMON, RECENT, stem, visible, words_of

MOST, LEAST, EXACTLY, PLAIN = "most", "least", "exactly", "plain"
BARE = "bare"  # the dimension of a number without a unit
MANY = 40  # of a message that are read: with more it is data, and no list of requirements
REACH = 40  # characters beside a number in which a word may bound it


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its dimension, in the dimension's base unit (minutes, the currency, persons, words, ...).

    `bound` is how the message limits it. `each`: it holds for every one of several. `told` is its sentence, `sentence`
    where that stands, and `start` its own place.
    """

    value: float
    dimension: str
    bound: str
    each: bool
    told: str
    start: int
    sentence: tuple[int, int]
    evidence: str

    @property
    def parts(self) -> frozenset[str]:
        """The parts of a text that its sentence names: "title", "intro"."""
        return _parts(self.told)

    @property
    def about(self) -> frozenset[str]:
        """The stems of its sentence's words."""
        return _about(self.told)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day in a year (month * 31 + day), a day of an unnamed month, or a time of day in minutes, and how it bounds.

    `bound` is "before" (until, by), "after" (from, not before) or "on".
    """

    value: int
    scale: str
    bound: str
    about: frozenset[str]
    evidence: str


# --- quantities ----------------------------------------------------------------------------


@lru_cache(maxsize=RECENT)
def quantities(message: str) -> tuple[Quantity, ...]:
    """The quantities of a message in the order in which they stand there."""
    text = visible(message)
    spelled = not _NUMBERS.isdisjoint(text.words)
    if not spelled and not _DIGIT.search(text.source):
        return ()
    return tuple(islice(_quantities(text.source, _CANDIDATE if spelled else _FIGURE), MANY))


def _quantities(source: str, candidates: re.Pattern[str]) -> Iterator[Quantity]:
    bounds = _sentence_bounds(source)
    last = 0
    for candidate in candidates.finditer(source):
        match = _QUANTITY.match(source, candidate.start()) if candidate.start() >= last else None
        if match is None:
            continue
        last = match.end()
        begin, end = next((b for b in bounds if b[0] <= match.start() < b[1]), (0, len(source)))
        dimension, scale = ("money", 1.0) if match["sign"] or match["code"] else _unit((match["unit"] or "").casefold())
        weekly = _WEEKLY.match(source, match.end())
        if weekly and (dimension in ("days", BARE) or dimension.startswith("count:")):
            dimension, scale, last = "times a week", 1.0, weekly.end()
        value = _value(match["number"] or match["word"] or match["article"])
        if value is None:
            continue
        if match["kilo"]:
            value *= 1000
        before = source[max(begin, match.start() - REACH) : match.start()]
        after = source[match.end() : min(end, match.end() + REACH)]
        sentence = source[begin:end]
        if dimension == BARE and (context := _MEASURED.search(before)):
            dimension = "money" if context["money"] else "people"
        bare = dimension == BARE
        yield Quantity(
            value * scale,
            dimension,
            PLAIN if bare else _bound(before, after, dimension, sentence),
            not bare and not weekly and _each(before, after),
            sentence,
            match.start(),
            (begin, end),
            source[max(begin, match.start() - 14) : match.end() + 10].strip(),
        )


@lru_cache(maxsize=RECENT)
def _parts(sentence: str) -> frozenset[str]:
    return frozenset(map(str.casefold, _PARTS.findall(sentence)))


@lru_cache(maxsize=RECENT)
def _about(sentence: str) -> frozenset[str]:
    words = (word.casefold() for word in _WORD.findall(sentence))
    return frozenset(stem(word) for word in words if len(word) > 2 and word not in COMMON and word not in _VAGUE)


@lru_cache(maxsize=RECENT)
def _unit(unit: str) -> tuple[str, float]:
    """The dimension of a unit, and how many of the dimension's base units it is."""
    if unit == "%":
        return "percent", 1.0
    for name, scale, pattern in _UNITS:
        if pattern.fullmatch(unit):
            return name, scale
    return (f"count:{stem(unit)}", 1.0) if unit else (BARE, 1.0)


def _value(told: str) -> float | None:
    told = told.casefold()
    if told in ("a", "an"):
        return 1.0
    if told in _NUMBER_WORDS:
        return float(_NUMBER_WORDS[told])
    digits = told.rstrip(".,")
    digits = _THOUSANDS.sub("", digits)
    try:
        return float(digits.replace(",", "."))
    except ValueError:
        return None


def _bound(before: str, after: str, dimension: str, sentence: str) -> str:
    if _NOT_MORE.search(before):
        return MOST
    if _LEAST_BEFORE.search(before) or _LEAST_AFTER.match(after):
        return LEAST
    if _MOST_BEFORE.search(before) or _MOST_AFTER.search(after):
        return MOST
    if dimension == "money" and _LEFT.match(after):
        return MOST
    if _EXACTLY_BEFORE.search(before) or _EXACTLY_AFTER.match(after):
        return EXACTLY
    if dimension in ("money", "minutes") and (_HAVING.search(before) or _LEFT.match(after)):
        return MOST
    if _NOT_ONE.search(sentence):
        return MOST
    if dimension == "money" and _BUDGET.search(sentence):
        return MOST
    return PLAIN


def _each(before: str, after: str) -> bool:
    """Whether a quantity holds for every one of several: "20 minutes each", "each 20 minutes", no "two of each"."""
    return bool(_EACH_AFTER.match(after) or (_EACH_BEFORE.search(before) and not _AMONG.search(before)))


def _sentence_bounds(source: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE_END.finditer(source)]
    return list(zip([0, *ends], [*ends, len(source)], strict=True))


_COUNTING = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_NUMBER_WORDS = {word: n for n, word in enumerate(regex.split(" ", _COUNTING))} | {
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "hundred": 100,
    "dozen": 12,
    "half": 0.5,
}
_NUMBERS = frozenset({*_NUMBER_WORDS}) - {"one"} | words_of(
    "hour minute page side paragraph sentence line slide week month"
)
_DIGIT = re.compile(r"\d")
_UNITS = tuple(
    (name, scale, regex.compile(pattern))
    for name, scale, pattern in (
        ("minutes", 1.0, r"min|mins|minutes?"),
        ("minutes", 60.0, r"h|hr|hrs|hours?"),
        ("minutes", 1 / 60, r"s|sec|secs|seconds?"),
        ("days", 1.0, r"days?|nights?"),
        ("days", 7.0, r"wks?|weeks?"),
        ("days", 30.0, r"months?"),
        ("words", 1.0, r"words?"),
        ("characters", 1.0, r"chars?|characters?|letters|signs"),
        ("pages", 1.0, r"pages?|pg|sides?"),
        ("sentences", 1.0, r"sentences?|liners?"),
        ("paragraphs", 1.0, r"paragraphs?|paras?"),
        ("lines", 1.0, r"lines?"),
        ("slides", 1.0, r"slides?"),
        ("bullets", 1.0, r"bullets?|points?"),
        ("people", 1.0, r"people|persons?|guests?|attendees?|participants?|seats?|chairs?|places?|heads?|kids|children|adults|"
                        r"students|pupils|players|visitors|passengers|coming|of us|pax"),
        ("money", 1.0, r"euros?|eur|dollars?|usd|bucks|pounds?|quid|gbp|chf|francs?|grand"),
        ("megabytes", 1.0, r"mb"),
        ("megabytes", 1000.0, r"gb"),
        ("megabytes", 0.001, r"kb"),
        ("kilos", 1.0, r"kg|kilos?"),
        ("kilos", 0.001, r"g|grams?"),
        ("kilometres", 1.0, r"km|kilometers?|kilometres?"),
        ("metres", 1.0, r"m|meters?|metres?"),
        ("metres", 0.01, r"cm"),
        ("calories", 1.0, r"kcal|calories|cals?"),
        ("percent", 1.0, r"percent|pct"),
    )
)  # fmt: skip
_KNOWN_UNITS = "|".join(pattern.pattern for *_, pattern in _UNITS)
_QUANTITY = regex.compile(
    rf"(?i)(?<![\w.,:/-])(?P<sign>[€£$]\s?)?(?:(?P<number>\d+(?:[.,]\d+)*)(?P<kilo>k\b)?|(?P<word>{'|'.join(_NUMBER_WORDS)})\b"
    r"|(?P<article>an?(?= (?:full |whole |good )?(?:hour|minute|page|paragraph|sentence|week|month)\b)))(?:(?P<code>\s?[€£$])|\s?(?P<unit>%)"
    rf"|(?:\)?[\s-]|(?<=\d))(?:(?!{_KNOWN_UNITS}\b|per\b|each\b|every\b|an?\b|of\b|and\b|or\b|to\b|the\b|in\b)[a-z]+[\s-])?(?P<unit>{_KNOWN_UNITS})\b"
    r"|[\s-](?!(?:and|the|for|with|are|from|per|but|that|this|was|not|you|your|our|each|all|more|less|max|min)\b)(?P<unit>[a-z]{3,})\b)?(?![\w:/-])"
)
_THOUSANDS = regex.compile(r"[,.](?=\d{3}(?:\D|$))")
_FIGURE = re.compile(r"[€£$]\s?\d|(?<![\w.,:/-])\d")
_CANDIDATE = re.compile(
    rf"(?i)[€£$]\s?\d|(?<![\w.,:/-])\d|\b(?:{'|'.join(_NUMBER_WORDS)})\b(?<!one)|\b(?:an?|one)[ -](?=single|full|whole|good|hour|minute|page|side|par|sen|line|slide|week|month)"
)
_NOT_MORE = regex.compile(
    r"(?i)\b(?:no|not|never|nothing|n['’]?t|none)\b (?:\w+ )?(?:more|longer|larger|bigger|over|above|higher|beyond)(?: than)?\W*(?:a )?$"
)
_MOST_BEFORE = regex.compile(
    r"(?i)\b(?:at most|max(?:imum)?(?: of)?|(?<!come )(?<!comes )(?<!adds )(?<!add )up to"
    r"|under|below|inside|(?<!\d )less than|fewer than|within|limit(?:ed)?(?: is| of| to| at|:)?|cap(?:ped)?(?: is| of| to| at|:)?"
    r"|(?:can'?t|cannot|don'?t|doesn'?t|mustn'?t|must not|not|never|won'?t) (?:\w+ )?(?:exceed|go over|take more than|be more than"
    r"|spend more than|fit more than|hold more than|cost more than)|stay(?:s|ing)? (?:under|within|below|inside)|keep (?:it|this|that|them) "
    r"(?:to|under|below|within|at)|cuts? (?:\w+ )?off (?:at|after)|stops? (?:at|after)|only(?: ever| have| got| allows?| fits?| holds?"
    r"| takes?| seats?| be)*|fits?|holds?|seats|allows?|between [\d.,]+ ?\w* ?(?:and|to)|capacity(?: is| of|:)?|room for|space for|ceiling(?: is| of|:)?|just|all (?:we|i) have is"
    r"|we(?:'ve| have)? got|gave us|for up to|absolute max)\W*(?:about |around |the |a |of )?$"
)
_MOST_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:\w+ ){0,2}?(?:max(?:imum)?|tops|at most|or (?:less|fewer|under|shorter)|limit|cap|ceiling|budget|all[ -]in|total"
    r"|altogether|(?:and )?(?:no|not (?:a|one) \w+|nothing) (?:more|longer|further|over|above)|and (?:not|no|that'?s)|not (?:a|one) \w+ more|that'?s (?:it|all)|after (?:that|which)|hard|sharp|is (?:all|the (?:max|limit|most))|left)\b"
)
_LEAST_BEFORE = regex.compile(
    r"(?i)\b(?:at least|min(?:imum)?(?: of| is|:)?|(?:no|not|none|nothing) (?:\w+ )?(?:less|fewer|shorter|smaller|under|below|lower)"
    r"(?: than)?|more than|longer than|over|above|needs?|require[sd]?|must (?:be|have|run)|upwards of)\W*(?:a |an |the |about |full )?$"
)
_LEAST_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:\w+ )?(?:min(?:imum)?|or (?:more|longer)|at least\s*(?=[.,;!?]|$)|plus|and up|is the minimum)\b|^\s?\+"
)
_EXACTLY_BEFORE = regex.compile(r"(?i)\b(?:exactly|precisely|strictly)\W*$")
_EXACTLY_AFTER = regex.compile(r"(?i)^\W{0,2}(?:\w+ )?(?:exactly|precisely|on the dot|sharp|fixed)\b")
_MEASURED = regex.compile(
    r"(?i)\b(?:(?P<money>spend|budget(?: is| of| was|:)?|afford|have saved)|(?:room|space|seats|capacity) (?:for|of|is)|seats|invited)"
    r"\W*(?:about |around |only |just |max |up to )?$"
)
_NOT_ONE = regex.compile(r"(?i)\b(?:not|no)\b (?:a|an|one)(?: single)?(?: \w+)? more\b")
_BUDGET = regex.compile(
    r"(?i)\bbudget|all[ -]in\b|\bcan(?:'?t| ?not) (?:spend|afford|go)|\bmax(?:imum)?\b|\bnot a (?:cent|penny)|\b(?:to|can|could|may) (?:only |just )?spend\b"
)
_WEEKLY = regex.compile(r"(?i)\s?(?:x |times )?(?:a|per|every|each) w(?:ee)?k\b")
_HAVING = regex.compile(
    r"(?i)\b(?:i|we|you)(?:['’]ve| have)?(?: only| just)?(?: have| got|(?<=ve))(?: only| just| about| exactly| max)?\W*$"
)
_LEFT = regex.compile(
    r"(?i)^\W{0,2}(?:left|to spend|in total|total|altogether|all in|in the (?:pot|account|kitty|budget))\b"
)
_EACH_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:(?:\w+ )?(?:each|apiece|per|every)|an? (?:piece|head|night|day|week|month|person|ticket|hour|plate|line|page"
    r"|sentence|slide|item)|/)\b"
)
_AMONG = regex.compile(r"(?i)\bof (?:the|our|my|these|those)\s*$")
_EACH_BEFORE = regex.compile(r"(?i)\b(?:each|every|all of them|none|per|none of them)\b[^.!?\n,;]*$")
_PARTS = regex.compile(
    r"(?i)\b(title|headline|subject|intro|introduction|caption|section|chapter|header|footer|hook|conclusion|ending|opening"
    r"|closing|bullet|meta|quote|body|preview|footnote|appendix|sidebar|button|hint)s?\b"
)
_WORD = re.compile(r"[^\W\d_]+")
_CLAUSE = regex.compile(r"[,;:()–—]")
_SENTENCE_END = re.compile(r"[.!?]+(?=\s|$)\s*|\n+")
_VAGUE = words_of("""
    not that there their they than then them this with from have has had was were been but and for the you your our all
    only least most max maximum minimum must should would could each every per more less under over before after until
    exactly about around total limit budget words pages minutes hours days weeks people because when while still now
    new old first last next day week month year time today tomorrow monday tuesday wednesday thursday friday saturday
    sunday january february march april may june july august september october november december its thats ive dont
""")


# --- moments -------------------------------------------------------------------------------


@lru_cache(maxsize=RECENT)
def moments(message: str) -> tuple[Moment, ...]:
    """The days and times of day of a message, and how each bounds what its sentence is about."""
    if not _DIGIT.search(message) or not _MAY_DATE.search(message):
        return ()
    source = visible(message).source
    bounds = _sentence_bounds(source)
    found = []
    for match in islice(_MOMENT.finditer(source), MANY):
        begin, end = next((b for b in bounds if b[0] <= match.start() < b[1]), (0, len(source)))
        before = source[max(begin, match.start() - 2 * REACH) : match.start()]
        if _DENIED.search(before):
            continue
        scale, value = _placed(match)
        beyond = source[match.end() : min(end, match.end() + REACH)]
        bound = "after" if _AFTER.search(before) or _EARLIEST.match(beyond) else "on"
        bound = "before" if bound == "on" and (_BEFORE.search(before) or _LATEST.match(beyond)) else bound
        evidence = source[max(begin, match.start() - 14) : match.end()].strip()
        clause = _CLAUSE.split(before[::-1])[0][::-1] + _CLAUSE.split(source[match.start() : end])[0]
        found.append(Moment(value, scale, bound, _about(clause), evidence))
    return tuple(found)


def _placed(match: regex.Match[str]) -> tuple[str, int]:
    if match["year"]:
        return "year", int(match["year"])
    day = match["day"] or match["day2"] or match["day3"]
    month = match["month"] or match["month2"]
    if month:
        return "date", (_MONTHS.index(month[:3].casefold()) + 1) * 31 + int(day)
    if day:
        return "day", int(day)
    hour, minutes = int(match["hour"]), int(match["minutes"] or 0)
    late = (match["half"] or "").casefold().startswith("p") and hour < 12
    return "clock", (hour + 12 * late) * 60 + minutes


_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
_MAY_DATE = regex.compile(
    rf"(?i)\d\s?(?:st|nd|rd|th|am|pm|a\.m|p\.m|:\d\d|{_MONTH}|of {_MONTH})\b|{_MONTH} \d|\b(?:19|20)\d\d\b"
)
_MOMENT = regex.compile(
    rf"(?i)\b(?:(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<month>{_MONTH})\b|(?P<month2>{_MONTH}) (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b"
    r"|(?P<day3>\d{1,2})(?:st|nd|rd|th)\b|(?P<hour>\d{1,2})(?::(?P<minutes>\d\d)\s?(?P<half>[ap]\.?m)?\b|\s?(?P<half>[ap]\.?m)\b)"
    r"|(?P<year>(?:19|20)\d\d)\b)"
)
_AFTER = regex.compile(
    r"(?i)\b(?:(?:not|no|never|nothing|none|n'?t|nobody)\b[^.!?\n]{0,30}\b(?:before|until|till|earlier than)|earliest(?: is| on)?|(?:only )?from|after|since|(?:older|earlier) than"
    r"|starting)\W*(?:the )?$"
)
_LATEST = regex.compile(
    r"(?i)^\W{0,2}(?:(?:at )?(?:the )?(?:very )?latest|or (?:earlier|before)|is the (?:deadline|latest)|deadline|sharp)\b"
)
_EARLIEST = regex.compile(r"(?i)^\W{0,2}(?:(?:at )?(?:the )?(?:very )?earliest|or (?:later|after|newer)|onwards?)\b")
_DENIED = regex.compile(r"(?i)(?:\bnot|n['’]?t)(?: \w+){0,2} (?:on|at) (?:the )?$")
_BEFORE = regex.compile(
    r"(?i)\b(?:by|before|until|till|no later than|not later than|deadline(?: is| on)?|due(?: on| by)?|latest(?: is| on)?|not after"
    r"|ends?(?: on| at)?|closes?(?: on| at)?)\W*(?:the )?$"
)
