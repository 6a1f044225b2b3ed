"""The verdict: the one sentence that a run allows, or why it allows none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ladder_bench.analyse import strategies
from ladder_bench.analyse.against import MARGIN
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.preference import briefly
from ladder_bench.domain import Json

MOST_BY_ORDER = 0.5  # of comparisons: who draws lots between two answers contradicts itself in half of them
MOST_ARMS = 6  # in a sentence
FAILED_SHARE = 0.02  # of the turns; beyond it what is left may be the easy part


def verdict(
    rows: Sequence[Mapping[str, Json]],
    base: str | None,
    about: Json,
    identified: Mapping[str, bool | None],
    preferred: Mapping[str, Json] | None = None,
) -> dict[str, Json]:
    """The cheapest strategy whose quality against the base is shown to be above -0.03, or none.

    Shown to be cheaper, too, and answered: a strategy that failed at many turns has shown nothing. Nor has one whose
    conclusion depends on what is done with user turns that no longer fit (`identified` False). Where a preference
    stands for quality (`preferred`), it says so.
    """
    found = _verdict(rows, base, about, identified)
    if base is None or preferred is None or not preferred["stands_in"]:
        return found
    if (placed := preferred["by_order"] or 0.0) >= MOST_BY_ORDER:
        text = (
            f"No verdict: {placed:.0%} of the preferences are another one when the two answers are shown the other way "
            "round. They count as ties, and ties of that kind do not show that answers are as good."
        )
        return {"outcome": "unknown", "strategy": None, "text": text}
    return {**found, "text": f"{found['text']} {briefly(preferred)}"}


def _verdict(
    rows: Sequence[Mapping[str, Json]], base: str | None, about: Json, identified: Mapping[str, bool | None]
) -> dict[str, Json]:
    if base is None and about["mode"] == "imported":
        return {"outcome": "unknown", "strategy": None, "text": _outcomes(rows, about)}
    if about.get("design") == "unpaired":
        text = "No verdict: no conversation is in two arms, so none can be held against another's answers."
        return {"outcome": "unknown", "strategy": None, "text": text}
    if base is None:
        text = "No verdict: nothing in this dataset defines quality, so cost is all that could be compared."
        if about.get("judges") and (why := rows[0]["metrics"]["quality"]["why"] or "").startswith("judges were asked"):
            text = f"No verdict: {why}."
        if any(row["metrics"]["quality"]["value"] is not None for row in rows):
            text = "No verdict: no single tier is in this run, so no strategy has one to hold its own against."
        return {"outcome": "unknown", "strategy": None, "text": text}
    conversations = len(about["dataset"]["conversations"])
    if conversations < FEWEST:
        text = f"Too few conversations to tell: {conversations}, and {FEWEST} are needed for an interval."
        return {"outcome": "too_few", "strategy": None, "text": text}
    others = [row for row in rows if row["name"] != base]
    recordings = _recordings(about)
    kept = [
        row
        for row in others
        if row["name"] not in recordings  # a recording never pays for the replay, so it has shown nothing
        and (low := row["against_base"]["quality"]["low"]) is not None
        and low > -MARGIN
        and (high := row["against_base"]["cost"]["high"]) is not None
        and high < 1
        and row["failed_turns"] <= FAILED_SHARE * row["turns"]
    ]
    held = [row for row in kept if identified.get(row["name"]) is not False]
    where, rival = _where(about), strategies.titled(about["strategies"], base)
    if not held:
        text = (
            f"{where}{'n' if where else 'N'}othing cheaper is shown to keep the quality of {rival}: no cheaper "
            f"strategy's 95 % interval stays above -{MARGIN:.2f}{_unless(kept)}."
        )
        return {"outcome": "none", "strategy": None, "text": text}
    best = min(held, key=lambda row: row["against_base"]["cost_share"])
    difference = best["against_base"]["quality"]
    guessed = about["mode"] == "rollout" and identified.get(best["name"]) is None
    unjudged = "; nobody judged whether its user turns still fit what it said" if guessed else ""
    text = (
        f"{where}{best['name']} is the cheapest that keeps quality: {_points(difference['value'])} points against "
        f"{rival} (95 % interval {_points(difference['low'])} to {_points(difference['high'])}, n = {difference['n']}) "
        f"at {best['against_base']['cost_share']:.0%} of its cost; picked among {len(others)} on the same "
        f"conversations, so confirm it on others before you ship it{unjudged}."
    )
    return {"outcome": "found", "strategy": best["name"], "text": text}


def _outcomes(rows: Sequence[Mapping[str, Json]], about: Json) -> str:
    """What imported transcripts say without a quality: how much each arm resolved, and nothing of who is better."""
    why = "nothing here defines quality" if about.get("judged") else "nobody has graded these transcripts"
    known = [(row["name"], row["metrics"]["resolved"]) for row in rows]
    said = [
        f"{name} {each['value']:.1%}" + ("" if each["low"] is None else f" ({each['low']:.1%} to {each['high']:.1%})")
        for name, each in known
        if each["value"] is not None
    ]
    if not said:
        return f"No verdict: {why}, and they do not say what was resolved."
    more = f" and {len(said) - MOST_ARMS} more arms" if len(said) > MOST_ARMS else ""
    differ = " 'ladder-bench compare RUN' says whether arms differ." if len(said) > 1 else ""
    return f"No verdict: {why}. Resolved, as their log says: {', '.join(said[:MOST_ARMS])}{more}.{differ}"


def _where(about: Json) -> str:
    """What a verdict holds for. Forced mode sees one answer ahead: what a ladder does to later turns is not in it."""
    simulated = "in this simulation" if is_simulated(about) else ""
    forced = "one answer ahead of the recording" if about["mode"] == "forced" else ""
    finished = "over finished transcripts" if about["mode"] == "imported" else ""
    where = " and ".join(each for each in (simulated, forced, finished) if each)
    return f"{where[0].upper()}{where[1:]}, " if where else ""


def _recordings(about: Json) -> frozenset[str]:
    recorded = strategies.recorded_tiers(about["tiers"])
    return frozenset(each["name"] for each in about["strategies"] if set(strategies.tiers(each)) <= recorded)


def _unless(kept: Sequence[Mapping[str, Json]]) -> str:
    names = ", ".join(row["name"] for row in kept)
    return f", whatever is done with user turns that no longer fit (not identified: {names})" if names else ""


def _points(value: float) -> str:
    return f"{100 * value:+.1f}"


def is_simulated(about: Json) -> bool:
    return any(tier["model"].startswith("simulated/") for tier in about["tiers"])
