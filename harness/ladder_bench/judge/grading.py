"""Grading by rule: what each answer of a transcript met, kept, invented and took back.

Needs no model. A value that could not be judged is None with its reason, never 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladder_bench import checks
from ladder_bench.blocks import visible
from ladder_bench.domain import Answered, Check, Conversation, Criterion, Mode, Transcript, Verdict
from ladder_bench.judge import specifics
from ladder_bench.triggers import retractions

GRADER = "checks"
OPENING_TURNS = (1, 2)  # first-turn alignment is read after the first answer and after the first two


class ConversationGrader:
    """Grades every strategy's transcript of one conversation; an answer that many share is graded once."""

    def __init__(self, conversation: Conversation, mode: Mode, weights: Mapping[str, float]) -> None:
        self._conversation, self._mode, self._weights = conversation, mode, weights
        self._met: dict[tuple[int, str], tuple[float | None, str]] = {}  # by the check's identity: ids may repeat
        self._specifics: dict[tuple[int, tuple[str, ...], str], Verdict] = {}
        texts = [conversation.system, *conversation.facts, *(message.content for message in conversation.greeting)]
        self._base = specifics.Evidence([text for text in texts if text])

    def grade(self, transcript: Transcript) -> list[Verdict]:
        """All verdicts on a transcript, in the order of its turns."""
        found: list[Verdict] = []
        evidence = self._base
        for answered in transcript.answered:
            turn = self._conversation.turns[answered.turn - 1]
            evidence = evidence.plus(turn.user.content, *(message.content for message in turn.context))
            found.extend(self._turn(answered))
            shown = None if answered.answer is None else visible(answered.answer)
            if shown is not None:
                found.append(self._supported(answered.turn, shown, evidence))
                found.append(_retracted(answered.turn, shown, turn.user.content))
            if self._mode == "forced":  # the next turn follows the recorded answer
                shown = turn.recorded.text if turn.recorded else None
            if shown is not None:
                evidence = evidence.plus(shown)
        found.extend(self._alignment(transcript))
        return found

    # --- criteria and constraints ----------------------------------------------------------

    def _turn(self, answered: Answered) -> Iterator[Verdict]:
        turn = self._conversation.turns[answered.turn - 1]
        for criterion in turn.criteria:
            yield self._verdict(criterion, criterion.kind, answered)
        for constraint in self._conversation.constraints_at(answered.turn):
            yield self._verdict(constraint.criterion, "active_constraint", answered)
        contract = self._conversation.intent.output_contract if self._conversation.intent else None
        if contract is not None and contract.check is not None:
            criterion = Criterion("output_contract", "format", contract.text, check=contract.check)
            yield self._verdict(criterion, "output_contract", answered)

    def _verdict(self, criterion: Criterion, metric: str, answered: Answered) -> Verdict:
        if answered.answer is None:
            value, reason = None, f"not answered: {answered.failure}"
        elif criterion.check is None:
            value, reason = None, "has no check; needs a judge"
        else:
            value, reason = self._value(criterion.check, visible(answered.answer))
        weight = criterion.weight * self._weights[criterion.kind]
        return Verdict(criterion.id, metric, answered.turn, value, reason, GRADER, weight, criterion.critical)

    def _value(self, check: Check, text: str) -> tuple[float | None, str]:
        key = (id(check), text)
        if key not in self._met:
            try:
                met = checks.evaluate(check, text)
                self._met[key] = (1.0, "met") if met else (0.0, "not met")
            except checks.Undecided as error:
                self._met[key] = (None, str(error))
        return self._met[key]

    # --- specifics and retractions ---------------------------------------------------------

    def _supported(self, turn: int, shown: str, evidence: specifics.Evidence) -> Verdict:
        """One verdict for a turn's specifics: the share that is supported, weighted by how many there are."""
        key = (turn, evidence.texts, shown)
        if key not in self._specifics:
            self._specifics[key] = _specifics_verdict(turn, specifics.find(shown, evidence))
        return self._specifics[key]

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
                if statement.check is not None:
                    value, reason = self._value(statement.check, whole) if complete else (None, "not answered")
                    yield Verdict(name, metric, len(opening), value, reason, GRADER)
            for constraint in intent.constraints:
                each = constraint.criterion
                active = [answered for answered in opening if constraint.active(answered.turn)]
                if each.check is None or not active:
                    continue
                yield _kept(metric, len(opening), [self._verdict(each, metric, answered) for answered in active])


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
