"""The columns: what each metric is called on a page, its unit, and what it means in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ladder_bench.domain import Json
from ladder_bench.report.text import Unit, one_line


@dataclass(frozen=True, slots=True)
class Column:
    """A metric's heading (short, for tables), its unit, and its meaning."""

    metric: str
    heading: str
    unit: Unit
    meaning: str


COLUMNS = (
    Column("quality", "Q", "score", "met weight / judged weight of a turn's criteria and constraints, mean over turns"),
    Column("cost_usd_warm", "warm cost", "usd", "USD a conversation with a simulated prefix cache"),
    Column("cost_usd_cold", "cold cost", "usd", "USD a conversation as if no cache existed"),
    Column("cost_usd_billed", "billed cost", "usd", "USD a conversation from the usage that providers reported"),
    Column("qpd", "QPD", "rate", "conversations resolved per dollar, where an unresolved one has a declared cost"),
    Column("resolved", "resolved", "score", "conversations with all critical criteria met and Q above the threshold"),
    Column("first_turn_alignment", "alignment after two answers", "score",
           "goal right, constraints kept and blocking unknowns named after the first two answers"),
    Column("constraint_coverage", "constraint coverage", "score", "active constraints kept / active constraints"),
    Column("unsupported_per_turn", "unsupported specifics a turn", "rate",
           "numbers, names, dates, identifiers that nothing before them supports, by rule: a proxy for invention"),
    Column("self_corrections_per_turn", "self-corrections a turn", "rate", "answers that take back an earlier one"),
    Column("escalations_per_conversation", "escalations", "rate", "times a conversation climbed to a stronger tier"),
    Column("handoffs_per_conversation", "handoffs", "rate", "changes of tier in a conversation"),
    Column("wait_s_p50", "median wait", "seconds", "seconds that a user waits for an answer, median over turns"),
    Column("wait_s_p90", "p90 wait", "seconds", "seconds that nine turns in ten stay under"),
    Column("turns_per_conversation", "turns", "rate", "user messages that were answered in a conversation"),
    Column("turns_to_resolution", "turns to resolution", "rate",
           "user turns until a conversation was resolved, of those that were"),
    Column("tokens_per_resolved", "tokens per resolved", "count", "tokens for each conversation that was resolved"),
    Column("invalid_turn_share", "invalid turns", "share",
           "user turns that no longer fit what was just said, after the first departure from the recording"),
)  # fmt: skip
OTHERS = (
    Column("correctness", "correctness", "score", "criteria of that kind met, by weight"),
    Column("completeness", "completeness", "score", "criteria of that kind met, by weight"),
    Column("unsupported_per_claim", "unsupported share of specifics", "score", "of the specifics that were named"),
    Column("first_turn_alignment_at_1", "alignment after one answer", "score", "the same after the first answer"),
    Column("format_adherence", "format adherence", "score", "the output contract kept"),
    Column(
        "self_corrections_prompted_share",
        "prompted share of self-corrections",
        "score",
        "of the answers that take something back, those in which the user had pointed it out",
    ),
    Column("cost_usd_per_resolved", "cost per resolved", "usd", "USD for each conversation that was resolved"),
    Column("wait_s_p99", "p99 wait", "seconds", "seconds that 99 turns in 100 stay under"),
)
BY_METRIC = {column.metric: column for column in (*COLUMNS, *OTHERS)}
HEADLINE = ("quality", "cost_usd_warm")  # shown even where nothing has a value, so that its absence is seen


def heading(metric: str) -> str:
    """A metric's name for people; its own where there is none."""
    return BY_METRIC[metric].heading if metric in BY_METRIC else metric.replace("_", " ")


def told(columns: Sequence[Column], summary: Mapping[str, Json]) -> tuple[Column, ...]:
    """Columns with what they mean where judges, and not rules and checks, say what they hold."""
    others = _others(summary)
    found = []
    for each in columns:
        heading, meaning = others.get(each.metric, (None, each.meaning))
        found.append(replace(each, heading=heading or each.heading, meaning=meaning))
    return tuple(found)


def _others(summary: Mapping[str, Json]) -> dict[str, tuple[str | None, str]]:
    """By metric another heading (None: the same) and another meaning."""
    found: dict[str, tuple[str | None, str]] = {}
    preferred = summary.get("preference") or {}
    if preferred.get("stands_in"):
        over = one_line(preferred["against"])
        found["quality"] = (
            None,
            f"how often an answer is preferred to that of {over} to the same message, a tie counting half; 0.5 is as "
            "good",
        )
    if summary.get("qpd_rate") == "quality":
        found["qpd"] = (
            None,
            "Q per dollar, where what falls short of 1 has the declared cost of an unresolved conversation: nothing "
            "here defines resolved, so Q stands in for it",
        )
    rubrics = (summary.get("judging") or {}).get("rubrics", ())
    judged = {metric for each in rubrics for metric in each.get("metrics", ())}
    if "supported_specifics" in judged:
        claims = "verifiable claims that nothing before them supports, as judges say"
        found["unsupported_per_turn"] = ("unsupported claims a turn", claims)
        found["unsupported_per_claim"] = ("unsupported share of claims", "of the claims that were made, as judges say")
    if summary.get("mode") == "imported":
        warm = "USD a conversation with a simulated prefix cache; without one where tokens are known by conversation"
        found["cost_usd_warm"] = (None, warm)
        found["resolved"] = (None, "conversations that the log says were resolved")
    elif "resolution" in judged:
        found["resolved"] = (None, "conversations in which the user has what they came for, as judges say")
    return found
