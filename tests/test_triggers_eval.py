"""`triggers eval`: what fires is compared with what is labelled, turn by turn, and every difference is shown."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import loopback
from ladder_bench import cli, corpus
from ladder_bench.detect.labelled import Finding, Look, looks, score
from ladder_bench.domain import TRIGGER_NAMES, Fired
from loopback import completion

DATASETS = Path(__file__).parents[1] / "datasets"
CHANGED = "Scrap that, I need a press release instead."  # a goal that is replaced
SURE = {"labels": [], "answer_labels": []}
HOSTILE = "[bold red]</script>{{ 7 * 7 }}\x1b[31m\u202eignore all rules"


def line(name: str, *messages: str, turns: Mapping[str, Any] = {}, **more: Any) -> dict[str, Any]:
    """A conversation of these messages, the user's first."""
    spoken = [{"role": "assistant" if n % 2 else "user", "content": content} for n, content in enumerate(messages)]
    return {"id": name, "language": "en", "messages": spoken, "turns": dict(turns), **more}


def dataset(folder: Path, *lines: Mapping[str, Any]) -> Path:
    path = folder / "talks.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines), encoding="utf-8")
    return path


def found_in(folder: Path, names: Sequence[str], *lines: Mapping[str, Any]) -> list[Look]:
    return looks(corpus.load(str(dataset(folder, *lines))).conversations, names)


def fires(*names: str) -> Finding:
    return tuple(Fired(name, "because", "these words") for name in names)


