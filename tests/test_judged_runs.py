"""Whole runs with judges: failures become counts with reasons, and pairs on a plain log come out as declared."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import loopback
from builders import dataset_lines
from ladder_bench import experiment, folder
from ladder_bench.domain import digest_of
from ladder_bench.experiment import Options
from ladder_bench.report import routes
from loopback import completion

MTBENCH = Path(__file__).parent.parent.parent / "shared" / "data" / "mtbench101.jsonl.gz"
TALKS = 200  # of its 1,388 conversations; all of them take half a minute
PRICE = {"input": 1, "output": 2}
LIMITS = {"concurrency": 8, "retry_pause_s": 0.001, "turn_timeout_s": 0.2}
MET = {"evidence": "it", "reason": "so", "verdict": "met"}
FAILURES: dict[str, Any] = {
    "not_json": "All criteria are met.",
    "truncated": '{"c1": {"evidence": "it", "reason": "so", "verd',
    "refused": "I'm sorry, but I can't evaluate this.",
    "missing_field": "{}",
    "extra_field": json.dumps({**{f"c{n}": MET for n in range(1, 9)}, "overall": MET}),
    "wrong_value": json.dumps({f"c{n}": {**MET, "verdict": "PASS"} for n in range(1, 2)}),
    "timeout": {"error": "timeout"},
    "rate_limited": {"error": "rate_limited"},
}


def run(place: Path, judges: Sequence[Mapping[str, Any]], limit: int | None = None, **matrix: Any) -> folder.Run:
    run_files(place, judges, **matrix)
    with contextlib.chdir(place):
        experiment.run(Options("matrix.yaml", store=place / "calls.sqlite", out=place / "run", limit=limit))
    return folder.read(place / "run")


def run_files(place: Path, judges: Sequence[Mapping[str, Any]], **matrix: Any) -> None:
    tiers = [{"name": name, "model": f"simulated/{name}"} for name in ("advanced", "light")]
    (place / "tiers.yaml").write_text(json.dumps({"tiers": matrix.pop("tiers", tiers), "judges": judges}), "utf-8")
    whole = {
        "tiers": "tiers.yaml", "judges": [each["name"] for each in judges], "controls": "none",
        "strategies": [{"single": "advanced"}, {"single": "light"}], **matrix,
    }  # fmt: skip
    (place / "matrix.yaml").write_text(json.dumps(whole), "utf-8")


def plain_log(place: Path, count: int = 20) -> str:
    """Criteria without checks: a judge alone can say whether they are met."""
    lines = dataset_lines(count)
    for line in lines:
        for number, turn in line["turns"].items():
            turn["criteria"] = [{"id": f"k{number}", "kind": "correctness", "text": "says the step"}]
    (place / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return "cases.jsonl"


def scripted(name: str, said: Any) -> dict[str, Any]:
    return {
        "name": name, "model": f"scripted/{name}", "params": {"script": {"judge": said}}, "price": PRICE,
        "limits": LIMITS,
    }  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_a_judge_that_fails_is_counted_with_its_reason_and_grades_nothing(tmp_path: Path, failure: str) -> None:
    judge = scripted("judge", FAILURES[failure])
    found = run(tmp_path, [judge], dataset=plain_log(tmp_path), rubrics=["correctness"])

    criteria = found.summary["judging"]["criteria"]
    assert criteria > 0
    assert found.summary["judging"]["scored"] == 0
    assert found.summary["judging"]["unscored"] == {failure: criteria}
    for strategy in found.summary["strategies"]:
        quality = strategy["metrics"]["correctness"]
        assert (quality["value"], quality["unscored"] > 0, bool(quality["why"])) == (None, True, True)
    assert f"{failure.replace('_', ' ')}" in (found.path / "report.html").read_text("utf-8").replace("_", " ")


def test_one_judge_that_fails_beside_two_that_do_not_leaves_their_word(tmp_path: Path) -> None:
    good = json.dumps({"c1": MET})
    judges = [scripted("broken", "no"), scripted("one", good), scripted("two", good)]
    found = run(tmp_path, judges, dataset=plain_log(tmp_path), rubrics=["correctness"])

    assert [each["metrics"]["correctness"]["value"] for each in found.summary["strategies"]] == [1.0, 1.0]
    by_judge = {each["name"]: each for each in found.summary["judging"]["judges"]}
    assert by_judge["broken"]["scored"] == 0
    assert by_judge["broken"]["unscored"] == {"not_json": by_judge["broken"]["criteria"]}


def test_a_storm_of_429_leaves_everything_unscored_and_ends(tmp_path: Path) -> None:
    with serving(lambda asked: (429, {"error": {"message": "slow down"}})) as (judge, _):
        found = run(tmp_path, [judge], dataset=plain_log(tmp_path, 4), rubrics=["correctness"])

    assert found.about["incomplete"] is None
    assert found.summary["judging"]["scored"] == 0
    assert set(found.summary["judging"]["unscored"]) == {"rate_limited"}


@contextlib.contextmanager
def serving(answer: Callable[[dict[str, Any]], tuple[int, Any]]) -> Iterator[tuple[dict[str, Any], list[Any]]]:
    """A judge on loopback, as a tier, and what it was asked."""
    with loopback.server(lambda asked, before: answer(asked)) as (url, seen):
        yield (
            {"name": "judge", "model": "openai/judge", "params": {"api_base": url, "max_output_tokens": 200},
             "price": PRICE, "json_output": "schema", "limits": LIMITS},
            seen,
        )  # fmt: skip


# --- pairs on a plain log ------------------------------------------------------------------


class Biased:
    """A judge of known taste and known bias: what it says of two answers, and what of that is a matter of their place.

    By the hash of both: in `placed` of the pairs it names whoever stands first, in `tied` it sees no difference, else it
    prefers the answer with the smaller hash, whatever its place.
    """

    def __init__(self, placed: float, tied: float) -> None:
        self.placed, self.tied = placed, tied

    def value(self, answer: str, other: str) -> float:
        """For an answer over another: 1, 0.5 or 0, once both orders are heard."""
        answer, other = (" ".join(each.split()) for each in (answer, other))
        if answer == other:
            return 0.5
        share = int(digest_of(*sorted((answer, other)))[:8], 16) / (1 << 32)
        return 0.5 if share < self.placed + self.tied else float(digest_of(answer) < digest_of(other))

    def says(self, asked: dict[str, Any]) -> tuple[int, Any]:
        first, second = _sides(asked["messages"][-1]["content"])
        share = int(digest_of(*sorted((first, second)))[:8], 16) / (1 << 32)
        if share < self.placed:
            verdict = "first"
        elif share < self.placed + self.tied:
            verdict = "tie"
        else:
            verdict = "first" if digest_of(first) < digest_of(second) else "second"
        return 200, completion(json.dumps({"reason": "so", "verdict": verdict}))


def _sides(prompt: str) -> list[str]:
    """The last answer of either side, from the prompt."""
    _, first, second = prompt.replace("\nSecond:\n", "\nFirst:\n").split("\nFirst:\n")
    said = (part.rpartition("<<<")[2].partition("\n")[2].rpartition(">>>")[0] for part in (first, second))
    return [" ".join(each.split()[:-1]) for each in said]  # without the mark at its end


def test_on_a_plain_log_the_order_effect_is_gone_and_ties_and_margins_are_as_declared(tmp_path: Path) -> None:
    if not MTBENCH.exists():
        pytest.skip("needs the recordings of mtbench101, which are not part of the project")
    judge = Biased(placed=0.3, tied=0.2)
    tiers = [
        {"name": "advanced", "model": "recorded", "price": PRICE},
        {"name": "light", "model": "simulated/light"},
    ]
    with serving(judge.says) as (as_tier, seen):
        patient = {**as_tier, "limits": {"concurrency": 8}}
        log = {"dataset": str(MTBENCH), "rubrics": ["pairwise"], "tiers": tiers, "replay": "forced"}
        found = run(tmp_path, [patient], limit=TALKS, **log)

    texts = {row["id"]: row["content"] for row in found.tables["messages"].to_pylist()}
    answers = {
        (row["strategy"], row["conversation"], row["turn"]): texts[row["answer"]]
        for row in found.tables["turns"].to_pylist()
    }
    expected = {
        place: judge.value(text, answers["advanced", *place[1:]])
        for place, text in answers.items()
        if place[0] == "light"
    }
    got = {
        (row["strategy"], row["conversation"], row["turn"]): row["value"]
        for row in found.tables["verdicts"].to_pylist()
        if row["metric"] == "preference"
    }
    assert got == expected
    counts = Counter(got.values())
    row = found.summary["preference"]["strategies"]["light"]
    assert (row["wins"], row["ties"], row["losses"]) == (counts[1.0], counts[0.5], counts[0.0])
    by_talk: dict[str, list[float]] = {}
    for (_, talk, _), value in expected.items():
        by_talk.setdefault(talk, []).append(2 * value - 1)
    margin = sum(sum(each) / len(each) for each in by_talk.values()) / len(by_talk)
    assert row["margin"]["value"] == pytest.approx(margin, abs=1e-12)
    assert row["margin"]["low"] < 0 < row["margin"]["high"]
    assert len(seen) > 4 * TALKS


# --- what a plan says of judges ------------------------------------------------------------


def test_a_plan_names_the_judges_among_those_who_receive_the_conversations(tmp_path: Path) -> None:
    with serving(lambda asked: (500, {})) as (judge, seen):
        run_files(tmp_path, [judge], dataset=plain_log(tmp_path, 4), rubrics=["correctness"])
        with contextlib.chdir(tmp_path):
            found = experiment.plan(Options("matrix.yaml", store=tmp_path / "calls.sqlite"))

    assert any("openai/judge receives the conversations, at 127.0.0.1" in line for line in routes.receivers(found))
    assert not seen
