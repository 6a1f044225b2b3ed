"""Reading: a run folder becomes sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ladder_bench import content, folder, prices
from ladder_bench.analyse import metrics, tables
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.preference import BY_ORDER, stands_in
from ladder_bench.analyse.turns import PREFERENCE, QUALITY
from ladder_bench.domain import Json, Price
from ladder_bench.errors import InputError
from ladder_bench.sides import damage
from ladder_bench.sides.fingerprints import fingerprint
from ladder_bench.sides.owners import clusters, owners_of
from ladder_bench.sides.side import CELLS, VALUES, Baseline, Side, rounded, short
from ladder_bench.sides.tokens import cached_like, counted

READABLE = frozenset(
    ("met", "not_met", "supported", "contradicted", "unsupported", "cannot_assess", "no_claims", BY_ORDER)
)  # outcomes of a judge whose reply could be read; the others say what was wrong with it
RESOLVED_FOR_QUALITY = "resolved stands for quality: nothing else in the run defines it"
PREFERENCE_FOR_QUALITY = "the preference over {} stands for quality: nothing else in the run defines it"


def baseline_of(
    run: folder.Run, strategies: Sequence[str] | None = None, cached_as: Mapping[str, Price] | None = None
) -> Baseline:
    """A run's strategies, all of them unless named. Raises InputError.

    `cached_as`: prices by whose terms (TTL, smallest prefix) caches are simulated, in place of the run's own.
    """
    about = run.about
    known = [each["name"] for each in about["strategies"]]
    for name in strategies or ():
        if name not in known:
            raise InputError(f"{content.display(run.path)}: {unknown(name, known)}")
    try:
        return _baseline(run, strategies or known, cached_as or {})
    except InputError as error:
        raise InputError(f"{content.display(run.path)}: {error.problems[0]}") from None
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{content.display(run.path)}: the run folder is damaged: {error!r}") from None


def unknown(name: str, known: Sequence[str]) -> str:
    """That there is no strategy of this name, and what would be valid."""
    listed = ", ".join(content.shortened(each) for each in known)
    return f"no strategy '{content.shortened(name)}'{content.did_you_mean(name, known)}; valid: {listed}"


def _baseline(run: folder.Run, strategies: Sequence[str], cached_as: Mapping[str, Price]) -> Baseline:
    about, summary = run.about, run.summary
    snapshot = {tier["name"]: prices.from_snapshot(tier["price"]) for tier in about["tiers"] if tier.get("price")}
    over = stands_in(about, run.tables)
    simulated = {name: cached_like(price, cached_as.get(name)) for name, price in snapshot.items()}
    sides = {name: side_of(run, name, simulated, over) for name in strategies}
    stands = PREFERENCE_FOR_QUALITY.format(over) if over else None
    if all(np.isnan(side.cells["quality"]).all() for side in sides.values()) and any(
        not np.isnan(side.cells["resolved"]).all() for side in sides.values()
    ):
        stands = RESOLVED_FOR_QUALITY
        sides = {name: _resolved_for_quality(side) for name, side in sides.items()}
    unresolved = summary.get("unresolved_cost_usd")
    return Baseline(
        sides,
        primary(run, list(sides)),
        fingerprint(run),
        snapshot,
        None if unresolved is None else _dollars(unresolved),
        about["config"]["unresolved_cost_usd"] is not None,
        about["dataset"]["name"],
        about.get("version", ""),
        tuple(tier["name"] for tier in about["tiers"] if tier["model"].startswith("simulated/")),
        _judging(summary),
        stands,
        bool(about.get("incomplete")),
        models=models(run),
        owners=owners_of(run),
    )


def _dollars(value: float) -> float:
    if not 0 <= value < float("inf"):
        raise ValueError(f"unresolved_cost_usd must be a number of at least 0, not {value!r}")
    return short(value)


def models(run: folder.Run) -> dict[str, str]:
    """The model behind each tier."""
    return {tier["name"]: tier["model"] for tier in run.about["tiers"]}


def primary(run: folder.Run, among: Sequence[str]) -> str:
    """The strategy that a gate is about unless told: the verdict's, else the first ladder, else the base."""
    found = (run.summary.get("verdict") or {}).get("strategy")
    ladders = [
        each["name"]
        for each in run.about["strategies"]
        if not each["control"] and len(each["steps"]) + len(each["mix"]) > 1
    ]
    for name in (found, *ladders, run.summary.get("base")):
        if name in among:
            return str(name)
    return among[0]


