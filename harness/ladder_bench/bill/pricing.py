"""Pricing: what recorded conversations would have cost on a ladder, with every tier reading the recorded history. Pure.

All strategies read the same history, so a tier's prompt begins with the last prompt that its cache group read, and
`cost.warm_usd` bills that prefix at the cached rate. A tier whose answers are longer or shorter than the logged ones by
a declared ratio also makes every later prompt longer or shorter, by what its answers add (their reasoning is not kept).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from ladder_bench import cost
from ladder_bench.bill.tokens import Spoken
from ladder_bench.cost import Prompt
from ladder_bench.domain import Ladder, Message, Tier, Usage
from ladder_bench.ladder import planned_tier

Array = np.ndarray[Any, np.dtype[np.float64]]
T = TypeVar("T")
Route = tuple[str, ...]  # the tier of each answered turn, and of one further turn
PLACEHOLDER = (Message("assistant", ""), Message("user", ""))  # of the further turn; nothing that is cached follows it


@dataclass(frozen=True, slots=True)
class Cost:
    """A conversation on a route, in dollars.

    `kept`: the warm cost of the same calls if each tier had read every prompt of the conversation and so found all of
    its prefix cached, as far as the pauses allow; warm minus kept is the cache lost to switches, 0 for a single tier.
    `further`: the warm cost of one more turn at the end.
    """

    warm: float
    cold: float
    kept: float
    further: float


@dataclass(frozen=True, slots=True)
class Priced:
    """A ladder over all conversations: one dollar value each, in their order. `turns` that each tier answered."""

    ladder: Ladder
    warm: Array
    cold: Array
    kept: Array
    further: Array
    turns: Mapping[str, int]


def price(
    conversations: Sequence[Spoken], ladders: Sequence[Ladder], tiers: Mapping[str, Tier], ratios: Mapping[str, float]
) -> list[Priced]:
    """Price every conversation on every ladder. `ratios`: a tier's output tokens / the log's, 1 if not named."""
    return [
        Priced(
            ladder,
            np.array([each.warm for each in found]),
            np.array([each.cold for each in found]),
            np.array([each.kept for each in found]),
            np.array([each.further for each in found]),
            Counter(name for route in routes for name in route[:-1]),
        )
        for ladder, routes, found in _on_routes(
            conversations, ladders, lambda spoken, route: price_route(spoken, route, tiers, ratios)
        )
    ]


def warm(
    conversations: Sequence[Spoken], ladders: Sequence[Ladder], tiers: Mapping[str, Tier], ratios: Mapping[str, float]
) -> list[Array]:
    """The warm cost of every conversation on every ladder, and nothing else."""

    def priced(spoken: Spoken, route: Route) -> float:
        return sum(cost.warm_usd(_prompts(spoken, route, tiers, ratios)[:-1]))

    return [np.array(found) for _, _, found in _on_routes(conversations, ladders, priced)]


def _on_routes(
    conversations: Sequence[Spoken], ladders: Sequence[Ladder], priced: Callable[[Spoken, Route], T]
) -> Iterator[tuple[Ladder, list[Route], list[T]]]:
    """Yield each ladder with its route through every conversation, and what that gives.

    Ladders that differ only after a conversation's end take one route through it, which is priced once.
    """
    longest = max(spoken.asked[-1].turn for spoken in conversations)
    known: list[dict[Route, T]] = [{} for _ in conversations]
    for ladder in ladders:
        names = [planned_tier(ladder, number, "") for number in range(1, longest + 2)]
        routes, found = [], []
        for spoken, priced_routes in zip(conversations, known, strict=True):
            route = (*[names[asked.turn - 1] for asked in spoken.asked], names[spoken.asked[-1].turn])
            if route not in priced_routes:
                priced_routes[route] = priced(spoken, route)
            routes.append(route)
            found.append(priced_routes[route])
        yield ladder, routes, found


def price_route(spoken: Spoken, route: Route, tiers: Mapping[str, Tier], ratios: Mapping[str, float]) -> Cost:
    """Price one conversation; `route` names the tier of each answered turn and of one further turn."""
    prompts = _prompts(spoken, route, tiers, ratios)
    *each_warm, further = cost.warm_usd(prompts)
    calls, answered_by = prompts[:-1], route[:-1]
    switched = len(set(answered_by)) > 1
    return Cost(
        warm=sum(each_warm),
        cold=sum(cost.cold_usd(each.usage, each.price) for each in calls),
        kept=_never_switched(calls, answered_by, tiers) if switched else sum(each_warm),
        further=further,
    )


def _prompts(spoken: Spoken, route: Route, tiers: Mapping[str, Tier], ratios: Mapping[str, float]) -> list[Prompt]:
    prompts = []
    grown = 0  # tokens that the answers so far have more than the logged ones
    visible = 0
    for asked, name in zip(spoken.asked, route, strict=False):
        usage = _scaled(asked.usage, ratios.get(name, 1.0), grown)
        visible = usage.output - usage.reasoning
        grown += visible - asked.visible
        tier = tiers[name]
        prompts.append(Prompt(tier.cache_group, tier.price, usage, asked.messages, asked.at_s))
    last, name, count = spoken.asked[-1], route[-1], len(spoken.asked)
    mean = Usage(
        prompts[-1].usage.input + visible + spoken.user_tokens,
        round(sum(asked.usage.output for asked in spoken.asked) / count),
        reasoning=round(sum(asked.usage.reasoning for asked in spoken.asked) / count),
    )
    tier, usage = tiers[name], _scaled(mean, ratios.get(name, 1.0), 0)
    at_s = last.at_s + spoken.pause_s
    prompts.append(Prompt(tier.cache_group, tier.price, usage, (*last.messages, *PLACEHOLDER), at_s))
    return prompts


def _scaled(usage: Usage, ratio: float, grown: int) -> Usage:
    """The log's usage as another tier would have it. What the log's provider had cached is not that tier's."""
    output = round(usage.output * ratio)
    reasoning = min(round(usage.reasoning * ratio), output)
    return Usage(max(0, usage.input + grown), output, reasoning=reasoning, estimated=usage.estimated)


def _never_switched(calls: Sequence[Prompt], route: Route, tiers: Mapping[str, Tier]) -> float:
    """What the calls would cost if each one's tier had read all prompts before it."""
    total = 0.0
    for name in dict.fromkeys(route):
        tier = tiers[name]
        alone = cost.warm_usd([replace(each, cache_group=tier.cache_group, price=tier.price) for each in calls])
        total += sum(usd for usd, answered_by in zip(alone, route, strict=True) if answered_by == name)
    return total
