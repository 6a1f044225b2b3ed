"""How often intervals for simulated conversations hold the truth: means, contrasts, ratios, QPD, savings, suites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

import simulated_conversations as simulation
from builders import scores
from ladder_bench.analyse import bootstrap, effects, estimates
from ladder_bench.analyse.equal_quality import line
from ladder_bench.analyse.headline import quality_per_dollar
from ladder_bench.analyse.tails import TAIL, tail_share
from ladder_bench.domain import Estimate
from simulated_conversations import BASE, CANDIDATE, Design, Simulated, simulated

Arm = dict[str, np.ndarray]
COLUMNS = ("quality", "resolved", "cost", "harm", "tokens")


def coverage(design: Design, sets: int, seed: int = 1) -> dict[str, float]:
    """Of t-intervals on influence values, by what they are for."""
    truths = true_values(design)
    held = dict.fromkeys(truths, 0)
    for base, candidate in arms(simulated(design, sets, seed)):
        for name, found in estimated(base, candidate, design.unresolved_usd).items():
            held[name] += holds(found, truths[name])
    return {name: count / sets for name, count in held.items()}


def estimated(base: Arm, candidate: Arm, unresolved_usd: float) -> dict[str, Estimate]:
    log_qpd = [effects.log_qpd(arm["resolved"], arm["cost"], unresolved_usd) for arm in (candidate, base)]
    dollars = [effects.dollars(arm["resolved"], arm["cost"], unresolved_usd) for arm in (candidate, base)]
    scored = scores(quality=candidate["quality"], resolved=candidate["resolved"], cost_usd_warm=candidate["cost"])

    def contrast(reading: Callable[[np.ndarray], effects.Reading], column: str) -> Estimate:
        return effects.difference(reading(candidate[column]), reading(base[column])).estimate()

    return {
        "quality": effects.of(effects.mean(candidate["quality"])).estimate(),
        "resolved": effects.of(effects.mean(candidate["resolved"])).estimate(),
        "cost": effects.of(effects.mean(candidate["cost"])).estimate(),
        "harm": effects.of(effects.mean(candidate["harm"])).estimate(),
        "tokens a turn": estimates.ratio(candidate["tokens"], candidate["turns"]),
        "QPD": quality_per_dollar(scored, unresolved_usd),
        "log QPD": effects.of(log_qpd[0]).estimate(),
        "Δ quality": contrast(effects.mean, "quality"),
        "Δ resolved": contrast(effects.mean, "resolved"),
        "Δ cost": contrast(effects.mean, "cost"),
        "Δ harm": contrast(effects.mean, "harm"),
        "log cost ratio": contrast(effects.log_mean, "cost"),
        "log tokens a turn": effects.difference(
            *(effects.log_ratio_of_means(arm["tokens"], arm["turns"]) for arm in (candidate, base))
        ).estimate(),
        "Δ log QPD": effects.difference(*log_qpd).estimate(),
        "Δ effective dollars": effects.difference(*dollars).estimate(),
    }


def true_values(design: Design) -> dict[str, float]:
    base, candidate = (simulation.truth(design, arm) for arm in (BASE, CANDIDATE))
    qpd = [simulation.log_qpd(design, arm) for arm in (BASE, CANDIDATE)]
    saved = design.unresolved_usd * (candidate.resolved - base.resolved)
    return {
        "quality": candidate.quality,
        "resolved": candidate.resolved,
        "cost": candidate.cost,
        "harm": candidate.harm,
        "tokens a turn": candidate.tokens_per_turn,
        "QPD": float(np.exp(qpd[CANDIDATE])),
        "log QPD": qpd[CANDIDATE],
        "Δ quality": candidate.quality - base.quality,
        "Δ resolved": candidate.resolved - base.resolved,
        "Δ cost": candidate.cost - base.cost,
        "Δ harm": candidate.harm - base.harm,
        "log cost ratio": float(np.log(candidate.cost / base.cost)),
        "log tokens a turn": float(np.log(candidate.tokens_per_turn / base.tokens_per_turn)),
        "Δ log QPD": qpd[CANDIDATE] - qpd[BASE],
        "Δ effective dollars": candidate.cost - base.cost - saved,
    }


def of_turns(design: Design, sets: int, seed: int = 1) -> float:
    """Coverage of the mean quality with the standard error of turns, as if they were independent."""
    data = simulated(design, sets, seed)
    centre = data.quality[CANDIDATE].mean(axis=1)
    share, turns = data.met[CANDIDATE].sum(axis=1) / data.turns.sum(axis=1), data.turns.sum(axis=1)
    half = 1.96 * np.sqrt(share * (1 - share) / turns)
    return float((np.abs(centre - design.quality[CANDIDATE]) <= half).mean())


def tails(design: Design, sets: int, seed: int = 1) -> float:
    """How often the tail warning fires for either arm."""
    data = simulated(design, sets, seed)
    return float(np.mean([max(tail_share(arm["cost"]) for arm in pair) > TAIL for pair in arms(data)]))


# --- bootstrap -----------------------------------------------------------------------------


TIERS = ((0.45, 0.02), (0.70, 0.06), (0.95, 0.20))  # quality and cost of three single tiers


def of_bootstrap(design: Design, sets: int, draws: int = 1000, seed: int = 1) -> dict[str, float]:
    """Coverage of percentile intervals: a mean, a log cost ratio, and the saving against a mix of tiers as good."""
    data = simulated(design, sets, seed)
    tiers = [
        simulated(replace(design, quality=(0.7, quality), cost_usd=(0.1, cost)), sets, seed + 1 + place)
        for place, (quality, cost) in enumerate(TIERS)
    ]
    along, cost = float(np.interp(design.quality[CANDIDATE], *np.transpose(TIERS))), design.cost_usd[CANDIDATE]
    truths = {
        "quality": design.quality[CANDIDATE],
        "log cost ratio": float(np.log(cost / design.cost_usd[BASE])),
        "saving": along - cost,
        "share saved": 1 - cost / along,
    }
    held = dict.fromkeys(truths, 0)
    for number, (base, candidate) in enumerate(arms(data)):
        known = data.known[number]
        single = [tier.quality[CANDIDATE, number][known] for tier in tiers]
        single += [tier.cost[CANDIDATE, number][known] for tier in tiers]
        drawn = bootstrap.means(
            np.column_stack([candidate["quality"], candidate["cost"], base["cost"], *single]), draws
        )
        mixed = line(drawn[:, 3:6], drawn[:, 6:9], drawn[:, 0]).cost
        for name, statistic in {
            "quality": drawn[:, 0],
            "log cost ratio": np.log(drawn[:, 1] / drawn[:, 2]),
            "saving": mixed - drawn[:, 1],
            "share saved": 1 - drawn[:, 1] / mixed,
        }.items():
            low, high = bootstrap.percentiles(statistic)
            held[name] += bool(low <= truths[name] <= high)
    return {name: count / sets for name, count in held.items()}


# --- other designs -------------------------------------------------------------------------


def unpaired(base: Design, candidate: Design, sets: int, seed: int = 1) -> dict[str, float]:
    """Welch's intervals, and those of all conversations taken as one sample of pairs' size, for two designs."""
    first, second = simulated(candidate, sets, seed), simulated(base, sets, seed + 1)
    truths = {
        "Δ quality": candidate.quality[CANDIDATE] - base.quality[BASE],
        "log cost ratio": float(np.log(candidate.cost_usd[CANDIDATE] / base.cost_usd[BASE])),
        "Δ log QPD": simulation.log_qpd(candidate, CANDIDATE) - simulation.log_qpd(base, BASE),
    }
    held = dict.fromkeys(truths, 0)
    dollars = base.unresolved_usd
    for number in range(sets):
        new, old = _arm(first, number, CANDIDATE), _arm(second, number, BASE)
        for name, found in {
            "Δ quality": effects.apart(effects.mean(new["quality"]), effects.mean(old["quality"])),
            "log cost ratio": effects.apart(effects.log_mean(new["cost"]), effects.log_mean(old["cost"])),
            "Δ log QPD": effects.apart(*(effects.log_qpd(arm["resolved"], arm["cost"], dollars) for arm in (new, old))),
        }.items():
            held[name] += holds(found.estimate(), truths[name])
    return {name: count / sets for name, count in held.items()}


def by_cluster(groups: int, sets: int, uneven: bool, seed: int = 1) -> dict[str, float]:
    """Users with 1 to 10 conversations each (1 to 40 where `uneven`), alike within a user; each conversation weighs 1.

    Truth: users' means are 0 whatever their number of conversations.
    """
    rng = np.random.default_rng([seed, groups])
    held = {"clustered": 0, "as if independent": 0}
    for _ in range(sets):
        sizes = rng.zipf(1.8, groups).clip(1, 40) if uneven else rng.integers(1, 11, groups)
        users = np.repeat(np.arange(groups), sizes)
        values = rng.normal(size=groups)[users] * 0.5 + rng.normal(size=users.size)
        alone = effects.of(effects.mean(values))
        held["clustered"] += holds(effects.by_cluster(alone, [users]).estimate(), 0.0)
        held["as if independent"] += holds(alone.estimate(), 0.0)
    return {name: count / sets for name, count in held.items()}


def by_stratum(conversations: int, sets: int, seed: int = 1) -> dict[str, float]:
    """Three strata whose effects differ, drawn 60/25/15, that weigh 20/30/50; log ratios as well as means."""
    rng = np.random.default_rng([seed, conversations])
    shares, effect = {"a": 0.2, "b": 0.3, "c": 0.5}, np.array([0.0, -0.1, 0.2])
    levels = np.array([0.5, 1.0, 2.0])
    weigh = np.array(list(shares.values()))
    mean = float(weigh @ effect)
    ratio = float(np.log(weigh @ (levels * np.exp(effect)) / (weigh @ levels)))
    held = {"Δ mean": 0, "log ratio": 0, "unweighted Δ mean": 0}
    for _ in range(sets):
        place = rng.choice(3, conversations, p=[0.6, 0.25, 0.15])
        place[:60] = np.repeat(np.arange(3), 20)
        strata = np.array(["a", "b", "c"])[place].tolist()
        weights = effects.weights(strata, shares)
        shared = rng.normal(size=conversations)
        old, new = shared, shared + effect[place] + rng.normal(size=conversations) * (0.3 + 0.2 * place)
        contrast = effects.difference(effects.mean(new, weights), effects.mean(old, weights))
        held["Δ mean"] += holds(effects.by_stratum(contrast, strata, shares).estimate(), mean)
        noise = np.exp(0.4 * rng.normal(size=(2, conversations)) - 0.08) * np.exp(0.3 * shared - 0.045)
        spent = [levels[place] * np.exp(effect[place]) * noise[0], levels[place] * noise[1]]
        logs = effects.difference(*(effects.log_mean(each, weights) for each in spent))
        held["log ratio"] += holds(effects.by_stratum(logs, strata, shares).estimate(), ratio)
        held["unweighted Δ mean"] += holds(effects.difference(effects.mean(new), effects.mean(old)).estimate(), mean)
    return {name: count / sets for name, count in held.items()}


def of_suite(conversations: int, samples: int, sets: int, seed: int = 1) -> dict[str, float]:
    """Runs again over the same conversations: does the interval hold their own effect, and that of all such?

    Resolved is a draw with each conversation's own chance in each arm, cost lognormal around its own level.
    """
    rng = np.random.default_rng([seed, conversations, samples])
    names = ("suite, Δ resolved", "suite, log cost ratio", "suite's, of the population", "population's, of the suite")
    held = dict.fromkeys(names, 0)
    for _ in range(sets):
        chance = rng.beta(1.5, 1.0, (2, conversations, 1))
        level = np.exp(rng.normal(size=(2, conversations, 1)) * 0.5)
        resolved = (rng.random((2, conversations, samples)) < chance).astype(float)
        cost = level * np.exp(rng.normal(size=resolved.shape) * 0.4 - 0.08)
        own = float(chance[1].mean() - chance[0].mean())
        own_ratio = float(np.log(level[1].mean() / level[0].mean()))
        repeated = effects.suite(effects.difference(effects.mean(resolved[1]), effects.mean(resolved[0]))).estimate()
        dearer = effects.suite(effects.difference(effects.log_mean(cost[1]), effects.log_mean(cost[0]))).estimate()
        population = effects.difference(*(effects.mean(resolved[arm].mean(axis=1)) for arm in (1, 0))).estimate()
        found = (holds(repeated, own), holds(dearer, own_ratio), holds(repeated, 0.0), holds(population, own))
        for name, each in zip(names, found, strict=True):
            held[name] += each
    return {name: count / sets for name, count in held.items()}


def holds(found: Estimate, truth: float) -> bool:
    if found.low is None or found.high is None:
        raise ValueError(found.why)
    return found.low <= truth <= found.high


def arms(data: Simulated) -> Iterator[tuple[Arm, Arm]]:
    """Base and candidate of every set, over the conversations that both have."""
    for number in range(data.known.shape[0]):
        yield _arm(data, number, BASE), _arm(data, number, CANDIDATE)


def _arm(data: Simulated, number: int, arm: int) -> Arm:
    known = data.known[number]
    found = {name: getattr(data, name)[arm, number][known] for name in COLUMNS if name != "quality"}
    met, turns = data.met[arm, number][known], data.turns[number][known]
    return {**found, "quality": met / turns, "turns": turns.astype(float)}
