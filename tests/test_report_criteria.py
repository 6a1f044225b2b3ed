"""Criteria on a page: an id stands beside the words that it is the id of."""

from __future__ import annotations

from ladder_bench import folder
from ladder_bench.corpus import kept
from ladder_bench.domain import Constraint, Conversation, Criterion, Intent, Message, Statement, Turn
from ladder_bench.folder import Run
from ladder_bench.report import transcripts
from ladder_bench.report.criteria import Criteria
from ladder_bench.report.grades import SHORT, Grade
from report_runs import HOSTILE, Tags, Talk, page_of, run

INTENT = Intent(
    goal=Statement("Find the leak."),
    constraints=(Constraint(Criterion("k1", "constraint", "Never restarts the server.")),),
    blocking_unknowns=(Statement("Which version?", "u1"), Statement("Which host?")),
    output_contract=Statement("Five lines at most."),
)


def talk(first: str = "Names the lock.", second: str = "Names the index.") -> Conversation:
    """The conversation behind a run's talk-1, whose turns are graded by c1 and c2."""
    return Conversation(
        "talk-1",
        tuple(
            Turn(
                number, Message.plain("user", "A question."), criteria=(Criterion(f"c{number}", "correctness", words),)
            )
            for number, words in ((1, first), (2, second))
        ),
        intent=INTENT,
    )


def keeping(found: Run, *rows: tuple[str, str]) -> Run:
    """The run with the conversations that its folder keeps."""
    return Run(
        found.path,
        found.about,
        {**found.tables, "conversations": folder.table("conversations", list(rows))},
        found.summary,
    )


def whole(conversation: Conversation, found: Run | None = None) -> Run:
    return keeping(found or run(Talk()), (conversation.id, kept.to_json(conversation)))


def words(found: Run, metric: str, target: str, step: int = 1, **more: str) -> str:
    verdict = {"conversation": "talk-1", "metric": metric, "target": target, **more}
    return Criteria(found, ["talk-1"]).words(verdict, step)


def test_a_page_shows_a_criterions_words_and_its_id_beside_them() -> None:
    page = page_of(whole(talk()))

    assert '<th scope="row">Names the lock. <span class="tag">critical</span> <small>c1 · correctness</small>' in page
    assert "Names the index." in Tags(page).words


def test_what_is_missed_is_listed_by_how_its_words_begin() -> None:
    found = whole(talk(first="Names " + "the lock and " * 20), run(Talk(gains=0.0)))
    page = Tags(page_of(found)).words

    assert "0 of 1 met; not met: Names the lock and the lock and" in page
    assert len(Grade("c1", "", "met", "", False, words="Names " + "the lock and " * 20).short) <= SHORT + 2
    assert Grade("c1", "", "met", "", False).short == "c1"


def test_without_the_conversations_ids_stand_alone() -> None:
    older, empty = run(Talk()), keeping(run(Talk()))
    strange = keeping(run(Talk()), ("talk-1", '{"id": "talk-1"}'))

    assert '<th scope="row">c1 <span class="tag">critical</span> <small>correctness</small>' in page_of(older)
    assert page_of(older) == page_of(empty) == page_of(strange)


def test_the_words_are_those_of_the_recorded_turn_and_of_the_kind() -> None:
    found = whole(talk())

    assert words(found, "correctness", "c2", 2) == "Names the index."
    assert words(found, "correctness", "c2", 1) == ""
    assert words(found, "completeness", "c2", 2) == ""
    assert words(found, "correctness", "c9", 1) == ""


def test_constraints_openings_and_formats_have_the_words_of_the_intent() -> None:
    found = whole(talk())

    assert words(found, "active_constraint", "k1") == "Never restarts the server."
    assert words(found, "alignment_at_2", "k1", 2) == "Never restarts the server."
    assert words(found, "alignment_at_1", "goal") == "Works towards the goal: Find the leak."
    assert words(found, "alignment_at_1", "u1") == "Asks about this, or states an assumption: Which version?"
    assert words(found, "alignment_at_1", "Which host?").endswith("Which host?")
    assert words(found, "output_contract", "output_contract") == "Five lines at most."


def test_a_rubrics_own_criterion_has_the_rubrics_words() -> None:
    found = whole(talk())
    about = found.about | {"rubrics": [{"id": "tone", "criteria": {"c1": "The answer is warm."}}, {"id": "older"}]}
    asked = Run(found.path, about, found.tables, found.summary)

    assert words(asked, "tone", "c1", rubric="tone") == "The answer is warm."
    assert words(asked, "correctness", "c1", rubric="") == "Names the lock."
    assert words(asked, "correctness", "c1", rubric="older") == "Names the lock."


def test_a_played_turn_has_the_words_of_the_step_that_it_is_about() -> None:
    found = whole(talk())
    turns = found.tables["turns"]
    steps = turns.set_column(turns.column_names.index("step"), "step", [[1] * len(turns)])
    played = Run(found.path, found.about, {**found.tables, "turns": steps}, found.summary)
    second = transcripts.collect(played, ["talk-1"], ["advanced"])[0].exchanges[1].answers[0]

    assert [each.words for each in second.grades] == [""]  # c2 is of the second step


def test_hostile_words_are_text_and_long_ones_are_cut() -> None:
    page = page_of(whole(talk(first=HOSTILE, second="y" * 5_000)))
    tags = Tags(page)

    assert len(tags.named("script")) == 1
    assert not tags.named("img")
    assert "\u202e" not in tags.words
    assert "y" * 1_000 + " …" in page
    assert "y" * 1_001 not in page
