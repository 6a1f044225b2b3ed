"""How often the gate is wrong, and how often it is right, for simulated conversations whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from builders import scores
from interval_coverage import Arm, arms
from ladder_bench.analyse import bootstrap, decisions, effects
from ladder_bench.analyse.decisions import Decided, Outcome, Test
from ladder_bench.analyse.effects import Effect, Reading
from ladder_bench.analyse.pareto import labels
from simulated_conversations import BASE, CANDIDATE, Design, simulated, worse

MARGINS = {"log QPD": float(np.log(1 / 0.90)), "quality": 0.03, "harm": 0.05}
Contrast = Callable[[Reading, Reading], Effect]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Shares of sets in which the gate passes, fails, and each test passes by itself."""

    passed: float
    failed: float
    alone: dict[str, float]


def outcomes(design: Design, sets: int, seed: int = 1) -> Outcomes:
    """Of the gate with its three tests on."""
    return _counted(
        decisions.decide(blocking(*pair, design.unresolved_usd)) for pair in arms(simulated(design, sets, seed))
    )


def outcomes_unpaired(base: Design, candidate: Design, sets: int, seed: int = 1) -> Outcomes:
    """The same where the arms have different conversations, and different numbers of them."""
    first = (pair[CANDIDATE] for pair in arms(simulated(candidate, sets, seed)))
    second = (pair[BASE] for pair in arms(simulated(base, sets, seed + 1)))
    return _counted(
        decisions.decide(blocking(old, new, base.unresolved_usd, effects.apart))
        for old, new in zip(second, first, strict=True)
    )


def blocking(base: Arm, candidate: Arm, unresolved_usd: float, contrast: Contrast = effects.difference) -> list[Test]:
    qpd = [effects.log_qpd(arm["resolved"], arm["cost"], unresolved_usd) for arm in (candidate, base)]
    quality = [effects.mean(arm["quality"]) for arm in (candidate, base)]
    harm = [effects.mean(-arm["harm"]) for arm in (candidate, base)]
    named = {"log QPD": contrast(*qpd), "quality": contrast(*quality), "harm": contrast(*harm)}
    return [Test(name, effect, MARGINS[name], skewed=name == "harm") for name, effect in named.items()]


def worse_by_margin(design: Design) -> dict[str, Design]:
    """The candidate is worse by just a margin in one thing; in the others it is far better, so that they always pass."""
    graded = replace(design, quality=(design.quality[BASE], 0.95), harm=(0.5, 0.05))
    resolving = replace(design, resolved=(design.resolved[BASE], 0.99))
    return {
        "log QPD, by cost": worse(graded, "cost_usd", MARGINS["log QPD"]),
        "log QPD, by resolved": worse(graded, "resolved", MARGINS["log QPD"]),
        "quality": worse(replace(resolving, harm=(0.5, 0.05)), "quality", MARGINS["quality"]),
        "harm": worse(replace(resolving, quality=(design.quality[BASE], 0.95)), "harm", MARGINS["harm"]),
    }


def all_worse_by_margin(design: Design) -> Design:
    found = worse(design, "cost_usd", MARGINS["log QPD"])
    return worse(worse(found, "quality", MARGINS["quality"]), "harm", MARGINS["harm"])


@dataclass(frozen=True, slots=True)
class Power:
    """The n that is printed for a test, and the share of sets of that n in which it passes where nothing differs."""

    needed: int
    passed: float


def power(design: Design, sets: int, pilot: int = 20_000, seed: int = 1) -> dict[str, Power]:
    """Of each test and of all three together, the n from the spread in one pilot of so many conversations."""
    full = replace(design, missing=0.0)
    (pair,) = arms(simulated(replace(full, conversations=pilot), 1, seed))
    found = decisions.decide(blocking(*pair, design.unresolved_usd))
    needed: dict[str, int | None] = {each.test.name: each.needed for each in found}
    needed["all three"] = decisions.conversations_needed_together([each.test for each in found])
    shares = {}
    for name, n in needed.items():
        assert n is not None
        seen = outcomes(replace(full, conversations=n), sets, seed + 1)
        shares[name] = Power(n, seen.alone.get(name, seen.passed))
    return shares


