"""Contrasts: what a candidate has more or less than a base, for every metric, as effects over conversations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ladder_bench.analyse import effects
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.headline import SHARES
from ladder_bench.analyse.metrics import comparable
from ladder_bench.analyse.unvaried import uncertain
from ladder_bench.comparison.arms import EFFECTIVE, NO_PRICE, Arm

COSTS = ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed")
OF_TWO = {  # a ratio of two means: what is above, what is below
    "unsupported_per_claim": ("unsupported", "claims"),
    "tokens_per_resolved": ("tokens", "resolved"),
    "cost_usd_per_resolved": ("cost_usd_warm", "resolved"),
}
Read = Callable[..., Reading]


@dataclass(frozen=True, slots=True)
class Pair:
    """A candidate held against a base. `paired`: over the same conversations.

    `units`: conversations in all comparisons that bands hold over; `starts`: where those of the candidate's and of the
    base's run begin among them.
    """

    base: Arm
    candidate: Arm
    paired: bool
    unresolved_usd: float | None
    units: int
    starts: tuple[int, int] = (0, 0)


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
    arms = (pair.candidate, pair.base)
    if pair.paired:
        return tuple(tuple(arm.score.values[name] for name in names) for arm in arms)
    return tuple(
        tuple(
            uncertain(arm.score.values[name], side, _owners(arm) if clustered(pair) else None)
            if name in SHARES
            else arm.score.values[name]
            for name in names
        )
        for side, arm in enumerate(arms)
    )


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
    places = tuple(np.flatnonzero(each) + start for each, start in zip(known, pair.starts, strict=True))
    return _clustered(pair, Spread(effects.apart(first, second, unscored), places))


def _clustered(pair: Pair, spread: Spread) -> Spread:
    """The effect with whole clusters as its units, each at the place of its first conversation."""
    if not clustered(pair):
        return spread
    arms = (pair.candidate,) if pair.paired else (pair.candidate, pair.base)
    names: list[list[str]] = []
    firsts: list[dict[str, int]] = []
    for arm, start, own in zip(arms, pair.starts, spread.places, strict=False):
        of = _owners(arm)
        first: dict[str, int] = {}
        for place, name in enumerate(of, start):
            first.setdefault(name, place)
        firsts.append(first)
        names.append([of[place - start] for place in own])
    effect = (effects.by_cluster if pair.paired else effects.apart_by_cluster)(spread.effect, names)
    if len(effect.parts) < len(names):  # some are on both sides, and all are units of one group
        names, firsts = [[*names[0], *names[1]]], [{**firsts[1], **firsts[0]}]
    places = (np.array([first[name] for name in np.unique(own)]) for first, own in zip(firsts, names, strict=True))
    return Spread(effect, tuple(places))


def _owners(arm: Arm) -> list[str]:
    """The cluster of each conversation of an arm's run, its own where it has none."""
    return [arm.held.clusters.get(name, f"\0{name}") for name in arm.held.conversations]


def clustered(pair: Pair) -> bool:
    """Whether the runs say which conversations belong together."""
    return bool(pair.base.held.clusters or pair.candidate.held.clusters)


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
