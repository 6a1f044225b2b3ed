"""What the server on loopback does with a request: answer it, or fail in one of many ways, and write it down."""

from __future__ import annotations

import asyncio
import email.utils
import json
import math
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from loopback_answers import (
    HTML,
    USAGES,
    Work,
    chunks,
    completion,
    context_overflow,
    error,
    key_of,
    logprobs_of,
    message_tokens,
    sentences,
    share_of,
    shortened,
    to_json,
    usage_said,
)
from loopback_ledger import Entry, Ledger

FAILURES = {  # what may be drawn for an attempt: the status that it ends in, None where no status is sent
    "429": 429,  # without Retry-After
    "429_after": 429,  # Retry-After in seconds
    "429_date": 429,  # Retry-After as an HTTP date
    "500": 500,
    "502": 502,  # an HTML body
    "401": 401,
    "400_context": 400,
    "html": 200,  # an HTML body under 200
    "error_200": 200,  # an error object under 200; in a stream after half of it
    "bad_json": 200,  # a body that breaks off, its length right
    "no_choices": 200,
    "null_content": 200,
    "length": 200,  # half an answer, finish reason "length"
    "wrong_model": 200,
    "hang": 200,  # answers `hang_s` late
    "hang_middle": 200,  # the second half of the body comes `hang_s` late
    "cut": None,  # closes the connection before any byte
    "cut_middle": 200,  # closes it after half of the body
}
EMPTY = {"no_choices", "error_200", "html"}  # no output tokens
MIDDLE = {"cut_middle", "hang_middle"}


@dataclass(frozen=True)
class Behaviour:
    """How the provider behaves. Rates are shares of requests, prices USD per million tokens."""

    delay_s: float = 0.0  # before the first token
    delay_spread: float = 0.0  # a delay is drawn, by the request, up to this share shorter or longer
    chunk_delay_s: float = 0.0  # between the chunks of a stream
    text: str | None = None  # None: a few sentences that are a function of the request
    bytes_per_token: float = 4.0
    usage: str = "honest"  # or missing, zero, tenth, tenfold, negative, lying (one of these three, by the request)
    cache_minimum: int | None = None  # cache prompts of this many tokens; usage then depends on who came first
    served_model: str | None = None  # None: the requested one
    context_window: int | None = None  # tokens of prompt and output above which a request is refused
    api_key: str | None = None  # the only key let in; a refusal quotes the one that was sent
    failures: Mapping[str, float] = field(default_factory=dict)  # drawn by hash of (seed, request, attempt)
    script: Sequence[str] = ()  # outcomes of each request's first attempts, "answered" or one of FAILURES
    most_failures: int | None = None  # attempts of a request that may fail by draw
    seed: int = 0
    retry_after_s: float = 1.0
    hang_s: float = 3600.0
    requests_per_minute: float | None = None  # above: 429 with Retry-After, not drawn, not billed
    tokens_per_minute: float | None = None
    window_s: float = 60.0  # the limits hold in any window of this length
    input_usd: float = 1.0
    cached_usd: float | None = None
    output_usd: float = 2.0
    bill_errors: bool = False  # bill a 500 or 502 as if it had answered

    def __post_init__(self) -> None:
        unknown = {*self.failures, *self.script} - {*FAILURES, "answered"}
        if unknown or sum(self.failures.values()) > 1 or self.usage not in USAGES:
            raise ValueError(f"failures {sorted(unknown)}, their rates or usage '{self.usage}'; valid: {[*FAILURES]}")


