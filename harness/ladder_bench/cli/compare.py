"""`compare`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import JsonOption, app, check_finite, named_number, print_json, write_page

SHARE = "STRATEGY=N with a number N above 0, such as light=1"


@app.command()
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, the base first; one alone: its strategies with its base."),
    ],
    strategy: Annotated[
        list[str] | None,
        typer.Option(help="A strategy of the later runs; of one run: the base, then what is held against it."),
    ] = None,
    against: Annotated[str | None, typer.Option(help="The strategy of the first run to hold them against.")] = None,
    common: Annotated[bool, typer.Option("--common", help="Only the conversations that all runs hold.")] = False,
    by_tag: Annotated[bool, typer.Option("--by-tag", help="Also within the conversations of each tag.")] = False,
    unresolved_cost: Annotated[
        float | None,
        typer.Option(min=0, help="Dollars that an unresolved conversation costs; default: what the first run says."),
    ] = None,
    share: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STRATEGY=N",
            help="What part of the traffic a strategy was to get, where strategies had different conversations; "
            "default: equal parts.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, with transcripts.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write Markdown, without transcripts.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between runs, or between the strategies of one: paired differences with intervals."""
    from ladder_bench import comparison
    from ladder_bench.report import compare as pages

    check_finite("--unresolved-cost", unresolved_cost)
    shares = tuple(named_number("--share", each, SHARE) for each in share or [])
    options = comparison.Options(tuple(strategy or ()), against, common, by_tag, unresolved_cost, shares)
    result = comparison.compare(runs, options)
    command = shlex.join(["ladder-bench", *sys.argv[1:]])
    if html is not None:
        write_page(html, pages.page(result.found, result.runs, command))
    if markdown is not None:
        write_page(markdown, pages.markdown_page(result.found, command))
    if as_json:
        print_json(result.found)
        return
    pages.print_comparison(result.found)
    for path in (html, markdown):
        if path is not None:
            typer.echo(f"page: {path}")
