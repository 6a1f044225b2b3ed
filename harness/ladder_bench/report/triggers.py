"""Triggers: what fired, how often that was right, and what climbing gained and cost. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_bench.domain import Json
from ladder_bench.folder import Run, rows_of
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, grid
from ladder_bench.report.table import Cell

EACH = 2  # examples of a trigger of either kind
LONGEST = 160  # characters of a message beside an example
READ = ("conversation", "strategy", "sample", "turn", "reason", "fired", "user", "labels")
NONE = "No strategy of this run has triggers, so nothing could fire."
NO_LABELS = "labels for this trigger are about messages, not answers"


@dataclass(frozen=True, slots=True)
class Example:
    """A turn at which a trigger fired, or should have (`verdict`: missed), and the words that say why."""

    trigger: str
    verdict: str
    where: str
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Triggers:
    """The tables, one of detection for every detector, and examples."""

    detectors: tuple[Grid, ...]
    escalations: Grid | None
    examples: tuple[Example, ...]


def triggers(run: Run) -> Triggers | None:
    """The section; None where no strategy has triggers."""
    summary = run.summary
    by_detector: Mapping[str, Mapping[str, Json]] = summary.get("triggers", {}).get("by_detector", {})
    if not by_detector:
        return None
    grids = (_detector(name, place, found) for place, (name, found) in enumerate(by_detector.items(), 1))
    return Triggers(
        detectors=tuple(each for each in grids if each),
        escalations=escalations(summary),
        examples=tuple(examples(run)),
    )


# --- how often they were right -------------------------------------------------------------


def _detector(name: str, place: int, found: Mapping[str, Json]) -> Grid | None:
    by = "rules" if name == "rules" else f"the tier {name}"
    rows = [row for trigger, each in found.items() for row in _rows(trigger, each)]
    return grid(
        f"triggers-{place}",
        f"Triggers found by {by}. Fired: of the texts that were evaluated, over all strategies that listen; "
        "not evaluated is not 'did not fire'. The rest is over labelled turns, each of them once however many "
        "strategies lived it; intervals are over conversations that say something about it.",
        ("trigger", "reads", "fired", "labelled", "right", "missed", "precision", "recall"),
        rows,
    )


def _rows(trigger: str, each: Mapping[str, Json]) -> Iterator[Row]:
    for where in ("message", "answer"):
        agreement, fired = each[where], each[f"fired_on_{where}"]
        if agreement is None and not fired:
            continue
        yield Row(trigger, (Words(where), Words(_fired(each, where)), *_agreement(agreement)))


def _fired(each: Mapping[str, Json], where: str) -> str:
    """How often it fired, of the texts that were evaluated; older runs know their number of turns alone."""
    fired, unseen = each[f"fired_on_{where}"], each.get(f"not_evaluated_on_{where}", 0)
    of = each.get(f"evaluated_on_{where}", each["turns"])
    if not unseen:
        return f"{fired:,} of {of:,}"
    return f"{fired:,} of {of:,}; {unseen:,} not evaluated" if of else f"{unseen:,} not evaluated"


def _agreement(found: Mapping[str, Json] | None) -> tuple[Value | Cell, ...]:
    if found is None or found["precision"] is None:
        why = found["why"] if found else NO_LABELS
        return (Value({"value": None, "low": None, "high": None, "n": 0, "unscored": 0, "why": why}, "score"),) * 5
    labelled, fired, precision = found["n_labelled"], found["n_fired"], found["precision"]
    right = fired * (precision["value"] or 0.0)
    counts = (Cell(_turns(each)) for each in (labelled, right, labelled - right))
    return (*counts, Value(precision, "score"), Value(found["recall"], "score"))


def _turns(count: float) -> str:
    """A count of turns that is a mean over strategies: whole where they agree."""
    return text.number(count, 0 if abs(count - round(count)) < 0.05 else 1)


# --- what climbing gained ------------------------------------------------------------------


def escalations(summary: Mapping[str, Json]) -> Grid | None:
    """A line a strategy with triggers."""
    found: Mapping[str, Mapping[str, Json]] = summary.get("escalations", {})
    return grid(
        "escalations",
        "Escalations a conversation; what an escalated turn gained in Q and cost more than the same turn without it; "
        "and answers that were paid and thrown away because a trigger fired on them. A gain over the step's tier alone "
        "also holds what the ladder did before that turn: compare lines with the same “against”.",
        ("strategy", "escalations", "refused: budget", "refused: cooldown", "gain in Q, points", "cost of it, USD",
         "against", "answered again", "USD for discarded answers"),
        [Row(name, _climbed(each)) for name, each in found.items()],
    )  # fmt: skip


def _climbed(each: Mapping[str, Json]) -> tuple[Value | Words, ...]:
    gain = each["gain"]
    against = f"{gain['against']} ({text.counted(gain['turns'], 'turn')})" if gain["against"] else "n/a"
    return (
        Value(each["escalations_per_conversation"], "rate"),
        Value(each["refused_by_budget"], "rate"),
        Value(each["refused_by_cooldown"], "rate"),
        Value(gain["quality"], POINTS, nothing=0.0),
        Value(gain["cost_usd_warm"], "usd"),
        Words(against),
        Value(each["discarded_per_conversation"], "rate"),
        Value(each["discarded_usd"], "usd"),
    )


# --- examples ------------------------------------------------------------------------------


def examples(run: Run) -> Iterator[Example]:
    """A few turns of every trigger: right, wrong and missed where turns are labelled, each turn once."""
    listening: dict[str, Sequence[str]] = {
        each["name"]: each["escalation"]["triggers"] for each in run.about["strategies"] if each["escalation"]
    }
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    seen: set[tuple[str, str, int]] = set()
    for row in _turns_of(run, [name for name, names in listening.items() if names]):
        fired = {each["trigger"]: each for each in json.loads(row["fired"] or "[]")}
        labels = None if row["labels"] is None else json.loads(row["labels"])
        missed = [name for name in labels or () if name in listening[row["strategy"]] and name not in fired]
        for trigger in (*fired, *missed):
            place = (trigger, row["conversation"], row["turn"])
            verdict = _verdict(trigger, fired, labels, row["reason"])
            kept = found.setdefault((trigger, verdict), [])
            if place not in seen and len(kept) < EACH:
                seen.add(place)
                kept.append(row | fired.get(trigger, {"reason": "", "evidence": ""}))
    ids = {row["user"] for (_, verdict), rows in found.items() if verdict == "missed" for row in rows}
    messages = _messages(run, ids)
    for (trigger, verdict), rows in sorted(found.items()):
        for each in rows:
            evidence = messages.get(each["user"], "") if verdict == "missed" else str(each["evidence"])
            where = f"{each['conversation']}, turn {each['turn']}"
            yield Example(
                text.one_line(trigger),
                verdict,
                text.one_line(where),
                text.one_line(str(each["reason"])),
                _cut(evidence),
            )


def _verdict(trigger: str, fired: Mapping[str, Any], labels: Sequence[str] | None, reason: str) -> str:
    if trigger not in fired:
        return "missed"
    if labels is None or "on the answer" in reason:  # labels are about the user's message
        return "fired"
    return "right" if trigger in labels else "wrong"


def _turns_of(run: Run, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    import pyarrow.compute as pc

    from ladder_bench.folder import column

    table = run.tables["turns"]
    there = [name for name in READ if name in table.column_names]
    chosen = pc.and_(
        pc.is_in(table["strategy"], value_set=column("string", list(names))),
        pc.or_(pc.is_valid(table["fired"]), pc.is_valid(table["labels"]))
        if "labels" in there
        else pc.is_valid(table["fired"]),
    )
    absent = dict.fromkeys(name for name in READ if name not in there)
    for row in rows_of(table.select(there).filter(chosen)):
        yield row | absent


def _messages(run: Run, ids: set[str]) -> dict[str, str]:
    import pyarrow.compute as pc

    from ladder_bench.folder import column

    table = run.tables["messages"]
    chosen = table.filter(pc.is_in(table["id"], value_set=column("string", sorted(ids))))
    return {row["id"]: row["content"] for row in chosen.select(["id", "content"]).to_pylist()}


def _cut(words: str) -> str:
    plain = text.one_line(words)
    return plain if len(plain) <= LONGEST else f"{plain[:LONGEST].rstrip()}…"
