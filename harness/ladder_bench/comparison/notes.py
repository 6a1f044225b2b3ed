"""Notes: what a reader must know before any number of a comparison, the most important first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ladder_bench.analyse.banners import SMALL
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.comparison.arms import Arm
from ladder_bench.comparison.contrasts import Pair
from ladder_bench.comparison.likeness import Alike
from ladder_bench.comparison.sentences import titled
from ladder_bench.domain import Json

MOST = 3  # arms in a note


def notes(like: Alike, pairs: Sequence[Pair], metrics: Sequence[Json], divided: Json) -> Iterator[str]:
    """Every note. `divided`: the check of how conversations were divided between arms, None where they were not."""
    if any(is_simulated(each.run.about) for each in like.held):
        yield "simulated tiers: these numbers illustrate the tool, they say nothing about any model"
    yield from _of_runs(like)
    if divided and divided["alarm"]:
        have = ", ".join(f"{name} {count:,}" for name, count in divided["counts"].items())
        yield (
            f"sample ratio: chance alone hardly divides so ({have}; p = {divided['p_value']:.1g}), and whatever did "
            "may explain any difference"
        )
    yield from _of_arms(pairs, len(like.held) > 1)
    whys = [each["cost_usd_warm"]["why"] for each in metrics if each["cost_usd_warm"]["value"] is None]
    if len(whys) == len(metrics) > 1:
        yield f"no costs are compared: {whys[0]}"


def _of_runs(like: Alike) -> Iterator[str]:
    for each in like.held:
        if stopped := each.run.about.get("incomplete"):
            yield f"{each.label} is incomplete: it stopped after {stopped['conversations']} of {stopped['of']}"
    if like.common is not None:
        left = ", ".join(f"{count:,} of {label}" for label, count in like.common["left_out"].items())
        yield f"only the {like.common['kept']:,} conversations that all runs hold are compared; left out: {left}"
    if like.repriced is not None:
        who = "; ".join(f"{label}: {', '.join(tiers)}" for label, tiers in like.repriced["tiers"].items())
        yield f"prices differ: costs on all sides are at the prices of {like.repriced['at']} (changed in {who})"


def _of_arms(pairs: Sequence[Pair], several_runs: bool) -> Iterator[str]:
    if any(not pair.paired for pair in pairs):
        yield (
            "unpaired: the arms had different conversations, so intervals are wider, and of no conversation can it be "
            "said that it improved"
        )
    if shared := max((_shared(pair) for pair in pairs if not pair.paired), default=0):
        yield f"{shared:,} clusters are in both arms and count once; of waits, arms are taken for independent"
    arms = {(arm.held.label, arm.name): arm for pair in pairs for arm in (pair.base, pair.candidate)}
    size = min(int(arm.lived.sum()) for arm in arms.values())
    if size < FEWEST:
        yield f"{size} conversation{'' if size == 1 else 's'}: too few for any interval ({FEWEST} are needed)"
    elif size < SMALL:
        yield f"small sample: {size} conversations"
    failed = [arm for arm in arms.values() if arm.score.failed_turns]
    if failed:
        yield f"turns that were not answered are unscored, not wrong: {_failed(failed, several_runs)}"


def _failed(arms: Sequence[Arm], several_runs: bool) -> str:
    ordered = sorted(arms, key=lambda arm: -arm.score.failed_turns)
    shown = [
        f"{arm.score.failed_turns:,} of {arm.score.turns:,} of {titled(arm, several_runs)}" for arm in ordered[:MOST]
    ]
    return ", ".join(shown) + (f" and {len(arms) - MOST} more strategies" if len(arms) > MOST else "")


def _shared(pair: Pair) -> int:
    """Clusters, such as users, that are in both arms of an unpaired comparison."""
    owners = [
        {arm.held.clusters[name] for name in arm.has if name in arm.held.clusters}
        for arm in (pair.base, pair.candidate)
    ]
    return len(owners[0] & owners[1])
