"""Sensitivity: quality per dollar against the base, in dollars too, and whether what is concluded hangs on F.

F is what one unresolved conversation costs. log QPD and effective dollars C + F (1 - R) are read over the conversations
that have a cost and an outcome in both arms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from ladder_bench.analyse import effects, estimates
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.domain import Estimate, Json

FACTORS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)  # multiples of F
EITHER_WAY = 10.0  # a conclusion that flips within this factor of F is tagged
POINT = 0.01  # of the share resolved


def qpd_against_base(
    score: Scores, base: Scores, unresolved_usd: float | None, rate: str = "resolved"
) -> dict[str, Json]:
    """The paired difference in log QPD and in effective dollars, and what becomes of the former along F.

    `rate`: the metric that QPD takes for resolved. `f_sensitive` is None where there is nothing to conclude from.
    """
    names = (rate, "cost_usd_warm")
    arms = [tuple(each.values[name] for name in names) for each in (score, base)]
    known = np.logical_and.reduce([~np.isnan(column) for arm in arms for column in arm])
    (resolved, cost), (base_resolved, base_cost) = (tuple(column[known] for column in arm) for arm in arms)
    unscored = int((~known).sum())
    why = _why_not(bool(known.any()), unresolved_usd, score.strategy == base.strategy)
    if why is not None or unresolved_usd is None:
        nothing = asdict(estimates.missing(why or "", unscored))
        return {"log_ratio": nothing, "dollars": nothing, "point_usd": nothing, "verdict": None,
                "f_sensitive": None, "sweep": []}  # fmt: skip

    def ratio(factor: float) -> Estimate:
        usd = factor * unresolved_usd
        return _estimate(
            lambda: effects.difference(
                effects.log_qpd(resolved, cost, usd), effects.log_qpd(base_resolved, base_cost, usd), unscored
            )
        )

    swept = [(factor, ratio(factor)) for factor in FACTORS]
    here = ratio(1.0)
    near = {sign(each) for factor, each in swept if 1 / EITHER_WAY <= factor <= EITHER_WAY}
    in_dollars = effects.difference(
        effects.dollars(resolved, cost, unresolved_usd), effects.dollars(base_resolved, base_cost, unresolved_usd)
    )
    return {
        "log_ratio": asdict(here),
        "dollars": asdict(in_dollars.estimate()),
        "point_usd": asdict(estimates.amount(_estimate(lambda: _point(resolved, cost, unresolved_usd)))),
        "verdict": sign(here),
        "f_sensitive": None if sign(here) is None else near != {sign(here)},
        "sweep": [
            {"factor": factor, "value": each.value, "low": each.low, "high": each.high, "verdict": sign(each)}
            for factor, each in swept
        ],
    }


def sign(found: Estimate) -> str | None:
    """better, worse or undecided, by a difference's interval; identical where nothing differs; None without one."""
    low, high = found.low, found.high
    if low is None or high is None:
        return None
    if low == high == 0:
        return "identical"
    return "better" if low > 0 else "worse" if high < 0 else "undecided"


def _why_not(known: bool, unresolved_usd: float | None, own: bool) -> str | None:
    if unresolved_usd is None:
        return "nobody knows what an unresolved conversation costs: none is declared, and the top tier has no cost"
    if not known:
        return f"no conversation has a cost and an outcome{'' if own else ' in both'}"
    return None


def _estimate(effect: Callable[[], Effect]) -> Estimate:
    try:
        return effect().estimate()
    except ValueError as error:
        return estimates.missing(str(error))


def _point(resolved: Array, cost: Array, unresolved_usd: float) -> Effect:
    """What one point of R may cost a conversation with QPD as it is: 0.01 (C + F) / R. Raises ValueError where R is 0.

    From QPD = R / (C + F (1 - R)): dC/dR at constant QPD is (C + F) / R.
    """
    share, dollars = float(resolved.mean()), float(cost.mean())
    if share <= 0:
        raise ValueError("nothing is resolved, so no point of it has a price")
    worth = (dollars + unresolved_usd) / share
    influence = (cost - dollars) / share - worth * (resolved - share) / share
    return Effect(POINT * worth, (POINT * influence,))
