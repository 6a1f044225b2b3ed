"""The committed sample of a run's pages: as this version makes it, of simulated tiers, and of nobody's machine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ladder_bench import __version__
from ladder_bench.analyse.metrics import METRICS
from ladder_bench.analyse.summary import SCHEMA
from ladder_bench.report.html import TRANSCRIPT_BYTES

SAMPLE = Path(__file__).parents[1] / "reports" / "sample"
PAGES = ("report.html", "report.md", "pareto.svg", "pareto.png", "summary.json", "run.json")
SIMULATED = "simulated tiers: these numbers illustrate the tool, they say nothing about any model"
MOST_BYTES = 2_000_000
AGAIN = "the sample is out of date: run scripts/sample"
SHARES = frozenset((
    "quality", "correctness", "completeness", "constraint_coverage", "self_corrections_per_turn", "resolved",
    "first_turn_alignment", "first_turn_alignment_at_1", "format_adherence", "invalid_turn_share", "share", "estimate",
    "unsupported_per_claim", "precision", "recall", "f1", "carried", "churn", "churn_per_rewrite",
))  # fmt: skip
OF_SHARES = frozenset(("contract", "quality_since_handoff", "coverage_since_handoff"))
DIFFERENCES = frozenset((
    "differences", "difference", "against_base", "ablations", "ablations_pooled", "replay_artefact", "handoffs", "gain",
))  # fmt: skip


def summary() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLE / "summary.json").read_text("utf-8"))
    return found


def estimates(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every estimate of a summary with its path."""
    if isinstance(value, dict) and {"value", "low", "high"} <= value.keys():
        yield path, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from estimates(each, (*path, name))
    elif isinstance(value, list):
        for each in value:
            yield from estimates(each, path)


def test_the_sample_has_every_page_and_no_table_and_is_small() -> None:
    files = {path.name: path.stat().st_size for path in SAMPLE.iterdir()}

    assert set(files) == {*PAGES, "report.png", "README.md"}
    assert sum(files.values()) < MOST_BYTES
    assert files["report.png"] < 300_000
    assert files["report.html"] < TRANSCRIPT_BYTES


def test_the_sample_has_this_versions_schema_and_metrics() -> None:
    found = summary()
    about = json.loads((SAMPLE / "run.json").read_text("utf-8"))

    assert (found["schema"], about["version"]) == (SCHEMA, __version__), AGAIN
    for strategy in found["strategies"]:
        assert set(METRICS) <= set(strategy["metrics"]), AGAIN
        assert {"value", "n", "draws", "why"} == set(strategy["front_share"]), AGAIN


def test_the_sample_says_on_every_page_that_its_tiers_are_simulated() -> None:
    found = summary()

    assert found["verdict"]["text"].startswith("In this simulation,")
    assert found["banners"][0] == SIMULATED
    for page in ("report.html", "report.md", "pareto.svg"):
        text = (SAMPLE / page).read_text("utf-8")
        assert SIMULATED[:60] in text, page
    assert found["verdict"]["text"].replace("'", "&#39;") in (SAMPLE / "report.html").read_text("utf-8")
    assert SIMULATED in " ".join((SAMPLE / "README.md").read_text("utf-8").split()).replace("**", "").replace(
        "Its tiers are simulated:", "simulated tiers:"
    )


def test_the_sample_is_of_no_machine_and_no_day() -> None:
    about = json.loads((SAMPLE / "run.json").read_text("utf-8"))

    assert about["command"] == "ladder-bench run --offline --out sample"
    assert (about["started"], about["seconds"], about["prices"]["date"]) == (None, None, None)
    assert (about["config"]["matrix"], about["config"]["tiers"]) == (
        "ladders/matrices/quickstart.yaml", "ladders/tiers/offline.yaml"
    )  # fmt: skip
    for page in ("run.json", "summary.json", "report.md"):
        assert not re.search(r"/(?:home|root|tmp|work|Users|var)/", (SAMPLE / page).read_text("utf-8")), page
    assert str(Path.home()) + "/" not in (SAMPLE / "report.html").read_text("utf-8")


def test_every_criterion_of_the_sample_is_shown_in_words() -> None:
    page = (SAMPLE / "report.html").read_text("utf-8")

    assert re.search(r'<th scope="row">Asks for the Excel version\. <small>t1-version · completeness</small>', page), (
        AGAIN
    )


@pytest.mark.parametrize("name", sorted(SHARES | OF_SHARES))
def test_no_share_of_the_sample_has_an_interval_beyond_0_and_1(name: str) -> None:
    found = [
        (path, each)
        for path, each in estimates(summary())
        if (name in path[-1:] if name in SHARES else name in path) and DIFFERENCES.isdisjoint(path)
    ]

    assert found
    for path, each in found:
        if each["low"] is not None:
            assert 0 <= each["low"] <= each["value"] <= each["high"] <= 1, path
