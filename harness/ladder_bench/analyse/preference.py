"""Preference: how often judges prefer a strategy's answers to another strategy's, and when that stands for quality."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates, turns
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.turns import PREFERENCE, QUALITY
from ladder_bench.domain import Estimate, Json

NAMES = {1.0: "wins", 0.5: "ties", 0.0: "losses", None: "unscored"}


def compared_with(about: Json) -> str | None:
    """The strategy that answers were compared with, None where no rubric of the run compares."""
    for rubric in reversed(about.get("rubrics") or ()):
        if rubric["grader"] == "pairwise" and rubric["metric"] == PREFERENCE:
            against: str | None = rubric.get("against") or about.get("compared_with")
            return against
    return None


def stands_in(about: Json, tables: Mapping[str, Any]) -> str | None:
    """The strategy over which a preference stands for quality: where no criterion of a run has a value.

    None where criteria have, or where nothing was compared.
    """
    import pyarrow.compute as pc

    against = compared_with(about)
    if against is None or against not in {each["name"] for each in about["strategies"]}:
        return None
    verdicts = tables["verdicts"]
    scored = verdicts["metric"].filter(pc.is_valid(verdicts["value"])).unique().to_pylist()
    return against if PREFERENCE in scored and not QUALITY.intersection(scored) else None


def preference(
    about: Json, tables: Mapping[str, Any], names: Sequence[str], conversations: Sequence[str]
) -> dict[str, Json] | None:
    """Wins, ties and losses of every strategy, and their margin; None where nothing was compared.

    `margin`: wins - losses, a mean over turns, then over conversations. `decisive`: the share of turns that are no tie.
    """
    import pyarrow.compute as pc

    against, verdicts = compared_with(about), tables["verdicts"]
    rows = verdicts.filter(pc.equal(verdicts["metric"], PREFERENCE))
    if against is None or not rows.num_rows:
        return None
    place = {name: index for index, name in enumerate(sorted(conversations))}
    by_strategy: dict[str, list[tuple[int, int, float | None]]] = defaultdict(list)
    for row in folder.rows_of(rows.select(["conversation", "strategy", "sample", "value"])):
        by_strategy[row["strategy"]].append((place[row["conversation"]], row["sample"], row["value"]))
    strategies = {name: _of(by_strategy[name], len(place)) for name in names if name in by_strategy}
    return {"against": against, "strategies": strategies}


def _of(compared: Sequence[tuple[int, int, float | None]], size: int) -> dict[str, Json]:
    outcomes = Counter(NAMES[value] for _, _, value in compared)
    cells = np.array([each[:2] for each in compared], dtype=np.int64)
    values = np.array([each[2] for each in compared], dtype=float)  # None becomes NaN
    unscored = outcomes["unscored"]

    def over(each: Array) -> Array:
        return turns.conversation_means(cells[:, 0], cells[:, 1], each, size)

    decisive = np.where(np.isnan(values), np.nan, (values != 0.5).astype(float))
    return {
        **{name: outcomes[name] for name in NAMES.values()},
        "margin": asdict(_margin(estimates.share(estimates.mean(over(values), unscored)))),
        "decisive": asdict(estimates.share(estimates.mean(over(decisive), unscored))),
    }


def _margin(found: Estimate) -> Estimate:
    """Wins - losses from the mean of 1, 0.5 and 0."""
    value, low, high = (None if each is None else 2 * each - 1 for each in (found.value, found.low, found.high))
    return replace(found, value=value, low=low, high=high)
