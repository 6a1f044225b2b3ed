"""Gating: a run and a baseline become a decision, or the reasons why there can be none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import log

import numpy as np

from ladder_bench import content, folder
from ladder_bench.analyse import strategies
from ladder_bench.analyse.decisions import ALPHA, together
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.turns import Flags
from ladder_bench.domain import Json, Price
from ladder_bench.errors import InputError
from ladder_bench.gating import common, limits, pricing, review, words
from ladder_bench.gating.blocking import blocking, money
from ladder_bench.gating.needed import needed
from ladder_bench.gating.pair import Pair, usd_of
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.gating.preconditions import reasons, unpriced
from ladder_bench.sides.reading import baseline_of, members, unknown
from ladder_bench.sides.side import Baseline, Side


@dataclass(frozen=True, slots=True)
class Asked:
    """What a gate is asked: which strategies, by which policy, at which prices beside the run's own.

    `common`: over the conversations that both sides have, where some are on one side alone.
    """

    policy: PolicyShape = field(default_factory=PolicyShape)
    strategy: str | None = None
    against: str | None = None
    prices: Mapping[str, Price] | None = None
    priced_by: str | None = None
    common: bool = False


def gate(run: folder.Run, baseline: Baseline, asked: Asked, anchor: Baseline | None = None) -> dict[str, Json]:
    """Decide a run: pass, fail or inconclusive with all that led there, or refused with the reasons.

    Raises InputError for names that nothing has.
    """
    names, said = _chosen(run, baseline, asked)
    new = baseline_of(run, [names[0]], pricing.caches(run, baseline))
    sides, policy = (new.sides[names[0]], baseline.sides[names[1]]), asked.policy
    why: list[str] = []
    whole: tuple[Side, Side] | None = None
    if asked.common:
        shared, alone = common.of_both(sides)
        why = common.too_few(sides)
        if alone and not why:
            whole = sides
            said = [common.said(shared, alone), *said]
            new, baseline = common.restricted(new, shared), common.restricted(baseline, shared)
            anchor = anchor and common.restricted(anchor, shared)
            sides = new.sides[names[0]], baseline.sides[names[1]]
    why = why or _refused(new, baseline, anchor, sides, asked)
    if why:
        return {"outcome": "refused", "reasons": why, "strategy": names[0], "against": names[1]}
    usd = _usd(sides, pricing.today(new, baseline, asked.prices))
    pair = Pair(*sides, usd, baseline.unresolved_usd or 0.0, policy.inference)
    slices = _slices(run, policy, sides[0].conversations)
    decided = _decided(run, pair, _held(anchor, pair, asked, new), baseline, policy, slices, whole)
    return {
        **decided,
        "strategy": names[0],
        "against": names[1],
        "n": len(pair.run.conversations),
        "units": "clusters" if pair.clustered else "conversations",
        "clusters": pair.units if pair.clustered else None,
        "samples": [pair.run.samples, pair.baseline.samples],
        "alpha": ALPHA,
        "inference": policy.inference,
        "strict": policy.strict,
        "dataset": new.dataset,
        "simulated": sorted({*new.simulated, *baseline.simulated} & {*sides[0].tokens.tiers, *sides[1].tokens.tiers}),
        "notes": [*said, *pricing.notes(new, baseline, sides, asked), *words.notes(new, baseline, pair, policy)],
    }


def _decided(
    run: folder.Run,
    pair: Pair,
    held: Pair | None,
    baseline: Baseline,
    policy: PolicyShape,
    slices: Mapping[str, Flags],
    whole: tuple[Side, Side] | None,
) -> dict[str, Json]:
    decided, rows = blocking(pair, policy, slices)
    others = limits.limits(pair, held, policy, slices)
    swept = review.sweep(pair, -log(1 - policy.margins.qpd)) if "qpd" in policy.tests else []
    flags = review.review(pair, policy.review, swept, _placebo(run, pair))
    flags += [review.harm(pair)] if "harm" in policy.tests else []
    flags += [review.left_out(pair, whole)] if whole else []
    raised = [each["name"] for each in flags if each["raised"]]
    outcome = together([each["outcome"] for each in (*rows, *others)])
    if outcome == "pass" and policy.strict and raised:
        outcome = "inconclusive"
    wanted = needed(pair, decided, slices)
    count = len(policy.tests)
    return {
        "outcome": outcome,
        "why": words.why(outcome, [*rows, *others], raised, pair),
        "primary": {**rows[0], **money(pair, baseline, policy)},
        "tests": rows[:count],
        "limits": rows[count:] + others,
        "review": flags,
        "needed_n": wanted["n"],
        "needed": wanted,
        "sweep": swept,
    }


def _refused(
    new: Baseline, baseline: Baseline, anchor: Baseline | None, sides: tuple[Side, Side], asked: Asked
) -> list[str]:
    """Why there can be no decision. Prices are looked at where all else is in order."""
    policy = asked.policy
    found = reasons(new, baseline, sides, policy)
    if not found and "qpd" in policy.tests:
        found = unpriced(sides, pricing.today(new, baseline, asked.prices)) or words.without_f(baseline)
    if not found and anchor is not None:
        found = [f"anchor: {each}" for each in _anchor_reasons(new, (baseline, anchor), sides, asked)]
    return found


# --- who against whom ----------------------------------------------------------------------


def _chosen(run: folder.Run, baseline: Baseline, asked: Asked) -> tuple[tuple[str, str], list[str]]:
    known, held = [each["name"] for each in run.about["strategies"]], list(baseline.sides)
    wanted = asked.strategy or asked.policy.strategy
    where = content.display(run.path)
    if wanted is None and len(known) == 1:
        wanted = known[0]
    wanted = wanted or baseline.primary
    if wanted not in known:
        said = (
            "" if asked.strategy or asked.policy.strategy else " (the baseline's primary); choose one with --strategy"
        )
        raise InputError(f"{where}: {unknown(wanted, known)}{said}")
    if asked.against is not None:
        if asked.against not in held:
            raise InputError(f"baseline: {unknown(asked.against, held)}")
        return (wanted, asked.against), []
    if wanted in held:
        return (wanted, wanted), []
    if len(held) == 1:
        return (wanted, held[0]), [f"'{wanted}' is held against '{held[0]}', the only strategy of the baseline"]
    raise InputError(f"baseline: {unknown(wanted, held)}; name one with --against")


# --- what else it is held against ----------------------------------------------------------


def _anchored(anchor: Baseline, name: str) -> Side:
    """The anchor's strategy of that name, else its primary one: a release may have had another ladder."""
    return anchor.sides.get(name) or anchor.sides[anchor.primary]


