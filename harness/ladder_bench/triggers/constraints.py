"""Constraints: what a message requires, as values: quantities with unit and bound, days and hours, and bans.

A reading of surface forms, for English. Text that is only quoted is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import regex

from ladder_bench.triggers.text import COMMON, RECENT, Hit, Text, stem, visible, words_of

MOST, LEAST, EXACTLY, PLAIN = "most", "least", "exactly", "plain"
BARE = "bare"  # the dimension of a number without a unit
REACH = 40  # characters beside a number in which a word may bound it


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with its dimension, in the dimension's base unit (minutes, the currency, persons, words, ...).

    `bound` is how the message limits it. `each`: it holds for every one of several. `parts` are the parts of a text that
    its sentence names ("title", "intro"); `about` are the stems of its sentence's words; `start` is its place.
    """

    value: float
    dimension: str
    bound: str
    each: bool
    parts: frozenset[str]
    about: frozenset[str]
    start: int
    sentence: tuple[int, int]
    evidence: str


@dataclass(frozen=True, slots=True)
class Ban:
    """What must not be there, or must not be changed (`fixed`): the stems of its words, and the words as they stand."""

    stems: frozenset[str]
    evidence: str
    fixed: bool = False


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
    if not _CANDIDATE.search(message):
        return ()
    return tuple(_quantities(visible(message).source))


def _quantities(source: str) -> Iterator[Quantity]:
    bounds = _sentence_bounds(source)
    read: dict[int, tuple[str, frozenset[str], frozenset[str]]] = {}
    last = 0
    for candidate in _CANDIDATE.finditer(source):
        match = _QUANTITY.match(source, candidate.start()) if candidate.start() >= last else None
        if match is None:
            continue
        last = match.end()
        begin, end = next((b for b in bounds if b[0] <= match.start() < b[1]), (0, len(source)))
        dimension, scale = _dimension(match)
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
        if begin not in read:
            sentence = source[begin:end]
            read[begin] = sentence, frozenset(map(str.casefold, _PARTS.findall(sentence))), _about(sentence)
        sentence, parts, about = read[begin]
        bare = dimension == BARE
        yield Quantity(
            value * scale,
            dimension,
            PLAIN if bare else _bound(before, after, dimension, sentence),
            not bare and not weekly and bool(_EACH_AFTER.match(after) or _EACH_BEFORE.search(before)),
            parts,
            about,
            match.start(),
            (begin, end),
            source[max(begin, match.start() - 14) : match.end() + 10].strip(),
        )


def _dimension(match: regex.Match[str]) -> tuple[str, float]:
    if match["sign"] or match["code"]:
        return "money", 1.0
    unit = (match["unit"] or "").casefold()
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
    if dimension == "money" and _BUDGET.search(sentence):
        return MOST
    return PLAIN


def _about(sentence: str) -> frozenset[str]:
    words = (word.casefold() for word in _WORD.findall(sentence))
    return frozenset(stem(word) for word in words if len(word) > 2 and word not in COMMON and word not in _VAGUE)


def _sentence_bounds(source: str) -> list[tuple[int, int]]:
    ends = [match.end() for match in _SENTENCE_END.finditer(source)]
    return list(zip([0, *ends], [*ends, len(source)], strict=True))


