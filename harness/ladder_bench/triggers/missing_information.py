"""missing_information: a good answer needs what nobody said.

A message is held against what the conversation holds: pasted text, code, numbers, what was named before. An answer is
held against itself: it asks the user for particulars, or makes them up and says so.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from ladder_bench.blocks import FRAME_OPEN, frame_parts
from ladder_bench.triggers.answers import LAST_SENTENCES, open_question, own_voice
from ladder_bench.triggers.rules import Hits, Lexicon, hits_of, sentences_of
from ladder_bench.triggers.seen import Heard, Seen
from ladder_bench.triggers.text import RECENT, Hit, Text, meaning, stem, stems, visible

WORK_REACH = 4  # words from "summarise" to what is to be summarised
NAMED_REACH = 5  # words from "my" to the thing that it names
CLAUSE = 12  # words of a message so short that a pronoun in it can only point outside
LONG = 60  # words of a message that most likely hold what they speak of


def detect(lexicon: Lexicon, seen: Seen) -> tuple[str, str] | None:
    """The reason and the words of the message that fired, None where it did not."""
    text = visible(seen.message)
    hits = hits_of(lexicon, text)
    if not hits.groups or _holds(seen.message, lexicon):
        return None
    open_to_all = hits.get("general") or hits.get("written")
    short = len(text.words) <= lexicon.settings.get("short_words", 30) and not open_to_all
    if found := _shared(hits, text, seen):
        return found
    found = _referred(hits, text, seen) or (_bare(hits, text, seen) if short else None)
    if found and not any(_holds(message, lexicon) for message in (*seen.earlier, *seen.answers)):
        return found
    return None if open_to_all else _sum_of_ones_own(lexicon, hits, text, seen)


def detect_answer(lexicon: Lexicon, seen: Seen, heard: Heard) -> tuple[str, str] | None:
    """The reason and the words of the answer that fired, None where it did not."""
    if FRAME_OPEN in heard.answer and (questions := _open_in_frame(heard.answer)):
        return "open questions in the frame", questions
    text = visible(own_voice(heard.answer))
    hits = hits_of(lexicon, text)
    if hits.get("guess"):
        return "guesses particulars", text.quote(hits.get("guess")[0])
    if any(hits_of(lexicon, visible(message)).get("questions") for message in (seen.message, *seen.earlier[-1:])):
        return None
    if question := open_question(heard.answer):
        return "asks the user", question
    return _needed(hits, text)


# --- messages ------------------------------------------------------------------------------


def _referred(hits: Hits, text: Text, seen: Seen) -> tuple[str, str] | None:
    """Something that the message points to, and that the conversation does not hold."""
    if attached := hits.get("attached"):
        return "refers to what is not there", text.quote(attached[0])
    if not hits.get("work"):
        return None
    if len(text.words) > LONG:
        return None
    said = _said(seen)
    definite = {hit.start for hit in hits.get("definite")}
    artefacts = {hit.start for hit in hits.get("artefact")}
    for verb in hits.get("work"):
        end = min(verb.end + WORK_REACH, text.ends[verb.start])
        for i in range(verb.end, end):
            if text.words[i] in _ELSEWHERE:
                break
            if i in definite:
                stop = min(i + 1 + NAMED_REACH, text.ends[i])
                near = range(i + 1, next((j for j in range(i + 1, stop) if text.words[j] in _ASIDE), stop))
                thing = next((j for j in near if j in artefacts), None)
                if thing is not None and not _named(text, range(i + 1, thing + 1), said):
                    return "works on what is not there", text.quote(Hit(verb.start, thing + 1, verb.sentence))
                break
    return None


def _shared(hits: Hits, text: Text, seen: Seen) -> tuple[str, str] | None:
    """Something that only the user and their people know, and that they have not told."""
    for hit in hits.get("shared"):
        words = range(hit.start, hit.end)
        if not _explained(text, hit) and not _named(text, words, _said(seen)):
            return "refers to what only the user knows", text.quote(hit)
    return None


def _bare(hits: Hits, text: Text, seen: Seen) -> tuple[str, str] | None:
    """A fault or a choice of which nothing is known."""
    begins = seen.turn == 1
    if begins and (pronoun := _unresolved(text)):
        return "a pronoun without what it stands for", text.quote(pronoun)
    for hit in hits.get("bare"):
        own = not {"mine", "ours"}.isdisjoint(text.words[hit.start : hit.end])
        if ((begins and hit.sentence == 0) or own) and not _explained(text, hit):
            return "a case without its particulars", text.quote(hit)
    for hit in hits.get("choice"):
        if begins and "or" not in text.words and not _explained(text, hit):
            return "a choice without what there is to choose from", text.quote(hit)
    return None


def _unresolved(text: Text) -> Hit | None:
    """The pronoun that a message of one clause ends with, where nothing in it can be what it stands for."""
    last = len(text.words) - 1
    alone = 2 <= last < CLAUSE and not text.breaks and text.sentences[last] == 0
    if not alone or text.words[last] not in _PRONOUNS or not _INTRODUCING.isdisjoint(text.words):
        return None
    return Hit(last - 1, last + 1, 0)


def _sum_of_ones_own(lexicon: Lexicon, hits: Hits, text: Text, seen: Seen) -> tuple[str, str] | None:
    """A sum that depends on numbers of the user's own, which they have not told."""
    for hit in hits.get("amount"):
        same = sentences_of(hits, "own") & sentences_of(hits, "private") & {hit.sentence}
        if same and _numbers(seen) < lexicon.settings.get("told_numbers", 2):
            return "a sum without its inputs", text.quote(hit)
    return None


