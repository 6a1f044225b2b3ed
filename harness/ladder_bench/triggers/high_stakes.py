"""high_stakes: a wrong answer would harm somebody soon.

Matters that can do harm give points, and so does what shows that the user will act on the answer: a ruling is asked
for, the user is in the middle of it, there is little time, others press, what would protect is missing. A study, a
story, a game, a test system, a matter that is settled or a text to be written take points away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import regex

from ladder_bench.triggers.rules import Hits, Lexicon, distinct, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import Hit, Text, visible, words_of

ENOUGH = 3.3
WEIGHTS: Mapping[str, float] = {}
SHORT = 8  # words of a last question that asks for leave to act
SHORTEST_DRUG = 6  # letters: April is none
BODILY = frozenset({"medical", "safety"})  # whose harm is to somebody's body
TECHNICAL = frozenset({"security", "irreversible"})  # whose terms are those of the trade
MOST = {"acute": 2, "topics": 4, "weak": 3, "decision": 2, "event": 2}  # of which more hits say no more
STAKES = ("decision", "poised", "imminent", "event", "pressed", "bare", "question")  # told as evidence, in this order
LARGE = 1000  # of any currency

_MONEY = regex.compile(
    r"(?i)(?:[$€£₹]|\b(?:rs|usd|eur|gbp|inr)\b\.?) ?(?P<n>\d[\d,.]*) ?(?P<x>k|m|bn|grand|lakhs?|crores?|million|thousand)?\b"
    r"|\b(?P<n>\d[\d,.]*) ?(?P<x>k|grand|lakhs?|crores?|million|thousand|btc|bitcoins?)\b"
)
_MEASURE = regex.compile(
    r"(?i)\b\d+(?:[.,]\d+)? ?(?:mg|mcg|ml|mm|cm|units?|iu|tablets?|pills?|capsules?|kg|kilos?|lbs?|ppm|volts?|amps?|a|°c|degrees)\b"
    r"|\b\d+ ?(?:m|f|yo|y/o|yrs?|yr old|months? old|years? old|year old|weeks? pregnant)\b"
)
_MOMENT = regex.compile(
    r"(?i)\b(?:at|by|until|till|before|gone|is) (?:noon|midnight|\d{1,2}[:.]\d\d)\b|\b\d{1,2} ?[ap]m\b"
    r"|\b(?:\d+|an?|two|three|half an|few) (?:mins?|minutes?|hours?|hrs?) (?:ago|left|now|away)\b"
)
_HAPPENED = regex.compile(  # somebody, or something of theirs, and a verb of the past
    r"(?i)\b(?:i|we|he|she|they|it|who|someone|mum|mom|dad|gran|grandma|hubby|(?:my|our|his|her|the|an?) \w+)"
    r"(?:['’](?:ve|s|d)| have| has| had)?(?: just| already)? (?:\w{2,}ed|was|were|took|gave|got|ate|drank|fell|hit"
    r"|found|ran|sent|put|lost|left|broke|said|told|came|went|felt|began|did|made|saw|cut|bit|stuck)\b"
)
_DRUGS = tuple(  # the endings of the names of drugs
    words_of("""
        pril olol sartan statin cillin mycin cycline floxacin conazole prazole oxetine azepam azolam codone morphone
        profen caine parin xaban gliptin gliflozin tidine trigine piclone dipine oxacin idone zapine pidem tyline gabalin fenac coxib solone hasone ciclovir tinib zumab olamine iapine
        quine barbital setron triptan lukast dronate thiazide zosin nidazole
    """)
)

Topics = Mapping[str, tuple[Hit, ...]]  # hits by group, such as "topics.medical" or "acute.safety"


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    detached = sentences_of(hits, "detached")
    attached = hits.outside(detached)
    topics = _topics(attached, text, detached)
    if not topics:
        return None
    for group, found in topics.items():
        if group.startswith("alone."):
            return _category(group), text.quote(found[0])
    found = cues(lexicon, seen)
    if sum(WEIGHTS[name] * value for name, value in found.items() if name in WEIGHTS) < ENOUGH:
        return None
    rank = min(topics, key=lambda group: ("acute", "topics", "weak").index(group.partition(".")[0]))
    named = text.quote(topics[rank][0])
    stake = next((text.quote(hit[0]) for kind in STAKES if (hit := attached.get(kind))), None)
    return _category(rank), f"{named} … {stake}" if stake else named


def cues(lexicon: Lexicon, seen: Seen) -> dict[str, float]:
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    detached = sentences_of(hits, "detached")
    attached = hits.outside(detached)
    topics = _topics(attached, text, detached)
    out: dict[str, float] = {}
    for level in ("acute", "topics", "weak"):
        found = [h for group, hs in topics.items() if group.startswith(level) for h in hs]
        n = len(distinct(text, found))
        out[level + "1"] = float(n > 0)
        out[level + "n"] = float(min(max(n - 1, 0), 4))
    strong = {_category(g) for g in topics if not g.startswith("weak")}
    out["bodily"] = float(bool(strong & BODILY))
    out["technical"] = float(bool(strong & TECHNICAL))
    out["cats"] = float(min(len(strong), 3))
    for kind in ("decision", "poised", "imminent", "event", "pressed", "bare", "kin", "first", "own", "tag"):
        hs = attached.get(kind)
        out[kind] = float(bool(hs))
        out[kind + "2"] = float(len(hs) > 1)
    out["choice"] = float(_choice(text, detached) is not None)
    out["question"] = float(bool(text.asked - detached or attached.get("question")))
    out["qmark"] = float(bool(text.asked - detached))
    last = text.sentences[-1] if text.sentences else 0
    size = sum(1 for s in text.sentences if s == last)
    out["shortask"] = float(0 < size <= 6 and last in text.asked)
    out["brief"] = float(any(h.sentence in text.asked and text.ends[h.start] - h.start <= 12 for h in attached.get("brief")))
    out["brieflast"] = float(any(h.sentence == last and text.ends[h.start] - h.start <= 12 for h in attached.get("brief")))
    out["numbers"] = float(min(3, sum(w[0].isdigit() for w in text.words)))
    values = [_value(m) for m in _MONEY.finditer(text.source)]
    out["large"] = float(any(v >= LARGE for v in values))
    out["small"] = float(bool(values) and max(values) < 100)
    out["measure"] = float(bool(_MEASURE.search(text.source)))
    out["moment"] = float(bool(_MOMENT.search(text.source)))
    out["happened"] = float(bool(_HAPPENED.search(text.source)))
    for kind in ("unreal", "setting", "resolved", "wording", "jest", "trade"):
        hs = hits.get(kind)
        out[kind] = float(bool(hs))
        out[kind + "2"] = float(min(3, len(hs) - 1)) if hs else 0.0
    out["trade4"] = float(len(hits.get("trade")) > 3)
    out["staged"] = float(_staged(lexicon, seen.earlier))
    out["detached"] = float(bool(detached))
    out["long"] = float(len(text.words) > 25)
    out["tech_only"] = float(bool(hits.get("trade")) and not strong & TECHNICAL)
    return out


def _value(match) -> float:
    import re
    n, x = match["n"], (match["x"] or "").casefold()
    digits = re.sub(r"[,.](?=\d{2,3}(?:\D|$))(?!\d{2}(?:\D|$))", "", n).rstrip(".,").replace(",", "")
    try:
        value = float(digits)
    except ValueError:
        value = 0.0
    return value * (1000 if x in ("k", "grand", "thousand") else 1e6 if x else 1)


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


def _choice(text: Text, detached: set[int]) -> Hit | None:
    """The "or" of a question or of the last sentence: what to do of two things."""
    last = text.sentences[-1] if text.sentences else 0
    for i, word in enumerate(text.words):
        sentence = text.sentences[i]
        if word == "or" and i > 0 and (sentence in text.asked or sentence == last) and sentence not in detached:
            return Hit(i - 1, min(i + 2, text.ends[i]), sentence)
    return None


def _staged(lexicon: Lexicon, earlier: Sequence[str]) -> bool:
    """Whether the conversation is about a story, a study or a game."""
    read = (hits_of(lexicon, visible(message)) for message in earlier)
    return any(found.get("unreal") or found.get("setting") for found in read)
