"""A ladder's YAML: its shape, what contradicts itself in it, and the ladder that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ladder_bench import content
from ladder_bench.documents import Document, Loc, read_yaml
from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, TRIGGER_NAMES, Escalation, Handoff, Json, Ladder, Step
from ladder_bench.errors import InputError, Problem
from ladder_bench.tiers import Natural, Positive, Shape, Text, Tiers

WRITERS = ("extractive", "outgoing")  # of a memory, beside the tiers
DETECTORS = ("rules",)  # of triggers, beside the tiers


class StepShape(Shape):
    tier: Text
    turns: Positive | None = None


class AfterShape(Shape):
    after_turns: Positive


class RecentShape(Shape):
    recent: Positive


Triggers = Annotated[list[Literal[TRIGGER_NAMES]], Field(min_length=1)]  # type: ignore[valid-type]


def _choice(every: tuple[str, ...]) -> BeforeValidator:
    """None of a set, all of it, or a list of some."""

    def checked(value: Json) -> Json:
        if value in ("none", "standard") or isinstance(value, list):
            return value
        given = f"'{content.shortened(str(value))}'{content.did_you_mean(value, ('none', 'standard'))}"
        raise ValueError(f"unknown value {given}; valid: none, standard, or a list of {', '.join(every)}")

    return BeforeValidator(checked)


Parts = Annotated[
    Literal["none", "standard"] | Annotated[list[Literal[FRAME_PARTS]], Field(min_length=1)],  # type: ignore[valid-type]
    _choice(FRAME_PARTS),
]
Rules = Annotated[
    Literal["none", "standard"] | Annotated[list[Literal[GUARDRAILS]], Field(min_length=1)],  # type: ignore[valid-type]
    _choice(GUARDRAILS),
]
MemoryTokens = Annotated[int, Field(ge=40)]


class EscalationShape(Shape):
    to: Text
    triggers: Triggers
    detect: Text = "rules"
    on_unknown: Literal["stay", "escalate"] = "stay"
    returns: Literal["resolved", "never"] | AfterShape = Field("resolved", alias="return")
    at_most: Positive = 3
    cooldown_turns: Natural = 1


class HandoffShape(Shape):
    memory: Literal["none", "standard"] = "standard"
    writer: Text = "extractive"
    refresh_every: Positive | None = 3
    max_tokens: MemoryTokens = 250
    context: Literal["full", "memory_only"] | RecentShape = "full"


class LadderShape(Shape):
    name: Text
    steps: Annotated[list[StepShape], Field(min_length=1)]
    escalation: EscalationShape | None = None
    handoff: HandoffShape = HandoffShape(memory="none")
    scaffold: Parts = "none"
    guardrails: Rules = "none"


def load_ladder(name: str, tiers: Tiers | None, near: Path | None = None) -> Ladder:
    """Load a ladder by path or bundled name, and check it against the tiers. Raises InputError."""
    return read_ladder(read_yaml(content.locate(name, "ladders", near=near)), tiers)


def read_ladder(document: Document, tiers: Tiers | None, usual: Tiers | None = None) -> Ladder:
    """Build a ladder. Raises InputError with everything that is wrong with it.

    Without `tiers` their names and order go unchecked, unless `usual`, those of a run that names none, have them all.
    """
    problems: list[Problem] = []
    document = _sorted_out(document, problems)
    shape = content.parse(LadderShape, document, problems)
    if tiers is None and usual is not None and set(_named(shape)) <= set(usual.names):
        tiers = usual
    problems.extend(document.problem(loc, what) for loc, what in _wrong(shape, tiers))
    if problems:
        raise InputError(problems)
    context, recent = context_of(plain(shape.handoff.context))
    return Ladder(
        name=shape.name,
        steps=tuple(Step(step.tier, step.turns) for step in shape.steps),
        escalation=_escalation(shape.escalation),
        handoff=Handoff(
            memory=shape.handoff.memory,
            writer=shape.handoff.writer,
            refresh_every=shape.handoff.refresh_every,
            max_tokens=shape.handoff.max_tokens,
            context=context,
            recent=recent,
        ),
        scaffold=parts_of(plain(shape.scaffold), FRAME_PARTS),
        guardrails=parts_of(plain(shape.guardrails), GUARDRAILS),
    )


def _escalation(shape: EscalationShape | None) -> Escalation | None:
    if shape is None:
        return None
    returns, after = returns_of(plain(shape.returns))
    return Escalation(
        to=shape.to,
        triggers=tuple(shape.triggers),
        detect=shape.detect,
        on_unknown=shape.on_unknown,
        returns=returns,
        after_turns=after,
        at_most=shape.at_most,
        cooldown_turns=shape.cooldown_turns,
    )


# --- values, as a ladder writes them and a matrix varies them -------------------------------


def plain(value: Json) -> Json:
    """A parsed value as YAML has it."""
    return value.model_dump(by_alias=True) if isinstance(value, Shape) else value


def returns_of(value: Json) -> tuple[Literal["resolved", "after_turns", "never"], int | None]:
    return ("after_turns", value["after_turns"]) if isinstance(value, Mapping) else (value, None)


def context_of(value: Json) -> tuple[Literal["full", "recent", "memory_only"], int | None]:
    return ("recent", value["recent"]) if isinstance(value, Mapping) else (value, None)


def parts_of(value: Json, every: tuple[str, ...]) -> tuple[str, ...]:
    """The chosen ones in their usual order, so that two ways to write the same are one strategy."""
    return () if value == "none" else every if value == "standard" else tuple(part for part in every if part in value)


# --- keys that stand in the wrong place ------------------------------------------------------


def _sorted_out(document: Document, problems: list[Problem]) -> Document:
    """The document without the keys whose place or combination is wrong, each with a problem that says what is right.

    What a shape would say of them is true and no help: that a key is unknown here.
    """
    if not isinstance(document.value, Mapping):
        return document
    value = {key: dict(each) if isinstance(each, Mapping) else each for key, each in document.value.items()}
    for loc, what in [*_misplaced(value), *_several_rules(value)]:
        problems.append(document.problem(loc, what))
        inside = value if len(loc) == 1 else value[str(loc[0])]
        inside.pop(loc[-1])
    return replace(document, value=value)


def _misplaced(value: Mapping[str, Json]) -> Iterator[tuple[Loc, str]]:
    groups = {"escalation": EscalationShape, "handoff": HandoffShape}
    for group, shape in groups.items():
        for key in content.keys_of(shape):
            if key not in value:
                continue
            if group in value or group == "handoff":
                yield (key,), f"belongs under '{group}'; write {group}: {{{key}: ...}}"
            else:
                what = "changes nothing without an escalation; write escalation: {to: TIER, triggers: [...]}"
                yield (key,), f"{what} around it, or leave it out"
    escalation = value.get("escalation")
    if isinstance(escalation, Mapping) and not {"to", "triggers"} & set(escalation):
        lone = ", ".join(f"'{key}'" for key in escalation) + " without an escalation" if escalation else "is empty"
        yield ("escalation",), f"{lone}: it needs 'to: TIER' and 'triggers: [...]', or leave it out"
    handoff = value.get("handoff")
    if isinstance(handoff, Mapping) and "recent" in handoff and "context" not in handoff:
        yield ("handoff", "recent"), "belongs to the context; write context: {recent: 4}"


def _several_rules(value: Mapping[str, Json]) -> Iterator[tuple[Loc, str]]:
    """An escalation comes back by one rule."""
    escalation = value.get("escalation")
    if not isinstance(escalation, Mapping) or not {"to", "triggers"} & set(escalation):
        return
    valid = "valid: resolved, never, or {after_turns: N}"
    returns = escalation.get("return")
    if isinstance(returns, list | Mapping) and len(returns) > 1:
        yield ("escalation", "return"), f"contradicts itself: {len(returns)} rules, and one is needed; {valid}"
    if "after_turns" in escalation:
        beside = f"contradicts 'return: {returns}'" if isinstance(returns, str) else "belongs to the return rule"
        yield ("escalation", "after_turns"), f"{beside}; write return: {{after_turns: N}}, or leave it out"


# --- what the shape alone cannot say ---------------------------------------------------------


def _named(shape: LadderShape) -> Iterator[str]:
    yield from (step.tier for step in shape.steps)
    if shape.escalation is not None:
        yield shape.escalation.to
        if shape.escalation.detect not in DETECTORS:
            yield shape.escalation.detect
    if shape.handoff.writer not in WRITERS:
        yield shape.handoff.writer


def _wrong(shape: LadderShape, tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    """Yield (path, message) for what is wrong with a ladder."""
    for index, step in enumerate(shape.steps):
        yield from unknown_tier(("steps", index, "tier"), step.tier, tiers)
        if step.turns is None and index + 1 < len(shape.steps):
            what = f"never reached: steps[{index}] has no 'turns', so it lasts to the end; give it a number of turns"
            yield ("steps", index + 1), what
    if shape.steps[-1].turns is not None:
        what = "the last step must answer the rest of the conversation: leave out its 'turns'"
        yield ("steps", len(shape.steps) - 1, "turns"), what
    if shape.escalation is not None:
        yield from _wrong_escalation(shape.escalation, [step.tier for step in shape.steps], tiers)
    yield from _wrong_handoff(shape.handoff, tiers)
    for key in ("scaffold", "guardrails"):
        yield from twice((key,), getattr(shape, key))


def _wrong_escalation(shape: EscalationShape, steps: Sequence[str], tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    yield from unknown_tier(("escalation", "to"), shape.to, tiers)
    if not leads_up(shape.to, steps, tiers):
        order = f"; {tiers.file} lists, strongest first: {', '.join(tiers.names)}" if tiers else ""
        yield ("escalation", "to"), f"'{shape.to}' is not stronger than any step, and an escalation must lead up{order}"
    yield from twice(("escalation", "triggers"), shape.triggers)
    yield from helper(("escalation", "detect"), shape.detect, DETECTORS, tiers)
    if shape.returns == "never":
        given = {"at_most": shape.at_most > 1, "cooldown_turns": True}
        found = [f"{key}: {getattr(shape, key)}" for key in given if key in shape.model_fields_set and given[key]]
        if found:
            what = f"'never' contradicts {' and '.join(found)}: an escalation that never closes opens only once"
            yield ("escalation", "return"), f"{what}; leave that out, or return: resolved or {{after_turns: N}}"


def _wrong_handoff(shape: HandoffShape, tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    stated = "memory" in shape.model_fields_set and shape.memory != "none"  # what hides the history is never a default
    if shape.context != "full" and not stated:  # the one problem that matters; the rest follows from it
        what = "a shortened context hides what was said without a memory; set 'memory: standard' or 'context: full'"
        yield ("handoff", "context"), what
    elif shape.memory == "none" and "writer" in shape.model_fields_set:
        yield ("handoff", "writer"), "there is no memory to write; set 'memory: standard', or leave it out"
    else:
        yield from helper(("handoff", "writer"), shape.writer, WRITERS, tiers)


def leads_up(to: str, steps: Sequence[str], tiers: Tiers | None) -> bool:
    """Whether a tier is stronger than some step; names that nobody knows are given the benefit of the doubt."""
    if tiers is None or not {to, *steps} <= set(tiers.names):
        return set(steps) != {to}
    return any(tiers.rank(to) < tiers.rank(step) for step in steps)


def twice(loc: Loc, items: object) -> Iterator[tuple[Loc, str]]:
    """A list that names something twice."""
    if isinstance(items, list):
        for index, item in enumerate(items):
            if item in items[:index]:
                yield (*loc, index), f"'{item}' is listed twice; keep one"


def unknown_tier(loc: Loc, name: str, tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    if tiers is not None and name not in tiers.names:
        hint = content.did_you_mean(name, tiers.names)
        yield loc, f"unknown tier '{name}'{hint}; {tiers.file} has: {', '.join(tiers.names)}"


def helper(loc: Loc, name: str, words: tuple[str, ...], tiers: Tiers | None) -> Iterator[tuple[Loc, str]]:
    """What is wrong with who is asked beside the answer: one of `words`, or a tier that can be asked."""
    if name in words:
        return
    able = [tier.name for tier in tiers.tiers if not tier.recorded] if tiers else []
    valid = f"valid: {', '.join(words)}, or a tier" + (f" of {tiers.file}: {', '.join(able)}" if tiers else "")
    if tiers is None:
        if hint := content.did_you_mean(name, words):  # any other name may be a tier's
            yield loc, f"unknown value '{name}'{hint}; {valid}"
    elif name not in tiers.names:
        yield loc, f"unknown tier '{name}'{content.did_you_mean(name, [*words, *able])}; {valid}"
    elif name not in able:
        yield loc, f"'{name}' is recorded and can be asked nothing; {valid}"
