"""What the calls were for: cost by purpose, what is saved and what would eat it, and evaluation apart. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import Grid, Row, Value, Words, grid

ORDER = ("answer", "discarded", "memory", "trigger")  # of the serving ledger
REPLAYED = "A replay has as many user turns as the recording:"
PLAYED = "The played user took as many turns as were needed, and people may take more:"
FINISHED = "Each arm took the user turns that its log has, and people may take more:"
EVALUATION = {"judge": "judges", "user": "playing the user"}


@dataclass(frozen=True, slots=True)
class Purposes:
    """Each strategy's cost by purpose and its saving, and what evaluating cost, which no strategy pays for."""

    strategies: Grid
    evaluation: str


def purposes(summary: Mapping[str, Json]) -> Purposes | None:
    """The section; None for a run that knows nothing of purposes, or in which no call has a cost."""
    found: Mapping[str, Mapping[str, Mapping[str, Json]]] = summary.get("by_purpose", {})
    present = {purpose for each in found.values() for purpose in each}
    shown = [*(each for each in ORDER if each in present), *sorted(present - set(ORDER))]
    base = summary["base"]
    against = ("cost / base", "saved against the base", "extra turns that eat the saving") if base else ()
    rows = [
        Row(
            row["name"],
            [*_by_purpose(found[row["name"]], shown), *(_saving(row, base) if base else [])],
            bool(row["controls"]),
            row["name"] == base,
        )
        for row in summary["strategies"]
        if row["name"] in found
    ]
    turns = {"simulated": PLAYED, "imported": FINISHED}.get(summary.get("mode", ""), REPLAYED)
    eaten = (
        f" The base is {base}. {turns} the last column says how many more turns a conversation may take, each at the "
        "price of its last one, before the saving is gone."
    )
    made = grid(
        "purposes",
        f"USD a conversation by what its calls were for, warm cache.{eaten if base else ''}",
        ("strategy", *(f"{each}" for each in shown), *against),
        rows,
    )
    return Purposes(made, _evaluation(summary)) if made and shown else None


def _by_purpose(found: Mapping[str, Mapping[str, Json]], shown: list[str]) -> list[Value | Words]:
    return [Value(found[each]["usd"], "usd") if each in found else Words("none") for each in shown]


def _saving(row: Mapping[str, Json], base: str) -> list[Value | Words]:
    against = row["against_base"]
    if row["name"] == base or not against or "saving_usd" not in against:
        return [Words("base" if row["name"] == base else ""), Words(), Words()]
    return [
        Value(against["cost"], "share"),
        Value(against["saving_usd"], "usd", nothing=0.0),
        _break_even(against["break_even_extra_turns"]),
    ]


def _break_even(extra: Mapping[str, Json]) -> Value | Words:
    return Value(extra, "rate") if extra["value"] is not None else Words("nothing is saved")


def _evaluation(summary: Mapping[str, Json]) -> str:
    """What judging and playing the user cost, in a sentence."""
    calls: Mapping[str, int] = summary.get("evaluation_calls", {})
    parts = [
        f"{EVALUATION.get(purpose, purpose)} {text.spent(usd)}{_in_calls(calls.get(purpose, 0))}"
        for purpose, usd in summary.get("evaluation_by_purpose", {}).items()
        if usd or calls.get(purpose)
    ]
    whole = summary.get("evaluation_usd") or 0.0
    if not parts:
        return "Evaluation ledger: no calls. Nobody judged and nobody played the user; checks are free."
    return f"Evaluation ledger, which no strategy pays for: {text.spent(whole)} ({', '.join(parts)})."


def _in_calls(count: int) -> str:
    return f" in {text.counted(count, 'call')}" if count else ""
