"""The Pareto labels: which strategies another one beats on quality and cost at once, and which none can.

Beside them, as description, how often each is on the front when conversations are drawn again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ladder_bench.analyse import bootstrap
from ladder_bench.analyse.decisions import ALPHA, holm
from ladder_bench.analyse.estimates import DRAWS, FEWEST, NOISE, Array, difference, standard_error, t_above
from ladder_bench.analyse.metrics import Scores
from ladder_bench.domain import Json


def labels(scores: Sequence[Scores], apart: Collection[str] = ()) -> dict[str, str]:
    """`dominated`, `front` or `undecided` for each strategy.

    Dominated: one other is better on quality and cheaper on log cost, both tested one-sided and paired, the larger of
    the two p-values, Holm over all pairs. Front: against each other, better on quality or cheaper (the smaller p,
    doubled), Holm over all pairs. Everything else is undecided, as is everything below 20 conversations.
    Strategies that are `apart` are held against nothing.
    """
    if apart:
        compared = labels([score for score in scores if score.strategy not in apart])
        return {score.strategy: compared.get(score.strategy, "undecided") for score in scores}
    names = [score.strategy for score in scores]
    pairs = [(i, j) for i in range(len(scores)) for j in range(len(scores)) if i != j]
    better = {(i, j): _p_above(scores[i].values["quality"] - scores[j].values["quality"]) for i, j in pairs}
    cheaper = {(i, j): _p_cheaper(scores[i], scores[j]) for i, j in pairs}
    beats = _rejected({(i, j): max(better[i, j], cheaper[i, j]) for i, j in pairs})
    holds = _rejected({(i, j): min(1.0, 2 * min(better[i, j], cheaper[i, j])) for i, j in pairs})
    found = {}
    for i, name in enumerate(names):
        others = [j for j in range(len(scores)) if j != i]
        if any((j, i) in beats for j in others):
            found[name] = "dominated"
        elif others and not np.isnan(scores[i].values["quality"]).all() and all((i, j) in holds for j in others):
            found[name] = "front"
        else:
            found[name] = "undecided"
    return found


def _p_cheaper(first: Scores, second: Scores) -> float:
    a, b = first.values["cost_usd_warm"], second.values["cost_usd_warm"]
    known = ~np.isnan(a) & ~np.isnan(b)
    a, b = a[known], b[known]
    if a.size < FEWEST or b.mean() <= 0:
        return 1.0
    if a.mean() <= 0:
        return 0.0  # free in every conversation: there is no logarithm, and no doubt
    return _p(float(np.log(b.mean() / a.mean())), b / b.mean() - a / a.mean())


def _p_above(difference: Array) -> float:
    known = difference[~np.isnan(difference)]
    return _p(float(known.mean()), known - known.mean()) if known.size else 1.0


def _p(value: float, influence: Array) -> float:
    """One-sided p-value that the value is above 0."""
    if influence.size < FEWEST or value <= NOISE:
        return 1.0
    error = standard_error(influence)
    return 0.0 if error == 0 else t_above(value / error, influence.size - 1)


def _rejected(p_values: dict[tuple[int, int], float]) -> set[tuple[int, int]]:
    """The pairs that Holm's procedure rejects."""
    found = holm(list(p_values.values()), ALPHA)
    return {pair for pair, rejected in zip(p_values, found, strict=True) if rejected}


def front_shares(scores: Sequence[Scores], apart: Collection[str] = ()) -> dict[str, dict[str, Json]]:
    """The share of bootstrap draws in which no other strategy is as good and as cheap, and better in one of both.

    A description, no test. Strategies share the draws, over the conversations that all of them have; left out are those
    that have fewer than 20, and those that are `apart`, which are held against nothing.
    """
    sizes = {score.strategy: int(_known(score).sum()) for score in scores}
    compared = [each for each in scores if each.strategy not in apart and sizes[each.strategy] >= FEWEST]
    common = np.all([_known(each) for each in compared], axis=0) if compared else np.zeros(0, dtype=bool)
    n = int(common.sum())
    values = [] if n < FEWEST or len(compared) < 2 else _undominated(compared, common).mean(axis=0).tolist()
    shares = dict(zip([each.strategy for each in compared], values, strict=False))
    found: dict[str, dict[str, Json]] = {}
    for name, size in sizes.items():
        why = _why_not(name in apart, size, len(compared), n) if name not in shares else None
        draws = DRAWS if why is None else 0
        found[name] = {"value": shares.get(name), "n": n if name in shares else size, "draws": draws, "why": why}
    return found


def _known(score: Scores) -> Any:
    """In which conversations a strategy has both a quality and a cost."""
    return ~np.isnan(score.values["quality"]) & ~np.isnan(score.values["cost_usd_warm"])


def _why_not(is_apart: bool, size: int, compared: int, common: int) -> str:
    if is_apart:
        return "held against nothing: a placebo stands for this recording"
    if size == 0:
        return "no conversation has a quality and a cost"
    if size < FEWEST:
        return f"no share: {size} conversations, {FEWEST} are needed"
    if compared < 2:
        return "no other strategy to compare with"
    return f"no share: {common} conversations that all strategies have, {FEWEST} are needed"


def _undominated(scores: Sequence[Scores], common: Any) -> Any:
    """For each draw and strategy whether no other one beats it (draws, strategies)."""
    metrics = ("quality", "cost_usd_warm")
    drawn = bootstrap.means(np.stack([each.values[metric][common] for metric in metrics for each in scores], axis=1))
    quality, cost = drawn[:, : len(scores)], drawn[:, len(scores) :]
    columns = []
    for place in range(len(scores)):
        better = np.sign(difference(quality, quality[:, [place]]))
        dearer = np.sign(difference(cost, cost[:, [place]]))
        columns.append(~((better >= 0) & (dearer <= 0) & (better > dearer)).any(axis=1))
    return np.stack(columns, axis=1)
