"""Asking: a tier as detector, one call for each labelled text, through the call store."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ladder_bench import config, content, models
from ladder_bench.calls import Keys
from ladder_bench.calls.calling import Fetch, call
from ladder_bench.calls.errand import Bounds, Errand
from ladder_bench.corpus import Corpus
from ladder_bench.detect.labelled import Finding, Look
from ladder_bench.domain import Json, Origin, Request, Tier, digest_of
from ladder_bench.errors import FatalModelError, InputError, ModelError, StoppedError
from ladder_bench.report.outlays import announce
from ladder_bench.tiers import Tiers
from ladder_bench.triggers import model

AT_ONCE = 16  # texts in progress where no provider is asked; else twice the calls in flight
SHORT, LONG = 15, 45  # tokens of a reply for each trigger: without evidence, and with a sentence of it


@dataclass(frozen=True, slots=True)
class Detector:
    """The tier that is asked, among the tiers of its file."""

    tier: Tier
    tiers: Tiers


def detector(name: str, file: str) -> Detector:
    """Find the tier to ask. Raises InputError."""
    known = config.load_tiers(file)
    if name not in known.names:
        hint = content.did_you_mean(name, ("rules", *known.names))
        raise InputError(
            f"--detect: unknown tier '{content.shortened(name)}'{hint}; valid: {', '.join(('rules', *known.names))}"
        )
    if known[name].recorded:
        raise InputError(f"--detect: tier '{name}' is recorded and answers no question; name another tier, or rules")
    return Detector(known[name], known)


def by_tier(
    found: Sequence[Look],
    loaded: Corpus,
    detector: Detector,
    bounds: Bounds,
    seed: int,
    tell: Callable[[str], None],
) -> tuple[Json, list[Finding]]:
    """What a tier finds, and what it took to ask. A tier that was stopped leaves the rest unseen.

    Raises FatalModelError, MissError (offline, and not stored), InputError, KeyboardInterrupt.
    """
    tier = detector.tier
    clients = models.clients(detector.tiers.tiers, {each.id: each for each in loaded.conversations}, seed)
    asked = [(look, _request(look, tier)) for look in found]
    keys = Keys(clients, sharing=True)
    experiment = digest_of("triggers eval", *sorted({keys.of(request, "") for _, request in asked}))[:32]
    asking = _Asking(asked, tier)
    with Errand(experiment, clients, bounds, tell) as errand:
        announce(errand.foreseen(asking.all, _length), tell)
        findings = errand.made(asking.all)
        return errand.taken().as_json(), findings


def _request(look: Look, tier: Tier) -> Request:
    return model.request(look.names, look.seen, look.heard, tier, Origin(look.conversation, look.turn), 0)


def _length(request: Request) -> tuple[int, int]:
    triggers = request.schema.count('"evidence":')
    return SHORT * triggers, LONG * triggers


class _Asking:
    """Asks about every text; one that could not be seen is a reason instead of a finding."""

    def __init__(self, asked: Sequence[tuple[Look, Request]], tier: Tier) -> None:
        self._asked = asked
        self._at_once = 2 * tier.limits.concurrency if tier.live else AT_ONCE

    async def all(self, fetch: Fetch) -> list[Finding]:
        """A finding for each text, in their order."""
        places = asyncio.Semaphore(self._at_once)
        found = await asyncio.gather(
            *(self._one(look, request, fetch, places) for look, request in self._asked), return_exceptions=True
        )
        return [_finding(each) for each in found]

    async def _one(self, look: Look, request: Request, fetch: Fetch, places: asyncio.Semaphore) -> Finding:
        async with places:
            try:
                made = await call(request, fetch)
            except FatalModelError:
                raise
            except StoppedError as stopped:
                return f"stopped: {stopped}"
            except ModelError as error:
                return f"the call failed: {error.kind}"
        fired = model.read(made.reply.text, look.names, look.side)
        return "the reply could not be read" if fired is None else fired


def _finding(each: Finding | BaseException) -> Finding:
    """A finding, or raise what ended all."""
    if isinstance(each, BaseException):
        raise each
    return each
