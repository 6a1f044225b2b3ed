"""high_stakes: a wrong answer would harm somebody soon.

Topics that can do harm, something at stake, and real people each give points; a study, a story, a game, a test system
or a matter that is settled takes some away. Nothing fires without both a topic and something at stake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import regex

from ladder_bench.triggers.rules import Hits, Lexicon, distinct, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import Hit, Text, visible, words_of

ENOUGH = 3.3
NOT_ASKED = 4.3  # an emergency with nothing else at stake
PRESSED = "a decision under pressure"  # all stakes at once, without a topic of a category,
PRESSED_WORDS = 20  # in a message of so many words
STAKE_REACH = 3  # sentences between a topic and what is at stake
FIRST_TOPIC = 1.0
FURTHER_TOPIC, FURTHER_TOPICS = 0.5, 4  # points of each topic after the first, and how many of them count
ACUTE = 1.6  # a topic that is an emergency by its name
BODILY = 0.4  # a topic of these categories, whose harm is to somebody's body
BODILY_CATEGORIES = frozenset({"medical", "safety"})
STAKES: Mapping[str, float] = {"decision": 1.2, "imminent": 0.9, "event": 0.6}
QUESTION = 0.6  # a question that is not plainly about a decision
PERSON = 0.6
AMOUNT = 0.4
SHORTEST_DRUG = 6  # letters: April is none
AGAINST: Mapping[str, float] = {"unreal": -3.0, "setting": -1.2, "resolved": -2.0, "wording": -1.5, "jest": -1.0}
STAGED = -3.0  # an earlier message was unreal, and this one tells of no event

_AMOUNT = regex.compile(
    r"(?i)\b\d+(?:[.,]\d+)* ?(?:mg|mcg|ml|units?|tablets?|pills?|kg|lbs?|grand|thousand|million)\b"
    r"|\b\d{2,}k\b|[$€£] ?\d|\b\d+ ?(?:m|f|yo|y/o|yrs?|months? old|years? old|weeks? pregnant)\b"
)
_MOMENT = regex.compile(
    r"(?i)\b(?:at|by|until|till|before) (?:noon|midnight|\d{1,2}:\d\d)\b|\b\d{1,2} ?[ap]m\b"
    r"|\b(?:\d+|an?|two|three|half an|few) (?:mins?|minutes?|hours?|hrs?|days?) (?:ago|left|now)\b"
)
_HAPPENED = regex.compile(  # somebody, or something of theirs, and a verb of the past
    r"(?i)\b(?:i|we|he|she|they|it|who|someone|mum|mom|dad|gran|grandma|hubby|(?:my|our|his|her|the|an?) \w+)"
    r"(?:['’](?:ve|s|d)| have| has| had)?(?: just| already)? (?:\w{2,}ed|was|were|took|gave|got|ate|drank|fell|hit"
    r"|found|ran|sent|put|lost|left|broke|said|told|came|went|felt|began|did|made|saw|cut|bit|stuck)\b"
)
_DRUGS = tuple(  # the endings of the names of drugs
    words_of("""
        pril olol sartan statin cillin mycin cycline floxacin conazole prazole oxetine azepam azolam codone morphone
        profen caine parin xaban gliptin gliflozin tidine setron triptan lukast dronate thiazide zosin
    """)
)
_SHAPES = {"imminent": _MOMENT, "event": _HAPPENED}  # what shows a stake besides the phrases

Topics = Mapping[str, tuple[Hit, ...]]  # hits by group, such as "topics.medical" or "acute.safety"


class Stake(NamedTuple):
    """What is at stake: the kind, its points, and the message's words for it."""

    kind: str
    points: float
    quote: str


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    detached = sentences_of(hits, "detached")
    topics = _topics(hits.outside(detached), text, detached)
    for group, found in topics.items():
        if group.startswith("alone."):
            return _category(group), text.quote(found[0])
    if not topics and len(text.words) < PRESSED_WORDS:
        return None
    stakes = _stakes(hits.outside(detached), text, topics, detached)
    kinds = {stake.kind for stake in stakes}
    reality = _reality(hits, text)
    if not topics:
        pressed = kinds.issuperset(STAKES) and reality >= PERSON
        staged = pressed and _staged(lexicon, seen.earlier)
        return (PRESSED, " … ".join(stake.quote for stake in stakes)) if pressed and not staged else None
    points = _harm(topics, text) + sum(stake.points for stake in stakes) + reality
    acute = any(group.startswith("acute.") for group in topics)
    if kinds <= {"question"} and not (acute and points >= NOT_ASKED):
        return None
    happened = "event" in kinds
    if points < ENOUGH or (not happened and points + STAGED < ENOUGH and _staged(lexicon, seen.earlier)):
        return None
    group = next((group for group in topics if group.startswith("acute.")), next(iter(topics)))
    named = text.quote(topics[group][0])
    return _category(group), f"{named} … {stakes[0].quote}" if stakes else named


