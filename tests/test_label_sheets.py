"""`judge sample`: a random part of what was judged becomes a sheet, blind and harmless, as CSV and as a form."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from builders import dataset_lines
from labelled_runs import BASE, CANDIDATE, Known, drawn, erring, graded_again, known_run, sheet_rows, untold, written
from ladder_bench import cli, folder
from ladder_bench.calibration import drawing, form, spreadsheet
from ladder_bench.calibration.items import Item, by_strategy, items
from ladder_bench.calibration.sheets import Asked, Card, LabelSheet, Wanted, draw
from ladder_bench.errors import InputError
from ladder_bench.judge.fences import Piece
from test_judge_run import files, judging, run, says

RATES = {BASE: (0.9, 0.8), CANDIDATE: (0.9, 0.8)}
HOSTILE = '<script>alert(1)</script>\n=HYPERLINK("http://x")\n\u202eevil\x00'


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Known:
    return known_run(tmp_path_factory.mktemp("sheets"), RATES, count=12)


def sample(capsys: pytest.CaptureFixture[str], known: Known, *arguments: str) -> tuple[int, str, str]:
    """`judge sample RUN ...`: exit code, stdout, stderr."""
    capsys.readouterr()
    with contextlib.chdir(known.path.parent), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "sample", "run", *arguments])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def calibrated(capsys: pytest.CaptureFixture[str], place: Path, file: Path) -> tuple[int, str, str]:
    """`judge calibrate run --labels FILE`: exit code, stdout, stderr."""
    capsys.readouterr()
    with contextlib.chdir(place), pytest.raises(SystemExit) as caught:
        cli.main(["judge", "calibrate", "run", "--labels", str(file)])
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def sheet_of(*pieces: tuple[str, str], criterion: str = "says so") -> LabelSheet:
    """A sheet of one card."""
    shown = tuple((name, (Piece(name, content),)) for name, content in pieces)
    return LabelSheet((Card(shown, (Asked("item-1", criterion),)),), ("a", "b"), ("mine",), 1, 1, 1, {})


def cells(sheet: LabelSheet) -> dict[str, str]:
    return next(csv.DictReader(io.StringIO(spreadsheet.as_csv(sheet), newline="")))


def item(conversation: str, strategy: str, turn: int | None, value: float | None = 1.0, **more: str) -> Item:
    parts = {"metric": "mine", "target": "k", **more}
    name = f"{conversation} {strategy} {turn} {parts['metric']} {parts['target']}"
    return Item(name, conversation, strategy, 0, "mine", parts["metric"], parts["target"], turn, turn, value)


# --- what is drawn -------------------------------------------------------------------------


def test_a_conversation_is_drawn_with_one_turn_and_all_its_criteria_in_both_arms(known: Known) -> None:
    sheet = drawn(known, Wanted(conversations=5))
    asked = [each for each in items(known.run) if each.id in sheet.ids]

    assert (sheet.conversations, sheet.of, sheet.arms) == (5, 12, drawn(known, Wanted()).arms)
    assert len({each.conversation for each in asked}) == 5
    for name in {each.conversation for each in asked}:
        mine = [each for each in asked if each.conversation == name]
        assert len({each.cell for each in mine}) == 1
        places = [{each.pair for each in mine if each.strategy == arm} for arm in (BASE, CANDIDATE)]
        assert places[0] == places[1]
        assert len(places[0]) == 2


def test_all_turns_are_asked_about_when_they_are_wanted(known: Known) -> None:
    sheet = drawn(known, Wanted(conversations=100, turns=None))

    assert set(sheet.ids) == {each.id for each in items(known.run)}
    assert sheet.conversations == sheet.of == 12


def test_a_larger_sheet_holds_the_smaller_one_and_another_seed_draws_another(known: Known) -> None:
    small, large = (drawn(known, Wanted(conversations=n)) for n in (4, 8))
    other = drawn(known, Wanted(conversations=4, seed=1))

    assert set(small.ids) < set(large.ids)
    assert drawn(known, Wanted(conversations=4)) == small
    assert set(other.ids) != set(small.ids)


def test_every_conversation_and_every_turn_has_the_same_chance() -> None:
    names = [f"c{n}" for n in range(20)]
    lots = [name for seed in range(400) for name in drawing.conversations(names, 5, seed)]
    turns = [drawing.cells([(0, n) for n in (1, 2, 3, 4, None)], 1, seed, "c1")[0] for seed in range(1000)]

    assert all(70 < lots.count(name) < 130 for name in names)  # 100 expected, sd 8.7
    assert all(150 < turns.count((0, n)) < 250 for n in (1, 2, 3, 4, None))  # 200, sd 12.6


def test_metrics_that_share_no_figure_draw_their_own_turns_so_that_each_has_the_same_chance() -> None:
    arms = [[item("c1", arm, turn, metric=metric) for turn in (1, 2, 3) for metric in ("a", "b")] for arm in "xy"]
    arms = [[each for each in arm if (each.metric, each.turn) != ("a", 1)] for arm in arms]
    pairs = drawing.by_conversation(*arms)["c1"]
    lots = [drawing.drawn(pairs, 1, seed, "c1") for seed in range(600)]

    assert all(sorted(pair[2] for pair in each) == ["a", "b"] for each in lots)
    assert [sum((0, turn, "a", "k") in each for each in lots) for turn in (1, 2, 3)] == pytest.approx(
        [0, 300, 300], abs=60
    )
    assert [sum((0, turn, "b", "k") in each for each in lots) for turn in (1, 2, 3)] == pytest.approx([200] * 3, abs=60)


def test_only_what_was_judged_in_both_arms_is_paired() -> None:
    base = [item("c1", "a", 1), item("c1", "a", 2), item("c2", "a", 1)]
    pairs = drawing.by_conversation(base, [item("c1", "b", 1), item("c1", "b", 1, target="z"), item("c3", "b", 1)])

    assert list(pairs) == ["c1"]
    assert list(pairs["c1"]) == [(0, 1, "mine", "k")]


def test_what_the_judge_could_not_tell_is_drawn_like_all_else(known: Known) -> None:
    some = frozenset(each.id for each in items(known.run) if each.strategy == CANDIDATE)
    wanted = Wanted(conversations=5)

    assert drawn(untold(known, some), wanted).ids == drawn(known, wanted).ids


def test_arms_stand_in_an_order_that_tells_nothing(known: Known) -> None:
    sheet = drawn(known, Wanted(conversations=12))
    arm = {each.id: each.strategy for each in items(known.run)}
    first = [arm[card.asked[0].id] for card in sheet.cards][::2]

    assert set(first) == {BASE, CANDIDATE}


def test_the_arms_are_the_runs_base_and_the_first_that_is_no_control_unless_named(known: Known) -> None:
    base = known.run.summary["base"]
    other = {BASE: CANDIDATE, CANDIDATE: BASE}[base]

    assert drawn(known, Wanted()).arms == (base, other)
    assert drawn(known, Wanted(arms=(other, base))).arms == (other, base)


# --- ids -----------------------------------------------------------------------------------


def test_strategies_that_gave_the_same_answers_share_their_items_and_people_are_asked_once(tmp_path: Path) -> None:
    with judging(says("met")) as (url, _):
        files(tmp_path, url, 3, ("mine",))
        found = run(tmp_path)
    ids = {name: [each.id for each in own] for name, own in by_strategy(items(found)).items()}

    shared = set(ids["two"]) & set(ids["advanced"])
    assert len(shared) == 3 * 2  # the first turn of each conversation, and no later one
    with contextlib.chdir(tmp_path):
        sheet = draw(found, Wanted(arms=("advanced", "two"), turns=None))
    assert len(sheet.ids) == len(set(sheet.ids)) == len(set(ids["two"]) | set(ids["advanced"]))


def test_ids_stay_when_another_judge_grades_and_no_other_answer_has_them(known: Known) -> None:
    mine = items(known.run)
    answers = known.run.tables["turns"].to_pylist()
    other = [{**row, "answer": f"{row['answer']}?" if row["turn"] == 2 else row["answer"]} for row in answers]
    turns = folder.table("turns", [tuple(row.values()) for row in other])
    changed = items(replace(known.run, tables={**known.run.tables, "turns": turns}))

    assert [each.id for each in items(erring(known, {BASE: (0.0, 0.0), CANDIDATE: (0.0, 0.0)}).run)] == [
        each.id for each in mine
    ]
    same = [each.turn for each, now in zip(mine, changed, strict=True) if each.id == now.id]
    assert set(same) == {1}  # what follows another answer is another item, too
    assert len(same) == sum(each.turn == 1 for each in mine)


def test_an_id_holds_the_words_of_the_criterion_wherever_they_are_from(known: Known) -> None:
    bodies = [
        tuple({**row, "body": row["body"].replace("says the step", "says every step")}.values())
        for row in known.run.tables["conversations"].to_pylist()
    ]
    tables = {**known.run.tables, "conversations": folder.table("conversations", bodies)}
    none = {**known.run.tables, "conversations": folder.table("conversations", [])}
    before, after, unknown = (items(replace(known.run, tables=each)) for each in (known.run.tables, tables, none))
    stayed = {each.metric for each, now in zip(before, after, strict=True) if each.id == now.id}
    changed = {each.metric for each, now in zip(before, after, strict=True) if each.id != now.id}

    assert (stayed, changed) == ({"correctness"}, {"completeness"})
    assert len({each.id for each in unknown}) == len(before)  # folders that do not hold the words can be labelled, too


def test_own_criteria_are_kept_with_the_run_and_labels_of_other_words_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(text: str) -> None:
        own = {"id": "tone", "grader": "llm", "metric": "tone", "prompt": "mine.jinja",
               "criteria": [{"id": "kind", "text": text}]}  # fmt: skip
        (tmp_path / "rubrics" / "tone.yaml").write_text(json.dumps(own), "utf-8")

    with judging(says("met")) as (url, _):
        files(tmp_path, url, 3, ("checks",))
        run(tmp_path)
        words("It is kind.")
        graded_again(tmp_path, "tone")
        known = Known(folder.read(tmp_path / "run"), {})
        sample(capsys, known, "--out", "sheet.csv")
        file = written(tmp_path / "labels.csv", [{**row, "label": "met"} for row in sheet_rows(tmp_path / "sheet.csv")])
        taken, _, _ = calibrated(capsys, tmp_path, file)
        words("It is short.")
        graded_again(tmp_path, "tone")
        refused, _, err = calibrated(capsys, tmp_path, file)

    about = folder.read(tmp_path / "run").about["rubrics"]
    assert [each["criteria"] for each in about if each["id"] == "tone"] == [{"kind": "It is short."}]
    assert taken == 3
    assert refused == 2
    assert "labels.csv:2: unknown id 'item-" in err
    assert "a criterion's words may have changed since the sheet was drawn" in err


def test_labels_drawn_by_an_earlier_version_fit_a_folder_that_does_not_hold_its_own_criterias_words(
    tmp_path: Path,
) -> None:
    with judging(says("met")) as (url, _):
        files(tmp_path, url, 2, ("mine",))
        found = run(tmp_path)
    old = {**found.about, "rubrics": [
        {key: value for key, value in each.items() if key != "criteria"} for each in found.about["rubrics"]
    ]}  # fmt: skip
    mine = items(replace(found, about=old))

    assert [each.id for each in mine] == [each.id for each in items(found)]


def test_an_id_is_nothing_that_a_spreadsheet_takes_for_a_number(known: Known) -> None:
    assert all(re.fullmatch("item-[0-9a-f]{16}", each.id) for each in items(known.run))


# --- blind and harmless --------------------------------------------------------------------


def test_the_sheet_names_no_strategy_tier_model_judge_or_verdict(
    known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = sample(capsys, known, "--out", "blind.csv")
    text = (known.path.parent / "blind.csv").read_text("utf-8-sig").casefold()
    page = (
        (known.path.parent / "blind.html").read_text("utf-8").casefold().partition("<body")[2].partition("<script>")[0]
    )

    assert code == 0
    assert "a random turn of each" in out
    for word in (BASE, CANDIDATE, "simulated", "strict", "openai"):
        assert word not in text
        assert word not in page
    assert {row["label"] for row in sheet_rows(known.path.parent / "blind.csv")} == {""}


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", " =1", "＝1", '"=1'])
def test_no_cell_begins_a_formula(start: str) -> None:
    row = cells(sheet_of(("answer", start), ("message", start), criterion=start))

    for name in ("answer", "message", "criterion"):
        assert row[name].startswith("'")


def test_where_semicolons_end_cells_no_formula_begins_after_one() -> None:
    assert cells(sheet_of(("answer", 'a;=1 b;"=2 c;d;-3')))["answer"] == 'a; =1 b; "=2 c;d; -3'


def test_lines_quotes_and_scripts_of_an_answer_stay_one_cell_and_nothing_is_hidden_in_it() -> None:
    answer = 'one, "two"\n\nthree;\tfour' + HOSTILE
    text = spreadsheet.as_csv(sheet_of(("answer", answer), ("conversation", "before")))
    header, row = csv.reader(io.StringIO(text, newline=""))

    assert len(header) == len(row) == 9
    assert 'one, "two"\n\nthree;    four<script>' in row[header.index("answer")]
    assert "⟨U+202E⟩evil⟨U+0000⟩" in row[header.index("answer")]
    assert row[header.index("conversation")] == "[conversation]\nbefore"


def test_a_cell_ends_before_spreadsheets_do_and_says_so() -> None:
    found = cells(sheet_of(("answer", "x" * 40_000)))["answer"]

    assert len(found) < 32_767
    assert found.endswith("the whole is in the form]")


def test_the_file_begins_with_a_mark_that_excel_knows_utf_8_by(
    known: Known, capsys: pytest.CaptureFixture[str]
) -> None:
    sample(capsys, known, "--out", "marked.csv")

    assert (known.path.parent / "marked.csv").read_bytes()[:6] == b'\xef\xbb\xbf"id'


def test_a_script_in_an_answer_is_text_in_the_form_which_loads_and_sends_nothing() -> None:
    page = form.page(sheet_of(("answer", HOSTILE), ("message", "</fieldset>"), criterion=HOSTILE), "labels.csv")
    policy = html.unescape(re.search('Content-Security-Policy" content="([^"]*)"', page)[1])  # type: ignore[index]

    assert page.count("<script>") == 1  # ours
    assert page.count("&lt;script&gt;alert(1)") == 2
    assert "\u202e" not in page
    assert "&lt;/fieldset&gt;" in page
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not re.search(r"https?:|src=|style=|\son[a-z]+=", form.page(sheet_of(("answer", "x")), "labels.csv"))


def test_the_forms_policy_allows_the_very_style_and_script_that_it_holds() -> None:
    page = form.page(sheet_of(("answer", "x")), "labels.csv")
    style, script = (re.search(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1] for tag in ("style", "script"))  # type: ignore[index]

    assert html.escape(form.policy(style, script), quote=False).replace("'", "&#39;") in page
    assert "innerHTML" not in script
    assert "fetch" not in script


def test_the_form_asks_what_the_table_asks_and_says_what_to_do_without_scripts(known: Known) -> None:
    sheet = drawn(known, Wanted(conversations=3))
    page = form.page(sheet, "mine.csv")

    assert re.findall('data-id="(item-[^"]*)"', page) == sheet.ids
    assert page.count('type="radio"') == 3 * len(sheet.ids)
    assert re.search("<noscript>.*mine.csv.*</noscript>", page)
    assert f'data-sheet="{sheet.id}"' in page
    assert drawn(known, Wanted(conversations=4)).id != sheet.id


# --- what goes wrong -----------------------------------------------------------------------


def test_labels_that_exist_are_never_overwritten(known: Known, capsys: pytest.CaptureFixture[str]) -> None:
    sample(capsys, known, "--out", "once.csv")
    before = (known.path.parent / "once.csv").read_bytes()
    code, _, err = sample(capsys, known, "--out", "once.csv", "--seed", "3")

    assert code == 2
    assert "once.csv: exists, and may hold labels" in err
    assert (known.path.parent / "once.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--arms", "lihgt", "--arms", "advanced"), "did you mean 'light'?"),
        (("--arms", "light"), "name two strategies, the base first"),
        (("--arms", "light", "--arms", "light"), "name two strategies, the base first"),
        (("--metric", "correct"), "did you mean 'correctness'?"),
        (("--turns", "few"), "--turns: must be a whole number from 1, or all"),
        (("--turns", "0"), "--turns: must be a whole number from 1, or all"),
        (("--out", "run/labels.csv"), "lies in the run folder"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_in_a_line(
    known: Known, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = sample(capsys, known, *arguments)

    assert code == 2
    assert said in err
    assert len(err.splitlines()) == 1


def test_a_run_that_no_judge_graded_has_nothing_to_sample(tmp_path: Path) -> None:
    files(tmp_path, "http://127.0.0.1:9/v1", 2, ("checks",))

    with pytest.raises(InputError, match="no judge graded it by criteria; grade it with"):
        draw(run(tmp_path), Wanted())


def test_a_rubric_that_has_changed_since_is_refused_as_people_would_read_other_words(tmp_path: Path) -> None:
    with judging(says("met")) as (url, _):
        files(tmp_path, url, 2, ("mine",))
        found = run(tmp_path)
    prompt = tmp_path / "rubrics" / "mine.jinja"
    prompt.write_text(prompt.read_text("utf-8").replace("Judge.", "Judge kindly."), "utf-8")

    with contextlib.chdir(tmp_path), pytest.raises(InputError, match="rubric 'mine' has changed since"):
        draw(found, Wanted())


def test_preferences_and_claims_are_left_out_by_name_with_the_reason(known: Known) -> None:
    other = {"id": "duel", "grader": "pairwise", "prompts": ["pairwise.jinja"], "metric": "preference", "hash": ""}
    claims = {"id": "claims", "grader": "llm", "prompts": ["claims_extract.jinja", "claims_verify.jinja"], "hash": ""}
    about = {**known.run.about, "rubrics": [*known.run.about["rubrics"], other, claims]}
    sheet = drawn(replace(known, run=replace(known.run, about=about)), Wanted())

    assert "compares two answers" in sheet.left_out["duel"]
    assert "claims that the judge itself lists" in sheet.left_out["claims"]


def test_json_says_what_was_drawn(known: Known, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = sample(capsys, known, "--out", "said.csv", "--n", "4", "--json")
    found = json.loads(out)

    assert code == 0
    assert (found["conversations"], found["of"], found["turns"]) == (4, 12, 1)
    assert found["items"] == len(sheet_rows(known.path.parent / "said.csv"))
    assert found["files"] == ["said.csv", "said.html"]


def test_a_conversation_can_hold_what_it_likes_and_the_sheet_is_still_read_back(tmp_path: Path) -> None:
    lines = dataset_lines(2)
    lines[0]["messages"][0]["content"] = HOSTILE.replace("\x00", "")
    with judging(says("met")) as (url, _):
        files(tmp_path, url, 2, ("mine",))
        (tmp_path / "cases.jsonl").write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
        found = run(tmp_path)
    with contextlib.chdir(tmp_path):
        sheet = draw(found, Wanted(arms=("advanced", "light"), turns=None))
    rows = list(csv.DictReader(io.StringIO(spreadsheet.as_csv(sheet), newline="")))

    assert [row["id"] for row in rows] == sheet.ids
    assert "&lt;script&gt;" in form.page(sheet, "x.csv")
