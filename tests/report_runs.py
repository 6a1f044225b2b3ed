"""Runs in memory for tests of the pages: three strategies, a few conversations, and what a browser makes of a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ladder_bench import folder
from ladder_bench.blocks import with_memory
from ladder_bench.domain import FRAME_PARTS, Estimate, Ladder, Message, Price, Step
from ladder_bench.folder import Run
from ladder_bench.report import pages

HOSTILE = (
    "<script>alert(1)</script></style>{{7*7}}{% raw %}<img src=x onerror=alert(2)>\u202egnihton\u200b\x00" + "w" * 400
)
TIERS = ("advanced", "light")
NO_CHECKS = "the dataset has no criteria"


def estimate(value: float | None, half: float | None = 0.05, n: int = 20, why: str | None = None) -> dict[str, Any]:
    if value is None:
        return asdict(Estimate(None, None, None, 0, 0, why or NO_CHECKS))
    if half is None:
        return asdict(Estimate(value, None, None, n, 0, f"no interval: {n} conversations, 20 are needed"))
    return asdict(Estimate(value, value - half, value + half, n))


def strategy(name: str, cost: float, quality: float | None, **more: Any) -> dict[str, Any]:
    metrics = {
        "quality": estimate(quality),
        "cost_usd_warm": estimate(cost, cost / 10),
        "cost_usd_billed": estimate(None, why="nobody reported usage"),
        "escalations_per_conversation": estimate(0.5, 0.2),
        "handoffs_per_conversation": estimate(1.5, 0.2),
        "resolved": estimate(None if quality is None else 0.6, 0.2),
    }
    return {"name": name, "controls": False, "metrics": metrics, "pareto": "undecided", "against_base": None} | more


def against(difference: float, share: float) -> dict[str, Any]:
    return {"quality": estimate(difference, 0.02), "cost_share": share}


STRATEGIES = (
    strategy("advanced", 0.03, 0.92, against_base=against(0.0, 1.0)),
    strategy("two-step", 0.01, 0.91, against_base=against(-0.01, 0.333), pareto="front"),
    strategy("light", 0.002, 0.70, against_base=against(-0.22, 0.0667), controls=True, pareto="dominated"),
)
UNSCORED = tuple(strategy(each["name"], cost, None) for each, cost in zip(STRATEGIES, (0.03, 0.01, 0.002), strict=True))
VERDICT = {"outcome": "found", "strategy": "two-step", "text": "two-step is the cheapest that keeps quality."}


@dataclass
class Talk:
    """A conversation of a run in memory; `gains` is two-step's quality, `said` what every answer says.

    `heard`: what the user says to a strategy, where that is something of its own. `discarded`: an answer that two-step
    paid for and threw away on its last turn. `system`: the prompt of every answer; a trigger call has another one.
    """

    id: str = "talk-1"
    turns: int = 2
    said: str = "An answer."
    asked: str = "A question."
    gains: float = 1.0
    failure: str | None = None
    fired: list[dict[str, str]] = field(default_factory=list)
    labels: list[str] | None = None
    heard: Mapping[str, str] = field(default_factory=dict)
    discarded: str | None = None
    ended: str | None = None
    notes: tuple[str, ...] = ()
    system: str | None = None
    detector: str | None = None


def run(*talks: Talk, strategies: tuple[dict[str, Any], ...] = STRATEGIES, **summary: Any) -> Run:
    """A run of the given conversations; two-step hands over to light on turn 2 with a memory."""
    ladders = [Ladder("advanced", (Step("advanced"),)),
               Ladder("two-step", (Step("advanced", 1), Step("light")), scaffold=FRAME_PARTS),
               Ladder("light", (Step("light"),), control=True)]  # fmt: skip
    ladders = [Ladder(each["name"], like.steps, scaffold=like.scaffold, control=like.control)
               for each, like in zip(strategies, ladders, strict=True)]  # fmt: skip
    return Run(Path("run"), _about(ladders, talks), _tables(ladders, talks), _summary(strategies) | summary)


def _summary(strategies: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    scored = strategies[0]["metrics"]["quality"]["value"] is not None
    return {
        "schema": 1, "dataset": "small", "mode": "rollout",
        "banners": ["simulated tiers: these numbers illustrate the tool"],
        "verdict": VERDICT if scored else {"outcome": "unknown", "strategy": None, "text": "No verdict."},
        "base": strategies[0]["name"] if scored else None, "unresolved_cost_usd": 0.3, "strategies": list(strategies),
        "dropped": [{"name": "advanced + pack", "reason": "a recording cannot read"}],
        "not_measured": [{"metric": "cost_usd_billed", "why": "nobody reported usage"}],
        "calls": {"distinct": 5, "unshared": 8, "sent": 5, "from_store": 0}, "spent_usd": 0.0,
        "validity": {"value": None, "why": "not measured by this version"},
    }  # fmt: skip


def _about(ladders: list[Ladder], talks: tuple[Talk, ...]) -> dict[str, Any]:
    price = Price(3.0, 15.0, 0.3)
    return {
        "schema": 1, "version": "0", "command": "ladder-bench run small", "started": "2026-01-02T03:04:05+00:00",
        "seconds": 1.5, "mode": "rollout",
        "dataset": {"name": "small", "digest": "d" * 64, "turns": 4, "holds": {"criteria": True, "intent": False},
                    "conversations": [each.id for each in talks]},
        "config": {"matrix": "m.yaml", "tiers": "t.yaml", "weights": {"correctness": 1.0}, "samples": 1, "seed": 0,
                   "gap_s": 60.0, "unresolved_cost_usd": None, "resolved_quality": 0.8, "sharing": True,
                   "offline": False},
        "strategies": [asdict(each) for each in ladders], "dropped": [],
        "tiers": [{"name": each, "model": f"simulated/{each}", "price": asdict(price)} for each in TIERS],
        "prices": {"date": "2026-01-02", "hash": "abc", "usd_per_million": {}}, "prompts": {"p.jinja": {"version": 1, "hash": "123"}},
        "rubric": {"id": "checks", "version": 1, "hash": "r"}, "packages": {"python": "3.11"}, "notes": [],
    }  # fmt: skip


def _tables(ladders: list[Ladder], talks: tuple[Talk, ...]) -> dict[str, Any]:
    messages: dict[str, tuple[Any, ...]] = {}
    rows: dict[str, list[tuple[Any, ...]]] = {"turns": [], "calls": [], "verdicts": []}

    def kept(message: Message) -> str:
        content = message.content.encode("utf-8", "replace").decode("utf-8")
        messages[message.digest] = (message.digest, message.role, content, None)
        return message.digest

    def called(
        who: tuple[Any, ...], purpose: str, tier: str, prompts: list[Message], answer: str, usd: float = 0.01
    ) -> None:
        rows["calls"].append(
            (f"key {len(rows['calls'])}", *who, purpose, tier, f"simulated/{tier}", "{}",
             [kept(each) for each in prompts], answer, "simulated", None,
             10, 5, 0, 0, 0, False, 1.5, None, None, 60.0 * (who[-1] - 1), [], usd, usd, None)
        )  # fmt: skip

    for talk in talks:
        for ladder in ladders:
            for turn in range(1, talk.turns + 1):
                who, tier = (talk.id, ladder.name, 0, turn), ladder.steps[min(turn, len(ladder.steps)) - 1].tier
                switched = len(ladder.steps) > 1 and turn == 2
                memory = "Goal: be short" if switched else None
                failed = talk.failure if turn == talk.turns else None
                answer = None if failed else kept(Message("assistant", f"{talk.said} {tier} {turn}"))
                said = talk.heard.get(ladder.name, f"{talk.asked} {turn}")
                rows["turns"].append(
                    (*who, tier, f"step {turn}", switched, turn == 1, False, False, json.dumps(talk.fired), memory,
                     answer, failed, False, 1.5, "simulated", kept(Message("user", said)), turn, None, None,
                     list(talk.notes), talk.ended, None if talk.labels is None else json.dumps(talk.labels), None)
                )  # fmt: skip
                if answer:
                    system = [Message("system", talk.system)] if talk.system else []
                    prompt = [*system, Message("user", with_memory(said, memory) if memory else said)]
                    if talk.detector:
                        verdict = kept(Message("assistant", "{}"))
                        called(who, "trigger", tier, [Message("system", talk.detector)], verdict, 0.001)
                    if talk.discarded and switched:
                        called(who, "discarded", tier, prompt, kept(Message("assistant", talk.discarded)))
                    called(who, "answer", tier, prompt, answer)
                if talk.ended:
                    goodbye = kept(Message("assistant", "thanks"))
                    called(who, "user", "light", [Message("system", "You play the user.")], goodbye, 5.0)
                met = talk.gains if ladder.name == "two-step" else 1.0
                rows["verdicts"].append(
                    (*who, "correctness", f"c{turn}", met, 1.0, True, "met" if met else "not met", "checks", "", "")
                )
    rows["attempts"] = [("key", "talk-1", "advanced", 1.0, 0.5, "timeout", 0.02, None)]
    tables = {name: folder.table(name, found) for name, found in rows.items()}
    return {**tables, "messages": folder.table("messages", list(messages.values()))}


class Tags(HTMLParser):
    """What a browser would make of a page: its tags with attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page_of(found: Run) -> str:
    page = pages(found)["report.html"]
    assert isinstance(page, str)
    return page


