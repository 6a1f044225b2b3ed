"""The report: a run as pages and as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from ladder_bench.folder import Run
from ladder_bench.report import figure, html, markdown, marks


def pages(run: Run) -> Mapping[str, str | bytes]:
    """Every page of a run folder, by file name. The same run gives the same bytes."""
    found = marks.marks(run.summary, run.about)
    inline, svg, png = figure.draw(found, run.summary["banners"])
    return {
        "report.html": html.page(run, found, inline),
        "report.md": markdown.page(run),
        "pareto.svg": svg,
        "pareto.png": png,
    }
