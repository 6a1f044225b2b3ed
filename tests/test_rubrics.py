"""Rubrics: the bundled ones, one's own by name and beside the matrix, and what is wrong with one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from builders import tier
from ladder_bench import content
from ladder_bench.domain import Origin
from ladder_bench.errors import InputError
from ladder_bench.judge import asking
from ladder_bench.judge.fences import Piece
from ladder_bench.judge.rubric import Rubric, load_rubric, load_rubrics

README = content.shipped("rubrics", "README.md").read_text("utf-8")
OWN = {"id": "tone", "grader": "llm", "criteria": [{"id": "calm", "text": "is calm"}]}


def written(folder: Path, rubric: dict[str, Any], name: str = "tone") -> Path:
    path = folder / "rubrics" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({key: value for key, value in {**OWN, **rubric}.items() if value is not None}), "utf-8")
    return path


def with_prompt(folder: Path, prompt: str) -> Path:
    path = written(folder, {"prompt": "own.jinja"})
    (path.parent / "own.jinja").write_text(prompt, "utf-8")
    return path


@pytest.mark.parametrize("path", sorted(content.shipped("rubrics").glob("*.yaml")), ids=lambda path: path.stem)
def test_a_bundled_rubric_is_called_like_its_file_is_documented_and_its_prompts_can_be_rendered(path: Path) -> None:
    rubric = load_rubric(path.stem)

    asking.check(rubric)
    assert rubric.id == path.stem
    assert f"`{rubric.id}`" in README


def test_the_example_of_the_readme_is_a_rubric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = re.search(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```", README, re.DOTALL)
    assert found is not None
    assert found[2].count("\n") <= 10
    Path("rubrics").mkdir()
    Path(found[1]).write_text(found[2], "utf-8")

    rubric = load_rubric("tone")

    asking.check(rubric)
    assert (rubric.metric, [each.id for each in rubric.own]) == ("tone", ["plain", "calm"])


def test_a_rubric_of_ones_own_wins_over_the_bundled_one_of_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bundled = load_rubric("drift")
    written(tmp_path, {"id": "drift", "criteria": [{"id": "mine", "text": "is mine"}]}, "drift")

    assert [each.id for each in bundled.own] == ["form", "length", "voice", "terms"]
    assert [each.id for each in load_rubric("drift").own] == ["mine"]


def test_a_prompt_beside_a_rubric_wins_over_the_bundled_one_and_may_extend_it(tmp_path: Path) -> None:
    prompt = '{% extends "criteria.jinja" %}{% block rules %}- Be kind.{% endblock %}'
    rubric = load_rubric(str(with_prompt(tmp_path, prompt)))

    asked = asking.request(_question(rubric), tier("judge"))

    assert "- Be kind." in asked.system
    assert '"evidence"' in asked.system


def _question(rubric: Rubric) -> asking.Question:
    shown = {"answer": (Piece("assistant, turn 1", "an answer"),), "criteria": (Piece("criteria", "c1: is calm"),)}
    return asking.question(rubric, rubric.prompts[0], shown, "criteria", ["c1"], Origin("c", 1), "en")


def test_any_change_of_a_prompt_that_counts_changes_the_digest(tmp_path: Path) -> None:
    prompt = '{% include "part.jinja" %}'
    path = with_prompt(tmp_path, prompt)
    part = path.parent / "part.jinja"
    part.write_text("Judge {{ answer }} by {{ criteria }}.", "utf-8")
    before = load_rubric(str(path)).digest
    part.write_text("Judge {{ answer }} by {{ criteria }}!", "utf-8")

    assert load_rubric(str(path)).digest != before


@pytest.mark.parametrize(
    ("rubric", "message"),
    [
        ({"grader": "lmm"}, "did you mean 'llm'?"),
        ({"level": "turns"}, "did you mean 'turn'?"),
        ({"kinds": ["correctness"]}, "names both 'kinds' and 'criteria'"),
        ({"criteria": []}, "needs 'criteria' or 'kinds'"),
        ({"criteria": [{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]}, "duplicate criterion 'a'"),
        ({"criteria": [{"id": "a", "text": "x", "weight": 0}]}, "greater than 0"),
        ({"grader": "hybrid"}, "own criteria have none: use llm"),
        ({"ask": "claims"}, "has no criteria"),
        ({"against": "light"}, "only a pairwise rubric compares"),
        ({"prompt": "criterai.jinja"}, "did you mean 'criteria.jinja'?"),
        ({"criteria": None, "kinds": ["goal"]}, "not of this level"),
        ({"id": "My rubric"}, "id"),
        ({"metric": "correctness", "level": "conversation"}, "'correctness' is of level 'turn'"),
        ({"metric": "alignment_at_2"}, "told by rules alone"),
        ({"metric": "preference"}, "'grader: pairwise'"),
    ],
)
def test_what_is_wrong_with_a_rubric_is_said_with_what_would_be_valid(
    tmp_path: Path, rubric: dict[str, Any], message: str
) -> None:
    path = written(tmp_path, rubric)

    with pytest.raises(InputError) as caught:
        load_rubric(str(path))

    assert message in str(caught.value)
    assert "tone.yaml:1" in str(caught.value)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        ("{{ tier }}", "'tier' is undefined; it is given: system_prompt, conversation"),
        ("{{ answer.__class__.__mro__ }}", "prompt 'own.jinja'"),
        ("{{ 1 / 0 }}", "prompt 'own.jinja': division by zero"),
        ("{% if %}", "prompt 'own.jinja'"),
        ("{% include '../../secret' %}", "no prompt '../../secret'"),
        ("{% block rules %}only rules{% endblock %}", "never shows answer and criteria"),
        ("{% block user %}{{ answer }}{% endblock %}", "never shows criteria"),
    ],
)
def test_a_prompt_that_cannot_be_rendered_is_an_error_before_anything_is_asked(
    tmp_path: Path, prompt: str, message: str
) -> None:
    path = with_prompt(tmp_path, prompt)

    with pytest.raises(InputError) as caught:
        asking.check(load_rubric(str(path)))

    assert message in str(caught.value)


def test_a_rubric_that_is_named_twice_is_refused() -> None:
    with pytest.raises(InputError, match="named twice"):
        load_rubrics(["drift", "drift"])
