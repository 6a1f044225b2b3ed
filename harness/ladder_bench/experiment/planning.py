"""Planning: every conversation through every ladder without sending anything; what a run would do and pay."""

from __future__ import annotations

import asyncio
import math
import re
import statistics
from collections.abc import Awaitable, Callable

from ladder_bench import content, cost
from ladder_bench.calls import Keys
from ladder_bench.calls.calling import UNSEEN
from ladder_bench.domain import Call, Conversation, Ladder, Limits, Message, Reply, Request, Tier, Transcript, Usage
from ladder_bench.errors import InputError
from ladder_bench.experiment.prepare import JUDGES, Options, Prepared, prepare
from ladder_bench.forecast import Again, FollowUps, Plan, Range, Route, Sending
from ladder_bench.judge.asking import likely_tokens
from ladder_bench.ladder import can_climb
from ladder_bench.replay import replay
from ladder_bench.store import Store
from ladder_bench.triggers import model

SHORTER, LONGER = 0.55, 1.6  # how far an answer's length may lie from the recorded one's, over a whole matrix
FRAME_TOKENS = 180  # what a guide writes beside its answer, at the bundled scaffold
DETECTION_TOKENS = 30  # of a detector's reply, for each trigger
TO_COME = re.compile(r"\(answer [0-9a-f]+\)")  # what stands for an answer to come
WIDEST = 3.0  # from low to high
TYPICAL_LATENCY_S = 2.0  # of a call, where the log has none


def plan(options: Options) -> Plan:
    """Walk every conversation through every ladder without sending anything. Raises InputError."""
    prepared = prepare(options)
    store = Store(options.store) if options.store.is_file() else None  # a plan leaves nothing behind
    try:
        keys = Keys(prepared.clients, options.sharing)
        foresight = _Foresight(prepared, keys, store, options)
        routes = asyncio.run(foresight.walk())
    finally:
        if store is not None:
            store.close()
    return Plan(
        prepared.corpus,
        prepared.strategies,
        prepared.matrix.tiers,
        prepared.notes,
        tuple(routes),
        len(keys.distinct),
        keys.asked,
        len(foresight.stored),
        tuple(foresight.sending(tier) for tier in prepared.tiers if tier.live and foresight.needs(tier)),
        tuple(foresight.sending(tier) for tier in prepared.tiers if tier.simulated and foresight.needs(tier)),
        foresight.again,
        foresight.follow_ups,
        None if prepared.player is None else prepared.player.tier,
        prepared.panel.judges if prepared.panel.asks else (),
    )


def check_conversation(plan: Plan, name: str) -> None:
    """Raises InputError where a plan has no such conversation."""
    names = [each.id for each in plan.corpus.conversations]
    if name not in names:
        raise InputError(f"no conversation '{name}'{content.did_you_mean(name, names)}")


class _Tally:
    """What a tier would be sent, summed over calls."""

    def __init__(self) -> None:
        self.calls, self.input, self.output, self.usd = 0, Range(), Range(), Range()

    def add(self, into: Range, out: Range, usd: Range) -> None:
        self.calls += 1
        self.input, self.output, self.usd = self.input.plus(into), self.output.plus(out), self.usd.plus(usd)


