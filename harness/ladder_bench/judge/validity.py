"""Replay validity: whether a recorded user message still makes sense after answers that nobody recorded.

A rule and a proxy. A message stops making sense where it presupposes what only the recorded answers have: words that
it quotes, names and numbers that it takes as said, the third step or option B of a list, "your table", what "you said",
"the trigger" that an answer brought up, "yes" to a question, "works, thanks" to a refusal. What the strategy's own
answers have too, or the user said before, is no such thing.

In doubt a message is valid: the same words in another sense, a step 3 of other content, and an answer that a message
merely ignores are not seen. English alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import regex

from ladder_bench.judge import contents
from ladder_bench.judge.contents import NOUNS, VAGUE, Has
from ladder_bench.judge.identifiers import addresses, compact, identifiers
from ladder_bench.judge.names import COMMON, OPENERS, names, words_of
from ladder_bench.triggers.text import meaning, stem


@dataclass(frozen=True, slots=True)
class Presupposition:
    """Words of a message that lean on an answer before it. `given` says whether an answer has what they need.

    `last` where that must be the answer just before the message.
    """

    words: str
    needs: str
    given: Has
    last: bool = False

    def met(self, answers: Sequence[str]) -> bool:
        """Whether these answers, oldest first, have what the words need."""
        return any(self.given(answer) for answer in (answers[-1:] if self.last else answers))


def presuppositions(message: str, recorded: Sequence[str], known: Sequence[str]) -> tuple[Presupposition, ...]:
    """What a message takes from the recorded answers before it, and from nothing else.

    `recorded` are those answers as the user saw them, oldest first; `known` what the user could know without them: the
    system prompt, tool results, the user's own earlier messages.
    """
    unfenced = _FENCE.sub(_blank, message)
    said = _Said(message, unfenced, _PASTED.sub(_blank, unfenced), tuple(recorded), tuple(known))
    found = [each for reader in READERS for each in reader(said)]
    return tuple(each for each in found if each.met(recorded))


def unmet(presupposed: Sequence[Presupposition], answers: Sequence[str]) -> Presupposition | None:
    """The first presupposition that a strategy's own answers do not meet, None where all of them are met."""
    return next((each for each in presupposed if not each.met(answers)), None)


def speaks(language: str | None) -> bool:
    """Whether the rule reads a language, by its tag; an unknown language (None) is taken as read."""
    return language is None or language.casefold().split("-")[0] == "en"


@dataclass(frozen=True, slots=True)
class _Said:
    """A user's message, the same without code and without all that is pasted, and what stood before it."""

    message: str
    unfenced: str
    prose: str
    recorded: tuple[str, ...]
    known: tuple[str, ...]

    def knew(self, has: Has) -> bool:
        return any(has(text) for text in self.known)


