"""Hosted models: every provider that litellm reaches, behind one adapter.

The harness owns retries, so litellm's are off. What litellm passes as success and is none (no choices, no content) is
raised here; missing usage comes back as None, never as 0 tokens.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from typing import Any
from urllib.parse import urlsplit

from ladder_bench.domain import Reply, Request, Tier, Usage
from ladder_bench.errors import FatalModelError, InputError, ModelError

TIMEOUT_S = 120.0
ATTEMPTS = 4
REFUSED = {401, 403}
RETRIED = ("rate_limited", "timeout", "no_connection", "provider_error")
DEFAULT_MAX_OUTPUT_TOKENS = 1024


class Hosted:
    """A tier that answers over the network. `params` go to the provider, apart from those named here."""

    def __init__(self, tier: Tier, backoff_s: float = 1.0) -> None:
        self._tier, self._backoff_s = tier, backoff_s
        params = dict(tier.params)
        self._key_variable: str | None = params.pop("api_key_env", None)
        self._max_tokens = params.pop("max_output_tokens", DEFAULT_MAX_OUTPUT_TOKENS)
        self._params = params
        base = params.get("api_base")
        host = urlsplit(base).hostname if base else None
        if tier.hosts and host not in tier.hosts:
            raise InputError(
                f"tier '{tier.name}' may reach {', '.join(tier.hosts)}, but its api_base is {base or 'not set'}"
            )

    def fingerprint(self, conversation: str) -> str:
        return ""

    async def complete(self, request: Request) -> Reply:
        """Answer a request, trying again with growing, jittered pauses what may pass. Raises ModelError."""
        for attempt in range(1, ATTEMPTS):
            try:
                return await self._attempt(request)
            except ModelError as error:
                if error.kind not in RETRIED:
                    raise
            await asyncio.sleep(self._backoff_s * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))
        return await self._attempt(request)

    async def _attempt(self, request: Request) -> Reply:
        litellm = _litellm()
        started = time.perf_counter()
        try:
            response = await litellm.acompletion(
                model=self._tier.model,
                messages=[message.as_dict() for message in request.messages],
                max_tokens=self._max_tokens,
                api_key=self._key(),
                timeout=TIMEOUT_S,
                num_retries=0,
                max_retries=0,
                drop_params=False,
                **self._params,
            )
        except ModelError:
            raise
        except Exception as error:  # providers raise whatever they like; from here on it is a ModelError
            raise _sorted_error(litellm, error, self._tier, self._key_variable) from None
        return _reply(response, time.perf_counter() - started)

    def _key(self) -> str | None:
        if self._key_variable is None:
            return None
        key = os.environ.get(self._key_variable)
        if not key:
            raise FatalModelError("no_key", f"tier '{self._tier.name}': the variable {self._key_variable} is not set")
        return key


def _litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else the import fetches a price list
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _sorted_error(litellm: Any, error: Exception, tier: Tier, key_variable: str | None) -> ModelError:
    """Sort an error by what it means for the run. Its text is cut to one line and never holds the key."""
    said = " ".join(str(error).split())[:300]
    key = os.environ.get(key_variable or "")
    if key:
        said = said.replace(key, "***")
    if REFUSED & _statuses(error):
        variable = key_variable or "the provider's usual variable"
        return FatalModelError("refused_key", f"tier '{tier.name}': the key in {variable} was refused: {said}")
    if isinstance(error, litellm.NotFoundError):
        return FatalModelError("no_such_model", f"tier '{tier.name}': '{tier.model}' is not known there: {said}")
    for kind, name in (
        ("rate_limited", "RateLimitError"),
        ("timeout", "Timeout"),
        ("context_overflow", "ContextWindowExceededError"),
        ("refused_content", "ContentPolicyViolationError"),
        ("bad_request", "BadRequestError"),
        ("no_connection", "APIConnectionError"),
    ):
        if isinstance(error, getattr(litellm, name)):
            return ModelError(kind, said)
    return ModelError("provider_error", f"{type(error).__name__}: {said}")


def _statuses(error: BaseException | None) -> set[int]:
    """Every HTTP status in a chain of errors: litellm calls a 401 a bad request where the body's type says so."""
    found = set()
    while error is not None:
        found.add(getattr(error, "status_code", 0))
        error = error.__cause__ or error.__context__
    return found


def _reply(response: Any, latency_s: float) -> Reply:
    if not response.choices:
        raise ModelError("no_choices", "the provider answered without a choice")
    choice = response.choices[0]
    if choice.message.content is None:
        raise ModelError("no_content", f"the provider answered without content (finish reason: {choice.finish_reason})")
    return Reply(
        choice.message.content,
        _usage(response),
        latency_s,
        "live",
        response.model or None,
        choice.finish_reason or None,
    )


def _usage(response: Any) -> Usage | None:
    """What the provider counted. litellm turns missing usage into zeros: a prompt of 0 tokens is missing usage."""
    usage = getattr(response, "usage", None)
    if usage is None or not usage.prompt_tokens or min(usage.prompt_tokens, usage.completion_tokens or 0) < 0:
        return None
    details = getattr(usage, "prompt_tokens_details", None)
    answer_details = getattr(usage, "completion_tokens_details", None)
    return Usage(
        input=usage.prompt_tokens,
        output=usage.completion_tokens or 0,
        cached=getattr(details, "cached_tokens", None) or 0,
        cache_write=getattr(usage, "cache_creation_input_tokens", None) or 0,
        reasoning=getattr(answer_details, "reasoning_tokens", None) or 0,
    )