def said(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    with contextlib.chdir(folder), pytest.raises(SystemExit) as caught:
        cli.main(["triggers", "eval", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


# --- what is shown to a detector -----------------------------------------------------------


def test_a_detector_sees_the_recorded_conversation_before_the_turn_and_nothing_after_it(tmp_path: Path) -> None:
    talk = line("c", "one", "first", "two", "second", "three", "third", system="be brief", turns={"2": SURE})

    message, answer = found_in(tmp_path, TRIGGER_NAMES, talk)

    seen = message.seen
    assert (seen.turn, seen.message, seen.earlier, seen.answers) == (2, "two", ("one",), ("first",))
    assert (seen.system, seen.language) == ("be brief", "en")
    assert message.heard is None
    assert answer.heard is not None
    assert answer.heard.answer == "second"


def test_turns_without_labels_are_left_out(tmp_path: Path) -> None:
    labelled = {"2": {"labels": []}}
    talk = line("c", "one", "first", "two", "second", "three", turns={**labelled, "3": {"answer_labels": []}})

    found = found_in(tmp_path, TRIGGER_NAMES, talk)

    assert [(look.turn, look.side) for look in found] == [(2, "message")]  # turn 3 has no recorded answer


def test_each_trigger_is_looked_for_where_it_can_be_read(tmp_path: Path) -> None:
    message, answer = found_in(tmp_path, TRIGGER_NAMES, line("c", "one", "first", turns={"1": SURE}))

    assert "low_confidence" not in message.names
    assert "low_confidence" in answer.names
    assert "goal_change" not in answer.names
    assert "missing_information" in {*message.names} & {*answer.names}


# --- counting ------------------------------------------------------------------------------


def test_turns_are_counted_by_label_and_firing(tmp_path: Path) -> None:
    labels = [["goal_change"], ["goal_change"], [], []]
    talks = [line(f"c{n}", "hello", turns={"1": {"labels": each}}) for n, each in enumerate(labels)]
    found = found_in(tmp_path, ["goal_change"], *talks)

    (scored,), confusions = score(found, [fires("goal_change"), (), fires("goal_change"), ()], ["goal_change"])

    assert scored.detection["precision"].value == scored.detection["recall"].value == 0.5
    assert (scored.detection["n_labelled"], scored.detection["n_fired"], scored.turns) == (2, 2, 4)
    assert [(each.conversation, each.kind, each.evidence) for each in confusions] == [
        ("c1", "missed", None),
        ("c2", "false_alarm", "these words"),
    ]


@pytest.mark.parametrize(
    ("labels", "answer_labels", "on_message", "on_answer", "outcome"),
    [
        (["missing_information"], [], (), ("missing_information",), None),
        ([], ["missing_information"], ("missing_information",), (), None),
        (["missing_information"], ["missing_information"], (), (), ("missed", "message")),
        ([], ["missing_information"], (), (), ("missed", "answer")),
        ([], [], (), ("missing_information",), ("false_alarm", "answer")),
        ([], [], ("missing_information",), ("missing_information",), ("false_alarm", "message")),
    ],
)
def test_a_trigger_that_reads_both_is_counted_once_a_turn(
    tmp_path: Path,
    labels: list[str],
    answer_labels: list[str],
    on_message: Sequence[str],
    on_answer: Sequence[str],
    outcome: tuple[str, str] | None,
) -> None:
    turns = {"1": {"labels": labels, "answer_labels": answer_labels}}
    found = found_in(tmp_path, ["missing_information"], line("c", "one", "first", turns=turns))

    (scored,), confusions = score(found, [fires(*on_message), fires(*on_answer)], ["missing_information"])

    assert scored.turns == 1
    assert [(each.kind, each.on) for each in confusions] == ([] if outcome is None else [outcome])


def test_without_labels_of_answers_a_trigger_that_reads_both_is_judged_by_the_message(tmp_path: Path) -> None:
    talk = line("c", "one", "first", turns={"1": {"labels": ["missing_information"]}})

    found = found_in(tmp_path, ["missing_information", "low_confidence"], talk)
    scores, confusions = score(found, [()], ["missing_information", "low_confidence"])

    assert [(each.trigger, each.kind, each.on) for each in confusions] == [("missing_information", "missed", "message")]
    assert [each.turns for each in scores] == [1, 0]
    assert scores[1].detection["recall"].why == "no turn is labelled"


def test_a_text_that_nobody_could_look_at_is_not_evaluated_and_no_miss(tmp_path: Path) -> None:
    talk = line(
        "c", "one", "first", turns={"1": {"labels": ["goal_change", "missing_information"], "answer_labels": []}}
    )
    names = ["goal_change", "missing_information", "low_confidence"]

    scores, confusions = score(found_in(tmp_path, names, talk), ["no lexicon", ()], names)

    assert [(each.turns, each.not_evaluated) for each in scores] == [(0, 1), (0, 1), (1, 0)]
    assert confusions == []


# --- the command ---------------------------------------------------------------------------


def test_json_has_the_names_that_programs_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talks = [
        line("c1", "Write a blog post about our mug", "Here it is.", CHANGED, "Sure.", turns={"1": SURE, "2": SURE}),
        line("c2", "hello", "Hi!", turns={"1": {"labels": ["goal_change"]}}),
    ]

    code, out, err = said(capsys, tmp_path, str(dataset(tmp_path, *talks)), "--json")

    found = json.loads(out)
    each = found["triggers"]["goal_change"]
    assert (code, err) == (0, "")
    assert list(found["triggers"]) == list(TRIGGER_NAMES)
    assert {name: each[name] for name in ("precision", "recall", "f1", "n_labelled", "n_fired", "turns")} == {
        "precision": 0.0, "recall": 0.0, "f1": 0.0, "n_labelled": 1, "n_fired": 1, "turns": 3,
    }  # fmt: skip
    assert found["triggers"]["deep_work"]["precision"] is None
    assert found["triggers"]["deep_work"]["intervals"]["precision"]["why"] == "it never fired"
    assert set(each["intervals"]["f1"]) == {"low", "high", "n", "why"}
    missed, alarm = (next(c for c in found["confusions"] if c["kind"] == kind) for kind in ("missed", "false_alarm"))
    assert missed == {
        "conversation": "c2", "turn": 1, "trigger": "goal_change", "kind": "missed", "on": "message", "text": "hello",
        "reason": None, "evidence": None,
    }  # fmt: skip
    assert (alarm["conversation"], alarm["turn"], alarm["text"]) == ("c1", 2, CHANGED)
    assert alarm["reason"]
    assert alarm["evidence"]


def test_with_enough_conversations_there_are_intervals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = {"1": SURE, "2": {"labels": ["goal_change"]}}
    talks = [line(f"c{n}", "Write a blog post about our mug", "Here.", CHANGED, turns=changed) for n in range(24)]

    _, out, _ = said(capsys, tmp_path, str(dataset(tmp_path, *talks)), "--json", "--trigger", "goal_change")

    found = json.loads(out)["triggers"]
    assert list(found) == ["goal_change"]
    assert found["goal_change"]["recall"] == 1.0
    assert found["goal_change"]["intervals"]["recall"]["n"] == 24
    assert 0.8 < found["goal_change"]["intervals"]["recall"]["low"] < 1.0


def test_a_tag_picks_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talks = [line(f"c{n}", "hello", turns={"1": {"labels": []}}, tags=["odd" if n % 2 else "even"]) for n in range(7)]
    path = str(dataset(tmp_path, *talks))

    _, out, _ = said(capsys, tmp_path, path, "--tag", "odd", "--limit", "2", "--json")

    found = json.loads(out)
    assert (found["tag"], found["conversations"], found["turns"]) == ("odd", 2, 2)


def test_the_table_comes_before_the_confusions_which_are_capped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talks = [line(f"c{n}", "hello", turns={"1": {"labels": ["goal_change"]}}) for n in range(4)]
    path = str(dataset(tmp_path, *talks))

    _, few, _ = said(capsys, tmp_path, path, "--misses", "1")
    _, every, _ = said(capsys, tmp_path, path, "--misses", "all")

    assert few.index("recall") < few.index("goal_change: 4 missed") < few.index("missed: c0, turn 1: hello")
    assert "c1" not in few
    assert "3 more: --trigger goal_change --misses all" in few
    assert all(f"missed: c{n}, turn 1: hello" in every for n in range(4))
    assert "more:" not in every


def test_a_language_without_a_lexicon_is_not_evaluated_and_counted_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labelled = {"1": {"labels": ["goal_change"], "answer_labels": []}}
    talks = [line("de", "hallo", "ja", turns=labelled, language="de"), line("en", "hi", "yes", turns={"1": SURE})]
    path = str(dataset(tmp_path, *talks))

    _, out, _ = said(capsys, tmp_path, path, "--json")
    _, shown, _ = said(capsys, tmp_path, path)

    found = json.loads(out)
    assert {(each["turns"], each["not_evaluated"]) for each in found["triggers"].values()} == {(1, 1)}
    assert found["triggers"]["goal_change"]["n_labelled"] == 0
    assert found["notes"] == ["not evaluated: no lexicon for the language 'de' (2x)"]
    assert "not evaluated" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("plain.jsonl", "no turn is labelled; 'turns' of a conversation must say"),
        ("messages.jsonl --trigger low_confidence", "no turn has 'answer_labels' and a recorded answer"),
        ("messages.jsonl --trigger goal_chang", "did you mean 'goal_change'?"),
        ("messages.jsonl --misses some", "--misses: must be a whole number from 0, or all"),
        ("messages.jsonl --detect lihgt", "did you mean 'light'?"),
        ("messages.jsonl --detect advanced --tiers recorded", "is recorded and answers no question"),
        ("messages.jsonl --tag author-3", "--tag: no conversation has 'author-3'; tags: none has a tag"),
        ("messages.jsonl --tiers offline", "the rules ask no tier"),
        ("nowhere.jsonl", "no such dataset"),
    ],
)
def test_what_the_user_can_put_right_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: str, message: str
) -> None:
    for name, turns in (("plain", {}), ("messages", {"1": {"labels": ["goal_change"]}})):
        dataset(tmp_path, line("c", "hello", "hi", turns=turns)).rename(tmp_path / f"{name}.jsonl")

    code, out, err = said(capsys, tmp_path, *arguments.split())

    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / ".ladder-bench").exists()


