"""Slices: quality and cost against the base within the conversations of each tag."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import effects, estimates
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import FEWEST, LEVEL, Array
from ladder_bench.analyse.metrics import Scores, comparable
from ladder_bench.domain import Estimate, Json

MOST = 40  # tags that have rows, those of the most conversations
TRIED = 10_000  # draws of the largest of several correlated values
HIGH_STAKES = "high_stakes"


def tags(tables: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The tags of each conversation that has any, as its run keeps them."""
    if "conversations" not in tables:
        return {}
    found = {
        row["id"]: tuple(json.loads(row["body"]).get("tags") or ()) for row in folder.rows_of(tables["conversations"])
    }
    return {name: own for name, own in found.items() if own}


def high_stakes(tables: Mapping[str, Any]) -> frozenset[str]:
    """The conversations in which the dataset labels a turn as high stakes."""
    if "labels" not in tables["turns"].column_names:
        return frozenset()
    rows = folder.rows_of(tables["turns"].select(["conversation", "labels"]))
    return frozenset(row["conversation"] for row in rows if row["labels"] and HIGH_STAKES in json.loads(row["labels"]))


def slices(about: Json, tables: Mapping[str, Any], scores: Sequence[Scores], base: Scores | None) -> dict[str, Json]:
    """A row for each tag with enough conversations and each strategy but the base, and the tags that have too few.

    Intervals are simultaneous over the tags of a strategy, in quality and in cost apart (max-T).
    """
    names = sorted(about["dataset"]["conversations"])
    by_tag: dict[str, list[int]] = {}
    by_conversation = tags(tables)
    for place, name in enumerate(names):
        for tag in dict.fromkeys(by_conversation.get(name, ())):
            by_tag.setdefault(tag, []).append(place)
    counts = Counter({tag: len(places) for tag, places in by_tag.items()})
    ordered = sorted(counts, key=lambda tag: (-counts[tag], tag))
    large = [tag for tag in ordered if counts[tag] >= FEWEST]
    shown = large[:MOST] if base else []
    rows = []
    for score in scores:
        if base is None or not shown or score.strategy == base.strategy:
            continue
        places = [np.array(by_tag[tag]) for tag in shown]
        quality = _differences(*comparable(score, base, "quality"), places)
        cost = _ratios(score.values["cost_usd_warm"], base.values["cost_usd_warm"], places)
        rows += [
            {"tag": tag, "strategy": score.strategy, "n": counts[tag], "quality": asdict(q), "cost_ratio": asdict(c)}
            for tag, q, c in zip(shown, quality, cost, strict=True)
        ]
    return {
        "base": base.strategy if base else None,
        "tagged": len(by_conversation.keys() & set(names)),
        "rows": rows,
        "too_small": [{"tag": tag, "n": counts[tag]} for tag in ordered if counts[tag] < FEWEST][:MOST],
        "left_out": {"too_small": sum(n < FEWEST for n in counts.values()), "beyond": max(0, len(large) - MOST)},
    }


def _differences(own: Array, base: Array, places: Sequence[Array]) -> list[Estimate]:
    """The mean paired difference in each slice."""
    known = ~np.isnan(own) & ~np.isnan(base)
    parts = [at[known[at]] for at in places]
    found = [
        effects.difference(effects.mean(own[at]), effects.mean(base[at]), len(whole) - len(at)) if len(at) else None
        for at, whole in zip(parts, places, strict=True)
    ]
    return _banded(found, parts, len(own))


def _ratios(own: Array, base: Array, places: Sequence[Array]) -> list[Estimate]:
    """Mean cost over the base's mean cost in each slice."""
    known = ~np.isnan(own) & ~np.isnan(base)
    parts = [at[known[at]] for at in places]
    found: list[Effect | None] = []
    for at, whole in zip(parts, places, strict=True):
        priced = len(at) and own[at].mean() > 0 and base[at].mean() > 0
        left_out = len(whole) - len(at)
        found.append(
            effects.difference(effects.log_mean(own[at]), effects.log_mean(base[at]), left_out) if priced else None
        )
    return [_exponential(each) for each in _banded(found, parts, len(own))]


def _exponential(found: Estimate) -> Estimate:
    value, low, high = (None if each is None else float(np.exp(each)) for each in (found.value, found.low, found.high))
    return Estimate(value, low, high, found.n, found.unscored, found.why)


def _banded(found: Sequence[Effect | None], parts: Sequence[Array], conversations: int) -> list[Estimate]:
    """Estimates whose intervals hold together: each standard error times the factor of max-T over all slices."""
    spread = [
        _spread(each, at, conversations)
        for each, at in zip(found, parts, strict=True)
        if each is not None and each.n >= FEWEST and each.error > 0
    ]
    tail = _tail(np.stack(spread, axis=1)) if spread else 1 - LEVEL
    return [_in_band(each, tail) for each in found]


def _spread(effect: Effect, at: Array, conversations: int) -> Array:
    """A slice's influence values over all conversations, 0 outside of it."""
    whole = np.zeros(conversations)
    whole[at] = effect.parts[0] * conversations / len(at)
    return whole


def _tail(influences: Array) -> float:
    """The two-sided p-value at which the largest |T| of k effects is exceeded in 5 % of draws from their correlation.

    The normal limit of max-T (Hothorn, Bretz and Westfall 2008): tags overlap, so the draws are correlated as the
    effects are. Each effect then takes its own t quantile at that p-value.
    """
    from scipy.special import ndtr

    if influences.shape[1] == 1:
        return 1 - LEVEL
    values, vectors = np.linalg.eigh(np.corrcoef(influences, rowvar=False))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    drawn = np.random.default_rng(0).standard_normal((TRIED, len(values))) @ root.T
    return float(2 * ndtr(-np.quantile(np.abs(drawn).max(axis=1), LEVEL)))


def _in_band(effect: Effect | None, tail: float) -> Estimate:
    if effect is None:
        return estimates.missing("no conversation has a value in both, or a cost is 0")
    alone = effect.estimate()
    if alone.low is None or effect.identical:
        return alone
    half = estimates.t_quantile(1 - min(tail, 1 - LEVEL) / 2, effect.n - 1) * effect.error
    return Estimate(effect.value, effect.value - half, effect.value + half, effect.n, effect.unscored)
