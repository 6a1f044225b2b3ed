"""Bans: what a message rules out by its word, or wants to stay as it is.

A reading of surface forms, for English. Text that is only quoted is not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from ladder_bench.triggers.text import COMMON, RECENT, Hit, Text, stem, visible, words_of

MANY = 40  # of a message that are read: with more it is data, and no list of requirements


@dataclass(frozen=True, slots=True)
class Ban:
    """What must not be there, or must not be changed (`fixed`): the stems of its words, and the words as they stand."""

    stems: frozenset[str]
    evidence: str
    fixed: bool = False


@lru_cache(maxsize=RECENT)
def bans(message: str) -> tuple[Ban, ...]:
    """What a message rules out by "no", "without", "never", "must not", or wants to stay as it is."""
    text = visible(message)
    if _BANNING.isdisjoint(text.words) and _STAYING.isdisjoint(text.words):
        return ()
    found = (ban for i, word in enumerate(text.words) if word in _BANNING for ban in _ban(text, i))
    stays = (ban for i, word in enumerate(text.words) if word in _STAYING for ban in _stays(text, i))
    return (*islice(found, MANY), *islice(stays, MANY))


def _stays(text: Text, i: int) -> Iterator[Ban]:
    """ "The logo must stay exactly as it is": what is named before the verb."""
    following = text.words[i + 1 : min(i + 4, text.ends[i])]
    if _UNCHANGED.isdisjoint(following) or not i or text.words[i - 1] not in _MUST:
        return
    start = max(
        (j for j in range(i, -1, -1) if j in text.breaks or not j or text.ends[j - 1] != text.ends[i]), default=i
    )
    yield from _banned(text, range(start, i - 1), i, fixed=True)


def _ban(text: Text, i: int) -> Iterator[Ban]:
    word, following = text.words[i], text.words[i + 1 : min(i + 3, text.ends[i])]
    if not following or not _COMPARED.isdisjoint(following[:2]):
        return
    if (
        word == "not"
        and (not following or following[0] not in _ALLOWING)
        and text.words[i - 1 : i] not in (("must",), ("do",), ("may",))
    ):
        return
    if word in _PASSIVE and following[0] in _PASSIVE_VERBS:
        start = max(
            (j for j in range(i, -1, -1) if j in text.breaks or not j or text.ends[j - 1] != text.ends[i]), default=i
        )
        yield from _banned(text, range(start, i), i)
        return
    if word in _VERBAL and following[0] in _THINKING:
        return
    begin = i + 3 if following[0] in _DOING and following[-1] in ("for", "about", "on", "in", "at") else i + 1
    stops = _STOPS | _BANNING
    stop = next((j for j in range(begin, text.ends[i]) if j in text.breaks or text.words[j] in stops), text.ends[i])
    yield from _banned(text, range(i + 1, min(stop, i + 6)), i, fixed=following[0] in _CHANGING)


def _banned(text: Text, where: range, i: int, fixed: bool = False) -> Iterator[Ban]:
    """The things in a stretch of words, each of those that "or" and "and" join for itself."""
    thing: list[int] = []
    for j in (*where, -1):
        joined = j < 0 or text.words[j] in ("or", "and", "nor")
        if not joined and text.words[j] not in COMMON and text.words[j] not in _EMPTY and len(text.words[j]) > 1:
            thing.append(j)
        if joined and thing:
            verb = len(thing) > 1 and (text.words[thing[0]] in _DOING or text.words[thing[0]] in _CHANGING)
            object_ = thing[1:] if verb else thing
            stems = frozenset(stem(text.words[k]) for k in object_[:2])
            first, last = min(i, thing[0]), max(i, thing[-1])
            yield Ban(stems, text.quote(Hit(first, last + 1, text.sentences[i])), fixed)
            thing = []


_BANNING = words_of(
    "no without never avoid dont doesnt mustnt shouldnt cant cannot not exclude excluding nothing zero wont"
)
_VERBAL = words_of("dont doesnt cant cannot never not wont shouldnt mustnt")
_PASSIVE = words_of("not never cant cannot mustnt shouldnt dont wont")
_PASSIVE_VERBS = words_of("be come appear show contain allowed occur turn")
_ALLOWING = words_of("use mention include add touch contain allowed have eat any a even")
_COMPARED = words_of(
    "more less longer later earlier fewer bigger smaller shorter over under above below before after until than sooner"
)
_THINKING = words_of("""
    know think mind care matter worry believe see understand get remember need wait have feel really sure mean
    even seem sound work be wanna mean forget hesitate help find figure decide afford tell stand make
""")
_STOPS = words_of("""
    because since so but when if that which who whose as until while though although please thanks just for on in at by
""")
_STAYING = words_of("stay stays remain remains keep be left")
_MUST = words_of("must should shall to can will always")
_UNCHANGED = words_of("as same unchanged untouched identical exactly alone")
_CHANGING = words_of(
    "touch change changing alter modify rename edit move rewrite delete remove break drop replace reword cut"
)
_DOING = words_of("""
    install contact invite tell email call involve name show wear serve give send post bring discuss cite quote print
    schedule book cook order pick play accept ask request buy get pay take touch use mention include add write say talk
""")
_EMPTY = words_of("""
    idea problem problems worries need rush hurry longer matter clue doubt reason way point sense time thing things
    use using mention mentioning include including add adding contain put touch show appear come allowed single even
    ever again anything any anyone nobody already yet far much many lot bit kind sort own other others else changes
    cutting allow permit like want tolerate say saying talk talking write writing question questions word exceptions
    exception matters answer experience luck pressure offence least budget money limit one there only whatsoever all
    anymore must have has eat eating buy want wanted nothing ones cost further extra
""")
