"""Routes: what a plan says before anything is sent, by strategy, as values and as JSON. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ladder_bench.domain import Json, Tier
from ladder_bench.forecast import Plan, Range, Route, Sending


@dataclass(frozen=True, slots=True)
class Outlook:
    """A strategy's certain turns by tier, the turns that depend on an answer, and the escalations known now."""

    name: str
    control: bool
    turns: Mapping[str, int]
    uncertain: int
    escalations: int


def outlook(plan: Plan) -> list[Outlook]:
    """One outlook a strategy, in the plan's order."""
    turns: dict[str, Counter[str]] = defaultdict(Counter)
    uncertain: Counter[str] = Counter()
    escalations: Counter[str] = Counter()
    for route in plan.routes:
        for tier, opened, certain in zip(route.tiers, route.opened, route.certain, strict=True):
            if certain:
                turns[route.strategy][tier] += 1
                escalations[route.strategy] += opened
            else:
                uncertain[route.strategy] += 1
    return [
        Outlook(each.name, each.control, dict(turns[each.name]), uncertain[each.name], escalations[each.name])
        for each in plan.strategies.ladders
    ]


def used_tiers(plan: Plan) -> list[Tier]:
    """The tiers that strategies may ask, strongest first, who plays the user, and the judges."""
    used = {name for ladder in plan.strategies.ladders for name in ladder.asked}
    tiers = [tier for tier in plan.tiers.tiers if tier.name in used]
    others = (*([] if plan.player is None else [plan.player]), *plan.judges)
    return [*tiers, *(tier for tier in others if tier not in tiers)]


def receivers(plan: Plan) -> list[str]:
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


def plan_json(plan: Plan, explain: str | None) -> Json:
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
        "tokens": {
            "input": _range(Range.sum(each.input for each in plan.to_send)),
            "output": _range(Range.sum(each.output for each in plan.to_send)),
        },
        "usd": _range(plan.usd),
        "again": {"answers": plan.again.answers, "usd_at_most": plan.again.usd_at_most},
        "follow_ups": {"turns_at_most": plan.follow_ups.turns_at_most, "usd_about": plan.follow_ups.usd_about},
        "minutes": max((each.minutes for each in plan.to_send), default=0.0),
        "to_send": [_sending(each) for each in plan.to_send],
        "simulated": [_sending(each) for each in plan.simulated],
        "dropped": [{"name": each.name, "reason": each.reason} for each in plan.strategies.dropped],
        "tiers": [
            {"name": tier.name, "model": tier.model, "hosts": hosts_of(tier), "receives": not _in_process(tier)}
            for tier in used_tiers(plan)
        ],
    }
    if explain is not None:
        found["routes"] = [_route(each) for each in plan.routes if each.conversation == explain]
    return found


def _sending(each: Sending) -> Json:
    return {
        "tier": each.tier,
        "calls": each.calls,
        "tokens": {"input": _range(each.input), "output": _range(each.output)},
        "usd": _range(each.usd),
        "minutes": each.minutes,
    }


def _range(each: Range) -> Json:
    return {"low": each.low, "high": each.high}


def _in_process(tier: Tier) -> bool:
    return not tier.live or tier.model.startswith("scripted/")


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
