"""`recommend`."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, app, print_json, write_page


@app.command()
def recommend(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    policy: Annotated[
        str,
        typer.Option(metavar="FILE", help="Floors, limits and traffic; 'recommend' is a bundled example to copy."),
    ],
    controls: Annotated[bool, typer.Option("--controls", help="Let the run's controls be chosen, too.")] = False,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Markdown, too.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page, too.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Decide under constraints: which strategies hold a policy's floors and limits, and the cheapest of them.

    Exit code 0: there is a choice; 3: there is none, because nothing holds or too little is known.
    """
    from ladder_bench import folder
    from ladder_bench.recommend import deciding
    from ladder_bench.recommend.policy import load_policy
    from ladder_bench.report import recommend as pages

    rules = load_policy(policy)
    if controls:
        rules = replace(rules, controls=True)
    found = deciding.recommend(folder.read(run_folder), rules)
    if markdown is not None:
        write_page(markdown, pages.markdown(found))
    if html is not None:
        write_page(html, pages.page(found, shlex.join(["ladder-bench", *sys.argv[1:]])))
    if as_json:
        print_json(found)
    else:
        pages.print_recommendation(found)
        for path in (markdown, html):
            if path is not None:
                typer.echo(f"page: {path}")
    if found["choice"] is None:
        raise typer.Exit(INCONCLUSIVE)
