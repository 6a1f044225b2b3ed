"""Imported transcripts: what is read, what it costs, what is left out by name, and what was published for recordings."""

from __future__ import annotations

import contextlib
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ladder_bench import cli, folder, imports, revive
from ladder_bench.analyse.pass_hat import pass_hat_k
from ladder_bench.errors import InputError
from ladder_bench.reprice import reprice

DATA = Path(__file__).parents[2] / "shared" / "data"
MICRO = 1e-6
PRICES = {"a": {"input": 10, "output": 100, "cached": 1, "minimum_prefix": 0}, "b": {"input": 1, "output": 10}}


def recordings(name: str) -> Path:
    if not (DATA / name).is_file():
        pytest.skip(f"needs the recordings: {name} is not in ../shared/data")
    return DATA / name


def user(text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def said(text: str | None = "yes", into: int | None = None, out: int = 0, **more: Any) -> dict[str, Any]:
    """A model's message; without tokens it has no usage."""
    usage = {} if into is None else {"usage": {"prompt_tokens": into, "completion_tokens": out}}
    return {"role": "assistant", "content": text, **usage, **more}


def line(
    *messages: Mapping[str, Any], name: str = "c1", arm: str = "a", resolved: bool | None = True, **more: Any
) -> dict[str, Any]:
    outcome = {} if resolved is None else {"outcome": {"resolved": resolved}}
    return {"conversation": name, "arm": arm, "messages": list(messages or (user(), said())), **outcome, **more}


def trial(task: int, number: int, reward: float | None, *messages: Mapping[str, Any]) -> dict[str, Any]:
    traj = list(messages or (user(), said()))
    return {"task_id": task, "trial": number, "reward": reward, "info": {}, "traj": traj}


def written(path: Path, *lines: Mapping[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def priced(path: Path, prices: Mapping[str, Any] = PRICES) -> str:
    path.write_text(json.dumps({"prices": prices}), encoding="utf-8")
    return str(path)


def imported(at: Path, *lines: Mapping[str, Any], prices: bool = True, **options: Any) -> imports.Imported:
    files = options.pop("files", None) or (written(at / "log.jsonl", *lines),)
    known = {"tiers": priced(at / "prices.yaml")} if prices else {}
    return imports.import_arms(imports.Options(files=files, out=at / "run", **known, **options))


def metrics(run: folder.Run, strategy: str = "a") -> dict[str, Any]:
    row = next(each for each in run.summary["strategies"] if each["name"] == strategy)
    found: dict[str, Any] = row["metrics"]
    return found


def told(capsys: pytest.CaptureFixture[str], at: Path, *arguments: str) -> tuple[int, str, str]:
    with contextlib.chdir(at), pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


# --- what is read --------------------------------------------------------------------------


def test_every_message_of_a_model_is_a_call_and_every_user_message_a_turn(tmp_path: Path) -> None:
    call = said(None, 10, 1, tool_calls=[{"id": "1", "function": {"name": "f", "arguments": "{}"}}], latency_s=1.0)
    result = {"role": "tool", "tool_call_id": "1", "content": "42"}

    run = imported(tmp_path, line(user(""), call, result, said("it is 42", 30, 2, latency_s=0.5), user("bye"))).run

    turns, calls = run.tables["turns"].to_pylist(), run.tables["calls"].to_pylist()
    assert [(each["turn"], each["wait_s"], each["answer"] is None) for each in turns] == [
        (1, 1.5, False),
        (2, None, True),
    ]
    assert [(each["turn"], each["input"], each["output"]) for each in calls] == [(1, 10, 1), (1, 30, 2)]
    assert turns[1]["notes"] == ["the log ends with this message: nobody answered it"]
    assert metrics(run)["turns_per_conversation"]["value"] == 1
    assert metrics(run)["resolved"]["value"] == 1.0


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        ({"input": 9, "output": 3, "cached": 4}, (9, 3, 4)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}, (9, 3, 4)),
        ({"input_tokens": 5, "output_tokens": 3, "cache_read_input_tokens": 4}, (9, 3, 4)),
        ({"input_tokens": 9, "output_tokens": 3, "cache_read_tokens": 4}, (9, 3, 4)),
        ({"input_tokens": 9, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}}, (9, 3, 4)),
        ({"prompt_tokens": 9.0, "completion_tokens": 3.0}, (9, 3, 0)),
        ({"prompt_tokens": 0, "completion_tokens": 0}, (None, None, None)),
        ({"prompt_tokens": 9}, (None, None, None)),
        (None, (None, None, None)),
    ],
)
def test_usage_is_read_under_the_names_of_providers(tmp_path: Path, usage: Any, counts: tuple[int | None, ...]) -> None:
    run = imported(tmp_path, line(user(), said(usage=usage))).run

    (call,) = run.tables["calls"].to_pylist()
    assert (call["input"], call["output"], call["cached"]) == counts


