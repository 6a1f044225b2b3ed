"""Validation: every problem of a file, at its line and column."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from ladder_bench.validation import validate

USER = '{"role": "user", "content": "hi"}'
LADDER = "name: t\nsteps: [{tier: a, turns: 1}, {tier: b}]\n"
TIER = "tiers:\n- {name: a, model: simulated/light, "
MATRIX = "strategies:\n- single: light\n"


def problems(path: Path, content: str | bytes) -> list[str]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [str(problem).removeprefix(f"{path}:") for problem in validate([path]).problems]


MARK = "§"  # stands in a text before the place that its problem must name


def place(marked: str) -> str:
    before = marked[: marked.index(MARK)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{§", "broken JSON: Expecting property name"),
        ("§[1]", "must be an object with 'messages'"),
        ("§null", "must be an object with 'messages'"),
        ('§{"id": "a"}', "'messages' is missing"),
        ('{"messages": [USER], §"intnet": 1}', "intnet: unknown key; did you mean 'intent'?"),
        ('{"messages": [{§"role": "usr", "content": "x"}]}', "messages[0].role: unknown value \"usr\"; did you mean"),
        ('{"messages": [{"role": "user", §"content": null}]}', "messages[0].content: is missing"),
        ('{"messages": [{"role": "user", §"role": "user"}]}', "messages[0].role: duplicate key 'role'"),
        ('{"messages": [{"role": "user", "content": "NaN"}], "facts": §NaN}', "facts: NaN is not a finite"),
        ('{"messages": [USER], "metadata": {"x": §1e999}}', "metadata.x: 1e999 is not a finite"),
        ('{"messages": [{"role": "user", "content": §"\\ud800"}]}', "messages[0].content: holds half of a surrogate"),
        ('{"messages": [{"role": "user", "content": "\u2028\x85"}], §"id": " "}', "id: is empty"),
        ('{"messages": [{"role": "user", "content": [§{"type": "image_url"}]}]}', "content part 'image_url'"),
        ('{"messages": [USER, §{"role": "system", "content": "x"}]}', "messages[1]: a system message after"),
        ('{"messages": [§{"role": "tool", "content": "x"}, USER]}', "messages[0]: a tool message before"),
        ('{"messages": [{"role": "user", "content": "x", §"timestamp": "soon"}]}', "is not an ISO 8601 time"),
        ('{"messages": [USER], "turns": {§"0": {}}}', "turns.0: there is no turn '0'"),
        ('{"messages": [USER], "turns": {§"01": {}}}', "turns.01: there is no turn '01'"),
        ('{"messages": [USER], "turns": {§"x": {}}}', "turns.x: there is no turn 'x'"),
        ('{"messages": [USER], "turns": {"1": {"criteria": [{"id": "c", "text": "t", "check": {§"regex": "a("}}]}}}',
         "check.regex: invalid regex: missing ) at position 2"),
        ('{"messages": [USER], "turns": {"1": {"criteria": [{"id": "c", "text": "t", CHECK}]}}}',
         "check.json.type: is not a JSON Schema"),
        ('{"messages": [USER], "intent": {"constraints": [{"id": "c", "text": "t", §"from_turn": 2}]}}',
         "from_turn: there is no turn 2"),
        ('{"x": ' + "[" * 99 + "§[" + "[" * 50 + "]" * 150 + "}", "broken JSON: nested deeper than 100 levels"),
    ],
)  # fmt: skip
def test_a_conversation_that_cannot_be_used_is_refused_at_its_column(line: str, problem: str, tmp_path: Path) -> None:
    line = line.replace("USER", USER).replace("CHECK", '"check": {"json": {§"type": "x"}}')

    [found] = problems(tmp_path / "log.jsonl", line.replace(MARK, ""))

    assert found.startswith(place(line))
    assert problem in found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("§", "is empty"),
        ("§- a\n", "must be a mapping, not a list"),
        ("§a\n", "must be a mapping, not a single value"),
        ("§foo: 1\n", "is no file that ladder-bench knows"),
        ("name: t\n§step: [{tier: a}]\n", "step: unknown key; did you mean 'steps'?"),
        ("name: t\nsteps: [{tier: a}, §{tier: b}]\n", "steps[1]: never reached"),
        ("name: t\nsteps: [{tier: a, §turns: 0}, {tier: b}]\n", "steps[0].turns: must be at least 1, not 0"),
        ("name: t\n§steps: []\n", "steps: is empty"),
        ("name: t\nsteps:\n§\t- tier: a\n", "is not valid YAML: a tab"),
        ("name: t\n§name: u\nsteps: [{tier: a}]\n", "name: duplicate key 'name': first on line 1"),
        ("name: §!!python/name:os.system x\nsteps: [{tier: a}]\n", "name: tags such as"),
        ("name: §&x t\nsteps: [{tier: a}]\n", "name: anchors and aliases"),
        ("§5: t\nsteps: [{tier: a}]\n", "a key must be text, not 5"),
        ("steps: " + "[" * 99 + "§[" + "[" * 400, "nested deeper than 100 levels"),
        (LADDER + "§---\n" + LADDER, "a second document begins here"),
        (LADDER + "§escalation: {cooldown_turns: 1}\n", "escalation: 'triggers' is missing"),
        (LADDER + "escalation: {to: a, triggers: [§goal_chang]}\n", "triggers[0]: unknown value \"goal_chang\"; did"),
        (LADDER + "escalation: {to: a, triggers: [deep_work], §return: 3}\n", "resolved, never, {after_turns: ...}"),
        (LADDER + "handoff: {context: {§recent: 0}}\n", "handoff.context.recent: must be at least 1"),
        (LADDER + "handoff: {memory: none, §context: memory_only}\n", "handoff.context: a shortened context"),
        (TIER + "price: {§input: .nan, output: 1}}\n", "tiers[0].price.input: must be a finite number"),
        (TIER + "price: {§input: '3', output: 1}}\n", "tiers[0].price.input: must be a number, not \"3\""),
        (TIER + "price: {§input: -1, output: 1}}\n", "tiers[0].price.input: must be at least 0"),
        (TIER + "params: {x: {§y: .inf}}, price: {input: 1, output: 1}}\n", "params.x.y: must be a finite number"),
        (TIER + "params: {§skil: 1}}\n", "tiers[0].params.skil: unknown simulator parameter; did you mean 'skill'?"),
        (TIER + "params: {§skill: high}}\n", "tiers[0].params.skill: must be a number"),
        (TIER + "§off_path: reuse}\n", "tiers[0].off_path: only a recorded tier"),
        ("tiers:\n- {name: a, §model: no/price}\n", "tiers[0].model: no price for 'no/price'"),
        (MATRIX + "§dataset: workbnch\n", "dataset: no such dataset: 'workbnch'; did you mean 'workbench'?"),
        (MATRIX + "§tiers: offlin\n", "tiers: no such file or bundled name: 'offlin'; did you mean 'offline'?"),
        (MATRIX + "rubrics: [§cheks]\n", "rubrics[0]: no such file or bundled name: 'cheks'; did you mean 'checks'?"),
        (MATRIX + "controls: [§sngle]\n", "controls[0]: unknown control 'sngle'; did you mean 'single'?"),
        ("strategies:\n- §ladder: two-stp\n", "strategies[0].ladder: no such file or bundled name: 'two-stp'; did you"),
        ("strategies:\n- §single: lihgt\n", "strategies[0].single: unknown tier 'lihgt'; did you mean 'light'?"),
        ("strategies:\n- {ladder: two-step, vary: {§memry: []}}\n", "vary.memry: unknown key; did you mean 'memory'?"),
        ("id: x\n§grader: chekcs\n", "grader: unknown value \"chekcs\"; did you mean 'checks'?"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_at_its_place(text: str, problem: str, tmp_path: Path) -> None:
    text = text.replace("TIER", TIER)

    found = problems(tmp_path / "file.yaml", text.replace(MARK, ""))

    assert [line for line in found if line.startswith(place(text)) and problem in line], found


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.jsonl", "caf\xe9".encode("latin-1"), "1:4: is not UTF-8: byte 0xe9"),
        ("a.jsonl", "x".encode("utf-16"), "1:1: is UTF-16"),
        ("a.yaml", b"name: \0", "1:7: holds a zero byte"),
        ("a.jsonl", b"", "1:1: holds no conversation"),
        ("a.jsonl.gz", gzip.compress(b"{}" * 99, mtime=0)[:-9], "1:1: is not a whole .gz file"),
        ("a.jsonl.gz", b"plain", "1:1: is not a whole .gz file"),
        ("a.jsonl.zst", zstandard.compress(b"{}" * 99)[:-2], "1:1: is not a whole .zst file: it ended before"),
        ("a.parquet", b"no", "1:1: is not a whole Parquet file"),
    ],
)
def test_bytes_that_are_no_text_are_refused(name: str, data: bytes, problem: str, tmp_path: Path) -> None:
    [found] = problems(tmp_path / name, data)

    assert problem in found


def test_all_problems_of_a_file_come_at_once_and_in_order(tmp_path: Path) -> None:
    text = "name: t\nstepps: 1\nsteps: [{tier: a}, {tier: b}]\nescalaton: {}\nscaffold: standrad\n"

    assert [line.split(":")[0] for line in problems(tmp_path / "ladder.yaml", text)] == ["2", "3", "4", "5"]


def test_a_problem_stays_on_one_line_whatever_a_name_holds(tmp_path: Path) -> None:
    line = json.dumps({"id": "a\nb\x1b[31m", "messages": [{"role": "user", "content": "x"}]})

    [found] = problems(tmp_path / "log.jsonl", f"{line}\n{line}")

    assert "duplicate id 'a\\nb\\x1b[31m': first on line 1" in found


def test_lines_end_as_on_any_system_and_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    text = "\ufeffname: t\r\nsteps: [{tier: a, turn: 1}]\r\n"

    assert problems(tmp_path / "ladder.yaml", text) == ["2:19: steps[0].turn: unknown key; did you mean 'turns'?"]


def test_a_lexicon_names_the_line_of_the_phrase(tmp_path: Path) -> None:
    text = "languages: [en]\nphrases:\n  alone:\n    - fine\n    - '... x'\nstructures:\n  - 'a(b'\n"

    found = problems(tmp_path / "high_stakes.yaml", text)

    assert [line.split(": ")[0] for line in found] == ["5:7", "7:5"]


def test_a_file_is_told_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    assert problems(tmp_path / "log.txt", '{"messages": [' + USER + "]}") == []
    assert problems(tmp_path / "ladder.json", '{"name": "t", "steps": []}') == [
        "1:15: steps: is empty; at least one is needed"
    ]
    assert problems(tmp_path / "list.json", '[\n{"messages": []}]') == [
        "2:2: [0].messages: holds no user message; at least one is needed"
    ]


def test_a_folder_without_files_and_a_missing_file_are_problems(tmp_path: Path) -> None:
    assert "without any file" in str(validate([tmp_path]).problems[0])
    assert "no such file" in str(validate([tmp_path / "x.yaml"]).problems[0])
