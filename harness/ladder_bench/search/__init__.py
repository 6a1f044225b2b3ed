"""The search: the best ladder of a family, chosen on some conversations and reported on others.

Pure: no call is made, all is put together from the grades of single tiers. `search` gives plain values, which are also
its JSON. What a forced run cannot show, that good framing helps later turns, and what a memory buys, a rollout has to
confirm (`experiment.confirming`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.against import MARGIN
from ladder_bench.analyse.metrics import UNRESOLVED_TIMES
from ladder_bench.domain import Json, Ladder
from ladder_bench.errors import InputError
from ladder_bench.search import oracle, remarks
from ladder_bench.search.choosing import Goal, Objective, Ranked, parts_of, rank, without
from ladder_bench.search.family import Family, family
from ladder_bench.search.grades import Grades, Whole
from ladder_bench.search.reading import Read
from ladder_bench.search.results import Values, apart, joined, told
from ladder_bench.search.screening import Moments, of_strategy, screen, together
from ladder_bench.search.segments import by_tag
from ladder_bench.search.written import yaml_of

__all__ = ["TRIGGERS", "Found", "Options", "search"]

SCHEMA = 1
TRIGGERS = ("goal_change", "constraint_conflict", "high_stakes", "deep_work")  # 16 sets
RUNNERS_UP = 5


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may declare. `switches_by`: the last turn after which a ladder may step down.

    `cross_fit`: in how many parts, each reported by what the others choose; None chooses on one half and reports on the
    other. `unresolved_usd`: what an unresolved conversation costs, None for ten conversations on the strongest tier.
    `best`: how many of the screen's best are worth a confirmation.
    """

    switches_by: int | None = None
    objective: Objective = "cheapest"
    margin: float = MARGIN
    cross_fit: int | None = None
    by_tag: bool = False
    unresolved_usd: float | None = None
    best: int = 3


@dataclass(frozen=True)
class Found:
    """What a search found: its JSON, the ladders that deserve a confirmation, and the conversations that chose none
    of them.
    """

    result: dict[str, Json]
    best: tuple[Ladder, ...]
    held_out: tuple[str, ...]


def search(read: Read, about: Json, options: Options) -> Found:
    """Search a family. Raises InputError where conversations are too few to choose on some and report on others."""
    return _Search(read, about, options).found()


class _Search:
    """One search: the parts, what each of the others chooses, and what is reported where."""

    def __init__(self, read: Read, about: Json, options: Options) -> None:
        self._read, self._about, self._options = read, about, options
        grades = self._grades = read.grades
        self._family = family(grades.tiers, grades.triggers, grades.longest, options.switches_by)
        self._goal = Goal(options.objective, options.margin, _unresolved_usd(grades, about, options))
        self._parts = options.cross_fit or 2
        self._part = parts_of(grades.ids, self._parts)
        self._sizes = np.bincount(self._part, minlength=self._parts).tolist()
        if self._sizes[0] == 0 or sum(size > 0 for size in self._sizes) < 2:
            graded = f"{len(grades)} graded conversation{'s' * (len(grades) != 1)}"
            raise InputError(
                f"{graded}, in parts of {', '.join(map(str, self._sizes))}: too few to choose on some and report on "
                "others; add conversations, from some 40 on there are intervals"
            )
        self._moments = screen(grades, self._family, self._part, self._parts)
        reported = range(self._parts if options.cross_fit else 1)
        self._picks = {each: self._rank(without(self._moments, each)) for each in reported if self._sizes[each]}
        self._naive = self._rank(together(self._moments))
        self._chosen = (self._naive if options.cross_fit else self._picks[0]).order[0]

    def found(self) -> Found:
        first = without(self._moments, 0)
        worth = dict.fromkeys([self._chosen, *_distinct(self._picks[0], first, self._options.best)])
        result = self._result()
        result["remarks"] = list(remarks.remarks(result, self._read, self._picks[0].shown))
        held_out = tuple(self._grades.ids[row] for row in np.flatnonzero(self._part == 0))
        return Found(result, tuple(map(self._family.ladder, worth)), held_out)

    def _result(self) -> dict[str, Json]:
        about, options, grades, members, goal = self._about, self._options, self._grades, self._family, self._goal
        rows = {each: np.flatnonzero(self._part == each) for each in self._picks}
        held_out = joined([self._values(rows[each], ranked.order[0]) for each, ranked in self._picks.items()])
        seen = np.concatenate(list(rows.values()))
        others = self._values(np.flatnonzero(self._part != 0), self._picks[0].order[0])
        naive = self._values(np.arange(len(grades)), self._naive.order[0])
        return {
            "schema": SCHEMA,
            "dataset": about["dataset"]["name"],
            "simulated": [tier["name"] for tier in about["tiers"] if tier["model"].startswith("simulated/")],
            "conversations": len(grades),
            "turns": int(grades.turns.sum()),
            "incomplete": about.get("incomplete") is not None,
            "left_out": dict(self._read.left_out),
            "ungraded_turns": self._read.ungraded,
            "family": _family(members, grades),
            "goal": asdict(goal),
            "unresolved_declared": _declared(about, options) is not None,
            "parts": {"count": self._parts, "sizes": self._sizes, "cross_fitted": options.cross_fit is not None},
            "top": members.name(0),
            "chosen": {"name": members.name(self._chosen), "yaml": yaml_of(members.ladder(self._chosen))},
            "chosen_without": {str(each): members.name(ranked.order[0]) for each, ranked in self._picks.items()},
            "singles": [
                {"name": name, **told(self._values(seen, members.single(index)), goal.unresolved_usd)}
                for index, name in enumerate(members.tiers)
            ],
            "screened": told(others, goal.unresolved_usd),
            "held_out": told(held_out, goal.unresolved_usd),
            "naive": {"name": members.name(self._naive.order[0]), **told(naive, goal.unresolved_usd)},
            "flattery": _flattery(others, held_out, naive.of(seen), options),
            "best": _best(self._picks[0], members, without(self._moments, 0)),
            "oracle": _oracle(grades.of(seen), held_out, goal),
            "by_tag": by_tag(grades, members, goal, self._moments) if options.by_tag else None,
            "confirmation": None,
            "remarks": [],
        }  # fmt: skip

    def _rank(self, moments: Moments) -> Ranked:
        return rank(moments, self._goal, self._family.complexity)

    def _values(self, rows: Whole, strategy: int) -> Values:
        grades = self._grades.of(rows)
        quality, usd = of_strategy(grades, self._family, strategy)
        return Values(quality, usd, grades.quality[..., 0].sum(axis=1), grades.usd[..., 0].sum(axis=1))


