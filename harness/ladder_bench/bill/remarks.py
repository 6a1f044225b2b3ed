"""Remarks: what a reader of a bill must know before its numbers, in plain sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ladder_bench.analyse.banners import SMALL
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.bill.pricing import Array
from ladder_bench.bill.tokens import Counted, Spoken
from ladder_bench.domain import Tier

TAIL = 0.2  # of the cost in the dearest 1 % of conversations; beyond it a mean hangs on a few of them
MOSTLY = 0.5  # of the prompts
NOT_KNOWN = (
    "A bill knows tokens and prices, not quality: it prices the recorded conversations as if every tier had said "
    "what the log says. Another tier would have answered better or worse, at another length, and people would have "
    "replied otherwise. `ladder-bench run` measures that."
)


def remarks(
    spoken: Sequence[Spoken], counted: Counted, tiers: Sequence[Tier], left_out: int, top_warm: Array
) -> tuple[str, ...]:
    """What to beware of, weightiest first."""
    return tuple(_remarks(spoken, counted, tiers, left_out, top_warm))


def _remarks(
    spoken: Sequence[Spoken], counted: Counted, tiers: Sequence[Tier], left_out: int, top_warm: Array
) -> Iterator[str]:
    if simulated := [tier.name for tier in tiers if tier.simulated]:
        yield f"declared prices of the simulated tiers ({', '.join(simulated)}), not a provider's"
    if counted.estimated:
        yield _estimated(counted)
    if counted.unusable:
        yield (
            f"{_turns(counted.unusable)} logged usage that cannot be right (no input, no output for an answer, or over "
            "100 million tokens); counted by tokenizer instead"
        )
    smallest = min(tier.price.minimum_prefix for tier in tiers)
    if short := sum(asked.usage.input < smallest for each in spoken for asked in each.asked):
        share = "all" if short == counted.answered else f"{short:,} of {counted.answered:,}"
        if short > MOSTLY * counted.answered:
            yield f"{share} prompts are below {smallest:,} tokens, too short for a cache to keep: warm is near cold"
    if len(spoken) < FEWEST:
        yield f"{_counted(len(spoken), 'conversation')}: too few for any interval ({FEWEST} are needed)"
    elif len(spoken) < SMALL:
        yield f"small sample: {len(spoken)} conversations"
    dearest = np.sort(top_warm)[-max(1, len(spoken) // 100) :]
    if len(spoken) >= 100 and dearest.sum() > TAIL * top_warm.sum():
        yield f"the dearest 1 % of conversations hold {dearest.sum() / top_warm.sum():.0%} of the cost"
    if counted.unanswered:
        out = f"; left out without any answer: {_counted(left_out, 'conversation')}" if left_out else ""
        yield f"{_turns(counted.unanswered)} without a recorded answer cost nothing here{out}"
    if counted.with_tools:
        yield (
            f"{_turns(counted.with_tools)} called tools: only the call that gave the answer is priced, so every "
            "strategy is dearer than it looks here"
        )
    if counted.shrinking:
        yield (
            f"{_turns(counted.shrinking)} logged a smaller prompt than the turn before: the context was cut, or the "
            "log's input leaves out cached tokens"
        )
    if counted.reasoning:
        yield (
            f"{counted.reasoning / counted.output:.0%} of the output tokens are the logged model's reasoning, charged "
            "to every tier; for a tier that does not reason declare a lower --output-ratio"
        )
    for tier in tiers:
        if tier.context_limit is not None and (over := _over(spoken, tier.context_limit)):
            prompts = _counted(over, "longer prompt")
            yield f"{tier.name} reads at most {tier.context_limit:,} tokens and could not have read {prompts}"


def _estimated(counted: Counted) -> str:
    share = f"{counted.estimated:,} of {counted.answered:,} turns have no logged usage"
    how = "tokens counted by tokenizer (cl100k), other tokenizers differ by 10-30 %"
    if counted.base is None:
        return f"{share}: {how}; what the log does not show (a system prompt, tools) is not in them"
    more = f"plus {counted.base:,}" if counted.base >= 0 else f"less {-counted.base:,}"
    return f"{share}: {how}, {more} a prompt, by which the recorded ones differ from their messages (median)"


def _turns(count: int) -> str:
    return _counted(count, "turn")


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _over(spoken: Sequence[Spoken], limit: int) -> int:
    return sum(asked.usage.input > limit for each in spoken for asked in each.asked)
