"""Sheets: what people label, as cards that show what the judge was shown and ask what it was asked. Blind as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import folder, revive
from ladder_bench.calibration import arms, drawing
from ladder_bench.calibration.items import Item, by_strategy, items, left_out
from ladder_bench.content import did_you_mean, display
from ladder_bench.domain import Conversation, Ladder, Mode, Transcript, digest_of
from ladder_bench.errors import InputError
from ladder_bench.judge import shown
from ladder_bench.judge.fences import Piece
from ladder_bench.judge.grading import ConversationGrader
from ladder_bench.judge.rubric import Rubric, load_rubrics
from ladder_bench.judge.sheets import Subject, metrics, sheets

ASKED = ("criteria", "claims")  # what a question asks, not what it shows
Place = tuple[str, str, int | None]  # metric, target, turn
Shown = tuple[tuple[str, tuple[Piece, ...]], ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to draw: how many conversations, how many turns of each (None: all), of which arms and metrics."""

    conversations: int = 60
    turns: int | None = 1
    arms: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """A criterion to label."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Card:
    """What is shown, and what is asked about it."""

    shown: Shown
    asked: tuple[Asked, ...]

    def pieces(self, *names: str) -> tuple[Piece, ...]:
        return tuple(piece for name, pieces in self.shown if name in names for piece in pieces)


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """Cards in the order of their conversations. `of`: how many conversations could have been drawn.

    `left_out`: rubrics and metrics that it does not ask about, each with the reason.
    """

    cards: tuple[Card, ...]
    arms: tuple[str, ...]
    metrics: tuple[str, ...]
    conversations: int
    of: int
    turns: int | None
    left_out: Mapping[str, str]

    @property
    def ids(self) -> list[str]:
        return [each.id for card in self.cards for each in card.asked]

    @property
    def id(self) -> str:
        """Another sheet has another one."""
        return digest_of("sheet", *self.ids)[:16]


def draw(run: folder.Run, wanted: Wanted) -> LabelSheet:
    """Draw a label sheet from a judged run. Raises InputError."""
    judged = by_strategy(items(run))  # what the judge could not tell, too: it may be what one arm does badly
    _check_judged(run, judged)
    two = arms.chosen(run, judged, wanted.arms)
    if len(two) < 2:
        raise InputError(
            f"{display(run.path)}: only '{two[0]}' is judged by criteria, and labels compare two strategies"
        )
    known = sorted({each.metric for name in two for each in judged[name]})
    chosen = _metrics(known, wanted.metrics)
    base, candidate = ([each for each in judged[name] if each.metric in chosen] for name in two)
    pairs = drawing.by_conversation(base, candidate)
    if not pairs:
        raise InputError(f"no criterion is judged in both '{two[0]}' and '{two[1]}'; name others with --arms")
    lots: dict[str, list[Item]] = {}
    for name in drawing.conversations(pairs, wanted.conversations, wanted.seed):
        both = (pairs[name][pair] for pair in drawing.drawn(pairs[name], wanted.turns, wanted.seed, name))
        lots[name] = [each for sides in both for side in sides for each in side]
    reasons = left_out(run.about)
    reasons |= {
        name: "not asked for; --metric names what to label, by default what counts for Q"
        for name in known
        if name not in chosen
    }
    cards = tuple(_cards(run, two, lots, wanted.seed))
    return LabelSheet(cards, two, tuple(sorted(chosen)), len(lots), len(pairs), wanted.turns, reasons)


def _check_judged(run: folder.Run, judged: Mapping[str, Sequence[Item]]) -> None:
    left = left_out(run.about)
    if not judged and left:
        name, why = next(iter(left.items()))
        raise InputError(
            f"{display(run.path)}: rubric '{name}' {why}; people cannot label it here, and no other judged"
        )


def _metrics(known: Sequence[str], wanted: Sequence[str]) -> frozenset[str]:
    for name in wanted:
        if name not in known:
            raise InputError(
                f"--metric: nothing is judged as '{name}'{did_you_mean(name, known)}; valid: {', '.join(known)}"
            )
    return frozenset(wanted) or drawing.counting(known)


# --- what is shown -------------------------------------------------------------------------


def _cards(run: folder.Run, two: Sequence[str], lots: Mapping[str, Sequence[Item]], seed: int) -> Iterator[Card]:
    """Cards conversation by conversation as drawn, the arms of each in random order; what they share comes once."""
    words = _words(run, two, lots)
    seen: set[str] = set()
    for name, mine in lots.items():
        grouped: dict[Shown, list[Asked]] = {}
        for arm in drawing.shuffled(two, seed, name):
            for each in mine:
                if each.strategy != arm or each.id in seen:
                    continue
                seen.add(each.id)
                found, text = words[each.conversation, each.strategy, each.sample, each.metric, each.target, each.turn]
                grouped.setdefault(found, []).append(Asked(each.id, text))
        for found, asked in grouped.items():
            yield Card(found, tuple(asked))


def _words(
    run: folder.Run, two: Sequence[str], lots: Mapping[str, Sequence[Item]]
) -> dict[tuple[str, str, int, str, str, int | None], tuple[Shown, str]]:
    """What is shown for every item, and its criterion."""
    asking = _Asking(run)
    found = {}
    for each in revive.revived(run):
        if each.conversation.id not in lots:
            continue
        wanted = {(item.strategy, item.sample): {} for item in lots[each.conversation.id]}  # type: ignore[var-annotated]
        for transcript, ladder in each.lives:
            if transcript.strategy in two and (transcript.strategy, transcript.sample) in wanted:
                wanted[transcript.strategy, transcript.sample] = asking.of(each.conversation, transcript, ladder)
        lived = {(transcript.strategy, transcript.sample) for transcript, _ in each.lives}
        for item in lots[each.conversation.id]:
            if (item.strategy, item.sample) not in lived:  # of imported arms each transcript comes alone
                continue
            place = (item.metric, item.target, item.turn)
            asked = wanted[item.strategy, item.sample].get(place)
            if asked is None:
                raise InputError(
                    f"{display(run.path)}: criterion '{item.target}' ({item.metric}) of conversation "
                    f"'{item.conversation}' was judged, and rubric '{item.rubric}' no longer asks about it; "
                    "grade the run again with `ladder-bench judge RUN`"
                )
            found[item.conversation, item.strategy, item.sample, *place] = asked
    return found


class _Asking:
    """A run's rubrics, and what they ask about a transcript."""

    def __init__(self, run: folder.Run) -> None:
        left = left_out(run.about)
        self._rubrics = [each for each in _rubrics(run) if each.asks and each.id not in left]
        self._mode: Mode = run.about["mode"]
        self._seed: int = run.about["config"]["seed"]
        self._weights: Mapping[str, float] = run.about["config"]["weights"]
        self._judged = frozenset(metric for rubric in self._rubrics for metric in metrics(rubric))

    def of(self, conversation: Conversation, transcript: Transcript, ladder: Ladder) -> dict[Place, tuple[Shown, str]]:
        """By place what is shown and the criterion's words; a later rubric has the last word."""
        grader = ConversationGrader(conversation, self._mode, self._weights, self._judged)
        seen = shown.turns(conversation, transcript, self._mode)
        subject = Subject(conversation, transcript, seen, grader.grade(transcript, ladder), self._mode)
        found: dict[Place, tuple[Shown, str]] = {}
        for rubric in self._rubrics:
            for sheet in sheets(rubric, subject, self._seed):
                parts = tuple(part for part in sheet.question.shown if part[0] not in ASKED)
                found |= {(item.metric, item.target, item.turn): (parts, item.text) for item in sheet.items}
        return found


def _rubrics(run: folder.Run) -> tuple[Rubric, ...]:
    """The rubrics that the run was graded by, unchanged: people must read the words that the judge read."""
    about = run.about
    matrix = Path(about["config"]["matrix"])
    found = load_rubrics(about["config"]["rubrics"], matrix if matrix.is_file() else None)
    hashes = {each["id"]: each["hash"] for each in about["rubrics"]}
    for rubric in found:
        if rubric.asks and hashes.get(rubric.id) != rubric.digest[:16]:
            raise InputError(
                f"rubric '{rubric.id}' has changed since {display(run.path)} was graded by it, and people would read "
                "other words than the judge did; grade the run again with `ladder-bench judge RUN`"
            )
    return found
