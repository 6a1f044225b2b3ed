"""Evidence: a run's values a conversation, as a policy's constraints and dollars read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench import content
from ladder_bench.analyse import effects, estimates, slices, strategies
from ladder_bench.analyse.effects import CLUSTERS, Effect, Reading
from ladder_bench.analyse.estimates import FEWEST, IDENTICAL, Array
from ladder_bench.analyse.measured import Measured
from ladder_bench.analyse.metrics import Scores, comparable
from ladder_bench.analyse.unvaried import uncertain
from ladder_bench.analyse.verdict import FAILED_SHARE
from ladder_bench.domain import Estimate
from ladder_bench.errors import InputError
from ladder_bench.recommend.policy import BASE, OTHER, Floor, Policy

MOST = 12  # tags or strategies that an error names
Flags = np.ndarray[Any, np.dtype[np.bool_]]
Read = Callable[[Flags, Array | None], Reading]  # from the conversations that count, and their weights


@dataclass(frozen=True, slots=True)
class Arm:
    """A strategy's columns, one value a conversation, and why it may not be chosen whatever they say.

    `lived` among them: 1 where it has the conversation, whatever is known of it.
    """

    name: str
    control: bool
    columns: Mapping[str, Array]
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Conversations with their segments, and the arms. `shares` by segment, None: each conversation weighs 1.

    `base`: what dollars are compared with, and who stands in where nothing is chosen. `against`: whom each floor of the
    policy names, by its key. `unpaired`: no conversation is in two arms. `owners`: whose each conversation is, where
    anybody has several: then users are what is counted, and conversations of one user are no evidence on their own.
    """

    ids: tuple[str, ...]
    segments: tuple[str, ...]
    shares: Mapping[str, float] | None
    stakes: Flags
    arms: Mapping[str, Arm]
    base: str | None
    against: Mapping[str, str | None]
    unpaired: bool = False
    owners: tuple[str, ...] | None = None

    @property
    def unit(self) -> str:
        """What n counts."""
        return "conversations" if self.owners is None else CLUSTERS

    @property
    def units(self) -> int:
        return len(self.ids if self.owners is None else set(self.owners))

    def among(self, chosen: Flags, shares: Mapping[str, float] | None) -> Evidence:
        """The same over some of the conversations."""
        arms = {
            name: replace(arm, columns={key: column[chosen] for key, column in arm.columns.items()})
            for name, arm in self.arms.items()
        }
        return replace(
            self,
            ids=tuple(name for name, kept in zip(self.ids, chosen, strict=True) if kept),
            segments=tuple(name for name, kept in zip(self.segments, chosen, strict=True) if kept),
            shares=shares,
            stakes=self.stakes[chosen],
            arms=arms,
            owners=None if self.owners is None else tuple(self._owners(chosen)),
        )

    def segment(self, name: str) -> Evidence:
        """The conversations of one segment, each weighing 1."""
        return self.among(np.array([each == name for each in self.segments], dtype=bool), None)

    def high_stakes(self) -> Evidence | None:
        """The conversations where stakes are high, each weighing 1; None without any."""
        return self.among(self.stakes, None) if self.stakes.any() else None

    def _owners(self, chosen: Flags) -> list[str]:
        return [name for name, kept in zip(self.owners or self.ids, chosen, strict=True) if kept]

    def effect(
        self, columns: Sequence[Array], read: Callable[..., Reading | Effect], lived: Array | None = None
    ) -> Effect | str:
        """What `read` makes of columns where all have a value, weighted by traffic; or why there is nothing.

        Conversations without a value are unscored where they were `lived`, all of them without it.
        """
        known = np.logical_and.reduce([~np.isnan(column) for column in columns])
        if not known.any():
            return "no conversation has a value"
        own = [name for name, kept in zip(self.segments, known, strict=True) if kept]
        unscored = int((~known if lived is None else ~known & (lived > 0)).sum())
        weights = None
        if self.shares is not None:
            present = {name: share for name, share in self.shares.items() if share > 0}
            if absent := [name for name in present if name not in own]:
                return f"no conversation of the segment '{absent[0]}' has a value"
            weights = effects.weights(own, present)
        try:
            found = read(*(column[known] for column in columns), weights)
        except ValueError as error:
            return str(error)
        effect = found if isinstance(found, Effect) else effects.of(found)
        effect = replace(effect, unscored=unscored)
        if self.owners is None:
            return effect if self.shares is None else effects.by_stratum(effect, own, dict(self.shares))
        if self.shares is None:
            return effects.by_cluster(effect, [self._owners(known)])
        return effects.by_stratum_and_cluster(effect, own, dict(self.shares), self._owners(known))

    def contrast(self, arm: str, key: str, against: str) -> Effect | str:
        """The difference of two means, of a floor's key: paired, or Welch's where no conversation is in two arms."""
        columns, lived = self.arms[arm].columns, [self.arms[each].columns["lived"] > 0 for each in (arm, against)]
        own, other = columns[f"{key} own"], columns[f"{key} other"]
        if not self.unpaired:
            found = self.effect((own, other), difference, (lived[0] | lived[1]).astype(float))
            return f"{found} in both" if isinstance(found, str) else found
        if arm == against:
            return self.effect((own, other), difference, columns["lived"])
        if self.shares is not None:
            return "no conversation is in two arms, and traffic weights need pairs"
        known = [~np.isnan(own), ~np.isnan(other)]
        if not all(each.any() for each in known):
            return "no conversation has a value in one of the two"
        unscored = sum(int((there & ~each).sum()) for there, each in zip(lived, known, strict=True))
        names = [None if self.owners is None else self._owners(each) for each in known]
        first, second = (
            effects.mean(uncertain(column[each], side, whose))
            for side, column, each, whose in zip((0, 1), (own, other), known, names, strict=True)
        )
        apart = effects.apart(first, second, unscored)
        return apart if self.owners is None else effects.apart_by_cluster(apart, [each or () for each in names])

    def estimate(
        self,
        columns: Sequence[Array],
        read: Callable[..., Reading | Effect],
        times: float = 1.0,
        lived: Array | None = None,
    ) -> Estimate:
        """The same as an estimate, times a number of conversations."""
        found = self.effect(columns, read, lived)
        if isinstance(found, str):
            return estimates.missing(found)
        shown = self.explained(found.estimate(), found)
        if shown.why == IDENTICAL and read is not difference:  # a mean of 0 is no identity
            few = f"no interval: {found.fewest} {self.unit}, {FEWEST} are needed"
            enough = found.fewest >= FEWEST
            shown = replace(shown, why=None) if enough else replace(shown, low=None, high=None, why=few)
        return scaled(shown, times)

    def explained(self, found: Estimate, effect: Effect) -> Estimate:
        """An estimate whose reason for having no interval names the segment that is too small."""
        if found.low is None and self.shares is not None and effect.n >= FEWEST:
            return replace(found, why=self.too_small(effect))
        return found

    def effective_n(self, effect: Effect) -> float:
        """How many units of equal weight say as much: (sum w)^2 / sum w^2 (Kish 1965), w summed up by user."""
        if self.owners is not None:
            per = np.ones(len(self.ids)) if self.shares is None else effects.weights(self.segments, dict(self.shares))
            sums = np.bincount(np.unique(self.owners, return_inverse=True)[1], weights=per)
            return effect.n / sums.size * float(sums.sum()) ** 2 / float((sums**2).sum())
        if self.shares is None:
            return effect.n
        counts = {name: self.segments.count(name) for name in dict.fromkeys(self.segments)}
        known = effect.n / len(self.segments)
        return known / sum(self.shares.get(name, 0.0) ** 2 / count for name, count in counts.items())

    def too_small(self, effect: Effect) -> str:
        pairs = set(zip(self.segments, self.owners or self.ids, strict=True))
        counts = Counter(name for name, _ in sorted(pairs))
        least = min(counts, key=lambda name: counts[name])
        return (
            f"no interval: the segment '{least}' has {effect.fewest} {self.unit}, and traffic weights need {FEWEST} in "
            "each"
        )


