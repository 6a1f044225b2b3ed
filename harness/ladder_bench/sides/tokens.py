"""Tokens: what a strategy's calls were billed for, by tier, purpose and step of the price, so that they can be priced
again without a call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from ladder_bench import cost, folder
from ladder_bench.analyse import tables
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.purposes import EVALUATION
from ladder_bench.analyse.turns import Flags
from ladder_bench.domain import Message, Price, Usage
from ladder_bench.errors import InputError

COUNTS = ("fresh", "cached", "written", "output", "reasoning")  # what a line counts, each billed at a rate of its own
OUTPUT = slice(3, 5)
READ = (
    "conversation", "sample", "purpose", "tier", "messages", "input", "output", "cached", "cache_write", "reasoning",
    "estimated", "start_s", "flags",
)  # fmt: skip
UNPRICED = Price(0.0, 0.0)  # for the simulation of a cache alone: nothing is priced by it


@dataclass(frozen=True, slots=True, order=True)
class Line:
    """What tokens are counted under. `above`: the prompt size from which the step of the price held that was charged,
    0 for the price itself.
    """

    tier: str
    purpose: str
    above: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """Tokens as billed with a simulated prefix cache: (lines, conversations, samples, COUNTS)."""

    lines: tuple[Line, ...]
    counts: Array

    def usd(self, prices: Mapping[str, Price], known: Array) -> Array:
        """Dollars a conversation and sample (C, S) at these prices; NaN where `known` has none."""
        rates = np.array([_rates(prices[line.tier].at(line.above + 1)) for line in self.lines]).reshape(-1, len(COUNTS))
        found: Array = np.einsum("lcsk,lk->cs", self.counts, rates) / cost.MILLION
        return np.where(np.isnan(known), np.nan, found)

    def total(self) -> Array:
        """All tokens a conversation and sample."""
        found: Array = self.counts.sum(axis=(0, 3))
        return found

    def answered(self) -> Array:
        """Tokens of the answers that the user read, a conversation and sample: without reasoning."""
        mine = [place for place, line in enumerate(self.lines) if line.purpose == "answer"]
        found: Array = self.counts[mine, :, :, 3].sum(axis=0)
        return found

    @property
    def tiers(self) -> tuple[str, ...]:
        return tuple(sorted({line.tier for line in self.lines}))


def cached_like(price: Price, like: Price | None) -> Price:
    """A price with the terms of another one's prefix cache, so that two runs are simulated alike."""
    if like is None:
        return price
    steps = tuple((above, cached_like(step, like)) for above, step in price.steps)
    return replace(price, ttl_s=like.ttl_s, minimum_prefix=like.minimum_prefix, steps=steps)


def _rates(price: Price) -> tuple[float, ...]:
    """USD per million tokens in the order of COUNTS."""
    return tuple(cost.usd_of(cost.Billed(*(cost.MILLION * (at == n) for n in range(len(COUNTS)))), price)  # type: ignore[arg-type]
                 for at in range(len(COUNTS)))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """A strategy's tokens. `known`: (C, S), whether every serving call of a conversation was counted.

    `estimated`: how many calls have a usage that was guessed.
    """

    tokens: Tokens
    known: Flags
    estimated: int


def counted(
    run: folder.Run, strategy: str, prices: Mapping[str, Price], places: Mapping[str, int], samples: int
) -> Counted:
    """What one strategy's serving calls were billed for. Raises InputError where the folder does not say it."""
    if "start_s" not in run.tables["calls"].column_names:
        raise InputError(
            "written by an earlier ladder-bench, which did not keep when calls began; run it again (stored calls cost "
            "nothing)"
        )
    messages = _messages(run, strategy)
    groups = {tier["name"]: tier.get("cache_group") or tier["name"] for tier in run.about["tiers"]}
    counts: dict[Line, Array] = {}
    known = np.zeros((len(places), samples), dtype=bool)
    estimated = 0
    for rows in _lives(tables.rows(run.tables, "calls", strategy, READ)):
        cell = places[rows[0]["conversation"]], rows[0]["sample"]
        known[cell] = all(row["input"] is not None or cost.ELSEWHERE in (row["flags"] or ()) for row in rows)
        said = [row for row in rows if row["input"] is not None]
        estimated += sum(row["estimated"] for row in said)
        prompts = [_prompt(row, messages, groups, prices) for row in said]
        for row, billed in zip(said, cost.warm(prompts), strict=True):
            line = Line(row["tier"], row["purpose"], billed.above)
            if line not in counts:
                counts[line] = np.zeros((len(places), samples, len(COUNTS)))
            counts[line][cell] += (billed.fresh, billed.cached, billed.written, billed.output, billed.reasoning)
    lines = tuple(sorted(counts))
    whole = np.array([counts[line] for line in lines]).reshape(len(lines), len(places), samples, len(COUNTS))
    return Counted(Tokens(lines, whole), known, estimated)


def _lives(rows: Iterator[dict[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """The serving calls of each conversation and sample, in the order in which they were made."""
    serving = (row for row in rows if row["purpose"] not in EVALUATION)
    for _, group in groupby(serving, key=lambda row: (row["conversation"], row["sample"])):
        yield list(group)


def _messages(run: folder.Run, strategy: str) -> dict[str, Message]:
    """The bodies that this strategy's prompts use, by id: the cache simulation compares them."""
    import pyarrow.compute as pc

    calls = folder.having(run.tables["calls"], "strategy", [strategy])
    used = pc.unique(pc.list_flatten(calls["messages"].combine_chunks()))
    table = run.tables.get("messages")
    if table is None:
        return {}
    mine = table.filter(pc.is_in(table["id"], value_set=used))
    return {row["id"]: Message(row["role"], row["content"], row["extra"] or "") for row in folder.rows_of(mine)}


def _prompt(
    row: Mapping[str, Any], messages: Mapping[str, Message], groups: Mapping[str, str], prices: Mapping[str, Price]
) -> cost.Prompt:
    usage = Usage(row["input"], row["output"], row["cached"], row["cache_write"], row["reasoning"], row["estimated"])
    said, price = tuple(messages[each] for each in row["messages"]), prices.get(row["tier"], UNPRICED)
    whole = cost.WHOLE in (row["flags"] or ())
    return cost.Prompt(groups[row["tier"]], price, usage, said, row["start_s"] or 0.0, row["purpose"], whole)
