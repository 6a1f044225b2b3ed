"""Tables: lives become the tables of a run. A message of a model is a call; what the log does not say stays empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ladder_bench import cost, folder
from ladder_bench.analyse.resolution import RECORDED_OUTCOME
from ladder_bench.corpus import kept
from ladder_bench.corpus.spoken import Spoken
from ladder_bench.domain import IMPORTED, Conversation, History, Message, Price, Usage, Verdict, digest_of
from ladder_bench.imports.lives import Life, in_order
from ladder_bench.rows import Collected, verdict_row

TABLES = ("turns", "calls", "verdicts", "judgements", "conversations", "transcripts")
REASON = "imported"  # why a tier answered: nothing decided it here
ENDS_UNANSWERED = "the log ends with this message: nobody answered it"
ENDS_WITHOUT_WORDS = "no answer in words: the turn ended with a tool call"


@dataclass(frozen=True, slots=True)
class Counting:
    """How tokens are counted and priced. `prices` by arm, without those that nobody priced.

    `estimate`: count with a public tokenizer what the log did not count. `gap_s`: seconds between turns without times.
    """

    prices: Mapping[str, Price]
    estimate: bool = False
    gap_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One message of a model, with what was said before it. `usage` is None where nobody counted."""

    said: Spoken
    turn: int
    before: tuple[Message, ...]
    usage: Usage | None
    flags: tuple[str, ...] = ()


def tables(found: Sequence[Life], counting: Counting) -> dict[str, Any]:
    """The tables of a run (pyarrow), with the columns of `folder.TABLES`."""
    collected = Collected(TABLES)
    told = any(life.conversation.resolved is not None for life in found)
    met: set[str] = set()
    for place, life in in_order(found):
        _add(collected, place, life, counting)
        if told:
            who = (life.conversation.id, life.arm, life.sample)
            collected.put("verdicts", place, [(*who, *verdict_row(_outcome(life.conversation.resolved)))])
        if life.conversation.id not in met:
            met.add(life.conversation.id)
            body = kept.to_json(_shared(life.conversation))
            collected.put("conversations", place, [(life.conversation.id, body)])
    return {**collected.tables(), "attempts": folder.table("attempts", [])}


def _shared(conversation: Conversation) -> Conversation:
    """A conversation for the table that has it once. What arms share of it is its name: it is paired by that."""
    return replace(conversation, digest=digest_of("imported", conversation.id))


def _outcome(resolved: bool | None) -> Verdict:
    value = None if resolved is None else float(resolved)
    reason = "the log has no outcome" if resolved is None else "resolved" if resolved else "not resolved"
    return Verdict(RECORDED_OUTCOME, "resolution", None, value, reason, RECORDED_OUTCOME)


def _add(collected: Collected, place: tuple[int, int, int], life: Life, counting: Counting) -> None:
    who = (life.conversation.id, life.arm, life.sample)
    made = calls(life, counting.estimate)
    starts = _starts(life.conversation, counting.gap_s)
    collected.put("turns", place, [(*who, *row) for row in _turns(collected, life, made)])
    collected.put("calls", place, list(_calls(collected, who, life, made, starts, counting.prices.get(life.arm))))
    collected.put("transcripts", place, [(*who, kept.to_json(life.conversation))])


# --- calls ---------------------------------------------------------------------------------


def calls(life: Life, estimate: bool) -> list[Call]:
    """The model's messages. A greeting is one where the log says anything of its making: others are nobody's call.

    Where some message has no count of its own, the conversation's total stands on the last one.
    """
    before: list[Message] = []
    found = []
    for said in life.said:
        if said.by_model and (said.turn or said.usage or said.model or said.latency_s is not None):
            found.append(Call(said, max(1, said.turn), tuple(before), said.usage))
        before.append(said.message)
    if all(each.usage for each in found):
        return found
    if life.usage is not None and (life.usage.input or life.usage.output):
        flags = [(cost.ELSEWHERE,)] * (len(found) - 1) + [(cost.WHOLE,)]
        usages = [None] * (len(found) - 1) + [life.usage]
        parts = zip(found, usages, flags, strict=True)
        return [replace(each, usage=usage, flags=flag) for each, usage, flag in parts]
    if not estimate:
        return found
    return [each if each.usage else replace(each, usage=_counted(each)) for each in found]


