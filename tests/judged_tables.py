"""Judged runs as analysis sees them: what judges said, row by row, and the verdicts that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladder_bench.judge.majority import majority
from tabled import CALL, TURN, Tabled

VALUES = {"met": 1.0, "not_met": 0.0, "win": 1.0, "tie": 0.5, "by_order": 0.5, "loss": 0.0}
RUBRIC = {"id": "mine", "version": 1, "hash": "abc", "grader": "llm", "level": "turn", "metric": "mine",
          "metrics": ["correctness"], "against": None, "prompts": []}  # fmt: skip
PAIRWISE = {**RUBRIC, "id": "pairs", "grader": "pairwise", "metric": "preference", "metrics": ["preference"]}
TABLES = ("turns", "calls", "verdicts", "judgements", "messages", "conversations")


@dataclass
class JudgedTables(Tabled):
    """Collects turns and what judges say of them. `judges`: their models by name; `rubrics`: those of the run."""

    judges: Mapping[str, str] = field(default_factory=lambda: {"strict": "openai/gpt-4o", "mild": "other/mild"})
    rubrics: Sequence[Mapping[str, Any]] = (RUBRIC,)
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in TABLES})

    def lived(self, strategy: str, conversation: str, turn: int = 1, usd: float = 1.0, answer: str = "") -> None:
        """A turn with one call and no verdict."""
        who = {"conversation": conversation, "strategy": strategy, "sample": 0, "turn": turn}
        kept = f"{strategy} {conversation} {turn}" if answer else None
        self.rows["turns"].append({**TURN, **who, "tier": "light", "answer": kept})
        self.rows["calls"].append({**CALL, **who, "tier": "light", "usd_warm": usd, "key": str(who)})
        if answer:
            self.rows["messages"].append({"id": kept, "role": "assistant", "content": answer})

    def said(
        self,
        strategy: str,
        conversation: str,
        words: str | Mapping[str, str | Sequence[str]],
        *,
        turn: int | None = 1,
        metric: str = "correctness",
        **more: Any,
    ) -> None:
        """What judges say of one criterion, by judge (one word: all of them), repeats behind the first word."""
        by_judge = dict.fromkeys(self.judges, words) if isinstance(words, str) else words
        place = {"conversation": conversation, "strategy": strategy, "sample": 0, "turn": turn, "metric": metric,
                 "target": more.pop("target", "k"), "rubric": more.pop("rubric", "mine")}  # fmt: skip
        counted = []
        for judge, each in by_judge.items():
            for repeat, word in enumerate([each] if isinstance(each, str) else each):
                one = {**place, "judge": judge, "repeat": repeat, "outcome": word, "value": VALUES.get(word),
                       "reason": "so", "evidence": "", "key": "", "repaired": False, **more}  # fmt: skip
                self.rows["judgements"].append(one)
                counted += [one["value"]] if repeat == 0 else []
        self.rows["verdicts"].append(
            {**place, "value": majority(counted), "weight": 1.0, "critical": False, "reason": "so", "grader": "judges",
             "evidence": more.get("evidence", "")}
        )  # fmt: skip

    def asked(self, judge: str, key: str, usd: float, strategy: str = "light") -> None:
        """A call of a judge."""
        self.call(strategy, "c00", 1, purpose="judge", tier=judge, key=key, usd_warm=usd)

    def about(self, **more: Any) -> dict[str, Any]:
        judges = [{"name": name, "model": model} for name, model in self.judges.items()]
        rubrics = [dict(each) for each in self.rubrics]
        return super().about(**{"judges": judges, "rubrics": rubrics, "compared_with": "advanced"} | more)
