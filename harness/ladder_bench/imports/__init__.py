"""Imports: finished transcripts of several arms become a run folder, which every later stage reads as any other.

Nothing is replayed, sent or guessed: each arm is a strategy with the answers, tokens, waits and outcomes of its log.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladder_bench import cost, folder, report
from ladder_bench.analyse.summary import summarise
from ladder_bench.corpus import MOST_PROBLEMS
from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem
from ladder_bench.imports.about import Source, about, clusters, models
from ladder_bench.imports.lives import Life, Skipped, lives
from ladder_bench.imports.pricing import priced
from ladder_bench.imports.reading import Format, read
from ladder_bench.imports.tables import Counting, tables

__all__ = ["Format", "Imported", "Options", "import_arms"]

MERGED = " merged into one "  # in the notes that say so
SHOWN = 3  # places of lines that were left out for one reason


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line says of an import. `arms`: those to take, all without any. `strict`: leave nothing out."""

    files: tuple[Path, ...]
    out: Path
    arms: tuple[str, ...] = ()
    format: Format | None = None
    tiers: str | None = None
    estimate_usage: bool = False
    gap_s: float = 60.0
    unresolved_cost_usd: float | None = None
    strict: bool = False
    command: str = ""


@dataclass(frozen=True, slots=True)
class Imported:
    """The run, and what was taken, merged and left out."""

    run: folder.Run
    format: str
    imported: int
    skipped: Mapping[str, int]
    merged: int
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        return {
            "format": self.format,
            "imported": self.imported,
            "skipped": dict(self.skipped),
            "merged": self.merged,
            "warnings": list(self.warnings),
            "arms": self.run.about["imported"]["arms"],
            "design": self.run.about["design"],
            "out": str(self.run.path),
        }


def import_arms(options: Options) -> Imported:
    """Read files of arms and write a run folder. Raises InputError; then nothing is written."""
    started = datetime.datetime.now(datetime.UTC)
    folder.check_target(options.out)
    log = read(options.files, options.arms, options.format)
    notes = dict(log.notes)
    found, skipped = lives(log.lines, notes)
    _check(found, skipped, options.strict)
    prices = priced(models(found), options.tiers)
    made = tables(found, Counting(prices.prices, options.estimate_usage, options.gap_s))
    left_out = dict(Counter(each.reason for each in skipped))
    warnings = [*_left_out(skipped), *_by_conversation(made), *_counted(notes), *prices.warnings, *clusters(found)[1]]
    chosen = {
        "estimate": options.estimate_usage,
        "tiers": options.tiers,
        "gap_s": options.gap_s,
        "unresolved_cost_usd": options.unresolved_cost_usd,
    }
    source = Source(options.files, log.formats, options.command, started)
    described = about(found, prices, source, chosen, warnings)
    run = _written(options.out, described, made)
    merged = sum(count for note, count in notes.items() if MERGED in note)
    return Imported(run, described["imported"]["format"], len(found), left_out, merged, tuple(warnings))


def _check(found: Sequence[Life], skipped: Sequence[Skipped], strict: bool) -> None:
    """Raises InputError where nothing is left, or where something was left out and nothing may be."""
    if skipped and (strict or not found):
        raise InputError([each.problem for each in skipped[:MOST_PROBLEMS]])


def _left_out(skipped: Sequence[Skipped]) -> list[str]:
    """Each reason with how often, and the first places."""
    by_reason: dict[str, list[Problem]] = {}
    for each in skipped:
        by_reason.setdefault(each.reason, []).append(each.problem)
    return [
        f"{len(problems):,} skipped ({', '.join(_place(each) for each in problems[:SHOWN])}"
        f"{', ...' if len(problems) > SHOWN else ''}): {reason}"
        for reason, problems in by_reason.items()
    ]


def _place(problem: Problem) -> str:
    return f"{problem.file}:{problem.line}"


def _by_conversation(made: Mapping[str, Any]) -> list[str]:
    """What a reader must know where tokens are those of whole conversations."""
    flags = (row["flags"] for row in folder.rows_of(made["calls"].select(["flags"])))
    count = sum(cost.WHOLE in each for each in flags)
    if not count:
        return []
    return [
        f"tokens of whole conversations, not of each message, in {count:,} transcripts: no cache can be simulated from "
        "them, so their warm cost is the cold one"
    ]


def _counted(notes: Mapping[str, int]) -> list[str]:
    return [f"{note} ({count:,}x)" for note, count in sorted(notes.items())]


def _written(out: Path, described: Json, made: Mapping[str, Any]) -> folder.Run:
    calls = made["calls"].num_rows
    counts = {
        "distinct": calls, "unshared": calls, "sent": 0, "from_store": 0, "attempts": 0, "failed_attempts": 0,
        "spent_at_most_usd": 0.0,
    }  # fmt: skip
    summary = summarise(described, made, counts, 0.0)
    run = folder.Run(out, described, made, summary)
    folder.write(out, described, made, summary, report.pages(run))
    return run
