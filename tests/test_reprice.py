"""Other prices for a run that is done: every cost as if it had been run at them, and nothing else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import live
import loopback
from builders import dataset_lines
from ladder_bench import cli, experiment, folder, prices
from ladder_bench.analyse.summary import summarise
from ladder_bench.domain import Price
from ladder_bench.errors import InputError
from ladder_bench.experiment import Options
from ladder_bench.reprice import reprice
from ladder_bench.sides.repricing import COSTS, priced
from loopback import Behaviour

OF_MONEY = ("cost_usd_warm", "cost_usd_cold", "cost_usd_billed", "cost_usd_per_resolved")
OTHERS = {
    "advanced": {"input": 7, "output": 21, "cached": 0.9, "cache_write": 8, "ttl_s": 700, "minimum_prefix": 64},
    "light": {"input": 0.2, "output": 1.5, "steps": [{"above": 150, "input": 0.5, "output": 3}], "minimum_prefix": 0},
}


def offline_run(place: Path, tier_prices: Mapping[str, Any] | None = None, name: str = "run") -> folder.Run:
    """Three strategies over conversations, every other one of which has pauses of ten minutes."""
    lines = dataset_lines(24)
    for line in lines[::2]:
        for number, message in enumerate(line["messages"]):
            message["timestamp"] = f"2026-01-02T{10 + number // 12}:{(number % 12) * 5:02}:00Z"
    (place / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    tiers = [{"name": each, "model": f"simulated/{each}"} for each in ("advanced", "light")]
    for tier in tiers:
        tier |= {"price": (tier_prices or {}).get(tier["name"])} if tier_prices else {}
    (place / f"{name}-tiers.yaml").write_text(json.dumps({"tiers": tiers}), encoding="utf-8")
    handoff = {"memory": "standard"}
    steps = [{"tier": "advanced", "turns": 1}, {"tier": "light"}]
    (place / "two.yaml").write_text(json.dumps({"name": "two", "steps": steps, "handoff": handoff}), encoding="utf-8")
    uses = [{"single": "advanced"}, {"single": "light"}, {"ladder": "two.yaml"}]
    matrix = {"dataset": "cases.jsonl", "tiers": f"{name}-tiers.yaml", "strategies": uses, "controls": "none"}
    (place / f"{name}.yaml").write_text(json.dumps(matrix), encoding="utf-8")
    return experiment.run(Options(str(place / f"{name}.yaml"), store=place / "calls.sqlite", out=place / name))


@pytest.fixture(scope="module")
def a_run(tmp_path_factory: pytest.TempPathFactory) -> folder.Run:
    """A run for tests that write nothing into its folder."""
    return offline_run(tmp_path_factory.mktemp("a-run"))


def of(run: folder.Run) -> dict[str, Price]:
    return {tier["name"]: prices.from_snapshot(tier["price"]) for tier in run.about["tiers"]}


def times(factor: float, price: Price) -> Price:
    rates = ("input", "output", "cached", "cache_write", "reasoning")
    known = {name: getattr(price, name) for name in rates if getattr(price, name) is not None}
    steps = tuple((above, times(factor, step)) for above, step in price.steps)
    return replace(price, **{name: rate * factor for name, rate in known.items()}, steps=steps)


def prices_file(path: Path, of_tiers: Mapping[str, Any]) -> str:
    path.write_text(json.dumps({"prices": of_tiers}), encoding="utf-8")  # JSON is YAML
    return str(path)


def as_file(price: Price) -> dict[str, Any]:
    rates = ("input", "output", "cached", "cache_write", "reasoning")
    steps = [{"above": above, **{name: getattr(step, name) for name in rates}} for above, step in price.steps]
    return {**asdict(price), "steps": steps}


def column(run: folder.Run, name: str) -> list[Any]:
    found: list[Any] = run.tables["calls"][name].to_pylist()
    return found


def metric(run: folder.Run, name: str) -> list[Any]:
    return [each["metrics"][name] for each in run.summary["strategies"]]


# --- the numbers ---------------------------------------------------------------------------


def test_a_runs_own_prices_give_its_own_numbers(tmp_path: Path) -> None:
    before = offline_run(tmp_path)
    own = prices_file(tmp_path / "own.yaml", {name: as_file(price) for name, price in of(before).items()})

    after = reprice(before.path, own, tmp_path / "again").after

    for name in COSTS:
        assert column(after, name) == [
            each if each is None else pytest.approx(each, rel=1e-12, abs=0) for each in column(before, name)
        ]
    assert after.summary == before.summary
    assert after.about["prices"]["hash"] == before.about["prices"]["hash"]


def test_other_prices_give_what_a_run_at_them_gives(tmp_path: Path) -> None:
    before = offline_run(tmp_path)
    expected = offline_run(tmp_path, OTHERS, "dearer")

    after = reprice(before.path, prices_file(tmp_path / "other.yaml", OTHERS)).after

    assert column(before, "usd_warm") != column(after, "usd_warm")
    for name in COSTS:
        assert column(after, name) == column(expected, name)
    assert live.comparable(after.summary) == live.comparable(expected.summary)
    assert after.about["prices"]["hash"] == expected.about["prices"]["hash"]


RATE = st.floats(0.01, 100)
RATES = {
    "input": RATE,
    "output": RATE,
    "cached": st.none() | RATE,
    "cache_write": st.none() | RATE,
    "reasoning": st.none() | RATE,
}


@st.composite
def any_price(draw: st.DrawFn) -> Price:
    step = draw(st.builds(Price, **RATES))
    whole = st.builds(
        Price, **RATES, ttl_s=st.floats(1, 1000), minimum_prefix=st.integers(0, 2000),
        steps=st.sampled_from([(), ((150, step),)]),
    )  # fmt: skip
    return draw(whole)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.fixed_dictionaries({"advanced": any_price(), "light": any_price()}))
def test_twice_the_prices_are_twice_the_cost_and_the_same_quality(a_run: folder.Run, chosen: dict[str, Price]) -> None:
    run, found = a_run, []
    for factor in (1.0, 2.0):
        calls = priced(run, {name: times(factor, price) for name, price in chosen.items()})
        tables = {**run.tables, "calls": calls}
        found.append(replace(run, tables=tables, summary=summarise(run.about, tables, run.summary["calls"], 0.0)))
    once, twice = found

    for name in COSTS:
        assert column(twice, name) == [each if each is None else 2 * each for each in column(once, name)]
    for name in metric_names(run):
        values = [[each["value"] for each in metric(one, name)] for one in (once, twice)]
        factor = 2.0 if name in OF_MONEY else 0.5 if name == "qpd" else 1.0
        assert values[1] == [each if each is None else pytest.approx(each * factor, rel=1e-12) for each in values[0]]


def metric_names(run: folder.Run) -> list[str]:
    return list(run.summary["strategies"][0]["metrics"])


def test_what_a_live_run_paid_stays_and_what_was_billed_is_priced_again(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15, cache_minimum=20)) as provider:
        live.write(tmp_path, provider.url, 4)
        before = experiment.run(live.options(tmp_path))
    dearer = prices_file(
        tmp_path / "p.yaml", {"strong": {"input": 6, "output": 30}, "light": {"input": 6, "output": 30}}
    )

    after = reprice(before.path, dearer).after

    assert column(after, "usd_billed") == [2 * each for each in column(before, "usd_billed")]
    assert after.summary["spent_usd"] == before.summary["spent_usd"] > 0
    assert after.summary["calls"] == before.summary["calls"]
    for name in ("attempts", "turns", "verdicts", "messages"):
        assert folder.read(after.path).tables[name].equals(before.tables[name])


# --- the folder ----------------------------------------------------------------------------


def test_the_run_itself_is_replaced_unless_there_is_another_place(tmp_path: Path) -> None:
    before = offline_run(tmp_path)
    bytes_before = {path.name: path.read_bytes() for path in before.path.iterdir()}
    file = prices_file(tmp_path / "p.yaml", OTHERS)

    reprice(before.path, file, tmp_path / "elsewhere")
    assert {path.name: path.read_bytes() for path in before.path.iterdir()} == bytes_before

    reprice(before.path, file)
    assert {path.name for path in before.path.iterdir()} == set(bytes_before)
    names = ("summary.json", "calls.parquet", "report.html")
    assert all(
        (before.path / name).read_bytes() == (tmp_path / "elsewhere" / name).read_bytes() != bytes_before[name]
        for name in names
    )
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".run")]


def test_the_folder_says_what_its_prices_are_and_in_place_of_which(tmp_path: Path) -> None:
    before = offline_run(tmp_path)

    after = reprice(before.path, prices_file(tmp_path / "new-prices.yaml", {"light": OTHERS["light"]}))

    about = folder.read(before.path).about
    assert about["repriced"]["from_hash"] == before.about["prices"]["hash"] != about["prices"]["hash"]
    assert about["repriced"]["file"].endswith("new-prices.yaml")
    assert about["prices"]["usd_per_million"]["advanced"] == before.about["prices"]["usd_per_million"]["advanced"]
    assert after.kept == ("advanced",)
    page = (before.path / "report.html").read_text("utf-8")
    assert "new-prices.yaml" in page
    assert about["prices"]["hash"] in page
    assert before.about["prices"]["hash"] in page


# --- files of prices -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prices:\n  advnced: {input: 1, output: 2}\n", "p.yaml:2:3: prices.advnced: unknown tier 'advnced'; did you mean 'advanced'?"),
        ("tiers:\n  - {name: lihgt, model: x/y, price: {input: 1, output: 2}}\n", "p.yaml:2:6: tiers[0].name: unknown tier 'lihgt'; did you mean 'light'?"),
        ("prices:\n  light: {input: -1, output: 2}\n", "p.yaml:2:11: prices.light.input: must be at least 0, not -1"),
        ("prices:\n  light: {input: 1}\n", "p.yaml:2:3: prices.light: 'output' is missing"),
        ("prices:\n  light: {input: 1, output: 2, cahed: 1}\n", "unknown key; did you mean 'cached'?"),
        ("prices: {}\n", "is empty"),
        ("light: {input: 1, output: 2}\n", "p.yaml:1:1: 'prices' is missing"),
        ("", "is empty"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_of_prices_is_said_with_its_place(
    a_run: folder.Run, text: str, message: str, tmp_path: Path
) -> None:
    (tmp_path / "p.yaml").write_text(text, encoding="utf-8")
    with contextlib.chdir(tmp_path), pytest.raises(InputError) as caught:
        reprice(a_run.path, "p.yaml", tmp_path / "out")

    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_tiers_file_will_do(a_run: folder.Run, tmp_path: Path) -> None:
    file = tmp_path / "tiers.yaml"
    file.write_text(json.dumps({"tiers": [{"name": "light", "model": "any/thing", "price": OTHERS["light"]}]}), "utf-8")

    done = reprice(a_run.path, str(file), tmp_path / "out")

    assert of(done.after)["light"] == replace(of(done.after)["light"], input=0.2, output=1.5, minimum_prefix=0)
    assert done.kept == ("advanced",)


def test_a_folder_from_before_calls_kept_their_start_is_refused_in_a_line(a_run: folder.Run, tmp_path: Path) -> None:
    run = a_run
    old = {**run.tables, "calls": run.tables["calls"].drop_columns(["start_s"])}
    folder.write(tmp_path / "old", run.about, old, run.summary, {})

    with pytest.raises(InputError, match="run it again"):
        reprice(tmp_path / "old", prices_file(tmp_path / "p.yaml", OTHERS))


# --- the command ---------------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["reprice", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_the_command_says_what_every_strategy_costs_now_and_which_tiers_keep_their_price(
    a_run: folder.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = prices_file(tmp_path / "p.yaml", {"light": {"input": 0, "output": 0}})
    code, out, _ = said(capsys, str(a_run.path), "--prices", file, "--out", str(tmp_path / "out"))

    assert code == 0
    lines = {line.split("  ")[0]: line for line in out.splitlines()}
    assert "-> 0 " in lines["light"]
    assert "->" not in lines["advanced"].partition("  ")[2].rpartition("  ")[0]  # its QPD, with F, may change
    assert "advanced: keeps its price" in out
    assert f"light: input {of(a_run)['light'].input:g} -> 0" in out


def test_json_holds_the_estimates_before_and_after(
    a_run: folder.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = prices_file(tmp_path / "p.yaml", OTHERS)
    code, out, _ = said(capsys, str(a_run.path), "--prices", file, "--out", str(tmp_path / "out"), "--json")

    assert code == 0
    found = json.loads(out)
    summary = json.loads((tmp_path / "out" / "summary.json").read_text("utf-8"))
    for told, before, after in zip(
        found["strategies"], a_run.summary["strategies"], summary["strategies"], strict=True
    ):
        assert told["cost_usd_warm"] == {
            "before": before["metrics"]["cost_usd_warm"],
            "after": after["metrics"]["cost_usd_warm"],
        }


def test_a_folder_that_is_no_run_and_a_wrong_price_end_with_exit_code_2(
    a_run: folder.Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = prices_file(tmp_path / "p.yaml", {"lite": {"input": 1, "output": 1}})

    code, _, err = said(capsys, str(tmp_path / "nothing"), "--prices", file)
    assert (code, err.count("\n")) == (2, 1)
    code, _, err = said(capsys, str(a_run.path), "--prices", file, "--out", str(tmp_path / "out"))
    assert (code, err.count("\n")) == (2, 1)
    assert "unknown tier 'lite'" in err


def test_a_detectors_questions_and_a_writers_memory_keep_their_own_prefixes(tmp_path: Path) -> None:
    """The same prices give the same costs, to the last digit."""
    ladder = {"name": "two", "steps": [{"tier": "advanced", "turns": 1}, {"tier": "light"}],
              "handoff": {"memory": "standard", "writer": "outgoing"},
              "escalation": {"to": "advanced", "detect": "light", "triggers": ["goal_change", "high_stakes"]}}  # fmt: skip
    (tmp_path / "two.yaml").write_text(json.dumps(ladder), encoding="utf-8")
    matrix = {"dataset": "workbench", "tiers": "offline", "strategies": [{"ladder": "two.yaml"}], "controls": "none"}
    (tmp_path / "m.yaml").write_text(json.dumps(matrix), encoding="utf-8")
    run = experiment.run(
        Options(str(tmp_path / "m.yaml"), store=tmp_path / "calls.sqlite", out=tmp_path / "run", limit=6)
    )
    calls, again = run.tables["calls"], priced(run, of(run))
    assert {"answer", "trigger", "memory"} <= set(calls["purpose"].to_pylist())
    for name in COSTS:
        assert again[name].to_pylist() == calls[name].to_pylist()
