"""The plan: which strategies a matrix stands for, which of them can be run, and which were dropped, by name."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from ladder_bench.config import Matrix, RecentShape, Tiers, Use
from ladder_bench.corpus import Corpus
from ladder_bench.domain import Escalation, Handoff, Json, Ladder, Mode, Step
from ladder_bench.errors import InputError
from ladder_bench.ladder import planned_tier

PACK_TURNS = 2  # a single tier with the prompt pack frames the first turns, as the bundled ladders' guide does


@dataclass(frozen=True, slots=True)
class Dropped:
    """A strategy that the matrix names and nobody can run, with the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Strategies:
    """What will be run, in the order of the report: the matrix's own strategies, then controls."""

    ladders: tuple[Ladder, ...]
    dropped: tuple[Dropped, ...]


def expand(matrix: Matrix, corpus: Corpus) -> Strategies:
    """Expand a matrix over a corpus. Raises InputError where nothing is left to run."""
    dropped: list[Dropped] = []
    own = [ladder for use in matrix.uses for ladder in _expanded(use, dropped)]
    everything = itertools.chain(own, _controls(matrix, own, corpus))
    kept: dict[str, Ladder] = {}
    for ladder in everything:
        reason = _impossible(ladder, matrix.tiers, matrix.mode) or _repeated(ladder, kept.values())
        if reason is None:
            kept[ladder.name] = ladder
        elif not (ladder.control and reason.startswith("the same as")):
            dropped.append(Dropped(ladder.name, reason))
    if not kept:
        raise InputError(
            f"{matrix.file}: no strategy can be run: " + "; ".join(f"{d.name}: {d.reason}" for d in dropped)
        )
    return Strategies(tuple(kept.values()), tuple(dropped))


# --- the matrix's own strategies -----------------------------------------------------------


def _expanded(use: Use, dropped: list[Dropped]) -> Iterator[Ladder]:
    if use.ladder is None:
        yield single(use.single or "", use.pack)
        return
    for values in itertools.product(*use.grid.values()):
        setting = dict(zip(use.grid, values, strict=True))
        name = _name(use.ladder.name, {key: value for key, value in setting.items() if len(use.grid[key]) > 1})
        nonsense = _nonsense(use.ladder, setting)
        if nonsense:
            dropped.append(Dropped(name, nonsense))
        else:
            yield replace(_varied(use.ladder, setting), name=name)


def single(tier: str, pack: bool, control: bool = False) -> Ladder:
    """One tier for all turns; with the pack it writes a frame on the first turns and then keeps the guardrails."""
    if not pack:
        return Ladder(tier, (Step(tier),), control=control)
    steps = (Step(tier, PACK_TURNS), Step(tier))
    return Ladder(f"{tier} + pack", steps, scaffold="standard", guardrails="standard", control=control)


def _name(base: str, setting: Mapping[str, Json]) -> str:
    return " ".join([base, *(f"{key}={_value_text(value)}" for key, value in setting.items())])


def _value_text(value: Json) -> str:
    return f"recent-{value.recent}" if isinstance(value, RecentShape) else str(value)


def _nonsense(ladder: Ladder, setting: Mapping[str, Json]) -> str | None:
    """Why a variation means nothing on this ladder, None where it means something."""
    memory = setting.get("memory", ladder.handoff.memory)
    context = setting.get("context", ladder.handoff.context)
    if context != "full" and memory == "none":
        return "a shortened context without a memory would hide what was said"
    if setting.get("triggers") == "rules" and ladder.escalation is None:
        return "the ladder has no 'escalation' that the triggers could open"
    if setting.get("triggers") == "none" or ladder.escalation is None:
        for key in ("at_most", "cooldown_turns"):
            if key in setting:
                return f"'{key}' without triggers changes nothing"
    if memory == "none" and ("refresh_every" in setting or "max_tokens" in setting):
        return "the memory's settings without a memory change nothing"
    if "guide_turns" in setting and len(ladder.steps) == 1:
        return "'guide_turns' needs a ladder of two steps or more"
    return None


def _varied(ladder: Ladder, setting: Mapping[str, Json]) -> Ladder:
    if "guide_turns" in setting:
        ladder = replace(ladder, steps=(Step(ladder.steps[0].tier, setting["guide_turns"]), *ladder.steps[1:]))
    if setting.get("triggers") == "none":
        ladder = replace(ladder, escalation=None)
    for key in ("scaffold", "guardrails"):
        if key in setting:
            chosen = None if setting[key] == "none" else setting[key]
            ladder = replace(ladder, scaffold=chosen) if key == "scaffold" else replace(ladder, guardrails=chosen)
    return replace(
        ladder, handoff=_handoff(ladder.handoff, setting), escalation=_escalation(ladder.escalation, setting)
    )


