"""Repricing: what a run would have cost at other prices, from its folder alone.

Costs, and what follows from them, are computed again; answers, grades, tokens and waits stay, and so does what the run
really paid (attempts, spent).
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import content, folder, prices, report
from ladder_bench.analyse.summary import summarise
from ladder_bench.domain import Json, Price
from ladder_bench.errors import InputError
from ladder_bench.sides.repricing import priced, read_prices


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
        known = [tier["name"] for tier in before.about["tiers"]]
        old = {tier["name"]: prices.from_snapshot(tier["price"]) for tier in before.about["tiers"] if tier["price"]}
        new = read_prices(document, known)
        about = _about(before.about, old | new, document.file)
        tables = {**before.tables, "calls": priced(before, old | new)}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{content.display(run)}: the run folder is damaged: {error!r}") from None
    summary = summarise(about, tables, before.summary["calls"], before.summary["spent_usd"])
    after = folder.Run(out or run, about, tables, summary)
    folder.write(after.path, about, tables, summary, report.pages(after))
    return Repriced(before, after, tuple(name for name in known if name not in new))


def _about(about: Json, current: Mapping[str, Price], file: str) -> Json:
    """run.json with other prices, and where they are from."""
    snapshot = prices.snapshot(current, datetime.datetime.now(datetime.UTC).date())
    repriced = [{**tier, "price": snapshot["usd_per_million"].get(tier["name"])} for tier in about["tiers"]]
    origin = {"from_hash": about["prices"]["hash"], "file": file}
    return {**about, "tiers": repriced, "prices": snapshot, "repriced": origin}
