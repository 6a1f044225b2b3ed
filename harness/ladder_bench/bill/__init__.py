"""The bill: what every step ladder would have cost on recorded conversations, from tokens, timestamps and prices alone.

Pure: no call is made and nothing is said about quality. `bill` gives plain values, which are also its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median_low

import numpy as np

from ladder_bench import content
from ladder_bench.analyse import estimates
from ladder_bench.analyse.metrics import UNRESOLVED_TIMES
from ladder_bench.bill import family, pricing, remarks, savings, tokens
from ladder_bench.bill.pricing import Priced
from ladder_bench.bill.tokens import Spoken
from ladder_bench.bill.traffic import Traffic, traffic
from ladder_bench.corpus.log import Log
from ladder_bench.domain import Conversation, Json
from ladder_bench.errors import InputError
from ladder_bench.tiers import Tiers

__all__ = ["SWEPT", "Options", "bill"]

SCHEMA = 1
SWEPT = (0.5, 1.0, 1.5, 2.0)  # multiples of the output ratios of all tiers but the strongest
FEW_REACH = 0.1  # of the conversations; a switch that fewer of them reach is left out of the tables
FEW_TURNS = 3  # on the first tier, up to which ladders of lower tiers, and of three or more, are in the tables


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may declare. `output_ratios`: a tier's output tokens / the log's, 1 for tiers that are not named.

    `gap_s`: seconds between user messages where the log has no timestamps. `unresolved_usd`: what an unresolved
    conversation costs, None for ten conversations on the strongest tier. `switches_by`: the last turn after which a
    ladder may still step down.
    """

    gap_s: float = 60.0
    conversations_per_month: float | None = None
    output_ratios: Mapping[str, float] = field(default_factory=dict)
    unresolved_usd: float | None = None
    switches_by: int | None = None


def bill(log: Log, tiers: Tiers, options: Options) -> dict[str, Json]:
    """Price a log on every step-down ladder. Raises InputError."""
    for name in options.output_ratios:
        if name not in tiers.names:
            hint = content.did_you_mean(name, tiers.names)
            raise InputError(f"--output-ratio: no tier '{name}'{hint}; {tiers.file} has: {', '.join(tiers.names)}")
    spoken, counted = tokens.read(log.conversations, options.gap_s)
    if not spoken:
        raise InputError(f"{log.name}: no turn has a recorded answer, so there is nothing to price")
    longest = max(each.asked[-1].turn for each in spoken)
    by = min(longest - 1, options.switches_by or family.MOST_SWITCHES_BY)
    by_name = {tier.name: tier for tier in tiers.tiers}
    ladders = family.step_downs(tiers.names, by)
    priced = pricing.price(spoken, ladders, by_name, options.output_ratios)
    top = priced[0]
    shown = _shown(priced, spoken)
    flow = traffic(options.conversations_per_month, _began(log, spoken))
    rows = [_row(each, top, options, flow, each.ladder.name in shown) for each in priced]
    swept = [each for each in priced if each.ladder.name in shown and each is not top]
    unresolved = options.unresolved_usd
    return {
        "schema": SCHEMA,
        "log": {
            "name": log.name, "arm": log.arm, "digest": log.digest, "conversations": len(spoken),
            "turns": asdict(counted), "longest": longest,
            "prompt_tokens_p50": median_low(asked.usage.input for each in spoken for asked in each.asked),
            "answer_tokens_p50": median_low(asked.usage.output for each in spoken for asked in each.asked),
            "models": _models(log.conversations), "notes": list(log.notes),
        },
        "remarks": list(remarks.remarks(spoken, counted, tiers.tiers, len(log.conversations) - len(spoken), top.warm)),
        "not_known": remarks.NOT_KNOWN,
        "top": top.ladder.name,
        "switches_by": by,
        "gap_s": options.gap_s,
        "traffic": asdict(flow),
        "unresolved_cost_usd": UNRESOLVED_TIMES * float(top.warm.mean()) if unresolved is None else unresolved,
        "unresolved_declared": unresolved is not None,
        "tiers": {
            "file": tiers.file,
            "tiers": [
                {"name": each.name, "model": each.model, "simulated": each.simulated, "price": asdict(each.price),
                 "cache_group": each.cache_group, "output_ratio": options.output_ratios.get(each.name, 1.0)}
                for each in tiers.tiers
            ],
        },
        "strategies": rows,
        "output_ratio_sweep": _sweep(spoken, swept, top, tiers, options.output_ratios),
        "recorded_wait_s": _waits(log.conversations),
    }  # fmt: skip


