"""Sending: a call to a live tier, through its throttle and under the cap, tried again while that makes sense.

Every attempt is on the ledger, durably, before it is sent; its end is written in the same commit as its reply.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from dataclasses import dataclass

from ladder_bench import cost
from ladder_bench.calls.stop import Stop
from ladder_bench.calls.throttle import Throttle
from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.models import ModelClient
from ladder_bench.models.chat import most_input_tokens
from ladder_bench.store import Store, database, ledger

TRANSIENT = (
    "rate_limited", "timeout", "no_connection", "cut", "provider_error", "not_a_completion", "no_choices",
)  # fmt: skip
ATTEMPTS = 12  # at 30 % failures, 1 call in 2 million fails twelve times
ATTEMPTS_WITHOUT_A_SIGN = 4  # where a tier has never answered and nothing listens there
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What every sender of a run shares. `cap_usd` None: no cap."""

    experiment: str
    cap_usd: float | None = None


class Budget:
    """Waits for room under the cap: what is in flight may turn out cheaper than its worst case."""

    def __init__(self) -> None:
        self.open = 0
        self._settled = asyncio.Event()

    def opened(self) -> None:
        self.open += 1

    def closed(self) -> None:
        self.open -= 1
        self._settled.set()
        self._settled = asyncio.Event()

    async def room(self) -> bool:
        """Wait until an attempt settled; False where none is open."""
        if self.open == 0:
            return False
        await self._settled.wait()
        return True


class Sender:
    """Sends the calls of one tier."""

    def __init__(self, tier: Tier, client: ModelClient, store: Store, stop: Stop, terms: Terms, budget: Budget) -> None:
        self._tier, self._client, self._store, self._stop = tier, client, store, stop
        self._terms, self._budget = terms, budget
        self._throttle = Throttle(tier.limits, stop)
        self._answered = False
        self._opening: asyncio.Task[None] | None = None

    async def send(self, key: str, request: Request) -> Reply:
        """Answer a request, trying again what may pass. Raises ModelError, StoppedError."""
        self._opening = self._opening or asyncio.create_task(self._client.open())
        await asyncio.shield(self._opening)
        deadline = time.monotonic() + self._tier.limits.turn_timeout_s
        failures = 0
        while True:
            try:
                return await self._attempt(key, request, deadline)
            except FatalModelError as error:
                self._stop.request(str(error), error)
                raise
            except ModelError as error:
                failures += 1
                pause = self._pause(error, failures)
                if pause is None or time.monotonic() + pause > deadline:
                    raise self._last(error, failures) from None
            await self._stop.pause(pause)

    def _pause(self, error: ModelError, failures: int) -> float | None:
        """Seconds until the next attempt, None where there is to be none."""
        if error.kind not in TRANSIENT:
            return None
        silent = error.kind == "no_connection" and not self._answered
        if failures >= (ATTEMPTS_WITHOUT_A_SIGN if silent else ATTEMPTS):
            return None
        growing = min(LONGEST_PAUSE_S, self._tier.limits.retry_pause_s * 2 ** (failures - 1))
        return max(error.retry_after_s or 0.0, float(growing * random.uniform(0.5, 1.0)))

    def _last(self, error: ModelError, failures: int) -> ModelError:
        """What a call ends with: fatal for the run where a tier has never answered and nothing listens there."""
        if error.kind == "no_connection" and not self._answered:
            fatal = FatalModelError("no_connection", f"tier '{self._tier.name}': nothing answers there: {error}")
            self._stop.request(str(fatal), fatal)
            return fatal
        if failures == 1:
            return error
        return ModelError(error.kind, f"{str(error).partition(': ')[2]} (attempt {failures})")

    async def _attempt(self, key: str, request: Request, deadline: float) -> Reply:
        worst = cost.worst_usd(most_input_tokens(request), self._tier.max_output_tokens, self._tier.price)
        tokens = cost.count_quickly(request.messages) + self._tier.max_output_tokens
        async with self._throttle.admitted(tokens) as started:
            attempt = await self._reserve(key, request, worst)
            self._budget.opened()
            try:
                return await self._answer(attempt, key, request, started, tokens, deadline)
            finally:
                self._budget.closed()

    async def _reserve(self, key: str, request: Request, worst_usd: float) -> int:
        """Put an attempt on the ledger. Raises StoppedError where the cap has no room for its worst case."""
        terms, place = self._terms, request.origin.conversation

        def work(connection: sqlite3.Connection) -> int | None:
            return ledger.reserve(connection, terms.experiment, key, place, self._tier.name, worst_usd, terms.cap_usd)

        while (attempt := await self._store.durable(work)) is None:
            if not await self._budget.room():
                self._stop.request(
                    f"--max-cost {terms.cap_usd:g}: the next call could cost ${worst_usd:.6f}, more than is left of it"
                )
            self._stop.check()
        return int(attempt)

    async def _answer(
        self, attempt: int, key: str, request: Request, started: float, tokens: int, deadline: float
    ) -> Reply:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(min(self._tier.limits.timeout_s, max(0.001, deadline - time.monotonic()))):
                reply = await self._client.complete(request)
        except TimeoutError:
            error = ModelError("timeout", f"no answer in {time.perf_counter() - begun:.1f} s")
            await self._failed(attempt, error, begun)
            raise error from None
        except ModelError as error:
            if error.kind == "rate_limited":
                self._throttle.refused(started, error.retry_after_s)
            await self._failed(attempt, error, begun)
            raise
        self._answered = True
        self._throttle.succeeded()
        usage = reply.usage or cost.estimated_usage(request.messages, reply.text)
        self._throttle.used(tokens, usage.input + usage.output)
        paid = cost.billed_usd(usage, self._tier.price)
        seconds = time.perf_counter() - begun

        def work(connection: sqlite3.Connection) -> None:
            database.put(connection, key, request.origin.conversation, self._tier.model, reply)
            ledger.settle(connection, attempt, "answered", seconds, paid, certain=reply.usage is not None)

        await self._store.durable(work)
        return reply

    async def _failed(self, attempt: int, error: ModelError, begun: float) -> None:
        paid = {None: None, False: 0.0, True: None}[error.charged]
        if error.charged and error.usage is not None:
            paid = cost.billed_usd(error.usage, self._tier.price)
        seconds = time.perf_counter() - begun
        await self._store.durable(
            lambda connection: ledger.settle(connection, attempt, error.kind, seconds, paid, certain=paid is not None)
        )
