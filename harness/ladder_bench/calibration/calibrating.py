"""Calibrating: what judges said beside what people did, arm by arm, and what is left of a difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import agreement, estimates, judge_errors
from ladder_bench.analyse.agreement import Agreement, Labels
from ladder_bench.analyse.correction import (
    Needed,
    Powered,
    labels_needed,
    labels_to_decide,
    powered,
    rogan_gladen,
)
from ladder_bench.analyse.judge_errors import ErrorDifference, JudgeErrors
from ladder_bench.calibration import arms, labels, people
from ladder_bench.calibration.differences import Differences, Untold, Values, differences, rates, untold
from ladder_bench.calibration.items import Item, by_strategy, items, left_out, own_metrics
from ladder_bench.calibration.people import BetweenPeople, People
from ladder_bench.calibration.scopes import Scope, scopes
from ladder_bench.content import display
from ladder_bench.domain import Estimate
from ladder_bench.errors import InputError

UNFINISHED = 2  # conversations in which people may have looked at one arm alone: they stopped there
UNFINISHED_SHARE = 0.05
UNTOLD_APART = 0.02  # shares of criteria that the judge could not tell, candidate minus base
BIASED = "the judge errs differently in the two arms: no margin on its scale makes up for that"


@dataclass(frozen=True, slots=True)
class Arm:
    """The judge against people on one strategy's labelled items.

    `judged`: the share that the judge calls met, over all its items, a mean over turns and then over conversations;
    `corrected`: what people would call met, by Rogan and Gladen, if the judge errs everywhere as on the labelled part.
    All but `untold` are of what the judge could tell.
    """

    strategy: str
    agreement: Agreement
    errors: JudgeErrors
    judged: Estimate
    corrected: Estimate
    untold: Untold


@dataclass(frozen=True, slots=True)
class Apart:
    """Two arms, candidate minus base.

    `errors`: of the judge's sensitivity and specificity. `difference`: of the shares met. `bias`: the judge's minus
    people's difference where people labelled. `margin`: the margin on the judge's scale. `for_width`, `for_margin`:
    conversations to be labelled in all, for an interval of ± margin, and to tell equal arms from a loss of the margin.
    `selective`: why the labelled conversations are no random part here, so that nothing is corrected.
    """

    errors: ErrorDifference
    difference: Powered
    bias: Estimate
    margin: Estimate
    for_width: Needed
    for_margin: Needed
    selective: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One scope: each arm, the judge's errors over both, and what sets the arms apart where there are two."""

    scope: Scope
    arms: tuple[Arm, ...]
    both: JudgeErrors
    apart: Apart | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """What labels show of a run's judges, the headline scope first; nothing where nothing is labelled yet."""

    run: folder.Run
    arms: tuple[str, ...]
    margin: float
    people: People
    between: BetweenPeople | None
    elsewhere: int  # labelled items of neither arm
    left_out: Mapping[str, str]
    found: tuple[Found, ...]


def calibrate(run: folder.Run, files: Sequence[Path], names: Sequence[str], margin: float) -> Calibration:
    """Compare a run's judges with people. `names`: the arms, base first; () for those that were labelled.

    Raises InputError.
    """
    known = items(run)
    judged = by_strategy(known)
    arms.usual(run, judged)
    left = left_out(run.about)
    said = labels.read(files, known, display(run.path))
    if not said:
        raise InputError(f"{display(files[0])}: holds no labels; fill in a sheet of `judge sample {display(run.path)}`")
    told = people.together(said)
    ids = frozenset(told.values)
    listed = frozenset(each.id for each in said)  # a sheet that is not filled in to its end is of its arms all the same
    two = arms.chosen(run, judged, names) if names else arms.labelled(run, judged, listed)
    of_arms = [judged[name] for name in two]
    labelled = [each for arm in of_arms for each in arm if each.id in ids]
    between = people.between(said, {each.id: each.conversation for each in known})
    found = tuple(
        _found(scope, two, of_arms, told.values, margin) for scope in scopes(labelled, own_metrics(run.about))
    )
    elsewhere = len(ids - {each.id for name in two for each in judged[name]})
    return Calibration(run, two, margin, told, between, elsewhere, left, found)


