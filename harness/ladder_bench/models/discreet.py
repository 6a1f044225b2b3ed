"""Discretion: a provider echoes what it was sent, its key too; here that goes no further."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Protocol

from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.errors import LadderBenchError, ModelError

USUAL = re.compile(
    r"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$"
)  # variables that providers' libraries read by themselves
SHORTEST = 8  # characters; what is shorter is no key, and would blot out words


class Transport(Protocol):
    """What talks to a provider."""

    def fingerprint(self, conversation: str) -> str: ...
    async def open(self) -> None: ...
    async def complete(self, request: Request) -> Reply: ...
    async def close(self) -> None: ...


class Discreet:
    """A live tier's client: keys are blotted out of its replies and errors, and whatever it raises is a ModelError."""

    def __init__(self, tier: Tier, transport: Transport) -> None:
        self._tier, self._transport = tier, transport
        self._secrets: tuple[str, ...] = ()

    def fingerprint(self, conversation: str) -> str:
        return self._transport.fingerprint(conversation)

    async def open(self) -> None:
        self._secrets = secrets_of(self._tier)
        await self._transport.open()

    async def close(self) -> None:
        await self._transport.close()

    async def complete(self, request: Request) -> Reply:
        """Answer a request. Raises ModelError."""
        secrets = self._secrets
        try:
            reply = await self._transport.complete(request)
        except ModelError as error:
            error.args = tuple(_blotted(str(part), secrets) for part in error.args)
            raise
        except (LadderBenchError, TimeoutError):
            raise
        except Exception as error:  # one odd answer is that call's error; it must not end a run
            what = f"the provider's answer cannot be read ({type(error).__name__})"
            raise ModelError("not_a_completion", what) from None
        return replace(
            reply,
            text=_blotted(reply.text, secrets),
            model=reply.model and _blotted(reply.model, secrets),
            finish=reply.finish and _blotted(reply.finish, secrets),
            notes=tuple(_blotted(note, secrets) for note in reply.notes),
        )


def secrets_of(tier: Tier) -> tuple[str, ...]:
    """The values of the variable that a tier names, else of all that look like a key's."""
    variable = tier.params.get("api_key_env")
    names = [variable] if variable else [name for name in os.environ if USUAL.search(name)]
    return tuple(value for name in names if len(value := os.environ.get(name, "")) >= SHORTEST)


def _blotted(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
