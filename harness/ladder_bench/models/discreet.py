"""Discretion: a provider echoes what it was sent, its key too; here that goes no further."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Protocol

from ladder_bench.domain import Reply, Request, Tier
from ladder_bench.errors import LadderBenchError, ModelError

# variables that providers' libraries read by themselves
USUAL = re.compile(r"(?:^|_)(?:APIKEY|KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$")
SHORTEST = 16  # characters of a value that nobody named as a key; a shorter one would blot out words
LONGEST = 300  # characters of what a provider said, in a table or on a terminal; cut when the keys are out


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
            error.args = tuple(_blotted(str(part), secrets)[:LONGEST] for part in error.args)
            raise
        except (LadderBenchError, TimeoutError):
            raise
        except Exception as error:  # one odd answer is that call's error; it must not end a run
            what = f"the provider's answer cannot be read ({type(error).__name__})"
            raise ModelError("not_a_completion", what) from None
        return replace(
            reply,
            text=_blotted(reply.text, secrets),
            model=reply.model and _blotted(reply.model, secrets)[:LONGEST],
            finish=reply.finish and _blotted(reply.finish, secrets)[:LONGEST],
            notes=tuple(_blotted(note, secrets)[:LONGEST] for note in reply.notes),
        )


def secrets_of(tier: Tier) -> tuple[str, ...]:
    """The values of the variable that a tier names, else of all that look like a key's."""
    variable = tier.params.get("api_key_env")
    if variable:
        return (os.environ[variable],) if os.environ.get(variable) else ()
    values = (value for name, value in os.environ.items() if USUAL.search(name) and len(value) >= SHORTEST)
    return tuple(sorted(values, key=len, reverse=True))  # one may hold another


def _blotted(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