def _category(group: str) -> str:
    return group.partition(".")[2]


def _topics(hits: Hits, text: Text, detached: set[int]) -> dict[str, tuple[Hit, ...]]:
    """The things that can do harm; among the medical ones, words that end as the names of drugs do."""
    topics = hits.among([group for group in hits.groups if "." in group])
    places = [
        i
        for i, word in enumerate(text.words)
        if len(word) > SHORTEST_DRUG and word.endswith(_DRUGS) and text.sentences[i] not in detached
    ]
    if places:
        drugs = tuple(Hit(i, i + 1, text.sentences[i]) for i in places)
        topics["topics.medical"] = topics.get("topics.medical", ()) + drugs
    return topics


def _stakes(hits: Hits, text: Text, topics: Topics, detached: set[int]) -> list[Stake]:
    """What is at stake near a topic."""
    sentences = {hit.sentence for found in topics.values() for hit in found} or set(text.sentences)
    near = {sentence + k for sentence in sentences for k in range(-STAKE_REACH, STAKE_REACH + 1)}
    stakes = []
    for kind, points in STAKES.items():
        if hit := next((hit for hit in hits.get(kind) if hit.sentence in near), None):
            stakes.append(Stake(kind, points, text.quote(hit)))
        elif kind == "decision" and (choice := _choice(text, detached)):
            stakes.append(Stake(kind, points, text.quote(choice)))
        elif kind in _SHAPES and (match := _SHAPES[kind].search(text.source)):
            stakes.append(Stake(kind, points, match[0]))
    if "decision" not in {stake.kind for stake in stakes}:
        if asked := hits.get("question"):
            stakes.append(Stake("question", QUESTION, text.quote(asked[0])))
        elif text.asked - detached:
            stakes.append(Stake("question", QUESTION, "?"))
    return stakes


def _choice(text: Text, detached: set[int]) -> Hit | None:
    """The "or" of a question or of the last sentence: what to do of two things."""
    last = text.sentences[-1] if text.sentences else 0
    for i, word in enumerate(text.words):
        sentence = text.sentences[i]
        if word == "or" and i > 0 and (sentence in text.asked or sentence == last) and sentence not in detached:
            return Hit(i - 1, min(i + 2, text.ends[i]), sentence)
    return None


def _harm(topics: Topics, text: Text) -> float:
    """Points of the topics: of how many there are, and of what kind."""
    named = len(distinct(text, (hit for found in topics.values() for hit in found)))
    points = FIRST_TOPIC + FURTHER_TOPIC * min(named - 1, FURTHER_TOPICS)
    points += ACUTE * any(group.startswith("acute.") for group in topics)
    return points + BODILY * any(_category(group) in BODILY_CATEGORIES for group in topics)


def _reality(hits: Hits, text: Text) -> float:
    """Points of what shows that the case is real, and against it."""
    points = PERSON * bool(hits.get("person")) + AMOUNT * bool(_AMOUNT.search(text.source))
    return points + sum(points for cue, points in AGAINST.items() if hits.get(cue))


def _staged(lexicon: Lexicon, earlier: Sequence[str]) -> bool:
    """Whether the conversation is about a story, a study or a game."""
    read = (hits_of(lexicon, visible(message)) for message in earlier)
    return any(found.get("unreal") or found.get("setting") for found in read)
