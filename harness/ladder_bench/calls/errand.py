"""Errands: calls outside a run. What they would take is foreseen, then they are made, on the ledger of attempts as an
experiment of their own.

    with Errand(experiment, clients, bounds, tell) as errand:
        announce(errand.foreseen(work, length), tell)    # report.outlays
        found = errand.made(work)

`work` is given a fetch, and awaits the same calls both times. While it is foreseen, what nothing stored answers comes
back with the origin `UNSEEN`, and nothing is sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ladder_bench import cost
from ladder_bench.calls import Calls, Keys, Layers, Stop, Terms, interruptible
from ladder_bench.calls.calling import UNSEEN, Fetch
from ladder_bench.domain import Json, Reply, Request, Tier, Usage
from ladder_bench.errors import StoppedError
from ladder_bench.models import ModelClient
from ladder_bench.store import MissError, Store, ledger

T = TypeVar("T")
Work = Callable[[Fetch], Awaitable[T]]
Length = Callable[[Request], tuple[int, int]]  # tokens of a reply, if it is short and if it is long
WIDTH = 0.1  # tokenizers differ by about a tenth


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whether anything may be sent, what may be paid, and where replies are kept."""

    offline: bool = False
    max_cost_usd: float | None = None
    store: Path = Path(".ladder-bench/calls.sqlite")


