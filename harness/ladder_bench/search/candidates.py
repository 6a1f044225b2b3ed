"""Candidates: what a rollout has to confirm, the screen's best and a fixed set that no screen can leave out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, Handoff, Ladder, Step

FRAMED = "with memory and prompts"
GUIDE_TURNS = 2  # of the two-step ladder, as the bundled one has it


@dataclass(frozen=True, slots=True)
class Candidate:
    """A strategy to confirm. `of`: the screened ladder that it is or frames, None for one of the fixed set.

    `single` and `pack` are there instead of a ladder where it is one tier.
    """

    name: str
    of: str | None
    ladder: Ladder | None
    single: str | None = None
    pack: bool = False


def candidates(tiers: Sequence[str], best: Sequence[Ladder], turns: int) -> tuple[Candidate, ...]:
    """The fixed set, then the screen's best, each ladder with and without a memory. Tiers are strongest first.

    The screen sees neither prompts nor memory nor what a good start does later, so ladders that it ranks low, and one
    upside down, are always among them. `turns`: of the longest conversation.
    """
    top, last = tiers[0], tiers[-1]
    found = [Candidate(top, None, None, top)]
    if last != top:
        found.append(Candidate(last, None, None, last))
    found.append(Candidate(f"{last} + pack", None, None, last, pack=True))
    for ladder in _fixed(tiers, turns):
        found += [Candidate(each.name, None, each) for each in (ladder, framed(ladder))]
    for ladder in best:
        if len(ladder.steps) > 1 or ladder.escalation is not None:
            found += [Candidate(each.name, ladder.name, each) for each in (ladder, framed(ladder))]
        else:
            found.append(Candidate(ladder.name, ladder.name, None, ladder.steps[0].tier))
    return tuple(_each_once(found))


def framed(ladder: Ladder) -> Ladder:
    """The ladder with the handoff memory, and with the prompts for who guides and who follows."""
    return replace(
        ladder,
        name=f"{ladder.name}, {FRAMED}",
        handoff=Handoff(memory="standard"),
        scaffold=FRAME_PARTS,
        guardrails=GUARDRAILS,
    )


def _fixed(tiers: Sequence[str], turns: int) -> Iterator[Ladder]:
    top, last = tiers[0], tiers[-1]
    if top == last or turns < 2:
        return
    guided = min(GUIDE_TURNS, turns - 1)
    yield Ladder("two-step", (Step(top, guided), Step(last)))
    if len(tiers) > 2 and turns > 2:
        middle = tiers[len(tiers) // 2]
        yield Ladder("three-step", (Step(top, 1), Step(middle, min(2, turns - 2)), Step(last)))
    yield Ladder("reversed", (Step(last, guided), Step(top)))


def _each_once(found: Sequence[Candidate]) -> Iterator[Candidate]:
    """Candidates that are different strategies: the screen's own name for one wins, as results are told by it."""
    seen: dict[tuple[Ladder | None, str | None, bool], Candidate] = {}
    for each in found:
        key = (each.ladder and replace(each.ladder, name=""), each.single, each.pack)
        if key not in seen or each.of is not None:
            seen[key] = each
    yield from seen.values()
