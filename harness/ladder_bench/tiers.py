"""Tiers: the models that a strategy may use, strongest first, each with its price."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field

from ladder_bench import content
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.domain import DEFAULT_MAX_OUTPUT_TOKENS, OUTPUT_BOUNDS, Json, Limits, Price, Tier
from ladder_bench.errors import InputError, Problem
from ladder_bench.prices import AboveZero, Natural, Positive, PriceShape, Shape, Text, listed_price

__all__ = [
    "Natural", "Positive", "Shape", "Text", "Tiers", "load_tiers", "prices_in", "read_tiers", "simulator_profile",
]  # fmt: skip


PLAYS_THE_USER = "simulated/user"  # a profile of the simulator that gives no answers, so it is no tier of a file
LOCAL_MODELS = ("smollm2-135m",)  # those that `model install` knows


class LimitsShape(Shape):
    concurrency: Positive = 16
    requests_per_minute: AboveZero | None = None
    tokens_per_minute: AboveZero | None = None
    timeout_s: AboveZero = 120.0
    turn_timeout_s: AboveZero = 600.0
    retry_pause_s: AboveZero = 0.5


class TierShape(Shape):
    name: Text
    model: Text
    params: dict[str, Any] = Field(default_factory=dict)
    price: PriceShape | None = None
    limits: LimitsShape = LimitsShape()
    context_limit: Positive | None = None
    max_output_tokens: Positive | None = None
    hosts: list[str] = Field(default_factory=list)
    cache_group: str | None = None
    off_path: str = "error"
    transport: Literal["auto", "direct", "litellm"] = "auto"
    stream: bool = False
    on_overflow: Literal["fail", "trim"] = "fail"
    json_output: Literal["schema", "object", "prompt"] = "prompt"


class TiersShape(Shape):
    tiers: Annotated[list[Any], Field(min_length=1)]
    judges: list[Any] = Field(default_factory=list)


class PricesShape(Shape):
    prices: Annotated[dict[str, PriceShape], Field(min_length=1)]


class ProfileShape(Shape):
    params: dict[str, Any] = Field(default_factory=dict)
    price: PriceShape


class SimulatorShape(Shape):
    shared: dict[str, Any]
    profiles: dict[str, ProfileShape]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Tiers strongest first, and where they were read. `judges` answer no turn: they may grade, and nothing else."""

    tiers: tuple[Tier, ...]
    file: str
    judges: tuple[Tier, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tier.name for tier in self.tiers)

    def __getitem__(self, name: str) -> Tier:
        return self.tiers[self.names.index(name)]

    def rank(self, name: str) -> int:
        """0 is the strongest."""
        return self.names.index(name)

    def with_concurrency(self, concurrency: int) -> Tiers:
        """The same tiers with so many calls in flight each."""

        def with_limit(tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
            return tuple(replace(tier, limits=replace(tier.limits, concurrency=concurrency)) for tier in tiers)

        return replace(self, tiers=with_limit(self.tiers), judges=with_limit(self.judges))

    def judge(self, name: str) -> Tier:
        """Who grades under this name, from the judges or the tiers. Raises InputError."""
        able = [tier for tier in (*self.judges, *self.tiers) if tier.live]
        found = next((tier for tier in able if tier.name == name), None)
        if found is None:
            names = [tier.name for tier in able]
            known = "is recorded or simulated and judges nothing" if name in self.names else "is no judge"
            valid = ", ".join(names) or f"none yet; give one under 'judges' in {self.file}"
            raise InputError(f"'{content.shortened(name)}' {known}{content.did_you_mean(name, names)}; valid: {valid}")
        return found


def load_tiers(name: str, near: Path | None = None) -> Tiers:
    """Load a tiers file by path or bundled name. Raises InputError."""
    return read_tiers(read_yaml(content.locate(name, "ladders/tiers", near=near)))


def read_tiers(document: Document) -> Tiers:
    """Build the tiers of a file. Raises InputError with the problems of all of them."""
    problems: list[Problem] = []
    shapes: list[tuple[Loc, TierShape]] = []
    whole = content.parse(TiersShape, document, problems)
    places: list[Loc] = [("tiers", index) for index in range(len(whole.tiers))]
    places += [("judges", index) for index in range(len(whole.judges))]
    for place in places:
        try:
            shapes.append((place, content.parse(TierShape, document.at(*place))))
        except InputError as error:
            problems.extend(error.problems)
    recorded = {shape.name: shape.model == "recorded" for loc, shape in reversed(shapes) if loc[0] == "tiers"}
    found: dict[str | int, list[Tier]] = {"tiers": [], "judges": []}
    seen: set[str] = set()
    for loc, shape in shapes:
        wrong = [document.problem((*loc, *at), what) for at, what in _wrong(shape, recorded)]
        if shape.name in seen:
            wrong.append(document.problem((*loc, "name"), f"duplicate tier '{shape.name}'; names must be unique"))
        if loc[0] == "judges" and (shape.model == "recorded" or shape.model.startswith("simulated/")):
            wrong.append(document.problem((*loc, "model"), f"'{shape.model}' judges nothing; name a live model"))
        seen.add(shape.name)
        problems.extend(wrong)
        if not wrong:
            found[loc[0]].append(_tier(shape))
    if problems:
        raise InputError(problems)
    return Tiers(tuple(found["tiers"]), document.file, tuple(found["judges"]))


def prices_in(document: Document) -> tuple[dict[str, Price], dict[str, Loc]]:
    """The prices in a file by tier name, and the place of each: a tiers file's, or `prices`. Raises InputError."""
    if isinstance(document.value, Mapping) and "tiers" in document.value:
        found = {tier.name: tier.price for tier in read_tiers(document).tiers}
        return found, {name: ("tiers", n, "name") for n, name in enumerate(found)}
    shapes = content.parse(PricesShape, document).prices
    return {name: shape.price() for name, shape in shapes.items()}, {name: ("prices", name) for name in shapes}


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
        limits=Limits(**shape.limits.model_dump()),
        transport=shape.transport,
        stream=shape.stream,
        on_overflow=shape.on_overflow,
        json_output=shape.json_output,
    )


