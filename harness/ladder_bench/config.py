"""What users write: tiers, ladders and matrices as YAML, turned into values with every problem located."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.domain import TRIGGER_NAMES, Escalation, Handoff, Json, Ladder, Mode, Price, Step, Tier
from ladder_bench.errors import InputError, Problem

Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Dollars = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


# --- tiers ---------------------------------------------------------------------------------


class PriceShape(Shape):
    input: Dollars
    output: Dollars
    cached: Dollars | None = None
    cache_write: Dollars | None = None
    reasoning: Dollars | None = None
    ttl_s: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 300.0
    minimum_prefix: Natural = 1024


class LimitsShape(Shape):
    concurrency: Positive = 16


class TierShape(Shape):
    name: Annotated[str, Field(min_length=1)]
    model: Annotated[str, Field(min_length=1)]
    params: dict[str, Any] = {}
    price: PriceShape | None = None
    limits: LimitsShape = LimitsShape()
    context_limit: Positive | None = None
    max_output_tokens: Positive | None = None
    hosts: list[str] = []
    cache_group: str | None = None
    off_path: str = "error"


class TiersShape(Shape):
    tiers: Annotated[list[TierShape], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Tiers:
    """Tiers strongest first, and where they were read."""

    tiers: tuple[Tier, ...]
    file: str
    concurrency: Mapping[str, int]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(tier.name for tier in self.tiers)

    def __getitem__(self, name: str) -> Tier:
        return self.tiers[self.names.index(name)]

    def rank(self, name: str) -> int:
        """0 is the strongest."""
        return self.names.index(name)


def load_tiers(name: str, near: Path | None = None) -> Tiers:
    """Load a tiers file by path or bundled name. Raises InputError."""
    return read_tiers(content.read_yaml(content.locate(name, "ladders/tiers", near=near)))


def read_tiers(document: content.Document) -> Tiers:
    shape = content.parse(TiersShape, document)
    problems: list[Problem] = []
    tiers: list[Tier] = []
    names = [tier.name for tier in shape.tiers]
    for index, each in enumerate(shape.tiers):
        loc: content.Loc = ("tiers", index)
        if each.name in names[:index]:
            problems.append(document.problem((*loc, "name"), f"duplicate tier '{each.name}'; names must be unique"))
        problems.extend(
            document.problem((*loc, "params", key), f"must be finite, not {value}")
            for key, value in each.params.items()
            if isinstance(value, float) and not math.isfinite(value)
        )
        profile = simulator_profile(each.model)
        if each.model.startswith("simulated/") and profile is None:
            valid = [f"simulated/{key}" for key in _simulator()["profiles"]]
            hint = content.did_you_mean(each.model, valid)
            problems.append(
                document.problem(
                    (*loc, "model"), f"unknown simulated model '{each.model}'{hint}; valid: {', '.join(valid)}"
                )
            )
            continue
        price = _price(each, profile)
        if price is None:
            what = (
                f"no price for '{each.model}': it is not in the pinned price list, or at 0; "
                "add 'price: {input: ..., output: ...}' in USD per million tokens"
            )
            problems.append(document.problem((*loc, "model"), what))
            continue
        if each.off_path not in ("error", "reuse") and each.off_path not in names:
            valid = ["error", "reuse", *names]
            hint = content.did_you_mean(each.off_path, valid)
            problems.append(
                document.problem((*loc, "off_path"), f"unknown '{each.off_path}'{hint}; valid: {', '.join(valid)}")
            )
        params = dict(each.params)
        if each.max_output_tokens is not None:
            params["max_output_tokens"] = each.max_output_tokens
        if profile is not None:
            unknown = set(params) - set(profile["params"]) - {"max_output_tokens"}
            for key in sorted(unknown):
                hint = content.did_you_mean(key, profile["params"]) or f"; valid: {', '.join(profile['params'])}"
                problems.append(document.problem((*loc, "params", key), f"unknown simulator parameter{hint}"))
            params = {**profile["params"], **params}
        tiers.append(
            Tier(
                name=each.name,
                model=each.model,
                params=params,
                price=price,
                context_limit=each.context_limit,
                hosts=tuple(each.hosts),
                cache_group=each.cache_group or each.name,
                off_path=each.off_path,
            )
        )
    if problems:
        raise InputError(problems)
    return Tiers(tuple(tiers), document.file, {each.name: each.limits.concurrency for each in shape.tiers})


def _price(tier: TierShape, profile: Mapping[str, Any] | None) -> Price | None:
    if tier.price is not None:
        return Price(**tier.price.model_dump())
    if profile is not None:
        return Price(**PriceShape.model_validate(profile["price"]).model_dump())
    return _listed_price(tier.model)


def _listed_price(model: str) -> Price | None:
    """Price from litellm's list, read as a file: importing litellm takes seconds. None where missing or 0."""
    found = find_spec("litellm")
    if found is None or not found.submodule_search_locations:
        return None
    path = Path(found.submodule_search_locations[0]) / "model_prices_and_context_window_backup.json"
    if not path.is_file():
        return None
    prices = json.loads(path.read_text(encoding="utf-8"))
    row = prices.get(model) or prices.get(model.partition("/")[2]) or {}
    per_token = {
        ours: row.get(theirs)
        for ours, theirs in (
            ("input", "input_cost_per_token"),
            ("output", "output_cost_per_token"),
            ("cached", "cache_read_input_token_cost"),
            ("cache_write", "cache_creation_input_token_cost"),
            ("reasoning", "output_cost_per_reasoning_token"),
        )
    }
    if not per_token["input"] or not per_token["output"]:
        return None
    known = {key: float(value) * 1e6 for key, value in per_token.items() if value}
    return Price(**PriceShape.model_validate(known).model_dump())