def _each_once(pattern: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
    """The first match of each wording."""
    seen: set[str] = set()
    for match in pattern.finditer(text):
        if match[0].casefold() not in seen:
            seen.add(match[0].casefold())
            yield match


def _blank(match: regex.Match[str]) -> str:
    return " " * len(match[0])


# --- words that only the recording has -----------------------------------------------------


def _quotations(said: _Said) -> Iterator[Presupposition]:
    for match in _QUOTED.finditer(said.unfenced):
        phrase = contents.flat(next(group for group in match.groups() if group is not None))
        if len(phrase) < 4 or _BANNED.search(said.unfenced, 0, match.start()):
            continue
        if phrase.count(" ") == 2 and not _CITES.search(said.unfenced, 0, match.start()):
            continue  # a single word in quotes is as a rule a value or a new name
        if not said.knew(contents.holds(phrase)):
            yield Presupposition(match[0].strip(), "these words", contents.holds(phrase))


def _specifics(said: _Said) -> Iterator[Presupposition]:
    prose = said.prose
    for mention in (*addresses(prose), *identifiers(prose)):
        has = contents.spells(compact(mention.text))
        supplied = prose[mention.end : mention.end + 2].lstrip().startswith("=")
        if len(compact(mention.text)) > 3 and not supplied and _is_own(mention.text) and not said.knew(has):
            yield Presupposition(mention.text, "that name", has)
    people = [name for name, _ in names(prose) if words_of(name)]
    people += [match[0] for match in _CAPITALISED.finditer(prose) if match[0].casefold() not in COMMON | OPENERS]
    for name in people:
        has = contents.has_words(frozenset(words_of(name)))
        if not said.knew(has) and any(name in answer for answer in said.recorded):
            yield Presupposition(name, "that name", has)


def _is_own(name: str) -> bool:
    """False for names that belong to everybody's tools."""
    return any(mention.stated for mention in (*addresses(name), *identifiers(name)))


def _numbers(said: _Said) -> Iterator[Presupposition]:
    """Numbers that are taken as said: "the 450 euros", "why 450", "450 is too much", "450?"."""
    for pattern in (*_TAKEN_AS_SAID, _ANY_NUMBER):
        for match in pattern.finditer(said.prose):
            number = contents.number(match["number"])
            if pattern is _ANY_NUMBER:
                common = not _is_exact(number)
            else:
                common = number.isdigit() and int(number) <= SMALL and not match["mark"]
            if not common and not said.knew(contents.has_number(number)):
                yield Presupposition(match[0].strip(" .!?\n"), "that number", contents.has_number(number))


def _is_exact(number: str) -> bool:
    """Whether two people would hardly write this number by chance: three digits that count, and no year."""
    digits = _NO_DIGIT.sub("", number).strip("0")
    return ":" not in number and len(digits) >= EXACT and not _YEAR.fullmatch(number)


def _claims(said: _Said) -> Iterator[Presupposition]:
    """What "you said": one of its words must be in an answer."""
    for match in _YOU_SAID.finditer(said.prose):
        yield from _brought_up(said, match[0].strip(), contents.stems(match["what"]))


def _definites(said: _Said) -> Iterator[Presupposition]:
    """Things taken as known, such as "the trigger", that the last recorded answer brought up by itself."""
    if not said.recorded:
        return
    earlier = contents.told(said.recorded[-1])
    for match in _DEFINITE.finditer(said.prose):
        if _points(match["first"]) and stem(match["first"].casefold()) in earlier:
            pair = [stem(word.casefold()) for word in match.group("first", "second") if word and _points(word)]
            if contents.stems(said.prose[: match.start()]).isdisjoint(pair):
                yield from _brought_up(said, match[0].strip(), frozenset(pair))


def _points(word: str) -> bool:
    folded = word.casefold()
    return len(folded) > 3 and meaning(folded) and folded not in VAGUE and not folded.endswith(("ed", "est", "ly"))


def _brought_up(said: _Said, text: str, stems: frozenset[str]) -> Iterator[Presupposition]:
    known = frozenset().union(*map(contents.stems, said.known))
    told = frozenset().union(*map(contents.stems, said.recorded))
    if stems & told and not stems & known:
        yield Presupposition(text, "any such thing", contents.has_any(stems & told))


# --- places in an answer, and things that it made ------------------------------------------


def _items(said: _Said) -> Iterator[Presupposition]:
    """Places in a list: step 3, option B, the second one, all four points."""
    for match in _each_once(_ITEM, said.prose):
        before, noun = said.prose[: match.start()], (match["noun"] or "").casefold()
        if match["letter"]:
            has = contents.lettered(match["letter"].upper())
        else:
            word = (match["ordinal"] or match["count"] or match["place"] or "").casefold()
            place = PLACES.get(word) or (int(word) if word.isdigit() else 0)
            if not 0 < place <= MOST_ITEMS or (noun == "one" and _OWN_PAIR.search(before)):
                continue
            has = contents.numbered(place, noun)
        if not said.knew(has) and not has(before):
            yield Presupposition(match[0].strip(), "such an item", has)


def _artefacts(said: _Said) -> Iterator[Presupposition]:
    """Things that an answer made: "your table", "that email", "make the script shorter"."""
    for match in _each_once(_ARTEFACT, said.prose):
        whose, noun, before = match["whose"].casefold(), match["noun"].casefold(), said.prose[: match.start()]
        kind = next(kind for kind, nouns in ARTEFACTS.items() if regex.fullmatch(nouns, noun))
        if whose != "your":
            edited = _EDITS.match(said.prose, match.end()) is not None
            asked_for = not edited and _CREATES.search(before) is not None
            users_own = any(noun.rstrip("s") in text.casefold() for text in (*said.known, before))
            pasted = kind == "code" and ("```" in said.message or said.knew(contents.made("code")))
            loose = whose == "the" and kind in LOOSE and not edited
            if asked_for or users_own or pasted or loose:
                continue
        if any(map(contents.made(kind), said.recorded)):
            yield Presupposition(match[0].strip(), "such a thing", contents.made_or_named(kind, noun.rstrip("s")))


# --- replies -------------------------------------------------------------------------------


def _replies(said: _Said) -> Iterator[Presupposition]:
    """Yes, no, "they do", "both" and bare numbers answer a question; "works, thanks" needs what could work."""
    opening = said.prose.strip()
    if _CHALLENGES.match(opening):
        return
    for reply in REPLIES:
        match = reply.pattern.match(opening)
        if match is not None:
            given = reply.given
            if given is contents.offers:  # yes may also agree with what an answer said
                given = _or_says(_CLAUSE.split(opening[match.end() :].lstrip(" ,.:;!-–—"), 1)[0])
            yield Presupposition(match[0].strip(), reply.needs, given, last=True)
            return


def _or_says(clause: str) -> Has:
    agreed = contents.has_any(contents.stems(clause))
    return lambda answer: contents.offers(answer) or agreed(answer)


class _Reply(NamedTuple):
    pattern: regex.Pattern[str]
    needs: str
    given: Has


_END = r"(?=\s*(?:[,.:;!–—]|$|\s-))"
REPLIES = (
    _Reply(
        regex.compile(
            r"(?i)(?:(?:ok(?:ay)?|oh|ah|hm+)[,.]?\s)?(?:(?:yes|yeah|yep|yup|nope|nah)\b"
            rf"|(?:no|sure|of course|not yet|not really|go ahead){_END})(?:\splease\b)?"
        ),
        "such a question",
        contents.offers,
    ),
    _Reply(
        regex.compile(
            r"(?i)(?:they|it|we|i|he|she|you|there|those|none|neither)\s(?:do|does|did|is|are|was|were|can|could|will"
            rf"|would|have|has|had|am|should)(?:n['’]?t|\snot)?{_END}"
        ),
        "such a question",
        contents.asks,
    ),
    _Reply(
        regex.compile(rf"(?i)(?:both|either|neither|(?:the )?(?:former|latter))(?:\sof\sthem|\splease)?{_END}"),
        "such a choice",
        contents.chooses,
    ),
    _Reply(
        regex.compile(r"(?i)(?:(?:about|around|roughly|maybe)\s|~\s?)?\d[\w.,:%/-]*(?:\s\w+){0,2}\s*[.!]?\s*$"),
        "such a question",
        contents.asks,
    ),
    _Reply(
        regex.compile(
            r"(?i)(?:(?:ok(?:ay)?|oh|wow|ah)[,.!]*\s)?(?:(?:(?:that|it)\s)?work(?:s|ed)\b|perfect\b"
            r"|love (?:it|this|that)\b|looks (?:good|great)\b|much better\b|better[, ]+but\b|good catch\b|nice one\b"
            r"|did (?:all of )?that\b|that (?:fixed|did|solved) it|ran it\b|final version\b"
            r"|(?:now )?the same (?:as|but|in|for)\b|same[, ]+(?:but|only)\b"
            r"|(?:good|great|nice|fine)[.!,]+ (?:now|next|last|final|thanks)\b)"
        ),
        "anything that it can mean",
        contents.delivers,
    ),
)
READERS = (_quotations, _specifics, _numbers, _items, _artefacts, _replies, _claims, _definites)
EXACT = 3  # digits, without zeros at either end
SMALL = 12  # whole numbers up to here are too common to show where they come from
MOST_ITEMS = 20
PLACES = {
    **dict.fromkeys(("first", "1st", "last", "two", "second", "2nd", "both"), 2),  # the first presupposes a second
    **dict.fromkeys(("third", "3rd", "three"), 3),
    **dict.fromkeys(("fourth", "4th", "four"), 4),
    **dict.fromkeys(("fifth", "5th", "five"), 5),
    **dict.fromkeys(("sixth", "6th", "six"), 6),
}
_ITEM = regex.compile(
    rf"\b(?P<noun>{NOUNS})s?\s#?(?P<place>\d{{1,2}})(?![\d.,:%]\d|\d|\s?%)"
    rf"|\b(?:the|your|that)\s(?P<ordinal>first|second|third|fourth|fifth|sixth|last|[1-6](?:st|nd|rd|th))\s"
    rf"(?:\w+\s)?(?P<noun>{NOUNS})s?\b"
    rf"|\b(?:all|the|those|these|your)\s(?P<count>two|three|four|five|six|[2-6])\s(?:\w+\s)?(?P<noun>{NOUNS})s\b"
    rf"|\b(?P<count>both)\s(?:\w+\s)?(?P<noun>{NOUNS})s\b"
    rf"|\b(?:{NOUNS}|plan)\s(?P<letter>[a-f])\b(?!['’])"
    r"|\b(?:go(?:ing)?\swith|take|pick|choose|prefer|vote\sfor|fine\swith)\s(?-i:(?P<letter>[A-F]))\b(?!['’\s]?\w)"
    r"|\b(?:number|nr\.?)\s(?P<place>\d{1,2})(?![\d.,:%]\d|\d)|(?<![\w#])#(?P<place>\d{1,2})\b",
    regex.IGNORECASE,
)
_OWN_PAIR = regex.compile(r"\b(?:two|both|pair|either|first|doubles?)\b", regex.IGNORECASE)

ARTEFACTS = {
    "code": r"scripts?|code|snippets?|functions?|quer(?:y|ies)|commands?|one-liners?|regex|macros?|formulas?",
    "table": r"tables?",
    "list": r"lists?|bullets?|checklists?|steps|schedule|itinerary|agenda|outline",
    "letter": r"drafts?|e-?mails?|letters?|mails?",
    "sum": r"estimates?|calculations?|math|maths|figures?",
    "example": r"examples?|analogy",
    "question": r"questions?",
}
LOOSE = ("table", "list", "sum", "question")  # "the table" may well be another one
_ARTEFACT = regex.compile(
    rf"\b(?P<whose>your|the|that|this)\s(?:\w+\s)?(?P<noun>{'|'.join(ARTEFACTS.values())})\b", regex.IGNORECASE
)
_CREATES = regex.compile(
    r"\b(?:writ|creat|mak|giv|generat|build|draft|produc|show|prepar|send|need|want|get|hav|do|post|past)(?:e|es|s|ing)?\b"
    r"[^.!?\n]{0,25}$|\bhere(?:'s|\sis|\sare)\b[^.!?\n]{0,25}$",
    regex.IGNORECASE,
)
_EDITS = regex.compile(r"\s(?:\w+er\b|more|less|again|a bit|as|into|you|above|from above)", regex.IGNORECASE)

_NUMBER = r"(?P<mark>[$€£]\s?)?(?<![\d.,:])(?P<number>\d++(?:[.,:]\d++){0,6}+)(?P<mark>\s?%)?"
_TAKEN_AS_SAID = tuple(
    regex.compile(pattern, regex.IGNORECASE | regex.MULTILINE)
    for pattern in (
        rf"\b(?:the|that|those|these|your)\s(?:extra\s|other\s|full\s|whole\s)?{_NUMBER}(?!st\b|nd\b|rd\b|th\b)",
        rf"\b(?:why|how)\s(?:is\sit\s|only\s|just\s|not\s|d(?:id|o)\syou\sget\s|come\s(?:only\s)?)?{_NUMBER}",
        rf"{_NUMBER}(?:\s\w+)?\s(?:seems?|sounds?|looks?|feels?)\b",
        rf"{_NUMBER}(?:\s\w+)?\s(?:is|are|works?|was|were)\b"
        r"(?=\s(?:\w+\s)?(?:too|a\slot|high|low|wrong|fine|ok|okay|perfect|good|great|much|steep|expensive|cheap|tight"
        r"|long|short|for\s(?:me|us))\b|\s*[.!,?]|\s*$)",
        rf"\b(?:go\swith|take|choose|pick|book|drop|swap|replace|cancel|skip)\s(?:the\s)?{_NUMBER}",
        rf"(?:^|[.!?]\s){_NUMBER}(?:\s\w+){{0,2}}\?",
        rf"\byou\s(?:said|wrote|mentioned|gave|suggested|got|calculated|quoted|estimated)\b[^.!?\n]{{0,40}}?{_NUMBER}",
    )
)
_ANY_NUMBER = regex.compile(rf"(?<![\w.,:/-]){_NUMBER}(?![\w/-])")
_NO_DIGIT, _YEAR = regex.compile(r"\D"), regex.compile(r"(?:19|20)\d\d")
_YOU_SAID = regex.compile(
    r"\b(?:you|u)\s(?:just\s|also\s|only\s|even\s|had\s|have\s)?(?:said|mentioned|suggested|suggest|recommended|recommend"
    r"|wrote|told\sme|proposed|listed|asked|warned|say|mean|call|gave|sent|posted|used|added|included|described|showed|picked|chose"
    r"|named|assumed|promised|advised|talked\sabout)\b(?P<what>[^.!?;\n]{0,80})",
    regex.IGNORECASE,
)
_DEFINITE = regex.compile(
    r"(?:\b(?:the|those|these|your)|(?<=(?:^|[.!?,;:]\s|\b(?:about|with|of|for|is|does|did|do|on|in|from|why|put|use|set|add|make|run|try)\s))that)\s"
    r"(?P<first>[^\W\d_]+)(?:\s(?P<second>[^\W\d_]+))?(?![\w'’])(?!\s*:|\s(?:for|of|to|from|in|on|that|which|we|i)\b)"
    r"(?<!\s(?:for|of|to|from|in|on|that|which|we|i))",
    regex.IGNORECASE,
)
_CAPITALISED = regex.compile(r"(?<=[\p{L},;] )\p{Lu}\p{Ll}{2,}\b(?!:)")

_FENCE = regex.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)", regex.DOTALL)
# quoted lines, lines of tables and of CSV
_PASTED = regex.compile(r"(?m)^[ \t]*>[^\n]*|^[^\n]*(?:\t|\S {3,}\S|\S,\S[^\n,]*,\S)[^\n]*$")
_QUOTED = regex.compile(
    r"\"([^\"\n]{2,200})\"|“([^”]{2,200})”|(?<!`)`([^`\n]{2,80})`(?!`)|(?<![\w'’])['‘]([^'’\n]{3,80})['’](?!\w)"
    r"|(?m:^[ \t]*>\s*([^\n]{4,300}))"
)
_BANNED = regex.compile(
    r"\b(?:no|never|not|avoid|without|nor|don['’]?t (?:use|say|write))\s[^.!?\n]{0,3}$", regex.IGNORECASE
)
_CITES = regex.compile(
    r"\b(?:by|mean|means|the|your|that|what|what['’]?s|why|said|say|says|word|phrase|term|about|call|called|wrote|with|like)"
    r"\s(?:\w+\s)?$",
    regex.IGNORECASE,
)
_CHALLENGES = regex.compile(
    r"(?:no|nope|nah)\W+(?:(?:that|this|it)(?:['’]?s|\sis|\swas)?\s(?:\w+\s)?(?:not|wrong|incorrect|false)"
    r"|i (?:said|meant|asked|want|did)|you|wait|not|stop|the|but)",
    regex.IGNORECASE,
)
_CLAUSE = regex.compile(r"[.!?;\n]")
