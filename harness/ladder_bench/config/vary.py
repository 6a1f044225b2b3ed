"""What `vary` makes of a ladder: every combination of its grid, by name, and why some of them mean nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from ladder_bench import content
from ladder_bench.config import ladders
from ladder_bench.config.ladders import AfterShape, MemoryTokens, Parts, RecentShape, Rules, Triggers, plain
from ladder_bench.documents import Loc
from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, TRIGGER_NAMES, Escalation, Handoff, Json, Ladder, Step
from ladder_bench.tiers import Natural, Positive, Shape, Text, Tiers

T = TypeVar("T")
Values = Annotated[list[T], Field(min_length=1)]
Grid = Mapping[str, tuple[Json, ...]]
Setting = Mapping[str, Json]  # a value for each knob that is turned
ESCALATION = ("to", "return", "at_most", "cooldown_turns", "on_unknown")
MEMORY = ("writer", "refresh_every", "max_tokens")


class VaryShape(Shape):
    guide_turns: Values[Positive] | None = None
    triggers: Values[Triggers | Text] | None = None
    to: Values[Text] | None = None
    returns: Values[Literal["resolved", "never"] | AfterShape] | None = Field(None, alias="return")
    at_most: Values[Positive] | None = None
    cooldown_turns: Values[Natural] | None = None
    on_unknown: Values[Literal["stay", "escalate"]] | None = None
    memory: Values[Literal["none", "standard"]] | None = None
    writer: Values[Text] | None = None
    context: Values[Literal["full", "memory_only"] | RecentShape] | None = None
    refresh_every: Values[Positive | None] | None = None
    max_tokens: Values[MemoryTokens] | None = None
    scaffold: Values[Parts] | None = None
    guardrails: Values[Rules] | None = None


@dataclass(frozen=True, slots=True)
class Variation:
    """One combination of a grid. `ladder` is None where it means nothing, and `reason` says why."""

    name: str
    ladder: Ladder | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a setting means nothing: the knob to blame, and whether it merely changes nothing."""

    knob: str
    reason: str
    inert: bool = False


def grid_of(shape: VaryShape | None) -> Grid:
    """The knobs that a matrix turns, with their values as YAML has them."""
    if shape is None:
        return {}
    names = {field: info.alias or field for field, info in VaryShape.model_fields.items()}
    return {names[key]: tuple(plain(each) for each in values) for key, values in shape if values is not None}


def variations(ladder: Ladder, grid: Grid, tiers: Tiers) -> Iterator[Variation]:
    """Every combination of a grid, those that mean nothing included.

    Where knobs merely change nothing in a combination, the ladder without them comes once, after the first of these.
    """
    seen: set[str] = set()
    for setting in _settings(grid):
        name = _name(ladder, grid, setting)
        found = list(_faults(ladder, setting, tiers))
        if not found:
            yield Variation(name, replace(_varied(ladder, setting), name=name))
            continue
        reasons = "; ".join(dict.fromkeys(fault.reason for fault in found))
        if any(not fault.inert for fault in found):
            yield Variation(name, None, reasons)
            continue
        less = {key: value for key, value in setting.items() if key not in {fault.knob for fault in found}}
        shorter = _name(ladder, grid, less)
        if shorter != name:
            yield Variation(name, None, f"{reasons}; it is run as '{shorter}'")
        if shorter not in seen:
            seen.add(shorter)
            yield Variation(shorter, replace(_varied(ladder, less), name=shorter))


