"""What pages say of judges: who they are, what they could not say, how far to rely on them; and that none of it acts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from judged_tables import PAIRWISE, RUBRIC, JudgedTables
from ladder_bench import folder
from ladder_bench.domain import Ladder, Step
from ladder_bench.folder import Run
from ladder_bench.report import columns as columns_module
from ladder_bench.report import judging, method, pages, preferences, table, terminal, transcripts
from ladder_bench.report.grid import Grid, Words
from ladder_bench.report.table import Cell
from report_runs import HOSTILE, STRATEGIES, Tags, Talk, estimate, page_of, run, whole

LADDERS = tuple(Ladder(name, (Step("light"),)) for name in ("advanced", "two-step", "light"))
KEYS = ("judging", "kinships", "preference", "own_rubrics", "qpd_rate")
BREAKS = "a `b` | c\n# d"


def summary(rename: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """What a summary says of two judges, one of whom is kin to light, of preferences and of a rubric of one's own.

    `rename` gives names other ones, everywhere.
    """
    name = rename or {}
    strict, mild = name.get("strict", "strict"), name.get("mild", "mild")
    rubrics = [{**each, "id": name.get(each["id"], each["id"])} for each in (RUBRIC, PAIRWISE)]
    made = JudgedTables(
        LADDERS,
        judges={strict: name.get("model", "openai/gpt-4o"), mild: "x/mild"},
        rubrics=rubrics,
        tiers=({"name": "advanced", "model": "x/advanced"}, {"name": "light", "model": "openai/gpt-4o-mini"}),
    )
    place = {"rubric": rubrics[0]["id"]}
    for case in range(24):
        for ladder in LADDERS:
            who = ladder.name, f"c{case:02}"
            made.lived(*who, answer="An answer.")
            light = ladder.name == "light"
            first = name.get("not_json", "not_json") if light and case < 6 else "met"
            made.said(*who, {strict: [first, "met"], mild: "met"}, evidence="An answer", **place)
            made.said(*who, {strict: "met", mild: "not_met" if light else "met"}, target="other", **place)
            made.said(*who, "not_met" if case % 2 else "met", metric=name.get("tone", "tone"),
                      target=name.get("warm", "warm"), **place)  # fmt: skip
            if ladder.name != "advanced":
                made.said(*who, {strict: "win", mild: "win" if case % 3 else "by_order"}, metric="preference",
                          rubric=rubrics[1]["id"])  # fmt: skip
    made.asked(strict, "one", 0.5)
    found = made.summary()
    return {key: found[key] for key in KEYS} | more


def with_verdicts(found: Run, *rows: Mapping[str, Any]) -> Run:
    """The run with further verdicts on two-step's turns."""
    given = {"conversation": "talk-1", "strategy": "two-step", "sample": 0, "turn": 1, "value": 1.0, "weight": 1.0,
             "critical": False, "reason": "so", "grader": "strict", "evidence": "", "rubric": "mine"}  # fmt: skip
    added = folder.table(
        "verdicts", [tuple(({**given, **row})[name] for name in folder.TABLES["verdicts"]) for row in rows]
    )
    tables = {**found.tables, "verdicts": folder.joined([found.tables["verdicts"], added])}
    return Run(found.path, found.about, tables, found.summary)


def grids(found: Mapping[str, Any]) -> dict[str, Grid]:
    known = {"strategies": STRATEGIES, "base": "advanced"}
    return {each.id: each for block in judging.blocks({**known, **found}, {}) for each in block.grids}


def cells(found: Grid, line: int = 0) -> list[str]:
    return [each.text or each.mark if isinstance(each, Words) else each.value for each in found.lines[line].cells]


# --- the section ---------------------------------------------------------------------------


def test_a_run_that_nobody_judged_has_no_section_and_no_line() -> None:
    found = run(Talk(), judging=None, kinships=[], preference=None, own_rubrics={}, qpd_rate="resolved")

    assert 'id="judges"' not in page_of(found)
    assert "Judges" not in str(pages(found)["report.md"])
    assert judging.line(found.summary) is None
    assert page_of(found) == page_of(run(Talk()))  # as an older run, whose summary knows nothing of judges


