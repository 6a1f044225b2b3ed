"""Repricing: the same run at other prices, without a call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import live
import loopback
from ladder_bench import experiment, folder
from ladder_bench.errors import InputError
from ladder_bench.reprice import reprice

COSTS = ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed")


@pytest.fixture
def run(tmp_path: Path) -> folder.Run:
    with loopback.serve() as provider:
        price = {"input": 3, "cached": 0.3, "cache_write": 3.75, "output": 15, "minimum_prefix": 0}
        live.write(tmp_path, provider.url, 3, price=price)
        return experiment.run(live.options(tmp_path))


def repriced(run: folder.Run, **prices: Any) -> folder.Run:
    """The run at these prices, in a folder beside it."""
    file = run.path.parent / "prices.yaml"
    file.write_text(json.dumps({"prices": prices}), encoding="utf-8")
    return reprice(run.path, str(file), run.path.parent / "repriced").after


def costs(run: folder.Run) -> dict[str, list[float]]:
    return {name: [each["metrics"][name]["value"] for each in run.summary["strategies"]] for name in COSTS}


def test_its_own_prices_change_no_number(run: folder.Run) -> None:
    tiers = str(run.path.parent / "tiers.yaml")
    again = reprice(run.path, tiers, run.path.parent / "again").after

    assert again.summary == run.summary
    assert again.tables["calls"].to_pylist() == run.tables["calls"].to_pylist()


def test_twice_the_price_is_twice_the_cost_and_nothing_else(run: folder.Run) -> None:
    twice = {"input": 6, "cached": 0.6, "cache_write": 7.5, "output": 30, "minimum_prefix": 0}
    after = repriced(run, strong=twice, light=twice)

    for name, values in costs(run).items():
        assert costs(after)[name] == pytest.approx([2 * value for value in values], rel=1e-12)
    assert after.summary["spent_usd"] == run.summary["spent_usd"]
    assert after.tables["turns"].equals(run.tables["turns"])
    assert after.about["prices"]["hash"] != run.about["prices"]["hash"]


def test_a_tier_that_is_not_named_keeps_its_price(run: folder.Run) -> None:
    after = repriced(run, light={"input": 0, "output": 0})

    assert costs(after)["cost_usd_warm"][0] == pytest.approx(costs(run)["cost_usd_warm"][0], rel=1e-12)
    assert costs(after)["cost_usd_warm"][1] < costs(run)["cost_usd_warm"][1]


def test_an_unknown_tier_is_refused_by_its_place(run: folder.Run) -> None:
    with pytest.raises(InputError, match=r"prices\.yaml:1:\d+.*did you mean 'strong'"):
        repriced(run, strnog={"input": 1, "output": 2})
