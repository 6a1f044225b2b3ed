"""Judges: a question goes to each of them, is put once more where the reply cannot be read, and comes back as words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ladder_bench.calls.calling import UNSEEN, Fetch, call
from ladder_bench.config import Repeats
from ladder_bench.domain import Call, Json, Request, Tier, digest_of
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.judge import asking
from ladder_bench.judge.asking import Question
from ladder_bench.judge.reading import Unreadable, read

SHARES = 1 << 32


@dataclass(frozen=True, slots=True)
class Reading:
    """What one judge replied to a question: JSON of the form that was asked for, or why there is none.

    `calls` are those it took; `key` that of the last, "" where none succeeded. `repeat` 0 is the reading that counts.
    """

    judge: str
    repeat: int
    said: Json | Unreadable
    calls: tuple[Call, ...]
    key: str = ""

    @property
    def repaired(self) -> bool:
        return len(self.calls) > 1


class Judges:
    """Asks judges on behalf of one conversation's transcripts. What is asked twice is asked once."""

    def __init__(self, tiers: Sequence[Tier], repeats: Repeats, seed: int, fetch: Fetch) -> None:
        self._tiers, self._repeats, self._seed, self._fetch = tiers, repeats, seed, fetch
        self._asked: dict[tuple[Question, bool], asyncio.Task[tuple[Reading, ...]]] = {}

    async def ask(self, question: Question, first_alone: bool = False) -> tuple[Reading, ...]:
        """The readings of every judge, repeats behind the first. Raises FatalModelError, InputError, StoppedError.

        `first_alone`: one judge is enough: the first of them whose reply can be read.
        """
        if (question, first_alone) not in self._asked:
            work = self._one_of(question) if first_alone else self._all_of(question)
            self._asked[question, first_alone] = asyncio.create_task(work)
        return await asyncio.shield(self._asked[question, first_alone])

    async def _all_of(self, question: Question) -> tuple[Reading, ...]:
        times = 1 + (self._repeats.times if self._is_repeated(question) else 0)
        return tuple(
            await asyncio.gather(
                *(self._reading(question, tier, repeat) for tier in self._tiers for repeat in range(times))
            )
        )

    async def _one_of(self, question: Question) -> tuple[Reading, ...]:
        found: list[Reading] = []
        for tier in self._tiers:
            found.append(await self._reading(question, tier, 0))
            if not isinstance(found[-1].said, Unreadable):
                break
        return tuple(found)

    def _is_repeated(self, question: Question) -> bool:
        """Drawn by hash: the same questions in every run, and a pair in both orders, since both are of one turn."""
        if not self._repeats.share:
            return False
        place = question.origin.conversation, str(question.origin.turn)
        drawn = int(digest_of("repeat", str(self._seed), question.prompt, *place)[:8], 16)
        return drawn < self._repeats.share * SHARES

    async def _reading(self, question: Question, tier: Tier, repeat: int) -> Reading:
        request = asking.request(question, tier, repeat)
        calls: list[Call] = []
        try:
            said = await self._said(request, calls)
            if isinstance(said, Unreadable) and calls[-1].reply.origin != UNSEEN:
                again = asking.repair(request, calls[-1].reply.text, said.what)
                said = await self._said(again, calls)
        except FatalModelError:
            raise
        except ModelError as error:
            said = Unreadable(error.kind, str(error))
        return Reading(tier.name, repeat, said, tuple(calls), calls[-1].key if calls else "")

    async def _said(self, request: Request, calls: list[Call]) -> Json | Unreadable:
        calls.append(await call(request, self._fetch))
        if calls[-1].reply.origin == UNSEEN:
            return Unreadable(UNSEEN, "not asked yet")
        return read(calls[-1].reply, request)
