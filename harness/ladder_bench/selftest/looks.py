"""Looks: judges are shown both twins of a case, and what they say of the target becomes good, flawed, or unscored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.calls.calling import Fetch
from ladder_bench.config import Repeats
from ladder_bench.domain import Call, Graded, Tier, Verdict
from ladder_bench.errors import StoppedError
from ladder_bench.judge.panel import Panel
from ladder_bench.judge.reading import Unreadable, read
from ladder_bench.judge.sheets import metrics
from ladder_bench.selftest.cases import CLEAN, FLAWED, Case, ladder

SELF_CORRECTION = "self_correction"  # there "met" means that the flaw was seen
READ = "read"


@dataclass(frozen=True, slots=True)
class Said:
    """What judges said of one answer. `good` None: unscored, and then `reason` says why; else it is theirs."""

    good: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """What judges said of both twins of a case. `replies`: how many could be read, and of what kind the others were.

    A reply that was asked for again counts twice, one that both twins share once.
    """

    case: Case
    clean: Said
    flawed: Said
    replies: Mapping[str, int]


async def looks(
    cases: Sequence[Case], judges: Sequence[Tier], fetch: Fetch, done: Callable[[], None] = lambda: None
) -> list[Look]:
    """Show both twins of every case to the judges. Raises FatalModelError, InputError, StoppedError.

    Where one case fails, the others still finish what they have in flight: it is paid for.
    """

    async def one(case: Case) -> Look:
        found = await _look(case, tuple(judges), fetch)
        done()
        return found

    ends = await asyncio.gather(*map(one, cases), return_exceptions=True)
    failures = [end for end in ends if isinstance(end, BaseException)]
    if failures:
        raise next((each for each in failures if not isinstance(each, StoppedError)), failures[0])
    return [end for end in ends if not isinstance(end, BaseException)]


async def _look(case: Case, judges: tuple[Tier, ...], fetch: Fetch) -> Look:
    panel = Panel((case.rubric,), judges, "rollout", Repeats())
    lives = [(case.transcript(twin), ladder(twin)) for twin in (CLEAN, FLAWED)]
    clean, flawed = await panel.graded(case.conversation, lives, fetch)
    calls = {call.key: call for graded in (clean, flawed) for _, call in graded.calls}
    return Look(case, said(case, clean), said(case, flawed), _replies(calls.values()))


def said(case: Case, graded: Graded) -> Said:
    """Whether judges call an answer good in what the case is about."""
    found = [each for each in graded.verdicts if _is_about(case, each)]
    if not found:
        return Said(None, "not asked about")
    rubric = case.rubric
    if rubric.metric == SELF_CORRECTION:  # such criteria say what is wrong with an answer
        good = [None if each.value is None else each.value == 0.0 for each in found]
    else:
        good = [None if each.value is None else each.value == 1.0 for each in found]
    for wanted in (False, None, True):
        for each, value in zip(found, good, strict=True):
            if value is wanted:
                nothing = value is None and rubric.ask == "claims" and each.weight == 0.0
                return Said(True if nothing else value, each.reason)
    raise AssertionError


def _is_about(case: Case, verdict: Verdict) -> bool:
    turns = (len(case.conversation.turns), None)
    return (
        verdict.rubric == case.rubric.id
        and verdict.metric in metrics(case.rubric)
        and verdict.turn in turns
        and verdict.target == case.target
    )


def _replies(calls: Iterable[Call]) -> Mapping[str, int]:
    found = (read(call.reply, call.request) for call in calls)
    return Counter(each.outcome if isinstance(each, Unreadable) else READ for each in found)
