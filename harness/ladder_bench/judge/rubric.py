"""Rubrics: what is graded, by which grader, on which part of a conversation, with which weights and prompt."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.documents import Loc
from ladder_bench.domain import canonical, digest_of
from ladder_bench.errors import InputError

FOLDER = "rubrics"
CRITERIA_KINDS = ("correctness", "completeness", "constraint", "format")  # of a turn
KINDS = (*CRITERIA_KINDS, "active_constraint", "output_contract", "goal", "unknown")
OPENING_KINDS = ("goal", "constraint", "unknown")
OF_LEVEL = {  # metrics that the harness knows, and the one level at which a judge may speak of them
    **dict.fromkeys((*CRITERIA_KINDS, "active_constraint", "output_contract", "self_correction"), "turn"),
    "validity": "user_turn", "resolution": "conversation",
}  # fmt: skip
OTHERS_OWN = {"supported_specifics": "'ask: claims'", "preference": "'grader: pairwise'"}
NOBODYS = ("reached", "step_met", "alignment_at_1", "alignment_at_2", "scaffold_part", "guardrail")
PROMPT = "criteria.jinja"
CLAIM_PROMPTS = ("claims_extract.jinja", "claims_verify.jinja")
REPAIR = "repair.jinja"

Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Level = Literal["turn", "user_turn", "opening", "conversation"]
Grader = Literal["checks", "llm", "hybrid", "pairwise"]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WeightsShape(Shape):
    correctness: Weight = 1.0
    completeness: Weight = 1.0
    constraint: Weight = 1.0
    format: Weight = 1.0


class OwnCriterionShape(Shape):
    id: Text
    text: Text
    weight: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    critical: bool = False


class RubricShape(Shape):
    id: Name
    version: Annotated[int, Field(ge=1)] = 1
    grader: Grader
    level: Level = "turn"
    ask: Literal["criteria", "claims"] = "criteria"
    metric: Name | None = None
    kinds: list[Literal[KINDS]] = Field(default_factory=list)  # type: ignore[valid-type]
    criteria: list[OwnCriterionShape] = Field(default_factory=list)
    from_turn: Annotated[int, Field(ge=1)] = 1
    prompt: Text | None = None
    against: Text | None = None
    weights: WeightsShape = WeightsShape()


@dataclass(frozen=True, slots=True)
class Own:
    """A criterion that a rubric brings itself."""

    id: str
    text: str
    weight: float = 1.0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Rubric:
    """What is graded, and how.

    `weights` multiply a criterion's own weight, by its kind (checks only). `metric`: where the verdicts count. `kinds`:
    which of the dataset's criteria; `own` stand in their place. `from_turn`: earlier turns are not graded. `folder` is
    where prompts are looked for first. `against`: with whom a pairwise rubric compares, None for the base. `digest`
    covers the file and its prompts.
    """

    id: str
    version: int
    weights: Mapping[str, float]
    digest: str
    grader: Grader = "checks"
    level: Level = "turn"
    ask: Literal["criteria", "claims"] = "criteria"
    metric: str = ""
    kinds: tuple[str, ...] = ()
    own: tuple[Own, ...] = ()
    from_turn: int = 1
    prompts: tuple[str, ...] = ()
    folder: Path | None = None
    against: str | None = None

    @property
    def asks(self) -> bool:
        """Whether a judge is needed."""
        return self.grader != "checks"


def load_rubrics(names: Sequence[str], near: Path | None = None) -> tuple[Rubric, ...]:
    """Load the rubrics of a run by path or name; one beside the matrix or here wins over the bundled one of its name.

    Raises InputError.
    """
    found = tuple(load_rubric(name, near) for name in names)
    for index, rubric in enumerate(found):
        if rubric.id in [each.id for each in found[:index]]:
            raise InputError(f"rubric '{rubric.id}' is named twice; name it once")
    return found


def load_rubric(name: str, near: Path | None = None) -> Rubric:
    path = content.locate_rubric(name, near)
    return read_rubric(content.read_yaml(path), path.parent)


def read_rubric(document: content.Document, folder: Path | None = None) -> Rubric:
    """A rubric from its YAML, with its prompts looked for in its folder. Raises InputError with every problem."""
    shape = content.parse(RubricShape, document)
    problems = [document.problem(loc, what) for loc, what in _wrong(shape)]
    prompts = _prompts(shape)
    texts: list[str] = []
    for prompt in prompts:
        try:
            texts += content.prompt_sources(prompt, folder, FOLDER).values()
        except InputError as error:
            problems.append(document.problem(("prompt",), str(error)))
    if problems:
        raise InputError(problems)
    return Rubric(
        id=shape.id,
        version=shape.version,
        weights=shape.weights.model_dump(),
        digest=digest_of(canonical(document.value), *texts),
        grader=shape.grader,
        level=shape.level,
        ask=shape.ask,
        metric=shape.metric or ("preference" if shape.grader == "pairwise" else shape.id),
        kinds=tuple(shape.kinds),
        own=tuple(Own(**each.model_dump()) for each in shape.criteria),
        from_turn=shape.from_turn,
        prompts=prompts,
        folder=folder,
        against=shape.against,
    )


def _prompts(shape: RubricShape) -> tuple[str, ...]:
    if shape.grader == "checks":
        return ()
    if shape.ask == "claims":
        return CLAIM_PROMPTS
    return (shape.prompt or ("pairwise.jinja" if shape.grader == "pairwise" else PROMPT),)


def _taken(shape: RubricShape, metric: str) -> str | None:
    """Why verdicts of a rubric may not count under a metric that means something else, None where they may."""
    level = OF_LEVEL.get(metric, shape.level)
    if level != shape.level:
        return f"'{metric}' is of level '{level}', and this rubric is of level '{shape.level}'; name another metric"
    is_own = {"supported_specifics": shape.ask == "claims", "preference": shape.grader == "pairwise"}
    if not is_own.get(metric, True):
        return f"'{metric}' is what a rubric with {OTHERS_OWN[metric]} counts under; name another metric"
    return f"'{metric}' is told by rules alone; name another metric" if metric in NOBODYS else None


def _wrong(shape: RubricShape) -> Iterator[tuple[Loc, str]]:
    """What the shape alone cannot say."""
    given = shape.model_fields_set
    if shape.grader == "checks":
        if not any(shape.weights.model_dump().values()):
            yield ("weights",), "are all 0: nothing would be graded"
        for name in ("level", "ask", "metric", "kinds", "criteria", "prompt", "against"):
            if name in given:
                yield (name,), "checks grade what the dataset's own checks say; leave it out, or use 'grader: llm'"
        return
    if shape.against is not None and shape.grader != "pairwise":
        yield ("against",), "only a pairwise rubric compares with somebody; leave it out"
    asks_for_criteria = shape.grader != "pairwise" and shape.ask == "criteria"
    if not asks_for_criteria:
        for name in ("kinds", "criteria"):
            if name in given:
                what = "a pairwise rubric" if shape.grader == "pairwise" else "'ask: claims'"
                yield (name,), f"{what} has no criteria; leave it out"
    elif bool(shape.kinds) == bool(shape.criteria):
        valid = ", ".join(KINDS)
        what = "names both 'kinds' and 'criteria'; give one" if shape.kinds else "needs 'criteria' or 'kinds'"
        yield (), f"{what}: its own criteria, or which of the dataset's ({valid})"
    if shape.metric is not None and (taken := _taken(shape, shape.metric)):
        yield ("metric",), taken
    if shape.grader == "hybrid" and shape.criteria:
        yield ("grader",), "hybrid asks a judge where the dataset's checks cannot say; own criteria have none: use llm"
    if shape.ask == "claims" and (shape.level != "turn" or shape.grader != "llm"):
        yield ("ask",), "claims are of a turn's answer: they need 'grader: llm' and 'level: turn'"
    if shape.grader == "pairwise" and shape.level != "turn":
        yield ("level",), "a pairwise rubric compares the answers to a turn; use 'level: turn'"
    for index, kind in enumerate(shape.kinds):
        if (kind in OPENING_KINDS) if shape.level != "opening" else (kind not in OPENING_KINDS):
            if kind == "constraint":
                continue
            valid = ", ".join(OPENING_KINDS if shape.level == "opening" else KINDS[:6])
            yield ("kinds", index), f"'{kind}' is not of this level ({shape.level}); valid: {valid}"
    if shape.level in ("user_turn", "conversation") and shape.kinds:
        yield ("kinds",), f"the dataset has no criteria of this level ({shape.level}); give 'criteria'"
    ids = [each.id for each in shape.criteria]
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield ("criteria", index, "id"), f"duplicate criterion '{name}'; ids must be unique"
