"""Cross-fitting: what is chosen on one half of the conversations, reported on the other, so that luck is not counted.

The halves are told apart by a hash of the conversation's id, in turn within each segment, so that both have as many
of each; of its user, where users have several: all of them are then in one half. Where one half decides nothing, the
base stands in.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from ladder_bench.analyse import effects, estimates
from ladder_bench.analyse.estimates import FEWEST, Array
from ladder_bench.domain import Estimate, Json, digest_of
from ladder_bench.recommend import choosing
from ladder_bench.recommend.choosing import Candidate
from ladder_bench.recommend.evidence import Evidence, Flags, difference, scaled
from ladder_bench.recommend.policy import Policy

FOLDS = (0, 1)
GAINED = ("cost", "quality", "resolved")
WIDER = 2**0.5  # of one half's interval against that of two halves


def folds(ids: Sequence[str], segments: Sequence[str]) -> Array:
    """The half, 0 or 1, of each conversation: by turns along the hashes of a segment's ids.

    `ids` may be those of users: each counts for the segment that most of the conversations are of.
    """
    counts: dict[str, Counter[str]] = {}
    for name, segment in zip(ids, segments, strict=True):
        counts.setdefault(name, Counter())[segment] += 1
    usual = {name: min(own, key=lambda segment: (-own[segment], segment)) for name, own in counts.items()}
    second: set[str] = set()
    for segment in dict.fromkeys(usual.values()):
        second.update(sorted((name for name in usual if usual[name] == segment), key=_hashed)[1::2])
    return np.array([float(name in second) for name in ids])


def _hashed(name: str) -> str:
    return digest_of("fold", name)


@dataclass(frozen=True, slots=True)
class Halves:
    """The halves of the conversations, and what the whole policy chooses on each of them (None: nothing)."""

    half: Array
    choices: tuple[str | None, str | None]

    def elsewhere(self, fold: int) -> str | None:
        """What was chosen on the half that a conversation of this one is not in."""
        return self.choices[1 - fold]


def _folds(evidence: Evidence) -> Array:
    return folds(evidence.owners or evidence.ids, evidence.segments)


def halves(evidence: Evidence, policy: Policy) -> Halves:
    half = _folds(evidence)
    found = [
        choosing.cheapest(choosing.candidates(evidence.among(half == fold, evidence.shares), policy)) for fold in FOLDS
    ]
    first, second = (each.arm.name if each else None for each in found)
    return Halves(half, (first, second))


def too_few(evidence: Evidence, half: Array) -> str | None:
    """Why halves are too small to choose on, None where they are not. With traffic weights each segment has to do."""
    names = np.array(evidence.owners or evidence.ids, dtype=object)
    parts = {"": np.ones(len(half), dtype=bool)}
    if evidence.shares is not None:
        parts |= {f" of '{name}'": _in_segment(evidence, name) for name in dict.fromkeys(evidence.segments)}
    for where, part in parts.items():
        sizes = [len(set(names[part & (half == fold)])) for fold in FOLDS]
        if min(sizes) < FEWEST:
            return (
                f"too few {evidence.unit}{where}: {sizes[0]} and {sizes[1]} in the halves, {FEWEST} are needed in each"
            )
    return None


def _small(part: Evidence, name: str) -> str | None:
    """Why a segment is too small to choose in, with its name."""
    why = too_few(part, _folds(part))
    return why and why.replace(part.unit, f"{part.unit} of '{name}'", 1)


def report(evidence: Evidence, policy: Policy, split: Halves, close: bool) -> dict[str, Json]:
    """Dollars and quality of what one half chose on the other, both ways round, pooled.

    Where luck decides, the two ways agree by luck: the intervals are then as wide as those of one way alone. That is
    where the halves choose differently, or others are not shown to cost more than the choice (`close`).
    """
    why = too_few(evidence, split.half)
    if why is None and None in split.choices and evidence.base is None:
        why = "one half decides nothing, and there is no base to stand in"
    found: dict[str, Json] = {"choices": list(split.choices), "why": why, "by_luck": None}
    if why is not None:
        nothing = asdict(estimates.missing(why))
        return found | {"usd_month": nothing, "quality": nothing, "resolved": nothing}
    first, second = split.choices
    found["by_luck"] = close or first != second
    width = WIDER if found["by_luck"] else 1.0
    names = {fold: split.elsewhere(fold) or evidence.base for fold in FOLDS}
    lived = _assembled(evidence, split.half, names, "lived")
    cost, quality, resolved = (
        widened(evidence.estimate((_assembled(evidence, split.half, names, column),), effects.mean, lived=lived), width)
        for column in GAINED
    )
    return found | {
        "usd_month": asdict(estimates.amount(scaled(cost, policy.per_month))),
        "quality": asdict(estimates.within_1(quality)),
        "resolved": asdict(estimates.within_1(resolved)),
    }


def widened(found: Estimate, times: float) -> Estimate:
    if found.value is None or found.low is None or found.high is None:
        return found
    low, high = (found.value + times * (bound - found.value) for bound in (found.low, found.high))
    return replace(found, low=low, high=high)


def _assembled(evidence: Evidence, half: Array, names: Mapping[int, str | None], column: str) -> Array:
    """A column that is each half's own strategy's."""
    found = np.full(len(half), np.nan)
    for fold, name in names.items():
        if name is not None:
            found = np.where(half == fold, evidence.arms[name].columns[column], found)
    return found


# --- by segment ----------------------------------------------------------------------------


def by_segment(evidence: Evidence, policy: Policy, split: Halves, choice: str | None) -> dict[str, Json]:
    """The cheapest that holds in each segment, and what deciding by segment gains over one choice for all.

    The choices shown are made on all conversations, the gain is cross-fitted.
    """
    shares = _shares(evidence)
    whole = chosen(evidence, policy, shares)
    rows = []
    for name, share in shares.items():
        part = evidence.segment(name)
        small = _small(part, name)
        best = whole[name]
        fallback = choice or evidence.base
        applied = best.arm.name if best and not small else fallback
        cost = (
            _dollars(part, applied, policy.per_month * share)
            if applied
            else estimates.missing("nothing is chosen, and there is no base to stand in")
        )
        rows.append(
            {
                "segment": name, "n": len(part.ids), "share": share,
                "choice": None if best is None or small else best.arm.name, "applied": applied,
                "usd_month": asdict(cost),
                "why": small or (None if best else "no strategy is shown to hold there"),
            }
        )  # fmt: skip
    return {"rows": rows, "gain": _gain(evidence, policy, split, shares)}


def _dollars(part: Evidence, arm: str, times: float) -> Estimate:
    columns = part.arms[arm].columns
    return part.estimate((columns["cost"],), effects.mean, times, columns["lived"])


def _shares(evidence: Evidence) -> dict[str, float]:
    """The share of each segment's traffic: as declared, else that of its conversations."""
    if evidence.shares is not None:
        return {name: share for name, share in evidence.shares.items() if share > 0 and name in evidence.segments}
    n = len(evidence.segments)
    return {name: evidence.segments.count(name) / n for name in dict.fromkeys(sorted(evidence.segments))}


