"""`bill`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import JsonOption, app, check_finite, named_number, print_json, write_page

RATIO = "TIER=R with a number R above 0, such as light=1.5"


@app.command()
def bill(
    logs: Annotated[
        str, typer.Argument(metavar="LOGS", help="A dataset as `run --dataset` takes it, or a file of arms.")
    ] = "workbench",
    arm: Annotated[str | None, typer.Option(help="Which arm of a file of arms.")] = None,
    tiers: Annotated[
        str, typer.Option(help="A tiers file, or a bundled name: the prices, strongest first.")
    ] = "offline",
    gap_s: Annotated[float, typer.Option(min=0, help="Seconds between turns where the log has no timestamps.")] = 60.0,
    conversations_per_month: Annotated[
        float | None, typer.Option(min=1, help="Traffic; default: what the log's timestamps say.")
    ] = None,
    output_ratio: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TIER=R", help="A tier's answers are R times as long as the logged ones; may be repeated."
        ),
    ] = None,
    unresolved_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars that an unresolved conversation costs; default: ten on the strongest tier."),
    ] = None,
    switches_by: Annotated[
        int | None, typer.Option(min=1, help="Ladders switch for the last time after at most so many turns; default 6.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first conversations.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what every step ladder would have cost on a log: from its tokens and timestamps alone, without a call."""
    from ladder_bench import bill as pricing
    from ladder_bench import config
    from ladder_bench.corpus import log
    from ladder_bench.report import bill as pages

    for name, value in (
        ("gap-s", gap_s), ("conversations-per-month", conversations_per_month), ("unresolved-cost", unresolved_cost)
    ):  # fmt: skip
        check_finite(f"--{name}", value)
    ratios = dict(named_number("--output-ratio", each, RATIO) for each in output_ratio or [])
    options = pricing.Options(gap_s, conversations_per_month, ratios, unresolved_cost, switches_by)
    found = pricing.bill(log.load(logs, arm, limit), config.load_tiers(tiers), options)
    if html is not None:
        write_page(html, pages.page(found, shlex.join(["ladder-bench", *sys.argv[1:]])))
    if as_json:
        print_json(found)
        return
    pages.print_bill(found)
    if html is not None:
        typer.echo(f"page: {html}")
