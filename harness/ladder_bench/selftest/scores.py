"""Scores: of what judges said of the twins, the share of flaws seen and of false alarms, and what to make of them.

A case is one conversation for the statistics: its twins share their luck.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import get_args

from ladder_bench.analyse import agreement, judge_errors
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Estimate, Json
from ladder_bench.selftest.cases import Difficulty
from ladder_bench.selftest.looks import READ, Look, Said

ENOUGH, FEW = 0.8, 0.1  # of the flaws seen, and at most so many false alarms: then a judge sees most of them
LITTLE = 0.5  # where flaws seen and false alarms may differ by more, too little was asked to call a judge blind
MOST_UNSCORED = 0.5  # of the pairs


@dataclass(frozen=True, slots=True)
class Score:
    """`seen`: the share of flawed answers that are called flawed; `false_alarms`: the same of their clean twins.

    `told_apart`: seen minus false alarms, 0 for a judge that does not look, 1 for one that never errs.
    """

    cases: int
    seen: Estimate
    false_alarms: Estimate
    told_apart: Estimate
    unscored_answers: int

    def as_json(self) -> dict[str, Json]:
        return {
            "cases": self.cases,
            "seen": asdict(self.seen),
            "false_alarms": asdict(self.false_alarms),
            "told_apart": asdict(self.told_apart),
            "unscored_answers": self.unscored_answers,
        }


def score(found: Sequence[Look]) -> Score:
    """Flaws seen and false alarms, with intervals by case (`analyse.judge_errors`)."""
    clean = [(each.case.id, _value(each.clean)) for each in found]
    flawed = [(each.case.id, _value(each.flawed)) for each in found]
    both = [(*each, 1.0) for each in clean] + [(*each, 0.0) for each in flawed]
    unscored = sum(good is None for _, good in (*clean, *flawed))
    apart = judge_errors.judge_errors(agreement.labels(both)).youden
    return Score(len(found), _called_flawed(flawed), _called_flawed(clean), _of_cases(apart, unscored), unscored)


def _value(said: Said) -> float | None:
    return None if said.good is None else float(said.good)


def _called_flawed(rows: Sequence[tuple[str, float | None]]) -> Estimate:
    """The share of answers that are not called good."""
    labels = agreement.labels((case, None if good is None else 1.0 - good, 1.0) for case, good in rows)
    return _of_cases(judge_errors.judge_errors(labels).sensitivity, labels.unscored)


def _of_cases(found: Estimate, unscored: int) -> Estimate:
    """An estimate whose reasons speak of what is counted here."""
    if found.value is None:
        return replace(found, unscored=unscored, why="no answer could be scored")
    why = f"no interval: {found.n} case{'s' * (found.n != 1)}, {FEWEST} are needed" if found.low is None else None
    return replace(found, unscored=unscored, why=why)


# --- what is shown -------------------------------------------------------------------------


def summarised(found: Sequence[Look]) -> dict[str, Json]:
    """The score over all cases, by kind of flaw and by difficulty; what went unscored and why; and every case."""
    replies: Counter[str] = Counter()
    for each in found:
        replies.update(each.replies)
    return {
        **score(found).as_json(),
        "verdict": verdict(found),
        "by_flaw": {
            kind: score([each for each in found if each.case.flaw == kind]).as_json()
            for kind in dict.fromkeys(each.case.flaw for each in found)
        },
        "by_difficulty": {
            level: score([each for each in found if each.case.difficulty == level]).as_json()
            for level in get_args(Difficulty)
            if any(each.case.difficulty == level for each in found)
        },
        "unscored": reasons(found),
        "replies": {"read": replies.pop(READ, 0), "unreadable": dict(replies.most_common())},
        "looks": [_look(each) for each in found],
    }


def _look(each: Look) -> dict[str, Json]:
    return {
        "id": each.case.id,
        "flaw": each.case.flaw,
        "difficulty": each.case.difficulty,
        "what": each.case.what,
        "seen": None if each.flawed.good is None else not each.flawed.good,
        "said_of_flawed": each.flawed.reason,
        "false_alarm": None if each.clean.good is None else not each.clean.good,
        "said_of_clean": each.clean.reason,
    }


def reasons(found: Sequence[Look]) -> dict[str, int]:
    """Why answers are unscored, in a word or two, the commonest first."""
    whys = (said.reason for each in found for said in (each.clean, each.flawed) if said.good is None)
    return dict(Counter(why.split(":")[0] for why in whys).most_common())


# --- what to make of it --------------------------------------------------------------------


def verdict(found: Sequence[Look]) -> str:
    """What to make of it, in a sentence."""
    both = sum(each.clean.good is not None and each.flawed.good is not None for each in found)
    if both <= MOST_UNSCORED * len(found):
        whys = ", ".join(f"{why.replace('_', ' ')} {count}" for why, count in reasons(found).items())
        return f"this judge cannot be used: {len(found) - both} of {len(found)} pairs could not be scored ({whys})"
    whole = score(found)
    said = _of(whole)
    if whole.unscored_answers:
        said += f"; {whole.unscored_answers} of {2 * len(found)} answers could not be scored"
    return said


def _of(whole: Score) -> str:
    seen, alarms, apart = whole.seen.value, whole.false_alarms.value, whole.told_apart
    assert seen is not None
    assert alarms is not None
    shares = f"it calls {_share(seen)} of the flawed answers flawed, and {_share(alarms)} of their clean twins"
    if apart.low is None or apart.high is None:
        return f"too few cases to tell ({apart.why}): {shares}"
    if seen == alarms == 0:
        return "this judge sees nothing: it calls every answer good, the flawed ones too"
    if seen == alarms == 1:
        return "this judge sees nothing: it calls every answer flawed, the clean ones too"
    if apart.high < 0:
        return f"this judge has it the wrong way round: {shares}"
    if apart.low <= 0:
        by_chance = f"{shares}, a difference that chance alone can make"
        return f"{'this judge sees nothing' if apart.high < LITTLE else 'too few cases to tell'}: {by_chance}"
    if seen >= ENOUGH and alarms <= FEW:
        return f"this judge sees most of the planted flaws: {shares}"
    return f"this judge sees some of the planted flaws: {shares}; calibrate it before you rely on it"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"