def _said(seen: Seen) -> frozenset[str]:
    """The stems of all that was said before, by either side."""
    return frozenset().union(*map(stems, seen.earlier), *map(stems, seen.answers))


def _numbers(seen: Seen) -> int:
    return sum(len(_NUMBER.findall(message)) for message in (*seen.earlier, seen.message))


def _named(text: Text, words: range, said: frozenset[str]) -> bool:
    return any(stem(text.words[i]) in said for i in words if meaning(text.words[i]))


def _explained(text: Text, hit: Hit) -> bool:
    """Whether the sentence goes on to say what it is, as in "my usual order is a number 14"."""
    return any(word in _TELLS for word in text.words[hit.end : text.ends[hit.start]])


@lru_cache(maxsize=RECENT)
def _holds(message: str, lexicon: Lexicon) -> bool:
    """Whether a message has matter pasted into it: code, a quotation, lines, or what follows a colon."""
    least = int(lexicon.settings.get("pasted_words", 12))
    if "```" in message or lexicon.structure(message):
        return True
    if _GIVEN.search(message) or len(_CODE.findall(message)) >= 3:
        return True
    first, _, lines = message.partition("\n")
    quoted = (match[0] for match in _QUOTATION.finditer(message)) if '"' in message or "“" in message else ()
    return any(len(part.split()) >= least for part in (lines, first.partition(": ")[2], *quoted))


# --- answers -------------------------------------------------------------------------------


def _open_in_frame(answer: str) -> str | None:
    """The open questions that a frame lists, None where it says that there are none."""
    questions = frame_parts(answer).get("open questions", "")
    return questions if questions and not _NONE.match(questions) else None


def _needed(hits: Hits, text: Text) -> tuple[str, str] | None:
    """What the answer says that it needs, near its end or as its main content."""
    last = text.sentences[-1] if text.sentences else 0
    courtesy = sentences_of(hits, "courtesy")
    for hit in hits.get("need"):
        if hit.sentence not in courtesy and (hit.sentence > last - LAST_SENTENCES - 1):
            return "asks the user", text.quote(hit)
    return None


_ASIDE = frozenset({"in", "on", "at", "to", "into", "for", "with", "from", "by", "that", "as", "available"})
_ELSEWHERE = frozenset({"in", "of", "to", "into", "for", "as", "that", "a", "an"})
_PRONOUNS = frozenset({"this", "that", "it", "him", "her", "them", "these", "those", "mine"})
_INTRODUCING = frozenset({"a", "an", "and", "or", "if", "when", "about", "like", "than", "who"})
_TELLS = frozenset({"is", "are", "because"})
_NUMBER = regex.compile(r"(?<![\w.])[€$£]?\d[\d.,]*")
_GIVEN = regex.compile(
    r"(?i)\b(?:this|that|following|sentence|text|line|phrase|word)\s?:\s*\S|(?<!\w)'[^'\n]{4,}'(?!\w)|\"[^\"\n]{4,}\""
)
_CODE = regex.compile(r"[{};=<>]|\(\)|=>")
_QUOTATION = regex.compile(r'"[^"]{20,}"|“[^”]{20,}”')
_NONE = regex.compile(r"(?i)\W*(?:none|no(?: open)?(?: questions?)?|nothing|n/?a|-+)\b\W*")