def _simulator() -> Json:
    return content.read_yaml(content.shipped("ladders", "simulator.yaml")).value


def simulator_profile(model: str) -> dict[str, Any] | None:
    """The declared defaults of `simulated/NAME`: {"params": ..., "price": ...}; None where there is no such profile."""
    if not model.startswith("simulated/"):
        return None
    declared = _simulator()
    profile = declared["profiles"].get(model.removeprefix("simulated/"))
    if profile is None:
        return None
    return {"params": {**declared["shared"], **profile["params"]}, "price": profile["price"]}


# --- ladders -------------------------------------------------------------------------------


class StepShape(Shape):
    tier: str
    turns: Positive | None = None


class AfterShape(Shape):
    after_turns: Positive


class EscalationShape(Shape):
    to: str
    triggers: list[Literal[TRIGGER_NAMES]] = []  # type: ignore[valid-type]
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
    name: Annotated[str, Field(min_length=1)]
    steps: Annotated[list[StepShape], Field(min_length=1)]
    escalation: EscalationShape | None = None
    handoff: HandoffShape = HandoffShape(memory="none")
    scaffold: Literal["none", "standard"] = "none"
    guardrails: Literal["none", "standard"] = "none"


def load_ladder(name: str, tiers: Tiers, near: Path | None = None) -> Ladder:
    """Load a ladder by path or bundled name, and check it against the tiers. Raises InputError."""
    return read_ladder(content.read_yaml(content.locate(name, "ladders", near=near)), tiers)


def read_ladder(document: content.Document, tiers: Tiers | None) -> Ladder:
    """Build a ladder; without tiers, their names and order go unchecked."""
    shape = content.parse(LadderShape, document)
    problems: list[Problem] = []
    for index, step in enumerate(shape.steps):
        _known_tier(problems, document, ("steps", index, "tier"), step.tier, tiers)
        if step.turns is None and index + 1 < len(shape.steps):
            what = "never reached: steps[%d] has no 'turns', so it lasts to the end; give it a number of turns" % index
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
    document: content.Document,
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


def _known_tier(
    problems: list[Problem], document: content.Document, loc: content.Loc, name: str, tiers: Tiers | None
) -> None:
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
    single: str
    pack: bool = False


class LadderUseShape(Shape):
    ladder: str
    vary: VaryShape | None = None


class MatrixShape(Shape):
    dataset: str = "workbench"
    tiers: str = "offline"
    rubrics: Annotated[list[str], Field(min_length=1)] = ["checks"]
    replay: Literal["rollout", "forced"] = "rollout"
    controls: Literal["default", "none"] | list[str] = "default"
    strategies: Annotated[list[dict[str, Any]], Field(min_length=1)]
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
    document = content.read_yaml(path)
    return read_matrix(document, path, tiers, rubrics, replay)


def read_matrix(
    document: content.Document,
    path: Path,
    tiers: str | None = None,
    rubrics: list[str] | None = None,
    replay: Mode | None = None,
) -> Matrix:
    shape = content.parse(MatrixShape, document)
    problems: list[Problem] = []
    known: Tiers | None = None
    try:
        known = load_tiers(tiers or shape.tiers, None if tiers else path)
    except InputError as error:
        problems.extend(_placed(error, document, ("tiers",)))
    uses = [use for index in range(len(shape.strategies)) for use in _use(document, index, known, path, problems)]
    for index, rubric in enumerate(rubrics or shape.rubrics):
        try:
            content.locate(rubric, "rubrics", near=path)
        except InputError as error:
            problems.extend(_placed(error, document, ("rubrics", index)))
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


def _use(document: content.Document, index: int, tiers: Tiers | None, path: Path, problems: list[Problem]) -> list[Use]:
    loc: content.Loc = ("strategies", index)
    raw = document.value["strategies"][index]
    model = SingleShape if "single" in raw else LadderUseShape
    if "single" not in raw and "ladder" not in raw:
        hint = next((content.did_you_mean(key, ("single", "ladder")) for key in raw), "")
        problems.append(document.problem(loc, f"needs 'single: TIER' or 'ladder: NAME'{hint}"))
        return []
    inner = content.Document(
        document.file, raw, {at[2:]: place for at, place in document.positions.items() if at[:2] == loc}
    )
    try:
        shape = content.parse(model, inner)
    except InputError as error:
        problems.extend(
            Problem(each.message, each.file, each.line, each.column, content.path_text(loc) + _dotted(each.where))
            for each in error.problems
        )
        return []
    if isinstance(shape, SingleShape):
        _known_tier(problems, document, (*loc, "single"), shape.single, tiers)
        return [Use(shape.single, shape.pack, None, {})]
    assert isinstance(shape, LadderUseShape)
    if tiers is None:
        return []
    try:
        ladder = load_ladder(shape.ladder, tiers, near=path)
    except InputError as error:
        problems.extend(_placed(error, document, (*loc, "ladder")))
        return []
    grid = {key: tuple(values) for key, values in (shape.vary or VaryShape()) if values is not None}
    for key, values in grid.items():
        if not values:
            problems.append(document.problem((*loc, "vary", key), "is empty; list at least one value"))
    return [Use(None, False, ladder, grid)]


def _dotted(where: str) -> str:
    return f".{where}" if where and not where.startswith("[") else where


def _placed(error: InputError, document: content.Document, loc: content.Loc) -> list[Problem]:
    """Give problems without a place (an unknown name) the place of the key that caused them."""
    return [each if each.file else document.problem(loc, each.message) for each in error.problems]