def test_the_section_is_there_and_linked_and_says_who_judged_for_how_much() -> None:
    found = run(Talk(), **summary())
    page = Tags(page_of(found))

    assert {"href": "#judges"} in page.named("a")
    assert "2 judges were asked about 264 criteria in 1 distinct call, for $0.500" in page.words
    rows = grids(summary())
    assert cells(rows["grid-judges"]) == [
        "openai/gpt-4o", "gpt", "264", "6 (2.3 %)", "not json 6", "0", "1", "$0.500"
    ]  # fmt: skip
    assert cells(rows["grid-rubrics"])[:3] == ["1, hash abc", "each answer", "correctness"]


def test_ids_are_unique_and_every_table_has_a_caption() -> None:
    page = page_of(whole(Talk(), **summary()))
    ids = [attributes["id"] for _, attributes in Tags(page).tags if "id" in attributes]

    assert len(ids) == len(set(ids))
    assert all("<caption>" in each for each in re.findall(r'<table class="grid".*?</table>', page, re.DOTALL))


def test_what_could_not_be_scored_is_counted_by_strategy_with_its_reasons() -> None:
    found = grids(summary())["grid-unscored"]

    assert [line.head for line in found.lines] == ["advanced", "two-step", "light"]
    assert cells(found, 2) == ["96", "33.3 %", "judges disagree 32"]
    assert isinstance(found.lines[2].cells[1], Cell)
    assert found.lines[2].cells[1].interval
    words = Tags(page_of(run(Talk(), **summary()))).words
    assert "Unscored is not wrong" in words
    assert "mine (24 of 72 in light, 0 of 72 in advanced)" in words


def test_agreement_flips_and_order_have_intervals_and_n() -> None:
    found = grids(summary())

    assert cells(found["grid-agreement"])[:2] == ["criteria", "210"]
    assert cells(found["grid-agreement"], 1)[0] == "preferences"
    assert cells(found["grid-repeats"])[:3] == ["72", "2", "0 %"]
    assert cells(found["grid-order"], 1) == ["48", "33.3 %"]
    assert "n = 24" in found["grid-agreement"].caption.replace("\N{NO-BREAK SPACE}", " ")


def test_kin_has_a_line_with_and_without_it() -> None:
    found = grids(summary())["grid-kin"]

    assert found.lines[1].head == "strict"
    assert cells(found, 1)[:3] == ["judge", "light (gpt)", "light"]
    assert cells(found, 1)[-1] == "changes"


def test_kin_that_cannot_be_told_apart_says_why_in_words() -> None:
    kin = {"role": "judge", "who": ["strict"], "tiers": ["light"], "family": "gpt", "strategies": {}, "changes": [],
           "why": "nobody else was asked"}  # fmt: skip

    assert "strict, kin of light (gpt): nobody else was asked." in page_of(run(Talk(), **summary(kinships=[kin])))


def test_preferences_and_other_rubrics_have_their_tables() -> None:
    found = grids(summary())

    assert cells(found["grid-preference"])[:4] == ["16", "0", "0", "8"]
    assert found["grid-own-1"].heads == ("strategy", "met", "difference to advanced, points", "warm")
    assert cells(found["grid-own-1"])[0] == "50.0 %"
    assert "A preference is no part of Q here" in page_of(run(Talk(), **summary()))


def test_the_short_report_has_the_tables_too() -> None:
    page = str(pages(run(Talk(), **summary()))["report.md"])

    assert "## Judges\n" in page
    assert "## Judges: what could not be scored" in page
    assert "## Judges: preferred to advanced" in page
    assert "| two-step | 96 | 8.3 % (" in page
    assert "| light | 96 |" not in page  # a control


# --- where a preference is quality ---------------------------------------------------------


def standing_in() -> dict[str, Any]:
    found = summary(qpd_rate="quality")
    return found | {"preference": found["preference"] | {"stands_in": True}}


def test_pages_say_what_quality_and_qpd_mean_where_answers_were_compared() -> None:
    found = run(Talk(), **standing_in())
    words = Tags(page_of(found)).words

    assert "how often an answer is preferred to that of advanced to the same message" in words
    assert "with whose answers the others were compared" in words
    assert "best plain single tier" not in words
    assert "QPD counts Q in its place" in words
    meanings = {column.metric: column.meaning for column in table.table(found.summary).columns}
    assert "0.5 is as good" in meanings["quality"]


