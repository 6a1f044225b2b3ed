"""`judge calibrate`: labels of known truth find out the judge's errors, and correct what it says of two arms."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from judge_coverage import of_turns
from labelled_runs import BASE, CANDIDATE, Known, drawn, erring, filled, known_run, sheet_rows, untold, written
from ladder_bench import cli, folder
from ladder_bench.analyse.correction import powered
from ladder_bench.calibration import arms, labels, people
from ladder_bench.calibration.calibrating import _selective
from ladder_bench.calibration.differences import differences, rates
from ladder_bench.calibration.items import by_strategy, items
from ladder_bench.calibration.scopes import Scope, scopes
from ladder_bench.calibration.sheets import Wanted
from ladder_bench.calibration.spreadsheet import as_csv
from ladder_bench.errors import InputError
from ladder_bench.folder import Run
from simulated_judges import Design
from test_label_sheets import item

ARMS = ("--arms", BASE, "--arms", CANDIDATE)
ALIKE = {BASE: (0.85, 0.8), CANDIDATE: (0.85, 0.8)}
FAVOURS = {BASE: (0.65, 0.95), CANDIDATE: (0.97, 0.35)}  # kinder to the candidate


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known_run(tmp_path_factory.mktemp("fair"), ALIKE, count=60)


@pytest.fixture(scope="module")
def biased(fair: Known, tmp_path_factory: pytest.TempPathFactory) -> Known:
    return kept(erring(fair, FAVOURS), tmp_path_factory.mktemp("biased"))


def kept(known: Known, place: Path) -> Known:
    """A changed run in a folder of its own."""
    shutil.copytree(known.path.parent, place, dirs_exist_ok=True)
    folder.write(place / "run", known.run.about, known.run.tables, known.run.summary, {})
    return Known(folder.read(place / "run"), known.truth)


def calibrate(capsys: pytest.CaptureFixture[str], known: Known, *arguments: str) -> tuple[int, str, str]:
    """`judge calibrate RUN ...`: exit code, stdout, stderr."""
    capsys.readouterr()
    with contextlib.chdir(known.path.parent), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "calibrate", "run", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def found(capsys: pytest.CaptureFixture[str], known: Known, *arguments: str) -> tuple[int, Any]:
    code, out, err = calibrate(capsys, known, *arguments, "--json")
    assert not err
    return code, json.loads(out)


def sheet(known: Known, place: Path, conversations: int = 100, turns: int | None = None, seed: int = 0) -> Path:
    wanted = Wanted(conversations, turns, (BASE, CANDIDATE), (), seed)
    place.write_text(as_csv(drawn(known, wanted)), "utf-8-sig", newline="")
    return place


def labelled(known: Known, place: Path, **how: Any) -> Path:
    """A sheet of a run, filled in by who knows the truth."""
    return filled(sheet(known, place / "sheet.csv", **how), known, place / "labels.csv")


def truth(known: Known, *names: str) -> float:
    """The true share of criteria met, by the same means as the tool: turns, then conversations."""
    arm = [each for name in names for each in by_strategy(items(known.run))[name]]
    by_conversation: dict[str, dict[int | None, list[float]]] = {}
    for each in arm:
        by_conversation.setdefault(each.conversation, {}).setdefault(each.turn, []).append(known.truth[each.id])
    return float(np.mean([np.mean([np.mean(v) for v in of.values()]) for of in by_conversation.values()]))


def counted(known: Known, arm: str, word: float) -> float:
    """The share of an arm's items with this truth that the judge calls so."""
    mine = [each for each in by_strategy(items(known.run))[arm] if known.truth[each.id] == word]
    return float(np.mean([each.value == word for each in mine]))


# --- the whole way -------------------------------------------------------------------------


