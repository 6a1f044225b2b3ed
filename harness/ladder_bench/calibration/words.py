"""Words: what a criterion asks, as the run keeps it: a rubric's own in run.json, the dataset's with the conversations.

They are part of an item's id: a label is people's answer to these words, and none to others under the same name.
"""

from __future__ import annotations

from collections.abc import Iterator

from ladder_bench import folder
from ladder_bench.content import display
from ladder_bench.corpus import kept
from ladder_bench.domain import Conversation
from ladder_bench.errors import InputError
from ladder_bench.judge.sheets import ALIGNMENT

Name = tuple[str, str, int | None]  # metric, target, the recorded turn; None: whatever the turn


class Words:
    """The words of a run's criteria; none where the folder, written by an earlier version, does not keep them."""

    def __init__(self, run: folder.Run) -> None:
        rubrics = run.about.get("rubrics") or ()
        self._own = {
            (each["id"], target): text for each in rubrics for target, text in (each.get("criteria") or {}).items()
        }
        self._listed = _listed(run)

    def of(self, rubric: str, conversation: str, name: Name) -> tuple[str, ...]:
        """A criterion's words, () where they are not known."""
        metric, target, _ = name
        own = self._own.get((rubric, target))
        texts = self._listed.get(conversation, {})
        found = texts.get(name, texts.get((metric, target, None))) if own is None else own
        return () if found is None else (found,)


def _listed(run: folder.Run) -> dict[str, dict[Name, str]]:
    """The words of the dataset's criteria, by conversation. Raises InputError."""
    table = run.tables.get("conversations")
    if table is None:
        return {}
    try:
        return {row["id"]: dict(_texts(kept.from_json(row["body"]))) for row in folder.rows_of(table)}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(run.path)}: the run folder is damaged: {error!r}") from None


def _texts(conversation: Conversation) -> Iterator[tuple[Name, str]]:
    for turn in conversation.turns:
        for criterion in turn.criteria:
            yield (criterion.kind, criterion.id, turn.number), criterion.text
    intent = conversation.intent
    if intent is None:
        return
    if intent.output_contract:
        yield ("output_contract", "output_contract", None), intent.output_contract.text
    aims = [(each.criterion.id, each.criterion.text) for each in intent.constraints]
    for name, text in aims:
        yield ("active_constraint", name, None), text
    aims += [(each.id or each.text, each.text) for each in intent.blocking_unknowns]
    aims += [("goal", intent.goal.text)] if intent.goal else []
    yield from (((metric, name, None), text) for metric in ALIGNMENT for name, text in aims)
