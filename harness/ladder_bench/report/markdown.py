"""The short report: report.md, for reviews and chat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from ladder_bench.analyse.verdict import is_simulated
from ladder_bench.domain import Json
from ladder_bench.folder import Run
from ladder_bench.report import (
    ablations,
    handoffs,
    judging,
    method,
    purposes,
    slices,
    text,
    trials,
    triggers,
    validity,
    worth,
)
from ladder_bench.report.columns import BY_METRIC
from ladder_bench.report.grid import Grid, Words
from ladder_bench.report.html import environment
from ladder_bench.report.table import Cell, table

SHOWN = (
    "quality", "cost_usd_warm", "qpd", "resolved", "first_turn_alignment", "escalations_per_conversation",
    "handoffs_per_conversation", "wait_s_p90",
)  # fmt: skip
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~!$@])")


def page(run: Run) -> str:
    """The report as Markdown."""
    summary, about = run.summary, run.about
    has_quality = any(each["metrics"]["quality"]["value"] is not None for each in summary["strategies"])
    template = environment().get_template("report.md.jinja")
    return template.render(
        summary=summary,
        about=about,
        table=table(summary, [BY_METRIC[metric] for metric in SHOWN]),
        has_quality=has_quality,
        cell=_cell,
        plain=plain,
        code=_code,
        simulated=is_simulated(about),
        sections=_sections(run),
        grid=_grid,
        not_measured=method.not_measured(summary),
        dropped=method.dropped(summary),
        facts=method.facts(about, summary),
    )


def _sections(run: Run) -> list[tuple[str, list[str], list[Grid]]]:
    """The further sections in short: each one's heading, what it says in words, and its tables."""
    summary = run.summary
    parts, handed = ablations.parts(summary), handoffs.handoffs(summary)
    fired, fits, costs = triggers.triggers(run), validity.validity(summary, run.about), purposes.purposes(summary)
    value, tagged = worth.worth(summary, run.about), slices.slices(summary)
    found: list[tuple[str, list[str | None], list[Grid | None]]] = [
        ("Several samples", [], [trials.trials(summary)]),
        ("What each part buys", [*parts.withheld] if parts else [], [parts.pooled, parts.pack] if parts else []),
        ("The first answer after a handoff", [handed.warning] if handed else [], [handed.tiers] if handed else []),
        ("Triggers", [], [*fired.detectors, fired.escalations] if fired else []),
        (
            "Replay validity",
            [fits.warning, f"Not measured: {fits.why}." if fits.why else fits.share] if fits else [],
            [fits.ways if fits.departs else None, fits.artefact] if fits else [],
        ),
        *_judging(summary, run.about),
        ("Cost by purpose", [costs.evaluation] if costs else [], [costs.strategies] if costs else []),
        ("What quality is worth", [value.assumption] if value else [], [value.against, value.equal] if value else []),
        ("By tag", [tagged.left_out] if tagged else [], [tagged.rows] if tagged else []),
    ]
    shown = [
        (title, [each for each in words if each], [each for each in grids if each]) for title, words, grids in found
    ]
    return [each for each in shown if each[1] or each[2]]


def _judging(summary: Json, about: Json) -> Iterator[tuple[str, list[str | None], list[Grid | None]]]:
    for each in judging.blocks(summary, about):
        heading = f": {each.heading[:1].lower()}{each.heading[1:]}" if each.heading else ""
        yield plain(f"Judges{heading}"), [*each.said], [*each.grids]


def _grid(grid: Grid) -> str:
    """A grid as a Markdown table, without its controls where it has other lines."""
    own = [line for line in grid.lines if not line.quiet or line.base] or grid.lines
    rows = [[plain(head) for head in grid.heads], ["---" if is_text else "---:" for is_text in grid.is_text]]
    rows += [[plain(line.head) + " (base)" * line.base, *_in_grid(line.cells)] for line in own]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _in_grid(cells: Sequence[Cell | Words]) -> Iterator[str]:
    """A line's cells with their reasons in place, each once: footnotes are those of the strategies."""
    told: set[str] = set()
    for cell in cells:
        if isinstance(cell, Words):
            yield f"{'**' + plain(cell.mark) + '** ' if cell.mark else ''}{plain(cell.text)}".strip()
        elif cell.note and not cell.interval:
            yield cell.value if cell.why in told else f"{cell.value}: {plain(cell.why)}"
            told.add(cell.why)
        else:
            why = f": {plain(cell.why)}" if cell.note and cell.why not in told else ""
            told.add(cell.why)
            shown = _cell(replace(cell, note=None, interval=f"{cell.interval}{why}"))
            yield f"**{shown}**" if cell.strong else shown


def plain(value: str) -> str:
    """Content as Markdown that means nothing but its letters."""
    return _SPECIAL.sub(r"\\\1", text.one_line(value))


def _code(value: str) -> str:
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", value)), default=0))
    return f"{fence} {text.one_line(value)} {fence}"


def _cell(cell: Cell) -> str:
    parts = [cell.value]
    if cell.interval:
        parts.append(f"({cell.interval})")
    if cell.extra:
        parts.append(f"[{cell.extra}]")
    if cell.flag:
        parts.append(f"**{cell.flag}**")
    if cell.note:
        parts.append(f"[^{cell.note}]")
    return " ".join(parts)
