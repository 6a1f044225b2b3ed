"""Answers: what one leaves open. A question back, a refusal, or a retraction.

Only the assistant's own voice counts: a frame, code, quoted text and lines are left out.
"""

from __future__ import annotations

from functools import lru_cache

import regex

from ladder_bench.blocks import sentences, visible
from ladder_bench.triggers import retractions

LAST_SENTENCES = 2  # a question further up is usually rhetorical or answered by what follows
ENDING = 1_000  # characters in which the last sentences of an answer stand, or the first
FIRST_SENTENCES = 3  # a refusal further down refuses a detail
LETTERS = 3  # of an answer that are left out, more are seldom there
LISTED = 3  # numbered items from which on a question among them is material for the user
REDIRECTION = 120  # characters after a refusal that may still be only a pointer elsewhere; more is help


@lru_cache(maxsize=256)
def is_settled(answer: str) -> bool:
    """True where the answer asks the user nothing at its end, does not refuse and takes nothing back.

    An offer ("Want me to add tests?") asks for nothing that the answer needed. An empty answer settles nothing.
    """
    if not visible(answer).strip() or retractions.find(visible(answer), "") is not None:
        return False
    return refusal(answer) is None and open_question(answer) is None


@lru_cache(maxsize=256)
def refusal(answer: str) -> str | None:
    """The sentence near its beginning in which the answer refuses, None where it does not, or helps all the same."""
    if not _MAY_REFUSE.search(answer, 0, ENDING):
        return None
    parts = spoken(own_voice(answer))
    for n, sentence in enumerate(parts[:FIRST_SENTENCES], start=1):
        if _REFUSAL.search(sentence) and not _NO_REFUSAL.search(sentence):
            return sentence if sum(map(len, parts[n:])) <= REDIRECTION else None
    return None


@lru_cache(maxsize=256)
def open_question(answer: str) -> str | None:
    """The question to the user that an answer ends with, None where it ends otherwise.

    Neither an offer, nor an item of a list, nor a rhetorical question that the answer goes on to answer is one.
    """
    if "?" not in answer[-ENDING:]:
        return None
    voice = own_voice(answer)[-ENDING:]
    if len(_ITEMS.findall(voice)) >= LISTED and _ITEMS.search(voice, voice.rfind("\n") + 1):
        return None
    ending = spoken(voice)[-LAST_SENTENCES:]
    for place, sentence in enumerate(ending, start=1):
        if not sentence.endswith("?") or _OFFER.search(sentence) or not _TO_USER.search(sentence):
            continue
        if place == len(ending) or _goes_on(ending[-1]):
            return sentence
    return None


def spoken(voice: str) -> tuple[str, ...]:
    """The sentences of a text without the marks around them, and only those that hold a letter."""
    parts = (part.strip(" \t\r\n\"')”\u2060*_") for part in sentences(voice))
    return tuple(part for part in parts if any(map(str.isalpha, part)))


@lru_cache(maxsize=256)
def own_voice(answer: str) -> str:
    """An answer without its frame, code, quotations and letters: one sign stands for each that is left out."""
    shown = visible(answer)
    return _NOT_SPOKEN.sub(_left_out, _without_letters(shown)).replace("’", "'") if _MARKED.search(shown) else shown


def _without_letters(text: str) -> str:
    """A text without the letters in it, each from its salutation to the line after its closing words."""
    for _ in range(LETTERS):
        opening = _SALUTATION.search(text)
        closing = _CLOSING.search(text, opening.end()) if opening else None
        if opening is None or closing is None:
            break
        text = f"{text[: opening.start()]}¤\n{text[closing.end() :]}"
    return text


def _left_out(match: regex.Match[str]) -> str:
    return "¤" + "\n" * match[0].endswith("\n")


def _goes_on(sentence: str) -> bool:
    """Say whether what follows a question still waits for its answer: another question, a request, or a condition."""
    return sentence.endswith("?") or _WAITS.search(sentence) is not None


