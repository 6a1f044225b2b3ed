"""Reviving: the transcripts of a run, as values again, from its folder alone.

They hold all that graders read. Prompts are left out: a revived call has its request's tier, place and purpose, and its
reply's text, and nobody can send it again.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import nan
from typing import Any

from ladder_bench import folder, prices
from ladder_bench.content import display
from ladder_bench.corpus import kept
from ladder_bench.domain import (
    Answered,
    Call,
    Conversation,
    Decision,
    Escalation,
    Fired,
    Handoff,
    History,
    Json,
    Ladder,
    Limits,
    Message,
    Origin,
    Price,
    Reply,
    Request,
    Step,
    Tier,
    Transcript,
    Usage,
)
from ladder_bench.domain.calls import Purpose
from ladder_bench.errors import InputError

OF_CALLS = (
    "key", "conversation", "strategy", "sample", "turn", "purpose", "tier", "model", "params", "answer", "origin",
    "served_model", "input", "output", "cached", "cache_write", "reasoning", "estimated", "latency_s", "first_token_s",
    "answered_at",
)  # fmt: skip
USAGE = ("input", "output", "cached", "cache_write", "reasoning", "estimated")
UNPRICED = Price(nan, nan)  # of imported arms that nobody priced: whatever is computed from it is no number
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Revived:
    """A conversation and all its transcripts, each with its ladder, in the order of strategies and samples."""

    conversation: Conversation
    lives: tuple[tuple[Transcript, Ladder], ...]


def check(run: folder.Run) -> None:
    """Raises InputError where a folder does not hold what was replayed."""
    if run.tables["conversations"].num_rows == 0 and run.tables["turns"].num_rows:
        raise InputError(
            f"{display(run.path)}: written by an earlier ladder-bench, which did not keep the conversations; "
            "run it again (stored calls cost nothing)"
        )


def revived(run: folder.Run) -> Iterator[Revived]:
    """Yield a run's conversations in their order, one in memory at a time. Arms of imported transcripts had each their
    own conversation, so there each transcript comes alone.

    Raises InputError where the folder is damaged, or does not hold the conversations.
    """
    check(run)
    try:
        reviving = _Reviving(run)
        yield from reviving.imported() if run.about["mode"] == "imported" else reviving.all()
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(run.path)}: the run folder is damaged: {error!r}") from None


def ladders(about: Json) -> tuple[Ladder, ...]:
    """The strategies of run.json."""
    return tuple(_ladder(each) for each in about["strategies"])


def tiers(about: Json) -> tuple[Tier, ...]:
    """The tiers of run.json, strongest first."""
    return tuple(tier(each) for each in about["tiers"])


def judges(about: Json) -> tuple[Tier, ...]:
    """Who graded, by run.json."""
    return tuple(tier(each) for each in about.get("judges") or ())


def tier(row: Row) -> Tier:
    """A tier back from run.json. Raises KeyError, TypeError or ValueError where it is none."""
    parts = {
        "price": prices.from_snapshot(row["price"]) if row["price"] else UNPRICED,
        "limits": Limits(**row["limits"]),
        "hosts": tuple(row["hosts"]),
    }
    return Tier(**{**row, **parts})


def _ladder(row: Row) -> Ladder:
    climbs = row["escalation"]
    parts: dict[str, Any] = {
        "steps": tuple(Step(**each) for each in row["steps"]),
        "escalation": climbs and Escalation(**{**climbs, "triggers": tuple(climbs["triggers"])}),
        "handoff": Handoff(**row["handoff"]),
        "scaffold": tuple(row["scaffold"]),
        "guardrails": tuple(row["guardrails"]),
        "mix": tuple((name, share) for name, share in row["mix"]),
    }
    return Ladder(**{**row, **parts})


class _Reviving:
    """One pass over the tables of a run, all of which have the order of conversations, strategies and samples."""

    def __init__(self, run: folder.Run) -> None:
        self._run = run
        self._played = run.about["mode"] == "simulated"
        self._ladders = {ladder.name: ladder for ladder in ladders(run.about)}
        self._tiers = {tier.name: tier for tier in tiers(run.about)}
        self._messages = _Messages(run.tables["messages"])

    def all(self) -> Iterator[Revived]:
        tables = self._run.tables
        turns = _by_conversation(folder.rows_of(tables["turns"]))
        calls = _by_conversation(folder.rows_of(tables["calls"].select(OF_CALLS)))
        served = next(calls, None)
        bodies = folder.rows_of(tables["conversations"])
        for name, rows in turns:
            body = next((each["body"] for each in bodies if each["id"] == name), None)
            if body is None:
                raise ValueError(f"conversation '{name}' was not kept in its place")
            mine: Sequence[Row] = ()
            if served is not None and served[0] == name:  # where every call failed there are no rows
                mine = served[1]
                served = next(calls, None)
            conversation = kept.from_json(body)
            yield Revived(conversation, tuple(self._lives(conversation, rows, mine)))

    def imported(self) -> Iterator[Revived]:
        """Each transcript with the conversation that it was, which is kept beside it; its calls are no requests."""
        bodies = folder.rows_of(self._run.tables["transcripts"])
        turns = groupby(folder.rows_of(self._run.tables["turns"]), key=lambda row: (row["conversation"], *_life(row)))
        for (name, strategy, sample), rows in turns:
            body = next(bodies, None)
            if body is None or (body["conversation"], *_life(body)) != (name, strategy, sample):
                raise ValueError(f"the transcript of '{name}' by '{strategy}' was not kept in its place")
            conversation = kept.from_json(body["body"])
            transcript = self._transcript(conversation, list(rows), ())
            yield Revived(conversation, ((transcript, self._ladders[strategy]),))

    def _lives(
        self, conversation: Conversation, turns: Sequence[Row], calls: Sequence[Row]
    ) -> Iterator[tuple[Transcript, Ladder]]:
        by_life: dict[tuple[str, int], list[Row]] = {}
        for row in calls:
            by_life.setdefault(_life(row), []).append(row)
        for (strategy, sample), rows in groupby(turns, key=_life):
            yield (
                self._transcript(conversation, list(rows), by_life.get((strategy, sample), [])),
                self._ladders[strategy],
            )

    def _transcript(self, conversation: Conversation, turns: Sequence[Row], calls: Sequence[Row]) -> Transcript:
        serving: dict[int, list[Call]] = {row["turn"]: [] for row in turns}
        user = []
        steps = {row["turn"]: row["step"] for row in turns}
        for row in calls:
            if row["purpose"] == "user":
                user.append((row["turn"], self._call(row, steps)))
            elif row["purpose"] != "judge":
                serving[row["turn"]].append(self._call(row, steps))
        reached: set[int] = set()
        answered = []
        for row in turns:
            answered.append(self._answered(conversation, row, serving[row["turn"]], row["step"] in reached))
            reached.add(row["step"])
        first = turns[0]
        return Transcript(
            conversation.id, first["strategy"], first["sample"], tuple(answered), first["ended"], tuple(user)
        )

    def _answered(self, conversation: Conversation, row: Row, calls: Sequence[Call], again: bool) -> Answered:
        """A turn. `again`: a played user asks again about the same step, in words of his own."""
        said, recorded = self._messages[row["user"]], conversation.turns[row["step"] - 1].user
        fired = tuple(Fired(**each) for each in json.loads(row["fired"])) if row["fired"] else ()
        decision = Decision(
            row["tier"], row["reason"], row["switched"], row["guide"], row["escalated"], row["opened"], fired
        )
        return Answered(
            row["turn"],
            decision,
            None if row["answer"] is None else self._messages[row["answer"]].content,
            tuple(calls),
            row["memory"],
            row["failure"] or (_silence(row) if row["answer"] is None else None),
            row["on_recording"],
            recorded if said == recorded and not again else said,
            row["step"] if self._played else None,
            row["history"] or "",
            row["after"] or "",
            tuple(row["notes"] or ()),
        )

    def _call(self, row: Row, steps: Mapping[int, int]) -> Call:
        usage = Usage(*(row[name] for name in USAGE))
        step = steps.get(row["turn"]) if self._played else None
        origin = Origin(row["conversation"], row["turn"], step)
        purpose: Purpose = "answer" if row["purpose"] == "discarded" else row["purpose"]
        request = Request(self._tier(row), "", History(), (), origin, sample=row["sample"], purpose=purpose)
        reply = Reply(
            self._messages[row["answer"]].content,
            usage,
            row["latency_s"],
            row["origin"],
            row["served_model"],
            first_token_s=row["first_token_s"],
            at=row["answered_at"],
        )
        return Call(row["key"], row["purpose"], request, reply, usage)

    def _tier(self, row: Row) -> Tier:
        """A tier by its name; who plays the user for free is none of the run's tiers."""
        known = self._tiers.get(row["tier"])
        if known is None or known.model != row["model"]:
            return Tier(row["tier"], row["model"], json.loads(row["params"]), Price(0.0, 0.0), cache_group=row["tier"])
        return known


def _by_conversation(rows: Iterator[dict[str, Any]]) -> Iterator[tuple[str, list[Row]]]:
    for name, group in groupby(rows, key=lambda row: row["conversation"]):
        yield str(name), list(group)


def _silence(row: Row) -> str | None:
    """Why there is no answer where no call failed: an imported log may end with its user's words."""
    return next(iter(row["notes"] or ()), None)


def _life(row: Row) -> tuple[str, int]:
    return row["strategy"], row["sample"]


class _Messages:
    """Message bodies by id, found by halving: the table is sorted, and stays packed."""

    def __init__(self, table: Any) -> None:
        self._ids, self._columns = table["id"], [table[name] for name in ("role", "content", "extra")]
        self._size = table.num_rows

    def __getitem__(self, wanted: str) -> Message:
        """Raises KeyError."""
        place = bisect_left(range(self._size), wanted, key=lambda n: str(self._ids[n].as_py()))
        if place == self._size or self._ids[place].as_py() != wanted:
            raise KeyError(wanted)
        role, content, extra = (column[place].as_py() for column in self._columns)
        return Message.plain(role, content) if not extra else Message(role, content, extra)