def printed(design: Design, pilot: int, pilots: int, seed: int = 1) -> dict[str, tuple[float, float]]:
    """What n is printed from a pilot of so many conversations, over pilots: its 10th and 90th percentile."""
    data = simulated(replace(design, conversations=pilot, missing=0.0), pilots, seed)
    found: dict[str, list[float]] = {}
    for pair in arms(data):
        decided = decisions.decide(blocking(*pair, design.unresolved_usd))
        for each in decided:
            found.setdefault(each.test.name, []).append(float(each.needed or np.nan))
        together = decisions.conversations_needed_together([each.test for each in decided], draws=4000)
        found.setdefault("all three", []).append(float(together or np.nan))
    return {name: tuple(np.quantile(each, [0.1, 0.9]).tolist()) for name, each in found.items()}  # type: ignore[misc]


def six_points_lower(conversations: int, sets: int, seed: int = 1) -> float:
    """How often the gate fails where quality drops by 0.06, paired standard deviation 0.25, and all else is the same."""
    rng = np.random.default_rng([seed, conversations])
    design = Design(conversations=conversations, missing=0.0)
    failed = 0
    for base, candidate in arms(simulated(design, sets, seed)):
        drop = rng.normal(-0.06, 0.25, conversations)
        three = blocking(base, candidate | {"quality": base["quality"] + drop}, design.unresolved_usd)
        failed += decisions.together([each.outcome for each in decisions.decide(three)]) == "fail"
    return failed / sets


# --- many strategies -----------------------------------------------------------------------


def family_wise_error(
    conversations: int, effects_count: int, sets: int, draws: int = 1000, sparse: int = 0, seed: int = 1
) -> tuple[float, float]:
    """How often max-T bands around k effects, all 0, exclude 0 for any; and how often plain intervals would.

    Effects share a base; half are of means in [0, 1], half of skewed log ratios. The last `sparse` of them differ from
    the base in one conversation of 20 only.
    """
    rng = np.random.default_rng([seed, conversations, effects_count])
    banded = plain = 0
    for number in range(sets):
        found = list(_null_effects(rng, conversations, effects_count, sparse))
        factor = bootstrap.max_t(np.column_stack([each.parts[0] for each in found]), draws=draws, seed=number)
        distances = [abs(each.value) / each.error if each.error > 0 else 0.0 for each in found]
        banded += max(distances) > factor
        plain += any(low > 0 or high < 0 for low, high in (each.bounds(0.025) for each in found))
    return banded / sets, plain / sets


def _null_effects(rng: np.random.Generator, size: int, count: int, sparse: int) -> Iterator[Effect]:
    difficulty = rng.normal(size=size)
    chance = 1 / (1 + np.exp(-1 + difficulty))
    base_quality, base_cost = rng.binomial(8, chance) / 8, np.exp(0.5 * difficulty + 0.7 * rng.normal(size=size))
    for place in range(count):
        differs = rng.random(size) < 0.05 if place >= count - sparse else np.ones(size, dtype=bool)
        if place % 2:
            cost = np.where(differs, np.exp(0.5 * difficulty + 0.7 * rng.normal(size=size)), base_cost)
            yield effects.difference(effects.log_mean(cost), effects.log_mean(base_cost))
        else:
            quality = np.where(differs, rng.binomial(8, chance) / 8, base_quality)
            yield effects.difference(effects.mean(quality), effects.mean(base_quality))


def pareto_errors(arms_count: int, conversations: int, sets: int, cheaper: float = 1.0, seed: int = 1) -> float:
    """How often a label is claimed that does not hold.

    Of equal arms none holds. Where all but the first cost less by a factor and are no better, it is not dominated.
    """
    rng = np.random.default_rng([seed, arms_count, conversations])
    wrong = 0
    for _ in range(sets):
        difficulty = rng.normal(size=conversations)
        quality = rng.binomial(8, 1 / (1 + np.exp(-1 + difficulty)), (arms_count, conversations)) / 8
        cost = np.exp(0.5 * difficulty + 0.5 * rng.normal(size=(arms_count, conversations)))
        cost[1:] *= cheaper
        found = labels([scores(str(n), quality=quality[n], cost_usd_warm=cost[n]) for n in range(arms_count)])
        claimed = [found["0"]] if cheaper != 1.0 else found.values()
        wrong += any(label == "dominated" or (cheaper == 1.0 and label == "front") for label in claimed)
    return wrong / sets


def _counted(decided: Iterator[list[Decided]]) -> Outcomes:
    passed = failed = count = 0
    alone = dict.fromkeys(MARGINS, 0)
    for found in decided:
        outcome: Outcome = decisions.together([each.outcome for each in found])
        passed, failed, count = passed + (outcome == "pass"), failed + (outcome == "fail"), count + 1
        for each in found:
            alone[each.test.name] += each.outcome == "pass"
    return Outcomes(passed / count, failed / count, {name: each / count for name, each in alone.items()})