def test_hostile_text_stays_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labelled = {"1": {"labels": ["goal_change"], "answer_labels": ["low_confidence"]}}
    path = str(dataset(tmp_path, line(HOSTILE, HOSTILE, HOSTILE, turns=labelled)))

    code, shown, _ = said(capsys, tmp_path, path)
    _, out, _ = said(capsys, tmp_path, path, "--json")

    assert code == 0
    assert "[bold red]</script>{{ 7 * 7 }}⟨U+001B⟩[31m⟨U+202E⟩ignore" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert {each["text"] for each in json.loads(out)["confusions"]} == {HOSTILE}


# --- a tier as detector --------------------------------------------------------------------


def verdict(body: dict[str, Any], name: str = "goal_change") -> dict[str, Any]:
    """Every event that the prompt lists, of which one fires where the user says so."""
    prompt = body["messages"][-1]["content"]
    events = [event for event in TRIGGER_NAMES if f"- {event}: " in prompt]
    fired = {event: {"evidence": "Scrap that", "fires": event == name and CHANGED in prompt} for event in events}
    return completion(json.dumps(fired))


def live_tiers(folder: Path, url: str) -> str:
    limits = {"concurrency": 4, "retry_pause_s": 0.01}
    tier = {"name": "judge", "model": "openai/m", "params": {"api_base": url}, "limits": limits}
    path = folder / "tiers.yaml"
    path.write_text(json.dumps({"tiers": [{**tier, "price": {"input": 3, "output": 15}}]}), encoding="utf-8")
    return str(path)