# --- a summary with every section ----------------------------------------------------------

UNFRAMED = "forced replay starts every turn from the recording: it cannot show what framing does"


def comparison(knob: str, quality: float, half: float = 0.01, **more: Any) -> dict[str, Any]:
    """A row of the ablations: what `knob` buys in quality, of two-step against advanced."""
    differences = {name: estimate(0.0, 0.1) for name in ("resolved", "unsupported_per_turn")}
    return {
        "knob": knob, "from": "none", "to": "standard", "strategy": "two-step", "base": "advanced", "pairs": 2,
        "differences": {**differences, "quality": estimate(quality, half)}, "cost_ratio": estimate(1.5, 0.1),
        "p_adjusted": 0.001, "controls": False, "why": None,
    } | more  # fmt: skip


def withheld(knob: str, why: str = UNFRAMED) -> dict[str, Any]:
    nothing = {name: estimate(None, why=why) for name in ("quality", "resolved", "unsupported_per_turn")}
    return comparison(knob, 0.0, why=why, differences=nothing, cost_ratio=estimate(None, why=why), p_adjusted=None)


def handoff(before: str, after: str, prefix: str, difference: float, **more: Any) -> dict[str, Any]:
    shared = 4 if prefix == "recording" else 0
    return {"strategy": "two-step", "memory": "standard", "context": "full", "from": before, "to": after,
            "prefix": prefix, "difference": estimate(difference), "against": after, "handoffs": 4,
            "shared_history": shared} | more  # fmt: skip


