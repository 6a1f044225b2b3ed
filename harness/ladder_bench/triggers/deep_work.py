"""deep_work: deep debugging, or a decision about how a system is built.

A fault is told by when it shows and when not, since when, what was looked at, and a question for its cause; a design by
what is to be decided and by what pulls against what. Both need terms of the trade. A text to write, a word to explain,
a small thing to look up, a cause that is known speak against it, and so do words of other walks of life.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import regex

from ladder_bench.triggers.rules import Hits, Lexicon, distinct, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import Hit, Text, read, visible

# Points were fitted by a logistic regression over conversations of several authors, then rounded.
ENOUGH = 4.8
FEWEST_TERMS = 1.0
VAGUE = 0.5  # of a term: a word that means other things as well
BEFORE = 1.0  # of a term: an earlier message was about software
ELSEWHERE, ELSEWHERES = -0.25, 4  # of a term: a word of another walk of life
Cues = Mapping[str, tuple[float, int]]  # points of a cue, and how many different ones count
TERMS = (
    (0.6, 5),
    (0.3, 6),
    (0.25, 4),
)  # the same of clear terms, vague ones, names from code
REPORT, REPORT_WORDS, REPORT_TERMS = (
    1.7,
    60,
    5,
)  # a long message with many terms; less of both, less points
MEASURED, MEASUREMENTS = 0.55, 3  # a number with a technical unit
TRACE = 3.2  # what a program prints when it breaks, if its message does not say it all
SCOPE, SCOPES = 0.3, 6  # words such as "only", "never", "same"
FAULT: Cues = {
    "fault": (1.2, 3),
    "contrast": (0.8, 3),
    "often": (0.8, 3),
    "onset": (0.9, 3),
    "shows": (0.5, 4),
    "symptom": (0.3, 3),
    "cause": (0.9, 2),
}
DESIGN: Cues = {
    "task": (1.6, 1),
    "decide": (0.9, 3),
    "weigh": (0.75, 3),
    "scale": (0.65, 2),
}
AGAINST: Cues = {
    "wording": (-2.5, 1),
    "slip": (-1.9, 1),
    "known": (-1.5, 2),
    "prose": (-1.4, 2),
    "piece": (-2.0, 1),
    "handed": (-1.1, 1),
    "ruling": (-1.3, 1),
    "simple": (-1.3, 2),
    "resolved": (-0.6, 2),
    "study": (-0.6, 2),
    "other": (-0.55, 5),
}
FOLLOWING, FOLLOWING_WORDS = (
    -0.4,
    25,
)  # a short message after one that asked for a text or a term
FEWEST_SIGNS = 1.1  # points of faults and designs: the words of the trade alone make no hard work
KINDS = 2  # kinds of signs that are needed at least: no word fires alone
TECHNICAL = 2.5  # points of the context that count as one

_NAME = re.compile(
    r"\b(?:[A-Z][a-z]+[A-Z]\w*|[a-z]+[A-Z]\w+|[a-z]+_[a-z_0-9]+|0x[0-9a-fA-F]+|v\d+\.\d+|\w+::\w+|[a-z]\w*\(\)"
    r"|\w+\.(?:py|js|ts|go|rs|java|rb|sql|ya?ml|json|log|so|dll|c|cpp|h|cs|kt|swift|php|conf|toml|sh))\b|`[^`\n]+`"
)
_MEASURED = regex.compile(
    r"(?i)(?<![\w.])\d+(?:[.,]\d+){0,4}k? ?(?:[kmgtp]i?b|[mµun]s|sec(?:ond)?s?|min(?:ute)?s?|req(?:uest)?s?|rps|qps"
    r"|iops|[mg]bits?|hz|rows?|nodes?|gpus?|cores?|workers?|threads?|pods?|users?|clients?|connections?|tenants?|services?"
    r"|tables?|devs?|hosts?)\b|\bp\d\d\b|\b1 in \d+|\d ?%|\b\d+/s\b|\b\d+(?:[.,]\d+)?M\b"
)


class Terms(NamedTuple):
    """How many different terms of the trade a message has: clear ones, those that mean other things as well, names."""

    clear: int
    vague: int
    names: int

    @property
    def weight(self) -> float:
        return self.clear + self.names + VAGUE * self.vague


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    text = visible(seen.message)
    every = hits_of(lexicon, text)
    hits = every.outside(sentences_of(every, "detached"))
    terms = _terms(hits, text, seen.message)
    about = terms.weight + ELSEWHERE * min(len(distinct(text, every.get("other"))), ELSEWHERES)
    if about < FEWEST_TERMS and not (about + BEFORE >= FEWEST_TERMS and _software_before(lexicon, seen)):
        return None
    trace = lexicon.structure(seen.message)
    faults, designs = _found(hits, FAULT), _found(hits, DESIGN)
    context = _context(terms, hits, text)
    if len(faults) + len(designs) + bool(trace) + (context >= TECHNICAL) < KINDS:
        return None
    fault, design = _points(text, faults, FAULT), _points(text, designs, DESIGN)
    if trace and not hits_of(lexicon, read(seen.message)).get("slip"):
        fault += TRACE
    if fault + design < FEWEST_SIGNS:
        return None
    points = fault + design + context + _points(text, _found(every, AGAINST), AGAINST)
    if len(text.words) < FOLLOWING_WORDS and _worded_before(lexicon, seen):
        points += FOLLOWING
    if points < ENOUGH:
        return None
    if design > fault:
        return "architecture", text.quote(next(iter(designs.values()))[0])
    return "debugging", trace or text.quote(next(iter(faults.values()))[0])


def _terms(hits: Hits, text: Text, message: str) -> Terms:
    clear = distinct(text, hits.get("system"))
    vague = distinct(text, hits.get("part")) - clear
    return Terms(len(clear), len(vague), len(set(_NAME.findall(message))))


def _found(hits: Hits, cues: Cues) -> dict[str, tuple[Hit, ...]]:
    return {cue: found for cue in cues if (found := hits.get(cue))}


def _points(text: Text, found: Mapping[str, tuple[Hit, ...]], cues: Cues) -> float:
    return sum(cues[cue][0] * min(len(distinct(text, hits)), cues[cue][1]) for cue, hits in found.items())


def _context(terms: Terms, hits: Hits, text: Text) -> float:
    """Points of the trade, of a long report in its terms, of measurements, and of words that compare cases."""
    points = sum(each * min(n, most) for n, (each, most) in zip(terms, TERMS, strict=True))
    points += REPORT * min(1, len(text.words) / REPORT_WORDS) * min(1, terms.weight / REPORT_TERMS)
    points += MEASURED * min(len(_MEASURED.findall(text.source)), MEASUREMENTS)
    return points + SCOPE * min(len({text.words[hit.start] for hit in hits.get("scope")}), SCOPES)


def _software_before(lexicon: Lexicon, seen: Seen) -> bool:
    """Whether an earlier message was about software: one clear term, or two vague ones."""
    for message in seen.earlier:
        text = visible(message)
        hits = hits_of(lexicon, text)
        if hits.get("system") or len(distinct(text, hits.get("part"))) > 1:
            return True
    return False


def _worded_before(lexicon: Lexicon, seen: Seen) -> bool:
    """Whether an earlier message asked for a text, or what a term means."""
    every = (hits_of(lexicon, visible(message)) for message in seen.earlier)
    return any(hits.get("prose") or hits.get("study") for hits in every)
