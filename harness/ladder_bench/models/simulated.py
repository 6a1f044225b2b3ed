"""The simulator: seeded answers of declared quality, whose truth is known.

Each of a turn's items (criteria, and constraints that are active) is kept in the answer with probability

    1 / (1 + exp(-(skill - difficulty + framing·F + memory·M + reminded·R - loss·L - hidden·H)))

F: the share of the six parts of a frame that the fullest frame in the history shown has; 1 is a complete one. M: the
item's check passes on the handoff memory that the request carries. R: a played user asks for the item by its text. L: how
often the author changed since the item was introduced, 0 where the request carries a memory. H: the user message that
introduced the item is not shown, and neither the memory nor the user's words hold it. difficulty is the kind's, plus a
normal draw a conversation and one an item. Turns without items keep each sentence of the recorded answer instead.

Where the prompt asks how sure the answer is, it says high where s >= high, low where s < low, else medium: s is the share
of its items that the answer really kept, plus normal noise of the declared size. What else a tier is asked for (a memory,
which triggers fire) is in `simulated_notes`.

Everything is read off the request; draws come from a hash of (seed, conversation, turn, item, tier, sample), so that
strategies share their luck; each new attempt at a recorded turn is a turn of its own. These numbers illustrate the tool;
they say nothing about any model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ladder_bench.blocks import (
    CONFIDENCE,
    FRAME_CLOSE,
    FRAME_OPEN,
    MEMORY_OPEN,
    asks_for_frame,
    frame_parts,
    memory_in,
    sentences,
    visible,
)
from ladder_bench.domain import FRAME_PARTS, Conversation, Reply, Request, Tier, Turn, Usage, digest_of
from ladder_bench.errors import ModelError
from ladder_bench.models import simulated_notes
from ladder_bench.models.realise import HARMLESS, Item, meets, realise
from ladder_bench.models.simulated_luck import normal, uniform

MARK = "\u2060"  # invisible; its count at the end of an answer's text says which simulated tier wrote it
ANSWERS = ("answer", "discarded")


@dataclass(frozen=True, slots=True)
class Sought:
    """An item of a turn: its kind, the recorded turn that introduced it, and its text on one line."""

    item: Item
    kind: str
    introduced: int
    text: str


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
        text = self._text(self._conversations[request.origin.conversation], request)
        output = self._tokens(text)
        luck = ("latency",) if request.purpose in ANSWERS else ("latency", request.purpose)
        draw = normal(self._uniform(request, *luck))
        latency = (self._params["latency_s"] + output / self._params["tokens_per_s"]) * math.exp(0.25 * draw)
        whole = sum(self._tokens(message.content) + 4 for message in request.messages)
        return Reply(text, Usage(whole, output), round(latency, 3), "simulated", self._tier.model, "stop")

    def _text(self, conversation: Conversation, request: Request) -> str:
        if request.purpose in ANSWERS:
            return self._answer(conversation, conversation.turns[request.origin.matter - 1], request)
        if request.purpose == "memory":
            return simulated_notes.memory(request, self._params["recall"], partial(self._lasting, request))
        if request.purpose == "trigger":
            draw = partial(self._uniform, request)
            return simulated_notes.detections(request, conversation, self._params["detector"], draw)
        raise ModelError("unsupported", f"a simulated tier answers no '{request.purpose}' call", charged=False)

    def drawn(self, conversation: Conversation, turn: Turn, request: Request) -> list[Drawn]:
        """The items of a turn with their log-odds, as this request shows them to the tier."""
        params = self._params
        answers = [message.content for message in request.history.messages if message.role == "assistant"]
        memory = next((found for m in request.now if (found := memory_in(m.content)) is not None), None)
        said = _said(request, memory)
        again = request.origin.step is not None and said != turn.user.content.strip()
        lived = _lived_turns(conversation, request, again)
        whole = sum(message.role == "user" for message in request.history.messages) == request.origin.turn - 1
        framed = max((len(frame_parts(answer)) for answer in answers), default=0) / len(FRAME_PARTS)
        base = params["skill"] - params["conversation_sd"] * self._hardness(request) + params["framing"] * framed
        drawn: list[Drawn] = []
        for each in items_of(conversation, turn):
            held = memory is not None and meets(each.item.check, memory)
            reminded = again and each.text in said
            logit = base - params["difficulty"][each.kind] - params["item_sd"] * self._hardness(request, each.item.id)
            logit += params["memory"] * held + params["reminded"] * reminded
            if memory is None:
                since = lived.get(each.introduced, each.introduced)
                logit -= params["loss"] * self._changes(answers, request.origin.turn, since)
            if not (whole or each.introduced in lived or held or reminded):
                logit -= params["hidden"]
            drawn.append(Drawn(each.item, logit))
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
            text, share = self._thinned(request, reference)
        outcome = [meets(each.item.check, text) for each in drawn]
        if drawn:
            share = sum(outcome) / len(outcome)
        for rate, additions in (("fabrication", FABRICATIONS), ("retraction", RETRACTIONS), ("verbosity", FILLERS)):
            if self._uniform(request, rate) < self._params[rate]:
                start = int(self._uniform(request, rate, "which") * len(additions))
                for addition in additions[start:] + additions[:start]:
                    longer = f"{text.rstrip()}\n\n{addition}"
                    if [meets(each.item.check, longer) for each in drawn] == outcome:
                        text = longer
                        break
        text += MARK * self._author
        if (
            CONFIDENCE in request.system
        ):  # after the mark: without its line, the answer is what it is without the question
            text += f"\n\n{CONFIDENCE} {self._confidence(request, share)}]"
        if asks_for_frame(request.system) and self._uniform(request, "frame") < self._params["frame_rate"]:
            text = f"{_frame(request)}\n{text}"
        return text

    def _thinned(self, request: Request, reference: str) -> tuple[str, float]:
        """Keep each sentence of the recorded answer by skill alone: without items nothing else is known.

        Also the share that was kept.
        """
        logit = self._params["skill"] - self._params["conversation_sd"] * self._hardness(request)
        chance = 1.0 / (1.0 + math.exp(-logit))
        parts = sentences(reference)
        kept = [part for n, part in enumerate(parts) if self._uniform(request, "keep", str(n)) < chance]
        text = "".join(kept)
        return (text, len(kept) / len(parts)) if text.strip() else (HARMLESS, 0.0)

    def _confidence(self, request: Request, share: float) -> str:
        """What an answer that kept this share of its items says of itself."""
        declared = self._params["confidence"]
        sure = share + declared["noise"] * normal(self._uniform(request, "confidence"))
        return "high" if sure >= declared["high"] else "low" if sure < declared["low"] else "medium"

    def _changes(self, answers: Sequence[str], turn: int, introduced: int) -> int:
        """How often the author changed after the turn `introduced`, this answer included."""
        texts = [visible(answer) for answer in answers]
        authors = [len(text) - len(text.rstrip(MARK)) for text in texts] + [self._author]
        first = turn - len(authors) + 1
        return sum(authors[k] != authors[k - 1] for k in range(1, len(authors)) if first + k > introduced)

    def _tokens(self, text: str) -> int:
        tokens: int = math.ceil(len(text) / self._params["characters_per_token"])
        return tokens

    # --- luck ------------------------------------------------------------------------------

    def _uniform(self, request: Request, *what: str) -> float:
        """The tier's luck at a turn as lived: a draw in (0, 1) that depends on nothing but its names."""
        origin = request.origin
        return uniform(self._seed, origin.conversation, origin.turn, request.sample, self._author, *what)

    def _lasting(self, request: Request, *what: str) -> float:
        """The tier's luck in a conversation, the same at every turn."""
        return uniform(self._seed, request.origin.conversation, request.sample, self._author, *what)

    def _hardness(self, request: Request, item: str = "") -> float:
        """A standard normal draw for the conversation, or for one of a recorded turn's items.

        The same for every tier, sample and attempt.
        """
        origin = request.origin
        return normal(uniform(self._seed, origin.conversation, origin.matter if item else 0, "hardness", item))


