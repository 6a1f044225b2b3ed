"""Repricing: a run's calls at other prices, in memory: what comparisons of two runs with different prices stand on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from ladder_bench import content, cost, folder, tiers
from ladder_bench.domain import Json, Message, Price, Usage
from ladder_bench.errors import InputError

COSTS = ("usd_warm", "usd_cold", "usd_billed")
NEEDED = (
    "conversation", "strategy", "sample", "purpose", "tier", "messages", "input", "output", "cached", "cache_write",
    "reasoning", "estimated", "start_s", "origin", "flags", *COSTS,
)  # fmt: skip
Row = Mapping[str, Any]


def priced(run: folder.Run, current: Mapping[str, Price]) -> Any:
    """The table of calls with its costs computed again; calls of tiers without a current price keep theirs."""
    calls = run.tables["calls"]
    if "start_s" not in calls.column_names:
        raise InputError(
            f"{content.display(run.path)}: written by an earlier ladder-bench, which did not keep when calls began; "
            "run it again (stored calls cost nothing)"
        )
    messages = {
        row["id"]: Message(row["role"], row["content"], row["extra"] or "")
        for row in run.tables["messages"].to_pylist()
    }
    groups = {tier["name"]: tier["cache_group"] for tier in run.about["tiers"]}
    columns: dict[str, list[float | None]] = {name: [] for name in COSTS}

    def prompt(row: Row) -> cost.Prompt:
        return cost.Prompt(
            groups[row["tier"]],
            current[row["tier"]],
            Usage(*(row[name] for name in ("input", "output", "cached", "cache_write", "reasoning", "estimated"))),
            tuple(messages[digest] for digest in row["messages"]),
            row["start_s"],
            row["purpose"],
            whole=cost.WHOLE in (row["flags"] or ()),
        )

    for rows in _lives(calls.select(NEEDED).to_pylist()):
        found: list[Json] = [[row[name] for name in COSTS] for row in rows]
        for places in _caches(rows, current):
            prompts = [prompt(rows[place]) for place in places]
            for place, each, warm in zip(places, prompts, cost.warm_usd(prompts), strict=True):
                price = cost.undivided(each.price) if each.whole else each.price
                billed = cost.billed_usd(each.usage, price) if _reported(rows[place]) else None
                found[place] = [warm, cost.cold_usd(each.usage, price), billed]
        for name, column in zip(COSTS, zip(*found, strict=True), strict=True):
            columns[name] += column
    for name, values in columns.items():
        calls = calls.set_column(calls.column_names.index(name), name, folder.column("double", values))
    return calls


def _reported(row: Row) -> bool:
    """Whether a provider reported the usage. A call that nobody priced so far has no bill, and gets one."""
    unpriced = row["usd_warm"] is None and row["origin"] == "recorded" and not row["estimated"]
    return row["usd_billed"] is not None or unpriced


def _lives(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The calls of each conversation, strategy and sample, in the order in which they were made."""
    for _, group in groupby(rows, key=lambda row: (row["conversation"], row["strategy"], row["sample"])):
        yield list(group)


def _caches(rows: Sequence[Row], current: Mapping[str, Price]) -> Iterator[list[int]]:
    """Places of the calls that may share a cache: those that serve, and those that play the user.

    Calls whose tokens nobody counted stay without a cost.
    """
    priced = [place for place, row in enumerate(rows) if row["tier"] in current and row["purpose"] != "judge"]
    known = [place for place in priced if rows[place]["input"] is not None]
    yield [place for place in known if rows[place]["purpose"] != "user"]
    yield [place for place in known if rows[place]["purpose"] == "user"]


def read_prices(document: content.Document, known: Sequence[str]) -> dict[str, Price]:
    """The prices in a file by tier name. Raises InputError for what is wrong with it, and for tiers not in `known`."""
    found, places = tiers.prices_in(document)
    unknown = [name for name in found if name not in known]
    if unknown:
        valid = f"; the run has: {', '.join(known)}"
        raise InputError(
            [
                document.problem(places[name], f"unknown tier '{name}'{content.did_you_mean(name, known)}{valid}")
                for name in unknown
            ]
        )
    return found
