"""Calling: a request becomes a call, with its usage counted where nobody reported it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from ladder_bench import cost
from ladder_bench.domain import Call, History, Reply, Request, Tier
from ladder_bench.errors import ModelError

Fetch = Callable[[Request], Awaitable[tuple[str, Reply]]]
UNSEEN = "planned"  # the origin of a reply that stands for one nobody has seen yet


async def call(request: Request, fetch: Fetch) -> Call:
    """Perform a request. Raises ModelError, also where it is too long for its tier."""
    room = _room(request.tier)
    if room is not None and not request.tier.recorded and not _fits(request, room):
        what = f"about {cost.prompt_tokens(request.messages)} tokens, and '{request.tier.name}' has room for {room}"
        raise ModelError("context_overflow", what)
    key, reply = await fetch(request)
    usage = reply.usage
    if usage is None or min(usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning) < 0:
        usage = cost.estimated_usage(request.messages, reply.text)
    return Call(key, request.purpose, request, reply, usage)


def fitted(request: Request) -> Request:
    """The request, without its oldest exchanges where its tier's context is too small and may be trimmed."""
    room = _room(request.tier)
    if room is None or request.tier.on_overflow == "fail" or _fits(request, room):
        return request
    messages = request.history.messages
    for start in range(1, len(messages) + 1):
        if start == len(messages) or messages[start].role == "user":
            shorter = replace(request, history=History().plus(*messages[start:]), trimmed=start)
            if _fits(shorter, room):
                return shorter
    return request


def _room(tier: Tier) -> int | None:
    return None if tier.context_limit is None else tier.context_limit - tier.max_output_tokens


def _fits(request: Request, room: int) -> bool:
    """Whether a prompt fits, by a public tokenizer; bytes settle it for most."""
    bound = sum(len(m.content) * 4 + len(m.extra) * 4 + cost.MESSAGE_OVERHEAD for m in request.messages)
    return bound <= room or cost.prompt_tokens(request.messages) <= room