def chosen(
    evidence: Evidence, policy: Policy, segments: Sequence[str] | Mapping[str, float]
) -> dict[str, Candidate | None]:
    """The cheapest that holds in each segment, shown for all strategies in all segments at once (Holm)."""
    found = [(name, each) for name in segments for each in choosing.candidates(evidence.segment(name), policy, True)]
    kept = choosing.together([each for _, each in found])
    return {
        name: choosing.cheapest(each for (of, _), each in zip(found, kept, strict=True) if of == name)
        for name in segments
    }


def _gain(evidence: Evidence, policy: Policy, split: Halves, shares: Mapping[str, float]) -> dict[str, Json]:
    """Dollars saved a month and quality won by choosing by segment, where both were chosen on the other half."""
    why = too_few(evidence, split.half)
    if why is None and None in split.choices and evidence.base is None:
        why = "one half decides nothing, and there is no base to stand in"
    if why is not None:
        nothing = asdict(estimates.missing(why))
        return {
            "usd_month": nothing,
            "quality": nothing,
            "resolved": nothing,
            "choices": [],
            "too_small": [],
            "why": why,
        }
    small = [name for name in shares if _small(evidence.segment(name), name)]
    usable = [name for name in shares if name not in small]
    own = {column: np.full(len(evidence.ids), np.nan) for column in GAINED}
    one = {column: np.full(len(evidence.ids), np.nan) for column in GAINED}
    choices = []
    for fold in FOLDS:
        there = evidence.among(split.half != fold, evidence.shares)
        best = chosen(there, policy, usable)
        single = split.elsewhere(fold) or evidence.base
        applied = {name: found.arm.name if (found := best.get(name)) else single for name in shares}
        choices.append({"all": single, **{f"segment {name}": each for name, each in applied.items()}})
        for name, arm in applied.items():
            here = _in_segment(evidence, name) & (split.half == fold)
            for column in own:
                own[column][here] = evidence.arms[arm or ""].columns[column][here]
                one[column][here] = evidence.arms[single or ""].columns[column][here]
    return {
        "usd_month": asdict(evidence.estimate((one["cost"], own["cost"]), difference, policy.per_month)),
        "quality": asdict(evidence.estimate((own["quality"], one["quality"]), difference)),
        "resolved": asdict(evidence.estimate((own["resolved"], one["resolved"]), difference)),
        "choices": choices,
        "too_small": small,
        "why": None,
    }


def _in_segment(evidence: Evidence, name: str) -> Flags:
    return np.array([each == name for each in evidence.segments], dtype=bool)
