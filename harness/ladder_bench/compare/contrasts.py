"""Contrasts: what a candidate has more or less than a base, for every metric, as effects over conversations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse import effects
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import comparable
from ladder_bench.compare.arms import EFFECTIVE, NO_PRICE, Arm

COSTS = ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed")
OF_TWO = {  # a ratio of two means: what is above, what is below
    "unsupported_per_claim": ("unsupported", "claims"),
    "tokens_per_resolved": ("tokens", "resolved"),
    "cost_usd_per_resolved": ("cost_usd_warm", "resolved"),
}
Read = Callable[..., Reading]


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate held against a base. `paired`: over the same conversations."""

    base: Arm
    candidate: Arm
    paired: bool
    unresolved_usd: float | None

    @property
    def size(self) -> int:
        """Conversations, those of both arms where they are different ones."""
        return len(self.base.lived) if self.paired else len(self.candidate.lived) + len(self.base.lived)


@dataclass(frozen=True, slots=True)
class Spread:
    """An effect with the place of each of its units among all units of a comparison, for simultaneous bands."""

    effect: Effect
    places: tuple[Any, ...]

    def influence(self, units: int) -> Array:
        """The effect's influence on every unit, 0 where it has none; its mean square is that of the effect's error."""
        found = np.zeros(units)
        for part, places in zip(self.effect.parts, self.places, strict=True):
            found[places] += part * units / part.size
        return found


@dataclass(frozen=True, slots=True)
class Contrast:
    """A metric's difference, candidate minus base, and its log ratio where the metric is compared as a ratio.

    `why` says why one of them is missing. `unscored`: conversations that one of both has no value for.
    """

    difference: Spread | None
    log_ratio: Spread | None = None
    unscored: int = 0
    why: str | None = None
    as_ratio: bool = False

    @property
    def tested(self) -> Spread | None:
        """What is looked at for a difference: the ratio where the metric is compared as one and has one."""
        return self.log_ratio or self.difference


def contrast(pair: Pair, metric: str, among: Array | None = None) -> Contrast:
    """A metric's contrast. `among`: the conversations that count, all without it (1 or 0, of paired arms alone)."""
    if metric == EFFECTIVE or metric == "qpd":
        return _of_money(pair, metric, among)
    if metric in OF_TWO:
        columns = _columns(pair, OF_TWO[metric])
        as_ratio = metric != "unsupported_per_claim"
        return _contrast(pair, columns, _ratio, effects.log_ratio_of_means if as_ratio else None, among)
    columns = (
        tuple((each,) for each in comparable(pair.candidate.score, pair.base.score, metric)) if pair.paired else ()
    )
    columns = columns or _columns(pair, (metric,))
    return _contrast(pair, columns, effects.mean, effects.log_mean if metric in COSTS else None, among)


def _of_money(pair: Pair, metric: str, among: Array | None) -> Contrast:
    """QPD and effective dollars: both need to know what an unresolved conversation costs."""
    usd = pair.unresolved_usd
    if usd is None:
        return Contrast(None, why=NO_PRICE)
    columns = _columns(pair, (pair.base.rate, "cost_usd_warm"))
    if metric == EFFECTIVE:
        return _contrast(pair, columns, lambda r, c: effects.dollars(r, c, usd), None, among)
    return _contrast(pair, columns, lambda r, c: _qpd(r, c, usd), lambda r, c: effects.log_qpd(r, c, usd), among)


Columns = tuple[tuple[Array, ...], ...]  # the candidate's and the base's


def _columns(pair: Pair, names: tuple[str, ...]) -> Columns:
    return tuple(tuple(arm.score.values[name] for name in names) for arm in (pair.candidate, pair.base))


def _contrast(pair: Pair, columns: Columns, read: Read, read_log: Read | None, among: Array | None) -> Contrast:
    known = [np.logical_and.reduce([~np.isnan(column) for column in arm]) for arm in columns]
    counted = [arm.lived > 0 for arm in (pair.candidate, pair.base)]
    if among is not None:
        counted = [each & (among > 0) for each in counted]
    if pair.paired:
        known = [known[0] & known[1] & (counted[0] | counted[1])] * 2
        unscored = int(((counted[0] | counted[1]) & ~known[0]).sum())
    else:
        known = [each & there for each, there in zip(known, counted, strict=True)]
        unscored = int(sum((there & ~each).sum() for each, there in zip(known, counted, strict=True)))
    as_ratio = read_log is not None
    if not all(each.any() for each in known):
        who = "both" if pair.paired else "each"
        return Contrast(None, None, unscored, f"no conversation has a value in {who}", as_ratio)
    kept = tuple(tuple(column[each] for column in arm) for arm, each in zip(columns, known, strict=True))
    try:
        difference = _spread(pair, kept, known, read, unscored)
    except ValueError as error:
        return Contrast(None, None, unscored, str(error), as_ratio)
    if read_log is None:
        return Contrast(difference, None, unscored)
    try:
        return Contrast(difference, _spread(pair, kept, known, read_log, unscored), unscored, None, True)
    except ValueError as error:
        return Contrast(difference, None, unscored, str(error), True)


def _spread(pair: Pair, kept: Columns, known: list[Array], read: Read, unscored: int) -> Spread:
    """The effect of reading both arms, its units clusters where the runs declare them."""
    first, second = read(*kept[0]), read(*kept[1])
    if pair.paired:
        return _clustered(pair, Spread(effects.difference(first, second, unscored), (np.flatnonzero(known[0]),)))
    offset = len(pair.candidate.lived)
    places = np.flatnonzero(known[0]), np.flatnonzero(known[1]) + offset
    return _clustered(pair, Spread(effects.apart(first, second, unscored), places))


def _clustered(pair: Pair, spread: Spread) -> Spread:
    names = clusters(pair)
    if not names:
        return spread
    found = effects.by_cluster(spread.effect, [[names[place] for place in places] for places in spread.places])
    first = {name: place for place, name in reversed(list(enumerate(names)))}  # a cluster stands at its first place
    places = tuple(np.array([first[name] for name in np.unique([names[p] for p in each])]) for each in spread.places)
    return Spread(found, places)


def clusters(pair: Pair) -> list[str]:
    """The cluster of each unit of a comparison; empty where the runs declare none."""
    if not (pair.base.held.clusters or pair.candidate.held.clusters):
        return []
    arms = (pair.base,) if pair.paired else (pair.candidate, pair.base)
    return [
        f"{'' if pair.paired else place}\0{arm.held.clusters.get(name, name)}"
        for place, arm in enumerate(arms)
        for name in arm.held.conversations
    ]


# --- readings ------------------------------------------------------------------------------


def _ratio(above: Array, below: Array) -> Reading:
    """mean above / mean below. Raises ValueError where there is nothing to divide by."""
    whole = float(below.mean())
    if whole <= 0:
        raise ValueError("nothing to divide by on one of the two sides")
    value = float(above.mean()) / whole
    return Reading(value, (above - value * below) / whole)


def _qpd(resolved: Array, cost: Array, unresolved_usd: float) -> Reading:
    """QPD itself, R / (C + F (1 - R)). Raises ValueError where cost is 0 and everything is resolved."""
    share, dollars = float(resolved.mean()), float(cost.mean())
    whole = dollars + unresolved_usd * (1 - share)
    if whole <= 0:
        raise ValueError("cost is 0 and everything is resolved")
    by_share = (whole + share * unresolved_usd) / whole**2
    return Reading(share / whole, by_share * (resolved - share) - share / whole**2 * (cost - dollars))
