"""Pairs: two strategies' answers to the same message, shown in both orders; where the orders disagree it is a tie.

That a judge prefers a place is known (arXiv 2306.05685); asking twice takes the place out of the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from ladder_bench.domain import Judgement, Origin, Verdict
from ladder_bench.judge import shown, words
from ladder_bench.judge.asking import Question, question
from ladder_bench.judge.claims import Judged
from ladder_bench.judge.fences import Piece, Shown
from ladder_bench.judge.judges import Judges, Reading
from ladder_bench.judge.reading import Unreadable
from ladder_bench.judge.rubric import Rubric
from ladder_bench.judge.sheets import Item, Subject
from ladder_bench.judge.shown import Seen

TARGET = "answer"
WIN, TIE, LOSS = 1.0, 0.5, 0.0
NAMES = {WIN: "win", TIE: "tie", LOSS: "loss"}
BY_ORDER = "by_order"  # the outcome where a judge says something else in the other order
PLACES = {"first": WIN, "tie": TIE, "second": LOSS}  # for who is shown first


async def judged(rubric: Rubric, of: Subject, mine: Seen, theirs: Seen | None, judges: Judges, against: str) -> Judged:
    """The preference for an answer over the other strategy's to the same message: 1 wins, 0.5 ties, 0 loses."""
    turn = mine.answered.turn
    item = Item(rubric.metric, TARGET, turn, f"compared with {against}")
    if mine.answer is None or theirs is None or theirs.answer is None:
        who = against if mine.answer is not None else "this strategy"
        return Judged((_unasked(rubric, item, None, f"not answered by {who}"),))
    if mine.message != theirs.message:
        return Judged((_unasked(rubric, item, None, f"the user said something else to {against} at this turn"),))
    if mine.answer == theirs.answer and mine.before == theirs.before:
        return Judged((_unasked(rubric, item, TIE, f"the same answer as {against}"),))
    there, back = _both_orders(rubric, of, mine, theirs)
    said: list[Judgement] = []
    found = [*await judges.ask(there)], [*await judges.ask(back)]
    for one, other in zip(*found, strict=True):
        said.append(_of_both(rubric, item, one, other))
    calls = tuple((turn, call) for readings in found for reading in readings for call in reading.calls)
    verdict = words.verdict(item, said)
    return Judged((replace(verdict, critical=False),), tuple(said), calls)


def _unasked(rubric: Rubric, item: Item, value: float | None, reason: str) -> Verdict:
    return Verdict(item.target, item.metric, item.turn, value, reason, "", rubric=rubric.id)


def _both_orders(rubric: Rubric, of: Subject, mine: Seen, theirs: Seen) -> tuple[Question, Question]:
    """The same question with either answer first."""
    common = len(
        list(takewhile(lambda pair: pair[0] == pair[1], zip(mine.before, theirs.before, strict=False)))
    )  # what both saw
    given: Shown = {
        "system_prompt": shown.system(of.conversation),
        "conversation": mine.before[:common],
        "message": mine.message,
        "facts": shown.facts(of.conversation),
    }
    one, other = _side(mine, common), _side(theirs, common)
    origin = Origin(of.conversation.id, mine.answered.turn)

    def asked(first: Sequence[Piece], second: Sequence[Piece]) -> Question:
        both = {"first": _named("first", first), "second": _named("second", second)}
        return question(
            rubric, rubric.prompts[0], {**given, **both}, "pair", ("verdict",), origin, of.conversation.language
        )

    return asked(one, other), asked(other, one)


def _side(seen: Seen, common: int) -> tuple[Piece, ...]:
    """What one of the two said: since their conversations differ, and now."""
    return (*seen.before[common:], shown.said(str(seen.answer), seen.answered.turn))


def _named(place: str, pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    return tuple(Piece(f"{place}: {each.label}", each.content) for each in pieces)


def _of_both(rubric: Rubric, item: Item, there: Reading, back: Reading) -> Judgement:
    """One judge's word from both orders."""
    value, outcome, reason = _agreed(there.said, back.said)
    return Judgement(
        rubric.id, item.metric, item.target, item.turn, there.judge, there.repeat, outcome, value,
        reason[: words.MOST_CHARACTERS], "", there.key, there.repaired or back.repaired,
    )  # fmt: skip


def _agreed(there: object, back: object) -> tuple[float | None, str, str]:
    for said in (there, back):
        if isinstance(said, Unreadable):
            return None, said.outcome, said.what
    assert isinstance(there, dict)
    assert isinstance(back, dict)
    first, second = there["verdict"], back["verdict"]
    if "cannot_assess" in (first, second):
        return None, "cannot_assess", str((there if first == "cannot_assess" else back)["reason"])
    one, other = PLACES[first], 1.0 - PLACES[second]
    if one != other:
        return TIE, BY_ORDER, f"the order decided: {NAMES[one]} when shown first, {NAMES[other]} when shown second"
    return one, NAMES[one], str(there["reason"])
