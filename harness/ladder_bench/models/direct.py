"""OpenAI-compatible servers without a library in between: one POST a call.

litellm costs about 4 ms of CPU a call; on a self-hosted endpoint that is the bottleneck (see scripts/bench).
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.errors import ModelError
from ladder_bench.models import chat

if TYPE_CHECKING:
    import aiohttp

ROOM = 4 * 2**20  # bytes of an answer beside its tokens
PER_TOKEN = 1024  # bytes; a token is rarely over 16, and streams wrap each
WITH_LOGPROBS = 8192  # bytes; each may come with 20 others that were as likely
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Direct:
    """A tier behind an OpenAI-compatible base URL. Redirects are not followed: a tier reaches the host that it names."""

    def __init__(self, tier: Tier, base_url: str) -> None:
        self._tier = tier
        self._url = base_url.rstrip("/") + "/chat/completions"
        self._local = urlsplit(base_url).hostname in LOOPBACK
        self._params = {"model": tier.model.partition("/")[2], **chat.provider_params(tier)}
        per_token = WITH_LOGPROBS if tier.params.get("logprobs") else PER_TOKEN
        self._most_bytes = ROOM + per_token * tier.max_output_tokens
        self._session: aiohttp.ClientSession | None = None

    def fingerprint(self, conversation: str) -> str:
        return ""

    async def open(self) -> None:
        import aiohttp

        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),  # the tier's limits bound what is in flight
                timeout=aiohttp.ClientTimeout(total=None),  # so do its time limits
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=not self._local,
            )

    async def complete(self, request: Request) -> Reply:
        """Answer a request. Raises ModelError."""
        import aiohttp

        assert self._session is not None  # `open` comes first
        key = chat.api_key(self._tier)
        messages = [message.as_dict() for message in request.messages]
        body = {**self._params, **chat.response_format(request), "messages": messages}
        headers = {"content-type": "application/json", **self._tier.params.get("extra_headers", {})}
        if key:
            headers["authorization"] = f"Bearer {key}"
        started = time.perf_counter()
        try:
            posted = self._session.post(
                self._url, data=json.dumps(body).encode(), headers=headers, allow_redirects=False
            )
            async with posted as response:
                if response.status != 200:
                    said = (await _whole(response, self._most_bytes)).decode("utf-8", "replace")
                    raise _refusal(response, said, self._tier)
                if response.content_type == "text/event-stream":
                    stream = chat.Stream(started)
                    async for event in _events(response, self._most_bytes):
                        stream.add(_json(event))
                    payload = stream.completion()
                    return chat.reply_of(payload, request, time.perf_counter() - started, stream.first_token_s)
                payload = _json(await _whole(response, self._most_bytes))
                return chat.reply_of(payload, request, time.perf_counter() - started)
        except aiohttp.ClientConnectorError as error:  # nothing was sent
            raise ModelError("no_connection", str(error), charged=False) from None
        except (aiohttp.ClientError, ConnectionError) as error:
            raise ModelError("cut", f"{type(error).__name__}: {error!s}") from None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


async def _pieces(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The body as it comes. Raises ModelError beyond so many bytes: what was asked for cannot be that long."""
    size = 0
    async for piece in response.content.iter_any():
        size += len(piece)
        if size > most:
            raise ModelError("not_a_completion", f"the provider's answer is over {most:,} bytes")
        yield piece


async def _whole(response: aiohttp.ClientResponse, most: int) -> bytes:
    return b"".join([piece async for piece in _pieces(response, most)])


async def _events(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """The data of server-sent events, up to `[DONE]`: what a server does after that is nobody's answer."""
    data: list[bytes] = []
    async for line in _lines(response, most):
        if line.startswith(b"data:"):
            data.append(line[5:].removeprefix(b" "))
        elif not line and data:  # an empty line ends an event
            event, data = b"\n".join(data), []
            if event.strip() == b"[DONE]":
                return
            yield event
    if data and b"".join(data).strip() != b"[DONE]":
        yield b"\n".join(data)


async def _lines(response: aiohttp.ClientResponse, most: int) -> AsyncIterator[bytes]:
    """Lines without their ends (LF, CRLF); the last one need not end."""
    begun: list[bytes] = []
    async for piece in _pieces(response, most):
        first, *others = piece.split(b"\n")
        begun.append(first)
        for other in others:
            yield b"".join(begun).removesuffix(b"\r")
            begun = [other]
    yield b"".join(begun).removesuffix(b"\r")


def _json(data: bytes) -> Any:
    text = data.decode("utf-8", "replace")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        what = " ".join(text.split())
        raise ModelError("not_a_completion", f"the provider's answer is not JSON: {what}") from None


def _refusal(response: aiohttp.ClientResponse, said: str, tier: Tier) -> ModelError:
    code = ""
    try:
        error = json.loads(said)["error"]
        said, code = str(error["message"]), f"{error.get('code', '')} {error.get('type', '')}"
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return chat.error_of(response.status, said, response.headers, tier, code.split(" ")[0])
