"""Calls: a request gets its key and its reply, from the recording, the store or the tier's client."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass

from ladder_bench.calls.sender import Budget, Sender, Terms
from ladder_bench.calls.stop import Stop, interruptible
from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.models import ModelClient
from ladder_bench.store import MissError, Send, Stale, Store, backend_of, database, key_of, ledger

__all__ = ["Budget", "Calls", "Keys", "Layers", "Sender", "Stop", "Terms", "interruptible"]


@dataclass(frozen=True, slots=True)
class Layers:
    """Which answers may be used. Stored ones of `fresh` tiers, or from before `oldest` (seconds since 1970), may not,
    unless this experiment asked for them itself."""

    offline: bool = False
    sharing: bool = True
    fresh: tuple[str, ...] = ()
    oldest: float | None = None


class Keys:
    """The key of every request: `distinct` keys, and how often one was `asked` for."""

    def __init__(self, clients: Mapping[str, ModelClient], sharing: bool) -> None:
        self._clients, self._sharing = clients, sharing
        self._backends: dict[tuple[str, str], str] = {}
        self.distinct: set[str] = set()
        self.asked = 0

    def of(self, request: Request, strategy: str) -> str:
        """The key of a request, which is counted; without sharing a strategy's keys are its own."""
        place = (request.tier.name, request.origin.conversation)
        if place not in self._backends:
            fingerprint = self._clients[request.tier.name].fingerprint(request.origin.conversation)
            self._backends[place] = backend_of(request.tier, fingerprint)
        key = key_of(request, self._backends[place], "" if self._sharing else strategy)
        self.asked += 1
        self.distinct.add(key)
        return key


class Calls:
    """The calls of one run."""

    def __init__(
        self,
        clients: Mapping[str, ModelClient],
        store: Store,
        layers: Layers,
        stop: Stop,
        terms: Terms,
        optional: Collection[str] = (),
    ) -> None:
        """`optional`: tiers that may fall silent without ending the run; their calls fail, at once from then on."""
        self._clients, self._store, self._layers = clients, store, layers
        self._stop, self._terms, self._budget = stop, terms, Budget()
        self._optional = frozenset(optional)
        self._senders: dict[str, Send] = {}
        self._live: list[Sender] = []
        self.keys = Keys(clients, layers.sharing)

    def fetcher(self, strategy: str) -> Callable[[Request], Awaitable[tuple[str, Reply]]]:
        """A fetch for one strategy."""

        async def fetch(request: Request) -> tuple[str, Reply]:
            key = self.keys.of(request, strategy)
            tier = request.tier
            if tier.recorded:  # a read-only layer above the store: nothing to send, nothing to keep
                return key, await self._clients[tier.name].complete(request)
            send = None if self._layers.offline and tier.live else self._send(tier)
            try:
                return key, await self._store.fetch(key, request, send, self._stale(tier), self._stop.pause)
            except MissError as error:
                raise MissError(f"strategy '{strategy}': {error}; run once without --offline") from None

        return fetch

    def _stale(self, tier: Tier) -> Stale | None:
        """Which of a tier's stored answers are to be asked for again."""
        fresh, oldest = tier.name in self._layers.fresh, self._layers.oldest
        if not fresh and oldest is None:
            return None

        def stale(key: str, reply: Reply) -> bool:
            if reply.at is None or not (fresh or (oldest is not None and reply.at < oldest)):
                return False
            return not self._store.read(lambda connection: ledger.answered(connection, self._terms.experiment, key))

        return stale

    def _send(self, tier: Tier) -> Send:
        if tier.name not in self._senders:
            client = self._clients[tier.name]
            if tier.live:
                optional = tier.name in self._optional
                sender = Sender(tier, client, self._store, self._stop, self._terms, self._budget, optional)
                self._live.append(sender)
                self._senders[tier.name] = _sealing(sender.send)
            else:
                self._senders[tier.name] = self._computed(client)
        return self._senders[tier.name]

    def _computed(self, client: ModelClient) -> Send:
        """A backend that computes its answers: nothing to wait for, nothing to pay."""

        async def send(key: str, request: Request) -> Reply:
            self._stop.check()
            reply = await client.complete(request)
            await self._store.durable(
                lambda connection: database.put(connection, key, request.origin.conversation, request.tier.model, reply)
            )
            return reply

        return send

    @property
    def waiting(self) -> int:
        """Calls that wait for a provider, or for their turn to ask it."""
        return sum(sender.waiting for sender in self._live)

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


def _sealing(send: Send) -> Send:
    """Send with a fresh mark around data: the key is made without it, so that the store still finds the reply."""

    async def sealing(key: str, request: Request) -> Reply:
        return await send(key, request.sealed(secrets.token_hex(16)) if request.fence else request)

    return sealing
