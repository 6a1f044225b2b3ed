"""Builders with defaults: conversations, tiers, ladders, and whole replays with scripted models."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ladder_bench import cost
from ladder_bench.analyse.metrics import METRICS, Scores
from ladder_bench.domain import (
    Answered,
    Call,
    Conversation,
    Criterion,
    Decision,
    Escalation,
    Fired,
    Handoff,
    History,
    Ladder,
    Message,
    Mode,
    Origin,
    Price,
    Recording,
    Reply,
    Request,
    Step,
    Tier,
    Transcript,
    Turn,
    Usage,
)
from ladder_bench.models.recorded import Recorded
from ladder_bench.models.scripted import Script, Scripted
from ladder_bench.replay import Player, Setting, replay
from ladder_bench.store import backend_of, key_of
from ladder_bench.triggers import Heard, Seen

PRICE = Price(input=1.0, output=5.0, cached=0.1, cache_write=1.25, minimum_prefix=0)
RANK = {"advanced": 0, "mid": 1, "light": 2}
FIRES = "(fires)"  # a user message that holds it fires the trigger "high_stakes" of `Marked`
UNSURE = "(unsure)"  # an answer that holds it fires "low_confidence"
WEIGHTS = dict.fromkeys(("correctness", "completeness", "constraint", "format"), 1.0)


def conversation(
    *users: str, name: str = "c1", criteria: Mapping[int, Sequence[Criterion]] = {}, **more: Any
) -> Conversation:
    """A conversation of these user messages; the recorded answer to each is "recorded N"."""
    answers: Sequence[str | None] = more.pop("answers", [f"recorded {n}" for n in range(1, len(users) + 1)])
    gap_s: float | None = more.pop("gap_s", None)
    turns = [
        Turn(
            number,
            Message("user", user),
            None if answer is None else Recording(answer, "gpt-recorded", Usage(10 * number, 5), 1.5),
            criteria=tuple(criteria.get(number, ())),
            gap_s=gap_s if number > 1 else None,
        )
        for number, (user, answer) in enumerate(zip(users, answers, strict=True), 1)
    ]
    return Conversation(name, tuple(turns), **more)


def criterion(term: str, name: str = "k1", **more: Any) -> Criterion:
    """A criterion that an answer meets by holding the term."""
    return Criterion(name, more.pop("kind", "correctness"), f"says {term}", check={"any": [term]}, **more)


def tier(name: str, model: str = "", **more: Any) -> Tier:
    return Tier(
        name, model or f"scripted/{name}", more.pop("params", {}), more.pop("price", PRICE), cache_group=name, **more
    )


def tiers(*names: str, **replaced: Tier) -> dict[str, Tier]:
    """Scripted tiers, strongest first; `advanced=...` replaces one."""
    return {name: tier(name) for name in names or RANK} | replaced


def ladder(*steps: str, name: str = "ladder", **more: Any) -> Ladder:
    """A ladder of steps such as "advanced:2", "light"."""
    parts = [step.partition(":") for step in steps or ("advanced:2", "light")]
    return Ladder(name, tuple(Step(tier, int(turns) if turns else None) for tier, _, turns in parts), **more)


def escalation(**more: Any) -> Escalation:
    return Escalation(**{"to": "advanced", "triggers": ("high_stakes",), **more})


MEMORY = Handoff(memory="standard")
FIRED = Fired("high_stakes", "legal", "sign")
DOUBTED = Fired("low_confidence", "hedged", "unsure", "answer")


def answered(
    tier: str, *, turn: int = 1, answer: str = "done.", memory: str | None = None, **decision: Any
) -> Answered:
    """A turn of a transcript, decided as the keywords say."""
    default: dict[str, Any] = {"reason": "step 1", "switched": False, "guide": False}
    return Answered(turn, Decision(tier, **{**default, **decision}), answer, (), memory)


class Marked:
    """Rules that fire on a mark in the message, so that a test says when."""

    def speaks(self, language: str | None) -> bool:
        return language in (None, "en")

    def fired(self, names: Sequence[str], seen: Seen) -> tuple[Fired, ...]:
        return (FIRED,) if FIRES in seen.message and "high_stakes" in names else ()

    def certain(self, names: Sequence[str], fired: Sequence[Fired]) -> bool:
        return True

    def fired_on_answer(self, names: Sequence[str], seen: Seen, heard: Heard) -> tuple[Fired, ...]:
        return (DOUBTED,) if UNSURE in heard.answer and "low_confidence" in names else ()


@dataclass
class Lived:
    """A replay with scripted models: its transcript and every request that was sent."""

    transcript: Transcript
    requests: list[Request] = field(default_factory=list)

    @property
    def answered_by(self) -> list[str]:
        return [each.decision.tier for each in self.transcript.answered]

    @property
    def prompts(self) -> list[list[str]]:
        return [[message.content for message in request.messages] for request in self.requests]


def lived(
    recorded: Conversation,
    strategy: Ladder,
    script: Script = lambda request: f"{request.tier.name} {request.origin.turn}",
    mode: Mode = "rollout",
    known: Mapping[str, Tier] | None = None,
    player: Player | None = None,
) -> Lived:
    """Replay a conversation; every tier answers by the script, the user's too, a recorded one from the log."""
    known = known or tiers()
    live, log = Scripted(script), Recorded({recorded.id: recorded})

    async def fetch(request: Request) -> tuple[str, Reply]:
        client = log if request.tier.recorded else live
        key = key_of(request, backend_of(request.tier, client.fingerprint(recorded.id)))
        return key, await client.complete(request)

    ranks = {name: rank for rank, name in enumerate(known)}
    setting = Setting(known, ranks, Marked(), mode, player=player)  # type: ignore[arg-type]
    return Lived(asyncio.run(replay(recorded, strategy, setting, fetch)), live.seen)


