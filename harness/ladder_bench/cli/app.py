"""The application that the commands join, and the options that several of them share."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from ladder_bench import __version__
from ladder_bench.content import display
from ladder_bench.errors import InputError

app = typer.Typer(
    help="Replay recorded conversations through model ladders: "
    "what each saves, what it costs in quality, and how sure that is.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

StoreOption = Annotated[
    Path | None, typer.Option(envvar="LADDER_BENCH_STORE", help="The call store; default .ladder-bench/calls.sqlite.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


INCONCLUSIVE = 3  # exit code: there is a result, and it does not decide


def seconds_of(age: str, option: str) -> float:
    """An age such as 30m, 12h or 7d in seconds. Raises InputError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhd])", age.strip())
    if not found:
        raise InputError(f"{option}: must be a number with s, m, h or d behind it, such as 12h or 7d, not '{age}'")
    return float(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]]


def check_finite(option: str, value: float | None) -> None:
    """Raises InputError for nan and inf, which pass for numbers."""
    if value is not None and not math.isfinite(value):
        raise InputError(f"{option}: must be a finite number, not {value}")


def named_number(option: str, given: str, form: str) -> tuple[str, float]:
    """What an option such as --share light=1 declares; `form`: what it should look like. Raises InputError."""
    name, _, value = given.rpartition("=")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not name or not (math.isfinite(number) and number > 0):
        raise InputError(f"{option} {given}: must be {form}")
    return name, number


def write_page(path: Path, page: str) -> None:
    """Write a page where the user wants it. Raises InputError."""
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{display(path)}: cannot be written: {error.strerror or error}") from None


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=1))


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
