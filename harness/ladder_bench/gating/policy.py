"""The policy: what a gate tests, by which margins, and which limits it has beside that. Everything has a default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ladder_bench import content
from ladder_bench.documents import Document, read_yaml
from ladder_bench.errors import InputError
from ladder_bench.prices import AboveZero, Shape, Text

TestName = Literal["qpd", "quality", "harm"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Margin = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Slack = Annotated[float, Field(ge=0, lt=1)]


class MarginsShape(Shape):
    """By how much each may be worse. `qpd`: a share of the baseline's; the others: of 1, and claims a turn."""

    qpd: Fraction = 0.10
    quality: Fraction = 0.03
    harm: Margin = 0.05


class FloorShape(Shape):
    floor: Share
    margin: Slack = 0.0


class HighStakesShape(FloorShape):
    tag: Text = "high_stakes"


class LatencyShape(Shape):
    over_s: AboveZero
    share: Share
    margin: Slack = 0.0


class SliceShape(Shape):
    tag: Text
    margin: Fraction = 0.05


class AnchorShape(Shape):
    """What the anchored baseline is held to; None: that test is not made against it."""

    qpd: Fraction | None = None
    quality: Fraction | None = 0.03
    harm: Margin | None = None


class PaddingShape(Shape):
    times: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 1.5


class LimitsShape(Shape):
    quality: FloorShape | None = None
    high_stakes: HighStakesShape | None = None
    latency: LatencyShape | None = None
    slices: list[SliceShape] = Field(default=[])
    anchor: AnchorShape = AnchorShape()
    padding: PaddingShape | None = PaddingShape()


class JudgeShape(Shape):
    """A judge's errors against people, as `judge calibrate` reports them."""

    sensitivity: Share
    specificity: Share

    @model_validator(mode="after")
    def _better_than_a_coin(self) -> JudgeShape:
        if self.youden <= 0:
            raise ValueError(
                "sensitivity + specificity must be above 1: a judge that guesses is no ground for a decision"
            )
        return self

    @property
    def youden(self) -> float:
        """J, by which a difference shrinks on the judged scale."""
        return self.sensitivity + self.specificity - 1


class ReviewShape(Shape):
    """From which difference on a review flag is raised."""

    first_turn_alignment: Fraction = 0.03
    constraint_coverage: Fraction = 0.03
    invalid_turn_share: Fraction = 0.03
    tokens_per_turn: Annotated[float, Field(gt=1, allow_inf_nan=False)] = 1.5


class PolicyShape(Shape):
    strategy: Text | None = None
    tests: list[TestName] = Field(default=["qpd", "quality", "harm"], min_length=1)
    margins: MarginsShape = MarginsShape()
    limits: LimitsShape = LimitsShape()
    review: ReviewShape = ReviewShape()
    judge: JudgeShape | None = None
    allow_estimated: bool = False
    inference: Literal["population", "suite"] = "population"
    on_inconclusive: Literal["fail", "warn", "pass"] | None = None
    strict: bool = False

    @model_validator(mode="after")
    def _each_once(self) -> PolicyShape:
        if len(set(self.tests)) < len(self.tests):
            raise ValueError("tests: each test may be named once")
        tags = [each.tag for each in self.limits.slices]
        if len(set(tags)) < len(tags):
            raise ValueError("limits.slices: each tag may be named once")
        return self


def read_policy(document: Document) -> PolicyShape:
    """A policy from its document; an empty one is all defaults. Raises InputError with the place of every problem."""
    if document.value is None:
        return PolicyShape()
    if isinstance(document.value, Mapping) and "traffic" in document.value:
        raise InputError(
            document.problem(("traffic",), "this is a policy of recommend; a gate has policies of its own")
        )
    return content.parse(PolicyShape, document)


def load_policy(name: str | None) -> PolicyShape:
    """A policy by path or bundled name, the default one for None. Raises InputError."""
    if name is None:
        return PolicyShape()
    path: Path = content.locate(name, "ladders/policies")
    return read_policy(read_yaml(path))
