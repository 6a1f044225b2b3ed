"""Sheets: the questions of a rubric about one transcript, each with the criteria that it asks about.

Criteria of the dataset are asked about where the rule grader has a verdict on them: all of them, or with a hybrid
rubric those that no check decided. So judge and checks speak of the same turns, whoever speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from ladder_bench.domain import Conversation, Mode, Origin, Transcript, Verdict, digest_of
from ladder_bench.judge import shown
from ladder_bench.judge.asking import Question, question
from ladder_bench.judge.fences import Shown
from ladder_bench.judge.grading import LEFT, OPENING_TURNS
from ladder_bench.judge.rubric import Rubric
from ladder_bench.judge.shown import Seen

MOST = 8  # criteria of a call
ALIGNMENT = {f"alignment_at_{turns}": turns for turns in OPENING_TURNS}


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is asked about: where its verdict goes, its words, its weight. `turn` None: the conversation."""

    metric: str
    target: str
    turn: int | None
    text: str
    weight: float = 1.0
    critical: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """A question and what it asks about, in the order of its labels."""

    question: Question
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """A transcript with what the rules said of it."""

    conversation: Conversation
    transcript: Transcript
    seen: tuple[Seen, ...]
    rules: Sequence[Verdict]
    mode: Mode


def sheets(rubric: Rubric, of: Subject, seed: int) -> list[Sheet]:
    """All sheets of a rubric that asks about criteria."""
    found: list[Sheet] = []
    for items, given, turn in _groups(rubric, of):
        ordered = sorted(items, key=lambda item: digest_of(str(seed), of.conversation.id, item.metric, item.target))
        for start in range(0, len(ordered), MOST):
            part = tuple(ordered[start : start + MOST])
            labels = [f"c{number}" for number in range(1, len(part) + 1)]
            criteria = shown.listed("criteria", [(label, item.text) for label, item in zip(labels, part, strict=True)])
            origin = Origin(of.conversation.id, turn)
            asked = question(
                rubric, rubric.prompts[0], {**given, "criteria": criteria}, "criteria", labels, origin,
                of.conversation.language,
            )  # fmt: skip
            found.append(Sheet(asked, part))
    return found


def metrics(rubric: Rubric) -> frozenset[str]:
    """The metrics that a rubric has the say over."""
    if rubric.kinds and rubric.level == "opening":
        return frozenset(ALIGNMENT)
    return frozenset(rubric.kinds or (rubric.metric,))


def _groups(rubric: Rubric, of: Subject) -> Iterator[tuple[Sequence[Item], Shown, int]]:
    """Items of one kind and one turn, with what is shown for them, and the turn at which that is."""
    if rubric.level == "conversation":
        yield from _of_the_whole(rubric, of)
    elif rubric.level == "opening":
        yield from _of_the_opening(rubric, of)
    elif rubric.level == "user_turn":
        yield from _of_user_turns(rubric, of)
    else:
        for seen in of.seen:
            if seen.answer is None or seen.answered.turn < rubric.from_turn:
                continue
            number = seen.answered.turn
            items = _own(rubric, number) if rubric.own else _listed(rubric, of, seen)
            for _, group in groupby(sorted(items, key=lambda item: item.metric), key=lambda item: item.metric):
                yield list(group), of_answer(of.conversation, seen), number


def of_answer(conversation: Conversation, seen: Seen) -> Shown:
    """What a judge is shown of an answer."""
    return {
        "system_prompt": shown.system(conversation),
        "conversation": seen.before,
        "message": seen.message,
        "answer": () if seen.answer is None else (shown.said(seen.answer, seen.answered.turn),),
        "facts": shown.facts(conversation),
        "reference": shown.reference(seen.turn),
    }


def _own(rubric: Rubric, turn: int | None) -> list[Item]:
    return [Item(rubric.metric, each.id, turn, each.text, each.weight, each.critical) for each in rubric.own]


def _open(rubric: Rubric, verdict: Verdict) -> bool:
    """Whether a judge is to say what a rule said, or could not say."""
    return verdict.reason != LEFT and (rubric.grader == "llm" or verdict.value is None)


def _listed(rubric: Rubric, of: Subject, seen: Seen) -> list[Item]:
    """The dataset's criteria of a turn."""
    texts = _texts(of.conversation, seen)
    return [
        Item(each.metric, each.target, each.turn, texts[each.metric, each.target], each.weight, each.critical)
        for each in of.rules
        if each.metric in rubric.kinds and each.turn == seen.answered.turn and _open(rubric, each)
    ]


