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
FAR = 8  # words of a stretch that one ban covers
LISTED = 2  # words that a further item of a list has: "no nuts, dairy or egg whites"


@dataclass(frozen=True, slots=True)
class Ban:
    """What must not be there, or must not be changed (`fixed`): the stems of its words, and the words as they stand.

    `personal`: somebody cannot have it. `words` are the places of the words that it covers.
    """

    stems: frozenset[str]
    evidence: str
    fixed: bool
    personal: bool
    words: frozenset[int]


@lru_cache(maxsize=RECENT)
def bans(message: str) -> tuple[Ban, ...]:
    """What a message rules out by "no", "without", "never", "must not", or wants to stay as it is."""
    text = visible(message)
    if _TELLING.isdisjoint(text.words):
        return ()
    return tuple(islice(_bans(text), MANY))


def _bans(text: Text) -> Iterator[Ban]:
    for i, word in enumerate(text.words):
        if word not in _TELLING:
            continue
        fixed, where = _covered(text, i)
        yield from _things(text, where, i, fixed)


def _covered(text: Text, i: int) -> tuple[bool, range]:
    """Whether the word at i wants something unchanged, and the words that it speaks of, if it rules out anything."""
    word, before = text.words[i], text.words[max(0, i - 2) : i]
    after = text.words[i + 1 : min(i + 4, text.ends[i])]
    nothing = False, range(0)
    if word in _NO:
        return nothing if not _COMPARED.isdisjoint(after[:2]) else (False, _onward(text, i + 1))
    if word in _NOT:
        return _forbidden(text, i) if after and _COMPARED.isdisjoint(after[:2]) else nothing
    if word in _FREE:
        start = i - 1 if i and i not in text.breaks and before[-1:] != () and before[-1] not in COMMON else i
        return False, _onward(text, i + 2) if after[:1] in (("of",), ("from",)) else range(start, i)
    if word in _TO:
        return False, _onward(text, i + 2) if after[:1] and after[0] in _OF else range(0)
    if word in _DISLIKED:
        return False, _onward(text, i + 1)
    if word in _ALLERGY:
        return False, range(max(clause_of(text, i), i - 2), i)
    if word in _CLOSING:
        said = not _BEING.isdisjoint(before) or before[-1:] == ("off",)
        return False, range(clause_of(text, i), i) if said else range(0)
    if word in _HOLDING:
        return _held(text, i)
    unchanged = not _UNCHANGED.isdisjoint(after) and bool(before) and before[-1] in _MUST
    return (True, range(clause_of(text, i), i - 1)) if word in _STAYING and unchanged else nothing


def _forbidden(text: Text, i: int) -> tuple[bool, range]:
    """ "Do not touch the logo", "names must never appear", "she can't eat nuts"; no facts such as "he can't pay"."""
    word = text.words[i]
    before = text.words[i - 1] if i and i not in text.breaks and text.sentences[i - 1] == text.sentences[i] else ""
    j = next((j for j in range(i + 1, text.ends[i]) if text.words[j] not in _PASSED), i)
    verb = text.words[j]
    if j == i or verb in _THINKING:
        return False, range(0)
    if verb in _PASSIVE and text.words[j + 1 : j + 2] == ("to",):
        return False, _onward(text, j + 3)
    if verb in _PASSIVE and before not in _PERSONS:
        return False, range(clause_of(text, i), i)
    if verb in _DOING and text.words[j + 1 : j + 2] and text.words[j + 1] in _TOWARD:
        j += 1
    orders = word in ("mustnt", "shouldnt", "never") or (word == "not" and before in _MODAL)
    orders = orders or (word == "dont" and before in _OPENERS)
    if orders and (verb in _DOING or verb in _CHANGING):
        return verb in _CHANGING, _onward(text, j + 1)
    if orders and word != "dont" and len(verb) > 4 and verb not in _COMPARED:
        return False, range(j, j + 1)
    if verb in _HABITS and (word != "not" or before in _MODAL):
        return False, _onward(text, j + 1)
    return False, range(0)


def _held(text: Text, i: int) -> tuple[bool, range]:
    """ "Keep the price out of it", "leave the first line as it is"."""
    for j in range(i + 2, min(i + FAR, text.ends[i])):
        if text.words[j] == "out":
            return False, range(i + 1, j)
        if text.words[j] in _UNCHANGED and (text.words[j] != "as" or text.words[j + 1 : j + 2] != ("a",)):
            return True, range(i + 1, j)
    return False, range(0)


def clause_of(text: Text, i: int) -> int:
    """The word at which the clause of word i begins."""
    while i and i not in text.breaks and text.sentences[i - 1] == text.sentences[i]:
        i -= 1
    return i


