"""The Python interface: tables, a figure, and a readable run, where an event loop is running too."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import ladder_bench as lb
from builders import experiment_files
from ladder_bench import cli
from ladder_bench.analyse.metrics import METRICS
from ladder_bench.errors import InputError

STRATEGIES = [{"single": "advanced"}, {"single": "light"}]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> lb.Run:
    folder = tmp_path_factory.mktemp("api")
    matrix = experiment_files(folder, STRATEGIES, count=20)

    async def in_a_notebook() -> lb.Run:
        return lb.run(matrix, out=folder / "run", store=folder / "calls.sqlite", offline=True)

    return asyncio.run(in_a_notebook())


def test_a_run_is_made_where_an_event_loop_is_running_and_loads_again(found: lb.Run) -> None:
    again = lb.load(found.path)
    assert again.json == found.json
    assert again.verdict == found.verdict


def test_the_summary_has_every_metric_with_its_interval_and_n(found: lb.Run) -> None:
    table = found.summary()
    assert set(METRICS) <= set(table.metric)
    quality = table[(table.strategy == "light") & (table.metric == "quality")].iloc[0]
    assert quality.low < quality.value < quality.high
    assert quality.n == 20


def test_turns_hold_what_was_said(found: lb.Run) -> None:
    turns = found.turns()
    assert len(turns) == len(STRATEGIES) * 70  # 20 conversations, half of 3 turns and half of 4
    assert turns.user.str.startswith("Question").all()
    assert turns.answer.notna().all()
    assert set(found.calls().strategy) == set(found.verdicts().strategy) == {"advanced", "light"}


def test_a_frame_belongs_to_the_caller(found: lb.Run) -> None:
    mine = found.verdicts()
    mine["value"] = 0.0
    assert found.verdicts().value.max() == 1.0


def test_the_figure_is_a_figure(found: lb.Run) -> None:
    (axes,) = found.pareto().axes
    assert axes.get_ylabel() == "quality Q"


def test_a_run_shows_itself_with_its_banners(found: lb.Run) -> None:
    assert "2 strategies x 20 conversations" in repr(found)
    assert "simulated tiers" in repr(found)
    assert "n = 20" in found._repr_html_()


def test_hostile_names_are_text_in_a_notebook(found: lb.Run) -> None:
    hostile = lb.load(found.path)
    hostile.json["strategies"][0]["name"] = "<script>x</script>"
    assert "<script>" not in hostile._repr_html_()


def test_a_run_compared_with_itself_is_identical_in_every_metric_that_it_has(found: lb.Run) -> None:
    table = lb.compare(found, found.path).differences()
    assert set(table.says) == {"identical", "missing"}
    assert table[(table.metric == "quality") & (table.says == "identical")].value.eq(0).all()


def test_strategies_of_one_run_are_compared(found: lb.Run) -> None:
    compared = lb.compare(found, strategies=["advanced", "light"])
    assert "light" in compared.headline
    assert "simulated tiers" in repr(compared)


def test_a_run_passes_the_gate_against_its_own_baseline(found: lb.Run, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["baseline", "update", str(found.path), "--out", str(tmp_path / "base.json")])
    gated = lb.gate(found, tmp_path / "base.json")
    assert (gated.outcome, set(gated.tests().value)) == ("pass", {0.0, 1.0})  # differences, and a ratio
    assert repr(gated).startswith("PASS: ")


def test_what_cannot_be_compared_is_refused_with_reasons(found: lb.Run, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        cli.main(["baseline", "update", str(found.path), "--out", str(tmp_path / "base.json")])
    other = lb.run(found.about["config"]["matrix"], out=tmp_path / "o", store=tmp_path / "s.sqlite", limit=19)
    gated = lb.gate(other, tmp_path / "base.json")
    assert gated.outcome == "refused"
    assert "conversations differ" in gated.reasons[0]


def test_what_the_user_can_put_right_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run folder"):
        lb.load(tmp_path)
    with pytest.raises(TypeError, match="max_costs"):
        lb.run(max_costs=3)


def test_the_interface_is_named_and_nothing_else_is() -> None:
    assert {"Run", "load", "run"} <= set(dir(lb))
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        _ = lb.runs  # type: ignore[attr-defined]
