"""Progress on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ladder_bench.experiment import Listener, Progress


class progress_bar:  # noqa: N801  reads as a verb where it is used
    """Progress on stderr: a bar on a terminal, else a line every 10 %. `doing` says what takes the time."""

    def __init__(self, doing: str = "replaying") -> None:
        self._doing = doing

    def __enter__(self) -> Listener:
        self._bar: Any = None
        self._tenth = 0
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
            from rich.progress import Progress as Bar

            columns = (
                TextColumn(self._doing), BarColumn(), MofNCompleteColumn(),
                TextColumn("conversations · {task.fields[calls]} calls"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar = Bar(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=None, calls=0)
        from ladder_bench.experiment import Listener

        return Listener(self._advance, self._warn)

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def _advance(self, now: Progress) -> None:
        if self._bar:
            self._bar.update(self._task, completed=now.conversations, total=now.of, calls=now.distinct)
        elif now.of >= 10 and now.conversations * 10 // now.of > self._tenth:
            self._tenth = now.conversations * 10 // now.of
            typer.echo(
                f"{self._tenth * 10:3d} % · {now.conversations} of {now.of} conversations · "
                f"{now.distinct} calls for {now.asked} answers, {now.sent} made now",
                err=True,
            )

    def _warn(self, what: str) -> None:
        if self._bar:  # above the bar, which is drawn again
            self._bar.console.print(what, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(what, err=True)
