"""Remarks: what a reader must know before believing a search. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.domain import Json
from ladder_bench.search.reading import UNHEARD, Read

METHOD = (
    "screened on a forced run: every tier answered the recorded history, so what a good start does for later turns, "
    "and what a memory or prompts buy, is not in these numbers; only a rollout can show it",
    "a trigger that fires hands that one turn to the strongest tier; its detectors are the rules",
    "a tier that did not read the turn before is charged for reading the whole prompt again, although its cache may "
    "still hold a part of it: ladders that come back look dearer than they are",
    "the oracle sees every grade, lucky ones too, before it chooses: a bound that no rule reaches",
)


def remarks(result: Mapping[str, Json], read: Read, shown: bool) -> Iterator[str]:
    """What to beware of in this search, the gravest first. `shown`: whether quality was kept with an interval."""
    if result["simulated"]:
        yield "simulated tiers: these numbers illustrate the tool, they say nothing about any model"
    if result["incomplete"]:
        yield "the run was stopped: these are the conversations that were complete by then"
    if read.preference:
        yield "quality is how often an answer is preferred to another strategy's; 0.03 of that is no loss of criteria"
    held_out = result["held_out"]["quality"]["n"]
    if held_out < FEWEST:
        yield f"no intervals: {held_out} conversations are held out, and {FEWEST} are needed"
    if not shown:
        chose = result["screened"]["quality"]["n"]
        yield (
            f"{chose} conversations chose, too few for an interval: a ladder counted as good where its mean quality was"
        )
    for why, count in result["left_out"].items():
        yield f"{count:,} conversations left out: {why}"
    if result["ungraded_turns"]:
        yield f"{result['ungraded_turns']:,} turns have no grade from every tier and count for cost alone"
    if read.unheard:
        yield f"{read.unheard:,} conversations: {UNHEARD}"
    silent = [
        name.replace("_", " ")
        for name, fired in result["family"]["triggers"].items()
        if not fired["on_messages"] and not any(fired["on_answers"].values())
    ]
    if silent:
        yield f"never fired here: {', '.join(silent)}; what it would do is not known"
    if (without := result["chosen_without"]["0"]) != result["chosen"]["name"]:
        yield (
            f"the parts disagree: all but the first would choose {without}; where a rollout is made over the first "
            f"part, {result['chosen']['name']} has seen it"
        )
    if len(result["family"]["tiers"]) == 1:
        yield "the tiers file has one tier: there is nothing to step down to"
    if not result["unresolved_declared"]:
        yield (
            "an unresolved conversation is taken to cost as much as ten on the strongest tier "
            f"(${result['goal']['unresolved_usd']:.3g}): declare it with --unresolved-cost"
        )
