"""Runs for gates: two strategies in memory or as a folder, made from a few numbers a conversation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ladder_bench import cli, folder
from ladder_bench.cli import baseline as _baseline  # noqa: F401  joins the application
from ladder_bench.cli import gate as _gate  # noqa: F401  joins the application
from ladder_bench.domain import Ladder, Price, Step, digest_of
from ladder_bench.gating.deciding import Asked, gate
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.sides.reading import baseline_of
from tabled import HOLDS, Tabled

PRICES = {"advanced": Price(4.0, 20.0), "light": Price(0.5, 2.0)}
F = 0.05  # dollars an unresolved conversation


@dataclass
class Made:
    """What a strategy did in each conversation; a single number holds for all. `samples`: drawn around `quality`.

    `quality` None: nobody could score it; `failed`: conversations in which a call failed.
    """

    quality: Any = 0.9
    resolved: Any = 1.0
    unsupported: Any = 0.0
    output: Any = 100
    input: int = 1000
    tier: str = "light"
    wait_s: Any = 1.0
    failed: Sequence[int] = ()
    estimated: bool = False
    turns: int = 2
    samples: int = 1
    spread: float = 0.05
    seed: int = 0  # of what differs between samples


def noisy(n: int, mean: float = 0.85, seed: int = 0, sd: float = 0.08) -> np.ndarray:
    """Qualities that differ from conversation to conversation."""
    return np.clip(np.random.default_rng(seed).normal(mean, sd, n), 0.0, 1.0)


def luck(n: int, share: float = 0.8, seed: int = 1) -> np.ndarray:
    """Who is resolved: a share of them, spread by chance."""
    return (np.random.default_rng(seed).random(n) < share).astype(float)


def run(n: int = 60, *, path: str = "run", **more: Any) -> folder.Run:
    """A run of the strategies in `made` ({"ladder": Made()} if none) over n conversations."""
    made: Mapping[str, Made] = more.pop("made", {"ladder": Made()})
    prices: Mapping[str, Price] = more.pop("prices", PRICES)
    names = more.pop("names", [f"talk-{index:04}" for index in range(n)])
    digests: Mapping[str, str] = more.pop("digests", {})
    tags: Mapping[str, Sequence[str]] = more.pop("tags", {})
    summary = {"unresolved_cost_usd": F, "base": None, "verdict": {"strategy": None}, **more.pop("summary", {})}
    tabled = Tabled([Ladder(name, (Step(each.tier),)) for name, each in made.items()])
    for name, each in made.items():
        for index, conversation in enumerate(names):
            for sample in range(each.samples):
                _live(tabled, name, each, index, conversation, sample)
    tables = tabled.tables()
    bodies = [(name, _body(name, digests.get(name), tags.get(name, ()))) for name in names]
    empty = {name: folder.table(name, []) for name in ("messages", "judgements", "attempts")}
    about = tabled.about() | {
        "schema": 1, "version": "1", "started": "2026-01-02T03:04:05+00:00", "incomplete": None,
        "tiers": [{"name": name, "model": f"scripted/{name}", "price": _price(price)} for name, price in prices.items()],
        "dataset": {"name": "talks", "conversations": list(names), "holds": HOLDS},
        "rubric": {"id": "checks", "version": 1, "hash": "r1"}, "rubrics": [{"id": "checks", "hash": "r1", "grader": "checks"}], "judges": [],
        "config": {"resolved_quality": 0.8, "unresolved_cost_usd": F, "weights": {"correctness": 1.0}, "gap_s": 60.0},
    }  # fmt: skip
    about = {**about, **more.pop("about", {})}
    assert not more, more
    return folder.Run(
        Path(path), about, {**tables, **empty, "conversations": folder.table("conversations", bodies)}, summary
    )


def _live(tabled: Tabled, name: str, made: Made, index: int, conversation: str, sample: int) -> None:
    """One conversation: turns, each with a call, a criterion, and its unsupported claims."""
    failed = index in made.failed
    for turn in range(1, made.turns + 1):
        quality = _at(made.quality, index)
        quality = (
            None
            if quality is None or np.isnan(quality)
            else float(np.clip(quality + _jitter(made, index, sample), 0, 1))
        )
        broken = {"failure": "timeout"} if failed and turn == made.turns else {}
        if broken:
            quality = None
        tabled.turn(
            name, conversation, turn, made.tier, quality, sample=sample, wait_s=float(_at(made.wait_s, index)), **broken
        )
        call = tabled.rows["calls"][-1]
        call.update(
            input=made.input, output=int(_at(made.output, index)), estimated=made.estimated, start_s=60.0 * (turn - 1)
        )
        claims = float(_at(made.unsupported, index))
        tabled.verdict(
            name, conversation, turn, sample=sample, metric="supported_specifics", weight=10.0, value=1 - claims / 10
        )
    told = None if failed else _at(made.resolved, index)
    told = None if told is None or np.isnan(told) else float(told)
    tabled.verdict(name, conversation, None, sample=sample, metric="resolution", value=told)


def _jitter(made: Made, index: int, sample: int) -> float:
    return 0.0 if made.samples == 1 else made.spread * float(np.random.default_rng((index, sample, made.seed)).normal())


def _at(values: Any, index: int) -> Any:
    return values if values is None or np.isscalar(values) else values[index]


def _body(name: str, digest: str | None, tags: Sequence[str]) -> str:
    return json.dumps({"digest": digest or digest_of(name), "tags": list(tags), "turns": [{"labels": None}]})


def _price(price: Price | None) -> Any:
    return None if price is None else json.loads(json.dumps(asdict(price)))


def written(path: Path, found: folder.Run) -> Path:
    """A run as a folder."""
    folder.write(path, found.about, found.tables, found.summary, {})
    return path


def command(*arguments: object) -> int:
    """The exit code of a command."""
    try:
        cli.main([str(each) for each in arguments])
    except SystemExit as left:
        return int(left.code or 0)
    return 0


def decide(new: folder.Run, old: folder.Run, anchor: folder.Run | None = None, **asked: Any) -> dict[str, Any]:
    """A gate of one run against the baseline of another, with a policy from its values."""
    policy = PolicyShape.model_validate(asked.pop("policy", {}), strict=True)
    held = None if anchor is None else replace(baseline_of(anchor), anchor=True)
    found: dict[str, Any] = gate(new, baseline_of(old), Asked(policy, **asked), held)
    return found


def row(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A test, a limit or a flag by its name."""
    rows = (*found["tests"], *found["limits"], *found["review"])
    return dict(next(each for each in rows if each["name"] == name))
