"""What can go wrong, as a tree.

LadderBenchError
├── InputError      the user can put it right: problems with file, line, column; exit code 2
├── StoppedError    the run was told to stop (a cap, a deadline, Ctrl-C); what is in flight finishes
└── ModelError      one call to a model failed; the turn that needed it fails, the run goes on
    └── FatalModelError   every further call would fail the same way (a bad key): the run stops
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ladder_bench.domain import Usage


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right: where it is, what is wrong, and what would be valid.

    `line` and `column` count from 1; None where a problem has no place in a file.
    """

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    where: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))
        return _one_line(": ".join(part for part in (place, self.where, self.message) if part))


def path_text(loc: Sequence[str | int]) -> str:
    """("steps", 0, "turn") as people write it: steps[0].turn."""
    text = ""
    for part in loc:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if len(part) <= 80 else part[:77] + "...")
    return text


def _one_line(text: str) -> str:
    """Escape what would break the line or command a terminal: names in data are anybody's text."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


class LadderBenchError(Exception):
    """Everything that ladder-bench raises on purpose."""


class InputError(LadderBenchError):
    """Input that the user can put right; printed one problem a line, exit code 2."""

    def __init__(self, problems: Problem | str | Sequence[Problem]) -> None:
        if isinstance(problems, str):
            problems = Problem(problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class StoppedError(LadderBenchError):
    """A call that is not sent because the run was told to stop."""


class ModelError(LadderBenchError):
    """A model call that gave no usable answer.

    `kind` is a short stable word for tables. `retry_after_s` is how long the provider asks to wait. `charged` says
    whether the provider charged for it: True, with its `usage`; False; or None where nobody here can know.
    """

    def __init__(
        self,
        kind: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        charged: bool | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind, self.retry_after_s, self.charged, self.usage = kind, retry_after_s, charged, usage


class FatalModelError(ModelError):
    """A model error that every further call would repeat, such as a refused key."""
