"""Self-corrections: what takes back an earlier answer, and what only sounds like it."""

import pytest

from ladder_bench.triggers.retractions import challenged, find

RETRACTIONS = [
    "I was wrong about the lock: it is exclusive.",
    "My earlier answer was incorrect.",
    "The previous query I gave you is not quite right.",
    "Correction: the flag is called force.",
    "**Correction:** the flag is called force.",
    "I made a mistake in the second step.",
    "Scratch that, use the other one.",
    "On second thought, keep the table.",
    "Sorry, that should be 15 and not 12.",
    "You're right, I should have asked for the version first.",
    "You are absolutely right, and I apologize for the error.",
    "My apologies, I misspoke.",
    "My apologies for the incorrect information. It is 78 rpm.",
    "I misread your message; the limit is per user.",
    "I take that back.",
    "I said it needs a restart, but that was wrong.",
    "What I told you before was misleading.",
    "Good catch. My mistake. The index goes first.",
]

HARMLESS = [
    "Your query is wrong: it lacks a join.",
    "You made a mistake in line three.",
    "The vendor admitted that they were wrong.",
    "That was not a mistake.",
    "I don't think I made a mistake there.",
    "I was not wrong about the lock.",
    "I'm sorry to hear that your disk failed.",
    "Sorry for the inconvenience; let us look at it.",
    "They said: “I was wrong about the lock.”",
    'Write: "I made a mistake and I am sorry."',
    "```\n# I was wrong, scratch that\n```",
    "> I was wrong\n\nThat is what the log says.",
    "If I made a mistake, tell me.",
    "Correct me if I am wrong, but it is Tuesday.",
    "I could be wrong, so check the manual.",
    "You are right, and the index goes first.",
    "A common mistake is to forget the index.",
    "The correction of the tax return takes a week.",
    "I stand by my earlier answer: it was no mistake.",
    "",
]

CHALLENGES = [
    "that's wrong",
    "are you sure?",
    "no, it should be 15",
    "this doesn't work",
    "still fails with the same error",
    "That doesn't sound right. Can you check that again?",
    "I don't think that's true",
    "you forgot the index",
    "Isn't there another gas?",
    "hmm, your answer is off",
]

CALM = ["thanks, go on", "What is the next step?", "Please write it as a table.", "it works now", "and for Tuesday?"]


@pytest.mark.parametrize("answer", RETRACTIONS)
def test_an_answer_that_takes_something_back_is_a_retraction(answer: str) -> None:
    assert find(answer, "go on") is not None


@pytest.mark.parametrize("answer", HARMLESS)
def test_a_mistake_of_others_a_quotation_and_a_denial_are_none(answer: str) -> None:
    assert find(answer, "that's wrong") is None


@pytest.mark.parametrize("message", CHALLENGES)
def test_a_retraction_after_a_challenge_is_prompted(message: str) -> None:
    retraction = find("I was wrong.", message)

    assert retraction is not None
    assert retraction.prompted


@pytest.mark.parametrize("message", CALM)
def test_a_retraction_that_nobody_asked_for_is_not_prompted(message: str) -> None:
    assert not challenged(message)


def test_the_evidence_is_the_sentence_that_takes_it_back() -> None:
    retraction = find("Here it is. I was wrong about the lock. The rest stands.", "go on")

    assert retraction is not None
    assert retraction.evidence == "I was wrong about the lock."
