"""Segments: the deltas within the conversations of each tag, with bands that hold over all tags at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.slices import tags
from ladder_bench.comparison import bands, deltas
from ladder_bench.comparison.arms import Held
from ladder_bench.comparison.contrasts import Pair, contrast
from ladder_bench.domain import Json

METRICS = ("quality", "resolved", "cost_usd_warm")


def by_tag(pairs: Sequence[Pair]) -> list[list[dict[str, Json]]]:
    """For each comparison a row a tag: {tag, n, metrics}, the tags of most conversations first.

    The bands of a metric hold over all tags of all comparisons at once. Tags of fewer than 20 conversations have no
    interval.
    """
    members = tagged(pairs[0].base.held)
    ordered = sorted(members, key=lambda tag: (-members[tag].sum(), tag))
    rows: list[list[dict[str, Json]]] = [
        [{"tag": tag, "n": int(members[tag].sum()), "metrics": {}} for tag in ordered] for _ in pairs
    ]
    for metric in METRICS:
        found = [[contrast(pair, metric, members[tag]) for tag in ordered] for pair in pairs]
        tested = [each.tested for line in found for each in line]
        halves = iter(bands.halves(tested, pairs[0].units))
        for pair, line, shown in zip(pairs, found, rows, strict=True):
            for each, row in zip(line, shown, strict=True):
                whole = deltas.row_of(pair, metric, each, next(halves), several=True)
                row["metrics"][metric] = {key: whole[key] for key in whole if key not in ("base", "candidate")}
    return rows


def tagged(held: Held) -> dict[str, Array]:
    """For each tag the conversations that have it (1 or 0, in the order of their ids)."""
    place = {name: at for at, name in enumerate(held.conversations)}
    found: dict[str, Array] = {}
    for name, own in tags(held.run.tables).items():
        for tag in own if name in place else ():
            found.setdefault(tag, np.zeros(len(place)))[place[name]] = 1.0
    return found