def test_messages_in_a_row_are_carried_and_counted(tmp_path: Path) -> None:
    done = imported(tmp_path, line(said("welcome"), user("a"), user("b"), said("one", 5, 1), said("two", 6, 1)))

    (turn,) = done.run.tables["turns"].to_pylist()
    words = {each["id"]: each["content"] for each in done.run.tables["messages"].to_pylist()}
    assert (words[turn["user"]], words[turn["answer"]]) == ("a\n\nb", "one\n\ntwo")
    assert [each["input"] for each in done.run.tables["calls"].to_pylist()] == [5, 6]
    assert done.merged == 2
    assert any("greeting" in each for each in done.warnings)


@pytest.mark.parametrize(
    ("greeting", "calls"), [({}, 1), ({"model": "m"}, 2), ({"latency_s": 1}, 2), ({"into": 3, "out": 1}, 2)]
)
def test_a_greeting_is_a_call_where_the_log_says_that_a_model_made_it(
    tmp_path: Path, greeting: dict[str, Any], calls: int
) -> None:
    run = imported(tmp_path, line(said("welcome", **greeting), user(), said("one", 5, 1))).run

    assert [each["turn"] for each in run.tables["calls"].to_pylist()] == [1] * calls
    assert (metrics(run)["cost_usd_warm"]["value"] is None) == (greeting in ({"model": "m"}, {"latency_s": 1}))


def test_odd_messages_are_carried_as_what_they_are(tmp_path: Path) -> None:
    stamped = user(timestamp=1_717_171_717_000)
    silent = {"role": "user", "content": None}
    result = {"role": "function", "name": "f", "content": "1"}

    done = imported(tmp_path, line(silent, said(None), stamped, said("a", latency_ms=1500), user(), result, said("b")))

    waits = [each["wait_s"] for each in done.run.tables["turns"].to_pylist()]
    assert (done.imported, waits) == (1, [None, 1.5, None])
    assert "messages without content taken as empty (2x)" in done.warnings


@pytest.mark.parametrize("model", ["recorded", "simulated/light", "m"])
def test_an_arm_is_never_taken_for_a_replayed_tier(tmp_path: Path, model: str) -> None:
    run = imported(tmp_path, line(model=model), line(arm="b"), prices=False).run

    assert [each["model"] for each in run.about["tiers"]] == [f"imported/{model}", "imported/unnamed"]
    assert not [each for each in run.summary["banners"] if "recorded" in each or "simulated" in each]
    assert not any(tier.live for tier in revive.tiers(run.about))


def test_the_price_list_prices_an_arm_whose_model_the_log_names(tmp_path: Path) -> None:
    lines = [line(user(), said("x", 1000, 0), model="gpt-4o"), line(user(), said("x", 1000, 0), arm="gpt-4o")]

    run = imported(tmp_path, *lines, prices=False).run

    assert metrics(run)["cost_usd_cold"]["value"] == pytest.approx(1000 * 2.5 * MICRO)
    assert metrics(run, "gpt-4o")["cost_usd_cold"]["value"] is None
    assert any("pinned list, by the model that the log names: a" in each for each in run.summary["banners"])


