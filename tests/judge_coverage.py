"""How often intervals for judged conversations hold the truth, over simulated sets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.agreement import Labels, agreement
from ladder_bench.analyse.correction import Powered, powered, rogan_gladen
from ladder_bench.analyse.judge_errors import error_difference, judge_errors
from ladder_bench.domain import Estimate
from simulated_judges import Design, Simulated, simulated, true_rates

BASE, CANDIDATE = 0, 1


@dataclass(frozen=True, slots=True)
class Coverage:
    """Share of intervals that hold the truth; `bias`: mean of value minus truth; `width`: half the mean interval.

    `without`: the share of sets that have no interval.
    """

    share: float
    bias: float
    width: float
    without: float
    error: float


def coverage(found: list[Estimate], truth: float) -> Coverage:
    known = np.array([(each.value, each.low, each.high) for each in found if each.low is not None])
    value, low, high = known.T
    held = float(((low <= truth) & (truth <= high)).mean())
    error = float(np.sqrt(held * (1 - held) / len(known)))
    return Coverage(
        held, float(value.mean() - truth), float((high - low).mean() / 2), 1 - len(known) / len(found), error
    )


def of_differences(design: Design, sets: int, seed: int = 1) -> dict[str, Coverage]:
    """Of candidate minus base: PPI++, the judge alone, people alone, and Rogan-Gladen with labels of both arms pooled."""
    data = simulated(design, sets, seed)
    base, candidate = true_rates(design)
    found: dict[str, list[Estimate]] = {"PPI++": [], "judge alone": [], "people alone": [], "Rogan-Gladen pooled": []}
    for number, each in enumerate(differences(data, design)):
        found["PPI++"].append(each.estimate)
        found["judge alone"].append(each.naive)
        found["people alone"].append(each.people)
        pooled = joined(labels(data, number, BASE, design), labels(data, number, CANDIDATE, design))
        arms = [rogan_gladen(*everything(data, number, arm), pooled) for arm in (CANDIDATE, BASE)]
        found["Rogan-Gladen pooled"].append(apart(*arms))
    return {name: coverage(each, float(candidate - base)) for name, each in found.items()}


def of_rates(design: Design, sets: int, seed: int = 1) -> dict[str, Coverage]:
    """Of the candidate's rate, the judge's errors and its agreement with people, from the candidate's own labels."""
    data = simulated(design, sets, seed)
    found: dict[str, list[Estimate]] = {}
    for number in range(sets):
        own, other = labels(data, number, CANDIDATE, design), labels(data, number, BASE, design)
        names, judged = everything(data, number, CANDIDATE)
        errors, agreed = judge_errors(own), agreement(own)
        sums = [np.bincount(names, weights) for weights in (judged, np.ones(len(names)))]
        for name, each in {
            "Rogan-Gladen": rogan_gladen(names, judged, own),
            "judge alone": estimates.ratio(*sums),
            "sensitivity": errors.sensitivity,
            "specificity": errors.specificity,
            "J": errors.youden,
            "difference in sensitivity": error_difference(own, other).sensitivity,
            "raw agreement": agreed.raw,
            "kappa": agreed.kappa,
            "AC1": agreed.ac1,
        }.items():
            found.setdefault(name, []).append(each)
    truth = true_agreement(design)
    return {name: coverage(each, truth[name]) for name, each in found.items()}


def true_agreement(design: Design) -> dict[str, float]:
    """The candidate's true figures: what people and the judge say are independent given the true error rates."""
    met = float(true_rates(design)[CANDIDATE])
    q1, q0 = design.sensitivity[CANDIDATE], design.specificity[CANDIDATE]
    judged = met * q1 + (1 - met) * (1 - q0)
    raw, half = met * q1 + (1 - met) * q0, (met + judged) / 2
    by_chance = met * judged + (1 - met) * (1 - judged)
    return {
        "Rogan-Gladen": met,
        "judge alone": met,
        "sensitivity": q1,
        "specificity": q0,
        "J": q1 + q0 - 1,
        "difference in sensitivity": q1 - design.sensitivity[BASE],
        "raw agreement": raw,
        "kappa": (raw - by_chance) / (1 - by_chance),
        "AC1": (raw - 2 * half * (1 - half)) / (1 - 2 * half * (1 - half)),
    }


def differences(data: Simulated, design: Design) -> list[Powered]:
    """PPI++ of every set."""
    people, judged = (np.diff(data.means(said), axis=0)[0] for said in (data.people, data.judged))
    people[:, design.labelled :] = np.nan
    return [powered(*each) for each in zip(judged, people, strict=True)]


def of_turns(design: Design, sets: int, seed: int = 1) -> dict[str, Coverage]:
    """Of candidate minus base where one random turn of each labelled conversation is labelled, in both arms.

    Items are turns here. A conversation's judged difference is that of its labelled turn, or of all that both arms have.
    """
    data = simulated(design, sets, seed)
    random = np.random.default_rng(seed + 1)
    base, candidate = true_rates(design)
    shared = data.exists.all(axis=0)
    drawn = np.where(shared, random.random(shared.shape), -1.0).argmax(axis=-1)[..., np.newaxis]
    apart = {
        name: said[CANDIDATE].astype(float) - said[BASE] for name, said in (("p", data.people), ("j", data.judged))
    }
    whole = (apart["j"] * shared).sum(axis=-1) / shared.sum(axis=-1)
    people, judged = (np.take_along_axis(apart[name], drawn, axis=-1)[..., 0] for name in ("p", "j"))
    rest = np.arange(design.conversations) >= design.labelled
    judged, people = np.where(rest, whole, judged), np.where(rest, np.nan, people)
    found = [powered(*each) for each in zip(judged, people, strict=True)]
    named = {
        "PPI++": [each.estimate for each in found],
        "judge alone": [estimates.mean(each) for each in whole],
        "people alone": [each.people for each in found],
    }
    return {name: coverage(each, float(candidate - base)) for name, each in named.items()}


def everything(data: Simulated, number: int, arm: int) -> tuple[np.ndarray, np.ndarray]:
    """The conversation of every item of an arm, and the judge's word on it."""
    exists = data.exists[arm, number]
    return np.nonzero(exists)[0], data.judged[arm, number][exists].astype(float)


def labels(data: Simulated, number: int, arm: int, design: Design) -> Labels:
    exists = data.exists[arm, number, : design.labelled]
    people, judged = (said[arm, number, : design.labelled][exists].astype(float) for said in (data.people, data.judged))
    return Labels(np.nonzero(exists)[0], judged, people)


def joined(*parts: Labels) -> Labels:
    columns = ("conversations", "judged", "people")
    return Labels(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def apart(first: Estimate, second: Estimate) -> Estimate:
    """First minus second as if they were independent: wider than it need be, where they share conversations."""
    if first.low is None or second.low is None:
        return estimates.missing("an arm has no interval")
    value = first.value - second.value
    low = value - np.hypot(first.value - first.low, second.high - second.value)
    high = value + np.hypot(first.high - first.value, second.value - second.low)
    return Estimate(value, float(low), float(high), first.n)
