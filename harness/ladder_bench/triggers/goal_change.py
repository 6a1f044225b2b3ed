"""goal_change: the user replaces or redirects the goal, and does not merely add to it.

A change of goal has a shape: something is told that takes the ground from what was asked (it is off, refused, seen to,
or something happened), then something is asked for that stands by itself, in words that the conversation has not had.
Cues of the ground and of the new request give points; ties to what was said before, edits and additions take some away.
A change that is announced in so many words is read by `announced`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ladder_bench.triggers.announced import announcement
from ladder_bench.triggers.rules import Hits, Lexicon, hits_of, sentences_of
from ladder_bench.triggers.seen import Seen
from ladder_bench.triggers.text import RECENT, Hit, Text, meaning, stem, stems, visible, words_of

OBJECT_REACH = 6  # words after a verb of dropping that may name what is dropped
OBJECTS = 4  # words with a meaning among them that count
DETAIL_REACH = 3  # words after "never mind" that may name a part of the work
HEAD = 8  # words with a meaning from where a request begins that name what it is for
MOST = 6  # new words that count
LINKS = 3  # words known before that count
INDEFINITE_REACH = 3  # words before a thing that may say that it is new
ANSWER_READ = 1000  # characters of an answer that are read: the longer it is, the more words it shares by chance
LONG = 45  # words of a message that tells details
QUOTED = 6  # words of a request that are quoted
POINTS: Mapping[str, float] = {
    "goal dropped": 0.95,  # the object of a verb of dropping was asked for
    "replace": 0.6,
    "void": 0.5,
    "aim": 0.45,
    "dropped": 0.2,  # its object is nothing that was said
    "happened": 0,  # spares the points of "no ground" only
    "no ground": -1.55,
    "news": 0.65,  # each sentence, at most two
    "told first": 0.65,  # a statement, then a request
    "told goal": 0.65,  # the statement has a word of what was asked for
    "told new": 0.3,  # each word that nobody has said
    "told known": -0.3,  # each word that somebody has said
    "told answer": -0.6,  # each word that an answer brought up, on top
    "asked new": 0.4,  # each word of the request that nobody has said
    "new thing": 1.2,  # a thing to make that nobody has named: "a checklist"
    "asked answer": -0.95,  # each word of the request that an answer brought up
    "requests": 0.55,  # more than one sentence asks
    "nothing asked": -1.45,
    "pending": 0.9,  # an earlier message asked for work rather than for an explanation
    "addition": -0.55,
    "onward": -0.65,  # "and", "then" where the message or its request begins
    "long": -1.25,
    "closing": -1.5,
    "same": -0.55,
    "asked same": -0.45,  # in the request
    "edit": -0.35,  # a verb of editing leads the request
    "edit first": -0.65,  # and is its first word
    "anaphor": -0.35,  # "it", "them" in the request
    "quoted": -0.9,  # something is quoted or pasted
}
THRESHOLD = 3.4
GROUNDS = (
    "goal dropped",
    "replace",
    "void",
    "aim",
    "dropped",
    "happened",
)  # in the order in which they tell the reason
GROUNDED = frozenset(("drop", "replace", "void", "aim"))  # groups that a message without a statement needs
REASONS = {
    "goal dropped": "what was asked before is dropped",
    "replace": "the goal is replaced",
    "void": "the goal no longer holds",
    "aim": "something else is wanted",
    "dropped": "something is dropped for another request",
    "happened": "something happened, and another request",
}
NEW_REQUEST = "something is told, then something new is asked for"
QUESTION = words_of("how should do does is are am was were why when who which would will did what whats")
ANAPHORS = words_of("it its them this these they")
LEADING = 4  # first words of a request where a verb of editing leads it
INDEFINITE = words_of("a an one some any two three four five six seven eight ten short new few couple")
# words that name no matter, beside the commonest
LIGHT = words_of("""
    do go take use work find put set keep look think know say said see seen come came try tried feel ask call
    start stop turn leave left bring run give given thing things stuff way ways lot bit kind sort part time
    times today tomorrow yesterday now day days week weeks month year years hour hours minute minutes morning
    afternoon evening night next last first second other others another else same still again already yet ever
    never always maybe perhaps probably well much many most least few little less enough too such only even
    quite right sure fine nice great lovely good better best bad worse worst big small long short old easy hard
    able thanks thank please hi hello sorry people person someone somebody anyone anybody everyone everybody
    something anything nothing everything guys one ones two three four five six between before after while since
    until because though although instead without within around across through over under against off back away
    together ahead theres dont didnt doesnt isnt wasnt wont wouldnt couldnt shouldnt havent hasnt arent youre
    theyre hes shes weve theyve youve theyd hed shed wed youd ill id going gonna gotta got getting made making
    having being doing done went gone goes comes says told telling wants wanted needs needed using used keeps
    takes gets gives looks makes lets mean means meant mind wonder wondering happen happens happened hm hmm oh
    ah ugh lol haha omg yeah yep nope nah anyway anyhow btw tbh imo idk ok okay cheers ta suggest recommend
    explain draft plan idea ideas question questions answer list advice tip tips example point per each every
    both either neither none
