"""The command line: parse, call, print. The only module that knows typer."""

from __future__ import annotations

import io
import json
import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ladder_bench import __version__
from ladder_bench.errors import InputError, LadderBenchError

if TYPE_CHECKING:
    from ladder_bench.experiment import Options, Progress

app = typer.Typer(
    help="Replay recorded conversations through model ladders: "
    "what each saves, what it costs in quality, and how sure that is.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

MatrixArgument = Annotated[str, typer.Argument(help="A matrix file, or a bundled name.")]
DatasetOption = Annotated[str | None, typer.Option(help="A .jsonl file, hf:owner/name[:split], or a bundled name.")]
TiersOption = Annotated[str | None, typer.Option(help="A tiers file, or a bundled name.")]
RubricsOption = Annotated[list[str] | None, typer.Option(help="A rubric file, or a bundled name.")]
ReplayOption = Annotated[
    Literal["rollout", "forced"] | None,
    typer.Option(help="Whose history a turn sees: the strategy's own, or the recorded one."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Only the first conversations.")]
SamplesOption = Annotated[int | None, typer.Option(min=1, help="Answers drawn for each turn.")]
SeedOption = Annotated[int | None, typer.Option(help="Seed of the simulator.")]
ConcurrencyOption = Annotated[int | None, typer.Option(min=1, help="Calls in flight for each tier.")]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Send nothing: stored, recorded and simulated answers only.")
]
SharingOption = Annotated[bool, typer.Option("--sharing/--no-sharing", help="Let strategies share equal calls.")]
StoreOption = Annotated[
    Path | None, typer.Option(envvar="LADDER_BENCH_STORE", help="The call store; default .ladder-bench/calls.sqlite.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command()
def run(
    matrix: MatrixArgument = "quickstart",
    dataset: DatasetOption = None,
    tiers: TiersOption = None,
    rubrics: RubricsOption = None,
    replay: ReplayOption = None,
    limit: LimitOption = None,
    samples: SamplesOption = None,
    seed: SeedOption = None,
    concurrency: ConcurrencyOption = None,
    offline: OfflineOption = False,
    sharing: SharingOption = True,
    store: StoreOption = None,
    out: Annotated[Path | None, typer.Option(help="The run folder; default reports/runs/TIME-DATASET.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a matrix of strategies over recorded conversations and write a report."""
    from ladder_bench import experiment
    from ladder_bench.report import terminal

    if offline:  # `datasets` reads it when it is imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    options = _options(
        matrix, dataset, tiers, rubrics, replay, limit, samples, seed, concurrency, offline, sharing, store, out
    )
    with _progress() as progress:
        result = experiment.run(options, progress)
    if as_json:
        _print_json(result.summary)
        return
    terminal.print_summary(result)


@app.command()
def plan(
    matrix: MatrixArgument = "quickstart",
    dataset: DatasetOption = None,
    tiers: TiersOption = None,
    rubrics: RubricsOption = None,
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

    options = _options(matrix, dataset, tiers, rubrics, replay, limit, samples, seed, None, True, sharing, store, None)
    planned = experiment.plan(options)
    if explain is not None:
        experiment.check_conversation(planned, explain)
    if as_json:
        _print_json(terminal.plan_json(planned, explain))
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
            help="Datasets, ladders, tiers, matrices, rubrics, lexicons, folders; default: what is bundled.",
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
        _print_json(rows)
    else:
        for problem in checked.problems:
            typer.echo(str(problem))
        if not checked.problems:
            typer.echo(f"{checked.files} files, no problem")
    if checked.problems:
        raise typer.Exit(2)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"ladder-bench {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # click's, or the copy of it that typer carries


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what the user can put right becomes one line a problem and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names in data may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, prog_name="ladder-bench", standalone_mode=False)
    except UsageError as error:
        _say(_usage(error))
    except typer.Abort:
        typer.echo("interrupted; what was answered is stored, and the same command goes on from there", err=True)
        sys.exit(130)
    except InputError as error:
        _say(*map(str, error.problems))
    except LadderBenchError as error:
        _say(str(error))
    except BrokenPipeError:  # `ladder-bench plan | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _say(*problems: str) -> None:
    for problem in problems:
        typer.echo(f"error: {problem}", err=True)
    sys.exit(2)


def _usage(error: Any) -> str:
    """What is wrong with a command line, in a line; without a command, the help."""
    command = error.ctx.command_path if error.ctx else "ladder-bench"
    message = " ".join(error.format_message().replace("Value error, ", "").replace("Input should", "must").split())
    return f"{message.rstrip('.')}; see '{command} --help'"


def _options(
    matrix: str,
    dataset: str | None,
    tiers: str | None,
    rubrics: list[str] | None,
    replay: Literal["rollout", "forced"] | None,
    limit: int | None,
    samples: int | None,
    seed: int | None,
    concurrency: int | None,
    offline: bool,
    sharing: bool,
    store: Path | None,
    out: Path | None,
) -> Options:
    from ladder_bench.experiment import Options

    chosen: dict[str, Any] = {} if store is None else {"store": store}
    return Options(
        matrix=matrix,
        dataset=dataset,
        tiers=tiers,
        rubrics=tuple(rubrics) if rubrics else None,
        replay=replay,
        limit=limit,
        samples=samples,
        seed=seed,
        concurrency=concurrency,
        offline=offline,
        sharing=sharing,
        out=out,
        command=shlex.join(["ladder-bench", *sys.argv[1:]]),
        **chosen,
    )


class _progress:  # noqa: N801  reads as a verb where it is used
    """Progress on stderr: a bar on a terminal, else a line every 10 %."""

    def __enter__(self) -> Progress:
        self._bar: Any = None
        self._tenth = 0
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (
                TextColumn("replaying"), BarColumn(), MofNCompleteColumn(),
                TextColumn("conversations · {task.fields[calls]} calls"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=None, calls=0)
        return self._advance

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def _advance(self, done: int, total: int, distinct: int, asked: int) -> None:
        if self._bar:
            self._bar.update(self._task, completed=done, total=total, calls=distinct)
        elif total >= 10 and done * 10 // total > self._tenth:
            self._tenth = done * 10 // total
            typer.echo(
                f"{self._tenth * 10:3d} % · {done} of {total} conversations · {distinct} calls for {asked} answers",
                err=True,
            )


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
