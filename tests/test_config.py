"""Config: tiers, ladders and matrices from what users write."""

from __future__ import annotations

from pathlib import Path

import pytest

from ladder_bench import config, content
from ladder_bench.documents import read_yaml
from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, Escalation, Handoff, Ladder, Price, Step
from ladder_bench.errors import InputError

LADDER = "name: t\nsteps: [{tier: advanced, turns: 2}, {tier: light}]\n"


def tiers(folder: Path, text: str) -> config.Tiers:
    (folder / "tiers.yaml").write_text(text)
    return config.load_tiers(str(folder / "tiers.yaml"))


def ladder(folder: Path, text: str) -> Ladder:
    (folder / "ladder.yaml").write_text(text)
    return config.load_ladder(str(folder / "ladder.yaml"), config.load_tiers("offline"))


def test_a_ladder_reads_as_it_is_written(tmp_path: Path) -> None:
    text = LADDER + "escalation: {to: advanced, triggers: [deep_work], detect: mid, return: {after_turns: 2}}\n"
    text += "handoff: {memory: standard, writer: outgoing, refresh_every: null, context: {recent: 4}}\n"
    text += "scaffold: standard\nguardrails: [confidence, ask]\n"

    assert ladder(tmp_path, text) == Ladder(
        "t",
        (Step("advanced", 2), Step("light")),
        Escalation("advanced", ("deep_work",), detect="mid", returns="after_turns", after_turns=2),
        Handoff("standard", "outgoing", refresh_every=None, context="recent", recent=4),
        scaffold=FRAME_PARTS,
        guardrails=("ask", "confidence"),
    )


def test_what_a_ladder_leaves_out_has_its_documented_default(tmp_path: Path) -> None:
    found = ladder(tmp_path, LADDER + "escalation: {to: advanced, triggers: [deep_work]}\n")

    assert found.escalation == Escalation("advanced", ("deep_work",), "rules", "stay", "resolved", None, 3, 1)
    assert (found.handoff.memory, found.scaffold, found.guardrails) == ("none", (), ())
    assert ladder(tmp_path, LADDER + "handoff: {}\n").handoff == Handoff("standard", "extractive", 3, 250, "full")


def test_two_ways_to_write_the_same_scaffold_are_one_strategy(tmp_path: Path) -> None:
    first, second = (
        ladder(tmp_path, LADDER + f"scaffold: {parts}\n")
        for parts in ("[plan, open questions]", "[open questions, plan]")
    )

    assert first == second


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

    assert [problem.line for problem in caught.value.problems] == [2, 4, 3]


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


# --- vary ----------------------------------------------------------------------------------

TRIGGERED = "escalation: {to: advanced, triggers: [goal_change, deep_work]}\nhandoff: {memory: standard}\n"


def varied(folder: Path, vary: str, text: str = LADDER + TRIGGERED) -> tuple[dict[str, Ladder], dict[str, str]]:
    """What a grid makes of a ladder: ladders by name, and reasons by the names that mean nothing."""
    (folder / "ladder.yaml").write_text(text)
    (folder / "m.yaml").write_text(f"strategies:\n- {{ladder: ladder.yaml, vary: {{{vary}}}}}\n")
    matrix = config.load_matrix(str(folder / "m.yaml"))
    (use,) = matrix.uses
    assert use.ladder is not None
    found = list(config.variations(use.ladder, use.grid, matrix.tiers))
    return (
        {each.name: each.ladder for each in found if each.ladder is not None},
        {each.name: each.reason for each in found if each.ladder is None},
    )


@pytest.mark.parametrize(
    ("vary", "names"),
    [
        ("guide_turns: [1, 2], memory: [none, standard]",
         "guide_turns=1 memory=none, guide_turns=1 memory=standard, guide_turns=2 memory=none, guide_turns=2 memory=standard"),
        ("triggers: [none, rules, light, high_stakes, [goal_change, low_confidence]]",
         "triggers=none, triggers=rules, triggers=light, triggers=high_stakes, triggers=goal_change+low_confidence"),
        ("context: [full, memory_only, {recent: 4}]", "context=full, context=memory_only, context=recent-4"),
        ("return: [resolved, never, {after_turns: 2}]", "return=resolved, return=never, return=after-2"),
        ("refresh_every: [null, 2]", "refresh_every=never, refresh_every=2"),
        ("scaffold: [none, [goal, open questions]]", "scaffold=none, scaffold=goal+open-questions"),
        ("memory: [none]", "memory=none"),
        ("memory: [standard]", ""),
    ],
)  # fmt: skip
def test_a_variation_is_named_after_what_is_special_about_it(vary: str, names: str, tmp_path: Path) -> None:
    found, dropped = varied(tmp_path, vary)

    assert list(found) == [f"t {name}".strip() for name in names.split(", ")]
    assert dropped == {}


