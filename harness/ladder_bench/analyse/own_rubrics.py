"""Own rubrics: what judges said under a metric that the harness does not know, as shares with their intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates, turns
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import KNOWN
from ladder_bench.domain import Json

READ = ["conversation", "strategy", "sample", "turn", "metric", "target", "value", "weight"]
Cell = tuple[int, int, int]  # conversation's index, sample, turn; 0 for the whole conversation


@dataclass(slots=True)
class _Gathered:
    """What was said under one metric of one strategy."""

    met: dict[Cell, float] = field(default_factory=lambda: defaultdict(float))
    weight: dict[Cell, float] = field(default_factory=lambda: defaultdict(float))
    by_target: dict[str, dict[Cell, list[float]]] = field(default_factory=lambda: defaultdict(dict))
    unscored: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, cell: Cell, row: Mapping[str, Any]) -> None:
        values = self.by_target[row["target"]]
        if row["value"] is None:
            self.unscored[row["target"]] += 1
            return
        self.met[cell] += row["value"] * row["weight"]
        self.weight[cell] += row["weight"]
        values.setdefault(cell, []).append(row["value"])


def own_rubrics(
    tables: Mapping[str, Any], names: Sequence[str], conversations: Sequence[str], base: str | None
) -> dict[str, dict[str, Json]]:
    """By metric and strategy: the share met (a turn's weight met / judged, mean over turns), and each criterion's.

    `against_base` is the paired difference of that share. `unscored` counts verdicts without a value.
    """
    place = {name: index for index, name in enumerate(sorted(conversations))}
    gathered = _gathered(tables, place)
    found: dict[str, dict[str, Json]] = {}
    for metric in dict.fromkeys(metric for metric, _ in gathered):
        those = {name: gathered[metric, name] for name in names if (metric, name) in gathered}
        shares = {name: _share(each, len(place)) for name, each in those.items()}
        found[metric] = {
            name: {
                "share": asdict(estimates.share(estimates.mean(shares[name], sum(each.unscored.values())))),
                "unscored": sum(each.unscored.values()),
                "criteria": {target: asdict(_of_target(each, target, len(place))) for target in sorted(each.by_target)},
                "against_base": asdict(estimates.paired(shares[name], shares[base]))
                if base is not None and base in shares and base != name
                else None,
            }
            for name, each in those.items()
        }
    return found


def _gathered(tables: Mapping[str, Any], place: Mapping[str, int]) -> dict[tuple[str, str], _Gathered]:
    own = folder.having(tables["verdicts"], "metric", sorted(KNOWN), without=True)
    found: dict[tuple[str, str], _Gathered] = defaultdict(_Gathered)
    for row in folder.rows_of(own.select(READ)):
        cell = place[row["conversation"]], row["sample"], row["turn"] or 0
        found[row["metric"], row["strategy"]].add(cell, row)
    return found


def _share(found: _Gathered, size: int) -> Array:
    return _means({cell: found.met[cell] / weight for cell, weight in found.weight.items() if weight > 0}, size)


def _of_target(found: _Gathered, target: str, size: int) -> Any:
    values = {cell: sum(each) / len(each) for cell, each in found.by_target[target].items()}
    return estimates.share(estimates.mean(_means(values, size), found.unscored[target]))


def _means(values: Mapping[Cell, float], size: int) -> Array:
    """One value a conversation: the mean over turns, then over samples."""
    cells = np.array(list(values), dtype=np.int64).reshape(-1, 3)
    return turns.conversation_means(cells[:, 0], cells[:, 1], np.array(list(values.values()), dtype=float), size)