class _Foresight:
    """Answers that need nobody: recorded, stored or computed ones; any other stands for an answer to come."""

    def __init__(self, prepared: Prepared, keys: Keys, store: Store | None, options: Options) -> None:
        self._prepared, self._keys, self._store, self._options = prepared, keys, store, options
        self._known: dict[str, Reply] = {}
        self._lengths: dict[str, Range] = {}  # the tokens of an answer to come, by its stand-in text
        self._tallies: dict[str, _Tally] = {}
        self._ratios: dict[str, list[float]] = {}
        recorded = [turn.recorded for each in prepared.corpus.conversations for turn in each.turns if turn.recorded]
        self._typical = statistics.median([cost.count_tokens(each.text) for each in recorded]) if recorded else None
        waits = [each.latency_s for each in recorded if each.latency_s is not None]
        self._latency_s = statistics.median(waits) if waits else TYPICAL_LATENCY_S
        self.stored: set[str] = set()
        self.again = Again()
        self.follow_ups = FollowUps()

    async def walk(self) -> list[Route]:
        routes = []
        for conversation in self._prepared.corpus.conversations:
            lives = []
            for ladder in self._prepared.strategies.ladders:
                for sample in range(self._prepared.samples):
                    fetch = self._fetch(conversation, ladder)
                    transcript = await replay(conversation, ladder, self._prepared.setting(sample), fetch)
                    self._foresee_again(transcript, ladder)
                    self._foresee_follow_ups(transcript, len(conversation.turns))
                    lives.append((transcript, ladder))
                    if sample == 0:
                        routes.append(_route(transcript))
            if self._prepared.panel.asks:
                await self._prepared.panel.graded(conversation, lives, self._judges(conversation, lives[0][1]))
        return routes

    def _foresee_again(self, transcript: Transcript, ladder: Ladder) -> None:
        """Count the answers to come that a stronger tier may have to give again, the dearest first."""
        escalation = ladder.escalation
        if escalation is None or not model.names(escalation.triggers, on_answer=True):
            return
        setting = self._prepared.setting(transcript.sample)
        tier = setting.tiers[escalation.to]
        costs = []
        for answered in transcript.answered:
            last = answered.calls[-1] if answered.calls else None
            if last is None or last.reply.origin != UNSEEN or not can_climb(ladder, answered.decision, setting.rank):
                continue
            into = Range.sum(self._size(message) for message in last.request.messages)
            costs.append(_usd(tier, into, self._lengths[last.reply.text], Range()).high if tier.live else 0.0)
        left = escalation.at_most - sum(each.decision.opened for each in transcript.answered)
        dearest = sorted(costs, reverse=True)[: max(0, left)]
        self.again = Again(self.again.answers + len(dearest), self.again.usd_at_most + sum(dearest))

    def _foresee_follow_ups(self, transcript: Transcript, steps: int) -> None:
        """Count the turns that a played user may add, each at the mean cost of a planned one."""
        player = self._prepared.player
        if player is None or not transcript.answered:
            return
        most = player.most_turns or 2 * steps + 2
        extra = max(0, min(most, steps * (1 + player.patience)) - len(transcript.answered))
        calls = [call for answered in transcript.answered for call in answered.calls]
        costs = [self._at_most_usd(call) for call in (*calls, *(call for _, call in transcript.user))]
        usd = extra * sum(costs) / len(transcript.answered)
        self.follow_ups = FollowUps(self.follow_ups.turns_at_most + extra, self.follow_ups.usd_about + usd)

    def _at_most_usd(self, call: Call) -> float:
        """The high end of a planned call's cost; 0 where nobody is paid."""
        if not call.request.tier.live:
            return 0.0
        into = Range.sum(self._size(message) for message in call.request.messages)
        out = self._lengths.get(call.reply.text, Range(call.usage.output, call.usage.output))
        return _usd(call.request.tier, into, out, Range()).high

    def needs(self, tier: Tier) -> bool:
        return tier.name in self._tallies

    def sending(self, tier: Tier) -> Sending:
        tally = self._tallies[tier.name]
        tokens = tally.input.high + tally.output.high
        minutes = self._minutes(tier.limits, tally.calls, tokens) if tier.live else 0.0
        return Sending(tier.name, tally.calls, tally.input, tally.output, tally.usd.within(WIDEST), minutes)

    def _minutes(self, limits: Limits, calls: int, tokens: float) -> float:
        """How long the slowest of a tier's limits takes."""
        by_rate = calls / limits.requests_per_minute if limits.requests_per_minute else 0.0
        by_tokens = tokens / limits.tokens_per_minute if limits.tokens_per_minute else 0.0
        return max(by_rate, by_tokens, calls * self._latency_s / limits.concurrency / 60)

    def _fetch(self, conversation: Conversation, ladder: Ladder) -> Callable[[Request], Awaitable[tuple[str, Reply]]]:
        before: list[str] = []  # the tiers that answered so far

        async def fetch(request: Request) -> tuple[str, Reply]:
            tier = request.tier
            key = self._keys.of(request, ladder.name)
            warm = bool(before) and before[-1] == tier.name
            before.append(tier.name)
            if key not in self._known:
                self._known[key] = await self._foreseen(key, request, conversation, ladder, warm)
            return key, self._known[key]

        return fetch

    def _judges(
        self, conversation: Conversation, any_ladder: Ladder
    ) -> Callable[[Request], Awaitable[tuple[str, Reply]]]:
        async def fetch(request: Request) -> tuple[str, Reply]:
            key = self._keys.of(request, JUDGES)
            if key not in self._known:
                self._known[key] = await self._foreseen(key, request, conversation, any_ladder, False)
            return key, self._known[key]

        return fetch

    async def _foreseen(
        self, key: str, request: Request, conversation: Conversation, ladder: Ladder, warm: bool
    ) -> Reply:
        tier = request.tier
        client = self._prepared.clients[tier.name]
        if tier.recorded:
            return await client.complete(request)
        stored = self._store.get(key) if self._store and tier.name not in self._options.fresh else None
        if stored is not None:
            self.stored.add(key)
            self._learn(tier, conversation, request, stored)
            return stored
        if tier.simulated:
            reply = await client.complete(request)
            usage = reply.usage or Usage(0, 0)
            usd = cost.cold_usd(usage, tier.price)
            whole, out = Range(usage.input, usage.input), Range(usage.output, usage.output)
            self._tally(tier).add(whole, out, Range(usd, usd))
            return reply
        return self._to_come(key, request, conversation, ladder, warm)

    def _tally(self, tier: Tier) -> _Tally:
        return self._tallies.setdefault(tier.name, _Tally())

    # --- an answer to come -----------------------------------------------------------------

    def _to_come(self, key: str, request: Request, conversation: Conversation, ladder: Ladder, warm: bool) -> Reply:
        tier, most = request.tier, float(request.tier.max_output_tokens)
        likely = self._likely(request, conversation, ladder)
        out = Range(min(most, max(1.0, likely * SHORTER)), min(most, max(1.0, likely * LONGER)))
        into = Range.sum(self._size(message) for message in request.messages)
        again = Range.sum(self._size(message) for message in request.messages[: -len(request.now)]) if warm else Range()
        self._tally(tier).add(into, out, _usd(tier, into, out, again))
        text = f"(answer {key})"
        self._lengths[text] = out
        return Reply(text, Usage(int(into.high), int(out.high), estimated=True), None, UNSEEN)

    def _likely(self, request: Request, conversation: Conversation, ladder: Ladder) -> float:
        """Tokens of a reply to come: the recorded answer's for an answer, what was asked for else."""
        if request.purpose == "memory":
            return float(ladder.handoff.max_tokens)
        if request.purpose == "trigger":
            return float(DETECTION_TOKENS * request.schema.count('"evidence":'))
        if request.purpose == "judge":
            return float(likely_tokens(request))
        turn = conversation.turns[request.origin.matter - 1]
        if request.purpose == "user":
            return float(cost.count_tokens(turn.user.content))
        recorded = cost.count_tokens(turn.recorded.text) if turn.recorded else self._typical
        likely = request.tier.max_output_tokens / 2 if recorded is None else recorded * self._ratio(request.tier)
        return likely + FRAME_TOKENS if ladder.scaffold and turn.number == 1 else likely

    def _size(self, message: Message) -> Range:
        """Tokens of a message: tokenizers differ by about a tenth."""
        if message.content in self._lengths:
            return self._lengths[message.content]
        tokens = cost.count_tokens(message.content + message.extra) + cost.MESSAGE_OVERHEAD
        inside = (self._lengths[text] for text in TO_COME.findall(message.content) if text in self._lengths)
        return Range(tokens * 0.9, tokens * 1.1).plus(Range.sum(inside))  # a judge's prompt quotes answers

    def _learn(self, tier: Tier, conversation: Conversation, request: Request, reply: Reply) -> None:
        """Stored answers tell how long a tier's answers are beside the recorded ones."""
        recorded = conversation.turns[request.origin.matter - 1].recorded
        if request.purpose == "answer" and recorded and reply.usage and recorded.text:
            self._ratios.setdefault(tier.name, []).append(reply.usage.output / max(1, cost.count_tokens(recorded.text)))

    def _ratio(self, tier: Tier) -> float:
        return statistics.median(self._ratios.get(tier.name, [1.0]))


def _usd(tier: Tier, into: Range, out: Range, again: Range) -> Range:
    """From the shortest answers with a provider that caches, to the longest ones with one that does not."""
    price = tier.price
    cached = int(again.low) if price.cached is not None and again.low >= price.minimum_prefix else 0
    low = cost.billed_usd(Usage(int(into.low), int(out.low), cached=cached), price)
    return Range(low, cost.cold_usd(Usage(math.ceil(into.high), math.ceil(out.high)), price))


def _route(transcript: Transcript) -> Route:
    decisions = [answered.decision for answered in transcript.answered]
    return Route(
        transcript.strategy,
        transcript.conversation,
        tuple(decision.tier for decision in decisions),
        tuple(decision.reason for decision in decisions),
        tuple(decision.certain for decision in decisions),
        tuple(decision.opened for decision in decisions),
    )
