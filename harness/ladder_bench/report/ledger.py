"""Where the answers came from, what they cost by purpose, and what was sent for them. Pure."""

from __future__ import annotations

import datetime
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ladder_bench import cost
from ladder_bench.analyse.purposes import EVALUATION
from ladder_bench.report import text


@dataclass(frozen=True, slots=True)
class Source:
    """The distinct calls of a tier: who answered, when, and what there is to know about them."""

    tier: str
    model: str
    calls: str
    origin: str
    served: str
    answered: str
    first_token: str
    flags: str


@dataclass(frozen=True, slots=True)
class Spending:
    """What the calls of a tier cost for one purpose, over all strategies."""

    tier: str
    purpose: str
    calls: str
    warm: str
    cold: str
    billed: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The requests that were sent to a tier for this run, failed ones too."""

    tier: str
    attempts: str
    outcomes: str
    paid: str
    unknown: str


def sources(tables: Mapping[str, Any]) -> tuple[Source, ...]:
    """One line a tier, in the order of its first call."""
    found: dict[str, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    columns = ("tier", "key", "model", "origin", "served_model", "answered_at", "first_token_s", "estimated", "flags")
    for call in _rows(tables["calls"], columns):
        found[call["tier"]].setdefault(call["key"], call)
    return tuple(_source(tier, list(calls.values())) for tier, calls in found.items())


def _source(tier: str, calls: list[Mapping[str, Any]]) -> Source:
    flags = Counter(flag for call in calls for flag in call["flags"])
    flags["tokens counted here"] = sum(call["estimated"] for call in calls)
    firsts = [call["first_token_s"] for call in calls if call["first_token_s"] is not None]
    return Source(
        tier=text.one_line(tier),
        model=text.one_line(calls[0]["model"]),
        calls=f"{len(calls):,}",
        origin=_counted(Counter(call["origin"] for call in calls)),
        served=_counted(Counter(call["served_model"] for call in calls if call["served_model"])) or "not said",
        answered=_span([call["answered_at"] for call in calls if call["answered_at"] is not None]),
        first_token=f"{text.seconds(statistics.median(firsts))} (n = {len(firsts):,})" if firsts else "not streamed",
        flags=_counted(+flags) or "none",
    )


def spending(tables: Mapping[str, Any], evaluation: bool = False) -> tuple[Spending, ...]:
    """One line a tier and purpose: what strategies pay for, or what evaluating took, where a shared call is one call.

    What is not known of every call is left out: the bill where a provider did not report all usage, or any cost of
    imported calls that nobody counted or priced.
    """
    sums: dict[tuple[str, str], list[Any]] = {}
    seen: set[str] = set()
    for call in _rows(tables["calls"], ("key", "tier", "purpose", "usd_warm", "usd_cold", "usd_billed", "flags")):
        if (call["purpose"] in EVALUATION) != evaluation or call["key"] in seen:
            continue
        if evaluation:
            seen.add(call["key"])
        cell = sums.setdefault((call["tier"], call["purpose"]), [0, 0.0, 0.0, 0.0])
        cell[0] += 1
        if cost.ELSEWHERE in (call["flags"] or ()):
            continue
        for place, name in enumerate(("usd_warm", "usd_cold", "usd_billed"), 1):
            cell[place] = None if cell[place] is None or call[name] is None else cell[place] + call[name]
    return tuple(
        Spending(
            text.one_line(tier),
            purpose,
            f"{calls:,}",
            *("n/a" if usd is None else text.dollars(usd) for usd in (warm, cold, billed)),
        )
        for (tier, purpose), (calls, warm, cold, billed) in sums.items()
    )


def sent(tables: Mapping[str, Any]) -> tuple[Sent, ...]:
    """One line a tier that was asked."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for attempt in _rows(tables["attempts"], ("tier", "outcome", "usd_reserved", "usd_paid")):
        found[attempt["tier"]].append(attempt)
    return tuple(
        Sent(
            text.one_line(tier),
            f"{len(attempts):,}",
            _counted(Counter(attempt["outcome"] for attempt in attempts)),
            text.spent(sum(attempt["usd_paid"] or 0.0 for attempt in attempts)),
            text.spent(sum(attempt["usd_reserved"] for attempt in attempts if attempt["usd_paid"] is None)),
        )
        for tier, attempts in found.items()
    )


def _rows(table: Any, columns: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for batch in table.select(columns).to_batches():
        yield from batch.to_pylist()


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{text.one_line(name)} {n:,}" for name, n in sorted(counts.items()))


def _span(times: list[float]) -> str:
    """From the oldest answer to the newest, in UTC."""
    if not times:
        return "not dated"
    first, last = (
        f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%d %H:%M}" for at in (min(times), max(times))
    )
    return first if first == last else f"{first} to {last}"
