"""Quotes: whether what a judge quotes as evidence stands in what it was shown of the answers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from ladder_bench import folder
from ladder_bench.analyse import estimates
from ladder_bench.analyse.judgements import Judged
from ladder_bench.blocks import visible
from ladder_bench.domain import Json

OF_SOURCES = ("supported_specifics", "validity")  # metrics whose evidence is not from the answer
OF_THE_OPENING = ("alignment_at_1", "alignment_at_2")
LEFT_OUT = re.compile(r"\[?(?:\.\.\.|…)\]?")  # where a quote says that it leaves something out
MARKS = "\"'«» "  # around a quote
TYPED = str.maketrans("‘’‚“”„–—‑\N{NO-BREAK SPACE}", "'''\"\"\"--- ", "*`")  # what is often written another way
Lived = tuple[str, str, int]  # conversation, strategy, sample


def quotes(tables: Mapping[str, Any], found: Sequence[Judged]) -> dict[str, Json] | None:
    """The share of quotes that stand in the answer word for word; None where nothing is quoted.

    A quote that leaves something out is held to its parts. Of a criterion that looks at more than one answer, any of
    them will do.
    """
    places = {each.place: each for each in found if each.metric not in OF_SOURCES}
    rows = [row for row in _evidence(tables) if row["evidence"].strip() and _place(row) in places]
    if not rows or "messages" not in tables:
        return None
    answers = _answers(tables, {(row["conversation"], row["strategy"], row["sample"]) for row in rows})
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in rows:
        lived = answers[row["conversation"], row["strategy"], row["sample"]]
        looked_at = [text for turn, text in lived.items() if _is_shown(row, turn)]
        sums[row["conversation"]][0] += any(stands_in(row["evidence"], text) for text in looked_at)
        sums[row["conversation"]][1] += 1
    counts = np.array(list(sums.values()), dtype=float)
    share = estimates.share(estimates.ratio(counts[:, 0], counts[:, 1]))
    return {"quotes": len(rows), "found": int(counts[:, 0].sum()), "share": asdict(share)}


def stands_in(quote: str, text: str) -> bool:
    """Whether every part of a quote is in a text, in whatever spacing, case and typography."""
    whole = _plain(text)
    parts = [_plain(part).strip(MARKS) for part in LEFT_OUT.split(quote)]
    return all(part in whole for part in parts) and any(parts)


def _plain(text: str) -> str:
    return " ".join(text.translate(TYPED).casefold().split())


def _evidence(tables: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What was quoted where a reading counts."""
    columns = ["conversation", "strategy", "sample", "rubric", "metric", "target", "turn", "evidence"]
    quoted = folder.having(tables["judgements"], "evidence", [""], without=True)
    return [row for row in folder.rows_of(quoted.select([*columns, "repeat"])) if row.pop("repeat") == 0]


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("conversation", "strategy", "sample", "rubric", "metric", "target", "turn"))


def _is_shown(row: Mapping[str, Any], turn: int) -> bool:
    """Whether a criterion looks at the answer of a turn."""
    if row["turn"] is None:
        return True
    return turn <= row["turn"] if row["metric"] in OF_THE_OPENING else bool(turn == row["turn"])


def _answers(tables: Mapping[str, Any], lived: set[Lived]) -> Mapping[Lived, Mapping[int, str]]:
    """The answers of some transcripts by turn, as a judge is shown them."""
    rows = [
        row
        for row in folder.rows_of(tables["turns"].select(["conversation", "strategy", "sample", "turn", "answer"]))
        if row["answer"] and (row["conversation"], row["strategy"], row["sample"]) in lived
    ]
    messages = folder.having(tables["messages"], "id", sorted({row["answer"] for row in rows}))
    texts = {row["id"]: visible(row["content"]) for row in folder.rows_of(messages.select(["id", "content"]))}
    found: dict[Lived, dict[int, str]] = defaultdict(dict)
    for row in rows:
        found[row["conversation"], row["strategy"], row["sample"]][row["turn"]] = texts.get(row["answer"], "")
    return found