# --- what the shape alone cannot say -------------------------------------------------------


def _wrong(shape: TierShape, recorded: Mapping[str, bool]) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for what is wrong with a tier; `recorded` says of each tier's name whether it is."""
    profile = simulator_profile(shape.model)
    if shape.model.startswith("simulated/") and (profile is None or shape.model == PLAYS_THE_USER):
        names = [f"simulated/{key}" for key in simulator()["profiles"]]
        valid = [name for name in names if name != PLAYS_THE_USER]
        hint = content.did_you_mean(shape.model, valid)
        unknown = f"unknown simulated model '{shape.model}'{hint}"
        what = f"'{shape.model}' plays the user and answers nothing" if profile else unknown
        yield ("model",), f"{what}; valid: {', '.join(valid)}"
    elif shape.model.startswith("local/") and shape.model.removeprefix("local/") not in LOCAL_MODELS:
        valid = [f"local/{name}" for name in LOCAL_MODELS]
        hint = content.did_you_mean(shape.model, valid)
        yield ("model",), f"unknown local model '{shape.model}'{hint}; valid: {', '.join(valid)}"
    elif _price(shape, profile) is None:
        yield (
            ("model",),
            f"no price for '{shape.model}': it is not in the pinned price list, or at 0; "
            "add 'price: {input: ..., output: ...}' in USD per million tokens",
        )
    yield from _not_finite(shape.params, ("params",))
    yield from _unreachable(shape)
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


# words that name a key in a parameter or a header, whole: `max_output_tokens` and `api_key_env` name none
SECRET = re.compile(
    r"(?:^|[-_])(?:api[-_]?key|apikey|key|keys|key[-_]id|token|secret|password|credentials?|authorization|auth|cookie)$",
    re.IGNORECASE,
)
VARIABLE = re.compile(r"[A-Za-z_]\w{0,63}")
NO_KEYS = "no keys in files: put it in an environment variable and name that in 'api_key_env'"
OURS_ALONE = (  # params that would change what a call is, or who decides over it
    "n", "best_of", "stream", "stream_options", "model", "messages", "timeout", "num_retries", "max_retries",
    "fallbacks", "base_url", "mock_response", "context_window_fallback_dict", "caching", "cache",
    "extra_body", "headers", "extra_query", "default_headers",
)  # fmt: skip
HINTS = {
    "stream": "; set 'stream' beside 'params'",
    "extra_body": "; put its keys straight into 'params'",
    "headers": "; use 'extra_headers'",
}


