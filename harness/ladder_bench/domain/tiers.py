"""Tiers: a model at a price, with what its provider may be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ladder_bench.domain.values import Json

DEFAULT_MAX_OUTPUT_TOKENS = 1024
IMPORTED = "imported/"  # how the model of an arm begins whose transcripts were finished elsewhere
OUTPUT_BOUNDS = ("max_output_tokens", "max_completion_tokens", "max_tokens")  # ours, and what providers call it


@dataclass(frozen=True, slots=True)
class Price:
    """USD per million tokens. `cached` and `cache_write` default to the input price, `reasoning` to output.

    `steps` are (tokens, price): a prompt of more tokens than that is charged at that price throughout.
    """

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None
    ttl_s: float = 300.0  # how long a prefix stays cached
    minimum_prefix: int = 1024  # tokens below which nothing is cached
    steps: tuple[tuple[int, Price], ...] = ()

    def at(self, tokens: int) -> Price:
        """The price of a prompt of so many tokens."""
        if not self.steps:
            return self
        return max((step for step in self.steps if tokens > step[0]), key=lambda step: step[0], default=(0, self))[1]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a provider may be asked for. `timeout_s` is an attempt's, `turn_timeout_s` a call's with its retries."""

    concurrency: int = 16
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    timeout_s: float = 120.0
    turn_timeout_s: float = 600.0
    retry_pause_s: float = 0.5  # before the second attempt; it doubles with each, up to 30 s


@dataclass(frozen=True, slots=True)
class Tier:
    """A model at a price. `model` is a litellm id, `recorded`, `simulated/NAME`, `local/NAME` or `imported/NAME`.

    `transport`: how a live tier is reached; `auto` is direct where `params` hold the base URL of an OpenAI-compatible
    server, else litellm. `stream` asks for the answer piece by piece, which tells the time to the first token.
    `on_overflow`: what happens to a prompt beyond `context_limit` tokens. `json_output`: how a reply that has a JSON
    schema is asked for, beside the prompt's own words: the schema is sent, or that an object is wanted, or nothing.
    """

    name: str
    model: str
    params: Mapping[str, Json]
    price: Price
    context_limit: int | None = None
    hosts: tuple[str, ...] = ()
    cache_group: str = ""
    off_path: str = "error"  # recorded tiers only: error | reuse | the name of a live tier
    limits: Limits = Limits()
    transport: Literal["auto", "direct", "litellm"] = "auto"
    stream: bool = False
    on_overflow: Literal["fail", "trim"] = "fail"
    json_output: Literal["schema", "object", "prompt"] = "prompt"

    @property
    def recorded(self) -> bool:
        return self.model == "recorded"

    @property
    def simulated(self) -> bool:
        return self.model.startswith("simulated/")

    @property
    def live(self) -> bool:
        """Answers over a socket, for money."""
        return not self.recorded and not self.simulated and not self.model.startswith(IMPORTED)

    @property
    def max_output_tokens(self) -> int:
        """Bound of an answer's tokens; always sent, so that a call's worst case is known before it."""
        return next(
            (int(self.params[name]) for name in OUTPUT_BOUNDS if name in self.params), DEFAULT_MAX_OUTPUT_TOKENS
        )
