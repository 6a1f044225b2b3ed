"""What the next tier is told: scaffold, guardrails, memory and context."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from builders import FIRES, MEMORY, conversation, escalation, ladder, lived
from ladder_bench.blocks import MEMORY_OPEN, SECTIONS, asks_for_frame, memory_in
from ladder_bench.cost import count_tokens
from ladder_bench.domain import Handoff
from ladder_bench.handoff import extractive_memory

PACK = {"scaffold": "standard", "guardrails": "standard"}
LONG = conversation("plan my move", "go on", "and the van?", "in May", "fine", "more", "last")


def memories(prompts: list[list[str]]) -> list[str | None]:
    return [memory_in(prompt[-1]) for prompt in prompts]


def test_the_guide_alone_reads_the_scaffold_and_the_others_read_the_guardrails() -> None:
    seen = lived(LONG, ladder(**PACK)).requests

    assert [asks_for_frame(each.system) for each in seen] == [True, True, False, False, False, False, False]
    assert len({each.system for each in seen[:2]}) == len({each.system for each in seen[2:]}) == 1
    assert all(each.system for each in seen)


def test_an_escalated_turn_reads_the_scaffold() -> None:
    talk = conversation("plan", "go on", "next", f"sign it {FIRES}", "thanks")
    seen = lived(talk, ladder(**PACK, escalation=escalation())).requests

    assert [asks_for_frame(each.system) for each in seen] == [True, True, False, True, False]


def test_the_datasets_system_prompt_comes_first_and_stands_alone_without_prompts() -> None:
    talk = conversation("hi", "go on", system="You are a clerk.")

    assert [each.system for each in lived(talk, ladder()).requests] == ["You are a clerk."] * 2
    assert lived(talk, ladder(**PACK)).requests[0].system.startswith("You are a clerk.\n\n")


def test_every_turn_after_a_switch_carries_the_memory_unless_the_guide_answers() -> None:
    talk = conversation("plan", "go on", "next", f"sign it {FIRES}", "thanks", "bye")
    found = memories(lived(talk, ladder(handoff=MEMORY, escalation=escalation())).prompts)

    assert [each is not None for each in found] == [False, False, True, False, True, True]


def test_the_memory_is_never_part_of_the_history() -> None:
    seen = lived(LONG, ladder(handoff=MEMORY)).requests

    assert not any(MEMORY_OPEN in message.content for each in seen for message in each.history.messages)
    assert sum(MEMORY_OPEN in each.now[0].content for each in seen) == 5


def test_without_memory_nothing_is_added() -> None:
    assert memories(lived(LONG, ladder()).prompts) == [None] * 7


def test_the_memory_is_refreshed_on_its_beat_and_keeps_its_words_between() -> None:
    talk = conversation("plan", *(f"it must be thing {n}" for n in range(9)))
    found = memories(lived(talk, ladder("advanced:1", "light", handoff=Handoff("standard", refresh_every=3))).prompts)
    newest = [each and max(n for n in range(9) if f"thing {n}" in each) for each in found]

    assert newest == [None, 0, 0, 0, 3, 3, 3, 6, 6, 6]


def test_a_memory_that_says_the_same_again_keeps_its_beat() -> None:
    talk = conversation("plan", "hm", "hm", "hm", "hm", "it must be red", "hm", "hm", "hm")
    found = memories(lived(talk, ladder("advanced:1", "light", handoff=Handoff("standard", refresh_every=3))).prompts)

    assert [each is not None and "red" in each for each in found] == [False] * 7 + [True] * 2


def test_a_memory_is_written_once_without_refresh() -> None:
    talk = conversation("plan", *(f"it must be thing {n}" for n in range(6)))
    found = memories(
        lived(talk, ladder("advanced:1", "light", handoff=Handoff("standard", refresh_every=None))).prompts
    )

    assert len(set(found[1:])) == 1


def test_full_context_shows_everything_recent_the_last_turns_and_memory_only_nothing() -> None:
    def shown(**context: object) -> list[int]:
        seen = lived(LONG, ladder("advanced:1", "light", handoff=Handoff("standard", **context)))  # type: ignore[arg-type]
        return [len(each.history.messages) for each in seen.requests]

    assert shown(context="full") == [0, 2, 4, 6, 8, 10, 12]
    assert shown(context="recent", recent=2) == [0, 2, 4, 4, 4, 4, 4]
    assert shown(context="memory_only") == [0, 0, 0, 0, 0, 0, 0]


def test_a_shortened_context_is_for_those_who_carry_the_memory() -> None:
    talk = conversation("plan", "go on", f"sign it {FIRES}", "bye")
    only = ladder("advanced:1", "light", handoff=Handoff("standard", context="memory_only"), escalation=escalation())

    assert [len(each.history.messages) for each in lived(talk, only).requests] == [0, 0, 4, 0]


PROSE = ("must be blue.", "use steel.", "I assume it is.", "a table please", "why?")
WORDS = st.sampled_from([*PROSE, "预算不能超过三百欧元。", "🎉" * 9, "x" * 300])
TEXTS = st.lists(WORDS, min_size=1, max_size=6).map(" ".join)


@given(st.lists(TEXTS, min_size=1, max_size=8), st.lists(TEXTS, max_size=8), st.integers(40, 400))
def test_a_memory_keeps_its_limit_and_always_has_a_goal(users: list[str], answers: list[str], limit: int) -> None:
    memory = extractive_memory(users, answers, limit)

    assert len(memory.encode()) <= 3 * limit
    assert memory.startswith("Goal:\n- ")


def test_a_memory_of_english_prose_keeps_its_limit_in_tokens() -> None:
    users = [f"The report for team {n} must be short, and it has to be ready before Friday evening." for n in range(30)]
    answers = [f"So use the template number {n}, because the totals are already in there." for n in range(30)]

    assert 100 < count_tokens(extractive_memory(users, answers, 250)) <= 250


def test_a_memory_has_known_sections_and_keeps_the_newest_items() -> None:
    users = ["Plan a party.", *(f"It must have item {n}." for n in range(80))]
    memory = extractive_memory(users, ["I assume 20 guests. Shall I go on?"], 100)

    assert {line[:-1] for line in memory.splitlines() if line.endswith(":")} <= set(SECTIONS)
    assert "item 79" in memory
    assert "item 0." not in memory


def test_a_replaced_goal_is_the_goal() -> None:
    memory = extractive_memory(["Book a flight to Rome.", "Forget that, find a train to Bern instead."], ["Fine."], 250)

    assert memory.splitlines()[1] == "- Forget that, find a train to Bern instead."
