"""The pages of a run: what they say, what they never say, and that content cannot act in them."""

from __future__ import annotations

import base64
import hashlib
import re

import pytest

from ladder_bench.corpus import Corpus
from ladder_bench.domain import Conversation, Ladder, Message, Price, Step, Tier, Turn
from ladder_bench.folder import Run
from ladder_bench.forecast import Again, Plan, Range, Route, Sending
from ladder_bench.plan import Dropped, Strategies
from ladder_bench.report import markdown, pages, table, terminal, text, transcripts
from ladder_bench.tiers import Tiers
from report_runs import HOSTILE, NO_CHECKS, STRATEGIES, UNSCORED, Tags, Talk, estimate, page_of, run

# --- safety --------------------------------------------------------------------------------


def test_hostile_text_is_text_on_every_page() -> None:
    hostile = Talk(
        HOSTILE, said=HOSTILE, asked=HOSTILE, fired=[{"trigger": HOSTILE, "reason": HOSTILE, "evidence": HOSTILE}]
    )
    names = tuple({**each, "name": HOSTILE + each["name"]} for each in STRATEGIES)
    found = run(
        hostile, strategies=names, banners=[HOSTILE], dataset=HOSTILE, dropped=[{"name": HOSTILE, "reason": HOSTILE}]
    )

    page = Tags(page_of(found))

    assert len(page.named("script")) == len(page.named("style")) - 1 == 1  # ours, and the figure's own style
    assert not page.named("img")
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert "{{7*7}}" in page.words
    assert "⟨U+202E⟩gnihton⟨U+0000⟩" in page.words
    assert "\u202e" not in page.words
    assert "<script>" not in str(pages(found)["pareto.svg"])
    assert "<script>" not in str(pages(found)["report.md"])


def test_the_policy_forbids_everything_but_our_own_script() -> None:
    page = page_of(run(Talk()))

    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert policy
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert "default-src &#39;none&#39;" in policy[1]
    assert f"&#39;sha256-{digest}&#39;" in policy[1]


def test_the_page_refers_to_nothing_outside_itself() -> None:
    page = Tags(page_of(run(Talk(said="see https://example.org/a.png"))))

    links = [
        value
        for _, attributes in page.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href")
    ]
    assert links
    assert all(link and link.startswith("#") for link in links)


def test_every_link_and_label_has_its_target() -> None:
    page = Tags(page_of(run(Talk(), strategies=UNSCORED)))

    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    wanted = [attributes["href"] for attributes in page.named("a")]
    wanted += [
        f"#{attributes['aria-labelledby']}" for attributes in page.named("section") if "aria-labelledby" in attributes
    ]
    assert {target[1:] for target in wanted if target} <= set(ids)
    assert len(ids) == len(set(ids))


def test_a_template_in_content_is_not_rendered() -> None:
    assert "49" not in markdown.plain("{{7*7}}")
    assert markdown.plain("a | b <b>") == r"a \| b \<b\>"


# --- sameness ------------------------------------------------------------------------------


def test_the_same_run_gives_the_same_bytes() -> None:
    assert pages(run(Talk(), Talk("talk-2"))) == pages(run(Talk(), Talk("talk-2")))


# --- the page ------------------------------------------------------------------------------


def test_the_page_shows_verdict_banners_and_what_is_missing() -> None:
    words = Tags(page_of(run(Talk()))).words

    assert "two-step is the cheapest that keeps quality." in words
    assert "simulated tiers: these numbers illustrate the tool" in words
    assert "nobody reported usage" in words
    assert "a recording cannot read" in words


def test_a_missing_value_is_named_with_its_reason_and_never_0() -> None:
    found = table.table(run(Talk(), strategies=UNSCORED).summary)

    cell = found.cell(found.rows[0], "quality")
    assert cell.value == "n/a"
    assert found.notes[(cell.note or 0) - 1] == NO_CHECKS


def test_a_value_without_interval_says_why() -> None:
    metrics = STRATEGIES[0]["metrics"] | {"quality": estimate(0.9, None, n=13)}
    found = table.table(run(strategies=({**STRATEGIES[0], "metrics": metrics}, *STRATEGIES[1:])).summary)

    cell = found.cell(found.rows[0], "quality")
    assert (cell.interval, cell.extra) == ("no interval", "n = 13")
    assert found.notes == ("no interval: 13 conversations, 20 are needed",)


def test_n_is_said_once_where_it_is_the_same() -> None:
    found = table.table(run().summary)

    assert found.n == 20
    assert not any(cell.extra for row in found.rows for cell in row.cells)


def test_nothing_is_said_about_intervals_that_nobody_has() -> None:
    few = tuple({**each, "metrics": {"quality": estimate(0.9, None, n=1), "cost_usd_warm": estimate(0.01, None, n=1)}}
                for each in STRATEGIES)  # fmt: skip

    page = table.table(run(strategies=few, base=None).summary)
    assert page.basis == "n = 1 conversation unless a cell says otherwise. No value has an interval."


