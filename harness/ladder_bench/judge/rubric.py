"""Rubrics: what is graded, by which grader, with which weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.domain import canonical, digest_of
from ladder_bench.errors import InputError

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class WeightsShape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    correctness: Weight = 1.0
    completeness: Weight = 1.0
    constraint: Weight = 1.0
    format: Weight = 1.0


class RubricShape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: Annotated[str, Field(min_length=1)]
    version: Annotated[int, Field(ge=1)] = 1
    grader: Literal["checks"]
    weights: WeightsShape = WeightsShape()


@dataclass(frozen=True, slots=True)
class Rubric:
    """A rubric for the rule grader. `weights` multiply a criterion's own weight, by its kind."""

    id: str
    version: int
    weights: Mapping[str, float]
    digest: str


def load_rubric(names: Sequence[str], near: Path | None = None) -> Rubric:
    """Load the rubric of a run. Raises InputError; more than one rubric needs graders that this version has not."""
    if len(names) > 1:
        raise InputError(f"{len(names)} rubrics are named, and this version grades with one; name one")
    return read_rubric(content.read_yaml(content.locate(names[0], "rubrics", near=near)))


def read_rubric(document: content.Document) -> Rubric:
    shape = content.parse(RubricShape, document)
    if not any(shape.weights.model_dump().values()):
        raise InputError(document.problem(("weights",), "are all 0: nothing would be graded"))
    return Rubric(shape.id, shape.version, shape.weights.model_dump(), digest_of(canonical(document.value)))
