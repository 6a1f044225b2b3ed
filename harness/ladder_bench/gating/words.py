"""Words: why a gate decided as it did, and what a reader must know of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ladder_bench.analyse.decisions import Outcome
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.gating.blocking import TITLES
from ladder_bench.gating.pair import Pair
from ladder_bench.gating.policy import PolicyShape
from ladder_bench.gating.preconditions import left_out
from ladder_bench.gating.review import NAMES
from ladder_bench.sides.side import Baseline

NAMED = 3  # tests that a sentence names


def why(outcome: Outcome, all_rows: Sequence[Mapping[str, Json]], raised: Sequence[str], pair: Pair) -> str:
    """The one sentence that says why."""

    def named(each: Mapping[str, Json]) -> str:
        return str(each.get("title") or each["name"])

    if outcome == "fail":
        failing = [each for each in all_rows if each["outcome"] == "fail"]
        return "; ".join(
            each["why"] if each["value"] is None else f"{named(each)} is shown to be worse" for each in failing
        )
    open_ = [each for each in all_rows if each["outcome"] == "inconclusive"]
    if outcome == "pass":
        if all(each["why"] == "identical" for each in all_rows if each["name"] in TITLES):
            return f"identical in all {len(pair.run.conversations):,} conversations"
        return "every test shows that the run is not worse than the margins allow"
    if not open_:
        return f"every test passes, but the policy is strict and a person should look at: {', '.join(raised)}"
    if pair.units < FEWEST and any(str(each["why"]).startswith("no interval") for each in open_):
        return f"too few {pair.unit} to tell: {pair.units}, and {FEWEST} are needed for an interval"
    padded = [each for each in open_ if each["name"] == "padding"]
    if padded and len(open_) == 1:
        if padded[0]["value"] is None:
            return f"not enough to tell about padding: {padded[0]['why']}"
        return f"{padded[0]['why']}: {padded[0]['value']:.1f} times the baseline's tokens an answer"
    return f"not enough to tell about {_listed([named(each) for each in open_])}"


def _listed(names: Sequence[str]) -> str:
    shown = [*names[:NAMED], *([f"{len(names) - NAMED} more"] if len(names) > NAMED else [])]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def without_f(baseline: Baseline) -> list[str]:
    """The reason, where a baseline does not say what an unresolved conversation costs."""
    if baseline.unresolved_usd is not None:
        return []
    return [
        "what an unresolved conversation costs is not known: the baseline's run had no priced top tier to take it "
        "from; name it with 'baseline update --unresolved-cost'"
    ]


def notes(new: Baseline, baseline: Baseline, pair: Pair, policy: PolicyShape) -> list[str]:
    """What else there is to know, a line each."""
    found = []
    if new.stands_in:
        found.append(new.stands_in)
    if absent := [name for name in TITLES if name not in policy.tests]:
        found.append(f"not tested, as the policy says: {', '.join(TITLES[name] for name in absent)}")
    if policy.judge:
        found.append(
            f"quality margins are multiplied by J = {policy.judge.youden:.2f} (the judge's sensitivity "
            f"{policy.judge.sensitivity:g} and specificity {policy.judge.specificity:g}, as the policy says)"
        )
    estimated = pair.run.estimated, pair.baseline.estimated
    if any(estimated):
        found.append(
            f"usage of {estimated[0]:,} calls in the run and {estimated[1]:,} in the baseline is estimated, as the "
            "policy allows"
        )
    if ungraded := left_out((pair.run, pair.baseline)):
        found.append(f"{ungraded} conversations have nothing to grade and are left out of quality")
    if policy.inference == "suite":
        found.append("suite: these conversations run again; says nothing of other conversations")
        found.append(
            f"suite: {', '.join(NAMES.values())} are known as means over samples, and are not looked at: nothing is "
            "known of the noise between samples"
        )
    if pair.clustered:
        found.append(
            f"the {len(pair.run.conversations):,} conversations are of {pair.units:,} {pair.unit}: what one user does "
            f"is no independent evidence, so n and needed count {pair.unit}; each conversation weighs 1"
        )
    if baseline.version != new.version:
        found.append(f"the baseline is from version {baseline.version}, the run from {new.version}")
    lost = [int(np.isnan(usd).any(axis=1).sum()) for usd in pair.usd]
    if any(lost) and "qpd" in policy.tests:
        found.append(f"cost is not known in {lost[0]:,} conversations of the run and {lost[1]:,} of the baseline")
    return found
