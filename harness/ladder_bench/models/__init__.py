"""Models: whatever can answer a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from ladder_bench.domain import Conversation, Reply, Request, Tier
from ladder_bench.models.direct import Direct
from ladder_bench.models.discreet import Discreet, Transport
from ladder_bench.models.hosted import Hosted
from ladder_bench.models.local import PREFIX
from ladder_bench.models.recorded import Recorded
from ladder_bench.models.scripted import Scripted
from ladder_bench.models.served import Served
from ladder_bench.models.simulated import Simulated
from ladder_bench.models.simulated_user import SimulatedUser
from ladder_bench.tiers import PLAYS_THE_USER

SCRIPTED = "scripted/"  # a tier whose replies stand in its params


class ModelClient(Protocol):
    """A backend of one tier."""

    def fingerprint(self, conversation: str) -> str:
        """What, beyond the request itself, decides this backend's answers in a conversation."""
        ...

    async def open(self) -> None:
        """Get ready, once, before the first request: import, connect. Raises InputError."""
        ...

    async def complete(self, request: Request) -> Reply:
        """Answer a request, in one attempt. Raises ModelError."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


def clients(tiers: Sequence[Tier], conversations: Mapping[str, Conversation], seed: int) -> dict[str, ModelClient]:
    """A client for every tier, by the tier's name."""
    found: dict[str, ModelClient] = {}
    for tier in tiers:
        if tier.recorded:
            found[tier.name] = Recorded(conversations)
        elif tier.model == PLAYS_THE_USER:
            found[tier.name] = SimulatedUser(tier, conversations, seed)
        elif tier.simulated:
            found[tier.name] = Simulated(tier, len(found) + 1, conversations, seed)
        else:
            found[tier.name] = live_client(tier)
    return found


def live_client(tier: Tier) -> ModelClient:
    """The client of a tier that answers over a socket, or by a script that stands for it."""
    if tier.model.startswith(SCRIPTED):
        return Scripted({})
    return Discreet(tier, transport_of(tier))


def transport_of(tier: Tier) -> Transport:
    """What reaches a live tier."""
    if tier.model.startswith(PREFIX):
        return Served(tier)
    base = tier.params.get("api_base")
    if tier.transport == "direct" or (tier.transport == "auto" and base and tier.model.startswith("openai/")):
        return Direct(tier, str(base))
    return Hosted(tier)