def test_where_all_is_labelled_the_judges_errors_are_those_that_it_was_given(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, out = found(capsys, fair, "--labels", str(labelled(fair, tmp_path)), *ARMS)

    assert code == 0
    for arm in out["scopes"][0]["arms"]:
        rates_of = [counted(fair, arm["strategy"], word) for word in (1.0, 0.0)]
        assert [arm["sensitivity"]["value"], arm["specificity"]["value"]] == pytest.approx(rates_of)
        assert arm["sensitivity"]["low"] < 0.85 < arm["sensitivity"]["high"]
        assert arm["specificity"]["low"] < 0.8 < arm["specificity"]["high"]
        assert arm["corrected_rate"]["low"] < truth(fair, arm["strategy"]) < arm["corrected_rate"]["high"]
    difference = out["scopes"][0]["difference"]
    assert difference["corrected"]["value"] == pytest.approx(truth(fair, CANDIDATE) - truth(fair, BASE))
    assert difference["errors"]["verdict"] == "not shown to differ"


@pytest.mark.parametrize("turns", [1, None])
def test_a_judge_that_favours_an_arm_is_found_out_and_the_corrected_difference_holds_the_truth(
    biased: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, turns: int | None
) -> None:
    true = truth(biased, CANDIDATE) - truth(biased, BASE)
    code, out = found(capsys, biased, "--labels", str(labelled(biased, tmp_path, conversations=40, turns=turns)), *ARMS)

    difference = out["scopes"][0]["difference"]
    naive, corrected = difference["judge_alone"], difference["corrected"]
    assert difference["errors"]["verdict"] == "differ"
    assert not naive["low"] <= true <= naive["high"]
    assert corrected["low"] < true < corrected["high"]
    assert f"the judge favours {CANDIDATE}" in out["sentence"]
    assert "is not to be used" in out["sentence"]
    assert out["sentence"].startswith("in this simulation, ")
    assert difference["judged_margin"]["value"] is None
    assert "errs differently" in difference["judged_margin"]["why"]
    assert code in (0, 3)
    assert (code == 0) is out["decided"]


def test_the_table_says_the_same_as_json_and_ends_with_what_may_be_believed(
    biased: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = str(labelled(biased, tmp_path, conversations=40))
    _, out = found(capsys, biased, "--labels", file, *ARMS)
    for width in ("80", "120"):
        monkeypatch.setenv("COLUMNS", width)
        _, table, _ = calibrate(capsys, biased, "--labels", file, *ARMS)

        assert " ".join(table.split()).endswith(out["sentence"])
        assert max(map(len, table.splitlines())) <= int(width)
        for word in ("judge and people agree", "sensitivity", "kappa", "corrected", "criteria of Q", "correctness"):
            assert word in table


def test_a_margin_on_the_judges_scale_is_the_margin_times_j(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out = found(capsys, fair, "--labels", str(labelled(fair, tmp_path)), *ARMS, "--margin", "0.1")
    scope = out["scopes"][0]

    assert scope["difference"]["judged_margin"]["value"] == pytest.approx(0.1 * scope["both"]["youden"]["value"])
    assert scope["difference"]["judged_margin"]["low"] == pytest.approx(0.1 * scope["both"]["youden"]["low"])


def test_labels_are_compared_for_all_criteria_of_q_and_for_each_metric(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    _, out = found(capsys, fair, "--labels", str(labelled(fair, tmp_path, conversations=30, turns=1)), *ARMS)

    assert [each["name"] for each in out["scopes"]] == ["criteria of Q", "completeness", "correctness"]
    whole, *parts = (each["arms"][0]["agreement"]["items"] for each in out["scopes"])
    assert whole == sum(parts) == 60
    assert [each["difference"]["labelled_conversations"] for each in out["scopes"]] == [30, 30, 30]


def test_labels_find_their_items_in_a_run_that_another_judge_graded(
    fair: Known, biased: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Both runs hold the same answers."""
    code, out = found(capsys, biased, "--labels", str(labelled(fair, tmp_path)), *ARMS)

    assert out["scopes"][0]["difference"]["errors"]["verdict"] == "differ"
    assert code == 0


# --- what the judge could not tell ---------------------------------------------------------


def silent_on_faults(known: Known, place: Path, count: int = 40) -> tuple[Known, frozenset[str]]:
    """A judge that cannot tell of many of the candidate's criteria, all of which people call not met."""
    faults = [each.id for each in by_strategy(items(known.run))[CANDIDATE] if not known.truth[each.id]]
    ids = frozenset(faults[:count])
    return kept(untold(known, ids), place), ids


@pytest.mark.parametrize("conversations", [60, 30])
def test_faults_that_the_judge_could_not_tell_are_labelled_and_corrected_for(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, conversations: int
) -> None:
    silent, ids = silent_on_faults(fair, tmp_path / "silent")
    true = truth(fair, CANDIDATE) - truth(fair, BASE)
    file = labelled(silent, tmp_path, conversations=conversations)
    asked = ids & {row["id"] for row in sheet_rows(file)}
    _, out = found(capsys, silent, "--labels", str(file), *ARMS)
    _, table, _ = calibrate(capsys, silent, "--labels", str(file), *ARMS)
    head = out["scopes"][0]
    corrected, of_base, of_candidate = head["difference"]["corrected"], *(arm["criteria"] for arm in head["arms"])

    assert corrected["low"] < true < corrected["high"]
    if conversations == 60:
        assert corrected["value"] == pytest.approx(true)
        assert "the judge is off the difference that people see by +" in out["sentence"]
    assert of_base["without_verdict"] == of_base["labelled_without_verdict"] == 0
    assert (of_candidate["without_verdict"], of_candidate["labelled_without_verdict"]) == (len(ids), len(asked))
    assert head["arms"][1]["agreement"]["raw"]["unscored"] == len(asked) > 0
    words = " ".join(table.split())
    assert f"{CANDIDATE}: {len(ids)} of {of_candidate['asked']} criteria without a verdict of the judge" in words
    assert f"{len(asked)} of them labelled" in words


def test_labels_that_pass_over_what_the_judge_could_not_tell_of_one_arm_correct_nothing(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    silent, ids = silent_on_faults(fair, tmp_path / "silent")
    of = {each.id: (each.conversation, each.pair) for each in items(fair.run)}
    lost = {of[name] for name in ids}
    rows = sheet_rows(labelled(silent, tmp_path))
    without = {
        "none of those is labelled": [row for row in rows if of[row["id"]] not in lost],
        "of those in labelled turns are not labelled": [row for row in rows if of[row["id"]] not in sorted(lost)[:20]],
    }
    for why, left in without.items():
        code, out = found(capsys, silent, "--labels", str(written(tmp_path / "some.csv", left)), *ARMS)

        assert (code, out["decided"]) == (3, False)
        assert out["scopes"][0]["difference"]["corrected"]["value"] is None
        assert out["scopes"][0]["arms"][1]["sensitivity"]["low"] is not None
        assert "the judge could not tell 0 % of the base's criteria and" in out["sentence"]
        assert why in out["sentence"]


def test_labels_that_pass_over_as_much_of_both_arms_are_of_what_the_judge_could_tell() -> None:
    arms_of = [
        [item(f"c{n}", arm, turn, None if turn == 2 else 1.0) for n in range(30) for turn in (1, 2)] for arm in "ab"
    ]
    told = {each.id: 1.0 for arm in arms_of for each in arm if each.turn == 1}
    scope = Scope("mine", frozenset(("mine",)))
    passed, whole = (differences(*arms_of, said) for said in (told, {each.id: 1.0 for arm in arms_of for each in arm}))

    assert [each.share for each in passed.untold] == [0.5, 0.5]
    assert _selective(scope, passed, arms_of, told) is None
    assert whole.touched == passed.touched


def test_a_fixed_word_for_what_the_judge_could_not_tell_leaves_the_correction_without_bias() -> None:
    """The judge tells of no fault of the candidate; people would call 70 % of its criteria met, and 80 % of the base's."""
    rng = np.random.default_rng(1)
    found_of, left_out = [], []
    for _ in range(60):
        met = rng.random((2, 100, 4)) < np.array([0.8, 0.7])[:, np.newaxis, np.newaxis]
        arms_of = [
            [item(f"c{n}", arm, turn, 1.0 if said[n, turn] else None if arm == "b" else 0.0)
             for n in range(100) for turn in range(4)]
            for arm, said in zip("ab", met, strict=True)
        ]  # fmt: skip
        people = {
            each.id: float(said[n // 4, n % 4]) for arm, said in zip(arms_of, met, strict=True)
            for n, each in enumerate(arm) if n < 160
        }  # fmt: skip
        own = differences(*arms_of, people)
        found_of.append(powered(own.judged, own.people).estimate)
        left_out.append(float(np.nanmean(own.whole)))
    values = np.array([each.value for each in found_of])

    assert abs(values.mean() + 0.1) < 3 * values.std() / np.sqrt(60)
    assert sum(each.low <= -0.1 <= each.high for each in found_of) >= 52  # 57 expected, sd 1.7
    assert np.mean(left_out) > 0


def test_arms_that_gave_the_same_answers_everywhere_are_known_to_be_equal() -> None:
    base = [item(f"c{n}", "both", 1, float(n % 2)) for n in range(40)]
    said = {each.id: each.value for each in base[:20]}
    same = differences(base, [replace(each, strategy="other") for each in base], said)
    alike = differences(base, [replace(each, strategy="other", id=f"{each.id}, too") for each in base],
                        {**said, **{f"{name}, too": value for name, value in said.items()}})  # fmt: skip
    equal, not_known = (powered(each.judged, each.people, each.identical).estimate for each in (same, alike))

    assert (equal.value, equal.low, equal.high) == (0.0, 0.0, 0.0)
    assert (not_known.value, not_known.low) == (0.0, None)


# --- too little ----------------------------------------------------------------------------


def test_a_sheet_that_nobody_has_filled_in_decides_nothing(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = sheet(fair, tmp_path / "sheet.csv", conversations=5)
    code, out = found(capsys, fair, "--labels", str(file))
    told, table, _ = calibrate(capsys, fair, "--labels", str(file))

    assert code == told == 3
    assert out["labels"]["not_yet"] == len(sheet_rows(file))
    assert (out["outcome"], out["scopes"]) == ("unlabelled", [])
    assert "nothing is labelled yet" in table


@pytest.mark.parametrize(
    ("conversations", "more"), [(1, "label at least 19 more conversations, 20 in all"), (19, "label at least 1 more")]
)
def test_too_few_conversations_have_values_without_intervals_and_it_says_how_many_more(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, conversations: int, more: str
) -> None:
    code, out = found(capsys, fair, "--labels", str(labelled(fair, tmp_path, conversations=conversations)), *ARMS)
    arm = out["scopes"][0]["arms"][0]

    assert code == 3
    assert (out["outcome"], out["decided"]) == ("too_few", False)
    assert "too few labels to tell" in out["sentence"]
    assert more in out["sentence"]
    assert arm["agreement"]["raw"]["value"] is not None
    assert arm["agreement"]["raw"]["low"] is None
    assert "20 are needed" in arm["agreement"]["raw"]["why"]


def test_a_judge_and_people_who_call_all_of_it_met_prove_nothing(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    pleased = kept(erring(fair, {BASE: (1.0, 0.0), CANDIDATE: (1.0, 0.0)}), tmp_path / "pleased")
    rows = sheet_rows(sheet(pleased, tmp_path / "sheet.csv", conversations=20, turns=1))
    file = written(tmp_path / "labels.csv", [{**row, "label": "met"} for row in rows])
    code, out = found(capsys, pleased, "--labels", str(file), *ARMS)

    assert (code, out["outcome"]) == (3, "too_few")
    assert out["scopes"][0]["difference"]["corrected"]["low"] is None
    assert "people see the same difference in every labelled conversation" in out["sentence"]
    assert out["sentence"].endswith("label more conversations: how many cannot be told from these")


def test_where_nobody_can_assess_anything_nothing_is_known_and_all_of_it_is_counted(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = sheet_rows(sheet(fair, tmp_path / "sheet.csv", conversations=30))
    file = written(tmp_path / "labels.csv", [{**row, "label": "cannot assess"} for row in rows])
    code, out = found(capsys, fair, "--labels", str(file), *ARMS)

    assert code == 3
    assert out["labels"] == {
        "labelled": 0, "cannot_assess": len(rows), "tied": 0, "not_yet": 0, "of_other_strategies": 0,
        "labellers": ["labels"],
    }  # fmt: skip
    assert out["scopes"][0]["arms"][0]["sensitivity"]["value"] is None
    assert "no conversation is labelled" in out["sentence"]


def test_labels_of_one_arm_say_how_the_judge_errs_there_and_nothing_of_a_difference(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arm = {each.id: each.strategy for each in items(fair.run)}
    rows = sheet_rows(labelled(fair, tmp_path))
    file = written(tmp_path / "one.csv", [row for row in rows if arm[row["id"]] == CANDIDATE])
    code, out = found(capsys, fair, "--labels", str(file), *ARMS)

    assert code == 3
    assert out["outcome"] == "one_arm"
    assert [each["strategy"] for each in out["scopes"][0]["arms"]] == [CANDIDATE]
    assert out["scopes"][0]["difference"] is None


def test_labels_of_other_arms_that_share_some_answers_with_these_correct_nothing() -> None:
    """Base and candidate answer alike at turn 1 alone; people labelled the base and a third strategy."""
    arms_of = [
        [replace(item(f"c{n}", arm, turn), id=f"{n} {arm if turn == 2 else 'both'} {turn}")
         for n in range(30) for turn in (1, 2)]
        for arm in "ab"
    ]  # fmt: skip
    of_base = dict.fromkeys((each.id for each in arms_of[0]), 1.0)
    some = {name: value for name, value in of_base.items() if name.endswith("1")}

    assert len(differences(*arms_of, of_base).halved) == 30
    assert differences(*arms_of, of_base).labelled == 30  # turns that say nothing of a difference
    assert not differences(*arms_of, some).halved
    assert "looked at one arm alone" in str(
        _selective(Scope("mine", frozenset(("mine",))), differences(*arms_of, of_base), arms_of, of_base)
    )


# --- several people ------------------------------------------------------------------------


def said(*rows: tuple[str, str, str]) -> list[labels.Label]:
    """Labels from (id, labeller, word)."""
    row = labels.Row("f", 1, {})
    return [labels.Label(name, who, word, row) for name, who, word in rows]


def test_of_several_people_the_majority_counts_and_a_tie_is_no_label() -> None:
    whole = said(
        ("a", "x", "met"), ("a", "y", "met"), ("a", "z", "not_met"),
        ("b", "x", "met"), ("b", "y", "not_met"),
        ("c", "x", "met"), ("c", "y", "cannot_assess"),
        ("d", "x", "cannot_assess"), ("e", "x", ""), ("f", "x", ""), ("f", "y", "not_met"),
    )  # fmt: skip
    told = people.together(whole)

    assert told.values == {"a": 1.0, "b": None, "c": 1.0, "d": None, "f": 0.0}
    assert (told.known, told.tied, told.cannot_assess, told.not_yet) == (3, 1, 1, 1)
    assert told.labellers == ("x", "y", "z")


def test_agreement_between_people_is_reported_pair_by_pair_and_over_all(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    first = labelled(fair, tmp_path, conversations=40)
    rows = sheet_rows(first)
    turned = {"met": "not_met", "not_met": "met"}
    other = [{**row, "label": turned[row["label"]] if n % 10 == 0 else row["label"]} for n, row in enumerate(rows)]
    second = written(tmp_path / "second.csv", other)
    _, out = found(capsys, fair, "--labels", str(first), "--labels", str(second), *ARMS)
    (pair,) = out["people"]["pairs"]

    assert pair["labellers"] == ["labels", "second"]
    assert pair["raw"]["value"] == pytest.approx(1 - -(-len(rows) // 10) / len(rows))
    assert 0.5 < out["people"]["alpha"]["value"] < 0.9
    assert out["people"]["items"] == len(rows)
    assert out["labels"]["tied"] == -(-len(rows) // 10)
    assert "people: " in calibrate(capsys, fair, "--labels", str(first), "--labels", str(second), *ARMS)[1]


def test_one_person_has_nobody_to_agree_with() -> None:
    assert people.between(said(("a", "x", "met"), ("b", "x", "met")), {"a": "c1", "b": "c1"}) is None
    assert people.between(said(("a", "x", "met"), ("b", "y", "met")), {"a": "c1", "b": "c1"}) is None
    assert people.between([], {}) is None


# --- label files ---------------------------------------------------------------------------


def place(known: Known, number: int = 0) -> dict[str, Any]:
    """An item by its place, as people write it themselves."""
    each = [one for one in items(known.run) if one.strategy == CANDIDATE][number]
    return {"conversation": each.conversation, "strategy": CANDIDATE, "turn": each.turn, "criterion": each.target}


def lines(path: Path, rows: Sequence[Any]) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def test_rows_of_ones_own_name_the_place(fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [
        {"conversation": each.conversation, "strategy": each.strategy, "sample": 0, "turn": each.turn,
         "criterion": each.target, "label": "met" if fair.truth[each.id] else "not_met"}
        for each in items(fair.run)
    ]  # fmt: skip
    _, own = found(capsys, fair, "--labels", str(lines(tmp_path / "own.jsonl", rows)), *ARMS)
    _, whole = found(capsys, fair, "--labels", str(labelled(fair, tmp_path)), *ARMS)

    assert own["scopes"] == whole["scopes"]


def excel(text: str) -> bytes:
    return text.replace(",", ";").encode("utf-8-sig")


@pytest.mark.parametrize(
    "saved",
    [lambda text: text.encode("utf-8"), excel, lambda text: text.encode("utf-16"),
     lambda text: text.replace(",", "\t").encode("utf-16")],
)  # fmt: skip
def test_a_table_is_read_as_spreadsheets_save_it(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, saved: Callable[[str], bytes]
) -> None:
    rows = sheet_rows(labelled(fair, tmp_path, conversations=3))
    text = "id,LABEL,labeller\r\n" + "".join(f"{row['id']}, {row['label'].upper()} ,me\r\n" for row in rows)
    (tmp_path / "saved.csv").write_bytes(saved(text + ",,\r\n"))
    _, out = found(capsys, fair, "--labels", str(tmp_path / "saved.csv"))

    assert out["labels"]["labelled"] == len(rows)
    assert out["labels"]["labellers"] == ["me"]


def test_every_bad_line_is_named_with_what_would_be_valid(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    known_id = items(fair.run)[0].id
    good = place(fair)
    cases = [
        ({"id": known_id, "label": "yes"}, "unknown label 'yes'; valid: met, not_met, cannot_assess, or empty"),
        ({"id": known_id, "label": "nott_met"}, "did you mean 'not_met'?"),
        ({"id": "item-0", "label": "met"}, "unknown id 'item-0': no judged criterion of run has it"),
        ({"id": "", "label": "met"}, "names no item: it needs 'id', or conversation, strategy, criterion and turn"),
        ({**good, "label": "met", "conversation": "case-x"}, "no judged conversation 'case-x'"),
        ({**good, "label": "met", "strategy": "lihgt"}, "did you mean 'light'?"),
        ({**good, "label": "met", "turn": 99}, "nothing is judged at turn 99; valid: turn 1, turn 2, turn 3"),
        ({**good, "label": "met", "turn": "two"}, "'turn' must be a whole number, not 'two'"),
        ({**good, "label": "met", "criterion": "zz"}, "no criterion 'zz' is judged there; valid: a1, b1"),
        ("{not json", "is no JSON"),
        ("[]", "must be an object such as"),
        ({"id": known_id}, "is no label: it needs 'label'"),
        ({"id": known_id, "label": ["met"]}, "'label' must be text or a whole number"),
    ]  # fmt: skip
    file = lines(tmp_path / "bad.jsonl", [case for case, _ in cases])
    code, out, err = calibrate(capsys, fair, "--labels", str(file))
    errors = err.splitlines()

    assert (code, out, len(errors)) == (2, "", len(cases))
    for number, (_, why) in enumerate(cases, 1):
        assert any(f"bad.jsonl:{number}: " in error and why in error for error in errors), (number, why, errors)


def test_one_person_who_says_both_is_asked_which_and_who_says_it_twice_is_not(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    name = items(fair.run)[0].id
    rows = [{"id": name, "label": word, "labeller": "me"} for word in ("met", "", "met", "not_met")]
    code, _, err = calibrate(capsys, fair, "--labels", str(lines(tmp_path / "both.jsonl", rows)))
    twice, out = found(capsys, fair, "--labels", str(lines(tmp_path / "twice.jsonl", rows[:3])))

    assert code == 2
    assert "both.jsonl:4: 'me' labels the same item twice: 'not_met', and 'met' in " in err
    assert len(err.splitlines()) == 1
    assert out["labels"]["labelled"] == 1
    assert twice == 3


def test_a_row_knows_the_line_on_which_it_begins_where_cells_have_several(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "long.csv").write_text('id,note,label\n,"a\nb\nc",\n\nitem-1,"x\ny",met\n', "utf-8")
    _, _, err = calibrate(capsys, fair, "--labels", str(tmp_path / "long.csv"))

    assert "long.csv:2: names no item" in err
    assert "long.csv:6: unknown id 'item-1'" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; a label file has a column 'label'"),
        (b"id,labels\nitem-1,met\n", "has no column 'label'; did you mean 'labels'?"),
        (b"label\nmet\n", "has no column 'conversation', 'strategy', 'criterion'"),
        (b"id,label,label\nitem-1,met,met\n", "has the column 'label' twice"),
        (b"id,label\n", "holds no labels; fill in a sheet"),
        (b"id,label,note\nitem-1,met,caf\xe9\n", ":2: is not UTF-8; save it as 'CSV UTF-8'"),
        (b"PK\x03\x04\xff", "is a spreadsheet's own file"),
        (b'id,label\n"item-1,met\n' + b"x" * 1_100_000, "is no CSV that can be read"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_line(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, said: str
) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    code, _, err = calibrate(capsys, fair, "--labels", str(tmp_path / "x.csv"))

    assert code == 2
    assert "x.csv" in err
    assert said in err
    assert len(err.splitlines()) == 1


def test_of_many_problems_the_first_are_shown_and_the_others_counted(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = lines(tmp_path / "other.jsonl", [{"id": f"item-{n}", "label": "met"} for n in range(100)])
    _, _, err = calibrate(capsys, fair, "--labels", str(file))

    assert len(err.splitlines()) == 21
    assert "and 80 problems more" in err


def test_a_missing_file_and_a_margin_out_of_reach_are_said_in_a_line(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    code, _, err = calibrate(capsys, fair, "--labels", str(tmp_path / "none.csv"))
    other, _, margin = calibrate(capsys, fair, "--labels", "x", "--margin", "0")

    assert (code, other) == (2, 2)
    assert "none.csv: cannot be read: No such file" in err
    assert "--margin: must be above 0 and below 1" in margin


# --- arms, scopes, differences -------------------------------------------------------------


def test_the_arms_are_those_that_most_labels_are_of_and_the_usual_ones_where_several_share_them_all() -> None:
    judged = {name: [item("c1", name, 1), item("c1", "all", 2)] for name in ("base", "control", "chosen", "other")}
    strategies = [{"name": name, "control": name == "control"} for name in judged]
    run = Run(Path("run"), {"strategies": strategies}, {}, {"verdict": {"strategy": "chosen"}, "base": "base"})
    of = {name: judged[name][0].id for name in judged}
    shared = judged["base"][1].id

    assert arms.usual(run, judged) == ["base", "chosen", "other", "control"]
    assert arms.labelled(run, judged, frozenset((shared,))) == ("base", "chosen")
    assert arms.labelled(run, judged, frozenset((shared, of["other"]))) == ("base", "other")
    assert arms.labelled(run, judged, frozenset((of["control"], of["other"]))) == ("other", "control")
    assert arms.labelled(run, judged, frozenset()) == ("base", "chosen")


def test_unlike_metrics_have_no_common_figure_and_own_criteria_a_line_each() -> None:
    tone = [item("c1", "a", 1, metric="tone", target=name) for name in ("kind", "short")]
    style = [item("c1", "a", 1, metric="style")]
    q = [item("c1", "a", 1, metric=name) for name in ("correctness", "completeness")]

    assert names(scopes([*style, *tone], frozenset(("tone", "style")))) == [
        "tone", "style", "tone: kind", "tone: short",
    ]  # fmt: skip
    assert names(scopes([*style, q[0]], frozenset())) == ["correctness", "style"]
    assert names(scopes([*style, *q], frozenset())) == ["criteria of Q", "completeness", "correctness", "style"]
    assert scopes([], frozenset()) == []


def names(found: Sequence[Scope]) -> list[str]:
    return [each.name for each in found]


def test_a_labelled_turn_is_compared_with_what_the_judge_said_of_that_turn() -> None:
    base = [item("c1", "a", 1, 1.0), item("c1", "a", 2, 0.0), item("c2", "a", 1, 1.0)]
    other = [item("c1", "b", 1, 0.0), item("c1", "b", 2, 0.0), item("c2", "b", 1, 1.0)]
    ids = {(each.strategy, each.turn): each.id for each in (*base, *other) if each.conversation == "c1"}
    known = differences(base, other, {ids["a", 1]: 1.0, ids["b", 1]: 1.0, ids["a", 2]: None})

    assert known.conversations == ("c1", "c2")
    assert known.whole.tolist() == [-0.5, 0.0]
    assert known.judged.tolist() == [-1.0, 0.0]
    assert known.people.tolist() == [0.0, pytest.approx(np.nan, nan_ok=True)]
    assert known.touched == {"c1"}


def test_turns_count_alike_however_many_criteria_they_have() -> None:
    arm = [item("c1", "a", 1, 1.0), *(item("c1", "a", 2, 0.0, target=f"k{n}") for n in range(9)), item("c2", "a", 1)]
    names, shares = rates(arm)

    assert (names.tolist(), shares.tolist()) == (["c1", "c2"], [0.5, 1.0])


def test_a_metric_that_the_drawn_turns_leave_out_is_not_corrected_as_its_labels_are_no_random_part(
    fair: Known, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    metric = {each.id: each.metric for each in items(fair.run)}
    rows = sheet_rows(labelled(fair, tmp_path, conversations=30))
    kept = [row for n, row in enumerate(rows) if metric[row["id"]] != "correctness" or n % 2]
    some = {row["id"] for row in kept[: len(kept) // 2]}
    file = written(
        tmp_path / "some.csv", [row for row in kept if metric[row["id"]] != "correctness" or row["id"] in some]
    )
    _, out = found(capsys, fair, "--labels", str(file), *ARMS)
    by_name = {each["name"]: each["difference"] for each in out["scopes"]}

    assert by_name["criteria of Q"]["corrected"]["value"] is not None
    assert by_name["completeness"]["corrected"]["value"] is not None
    assert by_name["correctness"]["corrected"]["value"] is None
    assert "a sheet of --turns all" in by_name["correctness"]["corrected"]["why"]


def test_a_run_without_judgements_has_nothing_to_calibrate() -> None:
    run = Run(Path("run"), {"strategies": []}, {}, {"verdict": {}, "base": None})

    with pytest.raises(InputError, match="no judge graded it by criteria"):
        arms.usual(run, {})


def test_one_random_turn_of_each_labelled_conversation_is_enough_for_a_valid_interval() -> None:
    design = Design(200, 40, sensitivity=(0.80, 0.92), specificity=(0.90, 0.75))
    covered = of_turns(design, sets=400)

    assert 0.92 <= covered["PPI++"].share <= 0.98
    assert covered["judge alone"].share < 0.85
    assert abs(covered["PPI++"].bias) < 0.01
