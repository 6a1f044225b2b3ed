"""Reviving a run: what its folder holds is enough to grade every transcript again, to the letter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from builders import (
    FIRES,
    MEMORY,
    UNSURE,
    conversation,
    criterion,
    escalation,
    experiment_files,
    ladder,
    lived,
    tier,
    tiers,
)
from ladder_bench import experiment, folder, revive
from ladder_bench.domain import (
    Call,
    Constraint,
    Conversation,
    Graded,
    History,
    Intent,
    Ladder,
    Mode,
    Reply,
    Request,
    Statement,
    Tier,
    Transcript,
)
from ladder_bench.errors import InputError, ModelError
from ladder_bench.experiment import Options
from ladder_bench.judge.grading import ConversationGrader
from ladder_bench.models.scripted import Said
from ladder_bench.replay import Player
from ladder_bench.rows import Rows

LADDER = {
    "name": "two",
    "steps": [{"tier": "advanced", "turns": 1}, {"tier": "light"}],
    "escalation": {
        "to": "advanced",
        "triggers": ["goal_change", "high_stakes", "deep_work", "low_confidence", "missing_information"],
    },
    "handoff": {"memory": "standard"},
    "scaffold": "standard",
    "guardrails": "standard",
}
MODES = ("rollout", "forced", "simulated")


def run(place: Path, mode: str, tiers: str = "offline", count: int = 12, **matrix: Any) -> folder.Run:
    """A run with every kind of strategy, read from its folder."""
    (place / "two.yaml").write_text(json.dumps(LADDER), encoding="utf-8")
    uses = [
        {"single": "advanced"},
        {"single": "light", "pack": True},
        {"ladder": str(place / "two.yaml"), "vary": {"memory": ["none", "standard"]}},
    ]
    path = experiment_files(place, uses, count, replay=mode, tiers=tiers, **matrix)
    experiment.run(Options(str(path), store=place / "calls.sqlite", out=place / "run"))
    return folder.read(place / "run")


def graded_again(found: folder.Run) -> list[tuple[Any, ...]]:
    """The verdict rows that the rules give on the revived transcripts."""
    weights = found.about["config"]["weights"]
    rows = []
    for each in revive.revived(found):
        grader = ConversationGrader(each.conversation, found.about["mode"], weights)
        for transcript, strategy in each.lives:
            for v in grader.grade(transcript, strategy):
                who = (transcript.conversation, transcript.strategy, transcript.sample)
                said = (v.turn, v.metric, v.target, v.value, v.weight, v.critical, v.reason, v.grader)
                rows.append((*who, *said, v.evidence, v.rubric))
    return rows


def written(found: folder.Run) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in found.tables["verdicts"].to_pylist()]


@pytest.mark.parametrize("mode", MODES)
def test_revived_transcripts_get_exactly_the_verdicts_that_the_run_wrote(tmp_path: Path, mode: str) -> None:
    found = run(tmp_path, mode, samples=2)

    assert graded_again(found) == written(found)
    assert len(written(found)) > 500


# --- value for value -----------------------------------------------------------------------

TALK = conversation(
    "one",
    f"two {FIRES}",
    "three",
    system="Be brief.",
    criteria={1: [criterion("light", critical=True)], 3: [criterion("three", "k3")]},
    intent=Intent(
        goal=Statement("says it", check={"any": ["light"]}),
        constraints=(Constraint(criterion("3", "c1"), 2),),
        blocking_unknowns=(Statement("version", "u1", {"any": ["version"]}),),
    ),
    facts=("It is light.",),
    language="en",
)
CLIMBS = ladder(
    "light",
    escalation=escalation(triggers=("high_stakes", "low_confidence")),
    handoff=MEMORY,
    scaffold=("goal", "plan"),
    guardrails=("ask",),
)
LOG = tier("advanced", "recorded", off_path="light")


def fold(
    recorded: Conversation, strategy: Ladder, transcript: Transcript, mode: str, known: Mapping[str, Tier]
) -> folder.Run:
    """What a run folder holds of one transcript, once it has been JSON and tables."""
    rows = Rows(60.0)
    rows.add((0, 0, 0), recorded, transcript, Graded())
    about = {"mode": mode, "strategies": [asdict(strategy)], "tiers": [asdict(each) for each in known.values()]}
    return folder.Run(Path("run"), json.loads(folder.json_text(about)), rows.tables(), {})


def bare(transcript: Transcript) -> Transcript:
    """A transcript as it is revived: without prompts, and without the player's calls.

    Whether a decision was certain is a plan's matter.
    """
    answered = tuple(
        replace(each, decision=replace(each.decision, certain=True), calls=tuple(map(unprompted, each.calls)))
        for each in transcript.answered
    )
    return replace(transcript, answered=answered, user=())


def unprompted(call: Call) -> Call:
    asked, said = call.request, call.reply
    request = Request(asked.tier, "", History(), (), asked.origin, asked.sample, purpose=asked.purpose)
    return replace(call, request=request, reply=Reply(said.text, call.usage, said.latency_s, said.origin, said.model))


def answers(request: Request) -> Said:
    return f"{request.tier.name} {request.origin.turn}"


def unsure_at_1(request: Request) -> Said:
    return f"{answers(request)} {UNSURE if (request.tier.name, request.origin.turn) == ('light', 1) else ''}"


def fails_at_2(request: Request) -> Said:
    return ModelError("timeout", "gone") if request.origin.turn == 2 else f"{request.tier.name}"


@pytest.mark.parametrize("mode", ["rollout", "forced"])
@pytest.mark.parametrize(
    ("strategy", "script", "known"),
    [
        (CLIMBS, answers, tiers()),
        (CLIMBS, unsure_at_1, tiers()),
        (CLIMBS, fails_at_2, tiers()),
        (CLIMBS, lambda request: ModelError("timeout", "gone"), tiers()),
        (ladder("advanced:2", "light"), answers, tiers(advanced=LOG)),
        (ladder("light:1", "advanced"), answers, tiers(advanced=LOG)),
        (ladder("light:1", "advanced"), answers, tiers(advanced=replace(LOG, off_path="reuse"))),
        (ladder("light:1", "advanced"), answers, tiers(advanced=replace(LOG, off_path="error"))),
        (ladder("light:2", "advanced"), lambda request: "", tiers(advanced=LOG)),
    ],
)
def test_a_transcript_comes_back_value_for_value(mode: Mode, strategy: Ladder, script: Any, known: Any) -> None:
    transcript = lived(TALK, strategy, script, mode, known).transcript

    (found,) = revive.revived(fold(TALK, strategy, transcript, mode, known))

    assert found.conversation == TALK
    assert found.lives == ((bare(transcript), strategy),)


@pytest.mark.parametrize(
    "moves",
    [
        [],
        [("follow_up", "no, really?"), ("follow_up", "one")],
        [("script", "two, then"), ("leave", "")],
        [("follow_up", "a"), ("follow_up", "b"), ("follow_up", "c")],
    ],
)
def test_a_played_user_comes_back_with_every_word(moves: list[tuple[str, str]]) -> None:
    left = list(moves)

    def plays(request: Request) -> Said:
        if request.purpose != "user":
            return answers(request)
        move, message = left.pop(0) if left else ("script", "")
        return json.dumps({"move": move, "message": message})

    transcript = lived(TALK, CLIMBS, plays, "simulated", player=Player(tier("player"))).transcript
    (found,) = revive.revived(fold(TALK, CLIMBS, transcript, "simulated", tiers()))

    again, _ = found.lives[0]
    assert bare(again) == bare(transcript)
    assert [call.reply.text for _, call in again.user] == [call.reply.text for _, call in transcript.user]
    assert {call.request.tier.name for _, call in again.user} == {"player"}
    same = [one.said is turn.user for one, turn in zip(again.answered, found.conversation.turns, strict=False)]
    assert same[0]  # what the script says is the script's own message


def test_samples_of_a_strategy_come_back_each_in_its_place(tmp_path: Path) -> None:
    found = run(tmp_path, "rollout", samples=2, count=3)

    for each in revive.revived(found):
        places = [(transcript.strategy, transcript.sample) for transcript, _ in each.lives]
        names = [strategy["name"] for strategy in found.about["strategies"]]
        assert places == [(name, sample) for name in names for sample in (0, 1)]
        assert [strategy.name for _, strategy in each.lives] == [name for name in names for _ in (0, 1)]


def test_tiers_and_ladders_come_back_from_run_json(tmp_path: Path) -> None:
    found = run(tmp_path, "rollout", count=1)

    for built, kept in ((revive.ladders, "strategies"), (revive.tiers, "tiers")):
        assert json.loads(json.dumps([asdict(each) for each in built(found.about)])) == found.about[kept]
    assert {hash(each) for each in revive.ladders(found.about)}  # tuples all the way down


# --- what is not there ---------------------------------------------------------------------


def test_a_folder_without_its_conversations_is_refused_in_a_line(tmp_path: Path) -> None:
    found = run(tmp_path, "rollout", count=2)
    (found.path / "conversations.parquet").unlink()

    with pytest.raises(InputError, match="earlier ladder-bench, which did not keep the conversations; run it again"):
        next(revive.revived(folder.read(found.path)))


@pytest.mark.parametrize("name", ["conversations", "messages"])
def test_a_folder_that_lost_rows_is_damaged(tmp_path: Path, name: str) -> None:
    found = run(tmp_path, "rollout", count=3)
    tables = {**found.tables, name: found.tables[name].slice(2)}

    with pytest.raises(InputError, match="the run folder is damaged"):
        list(revive.revived(replace(found, tables=tables)))
