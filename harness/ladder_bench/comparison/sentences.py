"""Sentences: what a comparison shows, in words that say how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, isclose, log10

from ladder_bench.analyse.effects import CLUSTERS
from ladder_bench.comparison.arms import Arm
from ladder_bench.comparison.contrasts import Pair, clustered
from ladder_bench.domain import Json

JUDGED = ("quality", "resolved")
MINUS = "−"
MOST_NAMES = 4
MANY = 10  # times: from here on a ratio is no longer told in per cent
MOST_PLACES = 4
SAYS = ("different", "not different", "identical", "no interval", "missing")


def titled(arm: Arm, several_runs: bool) -> str:
    """A strategy's name, with its run where there are several."""
    return f"{arm.name} in {arm.held.label}" if several_runs else arm.name


def judged(metrics: Mapping[str, Json]) -> str:
    """What a sentence is about: quality, or resolved where nothing defines quality."""
    return next((name for name in JUDGED if metrics[name]["value"] is not None), JUDGED[0])


def of_pair(pair: Pair, metrics: Mapping[str, Json], several_runs: bool) -> str:
    """One comparison in a sentence."""
    who, base = titled(pair.candidate, several_runs), titled(pair.base, several_runs)
    unit = f" {CLUSTERS}" if clustered(pair) else ""
    if all(row["says"] in ("identical", "missing") for row in metrics.values()) and any(
        row["says"] == "identical" for row in metrics.values()
    ):
        n = max(row["n"] for row in metrics.values())
        return f"Nothing changed: {who} and {base} are identical in every metric and conversation (n = {n:,}{unit})."
    by = judged(metrics)
    return f"{_of_quality(who, base, by, metrics[by], unit)}; {_of_cost(metrics)}."


def _of_quality(who: str, base: str, by: str, row: Mapping[str, Json], unit: str) -> str:
    n, value = f"n = {row['n']:,}{unit}", row["value"]
    if row["says"] == "missing":
        return f"{who} against {base}: nothing says what is better ({by}: {row['why']})"
    if row["says"] == "identical":
        return f"{who} is identical to {base} in {by} ({n})"
    if row["says"] == "no interval":
        return f"{who} against {base} in {by}: {points(value)} points, {row['why']}"
    low, high = _bounds(row)
    sure = "interval over all comparisons at once" if row["band"] else "95 % interval"
    if row["says"] == "not different":
        return (
            f"{who} is not different from {base} in {by}: {points(value)} points, and anything from {points(low)} to "
            f"{points(high)} is possible ({sure}, {n})"
        )
    return (
        f"{who} is different from {base} in {by}, {row['direction']}: {points(value)} points "
        f"({points(low)} to {points(high)}, {sure}, {n})"
    )


def _of_cost(metrics: Mapping[str, Json]) -> str:
    row = metrics["cost_usd_warm"]
    if row["says"] == "missing":
        whys = [
            (each or {}).get("why") for each in (row["base"], row["candidate"]) if (each or {}).get("value") is None
        ]
        return f"cost is missing: {whys[0] if whys else row['why']}"
    if row["says"] == "identical":
        return "its cost is identical"
    ratio = row["ratio"]
    if ratio is None or ratio["value"] is None:
        return f"cost has no ratio: {ratio['why'] if ratio else 'one of the two costs nothing'}"
    bounds = row["band"] or ratio
    places = 0 if ratio["low"] is None else _places(bounds["low"], bounds["high"])
    as_much = "as much" if ratio["value"] >= MANY else "of that"
    said = f"it costs {times(ratio['value'], places)} {as_much}"
    if ratio["low"] is None:
        return f"{said}, {ratio['why']}"
    low, high = bounds["low"], bounds["high"]
    different = "" if row["says"] == "different" else "not different: "
    return f"{said} ({different}{times(low, places)} to {times(high, places)})"


def of_all(pairs: Sequence[Pair], metrics: Sequence[Mapping[str, Json]], several_runs: bool) -> str:
    """All comparisons in a sentence: how many are different, and which."""
    if len(pairs) == 1:
        return of_pair(pairs[0], metrics[0], several_runs)
    by = next((judged(each) for each in metrics if each[judged(each)]["value"] is not None), JUDGED[0])
    one_base = len({(pair.base.held.label, pair.base.name) for pair in pairs}) == 1
    against = f" against {titled(pairs[0].base, several_runs)}" if one_base else ""
    said = {
        says: [
            (titled(pair.candidate, several_runs), each[by])
            for pair, each in zip(pairs, metrics, strict=True)
            if each[by]["says"] == says
        ]
        for says in SAYS
    }
    what = f"Of {len(pairs)} comparisons{against}"
    if len(said["identical"]) == len(pairs) and all(
        row["says"] in ("identical", "missing") for each in metrics for row in each.values()
    ):
        return f"Nothing changed: all {len(pairs)} comparisons{against} are identical in every metric and conversation."
    if len(said["missing"]) == len(pairs):
        return f"{what}, none says what is better ({by}: {said['missing'][0][1]['why']})."
    if len(said["no interval"]) == len(pairs):
        return f"{what}, none has an interval: {said['no interval'][0][1]['why']}."
    parts = [_named(said["different"], by) if said["different"] else f"none is different in {by}"]
    parts += [
        f"{len(said[says])} {'is' if len(said[says]) == 1 else 'are'} {says}"
        if says in ("not different", "identical")
        else f"{len(said[says])} with {says}"
        if says == "no interval"
        else f"{len(said[says])} without a value"
        for says in SAYS[1:]
        if said[says]
    ]
    return f"{what}, {'; '.join(parts)} (bands hold over all of them at once)."


def _named(found: Sequence[tuple[str, Mapping[str, Json]]], by: str) -> str:
    ordered = sorted(found, key=lambda each: -abs(each[1]["value"]))
    shown = [f"{name} ({row['direction']}, {points(row['value'])})" for name, row in ordered[:MOST_NAMES]]
    more = len(ordered) - len(shown)
    are = "is" if len(found) == 1 else "are"
    return f"{len(found)} {are} different in {by}: {', '.join(shown)}" + (f" and {more} more" if more else "")


def _bounds(row: Mapping[str, Json]) -> tuple[float, float]:
    found = row["band"] or row
    return found["low"], found["high"]


def points(value: float) -> str:
    """A difference between shares in hundredths."""
    return f"{100 * value:+.1f}".replace("-", MINUS).replace(f"{MINUS}0.0", "0.0").replace("+0.0", "0.0")


def times(value: float, places: int = 0) -> str:
    """A ratio in per cent, or in times with a decimal more where it is large."""
    return f"{100 * value:,.{places}f} %" if value < MANY else f"{value:,.{places + 1}f} times"


def _places(low: float, high: float) -> int:
    """More decimals where an interval's ends would look the same: two digits of its width."""
    if isclose(low, high) or times(low) != times(high):
        return 0
    width = 100 * (high - low) if high < MANY else 10 * (high - low)
    return min(MOST_PLACES, max(0, 1 - floor(log10(width))))
