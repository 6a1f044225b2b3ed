"""Live runs against a provider on loopback that fails, lies, limits and counts: nothing lost, nothing paid twice."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import live
import loopback
from ladder_bench import experiment, folder
from ladder_bench.errors import FatalModelError, StoppedError
from loopback import Behaviour

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own dependencies warn
STORM = dict.fromkeys(
    ("429", "429_after", "429_date", "500", "502", "html", "cut", "cut_middle", "hang", "no_choices"), 0.03
)
SECRET = "sk-live-never-shown-0815"


def run(place: Path, **more: Any) -> folder.Run:
    return experiment.run(live.options(place, **more))


def attempts(place: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(place / "calls.sqlite") as database:
        return database.execute("SELECT outcome, count(*) FROM attempts GROUP BY 1 ORDER BY 1").fetchall()


# --- failures ------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", ["direct", "litellm"])
def test_with_three_requests_in_ten_failing_no_turn_is_lost(tmp_path: Path, transport: str) -> None:
    behaviour = Behaviour(failures=STORM, seed=5, retry_after_s=0.05, hang_s=5)
    with loopback.serve(behaviour) as provider:
        # litellm's first calls import for a while: some time out before anything is sent
        limits = {**live.LIMITS, "timeout_s": 0.5 if transport == "direct" else 1.5, "concurrency": 16}
        live.write(tmp_path, provider.url, 12, transport=transport, limits=limits)
        found = run(tmp_path)
        ledger = provider.ledger()

    failed = sum(n for outcome, n in ledger.outcomes.items() if outcome != "answered")
    assert failed > 10
    assert found.summary["incomplete"] is None
    assert all(each["failed_turns"] == 0 for each in found.summary["strategies"])
    counts = found.summary["calls"]
    assert len(found.tables["attempts"]) == counts["attempts"] >= sum(ledger.outcomes.values())  # every one is there
    assert counts["attempts"] - counts["failed_attempts"] == counts["distinct"] == ledger.outcomes["answered"]
    if transport == "direct":
        assert counts["failed_attempts"] == failed


def test_a_call_that_never_succeeds_is_a_failed_turn_and_the_run_goes_on(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(script=["400_context"])) as provider:
        live.write(tmp_path, provider.url, 3)
        found = run(tmp_path)

    failures = [each for each in found.tables["turns"]["failure"].to_pylist() if each]
    assert failures
    assert failures[0].startswith("context_overflow")


def test_a_refused_key_stops_the_run_at_once_and_names_the_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIVE_TEST_KEY", SECRET)
    with loopback.serve(Behaviour(api_key="sk-right", delay_s=0.02)) as provider:
        live.write(tmp_path, provider.url, 30, params={"api_key_env": "LIVE_TEST_KEY"})
        with pytest.raises(FatalModelError, match="LIVE_TEST_KEY"):
            run(tmp_path)
        assert sum(provider.ledger().outcomes.values()) <= 16


def test_nobody_listening_ends_the_run_in_a_line(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url)
    with pytest.raises(FatalModelError, match="has never answered"):
        run(tmp_path)


def test_a_tier_that_never_answers_ends_the_run(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(failures={"500": 1.0})) as provider:
        live.write(tmp_path, provider.url, 8, limits={"concurrency": 4, "retry_pause_s": 0.001})
        with pytest.raises(FatalModelError, match="has never answered; the last of 3 calls"):
            run(tmp_path)


def test_a_provider_that_asks_to_wait_for_hours_ends_the_run(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(failures={"429_after": 0.5}, retry_after_s=9000)) as provider:
        live.write(tmp_path, provider.url)
        with pytest.raises(FatalModelError, match="asks to wait 9000 s"):
            run(tmp_path)


def test_a_prompt_beyond_the_context_fails_its_turn_or_is_trimmed_and_flagged(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url, 2, 6, context_limit=160)
        failed = run(tmp_path, out="fail")
        live.write(tmp_path, provider.url, 2, 6, context_limit=160, on_overflow="trim")
        trimmed = run(tmp_path, out="trim")

    assert any(str(each).startswith("context_overflow") for each in failed.tables["turns"]["failure"].to_pylist())
    assert not any(trimmed.tables["turns"]["failure"].to_pylist())
    assert any("left out" in flag for flags in trimmed.tables["calls"]["flags"].to_pylist() for flag in flags)


# --- limits --------------------------------------------------------------------------------


def test_requests_never_come_faster_than_their_rate(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(failures={"500": 0.2, "429": 0.1}, seed=2)) as provider:
        limits = {**live.LIMITS, "requests_per_minute": 1200}
        live.write(tmp_path, provider.url, 8, strategies=[{"single": "strong"}], limits=limits)
        run(tmp_path)
        ledger = provider.ledger()

    for window_s in (0.25, 0.5, 1.0):
        assert ledger.most_requests(window_s) <= 1200 / 60 * window_s + 2  # one at each end, and jitter on the way


def test_tokens_never_come_faster_than_their_rate(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        limits = {**live.LIMITS, "tokens_per_minute": 240_000}
        live.write(tmp_path, provider.url, 8, strategies=[{"single": "strong"}], limits=limits)
        run(tmp_path)
        ledger = provider.ledger()

    largest = 800  # tokens of the two largest calls here: one at each end
    for window_s in (0.25, 0.5, 1.0):
        assert ledger.most_tokens(window_s) <= 240_000 / 60 * window_s + largest


def test_a_provider_with_a_limit_of_its_own_is_obeyed(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(requests_per_minute=60 * 40, window_s=0.5)) as provider:
        live.write(tmp_path, provider.url, 12)
        found = run(tmp_path)
        ledger = provider.ledger()

    assert all(each["failed_turns"] == 0 for each in found.summary["strategies"])
    assert ledger.outcomes["answered"] == found.summary["calls"]["distinct"]


def test_a_store_that_is_removed_under_a_run_is_noticed(tmp_path: Path) -> None:
    with loopback.process(Behaviour(delay_s=0.2)) as provider:
        live.write(tmp_path, provider.url, 30)
        process = live.start(tmp_path, "--out", "run")
        while not (tmp_path / "calls.sqlite").exists() or sum(provider.ledger().outcomes.values()) < 4:
            time.sleep(0.05)
        for path in tmp_path.glob("calls*"):
            path.unlink()
        code, _, err = live.finish(process)

    assert code == 2
    assert "was moved or removed" in err


# --- kills ---------------------------------------------------------------------------------


def test_a_killed_run_goes_on_where_it_was_and_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    chance = random.Random(7)
    with loopback.process(Behaviour(delay_s=0.03)) as provider:
        for place in (quiet, killed):
            place.mkdir()
            live.write(place, provider.url, 20)
        expected = run(quiet)
        before = provider.ledger()
        kills = 0
        while kills < 5:
            process = live.start(killed, "--out", "run")
            time.sleep(chance.uniform(0.7, 1.3))
            process.kill()
            kills += process.wait() == -signal.SIGKILL
            process.communicate()
        code, _, err = live.finish(live.start(killed, "--out", "run"))
        ledger = provider.ledger()

    assert code == 0, err
    finished = json.loads((killed / "run" / "summary.json").read_text("utf-8"))
    assert live.comparable(finished) == live.comparable(expected.summary)
    sent = sum(ledger.outcomes.values()) - sum(before.outcomes.values())
    distinct = finished["calls"]["distinct"]
    assert distinct <= sent <= distinct + kills * 16  # two tiers, eight in flight each


def test_two_processes_on_one_store_send_no_call_twice(tmp_path: Path) -> None:
    with loopback.process(Behaviour(delay_s=0.02)) as provider:
        live.write(tmp_path, provider.url, 12)
        both = [live.start(tmp_path, "--out", name) for name in ("one", "two")]
        for process in both:
            code, _, err = live.finish(process)
            assert code == 0, err
        ledger = provider.ledger()

    summaries = [json.loads((tmp_path / name / "summary.json").read_text("utf-8")) for name in ("one", "two")]
    assert live.comparable(summaries[0]) == live.comparable(summaries[1])
    assert ledger.outcomes == {"answered": summaries[0]["calls"]["distinct"]}


@pytest.mark.parametrize("interrupts", [1, 2])
def test_ctrl_c_once_finishes_what_is_in_flight_and_twice_stops(tmp_path: Path, interrupts: int) -> None:
    with loopback.process(Behaviour(delay_s=0.4)) as provider:
        live.write(tmp_path, provider.url, 40, 6)
        process = live.start(tmp_path, "--out", "run")
        for _ in range(200):
            if sum(provider.ledger().outcomes.values()) >= 16:
                break
            time.sleep(0.05)
        for _ in range(interrupts):
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        code, _, err = live.finish(process)
        ledger = provider.ledger()

    assert code == (3 if interrupts == 1 else 130), err
    assert "the same command goes on" in err
    stored = dict(attempts(tmp_path))
    if interrupts == 1:
        assert stored == {"answered": ledger.outcomes["answered"]}


# --- money ---------------------------------------------------------------------------------


def test_a_cap_is_never_exceeded_and_raising_it_pays_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(11)
    with loopback.serve() as provider:
        for number in range(6):
            place = tmp_path / str(number)
            place.mkdir()
            price = {"input": chance.uniform(0.1, 5), "output": chance.uniform(0.5, 25)}
            failures = {"500": 0.1, "cut": 0.05, "429": 0.05, "cut_middle": 0.05} if number % 2 else {}
            provider.behave(
                Behaviour(failures=failures, seed=number, input_usd=price["input"], output_usd=price["output"])
            )
            limits = {**live.LIMITS, "concurrency": chance.choice([1, 4, 16])}
            live.write(place, provider.url, chance.randint(2, 8), price=price, limits=limits)
            before = provider.ledger().billed_usd
            cap = chance.uniform(0.0005, 0.02)
            try:
                first = run(place, max_cost_usd=cap)
                assert first.summary["incomplete"] or first.summary["calls"]["spent_at_most_usd"] <= cap
            except StoppedError:
                pass
            assert provider.ledger().billed_usd - before <= cap
            whole = run(place, max_cost_usd=100.0)
            assert whole.summary["incomplete"] is None
            assert whole.summary["spent_usd"] <= whole.summary["calls"]["spent_at_most_usd"]
            again = run(place, max_cost_usd=0.0)
            assert again.summary["calls"]["sent"] == 0


def test_a_cap_holds_over_a_kill(tmp_path: Path) -> None:
    behaviour = Behaviour(delay_s=0.05, input_usd=3, output_usd=15)
    with loopback.process(behaviour) as provider:
        live.write(tmp_path, provider.url, 40)
        for _ in range(3):
            process = live.start(tmp_path, "--out", "run", "--max-cost", "0.03")
            time.sleep(1.0)
            process.kill()
            process.communicate()
        code, _, err = live.finish(live.start(tmp_path, "--out", "run", "--max-cost", "0.03"))
        billed = provider.ledger().billed_usd

    assert code == 3, err
    assert 0.005 < billed <= 0.03


def test_a_run_that_its_cap_stopped_says_so_and_never_replaces_a_complete_one(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 10, strategies=[{"single": "strong"}], limits={"concurrency": 1})
        stopped = run(tmp_path, max_cost_usd=0.02)
        assert 0 < stopped.summary["incomplete"]["conversations"] < 10
        assert any("incomplete" in banner for banner in stopped.summary["banners"])
        assert len(stopped.about["dataset"]["conversations"]) == stopped.summary["incomplete"]["conversations"]
        complete = run(tmp_path)
        assert complete.summary["incomplete"] is None
        with pytest.raises(StoppedError, match="complete run and was left"):
            run(tmp_path, max_cost_usd=0.02, fresh=("strong",))

    kept = folder.read(tmp_path / "run")
    assert kept.summary == complete.summary


def test_a_cap_holds_when_the_same_command_asks_again_for_what_failed(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(failures={"null_content": 0.5}, seed=1, input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 4)
        for _ in range(8):
            with contextlib.suppress(StoppedError):
                run(tmp_path, max_cost_usd=0.02)
        assert provider.ledger().billed_usd <= 0.02


@pytest.mark.parametrize("cap", [float("inf"), 1e12])
def test_a_cap_may_be_as_large_as_one_likes(tmp_path: Path, cap: float) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url, 1, 1)
        assert run(tmp_path, max_cost_usd=cap).summary["incomplete"] is None


def test_a_plan_brackets_what_the_run_then_pays(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 10, params={"max_output_tokens": 400})
        planned = experiment.plan(live.options(tmp_path))
        found = run(tmp_path)

    assert planned.distinct == found.summary["calls"]["distinct"]
    assert planned.usd.low <= found.summary["spent_usd"] <= planned.usd.high <= 3 * planned.usd.low
    assert experiment.plan(live.options(tmp_path)).usd.high == 0


def test_spent_is_what_the_provider_billed_and_every_sum_of_costs_agrees(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 8)
        found = run(tmp_path)
        billed = provider.ledger().billed_usd

    assert found.summary["spent_usd"] == pytest.approx(billed, abs=1e-6)
    calls = found.tables["calls"].to_pylist()
    for column in ("usd_warm", "usd_cold", "usd_billed"):
        whole = sum(call[column] for call in calls)
        for keys in (("strategy",), ("strategy", "turn"), ("strategy", "purpose"), ("conversation",)):
            parts: dict[Any, float] = {}
            for call in calls:
                place = tuple(call[key] for key in keys)
                parts[place] = parts.get(place, 0.0) + call[column]
            assert sum(parts.values()) == pytest.approx(whole, abs=1e-7)
    for each in found.summary["strategies"]:
        mean = sum(call["usd_billed"] for call in calls if call["strategy"] == each["name"]) / 8
        assert each["metrics"]["cost_usd_billed"]["value"] == pytest.approx(mean, abs=1e-9)


def test_stored_answers_are_asked_for_again_only_where_somebody_says_so(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url, 3)
        first = run(tmp_path)
        assert run(tmp_path, max_age_s=3600).summary["calls"]["sent"] == 0
        fresh = run(tmp_path, fresh=("light",)).summary["calls"]
        aged = run(tmp_path, max_age_s=0.0).summary["calls"]

        live.write(tmp_path, provider.url, 4)  # another experiment: what the first one asked for is old to it
        provider.behave(Behaviour(failures={"401": 0.3}, seed=4))
        with pytest.raises(FatalModelError):
            run(tmp_path, fresh=("light", "strong"))
        provider.behave(Behaviour())
        before = sum(provider.ledger().outcomes.values())
        resumed = run(tmp_path, fresh=("light", "strong")).summary["calls"]
        now = sum(provider.ledger().outcomes.values()) - before

    distinct = first.summary["calls"]["distinct"]
    assert resumed["sent"] == now < resumed["distinct"]  # what was refreshed before it stopped is not paid twice
    assert 0 < fresh["sent"] < distinct
    assert aged["sent"] == distinct


# --- secrets -------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["succeeds", "401", "killed"])
@pytest.mark.parametrize("transport", ["direct", "litellm"])
def test_the_key_is_nowhere_after_a_run(tmp_path: Path, fate: str, transport: str) -> None:
    behaviour = Behaviour(api_key="sk-another" if fate == "401" else None, delay_s=1.5 if fate == "killed" else 0.0)
    with loopback.process(behaviour) as provider:
        params = {"api_key_env": "LIVE_TEST_KEY"}
        live.write(tmp_path, provider.url, 6, params=params, transport=transport)
        process = live.start(tmp_path, "--out", "run", LIVE_TEST_KEY=SECRET)
        if fate == "killed":
            while not (tmp_path / "calls.sqlite").exists() or not provider.ledger().outcomes:
                time.sleep(0.05)  # until an answer is under way, on a busy machine too
            process.kill()
        code, out, err = live.finish(process)

    assert code == {"succeeds": 0, "401": 2, "killed": -9}[fate], err
    assert SECRET not in out + err
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in files)
    for path in files:
        assert SECRET.encode() not in path.read_bytes(), path
    if fate == "succeeds":
        for path in (tmp_path / "run").glob("*.parquet"):
            assert SECRET not in str(pq.read_table(path).to_pylist())


# --- time, and no network at all -----------------------------------------------------------


def test_a_run_that_ran_out_of_minutes_says_so(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(delay_s=0.02)) as provider:
        live.write(tmp_path, provider.url, 500, strategies=[{"single": "strong"}])  # at least 5 s
        found = run(tmp_path, max_minutes=2.4 / 60)

    assert found.summary["incomplete"]["reason"] == "--max-minutes 0.04"
    assert 0 < found.summary["incomplete"]["conversations"] < 500


WATCHED = """
import sys
def watch(event, arguments):
    # asyncio's loop makes a pair of sockets that never leave the process
    if event.startswith("socket.") and event not in ("socket.gethostname", "socket.__new__"):
        raise SystemExit(f"network: {event} {arguments}")
sys.addaudithook(watch)
sys.argv = ["ladder-bench", *sys.argv[1:]]
from ladder_bench.cli import main
main()
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--offline", "--limit", "2", "--out", "run"),
        ("run", "{matrix}", "--offline", "--out", "run"),
        ("plan", "{matrix}"),
        ("bill",),
        ("validate",),
    ],
)
def test_offline_connects_to_nothing_binds_nothing_and_resolves_nothing(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    with loopback.serve() as provider:
        matrix = str(live.write(tmp_path, provider.url, 2))
        if "{matrix}" in arguments and "run" in arguments:
            experiment.run(live.options(tmp_path, out="first"))
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *(each.format(matrix=matrix) for each in arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": paths, "LADDER_BENCH_STORE": str(tmp_path / "calls.sqlite")},
        capture_output=True,
        text=True,
    )

    assert "network:" not in done.stderr
    assert done.returncode == 0, done.stderr
