"""Many seeded runs of a few strategies in memory, through the real replay, grading and analysis."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ladder_bench import config, models
from ladder_bench.analyse import estimates, metrics
from ladder_bench.domain import Conversation, Estimate, Ladder, Reply, Request
from ladder_bench.judge.grading import ConversationGrader
from ladder_bench.replay import Setting, replay
from ladder_bench.rows import Rows
from ladder_bench.triggers import Rules

WEIGHTS = dict.fromkeys(("correctness", "completeness", "constraint", "format"), 1.0)


def quality_estimates(
    conversations: Sequence[Conversation], ladders: Sequence[Ladder], tiers: config.Tiers, seed: int
) -> list[Estimate]:
    """Q of each ladder in one run with this seed."""
    clients = models.clients(tiers.tiers, {each.id: each for each in conversations}, seed)
    setting = Setting(
        {tier.name: tier for tier in tiers.tiers}, {n: tiers.rank(n) for n in tiers.names}, Rules({}), "rollout"
    )
    rows = Rows(gap_s=60.0)

    async def fetch(request: Request) -> tuple[str, Reply]:
        return "", await clients[request.tier.name].complete(request)

    async def everything() -> None:
        for index, conversation in enumerate(conversations):
            grader = ConversationGrader(conversation, "rollout", WEIGHTS)
            for number, ladder in enumerate(ladders):
                transcript = await replay(conversation, ladder, setting, fetch)
                rows.add((index, number, 0), conversation, transcript, grader.grade(transcript))

    asyncio.run(everything())
    scores = metrics.scores(rows.tables(), [each.name for each in ladders], [each.id for each in conversations], 0.8)
    return [estimates.mean(score.values["quality"]) for score in scores]
