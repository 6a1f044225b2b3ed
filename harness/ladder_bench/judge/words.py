"""Words: a reading of a judge becomes judgements, and those of all judges one verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from ladder_bench.domain import Judgement, Verdict
from ladder_bench.judge.judges import Reading
from ladder_bench.judge.majority import majority
from ladder_bench.judge.reading import Unreadable
from ladder_bench.judge.sheets import Item, Sheet

VALUES = {"met": 1.0, "not_met": 0.0, "supported": 1.0, "contradicted": 0.0, "unsupported": 0.0}
MOST_CHARACTERS = 600  # of a reason or a quote that is kept


def judgements(rubric: str, sheet: Sheet, reading: Reading) -> Iterator[Judgement]:
    """One for each item of a sheet; without a value where the reply could not be read."""
    said = reading.said
    for item, label in zip(sheet.items, sheet.question.labels, strict=True):
        if isinstance(said, Unreadable):
            outcome, reason, evidence = said.outcome, said.what, ""
        else:
            outcome, reason, evidence = (said[label][name] for name in ("verdict", "reason", "evidence"))
        yield Judgement(
            rubric,
            item.metric,
            item.target,
            item.turn,
            reading.judge,
            reading.repeat,
            outcome,
            VALUES.get(outcome),
            reason[:MOST_CHARACTERS],
            evidence[:MOST_CHARACTERS],
            reading.key,
            reading.repaired,
        )


def verdict(item: Item, said: Sequence[Judgement]) -> Verdict:
    """The verdict of all judges on one item; what repeats say does not count."""
    counted = [each for each in said if each.repeat == 0]
    value = majority([each.value for each in counted])
    voices = [each for each in counted if each.value == value and value is not None]
    grader = counted[0].judge if len(counted) == 1 else f"{len(counted)} judges"
    reason, evidence = (voices[0].reason, voices[0].evidence) if voices else (_unscored(counted), "")
    if len(counted) > 1 and voices:
        reason = f"{len(voices)} of {len(counted)}: {reason}"
    rubric = counted[0].rubric
    return Verdict(
        item.target, item.metric, item.turn, value, reason, grader, item.weight, item.critical, evidence, rubric
    )


def _unscored(said: Sequence[Judgement]) -> str:
    """Why nobody can tell, the commonest reason first."""
    if any(each.value is not None for each in said):
        told = Counter(each.outcome for each in said)
        return "the judges disagree: " + ", ".join(f"{count} {outcome}" for outcome, count in sorted(told.items()))
    outcome = Counter(each.outcome for each in said).most_common(1)[0][0]
    reason = next(each.reason for each in said if each.outcome == outcome)
    return f"{outcome}: {reason}" if reason else outcome
