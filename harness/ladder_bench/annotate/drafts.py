"""Drafts: what of a model's reply may be written down. What the user's own words do not bear out is dropped. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ladder_bench.domain import Conversation, Json

Field = Literal["goal", "constraints", "non_goals", "blocking_unknowns", "output_contract", "criteria"]
LISTS: tuple[Field, ...] = ("constraints", "non_goals", "blocking_unknowns")
SINGLE: tuple[Field, ...] = ("goal", "output_contract")
MOST: dict[str, int] = {"constraints": 12, "non_goals": 6, "blocking_unknowns": 6, "criteria": 6, "hindsight": 4}
NAMES = {"blocking_unknowns": "blocking unknowns", "non_goals": "non-goals", "hindsight": "hindsight criteria"}
LONGEST_TEXT = 500  # characters of an item
SHORTEST_QUOTE = 3  # bytes: "SQL", or one character of Chinese


@dataclass(frozen=True, slots=True)
class Item:
    """One draft. `body` is what the dataset gets, without an id; `turn` the turn that it is about.

    `said_at` is the turn whose message holds the `quote`: with `hindsight` a later one.
    """

    field: Field
    turn: int
    body: dict[str, Json]
    said_at: int
    quote: str
    hindsight: bool = False

    @property
    def kind(self) -> str:
        return "hindsight" if self.hindsight else self.field


@dataclass(frozen=True, slots=True)
class Drafts:
    """The items of one conversation by turn, and why others were dropped, once for each."""

    items: tuple[Item, ...]
    dropped: tuple[str, ...]


def drafts(said: Json, conversation: Conversation) -> Drafts:
    """Sift a reply that has the form that was asked for."""
    messages = {each.number: _plain(each.user.content) for each in conversation.turns}
    kept: list[Item] = []
    dropped: list[str] = []
    for item in _items(said):
        why = _wrong(item, messages) or _too_much(item, kept)
        if why:
            dropped.append(why)
        else:
            kept.append(item)
    return Drafts(tuple(sorted(kept, key=lambda each: each.turn)), tuple(dropped))


def _items(said: Json) -> Iterator[Item]:
    """The items of a reply as they came."""
    for field in SINGLE:
        if (each := said[field]) is not None:
            yield _statement(field, each)
    for each in said["constraints"]:
        start, end = int(each["from_turn"]), None if each["until_turn"] is None else int(each["until_turn"])
        body = {"text": _plain(each["text"]), "from_turn": start, "until_turn": end, "critical": each["critical"]}
        yield Item("constraints", start, body, start, _plain(each["quote"]))
    for field in ("non_goals", "blocking_unknowns"):
        for each in said[field]:
            yield _statement(field, each)
    for each in said["criteria"]:
        hindsight = each["source"] == "hindsight"
        turn = int(each["turn"])  # 1.0 is a whole number, too, for a JSON schema
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


def _wrong(item: Item, messages: dict[int, str]) -> str | None:
    """Why an item cannot stand, None where it can."""
    text = item.body["text"]
    until = item.body.get("until_turn")
    if not text:
        return "no text"
    if len(text) > LONGEST_TEXT:
        return f"a text of more than {LONGEST_TEXT} characters"
    if not _writable(text):
        return "a text that is no Unicode"
    if item.turn not in messages or (until is not None and until not in messages):
        return "there is no such turn"
    if until is not None and until < item.turn:
        return "until_turn is before from_turn"
    if item.hindsight and (item.said_at not in messages or item.said_at <= item.turn):
        return "hindsight that no later turn is named for"
    short = len(item.quote.encode("utf-8", "replace")) < SHORTEST_QUOTE and item.quote != messages[item.said_at]
    if short or not item.quote:
        return "no quote"
    if item.quote not in messages[item.said_at]:
        return "the quote is not in the user's message"
    return None


def _writable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _too_much(item: Item, kept: Sequence[Item]) -> str | None:
    """Whether an item was said before, or is one too many. Criteria are counted by turn."""
    alike = [each for each in kept if each.kind == item.kind and (item.field != "criteria" or each.turn == item.turn)]
    if any(each.body["text"].casefold() == item.body["text"].casefold() for each in alike):
        return "said twice"
    if (most := MOST.get(item.kind)) is not None and len(alike) >= most:
        of_a_turn = " of a turn" if item.field == "criteria" else ""
        return f"more than {most} {NAMES.get(item.kind, item.kind)}{of_a_turn}"
    return None
