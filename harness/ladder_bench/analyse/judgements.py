"""Judgements: what judges said, row by row, becomes criteria, each with every judge's word on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladder_bench import folder
from ladder_bench.judge.majority import majority

READ = (
    "conversation", "strategy", "sample", "rubric", "metric", "target", "turn", "judge", "repeat", "outcome", "value",
    "key", "repaired",
)  # fmt: skip
DISAGREE = "judges_disagree"  # why a criterion is unscored on which several judges told, and no majority agrees
Place = tuple[str, str, int, str, str, str, int | None]


@dataclass(frozen=True, slots=True)
class Said:
    """A judge's word on a criterion; `value` is None where it could not tell or could not be read."""

    judge: str
    repeat: int
    outcome: str
    value: float | None
    key: str
    repaired: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """One criterion of one transcript, with what was said of it: `counted` by each judge once, `said` repeats too.

    `unscored`: why it has no value, None where it has one.
    """

    conversation: str
    strategy: str
    sample: int
    rubric: str
    metric: str
    target: str
    turn: int | None
    said: tuple[Said, ...]
    counted: tuple[Said, ...] = field(init=False, compare=False)
    unscored: str | None = field(init=False, compare=False)

    def __post_init__(self) -> None:
        counted = tuple(each for each in self.said if each.repeat == 0)
        object.__setattr__(self, "counted", counted)  # once, since every table of a report asks
        object.__setattr__(self, "unscored", _unscored(counted))

    @property
    def place(self) -> Place:
        """Where its verdict stands in the table of verdicts."""
        return self.conversation, self.strategy, self.sample, self.rubric, self.metric, self.target, self.turn

    @property
    def value(self) -> float | None:
        return self.without(frozenset())

    def without(self, judges: frozenset[str]) -> float | None:
        """Its value by the majority of the other judges; None where they say none."""
        return majority([each.value for each in self.counted if each.judge not in judges])

    @property
    def repaired(self) -> bool:
        return any(each.repaired for each in self.counted)


def _unscored(counted: Sequence[Said]) -> str | None:
    values = [each.value for each in counted]
    if majority(values) is not None or not counted:
        return None
    if any(value is not None for value in values):
        return DISAGREE
    return Counter(each.outcome for each in counted).most_common(1)[0][0]


def judged(tables: Mapping[str, Any]) -> list[Judged]:
    """Every criterion that a judge was asked about, in the order of the table; none where nobody was."""
    table = tables.get("judgements")
    if table is None or not table.num_rows:
        return []
    found: dict[Place, list[Said]] = {}
    for row in folder.rows_of(table.select(READ)):
        place = tuple(row[name] for name in READ[:7])
        said = Said(row["judge"], row["repeat"], row["outcome"], row["value"], row["key"], row["repaired"])
        found.setdefault(place, []).append(said)
    return [each for each in (Judged(*place, tuple(said)) for place, said in found.items()) if each.counted]


def distinct(found: Iterable[Judged]) -> Iterator[Judged]:
    """Each of them once where strategies share the answer, and so the judges' replies to it."""
    seen: set[tuple[Any, ...]] = set()
    for each in found:
        keys = tuple(said.key for said in each.said)
        lived = () if all(keys) else (each.strategy, each.sample)
        what = (each.conversation, *lived, *each.place[3:], keys)
        if what not in seen:
            seen.add(what)
            yield each


def judges(about: Mapping[str, Any], found: Sequence[Judged]) -> dict[str, str | None]:
    """The judges that were asked, each with its model where the run knows it, in the run's order."""
    asked = {said.judge for each in found for said in each.said}
    known: dict[str, str | None] = {tier["name"]: tier["model"] for tier in about.get("judges") or ()}
    known |= dict.fromkeys(sorted(asked - set(known)))
    return {name: model for name, model in known.items() if name in asked}
