"""The label sheet as CSV, for any spreadsheet: what was said is text in it, whatever it looks like."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

import regex

from ladder_bench.calibration.sheets import LabelSheet
from ladder_bench.judge.fences import Piece
from ladder_bench.report.text import shown

COLUMNS = ("id", "label", "criterion", "answer", "message", "conversation", "background", "note", "labeller")
BACKGROUND = ("system_prompt", "facts", "reference", "intent")
MOST = 30_000  # characters of a cell; spreadsheets end at 32,767
CUT = "\n[… cut here: the whole is in the form]"
# A cell that begins so is run as a formula (OWASP, "CSV injection"); where a spreadsheet takes ";" for the end of a
# cell, as in half of Europe, what follows one begins a cell, too.
_FORMULA = regex.compile(r"^[\s\"']*[=+\-@＝＋－＠]")
_NEXT_CELL = regex.compile(r";(?=[\s\"']*[=+\-@])")


def as_csv(sheet: LabelSheet) -> str:
    """The sheet, a row a criterion. To be written as UTF-8 with a byte order mark, so that Excel reads it as such."""
    file = io.StringIO()
    rows = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow(COLUMNS)
    for card in sheet.cards:
        said = [
            _cell(card.pieces("answer", "answers"), labelled=False),
            _cell(card.pieces("message"), labelled=False),
            _cell(card.pieces("conversation")),
            _cell(card.pieces(*BACKGROUND)),
        ]
        for each in card.asked:
            rows.writerow([each.id, "", harmless(each.text), *said, "", ""])
    return file.getvalue()


def _cell(pieces: Iterable[Piece], labelled: bool = True) -> str:
    """Pieces as one cell; a single one needs no label."""
    found = tuple(pieces)
    if len(found) == 1 and not labelled:
        return harmless(found[0].content)
    return harmless("\n\n".join(f"[{each.label}]\n{each.content}" for each in found))


def harmless(content: str) -> str:
    """Content that a spreadsheet shows and does not run, and that fits a cell."""
    plain = shown(content).replace("\t", "    ")
    if len(plain) > MOST:
        plain = plain[:MOST] + CUT
    plain = _NEXT_CELL.sub("; ", plain)
    return f"'{plain}" if _FORMULA.search(plain) else plain
