"""Banners: what a reader must know before any number of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ladder_bench.analyse import judge_banners, shortfalls, strategies
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.shortfalls import Shortfall
from ladder_bench.analyse.tails import TAIL, tail_share
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.domain import Json

SMALL = 50  # conversations below which a sample is small
TURNS_ARE = "turns could not be scored for quality and are"
MOST_NAMES = 6  # of strategies in a banner


def banners(
    summary: Mapping[str, Json], about: Json, scores: Sequence[Scores], short: Mapping[str, Mapping[str, Shortfall]]
) -> list[str]:
    """What a reader must know, most important first. `short`: what strategies fell short of."""
    return [
        *_of_what_was_run(about),
        *judge_banners.banners(summary),
        *_of_the_replay(summary, about),
        *shortfalls.banners(short, about),
        *_of_what_is_missing(summary, scores),
        *_of_the_tail(scores),
        *_of_users(about),
        *about["notes"],
    ]


def _of_what_was_run(about: Json) -> Iterator[str]:
    if is_simulated(about):
        yield "simulated tiers: these numbers illustrate the tool, they say nothing about any model"
    if stopped := about.get("incomplete"):
        yield (
            f"incomplete: stopped after {stopped['conversations']} of {stopped['of']} conversations, those that "
            f"finished first ({stopped['reason']}); the same command again completes it"
        )
    if about["mode"] == "imported":
        yield from _of_import(about)
    conversations = len(about["dataset"]["conversations"])
    if conversations < FEWEST:
        yield f"{_conversations(conversations)}: too few for any interval ({FEWEST} are needed)"
    elif conversations < SMALL:
        yield f"small sample: {_conversations(conversations)}"


def _of_import(about: Json) -> Iterator[str]:
    """What finished transcripts cannot show, and how far their arms have the same conversations."""
    arms, found = about["imported"]["arms"], about["imported"]
    if len(arms) == 1 or not found["words_differ"]:
        yield "imported transcripts: not a replay"
    else:
        yield "imported transcripts: not a replay; arms met different user words and differ in more than who answers"
    if len(arms) == 1:
        return
    if about["design"] == "unpaired":
        yield "unpaired: no conversation is in two arms, so a difference holds what their conversations differ by, too"
    elif any(found["only"].values()):
        lacks = ", ".join(f"{name} {count:,}" for name, count in found["only"].items() if count)
        yield (
            f"paired by conversation id: {found['common']:,} conversations are in every arm; others are not, and say "
            f"nothing of a difference to an arm that lacks them ({lacks})"
        )


def _conversations(count: int) -> str:
    return "1 conversation" if count == 1 else f"{count:,} conversations"


def _of_the_replay(summary: Mapping[str, Json], about: Json) -> Iterator[str]:
    if about["mode"] == "forced":
        yield "forced replay: every turn starts from the recorded history, so good or bad framing cannot carry on"
    if about["mode"] == "simulated":
        yield "simulated user: a model that knows the recorded intent and script stands in for the person"
    placebos = strategies.placebos(about)
    for tier in sorted(strategies.recorded_tiers(about["tiers"])) if about["mode"] != "forced" else ():
        if tier in placebos:
            yield f"'{tier}' is recorded: it never leaves its own log, so strategies compare with '{placebos[tier]}'"
        else:
            yield (
                f"'{tier}' is recorded: it never leaves its own log, so a difference to it includes what replaying "
                "costs (no placebo in this run)"
            )
    for each in summary["replay_artefact"]:
        first = each["first_turn_quality"]
        if first["low"] is not None and (first["low"] > 0 or first["high"] < 0):
            yield (
                f"'{each['placebo']}' is not what was recorded: its first answers, before anything is replayed, differ "
                f"in quality by {100 * first['value']:+.1f} points; ladders that use both mix the two"
            )
    flips = [name for name, row in summary["validity"]["strategies"].items() if row["identified"] is False]
    if flips:
        more = f" and {len(flips) - MOST_NAMES} more" if len(flips) > MOST_NAMES else ""
        yield (
            f"not identified: {', '.join(flips[:MOST_NAMES])}{more}: what the difference to {summary['base']} shows "
            "depends on what is done with user turns that no longer fit"
        )


def _of_what_is_missing(summary: Mapping[str, Json], scores: Sequence[Scores]) -> Iterator[str]:
    failed = sum(score.failed_turns for score in scores)
    if failed:
        turns = sum(score.turns for score in scores)
        worst = summary["failure"]
        why = f" (mostly: {worst['why']}, at {worst['turns']:,})" if worst else ""
        yield f"{failed} of {turns} turns were not answered{why}; they are unscored, not wrong"
    if any(np.nansum(score.values["estimated_calls"]) > 0 for score in scores):
        yield "some usage was not recorded: tokens were counted with a public tokenizer, so costs are estimates"
    unscored = sum(row["metrics"]["quality"]["unscored"] for row in summary["strategies"])
    if unscored:
        are = "turn could not be scored for quality and is" if unscored == 1 else TURNS_ARE
        yield f"{unscored} {are} left out of its means"


def _of_users(about: Json) -> Iterator[str]:
    owners = about.get("cluster")
    sizes = Counter(owners.values()) if isinstance(owners, Mapping) else Counter()
    several = sum(size > 1 for size in sizes.values())
    if several:
        have = (
            "1 user has several conversations" if several == 1 else f"{several:,} users have several conversations each"
        )
        yield (
            f"{have}: the intervals of a run's own tables take conversations as independent; compare, gate and "
            "recommend count users"
        )


def _of_the_tail(scores: Sequence[Scores]) -> Iterator[str]:
    costs = {score.strategy: score.values["cost_usd_warm"] for score in scores}
    shares = {name: tail_share(usd) for name, usd in costs.items() if (~np.isnan(usd)).sum() >= FEWEST}
    heavy = [name for name, share in shares.items() if share > TAIL]
    if heavy:
        worst = max(heavy, key=shares.__getitem__)
        more = f" and {len(heavy) - MOST_NAMES} more" if len(heavy) > MOST_NAMES else ""
        yield (
            f"long tail: over {TAIL:.0%} of the cost is in the dearest 1 % of conversations ({shares[worst]:.0%} with "
            f"{worst}), so intervals of costs are too narrow: {', '.join(heavy[:MOST_NAMES])}{more}"
        )
