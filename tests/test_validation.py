"""Validation: every problem of a file, at its line and column."""

from __future__ import annotations

import contextlib
import gzip
import json
from pathlib import Path

import pytest
import zstandard

from ladder_bench import cli, experiment
from ladder_bench.errors import InputError
from ladder_bench.experiment import Options
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
        (LADDER + "§escalation: {to: a}\n", "escalation: 'triggers' is missing"),
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


TWO = "name: t\nsteps: [{tier: advanced, turns: 2}, {tier: light}]\n"
UP = TWO + "escalation: {to: advanced, triggers: [deep_work], "
WRONG_LADDERS = [
    # triggers
    (TWO + "escalation: {to: advanced, triggers: [§goal_chang]}\n",
     'escalation.triggers[0]: unknown value "goal_chang"; did you mean \'goal_change\'?'),
    (TWO + "escalation: {to: advanced, §triggers: []}\n", "escalation.triggers: is empty"),
    (TWO + "escalation: {to: advanced, triggers: [deep_work, §deep_work]}\n", "'deep_work' is listed twice; keep one"),
    (UP + "§detect: rule}\n", "did you mean 'rules'?"),
    # coming back
    (UP + "§return: never, at_most: 3, cooldown_turns: 1}\n",
     "'never' contradicts at_most: 3 and cooldown_turns: 1: an escalation that never closes opens only once"),
    (UP + "§return: never, cooldown_turns: 0}\n", "'never' contradicts cooldown_turns: 0"),
    (UP + "§return: [resolved, never]}\n", "contradicts itself: 2 rules, and one is needed; valid: resolved, never, or"),
    (UP + "§return: {after_turns: 1, resolved: true}}\n", "contradicts itself: 2 rules"),
    (UP + "return: resolved, §after_turns: 2}\n", "contradicts 'return: resolved'; write return: {after_turns: N}"),
    (UP + "§after_turns: 2}\n", "belongs to the return rule; write return: {after_turns: N}"),
    (UP + "return: {§after_turns: 0}}\n", "escalation.return.after_turns: must be at least 1, not 0"),
    (UP + "return: {§after_turn: 1}}\n", "unknown key; did you mean 'after_turns'?"),
    (UP + "§return: later}\n", "valid: resolved, never, {after_turns: ...}"),
    # climbing
    (TWO + "escalation: {§to: light, triggers: [deep_work]}\n", "'light' is not stronger than any step"),
    (TWO.replace("advanced", "light") + "escalation: {§to: light, triggers: [deep_work]}\n", "an escalation must lead up"),
    # without an escalation
    (TWO + "§cooldown_turns: 1\n", "cooldown_turns: changes nothing without an escalation; write escalation: {to: TIER"),
    (TWO + "§at_most: 1\n", "at_most: changes nothing without an escalation"),
    (TWO + "§return: never\n", "return: changes nothing without an escalation"),
    (TWO + "§triggers: [deep_work]\n", "triggers: changes nothing without an escalation"),
    (TWO + "§escalation: {cooldown_turns: 1}\n", "'cooldown_turns' without an escalation: it needs 'to: TIER'"),
    (TWO + "§escalation: {}\n", "escalation: is empty: it needs 'to: TIER' and 'triggers: [...]'"),
    (UP + "at_most: 2}\n§cooldown_turns: 1\n", "belongs under 'escalation'"),
    # memory
    (TWO + "handoff: {memory: none, §context: memory_only}\n", "a shortened context hides what was said without a memory"),
    (TWO + "handoff: {memory: none, §context: {recent: 3}}\n", "a shortened context hides what was said without a memory"),
    (TWO + "handoff: {memory: none, writer: outgoing, §context: memory_only}\n", "set 'memory: standard' or 'context: full'"),
    (TWO + "handoff: {memory: none, §writer: outgoing}\n", "there is no memory to write"),
    (TWO + "handoff: {§writer: outgoin}\n", "did you mean 'outgoing'?; valid: extractive, outgoing, or a tier"),
    (TWO + "handoff: {§recent: 4}\n", "write context: {recent: 4}"),
    (TWO + "handoff: {§context: recent}\n", "valid: full, memory_only, {recent: ...}"),
    (TWO + "§memory: none\n", "belongs under 'handoff'; write handoff: {memory: ...}"),
    # scaffold and guardrails
    (TWO + "scaffold: [goal, §plann]\n", "did you mean 'plan'?; valid: goal, constraints, assumptions, plan, format, open"),
    (TWO + "§scaffold: standrad\n", "did you mean 'standard'?; valid: none, standard, or a list of goal, constraints"),
    (TWO + "§scaffold: []\n", "is empty"),
    (TWO + "guardrails: [ask, §ask]\n", "'ask' is listed twice"),
    (TWO + "guardrails: [§unknown]\n", "did you mean 'unknowns'?"),
]  # fmt: skip