def wrong(ladder: Ladder, grid: Grid, tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for values that cannot be, and for knobs that mean nothing in any combination."""
    for key, values in grid.items():
        for index, value in enumerate(values):
            yield from _wrong_value((key, index), key, value, tiers)
    blamed = [{fault.knob: fault.reason for fault in _faults(ladder, setting, tiers)} for setting in _settings(grid)]
    for key in grid:
        if all(key in faults for faults in blamed):
            yield (key,), f"{blamed[0][key]}; leave it out"


def _wrong_value(loc: Loc, key: str, value: Json, tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    yield from ladders.twice(loc, value)
    if key == "to":
        yield from ladders.unknown_tier(loc, value, tiers)
    elif key == "writer":
        yield from ladders.helper(loc, value, ladders.WRITERS, tiers)
    elif key == "triggers" and isinstance(value, str) and value not in TRIGGER_NAMES and value != "none":
        if hint := content.did_you_mean(value, TRIGGER_NAMES):
            yield loc, f"unknown trigger '{value}'{hint}; valid: {', '.join(TRIGGER_NAMES)}"
        else:
            yield from ladders.helper(loc, value, ("none", *ladders.DETECTORS, "a list of triggers"), tiers)


def _settings(grid: Grid) -> Iterator[dict[str, Json]]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


# --- names -----------------------------------------------------------------------------------


def _name(ladder: Ladder, grid: Grid, setting: Setting) -> str:
    """The ladder's name with what is special about the variation."""
    shown = (
        f"{key}={_text(key, value)}"
        for key, value in setting.items()
        if len(grid[key]) > 1 or _varied(ladder, {key: value}) != ladder
    )
    return " ".join([ladder.name, *shown])


def _text(key: str, value: Json) -> str:
    if isinstance(value, Mapping):  # {recent: 4}, {after_turns: 2}
        return "-".join(str(part) for pair in value.items() for part in pair).replace("after_turns", "after")
    if isinstance(value, list):
        return "+".join(str(part).replace(" ", "-") for part in value)
    return "never" if value is None else str(value)


# --- what means nothing ----------------------------------------------------------------------


def _faults(ladder: Ladder, setting: Setting, tiers: Tiers | None) -> Iterator[Fault]:
    """Why a setting means nothing on this ladder; nothing where it means something."""
    triggers = setting.get("triggers")
    escalation = None if triggers == "none" else ladder.escalation
    if triggers not in (None, "none") and escalation is None:
        yield Fault("triggers", "the ladder has no 'escalation' that the triggers could open")
    if escalation is None:
        why = "triggers" if ladder.escalation is not None else "an escalation"
        yield from (Fault(key, f"'{key}' without {why} changes nothing", True) for key in ESCALATION if key in setting)
    else:
        yield from _faults_of_escalation(ladder, _escalation(escalation, setting), setting, tiers)
    handoff = _handoff(ladder.handoff, setting)
    if handoff.memory == "none":
        yield from (Fault(key, f"'{key}' without a memory changes nothing", True) for key in MEMORY if key in setting)
        if handoff.context != "full":
            knob = "context" if "context" in setting else "memory"
            yield Fault(knob, "a shortened context without a memory would hide what was said")
    if "guide_turns" in setting and len(ladder.steps) == 1:
        yield Fault("guide_turns", "'guide_turns' needs a ladder of two steps or more")


def _faults_of_escalation(
    ladder: Ladder, escalation: Escalation, setting: Setting, tiers: Tiers | None
) -> Iterator[Fault]:
    if "to" in setting and not ladders.leads_up(escalation.to, [step.tier for step in ladder.steps], tiers):
        yield Fault("to", f"'{escalation.to}' is not stronger than any step")
    if escalation.returns == "never":
        for key in ("at_most", "cooldown_turns"):
            if key in setting:
                yield Fault(key, f"'{key}' changes nothing where an escalation never closes", True)
    if "on_unknown" in setting and escalation.detect != "rules":
        yield Fault("on_unknown", "'on_unknown' changes nothing where a model looks for triggers", True)


# --- what a setting makes of a ladder ----------------------------------------------------------


def _varied(ladder: Ladder, setting: Setting) -> Ladder:
    if "guide_turns" in setting:
        ladder = replace(ladder, steps=(Step(ladder.steps[0].tier, setting["guide_turns"]), *ladder.steps[1:]))
    if "scaffold" in setting:
        ladder = replace(ladder, scaffold=ladders.parts_of(setting["scaffold"], FRAME_PARTS))
    if "guardrails" in setting:
        ladder = replace(ladder, guardrails=ladders.parts_of(setting["guardrails"], GUARDRAILS))
    escalation = None if setting.get("triggers") == "none" else ladder.escalation
    if escalation is not None:
        escalation = _escalation(escalation, setting)
    return replace(ladder, escalation=escalation, handoff=_handoff(ladder.handoff, setting))


def _escalation(escalation: Escalation, setting: Setting) -> Escalation:
    changed: dict[str, Any] = {key: setting[key] for key in ESCALATION if key in setting and key != "return"}
    if "return" in setting:
        changed["returns"], changed["after_turns"] = ladders.returns_of(setting["return"])
    triggers = setting.get("triggers")
    if isinstance(triggers, list) or triggers in TRIGGER_NAMES:
        changed["triggers"] = tuple(triggers) if isinstance(triggers, list) else (triggers,)
    elif triggers not in (None, "none"):
        changed["detect"] = triggers
    return replace(escalation, **changed)


def _handoff(handoff: Handoff, setting: Setting) -> Handoff:
    changed: dict[str, Any] = {key: setting[key] for key in ("memory", *MEMORY) if key in setting}
    if "context" in setting:
        changed["context"], changed["recent"] = ladders.context_of(setting["context"])
    return replace(handoff, **changed)