def request(text: str = "hi", name: str = "light", *, turn: int = 1, **more: Any) -> Request:
    asked = more.pop("tier", tier(name))
    origin = Origin(more.pop("conversation", "c1"), turn)
    return Request(
        asked, more.pop("system", ""), more.pop("history", History()), (Message("user", text),), origin, **more
    )


def reply(text: str = "hello", **more: Any) -> Reply:
    return Reply(**{"text": text, "usage": Usage(10, 5), "latency_s": 0.1, "origin": "live", **more})


def call(asked: Request, said: Reply) -> Call:
    return Call("key", "answer", asked, said, said.usage or cost.estimated_usage(asked.messages, said.text))


def scores(name: str = "a", *, turns: int = 0, **values: Any) -> Scores:
    """One strategy's values by metric; metrics that are not named have none."""
    size = len(next(iter(values.values())))
    known = {metric: np.asarray(found, dtype=float) for metric, found in values.items()}
    empty = {metric: np.full(size, np.nan) for metric in (*METRICS, "tokens", "unsupported", "claims")}
    simple = {
        metric: found for metric, found in empty.items() if not metric.startswith(("wait", "qpd", "turns", "inv"))
    }
    return Scores(name, simple | known, {}, [np.array([])] * size, 0, turns)


def dataset_lines(count: int = 24, turns: int = 3) -> list[dict[str, Any]]:
    """A small dataset with criteria, constraints and an intent, as the lines of its file."""
    words = ("index", "backup", "lock", "budget", "deploy", "rollback", "cache", "schema")
    lines = []
    for number in range(count):
        word = words[number % len(words)]
        messages: list[dict[str, Any]] = []
        gold: dict[str, Any] = {}
        for turn in range(1, turns + 1 + number % 2):
            asked = (
                f"Question {turn} of case {number}: tell me about the {word}. It must stay below {10 + number} euros."
            )
            said = f"The {word} matters here. Use step {turn} first. Keep it small."
            messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said, "latency_s": 1.0}]
            gold[str(turn)] = {
                "criteria": [
                    {"id": f"a{turn}", "text": "names it", "check": {"any": [word]}, "critical": turn == 1},
                    {
                        "id": f"b{turn}",
                        "kind": "completeness",
                        "text": "says the step",
                        "check": {"any": [f"step {turn}"]},
                    },
                ]
            }
        intent = {
            "goal": {"text": f"GOLD goal {number}", "check": {"any": [word]}},
            "constraints": [
                {"id": "c1", "text": "GOLD small", "check": {"absent": ["expensive"]}, "violation": "It is expensive."}
            ],
        }
        lines.append(
            {"id": f"case-{number:02}", "language": "en", "messages": messages, "turns": gold, "intent": intent}
        )
    return lines


def experiment_files(folder: Path, strategies: Sequence[Mapping[str, Any]], count: int = 24, **matrix: Any) -> Path:
    """A dataset and a matrix in a folder; returns the matrix's path."""
    dataset = folder / "cases.jsonl"
    dataset.write_text("".join(json.dumps(line) + "\n" for line in dataset_lines(count)), encoding="utf-8")
    whole = {"dataset": str(dataset), "tiers": "offline", "controls": "none", "strategies": list(strategies), **matrix}
    path = folder / f"matrix-{len(list(folder.glob('matrix-*')))}.yaml"
    path.write_text(json.dumps(whole), encoding="utf-8")  # JSON is YAML
    return path