def _counted(call: Call) -> Usage:
    message = call.said.message
    return cost.estimated_usage(call.before, message.content + message.extra)


def _calls(
    collected: Collected,
    who: tuple[str, str, int],
    life: Life,
    made: Sequence[Call],
    starts: Sequence[float],
    price: Price | None,
) -> Iterator[tuple[Any, ...]]:
    usd = _usd(made, starts, price, life.arm)
    for number, (call, dollars) in enumerate(zip(made, usd, strict=True)):
        said, usage = call.said, call.usage
        counts = (None,) * 5 if usage is None else (
            usage.input, usage.output, usage.cached, usage.cache_write, usage.reasoning
        )  # fmt: skip
        yield (
            digest_of(*who[:2], str(who[2]), str(number), said.message.digest),
            *who,
            call.turn,
            "answer",
            life.arm,
            f"{IMPORTED}{said.model or life.model or 'unnamed'}",
            "{}",
            collected.keep_all(call.before),
            collected.keep(said.message),
            "recorded",
            said.model,
            *counts,
            usage is not None and usage.estimated,
            said.latency_s,
            None,
            said.at,
            starts[call.turn - 1],
            list(call.flags),
            *dollars,
        )


def _usd(
    made: Sequence[Call], starts: Sequence[float], price: Price | None, group: str
) -> list[tuple[float | None, float | None, float | None]]:
    """Warm, cold and billed dollars of each call, None where it has no tokens or no price."""
    if price is None:
        return [(None, None, None)] * len(made)
    prompts = {
        n: cost.Prompt(group, price, call.usage, (*call.before,), starts[call.turn - 1], whole=cost.WHOLE in call.flags)
        for n, call in enumerate(made)
        if call.usage is not None
    }
    warm = dict(zip(prompts, cost.warm_usd(list(prompts.values())), strict=True))
    found: list[tuple[float | None, float | None, float | None]] = []
    for n in range(len(made)):
        if n not in prompts:
            found.append((None, None, None))
            continue
        usage, at = prompts[n].usage, cost.undivided(price) if prompts[n].whole else price
        billed = None if usage.estimated else cost.billed_usd(usage, at)
        found.append((warm[n], cost.cold_usd(usage, at), billed))
    return found


def _starts(conversation: Conversation, gap_s: float) -> list[float]:
    """Seconds from the conversation's start to each user message: as logged, else the declared pause."""
    starts = [0.0]
    for turn in conversation.turns[1:]:
        starts.append(starts[-1] + (gap_s if turn.gap_s is None else turn.gap_s))
    return starts


# --- turns ---------------------------------------------------------------------------------


def _turns(collected: Collected, life: Life, made: Sequence[Call]) -> Iterator[tuple[Any, ...]]:
    history = History().plus(*life.conversation.greeting)
    for turn in life.conversation.turns:
        mine = [call for call in made if call.turn == turn.number]
        waits = [call.said.latency_s for call in mine if call.said.turn]
        known = [wait for wait in waits if wait is not None]
        answer = None if turn.recorded is None else Message.plain("assistant", turn.recorded.text)
        after = history.plus(turn.user, *turn.context, *([answer] if answer else []))
        yield (
            turn.number,
            life.arm,
            REASON,
            False,
            False,
            False,
            False,
            None,
            None,
            None if answer is None else collected.keep(answer),
            None,
            True,
            sum(known) if waits and len(known) == len(waits) else None,
            "recorded",
            collected.keep(turn.user),
            turn.number,
            history.digest,
            after.digest,
            _notes(answer, mine),
            None,
            None,
            None,
        )
        history = after


def _notes(answer: Message | None, mine: Sequence[Call]) -> list[str]:
    if answer is not None:
        return []
    return [ENDS_WITHOUT_WORDS if mine else ENDS_UNANSWERED]
