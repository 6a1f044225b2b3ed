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
from ladder_bench.errors import FatalModelError, ModelError, StoppedError
from ladder_bench.models import ModelClient
from ladder_bench.models.chat import most_input_tokens, most_tokens_beside
from ladder_bench.store import Store, database, ledger

TRANSIENT = (
    "rate_limited", "timeout", "no_connection", "cut", "provider_error", "not_a_completion", "no_choices",
)  # fmt: skip
ATTEMPTS = 12  # at 30 % failures, 1 call in 2 million fails twelve times
SILENT_CALLS = 3  # given up on a tier that has never answered before the run is
FAILED_IN_A_ROW = 5  # given up on an optional tier before it is asked nothing more
ATTEMPTS_WITHOUT_A_SIGN = 4  # where a tier has never answered and nothing listens there
LONGEST_PAUSE_S = 30.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What every sender of a run shares. `cap_usd` None: no cap. `keep`: replies go into the store."""

    experiment: str
    cap_usd: float | None = None
    keep: bool = True


@dataclass(slots=True)
class Density:
    """How many tokens a byte of a tier's prompts is: at most one, until its replies have told."""

    per_byte: float | None = None

    def tokens(self, most: int) -> int:
        """What to reserve for a prompt of at most so many tokens, rather too much."""
        return int(most * (1.0 if self.per_byte is None else self.per_byte * 1.1))

    def learn(self, most: int, tokens: int) -> None:
        """A prompt of at most so many tokens had so many."""
        self.per_byte = max(self.per_byte or 0.0, min(1.0, tokens / most))


@dataclass(slots=True)
class Patience:
    """What is left of a call's time: its attempts and its own pauses, not its waiting for a place or for the rates."""

    left_s: float


class Budget:
    """Waits for room under the cap: what is in flight may turn out cheaper than its worst case."""

    def __init__(self) -> None:
        self._open = 0
        self._settled = asyncio.Event()

    def opened(self) -> None:
        self._open += 1

    def closed(self) -> None:
        self._open -= 1
        self._settled.set()
        self._settled = asyncio.Event()

    async def room(self) -> bool:
        """Wait until an attempt settled; False where none is open."""
        if self._open == 0:
            return False
        await self._settled.wait()
        return True


