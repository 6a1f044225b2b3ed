"""Gaps: what a log does not say of the cost of conversations, so that those are left out by name and never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench import cost
from ladder_bench.domain import Estimate

MOST = 0.02  # of the conversations; beyond it what is left may be another kind, and its mean stands for nothing
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Cell = tuple[int, int]
DOLLARS = ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed", "cost_usd_per_resolved", "qpd")
TOKENS = ("tokens_per_resolved",)


@dataclass(frozen=True, slots=True)
class Gap:
    """Why a metric has no value in some of a strategy's conversations (each counted once a sample), and in how many."""

    why: str
    missing: int
    of: int

    @property
    def too_wide(self) -> bool:
        return self.missing > MOST * self.of


class Ledger:
    """The conversations and samples of a strategy whose tokens nobody counted, or whose calls have no price."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.uncounted: Flags = np.zeros(shape, dtype=bool)
        self.unpriced: Flags = np.zeros(shape, dtype=bool)
        self._tiers: dict[str, None] = {}  # without a price, in the order in which they were met
        self._calls = self._without = 0

    def add(self, cell: Cell, row: Mapping[str, Any]) -> bool:
        """Take note of a call; whether its tokens and dollars are there to be added, or known with another call."""
        self._calls += 1
        if row["input"] is None:
            known = cost.ELSEWHERE in (row["flags"] or ())
            self._without += not known
            self.uncounted[cell] |= not known
            self.unpriced[cell] |= not known
            return False
        if row["usd_warm"] is None:
            self._tiers[row["tier"]] = None
            self.unpriced[cell] = True
        return True

    def silent(self, cells: Flags) -> None:
        """Note conversations without a call: what was asked of the model there is not in the log."""
        self.uncounted |= cells
        self.unpriced |= cells

    def gaps(self, of: int) -> dict[str, Gap]:
        """By metric, out of so many conversations."""
        uncounted, unpriced = int(self.uncounted.sum()), int(self.unpriced.sum())
        tokens, dollars = [], []
        if self._tiers:
            names = ", ".join(f"'{name}'" for name in self._tiers)
            dollars.append(f"no price for arm {names}: name a tiers file with --tiers, or reprice the run")
        if uncounted:
            calls = f" ({self._without:,} of {self._calls:,} calls)" if self._without else ""
            tokens.append(
                f"the log has no usage in {uncounted:,} of {of:,} conversations{calls}, and nothing is guessed"
            )
        found = {name: Gap("; ".join(tokens), uncounted, of) for name in TOKENS if uncounted}
        return found | {name: Gap("; ".join(dollars + tokens), unpriced, of) for name in DOLLARS if unpriced}


def withheld(estimate: Estimate, gap: Gap | None) -> Estimate:
    """An estimate with what it leaves out, or no estimate where that is too much of the whole to be left out."""
    if gap is None:
        return estimate
    unscored = max(estimate.unscored, gap.missing)
    if estimate.value is None or gap.too_wide:
        return Estimate(None, None, None, 0, unscored, gap.why)
    return replace(estimate, unscored=unscored, why=estimate.why or gap.why)
