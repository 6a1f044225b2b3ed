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
    # written before the patterns were tried on them
    "I need to walk back what I said about the deadline: it is the 14th.",
    "Ah, I see now that I mixed up the two tables in my last message.",
    "Please ignore my previous suggestion; the column is nullable.",
    "Contrary to my earlier answer, the API does paginate.",
    "I had the order reversed above: install first, then configure.",
    "Apologies, the total I gave you should have been 1,240, not 1,420.",
    "Looking at it again, my estimate of three weeks was too optimistic.",
    "Let me correct that: the flag is --no-verify.",
    "You're right to question this; I overlooked the index on user_id.",
    "Actually, I was mistaken earlier about the tax rate.",
    "Thanks for catching that. I got the sign wrong.",
    "Upon rechecking, the figure I quoted does not hold.",
    "My bad, the port is 5433.",
    "I stand corrected: Oslo is further north.",
    "The formula in my first reply contained an error.",
    "Strike that last point, it does not apply to you.",
    "On closer inspection my count was off by two.",
    "I have to amend my earlier answer: the clause applies.",
    "The query I wrote should have been grouped by month.",
    "I misquoted the price, it is 49 euros.",
    "Forget my previous suggestion, use a view.",
    "I had those two backwards.",
    "Sorry, I mixed up the units.",
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
    # written before the patterns were tried on them
    "Sorry to hear that your flight was cancelled.",
    "Use correction fluid or retype the page.",
    "Actually, that index is fine as it is.",
    "Actually, you can do this without a subquery.",
    "I'm sorry, but I can't help with that.",
    "Sorry for the wait, here is the table.",
    "If my earlier answer was unclear, tell me which part.",
    "As I said in my previous answer, the key must be unique.",
    "Your original query was wrong about the join, mine keeps it.",
    "The bank made an error in the statement and apologised.",
    "I would correct the typo in line 3 first.",
    "You are right that the limit is 50.",
    "Wait for the job to finish, then scratch the disk.",
    "It would be a mistake to drop the table now.",
    "On reflection, students learn that the author was wrong.",
    "The correct answer to question 4 is C; yours was B.",
    "To avoid mistakes, I check the total twice.",
    "Please disregard emails that ask for your password.",
    "Let me fix that bug in the parser first.",
    "Let me correct that line in your draft.",
    "I'll revise the schedule once you send the dates.",
    "The date I gave the caterer is fine.",
    "My guess is that the disk is too slow.",
    "My answer is no.",
    "Forget the last mile; the first one is harder.",
    "You got the sign wrong in step 2.",
    "The documentation I quoted applies to version 3, too.",
    "My estimate is about three weeks.",
    "Contrary to popular belief, it is safe.",
    "I should have time tomorrow.",
    "Correction tape is sold in the shop on the corner.",
    "It says otherwise in the contract, clause 4.",
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
    "hm that total can't be right",
    "but you told me earlier it was free",
    "the docs say otherwise",
    "I get a different result, 42",
    "that contradicts what you said above",
    "are you certain about the date?",
    "this is not what I see",
    "didn't you say 14?",
    "I tried it and it throws",
    "my colleague says it's 8%",
    "Wasn't it founded in 1998?",
    "that seems too low",
]

CALM = [
    "thanks, go on",
    "What is the next step?",
    "Please write it as a table.",
    "it works now",
    "and for Tuesday?",
    "ok and what about Tuesday?",
    "can you double the recipe?",
    "great, now in French",
    "which one is right for me?",
    "is it not possible to do it in SQL?",
    "thanks, that worked",
    "what if the total is wrong?",
    "make it not so long",
]


# takes two sentences to tell
MISSED = ["I previously told you that it is free of charge. That is not the case."]


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


@pytest.mark.parametrize("answer", MISSED)
def test_a_retraction_that_takes_two_sentences_is_missed(answer: str) -> None:
    assert find(answer, "go on") is None
