"""Preferences and rubrics of one's own: what judges said beside the metrics that the harness knows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ladder_bench.analyse.preference import meaning
from ladder_bench.domain import Json
from ladder_bench.report import criteria, text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, count, grid

OUTCOMES = ("wins", "ties", "losses", "unscored")


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a section: its heading ("" for none), what it says in words, and its tables."""

    heading: str
    said: tuple[str, ...]
    grids: tuple[Grid, ...]


def preference(summary: Mapping[str, Json]) -> Block | None:
    """How often answers were preferred; None where nothing was compared."""
    found = summary.get("preference")
    if not found:
        return None
    controls = _controls(summary)
    made = grid(
        "preference",
        f"Answers that judges prefer to those of {found['against']} to the same message, turn by turn. Margin: wins - "
        "losses of a hundred. Decisive: turns that are no tie. Where two answers are the same, it is a tie.",
        ("strategy", *OUTCOMES, "margin", "decisive"),
        [
            Row(
                name,
                (
                    *(count(each[outcome]) for outcome in OUTCOMES),
                    Value(each["margin"], POINTS, nothing=0.0),
                    Value(each["decisive"], "share"),
                ),
                controls.get(name, False),
            )
            for name, each in found["strategies"].items()
        ],
    )
    means = meaning(found)
    beside = f"A preference is no part of Q here: criteria define it. Compared by {text.joined(found['judges'])}."
    return Block(f"Preferred to {found['against']}", (means or beside,), (made,) if made else ())


def own(summary: Mapping[str, Json], about: Mapping[str, Json]) -> Block | None:
    """What judges said under metrics of one's own; None where there is none. `about` has the words of criteria."""
    found: Mapping[str, Mapping[str, Json]] = summary.get("own_rubrics", {})
    made = (_own(f"own-{place}", metric, of, summary) for place, (metric, of) in enumerate(found.items(), 1))
    grids = tuple(each for each in made if each)
    return Block("Other rubrics", tuple(_asked(found, about)), grids) if grids else None


def own_shares(summary: Mapping[str, Json]) -> Grid | None:
    """The share met under each metric of one's own, a line a strategy; None where there is none."""
    found: Mapping[str, Mapping[str, Json]] = summary.get("own_rubrics", {})
    controls = _controls(summary)
    rows = [
        Row(
            name,
            [Value(of[name]["share"], "share") if name in of else Words("not asked") for of in found.values()],
            controls[name],
            name == summary["base"],
        )
        for name in controls
        if any(name in of for of in found.values())
    ]
    heads = ("strategy", *(metric.replace("_", " ") for metric in found))
    return grid("own-shares", "Other rubrics: the share that judges call met. No part of Q.", heads, rows)


def _asked(found: Mapping[str, Mapping[str, Json]], about: Mapping[str, Json]) -> Iterator[str]:
    """The words of the criteria that the tables name by id."""
    known = criteria.own(about)
    for metric, of in found.items():
        named = {target for each in of.values() for target in each["criteria"]}
        for rubric in about.get("rubrics") or ():
            if metric in rubric.get("metrics", ()):
                words = known[rubric["id"]].items()
                yield from (
                    f"{metric.replace('_', ' ')}, {target}: {said}" for target, said in words if target in named
                )


def _own(name: str, metric: str, of: Mapping[str, Mapping[str, Json]], summary: Mapping[str, Json]) -> Grid | None:
    controls, base = _controls(summary), summary["base"]
    targets = list(dict.fromkeys(target for each in of.values() for target in each["criteria"]))
    against = (f"difference to {base}, points",) if base in of else ()
    return grid(
        name,
        f"{metric.replace('_', ' ')}: the share that judges call met, by weight, a mean over turns; then each "
        "criterion's own share. It is no part of Q.",
        ("strategy", "met", *against, *targets),
        [
            Row(
                strategy,
                (
                    Value(each["share"], "share"),
                    *((_difference(strategy, each, base),) if against else ()),
                    *_shares(each["criteria"], targets),
                ),
                controls.get(strategy, False),
                strategy == base,
            )
            for strategy, each in of.items()
        ],
    )


def _difference(strategy: str, each: Mapping[str, Json], base: str) -> Value | Words:
    found = each["against_base"]
    return Value(found, POINTS, nothing=0.0) if found else Words("base" if strategy == base else "")


def _shares(found: Mapping[str, Json], targets: Sequence[str]) -> list[Value | Words]:
    return [Value(found[each], "share") if each in found else Words("not asked") for each in targets]


def _controls(summary: Mapping[str, Json]) -> dict[str, bool]:
    return {each["name"]: bool(each["controls"]) for each in summary["strategies"]}
