"""low_confidence: an answer that is unsure of its own substance.

Read from what the model was asked to state, from its token probabilities, from how the answer ended, and from doubts in
the assistant's own voice. A chance in the world ("rain is likely") is no doubt, nor is one that is quoted or written
for the user.
"""

from __future__ import annotations

from collections.abc import Iterable

from ladder_bench.blocks import confidence_in
from ladder_bench.triggers.answers import open_question, own_voice, refusal
from ladder_bench.triggers.rules import Hits, Lexicon, hits_of, sentences_of
from ladder_bench.triggers.seen import Heard, Seen
from ladder_bench.triggers.text import Hit, Text, read, visible


def detect_answer(lexicon: Lexicon, seen: Seen, heard: Heard) -> tuple[str, str] | None:
    """The reason and the words of the answer that fired, None where it did not."""
    stated = confidence_in(heard.answer)
    if stated == "low":
        return "self-report", "[confidence: low]"
    if heard.finish == "length":
        return "cut short", "finish: length"
    least = lexicon.settings.get("mean_logprob")
    if heard.logprob is not None and least is not None and heard.logprob < least:
        return "log-probability", f"mean {heard.logprob:.2f} below {least:g}"
    if refused := refusal(heard.answer):
        return "refused", refused
    return _doubt(lexicon, seen, heard, stated == "high")


def _doubt(lexicon: Lexicon, seen: Seen, heard: Heard, sure: bool) -> tuple[str, str] | None:
    """A doubt of the assistant about what it says; where it states that it is sure, only about the answer as such."""
    text = visible(own_voice(heard.answer))
    hits = hits_of(lexicon, text)
    if not hits.groups:
        return None
    asked = visible(seen.message, quotations=True)
    about_words = _written_for_user(lexicon, asked)
    aside = sentences_of(hits, "aside")
    waits = (
        bool(hits.get("waits")) or open_question(heard.answer) is not None
    )  # "I don't know your budget yet": that is a question, no doubt
    groups = ("own",) if about_words or sure or waits else ("own", "doubt")
    for group in groups:
        for hit in hits.get(group):
            if hit.sentence not in aside and not _repeats(text, hit, (*seen.earlier, seen.message)):
                return "hedges", text.quote(hit)
    return None if about_words or sure else _alternatives(hits, text)


def _written_for_user(lexicon: Lexicon, asked: Text) -> bool:
    """Whether the user asked for a text: its words are not the assistant's."""
    hits = hits_of(lexicon, asked)
    return bool(hits.get("compose"))


def _repeats(text: Text, hit: Hit, said: Iterable[str]) -> bool:
    """Whether the user used the same words: then the answer talks about them."""
    words = text.words[hit.start : hit.end]
    return len(words) > 1 and any(" ".join(words) in " ".join(read(message).words) for message in said)


def _alternatives(hits: Hits, text: Text) -> tuple[str, str] | None:
    """Two explanations that exclude each other, side by side, where nothing says which."""
    may = hits.get("may_be")
    other = hits.get("as_well")
    if may and other and not hits.get("choice") and may[0].start < other[0].start:
        return "alternatives without a choice", f"{text.quote(may[0])} … {text.quote(other[0])}"
    return None