def agreement(precision: float, recall: float) -> dict[str, Any]:
    return {"precision": estimate(precision), "recall": estimate(recall), "f1": None, "n_labelled": 10.0,
            "n_fired": 8.0, "why": None}  # fmt: skip


def lived_rows() -> tuple[dict[str, Any], ...]:
    """The strategies with what is known of their turns, their contract and their memory."""
    return tuple(
        row
        | {
            "against_base": row["against_base"]
            | {"cost": estimate(0.4), "saving_usd": estimate(0.02), "break_even_extra_turns": estimate(3.0)},
            "contract": {"scaffold_part": {"goal": estimate(0.97)} if row["name"] == "two-step" else {},
                         "guardrail": {"ask": estimate(0.83)} if row["name"] == "light" else {}},
            "memory": {name: estimate(0.25 if row["name"] == "two-step" else None)
                       for name in ("carried", "tokens", "churn", "churn_per_rewrite")},
            "quality_by_turn": [{"turn": 1, "on": False, "estimate": estimate(0.9)},
                                {"turn": 12, "on": True, "estimate": estimate(0.8)}],
            "quality_since_handoff": {name: estimate(0.7) for name in ("before", "0", "1", "2", "3+")}
            if row["name"] == "two-step" else {},
        }
        for row in STRATEGIES
    )  # fmt: skip


def sections(identified: bool | None = True, prefix: str = "own") -> dict[str, Any]:
    """What a summary of this version has beside its strategies."""
    ways = {way: estimate(0.9) for way in ("all", "dropped", "cut")}
    differences = {way: estimate(-0.02) for way in ways}
    fits = {
        each["name"]: {"invalid_turn_share": estimate(0.04), "quality": ways, "against_base": differences,
                       "identified": identified if each["name"] == "two-step" else None}
        for each in STRATEGIES
    }  # fmt: skip
    answers = {"answer": {"usd": estimate(0.01), "share": estimate(0.9)}}
    return {
        "ablations": [comparison("memory", 0.02), comparison("pack on a single tier", 0.1, base="light")],
        "ablations_pooled": [comparison("memory", 0.02), comparison("guardrails", 0.005)],
        "handoffs": {name: [handoff("advanced", "light", prefix, 0.03)]
                     for name in ("by_strategy", "by_tiers", "by_memory")},
        "triggers": {"by_strategy": {}, "by_detector": {"rules": {"goal_change": {
            "turns": 40, "fired_on_message": 8, "fired_on_answer": 0, "message": agreement(0.75, 0.6),
            "answer": None}}}},
        "escalations": {"two-step": {
            **{name: estimate(0.5) for name in ("escalations_per_conversation", "discarded_per_conversation",
                                                "refused_by_budget", "refused_by_cooldown", "discarded_usd")},
            "gain": {"against": "two-step triggers=none", "turns": 9, "quality": estimate(0.08),
                     "cost_usd_warm": estimate(0.009), "why": None}}},
        "validity": {**estimate(0.96), "rule": "all, dropped, cut", "strategies": fits},
        "by_purpose": {each["name"]: answers for each in STRATEGIES} | {
            "two-step": {**answers, **{name: {"usd": estimate(0.001), "share": estimate(0.05)}
                                       for name in ("trigger", "memory", "discarded")}}},
        "evaluation_usd": 1.25, "evaluation_by_purpose": {"judge": 1.0, "user": 0.25}, "replay_artefact": [],
    }  # fmt: skip


def whole(*talks: Talk, identified: bool | None = True, prefix: str = "own", **summary: Any) -> Run:
    """A run whose pages have every section."""
    return run(*talks, strategies=lived_rows(), **(sections(identified, prefix) | summary))
