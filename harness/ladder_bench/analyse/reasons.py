"""Reasons: why a metric has no value in a run, and which may not have one."""

from __future__ import annotations

from collections.abc import Mapping

from ladder_bench.analyse.validity import why_not
from ladder_bench.domain import Json

WITHHELD = {
    "forced": {
        "first_turn_alignment": "forced replay: the second answer follows the recorded first one, so two answers are "
        "no opening; the first alone is there",
    }
}
SCRIPTED = "a replay has as many user turns as the recording; a simulated user (replay: simulated) says when it is over"


def reasons(about: Json) -> dict[str, str]:
    """Why a metric may have no value in a run, by metric: what the dataset has not got, what the mode cannot show."""
    found = _of_dataset(about["dataset"])
    if about["mode"] != "simulated":
        found["turns_to_resolution"] = SCRIPTED
    else:
        found["turns_to_resolution"] = "no conversation was resolved"
    found["invalid_turn_share"] = why_not(about["mode"])
    return found


def withheld(mode: str) -> Mapping[str, str]:
    """The metrics that mean nothing in a mode, with the reason."""
    return WITHHELD.get(mode, {})


def _of_dataset(dataset: Mapping[str, Json]) -> dict[str, str]:
    holds = dataset["holds"]
    found: dict[str, str] = {}
    if not holds["criteria"] and not holds["constraints"]:
        why = "the dataset has no criteria and no constraints"
        found |= dict.fromkeys(("quality", "resolved", "tokens_per_resolved", "cost_usd_per_resolved", "qpd"), why)
    if not holds["criteria"]:
        found |= dict.fromkeys(("correctness", "completeness"), "the dataset has no criteria")
    if not holds["constraints"]:
        found["constraint_coverage"] = "the dataset has no constraints"
    if not holds["intent"]:
        found |= dict.fromkeys(("first_turn_alignment", "first_turn_alignment_at_1"), "the dataset has no intent")
    if not holds["format"]:
        found["format_adherence"] = "the dataset has no output contract and no format criteria"
    found["cost_usd_billed"] = "no provider reported usage for every call (simulated tiers bill nothing)"
    found["unsupported_per_claim"] = "no answer names specifics"
    return found
