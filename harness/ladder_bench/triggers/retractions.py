"""Self-corrections: where an answer takes back what the assistant said before.

A rule over sentences in the first person. A rate, not a penalty: a correction that nobody asked for is a good sign.
It is not fooled by somebody else's mistake, quoted text, code or a negation, and sympathy ("sorry to hear") is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import regex


@dataclass(frozen=True, slots=True)
class Retraction:
    """A sentence that takes something back. `prompted` where the user had challenged the earlier answer."""

    evidence: str
    prompted: bool


@lru_cache(maxsize=1024)
def find(answer: str, user_message: str) -> Retraction | None:
    """Return the first retraction of an answer, None where it has none."""
    spoken = _QUOTED.sub(" ", _UNSPOKEN.sub(" ", answer))
    if not _MAYBE.search(spoken):
        return None
    for match in _SENTENCE.finditer(spoken):
        sentence = match[0]
        if _MAYBE.search(sentence) and _retracts(sentence):
            return Retraction(sentence.strip(), challenged(user_message))
    return None


def challenged(user_message: str) -> bool:
    """Say whether a message doubts or contradicts the answer before it."""
    return _CHALLENGE.search(_QUOTED.sub(" ", user_message)) is not None


def _retracts(sentence: str) -> bool:
    match = _RETRACTION.search(sentence)
    if match is None or _NOT_MEANT.search(sentence):
        return False
    return _DENIAL.search(sentence, 0, match.end()) is None


_MINE = r"(?:my|the)\s(?:earlier|previous|last|prior|first|initial|original|above|preceding)\s"
_SAID = (
    r"(?:answers?|responses?|repl(?:y|ies)|statements?|messages?|suggestions?|advice|claims?|explanations?"
    r"|calculations?|commands?|quer(?:y|ies)|code|snippets?|solutions?|figures?|numbers?|recommendations?"
    r"|instructions?|assessment|assumption|information)"
)
_WRONG = (
    r"(?:wrong|incorrect|mistaken|inaccurate|in error|an error|a mistake|not (?:quite |entirely )?(?:right|correct"
    r"|accurate)|misleading|flawed|false|off|incomplete)"
)
_FAULT = (
    r"(?:mistake|error|oversight|slip|typo|blunder|misstatement|miscalculation|confusion|misunderstanding|inaccuracy"
    r"|misinformation|oversimplification|omission|(?:incorrect|wrong|inaccurate|outdated|misleading) \w+)"
)
_RESULT = r"(?:estimate|guess|total|sum|count|date|reading|figure|number|assumption)"
_WHAT = r"(?:(?:the|that|this|it|those|them|my)\s)(?:\w+\s){0,3}?"
_BACKWARDS = r"(?:wrong|backwards|reversed|mixed up|(?:the )?wrong way a?round)"
_SLIPPED = (
    r"(?:misread|misspoke|misstated|miscalculated|miscounted|misunderstood|misremembered|misinterpreted|overlooked"
    rf"|mixed up|mistook|confused|misquoted|mislabell?ed|got {_WHAT}{_BACKWARDS})"
)
_REGRET = r"(?:sorry|apologi[sz]e|apologies|my bad|forgive me)"
_DONE = r"(?:said|written|used|told|suggested|noticed|checked|mentioned|given|caught|included|asked|put|recommended)"

_ADMISSIONS = (
    r"\b(?:I|we)\s(?:was|were|am|'m|’m|stand)\s(?:\w+\s){0,2}?(?:wrong|mistaken|in error|incorrect|corrected)\b",
    rf"\b{_MINE}{_SAID}\s(?:\w+\s){{0,6}}?(?:was|were|is|are|had|contained|contains)\s(?:\w+\s){{0,2}}?{_WRONG}\b",
    rf"\bwhat I (?:said|wrote|told you|gave you)\s(?:\w+\s){{0,5}}?(?:was|is)\s(?:\w+\s){{0,2}}?{_WRONG}\b",
    rf"\bI (?:(?:have|had|'ve|just|also|indeed|did)\s)*ma[dk]e\s(?:an?|the|some|two)\s(?:\w+\s){{0,3}}?{_FAULT}",
    rf"\bI (?:\w+\s){{0,2}}?{_SLIPPED}\b",
    r"(?:^|[:;]\s*|[-–—]\s*|\*\*)\s*(?:small\s|quick\s|one\s|a\s)?correction(?:\sto\smy\s[\w\s]+)?\s?(?:\*\*)?[:,–—]",
    rf"\b(?:scratch|strike|disregard|ignore)\s(?:that\b(?!\s\w)|{_MINE}\w+|what I (?:said|wrote))",
    r"\bI (?:take (?:that|it|this) back|retract|withdraw)\b",
    r"\bI(?: need to|'d like to| must| should| have to)? correct (?:myself|my|that|an error|a mistake|what I)",
    r"\b(?:on second thoughts?|(?:come|now that I) (?:to )?think (?:of|about) it)\b",
    r"\bsorry\b[^.!?\n]{0,40}\b(?:that|it|this) should (?:be|have been|read|say)\b",
    rf"\b{_REGRET}\b[^.!?\n]{{0,40}}\b(?:my|the|that|this|any earlier|previous)\s(?:\w+\s){{0,2}}?{_FAULT}s?\b",
    rf"\b{_REGRET}\b[^.!?\n]{{0,12}}\b(?:that|this|it) (?:was|is)\s(?:\w+\s)?{_WRONG}\b",
    r"\byou(?:'re|’re| are) (?:\w+\s)?(?:right|correct)\b[^\n]{0,120}?"
    r"\b(?:I (?:should(?:n't| not)? have|missed|forgot|got|had|made|said|gave|wrote|failed|left)"
    r"|my (?:mistake|error|bad|oversight|apologies))\b",
    rf"\bI should(?:n't| not)? have {_DONE}\b",
    r"\bmy (?:mistake|error|bad|oversight)\b(?=\s*[.,;:!–—-]|\s*$)",
    rf"\bcontrary to (?:what I (?:said|wrote|told you)|{_MINE}{_SAID})",
    r"\b(?:let me|I(?:'ll| will| have to| need to| must| should))"
    r" (?:(?:revise|amend|retract|rectify|walk back|take back)"
    r" (?:what I|(?:my|the) (?:earlier|previous|last|first|original))\b"
    r"|correct (?:(?:that|this|it|one thing|something)(?=\s*(?:[.,;:!–—]|$))|what I))",
    rf"\bI had {_WHAT}{_BACKWARDS}\b",
    rf"\b(?:the|my) (?:{_SAID}|{_RESULT}) (?:that )?I (?:gave|told|quoted|sent|showed|wrote|used|stated|cited)\b"
    rf"[^.!?\n]{{0,50}}\b(?:should (?:have been|be)|(?:was|is|were) (?:\w+ )?{_WRONG}"
    r"|(?:does|do)(?:n[’']t| not|es not) (?:hold|apply)|no longer holds?)",
    rf"\bmy (?:\w+ )?(?:{_RESULT}|{_SAID})(?: \w+){{0,5}}? (?:was|were|is) (?:\w+ ){{0,2}}?"
    rf"(?:{_WRONG}|optimistic|pessimistic|too (?:high|low)|outdated)",
    r"\b(?:strike|forget|disregard|ignore) (?:that|my) (?:last|first|previous|earlier)\b",
    r"\bI (?:said|told you|claimed|wrote|stated|suggested)\b[^.!?\n]{1,80}"
    r"\b(?:but (?:that|this|it) (?:is|was|isn't|wasn't) (?:\w+\s)?(?:wrong|incorrect|not|right|correct|true)"
    r"|that (?:is|was) (?:wrong|incorrect|not true))",
)
_RETRACTION = regex.compile("|".join(_ADMISSIONS), regex.IGNORECASE | regex.MULTILINE)
_MAYBE = regex.compile(  # every admission has one of these, and most sentences have none
    r"\b(?:I|we|my|scratch|strike|disregard|ignore|forget|on second|think|sorry|forgive|let me)\b"
    rf"|\bapologi|\b{_MINE}|correction",
    regex.IGNORECASE,
)
_DENIAL = regex.compile(
    r"(?:\b(?:not|never|no)|n't|n’t)\s(?:think\s|believe\s|see\s)?(?:that\s)?(?:\w+\s)?(?:a |an |the |any |my )?"
    r"(?:mistake|error|wrong|mistaken|incorrect|made|make)\b|\bnot\s(?:that\s)?I was wrong"
    r"|\b(?:stand by|without (?:my|a|an))\b",
    regex.IGNORECASE,
)
# conditions, and regret about something that is not the assistant's answer
_NOT_MEANT = regex.compile(
    r"\b(?:if|unless|in case|whether|when|should)\s(?:I|we|my|the|you|it|that|there)(?:'m|’m)?\s(?:\w+\s){0,5}?"
    r"(?:am|was|were|is|are|be|make|made|find|see|wrong|mistaken)\b"
    r"|\bI (?:can|could|may|might) (?:\w+\s)?(?:be|make|have)\b"
    r"|\bsorry (?:to hear|that you|you|about your|for your|for the inconvenience)|\bcorrect me\b",
    regex.IGNORECASE,
)
_IT = r"(?:that|this|it|your? (?:\w+ )?(?:answer|reply|code|query|result|number|calculation|statement)|you|u)"
_DOUBTS = (
    rf"\b{_IT}(?:'s|’s|s|'re|’re| is| was| are| were| looks?| seems?| sounds?)?\s(?:\w+\s){{0,2}}?"
    r"(?:wrong|incorrect|mistaken|false|not (?:right|correct|true)|off|an error|made (?:a|an) (?:mistake|error))\b",
    r"\b(?:isn't|isnt|isn’t|wasn't|aren't|is not|not|(?:does|do|did)(?:n't|nt|n’t| not) (?:sound|seem|look))"
    r" (?:quite |entirely |like )?(?:right|correct|true|accurate|up to date)\b",
    r"\b(?:that|this|it) (?:sounds|seems|looks) (?:\w+ ){0,2}(?:high|low|odd|strange|outdated|suspicious)\b",
    r"\bare (?:you|u) (?:\w+ )?(?:sure|certain)\b|\br u sure\b|\byou said\b[^.!?\n]*\bbut\b",
    r"\b(?:double|re)[- ]?check\b|\b(?:check|verify) (?:that|this|it|your|the) ?(?:\w+ )?(?:again|facts|information)\b",
    r"(?:^|[.!?\n]\s*)(?:no|nope|wrong|wait|huh|hmm+|but wait)\b[,.!: ]",
    r"(?:^|[.!?\n]\s*)(?:but )?(?:is|was)n(?:'|’)?t (?:there|that|it)\b",
    r"\bshould(?:n't| not)? (?:it |that )?(?:be|have been)\b[^.!?\n]*\bnot\b"
    r"|\b(?:it|that) should(?:n't| not)? (?:be|have been)\b",
    r"\b(?:doesn't|doesnt|doesn’t|does not|didn't|didnt|did not|isn't|not|won't) (?:\w+ )?work(?:s|ing|ed)?\b",
    r"\bstill (?:fails?|failing|broken|wrong|get(?:ting)?|errors?)\b|\bdisagree\b|\bcontradict",
    r"\b(?:I|we) (?:don't|dont|don’t|do not) (?:think|believe|agree)\b|\bI (?:thought|believe|heard|read)\b",
    r"\b(?:you|u) (?:\w+ )?(?:missed|forgot|ignored|made a mistake|made an error)",
    r"\b(?:can't|cant|can’t|cannot) be (?:right|correct|true)\b",
    r"\b(?:didn't|didnt|didn’t|did) (?:you|u) (?:not )?(?:say|tell|write|claim)\b",
    r"\bbut (?:you|u) (?:just )?(?:told|said|wrote|claimed)\b",
    r"\b(?:says?|said|shows?|states?|claims?) (?:otherwise|something else|the opposite|differently"
    r"|(?:that )?it(?:'s|’s|s| is) (?!possible|important|best|recommended))",
    r"\bI (?:get|got|have|see) (?:a |something |an )?(?:different|other)\b|\bnot what I (?:see|get|got|have|found)\b",
    r"\bI (?:just )?tried (?:it|that|this)\b[^.!?\n]{0,30}\b(?:throws?|fail(?:s|ed)|crash(?:es|ed)|errors?|nothing)\b",
    r"\b(?:mistake|error|confusion) (?:here|in (?:your|the) (?:answer|code|query|calculation|response))",
)
_CHALLENGE = regex.compile("|".join(_DOUBTS), regex.IGNORECASE | regex.MULTILINE)
_UNSPOKEN = regex.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|(?m:^[ \t]*>[^\n]*)", regex.DOTALL)
_QUOTED = regex.compile(r"\"[^\"\n]*\"|“[^”\n]*”|(?<!\w)'[^'\n]*'(?!\w)|(?<!\w)‘[^’\n]*’(?!\w)")
_SENTENCE = regex.compile(r"(?:[^.!?\n]|[.!?](?=\S))++[.!?]*")
