"""The report: a run as pages and as a table in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from ladder_bench.folder import Run


def pages(run: Run) -> Mapping[str, str | bytes]:
    """Every page of a run folder, by file name."""
    return {}
