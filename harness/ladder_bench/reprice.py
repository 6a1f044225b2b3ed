"""Repricing: what a run would have cost at other prices, from its folder alone.

Costs, and what follows from them, are computed again; answers, grades, tokens and waits stay, and so does what the run
really paid (attempts, spent).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from ladder_bench import content, cost, folder, prices, report, tiers
from ladder_bench.analyse.summary import summarise
from ladder_bench.domain import Json, Message, Price, Usage
from ladder_bench.errors import InputError

COSTS = ("usd_warm", "usd_cold", "usd_billed")
NEEDED = (
    "conversation", "strategy", "sample", "tier", "messages", "input", "output", "cached", "cache_write", "reasoning",
    "estimated", "start_s", "usd_billed",
)  # fmt: skip


class PricesShape(prices.Shape):
    prices: Annotated[dict[str, prices.PriceShape], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Repriced:
    """A run before and after. `kept` names the tiers whose price the file does not say."""

    before: folder.Run
    after: folder.Run
    kept: tuple[str, ...]


def reprice(run: Path, file: str, out: Path | None = None) -> Repriced:
    """Price a run's calls again and write its folder, or another one. Raises InputError.

    `file`: prices by tier name, or a tiers file (by path or bundled name) whose tiers' prices are taken.
    """
    folder.check_target(out or run)
    before = folder.read(run)
    document = content.read_yaml(content.locate(file, "ladders/tiers"))
    try:
        old = {tier["name"]: prices.from_snapshot(tier["price"]) for tier in before.about["tiers"]}
        new = read_prices(document, tuple(old))
        about = _about(before.about, old | new, document.file)
        tables = {**before.tables, "calls": priced(before, old | new)}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{content.display(run)}: the run folder is damaged: {error!r}") from None
    summary = summarise(about, tables, before.summary["calls"], before.summary["spent_usd"])
    after = folder.Run(out or run, about, tables, summary)
    folder.write(after.path, about, tables, summary, report.pages(after))
    return Repriced(before, after, tuple(name for name in old if name not in new))


def read_prices(document: content.Document, known: Sequence[str]) -> dict[str, Price]:
    """The prices in a file by tier name. Raises InputError for what is wrong with it, and for tiers not in `known`."""
    if isinstance(document.value, Mapping) and "tiers" in document.value:
        found = {tier.name: tier.price for tier in tiers.read_tiers(document).tiers}
        places: dict[str, content.Loc] = {name: ("tiers", n, "name") for n, name in enumerate(found)}
    else:
        found = {name: shape.price() for name, shape in content.parse(PricesShape, document).prices.items()}
        places = {name: ("prices", name) for name in found}
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


def _about(about: Json, current: Mapping[str, Price], file: str) -> Json:
    """run.json with other prices, and where they are from."""
    snapshot = prices.snapshot(current, datetime.datetime.now(datetime.UTC).date())
    repriced = [{**tier, "price": snapshot["usd_per_million"][tier["name"]]} for tier in about["tiers"]]
    origin = {"from_hash": about["prices"]["hash"], "file": file}
    return {**about, "tiers": repriced, "prices": snapshot, "repriced": origin}


def priced(run: folder.Run, current: Mapping[str, Price]) -> Any:
    """The table of calls with its costs computed again."""
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
    for rows in _lives(calls.select(NEEDED).to_pylist()):
        prompts = [
            cost.Prompt(
                groups[row["tier"]],
                current[row["tier"]],
                Usage(*(row[name] for name in ("input", "output", "cached", "cache_write", "reasoning", "estimated"))),
                tuple(messages[digest] for digest in row["messages"]),
                row["start_s"],
            )
            for row in rows
        ]
        columns["usd_warm"] += cost.warm_usd(prompts)
        columns["usd_cold"] += [cost.cold_usd(each.usage, each.price) for each in prompts]
        columns["usd_billed"] += [
            None if row["usd_billed"] is None else cost.billed_usd(each.usage, each.price)
            for row, each in zip(rows, prompts, strict=True)
        ]
    for name, column in columns.items():
        calls = calls.set_column(calls.column_names.index(name), name, folder.column("double", column))
    return calls


def _lives(rows: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """The calls of each conversation, strategy and sample, in the order in which they were made."""
    for _, group in groupby(rows, key=lambda row: (row["conversation"], row["strategy"], row["sample"])):
        yield list(group)
