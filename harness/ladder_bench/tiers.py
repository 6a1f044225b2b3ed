"""Tiers: the models that a strategy may use, strongest first, each with its price."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.domain import Json, Price, Tier
from ladder_bench.errors import InputError, Problem

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]


class Shape(BaseModel):
    """What a file may hold: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PriceShape(Shape):
    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None
    ttl_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300.0
    minimum_prefix: Natural = 1024


class LimitsShape(Shape):
    concurrency: Positive = 16


class TierShape(Shape):
    name: Text
    model: Text
    params: dict[str, Any] = {}
    price: PriceShape | None = None
    limits: LimitsShape = LimitsShape()
    context_limit: Positive | None = None
    max_output_tokens: Positive | None = None
    hosts: list[str] = []
    cache_group: str | None = None
    off_path: str = "error"


class TiersShape(Shape):
    tiers: Annotated[list[Any], Field(min_length=1)]


class ProfileShape(Shape):
    params: dict[str, Any] = {}
    price: PriceShape


class SimulatorShape(Shape):
    shared: dict[str, Any]
    profiles: dict[str, ProfileShape]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Tiers strongest first, and where they were read."""

    tiers: tuple[Tier, ...]
    file: str
    concurrency: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tier.name for tier in self.tiers)

    def __getitem__(self, name: str) -> Tier:
        return self.tiers[self.names.index(name)]

    def rank(self, name: str) -> int:
        """0 is the strongest."""
        return self.names.index(name)


def load_tiers(name: str, near: Path | None = None) -> Tiers:
    """Load a tiers file by path or bundled name. Raises InputError."""
    return read_tiers(read_yaml(content.locate(name, "ladders/tiers", near=near)))


def read_tiers(document: Document) -> Tiers:
    """Build the tiers of a file. Raises InputError with the problems of all of them."""
    problems: list[Problem] = []
    shapes: list[tuple[Loc, TierShape]] = []
    for index in range(len(content.parse(TiersShape, document, problems).tiers)):
        try:
            shapes.append((("tiers", index), content.parse(TierShape, document.at("tiers", index))))
        except InputError as error:
            problems.extend(error.problems)
    recorded = {shape.name: shape.model == "recorded" for _, shape in reversed(shapes)}
    tiers: list[Tier] = []
    seen: set[str] = set()
    for loc, shape in shapes:
        wrong = [document.problem((*loc, *at), what) for at, what in _wrong(shape, recorded)]
        if shape.name in seen:
            wrong.append(document.problem((*loc, "name"), f"duplicate tier '{shape.name}'; names must be unique"))
        seen.add(shape.name)
        problems.extend(wrong)
        if not wrong:
            tiers.append(_tier(shape))
    if problems:
        raise InputError(problems)
    return Tiers(tuple(tiers), document.file, {shape.name: shape.limits.concurrency for _, shape in shapes})


def _tier(shape: TierShape) -> Tier:
    profile = simulator_profile(shape.model)
    price = _price(shape, profile)
    assert price is not None  # `_wrong` has seen to it
    params = _merged(profile["params"], shape.params) if profile else dict(shape.params)
    if shape.max_output_tokens is not None:
        params["max_output_tokens"] = shape.max_output_tokens
    return Tier(
        name=shape.name,
        model=shape.model,
        params=params,
        price=price,
        context_limit=shape.context_limit,
        hosts=tuple(shape.hosts),
        cache_group=shape.cache_group or shape.name,
        off_path=shape.off_path,
    )


# --- what the shape alone cannot say -------------------------------------------------------


def _wrong(shape: TierShape, recorded: Mapping[str, bool]) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for what is wrong with a tier; `recorded` says of each tier's name whether it is."""
    profile = simulator_profile(shape.model)
    if shape.model.startswith("simulated/") and profile is None:
        valid = [f"simulated/{key}" for key in simulator()["profiles"]]
        hint = content.did_you_mean(shape.model, valid)
        yield ("model",), f"unknown simulated model '{shape.model}'{hint}; valid: {', '.join(valid)}"
    elif _price(shape, profile) is None:
        yield (
            ("model",),
            f"no price for '{shape.model}': it is not in the pinned price list, or at 0; "
            "add 'price: {input: ..., output: ...}' in USD per million tokens",
        )
    yield from _not_finite(shape.params, ("params",))
    if profile is not None:
        yield from _wrong_params(shape.params, profile["params"], ("params",))
    if shape.off_path == "error":
        return
    live = [name for name, is_recorded in recorded.items() if not is_recorded]
    if shape.model != "recorded":
        yield ("off_path",), "only a recorded tier leaves its path; leave it out"
    elif shape.off_path != "reuse" and shape.off_path not in live:
        valid = ["error", "reuse", *live]
        hint = content.did_you_mean(shape.off_path, valid)
        yield ("off_path",), f"unknown '{shape.off_path}'{hint}; valid: {', '.join(valid)}"


