"""Prices: what a file may declare, and what the pinned list knows."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.domain import Json, Price, canonical, digest_of

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Dollars = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]
AboveZero = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class Shape(BaseModel):
    """What a file may hold: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class RatesShape(Shape):
    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None


class StepShape(RatesShape):
    above: Positive


class PriceShape(RatesShape):
    ttl_s: AboveZero = 300.0
    minimum_prefix: Natural = 1024
    steps: list[StepShape] = []

    def price(self) -> Price:
        base = Price(**self.model_dump(exclude={"steps"}))
        above = {step.above: replace(base, **step.model_dump(exclude={"above"})) for step in self.steps}
        return replace(base, steps=tuple(sorted(above.items(), key=lambda step: step[0])))


# --- in run.json ---------------------------------------------------------------------------


def snapshot(prices: Mapping[str, Price], date: datetime.date) -> Json:
    """The prices of a run by tier, as run.json holds them: dated, with a hash that equal prices share."""
    text = canonical({name: asdict(price) for name, price in prices.items()})
    return {"date": date.isoformat(), "hash": digest_of(text)[:16], "usd_per_million": json.loads(text)}


def from_snapshot(row: Mapping[str, Json]) -> Price:
    """A price back from a snapshot. Raises TypeError or ValueError where it is none."""
    steps = tuple((int(above), from_snapshot(step)) for above, step in row.get("steps", ()))
    for name, value in row.items():
        if name != "steps" and value is not None and not _is_number(value):
            raise ValueError(f"price: '{name}' must be a number of at least 0, not {value!r}")
    return Price(**{**row, "steps": steps})


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


# --- the pinned list -----------------------------------------------------------------------


@lru_cache(maxsize=1)
def _price_list() -> Mapping[str, Any]:
    """litellm's list, read as a file: importing litellm takes seconds. Empty where it is not installed."""
    found = find_spec("litellm")
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / "model_prices_and_context_window_backup.json"
        if content.is_file(path):
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


RATES = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "reasoning": "output_cost_per_reasoning_token",
}
ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")


def listed_price(model: str) -> Price | None:
    """The list's price of a litellm model id; None where it has none, or 0: nobody declared that."""
    row = _price_list().get(model) or _price_list().get(model.partition("/")[2]) or {}
    base = _rates(row, "")
    if not base.get("input") or not base.get("output"):
        return None
    steps = [
        {"above": int(found[1]) * 1000, **base, **_rates(row, f"_above_{found[1]}k_tokens")}
        for name in row
        if (found := ABOVE.fullmatch(name))
    ]
    return PriceShape.model_validate({**base, "steps": steps}).price()


def _rates(row: Mapping[str, Any], suffix: str) -> dict[str, float]:
    """USD per million tokens, as far as a row has them."""
    return {ours: round(float(row[key + suffix]) * 1e6, 10) for ours, key in RATES.items() if row.get(key + suffix)}