def test_a_run_without_conversations_that_were_answered_still_has_pages() -> None:
    page = page_of(run(Talk(turns=1, failure="timeout: no answer in 60 s")))

    assert "Not answered: timeout: no answer in 60 s" in Tags(page).words


# --- transcripts ---------------------------------------------------------------------------


def test_the_largest_difference_comes_first() -> None:
    found = run(Talk("same"), Talk("differs", gains=0.0))

    assert [name for name, _ in transcripts.ranked(found, ("advanced", "two-step"))] == ["differs", "same"]


def test_without_quality_conversations_keep_their_order() -> None:
    found = run(Talk("b"), Talk("a"))
    tables = {**found.tables, "verdicts": found.tables["verdicts"].slice(0, 0)}

    assert transcripts.ranked(Run(found.path, found.about, tables, found.summary), ("advanced",)) == [
        ("b", None),
        ("a", None),
    ]


def test_base_verdict_and_cheapest_tier_are_compared() -> None:
    assert transcripts.compared(run()) == ("advanced", "two-step", "light")


def test_a_handoff_shows_where_it_came_from_and_the_memory_but_not_twice() -> None:
    shown = transcripts.collect(run(Talk()), ["talk-1"], ["two-step"])[0]

    turn = shown.exchanges[1]
    assert turn.user == transcripts.Passage("A question. 2")
    assert turn.answers[0].came_from == "advanced"
    assert turn.answers[0].memory == transcripts.Passage("Goal: be short")


def test_a_frame_is_shown_apart_from_the_answer() -> None:
    framed = "[frame]\ngoal: a table\n[/frame]\nHere it is."

    shown = transcripts.collect(run(Talk(said=framed)), ["talk-1"], ["advanced"])[0].exchanges[0].answers[0]
    assert shown.frame == transcripts.Passage("goal: a table")
    assert shown.text == transcripts.Passage("Here it is. advanced 1")


def test_a_long_answer_is_cut_and_says_so() -> None:
    words = Tags(page_of(run(Talk(said="x" * 50_000)))).words

    assert "more characters are in messages.parquet" in words
    assert "x" * 9_000 not in words


def test_conversations_are_capped_and_the_rest_counted() -> None:
    page = Tags(page_of(run(*(Talk(f"talk-{number}") for number in range(20)))))

    assert "8 of 20 conversations are left out" in page.words
    assert sum(attributes.get("class") == "conversation" for attributes in page.named("details")) == 12


def test_the_size_of_all_conversations_is_capped() -> None:
    talks = [Talk(f"talk-{number}", turns=8, said="&" * 3_000) for number in range(12)]

    page = page_of(run(*talks))
    assert 1 <= page.count('<details class="conversation"') < 12
    assert len(page) < 2_000_000


# --- numbers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (0.92561, "score", "0.926"), (1.0, "score", "1.00"), (0.03367, "usd", "$0.0337"),
        (0.000137, "usd", "$0.000137"),
        (12.5, "usd", "$12.50"), (1234.5, "usd", "$1,234.50"), (9831.8, "count", "9,830"), (0.256, "share", "25.6 %"),
        (-0.5, "rate", "−0.500"), (0.0, "rate", "0"), (5.731, "seconds", "5.73 s"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value: float, unit: text.Unit, shown: str) -> None:
    assert text.quantity(value, unit) == shown


def test_an_interval_has_the_precision_of_its_value() -> None:
    assert text.interval(0.0383, 0.00139, 0.0753, "rate") == "0.0014 to 0.0753"
    assert text.points_interval(-0.127, 0.0131) == "−12.7 to +1.3"


# --- Markdown and the terminal -------------------------------------------------------------


def test_markdown_is_short_and_whole() -> None:
    page = pages(run())["report.md"]
    assert isinstance(page, str)

    assert [line for line in page.splitlines() if line.startswith("#")] == [
        "# small: ladder-bench report", "## Strategies", "## Not measured", "## Dropped", "## How this was measured",
    ]  # fmt: skip
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len({row.replace("\\|", "").count("|") for row in rows}) == 1
    assert rows[3] == (
        "| 2 | two-step | 0.910 (0.860 to 0.960) | −1.0 (−3.0 to +1.0) | $0.0100 (0.0090 to 0.0110) | 33.3 % | "
        "0.600 (0.400 to 0.800) | 0.500 (0.300 to 0.700) | 1.50 (1.30 to 1.70) | front |"
    )
    assert "- billed cost: n/a, nobody reported usage" in page


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, found: Run, columns: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    terminal.print_summary(found)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_the_terminal_shows_verdict_table_and_what_is_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert printed(capsys, monkeypatch, run(), 120) == TERMINAL.strip("\n").splitlines()