def _handoff(handoff: Handoff, setting: Mapping[str, Json]) -> Handoff:
    for key in ("memory", "refresh_every", "max_tokens"):
        if key in setting:
            handoff = replace(handoff, **{key: setting[key]})
    context = setting.get("context")
    if isinstance(context, RecentShape):
        return replace(handoff, context="recent", recent=context.recent)
    return replace(handoff, context=context) if context else handoff


def _escalation(escalation: Escalation | None, setting: Mapping[str, Json]) -> Escalation | None:
    for key in ("at_most", "cooldown_turns"):
        if escalation is not None and key in setting:
            escalation = replace(escalation, **{key: setting[key]})
    return escalation


# --- controls ------------------------------------------------------------------------------


def _controls(matrix: Matrix, own: list[Ladder], corpus: Corpus) -> Iterator[Ladder]:
    if "single" in matrix.controls:
        yield from (single(name, pack=False, control=True) for name in matrix.tiers.names)
    if "pack" in matrix.controls:
        yield from (single(name, pack=True, control=True) for name in matrix.tiers.names)
    stepped = [ladder for ladder in own if len({step.tier for step in ladder.steps}) > 1]
    if "reversed" in matrix.controls and stepped:
        yield _reversed(stepped[0])
    if "random-mix" in matrix.controls:
        seen: set[tuple[tuple[str, float], ...]] = set()
        for ladder in stepped:
            shares = _planned_shares(ladder, corpus)
            if shares not in seen:
                seen.add(shares)
                yield _random_mix(ladder, shares)


def _reversed(ladder: Ladder) -> Ladder:
    """The first ladder upside down, with its prompts and memory: what does it matter who goes first?"""
    first, last = ladder.steps[0], ladder.steps[-1]
    return replace(
        ladder,
        name=f"reversed ({last.tier} for {first.turns}, then {first.tier})",
        steps=(Step(last.tier, first.turns), Step(first.tier)),
        escalation=None,
        control=True,
    )


def _planned_shares(ladder: Ladder, corpus: Corpus) -> tuple[tuple[str, float], ...]:
    count = Counter(planned_tier(ladder, turn.number, each.id) for each in corpus.conversations for turn in each.turns)
    return tuple((tier, count[tier] / corpus.turns) for tier in ladder.tiers if count[tier])


def _random_mix(ladder: Ladder, shares: tuple[tuple[str, float], ...]) -> Ladder:
    text = " / ".join(f"{share:.0%} {tier}" for tier, share in shares)
    return Ladder(f"random-mix {text}", ladder.steps, mix=shares, control=True)


# --- what cannot be run --------------------------------------------------------------------


def _impossible(ladder: Ladder, tiers: Tiers, mode: Mode) -> str | None:
    """Why a ladder cannot be run: a recording reads no prompts and has no answer to a history that it never saw."""
    for name in ladder.tiers:
        if not tiers[name].recorded:
            continue
        if set(ladder.tiers) == {name}:
            has_prompts = ladder.scaffold is not None or ladder.guardrails is not None
            return f"'{name}' is recorded: it cannot read a scaffold or guardrails" if has_prompts else None
        if mode == "rollout" and tiers[name].off_path == "error" and (reason := _leaves_path(ladder, name, tiers)):
            return reason
    return None


def _leaves_path(ladder: Ladder, name: str, tiers: Tiers) -> str | None:
    """Why a recorded tier would be needed after a live one has answered, None where it would not."""
    live = next((n for n, step in enumerate(ladder.steps) if not tiers[step.tier].recorded), len(ladder.steps))
    if ladder.mix or any(step.tier == name for step in ladder.steps[live:]):
        return f"needs '{name}' after another tier has answered, and a recording has no answer off its path"
    escalation = ladder.escalation
    if escalation is not None and escalation.triggers:
        leaves = any(step.tier == name and tiers.rank(escalation.to) < tiers.rank(name) for step in ladder.steps)
        returns = escalation.to == name and live < len(ladder.steps)
        if returns or (leaves and not tiers[escalation.to].recorded):
            what = "after another tier has answered, and a recording has no answer there"
            return f"an escalation would need '{name}' {what}"
    return None


def _repeated(ladder: Ladder, kept: Iterable[Ladder]) -> str | None:
    for other in kept:
        if replace(other, name=ladder.name, control=ladder.control) == ladder:
            return f"the same as '{other.name}'"
        if other.name == ladder.name:
            return "another strategy has this name"
    return None