def test_banners_say_whether_arms_met_the_same_words(tmp_path: Path) -> None:
    same = imported(tmp_path, line(user("q")), line(user("q"), arm="b")).run.summary["banners"][0]
    other = imported(tmp_path, line(user("q")), line(user("r"), arm="b")).run.summary["banners"][0]

    assert same == "imported transcripts: not a replay"
    assert other.startswith("imported transcripts: not a replay; arms met different user words")


def test_a_line_that_is_there_twice_is_named_with_both_places(tmp_path: Path) -> None:
    files = (written(tmp_path / "x.jsonl", line()), written(tmp_path / "y.jsonl", line(arm="b"), line()))

    with pytest.raises(InputError, match=r"y\.jsonl:2:2: .*is there already: .*x\.jsonl, line 1; give repeats"):
        imported(tmp_path, files=files)


def test_tau_bench_is_told_by_its_content_and_trials_are_samples(tmp_path: Path) -> None:
    (tmp_path / "gpt.json").write_text(json.dumps([trial(0, 0, 1.0), trial(0, 1, 0.0), trial(1, 0, None)]))

    done = imported(tmp_path, files=(tmp_path / "gpt.json",), prices=False)

    assert (done.format, done.imported, list(done.run.about["imported"]["arms"])) == ("tau-bench", 3, ["gpt"])
    assert [each["sample"] for each in done.run.tables["turns"].to_pylist()] == [0, 1, 0]
    assert (metrics(done.run, "gpt")["resolved"]["value"], metrics(done.run, "gpt")["resolved"]["unscored"]) == (0.5, 1)


def test_files_of_tau_bench_are_named_in_their_order(tmp_path: Path) -> None:
    files = (tmp_path / "x.json", tmp_path / "y.json")
    for path in files:
        path.write_text(json.dumps([trial(0, 0, 1.0)]))

    done = imported(tmp_path, files=files, arms=("new", "old"), prices=False)

    assert [each["name"] for each in done.run.about["strategies"]] == ["new", "old"]
    assert done.run.about["design"] == "paired"


def test_samples_with_gaps_stay_paired_across_arms(tmp_path: Path) -> None:
    lines = [line(sample=3), line(sample=7), line(sample=9), line(arm="b", sample=3), line(arm="b", sample=9)]

    run = imported(tmp_path, *lines).run

    found = {(each["strategy"], each["sample"]) for each in run.tables["turns"].to_pylist()}
    assert found == {("a", 0), ("a", 1), ("a", 2), ("b", 0), ("b", 2)}


@pytest.mark.parametrize(
    ("names", "design", "only"),
    [
        ((("c1", "a"), ("c1", "b")), "paired", {"a": 0, "b": 0}),
        ((("c1", "a"), ("c2", "a"), ("c1", "b")), "paired", {"a": 1, "b": 0}),
        ((("c1", "a"), ("c2", "b")), "unpaired", {"a": 1, "b": 1}),
        ((("c1", "a"),), "paired", {"a": 0}),
    ],
)
def test_arms_are_paired_where_they_share_conversations(tmp_path: Path, names: Any, design: str, only: Any) -> None:
    run = imported(tmp_path, *(line(name=name, arm=arm) for name, arm in names)).run

    assert (run.about["design"], run.about["imported"]["only"]) == (design, only)
    assert any(each.startswith("imported transcripts: not a replay") for each in run.summary["banners"])
    assert any(each.startswith("unpaired") for each in run.summary["banners"]) == (design == "unpaired")


