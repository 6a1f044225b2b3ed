"""constraint_conflict: a requirement contradicts one that still holds, or two in one message exclude each other.

The requirements of the conversation so far are read as values (`constraints`) and held against the new message. A
message that says that the old one is gone changes a requirement; it does not contradict it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import regex

from ladder_bench.blocks import FRAME_OPEN, frame_parts
from ladder_bench.triggers.answers import own_voice
from ladder_bench.triggers.bans import bans, clause_of
from ladder_bench.triggers.constraints import quantities
from ladder_bench.triggers.limits import exceeded, out_of_time, too_long
from ladder_bench.triggers.rules import Hits, Lexicon, hits_of, sentences_of
from ladder_bench.triggers.seen import Heard, Seen
from ladder_bench.triggers.text import RECENT, Hit, Text, stem, visible, words_of

NEGATION_REACH = 4  # words after "no" that it covers
Found = tuple[str, str]


def detect(lexicon: Lexicon, seen: Seen) -> Found | None:
    """The reason and the words of the messages that fired, None where it did not."""
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    earlier = _active(lexicon, seen)
    found = (
        _excluded(lexicon, hits, text, (*earlier, seen.message))
        or _banned(hits, text, earlier)
        or _second_of_a_kind(lexicon, hits, text, earlier)
        or _wrong_day(lexicon, hits, text, seen, earlier)
        or exceeded(seen.message, earlier, bool(hits.get("choice")), bool(hits.get("kept")))
        or out_of_time(seen.message, earlier)
        or (too_long(seen.message, (*earlier, seen.message)) if hits.get("verbatim") else None)
    )
    return found if found and not hits.get("replaced") else None


def detect_answer(lexicon: Lexicon, seen: Seen, heard: Heard) -> Found | None:
    """The answer itself says that what the user wants does not fit with what they said."""
    text = visible(own_voice(heard.answer))
    hits = hits_of(lexicon, text)
    yours = sentences_of(hits, "yours") if hits.get("flagged") else set()
    flagged = [*(hit for hit in hits.get("flagged") if hit.sentence in yours), *hits.get("cannot_be")]
    return ("the answer flags it", text.quote(flagged[0])) if flagged else None


def _active(lexicon: Lexicon, seen: Seen) -> tuple[str, ...]:
    """The earlier messages whose requirements still hold: those after which nothing was replaced; and a frame's."""
    kept: list[str] = []
    for message in seen.earlier:
        if hits_of(lexicon, visible(message)).get("replaced"):
            kept = [old for old in kept if not _touched(old, message)]
        kept.append(message)
    framed = (frame_parts(answer).get("constraints", "") for answer in seen.answers if FRAME_OPEN in answer)
    return (*kept, *filter(None, framed))


def _touched(old: str, message: str) -> bool:
    """Whether a message that replaces something may speak of what an older one required."""
    things = {quantity.dimension for quantity in quantities(old)} & {q.dimension for q in quantities(message)}
    stems = {stem(word) for word in visible(message).words}
    return bool(things) or any(not ban.stems.isdisjoint(stems) for ban in bans(old))


# --- what was ruled out ----------------------------------------------------------------------


@lru_cache(maxsize=RECENT)
def _asked(hits: Hits, text: Text) -> set[int]:
    """The sentences that require something: no question, no report, nothing that the message only supposes.

    Those from the first on that speaks of another matter are not among them.
    """
    told = (sentences_of(hits, "ask") - sentences_of(hits, "idle")) | sentences_of(hits, "insist")
    told -= text.asked - sentences_of(hits, "polite")
    first = min(sentences_of(hits, "elsewhere"), default=None)
    return told if first is None else {i for i in told if i < first}


def _excluded(lexicon: Lexicon, hits: Hits, text: Text, messages: Sequence[str]) -> Found | None:
    """A member of a class of things that a message ruled out."""
    names = sorted(group[:-7] for group in hits.groups if group.startswith("classes.") and group.endswith(".breaks"))
    for name in names:
        broken = [hit for hit in hits.get(f"{name}.breaks") if not _harmless(hits, text, hit)]
        broken = [hit for hit in broken if hit.sentence in _asked(hits, text)]
        if not broken:
            continue
        again = len(messages) > 1 and _rule(lexicon, messages[-1], name, own=False) is not None
        for message in messages if not again else ():  # a rule that is told again is kept in mind
            own = message is messages[-1]
            rule = _rule(lexicon, message, name, own)
            if rule and not (own and any(rule.sentence == hit.sentence for hit in broken)):
                old = visible(message)
                return f"against what was ruled out: {name[8:]}", f"{old.quote(rule)} … {text.quote(broken[0])}"
    return None


def _rule(lexicon: Lexicon, message: str, name: str, own: bool) -> Hit | None:
    """Where a message rules a class of things out: by a phrase of its own, or by its name in what a ban covers."""
    text = visible(message)
    hits = hits_of(lexicon, text)
    partly = sentences_of(hits, "partly")
    if found := [hit for hit in hits.get(f"{name}.rule") if hit.sentence not in partly]:
        return found[0]
    named = [hit for hit in hits.told(f"{name}.named") if hit.sentence not in partly]
    covered = [
        hit
        for hit in named
        for ban in bans(message)
        if hit.start in ban.words and not (ban.fixed or (own and ban.personal))
    ]
    return covered[0] if covered else None


def _harmless(hits: Hits, text: Text, hit: Hit) -> bool:
    """Whether a hit is part of another thing: "wine vinegar", "oat milk", "butter substitute"."""
    if any(other.start <= hit.start < other.end for other in hits.told("harmless")):
        return True
    if any(other.start < hit.start < other.end for other in hits.told("mock")):
        return True
    return not _MOCKED.isdisjoint(text.words[hit.end : hit.end + 1])


