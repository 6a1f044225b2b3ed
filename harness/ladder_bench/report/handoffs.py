"""The first answer after a handoff, from one tier to another, against the other one answering all along. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, grid

UNBIASED = Words("the recording", mark="unbiased")
PREFIXES = {"recording": Words("the recording"), "own": Words("the strategy's own")}
HEADS = ("against", "history before it", "same history in both", "difference in Q, points")
OWN_ONLY = (
    "None of these is marked unbiased: nowhere was the recording the history of both answers, so a difference holds "
    "what earlier answers did, too."
)


@dataclass(frozen=True, slots=True)
class Handoffs:
    """The tables: over all strategies, by what was handed over, and by strategy; and what a reader must know."""

    tiers: Grid
    memory: Grid | None
    strategies: Grid | None
    warning: str | None


def handoffs(summary: Mapping[str, Json]) -> Handoffs | None:
    """What the first answers after handoffs say; None where nothing was handed over."""
    found: Mapping[str, Sequence[Mapping[str, Json]]] = summary.get("handoffs", {})
    tiers = grid(
        "handoff-tiers",
        "The first answer after a change of tier, minus what that tier says at the same turn where it answers all "
        "along; paired. Unbiased: all before both answers is still the recording, so what the user says fits. Controls "
        "are left out where other strategies hand over.",
        ("from → to", *HEADS),
        [Row(_route(each), _cells(each)) for each in found.get("by_tiers", ())],
    )
    if tiers is None:
        return None
    by_memory = found["by_memory"]
    return Handoffs(
        tiers=tiers,
        memory=grid(
            "handoff-memory",
            "The same by what was handed over.",
            ("from → to", "memory", "context", *HEADS),
            [Row(_route(each), (Words(each["memory"]), Words(each["context"]), *_cells(each))) for each in by_memory],
        )
        if len({(each["memory"], each["context"]) for each in by_memory}) > 1
        else None,
        strategies=grid(
            "handoff-strategies",
            "The same by strategy, controls too.",
            ("strategy", "from → to", *HEADS),
            [Row(each["strategy"], (Words(_route(each)), *_cells(each))) for each in found["by_strategy"]],
        ),
        warning=None if any(map(_is_unbiased, found["by_tiers"])) else OWN_ONLY,
    )


def _is_unbiased(row: Mapping[str, Json]) -> bool:
    """Whether both answers follow the recording, so that what the user says fits and nothing else differs."""
    return bool(row["prefix"] == "recording" and row["shared_history"] == row["handoffs"])


def _route(row: Mapping[str, Json]) -> str:
    return f"{row['from']} → {row['to']}"


def _cells(row: Mapping[str, Json]) -> tuple[Value | Words, ...]:
    against = f"{row['against']} alone" if row["against"] == row["to"] else row["against"] or f"{row['to']} alone"
    return (
        Words(text.one_line(against)),
        UNBIASED if _is_unbiased(row) else PREFIXES[row["prefix"]],
        Words(f"{row['shared_history']:,} of {row['handoffs']:,}"),
        Value(row["difference"], POINTS, nothing=0.0),
    )