_NUMBER_WORDS = {
    word: n
    for n, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen".split()
    )
} | {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "hundred": 100, "dozen": 12, "half": 0.5}
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
    rf"|(?:[\s-]|(?<=\d))(?:(?!{_KNOWN_UNITS}\b|of\b|and\b|or\b|to\b|the\b|in\b)[a-z]+[\s-])?(?P<unit>{_KNOWN_UNITS})\b"
    r"|[\s-](?!(?:and|the|for|with|are|from|per|but|that|this|was|not|you|your|our|each|all|more|less|max|min)\b)(?P<unit>[a-z]{3,})\b)?(?![\w:/-])"
)
_THOUSANDS = regex.compile(r"[,.](?=\d{3}(?:\D|$))")
_CANDIDATE = re.compile(
    rf"(?i)[€£$]\s?\d|\d|\b(?:{'|'.join(_NUMBER_WORDS)})\b|\ban? (?=full|whole|good|hour|minute|page|par|sen|week|month)"
)
_NOT_MORE = regex.compile(
    r"(?i)\b(?:no|not|never|nothing|n['’]?t|none)\b (?:\w+ )?(?:more|longer|larger|bigger|over|above|higher|beyond)(?: than)?\W*(?:a )?$"
)
_MOST_BEFORE = regex.compile(
    r"(?i)\b(?:at most|max(?:imum)?(?: of)?|(?<!come )(?<!comes )(?<!adds )(?<!add )up to"
    r"|under|below|(?<!\d )less than|fewer than|within|limit(?:ed)?(?: is| of| to| at|:)?|cap(?:ped)?(?: is| of| to| at|:)?"
    r"|(?:can'?t|cannot|don'?t|doesn'?t|mustn'?t|must not|not|never|won'?t) (?:\w+ )?(?:exceed|go over|take more than|be more than"
    r"|spend more than|fit more than|hold more than|cost more than)|stay(?:s|ing)? (?:under|within|below)|keep (?:it|this|that|them) "
    r"(?:to|under|below|within|at)|cuts? (?:\w+ )?off (?:at|after)|stops? (?:at|after)|only(?: ever| have| got| allows?| fits?| holds?"
    r"| takes?| seats?| be)*|fits?|holds?|seats|capacity(?: is| of|:)?|room for|space for|ceiling(?: is| of|:)?|just|all (?:we|i) have is"
    r"|we(?:'ve| have)? got|gave us|for up to|absolute max)\W*(?:about |around |the |a |of )?$"
)
_MOST_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:\w+ ){0,2}?(?:max(?:imum)?|tops|at most|or (?:less|fewer|under|shorter)|limit|cap|ceiling|budget|all[ -]in|total"
    r"|altogether|and (?:not|no|that'?s)|not (?:a|one) \w+ more|that'?s (?:it|all)|hard|sharp|is (?:all|the (?:max|limit|most))|left)\b"
)
_LEAST_BEFORE = regex.compile(
    r"(?i)\b(?:at least|min(?:imum)?(?: of| is|:)?|(?:no|not|none|nothing) (?:\w+ )?(?:less|fewer|shorter|smaller|under|below|lower)"
    r"(?: than)?|more than|longer than|over|above|needs?|require[sd]?|must (?:be|have|run)|upwards of)\W*(?:a |an |the |about |full )?$"
)
_LEAST_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:\w+ )?(?:min(?:imum)?|or (?:more|longer)|at least|plus|and up|is the minimum)\b|^\s?\+"
)
_EXACTLY_BEFORE = regex.compile(r"(?i)\b(?:exactly|precisely|strictly)\W*$")
_EXACTLY_AFTER = regex.compile(r"(?i)^\W{0,2}(?:\w+ )?(?:exactly|precisely|on the dot|sharp|fixed)\b")
_BUDGET = regex.compile(
    r"(?i)\bbudget|all[ -]in\b|\bcan(?:'?t| ?not) (?:spend|afford|go)|\bmax(?:imum)?\b|\bnot a (?:cent|penny)|\bto spend\b"
)
_WEEKLY = regex.compile(r"(?i)\s?(?:x |times )?(?:a|per|every|each) w(?:ee)?k\b")
_HAVING = regex.compile(
    r"(?i)\b(?:i|we|you)(?:['’]ve| have)?(?: only| just)? (?:have|got)(?: only| just| about| exactly| max)?\W*$"
)
_LEFT = regex.compile(
    r"(?i)^\W{0,2}(?:left|to spend|in total|total|altogether|all in|in the (?:pot|account|kitty|budget))\b"
)
_EACH_AFTER = regex.compile(
    r"(?i)^\W{0,2}(?:\w+ )?(?:each|apiece|an? (?:piece|head|night|day|week|month|person|ticket|hour|plate|pop)|per|every|every one|/)\b"
)
_EACH_BEFORE = regex.compile(r"(?i)\b(?:each|every|all of them|none|per|none of them)\b[^.!?\n,;]*$")
_PARTS = regex.compile(
    r"(?i)\b(title|headline|subject|intro|introduction|caption|section|chapter|header|footer|hook|conclusion|ending|opening"
    r"|closing|bullet|meta|quote|body|preview|footnote|appendix|sidebar|button|hint)s?\b"
)
_WORD = regex.compile(r"[^\W\d_]+")
_CLAUSE = regex.compile(r"[,;:()–—]")
_SENTENCE_END = regex.compile(r"[.!?]+(?=\s|$)\s*|\n+")
_VAGUE = words_of("""
    not that there their they than then them this with from have has had was were been but and for the you your our all
    only least most max maximum minimum must should would could each every per more less under over before after until
    exactly about around total limit budget words pages minutes hours days weeks people because when while still now
    new old first last next day week month year time today tomorrow monday tuesday wednesday thursday friday saturday
    sunday january february march april may june july august september october november december its thats ive dont
""")


# --- bans ----------------------------------------------------------------------------------


@lru_cache(maxsize=RECENT)
def bans(message: str) -> tuple[Ban, ...]:
    """What a message rules out by "no", "without", "never", "must not", or wants to stay as it is."""
    text = visible(message)
    if _BANNING.isdisjoint(text.words) and _STAYING.isdisjoint(text.words):
        return ()
    found = (ban for i, word in enumerate(text.words) if word in _BANNING for ban in _ban(text, i))
    stays = (ban for i, word in enumerate(text.words) if word in _STAYING for ban in _stays(text, i))
    return (*found, *stays)


