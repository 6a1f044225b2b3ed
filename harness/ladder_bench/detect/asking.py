"""Asking: a tier as detector, one call for each labelled text, through the call store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import config, content, cost, models
from ladder_bench.calls import Calls, Keys, Layers, Stop, Terms, interruptible
from ladder_bench.calls.calling import Fetch, call
from ladder_bench.corpus import Corpus
from ladder_bench.detect.labelled import Finding, Look
from ladder_bench.domain import Json, Origin, Request, Tier, Usage, digest_of
from ladder_bench.errors import FatalModelError, InputError, ModelError, StoppedError
from ladder_bench.report import text
from ladder_bench.report.routes import hosts_of
from ladder_bench.store import MissError, Store, ledger
from ladder_bench.tiers import Tiers
from ladder_bench.triggers import model

AT_ONCE = 16  # texts in progress where no provider is asked; else twice the calls in flight
SHORT, LONG = 15, 45  # tokens of a reply for each trigger: without evidence, and with a sentence of it
WIDTH = 0.1  # tokenizers differ by about a tenth


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whether anything may be sent, what may be paid, the simulator's seed, and where replies are kept."""

    offline: bool
    max_cost_usd: float | None
    seed: int
    store: Path


@dataclass(frozen=True, slots=True)
class Detector:
    """The tier that is asked, among the tiers of its file."""

    tier: Tier
    tiers: Tiers


def detector(name: str, file: str) -> Detector:
    """Find the tier to ask. Raises InputError."""
    known = config.load_tiers(file)
    if name not in known.names:
        hint = content.did_you_mean(name, ("rules", *known.names))
        raise InputError(
            f"--detect: unknown tier '{content.shortened(name)}'{hint}; valid: {', '.join(('rules', *known.names))}"
        )
    if known[name].recorded:
        raise InputError(f"--detect: tier '{name}' is recorded and answers no question; name another tier, or rules")
    return Detector(known[name], known)


def by_tier(
    found: Sequence[Look], loaded: Corpus, detector: Detector, bounds: Bounds, tell: Callable[[str], None]
) -> tuple[Json, list[Finding]]:
    """What a tier finds, and what it took to ask. A tier that was stopped leaves the rest unseen.

    Raises FatalModelError, MissError (offline, and not stored), InputError, KeyboardInterrupt.
    """
    tier = detector.tier
    clients = models.clients(detector.tiers.tiers, {each.id: each for each in loaded.conversations}, bounds.seed)
    asked = [(look, _request(look, tier)) for look in found]
    keys = Keys(clients, sharing=True)
    by_key = {keys.of(request, ""): request for _, request in asked}
    experiment = digest_of("triggers eval", *sorted(by_key))[:32]
    with Store(bounds.store) as store:
        to_send = [request for key, request in by_key.items() if store.get(key) is None]
        if bounds.offline and tier.live and to_send:
            raise MissError(
                f"--offline: {len(to_send):,} of {text.counted(len(by_key), 'call')} to tier '{tier.name}' are not in "
                "the store, and nothing may be sent; run once without --offline"
            )
        tell(_expected(len(by_key), to_send, tier))
        store.write(lambda connection: ledger.begin(connection, experiment))
        asking = _Asking(tier, clients, store, bounds, experiment, tell)
        findings = asyncio.run(asking.all(asked))
        spent = store.write(lambda connection: ledger.spent(connection, experiment))
        if asking.stop.reason is None:
            store.write(lambda connection: ledger.complete(connection, experiment))
        sent, kept = len(store.counts.sent), len(store.counts.from_store)
    return {
        "distinct": asking.distinct,
        "sent": sent,
        "from_store": kept,
        "spent_usd": spent.paid,
        "spent_at_most_usd": spent.at_most,
        "stopped": asking.stop.reason,
    }, findings


def _request(look: Look, tier: Tier) -> Request:
    return model.request(look.names, look.seen, look.heard, tier, Origin(look.conversation, look.turn), 0)


# --- before anything is sent ---------------------------------------------------------------


def _expected(calls: int, to_send: Sequence[Request], tier: Tier) -> str:
    """How many calls there are, and what those that nothing stored answers would cost."""
    stored = calls - len(to_send)
    line = f"{tier.name} ({tier.model}): {text.counted(calls, 'call')}, {stored:,} of them stored"
    if not tier.live:
        return text.one_line(f"{line}; the others are computed here and cost nothing")
    if to_send:
        where = ", ".join(hosts_of(tier)) or "its provider's usual host"
        line += f"; {len(to_send):,} to send to {where}, about {_dollars(to_send, tier)}"
    return text.one_line(line)


def _dollars(requests: Sequence[Request], tier: Tier) -> str:
    """From short replies to long ones, and the most that the tier's bound of an answer allows."""
    low = high = most = 0.0
    for request in requests:
        tokens, triggers = cost.prompt_tokens(request.messages), request.schema.count('"evidence":')
        bound = tier.max_output_tokens
        low += cost.cold_usd(Usage(int(tokens * (1 - WIDTH)), min(bound, SHORT * triggers)), tier.price)
        high += cost.cold_usd(Usage(int(tokens * (1 + WIDTH)), min(bound, LONG * triggers)), tier.price)
        most += cost.cold_usd(Usage(int(tokens * (1 + WIDTH)), bound), tier.price)
    return (
        f"{text.spent(low)} to {text.spent(high)} (at most {text.spent(most)}, were every reply as long as it may be)"
    )


# --- asking --------------------------------------------------------------------------------


class _Asking:
    """Asks about every text; one that could not be seen is a reason instead of a finding."""

    def __init__(
        self,
        tier: Tier,
        clients: Mapping[str, models.ModelClient],
        store: Store,
        bounds: Bounds,
        experiment: str,
        tell: Callable[[str], None],
    ) -> None:
        self.stop = Stop()
        terms = Terms(experiment, bounds.max_cost_usd)
        self._calls = Calls(clients, store, Layers(offline=bounds.offline), self.stop, terms)
        self._tier, self._tell = tier, tell

    @property
    def distinct(self) -> int:
        return len(self._calls.keys.distinct)

    async def all(self, asked: Sequence[tuple[Look, Request]]) -> list[Finding]:
        """A finding for each text, in their order."""
        places = asyncio.Semaphore(2 * self._tier.limits.concurrency if self._tier.live else AT_ONCE)
        fetch = self._calls.fetcher("triggers eval")
        try:
            with interruptible(self.stop, self._tell):
                found = await asyncio.gather(
                    *(self._one(look, request, fetch, places) for look, request in asked), return_exceptions=True
                )
        finally:
            await self._calls.close()
        if self.stop.error is not None:
            raise self.stop.error
        return [_finding(each) for each in found]

    async def _one(self, look: Look, request: Request, fetch: Fetch, places: asyncio.Semaphore) -> Finding:
        async with places:
            try:
                made = await call(request, fetch)
            except FatalModelError:
                raise
            except StoppedError as stopped:
                return f"stopped: {stopped}"
            except ModelError as error:
                return f"the call failed: {error.kind}"
        fired = model.read(made.reply.text, look.names, look.side)
        return "the reply could not be read" if fired is None else fired


def _finding(each: Finding | BaseException) -> Finding:
    """A finding, or raise what ended all."""
    if isinstance(each, BaseException):
        raise each
    return each
