"""Differences: of two arms in one conversation, as the judge sees it and as people do.

A conversation's difference is the mean over its turns (each sample's apart) of the mean over the turn's criteria that
a judge was asked about in both arms. Where people labelled a part, the judge's is taken over that same part: then what
is left between them is the judge's error alone. Where nobody labelled, the judge's is that of the whole conversation:
the labelled turns are drawn at random, so that both have the same mean, which is what the correction needs.

What the judge could not tell is not left out of that: it may be what one arm does badly. People label it as all else,
and for the correction the judge counts as saying `UNTOLD` there. Prediction-powered inference is valid for any
prediction that is made without the labels, this one too: a bad one is heeded less, and what it errs by is measured
where people labelled, and taken off. That takes labels which hold such criteria as often as the run does (`Untold`).
Where people looked at none of them, they are left out of everything, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.calibration import drawing
from ladder_bench.calibration.drawing import Pairs
from ladder_bench.calibration.items import Cell, Item

Values = Mapping[str, float | None]
UNTOLD = 0.5  # what the judge counts as saying where it could not tell


@dataclass(frozen=True, slots=True)
class Untold:
    """Criteria that a judge could not tell in an arm, of all that it was asked: how many of them people looked at.

    `missed`: how many nobody looked at though people looked at others of their turns; such labels are no random part.
    """

    items: int
    untold: int
    looked_at: int
    missed: int

    @property
    def share(self) -> float:
        return self.untold / self.items if self.items else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Candidate minus base, one a conversation.

    `whole`: the judge's over all that it could tell in both arms, NaN where that is nothing; `told`: the same over what
    people labelled. `judged`: over what people labelled where they labelled something, else over everything, with
    `UNTOLD` for what the judge could not tell. `people`: NaN where nobody labelled both arms. `touched`: the
    conversations in which people looked at both arms, whether or not they could tell; `halved`: at one arm alone for
    some criterion. `untold`: of base and candidate. `identical`: both arms gave the same answers everywhere.
    """

    conversations: tuple[str, ...]
    whole: Array
    told: Array
    judged: Array
    people: Array
    touched: frozenset[str]
    halved: frozenset[str]
    untold: tuple[Untold, Untold]
    identical: bool

    @property
    def labelled(self) -> int:
        return int((~np.isnan(self.people)).sum())


def differences(base: Iterable[Item], candidate: Iterable[Item], people: Values) -> Differences:
    """Of all conversations that both arms share."""
    arms = [list(arm) for arm in (base, candidate)]
    pairs = drawing.by_conversation(*arms)
    both = [sides for found in pairs.values() for sides in found.values()]
    of_base, of_candidate = (untold((each for sides in both for each in sides[arm]), people) for arm in (0, 1))
    if not of_base.looked_at + of_candidate.looked_at:
        pairs = drawing.by_conversation(*([each for each in arm if _is_told(each)] for arm in arms))
    said = {name: value for name, value in people.items() if value is not None}
    columns = np.array([_of(found, said) for found in pairs.values()], dtype=float).reshape(-1, 5).T  # None: NaN
    whole, told, everything, part, truth = columns
    return Differences(
        conversations=tuple(pairs),
        whole=whole,
        told=told,
        judged=np.where(np.isnan(truth), everything, part),
        people=truth,
        touched=frozenset(name for name, found in pairs.items() if _labelled(found, people)),
        halved=frozenset(name for name, found in pairs.items() if _halved(found, people)),
        untold=(of_base, of_candidate),
        identical=all({each.id for each in first} == {each.id for each in second} for first, second in both),
    )


def untold(arm: Iterable[Item], people: Values) -> Untold:
    """What the judge could not tell in an arm, and whether people looked at it."""
    items = list(arm)
    turns = {(each.conversation, each.cell) for each in items if each.id in people}
    mine = [each for each in items if each.value is None]
    missed = sum(each.id not in people and (each.conversation, each.cell) in turns for each in mine)
    return Untold(len(items), len(mine), sum(each.id in people for each in mine), missed)


def rates(arm: Iterable[Item]) -> tuple[Array, Array]:
    """The conversations of an arm, and the share that the judge calls met in each: the mean over its turns."""
    cells: dict[str, dict[Cell, list[float]]] = {}
    for each in arm:
        if each.value is not None:
            cells.setdefault(each.conversation, {}).setdefault(each.cell, []).append(each.value)
    means = [float(np.mean([np.mean(values) for values in of.values()])) for of in cells.values()]
    return np.array(list(cells), dtype=str), np.array(means, dtype=float)


def _of(pairs: Pairs, said: Mapping[str, float]) -> tuple[float | None, ...]:
    """A conversation's differences: the judge's by what it told, of all and of the labelled part; imputed; people's."""
    part = _labelled(pairs, said)
    told = (_mean(_those(each, _is_told), _judged) for each in (pairs, part))
    return *told, _mean(pairs, _judged), _mean(part, _judged), _mean(part, lambda each: said[each.id])


def _labelled(pairs: Pairs, known: Container[str]) -> Pairs:
    """The criteria that are known in both arms, with the items that are."""
    return _those(pairs, lambda each: each.id in known)


def _those(pairs: Pairs, wanted: Callable[[Item], bool]) -> Pairs:
    """The criteria that both arms have such items of, with those items."""
    found = {pair: tuple([each for each in side if wanted(each)] for side in sides) for pair, sides in pairs.items()}
    return {pair: (sides[0], sides[1]) for pair, sides in found.items() if all(sides)}


def _halved(pairs: Pairs, known: Container[str]) -> bool:
    """Whether something is labelled in one arm alone, and not because it was said in another sample, too."""
    both = {each.id for sides in _labelled(pairs, known).values() for side in sides for each in side}
    return any(
        any(each.id in known and each.id not in both for side in sides for each in side)
        and not all(any(each.id in known for each in side) for side in sides)
        for sides in pairs.values()
    )


def _mean(pairs: Pairs, value: Callable[[Item], float]) -> float | None:
    """Candidate minus base: the mean over turns of the mean over their criteria; None where there are none."""
    cells: dict[Cell, list[float]] = {}
    for pair, sides in pairs.items():
        base, candidate = (float(np.mean([value(each) for each in side])) for side in sides)
        cells.setdefault(pair[:2], []).append(candidate - base)
    return float(np.mean([np.mean(values) for values in cells.values()])) if cells else None


def _judged(item: Item) -> float:
    return UNTOLD if item.value is None else item.value


def _is_told(item: Item) -> bool:
    return item.value is not None
