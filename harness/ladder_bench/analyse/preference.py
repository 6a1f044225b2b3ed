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
from ladder_bench.analyse.judgements import Judged, judges
from ladder_bench.analyse.turns import PREFERENCE, QUALITY
from ladder_bench.domain import Estimate, Json

BY_ORDER = "by_order"  # as judge.pairs says it; importing that would load every grader with every report
NAMES = {1.0: "wins", 0.5: "ties", 0.0: "losses", None: "unscored"}


def compared_with(about: Json) -> str | None:
    """The strategy that answers were compared with, None where no rubric of the run compares."""
    for rubric in reversed(about.get("rubrics") or ()):
        if rubric["grader"] == "pairwise" and rubric["metric"] == PREFERENCE:
            over: str | None = rubric.get("against") or about.get("compared_with")
            return over
    return None


def stands_in(about: Json, tables: Mapping[str, Any]) -> str | None:
    """The strategy over which a preference stands for quality: where no criterion of a run has a value.

    None where criteria have, or where nothing was compared.
    """
    import pyarrow.compute as pc

    over = compared_with(about)
    if over is None or over not in {each["name"] for each in about["strategies"]}:
        return None
    verdicts = tables["verdicts"]
    scored = verdicts["metric"].filter(pc.is_valid(verdicts["value"])).unique().to_pylist()
    return over if PREFERENCE in scored and not QUALITY.intersection(scored) else None


def preference(about: Json, tables: Mapping[str, Any], found: Sequence[Judged]) -> dict[str, Json] | None:
    """Wins, ties and losses of every strategy, and their margin; None where nothing was compared.

    `margin`: wins - losses, a mean over turns, then over conversations. `decisive`: the share of turns that are no tie.
    `judges` compared; `stands_in` says that this is the run's quality. `by_order`: the share of their comparisons that
    came out otherwise in the other order. `found` is what judges said.
    """
    over, rows = compared_with(about), folder.having(tables["verdicts"], "metric", [PREFERENCE])
    if over is None or not rows.num_rows:
        return None
    place = {name: index for index, name in enumerate(sorted(about["dataset"]["conversations"]))}
    by_strategy: dict[str, list[tuple[int, int, float | None]]] = defaultdict(list)
    for row in folder.rows_of(rows.select(["conversation", "strategy", "sample", "value"])):
        by_strategy[row["strategy"]].append((place[row["conversation"]], row["sample"], row["value"]))
    names = [each["name"] for each in about["strategies"] if each["name"] in by_strategy]
    said = [each for each in found if each.metric == PREFERENCE]
    outcomes = [one.outcome for each in said for one in each.counted if one.value is not None]
    return {
        "against": over,
        "judges": list(judges(about, said)),
        "by_order": outcomes.count(BY_ORDER) / len(outcomes) if outcomes else None,
        "stands_in": stands_in(about, tables) is not None,
        "strategies": {name: _of(by_strategy[name], len(place)) for name in names},
    }


def meaning(found: Mapping[str, Json] | None) -> str | None:
    """What quality means where a preference stands for it, in a sentence; None where quality is of criteria."""
    if found is None or not found["stands_in"]:
        return None
    return (
        f"Quality here is a preference: how often an answer is preferred to that of {found['against']} to the same "
        f"message, a tie counting half, by {_who(found)}; 0.5 is as good, and {found['against']} has it by definition."
    )


def briefly(found: Mapping[str, Json]) -> str:
    """The same for a headline."""
    return f"Quality here means preferred over {found['against']} by {_who(found)}: 0.5 is as good."


def _who(found: Mapping[str, Json]) -> str:
    names = found["judges"]
    return f"judge{'s' if len(names) > 1 else ''} {', '.join(names)}" if names else "nobody"


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
    """Wins - losses from the mean of 1, 0.5 and 0; where all conversations are alike there is no spread to measure."""
    value, low, high = (None if each is None else 2 * each - 1 for each in (found.value, found.low, found.high))
    if low is not None and low == high:
        return replace(found, value=value, low=None, high=None, why="no interval: no conversation differs from another")
    return replace(found, value=value, low=low, high=high)
