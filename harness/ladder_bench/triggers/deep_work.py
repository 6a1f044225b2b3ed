"""deep_work: deep debugging, or a decision about how a system is built.

A fault gives points for its symptoms, for showing only here or only sometimes, for what was measured and tried; a
design gives points for the decision, the options and the requirements. Both need terms of the trade around them.
"""

from __future__ import annotations

from collections.abc import Mapping

import regex

from ladder_bench.triggers.rules import Hits, Lexicon, distinct, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import Hit, Text, visible

ENOUGH = 3.2
FEWEST_TERMS = 1.0
TERM, TERMS = 0.35, 5  # points of a term of the trade, and how many count
VAGUE = 0.5  # of a term: a word that means other things as well, or an abbreviation
BEFORE = 1.0  # of a term: an earlier message was about software
TRACE, MESSAGE = 3.3, 1.6  # what a program prints when it breaks: over several lines, or an error message alone
# a message has to have one of these for anything else to count
OPENERS = ("fault", "symptom", "stubborn", "tried", "search", "decide", "options", "weigh")
LONG, LONG_WORDS = 0.4, (18, 28)  # a report of so many words, and of so many
NUMBER, NUMBERS = 0.2, 4  # points of a number of any kind, and how many count
OPTIONS = 0.8  # a question with an "or"
MEASURED, MEASUREMENTS = 0.3, 3  # points of a number with a technical unit, and how many count
SIMPLE = -1.6  # a look-up or a small thing is all that is wanted; half where much is told
RESOLVED = -1.5
FAULT: Mapping[str, tuple[float, int]] = {  # points of a cue, and how many different ones count
    "fault": (1.2, 1),
    "symptom": (0.7, 2),
    "stubborn": (0.6, 3),
    "scope": (0.3, 4),
    "tried": (0.7, 1),
    "search": (0.5, 1),
}
DESIGN: Mapping[str, tuple[float, int]] = {
    "decide": (1.1, 2),
    "weigh": (0.6, 2),
    "must": (0.4, 2),
    "scale": (0.4, 2),
}

_IDENTIFIER = regex.compile(
    r"\b(?:[A-Z][a-z]+[A-Z]\w*|[a-z]+[A-Z]\w+|[a-z]+_[a-z_0-9]+|0x[0-9a-fA-F]+|v\d+\.\d+|\w+::\w+|[a-z]\w*\(\)"
    r"|\w+\.(?:py|js|ts|go|rs|java|rb|sql|ya?ml|json|log|so|dll))|`[^`\n]+`"
)
_ABBREVIATION = regex.compile(  # the commonest of everyday life are left out
    r"\b(?!(?:HR|CV|HOA|UK|USA?|EU|PM|AM|OK|TV|PDF|FAQ|C[ETF]O|DIY|ASAP|GP|VAT|NHS|MRI|PS|AND|NOT|STILL|ALL|BUT|NO)\b)"
    r"[A-Z]{2,5}\d{0,3}s?\b"
)
_MEASURED = regex.compile(
    r"(?i)(?<![\w.])\d+(?:[.,]\d+)*k? ?(?:[kmgtp]i?b|[mµun]s|sec(?:ond)?s?|min(?:ute)?s?|req(?:uest)?s?|rps|qps|iops"
    r"|[mg]bits?|hz|rows?|nodes?|gpus?|cores?|workers?|threads?|pods?|users?|clients?|connections?|tenants?|services?"
    r"|tables?|devs?|hosts?)\b|\bp\d\d\b|\b1 in \d+|\d ?%|\b\d+/s\b"
)


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    text = visible(seen.message, quotations=True)  # an error message is often quoted
    hits = hits_of(lexicon, text)
    trace = lexicon.structure(seen.message)
    if not trace and not any(map(hits.get, OPENERS)):
        return None
    long = sum(len(text.words) >= words for words in LONG_WORDS)
    points = (SIMPLE / 2 if long else SIMPLE) * bool(hits.get("simple")) + RESOLVED * bool(hits.get("resolved"))
    if trace:
        points += TRACE if seen.message.count("\n") > 1 else MESSAGE
        if points >= ENOUGH:
            return "debugging", trace
    hits = hits.outside(sentences_of(hits, "detached"))
    terms = _terms(lexicon, hits, text, seen)
    if terms < FEWEST_TERMS:
        return None
    points += TERM * min(terms, TERMS) + LONG * long
    points += NUMBER * min(sum(word[0].isdigit() for word in text.words), NUMBERS)
    points += MEASURED * min(len(_MEASURED.findall(text.source)), MEASUREMENTS)
    signs = _signs(hits, text, bool(trace))
    if signs and points + _points(hits, text, FAULT) >= ENOUGH:
        return "debugging", text.quote(signs[0])
    options = _options(hits, text)
    decided = hits.get("decide") + options
    if decided and points + _points(hits, text, DESIGN) + OPTIONS * bool(options) >= ENOUGH:
        return "architecture", text.quote(decided[0])
    return None


def _signs(hits: Hits, text: Text, trace: bool) -> tuple[Hit, ...]:
    """The signs of a fault; none where all are of one kind. Words of scope are too common to be one, alone."""
    kinds = sum(bool(hits.get(kind)) for kind in FAULT if kind != "scope") + trace
    kinds += len(distinct(text, hits.get("scope"))) > 1 and bool(hits.get("system"))
    return tuple(hit for kind in FAULT for hit in hits.get(kind)) if kinds > 1 else ()


def _options(hits: Hits, text: Text) -> tuple[Hit, ...]:
    """What stands side by side: by its wording, or by the "or" of a question."""
    places = (i for i, word in enumerate(text.words) if word == "or" and i and text.sentences[i] in text.asked)
    return hits.get("options") + tuple(Hit(i - 1, min(i + 2, text.ends[i]), text.sentences[i]) for i in places)


def _points(hits: Hits, text: Text, cues: Mapping[str, tuple[float, int]]) -> float:
    return sum(points * min(len(distinct(text, hits.get(cue))), most) for cue, (points, most) in cues.items())


def _terms(lexicon: Lexicon, hits: Hits, text: Text, seen: Seen) -> float:
    """How many different terms of the trade there are; those that mean other things as well count less."""
    clear = distinct(text, hits.get("system"))
    vague = distinct(text, hits.get("part") + hits.get("software")) - clear
    identifiers = {match[0] for match in _IDENTIFIER.finditer(text.source)}
    abbreviations = {match[0] for match in _ABBREVIATION.finditer(text.source)}
    terms = len(clear) + len(identifiers) + VAGUE * (len(vague) + len(abbreviations))
    if terms < TERMS and _software_before(lexicon, seen.earlier):
        terms += BEFORE
    return terms


def _software_before(lexicon: Lexicon, earlier: tuple[str, ...]) -> bool:
    """Whether an earlier message was about software: one clear term, or two vague ones."""
    for message in earlier:
        read = visible(message)
        found = hits_of(lexicon, read)
        if found.get("system") or len(distinct(read, found.get("software") + found.get("part"))) > 1:
            return True
    return False