def _onward(text: Text, i: int) -> range:
    """The words from i on that belong to what is ruled out: to the end of the clause, and further items of a list."""
    stop, last = i, min(i + FAR, text.ends[i - 1])
    while stop < last and text.words[stop] not in _STOPS and text.words[stop] not in _NO:
        if stop in text.breaks and stop > i and not _lists(text, stop, last):
            break
        stop += 1
    return range(i, stop)


def _lists(text: Text, start: int, last: int) -> bool:
    """Whether the clause that begins at `start` is one more item, and no new statement."""
    end = next((j for j in range(start + 1, last) if j in text.breaks), last)
    return text.words[start] in ("or", "nor", "and") or end - start <= LISTED


def _things(text: Text, where: range, i: int, fixed: bool) -> Iterator[Ban]:
    """The things in a stretch of words, each of those that "or" and "and" join for itself."""
    thing: list[int] = []
    for j in (*where, -1):
        joined = j < 0 or text.words[j] in ("or", "and", "nor") or (j in text.breaks and bool(thing))
        if joined and thing:
            first, last = min(i, thing[0]), max(i, thing[-1])
            last = min(last, text.ends[first] - 1)
            named = frozenset(stem(text.words[k]) for k in thing if _tells(text.words[k]))
            yield Ban(
                named,
                text.quote(Hit(first, last + 1, text.sentences[i])),
                fixed,
                text.words[i] in _UNABLE,
                frozenset(thing),
            )
            thing = []
        if j >= 0 and text.words[j] not in ("or", "and", "nor"):
            thing.append(j)


def _tells(word: str) -> bool:
    return word.isdigit() or (
        len(word) > 2 and word not in COMMON and word not in _EMPTY and not (len(word) > 5 and word.endswith("ly"))
    )


_NO = words_of("no without avoid avoiding zero excluding exclude sans")
_NOT = words_of("dont doesnt mustnt shouldnt cant cannot not never wont")
_UNABLE = words_of("cant cannot doesnt dont wont hate hates allergic intolerant allergy")
_FREE = words_of("free")
_TO = words_of("allergic intolerant clear away nothing")
_DISLIKED = words_of(
    "hate hates loathes detests forbids forbid forbade bans prohibits prohibit disallows vetoed bars outlaws refuses"
)
_OF = words_of("to of from with containing about")
_ALLERGY = words_of("allergy allergies intolerance intolerances")
_CLOSING = words_of("banned forbidden prohibited taboo limits disallowed verboten excluded")
_HOLDING = words_of("keep leave")
_STAYING = words_of("stay stays remain remains be left")
_TELLING = _NO | _NOT | _FREE | _TO | _DISLIKED | _ALLERGY | _CLOSING | _HOLDING | _STAYING
_BEING = words_of("is are be was were stay stays strictly completely")
_UNCHANGED = words_of("as same unchanged untouched identical exactly alone")
_MUST = words_of("must should shall to can will always")
_MODAL = words_of("must do may should shall please")
_OPENERS = words_of("please pls so just but and also then you") | {""}
_PERSONS = words_of("i we you he she they")
_TOWARD = words_of("for about on in at to with")
_PASSED = words_of("ever even please to be really just also actually")
_PASSIVE = words_of("come appear show contain allowed occur turn mentioned used included shown named permitted touched")
_HABITS = words_of(
    "work do eat drink have want use allow accept tolerate install touch permit own take stand contain handle"
)
_COMPARED = words_of(
    "more less longer later earlier fewer bigger smaller shorter over under above below before after until than sooner"
)
_THINKING = words_of("""
    know think mind care matter worry believe see understand get remember need wait feel really sure mean
    even seem sound work wanna forget exceed leave hesitate help find figure decide afford stand make
""")
_STOPS = words_of("""
    because since so but when if that which who whose as until while though although please thanks just for in at by
""")
_CHANGING = words_of(
    "touch change changing alter modify rename edit move rewrite delete remove break drop replace reword cut"
)
_DOING = words_of("""
    install contact invite tell email call involve name wear serve give send post bring discuss cite quote print
    schedule book cook order play accept ask request buy touch use mention include add write say talk reveal
    put show contain import eat drink have bring reference disclose share promise offer list suggest
    recommend compare
""")
_EMPTY = words_of("""
    idea problem problems worries need rush hurry longer matter clue doubt reason way point sense time thing things
    use using mention mentioning include including add adding contain put touch show appear come allowed single even
    ever again anything any anyone nobody already yet far much many lot bit kind sort own other others else changes
    cutting allow permit like want tolerate say saying talk talking write writing question questions word exceptions
    exception matters answer experience luck pressure offence least budget money limit one there only whatsoever all
    anymore must have has eat eating buy want wanted nothing ones cost further extra you back its is bad good big small
    day days week weeks month year hour hours morning evening night people person everyone today tomorrow chance
    change changing doing ask asking tell telling pay paying first last next line part text page name out off real
    message email letter story guests guest list data file table code please that this what plan call work working
    minutes meeting number numbers date help choice option nice great new old different hard easy long short
""")
