"""The canary: a model that changed is noticed, one that only varies is not, and nothing stored is touched."""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import live
import loopback
from builders import experiment_files
from ladder_bench import canary, cli, experiment, folder
from ladder_bench.analyse import drift
from ladder_bench.analyse.drift import Answers
from ladder_bench.errors import InputError
from ladder_bench.experiment import Options
from loopback import Behaviour, completion
from loopback_answers import key_of

WORDS = [f"{first}{second}" for first in ("al", "be", "ga", "de", "ze", "et") for second in ("pha", "ta", "mma")]
SECRET = "sk-canary-never-shown-0816"


# --- a provider that may change ------------------------------------------------------------


@dataclass
class Model:
    """Answers by the request; a share of the words, `noise`, by the request and how often it was seen before."""

    version: str = "1"
    noise: float = 0.0
    length: int = 40
    name: str | None = None
    echo: str = ""
    seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, body: dict[str, Any], _: int) -> tuple[int, Any]:
        key = key_of(body)
        self.seen[key] += 1
        steady, luck = random.Random(key + self.version), random.Random(f"{key}/{self.seen[key]}")
        words = [steady.choice(WORDS) for _ in range(self.length)]
        words = [luck.choice(WORDS) if luck.random() < self.noise else word for word in words]
        text = " ".join(words) + self.echo
        counts = {"prompt_tokens": 100, "completion_tokens": min(60, len(words))}
        return 200, completion(text, model=self.name or body["model"], usage=False) | {"usage": counts}


@contextlib.contextmanager
def run_of(place: Path, model: Model, conversations: int = 20, **more: Any) -> Iterator[list[dict[str, Any]]]:
    """A run with answers of this model, which goes on answering; yields the requests that it has seen."""
    with loopback.server(model) as (url, seen):
        live.write(place, url, conversations, **more)
        experiment.run(live.options(place))
        yield seen


def look(place: Path, **options: Any) -> Any:
    return canary.canary(place / "run", canary.Options(store=place / "calls.sqlite", **options))


def outcomes(found: Mapping[str, Any]) -> dict[str, str]:
    return {each["tier"]: each["outcome"] for each in found["tiers"]}


def stored(place: Path) -> list[Any]:
    with contextlib.closing(sqlite3.connect(place / "calls.sqlite")) as database:
        return database.execute("SELECT * FROM calls ORDER BY key").fetchall()


# --- what is noticed, and what is not ------------------------------------------------------


@pytest.mark.parametrize("noise", [0.0, 0.3, 0.8])
def test_answers_that_vary_as_they_did_are_no_drift(tmp_path: Path, noise: float) -> None:
    with run_of(tmp_path, Model(noise=noise)):
        found = look(tmp_path)

    assert found["outcome"] == "no_drift_seen"
    assert {each["equal"]["new"] < 0.5 for each in found["tiers"]} == {noise > 0}
    assert all("could have seen" in each["why"] for each in found["tiers"])
    assert all((each["detectable"] > 0) == (noise > 0) for each in found["tiers"])


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_a_model_with_other_answers_is_drift(tmp_path: Path, noise: float) -> None:
    model = Model(noise=noise)
    with run_of(tmp_path, model):
        model.version = "2"
        found = look(tmp_path)

    assert outcomes(found) == {"strong": "drift", "light": "drift"}
    for each in found["tiers"]:
        assert each["similarity"]["stored"] < each["similarity"]["new"]
        assert each["p_similarity"] < 0.001
        assert each["drop"]["low"] > 0
        assert not each["served"]["changed"]


def test_longer_answers_are_drift_with_their_ratio(tmp_path: Path) -> None:
    model = Model(noise=0.5, length=20)
    with run_of(tmp_path, model):
        model.length = 30
        found = look(tmp_path)

    assert found["outcome"] == "drift"
    for each in found["tiers"]:
        assert each["length"]["value"] == pytest.approx(1.5)
        assert each["p_length"] < 0.001


def test_a_new_name_for_what_was_served_is_drift_whatever_it_says(tmp_path: Path) -> None:
    model = Model(name="model-2025-01-01")
    with run_of(tmp_path, model):
        model.name = "model-2026-01-01"
        found = look(tmp_path, tier="light")

    assert outcomes(found) == {"light": "drift"}
    served = {"before": ["model-2025-01-01"], "now": ["model-2026-01-01"], "changed": True}
    assert found["tiers"][0]["served"] == served
    assert "served as model-2026-01-01, before as model-2025-01-01" in found["tiers"][0]["why"]
    assert found["tiers"][0]["equal"]["stored"] == 1.0


