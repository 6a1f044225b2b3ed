"""The sections of the pages: what parts buy, handoffs, triggers, validity, cost and contract, and what they never say."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import Any

import pytest

from ladder_bench.domain import Escalation
from ladder_bench.folder import Run
from ladder_bench.report import ablations, grid, handoffs, ledger, pages, purposes, terminal, triggers, validity
from ladder_bench.report.grid import Row, Value, Words
from ladder_bench.report.table import Cell, table
from report_runs import (
    HOSTILE,
    STRATEGIES,
    Tags,
    Talk,
    against,
    comparison,
    estimate,
    handoff,
    lived_rows,
    page_of,
    run,
    sections,
    whole,
    withheld,
)

FIRED = {"trigger": "goal_change", "reason": "the goal is replaced", "evidence": "forget that, instead"}


def with_triggers(found: Run, *names: str) -> Run:
    """The run, with a two-step that listens to the named triggers."""
    opens = asdict(Escalation("advanced", names))
    strategies = [each | {"escalation": opens if each["name"] == "two-step" else None} for each in
                  found.about["strategies"]]  # fmt: skip
    return Run(found.path, found.about | {"strategies": strategies}, found.tables, found.summary)


def cells(found: grid.Grid | None, line: int = 0) -> list[str]:
    """A line's cells as their text, bold ones between stars."""
    assert found
    return [
        each.text or each.mark if isinstance(each, Words) else f"*{each.value}*" if each.strong else each.value
        for each in found.lines[line].cells
    ]


# --- the page as a whole -------------------------------------------------------------------


def test_every_section_is_there_and_linked() -> None:
    page = Tags(page_of(whole(Talk())))

    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert {"ablations", "turns", "handoffs", "triggers", "validity", "cost", "contract"} <= set(ids)
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for attributes in page.named("a")}
    assert all(target and target[1:] in ids for target in targets)


def test_every_table_of_a_section_has_a_caption_and_says_what_its_headings_are_about() -> None:
    page = page_of(whole(Talk()))
    tables = re.findall(r'<table class="grid".*?</table>', page, re.DOTALL)

    assert len(tables) >= 10
    for each in tables:
        assert "<caption>" in each
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", each))


def test_simulated_numbers_are_marked_in_every_table_and_real_ones_in_none() -> None:
    found = whole(Talk())
    real = [tier | {"model": f"openai/{tier['name']}"} for tier in found.about["tiers"]]

    tables = re.findall(r'<table class="grid".*?</caption>', page_of(found), re.DOTALL)
    assert all("simulated tiers" in each for each in tables)
    assert 'class="tag simulated"' not in page_of(Run(found.path, found.about | {"tiers": real}, found.tables,
                                                      found.summary))  # fmt: skip


def test_hostile_names_are_text_in_every_section() -> None:
    rows = [comparison("memory", 0.02, **{"from": HOSTILE, "to": HOSTILE, "strategy": HOSTILE, "base": HOSTILE})]
    routes = [handoff(HOSTILE, HOSTILE, "own", 0.1, strategy=HOSTILE, memory=HOSTILE, against=HOSTILE)]
    given = sections() | {"ablations": [*rows, withheld(HOSTILE, HOSTILE)], "ablations_pooled": rows}
    given["handoffs"] = dict.fromkeys(("by_strategy", "by_tiers", "by_memory"), routes)
    given["triggers"]["by_detector"] = {HOSTILE: given["triggers"]["by_detector"]["rules"]}
    given["escalations"] = {HOSTILE: given["escalations"]["two-step"]}
    talk = Talk(HOSTILE, asked=HOSTILE, fired=[{**FIRED, "evidence": HOSTILE, "reason": HOSTILE}], labels=[],
                heard={"light": HOSTILE}, discarded=HOSTILE, ended=HOSTILE, notes=(HOSTILE,))  # fmt: skip
    found = with_triggers(run(talk, strategies=lived_rows(), **given), "goal_change")

    page = Tags(page_of(found))
    assert len(page.named("script")) == 1
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "\u202e" not in page.words
    assert "<script>" not in str(pages(found)["report.md"])


