"""Cost at equal quality: what a strategy saves against a mix of the two single tiers that would be as good.

The line: among the single tiers that no other one beats on quality and cost at once, the lowest straight line of cost
over quality, which is what sending each conversation to one of two tiers by lot costs. Outside of it nothing is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from typing import Any

import numpy as np

from ladder_bench.analyse import bootstrap, estimates, strategies
from ladder_bench.analyse.estimates import DRAWS, FEWEST, NOISE, Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.domain import Estimate, Json

Flags = np.ndarray[Any, np.dtype[np.bool_]]
OUTSIDE = 0.05  # of the draws; beyond it what is left of them is no fair sample


@dataclass(frozen=True, slots=True)
class Line:
    """For each draw the cost at a quality, NaN outside; the single tiers on either side where there is one draw."""

    cost: Array
    between: tuple[int, int] | None


def cost_at_equal_quality(about: Json, scores: Mapping[str, Scores]) -> dict[str, dict[str, Json]]:
    """By strategy: the saving in dollars a conversation and as a share of what the line costs, with its interval."""
    singles = [name for name in dict.fromkeys(strategies.staying(about).values()) if _known(scores[name]).any()]
    plain = {str(each["name"]) for each in about["strategies"] if strategies.is_plain(each)}
    found: dict[str, dict[str, Json]] = {}
    groups: dict[bytes, list[str]] = defaultdict(list)
    for name, score in scores.items():
        common = _known(score)
        for single in singles:
            common = common & _known(scores[single])
        why = _why_not(name, singles, plain, score, common)
        if why is None:
            groups[common.tobytes()].append(name)
        else:
            found[name] = _row(estimates.missing(why))
    for names in groups.values():
        found |= _group(names, singles, scores)
    return {name: found[name] for name in scores}


def _known(score: Scores) -> Flags:
    known: Flags = ~np.isnan(score.values["quality"]) & ~np.isnan(score.values["cost_usd_warm"])
    return known


def _why_not(name: str, singles: Sequence[str], plain: set[str], score: Scores, common: Flags) -> str | None:
    if name in singles or name in plain:
        return "it is a single tier: the line is made of those"
    if len(singles) < 2:
        return f"a line needs two single tiers with a quality and a cost; this run has {len(singles)}"
    if not _known(score).any():
        return "no conversation has a quality and a cost"
    if not common.any():
        return "no conversation has a quality and a cost here and on every single tier"
    return None


def _group(names: Sequence[str], singles: Sequence[str], scores: Mapping[str, Scores]) -> dict[str, dict[str, Json]]:
    """The strategies that share their conversations with the single tiers, with one set of draws."""
    common = _known(scores[names[0]]) & np.logical_and.reduce([_known(scores[each]) for each in singles])
    members = [*singles, *names]
    columns = np.stack(
        [scores[each].values[name][common] for name in ("quality", "cost_usd_warm") for each in members], axis=1
    )
    n = len(columns)
    centre = columns.mean(axis=0)[np.newaxis]
    drawn = bootstrap.means(columns) if n >= FEWEST else centre[:0]
    size, m = len(members), len(singles)
    found = {}
    for place, name in enumerate(names, m):
        here = line(centre[:, :m], centre[:, size : size + m], centre[:, place])
        over = line(drawn[:, :m], drawn[:, size : size + m], drawn[:, place]).cost
        found[name] = _against(
            here, float(centre[0, size + place]), over, drawn[:, size + place], n, singles,
            _where(centre[0, :m], float(centre[0, place]), singles),
        )  # fmt: skip
    return found


def line(quality: Array, cost: Array, at: Array) -> Line:
    """The line's cost at a quality, one a draw. `quality`, `cost`: (draws, single tiers); `at`: (draws,)."""
    members = quality.shape[1]
    beaten = np.zeros(quality.shape, dtype=bool)
    for one, other in permutations(range(members), 2):
        as_good = (quality[:, other] >= quality[:, one]) & (cost[:, other] <= cost[:, one])
        better = (quality[:, other] > quality[:, one]) | (cost[:, other] < cost[:, one])
        beaten[:, one] |= as_good & (better | (other < one))
    lowest, between = np.full(len(at), np.inf), None
    for low, high in permutations(range(members), 2):
        span = quality[:, high] - quality[:, low]
        inside = ~beaten[:, low] & ~beaten[:, high] & (quality[:, low] <= at) & (at <= quality[:, high]) & (span > 0)
        share = np.divide(at - quality[:, low], span, out=np.zeros(len(at)), where=inside)
        found = np.where(inside, cost[:, low] + share * (cost[:, high] - cost[:, low]), np.inf)
        if len(at) == 1 and found[0] < lowest[0]:
            between = low, high
        lowest = np.minimum(lowest, found)
    return Line(np.where(np.isfinite(lowest), lowest, np.nan), between)


def _where(quality: Array, at: float, singles: Sequence[str]) -> str:
    """Why a quality is outside of the line."""
    best, worst = int(quality.argmax()), int(quality.argmin())
    if at > quality[best]:
        return (
            f"its quality {at:.3f} is above that of every single tier (the best, {singles[best]}: {quality[best]:.3f})"
        )
    if at < quality[worst]:
        return f"its quality {at:.3f} is below that of every single tier ({singles[worst]}: {quality[worst]:.3f})"
    return f"its quality {at:.3f} is below that of every single tier that no other one beats on quality and cost"


def _against(
    here: Line, own: float, over: Array, costs: Array, n: int, singles: Sequence[str], outside: str
) -> dict[str, Json]:
    along = float(here.cost[0])
    if here.between is None or np.isnan(along):
        return _row(estimates.missing(f"outside of the line between single tiers: {outside}; nothing is extrapolated"))
    left_out = float(np.isnan(over).mean()) if len(over) else None
    if left_out is None:
        why = f"no interval: {n} conversations, {FEWEST} are needed"
    elif left_out > OUTSIDE:
        why = f"interval withheld: {left_out:.0%} of {DRAWS:,} draws are outside of the line between single tiers"
    else:
        why = None
    saved = along - own
    saved = 0.0 if abs(saved) <= NOISE * along else saved
    inside = ~np.isnan(over)
    saving = _estimate(saved, over[inside] - costs[inside], n, why)
    share = (
        _estimate(saved / along, 1 - costs[inside] / over[inside], n, why)
        if along > 0 and not (over[inside] <= 0).any()
        else estimates.missing("the single tiers cost nothing there")
    )
    low, high = here.between
    return _row(saving, share, along, (singles[low], singles[high]), left_out)


def _estimate(value: float, drawn: Array, n: int, why: str | None) -> Estimate:
    if why is not None:
        return Estimate(value, None, None, n, 0, why)
    low, high = bootstrap.percentiles(drawn)
    return Estimate(value, float(low), float(high), n)


def _row(
    saving: Estimate,
    share: Estimate | None = None,
    line_usd: float | None = None,
    between: tuple[str, str] | None = None,
    outside: float | None = None,
) -> dict[str, Json]:
    return {
        "saving_usd": asdict(saving),
        "saving_share": asdict(share or saving),
        "line_cost_usd": line_usd,
        "between": list(between) if between else None,
        "outside_share": outside,
    }
