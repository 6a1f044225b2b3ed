"""The simulator: seeded answers of declared quality, whose truth is known.

Each of a turn's items (criteria, and constraints that are active) is kept in the answer with probability

    1 / (1 + exp(-(skill - difficulty + framing·F + memory·M - loss·L - hidden·H)))

F: a complete frame is in the history that the request shows. M: the item's check passes on the handoff memory that the
request carries. L: how often the author changed since the item was introduced, 0 where the request carries a memory.
H: the user message that introduced the item is not shown, and the memory does not hold it. difficulty is the kind's, plus
a normal draw a conversation and one an item. Turns without items keep each sentence of the recorded answer instead.
Everything is read off the request; draws come from a hash of (seed, conversation, turn, item, tier, sample), so that
strategies share their luck. These numbers illustrate the tool; they say nothing about any model.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from ladder_bench.blocks import FRAME_CLOSE, FRAME_OPEN, asks_for_frame, frame_is_complete, memory_in, sentences
from ladder_bench.domain import Conversation, Reply, Request, Tier, Turn, Usage, digest_of
from ladder_bench.models.realise import HARMLESS, Item, meets, realise

MARK = "\u2060"  # invisible; its count at an answer's end says which simulated tier wrote it
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Drawn:
    """What an item's probability is made of; `probability` follows by the formula above."""

    item: Item
    logit: float

    @property
    def probability(self) -> float:
        return 1.0 / (1.0 + math.exp(-self.logit))


class Simulated:
    """A tier of the simulator over known conversations. `author` (from 1) tells its answers from other tiers'."""

    def __init__(self, tier: Tier, author: int, conversations: Mapping[str, Conversation], seed: int) -> None:
        self._tier, self._author, self._conversations, self._seed = tier, author, conversations, seed
        self._params: Mapping[str, Any] = tier.params
        self._texts: dict[tuple[str, int, tuple[bool, ...]], str] = {}

    def fingerprint(self, conversation: str) -> str:
        return digest_of("simulated", str(self._seed), str(self._author), self._conversations[conversation].digest)

    async def open(self) -> None:
        """Always ready."""

    async def close(self) -> None:
        """Nothing is open."""

    async def complete(self, request: Request) -> Reply:
        conversation = self._conversations[request.origin.conversation]
        turn = conversation.turns[request.origin.turn - 1]
        text = self._answer(conversation, turn, request)
        output = self._tokens(text)
        draw = _NORMAL.inv_cdf(self._uniform(request, "latency"))
        latency = (self._params["latency_s"] + output / self._params["tokens_per_s"]) * math.exp(0.25 * draw)
        whole = sum(self._tokens(message.content) + 4 for message in request.messages)
        return Reply(text, Usage(whole, output), round(latency, 3), "simulated", self._tier.model, "stop")

    def drawn(self, conversation: Conversation, turn: Turn, request: Request) -> list[Drawn]:
        """The items of a turn with their log-odds, as this request shows them to the tier."""
        params = self._params
        shown = [message for message in request.history.messages if message.role == "user"]
        first_shown = turn.number - len(shown)
        answers = [message.content for message in request.history.messages if message.role == "assistant"]
        memory = next((found for m in request.now if (found := memory_in(m.content)) is not None), None)
        framed = any(frame_is_complete(answer) for answer in answers)
        base = params["skill"] - params["conversation_sd"] * self._hardness(request)
        base += params["framing"] if framed else 0.0
        drawn: list[Drawn] = []
        for item, kind, introduced in items_of(conversation, turn):
            held = memory is not None and meets(item.check, memory)
            logit = base - params["difficulty"][kind] - params["item_sd"] * self._hardness(request, item.id)
            logit += params["memory"] if held else 0.0
            if memory is None:
                logit -= params["loss"] * self._changes(answers, turn.number, introduced)
            if introduced < first_shown and not held:
                logit -= params["hidden"]
            drawn.append(Drawn(item, logit))
        return drawn

    # --- text ------------------------------------------------------------------------------

    def _answer(self, conversation: Conversation, turn: Turn, request: Request) -> str:
        drawn = self.drawn(conversation, turn, request)
        kept = tuple(self._uniform(request, "keep", each.item.id) < each.probability for each in drawn)
        reference = turn.reference or ""
        if drawn:
            key = (conversation.id, turn.number, kept)
            if key not in self._texts:
                self._texts[key] = realise(reference, turn.alternative, [each.item for each in drawn], kept)
            text = self._texts[key]
        else:
            text = self._thinned(request, reference)
        outcome = [meets(each.item.check, text) for each in drawn]
        for rate, additions in (("fabrication", FABRICATIONS), ("retraction", RETRACTIONS), ("verbosity", FILLERS)):
            if self._uniform(request, rate) < self._params[rate]:
                start = int(self._uniform(request, rate, "which") * len(additions))
                for addition in additions[start:] + additions[:start]:
                    longer = f"{text.rstrip()}\n\n{addition}"
                    if [meets(each.item.check, longer) for each in drawn] == outcome:
                        text = longer
                        break
        if asks_for_frame(request.system) and self._uniform(request, "frame") < self._params["frame_rate"]:
            text = f"{_frame(request)}\n{text}"
        return text + MARK * self._author

    def _thinned(self, request: Request, reference: str) -> str:
        """Keep each sentence of the recorded answer by skill alone: without items nothing else is known."""
        logit = self._params["skill"] - self._params["conversation_sd"] * self._hardness(request)
        chance = 1.0 / (1.0 + math.exp(-logit))
        parts = sentences(reference)
        text = "".join(part for n, part in enumerate(parts) if self._uniform(request, "keep", str(n)) < chance)
        return text if text.strip() else HARMLESS

    def _changes(self, answers: Sequence[str], turn: int, introduced: int) -> int:
        """How often the author changed after the turn `introduced`, this answer included."""
        authors = [len(answer) - len(answer.rstrip(MARK)) for answer in answers] + [self._author]
        first = turn - len(authors) + 1
        return sum(authors[k] != authors[k - 1] for k in range(1, len(authors)) if first + k > introduced)

    def _tokens(self, text: str) -> int:
        tokens: int = math.ceil(len(text) / self._params["characters_per_token"])
        return tokens

    # --- luck ------------------------------------------------------------------------------

    def _uniform(self, request: Request, *what: str) -> float:
        """The tier's luck at a turn: a draw in (0, 1) that depends on nothing but its names."""
        origin = request.origin
        return _unit(self._seed, origin.conversation, origin.turn, request.sample, self._author, *what)

    def _hardness(self, request: Request, item: str = "") -> float:
        """A standard normal draw for the conversation, or for one of a turn's items: the same for every tier and sample."""
        origin = request.origin
        return _NORMAL.inv_cdf(_unit(self._seed, origin.conversation, origin.turn if item else 0, "hardness", item))