def test_a_run_of_an_older_version_still_has_its_page() -> None:
    page = page_of(run(Talk()))

    assert "No strategy of this run has triggers" in page
    assert 'id="ablations"' not in page
    assert 'id="contract"' not in page


# --- what each part buys -------------------------------------------------------------------


def test_a_difference_whose_interval_leaves_out_0_is_bold_and_one_that_covers_it_shows_nothing() -> None:
    found = ablations.parts(sections())

    assert found
    assert cells(found.pooled, 0) == ["2 pairs", "*+2.0*", "gains", "*×1.50*", "0.0", "0"]
    assert cells(found.pooled, 1)[1:3] == ["+0.5", "nothing shown"]


def test_what_only_stands_out_alone_says_so() -> None:
    rows = [comparison("memory", -0.02, p_adjusted=0.2)]
    found = ablations.parts({"ablations": rows, "ablations_pooled": rows})

    assert found
    assert cells(found.pooled)[2] == "loses; not once all lines are tested (Holm)"


def test_a_part_that_changes_nothing_anywhere_is_identical_and_no_result() -> None:
    rows = [comparison("guardrails", 0.0, 0.0, cost_ratio=estimate(1.0, 0.0))]
    given = {"ablations": rows, "ablations_pooled": rows}
    found = ablations.parts(given)

    assert found
    assert found.pooled
    assert cells(found.pooled)[2] == "no conversation differs"
    assert [each.interval for each in found.pooled.lines[0].cells if isinstance(each, Cell)][:2] == ["identical"] * 2
    assert ablations.lines(given) == ["guardrails: no conversation differs in Q, n = 20"]


def test_the_better_prompt_stands_apart_from_the_ladder() -> None:
    found = ablations.parts(sections())

    assert found
    assert found.pairs
    assert found.pack
    assert [line.head for line in found.pack.lines] == ["two-step"]
    assert len(found.pairs.lines) == 1


def test_a_comparison_that_may_not_be_made_has_a_reason_and_no_number() -> None:
    found = ablations.parts({"ablations": [withheld("scaffold"), withheld("pack on a single tier")],
                             "ablations_pooled": []})  # fmt: skip

    assert found
    assert (found.pooled, found.pack, found.pairs) == (None, None, None)
    assert found.withheld[0].startswith("Not compared (scaffold, pack on a single tier): forced replay")


def test_forced_pages_claim_nothing_about_framing() -> None:
    given = sections() | {"ablations": [withheld("scaffold")], "ablations_pooled": [], "mode": "forced"}
    rows = tuple(row | {"quality_since_handoff": {}} for row in lived_rows())
    found = run(Talk(), strategies=rows, **given)
    about = found.about | {"mode": "forced"}

    made = pages(Run(found.path, about, found.tables, found.summary))
    words = Tags(str(made["report.html"])).words + str(made["report.md"])
    sentences = [each for each in re.split(r"(?<=[.;:])\s|\n", words) if "framing" in each]
    assert sentences
    assert all("cannot" in each for each in sentences)
    assert "Every turn of a forced replay starts from the recording" in words


# --- along a conversation, and handoffs ----------------------------------------------------


def test_quality_is_shown_by_turn_and_since_a_handoff() -> None:
    words = Tags(page_of(whole(Talk()))).words

    assert "turn 12 and on" in words
    assert "first answer after" in words


def test_a_first_answer_on_the_recording_is_marked_unbiased() -> None:
    found = handoffs.handoffs(sections(prefix="recording"))

    assert found
    assert found.warning is None
    assert found.tiers.lines[0].cells[1] == Words("the recording", "unbiased")
    assert cells(found.tiers)[2:] == ["4 of 4", "+3.0"]


def test_without_any_such_answer_a_line_says_so() -> None:
    found = handoffs.handoffs(sections(prefix="own"))

    assert found
    assert found.warning
    assert "None of these is marked unbiased" in found.warning


# --- triggers ------------------------------------------------------------------------------


