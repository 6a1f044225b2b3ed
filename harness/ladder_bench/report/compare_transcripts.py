"""The conversations of a comparison that moved most, both sides of each next to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from ladder_bench import folder
from ladder_bench.domain import Json
from ladder_bench.folder import Run
from ladder_bench.report import html, transcripts
from ladder_bench.report.text import one_line

EACH_WAY = 3  # conversations of one comparison that fell, and that rose
BOTH_SIDES = ("base", "candidate")


@dataclass(frozen=True, slots=True)
class Moved:
    """The conversations on a page, each as HTML with the number of its comparison, and how many movers have no room."""

    pages: tuple[tuple[int, str], ...]
    left_out: int


def moved(found: Mapping[str, Json], runs: Mapping[str, Run]) -> Moved:
    """As many of the biggest movers as the caps allow: of every comparison the largest, then the next, and so on."""
    template = html.environment().get_template("conversation.html.jinja")
    places = list(_in_turn(found))
    pages: list[tuple[int, str]] = []
    size = 0
    for number, conversation in places[: transcripts.CONVERSATIONS]:
        run, names = both(found["comparisons"][number - 1], runs, conversation)
        (shown,) = transcripts.collect(run, [conversation], names)
        page = template.render(shown=shown, number=len(pages) + 1, id=one_line(shown.id))
        size += len(page.encode("utf-8", "replace"))
        if pages and size > html.TRANSCRIPT_BYTES:
            break
        pages.append((number, page))
    pages.sort(key=lambda each: each[0])
    return Moved(tuple(pages), len(places) - len(pages))


def _in_turn(found: Mapping[str, Json]) -> Iterator[tuple[int, str]]:
    """(number of the comparison, conversation): first what moved most in each, falls before rises."""
    queues = []
    for number, comparison in enumerate(found["comparisons"], 1):
        movers = comparison["movers"]
        if movers:
            ways = zip_longest(movers["down"][:EACH_WAY], movers["up"][:EACH_WAY])
            queues.append([(number, each["conversation"]) for way in ways for each in way if each])
    for line in zip_longest(*queues):
        yield from (each for each in line if each)


def both(comparison: Mapping[str, Json], runs: Mapping[str, Run], conversation: str) -> tuple[Run, tuple[str, ...]]:
    """A run that holds both sides of a conversation, and what their strategies are called in it."""
    sides = [comparison[who] for who in BOTH_SIDES]
    if sides[0]["run"] == sides[1]["run"]:
        return runs[sides[0]["run"]], tuple(each["strategy"] for each in sides)
    parts = [_renamed(runs[each["run"]], each, conversation) for each in sides]
    first, second = parts
    about = {
        **first.about,
        "strategies": [*first.about["strategies"], *second.about["strategies"]],
        "tiers": list({tier["name"]: tier for part in parts for tier in part.about["tiers"]}.values()),
    }
    tables = {name: _joined(first.tables[name], second.tables[name]) for name in ("turns", "calls", "verdicts")}
    tables |= {name: _joined(first.tables[name], second.tables[name]) for name in ("messages",)}
    tables |= {name: first.tables[name] for name in ("conversations",) if name in first.tables}
    return Run(first.path, about, tables, {}), tuple(named(each) for each in sides)


def named(side: Mapping[str, Json]) -> str:
    return f"{side['strategy']} in {side['run']}"


def _renamed(run: Run, side: Mapping[str, Json], conversation: str) -> Run:
    """One strategy's rows of a conversation, under the name that tells it from the other run's."""
    name = named(side)
    tables = dict(run.tables)
    for each in ("turns", "calls", "verdicts"):
        rows = folder.having(
            folder.having(run.tables[each], "conversation", [conversation]), "strategy", [side["strategy"]]
        )
        at = rows.column_names.index("strategy")
        tables[each] = rows.set_column(at, "strategy", folder.column("string", [name] * rows.num_rows))
    described = [{**each, "name": name} for each in run.about["strategies"] if each["name"] == side["strategy"]]
    return Run(run.path, {**run.about, "strategies": described}, tables, {})


def _joined(first: Any, second: Any) -> Any:
    """Rows of two runs; a column that one of them has not got is null there."""
    import pyarrow as pa

    return pa.concat_tables([first, second], promote_options="default")
