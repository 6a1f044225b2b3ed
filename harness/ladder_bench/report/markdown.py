"""The short report: report.md, for reviews and chat."""

from __future__ import annotations

import re

from ladder_bench.folder import Run
from ladder_bench.report import method, text
from ladder_bench.report.columns import BY_METRIC
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
        not_measured=method.not_measured(summary),
        dropped=method.dropped(summary),
        facts=method.facts(about, summary),
    )


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
    if cell.note:
        parts.append(f"[^{cell.note}]")
    return " ".join(parts)
