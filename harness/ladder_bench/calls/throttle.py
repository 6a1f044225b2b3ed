"""The throttle of a tier: how many requests are in flight, and how fast they start.

Starts are paced evenly, a little below the declared rates, so that no minute holds more than its share wherever it
begins. A refusal for the rate (429) shrinks what may be in flight and holds everybody back as long as the provider
asks; successes grow it again (additive increase, multiplicative decrease: Chiu and Jain 1989).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

from ladder_bench.calls.stop import Stop
from ladder_bench.domain import Limits

MARGIN = 1.02  # starts leave here evenly and arrive with jitter
BACK_OFF = 0.7


class Throttle:
    """Admits requests of one tier in this process. `clock` gives seconds."""

    def __init__(self, limits: Limits, stop: Stop, clock: Callable[[], float] = time.monotonic) -> None:
        self._limits, self._stop, self._clock = limits, stop, clock
        self._allowed = float(limits.concurrency)
        self._in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_start = self._next_tokens = self._held_until = self._slowed = float("-inf")

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place among the requests in flight, and hold it. Raises StoppedError."""
        await self._place()
        try:
            self._stop.check()
            yield
        finally:
            self._in_flight -= 1
            self._wake()

    async def _place(self) -> None:
        self._stop.check()
        if self._in_flight < int(self._allowed) and not self._waiting:
            self._in_flight += 1
            return
        ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(ticket)
        try:
            await ticket  # whoever wakes it has counted it as in flight
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled():
                self._in_flight -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiting and self._in_flight < int(self._allowed):
            ticket = self._waiting.popleft()
            if not ticket.done():
                self._in_flight += 1
                ticket.set_result(None)

    async def pace(self, tokens: int) -> float:
        """Wait until the rates let a request start that can use so many tokens; its start. Raises StoppedError."""
        per_request, per_token = self._limits.requests_per_minute, self._limits.tokens_per_minute
        while True:
            now = self._clock()
            start = max(now, self._next_start, self._next_tokens, self._held_until)
            if start <= now:
                break
            await self._stop.pause(start - now)
        self._stop.check()
        if per_request is not None:
            self._next_start = now + 60 / per_request * MARGIN
        if per_token is not None:
            self._next_tokens = now + tokens * 60 / per_token * MARGIN
        return now

    def resume(self, seconds_ago: float) -> None:
        """Another process asked this tier so long ago: its pace goes on."""
        if self._limits.requests_per_minute is not None and seconds_ago >= 0:
            self._next_start = self._clock() - seconds_ago + 60 / self._limits.requests_per_minute * MARGIN

    # --- what came of it -------------------------------------------------------------------

    def used(self, reserved: int, tokens: int) -> None:
        """A request used fewer tokens than were reserved, or more: the next may start earlier, or must start later."""
        if self._limits.tokens_per_minute is not None:
            self._next_tokens += (tokens - reserved) * 60 / self._limits.tokens_per_minute * MARGIN

    def succeeded(self) -> None:
        self._allowed = min(float(self._limits.concurrency), self._allowed + 1 / self._allowed)
        self._wake()

    def refused(self, started: float, retry_after_s: float | None) -> None:
        """The provider said 429 to a request that started then: one step back for all that were in flight together."""
        now = self._clock()
        if retry_after_s is not None:
            self._held_until = max(self._held_until, now + retry_after_s)
        if started >= self._slowed:
            self._allowed, self._slowed = max(1.0, self._allowed * BACK_OFF), now
