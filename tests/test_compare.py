"""Comparisons: paired differences with intervals, what is called different, what moved, and what is refused."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compared import PRICE, Arm, Written, drawn, names
from ladder_bench import cli, folder
from ladder_bench.analyse import bootstrap
from ladder_bench.analyse.metrics import METRICS
from ladder_bench.comparison import Options, compare, sentences
from ladder_bench.domain import Price
from ladder_bench.errors import InputError

DATA = Path(__file__).parents[2] / "shared" / "data"
IDS = names(60)
BASE = drawn(60, 0.6)
LUCK = np.random.default_rng(7)


def shifted(by: float, values: Sequence[float] = BASE, noise: float = 0.05, seed: int = 1) -> list[float]:
    random = np.random.default_rng(seed)
    return [float(value) for value in np.clip(np.array(values) + by + random.normal(0, noise, len(values)), 0, 1)]


def found(*paths: Path, **options: Any) -> dict[str, Any]:
    return compare(list(paths), Options(**options)).found


def only(comparison: Mapping[str, Any]) -> dict[str, Any]:
    (one,) = comparison["comparisons"]
    return dict(one)


def written(path: Path, arms: Mapping[str, Arm], ids: Sequence[str] = IDS, **more: Any) -> Path:
    return Written(arms, ids, **more).write(path)


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    """Two runs of one strategy each: the second one is 10 points worse, at half the cost."""
    usd = [1.0 + 0.01 * place for place in range(60)]
    first = written(tmp_path / "a", {"old": Arm(BASE, usd)})
    second = written(tmp_path / "b", {"new": Arm(shifted(-0.1), [each / 2 for each in usd])})
    return first, second


# --- one pair ------------------------------------------------------------------------------


def test_a_planted_difference_is_found_with_its_sign_and_size(two: tuple[Path, Path]) -> None:
    quality = only(found(*two))["metrics"]["quality"]
    assert quality["low"] < -0.1 < quality["high"] < 0
    assert (quality["says"], quality["direction"], quality["n"]) == ("different", "worse", 60)


def test_the_headline_says_what_changed_by_how_much_and_at_what_cost(two: tuple[Path, Path]) -> None:
    headline = found(*two)["headline"]
    assert headline.startswith("new in B is different from old in A in quality, worse: −10.")
    assert "n = 60" in headline
    assert "it costs 50 % of that" in headline


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ((0.0538, 0.0531, 0.0545), "5.38 % of that (5.31 % to 5.45 %)"),
        ((0.46, 0.44, 0.48), "46 % of that (44 % to 48 %)"),
        ((0.5, 0.5, 0.5), "50 % of that (50 % to 50 %)"),
        ((16.3, 15.1, 17.6), "16.3 times as much (15.1 times to 17.6 times)"),
        ((16.32, 16.31, 16.34), "16.320 times as much (16.310 times to 16.340 times)"),
        ((9.9, 9.4, 10.4), "990 % of that (940 % to 10.4 times)"),
    ],
)
def test_a_cost_has_as_many_decimals_as_its_interval_needs(ratio: tuple[float, float, float], said: str) -> None:
    whole = dict(zip(("value", "low", "high"), ratio, strict=True))
    row = {"says": "different", "ratio": whole, "band": None}
    assert sentences._of_cost({"cost_usd_warm": row}) == f"it costs {said}"


def test_a_paired_interval_is_that_of_the_differences(two: tuple[Path, Path]) -> None:
    quality = only(found(*two))["metrics"]["quality"]
    changes = np.array(shifted(-0.1)) - np.array(BASE)
    half = 2.000995378088259 * changes.std(ddof=1) / math.sqrt(60)  # t(59, 0.975)
    assert quality["value"] == pytest.approx(changes.mean())
    assert quality["low"] == pytest.approx(changes.mean() - half)
    assert quality["high"] == pytest.approx(changes.mean() + half)


def test_costs_are_compared_as_a_ratio(two: tuple[Path, Path]) -> None:
    cost = only(found(*two))["metrics"]["cost_usd_warm"]
    assert cost["scale"] == "ratio"
    assert cost["ratio"]["value"] == pytest.approx(0.5)
    assert cost["ratio"]["low"] == pytest.approx(cost["ratio"]["high"])  # half in every conversation
    assert (cost["says"], cost["direction"]) == ("different", "better")


def test_every_metric_of_a_summary_is_there_with_a_value_or_a_reason(two: tuple[Path, Path]) -> None:
    metrics = only(found(*two))["metrics"]
    assert list(metrics) == [*METRICS, "effective_usd"]
    assert all((row["value"] is None) == (row["says"] == "missing") for row in metrics.values())
    assert all(row["why"] for row in metrics.values() if row["value"] is None)


def test_runs_exchanged_change_the_sign_and_nothing_else(two: tuple[Path, Path]) -> None:
    there, back = (only(found(*paths))["metrics"] for paths in (two, two[::-1]))
    for name, row in there.items():
        if row["value"] is None:
            continue
        assert back[name]["value"] == pytest.approx(-row["value"], abs=1e-12), name
        assert back[name]["says"] == row["says"], name
        if row["ratio"] and row["ratio"]["value"]:
            assert back[name]["ratio"]["value"] == pytest.approx(1 / row["ratio"]["value"])


def test_the_order_of_conversations_changes_nothing(tmp_path: Path, two: tuple[Path, Path]) -> None:
    order = np.random.default_rng(3).permutation(60)
    usd = [1.0 + 0.01 * place for place in range(60)]
    mixed = written(tmp_path / "m", {"old": Arm([BASE[at] for at in order], [usd[at] for at in order])},
                    [IDS[at] for at in order])  # fmt: skip
    first, second = (only(found(run, two[1]))["metrics"] for run in (two[0], mixed))
    for name, row in first.items():
        if row["value"] is not None:
            assert second[name]["value"] == pytest.approx(row["value"], abs=1e-12), name
            assert second[name]["low"] == pytest.approx(row["low"], abs=1e-12), name


def test_a_run_against_itself_is_identical_in_everything(two: tuple[Path, Path]) -> None:
    result = found(two[0], two[0])
    metrics = only(result)["metrics"]
    known = {name: row for name, row in metrics.items() if row["value"] is not None}
    assert {"quality", "cost_usd_warm", "qpd", "wait_s_p50", "effective_usd"} <= known.keys()
    assert all((row["value"], row["low"], row["high"]) == (0.0, 0.0, 0.0) for row in known.values())
    assert all(row["says"] == "identical" for row in known.values())
    assert result["headline"].startswith("Nothing changed")
    assert only(result)["conversations"] == {
        "by": "quality", "improved": 0, "regressed": 0, "unchanged": 60, "n": 60, "unscored": 0
    }  # fmt: skip
    assert only(result)["movers"]["up"] == only(result)["movers"]["down"] == []


def test_what_no_sample_of_this_size_could_show_is_not_called_equal(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"old": Arm(BASE)})
    second = written(tmp_path / "b", {"old": Arm(drawn(60, 0.6, seed=9))})
    result = found(first, second)
    quality = only(result)["metrics"]["quality"]
    assert quality["says"] == "not different"
    assert quality["low"] < 0 < quality["high"]
    assert f"anything from {100 * quality['low']:+.1f}".replace("-", "−") in result["headline"]


def test_fewer_than_20_conversations_have_no_interval(tmp_path: Path) -> None:
    few = names(19)
    first = written(tmp_path / "a", {"old": Arm(BASE[:19])}, few)
    second = written(tmp_path / "b", {"old": Arm(shifted(-0.1)[:19])}, few)
    result = found(first, second)
    quality = only(result)["metrics"]["quality"]
    assert quality["value"] < 0
    assert (quality["low"], quality["high"], quality["says"]) == (None, None, "no interval")
    assert "19 conversations" in " ".join(result["notes"])
    assert "20 are needed" in result["headline"]


def test_one_conversation_is_compared_without_an_interval(tmp_path: Path) -> None:
    runs = [
        written(tmp_path / name, {"x": Arm([quality], [usd], [1.0])}, ["c"])
        for name, quality, usd in (("a", 0.5, 1.0), ("b", 0.9, 2.0))
    ]
    one = only(found(*runs))
    assert one["metrics"]["quality"]["value"] == pytest.approx(0.4)
    assert one["metrics"]["quality"]["says"] == "no interval"
    assert one["metrics"]["cost_usd_warm"]["ratio"]["value"] == pytest.approx(2.0)
    assert [each["conversation"] for each in one["movers"]["up"]] == ["c"]


def test_a_side_that_failed_everywhere_is_missing_and_not_worse(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(BASE, failed=frozenset(IDS))})
    one = only(found(first, second))
    for name in ("quality", "cost_usd_warm", "qpd"):
        assert one["metrics"][name]["says"] == "missing"
        assert one["metrics"][name]["why"].startswith("candidate: ")
    assert one["conversations"] is None


def test_conversations_without_a_value_on_one_side_are_left_out_and_counted(tmp_path: Path) -> None:
    unscored: list[float | None] = [None if place < 5 else value for place, value in enumerate(BASE)]
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(unscored)})
    quality = only(found(first, second))["metrics"]["quality"]
    assert (quality["n"], quality["unscored"], quality["value"]) == (55, 5, 0.0)


def test_free_on_one_side_has_a_difference_and_no_ratio(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(BASE, [0.0] * 60)})
    cost = only(found(first, second))["metrics"]["cost_usd_warm"]
    assert (cost["value"], cost["scale"], cost["says"], cost["direction"]) == (
        -1.0,
        "difference",
        "different",
        "better",
    )
    assert cost["ratio"]["value"] is None
    assert "above 0" in cost["ratio"]["why"]


def test_nothing_resolved_has_no_ratio_of_qpd(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm([0.9] * 60)})
    second = written(tmp_path / "b", {"x": Arm([0.1] * 60)})
    qpd = only(found(first, second))["metrics"]["qpd"]
    assert qpd["value"] < 0
    assert qpd["ratio"]["value"] is None
    assert qpd["direction"] == "worse"


def test_both_sides_pay_the_same_for_an_unresolved_conversation(tmp_path: Path) -> None:
    runs = [
        written(tmp_path / name, {"x": Arm([0.9 if at % 2 else 0.1 for at in range(60)])}, config={"unresolved_cost_usd": usd})
        for name, usd in (("a", 3.0), ("b", 7.0))
    ]  # fmt: skip
    result = found(*runs)
    assert result["unresolved_cost_usd"] == 3.0
    assert only(result)["metrics"]["qpd"]["says"] == "identical"
    assert any("different costs of an unresolved" in note for note in result["notes"])
    assert only(result)["metrics"]["effective_usd"]["base"]["value"] == pytest.approx(1.0 + 3.0 / 2)
    assert found(*runs, unresolved_usd=9.0)["unresolved_cost_usd"] == 9.0


def test_waits_differ_by_their_quantiles_over_shared_draws(tmp_path: Path) -> None:
    waits = [1.0 + 0.05 * place for place in range(60)]
    first = written(tmp_path / "a", {"x": Arm(BASE, wait=waits)})
    second = written(tmp_path / "b", {"x": Arm(BASE, wait=[each + 2.0 for each in waits])})
    metrics = only(found(first, second))["metrics"]
    assert metrics["wait_s_p50"]["value"] == pytest.approx(2.0)
    assert metrics["wait_s_p50"]["low"] == pytest.approx(2.0)  # every draw moves both sides alike
    assert metrics["wait_s_p50"]["direction"] == "worse"
    assert metrics["wait_s_p99"]["says"] == "missing"


def test_counts_and_movers_are_of_the_conversations_that_changed(tmp_path: Path) -> None:
    changed = list(BASE)
    changed[0], changed[1], changed[2] = changed[0] + 0.2, changed[1] - 0.3, changed[2] + 1e-12
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(changed)})
    one = only(found(first, second))
    assert one["conversations"] | {"n": 60} == {
        "by": "quality", "improved": 1, "regressed": 1, "unchanged": 58, "n": 60, "unscored": 0
    }  # fmt: skip
    assert [each["conversation"] for each in one["movers"]["up"]] == ["c000"]
    assert [each["conversation"] for each in one["movers"]["down"]] == ["c001"]
    assert one["movers"]["down"][0]["difference"] == pytest.approx(-0.3)


def test_the_largest_movers_come_first_and_the_others_are_counted(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm([0.2] * 60)})
    second = written(tmp_path / "b", {"x": Arm([0.2 + 0.01 * place for place in range(60)])})
    movers = only(found(first, second))["movers"]
    assert [each["conversation"] for each in movers["up"]][:2] == ["c059", "c058"]
    assert (len(movers["up"]), movers["left_out"]) == (10, {"up": 49, "down": 0})


def test_without_a_quality_what_moved_is_resolved_else_the_cost(tmp_path: Path) -> None:
    nothing: list[float | None] = [None] * 60
    first = written(tmp_path / "a", {"x": Arm(nothing)})
    second = written(tmp_path / "b", {"x": Arm(nothing, [1.0 + (place == 3) for place in range(60)])})
    one = only(found(first, second))
    assert one["conversations"] is None
    assert one["movers"]["by"] == "cost_usd_warm"
    assert one["movers"]["up"] == [{"conversation": "c003", "base": 1.0, "candidate": 2.0, "difference": 1.0}]


# --- many strategies -----------------------------------------------------------------------


def family(tmp_path: Path, shifts: Mapping[str, float], seed: int = 0) -> Path:
    arms = {"base": Arm(BASE)}
    arms |= {name: Arm(shifted(by, noise=0.1, seed=seed + place)) for place, (name, by) in enumerate(shifts.items(), 1)}
    return written(tmp_path / f"run{seed}", arms)


def test_of_many_only_what_its_band_excludes_is_called_different(tmp_path: Path) -> None:
    run = family(tmp_path, {"worse": -0.3, **{f"same{place}": 0.0 for place in range(8)}})
    chosen = ("base", "worse", *(f"same{place}" for place in range(8)))
    rows = {
        each["candidate"]["strategy"]: each["metrics"]["quality"]
        for each in found(run, strategies=chosen)["comparisons"]
    }
    assert rows["worse"]["says"] == "different"
    for row in rows.values():
        assert row["band"]["low"] < row["low"] < row["high"] < row["band"]["high"]
        assert (row["says"] == "different") == (row["band"]["low"] > 0 or row["band"]["high"] < 0)


def test_equal_strategies_are_hardly_ever_called_different(tmp_path: Path) -> None:
    """10 families of 6 equal candidates: plain intervals would call some different in 2 or 3 of them."""
    wrong = 0
    for seed in range(100, 1100, 100):
        run = family(tmp_path, {f"same{place}": 0.0 for place in range(6)}, seed)
        rows = [
            each["metrics"]["quality"]
            for each in found(run, strategies=("base", *(f"same{p}" for p in range(6))))["comparisons"]
        ]
        wrong += any(row["says"] == "different" for row in rows)
    assert wrong <= 1


def test_the_band_is_max_t_over_the_comparisons(tmp_path: Path) -> None:
    run = family(tmp_path, {"one": -0.05, "two": 0.02})
    rows = [each["metrics"]["quality"] for each in found(run, strategies=("base", "one", "two"))["comparisons"]]
    changes = np.stack([np.array(shifted(by, noise=0.1, seed=seed)) - np.array(BASE)
                        for by, seed in ((-0.05, 1), (0.02, 2))], axis=1)  # fmt: skip
    factor = bootstrap.max_t(changes - changes.mean(axis=0))
    for row, change in zip(rows, changes.T, strict=True):
        half = factor * change.std(ddof=1) / math.sqrt(60)
        assert row["band"]["high"] - row["value"] == pytest.approx(half, rel=1e-6)


def test_an_effect_of_a_few_conversations_does_not_widen_the_bands_of_the_others(tmp_path: Path) -> None:
    """Draws without those conversations say that its error is 0."""
    few = [value + (0.3 if place == 0 else 0.0) for place, value in enumerate(BASE)]
    arms = {"base": Arm(BASE), "few": Arm(few), "worse": Arm(shifted(-0.2))}
    rows = [
        each["metrics"]["quality"]
        for each in found(written(tmp_path / "r", arms), strategies=tuple(arms))["comparisons"]
    ]
    assert rows[0]["says"] == "not different"
    assert rows[1]["says"] == "different"


def test_one_run_holds_its_strategies_against_its_base(tmp_path: Path) -> None:
    arms = {"weak": Arm(shifted(-0.3)), "strong": Arm(BASE), "middle": Arm(shifted(-0.1))}
    result = found(written(tmp_path / "r", arms))
    assert {each["base"]["strategy"] for each in result["comparisons"]} == {"strong"}
    assert [each["candidate"]["strategy"] for each in result["comparisons"]] == ["weak", "middle"]
    assert result["headline"].startswith("Of 2 comparisons against strong, 2 are different in quality: weak (worse")


def test_runs_are_matched_by_the_names_of_strategies(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE), "y": Arm(BASE), "gone": Arm(BASE)})
    second = written(tmp_path / "b", {"y": Arm(BASE), "x": Arm(shifted(-0.2)), "fresh": Arm(BASE)})
    result = found(first, second)
    pairs = [(each["base"]["strategy"], each["candidate"]["strategy"]) for each in result["comparisons"]]
    assert pairs == [("y", "y"), ("x", "x")]
    assert result["unmatched"] == {"A": ["gone"], "B": ["fresh"]}
    assert [each["metrics"]["quality"]["says"] for each in result["comparisons"]] == ["identical", "different"]


def test_a_third_run_is_held_against_the_first_too(tmp_path: Path) -> None:
    runs = [written(tmp_path / name, {"x": Arm(shifted(by, noise=0.02, seed=seed))})
            for name, by, seed in (("a", 0.0, 1), ("b", -0.1, 2), ("c", 0.1, 3))]  # fmt: skip
    result = found(*runs)
    assert [(each["base"]["run"], each["candidate"]["run"]) for each in result["comparisons"]] == [
        ("A", "B"),
        ("A", "C"),
    ]
    assert [each["metrics"]["quality"]["direction"] for each in result["comparisons"]] == ["worse", "better"]


def test_a_strategy_of_one_run_is_held_against_another_of_the_first(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE), "y": Arm(BASE)})
    second = written(tmp_path / "b", {"z": Arm(BASE), "x": Arm(shifted(-0.2))})
    one = only(found(first, second, strategies=("x",), against="y"))
    assert (one["base"], one["candidate"]) == ({"run": "A", "strategy": "y"}, {"run": "B", "strategy": "x"})


# --- tags ----------------------------------------------------------------------------------


def test_deltas_by_tag_have_bands_over_all_tags(tmp_path: Path) -> None:
    tags = {name: ("hard",) if place < 25 else ("easy",) if place < 55 else ("rare",) for place, name in enumerate(IDS)}
    worse = [value - (0.2 if place < 25 else 0.0) + 0.02 * math.sin(place) for place, value in enumerate(BASE)]
    first = written(tmp_path / "a", {"x": Arm(BASE)}, tags=tags)
    second = written(tmp_path / "b", {"x": Arm(worse)}, tags=tags)
    rows = {row["tag"]: row for row in only(found(first, second, by_tag=True))["tags"]}
    assert [(tag, row["n"]) for tag, row in rows.items()] == [("easy", 30), ("hard", 25), ("rare", 5)]
    assert rows["hard"]["metrics"]["quality"]["says"] == "different"
    assert rows["hard"]["metrics"]["quality"]["value"] == pytest.approx(-0.2, abs=0.01)
    assert rows["easy"]["metrics"]["quality"]["says"] == "not different"
    assert rows["rare"]["metrics"]["quality"]["says"] == "no interval"
    band = rows["hard"]["metrics"]["quality"]["band"]
    assert band["low"] < rows["hard"]["metrics"]["quality"]["low"]
    assert only(found(first, second))["tags"] is None


# --- like with like ------------------------------------------------------------------------


def refused(*paths: Path, **options: Any) -> str:
    with pytest.raises(InputError) as error:
        found(*paths, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"config": {"weights": {"correctness": 2.0}}}, "weights of criteria"),
        ({"config": {"resolved_quality": 0.5}}, "counts as resolved"),
        ({"about": {"mode": "forced"}}, "replay mode"),
        ({"about": {"judges": [{"name": "j", "model": "m", "params": {}}]}}, "judge differs"),
        ({"about": {"rubric": {"id": "checks", "version": 2, "hash": "other"}}}, "rubrics differ: checks changed"),
        ({"digests": {"c001": "another"}}, "conversations differ: 1 have the same id and another content"),
        ({"ids": IDS[:40]}, "conversations differ: 20 only in the first"),
    ],
)
def test_what_is_not_alike_is_refused_by_name(tmp_path: Path, changed: dict[str, Any], says: str) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(BASE)}, **changed)
    assert says in refused(first, second)


def test_conversations_in_common_are_compared_where_that_is_asked(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE)}, digests={"c030": "another"})
    second = written(tmp_path / "b", {"x": Arm(shifted(-0.2)[:40])}, IDS[:40])
    assert "--common compares what both hold" in refused(first, second)
    result = found(first, second, common=True)
    assert result["common"] == {"kept": 39, "left_out": {"A": 21, "B": 1}}
    assert only(result)["metrics"]["quality"]["n"] == 39
    assert any("39 conversations that all runs hold" in note for note in result["notes"])
    expected = np.delete(np.array(shifted(-0.2)[:40]) - np.array(BASE[:40]), 30).mean()
    assert only(result)["metrics"]["quality"]["value"] == pytest.approx(expected)


def test_common_does_not_excuse_another_judge_or_no_conversation_at_all(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    judged = written(tmp_path / "b", {"x": Arm(BASE)}, about={"judges": [{"name": "j", "model": "m", "params": {}}]})
    assert "judge differs" in refused(first, judged, common=True)
    others = written(tmp_path / "c", {"x": Arm(BASE)}, [f"other{place}" for place in range(60)])
    assert "no conversation in common" in refused(first, others, common=True)
    assert "--common" not in refused(first, others)


def test_other_prices_are_no_difference_in_cost(tmp_path: Path) -> None:
    double = dataclasses.replace(PRICE, output=2 * PRICE.output)
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(BASE, [2.0] * 60)}, prices={"x": double})
    run = folder.read(second)  # its calls have the tokens of the first at double the price
    calls = run.tables["calls"]
    halved = [each // 2 for each in calls["output"].to_pylist()]
    calls = calls.set_column(calls.column_names.index("output"), "output", folder.column("int64", halved))
    folder.write(second, run.about, {**run.tables, "calls": calls}, {}, {})
    result = found(first, second)
    cost = only(result)["metrics"]["cost_usd_warm"]
    assert result["repriced"] == {"at": "B", "date": "2026-01-02", "tiers": {"A": ["x"]}}
    assert cost["ratio"]["value"] == pytest.approx(1.0, abs=1e-4)
    assert cost["base"]["value"] == pytest.approx(2.0, abs=1e-4)
    assert any("at the prices of B" in note for note in result["notes"])


def test_another_model_under_the_same_name_keeps_its_own_price(tmp_path: Path) -> None:
    about = {"tiers": [{"name": "x", "model": "vendor/other", "params": {}, "cache_group": "x",
                        "price": dataclasses.asdict(Price(1.0, 2.0))}]}  # fmt: skip
    first = written(tmp_path / "a", {"x": Arm(BASE)})
    second = written(tmp_path / "b", {"x": Arm(BASE, [0.5] * 60)}, about=about)
    result = found(first, second)
    assert result["repriced"] is None
    assert only(result)["metrics"]["cost_usd_warm"]["ratio"]["value"] == pytest.approx(0.5)
    assert {"what": "tier x model", "base": "vendor/x", "candidate": "vendor/other"} in result["changes"]["B"]


def test_a_tier_renamed_is_priced_as_its_model_and_imported_arms_are_not_one_model(tmp_path: Path) -> None:
    def tiers(name: str, model: str, output: float) -> dict[str, Any]:
        price = dataclasses.asdict(Price(0.0, output))
        return {"tiers": [{"name": name, "model": model, "params": {}, "cache_group": name, "price": price}]}

    def ratio(model: str) -> float:
        place = tmp_path / model.replace("/", " ")
        first = written(place / "a", {"old": Arm(BASE)}, about=tiers("old", model, 15.0))
        second = written(place / "b", {"new": Arm(BASE, [2.0] * 60)}, about=tiers("new", model, 30.0))
        return float(only(found(first, second))["metrics"]["cost_usd_warm"]["ratio"]["value"])

    assert ratio("vendor/model") == pytest.approx(1.0, abs=1e-4)  # at 30 what cost 15
    assert ratio("imported/unnamed") == pytest.approx(2.0)


# --- unpaired ------------------------------------------------------------------------------


def apart(tmp_path: Path, sizes: tuple[int, int], by: float, **about: Any) -> Path:
    """One run whose two arms have different conversations."""
    ids = names(sum(sizes))
    quality = drawn(len(ids), 0.6, seed=4)
    ours = frozenset(ids[: sizes[0]])
    arms = {
        "old": Arm(quality, only=ours),
        "new": Arm([value + by for value in quality], only=frozenset(ids) - ours),
    }
    return written(tmp_path / "apart", arms, ids, about={"design": "unpaired", **about})


def test_arms_over_different_conversations_are_compared_by_welch(tmp_path: Path) -> None:
    from scipy import stats

    result = found(apart(tmp_path, (50, 40), -0.15), strategies=("old", "new"))
    quality = only(result)["metrics"]["quality"]
    drawn_ = drawn(90, 0.6, seed=4)
    old, new = np.array(drawn_[:50]), np.array(drawn_[50:]) - 0.15
    interval = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    assert (quality["low"], quality["high"]) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert (quality["n"], quality["unscored"], quality["direction"]) == (90, 0, "worse")
    assert only(result)["conversations"] is None
    assert only(result)["movers"] is None
    assert any(note.startswith("unpaired") for note in result["notes"])


def test_a_lopsided_split_is_an_alarm_and_an_even_or_declared_one_is_not(tmp_path: Path) -> None:
    even = found(apart(tmp_path / "1", (50, 52), 0.0), strategies=("old", "new"))
    assert even["balance"]["counts"] == {"old": 50, "new": 52}
    assert not even["balance"]["alarm"]
    lopsided = found(apart(tmp_path / "2", (120, 40), 0.0), strategies=("old", "new"))
    assert lopsided["balance"]["alarm"]
    assert lopsided["balance"]["p_value"] == pytest.approx(2.54e-10, rel=0.01)  # chi-square 40 on 1 degree
    assert any(note.startswith("sample ratio") for note in lopsided["notes"])
    declared = found(tmp_path / "2" / "apart", strategies=("old", "new"), shares=(("old", 3.0), ("new", 1.0)))
    assert (declared["balance"]["declared"], declared["balance"]["p_value"]) == (True, 1.0)


def test_what_all_of_two_groups_did_is_not_certain_to_be_equal(tmp_path: Path) -> None:
    """25 of 25 resolved on both sides: each share is known to about 14 points."""
    ids = names(50)
    arms = {"old": Arm([0.9] * 50, only=frozenset(ids[:25])), "new": Arm([0.9] * 50, only=frozenset(ids[25:]))}
    run = written(tmp_path / "r", arms, ids, about={"design": "unpaired"})
    resolved = only(found(run, strategies=("old", "new")))["metrics"]["resolved"]
    assert (resolved["value"], resolved["says"]) == (pytest.approx(0.0, abs=1e-12), "not different")
    assert resolved["high"] == pytest.approx(math.hypot(0.137, 0.137), abs=0.01)


def test_conversations_of_one_user_count_once(tmp_path: Path) -> None:
    owners = {name: f"user{place // 2}" for place, name in enumerate(names(80))}
    plain = only(found(apart(tmp_path / "1", (40, 40), -0.1), strategies=("old", "new")))["metrics"]["quality"]
    result = found(apart(tmp_path / "2", (40, 40), -0.1, cluster=owners), strategies=("old", "new"))
    quality = only(result)["metrics"]["quality"]
    assert result["units"] == "clusters"
    assert "n = 40 users" in result["headline"]
    assert quality["value"] == pytest.approx(plain["value"])
    assert (quality["n"], plain["n"]) == (40, 80)


def test_fewer_than_20_users_are_told_as_users(tmp_path: Path) -> None:
    owners = {name: f"user{place % 19}" for place, name in enumerate(IDS)}
    run = written(tmp_path, {"old": Arm(BASE), "new": Arm(shifted(-0.1))}, about={"cluster": owners})
    result = found(run, strategies=("old", "new"))
    for name in ("quality", "wait_s_p50"):
        assert only(result)["metrics"][name]["why"] in ("identical", "no interval: 19 users, 20 are needed")
    assert "no interval: 19 users, 20 are needed" in result["headline"]


def test_a_users_second_conversation_that_is_like_the_first_tells_nothing_new(tmp_path: Path) -> None:
    """Every row twice, under the same user: values and intervals stay, in every metric, and n counts users."""
    once, twice = names(30), [f"{name}-{copy}" for name in names(30) for copy in range(2)]
    owners = {name: name.partition("-")[0] for name in twice}
    usd, waits = [1.0 + 0.02 * place for place in range(30)], [1.0 + 0.1 * place for place in range(30)]
    better = shifted(0.05)[:30]

    def arms(times: int) -> dict[str, Arm]:
        def each(values: Sequence[float]) -> list[float]:
            return [value for value in values for _ in range(times)]

        return {
            "old": Arm(each(BASE[:30]), each(usd), each(waits)),
            "new": Arm(each(better), each([value * 0.7 for value in usd]), each([value + 1 for value in waits[::-1]])),
        }

    plain = only(found(written(tmp_path / "1", arms(1), once), strategies=("old", "new")))["metrics"]
    result = found(written(tmp_path / "2", arms(2), twice, about={"cluster": owners}), strategies=("old", "new"))
    for name, row in only(result)["metrics"].items():
        assert row["n"] == plain[name]["n"], name
        for part in ("value", "low", "high"):
            assert row[part] == (None if row[part] is None else pytest.approx(plain[name][part], abs=1e-9)), name
    assert (result["units"], only(result)["conversations"]["n"]) == ("clusters", 60)


def test_users_in_both_arms_count_once_and_are_told(tmp_path: Path) -> None:
    owners = {name: f"user{place % 40}" for place, name in enumerate(names(80))}
    result = found(apart(tmp_path, (40, 40), -0.1, cluster=owners), strategies=("old", "new"))
    assert only(result)["metrics"]["quality"]["n"] == 40
    assert any(note.startswith("40 clusters are in both arms") for note in result["notes"])


# --- what differs --------------------------------------------------------------------------


def test_what_two_runs_are_set_differently_on_is_listed_knob_by_knob(tmp_path: Path) -> None:
    prompts = {"scaffold.jinja": {"version": 1, "hash": "old"}, "same.jinja": {"version": 1, "hash": "same"}}
    first = written(tmp_path / "a", {"x": Arm(BASE)}, about={"prompts": prompts})
    second = written(
        tmp_path / "b", {"x": Arm(BASE)}, config={"seed": 4},
        about={"prompts": {**prompts, "scaffold.jinja": {"version": 2, "hash": "new"}}, "packages": {"python": "3.12"}},
    )  # fmt: skip
    assert found(first, second)["changes"]["B"] == [
        {"what": "seed", "base": "0", "candidate": "4"},
        {"what": "prompt scaffold.jinja", "base": "version 1, hash old", "candidate": "version 2, hash new"},
        {"what": "package python", "base": "3.11", "candidate": "3.12"},
    ]


def test_no_key_is_among_what_differs(tmp_path: Path) -> None:
    secret = "sk-proj-0123456789abcdef"

    def tiers(mark: str) -> dict[str, Any]:
        params = {
            "api_key": secret + mark, "extra_headers": {"X-Api-Token": secret + mark}, "temperature": len(mark),
            "api_base": f"https://user:{secret}@host{len(mark)}.example/v1?key={secret}", "access_token": secret + mark,
        }  # fmt: skip
        return {"tiers": [{"name": "x", "model": "vendor/x", "params": params, "cache_group": "x",
                           "price": dataclasses.asdict(PRICE)}]}  # fmt: skip

    first = written(tmp_path / "a", {"x": Arm(BASE)}, about=tiers("a"))
    second = written(tmp_path / "b", {"x": Arm(BASE)}, about=tiers("bb"))
    result = found(first, second)
    assert secret not in json.dumps(result)
    changed = {each["what"]: each["candidate"] for each in result["changes"]["B"]}
    assert changed["tier x params.temperature"] == "2"
    assert changed["tier x params.api_key"] == "(not shown)"
    assert changed["tier x params.api_base"].startswith("https://host2.example/v1")


def test_strategies_are_told_apart_by_their_knobs(tmp_path: Path) -> None:
    run = written(tmp_path / "r", {"x": Arm(BASE), "y": Arm(BASE)})
    about = folder.read(run).about
    about["strategies"][1] |= {"steps": [{"tier": "x", "turns": 2}, {"tier": "y", "turns": None}]}
    about["strategies"][1]["handoff"] |= {"memory": "standard"}
    (run / "run.json").write_text(json.dumps(about), encoding="utf-8")
    assert only(found(run, strategies=("x", "y")))["changes"] == [
        {"what": "ladder", "base": "x", "candidate": "x for 2 turns, then y"},
        {"what": "memory", "base": "none", "candidate": "standard"},
    ]


# --- choosing ------------------------------------------------------------------------------


def test_names_that_no_run_has_are_refused_with_what_it_holds(tmp_path: Path) -> None:
    first = written(tmp_path / "a", {"two-step": Arm(BASE), "light": Arm(BASE)})
    second = written(tmp_path / "b", {"two-steps": Arm(BASE), "mid": Arm(BASE)})
    assert "did you mean 'light'" in refused(first, strategies=("lihgt",))
    said = refused(first, second)
    assert "has 'two-step', 'light'" in said
    assert "has 'two-steps', 'mid'" in said
    assert "did you mean 'two-step'" in said
    assert "--against" in refused(first, second, strategies=("mid",))
    assert "did you mean 'two-step'" in refused(first, second, strategies=("mid",), against="twostep")


def test_a_run_of_one_strategy_has_nothing_to_compare(tmp_path: Path) -> None:
    alone = written(tmp_path / "a", {"x": Arm(BASE)})
    assert "its only strategy is 'x'; name two runs" in refused(alone)
    assert "choose another one" in refused(
        written(tmp_path / "b", {"x": Arm(BASE), "y": Arm(BASE)}), strategies=("x",), against="x"
    )


def test_folders_that_are_no_runs_are_refused(tmp_path: Path) -> None:
    run = written(tmp_path / "a", {"x": Arm(BASE)})
    assert "is not a run folder" in refused(run, tmp_path / "nothing")
    damaged = written(tmp_path / "d", {"x": Arm(BASE)})
    (damaged / "run.json").write_text(json.dumps({"schema": 1, "mode": "rollout"}), encoding="utf-8")
    assert "damaged" in refused(run, damaged)


# --- real recordings -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def mint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recordings = DATA / "mint_arms.jsonl.gz"
    if not recordings.is_file():
        pytest.skip("needs the recordings: mint_arms.jsonl.gz is not in ../shared/data")
    out = tmp_path_factory.mktemp("mint") / "run"
    with contextlib.suppress(SystemExit):
        cli.main(["import", "--no-checks", "--arms", str(recordings), "--out", str(out)])
    return out


@pytest.mark.parametrize(
    ("base", "says", "value", "low", "high"),
    [
        ("Meta-Llama-3-70B-Instruct", "not different", 0.0324, -0.005, 0.070),
        ("gpt-3.5-turbo-0613", "different", 0.3328, 0.289, 0.377),
    ],
)
def test_recorded_arms_differ_as_published(
    mint: Path, base: str, says: str, value: float, low: float, high: float
) -> None:
    result = found(mint, strategies=(base, "gpt-4-0613"))
    resolved = only(result)["metrics"]["resolved"]
    assert resolved["value"] == pytest.approx(value, abs=0.001)
    assert (resolved["low"], resolved["high"]) == (pytest.approx(low, abs=0.002), pytest.approx(high, abs=0.002))
    assert resolved["says"] == says
    assert f"is {says} from {base} in resolved" in result["headline"]
    for name in ("cost_usd_warm", "qpd"):
        assert only(result)["metrics"][name]["value"] is None
        assert "no price for arm" in only(result)["metrics"][name]["why"]


# --- preferences ---------------------------------------------------------------------------


def test_where_a_preference_stands_for_quality_it_is_what_is_compared(tmp_path: Path) -> None:
    rubric = {"id": "pairs", "version": 1, "hash": "h", "grader": "pairwise", "metric": "preference",
              "metrics": ["preference"], "against": "old", "level": "turn"}  # fmt: skip
    about = {"rubrics": [rubric], "compared_with": "old"}
    lost = [0.0 if place < 40 else 1.0 for place in range(60)]
    runs = [
        written(tmp_path / name, {"old": Arm([None] * 60), "new": Arm(preferred)}, about=about, metric="preference")
        for name, preferred in (("a", [0.5] * 60), ("b", lost))
    ]
    result = found(*runs, strategies=("new",))
    assert result["qpd_rate"] == "quality"
    assert only(result)["metrics"]["quality"]["value"] == pytest.approx(1 / 3 - 0.5)
    assert only(result)["metrics"]["quality"]["direction"] == "worse"
    assert only(result)["conversations"]["regressed"] == 40
    assert only(found(runs[1], strategies=("old", "new")))["metrics"]["quality"]["base"]["value"] == 0.5