def test_users_are_clusters_and_their_names_stay_outside(tmp_path: Path) -> None:
    run = imported(tmp_path, line(user=7), line(name="c2", user=7), line(name="c3", user="mallory-7")).run

    owners = run.about["cluster"]
    assert owners["c1"] == owners["c2"] != owners["c3"]
    assert "mallory" not in json.dumps(run.about)
    assert any(
        each.startswith("1 user has several conversations: the intervals of a run's own tables take conversations as")
        for each in run.summary["banners"]
    )
    alone = imported(tmp_path, line(user=7), line(name="c2", user=8)).run
    assert not any("several conversations" in each for each in alone.summary["banners"])


# --- what it costs -------------------------------------------------------------------------


def test_tokens_by_message_cost_what_a_pencil_says_with_a_warm_cache(tmp_path: Path) -> None:
    run = imported(tmp_path, line(user(), said("x", 100, 10), user(), said("y", 150, 20))).run

    assert metrics(run)["cost_usd_cold"]["value"] == pytest.approx((250 * 10 + 30 * 100) * MICRO)
    assert metrics(run)["cost_usd_warm"]["value"] == pytest.approx((150 * 10 + 100 * 1 + 30 * 100) * MICRO)


def test_tokens_of_a_whole_conversation_are_priced_once_and_cannot_be_warm(tmp_path: Path) -> None:
    total = {"input_tokens": 250, "output_tokens": 30}

    done = imported(tmp_path, line(user(), said("x"), user(), said("y"), usage=total))

    dollars = (250 * 10 + 30 * 100) * MICRO
    found = metrics(done.run)
    assert [found[f"cost_usd_{way}"]["value"] for way in ("warm", "cold", "billed")] == pytest.approx([dollars] * 3)
    assert found["tokens_per_resolved"]["value"] == 280
    assert any("no cache can be simulated" in each for each in done.warnings)


def test_missing_usage_is_no_cost_and_no_guess(tmp_path: Path) -> None:
    lines = [line(user(), said("x", 100, 10), name=f"c{n}") for n in range(3)]

    found = metrics(imported(tmp_path, *lines, line(user(), said("x", 9, 9), user(), said("y"), name="c9")).run)

    for name in ("cost_usd_warm", "qpd", "tokens_per_resolved", "cost_usd_per_resolved"):
        assert (found[name]["value"], found[name]["unscored"]) == (None, 1)
        assert "no usage in 1 of 4 conversations (1 of 5 calls)" in found[name]["why"]


def test_few_missing_conversations_are_left_out_by_name(tmp_path: Path) -> None:
    lines = [line(user(), said("x", 100, 10), name=f"c{n}") for n in range(99)]

    found = metrics(imported(tmp_path, *lines, line(name="c99")).run)["cost_usd_warm"]

    assert (found["value"], found["n"], found["unscored"]) == (pytest.approx(2000 * MICRO), 99, 1)
    assert "no usage in 1 of 100" in found["why"]


def test_tokens_are_counted_only_where_that_was_asked_for(tmp_path: Path) -> None:
    run = imported(tmp_path, line(), estimate_usage=True).run

    assert metrics(run)["cost_usd_warm"]["value"] > 0
    assert metrics(run)["cost_usd_billed"]["value"] is None
    assert any("costs are estimates" in each for each in run.summary["banners"])


def test_an_arm_without_a_price_says_what_to_name(tmp_path: Path) -> None:
    run = imported(tmp_path, line(user(), said("x", 9, 9)), line(user(), said("x", 9, 9), arm="c")).run

    assert metrics(run)["cost_usd_warm"]["value"] is not None
    assert "no price for arm 'c': name a tiers file with --tiers" in metrics(run, "c")["cost_usd_warm"]["why"]
    assert metrics(run, "c")["tokens_per_resolved"]["value"] == 18


def test_repricing_gives_an_arm_the_price_that_it_had_not(tmp_path: Path) -> None:
    lines = [
        line(user(), said("x", 100, 10), user(), said("y", 150, 20)),
        line(user(), said("z"), name="c2", usage={"input": 5, "output": 5}),
    ]
    priced_at_once = imported(tmp_path, *lines).run.summary["strategies"]
    bare = imported(tmp_path, *lines, prices=False).run
    assert metrics(bare)["cost_usd_warm"]["value"] is None

    after = reprice(bare.path, priced(tmp_path / "later.yaml", {"a": PRICES["a"]})).after

    assert after.summary["strategies"] == priced_at_once


