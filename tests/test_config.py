"""Config: tiers, ladders and matrices from what users write."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladder_bench import config
from ladder_bench.documents import read_yaml
from ladder_bench.domain import Escalation, Handoff, Ladder, Price, Step
from ladder_bench.errors import InputError

LADDER = "name: t\nsteps: [{tier: advanced, turns: 2}, {tier: light}]\n"


def tiers(folder: Path, text: str) -> config.Tiers:
    (folder / "tiers.yaml").write_text(text)
    return config.load_tiers(str(folder / "tiers.yaml"))


def ladder(folder: Path, text: str) -> Ladder:
    (folder / "ladder.yaml").write_text(text)
    return config.load_ladder(str(folder / "ladder.yaml"), config.load_tiers("offline"))


def test_a_ladder_reads_as_it_is_written(tmp_path: Path) -> None:
    text = LADDER + "escalation: {to: advanced, triggers: [deep_work], return: {after_turns: 2}}\n"
    text += "handoff: {memory: standard, context: {recent: 4}}\nscaffold: standard\n"

    assert ladder(tmp_path, text) == Ladder(
        "t",
        (Step("advanced", 2), Step("light")),
        Escalation("advanced", ("deep_work",), "after_turns", 2),
        Handoff("standard", context="recent", recent=4),
        scaffold="standard",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (LADDER.replace("light", "lihgt"), "2:38: steps[1].tier: unknown tier 'lihgt'; did you mean 'light'?"),
        ("name: t\nsteps: [{tier: advanced, turns: 1}]\n", "2:26: steps[0].turns: the last step must answer the rest"),
        (
            LADDER.replace("advanced", "mid") + "escalation: {to: light, triggers: [deep_work]}\n",
            "3:14: escalation.to: 'light' is not stronger than any step",
        ),
    ],
)  # fmt: skip
def test_a_ladder_that_cannot_be_climbed_is_refused(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        ladder(tmp_path, text)

    assert f"ladder.yaml:{problem}" in str(caught.value)


def test_a_simulated_tier_has_the_declared_defaults_and_what_overrides_them(tmp_path: Path) -> None:
    found = tiers(
        tmp_path, "tiers:\n- {name: a, model: simulated/light, params: {skill: 9, difficulty: {format: 1}}}\n"
    )

    assert found["a"].params["skill"] == 9
    assert found["a"].params["difficulty"]["format"] == 1
    assert found["a"].params["difficulty"].keys() > {"format"}


def test_a_declared_price_of_nothing_is_a_price(tmp_path: Path) -> None:
    found = tiers(tmp_path, "tiers:\n- {name: a, model: x, price: {input: 0, output: 1e-6}}\n")

    assert found["a"].price == Price(0, 1e-6)


def test_every_tier_of_a_file_says_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        tiers(tmp_path, "tiers:\n- {name: a, modl: x}\n- {name: b, model: no/price}\n- 5\n")

    assert [problem.line for problem in caught.value.problems] == [2, 2, 4, 3]


def test_a_matrix_reads_with_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("strategies:\n- {ladder: two-step, vary: {guide_turns: [1, 2]}}\n")

    found = config.load_matrix(str(tmp_path / "m.yaml"))

    assert (found.dataset, found.mode, found.rubrics, found.controls) == (
        "workbench",
        "rollout",
        ("checks",),
        config.CONTROLS,
    )
    assert found.uses[0].grid == {"guide_turns": (1, 2)}


def test_a_name_from_the_command_line_is_not_blamed_on_the_file() -> None:
    with pytest.raises(InputError) as caught:
        config.load_matrix("quickstart", tiers="offlin", rubrics=["cheks"])

    assert [problem.file for problem in caught.value.problems] == ["", ""]


def test_a_relative_name_in_a_matrix_is_looked_up_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("tiers:\n- {name: only, model: simulated/light}\n")
    (tmp_path / "m.yaml").write_text("tiers: mine.yaml\nstrategies:\n- single: only\n")

    found = config.read_matrix(read_yaml(tmp_path / "m.yaml"), tmp_path / "m.yaml")

    assert found.tiers.names == ("only",)


@pytest.mark.parametrize(
    "params",
    [
        "api_key: sk-1234567890",
        "openai_api_key: sk-1234567890",
        "aws_session_token: abc",
        "access_token: abc",
        "api-key: abc",
        "extra_headers: {Authorization: Bearer abc}",
        "extra_headers: {X-Auth-Token: abc}",
        "extra_headers: {x-goog-api-key: abc}",
        "extra_headers: {Ocp-Apim-Subscription-Key: abc}",
        "api_key_env: sk-1234567890",
        'api_base: "https://user:pass@llm.example/v1"',
        'api_base: "https://llm.example/v1?api-key=abc"',
    ],
)
def test_a_key_in_a_tiers_file_is_refused_by_its_place(tmp_path: Path, params: str) -> None:
    with pytest.raises(InputError) as caught:
        tiers(
            tmp_path,
            f"tiers:\n  - name: a\n    model: openai/m\n    price: {{input: 1, output: 2}}\n    params: {{{params}}}\n",
        )

    (problem,) = caught.value.problems
    assert problem.line == 5
    assert "key" in problem.message


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ("n: 5", "the run decides over it"),
        ("stream: true", "set 'stream' beside 'params'"),
        ("extra_body: {max_tokens: 3000}", "straight into 'params'"),
        ("max_tokens: 10, max_completion_tokens: 20", "given twice"),
        ("max_tokens: 0", "a whole number from 1"),
        ("api_base: nowhere", "must be a URL"),
    ],
)
def test_params_that_would_break_the_ledger_are_refused(tmp_path: Path, params: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        tiers(tmp_path, f"tiers: [{{name: a, model: openai/m, price: {{input: 1, output: 2}}, params: {{{params}}}}}]")


def test_ordinary_params_are_none_of_a_keys(tmp_path: Path) -> None:
    text = "{temperature: 0, max_completion_tokens: 50, api_key_env: MY_KEY, tool_choice: auto, logit_bias: {'50256': -100}}"
    found = tiers(tmp_path, f"tiers: [{{name: a, model: openai/m, price: {{input: 1, output: 2}}, params: {text}}}]")

    assert found["a"].max_output_tokens == 50


def test_a_price_may_step_up_above_a_context_size(tmp_path: Path) -> None:
    price = "{input: 1, output: 2, cached: 0.1, steps: [{above: 1000, input: 2, output: 3}]}"
    found = tiers(tmp_path, f"tiers: [{{name: a, model: openai/m, price: {price}}}]")["a"].price

    assert (found.at(1000).input, found.at(1001).input, found.at(1001).output) == (1, 2, 3)
    assert found.at(1001).ttl_s == found.ttl_s