class Desk:
    """Takes requests, keeps the ledger."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self._entries: list[Entry] = []
        self._attempts: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._admitted: deque[tuple[float, int]] = deque()
        self._cached: set[int] = set()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        at_s = time.monotonic()
        body = await request.read()
        if request.path.endswith("/chat/completions"):
            asked = json.loads(body)
            entry = Entry(key_of(asked), 0, at_s)
            self._entries.append(entry)
            try:
                return await self.answer(request, asked, entry)
            finally:
                if entry.left_s is None:  # the client hung up
                    entry.left_s = time.monotonic()
        if request.path == "/behaviour":
            self.behaviour = Behaviour(**json.loads(body))
        elif request.path != "/ledger":
            return web.Response(status=404, text=to_json(error("Unknown path", "invalid_request_error")))
        return web.Response(text=json.dumps(Ledger(tuple(self._entries)).rows()), content_type="application/json")

    async def answer(self, request: web.BaseRequest, asked: Mapping[str, Any], entry: Entry) -> web.StreamResponse:
        behaviour = self.behaviour
        work = self._work(asked, entry.key)
        sent_key = request.headers.get("authorization", "").removeprefix("Bearer ")
        entry.outcome, headers = self._outcome(asked, entry, work, sent_key)
        if entry.outcome == "length":
            half, tokens, _ = shortened(work.text, work.completion // 2, behaviour.bytes_per_token)
            work = Work(half, "length", work.prompt, work.cached, tokens)
        entry.status = FAILURES.get(entry.outcome, 429 if entry.outcome == "rate_limited" else 200)
        self._bill(entry, work)
        delay_s = behaviour.delay_s * (1 + behaviour.delay_spread * (2 * share_of("delay", entry.key) - 1))
        if entry.outcome == "hang":
            delay_s += behaviour.hang_s
        text = _refusal(entry.outcome, work, behaviour, sent_key)
        if text is None:
            whole = _completion(entry, work, behaviour, asked)
            if asked.get("stream"):
                return await self._stream(request, entry, whole, asked, delay_s)
            text = to_json(whole)
        await asyncio.sleep(delay_s)
        if entry.outcome == "cut":
            return _hung_up(request, entry)
        kind = "text/html" if text is HTML else "application/json"
        headers = headers | {"content-type": f"{kind}; charset=utf-8"}
        data = text.encode("utf-8", "surrogatepass")
        if entry.outcome == "bad_json":
            data = data[: len(data) * 2 // 3]
        if entry.outcome in MIDDLE:
            return await self._in_halves(request, entry, data, headers)
        leave(request, entry)
        return web.Response(body=data, status=entry.status or 200, headers=headers)

    def _work(self, asked: Mapping[str, Any], key: str) -> Work:
        behaviour = self.behaviour
        messages = asked.get("messages") or []
        sizes = [message_tokens(message, behaviour.bytes_per_token) for message in messages]
        most = asked.get("max_completion_tokens") or asked.get("max_tokens")
        text, tokens, cut = shortened(
            sentences(key) if behaviour.text is None else behaviour.text, most, behaviour.bytes_per_token
        )
        return Work(text, "length" if cut else "stop", sum(sizes), self._prefix(asked, messages, sizes), tokens)

    def _prefix(self, asked: Mapping[str, Any], messages: Sequence[Any], sizes: Sequence[int]) -> int:
        """Tokens of the longest prefix that came before; 0 below the minimum. Remembers this prompt's prefixes."""
        minimum = self.behaviour.cache_minimum
        if minimum is None:
            return 0
        cached = tokens = 0
        prefix = hash(asked.get("model"))
        for message, size in zip(messages, sizes, strict=True):
            prefix = hash((prefix, to_json(message)))
            tokens += size
            if prefix in self._cached:
                cached = tokens
            elif tokens >= minimum:
                self._cached.add(prefix)
        return cached

    def _outcome(self, asked: Mapping[str, Any], entry: Entry, work: Work, sent_key: str) -> tuple[str, dict[str, str]]:
        """(what becomes of a request, headers that go with it)."""
        behaviour = self.behaviour
        if behaviour.api_key is not None and sent_key != behaviour.api_key:
            return "401", {}
        wait_s = self._admit(entry.at_s, work.prompt + work.completion)
        if wait_s > 0:
            return "rate_limited", {"retry-after": _seconds(wait_s)}
        self._attempts[entry.key] += 1
        entry.attempt = self._attempts[entry.key]
        output = asked.get("max_completion_tokens") or asked.get("max_tokens") or 0
        if behaviour.context_window is not None and work.prompt + output > behaviour.context_window:
            return "400_context", {}
        outcome = self._drawn(entry)
        if outcome == "429_after":
            return outcome, {"retry-after": _seconds(behaviour.retry_after_s)}
        if outcome == "429_date":
            date_s = math.ceil(time.time() + behaviour.retry_after_s)
            return outcome, {"retry-after": email.utils.formatdate(date_s, usegmt=True)}
        return outcome, {}

    def _drawn(self, entry: Entry) -> str:
        behaviour = self.behaviour
        if entry.attempt <= len(behaviour.script):
            return behaviour.script[entry.attempt - 1]
        if behaviour.most_failures is not None and self._failed[entry.key] >= behaviour.most_failures:
            return "answered"
        left = share_of(behaviour.seed, entry.key, entry.attempt) if behaviour.failures else 0.0
        for kind, rate in behaviour.failures.items():
            if left < rate:
                self._failed[entry.key] += 1
                return kind
            left -= rate
        return "answered"

    def _admit(self, at_s: float, tokens: int) -> float:
        """Seconds until the limits have room for a request, 0 where they have it now: then it counts."""
        behaviour = self.behaviour
        room = [
            math.inf if per_minute is None else per_minute * behaviour.window_s / 60
            for per_minute in (behaviour.requests_per_minute, behaviour.tokens_per_minute)
        ]
        if room == [math.inf, math.inf]:
            return 0.0
        while self._admitted and self._admitted[0][0] <= at_s - behaviour.window_s:
            self._admitted.popleft()
        requests, spent = len(self._admitted), sum(size for _, size in self._admitted)
        wait_s = 0.0 if requests + 1 <= room[0] and spent + tokens <= room[1] else behaviour.window_s
        for then_s, size in self._admitted:
            if requests + 1 <= room[0] and spent + tokens <= room[1]:
                break
            requests, spent, wait_s = requests - 1, spent - size, then_s + behaviour.window_s - at_s
        if wait_s == 0.0:
            self._admitted.append((at_s, tokens))
        return wait_s

    def _bill(self, entry: Entry, work: Work) -> None:
        """Write down true tokens, and dollars where the model worked, whether or not the client ever hears of it."""
        behaviour = self.behaviour
        entry.prompt_tokens, entry.cached_tokens = work.prompt, work.cached
        entry.completion_tokens = 0 if entry.outcome in EMPTY else work.completion
        if entry.status in (None, 200) or (entry.status in (500, 502) and behaviour.bill_errors):
            cached_usd = behaviour.input_usd if behaviour.cached_usd is None else behaviour.cached_usd
            fresh_usd = (entry.prompt_tokens - entry.cached_tokens) * behaviour.input_usd
            output_usd = entry.completion_tokens * behaviour.output_usd
            entry.billed_usd = (fresh_usd + entry.cached_tokens * cached_usd + output_usd) / 1e6

    async def _in_halves(
        self, request: web.BaseRequest, entry: Entry, data: bytes, headers: Mapping[str, str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers=headers | {"content-length": str(len(data))})
        await response.prepare(request)
        await response.write(data[: len(data) // 2])
        if entry.outcome == "cut_middle":
            return _hung_up(request, entry)
        await asyncio.sleep(self.behaviour.hang_s)
        leave(request, entry)
        await response.write(data[len(data) // 2 :])
        return response

    async def _stream(
        self, request: web.BaseRequest, entry: Entry, whole: Mapping[str, Any], asked: Mapping[str, Any], delay_s: float
    ) -> web.StreamResponse:
        """Server-sent events. A comment comes at once, as some gateways send it: the first byte is no token."""
        if entry.outcome in ("cut", "hang"):
            await asyncio.sleep(delay_s)
            delay_s = 0.0
            if entry.outcome == "cut":
                return _hung_up(request, entry)
        with_usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        events = [f"data: {to_json(chunk)}\n\n" for chunk in chunks(whole, with_usage)]
        half = len(events) // 2
        if entry.outcome == "bad_json":
            events[half:] = [events[half][: len(events[half]) // 2]]
        elif entry.outcome == "error_200":
            events[half:] = [f"data: {to_json(error('Upstream failed', 'upstream_error'))}\n\n"]
        else:
            events.append("data: [DONE]\n\n")
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        await response.write(b": processing\n\n")
        await asyncio.sleep(delay_s)
        for number, event in enumerate(events):
            if number and self.behaviour.chunk_delay_s:
                await asyncio.sleep(self.behaviour.chunk_delay_s)
            if number == half and entry.outcome == "cut_middle":
                return _hung_up(request, entry)
            if number == half and entry.outcome == "hang_middle":
                await asyncio.sleep(self.behaviour.hang_s)
            if number == len(events) - 1:
                leave(request, entry)
            await response.write(event.encode("utf-8", "surrogatepass"))
        await response.write_eof()
        return response


def _refusal(outcome: str, work: Work, behaviour: Behaviour, sent_key: str) -> str | None:
    """The body of an outcome that holds no completion, None for one that does."""
    if outcome in ("429", "429_after", "429_date", "rate_limited"):
        return to_json(error("Rate limit reached. Please try again later.", "requests", "rate_limit_exceeded"))
    if outcome == "500":
        return to_json(error("The server had an error while processing your request.", "server_error"))
    if outcome == "401":
        said = f"Incorrect API key provided: {sent_key}."
        return to_json(error(said, "invalid_request_error", "invalid_api_key"))
    if outcome == "400_context":
        return to_json(context_overflow(work.prompt, behaviour.context_window or work.prompt - 1))
    return HTML if outcome in ("502", "html") else None


def _completion(entry: Entry, work: Work, behaviour: Behaviour, asked: Mapping[str, Any]) -> dict[str, Any]:
    if entry.outcome == "error_200" and not asked.get("stream"):
        return error("Upstream failed", "upstream_error")
    model = "another-model-1" if entry.outcome == "wrong_model" else behaviour.served_model or asked.get("model")
    changes: dict[str, Any] = {"id": f"chatcmpl-{entry.key[:12]}-{entry.attempt}", "model": model}
    if entry.outcome == "no_choices":
        changes["choices"] = []
    whole = completion(None if entry.outcome == "null_content" else work.text, usage=False, **changes)
    for choice in whole["choices"]:
        choice["finish_reason"] = work.finish
        if asked.get("logprobs") and choice["message"]["content"] is not None:
            choice["logprobs"] = {"content": logprobs_of(work.text), "refusal": None}
    usage = usage_said(work, behaviour.usage, entry.key)
    return whole if usage is None else whole | {"usage": usage}


def leave(request: web.BaseRequest, entry: Entry) -> None:
    """Write the departure down before the last bytes go: a client may send its next request on having them."""
    entry.left_s = time.monotonic()
    entry.delivered = request.transport is not None and not request.transport.is_closing()


def _hung_up(request: web.BaseRequest, entry: Entry) -> web.StreamResponse:
    entry.left_s = time.monotonic()
    if request.transport is not None:
        request.transport.close()
    return web.Response()  # nobody gets it


def _seconds(seconds: float) -> str:
    return f"{math.ceil(seconds * 1000) / 1000:g}"
