"""Criteria: what a verdict's id stands for, in the words of the dataset or of a rubric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ladder_bench.corpus import kept
from ladder_bench.domain import Conversation, Json
from ladder_bench.folder import Run, having, rows_of
from ladder_bench.report.text import one_line

LONGEST = 1_000  # characters of a criterion's words
OPENING = "alignment_at_"  # how the metrics of the first answers begin


class Criteria:
    """The words of everything that the named conversations of a run were graded by."""

    def __init__(self, run: Run, names: Sequence[str]) -> None:
        self._own = own(run.about)
        self._of: dict[str, Mapping[tuple[str, str, int | None], str]] = {}
        table = run.tables.get("conversations")
        for row in rows_of(having(table, "id", sorted(names))) if table is not None else ():
            self._of[row["id"]] = _words(row["body"])

    def words(self, verdict: Mapping[str, Json], step: int) -> str:
        """What was asked of an answer to a recorded turn; "" where the folder does not say."""
        metric, target = str(verdict["metric"]), str(verdict["target"])
        rubric = self._own.get(str(verdict.get("rubric") or ""), {})
        if target in rubric:
            return rubric[target]
        known = self._of.get(str(verdict["conversation"]), {})
        return known.get((_place(metric), target, step)) or known.get((_place(metric), target, None), "")


def own(about: Mapping[str, Json]) -> dict[str, dict[str, str]]:
    """By rubric the words of its own criteria, by id."""
    return {
        str(each["id"]): {str(name): _shown(words) for name, words in (each.get("criteria") or {}).items()}
        for each in about.get("rubrics") or ()
    }


def _place(metric: str) -> str:
    return OPENING if metric.startswith(OPENING) else metric


def _words(body: str) -> Mapping[tuple[str, str, int | None], str]:
    """A kept conversation's words by metric, target and turn, None for all turns; none where it cannot be read."""
    try:
        conversation = kept.from_json(body)
    except (KeyError, TypeError, ValueError):  # another version's: ids alone say enough to go on
        return {}
    return {place: _shown(words) for place, words in _listed(conversation)}


def _listed(conversation: Conversation) -> Iterator[tuple[tuple[str, str, int | None], str]]:
    for turn in conversation.turns:
        for criterion in turn.criteria:
            yield (criterion.kind, criterion.id, turn.number), criterion.text
    intent = conversation.intent
    if intent is None:
        return
    for each in intent.constraints:
        for metric in ("active_constraint", OPENING):
            yield (metric, each.criterion.id, None), each.criterion.text
    for unknown in intent.blocking_unknowns:
        yield (OPENING, unknown.id or unknown.text, None), f"Asks about this, or states an assumption: {unknown.text}"
    if intent.goal:
        yield (OPENING, "goal", None), f"Works towards the goal: {intent.goal.text}"
    if intent.output_contract:
        yield ("output_contract", "output_contract", None), intent.output_contract.text


def _shown(words: Json) -> str:
    whole = one_line(str(words))
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST]} …"
