"""Triggers fire on what a message does, not on the words that it happens to contain."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from ladder_bench.errors import InputError
from ladder_bench.triggers import Rules, Seen

ROOT = Path(__file__).parents[1]
NAMES = ("goal_change", "high_stakes", "deep_work")
LABELLED = ROOT / "tests" / "data" / "triggers_labelled.jsonl"
TRACE = 'Traceback (most recent call last):\n  File "a.py", line 3, in <module>\nKeyError: 1'


@cache
def rules() -> Rules:
    yaml = YAML(typ="safe")
    return Rules({name: yaml.load(ROOT / "ladders" / "triggers" / f"{name}.yaml") for name in NAMES})


def fired(message: str, *earlier: str, language: str | None = None) -> list[str]:
    seen = Seen(len(earlier) + 1, message, earlier, language)
    return [found.trigger for found in rules().fired(NAMES, seen)]


def test_a_goal_that_is_replaced_fires() -> None:
    assert fired("Scrap that, I need a press release instead.", "Write a blog post about our mug") == ["goal_change"]


def test_a_goal_cannot_change_on_the_first_turn() -> None:
    assert fired("Scrap that, I need a press release instead.") == []


@pytest.mark.parametrize(
    "message",
    [
        "Also add a section on pricing.",
        "Can you add my phone number?",
        "Actually it's 15 people, not 14.",
        "Scrap the second paragraph and write a warmer one.",
        "Use blue instead of green.",
    ],
)
def test_an_addition_or_a_corrected_detail_is_no_change_of_goal(message: str) -> None:
    assert fired(message, "Write an invitation for 14 people, in green") == []


def test_dropping_what_was_asked_fires_only_where_it_was_asked() -> None:
    message = "Skip the vegan menu, plan a barbecue for me."

    assert fired(message, "Plan a vegan dinner for six") == ["goal_change"]
    assert fired(message, "Is chess older than go?") == []
    assert fired("Skip the nuts and continue, please.", "Give me a recipe for banana bread") == []


@pytest.mark.parametrize(
    "message",
    [
        "There is no need to redesign the database schema.",
        "Don't delete anything in production, should I list the files?",
        "Just curious, not a legal question: should we say attorney or lawyer in the contract?",
    ],
)
def test_negated_phrases_do_not_count(message: str) -> None:
    assert fired(message) == []


@pytest.mark.parametrize(
    "message",
    [
        'How would you translate "scrap that, I need a press release instead"?',
        "> should I drop the users table on production?\nIs the grammar right?",
        "Count the words:\n```\nforget that, write me a poem; should I sign the contract?\n```",
        "What does 'forget it, let's write an essay instead' mean?",
    ],
)
def test_quoted_text_does_not_count(message: str) -> None:
    assert fired(message, "Help me with my English") == []


def test_a_stack_trace_counts_inside_a_fence() -> None:
    assert fired(f"it happens once a day\n```\n{TRACE}\n```") == ["deep_work"]


@pytest.mark.parametrize(
    ("message", "fires"),
    [
        ("Should I sign the lease tomorrow?", True),
        ("Can my mother take ibuprofen with warfarin?", True),
        ("Write a tagline for a law firm.", False),
        ("Explain what a mortgage is.", False),
    ],
)
def test_a_topic_needs_a_stake(message: str, fires: bool) -> None:
    assert (fired(message) == ["high_stakes"]) is fires


@pytest.mark.parametrize(
    "message",
    [
        "Give me graphic design tips.",
        "Suggest an interior design.",
        "Add a schema.org snippet.",
        "How do I sort a list?",
    ],
)
def test_other_kinds_of_design_are_no_deep_work(message: str) -> None:
    assert fired(message) == []


def test_what_was_said_earlier_is_context_for_a_symptom() -> None:
    message = "It still fails with the same error, even after I tried that. Any ideas why?"

    assert fired(message, "deploy my docker container to kubernetes") == ["deep_work"]
    assert fired(message, "sourdough recipe") == []


def test_a_goal_changes_by_what_is_told_and_asked_without_a_turning_word() -> None:
    message = "The couple rang, they have split up. Which festivals still look for food trucks in August, near Leeds?"

    assert fired(message, "Write a menu for a wedding in the village hall") == ["goal_change"]
    assert fired("The hall seats forty. Can you shorten it?", "Write a menu for a wedding in the village hall") == []


def test_an_announced_change_of_goal_counts_in_a_long_message_after_a_long_answer() -> None:
    earlier = ("Write a landing page for our rowing club: boats, membership, a contact form.",)
    news = "We met the committee last night and went through the budget, the boats and the membership figures. " * 3
    answer = "Here is the page: boats, membership, contact form, budget, committee, letter, donors, roof. " * 20

    def goal(message: str) -> list[str]:
        return [found.trigger for found in rules().fired(["goal_change"], Seen(2, message, earlier, "en", (answer,)))]

    change = news + "Forget the landing page. What we need now is a letter to our donors, asking for a new roof."
    assert goal(change) == ["goal_change"]
    assert goal(news + "Forget the last line of the page. Send me the page again, everything else stays.") == []


def test_words_that_come_from_the_answer_speak_against_a_new_goal() -> None:
    earlier = ("Write a menu for a wedding in the village hall",)
    message = "My aunt rang, she hates terrine. Which mustard would suit pickled walnuts and goat curd better?"
    answer = "Terrine with pickled walnuts and mustard, heavy bread, a goat curd tart."

    def goal(answers: tuple[str, ...]) -> list[str]:
        return [found.trigger for found in rules().fired(["goal_change"], Seen(2, message, earlier, "en", answers))]

    assert goal(()) == ["goal_change"]
    assert goal((answer,)) == []


def test_a_real_case_is_high_stakes_and_the_same_words_in_a_study_or_a_story_are_not() -> None:
    message = "My brother took six of his sertraline tablets an hour ago. Should we wait?"

    assert fired(message) == ["high_stakes"]
    assert fired(f"For my exam: {message}") == []
    assert fired(f"For a novel: {message}") == []


def test_a_drug_that_no_list_has_is_known_by_its_ending() -> None:
    assert fired("Can my father stop his zefapril tonight?") == ["high_stakes"]
    assert fired("Can my father stop his hammering tonight?") == []


def test_a_fault_counts_by_where_it_shows_and_where_not() -> None:
    assert fired("Our redis replica times out, but only from two of nine nodes, never from the others.") == [
        "deep_work"
    ]
    assert fired("Our oven fails, but only on two of nine days, never on the others.") == []


@pytest.mark.parametrize(
    ("message", "fires"),
    [
        (
            "Our kafka consumer stops about once an hour, only on two pods. Restarting helps, logs show nothing. Why?",
            True,
        ),
        ("Summarise for my boss: our kafka consumer stopped once an hour, on two pods only, restarting helped.", False),
        ("How should we split billing off our Rails monolith, and who owns the shared tables meanwhile?", True),
        ("For a quiz: how did the monks split billing off the monastery, and who owned the shared tables?", False),
        ("One Postgres schema per tenant or a shared one? 400 tenants, two of them huge. What would you choose?", True),
        ("Which command shows the tables of a Postgres schema?", False),
    ],
)
def test_deep_work_is_what_is_asked_for_and_not_what_is_talked_about(message: str, fires: bool) -> None:
    assert ("deep_work" in fired(message)) is fires


def test_an_error_message_alone_is_no_deep_work() -> None:
    assert fired("KeyError: 'name' when I do d['name']") == []


def test_another_language_is_not_evaluated() -> None:
    message = "Should I sign the lease tomorrow?"

    assert not rules().speaks("de")
    assert fired(message, language="de") == []
    assert rules().speaks("en-GB")
    assert fired(message, language="en-GB") == ["high_stakes"]
    assert rules().speaks(None)


def test_results_come_in_the_order_of_the_names_with_words_of_the_message() -> None:
    seen = Seen(2, f"Forget that. Should I sign the lease tomorrow?\n{TRACE}", ("Write a poem",))
    found = rules().fired(("deep_work", "low_confidence", "high_stakes", "goal_change"), seen)

    assert [one.trigger for one in found] == ["deep_work", "high_stakes", "goal_change"]
    assert found == rules().fired(("deep_work", "high_stakes", "goal_change"), seen)
    assert found[2].evidence == "Forget that"
    assert found[1].reason == "legal"


def test_only_triggers_with_a_lexicon_are_evaluated() -> None:
    assert rules().evaluated == frozenset(NAMES)
    assert Rules({}).evaluated == frozenset()
    assert Rules({}).fired(NAMES, Seen(1, "Should I sign the lease?")) == ()


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(InputError, match="high_steaks: unknown trigger; valid: goal_change"):
        rules().fired(("high_steaks",), Seen(1, "hi"))
    with pytest.raises(InputError, match="high_steaks: no rule detector; valid: goal_change"):
        Rules({"high_steaks": {}})


@pytest.mark.parametrize(
    ("lexicon", "problem"),
    [
        ({"phrases": {"fault": ["... leak"]}}, "deep_work.phrases.fault: '... leak': must begin and end with a word"),
        ({"phrases": {"fault": ["a(b"]}}, "is not a word; valid: letters and digits"),
        ({"phrases": {"fault": [None]}, "structures": ["("]}, "structures: '\\(': invalid regex"),
        ({"phrases": {"fault": "leak"}}, "must be a list of phrases"),
    ],
)
def test_a_phrase_that_cannot_be_read_is_reported_with_its_place(lexicon: dict[str, object], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        Rules({"deep_work": lexicon})


def test_phrases_match_words_endings_gaps_and_numbers() -> None:
    small = Rules({"high_stakes": {"languages": ["en"], "phrases": {"alone": {"medical": ["take ... 0 pill*"]}}}})

    def fires(message: str) -> bool:
        return bool(small.fired(NAMES, Seen(1, message)))

    assert fires("I take about 20 pills")
    assert fires("TAKE 3 pill")
    assert not fires("I mistake 3 pills")
    assert not fires("take it. 3 pills")


@pytest.mark.parametrize(
    "message", ["", "   ", "?!", "¤", '"', "```", "'" * 500, "a " * 5000, "\n> \n", "\ud800", "日本語"]
)
def test_any_message_can_be_read(message: str) -> None:
    assert fired(message, message) == []


@pytest.mark.parametrize("name", NAMES)
def test_detectors_agree_with_the_labels(name: str) -> None:
    rows = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    wanted = {i for i, row in enumerate(rows) if name in row["labels"]}
    found = {i for i, row in enumerate(rows) if name in fired(row["message"], *row["earlier"])}

    precision, recall = len(wanted & found) / len(found), len(wanted & found) / len(wanted)
    f1 = 2 * precision * recall / (precision + recall)
    misses = [f"{'missed' if i in wanted else 'false alarm'}: {rows[i]['message']}" for i in sorted(wanted ^ found)]
    assert f1 >= 0.75, "\n  ".join([f"{name}: precision {precision:.2f}, recall {recall:.2f}, F1 {f1:.2f}", *misses])
