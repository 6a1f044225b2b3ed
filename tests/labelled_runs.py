"""Judged runs whose truth is known: the dataset's checks are the people, and a judge on loopback errs as it is told to."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ladder_bench import folder
from ladder_bench.blocks import visible
from ladder_bench.calibration.items import Item, items
from ladder_bench.calibration.sheets import LabelSheet, Wanted, draw
from ladder_bench.calls.errand import Bounds
from ladder_bench.domain import digest_of
from ladder_bench.experiment import regrading
from test_judge_run import files, judging, run

BASE, CANDIDATE = "advanced", "light"
COLUMNS = ("conversation", "strategy", "sample", "metric", "target", "turn")
PIECE = re.compile(r"<<<([0-9a-f]{32}) ([^\n]*)\n(.*?)\n\1>>>", re.DOTALL)
Place = tuple[str, str, int, str, str, int | None]
Rates = Mapping[str, tuple[float, float]]  # sensitivity and specificity by strategy


@dataclass(frozen=True, slots=True)
class Known:
    """A judged run, and what people would say of each of its items."""

    run: folder.Run
    truth: Mapping[str, float]

    @property
    def path(self) -> Path:
        return self.run.path


def known_run(place: Path, rates: Rates, count: int = 80, **matrix: Any) -> Known:
    """A run of two tiers by checks, graded again by a judge with these error rates."""
    singles = [{"single": name} for name in (BASE, CANDIDATE)]
    files(place, "http://127.0.0.1:9/v1", count, ("checks",), strategies=singles, **matrix)
    by_checks = run(place)
    truth = _truth(by_checks)
    with judging(_erring(by_checks, truth, rates)) as (url, _):
        files(place, url, count, ("checks",), strategies=singles, **matrix)
        graded_again(place)
    judged = folder.read(place / "run")
    return Known(judged, {each.id: truth[place_of(each)] for each in items(judged)})


def erring(known: Known, rates: Rates) -> Known:
    """The same run and answers, as if a judge with other error rates had graded it."""
    places = {place_of(each): each.id for each in items(known.run)}
    rows = []
    for row in known.run.tables["judgements"].to_pylist():
        name = places[tuple(row[column] for column in COLUMNS)]  # type: ignore[index]
        value = _word(known.truth[name], name, rates[row["strategy"]])
        rows.append(tuple({**row, "value": value, "outcome": "met" if value else "not_met"}.values()))
    tables = {**known.run.tables, "judgements": folder.table("judgements", rows)}
    return Known(replace(known.run, tables=tables), known.truth)


def untold(known: Known, ids: Container[str]) -> Known:
    """The same run and answers, as if the judge could not tell these items."""
    places = {place_of(each): each.id for each in items(known.run)}
    rows = []
    for row in known.run.tables["judgements"].to_pylist():
        lost = places[tuple(row[column] for column in COLUMNS)] in ids  # type: ignore[index]
        rows.append(tuple({**row, **({"value": None, "outcome": "cannot_assess"} if lost else {})}.values()))
    tables = {**known.run.tables, "judgements": folder.table("judgements", rows)}
    return Known(replace(known.run, tables=tables), known.truth)


def _word(truth: float, name: str, rates: tuple[float, float]) -> float:
    """What a judge says of an item: right at its rate for such items, always the same."""
    right = int(digest_of(name)[:8], 16) / 16**8 < rates[0 if truth else 1]
    return truth if right else 1.0 - truth


def drawn(known: Known, wanted: Wanted) -> LabelSheet:
    """Draw a sheet where the run's rubrics are found."""
    with contextlib.chdir(known.path.parent):
        return draw(known.run, wanted)


def graded_again(place: Path, *rubrics: str) -> None:
    """Grade a run by a rubric of one's own and the judge of the tiers file beside it."""
    with contextlib.chdir(place):
        options = regrading.Options(
            rubrics=rubrics or ("mine",),
            tiers="tiers.yaml",
            judges=("strict",),
            bounds=Bounds(store=place / "calls.sqlite"),
        )
        regrading.regrade(place / "run", options)


def place_of(item: Item) -> Place:
    return item.conversation, item.strategy, item.sample, item.metric, item.target, item.turn


def _truth(found: folder.Run) -> dict[Place, float]:
    rows = found.tables["verdicts"].to_pylist()
    return {tuple(row[name] for name in COLUMNS): row["value"] for row in rows if row["value"] is not None}  # type: ignore[misc]


def _erring(found: folder.Run, truth: Mapping[Place, float], rates: Rates) -> Callable[[list[str], str, int], str]:
    """A judge that knows the truth of every answer and misses it at the rates of who gave it; always the same way."""
    bodies = {row["id"]: row["content"] for row in found.tables["messages"].to_pylist()}
    texts = {"a": "names it", "b": "says the step"}
    known: dict[tuple[str, str], tuple[str, dict[str, float]]] = {}
    by_turn: dict[tuple[str, str, int, int | None], dict[str, float]] = {}
    for (conversation, strategy, sample, metric, target, turn), value in truth.items():
        if metric in ("correctness", "completeness"):
            by_turn.setdefault((conversation, strategy, sample, turn), {})[texts[target[0]]] = value
    for row in found.tables["turns"].to_pylist():
        of = by_turn.get((row["conversation"], row["strategy"], row["sample"], row["turn"]))
        if of is not None:
            known.setdefault((bodies[row["user"]], visible(bodies[row["answer"]])), (row["strategy"], of))

    def judge(labels: list[str], prompt: str, before: int) -> str:
        message, answer, criteria = (found[2] for found in PIECE.findall(prompt))
        strategy, of = known[message, answer]
        said = {}
        for label, line in zip(labels, criteria.split("\n"), strict=True):
            text = line.partition(": ")[2]
            met = _word(of[text], f"{message} {answer} {text}", rates[strategy])
            said[label] = {"evidence": "", "reason": "so", "verdict": "met" if met else "not_met"}
        return json.dumps(said)

    return judge


def sheet_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def filled(sheet: Path, known: Known, into: Path, **more: str) -> Path:
    """A sheet as somebody fills it in who knows the truth."""
    words = {1.0: "met", 0.0: "not_met"}
    rows = [{**row, "label": words[known.truth[row["id"]]], **more} for row in sheet_rows(sheet)]
    return written(into, rows)


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    return path
