"""The self-test of a judge: which planted flaws it sees, and how often it cries wolf over their clean twins.

The judge alone is asked, also where a rubric would look with checks first. Each case is one conversation for the
statistics: its twins share their luck.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from ladder_bench.analyse import agreement, estimates, judge_errors
from ladder_bench.calls.calling import Fetch
from ladder_bench.config import Repeats
from ladder_bench.domain import Estimate, Graded, Json, Tier, Verdict
from ladder_bench.judge.panel import Panel
from ladder_bench.judge.rubric import Rubric, load_rubric
from ladder_bench.judge.sheets import metrics
from ladder_bench.selftest.cases import CLEAN, FLAWED, Case, ladder

SELF_CORRECTION = "self_correction"  # there "met" means that the flaw was seen
ENOUGH = 0.8  # of the flaws seen, and at most FEW false alarms: fit to be believed with care
FEW = 0.1


@dataclass(frozen=True, slots=True)
class Looked:
    """What a judge said of both twins of a case: 1 where it calls the answer good, 0 where it sees a flaw."""

    case: Case
    clean: float | None
    flawed: float | None
    why: str = ""

    @property
    def unscored(self) -> int:
        return (self.clean is None) + (self.flawed is None)


def rubrics(cases: Sequence[Case]) -> dict[str, Rubric]:
    """The rubrics that cases need, by name, with the judge alone to answer. Raises InputError."""
    return {name: replace(load_rubric(name), grader="llm") for name in sorted({case.rubric for case in cases})}


async def looks(
    cases: Sequence[Case], rubrics: Mapping[str, Rubric], judges: Sequence[Tier], fetch: Fetch
) -> list[Looked]:
    """Show both twins of every case to the judges. Raises StoppedError, FatalModelError."""
    work = (_look(case, rubrics[case.rubric], tuple(judges), fetch) for case in cases)
    return list(await asyncio.gather(*work))


async def _look(case: Case, rubric: Rubric, judges: tuple[Tier, ...], fetch: Fetch) -> Looked:
    last = replace(rubric, from_turn=len(case.conversation.turns))
    panel = Panel((last,), judges, "rollout", Repeats())
    lives = [(case.transcript(twin), ladder(twin)) for twin in (CLEAN, FLAWED)]
    clean, flawed = await panel.graded(case.conversation, lives, fetch)
    (good, why), (bad, why_flawed) = _said(case, last, clean), _said(case, last, flawed)
    return Looked(case, good, bad, why or why_flawed)


def _said(case: Case, rubric: Rubric, graded: Graded) -> tuple[float | None, str]:
    """Whether the judge calls the answer good in what the case is about; None with the reason."""
    turn, own = len(case.conversation.turns), metrics(rubric)
    found = [
        each
        for each in graded.verdicts
        if each.rubric == rubric.id and each.metric in own and each.turn in (turn, None) and _is_about(case, each)
    ]
    if not found:
        return None, f"no criterion '{case.target}' was asked about"
    values = [each.value for each in found]
    if rubric.metric == SELF_CORRECTION:
        values = [None if value is None else 1.0 - value for value in values]
    if 0.0 in values or any(value is not None and value < 1.0 for value in values):
        return 0.0, ""
    if None in values and not _nothing_to_judge(found):
        return None, next(each.reason for each in found if each.value is None)
    return 1.0, ""


def _is_about(case: Case, verdict: Verdict) -> bool:
    return verdict.metric == SELF_CORRECTION or verdict.target == case.target


def _nothing_to_judge(found: Sequence[Verdict]) -> bool:
    return all(each.value is None and each.weight == 0.0 for each in found)


# --- what it shows -------------------------------------------------------------------------


def summarised(found: Sequence[Looked]) -> Json:
    """Flaws seen and false alarms, over all and by kind of flaw, with intervals and n, and what to make of them."""
    kinds = sorted({each.case.flaw for each in found})
    whole = _row(found)
    return {
        "cases": len(found),
        **whole,
        "verdict": verdict(found),
        "by_flaw": {kind: _row([each for each in found if each.case.flaw == kind]) for kind in kinds},
        "by_difficulty": {
            level: _row([each for each in found if each.case.difficulty == level])
            for level in ("easy", "medium", "hard")
            if any(each.case.difficulty == level for each in found)
        },
        "unscored": dict(Counter(each.why.split(":")[0] for each in found if each.unscored)),
        "looks": [
            {
                "id": each.case.id,
                "flaw": each.case.flaw,
                "difficulty": each.case.difficulty,
                "what": each.case.what,
                "seen": None if each.flawed is None else each.flawed == 0.0,
                "false_alarm": None if each.clean is None else each.clean == 0.0,
                "why": each.why,
            }
            for each in found
        ],
    }


def _row(found: Sequence[Looked]) -> dict[str, Json]:
    rows = [(each.case.id, each.clean, 1.0) for each in found] + [(each.case.id, each.flawed, 0.0) for each in found]
    errors = judge_errors.judge_errors(agreement.labels(rows))
    alarms = errors.sensitivity
    return {
        "n": len(found),
        "seen": asdict(errors.specificity),
        "false_alarms": asdict(_complement(alarms)),
        "told_apart": asdict(told_apart(found)),
        "unscored_answers": sum(each.unscored for each in found),
    }


def _complement(share: Estimate) -> Estimate:
    low, high = share.low, share.high
    return replace(
        share,
        value=None if share.value is None else 1 - share.value,
        low=None if high is None else 1 - high,
        high=None if low is None else 1 - low,
    )


def told_apart(found: Sequence[Looked]) -> Estimate:
    """The share of flaws seen minus that of false alarms, paired by case: 0 for a judge that sees nothing."""
    import numpy as np

    differences = [np.nan if each.clean is None or each.flawed is None else each.clean - each.flawed for each in found]
    return estimates.mean(np.array(differences, dtype=float), sum(each.unscored > 0 for each in found))


def verdict(found: Sequence[Looked]) -> str:
    """What to make of it, in a sentence."""
    apart = told_apart(found)
    scored = [each for each in found if not each.unscored]
    if not scored:
        return "this judge sees nothing: none of its replies could be used"
    flaws = sum(each.flawed == 0.0 for each in scored) / len(scored)
    alarms = sum(each.clean == 0.0 for each in scored) / len(scored)
    calls = f"it calls {flaws:.0%} of the flawed answers flawed, and {alarms:.0%} of their clean twins"
    if len(scored) * 2 < len(found):
        return (
            f"this judge cannot be used: {len(found) - len(scored)} of {len(found)} pairs could not be scored; {calls}"
        )
    if apart.low is None or apart.value is None:
        return f"too few cases to tell ({apart.why}); {calls}"
    if apart.low <= 0:
        return f"this judge sees nothing: {calls}, a difference that chance alone can make"
    if flaws >= ENOUGH and alarms <= FEW:
        return f"this judge sees most of the planted flaws: {calls}"
    return f"this judge sees some of the planted flaws: {calls}; calibrate it before you rely on it"
