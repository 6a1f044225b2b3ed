"""Believing: what labels allow to say of two arms, in a sentence, and whether they decide anything."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ladder_bench.analyse.correction import Needed
from ladder_bench.analyse.estimates import FEWEST, NOISE
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.calibration.calibrating import Apart, Calibration, Found
from ladder_bench.domain import Estimate
from ladder_bench.report import text

UNLABELLED, ONE_ARM, TOO_FEW, UNDECIDED = "unlabelled", "one_arm", "too_few", "undecided"
KEEPS, BETTER, WORSE = "keeps", "better", "worse"
DECIDED = frozenset((KEEPS, BETTER, WORSE))


@dataclass(frozen=True, slots=True)
class Belief:
    """An outcome and its sentence."""

    outcome: str
    text: str

    @property
    def decided(self) -> bool:
        return self.outcome in DECIDED


def belief(found: Calibration) -> Belief:
    """What may be believed of the headline scope."""
    if not found.found:
        return Belief(UNLABELLED, "nothing is labelled yet, so nothing can be said of the judge")
    head = found.found[0]
    if head.apart is None:
        names = ", ".join(found.arms)
        return Belief(ONE_ARM, f"labels are of {head.arms[0].strategy} alone; a difference needs both arms: {names}")
    outcome, said = _difference(found, head.apart)
    where = "in this simulation, " if is_simulated(found.run.about) else ""
    return Belief(outcome, f"{where}{_judge(found, head)}; {said}")


def _judge(found: Calibration, head: Found) -> str:
    """Whether the judge's own difference may be used."""
    base, candidate = found.arms
    apart, youden = head.apart, head.both.youden
    assert apart is not None
    naive, bias = f"its own difference ({signed(apart.difference.naive.value)})", apart.bias
    if _excludes_0(bias):
        if apart.errors.differ:
            favoured, by = (base, _turned(bias)) if (bias.value or 0.0) < 0 else (candidate, bias)
            return f"the judge favours {favoured} by {limits(by)}: {naive} is not to be used"
        # so is a judge that errs alike in both arms: it sees J times the difference
        return f"the judge is off the difference that people see by {limits(bias)}: {naive} is not to be used"
    if apart.errors.differ:
        return f"the judge errs differently in the two arms: {naive} is not to be used"
    if apart.errors.differ is None:
        return f"whether the judge errs alike in both arms cannot be told, so {naive} proves nothing"
    if youden.low is not None and youden.low <= 0:
        return f"the judge may do no better than chance: {naive} is not to be used"
    return f"the judge is not shown to err differently in the two arms; {naive} is about J times the true one"


def _excludes_0(found: Estimate) -> bool:
    return found.low is not None and found.high is not None and not found.low <= 0 <= found.high


def _turned(found: Estimate) -> Estimate:
    value, low, high = (None if each is None else -each for each in (found.value, found.high, found.low))
    return replace(found, value=value, low=low, high=high)


def _difference(found: Calibration, apart: Apart) -> tuple[str, str]:
    base, candidate = found.arms
    estimate, margin = apart.difference.estimate, f"{found.margin:g}"
    if apart.selective:
        return ONE_ARM, f"no difference can be corrected: {apart.selective}"
    if estimate.low is None or estimate.high is None:
        return TOO_FEW, f"too few labels to tell ({estimate.why}): {more(apart)}"
    size = f"{estimate.n:,} labelled conversations"
    corrected = f"corrected by {size}, {candidate} minus {base} is {limits(estimate)}"
    if estimate.low > 0:
        return BETTER, f"{corrected}: {candidate} meets more"
    if estimate.low > -found.margin:
        fewer = "meets fewer, but" if estimate.high < 0 else "meets no fewer, or fewer"
        return KEEPS, f"{corrected}: {candidate} {fewer} by less than {margin}"
    if estimate.high < 0:
        return WORSE, f"{corrected}: {candidate} meets fewer"
    return UNDECIDED, f"{corrected}, which does not tell whether {candidate} meets fewer by {margin}: {more(apart)}"


def more(apart: Apart) -> str:
    """How many conversations are still to be labelled: for an interval at all, and to decide."""
    done, needed = apart.difference.labelled, apart.for_margin
    if needed.conversations < FEWEST:
        return f"{FEWEST} conversations are needed, and the arms share {needed.conversations:,}"
    if done < FEWEST:
        whole = f"label at least {FEWEST - done:,} more conversations, {FEWEST} in all"
        if apart.difference.moments is None:
            return whole
        return f"{whole}; as it looks now {_enough(needed)}"
    if done >= needed.conversations:
        return "all conversations are labelled, and only more conversations would tell"
    moments = apart.difference.moments
    if moments is not None and moments.people <= NOISE**2:
        return "label more conversations: how many cannot be told from these"
    if needed.labels is not None and needed.labels <= done:
        return "label more conversations: with as many as these it is a matter of luck"
    return f"label more conversations: {_enough(needed)}" if needed.labels else _enough(needed)


def _enough(needed: Needed) -> str:
    if needed.labels is None:
        return f"not even labels of all {needed.conversations:,} conversations would tell: {needed.why}"
    return f"{needed.labels:,} in all would tell"


def signed(value: float | None) -> str:
    if value is None:
        return "none"
    shown = text.number(value, 3)
    return f"+{shown}" if value > 0 and float(shown) else shown


def limits(found: Estimate) -> str:
    return f"{signed(found.value)} (95 % interval {signed(found.low)} to {signed(found.high)})"