def test_conversations_are_sorted_by_how_far_preferences_lie_apart() -> None:
    found = run(Talk("even"), Talk("apart"), **standing_in())
    judged = with_verdicts(found, *({"conversation": name, "metric": "preference", "target": "answer", "value": value}
                                    for name, value in (("even", 0.5), ("apart", 1.0))))  # fmt: skip

    assert transcripts.ranked(judged, ("advanced", "two-step")) == [("apart", 0.5), ("even", 0.0)]
    lives = transcripts.collect(judged, ["apart"], ("advanced", "two-step"))[0].lives
    assert [each.quality for each in lives] == [0.5, 1.0]


def test_claims_and_resolution_are_named_as_what_judges_say() -> None:
    rubrics = [RUBRIC | {"metrics": ["supported_specifics"]}, RUBRIC | {"metrics": ["resolution"]}]
    found = run(
        Talk(), judging=summary()["judging"] | {"rubrics": [each | {"criteria": 1, "unscored": {}} for each in rubrics]}
    )

    columns = {column.metric: column for column in columns_module.told(columns_module.COLUMNS, found.summary)}
    assert columns["unsupported_per_turn"].heading == "unsupported claims a turn"
    assert "as judges say" in columns["resolved"].meaning


# --- a turn --------------------------------------------------------------------------------


def answer_of(found: Run) -> transcripts.Answer:
    return transcripts.collect(found, ["talk-1"], ("two-step",))[0].exchanges[0].answers[0]


def test_a_judged_verdict_shows_its_reason_its_quote_its_judge_and_its_rubric() -> None:
    row = {"metric": "correctness", "target": "k9", "reason": "it names the index", "evidence": "CREATE INDEX"}
    found = with_verdicts(run(Talk()), row)

    (grade,) = (each for each in answer_of(found).grades if each.name == "k9")
    assert (grade.outcome, grade.reason, grade.quote) == ("met", "it names the index", "CREATE INDEX")
    assert grade.by == "strict, rubric mine"
    words = Tags(page_of(found)).words
    assert "met: it names the index CREATE INDEX strict, rubric mine" in " ".join(words.split())


def test_what_rules_say_has_no_judge() -> None:
    assert [each.by for each in answer_of(run(Talk())).grades] == [""]
    assert answer_of(run(Talk())).opinions == ()


@pytest.mark.parametrize(
    ("metric", "value", "outcome", "tone"),
    [
        ("preference", 1.0, "preferred", "met"),
        ("preference", 0.5, "as good", ""),
        ("preference", 0.0, "not preferred", "missed"),
        ("validity", 0.0, "does not fit", "missed"),
        ("supported_specifics", 0.5, "50% supported", "missed"),
        ("self_correction", 1.0, "takes something back", ""),
        ("tone", 1.0, "met", "met"),
        ("tone", None, "unscored", ""),
    ],
)
def test_what_else_was_judged_stands_apart_from_the_criteria(
    metric: str, value: float | None, outcome: str, tone: str
) -> None:
    found = answer_of(with_verdicts(run(Talk()), {"metric": metric, "target": "t", "value": value}))

    assert [(each.outcome, each.tone) for each in found.opinions] == [(outcome, tone)]
    assert len(found.grades) == 1
    assert found.remarks == ()


def test_what_was_said_of_a_whole_conversation_is_shown_with_it() -> None:
    row = {"metric": "resolution", "target": "reached", "turn": None, "value": 0.0, "reason": "no code came"}
    found = with_verdicts(run(Talk()), row)

    words = " ".join(Tags(page_of(found)).words.split())
    assert "two-step: judged as a whole" in words
    assert "not met: no code came" in words


# --- how it was measured, and the terminal -------------------------------------------------


def test_rubrics_and_judges_are_named_with_version_hash_and_model() -> None:
    found = run(Talk())
    about = found.about | {
        "rubrics": [{**RUBRIC, "id": "checks", "grader": "checks"}, {**PAIRWISE, "against": "light"}],
        "judges": [{"name": "strict", "model": "openai/gpt-4o"}, {"name": "mild", "model": "x/mild"}],
        "judge_repeats": {"share": 0.1, "times": 2},
    }

    facts = {each.name: each.value for each in method.facts(about, found.summary)}
    assert facts["rubrics"] == (
        "checks version 1, hash abc; pairs (pairwise, compared with light) version 1, hash abc; weights: correctness 1.00"
    )
    assert facts["judges"].startswith("strict (openai/gpt-4o), mild (x/mild); of several")
    assert facts["asked again"] == "10.0 % of the turns, drawn by hash, 2 more times"
    assert "judges" not in {each.name for each in method.facts(found.about, found.summary)}


