"""Results: a calibration as JSON, which the terminal's tables are made from, too."""

from __future__ import annotations

from dataclasses import asdict

from ladder_bench.analyse.agreement import Agreement
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.calibration import scopes
from ladder_bench.calibration.believing import DECIDED, belief
from ladder_bench.calibration.calibrating import Apart, Arm, Calibration, Found
from ladder_bench.calibration.people import BetweenPeople
from ladder_bench.domain import Json

MEANING = (
    "shares of criteria met: criteria of a turn count alike, then turns, then conversations; Q also weighs criteria, "
    "and counts those that checks decided"
)


def as_json(found: Calibration) -> Json:
    """All that was found, estimates with their intervals and n."""
    said, people = belief(found), found.people
    return {
        "run": str(found.run.path),
        "simulated": is_simulated(found.run.about),
        "arms": list(found.arms),
        "judges": [each["name"] for each in found.run.about.get("judges") or ()],
        "margin": found.margin,
        "labels": {
            "labelled": people.known,
            "cannot_assess": people.cannot_assess,
            "tied": people.tied,
            "not_yet": people.not_yet,
            "of_other_strategies": found.elsewhere,
            "labellers": list(people.labellers),
        },
        "people": None if found.between is None else _between(found.between),
        "left_out": dict(found.left_out),
        "meaning": MEANING,
        "scopes": [_scope(each) for each in found.found],
        "outcome": said.outcome,
        "decided": said.outcome in DECIDED,
        "sentence": said.text,
    }


def _between(found: BetweenPeople) -> Json:
    pairs = [{"labellers": list(names), **_agreement(each)} for names, each in found.pairs]
    return {"items": found.items, "alpha": asdict(found.alpha), "pairs": pairs}


def _scope(found: Found) -> Json:
    return {
        **scopes.as_json(found.scope),
        "arms": [_arm(each) for each in found.arms],
        "both": asdict(found.both),
        "difference": None if found.apart is None else _apart(found.apart),
    }


def _arm(found: Arm) -> Json:
    return {
        "strategy": found.strategy,
        "agreement": _agreement(found.agreement),
        **asdict(found.errors),
        "judged_rate": asdict(found.judged),
        "corrected_rate": asdict(found.corrected),
        "criteria": {
            "asked": found.untold.items,
            "without_verdict": found.untold.untold,
            "labelled_without_verdict": found.untold.looked_at,
        },
    }


def _agreement(found: Agreement) -> Json:
    parts = asdict(found)
    return {**parts, "prevalence": parts["prevalence"], "met_by_judge": parts.pop("judged")}


def _apart(found: Apart) -> Json:
    whole = found.difference
    return {
        "corrected": asdict(whole.estimate),
        "people_alone": asdict(whole.people),
        "judge_alone": asdict(whole.naive),
        "judge_minus_people": asdict(found.bias),
        "lambda": whole.weight,
        "labelled_conversations": whole.labelled,
        "other_conversations": whole.unlabelled,
        "effective_labels": whole.effective,
        "errors": {**asdict(found.errors), "verdict": ERRORS[found.errors.differ]},
        "judged_margin": asdict(found.margin),
        "labels_for_half_width": asdict(found.for_width),
        "labels_for_margin": asdict(found.for_margin),
    }


ERRORS = {True: "differ", False: "not shown to differ", None: "cannot tell"}