@pytest.mark.parametrize(("conversations", "calls"), [(4, 20), (20, 7)])
def test_a_small_sample_cannot_tell_though_every_answer_changed(tmp_path: Path, conversations: int, calls: int) -> None:
    model = Model()
    with run_of(tmp_path, model, conversations):
        model.version = "2"
        found = look(tmp_path, calls=calls)

    assert found["outcome"] == "cannot_tell"
    assert all("8 of 5 are the fewest" in each["why"] for each in found["tiers"])


# --- what is sent, and what stays ----------------------------------------------------------


def test_each_call_is_sent_twice_as_it_was_and_nothing_stored_changes(tmp_path: Path) -> None:
    model = Model(noise=0.3)
    with run_of(tmp_path, model) as seen:
        before, calls = list(seen), stored(tmp_path)
        model.version = "2"
        found = look(tmp_path, calls=10)
        again = seen[len(before) :]

    bodies = Counter(json.dumps(each, sort_keys=True) for each in again)
    assert set(bodies.values()) == {2}
    assert set(bodies) <= {json.dumps(each, sort_keys=True) for each in before}
    assert Counter(each["model"] for each in again) == {"strong": 20, "light": 20}
    assert stored(tmp_path) == calls
    assert found["attempts"] == 40
    assert experiment.run(live.options(tmp_path, out="again")).summary["calls"]["sent"] == 0


def test_what_it_pays_is_on_the_ledger_apart_from_the_run(tmp_path: Path) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 10)
        run = experiment.run(live.options(tmp_path))
        before = provider.ledger().billed_usd
        found = look(tmp_path)
        paid = provider.ledger().billed_usd - before

    assert found["spent_usd"] == pytest.approx(paid, abs=1e-6)
    assert folder.read(run.path).summary["spent_usd"] == run.summary["spent_usd"]
    with contextlib.closing(sqlite3.connect(tmp_path / "calls.sqlite")) as database:
        names = database.execute("SELECT count(DISTINCT experiment) FROM attempts").fetchone()
        still_open = database.execute("SELECT count(*) FROM experiments").fetchone()
    assert (names, still_open) == ((2,), (0,))


@pytest.mark.parametrize("cap", [0.0, 0.01, 0.02])
def test_its_cap_holds_and_what_was_answered_by_then_is_whole_pairs(tmp_path: Path, cap: float) -> None:
    with loopback.serve(Behaviour(input_usd=3, output_usd=15)) as provider:
        live.write(tmp_path, provider.url, 20)
        experiment.run(live.options(tmp_path))
        before = provider.ledger().billed_usd
        found = look(tmp_path, max_cost_usd=cap)
        paid = provider.ledger().billed_usd - before
        again = look(tmp_path, max_cost_usd=1.0)

    assert paid <= cap
    assert "--max-cost" in found["stopped"]
    assert found["outcome"] == "cannot_tell"
    assert all(each["calls"] + sum(each["not_answered"].values()) == each["picked"] for each in found["tiers"])
    assert again["outcome"] == "no_drift_seen"
    assert sum(each["calls"] for each in again["tiers"]) == 40


def test_calls_that_fail_now_are_counted_with_their_reason(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url, 12)
        experiment.run(live.options(tmp_path))
        provider.behave(Behaviour(failures={"400_context": 0.2}, seed=3))
        found = look(tmp_path)

    assert any(each["not_answered"].get("context_overflow") for each in found["tiers"])
    assert all(each["calls"] + sum(each["not_answered"].values()) == each["picked"] for each in found["tiers"])