def scaled(found: Estimate, times: float) -> Estimate:
    value, low, high = (None if each is None else each * times for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)


def difference(own: Array, other: Array, weights: Array | None) -> Effect:
    """The paired difference of two means."""
    return effects.difference(effects.mean(own, weights), effects.mean(other, weights))


# --- from a run ----------------------------------------------------------------------------


def evidence(run: Measured, policy: Policy, identified: Mapping[str, bool | None]) -> Evidence:
    """Read a run for a policy. Raises InputError, located in the policy, where it names what the run has not got."""
    about, tables = run.about, run.tables
    ids = tuple(sorted(about["dataset"]["conversations"]))
    tags = slices.tags(tables)
    segments = tuple(_segment(tags.get(name, ()), policy.segments) for name in ids)
    against = {each.key: _against(each, run, policy) for each in policy.floors if each.against is not None}
    _check_segments(policy, segments, tags)
    labelled = slices.high_stakes(tables)
    tag = policy.stakes_tag
    stakes = np.array([name in labelled if tag is None else tag in tags.get(name, ()) for name in ids], dtype=bool)
    arms = {
        score.strategy: Arm(
            score.strategy,
            bool(strategy["control"]),
            _columns(run, score, policy, against),
            tuple(_doubts(run, score, identified.get(score.strategy))),
        )
        for strategy, score in zip(about["strategies"], run.scores, strict=True)
    }
    named = next((each.against for each in policy.floors if each.against not in (None, BASE)), None)
    unpaired = about.get("design") == "unpaired"
    found = Evidence(
        ids, segments, policy.shares, stakes, arms, named or run.base, against, unpaired, _whose(about, ids)
    )
    if policy.shares is not None and not all(policy.shares.get(name, 0.0) > 0 for name in segments):
        return found.among(np.array([policy.shares.get(name, 0.0) > 0 for name in segments]), policy.shares)
    return found


