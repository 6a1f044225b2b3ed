"""Rows: transcripts and verdicts become the tables of a run, with the cost of every call."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import asdict, astuple, replace
from typing import Any

from ladder_bench import cost, folder
from ladder_bench.corpus import kept
from ladder_bench.domain import (
    Answered,
    Call,
    Conversation,
    Graded,
    History,
    Message,
    Transcript,
    Turn,
    Verdict,
    canonical,
)

TABLES = ("turns", "calls", "verdicts", "judgements", "conversations")
PACKED = 4096  # rows of a table that are held as Python values before they become columns


class Collected:
    """Rows of tables as they come; `tables` gives them in the order of conversations, strategies and samples."""

    def __init__(self, names: Sequence[str]) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in (*names, "messages")}
        self._places = {name: array("q") for name in names}
        self._packed: dict[str, list[Any]] = {name: [] for name in self._rows}
        self._kept_ids: set[str] = set()

    def put(self, name: str, place: tuple[int, int, int], rows: list[tuple[Any, ...]]) -> None:
        """Add rows of a table. `place`: the indexes of their conversation, strategy and sample."""
        self._rows[name] += rows
        self._places[name].extend([_rank(place)] * len(rows))
        if len(self._rows[name]) >= PACKED:
            self._pack(name)

    def keep(self, message: Message) -> str:
        """Keep a message's body, once; its id."""
        if message.digest not in self._kept_ids:
            self._kept_ids.add(message.digest)
            self._rows["messages"].append((message.digest, message.role, message.content, message.extra or None))
            if len(self._rows["messages"]) >= PACKED:
                self._pack("messages")
        return message.digest

    def keep_all(self, messages: Sequence[Message]) -> list[str]:
        """Keep the messages of a prompt; their ids."""
        ids = [message.digest for message in messages]
        if not self._kept_ids.issuperset(ids):  # mostly its end alone is new
            for message in messages:
                self.keep(message)
        return ids

    def tables(self) -> dict[str, Any]:
        """The tables (pyarrow), each with the columns of `folder.TABLES`. They are given away: ask once."""
        for name in self._rows:
            self._pack(name)
        ordered = {
            name: folder.in_order(folder.joined(self._packed.pop(name)), places)
            for name, places in self._places.items()
        }
        return {**ordered, "messages": folder.joined(self._packed.pop("messages")).sort_by("id")}

    def _pack(self, name: str) -> None:
        """Turn rows into columns, which take a fraction of the memory."""
        self._packed[name].append(folder.table(name, self._rows[name]))
        self._rows[name] = []