def _found(scope: Scope, names: Sequence[str], of_arms: Sequence[Sequence[Item]], said: Values, margin: float) -> Found:
    mine = [scope.of(arm) for arm in of_arms]
    beside = [_labels(arm, said) for arm in mine]
    each = tuple(
        _arm(name, arm, own, untold(arm, said))
        for name, arm, own in zip(names, mine, beside, strict=True)
        if len(own.judged)
    )
    columns = ("conversations", "judged", "people")
    both = Labels(*(np.concatenate([getattr(own, column) for own in beside]) for column in columns))
    errors = judge_errors.judge_errors(both)
    apart = None
    if len(each) == 2:
        own = differences(mine[0], mine[1], said)
        apart = _apart(own, beside, errors, margin, _selective(scope, own, of_arms, said))
    return Found(scope, each, errors, apart)


def _labels(arm: Sequence[Item], said: Values) -> Labels:
    """What the judge and people said of the items that people looked at."""
    return agreement.labels((each.conversation, each.value, said[each.id]) for each in arm if each.id in said)


def _arm(name: str, arm: Sequence[Item], beside: Labels, unscored: Untold) -> Arm:
    conversations, judged = rates(arm)
    return Arm(
        name,
        agreement.agreement(beside),
        judge_errors.judge_errors(beside),
        estimates.share(estimates.mean(judged)),
        rogan_gladen(conversations, judged, beside),
        unscored,
    )


def _apart(
    found: Differences, beside: Sequence[Labels], both: JudgeErrors, margin: float, selective: str | None
) -> Apart:
    apart = judge_errors.error_difference(beside[1], beside[0])
    whole = powered(found.judged, found.people, found.identical)
    # by itself it knows what it told and no more, and has no need to look at labelled parts alone
    whole = replace(whole, naive=estimates.mean(found.whole))
    bias = estimates.mean(found.told - found.people)
    needed = labels_needed(whole, margin), labels_to_decide(whole, margin)
    scaled = estimates.missing(BIASED) if apart.differ else judge_errors.judged_margin(margin, both.youden)
    if selective:
        none = estimates.missing(selective)
        whole = replace(whole, estimate=none, people=none, weight=None, gain=None, effective=None, moments=None)
        bias, needed = none, (Needed(None, len(found.conversations), selective),) * 2
    return Apart(apart, whole, bias, scaled, *needed, selective)


def _selective(scope: Scope, own: Differences, of_arms: Sequence[Sequence[Item]], said: Values) -> str | None:
    """Why labelled conversations are no random part of those with such criteria, None where they are.

    Where one turn of each was drawn, those whose every turn has such a criterion are more likely to be labelled on it.
    Where people looked at one arm alone, what is labelled in both is what both arms said alike. Where they looked past
    what the judge could not tell, and it could tell less of one arm, the labels favour an arm as the judge does.
    """
    if why := _passed_over(own.untold):
        return why
    seen = own.touched | own.halved
    if len(own.halved) > max(UNFINISHED, UNFINISHED_SHARE * len(seen)):
        return (
            f"in {len(own.halved)} of {len(seen)} labelled conversations people looked at one arm alone, and what both "
            "share is no random part; label both arms, or name those that were labelled with --arms"
        )
    if scope.within is None:
        return None
    drawn = differences(scope.within.of(of_arms[0]), scope.within.of(of_arms[1]), said).touched
    missed = len(drawn.intersection(own.conversations) - own.touched)
    if not missed:
        return None
    return (
        f"the labelled turns leave such criteria out in {missed} of {len(drawn)} labelled conversations; "
        "a sheet of --turns all has them all"
    )


def _passed_over(found: tuple[Untold, Untold]) -> str | None:
    """Why labels without what the judge could not tell mislead, None where they hold it or it is as much in both."""
    base, candidate = found
    looked_at, missed = base.looked_at + candidate.looked_at, base.missed + candidate.missed
    few = looked_at and missed <= max(UNFINISHED, UNFINISHED_SHARE * (looked_at + missed))
    if few or abs(candidate.share - base.share) <= UNTOLD_APART:
        return None
    shares = f"{100 * base.share:.0f} % of the base's criteria and {100 * candidate.share:.0f} % of the candidate's"
    whose = f"{missed:,} of those in labelled turns are not labelled" if looked_at else "none of those is labelled"
    return f"the judge could not tell {shares}, and {whose}; a sheet of `judge sample` asks about them, too"
