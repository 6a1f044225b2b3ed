"""Differences: of two arms in one conversation, as the judge sees it and as people do.

A conversation's difference is the mean over its turns (each sample's apart) of the mean over the turn's criteria that
were judged in both arms. Where people labelled a part, the judge's is taken over that same part: then what is left
between them is the judge's error alone. Where nobody labelled, the judge's is that of the whole conversation: the
labelled turns are drawn at random, so that both have the same mean, which is what the correction needs.
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


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Candidate minus base, one a conversation. `judged` is over what people labelled where they labelled something.

    `whole`: the judge's over everything. `people`: NaN where nobody labelled both arms. `touched`: the conversations in
    which people looked at both arms, whether or not they could tell; `halved`: at one arm alone for some criterion.
    """

    conversations: tuple[str, ...]
    whole: Array
    judged: Array
    people: Array
    touched: frozenset[str]
    halved: frozenset[str]

    @property
    def labelled(self) -> int:
        return int((~np.isnan(self.people)).sum())


def differences(base: Iterable[Item], candidate: Iterable[Item], people: Values) -> Differences:
    """Of all conversations that both arms share. What the judge could not tell is left out of all three."""
    arms = ([each for each in arm if each.value is not None] for arm in (base, candidate))
    pairs = drawing.by_conversation(*arms)
    said = {name: value for name, value in people.items() if value is not None}
    columns = np.array([_of(found, said) for found in pairs.values()], dtype=float).reshape(-1, 3).T  # None: NaN
    whole, part, truth = columns
    touched = frozenset(name for name, found in pairs.items() if _labelled(found, people))
    halved = frozenset(name for name, found in pairs.items() if _halved(found, people))
    return Differences(tuple(pairs), whole, np.where(np.isnan(truth), whole, part), truth, touched, halved)


def rates(arm: Iterable[Item]) -> tuple[Array, Array]:
    """The conversations of an arm, and the share that the judge calls met in each: the mean over its turns."""
    cells: dict[str, dict[Cell, list[float]]] = {}
    for each in arm:
        if each.value is not None:
            cells.setdefault(each.conversation, {}).setdefault(each.cell, []).append(each.value)
    means = [float(np.mean([np.mean(values) for values in of.values()])) for of in cells.values()]
    return np.array(list(cells), dtype=str), np.array(means, dtype=float)


def _of(pairs: Pairs, said: Mapping[str, float]) -> tuple[float | None, float | None, float | None]:
    """A conversation's judged difference, and both over what people labelled in both arms."""
    part = _labelled(pairs, said)
    return _mean(pairs, _judged), _mean(part, _judged), _mean(part, lambda each: said[each.id])


def _labelled(pairs: Pairs, known: Container[str]) -> Pairs:
    """The criteria that are known in both arms, with the items that are."""
    found = {
        pair: tuple([each for each in side if each.id in known] for side in sides) for pair, sides in pairs.items()
    }
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
    assert item.value is not None
    return item.value