def test_a_narrow_terminal_cuts_nothing_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(capsys, monkeypatch, run(), 80)

    assert all(len(line) <= 80 for line in lines)
    assert any("0.400…0.800" in line for line in lines)
    assert "dominated" in "\n".join(lines)


def test_the_terminal_shows_content_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple({**each, "name": f"[red]{each['name']}\x1b[31m :smile:"} for each in STRATEGIES)

    whole = "\n".join(printed(capsys, monkeypatch, run(strategies=names), 200))
    assert "\x1b" not in whole
    assert "[red]two-step⟨U+001B⟩[31m :smile:" in whole


TERMINAL = """
two-step is the cheapest that keeps quality.
! simulated tiers: these numbers illustrate the tool

strategy                   Q   dQ, points           $ each   share     resolved  escalations   handoffs  pareto
──────────────────────────────────────────────────────────────────────────────────────────────────────────────────
advanced               0.920         base          $0.0300   100 %        0.600        0.500       1.50  undecided
                 0.870…0.970                 0.0270…0.0330          0.400…0.800  0.300…0.700  1.30…1.70
two-step               0.910         −1.0          $0.0100  33.3 %        0.600        0.500       1.50  front
                 0.860…0.960    −3.0…+1.0    0.0090…0.0110          0.400…0.800  0.300…0.700  1.30…1.70
light (control)        0.700        −22.0         $0.00200   6.7 %        0.600        0.500       1.50  dominated
                 0.650…0.750  −24.0…−20.0  0.00180…0.00220          0.400…0.800  0.300…0.700  1.30…1.70
n = 20 conversations unless a cell says otherwise. Below each value its 95 % interval over conversations. $ each: USD a
conversation, warm cache.
dQ: Q against advanced, paired, in points of 0.01. share: of its cost, a ratio of means.

dropped, with reasons in the report: advanced + pack
not measured, with reasons in the report: billed cost
calls: 5 distinct for 8 answers; 5 made, 0 from the store; spent $0
report: run/report.html
"""


# --- the plan ------------------------------------------------------------------------------


def plan() -> Plan:
    tiers = (
        Tier(
            "advanced",
            "openai/gpt-x",
            {"api_base": "https://llm.example:8443/v1", "api_key_env": "SECRET_NAME"},
            Price(1, 2),
        ),
        Tier("light", "simulated/light", {}, Price(1, 2)),
    )
    talk = Conversation(
        "talk-1", (Turn(1, Message("user", "hi")), Turn(2, Message("user", "go")), Turn(3, Message("user", "on")))
    )
    route = Route(
        "two-step", "talk-1", ("advanced", "advanced", "light"),
        ("step 1", "goal_change: the goal is replaced", "step 2"), (True, True, False), (False, True, False),
    )  # fmt: skip
    ladder = Ladder("two-step", (Step("advanced", 1), Step("light")))
    sending = Sending("advanced", 2, Range(100, 120), Range(20, 40), Range(0.01, 0.02), 0.5)
    return Plan(
        corpus=Corpus("small", (talk,), "d" * 64),
        strategies=Strategies((ladder,), (Dropped("advanced + pack", "a recording cannot read"),)),
        tiers=Tiers(tiers, "t.yaml"),
        notes=(),
        routes=(route,),
        distinct=3,
        unshared=4,
        stored=1,
        to_send=(sending,),
        simulated=(),
        again=Again(),
    )


def test_a_plan_counts_turns_by_tier_and_what_is_not_known_yet() -> None:
    found = terminal.plan_json(plan(), None)

    assert found["strategies"] == [
        {"name": "two-step", "controls": False, "turns": {"advanced": 2}, "uncertain_turns": 1, "escalations": 1}
    ]
    assert found["calls"] == {"distinct": 3, "unshared": 4, "stored": 1}
    assert found["usd"] == {"low": 0.01, "high": 0.02}
    assert found["dropped"] == [{"name": "advanced + pack", "reason": "a recording cannot read"}]
    assert "routes" not in found


def test_an_explained_plan_holds_the_route_of_every_turn() -> None:
    turns = terminal.plan_json(plan(), "talk-1")["routes"][0]["turns"]

    assert turns[2] == {"turn": 3, "tier": "light", "reason": "step 2", "certain": False}


def test_a_plan_says_who_would_receive_what_without_its_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.print_plan(plan(), "talk-1")

    out = capsys.readouterr().out
    assert "advanced: openai/gpt-x receives the conversations, at llm.example:8443" in out
    assert "light: simulated/light, in this process; receives nothing" in out
    assert "dollars to pay: $0.0100 to $0.0200" in out
    assert "turn 3  light ?   step 2" in out
    assert "secret" not in out