def items_of(conversation: Conversation, turn: Turn) -> list[Sought]:
    """The checkable items of a turn: its criteria, then the constraints that are active."""
    found = [
        Sought(Item(each.id, each.check, each.violation), str(each.kind), turn.number, _line(each.text))
        for each in turn.criteria
        if each.check
    ]
    for constraint in conversation.constraints_at(turn.number):
        each = constraint.criterion
        if each.check:
            item = Item(each.id, each.check, each.violation)
            found.append(Sought(item, "constraint", constraint.from_turn, _line(each.text)))
    return found


def _line(text: str) -> str:
    return " ".join(text.split())


def _said(request: Request, memory: str | None) -> str:
    """The user's words now, without the memory below them."""
    said = next((message.content for message in request.now if message.role == "user"), "")
    return (said if memory is None else said[: said.rfind(MEMORY_OPEN)]).strip()


def _lived_turns(conversation: Conversation, request: Request, again: bool) -> dict[int, int]:
    """Where the recorded user messages stand among those that the request shows: recorded turn -> turn as lived.

    A played user says more than the recording: what equals no recorded message is taken for a follow-up. `again`: the
    message now is one.
    """
    origin = request.origin
    shown = [message.content for message in request.history.messages if message.role == "user"]
    first = origin.turn - len(shown)
    if origin.step is None:
        return {turn: turn for turn in range(first, origin.turn + 1)}
    found = {} if again else {origin.step: origin.turn}
    latest = origin.step if again else origin.step - 1
    for place in reversed(range(len(shown))):
        steps = range(latest, 0, -1)
        step = next((n for n in steps if conversation.turns[n - 1].user.content == shown[place]), None)
        if step is not None:
            found[step], latest = first + place, step - 1
    return found


def _frame(request: Request) -> str:
    """The parts of a frame that the prompt asks for, in the user's words: no gold may leak into a later prompt."""
    first = next(message.content for message in request.messages if message.role == "user")
    asked = frame_parts(request.system) or FRAME_PARTS
    lines = {
        "goal": f"Goal: {' '.join(first.split())[:160]}",
        "constraints": "Constraints: those that the user named",
        "assumptions": "Assumptions: what the user wrote is complete and true",
        "plan": "Plan: clear up what is open, then answer step by step",
        "format": "Format: as the user asks",
        "open questions": "Open questions: those put in the answer",
    }
    return "\n".join((FRAME_OPEN, *(line for part, line in lines.items() if part in asked), FRAME_CLOSE))


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
