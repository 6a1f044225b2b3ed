"""People: several who label the same item become one word, and how far they agree shows what labels are worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from ladder_bench.analyse import agreement
from ladder_bench.calibration.labels import Label
from ladder_bench.domain import Estimate
from ladder_bench.judge.majority import majority


@dataclass(frozen=True, slots=True)
class People:
    """What people say of items. `values`: of every item that somebody labelled, None where they could not tell or tie.

    The counts are of items: `not_yet` nobody has labelled, `cannot_assess` nobody could tell, `tied` people disagree.
    """

    values: Mapping[str, float | None]
    labellers: tuple[str, ...]
    not_yet: int
    cannot_assess: int
    tied: int

    @property
    def known(self) -> int:
        return sum(value is not None for value in self.values.values())


def together(labels: Sequence[Label]) -> People:
    """The majority of those who could tell; a tie is no label."""
    by_item: dict[str, list[Label]] = {}
    for each in labels:
        by_item.setdefault(each.id, []).append(each)
    values = {name: majority([each.value for each in own]) for name, own in by_item.items() if any(o.word for o in own)}
    told = {name: any(each.value is not None for each in by_item[name]) for name in values}
    return People(
        values=values,
        labellers=tuple(sorted({each.labeller for each in labels if each.word})),
        not_yet=len(by_item) - len(values),
        cannot_assess=sum(not each for each in told.values()),
        tied=sum(told[name] and value is None for name, value in values.items()),
    )


@dataclass(frozen=True, slots=True)
class BetweenPeople:
    """How far people agree on what several of them labelled; `alpha` over all, the others pair by pair."""

    items: int
    alpha: Estimate
    pairs: tuple[tuple[tuple[str, str], agreement.Agreement], ...]


def between(labels: Sequence[Label], conversations: Mapping[str, str]) -> BetweenPeople | None:
    """None where nobody labelled what another did. `conversations`: of every item."""
    names = sorted({each.labeller for each in labels if each.word})
    said = {(each.id, each.labeller): each.value for each in labels if each.value is not None}
    ids = sorted({name for name, _ in said})
    values = np.array([[said.get((each, name)) for name in names] for each in ids], dtype=float)
    shared = (~np.isnan(values)).sum(axis=1) >= 2 if ids and len(names) > 1 else np.zeros(0, dtype=bool)
    if not shared.any():
        return None
    owners: Any = np.array([conversations[each] for each in ids])
    pairs = []
    for first, second in combinations(range(len(names)), 2):
        found = agreement.Labels(owners, values[:, first], values[:, second]).known
        if len(found.judged):
            pairs.append(((names[first], names[second]), agreement.agreement(found)))
    alpha = agreement.alpha(owners[shared], values[shared])
    return BetweenPeople(int(shared.sum()), alpha, tuple(pairs))