def test_a_silent_arm_has_an_outcome_and_no_cost(tmp_path: Path) -> None:
    found = metrics(imported(tmp_path, line(user(), resolved=False)).run)

    assert found["resolved"]["value"] == 0.0
    assert found["cost_usd_warm"]["value"] is None


# --- what is known of it -------------------------------------------------------------------


def test_nothing_is_said_that_nobody_looked_at(tmp_path: Path) -> None:
    run = imported(tmp_path, *(line(user(), said("x", 9, 9), name=f"c{n}") for n in range(25))).run

    unknown = {name for name, each in metrics(run).items() if each["value"] is None}
    assert {"quality", "unsupported_per_turn", "self_corrections_per_turn", "invalid_turn_share"} <= unknown
    assert {"escalations_per_conversation", "handoffs_per_conversation", "turns_to_resolution"} <= unknown
    assert run.summary["verdict"]["outcome"] == "unknown"
    assert "Resolved, as their log says: a 100.0%" in run.summary["verdict"]["text"]
    assert "nan" not in (run.path / "summary.json").read_text().lower()


def test_an_outcome_that_is_not_there_is_unscored(tmp_path: Path) -> None:
    run = imported(tmp_path, line(), line(name="c2", resolved=False), line(name="c3", resolved=None)).run

    found = metrics(run)["resolved"]
    assert (found["value"], found["n"], found["unscored"]) == (0.5, 2, 1)


def test_a_log_without_outcomes_says_so(tmp_path: Path) -> None:
    found = metrics(imported(tmp_path, line(resolved=None)).run)["resolved"]

    assert (found["value"], found["why"]) == (None, "the log does not say of any conversation whether it was resolved")


def test_pages_say_imported_where_a_replay_has_its_mode(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"

    run = imported(
        tmp_path, line(user(hostile), said(hostile), name=hostile, arm=f"</style>{hostile}"), prices=False
    ).run

    page = (run.path / "report.html").read_text()
    assert "imported transcripts: not a replay" in page
    assert 'id="validity"' not in page
    assert 'id="triggers"' not in page
    assert hostile not in page
    assert "recorded tier" not in (run.path / "report.md").read_text()


def test_transcripts_are_graded_later_each_with_its_own_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line(user("one"), said("It costs 77 dollars.", 9, 9)), line(user("two"), user("2"), said("No."), arm="b")]
    before = imported(tmp_path, *lines).run

    code, _, err = told(capsys, tmp_path, "judge", "run", "--rubrics", "checks")

    after = folder.read(tmp_path / "run")
    assert (code, err) == (0, "")
    assert metrics(after)["unsupported_per_turn"]["value"] == 1.0
    assert metrics(after, "b")["unsupported_per_turn"]["value"] == 0.0
    assert metrics(after)["resolved"] == metrics(before)["resolved"]
    assert after.tables["transcripts"].equals(before.tables["transcripts"])


@pytest.mark.parametrize(
    ("rubric", "what"),
    [((), "name rubrics with --rubrics"), (("--rubrics", "pairwise"), "each their own user messages")],
)
def test_what_cannot_be_judged_is_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rubric: tuple[str, ...], what: str
) -> None:
    imported(tmp_path, line())

    code, _, err = told(capsys, tmp_path, "judge", "run", *rubric)

    assert (code, err.count("\n")) == (2, 1)
    assert what in err


