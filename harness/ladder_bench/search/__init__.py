"""The search: the best ladder of a family, from the grades of single tiers, chosen and reported on different
conversations.

Pure: no call is made. `search` gives plain values, which are also its JSON. What a forced run can not show, that good
framing helps later turns, and what a memory buys, a rollout has to confirm (`experiment.confirming`).
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
from ladder_bench.search.grades import Grades
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
    grades = read.grades
    members = family(grades.tiers, grades.triggers, grades.longest, options.switches_by)
    count = options.cross_fit or 2
    part = parts_of(grades.ids, count)
    sizes = np.bincount(part, minlength=count).tolist()
    if sizes[0] == 0 or sum(size > 0 for size in sizes) < 2:
        raise InputError(
            f"{len(grades)} graded conversation{'s' * (len(grades) != 1)}, in parts of {', '.join(map(str, sizes))}: "
            "too few to choose on some and report on others; add conversations, from some 40 on there are intervals"
        )
    whole = screen(grades, members, part, count)
    goal = Goal(options.objective, options.margin, _unresolved_usd(grades, about, options))
    picks = {each: rank(without(whole, each), goal, members.complexity) for each in range(count) if sizes[each]}
    naive = rank(together(whole), goal, members.complexity)
    if options.cross_fit is None:
        picks = {0: picks[0]}
        chosen = picks[0]
    else:
        chosen = naive
    rows = {each: np.flatnonzero(part == each) for each in picks}
    reported = {each: _values(grades.of(rows[each]), members, ranked.order[0]) for each, ranked in picks.items()}
    held_out = joined(list(reported.values()))
    seen = np.concatenate(list(rows.values()))
    everywhere = _values(grades, members, naive.order[0])
    others = _values(grades.of(np.flatnonzero(part != 0)), members, picks[0].order[0])
    result: dict[str, Json] = {
        "schema": SCHEMA,
        "dataset": about["dataset"]["name"],
        "simulated": [tier["name"] for tier in about["tiers"] if tier["model"].startswith("simulated/")],
        "conversations": len(grades),
        "turns": int(grades.turns.sum()),
        "left_out": dict(read.left_out),
        "ungraded_turns": read.ungraded,
        "family": _family(members, grades),
        "goal": asdict(goal),
        "unresolved_declared": options.unresolved_usd is not None or about["config"]["unresolved_cost_usd"] is not None,
        "parts": {"count": count, "sizes": sizes, "cross_fitted": options.cross_fit is not None},
        "top": members.name(0),
        "chosen": {"name": members.name(chosen.order[0]), "yaml": yaml_of(members.ladder(chosen.order[0]))},
        "chosen_without": {str(each): members.name(ranked.order[0]) for each, ranked in picks.items()},
        "singles": _singles(grades.of(seen), members, goal),
        "screened": told(others, goal.unresolved_usd),
        "held_out": told(held_out, goal.unresolved_usd),
        "naive": {"name": members.name(naive.order[0]), **told(everywhere, goal.unresolved_usd)},
        "flattery": _flattery(others, held_out, everywhere.of(seen), options),
        "best": _best(picks[0], members, without(whole, 0)),
        "oracle": _oracle(grades.of(seen), held_out, goal),
        "by_tag": by_tag(grades, members, goal, whole) if options.by_tag else None,
        "confirmation": None,
        "remarks": [],
    }  # fmt: skip
    result["remarks"] = list(remarks.remarks(result, read, picks[0].shown))
    worth = dict.fromkeys([chosen.order[0], *_distinct(picks[0], without(whole, 0), options.best)])
    return Found(result, tuple(map(members.ladder, worth)), tuple(grades.ids[row] for row in rows[0]))


def _unresolved_usd(grades: Grades, about: Json, options: Options) -> float:
    declared = about["config"]["unresolved_cost_usd"] if options.unresolved_usd is None else options.unresolved_usd
    if declared is not None:
        return float(declared)
    return UNRESOLVED_TIMES * float(grades.usd[..., 0].sum(axis=1).mean())


def _values(grades: Grades, members: Family, strategy: int) -> Values:
    quality, usd = of_strategy(grades, members, strategy)
    return Values(quality, usd, grades.quality[..., 0].sum(axis=1), grades.usd[..., 0].sum(axis=1))


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


def _singles(grades: Grades, members: Family, goal: Goal) -> list[dict[str, Json]]:
    found = []
    for index, name in enumerate(members.tiers):
        found.append({"name": name, **told(_values(grades, members, members.single(index)), goal.unresolved_usd)})
    return found


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
