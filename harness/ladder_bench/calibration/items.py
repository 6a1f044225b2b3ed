"""Items: what judges judged and people can label, each under an id that says nothing of who answered.

An id is made of words alone: the conversation, what the user and the assistant said up to here, the criterion's name
and text. So strategies that gave the same answers share an item, which is labelled once; labels stay good when another
judge grades the run, or when the run is made again with the same answers; and they fit no other answer, and no
criterion whose text has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ladder_bench import folder
from ladder_bench.analyse.judgements import judged
from ladder_bench.calibration.words import Words
from ladder_bench.domain import Json, digest_of
from ladder_bench.judge.rubric import CLAIM_PROMPTS, KINDS

LETTERS = 16  # of an id, hexadecimal digits
PREFIX = "item-"  # a spreadsheet takes digits alone, or digits with an e, for a number
TURNS = ("conversation", "strategy", "sample", "turn", "step", "user", "answer")
OF_PAIRS = "compares two answers, so that no answer alone meets it or not"
OF_CLAIMS = "asks about claims that the judge itself lists, others for every answer"
Cell = tuple[int, int | None]  # (sample, the recorded turn that is answered; None: the whole conversation)
Pair = tuple[int, int | None, str, str]  # the same criterion in two arms: cell, metric, target
Life = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Item:
    """One criterion of one transcript, with the judges' value: 1 met, 0 not, None where they could not tell."""

    id: str
    conversation: str
    strategy: str
    sample: int
    rubric: str
    metric: str
    target: str
    turn: int | None
    moment: int | None
    value: float | None

    @property
    def cell(self) -> Cell:
        return self.sample, self.moment

    @property
    def pair(self) -> Pair:
        return self.sample, self.moment, self.metric, self.target


def items(run: folder.Run) -> list[Item]:
    """Every judged criterion that people can label. Of two rubrics on the same criterion the last one counts."""
    left = left_out(run.about)
    order = {each["id"]: place for place, each in enumerate(run.about.get("rubrics") or ())}
    found = sorted(judged(run.tables), key=lambda each: order.get(each.rubric, -1))
    said, asked = _said(run), Words(run)
    places = {}
    for each in found:
        if each.rubric in left:
            continue
        words, moment = said.at((each.conversation, each.strategy, each.sample), each.turn)
        text = asked.of(each.rubric, each.conversation, (each.metric, each.target, moment))
        what = (each.conversation, each.metric, each.target, str(moment), *text)
        name = PREFIX + digest_of("label", *what, *words)[:LETTERS]
        places[each.conversation, each.strategy, each.sample, each.metric, each.target, each.turn] = Item(
            name, each.conversation, each.strategy, each.sample, each.rubric, each.metric, each.target, each.turn,
            moment, each.value,
        )  # fmt: skip
    return list(places.values())


def left_out(about: Json) -> dict[str, str]:
    """The rubrics of a run that people cannot label here, each with the reason."""
    found = {}
    for each in about.get("rubrics") or ():
        if each["grader"] == "pairwise":
            found[each["id"]] = OF_PAIRS
        elif tuple(each.get("prompts") or ()) == CLAIM_PROMPTS:
            found[each["id"]] = OF_CLAIMS
    return found


def own_metrics(about: Json) -> frozenset[str]:
    """Metrics whose criteria a rubric brings itself: there the same target is the same question everywhere."""
    metrics = (each["metric"] for each in about.get("rubrics") or () if each.get("metrics") == [each.get("metric")])
    return frozenset(metrics) - frozenset(KINDS)


def by_strategy(found: Iterable[Item]) -> dict[str, list[Item]]:
    groups: dict[str, list[Item]] = {}
    for each in found:
        groups.setdefault(each.strategy, []).append(each)
    return groups


class _Said:
    """What was said up to each turn, as a digest of the messages' own, and the recorded turn that it is about."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], forced: bool) -> None:
        self._words: dict[Life, dict[int | None, tuple[tuple[str, ...], int | None]]] = {}
        for life, turns in groupby(rows, key=lambda row: (row["conversation"], row["strategy"], row["sample"])):
            found = self._words.setdefault(life, {})
            whole: tuple[str, ...] = ()
            for row in turns:
                now = (row["user"], row["answer"] or "")
                # in forced mode every turn follows the recording, whatever was answered before
                words = now if forced else (digest_of(*whole), *now)
                found[row["turn"]] = (words, row["step"])
                whole = (*whole, *now)
            found[None] = (whole, None)

    def at(self, life: Life, turn: int | None) -> tuple[Sequence[str], int | None]:
        """Words up to a turn, and the recorded turn; for None those of the whole conversation."""
        return self._words.get(life, {}).get(turn, ((str(turn),), turn))


def _said(run: folder.Run) -> _Said:
    return _Said(folder.rows_of(run.tables["turns"].select(TURNS)), run.about["mode"] == "forced")
