"""Shortfalls: texts that no detector evaluated, memories that rules wrote instead, users' moves that nobody could read.

Each is a note of a turn, and none of them is a result: a detector that failed did not find that nothing fires.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ladder_bench.analyse import strategies
from ladder_bench.analyse.routes import NOT_REACHED, ON_THE_ANSWER, ON_THE_MESSAGE, READ, UNEVALUATED, heard
from ladder_bench.analyse.strategies import Strategy
from ladder_bench.analyse.tables import rows
from ladder_bench.domain import Json

INSTEAD = "extractive memory instead"  # how a turn's note ends where the writer wrote none
UNREAD = "the user's move could not be read"  # how it begins where the script went on
MOST = 0.5  # of the texts or memories of a strategy: beyond it a comparison would be about something else
TRIGGER_KNOBS, WRITER_KNOBS = ("triggers", "detect"), ("writer",)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """How many there were, how many of them fell short, and the commonest reason."""

    of: int
    short: int
    why: str | None

    @property
    def mostly(self) -> bool:
        return self.short > MOST * self.of


def shortfalls(about: Json, tables: Mapping[str, Any]) -> dict[str, dict[str, Shortfall]]:
    """By strategy: `messages` and `answers` for its detector, `memories` for its writer, `moves` of a played user."""
    rank = {tier["name"]: place for place, tier in enumerate(about["tiers"])}
    found: dict[str, dict[str, Shortfall]] = {}
    for strategy in about["strategies"]:
        lived = list(rows(tables, "turns", strategy["name"], READ))
        each: dict[str, Shortfall] = {}
        if strategies.escalation(strategy):
            each |= _of_triggers(strategy, lived, rank)
        if strategy["handoff"]["memory"] != "none" and strategy["handoff"]["writer"] != "extractive":
            each["memories"] = _of_memories(strategy, lived, tables)
        if about["mode"] == "simulated":
            each["moves"] = _of_moves(lived)
        found[strategy["name"]] = {name: one for name, one in each.items() if one.of}
    return found


def as_json(found: Mapping[str, Mapping[str, Shortfall]]) -> dict[str, Json]:
    """Those of a summary: strategies where anything fell short."""
    short = {name: {what: asdict(one) for what, one in each.items() if one.short} for name, each in found.items()}
    return {name: each for name, each in short.items() if each}


def failures(tables: Mapping[str, Any]) -> dict[str, Json] | None:
    """The commonest reason why a turn was not answered, and at how many turns; None where all were."""
    reasons = Counter(
        reason for reason in tables["turns"]["failure"].to_pylist() if reason and not reason.startswith(NOT_REACHED)
    )
    return _commonest(reasons)


# --- what fell short -----------------------------------------------------------------------


def _of_triggers(
    strategy: Strategy, lived: Sequence[Mapping[str, Any]], rank: Mapping[str, int]
) -> dict[str, Shortfall]:
    noticed = [heard(row, rank, strategy["escalation"]["to"]) for row in lived]
    notes = [note for row in lived for note in row["notes"] or () if note.startswith(UNEVALUATED)]
    found = {}
    for what, states, of_the_other in (
        ("messages", [each.looked for each in noticed], ON_THE_ANSWER),
        ("answers", [each.read for each in noticed], ON_THE_MESSAGE),
    ):
        reasons = Counter(note.split(": ", 1)[-1] for note in notes if not note.startswith(of_the_other))
        known = [state for state in states if state is not None]
        found[what] = Shortfall(len(known), known.count(False), _reason(reasons))
    return found


def _of_memories(strategy: Strategy, lived: Sequence[Mapping[str, Any]], tables: Mapping[str, Any]) -> Shortfall:
    """A memory was to be written where the writer was asked, or could not be."""
    asked = rows(tables, "calls", strategy["name"], ("conversation", "sample", "turn", "purpose"))
    due = {_place(row) for row in asked if row["purpose"] == "memory"}
    notes = [(row, note) for row in lived for note in row["notes"] or () if note.endswith(INSTEAD)]
    reasons = Counter(note.removesuffix(INSTEAD).rstrip(": ") for _, note in notes)
    return Shortfall(len(due | {_place(row) for row, _ in notes}), len(notes), _reason(reasons))


def _place(row: Mapping[str, Any]) -> tuple[str, int, int]:
    return row["conversation"], row["sample"], row["turn"]


def _of_moves(lived: Sequence[Mapping[str, Any]]) -> Shortfall:
    """A played user moves before every turn but the first."""
    moves = [row for row in lived if row["turn"] > 1 and not (row["failure"] or "").startswith(NOT_REACHED)]
    unread = sum(any(note.startswith(UNREAD) for note in row["notes"] or ()) for row in moves)
    return Shortfall(len(moves), unread, None)


def _reason(reasons: Mapping[str, int]) -> str | None:
    found = _commonest(reasons)
    return None if found is None else str(found["why"])


def _commonest(reasons: Mapping[str, int]) -> dict[str, Json] | None:
    if not reasons:
        return None
    why, count = min(reasons.items(), key=lambda each: (-each[1], each[0]))
    return {"why": why, "turns": count}


# --- what it forbids -----------------------------------------------------------------------


def withheld(knob: str, strategy: str, found: Mapping[str, Mapping[str, Shortfall]]) -> str | None:
    """Why a comparison in which the strategy is a side may say nothing of a knob."""
    each = found.get(strategy, {})
    if knob in TRIGGER_KNOBS:
        for what in ("messages", "answers"):
            if (one := each.get(what)) and one.mostly:
                return f"triggers were not evaluated at {one.short:,} of {one.of:,} {what} of {strategy}"
    if knob in WRITER_KNOBS and (one := each.get("memories")) and one.mostly:
        return f"{one.short:,} of {one.of:,} memories of {strategy} were written by rule instead"
    return None


def banners(found: Mapping[str, Mapping[str, Shortfall]], about: Json) -> Iterator[str]:
    """What a reader must know of them: one line a detector, one a writer, one for the user."""
    opens = {each["name"]: strategies.escalation(each) for each in about["strategies"]}
    writers = {each["name"]: each["handoff"]["writer"] for each in about["strategies"]}
    for what in ("messages", "answers"):
        by_detector: dict[str, list[str]] = {}
        for name, each in found.items():
            escalation = opens[name]
            if escalation and strategies.detector(escalation) != "rules" and what in each and each[what].short:
                by_detector.setdefault(strategies.detector(escalation), []).append(name)
        for detector, names in by_detector.items():
            short, of, why = _over(found, names, what)
            yield (
                f"triggers: '{detector}' gave no readable reply, or failed, at {short:,} of {of:,} {what} in "
                f"{_named(names)}{why}; not evaluated is not 'did not fire'"
            )
    by_writer: dict[str, list[str]] = {}
    for name, each in found.items():
        if "memories" in each and each["memories"].short:
            by_writer.setdefault(writers[name], []).append(name)
    for writer, names in by_writer.items():
        short, of, why = _over(found, names, "memories")
        yield f"memory: {short:,} of {of:,} in {_named(names)} were written by rule instead of by '{writer}'{why}"
    short, of, _ = _over(found, list(found), "moves")
    if short:
        yield f"simulated user: {short:,} of {of:,} moves could not be read; there the script went on"


def _over(found: Mapping[str, Mapping[str, Shortfall]], names: Sequence[str], what: str) -> tuple[int, int, str]:
    """How many fell short, of how many, and the commonest reason in words, over some strategies."""
    those = [found[name][what] for name in names if what in found[name]]
    reasons: Counter[str] = Counter()
    for each in those:
        if each.why:
            reasons[each.why] += each.short
    why = _reason(reasons)
    return sum(each.short for each in those), sum(each.of for each in those), f" (mostly: {why})" if why else ""


def _named(names: Sequence[str], most: int = 6) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(names[:most])}{more}"