def test_a_trigger_says_how_often_it_was_right_and_what_it_missed() -> None:
    found = triggers.triggers(whole(Talk()))

    assert found
    assert cells(found.detectors[0]) == ["message", "8 of 40", "10", "6", "4", "0.750", "0.600"]


def test_what_climbing_gained_and_cost_stands_with_what_was_refused_and_thrown_away() -> None:
    found = triggers.escalations(sections())

    assert cells(found)[3:6] == ["*+8.0*", "$0.00900", "two-step triggers=none (9 turns)"]


def test_examples_show_the_words_that_fired_and_the_message_that_was_missed() -> None:
    right = Talk("right", fired=[FIRED], labels=["goal_change"])
    wrong = Talk("wrong", fired=[FIRED], labels=[])
    missed = Talk("missed", asked="Now something else.", labels=["goal_change"])
    found = with_triggers(whole(right, wrong, missed), "goal_change")

    kinds = {each.verdict: each for each in triggers.examples(found)}
    assert set(kinds) == {"right", "wrong", "missed"}
    assert kinds["right"].evidence == "forget that, instead"
    assert kinds["missed"].evidence == "Now something else. 2"


def test_a_label_of_a_trigger_that_nobody_listens_to_is_not_missed() -> None:
    found = with_triggers(whole(Talk(labels=["deep_work"])), "goal_change")

    assert list(triggers.examples(found)) == []


# --- validity ------------------------------------------------------------------------------


