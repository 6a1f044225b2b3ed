"""`gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, app, print_json, write_page
from ladder_bench.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ladder_bench.gating.policy import PolicyShape

FAILED, REFUSED = 1, 2  # exit codes
Lenience = Literal["fail", "warn", "pass"]


@app.command()
def gate(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    baseline: Annotated[Path, typer.Option(metavar="FILE", help="What `baseline update` wrote.")],
    strategy: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which strategy; default: the policy's, else the baseline's primary."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(metavar="NAME", help="A strategy of the baseline; default: the one of the same name.")
    ] = None,
    policy: Annotated[
        str | None, typer.Option(metavar="FILE", help="Margins, limits, tests; default: the bundled `gate`.")
    ] = None,
    anchor: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The baseline of a release, to hold the run against as well.")
    ] = None,
    prices: Annotated[
        str | None, typer.Option(metavar="FILE", help="Price both sides by this file; default: the run's prices.")
    ] = None,
    common: Annotated[
        bool,
        typer.Option("--common", help="Go on without conversations that one side has alone, up to a tenth of them."),
    ] = False,
    on_inconclusive: Annotated[
        Lenience | None, typer.Option(help="Exit with 1 (fail) or 0 (warn, pass) where it cannot tell; default: 3.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Flags for review make a pass inconclusive.")] = False,
    inference: Annotated[
        Literal["population", "suite"] | None,
        typer.Option(help="New conversations like these, or these again (needs samples)."),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    github: Annotated[bool, typer.Option("--github", help="Annotations, and the step summary.")] = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a comment for a pull request.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide whether a run is as good as its baseline: pass, fail, or too little to tell.

    Three tests, all needed: quality per dollar, quality, unsupported claims. Exit codes: 0 pass; 1 fail; 2 the two
    cannot be compared, with the reason; 3 inconclusive, with the number of conversations that would decide it.
    """
    from ladder_bench.gating.files import Options, gate_files
    from ladder_bench.report import gate as shown

    rules: PolicyShape | None = None
    try:
        rules = _rules(policy, strict, inference, on_inconclusive)
        found = gate_files(run_folder, baseline, Options(rules, strategy, against, prices, anchor, common))
    except InputError as error:
        found = {"outcome": "refused", "reasons": [str(each) for each in error.problems]}
    lenience = (rules.on_inconclusive if rules else None) or on_inconclusive
    _write_all(found, lenience, junit, markdown)
    if as_json:
        print_json(found)
    elif found["outcome"] != "refused":
        shown.print_gate(found)
    if github:
        _tell_github(found, lenience, as_json)
    if found["outcome"] == "refused":
        for each in found["reasons"]:
            typer.echo(f"error: {Problem(each)}", err=True)  # ids are anybody's text
        raise typer.Exit(REFUSED)
    if code := _exit_code(found["outcome"], lenience):
        raise typer.Exit(code)


def _rules(
    policy: str | None, strict: bool, inference: Literal["population", "suite"] | None, on_inconclusive: Lenience | None
) -> PolicyShape:
    """The policy with what the command line says on top."""
    from ladder_bench.gating.policy import load_policy

    said: dict[str, Any] = {"strict": True} if strict else {}
    said |= {} if inference is None else {"inference": inference}
    said |= {} if on_inconclusive is None else {"on_inconclusive": on_inconclusive}
    return load_policy(policy).model_copy(update=said)


def _exit_code(outcome: str, lenience: Lenience | None) -> int:
    if outcome == "fail":
        return FAILED
    if outcome == "inconclusive":
        return {"fail": FAILED, "warn": 0, "pass": 0, None: INCONCLUSIVE}[lenience]
    return 0


def _write_all(found: Mapping[str, Any], lenience: Lenience | None, junit: Path | None, markdown: Path | None) -> None:
    from ladder_bench.report import gate_ci

    if junit is not None:
        write_page(junit, gate_ci.junit(found, lenience, found.get("started", "")))
    if markdown is not None:
        write_page(markdown, gate_ci.markdown(found))


def _tell_github(found: Mapping[str, Any], lenience: Lenience | None, as_json: bool) -> None:
    """Annotations (beside JSON on stderr, which GitHub reads as well), and the step summary."""
    from ladder_bench.report import gate_ci

    for each in gate_ci.workflow_commands(found, lenience):
        typer.echo(each, err=as_json)
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if not summary:
        typer.echo("--github: no GITHUB_STEP_SUMMARY is set, so no step summary is written", err=True)
        return
    try:
        with Path(summary).open("a", encoding="utf-8", errors="replace") as file:
            file.write(gate_ci.markdown(found))
    except OSError as error:
        raise InputError(f"{summary}: cannot be written: {error.strerror or error}") from None
