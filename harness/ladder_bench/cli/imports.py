"""`import`: finished transcripts of several arms as a run."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ladder_bench.cli.app import JsonOption, app, check_finite, print_json

if TYPE_CHECKING:
    from ladder_bench.folder import Run
    from ladder_bench.imports import Imported

WORTH_A_WORD = 500  # transcripts, which take some seconds to grade


@app.command("import")
def import_(
    arms: Annotated[
        list[Path],
        typer.Option(
            "--arms", metavar="FILE", help="Transcripts: lines of arms, or tau-bench's results; .gz too. Repeatable."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The run folder.")],
    arm: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Take this arm; for tau-bench's results: what to call it. Repeatable."),
    ] = None,
    format: Annotated[  # noqa: A002  as the option is called
        Literal["arms", "tau-bench"] | None, typer.Option(help="What the files are; default: what they look like.")
    ] = None,
    tiers: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Prices by arm, or a tiers file whose tiers are named like the arms."),
    ] = None,
    estimate_usage: Annotated[
        bool, typer.Option("--estimate-usage", help="Count tokens that the log did not count, flagged as estimated.")
    ] = False,
    gap_s: Annotated[float, typer.Option(min=0, help="Seconds between turns where the log has no timestamps.")] = 60.0,
    unresolved_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars that an unresolved conversation costs; default: ten on the dearest arm."),
    ] = None,
    checks: Annotated[
        bool,
        typer.Option(
            "--checks/--no-checks", help="Grade the answers by rule, too: unsupported specifics, self-corrections."
        ),
    ] = True,
    strict: Annotated[
        bool, typer.Option("--strict", help="Leave no transcript out: exit 2 where one would be.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a run from finished transcripts of several models or strategies, such as an A/B log."""
    from ladder_bench import imports

    for name, value in (("gap-s", gap_s), ("unresolved-cost", unresolved_cost)):
        check_finite(f"--{name}", value)
    done = imports.import_arms(
        imports.Options(
            files=tuple(arms),
            out=out,
            arms=tuple(arm or ()),
            format=format,
            tiers=tiers,
            estimate_usage=estimate_usage,
            gap_s=gap_s,
            unresolved_cost_usd=unresolved_cost,
            strict=strict,
            command=shlex.join(["ladder-bench", *sys.argv[1:]]),
        )
    )
    if checks:
        done = replace(done, run=_graded(done))
    if as_json:
        print_json(done.as_json())
        return
    _print(done)


def _graded(done: Imported) -> Run:
    """The run with what rules say of its answers: the gate holds one arm's unsupported claims against another's."""
    from ladder_bench.experiment import regrading

    if done.imported >= WORTH_A_WORD:
        typer.echo(f"grading {done.imported:,} transcripts by rule (--no-checks leaves that out)", err=True)
    return regrading.regrade(done.run.path, regrading.Options(rubrics=("checks",))).after


def _print(done: Imported) -> None:
    from ladder_bench.report import terminal
    from ladder_bench.report.text import counted

    arms = done.run.about["imported"]["arms"]
    skipped = sum(done.skipped.values())
    typer.echo(
        f"{done.format}: {counted(done.imported, 'transcript')} of {counted(len(arms), 'arm')} taken, "
        f"{skipped:,} skipped, {done.merged:,} messages merged; {done.run.about['design']}"
    )
    typer.echo()
    terminal.print_summary(done.run)