def test_a_conclusion_that_flips_is_marked_everywhere(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = whole(Talk(), identified=False)
    monkeypatch.setenv("COLUMNS", "120")
    terminal.print_summary(found)
    printed = capsys.readouterr().out

    assert table(found.summary).flagged == ("two-step",)
    assert page_of(found).count("not identified") == 2  # beside the difference, and as the conclusion
    assert "**not identified**" in str(pages(found)["report.md"])
    assert "−1.0‡" in printed
    assert "‡ not identified: depends on" in printed


def test_a_conclusion_that_holds_three_times_is_identified() -> None:
    found = validity.validity(sections() | {"strategies": STRATEGIES, "base": "advanced", "mode": "rollout"},
                              {"tiers": [], "strategies": []})  # fmt: skip

    assert found
    assert cells(found.ways, 1)[-1] == "identified"
    assert cells(found.ways, 0)[-2:] == ["base", ""]


def test_a_run_that_could_not_judge_its_turns_says_why_and_shows_no_table() -> None:
    given = sections()["validity"]
    unjudged = {name: each | {"invalid_turn_share": estimate(None, why="x")}
                for name, each in given["strategies"].items()}  # fmt: skip
    missing = estimate(None, why="simulated user: every message is a reply") | {"rule": "", "strategies": unjudged}
    page = Tags(page_of(whole(Talk(), validity=missing)))

    assert "Not measured: simulated user: every message is a reply." in page.words
    assert "validity" in [attributes.get("id") for _, attributes in page.tags]
    assert not any(attributes.get("id") == "grid-validity" for attributes in page.named("table"))


def recorded(found: Run, off_path: str = "error") -> Run:
    tiers = [
        tier | {"model": "recorded" if tier["name"] == "advanced" else tier["model"], "off_path": off_path}
        for tier in found.about["tiers"]
    ]
    return Run(found.path, found.about | {"tiers": tiers}, found.tables, found.summary)


def test_a_recording_without_a_placebo_is_a_visible_warning() -> None:
    words = Tags(page_of(recorded(whole(Talk())))).words

    assert "No placebo for advanced" in words


def test_the_replay_artefact_is_the_placebo_minus_the_recording() -> None:
    artefact = [{"recorded": "advanced", "placebo": "placebo (again)", "quality": estimate(-0.04, 0.01)}]
    page = Tags(page_of(whole(Talk(), replay_artefact=artefact)))

    assert "placebo (again)" in page.words
    assert "−4.0" in page.words


# --- cost ----------------------------------------------------------------------------------


def test_cost_is_shown_by_purpose_with_the_turns_that_would_eat_a_saving() -> None:
    found = purposes.purposes(sections() | {"strategies": lived_rows(), "base": "advanced"})

    assert found
    assert found.strategies.heads[1:5] == ("answer", "discarded", "memory", "trigger")
    assert cells(found.strategies, 1) == ["$0.0100", "$0.00100", "$0.00100", "$0.00100", "40.0 %", "$0.0200", "3.00"]
    assert cells(found.strategies, 2)[1] == "none"


def test_a_share_of_the_cost_has_its_interval_and_what_would_eat_the_saving_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = whole(Talk())
    monkeypatch.setenv("COLUMNS", "120")
    terminal.print_summary(found)
    lines = capsys.readouterr().out

    share = table(found.summary).rows[1].share
    assert (share.value, share.interval, share.extra) == ("40.0 %", "35.0 to 45.0", "+3.00 turns (2.95 to 3.05)")
    assert "35.0…45.0" in lines
    assert "+3.00" not in lines
    assert "+3.00 turns (2.95 to 3.05)" in page_of(found)


def test_a_share_of_few_conversations_says_why_it_has_no_interval() -> None:
    few = against(-0.01, 0.4) | {"cost": estimate(0.4, None, 3), "break_even_extra_turns": estimate(3.0, None, 3)}
    rows = [STRATEGIES[0], STRATEGIES[1] | {"against_base": few}]
    share = table(run(Talk()).summary | {"strategies": rows}).rows[1].share

    assert (share.interval, share.extra, share.why) == (
        "no interval",
        "",
        "no interval: 3 conversations, 20 are needed",
    )


def test_with_a_played_user_no_sentence_says_that_turns_are_as_recorded() -> None:
    given = sections() | {"strategies": lived_rows(), "base": "advanced"}
    replayed, played = (purposes.purposes(given | {"mode": mode}) for mode in ("rollout", "simulated"))

    assert replayed
    assert "as many user turns as the recording" in replayed.strategies.caption
    assert played
    assert "as many user turns as the recording" not in played.strategies.caption


def test_calls_of_evaluation_that_cost_nothing_are_not_nothing() -> None:
    given = sections() | {"strategies": lived_rows(), "base": "advanced", "evaluation_usd": 0.0,
                          "evaluation_by_purpose": {"judge": 0.0, "user": 0.0}}  # fmt: skip
    free = purposes.purposes(given | {"evaluation_calls": {"judge": 0, "user": 1111}})
    none = purposes.purposes(given | {"evaluation_calls": {"judge": 0, "user": 0}})

    assert free
    assert free.evaluation.endswith("which no strategy pays for: $0 (playing the user $0 in 1,111 calls).")
    assert none
    assert none.evaluation.startswith("Evaluation ledger: no calls.")


def test_a_saving_that_is_none_has_no_turns_to_eat_it() -> None:
    rows = lived_rows()
    spends = rows[1]["against_base"] | {"break_even_extra_turns": estimate(None, why="it saves nothing")}
    found = purposes.purposes(sections() | {"strategies": [rows[0], rows[1] | {"against_base": spends}],
                                            "base": "advanced"})  # fmt: skip

    assert found
    assert cells(found.strategies, 1)[-1] == "nothing is saved"


def test_evaluation_is_a_ledger_of_its_own() -> None:
    found = whole(Talk(ended="satisfied"))

    assert {each.purpose for each in ledger.spending(found.tables)} == {"answer"}
    assert [(each.purpose, each.calls) for each in ledger.spending(found.tables, evaluation=True)] == [("user", "6")]
    assert "which no strategy pays for: $1.25 (judges $1.00, playing the user $0.250)" in Tags(page_of(found)).words


# --- contract ------------------------------------------------------------------------------


def test_the_contract_shows_who_was_asked_and_what_came() -> None:
    page = page_of(whole(Talk()))
    found = {name: re.search(rf'<table class="grid" id="grid-{name}".*?</table>', page, re.DOTALL)
             for name in ("scaffold-part", "guardrail", "memory")}  # fmt: skip

    text = {name: Tags(match[0]).words for name, match in found.items() if match}
    assert set(text) == set(found)
    assert "two-step" in text["scaffold-part"]
    assert "0.970" in text["scaffold-part"]
    assert "light" in text["guardrail"]
    assert "25.0 %" in text["memory"]
    assert "advanced" not in text["memory"]


# --- grids ---------------------------------------------------------------------------------


def few(n: int) -> dict[str, Any]:
    return estimate(0.5, None, n=n)


def test_a_grid_says_once_why_small_samples_have_no_interval() -> None:
    found = grid.grid("g", "A caption.", ("what", "one", "two"),
                      [Row("a", (Value(few(3), "score"), Value(few(5), "score")))])  # fmt: skip

    assert found
    assert found.notes == ("no interval: 20 conversations are needed",)
    assert [each.extra for each in found.lines[0].cells if isinstance(each, Cell)] == ["n = 3", ""]


def test_a_grid_without_rows_is_none() -> None:
    assert grid.grid("g", "A caption.", ("what",), []) is None


# --- the terminal and Markdown -------------------------------------------------------------


def test_the_terminal_has_a_line_a_part(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    terminal.print_summary(whole(Talk()))

    printed = capsys.readouterr().out
    assert "  memory: +2.0 points (+1.0…+3.0), n = 20\n" in printed
    assert "  guardrails: +0.5 points (−0.5…+1.5), n = 20; nothing shown\n" in printed


def test_many_parts_are_cut_in_the_terminal_and_counted() -> None:
    lines = ablations.lines({"ablations_pooled": [comparison(f"knob {number}", 0.1) for number in range(11)]})

    assert len(lines) == ablations.LINES + 1
    assert lines[-1] == "and 3 more in the report"


def test_markdown_has_the_same_tables_in_short() -> None:
    page = str(pages(whole(Talk()))["report.md"])

    assert [line for line in page.splitlines() if line.startswith("## ")] == [
        "## Strategies", "## What each part buys", "## The first answer after a handoff", "## Triggers",
        "## Replay validity", "## Cost by purpose", "## Not measured", "## Dropped", "## How this was measured",
    ]  # fmt: skip
    assert "| memory | 2 pairs | **+2.0 (+1.0 to +3.0)** | gains |" in page
    tables: list[list[int]] = [[]]
    for line in page.splitlines():
        if line.startswith("|"):
            tables[-1].append(line.replace("\\|", "").count("|"))
        elif tables[-1]:
            tables.append([])
    assert all(len(set(each)) <= 1 for each in tables)


# --- the share of draws on the front -------------------------------------------------------


def front(value: float | None, n: int = 20, why: str | None = None) -> dict[str, Any]:
    return {"front_share": {"value": value, "n": n, "draws": 1000, "why": why}}


def test_the_share_of_draws_on_the_front_stands_below_the_label_and_is_explained_once() -> None:
    found = [front(0.834), front(1.0, 40), front(None, why="held against nothing")]
    shown = run(Talk(), strategies=tuple(each | more for each, more in zip(STRATEGIES, found, strict=True)))
    page, short = page_of(shown), str(pages(shown)["report.md"])

    assert 'undecided</span><small class="whole">83.4 % of draws</small>' in page
    assert 'front</span><small class="whole">100 % of draws, n = 40</small>' in page
    assert "dominated</span><small>n/a: held against nothing</small>" in page
    assert page.count("Below a Pareto label: in how many bootstrap draws") == 1
    assert "| undecided [83.4 % of draws] |" in short
    assert "In square brackets beside a Pareto label: in how many bootstrap draws" in short


def test_without_any_such_share_nothing_is_said_of_draws() -> None:
    few = run(Talk(), strategies=tuple(each | front(None, 4, "no share: 4 conversations") for each in STRATEGIES))

    for found in (few, run(Talk())):
        assert "of draws" not in page_of(found)
        assert "bootstrap draws" not in str(pages(found)["report.md"])
