"""The test double: an ordinary model whose answers are written down, by prompt, by purpose or in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ladder_bench.domain import Reply, Request, Usage
from ladder_bench.errors import ModelError

Said = str | Reply | ModelError | Mapping[str, str]
Part = Said | Sequence[Said] | Callable[[Request], Said]
Script = Callable[[Request], Said] | Mapping[str, Part]


class Scripted:
    """Answers by a script; a ModelError in it is raised. Keeps the requests it saw.

    A script is a function of the request, or says for each purpose ("answer", "memory", "trigger", "user", ...) what is
    answered: always the same, a list by turns whose last item stays, or a function. A tier's param `script` (texts and
    `{error: KIND}` alone: params are part of a call's key) goes before the client's own, so that tiers may play different parts. A purpose
    without a part is a ModelError.
    """

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
        said = _said(request.tier.params.get("script", self._script), request)
        if isinstance(said, Mapping):
            raise ModelError(str(said.get("error", "not_scripted")), "as scripted")
        if isinstance(said, ModelError):
            raise said
        if isinstance(said, Reply):
            return said
        words = sum(len(message.content.split()) for message in request.messages)
        return Reply(said, Usage(words, len(said.split())), self._latency_s, "scripted")


def _said(script: Script, request: Request) -> Said:
    """What a script answers to a request: by the request alone, so that the order of calls makes no difference."""
    if not isinstance(script, Mapping):
        return script(request)
    part = script.get(request.purpose)
    if part is None:
        return ModelError("not_scripted", f"tier '{request.tier.name}' has no part for '{request.purpose}'")
    if callable(part):
        return part(request)
    if isinstance(part, str | Reply | ModelError | Mapping):
        return part
    return part[min(request.origin.turn, len(part)) - 1]
