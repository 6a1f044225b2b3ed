"""Routes: what a plan says before anything is sent, by strategy, as values and as JSON. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from ladder_bench.domain import TRIGGER_NAMES, Conversation, Json, Ladder, Tier

NOT_PRICED = "not priced by this version"


# --- what is read of a plan (it is made above this layer) ----------------------------------


class Dropped(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def reason(self) -> str: ...


class Strategies(Protocol):
    @property
    def ladders(self) -> Sequence[Ladder]: ...
    @property
    def dropped(self) -> Sequence[Dropped]: ...


class Corpus(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def conversations(self) -> Sequence[Conversation]: ...


class Tiers(Protocol):
    @property
    def tiers(self) -> Sequence[Tier]: ...


class Matrix(Protocol):
    @property
    def tiers(self) -> Tiers: ...


class Prepared(Protocol):
    @property
    def matrix(self) -> Matrix: ...
    @property
    def corpus(self) -> Corpus: ...
    @property
    def strategies(self) -> Strategies: ...
    @property
    def notes(self) -> Sequence[str]: ...


class Route(Protocol):
    """A strategy's tiers and reasons through one conversation, one a turn."""

    @property
    def strategy(self) -> str: ...
    @property
    def conversation(self) -> str: ...
    @property
    def tiers(self) -> Sequence[str]: ...
    @property
    def reasons(self) -> Sequence[str]: ...
    @property
    def certain(self) -> Sequence[bool]: ...


class Planned(Protocol):
    """What a run would do."""

    @property
    def prepared(self) -> Prepared: ...
    @property
    def routes(self) -> Sequence[Route]: ...
    @property
    def distinct(self) -> int: ...
    @property
    def unshared(self) -> int: ...
    @property
    def stored(self) -> int: ...


# --- what it means -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Outlook:
    """A strategy's certain turns by tier, the turns that depend on an answer, and the escalations known now."""

    name: str
    control: bool
    turns: Mapping[str, int]
    uncertain: int
    escalations: int


def outlook(plan: Planned) -> list[Outlook]:
    """One outlook a strategy, in the plan's order."""
    turns: dict[str, Counter[str]] = defaultdict(Counter)
    uncertain: Counter[str] = Counter()
    escalations: Counter[str] = Counter()
    for route in plan.routes:
        for tier, reason, certain in zip(route.tiers, route.reasons, route.certain, strict=True):
            if certain:
                turns[route.strategy][tier] += 1
                escalations[route.strategy] += opens(reason)
            else:
                uncertain[route.strategy] += 1
    return [
        Outlook(each.name, each.control, dict(turns[each.name]), uncertain[each.name], escalations[each.name])
        for each in plan.prepared.strategies.ladders
    ]


def opens(reason: str) -> bool:
    """Whether a decision's reason is that of an escalation that opens: it starts with the triggers that fired."""
    return reason.partition(":")[0].split(", ")[0] in TRIGGER_NAMES and ":" in reason


def used_tiers(plan: Planned) -> list[Tier]:
    """The tiers that strategies may ask, strongest first."""
    used = {name for ladder in plan.prepared.strategies.ladders for name in ladder.tiers}
    return [tier for tier in plan.prepared.matrix.tiers.tiers if tier.name in used]


def receivers(plan: Planned) -> list[str]:
    """Who would receive the conversations: a line a tier."""
    lines = []
    for tier in used_tiers(plan):
        if _in_process(tier):
            lines.append(f"{tier.name}: {tier.model}, in this process; receives nothing")
        else:
            hosts = ", ".join(hosts_of(tier)) or "its provider's usual host (none is declared)"
            lines.append(f"{tier.name}: {tier.model} receives the conversations, at {hosts}")
    return lines


def hosts_of(tier: Tier) -> list[str]:
    """The hosts a tier declares, else that of its api_base."""
    if tier.hosts:
        return list(tier.hosts)
    address = urlsplit(str(tier.params.get("api_base") or ""))
    if address.hostname is None:
        return []
    return [address.hostname + (f":{address.port}" if address.port else "")]


def plan_json(plan: Planned, explain: str | None) -> Json:
    """A plan for programs; with `explain`, the routes through that conversation."""
    found: dict[str, Json] = {
        "strategies": [
            {
                "name": each.name,
                "controls": each.control,
                "turns": dict(each.turns),
                "uncertain_turns": each.uncertain,
                "escalations": each.escalations,
            }
            for each in outlook(plan)
        ],
        "calls": {"distinct": plan.distinct, "unshared": plan.unshared, "stored": plan.stored},
        "tokens": {"value": None, "why": NOT_PRICED},
        "usd": {"low": None, "high": None, "why": NOT_PRICED},
        "dropped": [{"name": each.name, "reason": each.reason} for each in plan.prepared.strategies.dropped],
        "tiers": [
            {"name": tier.name, "model": tier.model, "hosts": hosts_of(tier), "receives": not _in_process(tier)}
            for tier in used_tiers(plan)
        ],
    }
    if explain is not None:
        found["routes"] = [_route(each) for each in plan.routes if each.conversation == explain]
    return found


def _in_process(tier: Tier) -> bool:
    return tier.recorded or tier.simulated or tier.model.startswith("scripted/")


def _route(route: Route) -> Json:
    steps = zip(route.tiers, route.reasons, route.certain, strict=True)
    return {
        "strategy": route.strategy,
        "conversation": route.conversation,
        "turns": [
            {"turn": number, "tier": tier, "reason": reason, "certain": certain}
            for number, (tier, reason, certain) in enumerate(steps, 1)
        ],
    }