def _banned(hits: Hits, text: Text, earlier: Sequence[str]) -> Found | None:
    """Something wanted that an earlier message ruled out by its word."""
    ruled_out = [ban for message in earlier for ban in bans(message) if ban.stems]
    if not ruled_out or not (asked := _asked(hits, text)):
        return None
    again = frozenset().union(*(ban.stems for ban in bans(text.source)))
    ruled_out = [ban for ban in ruled_out if ban.stems.isdisjoint(again)]
    changed = sentences_of(hits, "changes")
    stems: dict[int, dict[str, int]] = {}
    spared: set[tuple[int, str]] = set()
    told = frozenset().union(*(ban.stems for ban in ruled_out))
    wanting = {clause_of(text, hit.start) for group in ("ask", "insist") for hit in hits.get(group)}
    for i, word in enumerate(text.words):
        if text.sentences[i] not in asked or stem(word) not in told:
            continue
        clause = clause_of(text, i)
        if _negated(text, i):
            spared.add((text.sentences[i], stem(word)))
        elif clause in wanting or _STATING.isdisjoint(text.words[clause:i]):
            stems.setdefault(text.sentences[i], {}).setdefault(stem(word), i)
    for ban in ruled_out:
        for sentence, there in stems.items():
            if any((sentence, one) in spared for one in ban.stems):
                continue  # "make the frame bigger, not the logo"
            if ban.stems <= there.keys() and (not ban.fixed or sentence in changed):
                last = max(there[one] for one in ban.stems)
                return "what an earlier message ruled out", f"{ban.evidence} … {text.words[last]}"
    return None


def _negated(text: Text, i: int) -> bool:
    start = max(0, i - NEGATION_REACH)
    return any(text.words[j] in _NEGATORS and text.sentences[j] == text.sentences[i] for j in range(start, i))


# --- one of a kind ---------------------------------------------------------------------------


def _second_of_a_kind(lexicon: Lexicon, hits: Hits, text: Text, earlier: Sequence[str]) -> Found | None:
    """Another member of a family of which an earlier message fixed one: "Python only", and then "write it in Go"."""
    names = [group for group in hits.groups if group.startswith("families.")]
    for message in earlier if names else ():
        old = visible(message)
        read = hits_of(lexicon, old)
        firm = sentences_of(read, "firm")
        for name in sorted(names):
            fixed = [hit for hit in read.get(name) if hit.sentence in firm]
            chosen = {_words(old, hit) for hit in read.get(name)}
            for hit in hits.get(name) if len({_words(old, hit) for hit in fixed}) == 1 else ():
                if hit.sentence in _asked(hits, text) and _words(text, hit) not in chosen and _taken(text, hit):
                    return f"another {name.partition('.')[2]}", f"{old.quote(fixed[0])} … {text.quote(hit)}"
    return None


def _words(text: Text, hit: Hit) -> str:
    return " ".join(text.words[hit.start : hit.end])


def _taken(text: Text, hit: Hit) -> bool:
    """Whether the member is what to use, and not what the message merely speaks of: "in Go", "use Go"."""
    return text.words[max(0, hit.start - 1)] in _TAKING or text.words[max(0, hit.start - 2)] in _TAKING


# --- days of the week --------------------------------------------------------------------------


def _wrong_day(lexicon: Lexicon, hits: Hits, text: Text, seen: Seen, earlier: Iterable[str]) -> Found | None:
    """A day of the week other than the only ones, one that is taken, or more times a week than there are days."""
    days = _days(text)
    often = _OFTEN.search(seen.message) if "week" in text.words else None
    if not days and not often:
        return None
    planned = sentences_of(hits, "planned") - sentences_of(hits, "idle")
    for message in earlier:
        old = visible(message)
        read = hits_of(lexicon, old)
        only = {hit.sentence for hit in read.get("only_days")}
        allowed = {day: i for day, i in _days(old).items() if old.sentences[i] in only}
        wanted = {day for day, i in days.items() if text.sentences[i] in planned and not _negated(text, i)}
        for shut in read.get("closed_days"):
            if (day := old.words[shut.end - 1].removesuffix("s")) in wanted:
                return "a day on which it is closed", f"{old.quote(shut)} … {day}"
        if not allowed:
            continue
        if often and _VALUES.get(often[1], 0) > len(allowed):
            return "more often than there are days", f"{', '.join(sorted(allowed))} … {often[0]}"
        if others := wanted - allowed.keys():
            return "another day than the only ones", f"{', '.join(sorted(allowed))} … {', '.join(sorted(others))}"
    return None


def _days(text: Text) -> dict[str, int]:
    """The days of the week in a text, and where each stands first."""
    found: dict[str, int] = {}
    for i, word in enumerate(text.words):
        if word.endswith(("day", "days")) and word.removesuffix("s") in _WEEK:
            found.setdefault(word.removesuffix("s"), i)
    return found


_WEEK = frozenset({"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"})
_OFTEN = regex.compile(
    r"(?i)\b(\d|two|three|four|five|six|seven) ?(?:x|times|sessions|days|classes|workouts|\w+ sessions) "
    r"(?:a|per|every|each) week\b"
)
_VALUES = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7} | {str(n): n for n in range(10)}
_TAKING = words_of("in use using with to into on via write as want need switch from deploy host run export")
_MOCKED = words_of("free substitute substitutes alternative alternatives replacement style flavour flavoured")
_STATING = words_of("is are was were has had contains theres")  # before a thing: the clause only says what there is
_NEGATORS = words_of("""
    no not without never dont avoid nor cant cannot isnt arent wont doesnt free minus skip zero instead
""")
