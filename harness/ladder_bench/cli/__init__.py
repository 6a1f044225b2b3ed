"""The command line: parse, call, print. The only package that knows typer."""

from __future__ import annotations

import gc
import io
import os
import sys
from typing import Any

import typer

from ladder_bench.cli import (  # noqa: F401  their commands join the application
    annotate,
    baseline,
    bill,
    calibrate,
    compare,
    gate,
    imports,
    judge,
    model,
    recommend,
    runs,
    sample,
    search,
    selftest,
    store,
    triggers,
    upkeep,
)
from ladder_bench.cli.app import INCONCLUSIVE, app
from ladder_bench.errors import InputError, LadderBenchError, StoppedError

INTERRUPTED = 130  # exit code that typer gives a KeyboardInterrupt
UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # click's, or the copy of it that typer carries


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; what the user can put right becomes one line a problem and exit code 2."""
    gc.set_threshold(50_000)  # a run makes many small objects and few cycles; looking for those took 6 % of its time
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # products here are small: threads mostly wait for each other
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names in data may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, prog_name="ladder-bench", standalone_mode=False)
    except UsageError as error:
        _say(_usage(error))
    except StoppedError as error:
        typer.echo(str(error), err=True)
        sys.exit(INCONCLUSIVE)
    except InputError as error:
        _say(*map(str, error.problems))
    except LadderBenchError as error:
        _say(str(error))
    except BrokenPipeError:  # `ladder-bench plan | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    else:
        if code == INTERRUPTED:
            typer.echo("interrupted; what was answered is stored, and the same command goes on from there", err=True)
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
