"""A pair: the gated strategy and what it is held against, priced alike, and the effects of one against the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from ladder_bench.analyse import effects
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.turns import Flags, over_samples
from ladder_bench.domain import Json, Price
from ladder_bench.sides.side import Side

Inference = Literal["population", "suite"]
Measure = Callable[..., Reading]
Columns = tuple[Array, ...]
FEWEST_OF_TWO = 2  # units, for a variance


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """Two sides over the same conversations. `usd`: warm dollars a conversation and sample, run's and baseline's."""

    run: Side
    baseline: Side
    usd: tuple[Array, Array]
    unresolved_usd: float
    inference: Inference = "population"

    def qpd(self, times: float = 1.0) -> Effect:
        """log QPD of the run minus the baseline's. Raises ValueError where a side resolves nothing."""
        unresolved = times * self.unresolved_usd
        return self._effect(self._money, lambda resolved, usd: effects.log_qpd(resolved, usd, unresolved))

    def dollars(self) -> Effect:
        """Effective dollars a conversation, C + F (1 - R): what the run adds."""
        return self._effect(self._money, lambda resolved, usd: effects.dollars(resolved, usd, self.unresolved_usd))

    def cost(self) -> Effect:
        """Warm dollars a conversation: what the run adds."""
        return self._effect(self._money, lambda _, usd: effects.mean(usd))

    def resolved(self) -> Effect:
        return self._effect(self._money, lambda resolved, _: effects.mean(resolved))

    def quality(self, among: Flags | None = None) -> Effect:
        return self._effect(lambda side, _: (side.cells["quality"],), effects.mean, among)

    def harm(self) -> Effect:
        """Unsupported claims a turn that the run has less: higher is better."""
        return self._effect(lambda side, _: (side.cells["unsupported_per_turn"],), effects.mean).reversed()

    def answer_length(self) -> Effect:
        """log of output tokens a turn, run's minus baseline's. Raises ValueError where a side answers with none."""
        return self._effect(lambda side, _: (_known(side, side.tokens.answered()), side.turns), _ratio)

    def tokens(self) -> Effect:
        """log of all tokens a turn, run's minus baseline's."""
        return self._effect(lambda side, _: (_known(side, side.tokens.total()), side.turns), _ratio)

    def value(self, name: str) -> Effect:
        """One of the values that are known as means over samples. Raises ValueError where no conversation has it."""
        if self.inference == "suite":
            raise ValueError(f"{name} is kept as means over samples: nothing is known of the noise between them")
        new, old = self.run.values[name], self.baseline.values[name]
        both = ~np.isnan(new) & ~np.isnan(old)
        if not both.any():
            raise ValueError(f"no conversation has {name} on both sides")
        left_out = int((np.isnan(new) != np.isnan(old)).sum())
        return self.by_unit(effects.difference(effects.mean(new[both]), effects.mean(old[both]), left_out), both)

    def quality_alone(self, among: Flags | None = None) -> tuple[Effect, Array]:
        """The run's own quality, and its values by conversation. Raises ValueError where no conversation has it."""
        cells = self.run.cells["quality"]
        asked = np.ones(len(cells), dtype=bool) if among is None else among
        if self.inference == "suite":
            known = asked & ~np.isnan(cells).any(axis=1)
        else:
            known = asked & ~np.isnan(over_samples(cells))
        if not known.any():
            raise ValueError("no conversation has quality")
        left_out = int((asked & ~known).sum())
        if self.inference == "suite":
            whole = effects.mean(cells[known].ravel())
            reading = Reading(whole.value, whole.influence.reshape(cells[known].shape))
            return effects.suite(effects.of(reading, left_out)), over_samples(cells)[known]
        values = over_samples(cells)[known]
        return self.by_unit(effects.of(effects.mean(values), left_out), known), values

    def alone(self, which: int) -> tuple[float, float, float]:
        """R, C and QPD of one side (0: the run) over the conversations that both have."""
        columns, *_ = self._both(self._money)
        resolved, usd = (float(column.mean()) for column in columns[which])
        return resolved, usd, resolved / (usd + self.unresolved_usd * (1 - resolved))

    @property
    def clustered(self) -> bool:
        """Whether users are what counts. A suite is about these conversations: whose they are makes no difference."""
        return bool(self.run.clusters) and self.inference == "population"

    @property
    def unit(self) -> str:
        """What effects count, in words."""
        return effects.CLUSTERS if self.clustered else "conversations"

    @property
    def units(self) -> int:
        return len(set(self.run.clusters)) if self.clustered else len(self.run.conversations)

    def trials(self, effect: Effect) -> int:
        """How often what an effect is about was tried independently: a suite does so in every sample."""
        return min(part.size for part in effect.parts)

    def by_unit(self, effect: Effect, among: Flags) -> Effect:
        """An effect over some of the conversations, with users as its units where there are any."""
        if not self.clustered:
            return effect
        return effects.by_cluster(effect, [list(np.array(self.run.clusters)[among])] * len(effect.parts))

    def among_all(self, effect: Effect, among: Flags) -> Effect:
        """An effect on some of the units as one on all of them, to which the others add nothing."""
        (part,) = effect.parts
        there = among
        if self.clustered:
            names = np.array(self.run.clusters)
            there = np.isin(np.unique(names), names[among])
        filled = np.zeros(there.size)
        filled[there] = part * there.size / max(part.size, 1)
        return replace(effect, parts=(filled,), degrees=None)

    def estimate(self, effect: Effect) -> dict[str, Json]:
        """Value, 95 % interval and units."""
        return asdict(effect.estimate())

    def known(self, name: str, among: Flags | None = None) -> Flags:
        """The conversations that a test is about: those in which both sides have what it needs."""
        columns, _ = self._named(name)
        sides = [columns(side, usd) for side, usd in zip((self.run, self.baseline), self.usd, strict=True)]
        new, old = (tuple(over_samples(each) for each in side) for side in sides)
        both = _all(new, old)
        return both if among is None else both & among

    # --- how ---------------------------------------------------------------------------------

    def _money(self, side: Side, usd: Array) -> Columns:
        return side.cells["resolved"], usd

    def _effect(
        self, columns: Callable[[Side, Array], Columns], measure: Measure, among: Flags | None = None
    ) -> Effect:
        if self.inference == "suite":
            return self._within(columns, measure, among)
        (new, old), both, unscored = self._both(columns, among)
        if not new[0].size:
            raise ValueError("no conversation has a value on both sides")
        return self.by_unit(effects.difference(measure(*new), measure(*old), unscored), both)

    def _both(
        self, columns: Callable[[Side, Array], Columns], among: Flags | None = None
    ) -> tuple[tuple[Columns, Columns], Flags, int]:
        """Means over samples of the conversations that both sides have, which they are, and how many were left out."""
        new = tuple(over_samples(each) for each in columns(self.run, self.usd[0]))
        old = tuple(over_samples(each) for each in columns(self.baseline, self.usd[1]))
        either, both = _any(new, old), _all(new, old)
        if among is not None:
            either, both = either & among, both & among
        left_out = int((either & ~both).sum())
        return (tuple(each[both] for each in new), tuple(each[both] for each in old)), both, left_out

    def _within(self, columns: Callable[[Side, Array], Columns], measure: Measure, among: Flags | None) -> Effect:
        """The same effect with the noise between samples alone: these conversations, run again."""
        new, old, left_out, _ = self._cells(columns, measure, among)
        found = effects.difference if new.influence.shape == old.influence.shape else effects.apart
        return effects.suite(found(new, old, left_out))

    def _cells(
        self, columns: Callable[[Side, Array], Columns], measure: Measure, among: Flags | None = None
    ) -> tuple[Reading, Reading, int, Flags]:
        """Each side's reading by conversation and sample, where every sample has a value: which conversations."""
        new, old = columns(self.run, self.usd[0]), columns(self.baseline, self.usd[1])
        either = _any(*(tuple(over_samples(each) for each in side) for side in (new, old)))
        whole: Flags = np.all([~np.isnan(each).any(axis=1) for each in (*new, *old)], axis=0)
        if among is not None:
            either, whole = either & among, whole & among
        if not whole.any():
            raise ValueError("no conversation has a value in every sample on both sides")
        readings = []
        for side in (new, old):
            found = measure(*(each[whole].ravel() for each in side))
            readings.append(Reading(found.value, found.influence.reshape(-1, side[0].shape[1])))
        return readings[0], readings[1], int((either & ~whole).sum()), whole

    def noise_share(self, name: str) -> float | None:
        """The share of an effect's variance that is noise between samples; None where samples do not tell."""
        if min(self.run.samples, self.baseline.samples) < 2:
            return None
        columns, measure = self._named(name)
        try:
            first, second, _, whole = self._cells(columns, measure)
        except ValueError:
            return None
        new, old = first.influence, second.influence
        difference = new.mean(axis=1) - old.mean(axis=1)
        if len(difference) < FEWEST_OF_TWO:
            return None
        all_ = self.by_unit(Effect(0.0, (difference - difference.mean(),)), whole).error ** 2
        if new.shape == old.shape:
            noise = float((new - old).var(axis=1, ddof=1).mean()) / new.shape[1]
        else:
            noise = sum(float(each.var(axis=1, ddof=1).mean()) / each.shape[1] for each in (new, old))
        return min(1.0, noise / len(difference) / all_) if all_ > 0 else None

    def _named(self, name: str) -> tuple[Callable[[Side, Array], Columns], Measure]:
        if name == "qpd":
            return self._money, lambda resolved, usd: effects.log_qpd(resolved, usd, self.unresolved_usd)
        cell = {"quality": "quality", "harm": "unsupported_per_turn"}[name]
        return lambda side, _: (side.cells[cell],), effects.mean


def pair_of(
    run: Side, baseline: Side, prices: Mapping[str, Price], unresolved_usd: float, inference: Inference = "population"
) -> Pair:
    """Two sides at the same prices."""
    return Pair(run, baseline, (usd_of(run, prices), usd_of(baseline, prices)), unresolved_usd, inference)


def usd_of(side: Side, prices: Mapping[str, Price]) -> Array:
    """Warm dollars; NaN all over where a tier has no price, which matters only where dollars are asked for."""
    if any(tier not in prices for tier in side.tokens.tiers):
        return np.full(side.turns.shape, np.nan)
    return side.tokens.usd(prices, side.answered)


def _ratio(above: Array, below: Array) -> Reading:
    return effects.log_ratio_of_means(above, below)


def _known(side: Side, tokens: Array) -> Array:
    return np.where(np.isnan(side.answered), np.nan, tokens)


def _any(new: Columns, old: Columns) -> Flags:
    found: Flags = np.any([~np.isnan(each) for each in (*new, *old)], axis=0)
    return found


def _all(new: Columns, old: Columns) -> Flags:
    found: Flags = np.all([~np.isnan(each) for each in (*new, *old)], axis=0)
    return found
