"""tau-bench's results: a list of trials of tasks, each with its messages, its tool calls and its reward.

`[{"task_id", "trial", "reward", "info", "traj": [{"role", "content", "tool_calls"?, ...}]}]`. A trial is a sample, and
a reward of 1 is resolved; the file does not name its arm.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.corpus.arms import Name
from ladder_bench.documents import Document
from ladder_bench.domain import Json
from ladder_bench.errors import InputError

FULL = 1.0 - 1e-6  # the reward of a task that is done, as tau-bench's own counting has it
USED = ("task_id", "trial", "reward", "traj")


class ResultShape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    task_id: Name
    trial: Annotated[int, Field(ge=0)] = 0
    reward: Annotated[float, Field(allow_inf_nan=False)] | None = None
    traj: list[dict[str, Any]]


def is_results(value: Json) -> bool:
    """Whether a parsed file holds results of tau-bench, by its first item."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and {"task_id", "traj"} <= set(first)


def items(whole: Document, arm: str, notes: dict[str, int]) -> Iterator[Document | InputError]:
    """Yield each result as a line of arms would hold it, or what is wrong with it. Counts in `notes` what is not used.

    A trial that ended without a message says nothing of an arm: its line has none, and is left out by name later.
    """
    for index in range(len(whole.value)):
        document = whole.at(index)
        if not isinstance(document.value, dict):
            yield InputError(document.problem((), "must be an object with 'task_id', 'reward' and 'traj'"))
            continue
        try:
            shape = content.parse(ResultShape, document)
        except InputError as error:
            yield error
            continue
        for key in sorted(set(document.value) - set(USED)):
            note = f"key '{content.shortened(key)}' of results not used"
            notes[note] = notes.get(note, 0) + 1
        outcome = {} if shape.reward is None else {"outcome": {"resolved": shape.reward >= FULL}}
        line = {"conversation": shape.task_id, "arm": arm, "sample": shape.trial, "messages": shape.traj, **outcome}
        yield replace(document, value=line)
