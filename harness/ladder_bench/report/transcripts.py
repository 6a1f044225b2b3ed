"""Transcripts: the conversations that say most, as several strategies lived them, side by side."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_bench import blocks
from ladder_bench.analyse.turns import QUALITY
from ladder_bench.domain import Json
from ladder_bench.folder import Run, column, rows_of
from ladder_bench.report.marks import is_plain_single
from ladder_bench.report.text import one_line, shown

CONVERSATIONS = 12
PLAIN_REASONS = frozenset(("met", "not met", "kept", "not kept"))  # they say no more than the outcome
LONGEST = 8_000  # characters of one text; longer ones are cut, and say so


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as it is shown; `cut` counts the characters that were left out."""

    text: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Grade:
    """One verdict: `outcome` is met, not met or unscored."""

    name: str
    kind: str
    outcome: str
    reason: str
    critical: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One strategy's turn. Texts are None where there is none; `same_as` names a strategy with the same answer."""

    strategy: str
    tier: str
    tier_index: int
    came_from: str | None
    guide: bool
    escalated: bool
    opened: bool
    reason: str
    fired: tuple[Mapping[str, str], ...]
    memory: Passage | None
    frame: Passage | None
    text: Passage | None
    same_as: str | None
    failure: str | None
    grades: tuple[Grade, ...]
    remarks: tuple[str, ...]
    extra_calls: tuple[str, ...]
    usd_warm: float | None
    wait_s: float | None
    wait_origin: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn: what the user said (None where no call recorded it), tools, and every shown strategy's answer."""

    number: int
    user: Passage | None
    tools: tuple[Passage, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A conversation with the strategies' quality in it, and the largest difference between them."""

    id: str
    system: Passage | None
    qualities: tuple[tuple[str, float | None], ...]
    difference: float | None
    exchanges: tuple[Exchange, ...]


def compared(run: Run) -> tuple[str, ...]:
    """Up to three strategies: the base, the verdict's (or the first ladder), and the cheapest plain single tier."""
    strategies, summary = run.about["strategies"], run.summary
    known = [each["name"] for each in summary["strategies"]]
    costs = {each["name"]: each["metrics"]["cost_usd_warm"]["value"] for each in summary["strategies"]}
    ladders = [each["name"] for each in strategies if len({step["tier"] for step in each["steps"]}) > 1]
    own = [each["name"] for each in strategies if not each["control"]]
    singles = [each["name"] for each in strategies if is_plain_single(each)]
    cheapest = sorted((name for name in singles if costs.get(name) is not None), key=lambda name: costs[name])
    second = summary["verdict"]["strategy"] or next((name for name in ladders if name in own), None)
    wanted = [summary["base"] or next(iter(singles), None), second, *cheapest[:1], *own, *known]
    return tuple(dict.fromkeys(name for name in wanted if name in known))[:3]


def ranked(run: Run, strategies: Sequence[str]) -> list[tuple[str, float | None]]:
    """Conversations with the largest difference in quality between the strategies first; in their order without one."""
    names: list[str] = run.about["dataset"]["conversations"]
    qualities = _qualities(run, strategies, None)
    spread = {name: _spread([qualities.get((name, each)) for each in strategies]) for name in names}
    order = sorted(range(len(names)), key=lambda index: (-(spread[names[index]] or 0.0), index))
    return [(names[index], spread[names[index]]) for index in order]


def collect(run: Run, names: Sequence[str], strategies: Sequence[str]) -> list[Shown]:
    """The named conversations as the strategies lived them. Reads only their rows."""
    rows = _Rows(run, names, strategies)
    qualities = _qualities(run, strategies, names)
    return [rows.conversation(name, qualities) for name in names]


def _spread(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if len(known) > 1 else None


def _qualities(run: Run, strategies: Sequence[str], names: Sequence[str] | None) -> dict[tuple[str, str], float]:
    """Quality by conversation and strategy: the mean over turns of met / judged weight, as the metrics have it."""
    import pyarrow.compute as pc

    verdicts = run.tables["verdicts"]
    chosen = pc.and_(_among(verdicts["metric"], QUALITY), _among(verdicts["strategy"], strategies))
    chosen = pc.and_(chosen, pc.is_valid(verdicts["value"]))
    if names is not None:
        chosen = pc.and_(chosen, _among(verdicts["conversation"], names))
    turns: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    columns = ("conversation", "strategy", "sample", "turn", "value", "weight")
    for row in rows_of(verdicts.select(columns).filter(chosen)):
        turn = row["conversation"], row["strategy"], row["sample"], row["turn"]
        met, weight = turns.get(turn, (0.0, 0.0))
        turns[turn] = met + row["value"] * row["weight"], weight + row["weight"]
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (conversation, strategy, *_), (met, weight) in turns.items():
        if weight > 0:
            shares[conversation, strategy].append(met / weight)
    return {lived: sum(found) / len(found) for lived, found in shares.items()}


def passage(text: str) -> Passage:
    plain = shown(text)
    return Passage(plain[:LONGEST], max(0, len(plain) - LONGEST))


class _Rows:
    """The rows of a few conversations and strategies, by their place."""

    def __init__(self, run: Run, names: Sequence[str], strategies: Sequence[str]) -> None:
        self._strategies = strategies
        self._scaffolded = {each["name"] for each in run.about["strategies"] if each["scaffold"]}
        self._tiers = {tier["name"]: index for index, tier in enumerate(run.about["tiers"])}
        self._turns: dict[tuple[str, str], list[dict[str, Json]]] = defaultdict(list)
        for row in _rows_of(run.tables["turns"], names, strategies):
            self._turns[row["conversation"], row["strategy"]].append(row)
        self._calls: dict[tuple[str, str, int], list[dict[str, Json]]] = defaultdict(list)
        for row in _rows_of(run.tables["calls"], names, strategies, without=("params",)):
            self._calls[row["conversation"], row["strategy"], row["turn"]].append(row)
        self._verdicts: dict[tuple[str, str, int], list[dict[str, Json]]] = defaultdict(list)
        for row in _rows_of(run.tables["verdicts"], names, strategies):
            if row["turn"] is not None:
                self._verdicts[row["conversation"], row["strategy"], row["turn"]].append(row)
        self._messages = _messages(run.tables["messages"], self._ids())

    def _ids(self) -> set[str]:
        ids = {row["answer"] for rows in self._turns.values() for row in rows if row["answer"]}
        for calls in self._calls.values():
            for call in calls:
                ids.update(call["messages"])
        return ids

    def conversation(self, name: str, qualities: Mapping[tuple[str, str], float]) -> Shown:
        numbers = sorted({row["turn"] for each in self._strategies for row in self._turns.get((name, each), [])})
        found = tuple((each, qualities.get((name, each))) for each in self._strategies)
        return Shown(
            id=name,
            system=self._system(name),
            qualities=found,
            difference=_spread([value for _, value in found]),
            exchanges=tuple(self._exchange(name, number) for number in numbers),
        )

    def _system(self, name: str) -> Passage | None:
        """The dataset's system prompt: the shortest one seen, as prompts are only ever added to it."""
        prompts = []
        for strategy in self._strategies:
            for row in self._turns.get((name, strategy), []):
                for call in self._calls.get((name, strategy, row["turn"]), []):
                    first = self._messages[call["messages"][0]] if call["messages"] else None
                    prompts.append(first["content"] if first and first["role"] == "system" else "")
        shortest = min(prompts, key=len, default="")
        is_common = all(prompt.startswith(shortest) for prompt in prompts)
        return passage(shortest) if shortest and is_common else None

    def _exchange(self, name: str, number: int) -> Exchange:
        answers: list[Answer] = []
        user: Passage | None = None
        tools: tuple[Passage, ...] = ()
        first_with: dict[str, str] = {}
        for strategy in self._strategies:
            rows = self._turns.get((name, strategy), [])
            row = next((each for each in rows if each["turn"] == number), None)
            if row is None:
                continue
            before = next((each["tier"] for each in rows if each["turn"] == number - 1), None)
            calls = self._calls.get((name, strategy, number), [])
            if user is None and calls:
                user, tools = self._asked(calls[-1], row["memory"])
            same_as = first_with.get(row["answer"]) if row["answer"] else None
            if row["answer"]:
                first_with.setdefault(row["answer"], strategy)
            answers.append(self._answer(name, strategy, row, before, calls, same_as))
        return Exchange(number, user, tools, tuple(answers))

    def _asked(self, call: Mapping[str, Json], memory: str | None) -> tuple[Passage | None, tuple[Passage, ...]]:
        """The user's message of a call without the memory it carried, and what tools added after it."""
        messages = [self._messages[each] for each in call["messages"]]
        places = [index for index, message in enumerate(messages) if message["role"] == "user"]
        if not places:
            return None, ()
        content = messages[places[-1]]["content"]
        if memory is not None:
            content = content.removesuffix(blocks.with_memory("", memory))
        added = [f"{each['role']}: {each['content']}{each['extra'] or ''}" for each in messages[places[-1] + 1 :]]
        return passage(content), tuple(passage(each) for each in added)

    def _answer(
        self,
        name: str,
        strategy: str,
        row: Mapping[str, Json],
        before: str | None,
        calls: Sequence[Mapping[str, Json]],
        same_as: str | None,
    ) -> Answer:
        whole = self._messages[row["answer"]]["content"] if row["answer"] else None
        verdicts = self._verdicts.get((name, strategy, row["turn"]), [])
        return Answer(
            strategy=one_line(strategy),
            tier=one_line(row["tier"]),
            tier_index=self._tiers.get(row["tier"], 0) % 6,
            came_from=one_line(before or "?") if row["switched"] else None,
            guide=row["guide"] and strategy in self._scaffolded,
            escalated=row["escalated"],
            opened=row["opened"],
            reason=one_line(row["reason"]),
            fired=tuple({key: one_line(str(value)) for key, value in each.items()} for each in _fired(row["fired"])),
            memory=passage(row["memory"]) if row["memory"] else None,
            frame=_frame(whole) if whole else None,
            text=passage(blocks.visible(whole)) if whole is not None else None,
            same_as=one_line(same_as) if same_as else None,
            failure=one_line(row["failure"]) if row["failure"] else None,
            grades=grades(verdicts),
            remarks=remarks(verdicts),
            extra_calls=tuple(f"{c['purpose']} by {one_line(c['tier'])}" for c in calls if c["purpose"] != "answer"),
            usd_warm=sum(call["usd_warm"] for call in calls) if calls else None,
            wait_s=row["wait_s"],
            wait_origin=row["wait_origin"],
        )


def _frame(answer: str) -> Passage | None:
    """The frame of an answer; the whole answer where its frame has no known part, so that nothing is lost."""
    if blocks.visible(answer) == answer:
        return None
    parts = [f"{name}: {text}" for name, text in blocks.frame_parts(answer).items()]
    return passage("\n".join(parts) or answer)


def grades(verdicts: Sequence[Mapping[str, Json]]) -> tuple[Grade, ...]:
    """What was graded as met or not at a turn, what is not met first."""
    kinds = {"active_constraint": "constraint", "output_contract": "format", "alignment_at_1": "opening",
             "alignment_at_2": "opening"}  # fmt: skip
    found = [
        Grade(
            name=one_line(row["target"]),
            kind=kinds.get(str(row["metric"]), str(row["metric"])),
            outcome=_outcome(row["value"]),
            reason="" if row["reason"] in PLAIN_REASONS else one_line(row["reason"]),
            critical=row["critical"],
        )
        for row in verdicts
        if row["metric"] in QUALITY or row["metric"] in kinds
    ]
    rank = ("not met", "unscored", "met")
    return tuple(sorted(found, key=lambda grade: rank.index(grade.outcome) if grade.outcome in rank else 0))


def _outcome(value: float | None) -> str:
    if value is None:
        return "unscored"
    return "met" if value >= 1.0 else "not met" if value <= 0.0 else f"{value:.0%} met"


def remarks(verdicts: Sequence[Mapping[str, Json]]) -> tuple[str, ...]:
    """What else the graders found in an answer: unsupported specifics and self-corrections."""
    found = []
    for row in verdicts:
        if row["metric"] == "supported_specifics" and row["value"] is not None and row["value"] < 1.0:
            found.append(one_line(row["reason"])[:400])
        if row["metric"] == "self_correction" and row["value"]:
            found.append("self-correction, " + one_line(row["reason"])[:400])
    return tuple(found)


def _fired(text: str | None) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text) if text else []
    return found


def _rows_of(
    table: Any, names: Sequence[str], strategies: Sequence[str], without: Sequence[str] = ()
) -> list[dict[str, Json]]:
    import pyarrow.compute as pc

    chosen = pc.and_(_among(table["conversation"], names), _among(table["strategy"], strategies))
    rows: list[dict[str, Json]] = table.drop_columns(list(without)).filter(chosen).to_pylist()
    first = min((row["sample"] for row in rows), default=0)
    return [row for row in rows if row["sample"] == first]


def _messages(table: Any, ids: set[str]) -> dict[str, dict[str, Json]]:
    return {row["id"]: row for row in table.filter(_among(table["id"], ids)).to_pylist()}


def _among(texts: Any, wanted: Iterable[str]) -> Any:
    import pyarrow.compute as pc

    return pc.is_in(texts, value_set=column("string", sorted(wanted)))