def test_transcripts_come_back_as_they_were(tmp_path: Path) -> None:
    lines = [line(user("one"), said("1"), user("more"), said("2")), line(user("two"), said("3"), arm="b", sample=1)]

    found = [(each.conversation, each.lives[0][0]) for each in revive.revived(imported(tmp_path, *lines).run)]

    assert [(life.strategy, life.sample, [turn.answer for turn in life.answered]) for _, life in found] == [
        ("a", 0, ["1", "2"]), ("b", 1, ["3"]),
    ]  # fmt: skip
    assert [[turn.user.content for turn in each.turns] for each, _ in found] == [["one", "more"], ["two"]]


# --- pass^k --------------------------------------------------------------------------------


def test_pass_hat_k_is_the_share_of_draws_that_are_all_resolved() -> None:
    resolved = np.array([[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, np.nan]])

    found = pass_hat_k(resolved)

    assert [found[k].value for k in (1, 2)] == pytest.approx([(0.5 + 1 + 0) / 3, (1 / 6 + 1 + 0) / 3])
    assert (found[4].value, found[4].n, found[4].unscored) == (0.5, 2, 1)
    assert found[1].low is None


@given(st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=1, max_size=30))
def test_more_trials_are_never_resolved_together_more_often(trials: list[list[bool]]) -> None:
    values = [each.value or 0.0 for each in pass_hat_k(np.array(trials, float)).values()]

    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(np.mean(trials))


def test_one_trial_has_no_pass_hat_k() -> None:
    assert pass_hat_k(np.array([[1.0], [0.0]])) == {}
    assert pass_hat_k(np.full((2, 3), np.nan)) == {}


# --- what is wrong, and what is left out ---------------------------------------------------


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "log.jsonl:1:1: is empty"),
        (json.dumps(line()) + "\n\n{oops", "log.jsonl:3:2: broken JSON"),
        (json.dumps(line()) + "\n" + json.dumps(line()), "log.jsonl:2:2: conversation: conversation 'c1', arm 'a', "),
        ('{"conversation": "c", "messages": []}', "log.jsonl:1:1: 'arm' is missing"),
        (json.dumps(line({"role": "robot", "content": "x"})), 'unknown value "robot"'),
        (json.dumps(line(sample=-1)), "sample: must be at least 0"),
        (json.dumps(line(said("hello"))), "holds no user message"),
        (json.dumps({"simulations": []}), "holds no transcripts of arms"),
        (json.dumps(line(), indent=1), "holds no transcripts of arms"),
        ("[1, 2]", "holds no transcripts of arms"),
        ("[]", "holds no transcripts of arms"),
        ("{oops\n{oops", "log.jsonl:1:2: broken JSON"),
        (json.dumps([trial(0, 0, 1.0), 7]), "must be an object with 'task_id', 'reward' and 'traj'"),
        (json.dumps([trial(0, 0, 1.0), {"task_id": 1, "traj": "x"}]), "traj: must be a list"),
    ],
)
def test_what_cannot_be_read_is_one_line_with_its_place_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, what: str
) -> None:
    (tmp_path / "log.jsonl").write_text(text)

    code, out, err = told(capsys, tmp_path, "import", "--arms", "log.jsonl", "--out", "run")

    assert (code, out, err.count("\n")) == (2, "", 1)
    assert what in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("--arm", "aa"), "no such arm: 'aa'"),
        (("--tiers", "offline"), "none of its tiers is named like an arm; it has advanced, mid, light, the arms are a"),
        (("--format", "tau-bench"), "must be a list of results"),
        (("--gap-s", "inf"), "must be a finite number"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], what: str
) -> None:
    written(tmp_path / "log.jsonl", line())

    code, _, err = told(capsys, tmp_path, "import", "--arms", "log.jsonl", "--out", "run", *arguments)

    assert (code, err.count("\n")) == (2, 1)
    assert what in err


IMAGE = line(user(), said([{"type": "image_url", "image_url": "x"}]), name="c2")  # type: ignore[arg-type]