_ITEMS = regex.compile(r"(?:^|(?<=[.?!:;]\s))[ \t]*\d{1,2}[.)]\s", regex.MULTILINE)
_NOT_SPOKEN = regex.compile(
    r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]+`|^[ \t]*>[^\n]*|\"[^\"]{1,4000}\"|“[^”]{1,4000}”|«[^»]{1,4000}»",
    regex.DOTALL | regex.MULTILINE,
)
_SALUTATION = regex.compile(
    r"(?i)^[ \t]*(?:dear|hi|hello|hey|good (?:morning|afternoon|evening))\b[^\n.?]{0,40}[ \t]*\n", regex.MULTILINE
)
_CLOSING = regex.compile(
    r"(?i)^[^\n]{0,30}\b(?:regards|sincerely|best|thanks|thank you|cheers|wishes|yours)\b[^\n]{0,20}\n+[^\n]*",
    regex.MULTILINE,
)
_MARKED = regex.compile(r"[`~>\"“«’]|(?i:^[ \t]*(?:dear|hi|hello|hey|good)\b)", regex.MULTILINE)
_MAY_REFUSE = regex.compile(r"(?i)can(?:no|['’])?t\b|unable|won['’]?t|not able|not comfortable|declin|not going to")
_REFUSAL = regex.compile(
    r"(?i)^(?:(?:i'?m|i am) (?:\w+ )?(?:sorry|afraid),? (?:but |that )?|(?:sorry|unfortunately|apologies|no),? (?:but )?"
    r"|as an? [\w ]{2,30},? )?i(?: can(?:no|')?t|'?m (?:\w+ )?(?:unable|not able|not comfortable|not going)| am (?:\w+ )?"
    r"(?:unable|not able|not comfortable|not going)| won'?t(?: be able)?| (?:must|have to|need to)? ?decline)"
    r"(?: to| with)?(?: \w+){0,2}? (?:help|helping|assist|assisting|do (?:that|this|it)|answer|provide|providing|discuss|give"
    r"|giving|support|comply|engage|fulfil+|produce|write|writing|create|share|sharing|advise|recommend|go (?:into|there)"
    r"|continue|this|that|request)\b"
)
_NO_REFUSAL = regex.compile(
    r"(?i)\bhelp (?:but|\w+ing)\b|\b(?:without|until|unless|before|yet|from here)\b|\bif (?:i|you)\b|\bmore than\b"
    r"|\bguarantee|\b(?:exact|precise|certain|sure|definit\w+|verified|reliable)\b"
)
_TO_USER = regex.compile(
    r"(?i)\b(?:you|your|yours|you'\w+|u|ur)\b|^(?:(?:and|or|so|but|also|then|first|one more|\w+,) )*(?:which|what|what's|when|where"
    r"|who|whose|how|is|are|was|were|does|do|did|has|have|will|would|can|could|any)\b|[:,;] (?:which|what|when|where|who|how"
    r"|is|are|does|do|did|has|can|will|or)\b"
)
_OFFER = regex.compile(
    r"(?i)\b(?:(?:want|need|like|prefer) me to|(?:shall|should|can|could|may) i\b(?! (?:assume|ask))|let me know if|anything else"
    r"|something else|(?:do|would) you (?:want|like) (?:\w+ ){1,3}?(?:too|as well|next|instead|of (?:it|this|that))"
    r"|(?:would|does|do|did|is|was|will|how) (?:that|this|it) (?:help|sound|make sense|answer|clear|work for you|look|enough)"
    r"|makes? sense|sounds? good|ready (?:to|for)|shall we|why not|who knows|what else|what more|how about that|guess what|(?:maybe|perhaps) you|have you (?:considered|thought)|why don't"
    r"|fancy (?:a|an|some)|care (?:for|to)|interested in|happy (?:with|to)|any (?:other|more|further) questions?|would you like"
    r"(?! (?:it|them|the \w+) (?:to|in|for|with|on|or))|curious (?:about|how|why)|isn't (?:it|that)|aren't (?:they|we)|right)(?:\b|\?)"
)
_WAITS = regex.compile(
    r"(?i)\b(?:tell me|let me know|send|share|paste|once (?:i|you)|with (?:that|those|these|this)|then i(?:'ll| can)|so (?:that )?i can"
    r"|before i|i(?:'ll| will| can) (?:then|take it|work|adjust|give)|depends|in that case|if (?:it|you|so|not)|also|need)\b"
)