def side_of(run: folder.Run, strategy: str, snapshot: Mapping[str, Price], over: str | None = None) -> Side:
    """One strategy of a run, its numbers rounded as a baseline keeps them. Raises InputError."""
    about = run.about
    names = tuple(sorted(about["dataset"]["conversations"]))
    own = {name: folder.having(run.tables[name], "strategy", [strategy]) for name in ("turns", "calls", "verdicts")} | (
        {"messages": run.tables["messages"]} if "messages" in run.tables else {}
    )
    (score,) = metrics.scores(own, [strategy], names, about["config"]["resolved_quality"], about["mode"], over)
    places = {name: place for place, name in enumerate(names)}
    samples = score.cells["quality"].shape[1]
    found = counted(folder.Run(run.path, about, own, {}), strategy, snapshot, places, samples)
    turns, answered = _turns(own, strategy, places, samples)
    whole = (turns > 0) & (answered == turns)  # of what broke off the easy part alone was graded
    bodies = texts(own)
    damage.check(own, bodies, strategy)
    written = damage.characters(own, bodies, strategy, places, turns.shape)
    return Side(
        strategy,
        names,
        {name: rounded(np.where(whole, score.cells[name], np.nan)) for name in CELLS},
        {name: rounded(score.values[name]) for name in VALUES},
        np.where(whole & found.known, 1.0, np.nan),
        turns,
        _criteria(own, strategy, places),
        found.tokens,
        found.estimated,
        tuple(score.waits),
        clusters(names, owners_of(run)),
        int(written[found.known].sum()),
    )


def texts(own: Mapping[str, Any]) -> dict[str, str]:
    """The texts of the answers, by id."""
    import pyarrow.compute as pc

    if "messages" not in own:
        return {}
    mine = own["messages"].filter(pc.is_in(own["messages"]["id"], value_set=pc.unique(own["turns"]["answer"])))
    return {row["id"]: row["content"] or "" for row in folder.rows_of(mine)}


def _turns(own: Mapping[str, Any], strategy: str, places: Mapping[str, int], samples: int) -> tuple[Array, Array]:
    """How many turns each conversation and sample has, and how many of them were answered."""
    turns, answered = np.zeros((len(places), samples)), np.zeros((len(places), samples))
    for row in tables.rows(own, "turns", strategy, ("conversation", "sample", "failure")):
        cell = places[row["conversation"]], row["sample"]
        turns[cell] += 1
        answered[cell] += row["failure"] is None
    return turns, answered


def _criteria(own: Mapping[str, Any], strategy: str, places: Mapping[str, int]) -> Array:
    """How many criteria were asked of each conversation, and how many of them nobody could score."""
    found = np.zeros((len(places), 2))
    for row in tables.rows(own, "verdicts", strategy, ("conversation", "metric", "value")):
        if row["metric"] in QUALITY or row["metric"] == PREFERENCE:
            found[places[row["conversation"]]] += (1, row["value"] is None)
    return found


def _resolved_for_quality(side: Side) -> Side:
    return replace(side, cells={**side.cells, "quality": side.cells["resolved"]})


def _judging(summary: Json) -> Json:
    """By judge how many of its replies could not be read, and how often it changed its mind when asked again."""
    said = summary.get("judging") or {}
    repeats = said.get("repeats") or {}
    return {
        each["name"]: {
            "criteria": each["criteria"],
            "unreadable": sum(count for why, count in each["unscored"].items() if why not in READABLE),
            "repeated": repeats.get(each["name"], {}).get("criteria", 0),
            "flip_rate": _value(repeats.get(each["name"], {}).get("flip_rate")),
        }
        for each in said.get("judges") or ()
    }


def _value(estimate: Json) -> float | None:
    return None if not estimate or estimate["value"] is None else short(estimate["value"])


def members(run: folder.Run, tag: str) -> tuple[Array, tuple[str, ...]]:
    """Which conversations (1 or 0, in the order of their ids) have a tag, or a turn with that label; and all tags."""
    import json

    names = sorted(run.about["dataset"]["conversations"])
    having, seen = set(), set()
    for row in folder.rows_of(run.tables["conversations"]) if "conversations" in run.tables else ():
        body = json.loads(row["body"])
        tags = {*(body.get("tags") or ()), *(label for turn in body["turns"] for label in turn.get("labels") or ())}
        seen |= tags
        if tag in tags:
            having.add(row["id"])
    return np.array([float(name in having) for name in names]), tuple(sorted(seen))