def test_a_transcript_that_cannot_be_carried_is_left_out_by_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "log.jsonl", line(), IMAGE)

    code, out, _ = told(capsys, tmp_path, "import", "--arms", "log.jsonl", "--out", "run", "--json")

    found = json.loads(out)
    reason = "content part 'image_url' cannot be replayed; only text parts can"
    assert (code, found["imported"], found["skipped"], found["merged"]) == (0, 1, {reason: 1}, 0)
    assert found["warnings"][0] == f"1 skipped (log.jsonl:2): {reason}"
    assert {"format", "imported", "skipped", "merged", "warnings", "arms"} <= set(found)


def test_nothing_is_left_out_of_a_strict_import(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"log\.jsonl:2:.* content part 'image_url'"):
        imported(tmp_path, line(), IMAGE, strict=True)

    assert not (tmp_path / "run").exists()


def test_a_list_in_one_file_is_read_as_lines_are(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps([line(), line(name="c2")]))

    done = imported(tmp_path, files=(tmp_path / "log.json",))

    assert (done.imported, done.format) == (2, "arms")


def test_files_of_both_formats_make_one_run(tmp_path: Path) -> None:
    (tmp_path / "gpt.json").write_text(json.dumps([trial(0, 0, 1.0)]))
    files = (written(tmp_path / "log.jsonl", line(name="0"), line(name="0", arm="b")), tmp_path / "gpt.json")

    run = imported(tmp_path, files=files, arms=("gpt", "b")).run

    assert [each["name"] for each in run.about["strategies"]] == ["b", "gpt"]


@pytest.mark.parametrize(
    ("names", "arms", "what"),
    [
        (("x.json", "x.json.gz"), (), "two files would both be arm 'x'"),
        (("x.json", "y.json"), ("one",), "--arm: 1 given for 2 files of tau-bench"),
        ((), (), "no file: name one with --arms FILE"),
    ],
)
def test_files_that_cannot_be_told_apart_are_refused(
    tmp_path: Path, names: tuple[str, ...], arms: tuple[str, ...], what: str
) -> None:
    text = json.dumps([trial(0, 0, 1.0)]).encode()
    for name in names:
        (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)

    with pytest.raises(InputError, match=what):
        imports.import_arms(
            imports.Options(files=tuple(tmp_path / name for name in names), out=tmp_path / "run", arms=arms)
        )


@pytest.mark.parametrize("form", ["arms", "tau-bench"])
def test_a_file_without_a_transcript_is_named(tmp_path: Path, form: imports.Format) -> None:
    (tmp_path / "log.json").write_text("[]")

    with pytest.raises(InputError, match=r"log\.json:1:1: holds no transcript"):
        imported(tmp_path, files=(tmp_path / "log.json",), format=form)


@pytest.mark.parametrize(("name", "what"), [("nowhere.jsonl", "no such file"), (".", "is a folder; a file is needed")])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        imported(tmp_path, files=(tmp_path / name,))


def test_a_file_in_the_wrong_format_stops_at_the_first_problems(tmp_path: Path) -> None:
    lines = [line({"role": "robot", "content": "x"}, name=f"c{n}") for n in range(80)]

    with pytest.raises(InputError) as caught:
        imported(tmp_path, *lines)

    assert len(caught.value.problems) == 50


def test_what_a_log_says_of_users_and_totals_is_not_lost_in_silence(tmp_path: Path) -> None:
    lines = [line(user="u"), line(arm="b", user="v"), line(name="c2", usage={"total": 7})]

    warnings = imported(tmp_path, *lines).warnings

    assert "conversations of several users, the first one counts: 1" in warnings
    assert "conversations without a user, each taken for one of its own: 1" in warnings
    assert "usage of whole conversations without token counts not used (1x)" in warnings