def _whose(about: Mapping[str, Any], ids: Sequence[str]) -> tuple[str, ...] | None:
    """Whose each conversation is; None where nobody has two. One that is nobody's counts on its own."""
    known = about.get("cluster")
    known = known if isinstance(known, Mapping) else {}
    owners = tuple(known.get(name, f"\0{name}") for name in ids)
    return owners if len(set(owners)) < len(owners) else None


def _segment(tags: Sequence[str], order: Sequence[str]) -> str:
    """The first of the policy's tags that a conversation has."""
    return next((name for name in order if name in tags), OTHER)


def _against(floor: Floor, run: Measured, policy: Policy) -> str | None:
    """The strategy that a floor names. Raises InputError."""
    if floor.against == BASE:
        return run.base
    names = list(run.by_name)
    if floor.against not in names:
        hint = content.did_you_mean(floor.against, names)
        listed = ", ".join((BASE, *names[:MOST])) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")
        raise InputError(
            policy.document.problem(
                (floor.key, "against"), f"no strategy '{floor.against}' in this run{hint or f'; it has: {listed}'}"
            )
        )
    return floor.against


def _check_segments(policy: Policy, segments: Sequence[str], tags: Mapping[str, Sequence[str]]) -> None:
    """Raises InputError where a segment has no conversation, or conversations have no weight."""
    known = sorted({tag for own in tags.values() for tag in own})
    problems = []
    listed = policy.document.value.get("segments") or []
    for index, name in enumerate(policy.segments):
        in_use = policy.shares is None or policy.shares.get(name, 0.0) > 0
        if name not in segments and in_use:
            problems.append(
                policy.document.problem(
                    ("segments", index) if listed else ("traffic",), _nobody_has(name, known, policy.segments[:index])
                )
            )
    if policy.stakes_tag is not None and policy.stakes_tag not in known:
        problems.append(policy.document.problem(("high_stakes", "tag"), _nobody_has(policy.stakes_tag, known, ())))
    others = segments.count(OTHER)
    if policy.shares is not None and OTHER not in policy.shares and others and policy.segments:
        what = (
            f"{others} of {len(segments)} conversations have none of these tags: add '{OTHER}: …' (0 leaves them out)"
        )
        problems.append(policy.document.problem(("traffic",), what))
    if policy.shares is not None and policy.shares.get(OTHER, 0.0) > 0 and not others:
        problems.append(
            policy.document.problem(("traffic",), f"every conversation has one of the tags: '{OTHER}' has none")
        )
    if problems:
        raise InputError(problems)


def _nobody_has(name: str, known: Sequence[str], before: Sequence[str]) -> str:
    if name in known:
        return f"every conversation with the tag '{name}' has one that goes before it ({', '.join(before)})"
    if not known:
        return f"no conversation of this run has any tag, so none has '{name}'"
    hint = content.did_you_mean(name, known)
    more = f" and {len(known) - MOST} more" if len(known) > MOST else ""
    listed = f"; tags are: {', '.join(known[:MOST])}{more}"
    return f"no conversation of this run has the tag '{name}'{hint or listed}"


def _columns(run: Measured, score: Scores, policy: Policy, against: Mapping[str, str | None]) -> dict[str, Array]:
    found = {
        "quality": score.values["quality"],
        "cost": score.values["cost_usd_warm"],
        "resolved": score.values["resolved"],
        "rate": score.values[run.qpd_rate],
        "unsupported": score.values["unsupported_per_turn"],
        "waited": np.array([float(len(waits)) if len(waits) else np.nan for waits in score.waits]),
        "lived": _lived(score),
    }
    for limit in policy.waits:
        found[limit.name] = np.array(
            [float((waits > limit.over_s).sum()) if len(waits) else np.nan for waits in score.waits]
        )
    for floor in policy.floors:
        name = against.get(floor.key)
        if name is not None:
            found[f"{floor.key} own"], found[f"{floor.key} other"] = comparable(score, run.by_name[name], floor.metric)
    return found


def _lived(score: Scores) -> Array:
    found = np.zeros(len(score.waits))
    if score.lived is not None:
        found[score.lived.conversation] = 1.0
    return found


def _doubts(run: Measured, score: Scores, identified: bool | None) -> Sequence[str]:
    """Why a strategy may not be chosen whatever its numbers are."""
    found = []
    if score.turns and score.failed_turns > FAILED_SHARE * score.turns:
        found.append(
            f"{score.failed_turns:,} of {score.turns:,} turns were not answered: what is left may be the easy part"
        )
    if identified is False:
        found.append("what it shows depends on what is done with user turns that no longer fit")
    placebos = strategies.placebos(run.about)
    plain = strategies.plain_by_tier(run.about["strategies"])
    for tier, placebo in placebos.items():
        if plain.get(tier) == score.strategy:
            found.append(f"a recording never pays for the replay; '{placebo}' stands for it")
    return found
