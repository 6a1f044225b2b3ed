"""Reasons: why a metric has no value in a run, and which may not have one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ladder_bench.analyse.judgements import Judged
from ladder_bench.analyse.metrics import RESOLUTION
from ladder_bench.analyse.turns import QUALITY
from ladder_bench.analyse.validity import why_not
from ladder_bench.domain import Json

NO_LADDER = "imported transcripts: an arm is one strategy from end to end, and nothing decided here who answers"
WITHHELD = {
    "imported": dict.fromkeys(("escalations_per_conversation", "handoffs_per_conversation"), NO_LADDER),
    "forced": {
        "first_turn_alignment": "forced replay: the second answer follows the recorded first one, so two answers are "
        "no opening; the first alone is there",
    },
}
PREFERRED = "answers were compared and no criterion was graded: to be preferred is not to have resolved anything"
NO_RUBRIC = "no rubric of this run grades it"
OF_RESOLVED = ("resolved", "tokens_per_resolved", "cost_usd_per_resolved")
DEFINED_BY = {  # what was graded, by the metric that is made of it
    **dict.fromkeys(("quality", "qpd"), QUALITY),
    **dict.fromkeys(OF_RESOLVED, QUALITY | {RESOLUTION}),
    "correctness": frozenset(("correctness",)),
    "completeness": frozenset(("completeness",)),
    "constraint_coverage": frozenset(("active_constraint",)),
    "first_turn_alignment": frozenset(("alignment_at_2",)),
    "first_turn_alignment_at_1": frozenset(("alignment_at_1",)),
    "format_adherence": frozenset(("format", "output_contract")),
}
JUDGED = DEFINED_BY | {  # rules say these, too, where no judge is asked
    **dict.fromkeys(("unsupported_per_turn", "unsupported_per_claim"), frozenset(("supported_specifics",))),
    "self_corrections_per_turn": frozenset(("self_correction",)),
    "invalid_turn_share": frozenset(("validity",)),
}
SCRIPTED = "a replay has as many user turns as the recording; a simulated user (replay: simulated) says when it is over"


def reasons(about: Json, found: Sequence[Judged] = (), preferred: bool = False) -> dict[str, str]:
    """Why a metric may have no value in a run, by metric: what the dataset has not got, what the mode cannot show.

    `found` is what judges said; `preferred`: to be preferred is all that quality means here.
    """
    if about["mode"] == "imported":
        return _of_import(about) | _of_judges(found)
    why = _of_rubrics(about) | _of_dataset(about["dataset"])
    if about["mode"] != "simulated":
        why["turns_to_resolution"] = SCRIPTED
    else:
        why["turns_to_resolution"] = "no conversation was resolved"
    why["invalid_turn_share"] = why_not(about["mode"])
    why |= _of_judges(found)
    return why | (dict.fromkeys(OF_RESOLVED, PREFERRED) if preferred else {})


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


def _of_rubrics(about: Json) -> dict[str, str]:
    """What nobody looked at, where no rubric has the dataset's own checks."""
    rubrics = about.get("rubrics") or ()
    if not rubrics or any(each["grader"] == "checks" for each in rubrics):
        return {}
    graded = {metric for each in rubrics for metric in each["metrics"]}
    return {metric: NO_RUBRIC for metric, kinds in DEFINED_BY.items() if not kinds & graded}


UNGRADED = "imported transcripts: nothing has graded these answers yet ('ladder-bench judge RUN' does)"
NO_OUTCOME = "the log does not say of any conversation whether it was resolved"
NO_F = "nothing says what an unresolved conversation costs: the dearest arm has no cost; give it with --unresolved-cost"
SAID_ONCE = "a log says whether a conversation was resolved, not at which turn"


def _of_import(about: Json) -> dict[str, str]:
    """What the transcripts of arms do not say. Resolved is what the log says, or what a judge who was asked does."""
    judged = bool(about.get("judged"))
    told = about["imported"]["outcomes"] or any("resolution" in each["metrics"] for each in about.get("rubrics") or ())
    of_resolved = ("qpd", *OF_RESOLVED)
    found = _of_rubrics(about) | _of_dataset(about["dataset"]) if judged else dict.fromkeys(JUDGED, UNGRADED)
    found = {name: why for name, why in found.items() if name not in of_resolved}
    return {
        **found,
        **({} if told else dict.fromkeys(of_resolved, NO_OUTCOME)),
        "turns_to_resolution": SAID_ONCE,
        "invalid_turn_share": why_not(about["mode"]),
        "cost_usd_billed": "the log has no usage that a provider reported",
    }


def of_arm(about: Json, name: str, unresolved_usd: float | None) -> dict[str, str]:
    """Why a metric may have no value for one arm of imported transcripts; nothing for the strategies of a replay."""
    if about["mode"] != "imported" or not about["imported"]["outcomes"]:
        return {}
    if not about["imported"]["arms"][name]["outcomes"]:
        return dict.fromkeys(("qpd", *OF_RESOLVED), f"the log has no outcome for arm '{name}'")
    return {} if unresolved_usd is not None else {"qpd": NO_F}


def _of_judges(found: Sequence[Judged]) -> dict[str, str]:
    """Where judges were asked, that is why nothing has a value: they could not tell, or could not be read."""
    why: dict[str, str] = {}
    for metric, kinds in JUDGED.items():
        asked = Counter(each.unscored for each in found if each.metric in kinds)
        if asked and None not in asked:
            outcome, times = asked.most_common(1)[0]
            why[metric] = (
                f"judges were asked, and nothing has a value (mostly: {outcome}, {times:,} of {asked.total():,})"
            )
    return why