def test_judges_have_their_prices_beside_the_tiers() -> None:
    found = run(Talk())
    light = found.about["tiers"][1]
    judges = [light, light | {"name": "strict"}]

    assert [each.tier for each in method.prices(found.about | {"judges": judges})] == ["advanced", "light", "strict"]


def test_the_terminal_says_in_a_line_how_many_were_judged_and_why_some_were_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    terminal.print_summary(run(Talk(), **summary()))

    assert "judged: 264 criteria by strict, mild; 40 unscored (judges disagree 40)" in capsys.readouterr().out


def test_the_terminal_shows_shares_of_own_rubrics_with_interval_and_n(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    terminal.print_summary(run(Talk(), **summary()))
    lines = capsys.readouterr().out.splitlines()
    start = next(number for number, line in enumerate(lines) if "Other rubrics" in line)

    assert "No part of Q. n = 24" in " ".join(lines[start : start + 2]).replace("\N{NO-BREAK SPACE}", " ")
    assert lines[start + 2 :][0].split() == ["strategy", "tone"]
    assert [line.split() for line in lines[start + 4 : start + 6]] == [["advanced", "50.0", "%"], ["28.4…71.6"]]
    assert lines[start + 8].startswith("light (control)")


def test_the_terminal_says_nothing_of_other_rubrics_where_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_summary(run(Talk(), **summary(own_rubrics={})))

    assert "Other rubrics" not in capsys.readouterr().out


def test_a_strategy_that_was_not_asked_says_so_in_the_terminals_table() -> None:
    found = {"strategies": STRATEGIES, "base": "advanced", **summary()}
    del found["own_rubrics"]["tone"]["two-step"]
    found["own_rubrics"]["brevity"] = {"two-step": {"share": estimate(0.75)}}
    shown = preferences.own_shares(found)

    assert shown is not None
    assert shown.heads == ("strategy", "tone", "brevity")
    assert cells(shown, 1) == ["not asked", "75.0 %"]
    assert cells(shown)[1] == "not asked"


def test_criteria_that_a_table_names_by_id_are_written_out_above_it() -> None:
    found = run(Talk(), **summary())
    rubric = {**RUBRIC, "metrics": ["tone"], "criteria": {"warm": "The answer is warm.", "other": "Unasked."}}
    page = Tags(page_of(Run(found.path, found.about | {"rubrics": [rubric]}, found.tables, found.summary))).words

    assert "tone, warm: The answer is warm." in page
    assert "Unasked." not in page


# --- hostile words -------------------------------------------------------------------------


def hostile(text: str) -> Run:
    rename = dict.fromkeys(("strict", "mine", "pairs", "tone", "warm", "model", "not_json"), text) | {
        "mild": text + "2", "pairs": text + "3"
    }  # fmt: skip
    found = run(Talk(), **summary(rename))
    row = {"target": text, "reason": text, "evidence": text, "grader": text, "rubric": text}
    return with_verdicts(found, *({**row, "metric": metric, "value": 0.0, "turn": turn}
                                  for metric, turn in (("correctness", 1), (text, 1), ("preference", 2),
                                                       ("supported_specifics", 2), ("resolution", None))))  # fmt: skip


def test_what_judges_say_and_are_called_is_text_on_every_page() -> None:
    made = pages(hostile(HOSTILE))
    page = Tags(str(made["report.html"]))

    assert len(page.named("script")) == 1
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "\u202e" not in page.words
    assert "{{7*7}}" in page.words
    assert "<script>" not in str(made["report.md"])


def test_backticks_pipes_and_line_breaks_do_not_break_a_table_of_the_short_report() -> None:
    page = str(pages(hostile(BREAKS))["report.md"])
    section = page[page.index("## Judges") : page.index("## Not measured")]

    assert r"a \`b\` \| c \# d" in section
    assert "\n# d" not in page
    for block in re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE):
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_what_a_terminal_shows_of_judges_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_summary(hostile(HOSTILE))

    out = capsys.readouterr().out
    assert "judged: 264 criteria by" in out
    assert "\u202e" not in out
    assert "\x00" not in out