""")


@dataclass(frozen=True, slots=True)
class Parts:
    """The words of a message that tell something and those that ask for something, by their places.

    `requests` counts the sentences that say that they ask; where none does, the last sentence is taken for a request.
    """

    told: tuple[int, ...]
    asked: tuple[int, ...]
    requests: int

    @property
    def told_first(self) -> bool:
        return bool(self.told and self.asked) and self.told[0] < self.asked[0]


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    if seen.turn == 1:
        return None
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    parts = _parts(hits, text)
    if found := _by_shape(lexicon, text, parts, seen):
        return found
    if not (parts.requests or hits.get("wish")):
        return None
    announced = announcement(hits, text, parts.asked, _goal(lexicon, seen.earlier), _said(seen.earlier), LIGHT)
    return (REASONS["replace"], text.quote(announced)) if announced else None


def _by_shape(lexicon: Lexicon, text: Text, parts: Parts, seen: Seen) -> tuple[str, str] | None:
    if not parts.told and GROUNDED.isdisjoint(hits_of(lexicon, text).groups):
        return None
    grounds: Mapping[str, Sequence[Hit]] = {}
    for answers in ((), seen.answers):  # these only take points away, and are long to read
        cues, grounds = cues_of(lexicon, text, parts, seen.earlier, answers)
        if sum(POINTS[cue] * times for cue, times in cues.items()) < THRESHOLD:
            return None
    for cue in GROUNDS:
        if grounds.get(cue):
            return REASONS[cue], text.quote(grounds[cue][0])
    first = parts.asked[0]
    return NEW_REQUEST, text.quote(Hit(first, min(first + QUOTED, text.ends[first]), text.sentences[first]))


def cues_of(
    lexicon: Lexicon, text: Text, parts: Parts, earlier: Sequence[str], answers: Sequence[str]
) -> tuple[dict[str, float], Mapping[str, Sequence[Hit]]]:
    """How much there is of each cue, and the places that take the ground from the goal so far, by cue."""
    hits = hits_of(lexicon, text)
    said, answered = _said(earlier), _said([answer[:ANSWER_READ] for answer in answers])
    goal = _goal(lexicon, earlier)
    asked = frozenset(parts.asked)
    grounds = _grounds(hits, text, asked, goal, said | answered)
    named = [(i, stem(word)) for i, word in enumerate(text.words) if meaning(word)]
    telling = {word for i, word in named if i not in asked}
    matter = [(i, word) for i, word in named if text.words[i] not in LIGHT and not word[0].isdigit()]
    told = {word for i, word in matter if i not in asked}
    wish = {word for i, word in matter if i in asked}
    brought_up = answered - said
    cues: dict[str, float] = {cue: bool(grounds.get(cue)) for cue in GROUNDS}
    cues["no ground"] = not any(grounds.get(cue) for cue in GROUNDS)
    cues["news"] = min(2, len(sentences_of(hits, "news")))
    cues["told first"] = bool(telling) and parts.told_first
    cues["told goal"] = not goal.isdisjoint(telling)
    cues["told new"] = min(MOST, len(told - said - answered))
    cues["told known"] = min(LINKS, len(told & (said | answered)))
    cues["told answer"] = min(LINKS, len(told & brought_up))
    cues["asked new"] = min(MOST, len(wish - said - answered))
    cues["asked answer"] = min(LINKS, len(wish & brought_up))
    things = [hit.start for hit in hits.get("deliverable") if hit.start in asked]
    fresh = [i for i in things if stem(text.words[i]) not in said and stem(text.words[i]) not in answered]
    cues["new thing"] = any(_indefinite(text.words[max(0, i - INDEFINITE_REACH) : i]) for i in fresh)
    cues["requests"] = parts.requests > 1
    cues["nothing asked"] = not parts.requests
    cues["pending"] = any(_pending(lexicon, message) for message in earlier)
    openings = {i for i in parts.asked if i - 1 not in asked or text.sentences[i - 1] != text.sentences[i]}
    for cue in ("addition", "closing"):
        cues[cue] = bool(hits.get(cue))
    cues["onward"] = any(not hit.start or hit.start in openings for hit in hits.get("onward"))
    cues["long"] = len(text.words) > LONG
    same = hits.get("same")
    cues["same"] = bool(same)
    cues["asked same"] = any(hit.start in asked for hit in same)
    edits = {hit.start for hit in hits.get("edit") if hit.start in asked}
    cues["edit"] = any(not edits.isdisjoint(range(i, i + LEADING)) for i in openings)
    cues["edit first"] = not edits.isdisjoint(openings)
    cues["anaphor"] = any(text.words[i] in ANAPHORS for i in parts.asked)
    cues["quoted"] = "¤" in text.words
    return cues, grounds


def _grounds(
    hits: Hits, text: Text, asked: frozenset[int], goal: frozenset[str], known: frozenset[str]
) -> dict[str, list[Hit]]:
    """The places that take the ground from the goal so far, by cue. What takes it from a part of the work is none."""
    mentioned = sentences_of(hits, "mentioned")
    details = {hit.start for hit in hits.get("detail")}
    wholes = {hit.start for hit in hits.get("whole")}
    found: dict[str, list[Hit]] = {}
    for cue in ("replace", "aim"):
        places = (hit for hit in hits.get(cue) if hit.sentence not in mentioned)
        found[cue] = [hit for hit in places if details.isdisjoint(range(hit.end, hit.end + DETAIL_REACH))]
    of_goal = {
        text.sentences[i] for i, word in enumerate(text.words) if i in wholes or (meaning(word) and stem(word) in goal)
    }
    for cue in ("void", "happened"):
        places = (hit for hit in hits.get(cue) if hit.sentence not in mentioned)
        found[cue] = [hit for hit in places if hit.start not in asked or (cue == "void" and hit.sentence in of_goal)]
    questioned = {i for i in asked if _opening(text, asked, i) in QUESTION}
    stops = {hit.start for hit in hits.get("preposition")}
    for hit in hits.get("drop"):
        if hit.sentence in mentioned or hit.start in questioned:
            continue
        end = min(hit.end + OBJECT_REACH, text.ends[hit.start])
        end = min((i for i in stops if hit.end <= i < end), default=end)
        dropped = [i for i in range(hit.end, end) if meaning(text.words[i])][:OBJECTS]
        words = {stem(text.words[i]) for i in dropped}
        if not details.isdisjoint(dropped):
            continue
        if not wholes.isdisjoint(dropped) or not goal.isdisjoint(words):
            found.setdefault("goal dropped", []).append(hit)
        elif words.isdisjoint(known):
            found.setdefault("dropped", []).append(hit)
    return found


def _indefinite(words: Sequence[str]) -> bool:
    """Whether one of the words before a thing says that it is new: "a checklist", "five names"."""
    return any(word in INDEFINITE or word[0].isdigit() for word in words)


def _opening(text: Text, asked: frozenset[int], i: int) -> str:
    """The word that the request of word i begins with."""
    while i - 1 in asked and text.sentences[i - 1] == text.sentences[i] and i not in text.breaks:
        i -= 1
    return text.words[i]


def _said(messages: Sequence[str]) -> frozenset[str]:
    return frozenset().union(*map(stems, messages))


def _goal(lexicon: Lexicon, earlier: Sequence[str]) -> frozenset[str]:
    """The words that name what was asked for so far."""
    return frozenset().union(*(_head(lexicon, message) for message in earlier))


@lru_cache(maxsize=RECENT)
def _head(lexicon: Lexicon, message: str) -> frozenset[str]:
    """The words that name what a message asks for: the first ones with a meaning from where its request begins."""
    text = visible(message)
    named = [i for i in _parts(hits_of(lexicon, text), text).asked if meaning(text.words[i])]
    words = [stem(text.words[i]) for i in named if not text.words[i][0].isdigit()]
    return frozenset(words[:HEAD])


@lru_cache(maxsize=RECENT)
def _pending(lexicon: Lexicon, message: str) -> bool:
    """Whether a message asks for work, not for an explanation."""
    hits = hits_of(lexicon, visible(message))
    return bool(hits.get("task")) and not hits.get("explain")


def _parts(hits: Hits, text: Text) -> Parts:
    """Tell the words of requests from those of statements: a request goes on to the end of its sentence.

    Where nothing says that it is a request, the last sentence stands for one.
    """
    starts = dict.fromkeys(text.asked, 0)
    for hit in reversed(hits.get("ask")):
        starts[hit.sentence] = hit.start
    requests = len(starts)
    if not starts and text.words:
        starts[text.sentences[-1]] = 0
    told: list[int] = []
    asked: list[int] = []
    for i, sentence in enumerate(text.sentences):
        (asked if i >= starts.get(sentence, len(text.words)) else told).append(i)
    return Parts(tuple(told), tuple(asked), requests)
