"""Merging: drafts go into a conversation's JSON, each with an id and the words behind it. A person's own stay. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.annotate.drafts import LISTS, SINGLE, Drafts, Dropped, Item
from ladder_bench.domain import Json

PREFIXES = {"constraints": "c", "non_goals": "n", "blocking_unknowns": "u"}
OWN_INTENT, OWN_CRITERIA = "the dataset has an intent of its own", "the dataset has criteria of its own"
LONGEST_QUOTE = 200  # characters of a quote that are kept


@dataclass(frozen=True, slots=True)
class Merged:
    """A conversation's JSON with the drafts in it, and what was left out. `value` None: there was nothing to add."""

    value: Json
    dropped: tuple[Dropped, ...]


def has_intent(value: Mapping[str, Json]) -> bool:
    return any((value.get("intent") or {}).get(field) for field in (*SINGLE, *LISTS))


def has_criteria(value: Mapping[str, Json]) -> bool:
    return any((turn or {}).get("criteria") for turn in (value.get("turns") or {}).values())


def merged(value: Mapping[str, Json], found: Drafts, author: str, prompt: str) -> Merged:
    """Add drafts to a conversation's JSON. Where it has an intent, or criteria, it gets no other ones."""
    closed = {"intent": has_intent(value), "criteria": has_criteria(value)}
    intent, turns = dict(value.get("intent") or {}), dict(value.get("turns") or {})
    names = _Names(value)
    evidence: dict[str, Json] = {}
    dropped: list[Dropped] = []
    of_intent = of_criteria = False
    for item in found.items:
        if closed["criteria" if item.field == "criteria" else "intent"]:
            dropped.append(Dropped(item, OWN_CRITERIA if item.field == "criteria" else OWN_INTENT))
            continue
        name = names.of(item)
        evidence[name] = _evidence(item)
        if item.field == "criteria":
            of_criteria = True
            turn = dict(turns.get(str(item.turn)) or {})
            turn["criteria"] = [*(turn.get("criteria") or []), {"id": name, **item.body}]
            turns[str(item.turn)] = turn
        elif item.field in SINGLE:
            of_intent, intent[item.field] = True, dict(item.body)
        else:
            of_intent, intent[item.field] = True, [*(intent.get(item.field) or []), {"id": name, **item.body}]
    whole = {**value}
    if of_intent:
        whole["intent"] = intent
    if of_criteria:
        whole["turns"] = turns
    whole["annotation"] = {"author": author, "status": "draft", "prompt": prompt, "evidence": evidence}
    return Merged(whole if evidence else None, (*found.dropped, *dropped))


def _evidence(item: Item) -> Json:
    hindsight = {"hindsight": True} if item.hindsight else {}
    return {"turn": item.said_at, "quote": item.quote[:LONGEST_QUOTE], **hindsight}


class _Names:
    """Ids that nothing in a conversation has yet."""

    def __init__(self, value: Mapping[str, Json]) -> None:
        intent, turns = value.get("intent") or {}, value.get("turns") or {}
        lists = [intent.get(field) or [] for field in LISTS]
        lists += [(turn or {}).get("criteria") or [] for turn in turns.values()]
        self._taken = {each.get("id") for these in lists for each in these}

    def of(self, item: Item) -> str:
        """goal; c1, c2, ...; of turn 3 the criteria t3a, t3b, ..., and those of hindsight t3h1, t3h2, ..."""
        if item.field in SINGLE:
            return item.field
        number = 1
        while (name := _name(item, number)) in self._taken:
            number += 1
        self._taken.add(name)
        return name


def _name(item: Item, number: int) -> str:
    if item.field != "criteria":
        return f"{PREFIXES[item.field]}{number}"
    if item.hindsight:
        return f"t{item.turn}h{number}"
    return f"t{item.turn}{chr(ord('a') + number - 1)}" if number <= 26 else f"t{item.turn}a{number}"
