"""goal_change: the user replaces or redirects the goal, and does not merely add to it.

A change of goal has a shape: something is told that takes the ground from what was asked, then something is asked for
that the conversation has not been about. Cues of that shape, and words of dropping and of news, give points; ties to
the answers, additions and corrections take some away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.triggers.rules import Hits, Lexicon, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import Hit, Text, meaning, stem, stems, visible

OBJECT_REACH = 6  # words after a verb of dropping that may name what is dropped
DETAIL_REACH = 3  # words after "never mind" that may name a part of the work
NEW_WORDS = 4  # new words in a request that count
TIED = 0.25
GROUNDS = 2  # sentences with words of void, and with news, that count
ENOUGH = 2.7
POINTS: Mapping[str, float] = {
    # what takes the ground from the goal
    "goal dropped": 1.3,  # the object of a verb of dropping was asked for before
    "dropped": 0.5,  # its object is anything else
    "replace": 1.0,
    "void": 0.6,
    "news": 0.4,
    "freed": 0.4,
    "goal named": 0.8,  # a sentence with such words has a word of an earlier request
    # the shape
    "told first": 1.0,  # a statement, then a request
    "told": 0.5,  # a statement of four words or more that carry meaning
    "pending": 0.9,  # an earlier message asked for work rather than for an explanation
    "new word": 0.2,  # a word of the request that nobody has said, each
    "new thing": 0.7,  # a thing to make that nobody has asked for
    # against
    "tie": -5.0,  # times the share of the message's words that come from the answers alone, at most TIED
    "detail": -1.1,  # a part of the work is dropped
    "addition": -1.3,
    "resume": -1.5,  # the old goal goes on after an aside
    "correction": -1.1,
    "derived": -1.0,  # what is there already, in another form
    "replying": -0.4,  # the last answer ended with a question
    "closing": -1.0,
    "story": -0.6,
    "nothing asked": -0.7,
}
REASONS = {
    "goal dropped": "what was asked before is dropped",
    "replace": "the goal is replaced",
    "void": "the goal no longer holds",
    "dropped": "something is dropped for another request",
    "news": "news, and another request",
    "freed": "another request instead",
}
NEW_REQUEST = "something is told, then something new is asked for"
QUOTED = 6  # words of such a request that are quoted


@dataclass(frozen=True, slots=True)
class Parts:
    """The words of a message that tell something and those that ask for something, by their places."""

    told: tuple[int, ...]
    asked: tuple[int, ...]

    @property
    def told_first(self) -> bool:
        return bool(self.told and self.asked) and self.told[0] < self.asked[0]


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    if seen.turn == 1:
        return None
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    grounds = _grounds(hits, text, seen)
    parts = _parts(hits, text)
    pending = any(_pending(lexicon, message) for message in seen.earlier)
    if not grounds and not (pending and parts.told_first):
        return None
    cues = cues_of(lexicon, hits, text, seen, grounds, parts)
    cues["pending"] = pending
    if sum(POINTS[cue] * times for cue, times in cues.items()) < ENOUGH:
        return None
    for cue in REASONS:
        if cue in grounds:
            return REASONS[cue], text.quote(grounds[cue][0])
    first = parts.asked[0]
    return NEW_REQUEST, text.quote(Hit(first, min(first + QUOTED, text.ends[first]), text.sentences[first]))


def _grounds(hits: Hits, text: Text, seen: Seen) -> dict[str, list[Hit]]:
    """The places that take the ground from the goal so far, by cue."""
    mentioned = sentences_of(hits, "mentioned")
    found: dict[str, list[Hit]] = {}
    details = {hit.start for hit in hits.get("detail")}
    for cue in ("replace", "void", "news", "freed"):
        places = [hit for hit in hits.get(cue) if hit.sentence not in mentioned]
        if cue == "replace":
            places = [hit for hit in places if details.isdisjoint(range(hit.end, hit.end + DETAIL_REACH))]
        if places:
            found[cue] = places
    if not hits.get("drop"):
        return found
    said = _said(seen.earlier)
    stops = {hit.start for hit in hits.get("preposition")}
    wholes = {hit.start for hit in hits.get("whole")}
    for hit in hits.get("drop"):
        end = min(hit.end + OBJECT_REACH, text.ends[hit.start])
        end = min((i for i in stops if hit.end <= i < end), default=end)
        dropped = [i for i in range(hit.end, end) if meaning(text.words[i])][:4]
        if hit.sentence in mentioned:
            continue
        if not details.isdisjoint(dropped):
            found.setdefault("detail", []).append(hit)
        elif any(i in wholes or stem(text.words[i]) in said for i in dropped):
            found.setdefault("goal dropped", []).append(hit)
        else:
            found.setdefault("dropped", []).append(hit)
    return found


def cues_of(
    lexicon: Lexicon, hits: Hits, text: Text, seen: Seen, grounds: Mapping[str, Sequence[Hit]], parts: Parts
) -> dict[str, float]:
    """How often each cue is there."""
    said, answered = _said(seen.earlier), _said(seen.answers)
    cues: dict[str, float] = dict.fromkeys(grounds, 1)
    for cue in ("void", "news"):
        if cue in cues:
            cues[cue] = min(GROUNDS, len({hit.sentence for hit in grounds[cue]}))
    named = {hit.sentence for places in grounds.values() for hit in places}
    words = [(i, stem(word)) for i, word in enumerate(text.words) if meaning(word)]
    asking = frozenset(parts.asked)
    told = {word for i, word in words if i not in asking}
    asked = {word for i, word in words if i in asking}
    cues["goal named"] = any(text.sentences[i] in named and word in said for i, word in words)
    cues["told first"] = bool(told) and parts.told_first
    cues["told"] = len(told) >= 4
    cues["new word"] = min(NEW_WORDS, len(asked - said - answered))
    cues["new thing"] = any(stem(text.words[hit.start]) not in said for hit in hits.get("deliverable"))
    every = {word for _, word in words}
    cues["tie"] = min(TIED, len(every & (answered - said)) / len(every)) if every else 0
    for cue in ("addition", "resume", "correction", "derived", "closing"):
        cues[cue] = bool(hits.get(cue))
    cues["story"] = any(hits_of(lexicon, visible(message)).get("story") for message in seen.earlier)
    cues["replying"] = bool(seen.answers) and seen.answers[-1].rstrip().endswith("?")
    cues["nothing asked"] = not parts.asked
    return cues


def _said(messages: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*map(stems, messages))


def _pending(lexicon: Lexicon, message: str) -> bool:
    """Whether a message asks for work, not for an explanation."""
    hits = hits_of(lexicon, visible(message))
    return bool(hits.get("task")) and not hits.get("explain")


def _parts(hits: Hits, text: Text) -> Parts:
    """Tell the words of requests from those of statements: a request goes on to the end of its sentence."""
    starts: dict[int, int] = {}
    for hit in hits.get("ask"):
        starts.setdefault(hit.sentence, hit.start)
    told: list[int] = []
    asked: list[int] = []
    for i, sentence in enumerate(text.sentences):
        start = starts.get(sentence, -1 if sentence in text.asked else len(text.words))
        (asked if i >= start else told).append(i)
    return Parts(tuple(told), tuple(asked))
