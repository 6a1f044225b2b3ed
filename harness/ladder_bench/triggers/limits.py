"""Limits: whether the quantities and days of a new message fit within those that earlier messages set."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from ladder_bench.triggers.constraints import BARE, EXACTLY, LEAST, MOST, PLAIN, Moment, Quantity, moments, quantities
from ladder_bench.triggers.text import stem, visible, words_of

SAME_MATTER = 4  # words that two sentences share which say something of the same matter
WORDS_A_PAGE = (250.0, 700.0)  # fewest and most words that a page is taken to hold
Found = tuple[str, str]


def exceeded(message: str, earlier: Sequence[str], choosing: bool, kept: bool) -> Found | None:
    """Quantities of a message past an earlier limit, or that do not add up with one.

    `choosing`: the message weighs alternatives, so its sums of money do not count together. `kept`: it says that the
    other shares stay as they are.
    """
    if not earlier and "%" not in message and _MEASURES.isdisjoint(visible(message).words):
        return None  # two requirements of one message can only exclude each other where it measures a text or a time
    new = quantities(message)
    own = _OWN.search(message) if "each" in message or " own" in message else None
    if not new and not own:
        return None
    old = [quantity for one in earlier for quantity in quantities(one)]
    return (
        _past_limit(new, old)
        or _within_itself(new)
        or _each_too_much(new, old, earlier)
        or (None if choosing else _over_budget(new, old))
        or _sum_too_long(new, old)
        or _more_than_whole(new, old, kept)
        or _more_than_fit(new, old)
        or _parts_too_many(new, old)
        or _breakdown(message, new, old)
        or (_listed(message, own, (*old, *new)) if own else None)
        or _said_otherwise(new, old)
    )


def out_of_time(message: str, earlier: Sequence[str]) -> Found | None:
    """A day or hour of a message outside what an earlier one allows for the same matter."""
    new = moments(message) if earlier else ()
    for then in (moment for one in earlier for moment in moments(one)) if new else ():
        for now in new:
            if _outside(now, then):
                return "outside the time that is left", f"{then.evidence} … {now.evidence}"
    return None


def _outside(now: Moment, then: Moment) -> bool:
    if now.scale != then.scale or now.about.isdisjoint(then.about):
        return False
    late = then.bound == "before" and now.bound in ("on", "after") and now.value > then.value
    soon = then.bound == "after" and now.bound in ("on", "before") and now.value < then.value
    return late or soon


def too_long(message: str, earlier: Sequence[str]) -> Found | None:
    """A text of the message, which is to stay word for word, that is longer than an earlier limit of its length."""
    text = max((match[1] or match[2] or match[3] for match in _GIVEN.finditer(message)), key=len, default="")
    sizes = {"words": len(text.split()), "characters": len(text)}
    for then in (quantity for one in earlier for quantity in quantities(one)):
        limited = then.bound in (MOST, EXACTLY) and not then.parts
        if limited and then.dimension in sizes and sizes[then.dimension] > then.value:
            return "longer than an earlier limit", f"{then.evidence} … {text[:40]}"
    return None


def _past_limit(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """A quantity past a limit of the same kind: more than the most, less than the least."""
    for now in new:
        for then in old:
            if not now.each and not then.each and (_over(now, then) or _pages(now, then)):
                return "past an earlier limit", f"{then.evidence} … {now.evidence}"
    return None


def _over(now: Quantity, then: Quantity) -> bool:
    if now.dimension != then.dimension or not _same_thing(now, then):
        return False
    over = then.bound in (MOST, EXACTLY) and now.bound in (LEAST, EXACTLY, PLAIN) and now.value > then.value
    under = then.bound in (LEAST, EXACTLY) and now.bound in (MOST, EXACTLY) and now.value < then.value
    return over or under


def _pages(now: Quantity, then: Quantity) -> bool:
    """Whether pages and words cannot be the same text: two pages within 200 words, 2,000 words on a page."""
    fewest, most = WORDS_A_PAGE
    if then.bound not in (MOST, EXACTLY) or now.bound == MOST or now.parts != then.parts:
        return False
    if (now.dimension, then.dimension) == ("pages", "words"):
        return now.value * fewest > then.value
    return (now.dimension, then.dimension) == ("words", "pages") and now.value > then.value * most


def _same_thing(now: Quantity, then: Quantity) -> bool:
    """Whether two quantities measure one thing: the same text, or sentences about the same matter."""
    if now.dimension in _OF_TEXT:
        if then.parts or now.parts:
            return bool(now.parts & then.parts) or (now.value > then.value and not then.parts)
        return now.bound != PLAIN or now.dimension == "words"
    if now.dimension == "times a week" or (now.dimension == "people" and now.bound != PLAIN):
        return True
    return not now.about.isdisjoint(then.about)


def _within_itself(new: Sequence[Quantity]) -> Found | None:
    """Two bounds in one message that exclude each other: at least 300 words, in under 200."""
    for most in new:
        for least in new:
            same = most.dimension == least.dimension and most.parts == least.parts and most.each == least.each
            bounds = most.bound in (MOST, EXACTLY) and least.bound in (LEAST, EXACTLY)
            if same and bounds and most.dimension in _OF_TEXT and least.value > most.value:
                return "bounds that exclude each other", f"{most.evidence} … {least.evidence}"
    return None


def _each_too_much(new: Sequence[Quantity], old: Sequence[Quantity], earlier: Sequence[str]) -> Found | None:
    """So many, each so much, in a whole that is smaller: five paragraphs of at least 80 words in 250 words."""
    for each in new:
        if not each.each or each.bound == MOST or each.dimension not in _SHARED:
            continue
        counts = [n for n in (*new, *old) if n is not each and n.dimension != each.dimension and _counts(n)]
        near = [n for n in counts if n.sentence == each.sentence and n in new] or counts
        if not near:
            continue
        wholes = [
            q for q in (*old, *new) if q.dimension == each.dimension and not q.each and q.bound in (MOST, EXACTLY)
        ]
        for whole in wholes:
            if near[0].value * each.value > whole.value:
                return "does not add up", f"{near[0].evidence} … {each.evidence} … {whole.evidence}"
        if each.dimension == "minutes" and (room := _hours(earlier)) and near[0].value * each.value > room[0]:
            return "does not add up", f"{near[0].evidence} … {each.evidence} … {room[1]}"
    return None


def _counts(quantity: Quantity) -> bool:
    """Whether a quantity counts things, a few of them."""
    counted = quantity.dimension in _COUNTED or quantity.dimension.startswith("count:")
    return counted and 2 <= quantity.value <= 60 and not quantity.each


def _hours(earlier: Sequence[str]) -> tuple[float, str] | None:
    """The minutes between the first and the last hour that a message names."""
    for message in earlier:
        clock = [moment for moment in moments(message) if moment.scale == "clock"]
        if len(clock) == 2 and clock[0].value < clock[1].value:
            return clock[1].value - clock[0].value, f"{clock[0].evidence} … {clock[1].evidence}"
    return None


def _over_budget(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """Sums of money that together exceed a budget, with those told before."""
    budgets = [q for q in old if q.dimension == "money" and q.bound == MOST and not q.each]
    if not budgets:
        return None
    budget = budgets[-1]
    priced = [q for q in new if _is_price(q) and q.bound != MOST]
    now = sum(q.value * _times(q, [*new, *reversed(old)]) for q in priced)
    gone = sum(q.value for q in old if q.bound == PLAIN and not q.each and _is_price(q))
    if now and now + (gone if gone < budget.value else 0) > budget.value and now <= 20 * budget.value:
        return "more than the budget", f"{budget.evidence} … {now + gone:g}"
    return None


def _is_price(quantity: Quantity) -> bool:
    """Whether a quantity is a sum of money, with its currency or as in "480 for the hotel" and "the cake for 18"."""
    priced = quantity.dimension == BARE and quantity.value >= 5 and _FOR.search(quantity.evidence) is not None
    return quantity.dimension == "money" or priced


def _sum_too_long(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """Stretches of time or text in one sentence that together are longer than the whole may be."""
    for whole in old:
        if whole.bound not in (MOST, EXACTLY) or whole.dimension not in _ADDED or whole.each or whole.parts:
            continue
        parts = [q for q in new if q.dimension == whole.dimension and q.bound == PLAIN and not q.each]
        if parts:  # "section 1 with 600 words, section 2 with 500"
            parts += [q for q in new if q.dimension == BARE and q.sentence == parts[0].sentence and q.value >= 10]
        together = len(parts) > 1 and len({q.sentence for q in parts}) == 1
        if together and max(q.value for q in parts) <= whole.value < sum(q.value for q in parts) <= 4 * whole.value:
            return "does not add up", f"{whole.evidence} … {parts[0].evidence}"
    return None


def _times(price: Quantity, new: Sequence[Quantity]) -> float:
    """How many times a price is paid that holds for each night or person."""
    if not price.each:
        return 1.0
    return next((q.value for q in new if q is not price and q.dimension in ("days", "people") and q.value > 1), 1.0)


def _more_than_whole(new: Sequence[Quantity], old: Sequence[Quantity], kept: bool) -> Found | None:
    """Shares that make more than the whole."""
    shares = [q for q in new if q.dimension == "percent" and q.bound == PLAIN]
    before = _whole(old)
    total = sum(q.value for q in shares)
    if len(shares) >= 3 and 100 < total <= 150 and len({q.sentence for q in shares}) == 1:
        return "shares of more than the whole", f"{shares[0].evidence} … {total:g} %"
    if shares and kept and before:
        return "shares of more than the whole", f"{before[0].evidence} … {shares[0].evidence}"
    return None


def _whole(old: Sequence[Quantity]) -> list[Quantity]:
    """The shares of the first sentence that has two or more which make 100, with a percent sign or without."""
    for sentence in dict.fromkeys(q.sentence for q in old):
        shares = [q for q in old if q.sentence == sentence and q.dimension in ("percent", BARE)]
        if len(shares) > 1 and sum(q.value for q in shares) == 100:
            return shares
    return []


def _more_than_fit(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """More people than there are seats: so many tables of so many chairs."""
    for each in (q for q in old if q.dimension == "people" and q.each):
        groups = [g for g in old if _counts(g) and g.sentence == each.sentence and 0 < each.start - g.start <= 40]
        for now in new:
            if groups and now.dimension == "people" and not now.each and now.value > groups[-1].value * each.value:
                return "more people than fit", f"{groups[-1].evidence} … {now.evidence}"
    return None


def _parts_too_many(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """Three or more counts in one sentence that make more than the number which all must be."""
    for whole in old:
        if whole.bound not in (EXACTLY, MOST) or not _counts(whole) or whole.dimension in ("days", "people"):
            continue
        parts = [
            q for q in new if (_counts(q) or q.dimension == BARE) and q.bound == PLAIN and 1 < q.value < whole.value
        ]
        together = len(parts) >= 3 and len({q.sentence for q in parts}) == 1
        if together and whole.value < sum(q.value for q in parts) <= 3 * whole.value:
            return "does not add up", f"{whole.evidence} … {parts[0].evidence}"
    return None


def _breakdown(message: str, new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """Three or more named shares without a unit that make more than the whole: "intro 250, economy 400, end 200"."""
    limits = [q for q in old if q.bound in (MOST, EXACTLY) and not q.each and q.dimension in _WHOLES]
    match = _SHARES.search(visible(message).source) if limits and len(new) > 2 else None
    shares = [float(number) for number in _PLAIN_NUMBER.findall(match[0])] if match else []
    for whole in limits if shares else ():
        if max(shares) <= whole.value < sum(shares) <= 3 * whole.value:
            return "does not add up", f"{whole.evidence} … {sum(shares):g}"
    return None


def _listed(message: str, own: regex.Match[str], limits: Sequence[Quantity]) -> Found | None:
    """More things, each with one of its own, than there may be of those."""
    name = (own["one"] or own["other"]).casefold()
    dimension = f"{name}s" if f"{name}s" in _OF_TEXT else f"count:{stem(name)}"
    items = max(1 + len(_NEXT_ITEM.findall(_ASIDE.sub("", part))) for part in _SENTENCE.split(message))
    for most in limits:
        if (
            most.dimension == dimension
            and most.bound in (MOST, EXACTLY)
            and not most.each
            and items > max(most.value, 2)
        ):
            return "more than the limit", f"{most.evidence} … {items} {name}"
    return None


def _said_otherwise(new: Sequence[Quantity], old: Sequence[Quantity]) -> Found | None:
    """Another span of days for what an earlier sentence says in the same words."""
    for now in new:
        for then in old:
            differs = now.dimension == then.dimension == "days" and now.value != then.value
            if differs and len(now.about & then.about) >= SAME_MATTER:
                return "said otherwise before", f"{then.evidence} … {now.evidence}"
    return None


_SHARES = regex.compile(r"(?:[^\W\d_][^\d,;:.\n]{1,30}?[ :]\s*\d{1,5}(?:\s*(?:,|;|and\b|\+|\n)\s*|(?=[.!\s]|$))){3,}")
_PLAIN_NUMBER = regex.compile(r"\d+")
_WHOLES = frozenset({"words", "money", "minutes", "characters"})
_OWN = regex.compile(
    r"(?i)\beach\b[^.!?\n,]{0,20}\b(?:on|in|with|gets?|has|have) (?:its|their|a|an) own (?P<one>\w+)"
    r"|\ban? (?P<other>slide|sentence|page|paragraph|line|bullet) (?:of (?:its|their) own(?: each)?|each)\b"
)
_SENTENCE = regex.compile(r"[.!?:\n]")
_NEXT_ITEM = regex.compile(r",(?: and\b)?|(?<!,) and\b")
_ASIDE = regex.compile(r"\([^)]*\)")
_GIVEN = regex.compile(r"[\"“]([^\"”]{12,})[\"”]|:\s+([^\n]{12,})|(?<!\w)'([^'\n]{12,})'(?!\w)")
_OF_TEXT = frozenset({"words", "characters", "pages", "sentences", "paragraphs", "lines", "slides", "bullets"})
_MEASURES = words_of("""
    words word characters character chars page pages sentence sentences paragraph paragraphs line lines slide slides
    bullets minutes minute mins min hours hour seconds percent own
""")
_COUNTED = frozenset({"paragraphs", "slides", "sentences", "pages", "bullets", "people"})
_SHARED = _OF_TEXT | {"minutes"}
_ADDED = frozenset({"minutes", "words", "pages", "kilos", "megabytes", "calories", "kilometres", "metres"})
_FOR = regex.compile(r"\b(?:for|at|costs?) \d|\d for\b")
