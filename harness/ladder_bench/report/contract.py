"""The contract: which parts of the scaffold came, which guardrails were kept, and what the memory was like. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, Json
from ladder_bench.report.grid import Grid, Row, Value, Words, grid

NOT_ASKED = Words("not asked")


@dataclass(frozen=True, slots=True)
class Contract:
    """One table each, where any strategy has something of it."""

    scaffold: Grid | None
    guardrails: Grid | None
    memory: Grid | None


def contract(summary: Mapping[str, Json]) -> Contract | None:
    """The section; None where nothing was asked of anybody and nothing was handed over."""
    found = Contract(
        scaffold=_parts(
            summary,
            "scaffold_part",
            FRAME_PARTS,
            "The share of the guide's answers in which each part of the scaffold came, of those that were asked for.",
        ),
        guardrails=_parts(
            summary,
            "guardrail",
            GUARDRAILS,
            "The share of answers that kept each guardrail, of those where there was something to keep: something was "
            "missing (ask), open (unknowns), in conflict (assumptions), or laid down (format, confidence).",
        ),
        memory=_memory(summary),
    )
    return found if found.scaffold or found.guardrails or found.memory else None


def _parts(summary: Mapping[str, Json], metric: str, order: Sequence[str], caption: str) -> Grid | None:
    asked = [row for row in summary["strategies"] if row.get("contract", {}).get(metric)]
    present = {part for row in asked for part in row["contract"][metric]}
    shown = [*(each for each in order if each in present), *sorted(present - set(order))]
    rows = [Row(row["name"], _cells(row["contract"][metric], shown), bool(row["controls"])) for row in asked]
    return grid(metric.replace("_", "-"), caption, ("strategy", *shown), rows)


def _cells(found: Mapping[str, Mapping[str, Json]], shown: Sequence[str]) -> list[Value | Words]:
    return [Value(found[part], "score") if part in found else NOT_ASKED for part in shown]


def _memory(summary: Mapping[str, Json]) -> Grid | None:
    carrying = [
        row for row in summary["strategies"] if row.get("memory", {}).get("tokens", {}).get("value") is not None
    ]
    units = {"carried": "share", "tokens": "count", "churn": "share", "churn_per_rewrite": "share"}
    return grid(
        "memory",
        "The handoff memory. Churn: the share of its lines that change from one turn that carries it to the next; "
        "where it was rewritten: over those turns alone at which it changed at all.",
        ("strategy", "turns that carry one", "tokens", "churn", "churn where it was rewritten"),
        [
            Row(row["name"], [Value(row["memory"][name], unit) for name, unit in units.items()], bool(row["controls"]))
            for row in carrying
        ],
    )
