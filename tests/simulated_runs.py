"""Many seeded runs of a few strategies in memory, through the real replay, grading and analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ladder_bench import models
from ladder_bench.analyse import estimates, metrics
from ladder_bench.domain import Conversation, Estimate, Graded, Ladder, Reply, Request, Transcript
from ladder_bench.judge.grading import ConversationGrader
from ladder_bench.models.simulated import Simulated
from ladder_bench.replay import Setting, replay
from ladder_bench.rows import Rows
from ladder_bench.tiers import Tiers
from ladder_bench.triggers import Rules

WEIGHTS = dict.fromkeys(("correctness", "completeness", "constraint", "format"), 1.0)
EFFECTS = ("framing", "memory", "loss", "hidden", "reminded")


@dataclass(frozen=True, slots=True)
class Quality:
    """Q of one strategy in one run, one value a conversation: as graded, and as expected from the items' chances."""

    graded: np.ndarray
    expected: np.ndarray


def with_params(tiers: Tiers, **params: Any) -> Tiers:
    """The same simulated tiers with other parameters."""
    return replace(tiers, tiers=tuple(replace(tier, params={**tier.params, **params}) for tier in tiers.tiers))


def quality_estimates(
    conversations: Sequence[Conversation], ladders: Sequence[Ladder], tiers: Tiers, seed: int
) -> list[Estimate]:
    """Q of each ladder in one run with this seed."""
    return [estimates.mean(each.graded) for each in qualities(conversations, ladders, tiers, seed)]


def qualities(
    conversations: Sequence[Conversation],
    ladders: Sequence[Ladder],
    tiers: Tiers,
    seed: int,
    rules: Rules | None = None,
) -> list[Quality]:
    """Run ladders with this seed. No trigger may read answers: an answer that is kept was selected."""
    clients = models.clients(tiers.tiers, {each.id: each for each in conversations}, seed)
    rows = Rows(gap_s=60.0)
    expected: list[list[float]] = [[] for _ in ladders]

    async def everything() -> None:
        for index, conversation in enumerate(conversations):
            grader = ConversationGrader(conversation, "rollout", WEIGHTS)
            for number, ladder in enumerate(ladders):
                transcript = await lived(conversation, ladder, tiers, clients, rules)
                graded = Graded(tuple(grader.grade(transcript, ladder)))
                rows.add((index, number, 0), conversation, transcript, graded)
                expected[number].append(expected_quality_of(conversation, transcript, clients))

    asyncio.run(everything())
    names = sorted(each.id for each in conversations)
    order = [names.index(each.id) for each in conversations]
    scores = metrics.scores(rows.tables(), [each.name for each in ladders], names, 0.8)
    found = []
    for score, values in zip(scores, expected, strict=True):
        placed = np.empty(len(names))
        placed[order] = values
        found.append(Quality(score.values["quality"], placed))
    return found


async def lived(
    conversation: Conversation,
    ladder: Ladder,
    tiers: Tiers,
    clients: Mapping[str, models.ModelClient],
    rules: Rules | None = None,
) -> Transcript:
    """One conversation through one ladder, in a rollout."""

    async def fetch(request: Request) -> tuple[str, Reply]:
        return "", await clients[request.tier.name].complete(request)

    ranks = {name: tiers.rank(name) for name in tiers.names}
    setting = Setting({tier.name: tier for tier in tiers.tiers}, ranks, rules or Rules({}), "rollout")
    return await replay(conversation, ladder, setting, fetch)


def expected_quality_of(
    conversation: Conversation, transcript: Transcript, clients: Mapping[str, models.ModelClient]
) -> float:
    """Expected Q along the requests that the strategy made: the mean over turns of the items' weighted chances."""
    shares = []
    for answered in transcript.answered:
        turn = conversation.turns[answered.turn - 1]
        request = next(call.request for call in reversed(answered.calls) if call.purpose == "answer")
        client = clients[request.tier.name]
        assert isinstance(client, Simulated)
        weights = [each.weight for each in turn.criteria if each.check]
        weights += [each.criterion.weight for each in conversation.constraints_at(turn.number) if each.criterion.check]
        if weights:
            chances = [each.probability for each in client.drawn(conversation, turn, request)]
            shares.append(float(np.average(chances, weights=weights)))
    return float(np.mean(shares)) if shares else float("nan")