def test_every_knob_turns_what_it_names(tmp_path: Path) -> None:
    vary = (
        "guide_turns: [3], triggers: [[low_confidence]], to: [mid], return: [{after_turns: 2}], at_most: [5], "
        "cooldown_turns: [0], on_unknown: [escalate], memory: [standard], writer: [mid], context: [{recent: 2}], "
        "refresh_every: [null], max_tokens: [99], scaffold: [[plan]], guardrails: [standard]"
    )
    found, _ = varied(tmp_path, vary)

    (only,) = found.values()
    assert only.steps == (Step("advanced", 3), Step("light"))
    assert only.escalation == Escalation("mid", ("low_confidence",), "rules", "escalate", "after_turns", 2, 5, 0)
    assert only.handoff == Handoff("standard", "mid", None, 99, "recent", 2)
    assert (only.scaffold, only.guardrails) == (("plan",), GUARDRAILS)


def test_a_tier_among_the_triggers_asks_it_for_the_ladders_own(tmp_path: Path) -> None:
    found, _ = varied(tmp_path, "triggers: [light, none]")

    asked = found["t triggers=light"].escalation
    assert asked is not None
    assert (asked.detect, asked.triggers) == ("light", ("goal_change", "deep_work"))
    assert found["t triggers=none"].escalation is None


@pytest.mark.parametrize(
    ("vary", "ran", "dropped", "reason"),
    [
        ("memory: [none, standard], context: [full, memory_only]", 3, ["memory=none context=memory_only"],
         "would hide what was said"),
        ("triggers: [none, rules], cooldown_turns: [0, 2]", 3,
         ["triggers=none cooldown_turns=0", "triggers=none cooldown_turns=2"], "'cooldown_turns' without triggers"),
        ("memory: [none, standard], writer: [extractive, outgoing]", 3,
         ["memory=none writer=extractive", "memory=none writer=outgoing"], "it is run as 't memory=none'"),
        ("return: [never, resolved], at_most: [1, 2]", 3, ["return=never at_most=1", "return=never at_most=2"],
         "changes nothing where an escalation never closes"),
        ("to: [advanced, light]", 1, ["to=light"], "'light' is not stronger than any step"),
    ],
)  # fmt: skip
def test_combinations_that_mean_nothing_are_dropped_by_name(
    vary: str, ran: int, dropped: list[str], reason: str, tmp_path: Path
) -> None:
    found, lost = varied(tmp_path, vary)

    assert list(lost) == [f"t {name}" for name in dropped]
    assert all(reason in each for each in lost.values())
    assert len(found) == ran


def test_triggers_on_a_ladder_without_an_escalation_are_dropped_by_name(tmp_path: Path) -> None:
    found, dropped = varied(tmp_path, "triggers: [none, rules]", LADDER)

    assert list(found) == ["t triggers=none"]
    assert "no 'escalation' that the triggers could open" in dropped["t triggers=rules"]


# --- a played user -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "setting"),
    [
        ("", config.UserSetting()),
        ("user: simulated\n", config.UserSetting()),
        ("user: mid\n", config.UserSetting("mid")),
        ("user: {tier: advanced, most_turns: 20, patience: 0}\n", config.UserSetting("advanced", 20, 0)),
        ("user: {most_turns: null}\n", config.UserSetting()),
    ],
)
def test_a_matrix_says_who_plays_the_user(user: str, setting: config.UserSetting, tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(f"tiers: local\nreplay: simulated\n{user}strategies:\n- single: light\n")

    found = config.load_matrix(str(tmp_path / "m.yaml"))

    assert (found.mode, found.user) == ("simulated", setting)


def test_the_command_line_may_choose_another_replay_than_the_one_with_a_user(tmp_path: Path) -> None:
    for replay, other in (("simulated", "rollout"), ("rollout", "simulated")):
        (tmp_path / "m.yaml").write_text(f"tiers: local\nreplay: {replay}\nuser: mid\nstrategies:\n- single: light\n")

        assert config.load_matrix(str(tmp_path / "m.yaml"), replay=other).mode == other  # type: ignore[arg-type]


def test_a_simulated_tier_plays_no_user(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text("replay: simulated\nuser: mid\nstrategies:\n- single: light\n")

    with pytest.raises(InputError, match=r"m.yaml:2:1: user: 'mid' is simulated and plays nobody but itself"):
        config.load_matrix(str(tmp_path / "m.yaml"))


# --- what is bundled -----------------------------------------------------------------------


def test_the_bundled_patterns_run_side_by_side_under_the_names_of_their_files() -> None:
    found = config.load_matrix("patterns")

    bundled = {path.stem for path in content.shipped("ladders").glob("*.yaml")} - {"simulator"}
    assert {use.ladder.name for use in found.uses if use.ladder} == bundled
    assert len(bundled) == 8


def test_each_line_of_the_bundled_ablations_changes_one_thing_about_the_first() -> None:
    found = config.load_matrix("ablations")

    first, *others = found.uses
    assert first.ladder is not None
    for use in others:
        assert use.ladder == first.ladder
        for variation in config.variations(use.ladder, use.grid, found.tiers):
            assert variation.ladder is not None
            assert len(use.grid) == 1
            assert variation.name != first.ladder.name
    assert {key for use in others for key in use.grid} == {"memory", "context", "triggers", "scaffold", "guardrails"}
