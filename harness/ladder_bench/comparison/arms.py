"""Arms: runs as they are compared, each under its letter, and one strategy of a run with its values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import effects, estimates, gaps, measured, strategies
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.headline import estimated
from ladder_bench.analyse.judgements import judged
from ladder_bench.analyse.measured import Measured
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.preference import stands_in
from ladder_bench.analyse.reasons import reasons, withheld
from ladder_bench.domain import Estimate, Json

UNPAIRED = "unpaired"
EFFECTIVE = "effective_usd"  # C + F (1 - R), in dollars a conversation
NO_PRICE = "the top tier has no cost, and nobody declared what an unresolved conversation costs"


@dataclass(frozen=True)
class Held:
    """A run that is held against others. `label`: its letter, A for the first."""

    label: str
    run: folder.Run

    @cached_property
    def measured(self) -> Measured:
        """Its values: every strategy's, one a conversation in the order of their ids."""
        about, tables = self.run.about, self.run.tables
        over = stands_in(about, tables)
        return Measured(about, tables, measured.scores(about, tables, over), judged(tables), over)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each["name"] for each in self.run.about["strategies"])

    @cached_property
    def conversations(self) -> tuple[str, ...]:
        return tuple(sorted(self.run.about["dataset"]["conversations"]))

    @property
    def unpaired(self) -> bool:
        """Whether its strategies answered different conversations."""
        return bool(self.run.about.get("design") == UNPAIRED)

    @property
    def base(self) -> str:
        """The strategy that others are held against, the first one where nothing in the run says which."""
        return self.measured.base or self.names[0]

    @cached_property
    def clusters(self) -> Mapping[str, str]:
        """Which conversations belong together, such as those of one user; empty where none do."""
        found = self.run.about.get("cluster") or {}
        return found if isinstance(found, Mapping) else {}

    def arm(self, name: str, unresolved_usd: float | None) -> Arm:
        """One of its strategies. `unresolved_usd`: what an unresolved conversation costs, the same for all arms."""
        about, found = self.run.about, self.measured
        strategy = next(each for each in about["strategies"] if each["name"] == name)
        why = reasons(about, found.found, found.qpd_rate == "quality")
        own = estimated(
            found.by_name[name],
            unresolved_usd,
            why,
            withheld(about["mode"]),
            strategies.certain(strategy),
            found.qpd_rate,
        )
        own[EFFECTIVE] = _effective(found.by_name[name], found.qpd_rate, unresolved_usd)
        return Arm(self, strategy, found.by_name[name], own)


@dataclass(frozen=True)
class Arm:
    """One strategy of a run: how it is described there, its values, and each metric's estimate of it alone."""

    held: Held
    strategy: Mapping[str, Json]
    score: Scores
    estimates: Mapping[str, Estimate]

    @property
    def name(self) -> str:
        return str(self.strategy["name"])

    @property
    def rate(self) -> str:
        """The metric that QPD takes for resolved."""
        return self.held.measured.qpd_rate

    @cached_property
    def lived(self) -> Array:
        """For every conversation of its run whether this strategy is in it (1 or 0)."""
        found = np.zeros(len(self.held.conversations))
        if self.score.lived is not None:
            found[self.score.lived.conversation] = 1.0
        return found

    @property
    def has(self) -> frozenset[str]:
        """The conversations that it is in."""
        there = zip(self.held.conversations, self.lived, strict=True)
        return frozenset(name for name, lived in there if lived)

    def as_json(self) -> Json:
        return {"run": self.held.label, "strategy": self.name}


def _effective(score: Scores, rate: str, unresolved_usd: float | None) -> Estimate:
    """Dollars a conversation with those that an unresolved one costs, C + F (1 - R)."""
    resolved, cost = score.values[rate], score.values["cost_usd_warm"]
    known = ~np.isnan(resolved) & ~np.isnan(cost)
    gap = score.gaps.get("qpd")
    if unresolved_usd is None:
        return estimates.missing(NO_PRICE)
    if not known.any():
        return estimates.missing(gap.why if gap else "no conversation has a cost and an outcome")
    found = effects.of(effects.dollars(resolved[known], cost[known], unresolved_usd), int((~known).sum()))
    return gaps.withheld(estimates.amount(found.estimate()), gap)