class Sender:
    """Sends the calls of one tier."""

    def __init__(
        self,
        tier: Tier,
        client: ModelClient,
        store: Store,
        stop: Stop,
        terms: Terms,
        budget: Budget,
        optional: bool = False,
    ) -> None:
        """`optional`: where the tier falls silent, its calls fail at once from then on, and the run goes on."""
        self._tier, self._client, self._store, self._stop = tier, client, store, stop
        self._optional = optional
        self._silent: ModelError | None = None
        self._terms, self._budget = terms, budget
        self._throttle = Throttle(tier.limits, stop)
        if (before := store.read(lambda connection: ledger.last_start(connection, tier.name))) is not None:
            self._throttle.resume(time.time() - before)
        self._heard = False
        self._given_up = 0
        self.waiting = 0  # calls that are being sent, or wait for that
        self._beside = most_tokens_beside(tier)
        self._density = Density()
        self._opening: asyncio.Task[None] | None = None

    async def send(self, key: str, request: Request) -> Reply:
        """Answer a request, trying again what may pass. Raises ModelError, StoppedError."""
        if self._silent is not None:
            raise self._silent
        self._opening = self._opening or asyncio.create_task(self._client.open())
        await asyncio.shield(self._opening)
        self.waiting += 1
        try:
            return await self._insist(key, request, Patience(self._tier.limits.turn_timeout_s))
        finally:
            self.waiting -= 1

    async def _insist(self, key: str, request: Request, patience: Patience) -> Reply:
        failures = 0
        while True:
            try:
                return await self._attempt(key, request, patience)
            except FatalModelError as error:
                raise self._ending(error) from None
            except ModelError as error:
                if error is self._silent:
                    raise
                failures += 1
                pause = self._pause(error, failures)
                if pause is None or pause >= patience.left_s:
                    raise self._last(error, failures) from None
            patience.left_s -= pause
            await self._stop.pause(pause)

    def _pause(self, error: ModelError, failures: int) -> float | None:
        """Seconds until the next attempt, None where there is to be none."""
        if error.kind not in TRANSIENT:
            return None
        silent = error.kind == "no_connection" and not self._heard
        if failures >= (ATTEMPTS_WITHOUT_A_SIGN if silent else ATTEMPTS):
            return None
        growing = min(LONGEST_PAUSE_S, self._tier.limits.retry_pause_s * 2 ** (failures - 1))
        return max(error.retry_after_s or 0.0, float(growing * random.uniform(0.5, 1.0)))

    def _last(self, error: ModelError, failures: int) -> ModelError:
        """What a call ends with: fatal for the run where every further call would end the same way."""
        if error.kind in TRANSIENT and (self._optional or not self._heard):
            self._given_up += 1
        asked = error.retry_after_s or 0.0
        if asked > self._tier.limits.turn_timeout_s:
            return self._fatal("rate_limited", f"asks to wait {asked:.0f} s, longer than 'turn_timeout_s'")
        if self._optional and self._given_up >= FAILED_IN_A_ROW:
            return self._fatal(error.kind, f"failed {self._given_up} calls in a row; the last: {error}")
        if not self._heard and (error.kind == "no_connection" or self._given_up >= SILENT_CALLS):
            return self._fatal(error.kind, f"has never answered; the last of {self._given_up} calls: {error}")
        if failures == 1:
            return error
        return ModelError(error.kind, f"{str(error).partition(': ')[2]} (attempt {failures})")

    def _fatal(self, kind: str, what: str) -> ModelError:
        return self._ending(FatalModelError(kind, f"tier '{self._tier.name}' {what}", charged=False))

    def _ending(self, error: FatalModelError) -> ModelError:
        """End the run with an error; where it can go on without this tier, only ask it nothing more."""
        if not self._optional:
            self._stop.request(str(error), error)
            return error
        self._silent = ModelError(error.kind, f"no longer asked: {str(error).partition(': ')[2]}", charged=False)
        return self._silent

    async def _attempt(self, key: str, request: Request, patience: Patience) -> Reply:
        most = most_input_tokens(request)
        worst = cost.worst_usd(most + self._beside, self._tier.max_output_tokens, self._tier.price)
        tokens = self._density.tokens(most) + self._tier.max_output_tokens
        async with self._throttle.place():
            if self._silent is not None:  # since it began to wait
                raise self._silent
            attempt = await self._reserve(key, request, worst)
            self._budget.opened()
            try:
                started = await self._paced(attempt, tokens)
                return await self._answer(attempt, key, request, started, tokens, patience)
            finally:
                self._budget.closed()

    async def _paced(self, attempt: int, tokens: int) -> float:
        """Wait for the rates; a call that is stopped there was never sent, and gives its reservation back."""
        try:
            return await self._throttle.pace(tokens)
        except StoppedError as stopped:
            await self._store.durable(lambda connection: ledger.withdraw(connection, attempt))
            raise stopped

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
        self, attempt: int, key: str, request: Request, started: float, tokens: int, patience: Patience
    ) -> Reply:
        begun = time.perf_counter()
        try:
            reply = await self._answered(request, patience)
        except ModelError as error:
            if error.kind == "rate_limited":
                self._throttle.refused(started, self._hold(error))
            paid = 0.0 if error.charged is False else None
            if error.charged is False:
                self._throttle.used(tokens, 0)
            if error.charged and error.usage is not None:
                paid = cost.billed_usd(error.usage, self._tier.price)
            await self._settle(attempt, error.kind, time.perf_counter() - begun, paid)
            raise
        self._heard = True
        self._given_up = 0
        self._throttle.succeeded()
        usage = reply.usage or cost.estimated_usage(request.messages, reply.text)
        self._throttle.used(tokens, usage.input + usage.output)
        self._density.learn(most_input_tokens(request), usage.input)
        paid = cost.billed_usd(usage, self._tier.price)
        seconds = time.perf_counter() - begun

        def work(connection: sqlite3.Connection) -> None:
            if self._terms.keep:
                database.put(connection, key, request.origin.conversation, self._tier.model, reply)
            ledger.settle(connection, attempt, "answered", seconds, paid, certain=reply.usage is not None)

        await self._store.durable(work)
        return reply

    async def _answered(self, request: Request, patience: Patience) -> Reply:
        """One answer, in time."""
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(min(self._tier.limits.timeout_s, patience.left_s)):
                return await self._client.complete(request)
        except TimeoutError:
            raise ModelError("timeout", f"no answer in {time.perf_counter() - begun:.1f} s") from None
        finally:
            patience.left_s -= time.perf_counter() - begun

    def _hold(self, error: ModelError) -> float | None:
        """How long to hold everybody back; a provider that asks for longer than a call may take ends the run."""
        asked = error.retry_after_s
        return asked if asked is not None and asked <= self._tier.limits.turn_timeout_s else None

    async def _settle(self, attempt: int, outcome: str, seconds: float, paid_usd: float | None) -> None:
        await self._store.durable(
            lambda connection: ledger.settle(
                connection, attempt, outcome, seconds, paid_usd, certain=paid_usd is not None
            )
        )
