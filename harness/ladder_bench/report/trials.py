"""Trials: pass^k, how often k trials of one conversation are all resolved, by strategy. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ladder_bench.domain import Json
from ladder_bench.report import text
from ladder_bench.report.grid import Grid, Row, Value, Words, grid

MOST = 8  # values of k in a line


def trials(summary: Mapping[str, Json]) -> Grid | None:
    """The table; None where no conversation has several samples with an outcome."""
    found: dict[str, Mapping[str, Json]] = {
        row["name"]: row["pass_hat_k"] for row in summary["strategies"] if row.get("pass_hat_k")
    }
    known = sorted({int(k) for each in found.values() for k in each})[:MOST]
    return grid(
        "trials",
        "pass^k: the probability that k samples of one conversation, drawn without putting back, are all resolved; a "
        "mean over conversations.",
        ("strategy", *(f"pass^{k}" for k in known)),
        [
            Row(name, [Value(each[str(k)], "score") if str(k) in each else Words("fewer samples") for k in known])
            for name, each in found.items()
        ],
    )


def line(summary: Mapping[str, Json]) -> list[str]:
    """pass^k for a terminal, a line a strategy."""
    said = []
    for row in summary["strategies"]:
        cells = [(k, each) for k, each in (row.get("pass_hat_k") or {}).items() if int(k) <= MOST]
        if cells:
            values = ", ".join(f"pass^{k} {each['value']:.3f}{_interval(each)}" for k, each in cells if each["n"])
            said.append(f"{text.one_line(row['name'])}: {values}; n = {cells[0][1]['n']:,}")
    return said


def _interval(each: Mapping[str, Json]) -> str:
    return "" if each["low"] is None else f" ({each['low']:.3f} to {each['high']:.3f})"