def _anchor_reasons(
    new: Baseline, held: tuple[Baseline, Baseline], sides: tuple[Side, Side], asked: Asked
) -> list[str]:
    """Why the run cannot be held against the anchor by what the policy asks of it, whatever the tests are."""
    baseline, anchor = held
    if not anchor.anchor:
        return ["the file is a baseline that is no anchor ('baseline update --anchor' writes one)"]
    pair, limits = (sides[0], _anchored(anchor, sides[1].strategy)), asked.policy.limits.anchor
    tests = [name for name in ("qpd", "quality", "harm") if getattr(limits, name) is not None]
    found = reasons(new, anchor, pair, asked.policy.model_copy(update={"tests": tests}))
    if not found and limits.qpd is not None:
        return unpriced(pair, pricing.today(new, anchor, asked.prices)) or words.without_f(baseline)
    return found


def _held(anchor: Baseline | None, pair: Pair, asked: Asked, new: Baseline) -> Pair | None:
    """The same run against the anchor."""
    if anchor is None:
        return None
    side = _anchored(anchor, pair.baseline.strategy)
    usd = _usd((pair.run, side), pricing.today(new, anchor, asked.prices))
    return Pair(pair.run, side, usd, pair.unresolved_usd, pair.inference)


def _usd(sides: tuple[Side, Side], prices: pricing.Both) -> tuple[Array, Array]:
    return usd_of(sides[0], prices[0]), usd_of(sides[1], prices[1])


def _slices(run: folder.Run, policy: PolicyShape, names: Sequence[str]) -> dict[str, Flags]:
    """The conversations of each part that the policy names. Raises InputError for a tag that nothing has."""
    asked = [each.tag for each in policy.limits.slices]
    if policy.limits.high_stakes:
        asked.append(policy.limits.high_stakes.tag)
    found = {}
    kept = np.isin(sorted(run.about["dataset"]["conversations"]), names)
    for tag in asked:
        flags, seen = members(run, tag)
        flags = flags[kept]
        if not flags.any():
            listed = f"; tags and labels: {', '.join(seen[:20])}" if seen else "; none has a tag or a label"
            hint = content.did_you_mean(tag, seen)
            raise InputError(f"policy: no conversation has the tag or label '{tag}'{hint}{listed}")
        found[tag] = flags.astype(bool)
    return found


def _placebo(run: folder.Run, pair: Pair) -> Pair | None:
    """The gated strategy against the one that answers afresh what is recorded, where the run has one."""
    placebos = dict.fromkeys(strategies.placebos(run.about).values())
    name = next((each for each in placebos if each != pair.run.strategy), None)
    if name is None:
        return None
    side = common.among(baseline_of(run, [name]).sides[name], pair.run.conversations)
    return Pair(pair.run, side, pair.usd, pair.unresolved_usd, pair.inference)
