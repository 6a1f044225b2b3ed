"""A matrix's YAML: which strategies run over which dataset, with which tiers, rubrics and replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from ladder_bench import content
from ladder_bench.config import vary
from ladder_bench.config.ladders import helper, load_ladder, unknown_tier
from ladder_bench.config.vary import Grid, VaryShape
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.domain import Ladder, Mode, Tier
from ladder_bench.errors import InputError, Problem
from ladder_bench.tiers import Natural, Positive, Shape, Text, Tiers, load_tiers

OFFLINE_USER = "simulated"  # plays the user for free; in its place a tier may


class SingleShape(Shape):
    single: Text
    pack: bool = False


class LadderUseShape(Shape):
    ladder: Text
    vary: VaryShape | None = None


class UserShape(Shape):
    tier: Text = OFFLINE_USER
    most_turns: Positive | None = None
    patience: Natural = 2


class RepeatsShape(Shape):
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    times: Annotated[int, Field(ge=1, le=20)] = 2


class MatrixShape(Shape):
    dataset: str = "workbench"
    tiers: str = "offline"
    rubrics: list[Text] = Field(["checks"], min_length=1)
    judges: list[Text] | None = None
    judge_repeats: RepeatsShape = RepeatsShape()
    replay: Literal["rollout", "forced", "simulated"] = "rollout"
    user: UserShape | Text = UserShape()
    controls: Literal["default", "none"] | list[str] = "default"
    strategies: Annotated[list[Any], Field(min_length=1)]
    samples: Positive = 1
    seed: int = 0
    gap_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 60.0
    unresolved_cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    resolved_quality: Annotated[float, Field(gt=0, le=1)] = 0.8
    lexicons: Text | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """One line of a matrix: a single tier (`ladder` None) or a ladder with a grid of variations."""

    single: str | None
    pack: bool
    ladder: Ladder | None
    grid: Grid


@dataclass(frozen=True, slots=True)
class UserSetting:
    """Who plays the user in a simulated replay: a tier, or the offline user (None).

    `most_turns` bounds a conversation, None for twice its recorded turns and two; `patience` is how often the user asks
    again about one matter.
    """

    tier: str | None = None
    most_turns: int | None = None
    patience: int = 2


@dataclass(frozen=True, slots=True)
class Repeats:
    """Which share of what is judged is judged `times` times more, to see how often a judge changes its mind."""

    share: float = 0.0
    times: int = 2


CONTROLS = ("single", "pack", "reversed", "random-mix", "placebo")


@dataclass(frozen=True, slots=True)
class Matrix:
    """The experiment as its file says it, names resolved but nothing expanded. `judges`: those that rubrics may ask.

    `gap_s` is the declared time between user messages where the log has no timestamps; `unresolved_cost_usd` is what
    one unresolved conversation costs, None for ten times the top tier's mean.
    """

    file: str
    path: Path
    dataset: str
    tiers: Tiers
    rubrics: tuple[str, ...]
    judges: tuple[Tier, ...]
    judge_repeats: Repeats
    mode: Mode
    user: UserSetting
    controls: tuple[str, ...]
    uses: tuple[Use, ...]
    samples: int
    seed: int
    gap_s: float
    unresolved_cost_usd: float | None
    resolved_quality: float
    lexicons: Path | None = None  # a folder of lexicons that are added to the bundled ones


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
            content.locate_rubric(rubric, path)
        except InputError as error:
            problems.extend(error.problems if rubrics else _placed(error, document, ("rubrics", index)))
    controls = CONTROLS if shape.controls == "default" else () if shape.controls == "none" else tuple(shape.controls)
    for index, control in enumerate(controls):
        if control not in CONTROLS:
            what = f"unknown control '{control}'{content.did_you_mean(control, CONTROLS)}; valid: {', '.join(CONTROLS)}"
            problems.append(document.problem(("controls", index), what))
    problems.extend(document.problem(loc, what) for loc, what in _wrong_user(shape, known, replay))
    if shape.lexicons is not None and not (path.parent / shape.lexicons).is_dir():
        problems.append(document.problem(("lexicons",), f"no such folder: '{shape.lexicons}', beside the matrix"))
    judges = _judges(document, shape, known, problems) if known else ()
    if problems or known is None:
        raise InputError(list(dict.fromkeys(problems)))
    return Matrix(
        file=document.file,
        path=path,
        dataset=shape.dataset,
        tiers=known,
        rubrics=tuple(rubrics or shape.rubrics),
        judges=judges,
        judge_repeats=Repeats(shape.judge_repeats.share, shape.judge_repeats.times),
        mode=replay or shape.replay,
        user=_user(shape),
        controls=controls,
        uses=tuple(uses),
        samples=shape.samples,
        seed=shape.seed,
        gap_s=shape.gap_s,
        unresolved_cost_usd=shape.unresolved_cost_usd,
        resolved_quality=shape.resolved_quality,
        lexicons=None if shape.lexicons is None else path.parent / shape.lexicons,
    )


def _judges(document: Document, shape: MatrixShape, tiers: Tiers, problems: list[Problem]) -> tuple[Tier, ...]:
    """The judges that a matrix names, all of the tiers file's where it names none."""
    found = list(tiers.judges) if shape.judges is None else []
    for index, name in enumerate(shape.judges or []):
        try:
            found.append(tiers.judge(name))
        except InputError as error:
            problems.extend(_placed(error, document, ("judges", index)))
    return tuple(found)


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
            problems.extend(part.problem(loc, what) for loc, what in unknown_tier(("single",), alone.single, tiers))
            return [Use(alone.single, alone.pack, None, {})]
        shape = content.parse(LadderUseShape, part, problems)
    except InputError:  # its problems are in `problems`
        return []
    try:
        ladder = load_ladder(shape.ladder, tiers, near=path)
    except InputError as error:
        problems.extend(_placed(error, part, ("ladder",)))
        return []
    grid = vary.grid_of(shape.vary)
    problems.extend(part.problem(("vary", *loc), what) for loc, what in vary.wrong(ladder, grid, tiers))
    return [Use(None, False, ladder, grid)]


def _user(shape: MatrixShape) -> UserSetting:
    user = shape.user if isinstance(shape.user, UserShape) else UserShape(tier=shape.user)
    return UserSetting(None if user.tier == OFFLINE_USER else user.tier, user.most_turns, user.patience)


def _wrong_user(shape: MatrixShape, tiers: Tiers | None, replay: Mode | None) -> Iterator[tuple[Loc, str]]:
    if "user" not in shape.model_fields_set:
        return
    if "simulated" not in (shape.replay, replay):
        yield ("user",), "needs 'replay: simulated'; in any other replay the user says what was recorded"
    if tiers is not None:
        named = shape.user.tier if isinstance(shape.user, UserShape) else shape.user
        loc: Loc = ("user", "tier") if isinstance(shape.user, UserShape) else ("user",)
        yield from helper(loc, named, (OFFLINE_USER,), tiers)
        if named in tiers.names and tiers[named].simulated:
            live = [tier.name for tier in tiers.tiers if tier.live]
            valid = ", ".join((OFFLINE_USER, *live))
            yield loc, f"'{named}' is simulated and plays nobody but itself; valid: {valid}"


def _placed(error: InputError, document: Document, loc: Loc) -> list[Problem]:
    """Give problems without a place (an unknown name) the place of the key that caused them."""
    return [each if each.file else document.problem(loc, each.message) for each in error.problems]
