"""Qualities: what each conversation was worth in each strategy, as the metrics have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ladder_bench.analyse.turns import AS_GOOD, PREFERENCE, QUALITY
from ladder_bench.folder import Run, column, rows_of

COLUMNS = ("conversation", "strategy", "sample", "turn", "value", "weight")
Qualities = dict[tuple[str, str], float]  # by conversation and strategy


def qualities(run: Run, strategies: Sequence[str], names: Sequence[str] | None) -> Qualities:
    """The mean over turns of met / judged weight, or of the preference that stands for it. `names`: all without it."""
    import pyarrow.compute as pc

    preferred = run.summary.get("preference") or {}
    over: str | None = preferred["against"] if preferred.get("stands_in") else None
    verdicts = run.tables["verdicts"]
    metrics = QUALITY if over is None else (PREFERENCE,)
    chosen = pc.and_(_among(verdicts["metric"], metrics), _among(verdicts["strategy"], strategies))
    chosen = pc.and_(chosen, pc.is_valid(verdicts["value"]))
    if names is not None:
        chosen = pc.and_(chosen, _among(verdicts["conversation"], names))
    turns: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    for row in rows_of(verdicts.select(COLUMNS).filter(chosen)):
        turn = row["conversation"], row["strategy"], row["sample"], row["turn"]
        met, weight = turns.get(turn, (0.0, 0.0))
        turns[turn] = met + row["value"] * row["weight"], weight + row["weight"]
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (conversation, strategy, *_), (met, weight) in turns.items():
        if weight > 0:
            shares[conversation, strategy].append(met / weight)
    found = {lived: sum(each) / len(each) for lived, each in shares.items()}
    if over is not None and over in strategies:
        everything: Sequence[str] = run.about["dataset"]["conversations"]
        found |= {(each, over): AS_GOOD for each in (everything if names is None else names)}
    return found


def _among(texts: Any, wanted: Iterable[str]) -> Any:
    import pyarrow.compute as pc

    return pc.is_in(texts, value_set=column("string", sorted(wanted)))
