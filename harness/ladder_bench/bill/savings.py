"""Savings: what a ladder saves against the strongest tier alone, and what would eat it. Pure.

All estimates are over conversations, paired by conversation; see `analyse.estimates`.
"""

from __future__ import annotations

from dataclasses import replace

from ladder_bench.analyse import estimates
from ladder_bench.analyse.metrics import UNRESOLVED_TIMES
from ladder_bench.bill.pricing import Priced
from ladder_bench.domain import Estimate


def savings(priced: Priced, top: Priced, unresolved_usd: float | None) -> dict[str, Estimate]:
    """The estimates of one ladder, in dollars a conversation unless the name says otherwise.

    `further_turns_break_even`: saving / the cost of one more turn at the end, answered by the tier that the ladder has
    there; first order, as every further turn costs a little more than the one before.
    `unresolved_break_even`: saving / what an unresolved conversation costs, a share of conversations: how many more may
    go unresolved before nothing is saved. `unresolved_usd` None: ten conversations on the strongest tier, as in QPD.
    """
    saving = estimates.difference(top.warm, priced.warm)
    saved = estimates.mean(saving)
    if unresolved_usd is None:
        unresolved = scaled(estimates.ratio(saving, top.warm), 1 / UNRESOLVED_TIMES)
    elif unresolved_usd == 0:
        unresolved = estimates.missing("an unresolved conversation is declared to cost nothing")
    else:
        unresolved = scaled(saved, 1 / unresolved_usd)
    return {
        "cost_usd_warm": estimates.mean(priced.warm),
        "cost_usd_cold": estimates.mean(priced.cold),
        "share_of_top": estimates.ratio(priced.warm, top.warm),
        "saving_usd": saved,
        "cache_lost_usd": estimates.mean(estimates.difference(priced.warm, priced.kept)),
        "further_turn_usd": estimates.mean(priced.further),
        "further_turns_break_even": estimates.ratio(saving, priced.further),
        "unresolved_break_even": unresolved,
    }


def scaled(estimate: Estimate, factor: float) -> Estimate:
    """An estimate of a positive multiple."""
    value, low, high = (
        None if each is None else each * factor for each in (estimate.value, estimate.low, estimate.high)
    )
    return replace(estimate, value=value, low=low, high=high)
