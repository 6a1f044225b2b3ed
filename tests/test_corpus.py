"""The corpus: every message is carried through or refused by name."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ladder_bench import corpus
from ladder_bench.domain import Conversation
from ladder_bench.errors import InputError

CALL = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
GOLD: dict[str, Any] = {
    "id": "a",
    "messages": [
        {"role": "user", "content": '{"looks": "like JSON"}', "timestamp": 1.5},
        {"role": "assistant", "content": "[1]", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "latency_s": 1},
    ],
    "intent": {"constraints": [{"id": "k", "text": "t", "from_turn": 1, "check": {"absent": ["x"]}}]},
    "turns": {"1": {"criteria": [{"id": "c", "text": "t", "weight": 2, "check": {"number": {"value": 12}}}]}},
}


def user(text: str = "hi", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": text, **more}


def assistant(text: str | None = "yes", **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


def load(folder: Path, *messages: dict[str, Any], **more: Any) -> tuple[Conversation, tuple[str, ...]]:
    path = folder / "log.jsonl"
    path.write_text(json.dumps({"messages": messages, **more}))
    loaded = corpus.load(str(path))
    return loaded.conversations[0], loaded.notes


def test_a_plain_log_is_a_dataset(tmp_path: Path) -> None:
    found, notes = load(tmp_path, user("a"), assistant("b"), user("c"))

    assert found.id == "line-1"
    assert [turn.user.content for turn in found.turns] == ["a", "c"]
    assert [turn.recorded and turn.recorded.text for turn in found.turns] == ["b", None]
    assert notes == ("turns without a recorded answer kept; recorded tiers cannot answer them (1x)",)


def test_system_prompts_join_and_greetings_stay_in_the_history(tmp_path: Path) -> None:
    found, _ = load(tmp_path, {"role": "developer", "content": "two"}, assistant("hello"), user(), system="one")

    assert found.system == "one\n\ntwo"
    assert [message.content for message in found.greeting] == ["hello"]


def test_tool_calls_and_their_results_travel_as_context(tmp_path: Path) -> None:
    result = {"role": "tool", "tool_call_id": "c1", "content": "42"}

    found, _ = load(tmp_path, user(), assistant(None, tool_calls=CALL), result, assistant("it is 42"))

    assert [message.role for message in found.turns[0].context] == ["assistant", "tool"]
    assert json.loads(found.turns[0].context[0].extra)["tool_calls"] == CALL
    assert [turn.recorded.text for turn in found.turns if turn.recorded] == ["it is 42"]


def test_an_answer_with_a_name_is_still_an_answer(tmp_path: Path) -> None:
    found, notes = load(tmp_path, user(name="Ann"), assistant("x", name="bot", tool_calls=[]))

    assert [turn.recorded.text for turn in found.turns if turn.recorded] == ["x"]
    assert notes == ("key 'name' of assistant messages not used (1x)", "key 'name' of user messages not used (1x)")


@pytest.mark.parametrize(
    ("messages", "note"),
    [
        ([user("a"), user("b"), assistant()], "consecutive user messages merged"),
        ([user(), assistant("a"), assistant("b")], "consecutive assistant messages merged"),
        ([user(), assistant(refusal="no")], "key 'refusal' of assistant messages not used"),
        ([user(), assistant(usage={"total": 3})], "usage without whole token counts not used"),
        ([user(timestamp=9), assistant(), user(timestamp=2), assistant()], "timestamps that go back"),
    ],
)
def test_what_is_merged_or_left_out_is_noted(messages: list[dict[str, Any]], note: str, tmp_path: Path) -> None:
    _, [found] = load(tmp_path, *messages)

    assert note in found


def test_a_time_without_a_zone_is_utc(tmp_path: Path) -> None:
    times = ("2024-03-31T00:30:00", "2024-03-31T03:30:00+02:00", "2024-03-31T01:31:00Z")

    found, _ = load(tmp_path, *(each for time in times for each in (user(timestamp=time), assistant())))

    assert [turn.gap_s for turn in found.turns] == [None, 3600.0, 60.0]


def test_a_duplicate_id_names_both_lines(tmp_path: Path) -> None:
    line = json.dumps({"id": "日本", "messages": [user()]})
    (tmp_path / "log.jsonl").write_text(f"{line}\n\r\n{line}\r\n")

    with pytest.raises(InputError, match=r"log.jsonl:3:2: id: duplicate id '日本': first on line 1"):
        corpus.load(str(tmp_path / "log.jsonl"))


def test_a_file_in_another_format_stops_after_the_first_problems(tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"text": "x"}\n' * 500)

    with pytest.raises(InputError) as caught:
        corpus.load(str(tmp_path / "log.jsonl"))

    assert len(caught.value.problems) == corpus.MOST_PROBLEMS + 1
    assert "the rest of the file was not checked" in str(caught.value.problems[-1])


def test_a_json_file_may_hold_a_list_of_conversations(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text(json.dumps([{"messages": [user()]}, {"messages": [user()]}], indent=1))

    assert [each.id for each in corpus.load(str(tmp_path / "log.json")).conversations] == ["item-1", "item-2"]


@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_a_conversation_is_the_same_from_lines_and_from_tables(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"log.{ending}"
    if ending == "csv":
        with path.open("w", newline="") as file:
            rows = {key: value if isinstance(value, str) else json.dumps(value) for key, value in GOLD.items()}
            csv.writer(file).writerows([list(rows), list(rows.values())])
    elif ending == "parquet":
        pq.write_table(pa.Table.from_pylist([GOLD, {"id": "b", "messages": [user()]}]), path)
    else:
        path.write_text(json.dumps(GOLD))

    first = corpus.load(str(path)).conversations[0]

    path.with_suffix(".jsonl").write_text(json.dumps(GOLD))
    [wanted] = corpus.load(str(path.with_suffix(".jsonl"))).conversations
    assert (first.turns, first.intent) == (wanted.turns, wanted.intent)


def test_a_table_that_turned_counts_into_floats_still_loads(tmp_path: Path) -> None:
    row = {"id": 7, "messages": [user()], "extra": 1, "intent": {"constraints": [
        {"id": "k", "text": "t", "from_turn": 1.0, "until_turn": float("nan"), "check": {"any": None, "all": ["x"]}}
    ]}}  # fmt: skip
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "log.parquet")

    loaded = corpus.load("log.parquet", near=tmp_path / "matrix.yaml")

    [constraint] = loaded.conversations[0].intent.constraints  # type: ignore[union-attr]
    assert (loaded.conversations[0].id, constraint.from_turn, constraint.until_turn) == ("7", 1, None)
    assert loaded.notes[0] == "column 'extra' not used (1x)"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: holds no conversation"),
        ("id,text\n1,x\n", "1:1: no 'messages' column; found: id, text"),
        ("id,messages\n1,x\n", "2:1: messages: must be JSON text"),
        ('id,messages\n1,"[NaN]"\n', "2:1: messages: must be JSON text: NaN is not a finite"),
        ("id,messages\n1\n", "2:1: has 1 cells where the header has 2"),
        ('id,messages\n007,"[{""role"": ""usr"", ""content"": ""x""}]"\n', "2:1: messages[0].role: unknown value"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_at_its_row(text: str, problem: str, tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text(text)

    with pytest.raises(InputError) as caught:
        corpus.load(str(tmp_path / "log.csv"))

    assert f"log.csv:{problem}" in str(caught.value)


def test_a_name_on_the_hub_has_an_owner() -> None:
    with pytest.raises(InputError, match="is not hf:owner/name"):
        corpus.load("hf:squad")


def test_the_goal_is_called_so_and_nothing_else_may_be(tmp_path: Path) -> None:
    intent = {"goal": {"text": "an index"}, "blocking_unknowns": [{"id": "goal", "text": "the version"}]}
    line = {"id": "a", "messages": [{"role": "user", "content": "hi"}], "intent": intent}
    (tmp_path / "log.jsonl").write_text(json.dumps(line), "utf-8")

    with pytest.raises(InputError, match=r"duplicate id 'goal': also at intent\.goal"):
        corpus.load(str(tmp_path / "log.jsonl"))
