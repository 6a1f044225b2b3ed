"""Models: whatever can answer a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ladder_bench.domain import Conversation, Reply, Request, Tier
from ladder_bench.models.hosted import Hosted
from ladder_bench.models.recorded import Recorded
from ladder_bench.models.simulated import Simulated


class ModelClient(Protocol):
    """A backend of one tier."""

    def fingerprint(self, conversation: str) -> str:
        """What, beyond the request itself, decides this backend's answers in a conversation."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answer a request. Raises ModelError."""
        ...


def clients(tiers: Sequence[Tier], conversations: Mapping[str, Conversation], seed: int) -> dict[str, ModelClient]:
    """A client for every tier, by the tier's name."""
    found: dict[str, ModelClient] = {}
    for number, tier in enumerate(tiers, 1):
        if tier.recorded:
            found[tier.name] = Recorded(conversations)
        elif tier.simulated:
            found[tier.name] = Simulated(tier, number, conversations, seed)
        else:
            found[tier.name] = Hosted(tier)
    return found
