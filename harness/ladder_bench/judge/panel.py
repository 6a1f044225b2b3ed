"""The panel: all that grades a run. Rules look first, then judges, rubric by rubric; a later one has the last word."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

from ladder_bench.calls.calling import Fetch
from ladder_bench.config import Repeats
from ladder_bench.domain import Conversation, Graded, Ladder, Mode, Tier, Transcript, Verdict
from ladder_bench.errors import InputError, StoppedError
from ladder_bench.judge import claims, pairs, shown, words
from ladder_bench.judge.claims import Judged
from ladder_bench.judge.grading import LEFT, NOT_ANSWERED, ConversationGrader, step_met
from ladder_bench.judge.judges import Judges
from ladder_bench.judge.rubric import CRITERIA_KINDS, Rubric
from ladder_bench.judge.sheets import ALIGNMENT, Item, Sheet, Subject, metrics, sheets, unasked

BY_CHECKS = frozenset((*CRITERIA_KINDS, "active_constraint", "output_contract", *ALIGNMENT))
Life = tuple[Transcript, Ladder]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Panel:
    """Who grades, by what. `against`: the strategy that pairwise rubrics compare with, None where none is set."""

    rubrics: tuple[Rubric, ...]
    judges: tuple[Tier, ...]
    mode: Mode
    repeats: Repeats
    seed: int = 0
    against: str | None = None

    def __post_init__(self) -> None:
        """Raises InputError where a rubric needs a judge and there is none."""
        asking = [rubric.id for rubric in self.rubrics if rubric.asks]
        if asking and not self.judges:
            raise InputError(
                f"rubric '{asking[0]}' needs a judge: name one with 'judges: [NAME]' in the matrix or --judge NAME, "
                "a tier of the tiers file's 'judges' or 'tiers' that answers live"
            )
        for first, second in combinations(self.judges, 2):
            if (first.model, first.params) == (second.model, second.params):
                raise InputError(
                    f"judges '{first.name}' and '{second.name}' are one: the same model with the same params, so they "
                    "would say the same, twice; leave one out"
                )
        whole = [each.id for each in self.rubrics if each.own and each.level in ("conversation", "opening")]
        if self.mode == "forced" and whole:
            raise InputError(
                f"rubric '{whole[0]}' looks at several answers, and in a forced replay they are of no one "
                "conversation: each follows the recording; leave it out, or use --replay rollout"
            )

    @property
    def asks(self) -> bool:
        """Whether anybody is asked, or rules alone look."""
        return any(rubric.asks for rubric in self.rubrics)

    @property
    def weights(self) -> Mapping[str, float]:
        """What multiplies a criterion's own weight, by its kind: as the last rubric says that grades the kind."""
        found = dict.fromkeys(CRITERIA_KINDS, 1.0)
        for rubric in (each for each in self.rubrics if each.level == "turn"):
            kinds = CRITERIA_KINDS if rubric.grader == "checks" else rubric.kinds
            found |= {kind: rubric.weights[kind] for kind in kinds if kind in found}
        return found

    def by_rule(self, conversation: Conversation, lives: Sequence[Life]) -> list[Graded]:
        """Grade the transcripts of a conversation where no rubric needs a judge."""
        return [Graded(tuple(self._counted(rules))) for rules in self._rules(conversation, lives)]

    async def graded(self, conversation: Conversation, lives: Sequence[Life], fetch: Fetch) -> list[Graded]:
        """Grade all transcripts of a conversation. Raises FatalModelError, InputError, StoppedError."""
        if not self.asks:
            return self.by_rule(conversation, lives)
        judges = Judges(self.judges, self.repeats, self.seed, fetch)
        subjects = [
            Subject(conversation, transcript, shown.turns(conversation, transcript, self.mode), rules, self.mode)
            for (transcript, _), rules in zip(lives, self._rules(conversation, lives), strict=True)
        ]
        return await _all(self._one(subject, subjects, judges) for subject in subjects)

    def _rules(self, conversation: Conversation, lives: Sequence[Life]) -> list[list[Verdict]]:
        judged = frozenset(metric for rubric in self.rubrics if rubric.asks for metric in metrics(rubric))
        grader = ConversationGrader(conversation, self.mode, self.weights, judged)
        return [grader.grade(transcript, ladder) for transcript, ladder in lives]

    def _counted(self, rules: Iterable[Verdict]) -> Iterator[Verdict]:
        """The rules' verdicts that count: those on criteria only where a rubric has checks, or falls back to them."""
        if any(rubric.grader == "checks" for rubric in self.rubrics):
            yield from rules
            return
        mixed = {metric for rubric in self.rubrics if rubric.grader == "hybrid" for metric in metrics(rubric)}
        asked = {metric for rubric in self.rubrics if rubric.kinds for metric in metrics(rubric)}
        yield from (
            each
            for each in rules
            if each.metric not in BY_CHECKS or each.metric in mixed or (each.metric in asked and _unanswered(each))
        )

    async def _one(self, subject: Subject, all_of: Sequence[Subject], judges: Judges) -> Graded:
        asking = [rubric for rubric in self.rubrics if rubric.asks]
        found = await _all(self._judged(rubric, subject, all_of, judges) for rubric in asking)
        verdicts = list(self._counted(subject.rules))
        for rubric, judged in zip(asking, found, strict=True):
            verdicts = _merged(verdicts, judged.verdicts, rubric)
        if self.mode == "simulated":
            verdicts = _steps(verdicts, subject)
        return Graded(
            tuple(sorted(verdicts, key=lambda each: (each.turn is None, each.turn or 0))),
            tuple(each for judged in found for each in judged.judgements),
            tuple(each for judged in found for each in judged.calls),
        )

    async def _judged(self, rubric: Rubric, subject: Subject, all_of: Sequence[Subject], judges: Judges) -> Judged:
        if rubric.grader == "pairwise":
            return await self._compared(rubric, subject, all_of, judges)
        if rubric.ask == "claims":
            lived = (each for each in subject.seen if each.answer is not None)
            found = await _all(
                claims.judged(rubric, subject, seen, judges) for seen in lived if seen.answered.turn >= rubric.from_turn
            )
        else:
            found = await _all(_of_sheet(rubric, sheet, judges) for sheet in sheets(rubric, subject, self.seed))
        missing = [_not_answered(rubric, item) for item in unasked(rubric, subject)]
        return _together([*found, Judged(tuple(missing))])

    async def _compared(self, rubric: Rubric, subject: Subject, all_of: Sequence[Subject], judges: Judges) -> Judged:
        against = rubric.against or self.against
        if against is None:
            raise InputError(f"rubric '{rubric.id}' has nobody to compare with; name a strategy: 'against: NAME'")
        mine = subject.transcript
        if mine.strategy == against:
            return Judged()
        other = next(
            (each for each in all_of if each.transcript.strategy == against and each.transcript.sample == mine.sample),
            None,
        )
        theirs = {} if other is None else {seen.answered.turn: seen for seen in other.seen}
        found = await _all(
            pairs.judged(rubric, subject, seen, theirs.get(seen.answered.turn), judges, against)
            for seen in subject.seen
            if seen.answered.turn >= rubric.from_turn
        )
        return _together(found)


