"""Cost: what a call costs, cold, billed, and warm as production with a prefix cache would see it.

Pure. Dollars are floats; token counts are whole numbers. Prices are USD per million tokens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ladder_bench.domain import Message, Price, Usage

if TYPE_CHECKING:
    import tiktoken

MILLION = 1e6
MESSAGE_OVERHEAD = 4  # tokens around each message in OpenAI's chat format (openai-cookbook, "How to count tokens")


def cold_usd(usage: Usage, price: Price) -> float:
    """Cost with no cache anywhere: all input at the input rate."""
    price = price.at(usage.input)
    return (usage.input * price.input) / MILLION + _output_usd(usage, price)


def billed_usd(usage: Usage, price: Price) -> float:
    """Cost of the usage that the provider reported, its cached and cache-written tokens at their own rates."""
    price = price.at(usage.input)
    return _input_usd(usage.input, usage.cached, usage.cache_write, price) + _output_usd(usage, price)


def worst_usd(input_tokens: int, output_tokens: int, price: Price) -> float:
    """The most that a call of at most so many tokens can cost, at the dearest of its rates."""

    def rates(each: Price) -> tuple[float, float]:
        into = max(rate for rate in (each.input, each.cached, each.cache_write) if rate is not None)
        return into, max(rate for rate in (each.output, each.reasoning) if rate is not None)

    pairs = [rates(price), *(rates(step) for above, step in price.steps if input_tokens > above)]
    return max(input_tokens * into + output_tokens * out for into, out in pairs) / MILLION


WHOLE = "usage of the whole conversation"  # flags of calls whose log counts tokens by conversation
ELSEWHERE = "tokens counted with the conversation's last call"


def undivided(price: Price) -> Price:
    """The price of the tokens of several calls together: how long each prompt was is not known, so no step applies."""
    return replace(price, steps=())


@dataclass(frozen=True, slots=True)
class Prompt:
    """A call as the cache simulation sees it. `at_s`: seconds since the conversation began.

    `thread` tells prompts that begin differently apart (answers, a detector's questions): a cache keeps the last of
    each. `whole`: its usage is that of several calls together, so that no cache can be simulated.
    """

    cache_group: str
    price: Price
    usage: Usage
    messages: tuple[Message, ...]
    at_s: float
    thread: str = "answer"
    whole: bool = False

    @property
    def charged(self) -> Price:
        """The rates that hold for it: those of its step, where it is one prompt."""
        return undivided(self.price) if self.whole else self.price.at(self.usage.input)


@dataclass(frozen=True, slots=True)
class Billed:
    """A call's tokens by the rate at which they are billed. `output` is without `reasoning`, which has its own.

    `above`: the prompt size from which the step of the price that was charged holds, 0 for the price itself.
    """

    fresh: int
    cached: int
    written: int
    output: int
    reasoning: int
    above: int = 0


def usd_of(billed: Billed, price: Price) -> float:
    """What tokens cost that are already split. `price` is that of their step."""
    reading = _input_rates(price, billed.fresh, billed.cached, billed.written)
    return reading / MILLION + _answer_usd(billed.output, billed.reasoning, price)


def warm_usd(prompts: Sequence[Prompt]) -> list[float]:
    """Cost of each call of one conversation, in order, with each cache group's prefix cache simulated."""
    split = warm(prompts)
    return [usd_of(each, prompt.charged) for each, prompt in zip(split, prompts, strict=True)]


def warm(prompts: Sequence[Prompt]) -> list[Billed]:
    """Tokens of each call of one conversation, in order, as a prefix cache in each cache group would have them billed.

    The longest common prefix with one of the group's last prompts, the last of each thread, is billed at the cached
    rate if that prompt is within its TTL and the prefix reaches the minimum; the rest is written to the cache where the
    whole prompt reaches the minimum.
    A prefix that is the whole last prompt has that prompt's tokens; of a shorter one, which ends inside a message, the
    share of the tokens is its share of the characters.
    """
    last: dict[str, dict[str, Prompt]] = {}
    found = []
    for prompt in prompts:
        price, usage = prompt.charged, prompt.usage
        if prompt.whole:
            found.append(_as_reported(usage))
            continue
        threads = last.setdefault(prompt.cache_group, {})
        alive = [before for before in threads.values() if prompt.at_s - before.at_s <= price.ttl_s]
        cached = max((_common_tokens(before, prompt) for before in alive), default=0)
        if cached < price.minimum_prefix:
            cached = 0
        written = usage.input - cached if usage.input >= price.minimum_prefix else 0
        above = max((above for above, _ in prompt.price.steps if usage.input > above), default=0)
        found.append(_split(usage, cached, written, above))
        threads[prompt.thread] = prompt
    return found


def _as_reported(usage: Usage) -> Billed:
    cached = min(usage.cached, usage.input)
    return _split(usage, cached, min(usage.cache_write, usage.input - cached))


def _split(usage: Usage, cached: int, written: int, above: int = 0) -> Billed:
    reasoning = min(usage.reasoning, usage.output)
    return Billed(usage.input - cached - written, cached, written, usage.output - reasoning, reasoning, above)


def _common_tokens(before: Prompt, now: Prompt) -> int:
    shared = 0
    for old, new in zip(before.messages, now.messages, strict=False):
        if old.digest != new.digest:
            shared += _common_characters(old.content, new.content) if old.role == new.role else 0
            break
        shared += _size(new)
    else:
        if len(before.messages) <= len(now.messages):
            return min(before.usage.input, now.usage.input)
    if shared == 0:
        return 0
    tokens = int(now.usage.input * shared / sum(_size(message) for message in now.messages))
    return min(tokens, before.usage.input, now.usage.input)


@lru_cache(maxsize=1024)
def _common_characters(first: str, second: str) -> int:
    """Length of the common prefix, by halving."""
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _size(message: Message) -> int:
    return len(message.content) + len(message.extra) + 4 * MESSAGE_OVERHEAD


def _input_usd(whole: int, cached: int, written: int, price: Price) -> float:
    cached = min(cached, whole)
    written = min(written, whole - cached)
    return _input_rates(price, whole - cached - written, cached, written) / MILLION


def _input_rates(price: Price, fresh: int, cached: int, written: int) -> float:
    cached_rate = price.input if price.cached is None else price.cached
    write_rate = price.input if price.cache_write is None else price.cache_write
    return fresh * price.input + cached * cached_rate + written * write_rate


def _output_usd(usage: Usage, price: Price) -> float:
    reasoning = min(usage.reasoning, usage.output)
    return _answer_usd(usage.output - reasoning, reasoning, price)


def _answer_usd(output: int, reasoning: int, price: Price) -> float:
    reasoning_rate = price.output if price.reasoning is None else price.reasoning
    return (output * price.output + reasoning * reasoning_rate) / MILLION


# --- counting where a log has no usage ------------------------------------------------------


def estimated_usage(messages: Sequence[Message], answer: str) -> Usage:
    """Count tokens with a public tokenizer (cl100k_base), flagged estimated: other tokenizers differ by 10-30 %."""
    return Usage(prompt_tokens(messages), count_tokens(answer), estimated=True)


def prompt_tokens(messages: Sequence[Message]) -> int:
    """A prompt's tokens by a public tokenizer."""
    return sum(count_tokens(message.content + message.extra) + MESSAGE_OVERHEAD for message in messages)


@lru_cache(maxsize=4096)
def count_tokens(text: str) -> int:
    encoding = _encoding()
    if encoding is None:
        return (len(text.encode("utf-8", "surrogatepass")) + 3) // 4  # about four bytes a token in English prose
    return len(encoding.encode(text, disallowed_special=()))


@lru_cache(maxsize=1)
def _encoding() -> tiktoken.Encoding | None:
    """The tokenizer, None where it is missing. Its vocabulary ships inside litellm: tiktoken would fetch it."""
    found = find_spec("litellm")
    if found is None or not found.submodule_search_locations:
        return None
    folder = Path(found.submodule_search_locations[0]) / "litellm_core_utils" / "tokenizers"
    if not (folder / CL100K_FILE).is_file():
        return None
    import tiktoken

    before = os.environ.get("TIKTOKEN_CACHE_DIR")
    os.environ["TIKTOKEN_CACHE_DIR"] = str(folder)
    try:
        return tiktoken.get_encoding("cl100k_base")
    finally:
        if before is None:
            del os.environ["TIKTOKEN_CACHE_DIR"]
        else:
            os.environ["TIKTOKEN_CACHE_DIR"] = before


CL100K_FILE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"  # how tiktoken names the file in its cache
