"""Merging: drafts go into a conversation's JSON where it has nothing, each with an id and the words behind it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ladder_bench.annotate.drafts import LISTS, SINGLE, Drafts, Item
from ladder_bench.domain import Json

PREFIXES = {"constraints": "c", "non_goals": "n", "blocking_unknowns": "u"}
OWN = "the dataset has its own"
LONGEST_QUOTE = 200  # characters of a quote that are kept


@dataclass(frozen=True, slots=True)
class Merged:
    """The keys of a conversation that change, the items that were added, and why others were not."""

    changes: dict[str, Json]
    added: tuple[Item, ...]
    left_out: tuple[str, ...]


def merged(value: Json, found: Drafts, author: str, prompt: str) -> Merged:
    """Add drafts to a conversation's JSON where it has nothing; what it has stays as it is."""
    intent = dict(value.get("intent") or {})
    turns = dict(value.get("turns") or {})
    open_fields = {field for field in (*SINGLE, *LISTS) if not intent.get(field)}
    open_turns = {each.turn for each in found.items if not (turns.get(str(each.turn)) or {}).get("criteria")}
    names = _Names(value)
    added: list[Item] = []
    evidence: dict[str, Json] = {}
    for item in found.items:
        if item.field == "criteria" and item.turn in open_turns:
            name = names.fresh(f"t{item.turn}h" if item.hindsight else f"t{item.turn}a")
            turn = turns[str(item.turn)] = dict(turns.get(str(item.turn)) or {})
            turn["criteria"] = [*(turn.get("criteria") or []), {"id": name, **item.body}]
        elif item.field in SINGLE and item.field in open_fields and not intent.get(item.field):
            name, intent[item.field] = item.field, item.body
        elif item.field in LISTS and item.field in open_fields:
            name = names.fresh(PREFIXES[item.field])
            intent[item.field] = [*(intent.get(item.field) or []), {"id": name, **item.body}]
        else:
            continue
        added.append(item)
        evidence[name] = _evidence(item)
    own = len(found.items) - len(added)
    changes: dict[str, Json] = {}
    if any(item.field != "criteria" for item in added):
        changes["intent"] = intent
    if any(item.field == "criteria" for item in added):
        changes["turns"] = dict(sorted(turns.items(), key=lambda pair: int(pair[0])))
    if added:
        changes["annotation"] = {"author": author, "status": "draft", "prompt": prompt, "evidence": evidence}
    return Merged(changes, tuple(added), (OWN,) * own)


def lacks_something(value: Json, turns: int) -> bool:
    """Whether a conversation has anything left to draft."""
    intent, own = value.get("intent") or {}, value.get("turns") or {}
    if any(not intent.get(field) for field in (*SINGLE, *LISTS)):
        return True
    return any(not (own.get(str(number)) or {}).get("criteria") for number in range(1, turns + 1))


def _evidence(item: Item) -> Json:
    hindsight = {"hindsight": True} if item.hindsight else {}
    return {"turn": item.said_at, "quote": item.quote[:LONGEST_QUOTE], **hindsight}


class _Names:
    """Ids that nothing in a conversation has yet."""

    def __init__(self, value: Json) -> None:
        intent, turns = value.get("intent") or {}, value.get("turns") or {}
        lists = [intent.get(field) or [] for field in LISTS]
        lists += [(turn or {}).get("criteria") or [] for turn in turns.values()]
        self._taken = {each.get("id") for these in lists for each in these}

    def fresh(self, prefix: str) -> str:
        """c1, c2, ...; t3a, t3b, ... for criteria; t3h1, t3h2, ... for those of hindsight."""
        number = 1
        while (name := self._name(prefix, number)) in self._taken:
            number += 1
        self._taken.add(name)
        return name

    @staticmethod
    def _name(prefix: str, number: int) -> str:
        if not prefix.endswith("a"):
            return f"{prefix}{number}"
        return f"{prefix[:-1]}{chr(ord('a') + number - 1)}" if number <= 26 else f"{prefix}{number}"
