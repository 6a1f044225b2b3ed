"""Gating files: a run folder and a baseline file, by their paths."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ladder_bench import content, folder
from ladder_bench.domain import Json
from ladder_bench.gating.deciding import Asked, gate
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.sides import baselines
from ladder_bench.sides.repricing import read_prices


@dataclass(frozen=True, slots=True)
class Options:
    """Which strategies, by which policy; `prices` is a file to price both sides by, `anchor` a release's baseline."""

    policy: PolicyShape = field(default_factory=PolicyShape)
    strategy: str | None = None
    against: str | None = None
    prices: str | None = None
    anchor: Path | None = None
    common: bool = False


def gate_files(run_folder: Path, baseline: Path, options: Options) -> dict[str, Json]:
    """What `gate --json` prints, and when the run started. Raises InputError for what cannot be read or found."""
    held = baselines.load(baseline)
    release = None if options.anchor is None else baselines.load(options.anchor)
    run = folder.read(run_folder)
    declared = None
    if options.prices is not None:
        known = [*dict.fromkeys([*(tier["name"] for tier in run.about["tiers"]), *held.prices])]
        declared = read_prices(content.read_yaml(content.locate(options.prices, "ladders/tiers")), known)
    asked = Asked(options.policy, options.strategy, options.against, declared, options.prices, options.common)
    return {**gate(run, held, asked, release), "started": str(run.about.get("started") or "")}
