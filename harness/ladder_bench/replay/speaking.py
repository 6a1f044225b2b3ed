"""Speaking: what the user says next, from the recording or played by a simulator."""

from __future__ import annotations

from typing import Protocol

from ladder_bench import user
from ladder_bench.calls.calling import UNSEEN, Fetch, call
from ladder_bench.domain import Call, Conversation, Message
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.replay.lived import Lived, Spoken
from ladder_bench.replay.setting import Player, Setting

UNREADABLE = "the user's move could not be read: the script went on"


class Speaker(Protocol):
    """The user of one conversation. `ended` says how a played one left it, `failure` why it could not go on."""

    ended: str | None
    failure: str | None
    calls: tuple[tuple[int, Call], ...]

    async def next(self, lived: Lived) -> Spoken | None:
        """The next message, None where the conversation is over."""


def speaker(conversation: Conversation, setting: Setting, fetch: Fetch) -> Speaker:
    if setting.player is None:
        return Script(conversation)
    return Played(conversation, setting.player, setting.sample, fetch)


class Script:
    """The user as recorded: says the same whatever is answered."""

    ended: str | None = None
    failure: str | None = None
    calls: tuple[tuple[int, Call], ...] = ()

    def __init__(self, conversation: Conversation) -> None:
        self._turns = iter(conversation.turns)

    async def next(self, lived: Lived) -> Spoken | None:
        turn = next(self._turns, None)
        return None if turn is None else Spoken(turn.user, turn.context, turn)


class Played:
    """A user who is told the recorded intent and script, and may ask again, move on or leave."""

    def __init__(self, conversation: Conversation, player: Player, sample: int, fetch: Fetch) -> None:
        self._conversation, self._player, self._sample, self._fetch = conversation, player, sample, fetch
        self._step = self._follow_ups = 0
        self._most = player.most_turns or 2 * len(conversation.turns) + 2
        self.ended: str | None = None
        self.failure: str | None = None
        self.calls: tuple[tuple[int, Call], ...] = ()

    async def next(self, lived: Lived) -> Spoken | None:
        if self._step == 0:
            return self._scripted(user.Said("script", ""))
        said = await self._reaction(lived)
        if said is None:
            return None
        if said.move == "leave":
            self.ended = "gave up"
            return None
        again = said.move == "follow_up" and self._follow_ups < self._player.patience
        if not again and self._step == len(self._conversation.turns):
            self.ended = self._goodbye(said)
            return None
        if lived.turn > self._most:
            self.ended = "turn limit"
            return None
        if not again:
            return self._scripted(said)
        self._follow_ups += 1
        turn = self._conversation.turns[self._step - 1]
        return Spoken(Message.plain("user", said.message), (), turn, self._step)

    def _goodbye(self, said: user.Said) -> str:
        """How the user leaves after the last step. Who holds an answer against nothing cannot be satisfied."""
        if said.move == "follow_up":
            return "gave up"
        has_measure = not self._player.tier.simulated or user.has_measure(self._conversation)
        return "satisfied" if said.readable and has_measure else "unknown"

    def _scripted(self, said: user.Said) -> Spoken:
        """The next step of the script, as recorded unless the player put it in other words."""
        self._step, self._follow_ups = self._step + 1, 0
        turn = self._conversation.turns[self._step - 1]
        words = said.message if said.move == "script" else ""
        message = Message.plain("user", words) if words and words != turn.user.content else turn.user
        return Spoken(message, turn.context, turn, self._step, () if said.readable else (UNREADABLE,))

    async def _reaction(self, lived: Lived) -> user.Said | None:
        request = user.request(
            self._conversation,
            self._player.tier,
            lived.history,
            self._step,
            self._follow_ups,
            lived.turn,
            self._sample,
        )
        try:
            made = await call(request, self._fetch)
        except FatalModelError:
            raise
        except ModelError as error:
            self.failure = f"the user could not be played: {error}"
            return None
        self.calls = (*self.calls, (lived.turn, made))
        unseen = any(each.reply.origin == UNSEEN for each in lived.so_far[-1].calls)
        if unseen or made.reply.origin == UNSEEN:  # a plan takes it that the answer will do
            return user.Said("script", "", readable=True)
        return user.read(made.reply.text, self._conversation, self._step)
