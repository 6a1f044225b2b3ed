"""Pricing: both sides at one list of prices, and what that changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ladder_bench import folder
from ladder_bench.domain import Price
from ladder_bench.sides.reading import models
from ladder_bench.sides.side import Baseline, Side

if TYPE_CHECKING:
    from ladder_bench.gating.deciding import Asked

RATES = ("input", "cached", "cache_write", "output", "reasoning")
CACHE = ("ttl_s", "minimum_prefix")
Both = tuple[dict[str, Price], dict[str, Price]]  # by tier: the run's and the baseline's


def today(run: Baseline, baseline: Baseline, declared: Mapping[str, Price] | None) -> Both:
    """The prices of the run and of the baseline: declared ones, else the run's.

    A tier of the baseline that the run has not got, or has with another model behind its name, keeps its own price:
    at the new model's one, a dearer model would cost as much as before.
    """
    said, others = declared or {}, swapped(run, baseline)
    kept = {name: price for name, price in baseline.prices.items() if name not in others}
    now = {name: price for name, price in {**run.prices, **said}.items() if name not in others}
    return {**kept, **run.prices, **said}, {**baseline.prices, **now}


def swapped(run: Baseline, baseline: Baseline) -> list[str]:
    """The tiers that have another model in the run than in the baseline."""
    return [name for name, model in baseline.models.items() if run.models.get(name, model) != model]


def caches(run: folder.Run, baseline: Baseline) -> dict[str, Price]:
    """The prices by whose terms the run's caches are simulated: the baseline's, of tiers with the same model."""
    now = models(run)
    return {name: price for name, price in baseline.prices.items() if now.get(name) == baseline.models.get(name)}


def notes(run: Baseline, baseline: Baseline, sides: tuple[Side, Side], asked: Asked) -> list[str]:
    """What a reader must know of the prices, a line each."""
    known, found = today(run, baseline, asked.prices)[1], []
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
    for name in swapped(run, baseline):
        if name in sides[0].tokens.tiers or name in sides[1].tokens.tiers:
            found.append(
                f"tier '{name}' is {baseline.models[name]} in the baseline and {run.models[name]} in the run: what the "
                "baseline used keeps its price of then"
            )
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