@dataclass(frozen=True, slots=True)
class Outlay:
    """What a tier would be asked: distinct calls, and how many of them are stored.

    The others cost from `low_usd` (short replies) to `high_usd` (long ones), and `most_usd` where every reply is as
    long as its tier's bound allows.
    """

    tier: Tier
    calls: int
    stored: int
    low_usd: float
    high_usd: float
    most_usd: float

    @property
    def to_send(self) -> int:
        return self.calls - self.stored if self.tier.live else 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What an errand took. `stopped` says why it did not come to its end."""

    distinct: int
    sent: int
    from_store: int
    spent: ledger.Spent
    stopped: str | None

    def as_json(self) -> dict[str, Json]:
        return {
            "distinct": self.distinct,
            "sent": self.sent,
            "from_store": self.from_store,
            "spent_usd": self.spent.paid,
            "spent_at_most_usd": self.spent.at_most,
            "stopped": self.stopped,
        }


class Errand:
    """One errand. Use as a context manager: at its end the experiment is closed, unless it was stopped or failed."""

    def __init__(
        self,
        experiment: str,
        clients: Mapping[str, ModelClient],
        bounds: Bounds,
        tell: Callable[[str], None],
        optional: Collection[str] = (),
        apart: str | None = None,
    ) -> None:
        """`experiment`: the same for the same errand, whatever is stored by now: its cap holds over resumptions.

        `optional`: tiers whose silence fails their calls and does not end the errand. `apart`: for whom replies are
        kept apart, None where equal requests of anybody share theirs.
        """
        self._experiment, self._clients, self._bounds, self._tell = experiment, clients, bounds, tell
        self._sharing, self._asker = apart is None, apart or ""
        self._store = Store(bounds.store)
        self.stop = Stop()
        layers, terms = Layers(bounds.offline, self._sharing), Terms(experiment, bounds.max_cost_usd)
        self._calls = Calls(clients, self._store, layers, self.stop, terms, optional)

    def __enter__(self) -> Errand:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self.stop.reason is None:
                self._store.write(lambda connection: ledger.complete(connection, self._experiment))
        finally:
            self._store.close()

    def foreseen(self, work: Work[Any], length: Length) -> list[Outlay]:
        """What the work would take, by tier. Raises MissError where it may not be sent."""
        keys = Keys(self._clients, self._sharing)
        foresight = _Foresight(self._clients, keys, self._asker, self._store, length)
        asyncio.run(_awaited(work, foresight.fetch))
        for each in foresight.outlays if self._bounds.offline else ():
            if each.to_send:
                raise MissError(
                    f"--offline: {each.to_send:,} of {each.calls:,} call{'s' * (each.calls != 1)} to tier "
                    f"'{each.tier.name}' are not in the store, and nothing may be sent; run once without --offline"
                )
        return foresight.outlays

    def made(self, work: Work[T]) -> T:
        """Do the work: send what is not stored. Raises what the work raises, or what every further call would."""
        self._store.write(lambda connection: ledger.begin(connection, self._experiment))
        return asyncio.run(self._made(work))

    async def _made(self, work: Work[T]) -> T:
        try:
            with interruptible(self.stop, self._tell):
                found = await work(self._calls.fetcher(self._asker))
        except StoppedError:
            raise (self.stop.error or StoppedError(self.stop.reason or "stopped")) from None
        finally:
            await self._calls.close()
        if self.stop.error is not None:
            raise self.stop.error
        return found

    @property
    def counts(self) -> tuple[int, int, int]:
        """Distinct calls until now, how often one was asked for, and how many were sent."""
        keys = self._calls.keys
        return len(keys.distinct), keys.asked, len(self._store.counts.sent)

    def taken(self) -> Taken:
        """What it took until now."""
        spent = self._store.write(lambda connection: ledger.spent(connection, self._experiment))
        counts = self._store.counts
        distinct = len(self._calls.keys.distinct)
        return Taken(distinct, len(counts.sent), len(counts.from_store), spent, self.stop.reason)

    def attempts(self) -> list[tuple[Any, ...]]:
        """Every attempt of the experiment, resumed ones too, as `folder.TABLES` has them."""
        return list(self._store.write(lambda connection: ledger.attempts(connection, self._experiment)))


class _Foresight:
    """Answers from the store alone, and notes what that leaves to ask."""

    def __init__(
        self, clients: Mapping[str, ModelClient], keys: Keys, asker: str, store: Store, length: Length
    ) -> None:
        self._clients, self._keys, self._asker = clients, keys, asker
        self._store, self._length = store, length
        self._seen: dict[str, Reply] = {}
        self._outlays: dict[str, Outlay] = {}

    async def fetch(self, request: Request) -> tuple[str, Reply]:
        key, tier = self._keys.of(request, self._asker), request.tier
        if tier.recorded:
            return key, await self._clients[tier.name].complete(request)
        if key not in self._seen:
            stored = self._store.get(key)
            self._seen[key] = stored or Reply(f"(answer {key})", Usage(0, 0, estimated=True), None, UNSEEN)
            self._add(request, stored is not None)
        return key, self._seen[key]

    def _add(self, request: Request, stored: bool) -> None:
        tier = request.tier
        before = self._outlays.get(tier.name) or Outlay(tier, 0, 0, 0.0, 0.0, 0.0)
        usd = (0.0, 0.0, 0.0) if stored or not tier.live else self._usd(request)
        self._outlays[tier.name] = Outlay(
            tier,
            before.calls + 1,
            before.stored + stored,
            before.low_usd + usd[0],
            before.high_usd + usd[1],
            before.most_usd + usd[2],
        )

    def _usd(self, request: Request) -> tuple[float, float, float]:
        """With a short reply, a long one, and the longest that the tier's bound allows."""
        bound, price = request.tier.max_output_tokens, request.tier.price
        tokens = cost.prompt_tokens(request.messages)
        few, many = int(tokens * (1 - WIDTH)), int(tokens * (1 + WIDTH))
        short, long = (min(bound, each) for each in self._length(request))
        return (
            cost.cold_usd(Usage(few, short), price),
            cost.cold_usd(Usage(many, long), price),
            cost.cold_usd(Usage(many, bound), price),
        )

    @property
    def outlays(self) -> list[Outlay]:
        return list(self._outlays.values())


async def _awaited(work: Work[T], fetch: Fetch) -> T:
    return await work(fetch)
