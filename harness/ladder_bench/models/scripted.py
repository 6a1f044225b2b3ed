"""The test double: an ordinary model whose answers are written down, by prompt or in order."""

from __future__ import annotations

from collections.abc import Callable

from ladder_bench.domain import Reply, Request, Usage
from ladder_bench.errors import ModelError

Script = Callable[[Request], str | Reply | ModelError]


class Scripted:
    """Answers by a function of the request; a ModelError that it returns is raised. Keeps the requests it saw."""

    def __init__(self, script: Script, latency_s: float = 0.1) -> None:
        self._script, self._latency_s = script, latency_s
        self.seen: list[Request] = []

    def fingerprint(self, conversation: str) -> str:
        return "scripted"

    async def open(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing is open."""

    async def complete(self, request: Request) -> Reply:
        self.seen.append(request)
        said = self._script(request)
        if isinstance(said, ModelError):
            raise said
        if isinstance(said, Reply):
            return said
        words = sum(len(message.content.split()) for message in request.messages)
        return Reply(said, Usage(words, len(said.split())), self._latency_s, "scripted")