def _began(log: Log, spoken: Sequence[Spoken]) -> list[float | None] | None:
    """When the conversations that are priced began."""
    if log.began is None:
        return None
    kept = {each.id for each in spoken}
    return [began for began, each in zip(log.began, log.conversations, strict=True) if each.id in kept]


def _models(conversations: Sequence[Conversation]) -> dict[str, int]:
    """How many answers each model gave, as far as the log says."""
    counts: dict[str, int] = {}
    for conversation in conversations:
        for turn in conversation.turns:
            if turn.recorded and turn.recorded.model:
                counts[turn.recorded.model] = counts.get(turn.recorded.model, 0) + 1
    return counts


def _row(priced: Priced, top: Priced, options: Options, flow: Traffic, shown: bool) -> dict[str, Json]:
    found = savings.savings(priced, top, options.unresolved_usd)
    for name in ("cost_usd", "saving_usd"):
        month = f"{name}_month"
        source = found["cost_usd_warm" if name == "cost_usd" else name]
        found[month] = (
            estimates.missing(f"no traffic: {flow.why}; declare it with --conversations-per-month")
            if flow.per_month is None
            else savings.scaled(source, flow.per_month)
        )
    return {
        "name": priced.ladder.name,
        "steps": [asdict(step) for step in priced.ladder.steps],
        "turns": dict(priced.turns),
        "shown": shown,
        "metrics": {name: asdict(value) for name, value in found.items()},
    }


def _shown(priced: Sequence[Priced], spoken: Sequence[Spoken]) -> set[str]:
    """The names of the ladders for a table: every single tier, and two-tier ladders that enough conversations reach.

    Of three tiers or more: the cheapest for each number of turns on the strongest tier.
    """
    names = set()
    cheapest: dict[int, Priced] = {}
    for each in priced:
        steps = each.ladder.steps
        last_switch = sum(step.turns or 0 for step in steps)
        reached = sum(one.asked[-1].turn > last_switch for one in spoken)
        if len(steps) > 1 and reached < FEW_REACH * len(spoken):
            continue
        guided, from_top = steps[0].turns or 0, steps[0].tier == priced[0].ladder.name
        if len(steps) <= 2 and (from_top or guided <= FEW_TURNS):
            names.add(each.ladder.name)
        elif len(steps) > 2 and from_top and guided <= FEW_TURNS:
            before = cheapest.get(guided)
            if before is None or each.warm.mean() < before.warm.mean():
                cheapest[guided] = each
    return names | {each.ladder.name for each in cheapest.values()}


def _sweep(
    spoken: Sequence[Spoken], shown: Sequence[Priced], top: Priced, tiers: Tiers, ratios: Mapping[str, float]
) -> list[dict[str, Json]]:
    """Share of the strongest tier's cost, had all other tiers' answers been that many times as long."""
    by_name = {tier.name: tier for tier in tiers.tiers}
    ladders = [each.ladder for each in shown]
    found = []
    for factor in SWEPT:
        lower = {name: ratios.get(name, 1.0) * factor for name in tiers.names[1:]}
        swept = pricing.warm(spoken, ladders, by_name, {**ratios, **lower})
        shares = {
            ladder.name: asdict(estimates.ratio(usd, top.warm)) for ladder, usd in zip(ladders, swept, strict=True)
        }
        found.append({"factor": factor, "share_of_top": shares})
    return found


def _waits(conversations: Sequence[Conversation]) -> dict[str, Json]:
    """The log's own waits, median and 90th percentile over answered turns: a fact about the log, not about a ladder."""
    groups = [
        np.array([t.recorded.latency_s for t in each.turns if t.recorded and t.recorded.latency_s is not None])
        for each in conversations
    ]
    p50, p90 = estimates.quantiles(groups, (0.5, 0.9))
    return {"turns": sum(group.size for group in groups), "p50": asdict(p50), "p90": asdict(p90)}
