"""Replay validity: whether what users say still fits, and whether a conclusion depends on it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.analyse import strategies
from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import POINTS, Grid, Row, Value, Words, grid
from ladder_bench.report.table import NOT_IDENTIFIED

WAYS = {"all": "all turns", "dropped": "invalid dropped", "cut": "cut at the first"}
NOTHING = "nothing to conclude"


@dataclass(frozen=True, slots=True)
class Validity:
    """The table three ways, or why there is none; and what replaying itself cost, or that nobody knows.

    `departs`: in some strategy that is no control, a user turn no longer fits.
    """

    share: str
    departs: bool
    ways: Grid | None
    rule: str
    why: str | None
    artefact: Grid | None
    warning: str | None


def validity(summary: Mapping[str, Json], about: Mapping[str, Json]) -> Validity | None:
    """The section; None for a run that knows nothing of it, or in which there was no replay."""
    found = summary["validity"]
    rows: Mapping[str, Mapping[str, Json]] = found.get("strategies", {})
    if not rows or summary["mode"] == "imported":  # nothing was replayed
        return None
    measured = any(each["invalid_turn_share"]["value"] is not None for each in rows.values())
    controls = {each["name"]: bool(each["controls"]) for each in summary["strategies"]}
    base = summary["base"]
    heads = ["strategy", "invalid turns", *(f"Q, {way}" for way in WAYS.values())]
    if base:
        heads += [f"difference, {way}" for way in WAYS.values()] + ["conclusion"]
    ways = grid(
        "validity",
        f"Q, and its difference to {base} in points, three ways." if base else "Q three ways.",
        heads,
        [Row(name, _cells(name, each, base), controls[name], name == base) for name, each in rows.items()]
        if measured
        else [],
    )
    return Validity(
        share=_share(found),
        departs=any(each["invalid_turn_share"]["value"] and not controls[name] for name, each in rows.items()),
        ways=ways,
        rule=text.one_line(found.get("rule", "")),
        why=None if measured else text.one_line(found["why"] or "no user turn was judged"),
        artefact=_artefact(summary),
        warning=_warning(about, summary),
    )


def not_identified(summary: Mapping[str, Json]) -> list[str]:
    """The strategies whose conclusion depends on what is done with user turns that no longer fit."""
    found: Mapping[str, Mapping[str, Json]] = summary["validity"].get("strategies", {})
    return [text.one_line(name) for name, each in found.items() if each["identified"] is False]


def _cells(name: str, each: Mapping[str, Json], base: str | None) -> list[Value | Words]:
    cells: list[Value | Words] = [Value(each["invalid_turn_share"], "share")]
    cells += [Value(each["quality"][way], "score") for way in WAYS]
    if not base:
        return cells
    against = each["against_base"]
    if name == base or against is None:
        return [*cells, *[Words("base" if name == base else "")] * len(WAYS), Words()]
    cells += [Value(against[way], POINTS, nothing=0.0) for way in WAYS]
    return [*cells, _conclusion(each["identified"])]


def _conclusion(identified: bool | None) -> Words:
    if identified is None:
        return Words(NOTHING)
    return Words("identified") if identified else Words(mark=NOT_IDENTIFIED)


def _share(found: Mapping[str, Json]) -> str:
    if found["value"] is None:
        return ""
    interval = ""
    if found["low"] is not None:
        interval = f" ({text.interval(found['value'], found['low'], found['high'], 'share')}, n = {found['n']})"
    return f"{text.percent(found['value'])} of the user turns fit what was just said, over all strategies{interval}."


# --- what replaying costs ------------------------------------------------------------------


def _artefact(summary: Mapping[str, Json]) -> Grid | None:
    return grid(
        "artefact",
        "The replay artefact: the same tier answering afresh, minus its own recording. What a ladder seems to lose "
        "against a recording holds this much that is the replay's doing.",
        ("placebo", "recorded", "difference in Q, points"),
        [
            Row(each["placebo"], (Words(each["recorded"]), Value(each["quality"], POINTS, nothing=0.0)))
            for each in summary.get("replay_artefact", ())
        ],
    )


def _warning(about: Mapping[str, Json], summary: Mapping[str, Json]) -> str | None:
    if summary["mode"] == "forced":
        return None
    known = strategies.recorded_tiers(about["tiers"])
    bare = sorted(known - set(strategies.placebos(about)))
    if not bare:
        return None
    return text.one_line(
        f"No placebo for {', '.join(bare)}: a recording never leaves its own log, so what strategies seem to lose "
        "against it holds what replaying costs, and nobody knows how much. Where off_path names a live tier of the "
        "same model, the placebo is added."
    )