def ladder_and_matrix(folder: Path, text: str) -> tuple[Path, Path]:
    (folder / "ladder.yaml").write_text(text.replace(MARK, ""))
    (folder / "matrix.yaml").write_text("strategies:\n- ladder: ladder.yaml\n- ladder: ladder.yaml\n")
    return folder / "ladder.yaml", folder / "matrix.yaml"


@pytest.mark.parametrize(("text", "problem"), WRONG_LADDERS)
def test_a_ladder_that_contradicts_itself_is_one_line_in_validate_and_in_run(
    text: str, problem: str, tmp_path: Path
) -> None:
    ladder, matrix = ladder_and_matrix(tmp_path, text)

    [found] = map(str, validate([ladder]).problems)
    assert found.startswith(f"{ladder}:{place(text)}")
    assert problem in found
    [through_matrix] = map(str, validate([matrix]).problems)
    with pytest.raises(InputError) as caught:
        experiment.run(Options(str(matrix), store=tmp_path / "calls.sqlite", out=tmp_path / "run"))
    [through_run] = map(str, caught.value.problems)
    for each in (through_matrix, through_run):
        assert each.startswith(f"{ladder}:{place(text)}")
        assert problem in each


@pytest.mark.parametrize("command", ["run matrix.yaml", "plan matrix.yaml", "validate ladder.yaml"])
def test_a_wrong_ladder_ends_every_command_with_one_line_and_exit_code_2(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ladder_and_matrix(tmp_path, TWO + "cooldown_turns: 1\n")

    with contextlib.chdir(tmp_path), pytest.raises(SystemExit) as caught:
        cli.main(command.split())

    assert caught.value.code == 2
    [line] = "".join(capsys.readouterr()).splitlines()
    assert "ladder.yaml:3:1: cooldown_turns: changes nothing without an escalation" in line


def test_an_escalation_to_the_only_tier_leads_nowhere_whatever_the_tier_is_called(tmp_path: Path) -> None:
    text = "name: t\nsteps: [{tier: mine}]\nescalation: {to: mine, triggers: [deep_work]}\n"

    [found] = problems(tmp_path / "ladder.yaml", text)

    assert found.startswith("3:14: escalation.to: 'mine' is not stronger than any step")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (UP + "§detect: nobody}\n", "unknown tier 'nobody'; valid: rules, or a tier of"),
        (UP + "§detect: lihgt}\n", "did you mean 'light'?"),
        (TWO + "handoff: {§writer: midd}\n", "did you mean 'mid'?; valid: extractive, outgoing, or a tier of"),
        (TWO + "escalation: {§to: advancd, triggers: [deep_work]}\n", "unknown tier 'advancd'; did you mean 'advanced'?"),
    ],
)  # fmt: skip
def test_names_that_only_a_tiers_file_can_tell_are_checked_where_a_matrix_names_one(
    text: str, problem: str, tmp_path: Path
) -> None:
    ladder, matrix = ladder_and_matrix(tmp_path, text)

    assert validate([ladder]).problems == ()
    [found] = map(str, validate([matrix]).problems)
    assert found.startswith(f"{ladder}:{place(text)}")
    assert problem in found


@pytest.mark.parametrize("key", ["detect", "writer"])
def test_a_recorded_tier_can_be_asked_nothing(key: str, tmp_path: Path) -> None:
    text = UP + "§detect: advanced}\n" if key == "detect" else TWO + "handoff: {§writer: advanced}\n"
    ladder, matrix = ladder_and_matrix(tmp_path, text)
    matrix.write_text("tiers: recorded\n" + matrix.read_text())

    [found] = map(str, validate([matrix]).problems)

    assert found.startswith(f"{ladder}:{place(text)}")
    assert "'advanced' is recorded and can be asked nothing; valid:" in found


