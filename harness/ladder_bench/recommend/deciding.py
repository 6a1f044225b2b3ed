"""Deciding: from a run and a policy to the cheapest strategy that holds, and all that is said about the others.

Pure: it reads a run's tables and makes no call. `recommend` gives plain values, which are also its JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from ladder_bench.analyse import effects, estimates, measured
from ladder_bench.analyse.judgements import judged
from ladder_bench.analyse.measured import Measured
from ladder_bench.analyse.preference import stands_in
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.domain import Json
from ladder_bench.errors import InputError
from ladder_bench.folder import Run
from ladder_bench.recommend import choosing, crossfit
from ladder_bench.recommend.choosing import Candidate
from ladder_bench.recommend.constraints import MOST_NEEDED, Judged
from ladder_bench.recommend.evidence import Arm, Evidence, difference, evidence
from ladder_bench.recommend.policy import Policy

SCHEMA = 1


def recommend(run: Run, policy: Policy) -> dict[str, Json]:
    """Decide for a run. Raises InputError where the policy names what the run has not got, or nothing may be chosen."""
    found = _measured(run)
    read = evidence(found, policy, _identified(run.summary))
    if not choosing.eligible(read, policy):
        raise InputError(
            policy.document.problem((), "every strategy of this run is a control; 'controls: true' lets them be chosen")
        )
    unresolved = found.unresolved_usd if policy.unresolved_usd is None else policy.unresolved_usd
    tested = choosing.candidates(read, policy)
    best, naive = choosing.cheapest(tested), choosing.naive(tested)
    split = crossfit.halves(read, policy)
    choice = best.arm.name if best else None
    as_cheap = choosing.as_cheap(read, best, tested) if best else []
    rows = [_row(each, read, policy, unresolved, len(tested)) for each in tested]
    return {
        "schema": SCHEMA,
        "dataset": run.about["dataset"]["name"],
        "mode": run.about["mode"],
        "simulated": is_simulated(run.about),
        "banners": list(run.summary["banners"]),
        "base": read.base,
        "conversations": len(read.ids),
        "units": "conversations" if read.owners is None else "clusters",
        "clusters": None if read.owners is None else read.units,
        "policy": _policy(policy, read, unresolved),
        "outcome": choosing.outcome(tested),
        "choice": choice,
        "as_cheap": as_cheap,
        "cheaper_undecided": _cheaper_undecided(best, tested),
        "cheapest_effective": _cheapest_effective(rows),
        "strategies": rows,
        "left_out": [{"name": arm.name, "why": "a control"} for arm in read.arms.values()
                     if arm.control and not policy.controls],
        "naive": _naive(naive, read, policy),
        "cross_fitted": crossfit.report(read, policy, split, bool(as_cheap)),
        "by_segment": crossfit.by_segment(read, policy, split, choice) if policy.by_segment else None,
    }  # fmt: skip


def _measured(run: Run) -> Measured:
    over, said = stands_in(run.about, run.tables), judged(run.tables)
    return Measured(run.about, run.tables, measured.scores(run.about, run.tables, over), said, over)


def _identified(summary: Mapping[str, Any]) -> dict[str, bool | None]:
    return {name: row["identified"] for name, row in summary["validity"].get("strategies", {}).items()}


def _policy(policy: Policy, read: Evidence, unresolved: float | None) -> dict[str, Json]:
    counts = {name: read.segments.count(name) for name in policy.names}
    return {
        "file": policy.document.file,
        "conversations_per_month": policy.per_month,
        "weighted": policy.shares is not None,
        "segments": [
            {"name": name, "n": counts[name], "share": None if policy.shares is None else policy.shares.get(name, 0.0)}
            for name in policy.names
            if policy.segments and (counts[name] or name in (policy.shares or {}))
        ],
        "unresolved_cost_usd": unresolved,
        "unresolved_declared": policy.unresolved_usd is not None,
        "high_stakes_tag": policy.stakes_tag,
        "controls": policy.controls,
    }


def _cheaper_undecided(best: Candidate | None, tested: Sequence[Candidate]) -> list[str]:
    """What might be cheaper still, if more were known."""
    return [
        each.arm.name
        for each in tested
        if best is not None and each.status == "undecided" and (each.usd is None or each.usd < (best.usd or 0.0))
    ]


def _cheapest_effective(rows: Sequence[Mapping[str, Json]]) -> str | None:
    """Of what holds, the cheapest with unresolved conversations counted in; None where that is not known of all."""
    holding = [row for row in rows if row["status"] == "holds"]
    if any(row["effective_usd_month"]["value"] is None for row in holding):
        return None
    best = min(holding, key=lambda row: row["effective_usd_month"]["value"], default=None)
    return None if best is None else str(best["name"])


def _row(each: Candidate, read: Evidence, policy: Policy, unresolved: float | None, tested: int) -> dict[str, Json]:
    columns = each.arm.columns
    cost, lived = columns["cost"], columns["lived"]
    base = None if read.base is None else read.arms[read.base].columns["cost"]
    effective = (
        estimates.missing("nobody knows what an unresolved conversation costs")
        if unresolved is None
        else read.estimate(
            (columns["rate"], cost), lambda r, c, w: effects.dollars(r, c, unresolved, w), policy.per_month, lived
        )
    )
    return {
        "name": each.arm.name,
        "controls": each.arm.control,
        "status": each.status,
        "constraints": [_constraint(one) for one in each.constraints],
        "reasons": list(each.reasons) if each.status == "undecided" else [],
        "p_not_met": each.p_not_met,
        "needed_n": each.needed(tested),
        "needed_n_above": MOST_NEEDED if each.beyond(tested) else None,
        **_means(each.arm, read),
        "usd_month": asdict(estimates.amount(read.estimate((cost,), effects.mean, policy.per_month, lived))),
        "saving_usd_month": asdict(
            estimates.missing("this run has no base")
            if base is None
            else read.estimate((base, cost), difference, policy.per_month)
        ),
        "effective_usd_month": asdict(effective),
    }


def _constraint(found: Judged) -> dict[str, Json]:
    given = found.constraint
    return {
        "name": given.name,
        "kind": given.kind,
        "at_least": given.at_least,
        "limit": given.limit,
        "against": given.against,
        "outcome": found.outcome,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "unscored": found.unscored,
        "needed_n": found.needed() if found.outcome == "undecided" else None,
        "needed_n_above": MOST_NEEDED if found.outcome == "undecided" and found.beyond() else None,
        "why": found.why,
    }


def _naive(found: Candidate | None, read: Evidence, policy: Policy) -> dict[str, Json]:
    """What picking the cheapest that seems to hold would have claimed."""
    if found is None:
        nothing = asdict(estimates.missing("no strategy seems to hold every constraint"))
        return {"choice": None, "usd_month": nothing, "quality": nothing, "resolved": nothing}
    columns = found.arm.columns
    return {
        "choice": found.arm.name,
        "usd_month": asdict(read.estimate((columns["cost"],), effects.mean, policy.per_month, columns["lived"])),
        **_means(found.arm, read),
    }


def _means(arm: Arm, read: Evidence) -> dict[str, Json]:
    columns = arm.columns
    return {
        name: asdict(estimates.share(read.estimate((columns[name],), effects.mean, lived=columns["lived"])))
        for name in ("quality", "resolved")
    }
