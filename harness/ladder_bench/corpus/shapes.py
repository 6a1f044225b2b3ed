"""Shapes: what a line of a dataset may hold, key by key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench.domain import TRIGGER_NAMES

Text = Annotated[str, Field(min_length=1)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Label = Literal[TRIGGER_NAMES]  # type: ignore[valid-type]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StatementShape(Shape):
    text: Text
    id: str = ""
    check: dict[str, Any] | None = None


class CriterionShape(Shape):
    id: Text
    kind: Literal["correctness", "completeness", "constraint", "format"] = "correctness"
    text: Text
    weight: Weight = 1.0
    critical: bool = False
    check: dict[str, Any] | None = None
    violation: str | None = None


class ConstraintShape(Shape):
    id: Text
    text: Text
    from_turn: Annotated[int, Field(ge=1)] = 1
    until_turn: Annotated[int, Field(ge=1)] | None = None
    weight: Weight = 1.0
    critical: bool = False
    check: dict[str, Any] | None = None
    violation: str | None = None


class IntentShape(Shape):
    goal: StatementShape | None = None
    constraints: list[ConstraintShape] = []
    non_goals: list[StatementShape] = []
    blocking_unknowns: list[StatementShape] = []
    output_contract: StatementShape | None = None


class TurnShape(Shape):
    criteria: list[CriterionShape] = []
    reference: str | None = None
    labels: list[Label] | None = None
    answer_labels: list[Label] | None = None
    alternative: str | None = None
    wrong: str | None = None


class MessageShape(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None
    latency_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    timestamp: str | float | None = None


class OutcomeShape(Shape):
    resolved: bool | None = None


class EvidenceShape(Shape):
    turn: Annotated[int, Field(ge=1)]
    quote: Text
    hindsight: bool = False


class AnnotationShape(Shape):
    """Who drafted intent and criteria, and the user's words behind each draft, by the draft's id."""

    author: Text
    status: Literal["draft", "reviewed"]
    prompt: str = ""
    reviewer: str | None = None
    evidence: dict[str, EvidenceShape] = {}


class ConversationShape(Shape):
    id: str | None = None
    system: str | None = None
    tags: list[str] = []
    language: str | None = None
    messages: list[MessageShape]
    intent: IntentShape | None = None
    facts: list[str] = []
    turns: dict[str, TurnShape] = {}
    outcome: OutcomeShape | None = None
    metadata: dict[str, Any] | None = None
    annotation: AnnotationShape | None = None
