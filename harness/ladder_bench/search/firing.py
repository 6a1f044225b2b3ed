"""Firing: where the rules see triggers in recorded messages, and in each tier's answers to them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ladder_bench.domain import Conversation, History, Message
from ladder_bench.search.grades import Flags
from ladder_bench.triggers import Heard, Rules, Seen

Answers = Mapping[tuple[str, int], str]  # by conversation and turn


def fired(
    conversations: Sequence[Conversation],
    answers: Sequence[Answers],
    rules: Rules,
    triggers: Sequence[str],
    longest: int,
) -> tuple[Flags, Flags]:
    """Where triggers fire: (c, t, triggers) on messages, (c, t, tiers, triggers) on each tier's answers.

    `answers`: what each tier said to the recorded history, strongest first; nobody climbs from the top.
    """
    message = np.zeros((len(conversations), longest, len(triggers)), dtype=bool)
    answer = np.zeros((len(conversations), longest, len(answers), len(triggers)), dtype=bool)
    place = {name: index for index, name in enumerate(triggers)}
    for row, conversation in enumerate(conversations if triggers else ()):
        for seen in _seen(conversation):
            turn = seen.turn - 1
            for each in rules.fired(triggers, seen):
                message[row, turn, place[each.trigger]] = True
            for tier, said in enumerate(answers):
                text = said.get((conversation.id, seen.turn)) if tier else None
                for each in () if text is None else rules.fired_on_answer(triggers, seen, Heard(text)):
                    answer[row, turn, tier, place[each.trigger]] = True
    return message, answer


def _seen(conversation: Conversation) -> Iterator[Seen]:
    """What triggers read of each turn: the message, and the recorded conversation before it."""
    history = History().plus(*conversation.greeting)
    for turn in conversation.turns:
        users, answers = (
            tuple(each.content for each in history.messages if each.role == role) for role in ("user", "assistant")
        )
        yield Seen(turn.number, turn.user.content, users, conversation.language, answers, conversation.system)
        recorded = () if turn.recorded is None else (Message.plain("assistant", turn.recorded.text),)
        history = history.plus(turn.user, *turn.context, *recorded)
