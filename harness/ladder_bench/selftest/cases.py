"""Cases of the self-test: an answer with one planted flaw, and its clean twin, at the end of a conversation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ladder_bench import content
from ladder_bench.corpus import conversation as shapes
from ladder_bench.documents import read_json_lines
from ladder_bench.domain import Answered, Conversation, Decision, Ladder, Step, Transcript
from ladder_bench.errors import InputError, Problem

SHIPPED = "selftest"
FILE = "cases.jsonl"
SOMEBODY = "somebody"  # who answers, so that a judge learns nothing from it
CLEAN, FLAWED = "clean", "flawed"
Text = Annotated[str, Field(min_length=1)]


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
    difficulty: Text = "medium"


@dataclass(frozen=True, slots=True)
class Case:
    """A flaw, the criterion (`target`) of a rubric that it breaks, and both answers to the conversation's last turn."""

    id: str
    flaw: str
    rubric: str
    conversation: Conversation
    target: str
    clean: str
    flawed: str
    what: str
    difficulty: str

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


def ladder(twin: str) -> Ladder:
    return Ladder(twin, (Step(SOMEBODY, None),))


def load(name: str = SHIPPED) -> tuple[Case, ...]:
    """Cases by path, or the bundled ones. Raises InputError with every problem."""
    path = content.shipped("datasets", SHIPPED, FILE) if name == SHIPPED else Path(name)
    if not content.is_file(path):
        raise InputError(Problem("no such file of cases; leave it out for the bundled ones", str(path)))
    return _checked(path)


def _checked(path: Path) -> tuple[Case, ...]:
    found: list[Case] = []
    problems: list[Problem] = []
    for document in read_json_lines(path):
        try:
            if isinstance(document, InputError):
                raise document
            shape = content.parse(CaseShape, document)
            built = shapes.build(document.at("conversation"), {})
            wrong = list(_wrong(shape, built))
            if wrong:
                raise InputError([document.problem((key,), what) for key, what in wrong])
            given = shape.model_dump(exclude={"conversation", "turn"})
            found.append(Case(**given, conversation=replace(built, id=shape.id)))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems)
    if not found:
        raise InputError(f"{content.display(path)}: holds no case")
    return tuple(found)


def _wrong(shape: CaseShape, built: Conversation) -> Iterable[tuple[str, str]]:
    if shape.turn != len(built.turns):
        yield "turn", f"must be the conversation's last turn, {len(built.turns)}, which the twins answer"
    if shape.clean == shape.flawed:
        yield "flawed", "is the clean answer: nothing is planted"
