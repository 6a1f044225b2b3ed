"""Detection: precision, recall and F1 of something that fires, with intervals over conversations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypedDict

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Estimate

Counts = Sequence[tuple[float, float, float]]  # a conversation's true positives, false positives, false negatives


class Detection(TypedDict):
    """How well labels and firings agree. `n_labelled` and `n_fired` count turns."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    n_labelled: float
    n_fired: float


def detection(counts: Counts, unseen: str | None = None) -> Detection:
    """Precision, recall and F1 over all turns, from each conversation's (tp, fp, fn).

    The n of each is the conversations that say something about it: it fired there (precision), a label stands there
    (recall), either (F1). Intervals are those of ratios of means, by the delta method, within [0, 1]. `unseen`: why
    there are no counts where nobody looked, which is not that nothing fired.
    """
    tp, fp, fn = np.array(counts, dtype=float).reshape(-1, 3).T
    return Detection(
        precision=_share(tp, tp + fp, unseen or "it never fired"),
        recall=_share(tp, tp + fn, unseen or "no turn is labelled"),
        f1=_share(tp, tp + (fp + fn) / 2, unseen or "it never fired and no turn is labelled"),
        n_labelled=float((tp + fn).sum()),
        n_fired=float((tp + fp).sum()),
    )


def pooled(groups: Sequence[Mapping[str, tuple[float, float, float]]]) -> list[tuple[float, float, float]]:
    """Counts of the same conversations seen several times (strategies, samples): their mean, one a conversation."""
    names = sorted({name for group in groups for name in group})
    found = []
    for name in names:
        seen = [group[name] for group in groups if name in group]
        tp, fp, fn = (float(each) for each in np.mean(seen, axis=0))
        found.append((tp, fp, fn))
    return found


def _share(parts: Array, wholes: Array, nothing: str) -> Estimate:
    says = wholes > 0
    parts, wholes = parts[says], wholes[says]
    if not parts.size:
        return estimates.missing(nothing)
    return estimates.share(estimates.ratio(parts, wholes))