def _unanswered(verdict: Verdict) -> bool:
    """Whether there was no answer that a judge could be asked about."""
    return verdict.value is None and (verdict.reason == LEFT or verdict.reason.startswith(NOT_ANSWERED))


async def _of_sheet(rubric: Rubric, sheet: Sheet, judges: Judges) -> Judged:
    readings = await judges.ask(sheet.question)
    said = [each for reading in readings for each in words.judgements(rubric.id, sheet, reading)]
    verdicts = [
        words.verdict(item, [each for each in said if (each.metric, each.target) == (item.metric, item.target)])
        for item in sheet.items
    ]
    calls = [(sheet.question.origin.turn, call) for reading in readings for call in reading.calls]
    return Judged(tuple(verdicts), tuple(said), tuple(calls))


def _not_answered(rubric: Rubric, item: Item) -> Verdict:
    return Verdict(
        item.target, item.metric, item.turn, None, "not answered", "", item.weight, item.critical, rubric=rubric.id
    )


def _together(found: Iterable[Judged]) -> Judged:
    parts = list(found)
    return Judged(
        tuple(each for part in parts for each in part.verdicts),
        tuple(each for part in parts for each in part.judgements),
        tuple(each for part in parts for each in part.calls),
    )


def _merged(verdicts: Sequence[Verdict], judged: Sequence[Verdict], rubric: Rubric) -> list[Verdict]:
    """Verdicts with a rubric's own in the place of those it has the say over.

    Where nobody was asked (a check decided, nothing was answered, the user had left) what the rules said stays.
    """
    own = metrics(rubric)
    asked = {(each.metric, each.target, each.turn) for each in judged}
    listed = bool(rubric.kinds)
    kept = [
        each
        for each in verdicts
        if each.metric not in own or (listed and (each.metric, each.target, each.turn) not in asked)
    ]
    if rubric.level == "user_turn":  # where nothing was asked, the rule says why
        asked_turns = {each.turn for each in judged}
        kept += [each for each in verdicts if each.metric in own and each.turn not in asked_turns]
    return [*kept, *judged]


def _steps(verdicts: Sequence[Verdict], subject: Subject) -> list[Verdict]:
    """Verdicts with those on steps made anew, from what counts now."""
    lived = {answered.turn: answered for answered in subject.transcript.answered}
    critical = [each for each in verdicts if each.critical and each.metric in BY_CHECKS]
    return [
        step_met(lived[each.turn], [one for one in critical if one.turn == each.turn])
        if each.metric == "step_met" and each.turn in lived
        else each
        for each in verdicts
    ]


async def _all(work: Iterable[Awaitable[T]]) -> list[T]:
    """Results in order; where something fails the others still finish, since what is in flight is paid for."""
    found = await asyncio.gather(*work, return_exceptions=True)
    failures = [each for each in found if isinstance(each, BaseException)]
    if failures:
        raise next((each for each in failures if not isinstance(each, StoppedError)), failures[0])
    return [each for each in found if not isinstance(each, BaseException)]
