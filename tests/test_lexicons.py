"""A user's own lexicons beside the bundled ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from builders import experiment_files
from ladder_bench.errors import InputError
from ladder_bench.experiment import Options, load_rules, prepare
from ladder_bench.triggers import Seen
from ladder_bench.triggers.lexicons import extended

MESSAGE = "should i quench the zorbulator now? my crew stands beside it and it runs dry in 10 minutes"


def own(
    folder: Path, name: str = "high_stakes", text: str = "phrases: {acute: {safety: [quench the zorbulator]}}"
) -> Path:
    (folder / "mine").mkdir(exist_ok=True)
    (folder / "mine" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder / "mine"


def test_phrases_of_ones_own_are_added_to_the_bundled_ones(tmp_path: Path) -> None:
    seen, known = Seen(1, MESSAGE), Seen(1, "should i double my warfarin dose tonight?")

    assert not load_rules().fired(("high_stakes",), seen)
    extended_rules = load_rules(own(tmp_path))
    assert extended_rules.fired(("high_stakes",), seen)
    assert extended_rules.fired(("high_stakes",), known) == load_rules().fired(("high_stakes",), known)
    assert extended_rules.digest != load_rules().digest


def test_groups_are_joined_down_to_their_phrases() -> None:
    bundled = {"version": 3, "languages": ["en"], "phrases": {"a": {"x": ["one"]}, "b": ["two"]}, "structures": ["s"]}
    found = extended(bundled, {"phrases": {"a": {"x": ["more"], "y": ["new"]}}, "settings": {"k": 1}})

    assert found["phrases"] == {"a": {"x": ["one", "more"], "y": ["new"]}, "b": ["two"]}
    assert (found["languages"], found["structures"], found["settings"]) == (["en"], ["s"], {"k": 1})


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("goal_chang", "phrases: {}", "no trigger is called 'goal_chang'; did you mean 'goal_change'?"),
        ("goal_change", "phrases: [a]", "is no lexicon"),
        ("goal_change", "[a]", "is no lexicon"),
        ("goal_change", "phrases: {own: ['*']}", "goal_change.phrases.own: '*': '*' is not a word"),
    ],
)
def test_a_lexicon_that_cannot_be_read_is_one_line(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_rules(own(tmp_path, name, text))

    assert f"{name}.yaml" in str(caught.value)
    assert said in str(caught.value) or "must be a list of phrases" in str(caught.value)


def test_a_matrix_names_them_and_other_phrases_are_another_experiment(tmp_path: Path) -> None:
    own(tmp_path)
    uses = [{"ladder": "escalate-only"}]
    plain, extra = (Options(str(experiment_files(tmp_path, uses, **more))) for more in ({}, {"lexicons": "mine"}))
    first, second = prepare(plain), prepare(extra)

    assert first.identity(plain) != second.identity(extra)
    assert second.rules.digest == load_rules(tmp_path / "mine").digest
    matrix = json.loads(Path(extra.matrix).read_text("utf-8")) | {"lexicons": "nowhere"}
    Path(extra.matrix).write_text(json.dumps(matrix), encoding="utf-8")
    with pytest.raises(InputError, match="lexicons: no such folder: 'nowhere', beside the matrix"):
        prepare(extra)
