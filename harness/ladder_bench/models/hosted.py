"""Every provider that litellm reaches, behind one adapter. The harness owns retries, so litellm's are off."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any

from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.models import chat


class Hosted:
    """A tier that litellm reaches. Its `params` go to the provider."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        self._params = chat.provider_params(tier)
        self._client: Any = None
        # the provider's usual key is for the provider, not for whatever server a base URL names
        self._no_key = "none" if "api_base" in tier.params else None
        for name in ("api_base", "extra_headers"):
            if name in tier.params:
                self._params[name] = tier.params[name]

    def fingerprint(self, conversation: str) -> str:
        return ""

    async def open(self) -> None:
        _litellm()  # takes seconds

    async def complete(self, request: Request) -> Reply:
        """Answer a request. Raises ModelError."""
        litellm = _litellm()
        key = chat.api_key(self._tier)
        started = time.perf_counter()
        try:
            response = await litellm.acompletion(
                model=self._tier.model,
                messages=[message.as_dict() for message in request.messages],
                api_key=key or self._no_key,
                timeout=self._tier.limits.timeout_s,
                num_retries=0,
                max_retries=0,
                drop_params=False,
                **{**self._params, **chat.response_format(request)},
                **self._own_client(key),
            )
            stream = await _streamed(response, started) if self._tier.stream else None
            payload = stream.completion() if stream else _payload(response)
        except ModelError:
            raise
        except Exception as error:  # providers raise whatever they like; from here on it is a ModelError
            raise _sorted_error(litellm, error, self._tier) from None
        first = stream.first_token_s if stream else None
        return chat.reply_of(payload, request, time.perf_counter() - started, first)

    def _own_client(self, key: str | None) -> dict[str, Any]:
        """A client that follows no redirect, where the tier says which hosts it may reach."""
        if not self._tier.hosts or not self._tier.model.startswith("openai/"):
            return {}
        if self._client is None:
            import httpx
            import openai

            self._client = openai.AsyncOpenAI(
                api_key=key or "none",
                base_url=str(self._tier.params["api_base"]),
                max_retries=0,
                http_client=httpx.AsyncClient(follow_redirects=False, timeout=self._tier.limits.timeout_s),
            )
        return {"client": self._client}

    async def close(self) -> None:
        """litellm keeps its own connections for the process."""
        if self._client is not None:
            await self._client.close()
            self._client = None


def _payload(response: Any) -> dict[str, Any]:
    """What is read of a completion; dumping the whole of it costs as much again as everything else here."""
    usage = getattr(response, "usage", None)
    choices = [
        {
            "message": {"content": choice.message.content},
            "finish_reason": choice.finish_reason,
            "logprobs": _plain(getattr(choice, "logprobs", None)),
        }
        for choice in response.choices
    ]
    return {"model": response.model, "choices": choices, "usage": usage and usage.model_dump()}


def _plain(logprobs: Any) -> Any:
    return logprobs.model_dump() if hasattr(logprobs, "model_dump") else logprobs


async def _streamed(response: Any, started: float) -> chat.Stream:
    """Fold a stream. litellm makes usage up where the provider sent none; what was sent is in its raw chunks."""
    stream = chat.Stream(started)
    async for chunk in response:
        stream.add({**chunk.model_dump(), "usage": None})
    sent = [chunk.usage for chunk in getattr(response, "chunks", None) or () if getattr(chunk, "usage", None)]
    if sent:
        stream.add({"usage": sent[-1].model_dump()})
    return stream


def _litellm() -> Any:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else the import fetches a price list
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _sorted_error(litellm: Any, error: Exception, tier: Tier) -> ModelError:
    """Sort an error by the HTTP status behind it, and by litellm's own classes where there is none."""
    said = str(error)
    if isinstance(error, litellm.ContextWindowExceededError):
        return ModelError("context_overflow", said, charged=False)
    if isinstance(error, litellm.ContentPolicyViolationError):
        return ModelError("refused_content", said, charged=False)
    if isinstance(error, litellm.Timeout):
        return ModelError("timeout", said)
    if isinstance(error, litellm.UnsupportedParamsError):  # before anything is sent
        what = said.partition("UnsupportedParamsError: ")[2].partition(". To drop")[0]
        hint = "leave them out of 'params', or 'json_output: prompt' for response_format"
        return FatalModelError("bad_request", f"tier '{tier.name}': {what}; {hint}", charged=False)
    names = {type(each).__name__ for each in _chain(error)}
    if names & {"ConnectError", "ConnectTimeout", "ClientConnectorError"}:  # nothing was sent
        return ModelError("no_connection", said, charged=False)
    if names & {"ReadError", "RemoteProtocolError", "ServerDisconnectedError", "ClientPayloadError"}:
        return ModelError("cut", said)
    responses = [each.response for each in _chain(error) if getattr(each, "response", None) is not None]
    if "Missing credentials" in said:  # openai's own words, before anything is sent
        what = f"tier '{tier.name}': no key was found; set the provider's usual variable, or name one in 'api_key_env'"
        return FatalModelError("no_key", what, charged=False)
    if not responses:
        return ModelError("provider_error", f"{type(error).__name__}: {said}")
    statuses = [response.status_code for response in responses]
    refused = next((status for status in statuses if status in (401, 403)), None)  # litellm may call it a 400
    headers: Mapping[str, str] = responses[-1].headers  # the innermost one is the provider's own
    return chat.error_of(refused or statuses[-1], said, headers, tier)


def _chain(error: BaseException | None) -> Iterator[Any]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
