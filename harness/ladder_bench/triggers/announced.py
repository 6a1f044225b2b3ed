"""A change of goal that is announced: "change of plan", "forget X, what I need now is Y".

Only the words around the announcement and the request that follows are read, so that long messages, new facts in them
and long answers before them do not count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladder_bench.triggers.rules import Hits, sentences_of
from ladder_bench.triggers.text import Hit, Text, meaning, stem

OBJECT_REACH = 6  # words after a verb of dismissing that may name what is dismissed
OBJECTS = 4  # words with a meaning among them that count
SUBJECT_REACH = 5  # words before "is off" that may name what is off
MOST = 6  # new words that count
POINTS: Mapping[str, float] = {
    "turn": 1.3,  # "change of plan", "she changed her mind"
    "dismissed goal": 1.2,  # what is dismissed was asked for, or is "the whole thing"
    "dismissed known": 0.9,  # it was only spoken of
    "dismissed": 0.3,  # nobody has spoken of it
    "off": 0.7,  # "the race is off"
    "wish": 0.9,  # "what I need now"
    "another thing": 0.8,  # a thing to make that no earlier request names
    "instead": 0.4,
    "wish new": 0.15,  # each word of the request that no user message has
    "edit first": -0.7,
    "same": -0.5,
    "renewed": -0.8,  # what there is, once more: "send me the new version"
    "addition": -0.5,
}
THRESHOLD = 2.2
MARKERS = ("turn", "dismiss", "off")  # groups that announce a change, the clearest first


def announcement(
    hits: Hits, text: Text, asked: Sequence[int], goal: frozenset[str], before: frozenset[str], light: frozenset[str]
) -> Hit | None:
    """The place that announces another goal, None where none does.

    `asked` are the places of the words of requests, `goal` the stems of the words that name what was asked for so far,
    `before` those of all words of the user's earlier messages; `light` are words that name no matter.
    """
    if hits.groups.isdisjoint(MARKERS):
        return None
    cues, markers = cues_of(hits, text, asked, goal, before, light)
    if not markers or sum(POINTS[cue] * times for cue, times in cues.items()) < THRESHOLD:
        return None
    return markers[0]


def cues_of(
    hits: Hits, text: Text, asked: Sequence[int], goal: frozenset[str], before: frozenset[str], light: frozenset[str]
) -> tuple[dict[str, float], Sequence[Hit]]:
    """How much there is of each cue, and the places that announce a change."""
    mentioned = sentences_of(hits, "mentioned")
    places = {group: [hit for hit in hits.get(group) if hit.sentence not in mentioned] for group in MARKERS}
    dismissals = {hit: _dismissed(hits, text, hit, goal, before) for hit in places["dismiss"]}
    places["dismiss"] = [hit for hit, how in dismissals.items() if how]
    places["off"] = [hit for hit in places["off"] if _spoken_of(hits, text, hit, before)]
    markers = [hit for group in MARKERS for hit in places[group]]
    if not markers:
        return {}, ()
    since = min(hit.sentence for hit in markers)  # the request stands in the sentence of the first one, or after it
    wish = [i for i in asked if text.sentences[i] >= since]
    openings = {i for i in wish if i - 1 not in wish or text.sentences[i - 1] != text.sentences[i]}
    first = text.sentences[wish[0]] if wish else since
    things = [hit.start for hit in hits.get("deliverable") if hit.start in wish]
    how = set(dismissals.values())
    cues: dict[str, float] = {"turn": bool(places["turn"]), "off": bool(places["off"])}
    cues["dismissed goal"] = "dismissed goal" in how
    cues["dismissed known"] = "dismissed known" in how and not cues["dismissed goal"]
    cues["dismissed"] = "dismissed" in how and not cues["dismissed goal"] and not cues["dismissed known"]
    cues["wish"] = any(hit.sentence >= since for hit in hits.get("wish"))
    cues["another thing"] = any(stem(text.words[i]) not in goal for i in things)
    cues["instead"] = any(text.words[i] == "instead" for i in wish)
    named = {stem(text.words[i]) for i in wish if meaning(text.words[i]) and text.words[i] not in light}
    cues["wish new"] = min(MOST, len(named - before))
    edits = {hit.start for hit in hits.get("edit")}
    cues["edit first"] = bool(openings) and openings <= edits and not cues["another thing"]
    cues["same"] = any(hit.sentence >= since for hit in hits.get("unchanged"))
    cues["renewed"] = any(hit.sentence >= since for hit in hits.get("renewed"))
    cues["addition"] = any(since <= hit.sentence <= first for hit in hits.get("addition"))
    return cues, markers


def _dismissed(hits: Hits, text: Text, hit: Hit, goal: frozenset[str], before: frozenset[str]) -> str | None:
    """The cue that a verb of dismissing is, by its object. None where a part of the work is dismissed."""
    stops = text.breaks.union(other.start for other in hits.get("preposition"))
    end = min(hit.end + OBJECT_REACH, text.ends[hit.start])
    end = min((i for i in stops if hit.end < i < end), default=end)
    objects = [i for i in range(hit.end, end) if meaning(text.words[i])][:OBJECTS]
    things = (stem(text.words[other.start]) for other in hits.get("deliverable") if other.start in objects)
    if any(other.start in objects for other in hits.get("whole")) or not goal.isdisjoint(things):
        return "dismissed goal"
    if not objects or any(other.start in objects for other in hits.get("detail")):
        return None
    words = {stem(text.words[i]) for i in objects}
    return "dismissed goal" if words & goal else "dismissed known" if words & before else "dismissed"


def _spoken_of(hits: Hits, text: Text, hit: Hit, before: frozenset[str]) -> bool:
    """Whether the user had spoken of what is said to be off, and not as a part: "so the race is off"."""
    subject = [i for i in range(max(0, hit.start - SUBJECT_REACH), hit.start) if text.sentences[i] == hit.sentence]
    if any(other.start in subject for other in hits.get("detail")):
        return False
    wholes = {other.start for other in hits.get("whole")}
    return any(i in wholes or stem(text.words[i]) in before for i in subject if meaning(text.words[i]))