def _stays(text: Text, i: int) -> Iterator[Ban]:
    """ "The logo must stay exactly as it is": what is named before the verb."""
    following = text.words[i + 1 : min(i + 4, text.ends[i])]
    if _UNCHANGED.isdisjoint(following) or not i or text.words[i - 1] not in _MUST:
        return
    start = max(
        (j for j in range(i, -1, -1) if j in text.breaks or not j or text.ends[j - 1] != text.ends[i]), default=i
    )
    yield from _banned(text, range(start, i - 1), i, fixed=True)


def _ban(text: Text, i: int) -> Iterator[Ban]:
    word, following = text.words[i], text.words[i + 1 : min(i + 3, text.ends[i])]
    if not following or not _COMPARED.isdisjoint(following[:2]):
        return
    if (
        word == "not"
        and (not following or following[0] not in _ALLOWING)
        and text.words[i - 1 : i] not in (("must",), ("do",), ("may",))
    ):
        return
    if word in _PASSIVE and following[0] in _PASSIVE_VERBS:
        start = max(
            (j for j in range(i, -1, -1) if j in text.breaks or not j or text.ends[j - 1] != text.ends[i]), default=i
        )
        yield from _banned(text, range(start, i), i)
        return
    if word in _VERBAL and following[0] in _THINKING:
        return
    begin = i + 3 if following[0] in _DOING and following[-1] in ("for", "about", "on", "in", "at") else i + 1
    stop = next((j for j in range(begin, text.ends[i]) if j in text.breaks or text.words[j] in _STOPS), text.ends[i])
    yield from _banned(text, range(i + 1, min(stop, i + 6)), i, fixed=following[0] in _CHANGING)


def _banned(text: Text, where: range, i: int, fixed: bool = False) -> Iterator[Ban]:
    """The things in a stretch of words, each of those that "or" and "and" join for itself."""
    thing: list[int] = []
    for j in (*where, -1):
        joined = j < 0 or text.words[j] in ("or", "and", "nor")
        if not joined and text.words[j] not in COMMON and text.words[j] not in _EMPTY and len(text.words[j]) > 1:
            thing.append(j)
        if joined and thing:
            verb = len(thing) > 1 and (text.words[thing[0]] in _DOING or text.words[thing[0]] in _CHANGING)
            object_ = thing[1:] if verb else thing
            stems = frozenset(stem(text.words[k]) for k in object_[:2])
            first, last = min(i, thing[0]), max(i, thing[-1])
            yield Ban(stems, text.quote(Hit(first, last + 1, text.sentences[i])), fixed)
            thing = []


_BANNING = words_of(
    "no without never avoid dont doesnt mustnt shouldnt cant cannot not exclude excluding nothing zero wont"
)
_VERBAL = words_of("dont doesnt cant cannot never not wont shouldnt mustnt")
_PASSIVE = words_of("not never cant cannot mustnt shouldnt dont wont")
_PASSIVE_VERBS = words_of("be come appear show contain allowed occur turn")
_ALLOWING = words_of("use mention include add touch contain allowed have eat any a even")
_COMPARED = words_of(
    "more less longer later earlier fewer bigger smaller shorter over under above below before after until than sooner"
)
_THINKING = words_of("""
    know think mind care matter worry believe see understand get remember need wait have feel really sure mean
    even seem sound work be wanna mean forget hesitate help find figure decide afford tell stand make
""")
_STOPS = words_of(
    "because since so but when if that which who whose as until while though although please thanks just for on in at by"
)
_STAYING = words_of("stay stays remain remains keep be left")
_MUST = words_of("must should shall to can will always")
_UNCHANGED = words_of("as same unchanged untouched identical exactly alone")
_CHANGING = words_of(
    "touch change changing alter modify rename edit move rewrite delete remove break drop replace reword cut"
)
_DOING = words_of("""
    install contact invite tell email call involve name show wear serve give send post bring discuss cite quote print
    schedule book cook order pick play accept ask request buy get pay take touch use mention include add write say talk
""")
_EMPTY = words_of("""
    idea problem problems worries need rush hurry longer matter clue doubt reason way point sense time thing things
    use using mention mentioning include including add adding contain put touch show appear come allowed single even
    ever again anything any anyone nobody already yet far much many lot bit kind sort own other others else changes
    cutting allow permit like want tolerate say saying talk talking write writing question questions word exceptions
    exception matters answer experience luck pressure offence least budget money limit one there only whatsoever all
    anymore must have has eat eating buy want wanted nothing ones cost further extra
""")


# --- moments -------------------------------------------------------------------------------


@lru_cache(maxsize=RECENT)
def moments(message: str) -> tuple[Moment, ...]:
    """The days and times of day of a message, and how each bounds what its sentence is about."""
    if not _MAY_DATE.search(message):
        return ()
    source = visible(message).source
    bounds = _sentence_bounds(source)
    found = []
    for match in _MOMENT.finditer(source):
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
