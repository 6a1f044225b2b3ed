"""Blocking: the tests of a policy and its slices, one family, and what stands beside quality per dollar."""

from __future__ import annotations

from collections.abc import Mapping
from math import log

from ladder_bench.analyse.decisions import Decided, Test, decide
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.turns import Flags
from ladder_bench.domain import Json
from ladder_bench.gating import few, rare, rows
from ladder_bench.gating.pair import Pair
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.sides.side import Baseline

TITLES = {"qpd": "quality per dollar", "quality": "quality", "harm": "unsupported claims a turn"}
SCALES = {"qpd": rows.CHANGE, "quality": rows.POINTS, "harm": rows.CLAIMS}
UNKNOWN = "no conversation has a value on both sides"
NOTHING = "the run resolves nothing, so its quality per dollar is 0"
SLICE = "slice "


def blocking(
    pair: Pair, policy: PolicyShape, slices: Mapping[str, Flags]
) -> tuple[list[Decided], list[dict[str, Json]]]:
    """The tests as decided together (Holm), and a row each: quality per dollar first, slices last.

    Quality per dollar of a run that resolves nothing fails without a number: 0 has no logarithm.
    """
    youden = policy.judge.youden if policy.judge else 1.0
    shown = {**policy.margins.model_dump(), "quality": policy.margins.quality * youden}
    shown |= {SLICE + each.tag: each.margin * youden for each in policy.limits.slices}
    built, found = [], {}
    for name in (*policy.tests, *(SLICE + tag for tag in (each.tag for each in policy.limits.slices))):
        effect = _effect(pair, name, slices)
        if effect is None and name == "qpd":
            found[name] = rows.bare(name, "fail", "change", shown[name], len(pair.run.conversations), NOTHING)
        elif effect is None:
            found[name] = rows.bare(name, "inconclusive", "points", shown[name], 0, UNKNOWN)
        else:
            margin = -log(1 - shown[name]) if name == "qpd" else shown[name]
            built.append(Test(name, effect, margin, skewed=name == "harm"))
    decided, why = decide(built), {}
    for place, each in enumerate(decided):
        name, reason = each.test.name, None
        if name == "qpd":
            decided[place], reason = rare.careful(pair, each)
        if name != "harm" and reason is None:
            among = slices[name.removeprefix(SLICE)] if name.startswith(SLICE) else None
            cell = "resolved" if name == "qpd" else "quality"
            decided[place], reason = few.careful(pair, decided[place], cell, among)
        why[name] = reason
    for each in decided:
        scale = SCALES.get(each.test.name, rows.POINTS)
        found[each.test.name] = rows.row(each, scale, shown[each.test.name], why.get(each.test.name))
    for name, row in found.items():
        row["title"] = TITLES.get(name, name)
        if pair.inference == "suite":
            row["needed_n"] = None  # more conversations say nothing of these
    return decided, [found[name] for name in shown if name in found]


def _effect(pair: Pair, name: str, slices: Mapping[str, Flags]) -> Effect | None:
    """The effect of a test; None where there is none: quality per dollar of nothing, or a slice without a value."""
    try:
        if name in ("quality", "harm", "qpd"):
            return {"quality": pair.quality, "harm": pair.harm, "qpd": pair.qpd}[name]()
        return pair.quality(slices[name.removeprefix(SLICE)])
    except ValueError:
        return None


def money(pair: Pair, baseline: Baseline, policy: PolicyShape) -> dict[str, Json]:
    """Both sides of quality per dollar, and the difference in dollars a conversation, which adds up over segments."""
    if "qpd" not in policy.tests:
        return {}
    new, old = pair.alone(0), pair.alone(1)
    return {
        "resolved": {"run": new[0], "baseline": old[0], "difference": pair.estimate(pair.resolved())},
        "cost_usd_warm": {"run": new[1], "baseline": old[1], "difference": pair.estimate(pair.cost())},
        "qpd": {"run": new[2], "baseline": old[2]},
        "effective_usd": pair.estimate(pair.dollars()),
        "unresolved_cost_usd": pair.unresolved_usd,
        "unresolved_cost_declared": baseline.declared,
        "usd_per_point_resolved": pair.unresolved_usd / 100,
    }