def _declared(about: Json, options: Options) -> float | None:
    """What an unresolved conversation is declared to cost, here or in the run's matrix."""
    found: float | None = options.unresolved_usd
    return about["config"]["unresolved_cost_usd"] if found is None else found


def _unresolved_usd(grades: Grades, about: Json, options: Options) -> float:
    declared = _declared(about, options)
    if declared is not None:
        return float(declared)
    return UNRESOLVED_TIMES * float(grades.usd[..., 0].sum(axis=1).mean())


def _family(members: Family, grades: Grades) -> dict[str, Json]:
    turns = int((grades.usd > 0).any(axis=2).sum())
    return {
        "tiers": list(members.tiers),
        "ladders": len(members.paths),
        "trigger_sets": len(members.trigger_sets),
        "strategies": len(members),
        "switches_by": members.switches_by,
        "longest": members.turns,
        "triggers": {
            name: {
                "on_messages": int(grades.message[..., place].sum()),
                "on_answers": {
                    tier: int(grades.answer[:, :, index, place].sum())
                    for index, tier in enumerate(members.tiers)
                    if index
                },
            }
            for place, name in enumerate(members.triggers)
        },
        "turns": turns,
    }


def _flattery(others: Values, held_out: Values, naive: Values, options: Options) -> dict[str, Json]:
    """How much better a choice looks where it was made: quality in gain over the strongest tier, and cost in dollars.

    A split: the same ladder on the conversations that chose it, and on the others. Cross-fitted: what choosing and
    reporting on the same conversations claims, and what choosing on others gives, conversation by conversation.
    """
    if options.cross_fit is None:
        gain = apart(others.gain, held_out.gain)
    else:
        gain = estimates.mean(estimates.difference(naive.gain, held_out.gain))
    return {"quality_gain": asdict(gain)}


def _distinct(ranked: Ranked, moments: Moments, most: int) -> list[int]:
    """The best strategies that differ in quality here: a trigger that saves nothing makes no other strategy."""
    quality, _ = moments.means()
    found: list[int] = []
    for each in ranked.order:
        if len(found) == most:
            break
        if not np.isclose(quality[each], quality[found], rtol=1e-9, atol=0).any():
            found.append(each)
    return found


def _best(ranked: Ranked, members: Family, moments: Moments) -> list[dict[str, Json]]:
    """The screen's best, as the conversations have them that chose: not what to expect of them."""
    quality, usd = moments.means()
    return [
        {"name": members.name(each), "quality": float(quality[each]), "cost_usd_warm": float(usd[each])}
        for each in _distinct(ranked, moments, RUNNERS_UP)
    ]


def _oracle(grades: Grades, held_out: Values, goal: Goal) -> dict[str, Json]:
    rate = 1 / goal.unresolved_usd if goal.unresolved_usd > 0 else 0.0
    found: dict[str, Json] = {"rate": rate}
    for name, monotone in (("any", False), ("step_down", True)):
        gap = oracle.gap(grades, held_out.quality, held_out.usd, rate, monotone)
        found[name] = asdict(gap)
    return found
