"""Contents: what a text has that a later message can lean on: words, numbers, items, things made, questions."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import regex

from ladder_bench.judge.identifiers import compact, words
from ladder_bench.judge.quantities import fractions, worded_quantities
from ladder_bench.triggers.text import meaning, stem, words_of

Has = Callable[[str], bool]
READ = 4096  # texts that stay read: many strategies and turns ask about the same answers

# --- words and numbers ---------------------------------------------------------------------


@lru_cache(maxsize=READ)
def flat(text: str) -> str:
    """The words of a text alone, folded, between spaces."""
    return f" {' '.join(WORD.findall(text.casefold()))} "


@lru_cache(maxsize=READ)
def stems(text: str) -> frozenset[str]:
    """The stems of the words that point at something."""
    return frozenset(stem(word) for word in WORD.findall(text.casefold()) if meaning(word) and word not in VAGUE)


@lru_cache(maxsize=READ)
def told(text: str) -> frozenset[str]:
    """The stems of what a text states, without its questions and requests."""
    return frozenset().union(*(stems(part) for part in _SENTENCE.findall(text) if not _asks_in(part)))


@lru_cache(maxsize=READ)
def _compact(text: str) -> str:
    return compact(text)


@lru_cache(maxsize=READ)
def _words(text: str) -> frozenset[str]:
    return frozenset(words(text)) | frozenset(WORD.findall(text.casefold()))


@lru_cache(maxsize=READ)
def _numbers(text: str) -> frozenset[str]:
    worded = (f"{quantity.written:g}" for quantity in (*worded_quantities(text), *fractions(text)))
    return frozenset((*map(number, _DIGITS.findall(text)), *worded))


def number(digits: str) -> str:
    """Digits in one spelling: 1,200 and 1200, 2.50 and 2.5."""
    plain = _THOUSANDS.sub("", digits)
    return plain.rstrip("0").rstrip(".") if "." in plain and ":" not in plain else plain


def holds(phrase: str) -> Has:
    """Holds these words in a row, given flat."""
    return lambda text: phrase in flat(text)


def spells(name: str) -> Has:
    """Holds a compact name in some spelling."""
    return lambda text: name in _compact(text)


def has_words(wanted: frozenset[str]) -> Has:
    return lambda text: wanted <= _words(text)


def has_number(wanted: str) -> Has:
    return lambda text: wanted in _numbers(text)


def has_any(wanted: frozenset[str]) -> Has:
    """Holds a word with one of these stems."""
    return lambda text: not wanted.isdisjoint(stems(text))


# --- items and things made -----------------------------------------------------------------


def numbered(place: int, noun: str) -> Has:
    """Has so many items of a list, code blocks or paragraphs, or names the item; for two also: this or that."""
    label = regex.compile(
        rf"(?im)^[^\w\n]*+{place}[.):](?=\s|\*)|[\s(]{place}[.)]\s|\b(?:{noun or 'number'}|no\.?|#)s?\s?#?{place}\b"
    )

    def has(text: str) -> bool:
        if label.search(text) or len(_LINE_ITEM.findall(text)) >= place or text.count("```") // 2 >= place:
            return True
        if noun in ("command", "query"):
            return sum(len(block.strip().splitlines()) - 1 for block in _FENCE.findall(text)) > place
        if noun in ("paragraph", "sentence"):
            return len(_PARAGRAPHS.split(text.strip()) if noun == "paragraph" else _SENTENCE_END.findall(text)) >= place
        return place <= 2 and _OR.search(text) is not None

    return has


def lettered(letter: str) -> Has:
    """Has an item with this letter: "B)", "option B", "(B)"."""
    label = regex.compile(
        rf"(?m)^[ \t*(_#|-]*+{letter}[.):\]*]|\b{letter}\)|\b(?i:{NOUNS}|plan)s?\s\(?\*?{letter}\b|\({letter}\)"
    )
    return lambda text: label.search(text) is not None


def made(kind: str) -> Has:
    """Has a thing of this kind, by its form."""
    form = FORMS[kind]
    return lambda text: form.search(text) is not None


def made_or_named(kind: str, noun: str) -> Has:
    form = FORMS[kind]
    return lambda text: form.search(text) is not None or noun in text.casefold()


# --- questions and substance ---------------------------------------------------------------


def asks(text: str) -> bool:
    """Whether an answer asks something, or invites a reply."""
    return _asks_in(_without_code(text))


def _asks_in(prose: str) -> bool:
    return "?" in prose or _INVITES.search(prose) is not None


def offers(text: str) -> bool:
    """Whether an answer asks what yes or no replies to."""
    prose = _without_code(text)
    questions = [question for question in _QUESTION.findall(prose) if not _OPEN_QUESTION.search(question)]
    return bool(questions) or _INVITES.search(prose) is not None


def chooses(text: str) -> bool:
    """Whether an answer asks for a choice."""
    return "?" in text and _OR.search(_without_code(text)) is not None


def delivers(text: str) -> bool:
    """Whether an answer is more than a short refusal or a question back."""
    prose = text.strip()
    if not prose:
        return False
    return len(prose.split()) > SHORT or not (_REFUSES.search(prose) or _ONLY_ASKS.fullmatch(prose))


@lru_cache(maxsize=READ)
def _without_code(text: str) -> str:
    return _FENCE.sub(" ", text)


SHORT = 40  # words
NOUNS = (
    r"step|option|point|item|question|suggestion|idea|variant|alternative|choice|approach|method|bullet|tip|subject"
    r"|title|headline|slogan|paragraph|sentence|route|hotel|recipe|exercise|example|scenario|candidate|hypothesis|cause"
    r"|reason|query|command|draft|solution|proposal|recommendation|one|action|mistake|bug|fix"
)
FORMS = {
    "code": regex.compile(r"```|`[^`\n]+`|(?m)^[ \t]*+=\w++\("),
    "table": regex.compile(r"(?m)^[ \t]*+\|.*\|[ \t]*$|^[^\n|]++\|[^\n|]++\|[^\n]++$|```"),
    "list": regex.compile(r"(?m)^[ \t]*+(?:[-*•]|\(?\d{1,2}[.)])\s|\|.*\|"),
    "letter": regex.compile(
        r"(?im)^[^\w\n]*+(?:subject\b[^\n:]{0,10}:|dear\b|hi\b|hello\b|hey\b)|\b(?:best|kind|warm) (?:regards|wishes)"
        r"|sincerely|^[ \t]*+>|```|[\"“][^\"”]{60,}[\"”]"
    ),
    "sum": regex.compile(r"\d"),
    "example": regex.compile(r"(?i)\bexample|\be\.g\.|\bfor instance|\bimagine\b|\bsuppose\b|\bsay,|```"),
    "question": regex.compile(r"\?|(?i:\btell me\b|\bi need\b|\blet me know\b)"),
}
# words that point at nothing in particular
VAGUE = words_of("""
    time times day days week weeks month months year years hour hours minute minutes morning evening night weekend
    today tomorrow yesterday moment thing things stuff problem issue case way ways part parts whole rest other others
    same other better later earlier former latter first second third last next previous following end start beginning
    top bottom left right middle side point
    people person guys team boss company work office home house family kids friend friends world place fact idea
    reason question questions answer answers example number numbers amount kind sort type list table step steps plan
    main only best worst most least new old original current real actual full exact final usual above below bit lot
    money price cost rules rule job app site user users customer customers client clients data file files name names
    word words text line lines page pages version format sentence paragraph message messages email mail code script
    function query command letter draft post total result results said says mentioned called wrote ones difference
    going know think sure look looks works worked done already again still even ever much many