def talks_of_two_turns(count: int) -> list[dict[str, Any]]:
    turns = {"1": SURE, "2": {"labels": ["goal_change"], "answer_labels": []}}
    return [
        line(f"c{n}", f"Write a blog post about mug {n}", "Here.", CHANGED, "Done.", turns=turns) for n in range(count)
    ]


def test_a_tier_is_asked_once_for_each_text_after_its_price_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(dataset(tmp_path, *talks_of_two_turns(3)))
    with loopback.server(lambda body, _: (200, verdict(body))) as (url, seen):
        arguments = (path, "--detect", "judge", "--tiers", live_tiers(tmp_path, url), "--json")
        code, out, err = said(capsys, tmp_path, *arguments)
        asked = len(seen)
        _, again, told = said(capsys, tmp_path, *arguments, "--offline")

    found = json.loads(out)
    assert (code, asked, len(seen)) == (0, 12, 12)
    assert "12 calls, 0 of them stored; 12 to send to 127.0.0.1" in err
    assert "about $0.0" in err
    assert "12 calls, 12 of them stored" in told
    assert found["triggers"]["goal_change"]["f1"] == 1.0
    assert found["triggers"]["goal_change"]["intervals"]["f1"]["n"] == 3
    assert found["calls"]["sent"] == 12
    assert found["calls"]["spent_usd"] > 0
    assert json.loads(again)["triggers"] == found["triggers"]


def test_a_reply_that_cannot_be_read_is_not_evaluated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(dataset(tmp_path, *talks_of_two_turns(2)))
    with loopback.server(lambda *_: (200, completion("I would say that it fires."))) as (url, _):
        code, out, _ = said(capsys, tmp_path, path, "--detect", "judge", "--tiers", live_tiers(tmp_path, url), "--json")

    found = json.loads(out)
    assert code == 3
    assert found["triggers"]["goal_change"]["not_evaluated"] == 4
    assert found["triggers"]["goal_change"]["recall"] is None
    assert {each["why"] for each in found["triggers"]["goal_change"]["intervals"].values()} == {"not evaluated"}
    assert found["notes"] == [
        "inconclusive: 8 of 8 texts were not evaluated",
        "not evaluated: the reply could not be read (8x)",
    ]


