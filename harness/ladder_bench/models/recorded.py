"""The recorded tier: what the log's own model said, with its recorded usage and latency, at no call."""

from __future__ import annotations

from collections.abc import Mapping

from ladder_bench.domain import Conversation, Reply, Request, digest_of
from ladder_bench.errors import ModelError


class Recorded:
    """Answers from the log. It cannot read a frame or a memory: what it said is fixed."""

    def __init__(self, conversations: Mapping[str, Conversation]) -> None:
        self._conversations = conversations

    def fingerprint(self, conversation: str) -> str:
        return digest_of("recorded", self._conversations[conversation].digest)

    async def open(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing is open."""

    async def complete(self, request: Request) -> Reply:
        turn = self._conversations[request.origin.conversation].turns[request.origin.matter - 1]
        if turn.recorded is None:
            raise ModelError(
                "not_recorded", f"turn {turn.number} of '{request.origin.conversation}' has no recorded answer"
            )
        recorded = turn.recorded
        return Reply(recorded.text, recorded.usage, recorded.latency_s, "recorded", recorded.model)
