"""Grading by rule: what each answer of a transcript met, kept, invented and took back.

Needs no model. A value that could not be judged is None with its reason, never 0. Discarded answers are not graded.

Where a user is played, a recorded turn (a step) may be answered several times. Its criteria and constraints are graded
on the last answer: the user sent the others back. All else is graded on every turn. A step that was never reached has
verdicts without a value, at the turns that would have followed the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ladder_bench import checks
from ladder_bench.blocks import visible
from ladder_bench.domain import (
    Answered,
    Check,
    Conversation,
    Criterion,
    Ladder,
    Mode,
    Statement,
    Transcript,
    Turn,
    Verdict,
)
from ladder_bench.judge import contract, specifics, validity
from ladder_bench.judge.contract import Situation
from ladder_bench.triggers import retractions

GRADER = "checks"
OPENING_TURNS = (1, 2)  # first-turn alignment is read after the first answer and after the first two
NEEDS_A_JUDGE = "has no check; needs a judge"
LEFT = "never reached: the user left"
NOT_ANSWERED = "not answered"  # how a reason begins where there is no answer


class ConversationGrader:
    """Grades every strategy's transcript of one conversation; an answer that many share is graded once."""

    def __init__(
        self,
        conversation: Conversation,
        mode: Mode,
        weights: Mapping[str, float],
        judged: frozenset[str] = frozenset(),
    ) -> None:
        """`judged`: metrics that a judge sees to, so that what has no check is not left out but needs a judge."""
        self._judged = judged
        self._conversation, self._mode, self._weights = conversation, mode, weights
        self._met: dict[tuple[int, str], tuple[float | None, str]] = {}  # by the check's identity: ids may repeat
        self._specifics: dict[tuple[int, tuple[str, ...], str], Verdict] = {}
        self._presupposed: dict[int, tuple[validity.Presupposition, ...]] = {}
        self._valid: dict[tuple[int, tuple[str, ...]], Verdict] = {}
        texts = [conversation.system, *conversation.facts, *(message.content for message in conversation.greeting)]
        self._base = specifics.Evidence([text for text in texts if text])

    def grade(self, transcript: Transcript, ladder: Ladder) -> list[Verdict]:
        """All verdicts on a transcript of this ladder, in the order of its turns."""
        found: list[Verdict] = []
        evidence = self._base
        last = {_step(answered): place for place, answered in enumerate(transcript.answered)}
        recorded = contract.recorded_tiers(transcript.answered)
        for place, answered in enumerate(transcript.answered):
            turn = self._turn(answered)
            evidence = evidence.plus(_said(answered, turn), *(message.content for message in turn.context))
            if last[turn.number] == place:
                found.extend(self._quality(answered))
            shown = None if answered.answer is None else visible(answered.answer)
            supported = None if shown is None else self._supported(answered.turn, shown, evidence)
            if shown is not None and supported is not None:
                found.append(supported)
                found.append(_retracted(answered.turn, shown, _said(answered, turn)))
            if not contract.read_no_prompt(answered, recorded):
                found.extend(contract.scaffold(answered, ladder, GRADER))
                if ladder.guardrails and not answered.decision.guide:
                    situation = self._situation(transcript.answered[: place + 1], supported)
                    found.extend(contract.guardrails(situation, ladder, self._value, GRADER))
            if self._mode == "forced":  # the next turn follows the recorded answer
                shown = turn.recorded.text if turn.recorded else None
            if shown is not None:
                evidence = evidence.plus(shown)
        if self._mode == "rollout":
            found.extend(self._validity(transcript))
        if self._mode == "simulated":
            found.extend(self._unreached(transcript))
            found.append(self._reached(transcript))
        found.extend(self._alignment(transcript))
        return found

    def _turn(self, answered: Answered) -> Turn:
        return self._conversation.turns[_step(answered) - 1]

    # --- criteria and constraints ----------------------------------------------------------

    def _quality(self, answered: Answered) -> Iterator[Verdict]:
        """Criteria, active constraints and output contract; and for a played user, whether the step is met."""
        turn = self._turn(answered)
        verdicts = [self._verdict(criterion, criterion.kind, answered) for criterion in turn.criteria]
        for constraint in self._conversation.constraints_at(turn.number):
            verdicts.append(self._verdict(constraint.criterion, "active_constraint", answered))
        yield from verdicts
        intent = self._conversation.intent
        if (
            intent is not None
            and intent.output_contract is not None
            and self._is_graded(intent.output_contract.check, "output_contract")
        ):
            statement = intent.output_contract
            criterion = Criterion("output_contract", "format", statement.text, check=statement.check)
            yield self._verdict(criterion, "output_contract", answered)
        if self._mode == "simulated":
            yield step_met(answered, [verdict for verdict in verdicts if verdict.critical])

    def _verdict(self, criterion: Criterion, metric: str, answered: Answered) -> Verdict:
        if answered.answer is None:
            value, reason = None, f"{NOT_ANSWERED}: {answered.failure}"
        elif criterion.check is None:
            value, reason = None, NEEDS_A_JUDGE
        else:
            value, reason = self._value(criterion.check, visible(answered.answer))
        weight = criterion.weight * self._weights[criterion.kind]
        return Verdict(criterion.id, metric, answered.turn, value, reason, GRADER, weight, criterion.critical)

    def _is_graded(self, check: Check | None, metric: str) -> bool:
        return check is not None or metric in self._judged

    def _value(self, check: Check, text: str) -> tuple[float | None, str]:
        key = (id(check), text)
        if key not in self._met:
            try:
                met = checks.evaluate(check, text)
                self._met[key] = (1.0, "met") if met else (0.0, "not met")
            except checks.Undecided as error:
                self._met[key] = (None, str(error))
        return self._met[key]

    def _of_statement(self, statement: Statement, text: str) -> tuple[float | None, str]:
        return (None, NEEDS_A_JUDGE) if statement.check is None else self._value(statement.check, text)

    # --- specifics and guardrails ----------------------------------------------------------

    def _supported(self, turn: int, shown: str, evidence: specifics.Evidence) -> Verdict:
        """One verdict for a turn's specifics: the share that is supported, weighted by how many there are."""
        key = (turn, evidence.texts, shown)
        if key not in self._specifics:
            self._specifics[key] = _specifics_verdict(turn, specifics.find(shown, evidence))
        return self._specifics[key]

    def _situation(self, so_far: Sequence[Answered], supported: Verdict | None) -> Situation:
        """What the last of these answers is held to. Answers that the tier did not see leave nothing open for it."""
        answered, before = so_far[-1], so_far[:-1]
        turn = self._turn(answered)
        said = _said(answered, turn)
        again = any(_step(each) == turn.number for each in before)
        heard = [] if self._mode == "forced" else [each.answer for each in before if each.answer is not None]
        users = [*(_said(each, self._turn(each)) for each in before), said]
        replied = [visible(answer) for answer in heard] if self._mode == "simulated" else []
        intent = self._conversation.intent
        return Situation(
            answered,
            said,
            () if again and turn.labels is not None else turn.labels,
            contract.open_unknowns(self._conversation, turn.number, users, replied, self._value),
            contract.open_questions(answered.memory, heard, said),
            intent.output_contract if intent else None,
            supported is not None and supported.value is not None and supported.value < 1.0,
        )

    # --- replay validity -------------------------------------------------------------------

    def _validity(self, transcript: Transcript) -> Iterator[Verdict]:
        """Whether each recorded user message still makes sense after the strategy's own answers."""
        own: tuple[str, ...] = ()
        diverged = False
        for answered in transcript.answered:
            before = self._conversation.turns[: answered.turn - 1]
            if len(own) < len(before):
                yield _fits(answered.turn, None, "the turn before was not answered")
            elif not diverged:
                yield _fits(answered.turn, None, "the history is still the recording")
            else:
                yield self._fitting(answered.turn, own)
            if answered.answer is not None:
                own = (*own, visible(answered.answer))
                recording = self._conversation.turns[answered.turn - 1].recorded
                diverged |= recording is None or answered.answer != recording.text

    def _fitting(self, turn: int, own: tuple[str, ...]) -> Verdict:
        key = (turn, own)
        if key not in self._valid:
            unmet = None
            if validity.speaks(self._conversation.language):
                unmet = validity.unmet(self._presuppositions(turn), own)
                value = 0.0 if unmet else 1.0
                reason = (
                    f"presupposes '{unmet.words}': {unmet.needs} was only recorded" if unmet else "nothing is missing"
                )
            else:
                value, reason = None, "the rule reads English alone"
            self._valid[key] = _fits(turn, value, reason)
        return self._valid[key]

    def _presuppositions(self, turn: int) -> tuple[validity.Presupposition, ...]:
        if turn not in self._presupposed:
            talk, before = self._conversation, self._conversation.turns[: turn - 1]
            known = [talk.system, *(message.content for message in talk.greeting)]
            known += [message.content for each in before for message in (each.user, *each.context)]
            recorded = [visible(each.recorded.text) for each in before if each.recorded]
            message = talk.turns[turn - 1].user.content
            self._presupposed[turn] = validity.presuppositions(message, recorded, known)
        return self._presupposed[turn]

    # --- a played user ---------------------------------------------------------------------

    def _unreached(self, transcript: Transcript) -> Iterator[Verdict]:
        """Verdicts without a value for the steps that the user left before, as turns that would have followed."""
        number = max((answered.turn for answered in transcript.answered), default=0)
        reached = {_step(answered) for answered in transcript.answered}
        for turn in self._conversation.turns:
            if turn.number not in reached and transcript.answered:
                number += 1
                never = replace(transcript.answered[-1], turn=number, step=turn.number, answer=None)
                for verdict in self._quality(never):
                    yield replace(verdict, value=None, reason=LEFT)

    def _reached(self, transcript: Transcript) -> Verdict:
        """1 where the user got an answer to every step and did not leave in dispute; None where turns failed."""
        answered = {_step(each): each.turn for each in transcript.answered if each.answer is not None}
        missing = [turn.number for turn in self._conversation.turns if turn.number not in answered]
        if any(each.answer is None for each in transcript.answered):
            value, reason = None, "turns were not answered"
        elif missing:
            value, reason = 0.0, f"{transcript.ended or 'the user left'} before step {missing[0]}"
        elif transcript.ended == "unknown":
            value, reason = None, "nobody can say whether the user was satisfied: nothing to hold the answers against"
        elif transcript.ended in ("gave up", "turn limit"):
            value, reason = 0.0, f"{transcript.ended} at the last step"
        else:
            value, reason = 1.0, "every step was answered"
        turn = max(answered.values()) if value == 1.0 else None
        return Verdict("conversation", "reached", turn, value, reason, GRADER)

    # --- the opening -----------------------------------------------------------------------

    def _alignment(self, transcript: Transcript) -> Iterator[Verdict]:
        """Intent, constraints and blocking unknowns after the first answer and the first two; sees nothing later."""
        intent = self._conversation.intent
        if intent is None:
            return
        for turns in OPENING_TURNS:
            opening = transcript.answered[:turns]
            metric = f"alignment_at_{turns}"
            answers = [visible(answered.answer) for answered in opening if answered.answer is not None]
            whole = "\n\n".join(answers)
            complete = len(answers) == len(opening)
            statements = [("goal", intent.goal)] if intent.goal else []
            statements += [(unknown.id or unknown.text, unknown) for unknown in intent.blocking_unknowns]
            for name, statement in statements:
                if self._is_graded(statement.check, metric):
                    value, reason = self._of_statement(statement, whole) if complete else (None, NOT_ANSWERED)
                    yield Verdict(name, metric, len(opening), value, reason, GRADER)
            for constraint in intent.constraints:
                each = constraint.criterion
                active = [answered for answered in opening if constraint.active(_step(answered))]
                if not self._is_graded(each.check, metric) or not active:
                    continue
                yield _kept(metric, len(opening), [self._verdict(each, metric, answered) for answered in active])