def _unreachable(shape: TierShape) -> Iterator[tuple[Loc, str]]:
    """What is wrong with where a tier is, and with the key that it is reached by."""
    yield from _secret(shape.params, ("params",))
    variable = shape.params.get("api_key_env")
    if variable is not None and not (isinstance(variable, str) and VARIABLE.fullmatch(variable)):
        yield ("params", "api_key_env"), "must be the name of an environment variable, never the key itself"
    for name in OURS_ALONE:
        if name in shape.params and not shape.model.startswith("simulated/"):
            hint = HINTS.get(name, "")
            yield ("params", name), f"must be left out: the run decides over it{hint}"
    if not isinstance(shape.params.get("extra_headers", {}), Mapping):
        yield ("params", "extra_headers"), "must be a mapping of header names to values"
    base = shape.params.get("api_base")
    place = ("params", "api_base") if base is not None else ("hosts",) if shape.hosts else ("model",)
    url = urlsplit(base) if isinstance(base, str) else None
    if base is not None and (url is None or url.scheme not in ("http", "https") or not url.hostname):
        yield place, f"must be a URL such as http://127.0.0.1:8000/v1, not {base!r}"
    elif url is not None and (url.username or url.password or url.query or url.fragment):
        yield place, f"must end with its path, without a password or '?...'; {NO_KEYS}"
    elif shape.hosts and (url is None or url.hostname not in shape.hosts):
        what = (
            f"leads to {url.hostname}" if url else "needs an 'api_base' in 'params', so that it is known where it leads"
        )
        yield place, f"{what}, and 'hosts' allows: {', '.join(shape.hosts)}"
    direct = shape.model.startswith("local/") or (url is not None and shape.model.startswith("openai/"))
    if shape.transport == "direct" and not direct:
        yield ("transport",), "direct needs a model 'openai/NAME' and an 'api_base' in 'params'; or litellm, or auto"
    bounds = [name for name in OUTPUT_BOUNDS if name in shape.params]
    if len(bounds) + (shape.max_output_tokens is not None) > 1:
        yield ("params", bounds[-1]), "the bound of an answer is given twice; leave one out"
        return
    most = shape.max_output_tokens or next((shape.params[name] for name in bounds), DEFAULT_MAX_OUTPUT_TOKENS)
    if not isinstance(most, int) or isinstance(most, bool) or most < 1:
        yield ("params", bounds[0]), f"must be a whole number from 1, not {most!r}"
    elif shape.context_limit is not None and most >= shape.context_limit:
        yield ("context_limit",), f"must leave room for a prompt beside max_output_tokens, which is {most}"


def _secret(value: Json, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Parameters and headers whose names say that they hold a key."""
    for name, inside in value.items() if isinstance(value, Mapping) else ():
        if SECRET.search(str(name)) and isinstance(inside, str):
            yield (*loc, name), NO_KEYS
        yield from _secret(inside, (*loc, name))


def _not_finite(value: Json, loc: Loc) -> Iterator[tuple[Loc, str]]:
    """Parameters are free, but they become JSON, which has no other numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        yield loc, f"must be a finite number, not {value}"
    inside = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from _not_finite(item, (*loc, key))


AT_LEAST_ZERO = (
    "conversation_sd", "item_sd", "latency_s", "fabrication", "retraction", "verbosity", "frame_rate", "recall",
    "sensitivity", "false_alarm", "noise", "patience", "notices", "leaves_after",
)  # fmt: skip
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


# --- the simulator's defaults ---------------------------------------------------


def _price(tier: TierShape, profile: Mapping[str, Any] | None) -> Price | None:
    if tier.price is not None:
        return tier.price.price()
    if profile is not None:
        return PriceShape.model_validate(profile["price"]).price()
    return listed_price(tier.model)


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
