"""Damage: tables that no run writes, told before numbers are made of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ladder_bench.analyse import tables
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.purposes import EVALUATION

Cell = tuple[str, int]


def check(own: Mapping[str, Any], bodies: Mapping[str, str], strategy: str) -> None:
    """Raises ValueError for grades outside [0, 1], and for answers that no call gave. `bodies`: texts by id."""
    import pyarrow.compute as pc

    bounds = pc.min_max(own["verdicts"]["value"]).as_py()
    if bounds["min"] is not None and not 0 <= bounds["min"] <= bounds["max"] <= 1:
        worst = bounds["min"] if bounds["min"] < 0 else bounds["max"]
        raise ValueError(f"'{strategy}' has a grade of {worst:g}; grades are from 0 to 1")
    called = {
        (row["conversation"], row["sample"], row["turn"])
        for row in tables.rows(own, "calls", strategy, ("conversation", "sample", "turn", "purpose"))
        if row["purpose"] not in EVALUATION
    }
    for row in _answered(own, strategy):
        if bodies.get(row["answer"]) and (row["conversation"], row["sample"], row["turn"]) not in called:
            raise ValueError(
                f"'{strategy}' has an answer in turn {row['turn']} of {row['conversation']} without a call"
            )


def characters(
    own: Mapping[str, Any], bodies: Mapping[str, str], strategy: str, places: Mapping[str, int], shape: tuple[int, ...]
) -> Array:
    """Characters of the answers by conversation and sample."""
    found = np.zeros(shape)
    for row in _answered(own, strategy):
        found[places[row["conversation"]], row["sample"]] += len(bodies.get(row["answer"], ""))
    return found


def _answered(own: Mapping[str, Any], strategy: str) -> Iterator[Mapping[str, Any]]:
    columns = ("conversation", "sample", "turn", "answer", "failure")
    return (row for row in tables.rows(own, "turns", strategy, columns) if row["failure"] is None)
