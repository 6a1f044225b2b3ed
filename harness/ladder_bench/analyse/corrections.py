"""Corrections: which of an assistant's retractions the user had prompted, and which it made of its own accord."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates
from ladder_bench.domain import Estimate

METRIC = "self_correction"
BEGINS = re.compile(r"(?:\d+ of \d+: )?(?P<how>prompted|self-initiated)\b", re.IGNORECASE)  # a verdict's reason
NONE = "no answer takes anything back"
UNTOLD = "nobody said of any correction whether the user prompted it"


def prompted_shares(tables: Mapping[str, Any]) -> Mapping[str, Estimate]:
    """By strategy the share of self-corrections that the user prompted, over corrections, with its interval.

    `unscored` counts those of which the reason does not say it. A strategy without corrections has none.
    """
    looked = folder.having(tables["verdicts"], "metric", [METRIC])
    sums: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    untold: dict[str, int] = defaultdict(int)
    for row in folder.rows_of(looked.select(["conversation", "strategy", "value", "reason"])):
        if row["value"] != 1.0:
            continue
        begins = BEGINS.match(row["reason"])
        if begins is None:
            untold[row["strategy"]] += 1
            continue
        counts = sums[row["strategy"]][row["conversation"]]
        counts[0] += begins["how"].lower() == "prompted"
        counts[1] += 1
    found: dict[str, Estimate] = defaultdict(lambda: estimates.missing(NONE))
    found |= {name: estimates.missing(UNTOLD, count) for name, count in untold.items()}
    for name, by_conversation in sums.items():
        values = np.array(list(by_conversation.values()), dtype=float)
        found[name] = estimates.share(estimates.ratio(values[:, 0], values[:, 1], untold[name]))
    return found