def _step(answered: Answered) -> int:
    """The recorded turn that an answer is about."""
    return answered.turn if answered.step is None else answered.step


def _said(answered: Answered, turn: Turn) -> str:
    return (answered.said or turn.user).content


def step_met(answered: Answered, critical: Sequence[Verdict]) -> Verdict:
    """Whether all critical criteria and constraints of a step are met; None where that is open."""
    values = [verdict.value for verdict in critical]
    if answered.answer is None:
        value, reason = None, f"{NOT_ANSWERED}: {answered.failure}"
    elif 0.0 in values:
        missed = ", ".join(verdict.target for verdict in critical if verdict.value == 0.0)
        value, reason = 0.0, f"not met: {missed}"
    elif None in values:
        value, reason = None, next(verdict.reason for verdict in critical if verdict.value is None)
    else:
        value, reason = 1.0, "all critical criteria are met" if critical else "nothing is critical"
    return Verdict("step", "step_met", answered.turn, value, reason, GRADER)


def _fits(turn: int, value: float | None, reason: str) -> Verdict:
    return Verdict("user_turn", "validity", turn, value, reason, GRADER)


def _kept(metric: str, turn: int, parts: list[Verdict]) -> Verdict:
    """Whether a constraint was kept in every answer; None where one could not be judged and none broke it."""
    values = [part.value for part in parts]
    target = parts[0].target
    if 0.0 in values:
        return Verdict(target, metric, turn, 0.0, "not kept", GRADER)
    unknown = next((part for part in parts if part.value is None), None)
    if unknown is not None:
        return Verdict(target, metric, turn, None, unknown.reason, GRADER)
    return Verdict(target, metric, turn, 1.0, "kept", GRADER)


def _specifics_verdict(turn: int, found: tuple[specifics.Specific, ...]) -> Verdict:
    if not found:
        return Verdict("specifics", "supported_specifics", turn, None, "names no specifics", GRADER, 0.0)
    missing = [f"{each.text} ({each.kind})" for each in found if not each.supported]
    reason = "unsupported: " + "; ".join(missing) if missing else "all supported"
    share = 1.0 - len(missing) / len(found)
    return Verdict("specifics", "supported_specifics", turn, share, reason, GRADER, float(len(found)))


def _retracted(turn: int, shown: str, user_message: str) -> Verdict:
    found = retractions.find(shown, user_message)
    if found is None:
        return Verdict("retraction", "self_correction", turn, 0.0, "none", GRADER)
    how = "prompted by the user" if found.prompted else "self-initiated"
    return Verdict("retraction", "self_correction", turn, 1.0, f"{how}: {found.evidence}", GRADER)
