"""`search`."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ladder_bench.cli.app import JsonOption, StoreOption, app, check_finite, print_json
from ladder_bench.cli.progress import progress_bar
from ladder_bench.cli.runs import ConcurrencyOption, JudgesOption, LimitOption, MaxCostOption, OfflineOption
from ladder_bench.content import did_you_mean
from ladder_bench.domain import TRIGGER_NAMES
from ladder_bench.errors import InputError


@app.command()
def search(
    run_folder: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="A forced run that holds every tier alone; without it, one is made."),
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="A dataset as `run --dataset` takes it; default: the run's, or workbench.")
    ] = None,
    tiers: Annotated[
        str | None, typer.Option(help="A tiers file, or a bundled name; default: the run's, or offline.")
    ] = None,
    rubrics: Annotated[
        list[str] | None, typer.Option(help="What grades the run that is made; default checks. Repeatable.")
    ] = None,
    judge: JudgesOption = None,
    triggers: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Every set of these is tried: names with commas, all, or none; default 4."),
    ] = None,
    switches_by: Annotated[
        int | None, typer.Option(min=0, help="Ladders step down for the last time after at most so many turns.")
    ] = None,
    objective: Annotated[
        Literal["cheapest", "qpd", "quality"],
        typer.Option(help="The cheapest that keeps quality; the best quality per dollar; the best quality."),
    ] = "cheapest",
    margin: Annotated[float, typer.Option(min=0, max=1, help="The loss of quality that counts as none.")] = 0.03,
    cross_fit: Annotated[
        int | None,
        typer.Option(
            min=2, max=50, metavar="K", help="Report each of K parts by what the others choose; else one half chooses."
        ),
    ] = None,
    by_tag: Annotated[bool, typer.Option("--by-tag", help="Would a ladder for each tag be better?")] = False,
    unresolved_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars that an unresolved conversation costs; default: ten on the strongest tier."),
    ] = None,
    best: Annotated[int, typer.Option(min=1, max=20, help="How many of the screen's best a rollout looks at.")] = 3,
    confirm: Annotated[
        bool | None,
        typer.Option("--confirm/--no-confirm", help="Send the best through a rollout; default: where no tier is paid."),
    ] = None,
    limit: LimitOption = None,
    concurrency: ConcurrencyOption = None,
    offline: OfflineOption = False,
    max_cost: MaxCostOption = None,
    store: StoreOption = None,
    out: Annotated[
        Path | None, typer.Option(help="Keep everything in this folder; default reports/runs/TIME-search-DATASET.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Find the best ladder of a family: screened on single tiers, chosen and reported on different conversations."""
    from ladder_bench import folder
    from ladder_bench import search as searching
    from ladder_bench.experiment import Options, confirming
    from ladder_bench.report import search as pages
    from ladder_bench.search import reading

    check_finite("--unresolved-cost", unresolved_cost)
    if offline:  # `datasets` reads it when it is imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    names = _triggers(triggers)
    if run_folder is not None:
        _refuse({"--rubrics": rubrics, "--judge": judge, "--limit": limit})
    place = confirming.folder_for(out, dataset or "workbench" if run_folder is None else run_folder.name)
    chosen: dict[str, Any] = {} if store is None else {"store": store}
    options = Options(
        dataset=dataset,
        tiers=tiers,
        rubrics=tuple(rubrics) if rubrics else None,
        judges=tuple(judge) if judge else None,
        limit=limit,
        concurrency=concurrency,
        offline=offline,
        max_cost_usd=max_cost,
        command=shlex.join(["ladder-bench", *sys.argv[1:]]),
        **chosen,
    )
    with progress_bar() as listener:
        if run_folder is None:
            options = replace(options, dataset=dataset or "workbench", tiers=tiers or "offline")
            run = confirming.screened(options, place, listener)
            if max_cost is not None:  # one cap for both runs
                options = replace(options, max_cost_usd=max(0.0, max_cost - run.summary["spent_usd"]))
        else:
            run = folder.read(run_folder)
        read = reading.read(run, confirming.rules_of(run.about), names)
        wanted = searching.Options(switches_by, objective, margin, cross_fit, by_tag, unresolved_cost, best)
        found = searching.search(read, run.about, wanted)
        result = found.result
        if confirm is not False:
            result["confirmation"] = confirming.confirmation(options, run, found, confirm is True, place, listener)
    written = run_folder is None or out is not None or (result["confirmation"] or {}).get("strategies") is not None
    if written:
        confirming.keep(place, result)
    if html is not None:
        confirming.write(html, pages.page(result, options.command))
    if as_json:
        print_json(result)
        return
    pages.print_search(result)
    for what, path in (("kept", place if written else None), ("page", html)):
        if path is not None:
            typer.echo(f"{what}: {path}")


def _triggers(given: str | None) -> tuple[str, ...]:
    """The triggers that are tried, in their usual order. Raises InputError."""
    from ladder_bench.search import TRIGGERS

    if given is None:
        return TRIGGERS
    if given in ("all", "none"):
        return TRIGGER_NAMES if given == "all" else ()
    named = [name.strip() for name in given.split(",")]
    for name in named:
        if name not in TRIGGER_NAMES:
            valid = ", ".join((*TRIGGER_NAMES, "all", "none"))
            raise InputError(f"--triggers: unknown trigger '{name}'{did_you_mean(name, TRIGGER_NAMES)}; valid: {valid}")
    return tuple(name for name in TRIGGER_NAMES if name in named)


def _refuse(given: Mapping[str, object]) -> None:
    """Options that a run that is there has decided already."""
    for name, value in given.items():
        if value is not None:
            raise InputError(f"{name}: is for the run that a search makes; this one is given RUN, which has its own")
