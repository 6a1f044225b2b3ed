"""`run`, `plan`, `report` and `validate`."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import replace as replaced
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, app, print_json, seconds_of
from ladder_bench.cli.progress import progress_bar

if TYPE_CHECKING:
    from ladder_bench.experiment import Options

MatrixArgument = Annotated[str, typer.Argument(help="A matrix file, or a bundled name.")]
DatasetOption = Annotated[str | None, typer.Option(help="A .jsonl file, hf:owner/name[:split], or a bundled name.")]
TiersOption = Annotated[str | None, typer.Option(help="A tiers file, or a bundled name.")]
RubricsOption = Annotated[list[str] | None, typer.Option(help="A rubric file, or a bundled name. Repeatable.")]
JudgesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--judge", metavar="NAME", help="Who grades where a rubric asks a model: a judge or tier. Repeatable."
    ),
]
ReplayOption = Annotated[
    Literal["rollout", "forced", "simulated"] | None,
    typer.Option(help="What a turn follows: the strategy's own answers, the recorded ones, or a played user."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first conversations.")]
SamplesOption = Annotated[int | None, typer.Option(min=1, help="Answers drawn for each turn.")]
SeedOption = Annotated[int | None, typer.Option(help="Seed of the simulator.")]
ConcurrencyOption = Annotated[int | None, typer.Option(min=1, help="Calls in flight for each tier.")]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Send nothing: stored, recorded and simulated answers only.")
]
SharingOption = Annotated[bool, typer.Option("--sharing/--no-sharing", help="Let strategies share equal calls.")]


MaxCostOption = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="Never pay more than this for the run, its resumptions included."),
]
MaxMinutesOption = Annotated[float | None, typer.Option(min=0, help="Stop sending after so many minutes.")]
FreshOption = Annotated[
    list[str] | None, typer.Option(metavar="TIER", help="Ask this tier again for what is stored. Repeatable.")
]
MaxAgeOption = Annotated[
    str | None, typer.Option(metavar="AGE", help="Ask again for stored answers older than this: 12h, 7d.")
]


@app.command()
def run(
    matrix: MatrixArgument = "quickstart",
    dataset: DatasetOption = None,
    tiers: TiersOption = None,
    rubrics: RubricsOption = None,
    judge: JudgesOption = None,
    replay: ReplayOption = None,
    limit: LimitOption = None,
    samples: SamplesOption = None,
    seed: SeedOption = None,
    concurrency: ConcurrencyOption = None,
    offline: OfflineOption = False,
    sharing: SharingOption = True,
    max_cost: MaxCostOption = None,
    max_minutes: MaxMinutesOption = None,
    fresh: FreshOption = None,
    max_age: MaxAgeOption = None,
    store: StoreOption = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; default reports/runs/TIME-DATASET.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a matrix of strategies over recorded conversations and write a report."""
    from ladder_bench import experiment
    from ladder_bench.report import terminal

    if offline:  # `datasets` reads it when it is imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    options = _options(matrix, dataset, tiers, rubrics, judge, replay, limit, samples, seed, sharing, store)
    options = replaced(
        options,
        concurrency=concurrency,
        offline=offline,
        max_cost_usd=max_cost,
        max_minutes=max_minutes,
        fresh=tuple(fresh or ()),
        max_age_s=None if max_age is None else seconds_of(max_age, "--max-age"),
        out=out,
    )
    with progress_bar() as listener:
        result = experiment.run(options, listener)
    if as_json:
        print_json(result.summary)
    else:
        terminal.print_summary(result)
    if result.about["incomplete"]:
        raise typer.Exit(INCONCLUSIVE)


@app.command()
def plan(
    matrix: MatrixArgument = "quickstart",
    dataset: DatasetOption = None,
    tiers: TiersOption = None,
    rubrics: RubricsOption = None,
    judge: JudgesOption = None,
    replay: ReplayOption = None,
    limit: LimitOption = None,
    samples: SamplesOption = None,
    seed: SeedOption = None,
    sharing: SharingOption = True,
    store: StoreOption = None,
    explain: Annotated[
        str | None, typer.Option(metavar="CONVERSATION", help="Print the route of every turn of one conversation.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would do, and send nothing: strategies, routes, and calls needed, shared and stored."""
    from ladder_bench import experiment
    from ladder_bench.report import terminal

    options = _options(matrix, dataset, tiers, rubrics, judge, replay, limit, samples, seed, sharing, store)
    planned = experiment.plan(options)
    if explain is not None:
        experiment.check_conversation(planned, explain)
    if as_json:
        print_json(terminal.plan_json(planned, explain))
        return
    terminal.print_plan(planned, explain)


@app.command()
def report(run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]) -> None:
    """Make the pages of a run again, from its folder alone."""
    from ladder_bench import folder
    from ladder_bench.report import pages, terminal

    found = folder.read(run_folder)
    folder.write_pages(run_folder, pages(found))
    terminal.print_summary(found)


@app.command()
def validate(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="Datasets, ladders, tiers, prices, matrices, rubrics, lexicons, policies, baselines, folders; "
            "default: what is bundled.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check files before they are used: every problem with file, line and column."""
    from ladder_bench import validation

    checked = validation.validate(paths)
    if as_json:
        rows = [
            {"file": p.file, "line": p.line, "column": p.column, "where": p.where, "message": p.message}
            for p in checked.problems
        ]
        print_json(rows)
    else:
        for problem in checked.problems:
            typer.echo(str(problem))
        if not checked.problems:
            typer.echo(f"{checked.files} file{'s' * (checked.files != 1)}, no problem")
    if checked.problems:
        raise typer.Exit(2)


def _options(
    matrix: str,
    dataset: str | None,
    tiers: str | None,
    rubrics: list[str] | None,
    judges: list[str] | None,
    replay: Literal["rollout", "forced", "simulated"] | None,
    limit: int | None,
    samples: int | None,
    seed: int | None,
    sharing: bool,
    store: Path | None,
) -> Options:
    from ladder_bench.experiment import Options

    chosen: dict[str, Any] = {} if store is None else {"store": store}
    return Options(
        matrix=matrix,
        dataset=dataset,
        tiers=tiers,
        rubrics=tuple(rubrics) if rubrics else None,
        judges=tuple(judges) if judges else None,
        replay=replay,
        limit=limit,
        samples=samples,
        seed=seed,
        sharing=sharing,
        command=shlex.join(["ladder-bench", *sys.argv[1:]]),
        **chosen,
    )
