"""Progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ladder_bench.experiment import Progress


class progress_bar:  # noqa: N801  reads as a verb where it is used
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
