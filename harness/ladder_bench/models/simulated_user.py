"""The offline user: plays the user of a simulated replay by rule. Free, deterministic, and no model of any person.

It holds the last answer against the step's critical criteria and the critical constraints that are active, by their
checks. What fails it notices with probability `notices`, and then asks again in the words of the criterion: gold text
reaches a tier here, because the user says it. After `patience` times about one step it goes on all the same; it leaves
where `leaves_after` steps have ended without what it asked for, or the last one has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import regex

from ladder_bench.domain import Conversation, Reply, Request, Tier, Usage, canonical, digest_of
from ladder_bench.errors import ModelError
from ladder_bench.models.realise import meets
from ladder_bench.models.simulated_luck import uniform

_FENCE = regex.compile(r"<conversation-([0-9a-f]+)>")
OPENINGS = ("That does not do it yet. I still need this:", "It is still not there. Once more, I need this:")


@dataclass(frozen=True, slots=True)
class Attempt:
    """An answer to a step of the script. `asked` counts the follow-ups before it; turns count user messages, from 1."""

    step: int
    turn: int
    asked: int
    answer: str


class SimulatedUser:
    """The client behind `simulated/user`."""

    def __init__(self, tier: Tier, conversations: Mapping[str, Conversation], seed: int) -> None:
        self._tier, self._conversations, self._seed = tier, conversations, seed
        self._params: Mapping[str, Any] = tier.params

    def fingerprint(self, conversation: str) -> str:
        return digest_of("simulated user", str(self._seed), self._conversations[conversation].digest)

    async def open(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing is open."""

    async def complete(self, request: Request) -> Reply:
        if request.purpose != "user":
            raise ModelError("unsupported", "'simulated/user' plays the user and gives no answers", charged=False)
        conversation = self._conversations[request.origin.conversation]
        text = self._move(conversation, request)
        size = float(self._params["characters_per_token"])
        whole = sum(len(message.content) for message in request.messages)
        return Reply(text, Usage(int(whole / size), int(len(text) / size)), 0.0, "simulated", self._tier.model, "stop")

    def _move(self, conversation: Conversation, request: Request) -> str:
        attempts = _attempts(conversation, _spoken(request.now[-1].content))
        if not attempts:
            return _said("script")
        last = attempts[-1]
        missed = self._missed(conversation, last, request.sample)
        if not missed:
            return _said("script")
        if last.asked < self._params["patience"]:
            lines = (OPENINGS[min(last.asked, 1)], *(f"- {text}" for text in missed))
            return _said("follow_up", "\n".join(lines))
        final = {each.step: each for each in attempts}.values()
        unresolved = sum(bool(self._missed(conversation, each, request.sample)) for each in final)
        done = last.step == len(conversation.turns)
        return _said("leave" if done or unresolved >= self._params["leaves_after"] else "script")

    def _missed(self, conversation: Conversation, attempt: Attempt, sample: int) -> list[str]:
        """The texts of what an answer lacks, as far as the user notices it."""
        wanted = [each for each in conversation.turns[attempt.step - 1].criteria if each.critical]
        wanted += [each.criterion for each in conversation.constraints_at(attempt.step) if each.criterion.critical]
        return [
            " ".join(each.text.split())
            for each in wanted
            if each.check
            and not meets(each.check, attempt.answer)
            and uniform(self._seed, conversation.id, attempt.turn, sample, "user", each.id) < self._params["notices"]
        ]


def _said(move: str, message: str = "") -> str:
    return canonical({"move": move, "message": message})


def _spoken(prompt: str) -> list[tuple[str, str]]:
    """The conversation in a prompt, as (role, text)."""
    fence = _FENCE.search(prompt)
    if fence is None:
        return []
    mark = fence[1]
    said = regex.finditer(rf"<(user|assistant)-{mark}>\n(.*?)\n</\1-{mark}>", prompt, regex.DOTALL)
    return [(match[1], match[2]) for match in said]


def _attempts(conversation: Conversation, spoken: Sequence[tuple[str, str]]) -> list[Attempt]:
    """The answers so far with the step that each was about: a message that is not the script's next one asks again."""
    found: list[Attempt] = []
    step = turn = asked = 0
    for role, text in spoken:
        if role == "user":
            turn += 1
            if step < len(conversation.turns) and text == conversation.turns[step].user.content:
                step, asked = step + 1, 0
            else:
                asked += 1
        elif step > 0:
            found.append(Attempt(step, turn, asked, text))
    return found
