"""Families: which models are kin, and what a conclusion is without the word of those who are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from judged_tables import JudgedTables
from ladder_bench.analyse.families import ALONE, NO_BASE, NO_OTHERS, family
from ladder_bench.plan import single

LADDERS = (single("advanced", pack=False), single("light", pack=False))
TIERS = ({"name": "advanced", "model": "anthropic/claude-sonnet-4"}, {"name": "light", "model": "openai/gpt-4o-mini"})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("openai/gpt-4o-mini", "gpt"),
        ("gpt-4.1", "gpt"),
        ("openai/o3-mini", "gpt"),
        ("openai/chatgpt-4o-latest", "gpt"),
        ("azure/gpt-4o", "gpt"),
        ("azure/my-gpt4o-deployment", "gpt"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", "gpt"),
        ("groq/openai/gpt-oss-120b", "gpt"),
        ("huggingface/EleutherAI/gpt-neo-2.7B", None),
        ("anthropic/claude-3-5-haiku-latest", "claude"),
        ("bedrock/us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude"),
        ("bedrock/converse/anthropic.claude-v2", "claude"),
        ("vertex_ai/claude-opus-4", "claude"),
        ("openrouter/anthropic/claude-3.5-sonnet", "claude"),
        ("gemini/gemini-2.5-flash", "gemini"),
        ("openrouter/google/gemma-3-27b-it:free", "gemini"),
        ("bedrock/us.meta.llama3-1-70b-instruct-v1:0", "llama"),
        ("together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", "llama"),
        ("ollama_chat/llama3.2:1b", "llama"),
        ("openai/llama.cpp", None),
        ("mistral/mistral-large-latest", "mistral"),
        ("together_ai/mistralai/Mixtral-8x7B-Instruct-v0.1", "mistral"),
        ("ollama/qwen2.5:7b", "qwen"),
        ("openrouter/qwen/qwq-32b", "qwen"),
        ("fireworks_ai/accounts/fireworks/models/deepseek-v3", "deepseek"),
        ("xai/grok-4", "grok"),
        ("azure_ai/Phi-4", "phi"),
        ("cohere/command-r-plus", "command"),
        ("bedrock/amazon.nova-pro-v1:0", "nova"),
        ("watsonx/ibm/granite-3-8b-instruct", "granite"),
        ("moonshot/kimi-k2", "kimi"),
        ("zai/glm-4.5", "glm"),
        ("local/smollm2-135m", "smollm"),
        ("simulated/advanced", None),
        ("recorded", None),
        ("openai/strict", None),
        ("", None),
        (None, None),
    ],
)
def test_a_family_is_read_from_the_models_name_and_never_from_its_provider(
    model: str | None, expected: str | None
) -> None:
    assert family(model) == expected


# --- with and without them -----------------------------------------------------------------


def judged(strict: str = "met", mild: str = "not_met", base: str = "met", **more: Any) -> JudgedTables:
    """24 conversations: two judges on light's answers, who agree on advanced's."""
    made = JudgedTables(LADDERS, tiers=TIERS, **more)
    for case in range(24):
        name = f"c{case:02}"
        for strategy in ("advanced", "light"):
            made.lived(strategy, name)
        made.said("advanced", name, base)
        words = {"strict": strict, "mild": mild} | ({"third": "met"} if "third" in made.judges else {})
        made.said("light", name, words)
    return made


def test_a_judge_of_a_tiers_family_has_a_line_without_its_word() -> None:
    """Three judges, two of whom prefer light: without the one of its family, nobody can tell."""
    made = judged(judges={"strict": "azure/gpt-4o", "mild": "x/mild", "third": "x/third"})
    found = made.summary()

    (row,) = found["kinships"]
    assert (row["role"], row["who"], row["tiers"], row["family"]) == ("judge", ["strict"], ["light"], "gpt")
    assert row["strategies"]["light"]["with"]["value"] == 0.0
    assert row["strategies"]["light"]["without"]["value"] is None
    assert row["changes"] == ["light"]
    assert any("judge 'strict' is of the family (gpt) of 'light'" in each and "changes for light" in each
               for each in found["banners"])  # fmt: skip


def test_a_conclusion_that_stays_without_it_says_so() -> None:
    found = judged(strict="not_met").summary()

    (row,) = found["kinships"]
    assert row["strategies"]["light"]["without"]["value"] == row["strategies"]["light"]["with"]["value"] == -1.0
    assert row["changes"] == []
    assert any("without it every conclusion against advanced stays" in each for each in found["banners"])


def test_without_another_judge_nothing_can_be_set_apart() -> None:
    found = judged(judges={"strict": "openai/gpt-4o", "mild": "openai/gpt-5"}).summary()

    (row,) = found["kinships"]
    assert (row["who"], row["strategies"], row["why"]) == (["strict", "mild"], {}, ALONE)
    assert any("'strict', 'mild'" in each and ALONE in each for each in found["banners"])


def test_judges_of_no_tiers_family_are_no_kin() -> None:
    assert judged(judges={"strict": "mistral/large", "mild": "x/mild"}).summary()["kinships"] == []


def test_a_judge_that_is_a_tiers_very_model_is_kin_though_its_family_is_not_known() -> None:
    made = judged(judges={"strict": "openai/own", "mild": "x/mild"})
    made.tiers = (TIERS[0], {"name": "light", "model": "openai/own"})

    assert made.summary()["kinships"][0]["who"] == ["strict"]


def test_without_a_base_there_is_no_difference_to_hold_against() -> None:
    found = judged(strict="not_json", mild="not_json", base="not_json").summary()

    assert found["kinships"][0]["why"] == NO_BASE


# --- authors -------------------------------------------------------------------------------


def authored(*by_author: str | None) -> JudgedTables:
    """Conversations with criteria drafted by these; where a model of the gpt family drafted them, light does better."""
    made = JudgedTables(LADDERS, tiers=TIERS, judges={"third": "x/third"})
    for case in range(48):
        name, author = f"c{case:02}", by_author[case % len(by_author)]
        made.rows["conversations"].append(
            {"id": name, "body": json.dumps({"id": name, "author": author}, separators=(",", ":"))}
        )
        for strategy in ("advanced", "light"):
            made.lived(strategy, name)
        made.said("advanced", name, "met" if author is None or case % 3 else "not_met")
        made.said("light", name, "not_met" if author is None else "met")
    return made


def test_criteria_of_an_author_of_a_tiers_family_have_a_line_without_those_conversations() -> None:
    found = authored("openai/gpt-4o", None).summary()

    (row,) = found["kinships"]
    assert (row["role"], row["who"], row["conversations"]) == ("author", ["openai/gpt-4o"], 24)
    assert row["strategies"]["light"]["without"] == {
        "value": -1.0, "low": -1.0, "high": -1.0, "n": 24, "unscored": 0, "why": None
    }  # fmt: skip
    assert row["strategies"]["light"]["with"]["n"] == 48
    assert any("criteria by 'openai/gpt-4o'" in each for each in found["banners"])


def test_where_all_conversations_are_of_that_author_nothing_can_be_set_apart() -> None:
    assert authored("openai/gpt-4o").summary()["kinships"][0]["why"] == NO_OTHERS


def test_people_and_models_of_other_families_are_no_kin() -> None:
    assert authored("a person", "mistral/large").summary()["kinships"] == []