def test_failures_that_pass_are_tried_again(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        live.write(tmp_path, provider.url, 12)
        experiment.run(live.options(tmp_path))
        provider.behave(Behaviour(failures={"500": 0.2, "429": 0.1}, seed=3))
        found = look(tmp_path)

    assert found["failed_attempts"] > 5
    assert [each["calls"] for each in found["tiers"]] == [20, 20]
    assert found["outcome"] == "no_drift_seen"


def test_a_prompt_that_the_folder_does_not_hold_as_it_was_is_not_sent(tmp_path: Path) -> None:
    with run_of(tmp_path, Model()) as seen:
        run = folder.read(tmp_path / "run")
        rows = [
            (row["id"], row["role"], row["content"].replace("order 3:", "order 33:"), row["extra"])
            for row in run.tables["messages"].to_pylist()
        ]
        folder.write(run.path, run.about, {**run.tables, "messages": folder.table("messages", rows)}, run.summary, {})
        before = len(seen)
        found = look(tmp_path)

    assert all(each["not_answered"] == {"prompt_altered": 1} for each in found["tiers"])
    assert not any("order 33:" in str(each["messages"]) for each in seen[before:])


def test_the_sample_is_by_the_seed_and_from_as_many_conversations_as_there_are(tmp_path: Path) -> None:
    with run_of(tmp_path, Model(), 8):
        run = folder.read(tmp_path / "run")
    picked = {
        seed: {
            each.tier.name: [call.key for call in each.calls]
            for each in canary.sample(run, canary.Options(8, seed=seed))
        }
        for seed in (0, 1)
    }
    again = canary.sample(run, canary.Options(8, seed=0))

    assert picked[0] != picked[1]
    assert picked[0] == {each.tier.name: [call.key for call in each.calls] for each in again}
    assert all(len({call.conversation for call in each.calls}) == 8 for each in again)
    more = canary.sample(run, canary.Options(12))
    assert all(set(Counter(call.conversation for call in each.calls).values()) == {1, 2} for each in more)


# --- the command ---------------------------------------------------------------------------


def said(capsys: pytest.CaptureFixture[str], place: Path, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        cli.main(["canary", str(place / "run"), "--store", str(place / "calls.sqlite"), *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def test_exit_codes_say_no_drift_drift_and_cannot_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = Model()
    with run_of(tmp_path, model):
        same, out, err = said(capsys, tmp_path)
        few, _, _ = said(capsys, tmp_path, "--n", "3")
        model.version = "2"
        other, told, _ = said(capsys, tmp_path, "--tier", "light", "--json")

    assert (same, few, other) == (0, 3, 1)
    assert out.startswith("No drift seen.")
    assert err.count("each twice, to openai/") == 2
    assert "127.0.0.1" in err
    assert json.loads(told)["outcome"] == "drift"


def test_a_run_without_live_calls_and_a_wrong_tier_are_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    matrix = experiment_files(tmp_path, [{"single": "light"}], 3)
    experiment.run(Options(str(matrix), store=tmp_path / "calls.sqlite", out=tmp_path / "run"))
    code, _, err = said(capsys, tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    assert "has no live calls" in err

    (tmp_path / "live").mkdir()
    with run_of(tmp_path / "live", Model(), 2):
        pass
    code, _, err = said(capsys, tmp_path / "live", "--tier", "lite")
    assert (code, err.count("\n")) == (2, 1)
    assert "unknown tier 'lite'; did you mean 'light'?" in err


def test_a_damaged_folder_is_refused_in_a_line(tmp_path: Path) -> None:
    with run_of(tmp_path, Model(), 2):
        pass
    about = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    about["tiers"][0]["limits"] = {"speed": 9}
    (tmp_path / "run" / "run.json").write_text(json.dumps(about), encoding="utf-8")

    with pytest.raises(InputError, match="damaged"):
        look(tmp_path)


@pytest.mark.parametrize("fate", ["answers", "401"])
def test_the_key_and_what_was_said_are_nowhere_in_its_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    monkeypatch.setenv("CANARY_TEST_KEY", SECRET)
    with loopback.serve(Behaviour(api_key=SECRET)) as provider:
        live.write(tmp_path, provider.url, 10, params={"api_key_env": "CANARY_TEST_KEY"})
        experiment.run(live.options(tmp_path))
        provider.behave(Behaviour(api_key=SECRET if fate == "answers" else "sk-another"))
        code, out, err = said(capsys, tmp_path, *(["--json"] if fate == "answers" else []))

    assert code == {"answers": 0, "401": 2}[fate], err
    assert "CANARY_TEST_KEY" in err
    assert SECRET not in out + err
    assert "Question" not in out + err
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or SECRET.encode() not in path.read_bytes(), path


# --- the test itself -----------------------------------------------------------------------

EFFECTS = st.lists(st.tuples(*[st.floats(-1, 1)] * 3), min_size=1, max_size=6)


@given(EFFECTS)
def test_a_p_value_is_the_share_of_labellings_that_are_as_extreme(rows: list[tuple[float, float, float]]) -> None:
    sums = [abs(sum(choice)) for choice in itertools.product(*rows)]
    expected = np.mean([each >= abs(sum(row[0] for row in rows)) - 1e-9 for each in sums])

    assert drift.p_value(np.array(rows)) == pytest.approx(expected, abs=1e-3)
    assert drift.p_value(np.array(rows)) > 0


def test_drawn_labellings_agree_with_all_of_them() -> None:
    effects = np.random.default_rng(4).normal((0.3, 0, 0), 1, (13, 3))
    exact = drift.p_value(effects)
    drawn = drift.p_value(np.vstack([effects, np.zeros((1, 3))]))  # a row that adds nothing

    assert 0.01 < exact < 0.5
    assert drawn == pytest.approx(exact, abs=4 * (exact / drift.DRAWS) ** 0.5)


def test_holm_multiplies_by_the_tests_that_are_left_and_never_falls() -> None:
    found = drift.holm({("a", "x"): 0.01, ("a", "y"): 0.04, ("b", "x"): 0.03, ("b", "y"): 0.5})

    assert found == pytest.approx({("a", "x"): 0.04, ("b", "x"): 0.09, ("a", "y"): 0.09, ("b", "y"): 0.5})


def drawn_answers(generator: random.Random, conversations: int, calls: int, changed: float) -> list[Answers]:
    """Answers that vary, each drawn alike but for a share of new words in those of now; later prompts hold earlier ones."""
    found = []
    for number in range(conversations):
        plan = [generator.choice(WORDS) for _ in range(20)]
        for _ in range(calls):
            now = [generator.choice(WORDS) if generator.random() < changed else word for word in plan]
            texts = [
                [
                    generator.choice(WORDS) if generator.random() < 0.3 else word
                    for word in words[: generator.randint(15, 20)]
                ]
                for words in (plan, now, now)
            ]
            sizes = tuple(map(len, texts))
            found.append(Answers(f"c{number}", tuple(map(" ".join, texts)), sizes))  # type: ignore[arg-type]
            plan = texts[0] + plan[len(texts[0]) :]
    return found


@pytest.mark.parametrize(("conversations", "calls"), [(8, 1), (6, 3)])
def test_false_alarms_are_as_rare_as_declared(conversations: int, calls: int) -> None:
    generator, runs = random.Random(1), 400
    alarms = 0
    for _ in range(runs):
        tiers = {name: drawn_answers(generator, conversations, calls, 0.0) for name in ("a", "b")}
        alarms += any(found.drifted for found in drift.compare(tiers).values())

    assert alarms / runs <= drift.ALPHA + 3 * (0.05 * 0.95 / runs) ** 0.5


def test_a_drop_of_the_size_that_could_have_been_seen_mostly_is() -> None:
    generator, runs = random.Random(2), 60
    quiet = drift.compare({"a": drawn_answers(generator, 20, 1, 0.0)})["a"]
    seen, drops = 0, []
    for _ in range(runs):
        found = drift.compare({"a": drawn_answers(generator, 20, 1, 0.35)})["a"]
        seen += found.drifted
        assert found.drop is not None
        drops.append(found.drop.value or 0)

    assert quiet.detectable is not None
    assert np.mean(drops) == pytest.approx(quiet.detectable, rel=0.5)
    assert seen / runs > 0.6


@given(st.text(), st.text())
def test_similarity_is_a_share_and_the_same_both_ways(first: str, second: str) -> None:
    assert drift.similarity(first, second) == drift.similarity(second, first)
    assert 0 <= drift.similarity(first, second) <= 1
    assert drift.similarity(first, first) == 1


def test_similarity_sees_words_in_any_script() -> None:
    assert drift.similarity("the order is late", "the order is lost") == pytest.approx(0.75)
    assert drift.similarity("注文は遅れています", "注文は届いています") > 0.5
    assert drift.similarity("", "something") == 0


def test_more_tiers_need_more_conversations() -> None:
    answers = drawn_answers(random.Random(3), 5, 2, 1.0)
    few = drift.compare({"a": answers})
    many = drift.compare({str(n): answers for n in range(9)})

    assert few["a"].too_few is None
    assert "testing 9 tiers needs 6" in str(many["0"].too_few)