def _not_finite(value: Json, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Parameters are free, but they become JSON, which has no other numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        yield loc, f"must be a finite number, not {value}"
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _not_finite(item, (*loc, key))


AT_LEAST_ZERO = ("conversation_sd", "item_sd", "latency_s", "fabrication", "retraction", "verbosity", "frame_rate")
ABOVE_ZERO = ("tokens_per_s", "characters_per_token")


def _wrong_params(given: Mapping[str, Json], defaults: Mapping[str, Json], loc: Loc) -> Iterator[tuple[Loc, str]]:
    """A simulator's parameters are numbers, or mappings of numbers where the default is one."""
    for key, value in given.items():
        here = (*loc, key)
        if key not in defaults:
            hint = content.did_you_mean(key, defaults) or f"; valid: {', '.join(defaults)}"
            yield here, f"unknown simulator parameter{hint}"
        elif isinstance(defaults[key], Mapping):
            if isinstance(value, Mapping):
                yield from _wrong_params(value, defaults[key], here)
            else:
                yield here, f"must be a mapping of numbers with the keys {', '.join(defaults[key])}"
        elif not isinstance(value, int | float) or isinstance(value, bool):
            yield here, "must be a number"
        elif (key in AT_LEAST_ZERO and value < 0) or (key in ABOVE_ZERO and value <= 0):
            yield here, f"must be {'above' if key in ABOVE_ZERO else 'at least'} 0, not {value}"


# --- prices and the simulator's defaults ---------------------------------------------------


def _price(tier: TierShape, profile: Mapping[str, Any] | None) -> Price | None:
    if tier.price is not None:
        return Price(**tier.price.model_dump())
    if profile is not None:
        return Price(**PriceShape.model_validate(profile["price"]).model_dump())
    return _listed_price(tier.model)


@lru_cache(maxsize=1)
def _price_list() -> Mapping[str, Any]:
    """litellm's list, read as a file: importing litellm takes seconds. Empty where it is not installed."""
    found = find_spec("litellm")
    for folder in (found.submodule_search_locations if found else None) or ():
        path = Path(folder) / "model_prices_and_context_window_backup.json"
        if content.is_file(path):
            return dict(json.loads(path.read_text(encoding="utf-8")))
    return {}


def _listed_price(model: str) -> Price | None:
    """None where the list has no price, or 0: nobody declared that."""
    row = _price_list().get(model) or _price_list().get(model.partition("/")[2]) or {}
    per_token = {
        ours: row.get(theirs)
        for ours, theirs in (
            ("input", "input_cost_per_token"),
            ("output", "output_cost_per_token"),
            ("cached", "cache_read_input_token_cost"),
            ("cache_write", "cache_creation_input_token_cost"),
            ("reasoning", "output_cost_per_reasoning_token"),
        )
    }
    if not per_token["input"] or not per_token["output"]:
        return None
    known = {key: float(value) * 1e6 for key, value in per_token.items() if value}
    return Price(**PriceShape.model_validate(known).model_dump())


@lru_cache(maxsize=1)
def simulator() -> Json:
    """The simulator's declared parameters: {"shared": ..., "profiles": {name: {"params", "price"}}}."""
    document = read_yaml(content.shipped("ladders", "simulator.yaml"))
    content.parse(SimulatorShape, document)
    return document.value


def simulator_profile(model: str) -> dict[str, Any] | None:
    """The declared defaults of `simulated/NAME`: {"params": ..., "price": ...}; None where there is no such profile."""
    if not model.startswith("simulated/"):
        return None
    profile = simulator()["profiles"].get(model.removeprefix("simulated/"))
    if profile is None:
        return None
    return {"params": _merged(simulator()["shared"], profile["params"]), "price": profile["price"]}


def _merged(defaults: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Any]:
    """Defaults overridden key by key, also one level down: naming one difficulty keeps the others."""
    both = {key: {**defaults[key], **value} for key, value in given.items() if isinstance(defaults.get(key), Mapping)}
    return {**defaults, **given, **both}