def _texts(conversation: Conversation, seen: Seen) -> Mapping[tuple[str, str], str]:
    """The words of a turn's criteria, by metric and target."""
    texts = {(each.kind, each.id): each.text for each in seen.turn.criteria}
    found: dict[tuple[str, str], str] = {(str(kind), name): text for (kind, name), text in texts.items()}
    for constraint in conversation.constraints_at(seen.turn.number):
        each = constraint.criterion
        found["active_constraint", each.id] = f"The answer keeps to this constraint: {each.text}"
    if conversation.intent and conversation.intent.output_contract:
        contract = conversation.intent.output_contract
        found["output_contract", "output_contract"] = f"The answer has this format: {contract.text}"
    return found


def _of_user_turns(rubric: Rubric, of: Subject) -> Iterator[tuple[Sequence[Item], Shown, int]]:
    """User messages that follow something else than was recorded: only there is a question of fit."""
    heard = True
    for seen in of.seen:
        number = seen.answered.turn
        if of.mode == "rollout" and number > 1 and heard and not seen.answered.on_recording:
            items = [Item(rubric.metric, each.id, number, each.text, each.weight) for each in rubric.own]
            given = {
                "system_prompt": shown.system(of.conversation),
                "conversation": seen.before,
                "message": seen.message[:1],
            }
            yield items, given, number
        heard = seen.answer is not None


def _of_the_opening(rubric: Rubric, of: Subject) -> Iterator[tuple[Sequence[Item], Shown, int]]:
    """After the first answer, and after the first two; nothing later is shown."""
    texts = _aims(of.conversation)
    for metric, turns in ALIGNMENT.items():
        opening = of.seen[:turns]
        if any(seen.answer is None for seen in opening):
            continue
        if rubric.own:
            items = _own(rubric, len(opening)) if turns == OPENING_TURNS[-1] else []
        else:
            items = [
                Item(metric, each.target, each.turn, texts[each.target][1], each.weight)
                for each in of.rules
                if each.metric == metric and texts[each.target][0] in rubric.kinds and _open(rubric, each)
            ]
        if items:
            yield items, _heard(of, opening), len(opening)


def _heard(of: Subject, opening: Sequence[Seen]) -> Shown:
    talk = [piece for seen in opening for piece in (*seen.message, shown.said(str(seen.answer), seen.answered.turn))]
    return {
        "system_prompt": shown.system(of.conversation),
        "conversation": opening[0].before if opening else (),
        "answers": tuple(talk),
        "facts": shown.facts(of.conversation),
    }


def _aims(conversation: Conversation) -> Mapping[str, tuple[str, str]]:
    """The kind and the words of what an opening is held to, by target."""
    intent = conversation.intent
    if intent is None:
        return {}
    found = {
        each.criterion.id: ("constraint", f"No answer breaks this constraint: {each.criterion.text}")
        for each in intent.constraints
    }
    for each in intent.blocking_unknowns:
        words = f"An answer asks about this, or states an assumption about it: {each.text}"
        found[each.id or each.text] = ("unknown", words)
    if intent.goal:
        found["goal"] = ("goal", f"The answers work towards what the user wants: {intent.goal.text}")
    return found


def _of_the_whole(rubric: Rubric, of: Subject) -> Iterator[tuple[Sequence[Item], Shown, int]]:
    """The conversation as a whole, where it was answered to its end."""
    if not of.seen or any(seen.answer is None for seen in of.seen):
        return
    given = {**_heard(of, of.seen), "intent": shown.intent(of.conversation.intent)}
    yield _own(rubric, None), given, of.seen[-1].answered.turn


def unasked(rubric: Rubric, of: Subject) -> list[Item]:
    """Own criteria of answers that are missing: they are unscored, not wrong."""
    if not rubric.own or rubric.level == "user_turn":
        return []
    missing = [seen.answered.turn for seen in of.seen if seen.answer is None]
    if rubric.level == "turn":
        return [item for turn in missing if turn >= rubric.from_turn for item in _own(rubric, turn)]
    late = rubric.level == "opening" and all(turn > OPENING_TURNS[-1] for turn in missing)
    return _own(rubric, None if rubric.level == "conversation" else OPENING_TURNS[-1]) if missing and not late else []