def items_of(conversation: Conversation, turn: Turn) -> list[tuple[Item, str, int]]:
    """The checkable items of a turn: (item, kind, turn that introduced it)."""
    found = [(Item(c.id, c.check, c.violation), str(c.kind), turn.number) for c in turn.criteria if c.check]
    for constraint in conversation.constraints_at(turn.number):
        each = constraint.criterion
        if each.check:
            found.append((Item(each.id, each.check, each.violation), "constraint", constraint.from_turn))
    return found


def _unit(*names: object) -> float:
    name = "\x1f".join(map(str, names)).encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") + 0.5) / 2**64


def _frame(request: Request) -> str:
    """A complete frame in the user's own words: nothing of the gold intent may leak into a later prompt."""
    first = next(message.content for message in request.messages if message.role == "user")
    lines = (
        FRAME_OPEN,
        f"Goal: {' '.join(first.split())[:160]}",
        "Constraints: those that the user named",
        "Assumptions: what the user wrote is complete and true",
        "Plan: clear up what is open, then answer step by step",
        "Format: as the user asks",
        "Open questions: those put in the answer",
        FRAME_CLOSE,
    )
    return "\n".join(lines)


FABRICATIONS = (
    "In most cases this takes about 37 minutes.",
    "According to the Halvorsen Institute, 83% of teams see the same.",
    "The reference is at https://docs.example.net/guide/4417.",
    "This has been the recommendation since 14 March 2017.",
    "Expect it to cost around $1,930 in total.",
)
RETRACTIONS = (
    "Correction: I was wrong about one point in my earlier answer, so please go by this one.",
    "I made a mistake in my previous message; what stands here replaces it.",
)
FILLERS = (
    "Let me know if anything here is unclear and I will gladly go through it again with you.",
    "As always, it is worth taking a moment to look over everything before you move on.",
)
