"""Scopes: which criteria are taken together. All that count for Q first, then each metric, then each own criterion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ladder_bench.analyse.turns import QUALITY
from ladder_bench.calibration import drawing
from ladder_bench.calibration.items import Item
from ladder_bench.domain import Json

ALL = "criteria of Q"


@dataclass(frozen=True, slots=True)
class Scope:
    """Criteria under a name. `within`: the scope that its labels were drawn for, None for itself."""

    name: str
    metrics: frozenset[str]
    target: str | None = None
    within: Scope | None = None

    def of(self, found: Sequence[Item]) -> list[Item]:
        return [each for each in found if each.metric in self.metrics and self.target in (None, each.target)]


def scopes(labelled: Sequence[Item], own: frozenset[str]) -> list[Scope]:
    """The headline first. `own`: metrics whose targets mean the same in every conversation."""
    counts = Counter(each.metric for each in labelled)
    if not counts:
        return []
    main = drawing.counting(counts)
    if not main & QUALITY:  # nothing makes one figure of unlike metrics: the one with most labels leads
        main = frozenset((max(sorted(counts), key=lambda name: counts[name]),))
    head = Scope(ALL if len(main) > 1 else next(iter(main)), main)
    found = [head]
    for metric in sorted(counts):
        of_metric = head
        if head.metrics != {metric}:
            of_metric = Scope(metric, frozenset((metric,)), within=head if metric in main else None)
            found.append(of_metric)
        targets = list(dict.fromkeys(each.target for each in labelled if each.metric == metric))
        if metric in own and len(targets) > 1:
            found += [Scope(f"{metric}: {name}", of_metric.metrics, name, of_metric) for name in targets]
    return found


def as_json(scope: Scope) -> Json:
    return {"name": scope.name, "metrics": sorted(scope.metrics), "target": scope.target}
