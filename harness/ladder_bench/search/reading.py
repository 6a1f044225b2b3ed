"""Reading: a run in which every tier answered the recorded history alone becomes grades. No call is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ladder_bench import cost, folder, revive
from ladder_bench.analyse import metrics, strategies
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.preference import stands_in
from ladder_bench.analyse.tables import rows
from ladder_bench.content import display
from ladder_bench.corpus import kept
from ladder_bench.cost import Prompt
from ladder_bench.domain import Conversation, Tier, Usage
from ladder_bench.errors import InputError
from ladder_bench.search.firing import fired
from ladder_bench.search.grades import Grades, Whole, shares
from ladder_bench.triggers import Rules

UNGRADED = "no turn has a grade from every tier"
UNANSWERED = "a tier did not answer every turn, so its cost is not known"
UNDEFINED = (
    "nothing here defines quality, so no ladder is better than another; give the dataset criteria (`ladder-bench "
    "annotate` drafts them) or a rubric that asks a judge; `ladder-bench bill` prices ladders without quality"
)
UNHEARD = "their language has no lexicon, so no trigger was looked for"


@dataclass(frozen=True)
class Read:
    """What a run gave: the grades, the conversations that were left out and why, and what a reader should know.

    `ungraded`: turns of the others that not every tier has a grade for. `preference`: quality is a preference.
    """

    grades: Grades
    left_out: Mapping[str, int]
    ungraded: int
    unheard: int
    preference: bool


def read(run: folder.Run, rules: Rules, triggers: Sequence[str]) -> Read:
    """Read a forced run that holds every tier alone. Raises InputError where it is none, or nothing has a grade."""
    about, where = run.about, display(run.path)
    alone = _alone(run)
    over = stands_in(about, run.tables)
    names = [alone[tier["name"]] for tier in about["tiers"]]
    ids = sorted(about["dataset"]["conversations"])
    scores = metrics.scores(run.tables, names, ids, about["config"]["resolved_quality"], about["mode"], over)
    longest = max((int(each.lived.number.max()) for each in scores if each.lived and len(each.lived)), default=0)
    if longest == 0:
        raise InputError(f"{where}: no turn was answered, so there is nothing to search")
    quality, usd = (_table(scores, ids, longest, name) for name in ("quality", "usd"))
    if np.isnan(quality).all():
        raise InputError(f"{where}: {UNDEFINED}")
    lengths = _lengths(scores, ids)
    lived = np.arange(longest) < lengths[:, None]
    answered = ~(np.isnan(usd).any(axis=2) & lived).any(axis=1)
    if not answered.any():
        raise InputError(f"{where}: no conversation was answered to the end by every tier, so no cost is known")
    shared, turns = shares(quality)
    graded = turns > 0
    conversations = _conversations(run, ids)
    tiers = [revive.tier(row) for row in about["tiers"]]
    message, answer = fired(conversations, _answers(run, names), rules, triggers, longest)
    whole = Grades(
        ids=tuple(ids),
        tags=tuple(each.tags for each in conversations),
        tiers=tuple(tier.name for tier in tiers),
        triggers=tuple(triggers),
        quality=shared,
        usd=np.nan_to_num(usd),
        fresh=_fresh(run, tiers, names, ids, longest),
        groups=tuple([tier.cache_group for tier in tiers].index(tier.cache_group) for tier in tiers),
        message=message,
        answer=answer,
        turns=turns,
    )
    kept_rows = np.flatnonzero(answered & graded)
    if not len(kept_rows):
        raise InputError(f"{where}: {UNGRADED}, and an answer from every tier to the end, in any conversation")
    left_out = {UNANSWERED: int((~answered).sum()), UNGRADED: int((answered & ~graded).sum())}
    return Read(
        grades=whole.of(kept_rows),
        left_out={why: count for why, count in left_out.items() if count},
        ungraded=int(lengths[kept_rows].sum() - turns[kept_rows].sum()),
        unheard=sum(not rules.speaks(conversations[row].language) for row in kept_rows),
        preference=over is not None,
    )


def _alone(run: folder.Run) -> dict[str, str]:
    """The strategy that is each tier alone. Raises InputError where a run cannot be searched."""
    about, where = run.about, display(run.path)
    if about.get("mode") != "forced":
        raise InputError(
            f"{where}: mode '{about.get('mode')}'; ladders can be put together from a forced run alone, where every "
            "tier answers the recorded history: run it again with --replay forced, or search --dataset D --tiers T"
        )
    alone = strategies.plain_by_tier(about["strategies"])
    missing = [tier["name"] for tier in about["tiers"] if tier["name"] not in alone]
    if missing:
        raise InputError(
            f"{where}: no strategy is {' or '.join(missing)} alone; a search needs every tier alone: leave 'single' "
            "among the matrix's controls, or search --dataset D --tiers T"
        )
    revive.check(run)
    return alone


def _lengths(scores: Sequence[Scores], ids: Sequence[str]) -> Whole:
    lengths = np.zeros(len(ids), dtype=np.int64)
    for score in scores:
        if score.lived is not None:
            np.maximum.at(lengths, score.lived.conversation, score.lived.number)
    return lengths


def _table(scores: Sequence[Scores], ids: Sequence[str], longest: int, metric: str) -> Array:
    """A metric of every (conversation, turn, tier), the mean over samples; NaN where no sample has a value."""
    found = np.full((len(ids), longest, len(scores)), np.nan)
    for tier, score in enumerate(scores):
        lived = score.lived
        if lived is None:
            continue
        total, count = np.zeros((len(ids), longest)), np.zeros((len(ids), longest))
        known = ~np.isnan(lived.values[metric])
        place = lived.conversation[known], lived.number[known] - 1
        np.add.at(total, place, lived.values[metric][known])
        np.add.at(count, place, 1.0)
        np.divide(total, count, out=found[..., tier], where=count > 0)
    return found


def _fresh(run: folder.Run, tiers: Sequence[Tier], names: Sequence[str], ids: Sequence[str], longest: int) -> Array:
    """What a turn would cost more, had its tier not read the prompt before it: from the recorded tokens and prices."""
    place = {name: index for index, name in enumerate(ids)}
    found = np.zeros((len(ids), longest, len(tiers)))
    count = np.zeros_like(found)
    columns = ("conversation", "turn", "purpose", "input", "output", "reasoning", "usd_warm")
    for index, (tier, name) in enumerate(zip(tiers, names, strict=True)):
        for row in rows(run.tables, "calls", name, columns):
            if row["purpose"] == "answer" and row["conversation"] in place:
                usage = Usage(row["input"], row["output"], reasoning=row["reasoning"])
                alone = cost.warm_usd([Prompt(tier.cache_group, tier.price, usage, (), 0.0)])[0]
                cell = place[row["conversation"]], row["turn"] - 1, index
                found[cell] += alone - row["usd_warm"]
                count[cell] += 1
    found[:, 0] = 0.0  # before the first turn nobody has read anything
    return np.maximum(found / np.maximum(count, 1), 0.0)


def _conversations(run: folder.Run, ids: Sequence[str]) -> list[Conversation]:
    try:
        found = {row["id"]: kept.from_json(row["body"]) for row in folder.rows_of(run.tables["conversations"])}
        return [found[name] for name in ids]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(run.path)}: the run folder is damaged: {error!r}") from None


def _answers(run: folder.Run, names: Sequence[str]) -> list[dict[tuple[str, int], str]]:
    """What each tier said in its first sample, by conversation and turn."""
    messages = run.tables["messages"]
    bodies = dict(zip(messages["id"].to_pylist(), messages["content"].to_pylist(), strict=True))
    return [
        {
            (row["conversation"], row["turn"]): bodies[row["answer"]]
            for row in rows(run.tables, "turns", name, ("conversation", "turn", "sample", "answer"))
            if row["sample"] == 0 and row["answer"] is not None
        }
        for name in names
    ]
