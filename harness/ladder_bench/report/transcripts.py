"""Transcripts: the conversations that say most, as several strategies lived them, side by side."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ladder_bench import blocks
from ladder_bench.analyse.purposes import EVALUATION
from ladder_bench.analyse.resolution import RECORDED_OUTCOME
from ladder_bench.domain import Json
from ladder_bench.folder import Run, column, having, rows_of
from ladder_bench.report.criteria import Criteria
from ladder_bench.report.grades import Grade, grades, opinions, remarks
from ladder_bench.report.marks import is_plain_single
from ladder_bench.report.qualities import Qualities, qualities
from ladder_bench.report.text import dollars, one_line, shown

CONVERSATIONS = 12
ANSWERS = ("answer", "discarded")  # purposes of calls with the dataset's system prompt
LONGEST = 8_000  # characters of one text; longer ones are cut, and say so


@dataclass(frozen=True, slots=True)
class Passage:
    """A text as it is shown; `cut` counts the characters that were left out."""

    text: str
    cut: int = 0


@dataclass(frozen=True, slots=True)
class Extra:
    """A call of a turn beside its answer; `text` is what a discarded one would have said."""

    what: str
    text: Passage | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One strategy's turn. Texts are None where there is none; `same_as` names a strategy with the same answer.

    `user` is what the user said to this strategy, where strategies heard different things; `step` is the recorded turn
    that it is about, where that is another one. `confidence` is what the answer says of itself, which no user sees.
    """

    strategy: str
    user: Passage | None
    step: int | None
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
    opinions: tuple[Grade, ...]
    remarks: tuple[str, ...]
    confidence: str | None
    notes: tuple[str, ...]
    extras: tuple[Extra, ...]
    usd_warm: float | None
    wait_s: float | None
    wait_origin: str | None


