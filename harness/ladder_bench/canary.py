"""The canary: a run's live calls are sent again, because a stored call cannot see that the model behind a name changed.

Stored answers stay as they are. What is sent now is on the ledger of attempts under an experiment of its own, and its
cap holds for it alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ladder_bench import content, cost, folder, models, prices
from ladder_bench.analyse import drift
from ladder_bench.calls import Budget, Sender, Stop, Terms, interruptible
from ladder_bench.domain import (
    History,
    Json,
    Limits,
    Message,
    Origin,
    Reply,
    Request,
    Tier,
    canonical,
    digest_of,
)
from ladder_bench.errors import InputError, ModelError, StoppedError
from ladder_bench.report import text
from ladder_bench.report.routes import hosts_of
from ladder_bench.store import Store, ledger

ANSWERS = ("answer", "discarded")  # the folder does not hold the schemas that other replies were asked for with
NEEDED = (
    "key", "conversation", "sample", "turn", "purpose", "tier", "messages", "answer", "origin", "served_model",
    "output", "estimated", "answered_at",
)  # fmt: skip
NOT_SENT = "not_sent"
BATCH = drift.FEWEST_CALLS  # calls of a tier
Ended = Reply | str  # a reply, or the short word for why there is none


@dataclass(frozen=True, slots=True)
class Options:
    """`calls` of each tier are sent, each twice; `seed` picks them. `tier` None: every live one."""

    calls: int = 20
    tier: str | None = None
    seed: int = 0
    max_cost_usd: float | None = None
    store: Path = Path(".ladder-bench/calls.sqlite")


@dataclass(frozen=True, slots=True)
class Stored:
    """A call of the run as it can be sent again. `tokens` None: its provider did not count them."""

    key: str
    request: Request
    answer: str
    tokens: int | None
    at: float | None

    @property
    def conversation(self) -> str:
        return self.request.origin.conversation


@dataclass(frozen=True, slots=True)
class Sample:
    """What of a tier is sent again, and every model name that its answers in the run came under.

    `altered` calls were picked, too, and cannot be sent: the folder does not hold their prompts as they were.
    """

    tier: Tier
    calls: tuple[Stored, ...]
    served: tuple[str, ...]
    altered: int = 0


def canary(run: Path, options: Options, tell: Callable[[str], None] = lambda _: None) -> Json:
    """Send a sample of a run's live calls again, twice, and compare. `tell` is told who receives what.

    Raises InputError where nothing can be sent, FatalModelError where a provider refuses everything.
    """
    samples = sample(folder.read(run), options)
    for each in samples:
        tell(_receives(each))
    experiment = digest_of("canary", str(run.resolve()), canonical([options.calls, options.tier, options.seed]))[:32]
    with Store(options.store) as store:
        try:
            sending = _Sending(samples, store, Terms(experiment, options.max_cost_usd, keep=False), options.seed, tell)
            answers = asyncio.run(sending.twice())
            spent = store.write(lambda connection: ledger.spent(connection, experiment))
        finally:  # the next one has its cap to itself; a kill leaves this one open, and what it held counts
            store.write(lambda connection: ledger.complete(connection, experiment))
    found = [_noticed(each, answers, compared) for each, compared in _compared(samples, answers, options.seed)]
    outcomes = {each["outcome"] for each in found}
    return {
        "outcome": next(each for each in ("drift", "cannot_tell", "no_drift_seen") if each in outcomes),
        "run": content.display(run),
        "seed": options.seed,
        "stopped": sending.stop.reason,
        "tiers": found,
        "attempts": spent.attempts,
        "failed_attempts": spent.failed,
        "spent_usd": spent.paid,
        "spent_at_most_usd": spent.at_most,
    }


# --- the sample ----------------------------------------------------------------------------


def sample(run: folder.Run, options: Options) -> list[Sample]:
    """Draw calls of every tier by hash, from as many conversations as there are. Raises InputError."""
    try:
        tiers = {row["name"]: _tier(row) for row in run.about["tiers"]}
        calls = run.tables["calls"].select(NEEDED).to_pylist()
        live: dict[str, dict[str, Mapping[str, Any]]] = {name: {} for name in tiers}
        for row in calls:
            if row["origin"] == "live" and row["purpose"] in ANSWERS:
                live[row["tier"]][row["key"]] = row
        _check(run, tiers, live, options.tier)
        chosen = {name: rows for name, rows in live.items() if rows and options.tier in (None, name)}
        picked = {name: _picked(list(rows.values()), options) for name, rows in chosen.items()}
        messages = _messages(run, [row for rows in picked.values() for row in rows])
        samples = []
        for name, rows in picked.items():
            whole = [row for row in rows if all(messages[digest].digest == digest for digest in row["messages"])]
            samples.append(
                Sample(
                    tiers[name],
                    tuple(_stored(row, tiers[name], messages) for row in whole),
                    tuple(sorted({row["served_model"] for row in chosen[name].values() if row["served_model"]})),
                    len(rows) - len(whole),
                )
            )
        return samples
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{content.display(run.path)}: the run folder is damaged: {error!r}") from None


def _tier(row: Mapping[str, Json]) -> Tier:
    """A tier back from run.json."""
    return Tier(
        **{
            **row,
            "price": prices.from_snapshot(row["price"]),
            "limits": Limits(**row["limits"]),
            "hosts": tuple(row["hosts"]),
        }
    )


def _check(run: folder.Run, tiers: Mapping[str, Tier], live: Mapping[str, Any], wanted: str | None) -> None:
    """Raises InputError where nothing can be sent again."""
    place = content.display(run.path)
    if wanted is not None and wanted not in tiers:
        hint = content.did_you_mean(wanted, tiers)
        raise InputError(f"--tier: unknown tier '{wanted}'{hint}; the run has: {', '.join(tiers)}")
    if not any(live.values()):
        raise InputError(
            f"{place}: has no live calls: its answers are recorded or simulated, so nothing behind them can change"
        )
    if wanted is not None and not live[wanted]:
        able = ", ".join(name for name, calls in live.items() if calls)
        raise InputError(f"--tier: no answer of '{wanted}' in {place} came from a live model; those of {able} did")


def _picked(rows: Sequence[Mapping[str, Any]], options: Options) -> list[Mapping[str, Any]]:
    """The first rows in the order of a hash; no conversation gives a second one before every other gave its first."""
    taken: Counter[str] = Counter()
    ranked = []
    for row in sorted(rows, key=lambda row: digest_of(str(options.seed), row["key"])):
        taken[row["conversation"]] += 1
        ranked.append((taken[row["conversation"]], row))
    return [row for _, row in sorted(ranked, key=lambda each: each[0])[: options.calls]]


def _messages(run: folder.Run, rows: Sequence[Mapping[str, Any]]) -> dict[str, Message]:
    wanted = {digest for row in rows for digest in (*row["messages"], row["answer"])}
    found = folder.rows_of(folder.having(run.tables["messages"], "id", sorted(wanted)))
    return {row["id"]: Message(row["role"], row["content"], row["extra"] or "") for row in found}


def _stored(row: Mapping[str, Any], tier: Tier, messages: Mapping[str, Message]) -> Stored:
    prompt = tuple(messages[digest] for digest in row["messages"])
    request = Request(tier, "", History(), prompt, Origin(row["conversation"], row["turn"]), row["sample"])
    tokens = None if row["estimated"] else row["output"]
    return Stored(row["key"], request, messages[row["answer"]].content, tokens, row["answered_at"])


def _receives(each: Sample) -> str:
    tier = each.tier
    hosts = ", ".join(hosts_of(tier)) or ("this machine" if tier.model.startswith("local/") else "its provider")
    variable = tier.params.get("api_key_env")
    key = f", with the key in {variable}" if variable else ""
    conversations = text.counted(len({call.conversation for call in each.calls}), "conversation")
    calls = text.counted(len(each.calls), "call")
    return text.one_line(f"{tier.name}: {calls} of {conversations}, each twice, to {tier.model} at {hosts}{key}")


# --- sending -------------------------------------------------------------------------------


class _Sending:
    """Sends every call of the samples twice, batch by batch, so that a cap that stops it leaves whole pairs.

    A batch is sent once, then once more in another order.
    """

    def __init__(
        self, samples: Sequence[Sample], store: Store, terms: Terms, seed: int, tell: Callable[[str], None]
    ) -> None:
        self._samples, self._store, self._terms, self._seed, self._tell = samples, store, terms, seed, tell
        self.stop = Stop()

    async def twice(self) -> dict[str, tuple[Ended, Ended]]:
        """Both ends of every call, by its key. Raises FatalModelError, InputError, KeyboardInterrupt."""
        budget = Budget()
        clients = {each.tier.name: models.live_client(each.tier) for each in self._samples}
        senders = {
            each.tier.name: Sender(each.tier, clients[each.tier.name], self._store, self.stop, self._terms, budget)
            for each in self._samples
        }
        found: dict[str, tuple[Ended, Ended]] = {}
        try:
            with interruptible(self.stop, self._tell):
                for start in range(0, max(len(each.calls) for each in self._samples), BATCH):
                    found |= await self._batch(
                        {call.key: call for each in self._samples for call in each.calls[start : start + BATCH]},
                        senders,
                    )
        finally:
            for client in clients.values():
                await client.close()
        return found

    async def _batch(
        self, calls: Mapping[str, Stored], senders: Mapping[str, Sender]
    ) -> dict[str, tuple[Ended, Ended]]:
        first = await self._once(calls, senders)
        answered = [key for key, end in first.items() if isinstance(end, Reply)]
        answered.sort(key=lambda key: digest_of(str(self._seed), "again", key))  # a server batches it with other calls
        second = await self._once({key: calls[key] for key in answered}, senders)
        return {key: (end, second.get(key, NOT_SENT if isinstance(end, Reply) else end)) for key, end in first.items()}

    async def _once(self, calls: Mapping[str, Stored], senders: Mapping[str, Sender]) -> dict[str, Ended]:
        sent = (senders[call.request.tier.name].send(key, call.request) for key, call in calls.items())
        ends = await asyncio.gather(*sent, return_exceptions=True)
        if self.stop.error is not None:
            raise self.stop.error
        return {key: _ended(end) for key, end in zip(calls, ends, strict=True)}


def _ended(end: Reply | BaseException) -> Ended:
    if isinstance(end, Reply):
        return end
    if isinstance(end, ModelError):
        return end.kind
    if isinstance(end, StoppedError):
        return NOT_SENT
    raise end


# --- what it shows -------------------------------------------------------------------------


def _compared(
    samples: Sequence[Sample], answers: Mapping[str, tuple[Ended, Ended]], seed: int
) -> list[tuple[Sample, drift.Compared]]:
    by_tier: dict[str, list[drift.Answers]] = defaultdict(list)
    for each in samples:
        trios = by_tier[each.tier.name]
        for call in each.calls:
            first, second = answers[call.key]
            if isinstance(first, Reply) and isinstance(second, Reply):
                trios.append(_answers(call, first, second))
    found = drift.compare(by_tier, seed)
    return [(each, found[each.tier.name]) for each in samples]


def _answers(call: Stored, first: Reply, second: Reply) -> drift.Answers:
    """Lengths as the provider counted them, all three, else all three as counted here."""
    texts = (call.answer, first.text, second.text)
    if call.tokens is not None and first.usage and second.usage:
        return drift.Answers(call.conversation, texts, (call.tokens, first.usage.output, second.usage.output))
    a, b, c = (cost.count_tokens(each) for each in texts)
    return drift.Answers(call.conversation, texts, (a, b, c))


def _noticed(each: Sample, answers: Mapping[str, tuple[Ended, Ended]], compared: drift.Compared) -> dict[str, Json]:
    """What is said of a tier. No conversation text in it."""
    ends = [end for call in each.calls for end in answers[call.key]]
    now = sorted({end.model for end in ends if isinstance(end, Reply) and end.model})
    renamed = bool(each.served) and not set(now) <= set(each.served)
    drifted = renamed or compared.drifted
    failed = Counter(
        next(end for end in answers[call.key] if isinstance(end, str))
        for call in each.calls
        if any(isinstance(end, str) for end in answers[call.key])
    )
    if each.altered:
        failed["prompt_altered"] = each.altered
    ages = [call.at for call in each.calls if call.at is not None]
    told = {key: value for key, value in asdict(compared).items() if key != "too_few"}
    return {
        "tier": each.tier.name,
        "model": each.tier.model,
        "outcome": "drift" if drifted else "cannot_tell" if compared.too_few else "no_drift_seen",
        "why": _why(each, compared, now if renamed else None),
        "notes": _notes(each, compared),
        "picked": len(each.calls) + each.altered,
        "not_answered": dict(sorted(failed.items())),
        "served": {"before": list(each.served), "now": now, "changed": renamed},
        "answered_at": {"oldest": min(ages, default=None), "newest": max(ages, default=None)},
        **told,
    }


def _why(each: Sample, compared: drift.Compared, renamed: list[str] | None) -> str:
    parts = []
    if renamed is not None:
        parts.append(f"served as {', '.join(renamed)}, before as {', '.join(each.served)}")
    if compared.p_similarity is not None and compared.p_similarity <= drift.ALPHA and compared.similarity:
        alike = compared.similarity
        parts.append(
            f"new answers are {text.score(alike.stored)} like the stored ones and {text.score(alike.new)} like each "
            f"other (p = {compared.p_similarity:.2g})"
        )
    if compared.p_length is not None and compared.p_length <= drift.ALPHA and compared.length:
        parts.append(
            f"answers are {text.number(compared.length.value or 0)} times as long (p = {compared.p_length:.2g})"
        )
    if compared.too_few:
        parts.append(f"cannot tell from texts: {compared.too_few}")
    elif not parts and compared.detectable is not None:
        drop = f"a drop of {text.score(compared.detectable)}" if compared.detectable else "any drop"
        parts.append(
            f"no drift seen; could have seen {drop} in similarity, were it in every answer (80 % power); fewer than "
            f"{compared.fewest_changed} of {compared.conversations} conversations that changed cannot be seen"
        )
    return "; ".join(parts)


def _notes(each: Sample, compared: drift.Compared) -> list[str]:
    equal, temperature = compared.equal, each.tier.params.get("temperature")
    if temperature and equal and equal.new == 1 and equal.stored < 1:
        return [
            f"new answers to a request are all equal, at temperature {temperature}: where a cache between here and the "
            "model gives them, they say nothing"
        ]
    return []
