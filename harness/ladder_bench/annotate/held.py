"""Held: the drafts that a conversation's JSON has, each with the words that bear it out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladder_bench.annotate.drafts import HINDSIGHT, KINDS, LISTS, SINGLE, Dropped, Field, words_of
from ladder_bench.domain import Conversation, Json

ORDER: tuple[Field, ...] = ("goal", "output_contract", "constraints", "non_goals", "blocking_unknowns")


def held(value: Mapping[str, Json], conversation: Conversation) -> list[Json]:
    """What is drafted, as it is there now: a person may have changed the texts. What was taken out is not there.

    `stands`: whether the quote is in the user's message of turn `said_at`.
    """
    evidence = (value.get("annotation") or {}).get("evidence") or {}
    messages = {each.number: each.user.content for each in conversation.turns}
    found = []
    for name, kind, turn, item in _named(value):
        if (words := evidence.get(name)) is not None:
            said_at, quote = words["turn"], words["quote"]
            found.append({
                "id": name,
                "kind": HINDSIGHT if words.get("hindsight") else kind,
                "turn": turn or said_at,
                "text": item["text"],
                **{key: item[key] for key in ("until_turn", "weight", "critical") if key in item},
                **({"judged_as": item.get("kind", "correctness")} if kind == KINDS["criteria"] else {}),
                "said_at": said_at,
                "quote": quote,
                "stands": bool(words_of(quote, messages.get(said_at, ""))),
            })  # fmt: skip
    return found


def left(dropped: Dropped) -> Json:
    """A draft that was dropped, as a reader sees it."""
    item = dropped.item
    said = {"kind": item.kind, "turn": item.turn, "text": item.text, "said_at": item.said_at, "quote": item.quote}
    return {**said, "why": dropped.why}


def _named(value: Mapping[str, Json]) -> Iterator[tuple[str, str, int | None, Mapping[str, Json]]]:
    """Everything that can be a draft: its id, its kind, and its turn where its own keys say it."""
    intent = value.get("intent") or {}
    for field in ORDER:
        if field in SINGLE and intent.get(field):
            yield field, KINDS[field], None, intent[field]
        for item in (intent.get(field) or []) if field in LISTS else []:
            yield item.get("id", ""), KINDS[field], item.get("from_turn"), item
    turns = value.get("turns") or {}
    for number in sorted(turns, key=int):
        for item in (turns[number] or {}).get("criteria") or []:
            yield item["id"], KINDS["criteria"], int(number), item