class Rows:
    """Collects the rows of a run, transcript by transcript."""

    def __init__(self, gap_s: float) -> None:
        self._gap_s = gap_s
        self._collected = Collected(TABLES)
        self._params: dict[int, tuple[Any, str]] = {}  # with the mapping itself, so that no other one takes its id

    def add(
        self,
        place: tuple[int, int, int],
        conversation: Conversation,
        transcript: Transcript,
        graded: Graded,
    ) -> None:
        """Add one transcript. `place`: the indexes of its conversation, strategy and sample."""
        who = (transcript.conversation, transcript.strategy, transcript.sample)
        serving = [(answered.turn, call) for answered in transcript.answered for call in answered.calls]
        starts = self._starts(conversation, transcript)
        warm = cost.warm_usd([_prompt(call, starts[turn - 1]) for turn, call in serving])
        played = [(min(turn, len(starts)), call) for turn, call in transcript.user]  # the last one says goodbye
        calls = serving + played  # who plays the user shares no cache with who serves
        warm += cost.warm_usd([_prompt(call, starts[turn - 1]) for turn, call in played])
        turns = [(*who, *self._turn(answered, conversation, transcript)) for answered in transcript.answered]
        self._collected.put("turns", place, turns)
        self._collected.put(
            "calls",
            place,
            [
                (call.key, *who, *self._call(turn, call, starts[turn - 1], usd))
                for (turn, call), usd in zip(calls, warm, strict=True)
            ],
        )
        self.add_grades(place, conversation, transcript, graded)
        if place[1:] == (0, 0):
            self._collected.put("conversations", place, [(conversation.id, kept.to_json(conversation))])

    def add_grades(
        self, place: tuple[int, int, int], conversation: Conversation, transcript: Transcript, graded: Graded
    ) -> None:
        """Add what was said of a transcript, and the calls that it took, alone."""
        who = (transcript.conversation, transcript.strategy, transcript.sample)
        starts = self._starts(conversation, transcript) if graded.calls else []
        judging = [self._judging(who, turn, call, starts) for turn, call in graded.calls]
        self._collected.put("calls", place, judging)
        self._collected.put("verdicts", place, [(*who, *verdict_row(each)) for each in graded.verdicts])
        self._collected.put("judgements", place, [(*who, *astuple(each)) for each in graded.judgements])

    def tables(self) -> dict[str, Any]:
        """The run's tables (pyarrow), in the order of conversations, strategies and samples. Ask once."""
        return self._collected.tables()

    # --- one row ---------------------------------------------------------------------------

    def _turn(self, answered: Answered, conversation: Conversation, transcript: Transcript) -> tuple[Any, ...]:
        decision = answered.decision
        waits = [call.reply.latency_s for call in answered.calls]
        known = [wait for wait in waits if wait is not None]
        fired = canonical([asdict(each) for each in decision.fired]) if decision.fired else None
        answer = None if answered.answer is None else self._collected.keep(Message.plain("assistant", answered.answer))
        step = answered.turn if answered.step is None else answered.step
        turn = conversation.turns[step - 1]
        as_recorded = answered.said is None or answered.said == turn.user
        return (
            answered.turn,
            decision.tier,
            decision.reason,
            decision.switched,
            decision.guide,
            decision.escalated,
            decision.opened,
            fired,
            answered.memory,
            answer,
            answered.failure,
            answered.on_recording,
            sum(known) if waits and len(known) == len(waits) else None,
            answered.calls[-1].reply.origin if answered.calls else None,
            self._collected.keep(answered.said or turn.user),
            step,
            answered.history,
            answered.after,
            list(answered.notes),
            transcript.ended,
            _labels(turn.labels if as_recorded else None),
            _labels(turn.answer_labels if answered.on_recording and _first(answered) == _text(turn) else None),
        )

    def _call(self, turn: int, call: Call, start_s: float, usd_warm: float) -> tuple[Any, ...]:
        usage, price, reply = call.usage, call.request.tier.price, call.reply
        reported = reply.origin in ("live", "recorded") and not usage.estimated
        return (
            turn,
            call.purpose,
            call.request.tier.name,
            call.request.tier.model,
            self._parameters(call),
            self._collected.keep_all(call.request.messages),
            self._collected.keep(Message.plain("assistant", reply.text)),
            reply.origin,
            reply.model,
            usage.input,
            usage.output,
            usage.cached,
            usage.cache_write,
            usage.reasoning,
            usage.estimated,
            reply.latency_s,
            reply.first_token_s,
            reply.at,
            start_s,
            _flags(call),
            usd_warm,
            cost.cold_usd(usage, price),
            cost.billed_usd(usage, price) if reported else None,
        )

    def _judging(self, who: tuple[str, str, int], turn: int, call: Call, starts: Sequence[float]) -> tuple[Any, ...]:
        """A judge's call: each stands alone, so no cache is charged, and its prompt holds nothing that is not here."""
        usd = cost.cold_usd(call.usage, call.request.tier.price)
        bare = replace(call, request=replace(call.request, system="", history=History(), now=()))
        return (call.key, *who, *self._call(turn, bare, starts[min(turn, len(starts)) - 1], usd))

    def _parameters(self, call: Call) -> str:
        params = call.request.tier.params
        if id(params) not in self._params:
            self._params[id(params)] = (params, canonical(dict(params)))
        return self._params[id(params)][1]

    def _starts(self, conversation: Conversation, transcript: Transcript) -> list[float]:
        """Seconds from the conversation's start to each user message: recorded gaps, else the declared one.

        A clock that ran backwards counts as no time. What a played user adds comes after the declared gap.
        """
        starts = [0.0]
        for answered in transcript.answered[1:]:
            turn = conversation.turns[(answered.step or answered.turn) - 1]
            gap = turn.gap_s if answered.said is turn.user else None
            starts.append(starts[-1] + (self._gap_s if gap is None else max(0.0, gap)))
        return starts


def _rank(place: tuple[int, int, int]) -> int:
    return (place[0] << 40) + (place[1] << 20) + place[2]


def verdict_row(verdict: Verdict) -> tuple[Any, ...]:
    """A verdict as the table has it, after whose it is."""
    v = verdict
    return v.turn, v.metric, v.target, v.value, v.weight, v.critical, v.reason, v.grader, v.evidence, v.rubric


def _labels(names: tuple[str, ...] | None) -> str | None:
    return None if names is None else canonical(list(names))


def _first(answered: Answered) -> str | None:
    """The answer that triggers looked at: the one that was discarded where there is one."""
    discarded = (call.reply.text for call in answered.calls if call.purpose == "discarded")
    return next(discarded, answered.answer)


def _text(turn: Turn) -> str | None:
    return turn.recorded.text if turn.recorded else None


def _flags(call: Call) -> list[str]:
    """What a reader must know of a call."""
    trimmed = call.request.trimmed
    return [*call.reply.notes, *([f"{trimmed} oldest messages left out: the context is too small"] if trimmed else [])]


def _prompt(call: Call, at_s: float) -> cost.Prompt:
    tier = call.request.tier
    return cost.Prompt(tier.cache_group, tier.price, call.usage, call.request.messages, at_s, call.purpose)
