"""Drafts: what of a model's reply may be written down. What the user's own words do not bear out is dropped. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ladder_bench.domain import Conversation, Json
from ladder_bench.report.text import shown

Field = Literal["goal", "constraints", "non_goals", "blocking_unknowns", "output_contract", "criteria"]
LISTS: tuple[Field, ...] = ("constraints", "non_goals", "blocking_unknowns")
SINGLE: tuple[Field, ...] = ("goal", "output_contract")
KINDS: dict[Field, str] = {
    "goal": "goal", "constraints": "constraint", "non_goals": "non-goal", "blocking_unknowns": "blocking unknown",
    "output_contract": "output contract", "criteria": "criterion",
}  # fmt: skip
HINDSIGHT = "hindsight"
MOST = {"constraint": 12, "non-goal": 6, "blocking unknown": 6, "criterion": 6, HINDSIGHT: 4}  # criteria: of a turn
LONGEST_TEXT = 500  # characters of an item
SHORTEST_QUOTE = 3  # bytes: "SQL", or one character of Chinese
_ALIKE = str.maketrans("‘’“”‐‑–—", "''\"\"----")  # what models put for one another when they copy


@dataclass(frozen=True, slots=True)
class Item:
    """One draft. `body` is what the dataset gets, without an id; `turn` the turn that it is about.

    `said_at` is the turn whose message holds the `quote`: with `hindsight` a later one.
    """

    field: Field
    turn: int
    body: Mapping[str, Json]
    said_at: int
    quote: str
    hindsight: bool = False

    @property
    def kind(self) -> str:
        return HINDSIGHT if self.hindsight else KINDS[self.field]

    @property
    def text(self) -> str:
        return str(self.body["text"])


@dataclass(frozen=True, slots=True)
class Dropped:
    """A draft that is not written down, and why."""

    item: Item
    why: str


@dataclass(frozen=True, slots=True)
class Drafts:
    """The items of one conversation by turn, and those that were dropped."""

    items: tuple[Item, ...]
    dropped: tuple[Dropped, ...]


def drafts(said: Json, conversation: Conversation) -> Drafts:
    """Sift a reply that has the form that was asked for. A quote becomes the user's own spelling of it."""
    messages = {each.number: each.user.content for each in conversation.turns}
    kept: list[Item] = []
    dropped: list[Dropped] = []
    for item in _items(said):
        if why := _wrong(item, messages) or _too_much(item, kept):
            dropped.append(Dropped(item, why))
        else:
            kept.append(replace(item, quote=words_of(item.quote, messages[item.said_at])))
    return Drafts(tuple(sorted(kept, key=lambda each: each.turn)), tuple(dropped))


def words_of(quote: str, message: str) -> str:
    """A quote as a message spells it, "" where it does not stand there. Line breaks and quotation marks may differ."""
    words = _plain(unicodedata.normalize("NFC", message))
    sought = _plain(unicodedata.normalize("NFC", quote))
    at = words.translate(_ALIKE).find(sought.translate(_ALIKE))
    return "" if at < 0 else words[at : at + len(sought)]


def _items(said: Json) -> Iterator[Item]:
    """The items of a reply as they came."""
    for field in SINGLE:
        if (each := said[field]) is not None:
            yield _statement(field, each)
    for each in said["constraints"]:
        # 1.0 is a whole number, too, for a JSON schema
        start, end = int(each["from_turn"]), None if each["until_turn"] is None else int(each["until_turn"])
        body = {"text": _plain(each["text"]), "from_turn": start, "until_turn": end, "critical": each["critical"]}
        yield Item("constraints", start, body, start, _plain(each["quote"]))
    for field in ("non_goals", "blocking_unknowns"):
        for each in said[field]:
            yield _statement(field, each)
    for each in said["criteria"]:
        hindsight = each["source"] == HINDSIGHT
        turn = int(each["turn"])
        said_at = int(each["corrected_by"] or 0) if hindsight else turn
        body = {"kind": each["kind"], "text": _plain(each["text"]), "weight": int(each["weight"])}
        body["critical"] = each["critical"]
        yield Item("criteria", turn, body, said_at, _plain(each["quote"]), hindsight)


def _statement(field: Field, each: Json) -> Item:
    turn = int(each["turn"])
    return Item(field, turn, {"text": _plain(each["text"])}, turn, _plain(each["quote"]))


def _plain(text: str) -> str:
    """Line breaks and runs of spaces make no other words."""
    return " ".join(text.split())


def _wrong(item: Item, messages: Mapping[int, str]) -> str | None:
    """Why an item cannot stand, None where it can."""
    until = item.body.get("until_turn")
    if not item.text:
        return "no text"
    if len(item.text) > LONGEST_TEXT:
        return f"a text of more than {LONGEST_TEXT} characters"
    if shown(item.text) != item.text:  # a reviewer would not see them
        return "hidden or control characters in the text"
    if item.turn not in messages or (until is not None and until not in messages):
        return "there is no such turn"
    if until is not None and until < item.turn:
        return "until_turn is before from_turn"
    if item.hindsight and (item.said_at not in messages or item.said_at <= item.turn):
        return "hindsight that no later turn is named for"
    message = messages[item.said_at]
    short = len(item.quote.encode("utf-8", "replace")) < SHORTEST_QUOTE and item.quote != _plain(message)
    if short or not item.quote:
        return "no quote"
    if not words_of(item.quote, message):
        return "the quote is not in the user's message"
    return None


def _too_much(item: Item, kept: Sequence[Item]) -> str | None:
    """Whether an item was said before, or is one too many. Criteria are counted by turn."""
    alike = [each for each in kept if each.kind == item.kind and (item.field != "criteria" or each.turn == item.turn)]
    if any(each.text.casefold() == item.text.casefold() for each in alike):
        return "said twice"
    if (most := MOST.get(item.kind)) is not None and len(alike) >= most:
        return f"more than {most} of its kind{' at the turn' if item.field == 'criteria' else ''}"
    return None
