"""Preconditions: why a run may not be held against a baseline at all, a line a reason."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.turns import Flags, over_samples
from ladder_bench.domain import Price
from ladder_bench.gating import common
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.sides import owners
from ladder_bench.sides.fingerprints import differences
from ladder_bench.sides.side import Baseline, Side
from ladder_bench.sides.tokens import OUTPUT

UNSCORED = 0.02  # of criteria or conversations (3-statistics); beyond it what is left may be the easy part
UNEQUAL = 0.01  # between the sides' unscored shares
UNREADABLE = 0.02  # of what a judge was asked
FLIPS = 0.10  # of a judge's repeats
CHARACTERS = 20  # of answers an output token; text has about 4, whole words of code or tables up to 10
NEEDS = {"qpd": ("resolved", "cost"), "quality": ("quality",), "harm": ("unsupported claims",)}
SAYS = {
    "quality": "quality is not defined: the run has no criteria and no outcomes",
    "resolved": "resolved is not defined: the run has no criteria and no outcomes",
    "cost": "cost is not known: usage is missing",
    "unsupported claims": "unsupported claims were not measured",
}


def reasons(run: Baseline, baseline: Baseline, pair: tuple[Side, Side], policy: PolicyShape) -> list[str]:
    """Everything that stands between a run and a decision; empty where nothing does."""
    found = differences(baseline.fingerprint, run.fingerprint, ("baseline", "run"))
    if found:  # without common ground there is nothing further to compare
        return _with_hint(found, pair)
    if users := owners.differ(run.owners, baseline.owners, pair[0].conversations):
        return [users]
    if run.incomplete:
        found.append("the run is incomplete (it was stopped); resume it with the same command")
    if run.stands_in != baseline.stands_in:
        what = [each.stands_in or "criteria define it" for each in (run, baseline)]
        found.append(f"what quality is differs: {what[0]} (the run); {what[1]} (the baseline)")
    found += _judging(run.judging, "run")
    found += _judging(baseline.judging, "baseline")
    for side, where in zip(pair, ("run", "baseline"), strict=True):
        found += _estimated(side, where, policy)
    found += _absent(pair) or _not_measured(pair, policy) or _unscored(pair, policy)
    if not found and "qpd" in policy.tests:
        found += [*_uncounted(pair), *_understated(pair)]
    if not found and "qpd" in policy.tests and _nothing_before(pair):
        found.append("the baseline resolves nothing, so its quality per dollar is 0: hold the run against another one")
    if policy.inference == "suite" and min(side.samples for side in pair) < 2:
        found.append("inference: suite needs samples >= 2 on both sides (run with --samples 2)")
    if policy.inference == "suite" and policy.limits.latency:
        found.append(
            "inference: suite cannot decide limits.latency: waits are known by conversation and not by sample; decide "
            "over conversations (--inference population), or without that limit"
        )
    return found


def _uncounted(pair: tuple[Side, Side]) -> Iterator[str]:
    """Conversations that were answered and count no token at all: a provider that reports 0 has not counted."""
    for side, where in zip(pair, ("run", "baseline"), strict=True):
        answered = ~np.isnan(side.answered)
        share = _share((answered & (side.tokens.total() == 0)).sum(), answered.sum())
        if share > UNSCORED:
            yield f"{share:.1%} of the conversations were answered with a usage of 0 tokens in the {where}: not counted"


def _understated(pair: tuple[Side, Side]) -> Iterator[str]:
    """Answers too long for the tokens that were counted for them: whoever counts one token a call has not counted."""
    for side, where in zip(pair, ("run", "baseline"), strict=True):
        mine = [place for place, line in enumerate(side.tokens.lines) if line.purpose == "answer"]
        tokens = float(side.tokens.counts[mine][..., OUTPUT].sum())
        if side.characters and side.characters > CHARACTERS * tokens:
            yield (
                f"usage is understated in the {where}: {side.characters:,} characters of answers were counted as "
                f"{tokens:,.0f} output tokens, and a token is at most {CHARACTERS} characters, so cost is not known"
            )


def _nothing_before(pair: tuple[Side, Side]) -> bool:
    new, old = (np.nanmax(side.cells["resolved"]) for side in pair)
    return bool(old == 0 < new)


def unpriced(pair: tuple[Side, Side], prices: tuple[Mapping[str, Price], Mapping[str, Price]]) -> list[str]:
    """Tiers without a price, or with one of 0: quality per dollar of what is free means nothing."""
    found = []
    for line, known in ((line, known) for side, known in zip(pair, prices, strict=True) for line in side.tokens.lines):
        price = known.get(line.tier)
        if price is None:
            found.append(f"tier '{line.tier}' has no price: name one with --prices")
        elif 0.0 in _rates(price.at(line.above + 1)):
            found.append(
                f"tier '{line.tier}' has a price of 0: quality per dollar of what is free means nothing; name its "
                "price with --prices"
            )
    return list(dict.fromkeys(found))


def _rates(price: Price) -> tuple[float | None, ...]:
    """What may not be free: prompts, answers, and what a model thinks, which may be most of an answer."""
    return price.input, price.output, price.reasoning


def _with_hint(found: list[str], pair: tuple[Side, Side]) -> list[str]:
    """Differences with what to do, where all of them are conversations of one side alone."""
    if not all(each.startswith("conversations differ: ") and " only in the " in each for each in found):
        return found
    return [*found[:-1], found[-1] + common.hint(pair)]


def _judging(judges: Mapping[str, Mapping[str, float | None]], where: str) -> Iterator[str]:
    for name, said in judges.items():
        asked, unreadable, flips = said["criteria"] or 0, said["unreadable"] or 0, said["flip_rate"]
        if asked and unreadable / asked > UNREADABLE:
            yield (
                f"judge '{name}': {unreadable / asked:.1%} of {asked:,.0f} criteria got no readable reply in the "
                f"{where}; at most {UNREADABLE:.0%} may"
            )
        if flips is not None and flips > FLIPS:
            yield (
                f"judge '{name}': changed its mind on {flips:.1%} of what it was asked twice in the {where} "
                f"({said['repeated']:,.0f} criteria); at most {FLIPS:.0%} may"
            )


def _estimated(side: Side, where: str, policy: PolicyShape) -> Iterator[str]:
    if side.estimated and "qpd" in policy.tests and not policy.allow_estimated:
        yield (
            f"usage of {side.estimated:,} calls was estimated in the {where}: what they cost is a guess (policy "
            "'allow_estimated: true' accepts it)"
        )


def _columns(side: Side) -> dict[str, Array]:
    return {
        "quality": side.cells["quality"],
        "resolved": side.cells["resolved"],
        "cost": side.answered,
        "unsupported claims": side.cells["unsupported_per_turn"],
    }


def _needed(policy: PolicyShape) -> list[str]:
    return list(dict.fromkeys(name for test in policy.tests for name in NEEDS[test]))


def _not_measured(pair: tuple[Side, Side], policy: PolicyShape) -> list[str]:
    """What a test needs and a side has nowhere; the last line says which tests are left."""
    found, broken = [], set()
    for name in _needed(policy):
        missing = [
            where
            for side, where in zip(pair, ("run", "baseline"), strict=True)
            if np.isnan(_columns(side)[name]).all() or (name == "cost" and not side.tokens.lines)
        ]
        if missing:
            tests = [test for test in policy.tests if name in NEEDS[test]]
            broken.update(tests)
            found.append(f"{SAYS[name]} in the {' and the '.join(missing)}: {' and '.join(tests)} cannot be tested")
    rest = [test for test in policy.tests if test not in broken]
    if found and rest:
        found[-1] += f"; a policy with 'tests: [{', '.join(rest)}]' does without"
    return found


def _absent(pair: tuple[Side, Side]) -> list[str]:
    """Conversations that a strategy never had, as arms of a log may: a gate is paired."""
    found = []
    for side, where in zip(pair, ("run", "baseline"), strict=True):
        absent = [name for name, turns in zip(side.conversations, side.turns, strict=True) if not turns.any()]
        if absent:
            found.append(
                f"'{side.strategy}' has not had {len(absent):,} of the {len(side.conversations):,} conversations of "
                f"the {where} ({common.named(absent)}): a gate is paired; 'ladder-bench compare' takes arms over "
                f"different ones{common.hint(pair)}"
            )
    return found


def _unscored(pair: tuple[Side, Side], policy: PolicyShape) -> Iterator[str]:
    """What was left out: too much of it, or more on one side than on the other."""
    shares = {"criteria": tuple(_share(side.criteria[:, 1].sum(), side.criteria[:, 0].sum()) for side in pair)}
    for name in _needed(policy):
        columns = tuple(_columns(side)[name] for side in pair)
        asked = gradable(pair) if name in ("quality", "resolved") else np.ones(len(columns[0]), dtype=bool)
        shares[name] = tuple(_share(np.isnan(each[asked]).sum(), each[asked].size) for each in columns)
    for name, (new, old) in shares.items():
        what = "of the criteria have no score" if name == "criteria" else f"of the conversations have no {name}"
        for share, where in ((new, "run"), (old, "baseline")):
            if share > UNSCORED:
                rest = "what is left may be the easy part"
                yield f"{share:.1%} {what} in the {where}; at most {UNSCORED:.0%} may: {rest}"
        if max(new, old) <= UNSCORED and abs(new - old) > UNEQUAL:
            yield f"{new:.1%} {what} in the run and {old:.1%} in the baseline: at most one point may lie between"


def gradable(pair: tuple[Side, Side]) -> Flags:
    """The conversations in which there is something to grade; all of them where nobody asked for criteria."""
    asked: Flags = (pair[0].criteria[:, 0] + pair[1].criteria[:, 0]) > 0
    return asked if asked.any() else np.ones(len(asked), dtype=bool)


def left_out(pair: tuple[Side, Side]) -> int:
    """Conversations without anything to grade, on either side."""
    known = [~np.isnan(over_samples(side.cells["quality"])) for side in pair]
    return int((~gradable(pair) & ~known[0] & ~known[1]).sum())


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else 0.0
