"""The plan: which strategies a matrix stands for, which of them can be run, and which were dropped, by name."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ladder_bench.config import Matrix, Tiers, Use, variations
from ladder_bench.corpus import Corpus
from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, Ladder, Mode, Step
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
    own = [ladder for use in matrix.uses for ladder in _expanded(use, matrix.tiers, dropped)]
    placebos = _placebos(matrix)
    kept: dict[str, Ladder] = {}
    for ladder in itertools.chain(own, placebos, _controls(matrix, own, corpus)):
        # a placebo is also there where the matrix names its tier: readers look for it by its name
        alike = [each for each in kept.values() if ladder not in placebos or each.name == ladder.name]
        reason = _impossible(ladder, matrix.tiers, matrix.mode) or _repeated(ladder, alike)
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


def _expanded(use: Use, tiers: Tiers, dropped: list[Dropped]) -> Iterator[Ladder]:
    if use.ladder is None:
        yield single(use.single or "", use.pack)
        return
    for variation in variations(use.ladder, use.grid, tiers):
        if variation.ladder is None:
            dropped.append(Dropped(variation.name, variation.reason))
        else:
            yield variation.ladder


def single(tier: str, pack: bool, control: bool = False) -> Ladder:
    """One tier for all turns; with the pack it writes a frame on the first turns and then keeps the guardrails."""
    if not pack:
        return Ladder(tier, (Step(tier),), control=control)
    steps = (Step(tier, PACK_TURNS), Step(tier))
    return Ladder(f"{tier} + pack", steps, scaffold=FRAME_PARTS, guardrails=GUARDRAILS, control=control)


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


def _placebos(matrix: Matrix) -> list[Ladder]:
    """For each recorded tier the one that answers in its place: the same model afresh shows what replaying does."""
    if "placebo" not in matrix.controls:
        return []
    afresh = dict.fromkeys(tier.off_path for tier in matrix.tiers.tiers if tier.recorded)
    return [Ladder(f"placebo ({name})", (Step(name),), control=True) for name in afresh if name in matrix.tiers.names]


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
        alone = set(ladder.tiers) == {name}
        if alone and (ladder.scaffold or ladder.guardrails):
            return f"'{name}' is recorded: it cannot read a scaffold or guardrails"
        if tiers[name].off_path != "error" or mode == "forced":
            continue
        if mode == "simulated":
            return f"'{name}' is recorded: it has no answer to what a played user says"
        if not alone and (reason := _leaves_path(ladder, name, tiers)):
            return reason
    return None


def _leaves_path(ladder: Ladder, name: str, tiers: Tiers) -> str | None:
    """Why a recorded tier would be needed after a live one has answered, None where it would not.

    An answer that is discarded leaves no trace in the history, so a second one by a recording is on its path as long as
    every turn before it is.
    """
    live = next((n for n, step in enumerate(ladder.steps) if not tiers[step.tier].recorded), len(ladder.steps))
    if ladder.mix or any(step.tier == name for step in ladder.steps[live:]):
        return f"needs '{name}' after another tier has answered, and a recording has no answer off its path"
    escalation = ladder.escalation
    if escalation is None or not escalation.triggers:
        return None
    answers = live < len(ladder.steps) and escalation.to == name
    turns = [step.turns for step in ladder.steps[:live] if step.tier == name]
    stays = len(turns) > 1 or turns[:1] not in ([], [1])  # a turn of its own after the first, to come back to
    climbs = not tiers[escalation.to].recorded and tiers.rank(escalation.to) < tiers.rank(name)
    if answers or (stays and climbs and escalation.returns != "never"):
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