@dataclass(frozen=True, slots=True)
class Exchange:
    """A turn: what the user said, tools, and every shown strategy's answer.

    `user` is None where nothing recorded it, and where `heard` says that strategies heard different things.
    """

    number: int
    user: Passage | None
    heard: bool
    tools: tuple[Passage, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Lived:
    """A conversation as one strategy lived it: its quality, its turns, and how a simulated user left it.

    `opinions`: what judges said of it as a whole; `outcome`: what its log says of it.
    """

    strategy: str
    quality: float | None
    turns: int
    ended: str | None
    opinions: tuple[Grade, ...]
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A conversation as strategies lived it, and the largest difference in quality between them."""

    id: str
    system: Passage | None
    lives: tuple[Lived, ...]
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
    """Conversations with the largest difference in quality between the strategies first; in their order without one.

    Imported transcripts that nobody graded go by what their log says was resolved.
    """
    names: list[str] = run.about["dataset"]["conversations"]
    found = qualities(run, strategies, None) or _outcomes(run, strategies)
    spread = {name: _spread([found.get((name, each)) for each in strategies]) for name in names}
    order = sorted(range(len(names)), key=lambda index: (-(spread[names[index]] or 0.0), index))
    return [(names[index], spread[names[index]]) for index in order]


def collect(run: Run, names: Sequence[str], strategies: Sequence[str]) -> list[Shown]:
    """The named conversations as the strategies lived them. Reads only their rows."""
    rows = _Rows(run, names, strategies)
    found = qualities(run, strategies, names)
    return [rows.conversation(name, found) for name in names]


def _spread(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return max(known) - min(known) if len(known) > 1 else None


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
        self._whole: dict[tuple[str, str], list[dict[str, Json]]] = defaultdict(list)
        for row in _rows_of(run.tables["verdicts"], names, strategies):
            if row["turn"] is None:
                self._whole[row["conversation"], row["strategy"]].append(row)
            else:
                self._verdicts[row["conversation"], row["strategy"], row["turn"]].append(row)
        self._messages = _messages(run.tables["messages"], self._ids())
        self._criteria = Criteria(run, names)

    def _ids(self) -> set[str]:
        ids = {
            row[name] for rows in self._turns.values() for row in rows for name in ("answer", "user") if row.get(name)
        }
        for calls in self._calls.values():
            for call in calls:
                ids.update(call["messages"])
                if call["purpose"] == "discarded":
                    ids.add(call["answer"])
        return ids

    def conversation(self, name: str, values: Qualities) -> Shown:
        lived = {each: self._turns.get((name, each), []) for each in self._strategies}
        numbers = sorted({row["turn"] for rows in lived.values() for row in rows})
        found = tuple(
            Lived(
                one_line(each),
                values.get((name, each)),
                len(rows),
                _ended(rows),
                opinions(self._whole.get((name, each), ()), lambda verdict: self._criteria.words(verdict, 0)),
                _outcome(self._whole.get((name, each), ())),
            )
            for each, rows in lived.items()
        )
        return Shown(
            id=name,
            system=self._system(name),
            lives=found,
            difference=_spread([each.quality for each in found]),
            exchanges=tuple(self._exchange(name, number) for number in numbers),
        )

    def _system(self, name: str) -> Passage | None:
        """The dataset's system prompt: the shortest one that answers had, as prompts are only ever added to it."""
        prompts = []
        for strategy in self._strategies:
            for row in self._turns.get((name, strategy), []):
                for call in self._calls.get((name, strategy, row["turn"]), []):
                    if call["purpose"] not in ANSWERS:  # a detector, a writer of memory, a player has its own prompt
                        continue
                    first = self._messages[call["messages"][0]] if call["messages"] else None
                    prompts.append(first["content"] if first and first["role"] == "system" else "")
        shortest = min(prompts, key=len, default="")
        is_common = all(prompt.startswith(shortest) for prompt in prompts)
        return passage(shortest) if shortest and is_common else None

    def _exchange(self, name: str, number: int) -> Exchange:
        """The turn of that number in every strategy that lived so long."""
        rows = {}
        for strategy in self._strategies:
            for row in self._turns.get((name, strategy), []):
                if row["turn"] == number:
                    rows[strategy] = row
        heard = {strategy: self._heard(name, strategy, row) for strategy, row in rows.items()}
        differ = len({user for user, _ in heard.values()}) > 1
        first_with: dict[str, str] = {}
        answers = []
        for strategy, row in rows.items():
            same_as = first_with.get(row["answer"]) if row["answer"] else None
            if row["answer"]:
                first_with.setdefault(row["answer"], strategy)
            answers.append(self._answer(name, strategy, row, heard[strategy][0] if differ else None, same_as))
        user, tools = next(iter(heard.values()))
        return Exchange(number, None if differ else user, differ, tools, tuple(answers))

    def _heard(self, name: str, strategy: str, row: Mapping[str, Json]) -> tuple[Passage | None, tuple[Passage, ...]]:
        """What the user said to a strategy at a turn, and what tools added after it."""
        asked = [call for call in self._calls.get((name, strategy, row["turn"]), []) if call["purpose"] in ANSWERS]
        user, tools = self._asked(asked[-1], row["memory"]) if asked else (None, ())
        if said := self._messages.get(row.get("user") or ""):
            user = passage(said["content"])
        return user, tools

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
        self, name: str, strategy: str, row: Mapping[str, Json], user: Passage | None, same_as: str | None
    ) -> Answer:
        rows = self._turns[name, strategy]
        before = next((each["tier"] for each in rows if each["turn"] == row["turn"] - 1), None)
        calls = [
            call for call in self._calls.get((name, strategy, row["turn"]), []) if call["purpose"] not in EVALUATION
        ]
        whole = self._messages[row["answer"]]["content"] if row["answer"] else None
        verdicts = self._verdicts.get((name, strategy, row["turn"]), [])
        step = row["turn"] if row.get("step") is None else row["step"]

        def told(verdict: Mapping[str, Json]) -> str:
            return self._criteria.words(verdict, step)

        return Answer(
            strategy=one_line(strategy),
            user=user,
            step=None if step == row["turn"] else step,
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
            grades=grades(verdicts, told),
            opinions=opinions(verdicts, told),
            remarks=remarks(verdicts),
            confidence=blocks.confidence_in(whole) if whole else None,
            notes=tuple(one_line(note) for note in row.get("notes") or ()),
            extras=tuple(self._extra(call) for call in calls if call["purpose"] != "answer"),
            usd_warm=_usd(calls),
            wait_s=row["wait_s"],
            wait_origin=row["wait_origin"],
        )

    def _extra(self, call: Mapping[str, Json]) -> Extra:
        tier, usd = one_line(call["tier"]), dollars(call["usd_warm"])
        if call["purpose"] != "discarded":
            return Extra(f"{call['purpose']} by {tier} ({usd})", None)
        said = self._messages[call["answer"]]["content"]
        return Extra(f"discarded answer of {tier}, paid ({usd})", passage(said))


def _outcomes(run: Run, strategies: Sequence[str]) -> Qualities:
    """By conversation and strategy whether the log says that the first sample was resolved."""
    found: Qualities = {}
    for row in rows_of(having(run.tables["verdicts"], "target", [RECORDED_OUTCOME])):
        if row["strategy"] in strategies and row["value"] is not None:
            found.setdefault((row["conversation"], row["strategy"]), row["value"])
    return found


def _outcome(verdicts: Sequence[Mapping[str, Json]]) -> str | None:
    """What the log of an imported transcript says of it."""
    return next((each["reason"] for each in verdicts if each["target"] == RECORDED_OUTCOME), None)


def _usd(calls: Sequence[Mapping[str, Json]]) -> float | None:
    """Warm dollars of a turn, None where nobody knows those of one of its calls."""
    found = [call["usd_warm"] for call in calls]
    return None if None in found or not found else sum(found)


def _ended(rows: Sequence[Mapping[str, Json]]) -> str | None:
    """How a simulated user left; the same on every row."""
    return next((one_line(row["ended"]) for row in rows if row.get("ended")), None)


def _frame(answer: str) -> Passage | None:
    """The frame of an answer; the whole answer where its frame has no known part, so that nothing is lost."""
    parts = [f"{name}: {text}" for name, text in blocks.frame_parts(answer).items()]
    if parts:
        return passage("\n".join(parts))
    is_left_out = blocks.FRAME_OPEN in answer and blocks.FRAME_OPEN not in blocks.visible(answer)
    return passage(answer) if is_left_out else None


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
