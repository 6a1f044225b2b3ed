"""A local model as a tier: its server is started with the first request, and a transport leads there."""

from __future__ import annotations

import asyncio

from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.models import local
from ladder_bench.models.direct import Direct
from ladder_bench.models.hosted import Hosted


class Served:
    """A tier `local/NAME`. What its server's address is decides nothing; the weights do."""

    def __init__(self, tier: Tier) -> None:
        self._tier = tier
        self._client: Direct | Hosted | None = None

    def fingerprint(self, conversation: str) -> str:
        return local.fingerprint(self._tier.model.removeprefix(local.PREFIX))

    async def open(self) -> None:
        """Start the server, or find it started. Raises InputError where the extra or the weights are missing."""
        tier = await asyncio.to_thread(local.reached, self._tier)
        self._client = Hosted(tier) if tier.transport == "litellm" else Direct(tier, str(tier.params["api_base"]))
        await self._client.open()

    async def complete(self, request: Request) -> Reply:
        assert self._client is not None  # `open` comes first
        return await self._client.complete(request)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