def test_the_terminal_says_what_it_took_and_then_what_a_report_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path / "log.jsonl", *(line(name=f"c{n % 25}", sample=n // 25, resolved=n % 3 > 0) for n in range(50)))

    code, out, err = told(capsys, tmp_path, "import", "--arms", "log.jsonl", "--out", "run")

    assert (code, err) == (0, "")
    assert out.startswith("arms: 50 transcripts of 1 arm taken, 0 skipped, 0 messages merged; paired\n\nNo verdict:")
    assert "a: pass^1 0.660 (" in out
    assert "50 messages of models imported; nothing was sent" in out


def test_only_the_arms_that_are_named_are_taken(tmp_path: Path) -> None:
    run = imported(tmp_path, line(), line(arm="b"), line(arm="c"), arms=("a", "c")).run

    assert [each["name"] for each in run.about["strategies"]] == ["a", "c"]


# --- recordings that were published --------------------------------------------------------


def shares(at: Path, file: str) -> dict[str, dict[str, Any]]:
    run = imports.import_arms(imports.Options(files=(recordings(file),), out=at / "run")).run
    return {each["name"]: metrics(run, each["name"]) for each in run.about["strategies"]}


def test_four_models_of_mint_resolve_what_was_published(tmp_path: Path) -> None:
    found = shares(tmp_path, "mint_arms.jsonl.gz")

    published = {
        "gpt-4-0613": 69.45, "Meta-Llama-3-70B-Instruct": 66.21, "gpt-3.5-turbo-0613": 36.18,
        "Meta-Llama-3-8B-Instruct": 34.13,
    }  # fmt: skip
    assert {name: round(100 * each["resolved"]["value"], 2) for name, each in found.items()} == published
    assert all(each["resolved"]["n"] == 586 for each in found.values())
    assert "no price for arm 'gpt-4-0613'" in found["gpt-4-0613"]["qpd"]["why"]


def test_four_models_of_agentclinic_are_as_was_published(tmp_path: Path) -> None:
    found = shares(tmp_path, "agentclinic_arms.jsonl.gz")

    published = {
        "claude-haiku-4-5": (84, 12.44, 1.541), "claude-sonnet-5": (88, 7.84, 2.788),
        "claude-opus-5": (92, 7.24, 3.473), "gemini-3.5-flash-lite": (92, 7.44, 0.675),
    }  # fmt: skip
    for name, (correct, turns, p50) in published.items():
        assert 100 * found[name]["resolved"]["value"] == pytest.approx(correct)
        assert found[name]["turns_per_conversation"]["value"] == pytest.approx(turns)
        assert found[name]["wait_s_p50"]["value"] == pytest.approx(p50, rel=0.01)
    assert found["claude-haiku-4-5"]["cost_usd_warm"]["value"] is None
    assert "no usage in 11 of 25 conversations" in found["claude-haiku-4-5"]["qpd"]["why"]
    assert found["claude-opus-5"]["cost_usd_warm"]["value"] is not None


def test_tau_bench_passes_as_was_published(tmp_path: Path) -> None:
    path = recordings("tau_bench_gpt-4o_airline.json.gz")

    run = imports.import_arms(imports.Options(files=(path,), out=tmp_path / "run")).run

    found = run.summary["strategies"][0]["pass_hat_k"]
    assert [round(each["value"], 3) for each in found.values()] == [0.420, 0.273, 0.220, 0.200]
    assert all(each["low"] is not None and each["n"] == 50 for each in found.values())
    assert "pass^4" in (run.path / "report.html").read_text()


def test_a_compressed_log_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(line()) + "\n").encode()))

    assert imported(tmp_path, files=(path,)).run.about["dataset"]["name"] == "log"


def test_a_count_that_no_conversation_can_have_is_no_count(tmp_path: Path) -> None:
    usage = {"input": 10**19, "output": 5}
    line = {"conversation": "c", "arm": "a", "outcome": {"resolved": True},
            "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes", "usage": usage}]}  # fmt: skip
    (tmp_path / "log.jsonl").write_text(json.dumps(line), encoding="utf-8")

    done = imports.import_arms(imports.Options(files=(tmp_path / "log.jsonl",), out=tmp_path / "run"))

    assert done.run.tables["calls"]["input"].to_pylist() == [None]
