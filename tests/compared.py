"""Run folders for comparisons: a few numbers a conversation for every strategy, one turn each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.domain import Ladder, Message, Price, Step

PRICE = Price(3.0, 15.0, 0.3, minimum_prefix=0)


@dataclass
class Arm:
    """One strategy by conversation: quality (None: unscored), dollars, seconds; all default to something flat.

    `failed`: conversations whose turn was not answered. `only`: those that it is in, all without it. `said`: its answer.
    """

    quality: Sequence[float | None] | None = None
    usd: Sequence[float] | None = None
    wait: Sequence[float | None] | None = None
    failed: frozenset[str] = frozenset()
    only: frozenset[str] | None = None
    said: str = "An answer."


@dataclass
class Written:
    """What a run folder is made from; `write` makes it. `digests`: another content of some conversations, by id."""

    arms: Mapping[str, Arm]
    ids: Sequence[str]
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, Price] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    asked: str = "A question."
    metric: str = "correctness"  # what the verdicts are of

    def write(self, path: Path) -> Path:
        folder.write(path, self._about(), self._tables(), {}, {})
        return path

    def _about(self) -> dict[str, Any]:
        prices = {name: self.prices.get(name, PRICE) for name in self.arms}
        return {
            "schema": 1, "version": "0", "command": "", "started": "2026-01-02T03:04:05+00:00", "mode": "rollout",
            "dataset": {"name": "small", "digest": "d", "conversations": list(self.ids),
                        "holds": dict.fromkeys(("criteria", "constraints", "intent", "format", "labels"), True)},
            "config": {"weights": {"correctness": 1.0}, "resolved_quality": 0.8, "unresolved_cost_usd": 5.0,
                       "gap_s": 60.0, "samples": 1, "seed": 0, **self.config},
            "strategies": [asdict(Ladder(name, (Step(name),))) for name in self.arms], "dropped": [], "notes": [],
            "tiers": [{"name": name, "model": f"vendor/{name}", "params": {}, "cache_group": name,
                       "price": asdict(prices[name])} for name in self.arms],
            "prices": {"date": "2026-01-02", "hash": "h", "usd_per_million": {}},
            "rubric": {"id": "checks", "version": 1, "hash": "r"}, "prompts": {}, "packages": {"python": "3.11"},
            **self.about,
        }  # fmt: skip

    def _tables(self) -> dict[str, Any]:
        rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in folder.TABLES}
        messages: dict[str, tuple[Any, ...]] = {}

        def kept(role: str, content: str) -> str:
            message = Message(role, content)
            messages[message.digest] = (message.digest, role, content, None)
            return message.digest

        for place, name in enumerate(self.ids):
            tags = list(self.tags.get(name, ()))
            body = {"id": name, "tags": tags, "turns": [], "digest": self.digests.get(name, f"digest of {name}")}
            rows["conversations"].append((name, json.dumps(body)))
            asked = kept("user", f"{self.asked} {name}")
            for strategy, arm in self.arms.items():
                if arm.only is not None and name not in arm.only:
                    continue
                failed = name in arm.failed
                who = {"conversation": name, "strategy": strategy, "sample": 0, "turn": 1}
                answer = None if failed else kept("assistant", f"{arm.said} {strategy} {name}")
                wait = 1.0 if arm.wait is None else arm.wait[place]
                usd = 1.0 if arm.usd is None else arm.usd[place]
                rows["turns"].append(_row("turns", {
                    **who, "tier": strategy, "reason": "step 1", "switched": False, "guide": False, "escalated": False,
                    "opened": False, "on_recording": False, "wait_s": wait, "wait_origin": "live", "answer": answer,
                    "user": asked, "step": 1, "notes": [], "failure": "timeout" if failed else None,
                }))  # fmt: skip
                if failed:
                    continue
                tokens = round(usd * 1e6 / PRICE.output)
                rows["calls"].append(_row("calls", {
                    **who, "key": f"{strategy} {name}", "purpose": "answer", "tier": strategy, "model": "m",
                    "params": "{}", "messages": [asked], "answer": answer, "origin": "live", "input": 0,
                    "output": tokens, "cached": 0, "cache_write": 0, "reasoning": 0, "estimated": False,
                    "latency_s": wait, "start_s": 0.0, "flags": [], "usd_warm": usd, "usd_cold": usd,
                    "usd_billed": usd,
                }))  # fmt: skip
                value = 0.5 if arm.quality is None else arm.quality[place]
                rows["verdicts"].append(_row("verdicts", {
                    **who, "metric": self.metric, "target": "k", "value": value, "weight": 1.0, "critical": False,
                    "reason": "", "grader": "checks", "evidence": "", "rubric": "",
                }))  # fmt: skip
        rows["messages"] = list(messages.values())
        return {name: folder.table(name, found) for name, found in rows.items() if found or name != "transcripts"}


def _row(table: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(values.get(column) for column in folder.TABLES[table])


def names(count: int) -> list[str]:
    return [f"c{place:03}" for place in range(count)]


def drawn(count: int, centre: float, spread: float = 0.1, seed: int = 0) -> list[float]:
    """Qualities around a centre, within [0, 1]."""
    found = np.random.default_rng(seed).normal(centre, spread, count)
    return [float(value) for value in np.clip(found, 0.0, 1.0)]