VARY = "strategies:\n- ladder: two-step\n  vary: "
SIMULATED = "strategies: [{single: light}]\nreplay: simulated\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (VARY + "{triggers: [§rulez]}\n", "did you mean 'rules'?; valid: none, rules, a list of triggers, or a tier"),
        (VARY + "{triggers: [§goal_chang]}\n", "unknown trigger 'goal_chang'; did you mean 'goal_change'?"),
        (VARY + "{triggers: [none, [deep_work, §goal_chang]]}\n", "did you mean 'goal_change'?"),
        (VARY + "{triggers: [[deep_work, §deep_work]]}\n", "listed twice"),
        (VARY + "{§triggers: []}\n", "vary.triggers: is empty"),
        (VARY + "{§triggers: rules}\n", "must be a list"),
        (VARY + "{writer: [extractive, §midd]}\n", "unknown tier 'midd'; did you mean 'mid'?"),
        (VARY + "{to: [§advancd]}\n", "unknown tier 'advancd'; did you mean 'advanced'?"),
        (VARY + "{§to: [light]}\n", "'light' is not stronger than any step"),
        (VARY + "{return: [resolved, §nevr]}\n", "did you mean 'never'?"),
        (VARY + "{scaffold: [none, [goal, §pln]]}\n", "did you mean 'plan'?"),
        (VARY + "{guardrails: [[ask], §standrd]}\n", "did you mean 'standard'?"),
        (VARY + "{max_tokens: [§10]}\n", "must be at least 40, not 10"),
        (VARY + "{memory: [none], §context: [memory_only]}\n",
         "vary.context: a shortened context without a memory"),
        (VARY.replace("two-step", "two-step-plain") + "{§cooldown_turns: [0, 1]}\n",
         "'cooldown_turns' without an escalation changes nothing; leave it out"),
        (VARY.replace("two-step", "two-step-plain") + "{§triggers: [rules]}\n", "no 'escalation' that the triggers"),
        (VARY.replace("two-step", "memory-only") + "{§memory: [none]}\n", "would hide what was said"),
        (VARY.replace("two-step", "single") + "{§guide_turns: [1]}\n", "needs a ladder of two steps or more"),
        (MATRIX + "§user: simulated\n", "user: needs 'replay: simulated'"),
        (SIMULATED + "§user: advancd\n", "unknown tier 'advancd'; did you mean 'advanced'?; valid: simulated, or a tier"),
        (SIMULATED + "user: {tier: mid, §most_turns: 0}\n", "user.most_turns: must be at least 1"),
        (SIMULATED + "user: {§patients: 1}\n", "did you mean 'patience'?"),
        (SIMULATED + "tiers: recorded\nuser: {§tier: advanced}\n", "'advanced' is recorded and can be asked nothing"),
    ],
)  # fmt: skip
def test_a_matrix_that_varies_or_plays_what_cannot_be_is_one_line(text: str, problem: str, tmp_path: Path) -> None:
    [found] = problems(tmp_path / "matrix.yaml", text.replace(MARK, ""))

    assert found.startswith(place(text))
    assert problem in found


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


def test_prices_alone_are_a_kind_of_file(tmp_path: Path) -> None:
    assert problems(tmp_path / "prices.yaml", "prices: {a: {input: 1, output: 2}}\n") == []
    assert "'output' is missing" in problems(tmp_path / "prices.yaml", "prices: {a: {input: 1}}\n")[0]


def test_a_log_of_arms_is_sent_to_the_import_in_a_line(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "ab.jsonl", '{"conversation": "c", "arm": "a", "messages": [' + USER + "]}\n")
    assert "import --arms" in problem


def test_a_baseline_is_read_as_the_gate_reads_it(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path / "base.json", '{\n "kind": "ladder-bench baseline",\n "schema": 99\n}\n')
    assert "newer ladder-bench" in problem


def test_a_folder_without_files_and_a_missing_file_are_problems(tmp_path: Path) -> None:
    assert "without any file" in str(validate([tmp_path]).problems[0])
    assert "no such file" in str(validate([tmp_path / "x.yaml"]).problems[0])
