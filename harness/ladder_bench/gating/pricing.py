"""Pricing: both sides at one list of prices, and what that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ladder_bench.domain import Price
from ladder_bench.sides.side import Baseline, Side

if TYPE_CHECKING:
    from ladder_bench.gating.deciding import Asked

RATES = ("input", "cached", "cache_write", "output", "reasoning")
CACHE = ("ttl_s", "minimum_prefix")


def today(run: Baseline, baseline: Baseline, declared: Mapping[str, Price] | None) -> dict[str, Price]:
    """The prices of both sides: declared ones, else the run's; a tier that only the baseline has keeps its own."""
    return {**baseline.prices, **run.prices, **(declared or {})}


def notes(run: Baseline, baseline: Baseline, sides: tuple[Side, Side], asked: Asked) -> list[str]:
    """What a reader must know of the prices, a line each."""
    known, found = today(run, baseline, asked.prices), []
    if asked.priced_by:
        found.append(f"prices of both sides from {asked.priced_by}")
    changes = [
        change
        for name in sides[1].tokens.tiers
        if name in known and name in baseline.prices
        for change in _changes(name, baseline.prices[name], known[name])
    ]
    if changes:
        found.append(f"repriced: {', '.join(changes)} (USD per million tokens)")
    for name in sides[1].tokens.tiers:
        if name in baseline.prices and name not in run.prices and name not in (asked.prices or {}):
            found.append(f"tier '{name}' is in the baseline alone and keeps its price of then")
    for name in sorted({*sides[0].tokens.tiers, *sides[1].tokens.tiers}):
        before, after = baseline.prices.get(name), known.get(name)
        if before and after and any(getattr(before, each) != getattr(after, each) for each in CACHE):
            found.append(
                f"tier '{name}': the terms of its cache changed; hits on both sides are simulated by the baseline's "
                f"({before.ttl_s:g} s, from {before.minimum_prefix:,} tokens)"
            )
    return found


def _changes(name: str, before: Price, after: Price) -> list[str]:
    found = [
        f"{name} {rate.replace('_', ' ')} {_rate(before, rate)} -> {_rate(after, rate)}"
        for rate in RATES
        if getattr(before, rate) != getattr(after, rate)
    ]
    return found if before.steps == after.steps else [*found, f"{name} steps for long prompts"]


def _rate(price: Price, name: str) -> str:
    value = getattr(price, name)
    return f"as {'output' if name == 'reasoning' else 'input'}" if value is None else f"{value:g}"
