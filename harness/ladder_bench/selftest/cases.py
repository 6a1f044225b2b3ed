"""Cases of the self-test: an answer with one planted flaw, and its clean twin, at the end of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.corpus import conversation as shapes
from ladder_bench.documents import read_json_lines
from ladder_bench.domain import Answered, Conversation, Decision, Ladder, Step, Transcript, digest_of
from ladder_bench.errors import InputError, Problem
from ladder_bench.judge.rubric import Rubric, load_rubric

SHIPPED = "selftest"
FILE = "cases.jsonl"
SOMEBODY = "somebody"  # who answers, so that a judge learns nothing from it
CLEAN, FLAWED = "clean", "flawed"
CLAIMS = "claims"  # the target of a rubric that lists claims
LEVELS = ("turn", "conversation")  # of rubrics that ask about one answer, or about a conversation at its end
Text = Annotated[str, Field(min_length=1)]
Difficulty = Literal["easy", "medium", "hard"]


class CaseShape(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: Text
    flaw: Text
    rubric: Text
    conversation: dict[str, Any]
    turn: Annotated[int, Field(ge=1)]
    target: Text
    clean: Text
    flawed: Text
    what: Text
    difficulty: Difficulty = "medium"


@dataclass(frozen=True, slots=True)
class Case:
    """A flaw, the criterion (`target`) of a rubric that it breaks, and both answers to the conversation's last turn."""

    id: str
    flaw: str
    rubric: Rubric
    conversation: Conversation
    target: str
    clean: str
    flawed: str
    what: str
    difficulty: Difficulty

    def transcript(self, twin: str) -> Transcript:
        """The conversation with one of the twins at its end: what came before is as recorded."""
        *earlier, last = self.conversation.turns
        said = [turn.recorded.text if turn.recorded else "" for turn in earlier]
        answers = [*said, self.clean if twin == CLEAN else self.flawed]
        decision = Decision(SOMEBODY, "", False, False)
        answered = tuple(
            Answered(turn.number, decision, answer, (), on_recording=True)
            for turn, answer in zip((*earlier, last), answers, strict=True)
        )
        return Transcript(self.conversation.id, twin, 0, answered)

    @property
    def digest(self) -> str:
        """What covers all that a judge may be shown of it, and what it is asked."""
        return digest_of(self.conversation.digest, self.rubric.digest, self.target, self.clean, self.flawed)


def ladder(twin: str) -> Ladder:
    return Ladder(twin, (Step(SOMEBODY, None),))


def load(name: str = SHIPPED) -> tuple[Case, ...]:
    """Cases by path, or the bundled ones. Raises InputError with every problem."""
    path = content.shipped("datasets", SHIPPED, FILE) if name == SHIPPED else Path(name)
    if not content.is_file(path):
        raise InputError(Problem("no such file of cases; leave it out for the bundled ones", content.shortened(name)))
    rubric_of = lru_cache(lambda rubric: load_rubric(rubric, None if name == SHIPPED else path))
    found: dict[str, Case] = {}
    problems: list[Problem] = []
    for document in read_json_lines(path):
        try:
            if isinstance(document, InputError):
                raise document
            case = _case(document, found, rubric_of)
            found[case.id] = case
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError(Problem("holds no case", content.display(path)))
    return tuple(found.values())


def _case(document: content.Document, before: Container[str], rubric_of: Callable[[str], Rubric]) -> Case:
    shape = content.parse(CaseShape, document)
    built = shapes.build(document.at("conversation"), {})
    try:
        rubric = rubric_of(shape.rubric)
    except InputError as error:
        raise InputError([document.problem(("rubric",), str(each)) for each in error.problems]) from None
    wrong = [document.problem((key,), what) for key, what in _wrong(shape, built, rubric)]
    if shape.id in before:
        wrong.append(document.problem(("id",), f"duplicate case '{content.shortened(shape.id)}'; ids must be unique"))
    if wrong:
        raise InputError(wrong)
    alone = replace(rubric, grader="llm", from_turn=len(built.turns))  # a judge answers, also where checks could
    given = shape.model_dump(exclude={"conversation", "turn", "rubric"})
    return Case(**given, rubric=alone, conversation=replace(built, id=shape.id))


def _wrong(shape: CaseShape, built: Conversation, rubric: Rubric) -> Iterator[tuple[str, str]]:
    """What the shape alone cannot say."""
    if shape.turn != len(built.turns):
        yield "turn", f"must be the conversation's last turn, {len(built.turns)}, which the twins answer"
    if shape.clean == shape.flawed:
        yield "flawed", "is the clean answer: nothing is planted"
    if rubric.grader not in ("llm", "hybrid") or rubric.level not in LEVELS:
        what = "asks no judge about one answer"
        yield (
            "rubric",
            f"'{rubric.id}' {what}; valid: one with 'grader: llm' or 'hybrid' of level {' or '.join(LEVELS)}",
        )
        return
    asked = _asked(rubric, built)
    if shape.target not in asked:
        valid = ", ".join(asked) or "none: the conversation has no criterion of its kinds at the last turn"
        hint = content.did_you_mean(shape.target, asked)
        name = content.shortened(shape.target)
        yield "target", f"'{name}' is nothing that rubric '{rubric.id}' asks about{hint}; valid: {valid}"


def _asked(rubric: Rubric, conversation: Conversation) -> list[str]:
    """What a rubric asks about the last answer, or about the whole."""
    if rubric.ask == "claims":
        return [CLAIMS]
    if rubric.own:
        return [each.id for each in rubric.own]
    last, intent = conversation.turns[-1], conversation.intent
    found = [each.id for each in last.criteria if each.kind in rubric.kinds]
    if "active_constraint" in rubric.kinds:
        found += [each.criterion.id for each in conversation.constraints_at(last.number)]
    if "output_contract" in rubric.kinds and intent is not None and intent.output_contract is not None:
        found.append("output_contract")
    return found