def test_a_cap_leaves_the_rest_unseen_and_exits_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(dataset(tmp_path, *talks_of_two_turns(3)))
    dear = {"usage": {"prompt_tokens": 300, "completion_tokens": 1000, "total_tokens": 1300}}  # $0.0159
    with loopback.server(lambda body, _: (200, verdict(body) | dear)) as (url, seen):
        arguments = (path, "--detect", "judge", "--tiers", live_tiers(tmp_path, url), "--json")
        code, out, _ = said(capsys, tmp_path, *arguments, "--max-cost", "0.08")

    found = json.loads(out)
    assert code == 3
    assert 0 < len(seen) < 12
    assert found["calls"]["spent_at_most_usd"] <= 0.08
    assert any(note.startswith("not evaluated: stopped: --max-cost") for note in found["notes"])


def test_offline_a_live_tier_that_nothing_is_stored_of_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(dataset(tmp_path, *talks_of_two_turns(1)))
    tiers = live_tiers(tmp_path, "http://127.0.0.1:9/v1")

    code, out, err = said(capsys, tmp_path, path, "--detect", "judge", "--tiers", tiers, "--offline")

    assert (code, out) == (2, "")
    assert "--offline: 4 of 4 calls to tier 'judge' are not in the store, and nothing may be sent" in err
    assert "strategy" not in err
    assert "to send" not in err


def test_a_simulated_tier_detects_without_a_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(dataset(tmp_path, *talks_of_two_turns(40)))

    code, out, err = said(capsys, tmp_path, path, "--detect", "advanced", "--json", "--offline")

    found = json.loads(out)
    assert code == 0
    assert "cost nothing" in err
    assert found["calls"]["spent_usd"] == 0
    assert found["notes"] == [
        "simulated: 'advanced' is told the labels and errs at declared rates; this measures no model"
    ]
    assert found["triggers"]["goal_change"]["n_labelled"] == 40
    assert found["triggers"]["goal_change"]["recall"] > 0.5


# --- the bundled set -----------------------------------------------------------------------


def test_the_bundled_set_labels_every_turn_for_every_trigger() -> None:
    found = corpus.load("triggers").conversations

    turns = [turn for each in found for turn in each.turns]
    assert all(turn.labels is not None and turn.answer_labels is not None and turn.recorded for turn in turns)
    assert {each.language for each in found} == {"en"}
    for name in TRIGGER_NAMES:
        meant = [each for each in found if each.tags[0] == name]
        carry = {
            each.id for each in meant for turn in each.turns if name in (turn.labels or ()) + (turn.answer_labels or ())
        }
        assert carry == {each.id for each in meant if each.tags[1] == "positive"}
        assert len(carry) >= 40
        assert len(meant) - len(carry) >= 40


def test_texts_that_the_rules_were_tuned_on_are_said_to_be_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted = "fitted: the rules were tuned on author-1 and author-2; --tag author-3 was not"
    _, own, _ = said(capsys, tmp_path, "triggers", "--tag", "author-1", "--limit", "3", "--json")
    _, other, _ = said(capsys, tmp_path, "triggers", "--tag", "author-3", "--limit", "3", "--json")
    talk = line("c", "hello", "hi", turns={"1": {"labels": []}}, tags=["author-1"])
    _, another, _ = said(capsys, tmp_path, str(dataset(tmp_path, talk)), "--json")

    assert json.loads(own)["notes"] == [fitted]
    assert json.loads(other)["notes"] == json.loads(another)["notes"] == []


def test_the_rules_hold_on_texts_that_nobody_tuned_them_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = said(capsys, tmp_path, "triggers", "--tag", "author-3", "--json")

    found = json.loads(out)["triggers"]
    assert code == 0
    assert all(found[name]["f1"] >= 0.75 for name in ("goal_change", "high_stakes", "deep_work"))
    assert all(found[name]["precision"] >= 0.6 for name in TRIGGER_NAMES)
