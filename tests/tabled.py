"""Runs as analysis sees them: a description and tables, made from a few numbers a turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ladder_bench import folder
from ladder_bench.analyse.summary import summarise
from ladder_bench.domain import Ladder

CALL = {"purpose": "answer", "input": 10, "output": 5, "cached": 0, "cache_write": 0, "reasoning": 0,
        "estimated": False, "usd_cold": 2.0, "usd_billed": 3.0, "messages": []}  # fmt: skip
TURN = {"reason": "step 1", "switched": False, "guide": False, "escalated": False, "opened": False,
        "on_recording": False, "wait_s": 1.0}  # fmt: skip
VERDICT = {"metric": "correctness", "target": "k", "weight": 1.0, "critical": False, "reason": "", "grader": ""}
TIERS = ({"name": "advanced", "model": "simulated/advanced"}, {"name": "light", "model": "simulated/light"})
HOLDS = dict.fromkeys(("criteria", "constraints", "intent", "format", "labels"), True)


@dataclass
class Tabled:
    """Collects rows of turns, calls and verdicts; `summary` is what a run with them would say."""

    strategies: Sequence[Ladder]
    mode: str = "rollout"
    tiers: Sequence[Mapping[str, Any]] = TIERS
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {"turns": [], "calls": [], "verdicts": []})

    def turn(
        self,
        strategy: str,
        conversation: str,
        number: int,
        tier: str,
        quality: float | None,
        usd: float = 1.0,
        **more: Any,
    ) -> None:
        """A turn with one call and one verdict; None: nothing could be judged."""
        who = {"conversation": conversation, "strategy": strategy, "sample": more.pop("sample", 0), "turn": number}
        self.rows["turns"].append({**TURN, **who, "tier": tier, **more})
        self.rows["calls"].append({**CALL, **who, "tier": tier, "usd_warm": usd, "key": f"{strategy}{who}"})
        self.rows["verdicts"].append({**VERDICT, **who, "value": quality})

    def call(self, strategy: str, conversation: str, number: int, **more: Any) -> None:
        who = {"conversation": conversation, "strategy": strategy, "sample": 0, "turn": number}
        self.rows["calls"].append({**CALL, **who, "usd_warm": 1.0, **more})

    def verdict(self, strategy: str, conversation: str, number: int | None, **more: Any) -> None:
        who = {"conversation": conversation, "strategy": strategy, "sample": 0, "turn": number}
        self.rows["verdicts"].append({**VERDICT, **who, **more})

    def tables(self) -> dict[str, Any]:
        return {
            name: folder.table(name, [tuple(row.get(column) for column in folder.TABLES[name]) for row in rows])
            for name, rows in self.rows.items()
        }

    def about(self, **more: Any) -> dict[str, Any]:
        """run.json, as far as analysis reads it. `known`: the strategies, if not all."""
        known = more.pop("known", self.strategies)
        names = sorted({row["conversation"] for row in self.rows["turns"]})
        return {
            "mode": self.mode,
            "dataset": {"name": "d", "conversations": names, "holds": HOLDS},
            "config": {"resolved_quality": 0.8, "unresolved_cost_usd": 5.0},
            "strategies": [asdict(each) for each in known],
            "tiers": list(self.tiers),
            "dropped": [],
            "notes": [],
        } | more

    def summary(self, **more: Any) -> dict[str, Any]:
        return summarise(self.about(**more), self.tables(), {}, 0.0)


def by_name(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {row["name"]: row for row in summary["strategies"]}
