"""What users write beside tiers: ladders and matrices as YAML, turned into values with every problem located."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ladder_bench import content
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.domain import TRIGGER_NAMES, Escalation, Handoff, Json, Ladder, Mode, Step
from ladder_bench.errors import InputError, Problem
from ladder_bench.tiers import Natural, Positive, Shape, Text, Tiers, load_tiers, read_tiers, simulator_profile

__all__ = [
    "LadderShape", "Matrix", "MatrixShape", "RecentShape", "Tiers", "Use", "load_ladder", "load_matrix", "load_tiers",
    "read_ladder", "read_matrix", "read_tiers", "simulator_profile",
]  # fmt: skip

# --- ladders -------------------------------------------------------------------------------


class StepShape(Shape):
    tier: Text
    turns: Positive | None = None


class AfterShape(Shape):
    after_turns: Positive


class EscalationShape(Shape):
    to: Text
    triggers: Annotated[list[Literal[TRIGGER_NAMES]], Field(min_length=1)]  # type: ignore[valid-type]
    returns: Literal["resolved", "never"] | AfterShape = Field("resolved", alias="return")
    at_most: Positive = 3
    cooldown_turns: Natural = 1


class RecentShape(Shape):
    recent: Positive


class HandoffShape(Shape):
    memory: Literal["none", "standard"] = "standard"
    writer: Literal["extractive"] = "extractive"
    refresh_every: Positive | None = 3
    max_tokens: Annotated[int, Field(ge=40)] = 250
    context: Literal["full", "memory_only"] | RecentShape = "full"


class LadderShape(Shape):
    name: Text
    steps: Annotated[list[StepShape], Field(min_length=1)]
    escalation: EscalationShape | None = None
    handoff: HandoffShape = HandoffShape(memory="none")
    scaffold: Literal["none", "standard"] = "none"
    guardrails: Literal["none", "standard"] = "none"


def load_ladder(name: str, tiers: Tiers | None, near: Path | None = None) -> Ladder:
    """Load a ladder by path or bundled name, and check it against the tiers. Raises InputError."""
    return read_ladder(read_yaml(content.locate(name, "ladders", near=near)), tiers)


def read_ladder(document: Document, tiers: Tiers | None) -> Ladder:
    """Build a ladder; without tiers, their names and order go unchecked."""
    problems: list[Problem] = []
    shape = content.parse(LadderShape, document, problems)
    for index, step in enumerate(shape.steps):
        _known_tier(problems, document, ("steps", index, "tier"), step.tier, tiers)
        if step.turns is None and index + 1 < len(shape.steps):
            what = f"never reached: steps[{index}] has no 'turns', so it lasts to the end; give it a number of turns"
            problems.append(document.problem(("steps", index + 1), what))
    if shape.steps[-1].turns is not None:
        what = "the last step must answer the rest of the conversation: leave out its 'turns'"
        problems.append(document.problem(("steps", len(shape.steps) - 1, "turns"), what))
    escalation = _escalation(shape.escalation, shape, tiers, document, problems)
    shown = shape.handoff.context
    recent = shown.recent if isinstance(shown, RecentShape) else None
    if shown != "full" and shape.handoff.memory == "none":
        what = "a shortened context hides what was said without a memory; set 'memory: standard' or 'context: full'"
        problems.append(document.problem(("handoff", "context"), what))
    if problems:
        raise InputError(problems)
    return Ladder(
        name=shape.name,
        steps=tuple(Step(step.tier, step.turns) for step in shape.steps),
        escalation=escalation,
        handoff=Handoff(
            memory=shape.handoff.memory,
            writer=shape.handoff.writer,
            refresh_every=shape.handoff.refresh_every,
            max_tokens=shape.handoff.max_tokens,
            context="recent" if isinstance(shown, RecentShape) else shown,
            recent=recent,
        ),
        scaffold=None if shape.scaffold == "none" else shape.scaffold,
        guardrails=None if shape.guardrails == "none" else shape.guardrails,
    )


def _escalation(
    shape: EscalationShape | None,
    ladder: LadderShape,
    tiers: Tiers | None,
    document: Document,
    problems: list[Problem],
) -> Escalation | None:
    if shape is None:
        return None
    _known_tier(problems, document, ("escalation", "to"), shape.to, tiers)
    names = [step.tier for step in ladder.steps]
    if tiers and {shape.to, *names} <= set(tiers.names) and all(tiers.rank(shape.to) >= tiers.rank(n) for n in names):
        what = f"'{shape.to}' is not stronger than any step; escalation must lead up (tiers are listed strongest first)"
        problems.append(document.problem(("escalation", "to"), what))
    after = shape.returns.after_turns if isinstance(shape.returns, AfterShape) else None
    return Escalation(
        to=shape.to,
        triggers=tuple(shape.triggers),
        returns="after_turns" if after else shape.returns,  # type: ignore[arg-type]
        after_turns=after,
        at_most=shape.at_most,
        cooldown_turns=shape.cooldown_turns,
    )


def _known_tier(problems: list[Problem], document: Document, loc: Loc, name: str, tiers: Tiers | None) -> None:
    if tiers is not None and name not in tiers.names:
        hint = content.did_you_mean(name, tiers.names)
        what = f"unknown tier '{name}'{hint}; {tiers.file} has: {', '.join(tiers.names)}"
        problems.append(document.problem(loc, what))


# --- matrices ------------------------------------------------------------------------------


class VaryShape(Shape):
    guide_turns: list[Positive] | None = None
    triggers: list[Literal["none", "rules"]] | None = None
    memory: list[Literal["none", "standard"]] | None = None
    context: list[Literal["full", "memory_only"] | RecentShape] | None = None
    scaffold: list[Literal["none", "standard"]] | None = None
    guardrails: list[Literal["none", "standard"]] | None = None
    refresh_every: list[Positive] | None = None
    max_tokens: list[Annotated[int, Field(ge=40)]] | None = None
    at_most: list[Positive] | None = None
    cooldown_turns: list[Natural] | None = None


class SingleShape(Shape):
    single: Text
    pack: bool = False


class LadderUseShape(Shape):
    ladder: Text
    vary: VaryShape | None = None


class MatrixShape(Shape):
    dataset: str = "workbench"
    tiers: str = "offline"
    rubrics: list[Text] = Field(["checks"], min_length=1)
    replay: Literal["rollout", "forced"] = "rollout"
    controls: Literal["default", "none"] | list[str] = "default"
    strategies: Annotated[list[Any], Field(min_length=1)]
    samples: Positive = 1
    seed: int = 0
    gap_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    unresolved_cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    resolved_quality: Annotated[float, Field(gt=0, le=1)] = 0.8


@dataclass(frozen=True, slots=True)
class Use:
    """One line of a matrix: a single tier (`ladder` None) or a ladder with a grid of variations."""

    single: str | None
    pack: bool
    ladder: Ladder | None
    grid: Mapping[str, tuple[Json, ...]]


CONTROLS = ("single", "pack", "reversed", "random-mix")


@dataclass(frozen=True, slots=True)
class Matrix:
    """The experiment as its file says it, names resolved but nothing expanded.

    `gap_s` is the declared time between user messages where the log has no timestamps; `unresolved_cost_usd` is what
    one unresolved conversation costs, None for ten times the top tier's mean.
    """

    file: str
    path: Path
    dataset: str
    tiers: Tiers
    rubrics: tuple[str, ...]
    mode: Mode
    controls: tuple[str, ...]
    uses: tuple[Use, ...]
    samples: int
    seed: int
    gap_s: float
    unresolved_cost_usd: float | None
    resolved_quality: float


def load_matrix(
    name: str, tiers: str | None = None, rubrics: list[str] | None = None, replay: Mode | None = None
) -> Matrix:
    """Load a matrix by path or bundled name; the other arguments replace what the file says. Raises InputError."""
    path = content.locate(name, "ladders/matrices")
    document = read_yaml(path)
    return read_matrix(document, path, tiers, rubrics, replay)


def read_matrix(
    document: Document,
    path: Path,
    tiers: str | None = None,
    rubrics: list[str] | None = None,
    replay: Mode | None = None,
) -> Matrix:
    problems: list[Problem] = []
    shape = content.parse(MatrixShape, document, problems)
    known: Tiers | None = None
    try:
        known = load_tiers(tiers or shape.tiers, None if tiers else path)
    except InputError as error:  # a name on the command line has no place in the file
        problems.extend(error.problems if tiers else _placed(error, document, ("tiers",)))
    uses = [use for index in range(len(shape.strategies)) for use in _use(document, index, known, path, problems)]
    for index, rubric in enumerate(rubrics or shape.rubrics):
        try:
            content.locate(rubric, "rubrics", near=path)
        except InputError as error:
            problems.extend(error.problems if rubrics else _placed(error, document, ("rubrics", index)))
    controls = CONTROLS if shape.controls == "default" else () if shape.controls == "none" else tuple(shape.controls)
    for index, control in enumerate(controls):
        if control not in CONTROLS:
            what = f"unknown control '{control}'{content.did_you_mean(control, CONTROLS)}; valid: {', '.join(CONTROLS)}"
            problems.append(document.problem(("controls", index), what))
    if problems or known is None:
        raise InputError(problems)
    return Matrix(
        file=document.file,
        path=path,
        dataset=shape.dataset,
        tiers=known,
        rubrics=tuple(rubrics or shape.rubrics),
        mode=replay or shape.replay,
        controls=controls,
        uses=tuple(uses),
        samples=shape.samples,
        seed=shape.seed,
        gap_s=shape.gap_s,
        unresolved_cost_usd=shape.unresolved_cost_usd,
        resolved_quality=shape.resolved_quality,
    )


def _use(document: Document, index: int, tiers: Tiers | None, path: Path, problems: list[Problem]) -> list[Use]:
    part = document.at("strategies", index)
    if not isinstance(part.value, dict) or not {"single", "ladder"} & set(part.value):
        keys = part.value if isinstance(part.value, dict) else ()
        hint = next((found for key in keys if (found := content.did_you_mean(key, ("single", "ladder")))), "")
        problems.append(part.problem((), f"needs 'single: TIER' or 'ladder: NAME'{hint}"))
        return []
    if {"single", "ladder"} <= set(part.value):
        problems.append(part.problem((), "names both a 'single' tier and a 'ladder'; give each a line of its own"))
        return []
    try:
        if "single" in part.value:
            alone = content.parse(SingleShape, part, problems)
            _known_tier(problems, part, ("single",), alone.single, tiers)
            return [Use(alone.single, alone.pack, None, {})]
        shape = content.parse(LadderUseShape, part, problems)
    except InputError:  # its problems are in `problems`
        return []
    grid = {key: tuple(values) for key, values in (shape.vary or VaryShape()) if values is not None}
    problems.extend(
        part.problem(("vary", key), "is empty; list at least one value") for key, values in grid.items() if not values
    )
    try:
        ladder = load_ladder(shape.ladder, tiers, near=path)
    except InputError as error:
        problems.extend(_placed(error, part, ("ladder",)))
        return []
    return [Use(None, False, ladder, grid)]


def _placed(error: InputError, document: Document, loc: Loc) -> list[Problem]:
    """Give problems without a place (an unknown name) the place of the key that caused them."""
    return [each if each.file else document.problem(loc, each.message) for each in error.problems]