""")

WORD = regex.compile(r"\w+(?:['’]\w+)*")
_DIGITS = regex.compile(r"\d+(?:[.,:]\d+)*")
_THOUSANDS = regex.compile(r",(?=\d{3}(?!\d))")
_FENCE = regex.compile(r"```.*?(?:```|\Z)", regex.DOTALL)
_LINE_ITEM = regex.compile(r"(?m)^[ \t]*+(?:[-*•]|\(?\d{1,2}[.)])\s")
_PARAGRAPHS = regex.compile(r"\n\s*\n")
_SENTENCE = regex.compile(r"[^.!?\n]+(?:[.!?](?=\S)[^.!?\n]*)*[.!?]*")
_SENTENCE_END = regex.compile(r"[.!?](?=\s|$)")
_OR = regex.compile(r"\bor\b", regex.IGNORECASE)
_QUESTION = regex.compile(r"[^.!?\n]*\?")
_OPEN_QUESTION = regex.compile(
    r"(?i)(?:^|[,:;–—(]|\band)\s*[\W\d]*(?:(?:at|in|by|for|with) )?(?:what|which|who|whom|whose|where|when|why|how)\b"
)
_INVITES = regex.compile(
    r"(?i)\b(?:let me know|tell me|if you (?:like|want|prefer|wish|need|would)|(?:i|we) can (?:also )?|shall i"
    r"|want me to|send me|(?:please|pls) (?:send|share|tell|give|post|paste|confirm|provide)|i(?:'d| would)? need"
    r"|happy to|just say|correct me|say (?:so|the word)|confirm|paste|i assume|assuming)\b"
)
_REFUSES = regex.compile(
    r"(?i)\b(?:(?:can(?:no|['’])t|cannot|am unable to|['’]m unable to|won['’]t|not able to)\s(?:\w+\s){0,2}"
    r"(?:help|assist|do|answer|provide|discuss|give)|i don['’]t know)\b"
)
_ONLY_ASKS = regex.compile(r"(?:[^.!?\n]*\?\s*)+")
