"""Drawing: which conversations and turns people are to label. By seeded hash: a larger sheet holds a smaller one.

Conversations are drawn, never items: what is judged in one conversation shares its luck. A label in another
conversation tells more than one more in the same, so that by default one random turn of each is labelled; every turn
with criteria that a judge was asked about in both arms has the same chance, whether or not it could tell. Both arms are
labelled at that turn, on those criteria. Then the labelled turn's difference is, on average over the draw, the
conversation's difference (the mean over its turns), for people as for the judge; this is all that prediction-powered
inference asks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ladder_bench.analyse.turns import QUALITY
from ladder_bench.calibration.items import Cell, Item, Pair
from ladder_bench.domain import digest_of

Pairs = dict[Pair, tuple[list[Item], list[Item]]]  # the same criterion in base and candidate


def by_conversation(base: Iterable[Item], candidate: Iterable[Item]) -> dict[str, Pairs]:
    """The criteria that a judge was asked about in both arms, by conversation."""
    found: dict[str, Pairs] = {}
    for side, arm in enumerate((base, candidate)):
        for each in arm:
            found.setdefault(each.conversation, {}).setdefault(each.pair, ([], []))[side].append(each)
    both = {name: {pair: sides for pair, sides in pairs.items() if all(sides)} for name, pairs in found.items()}
    return {name: pairs for name, pairs in both.items() if pairs}


def counting(metrics: Iterable[str]) -> frozenset[str]:
    """Of metrics those that count for Q; all of them where none does."""
    known = frozenset(metrics)
    return known & QUALITY or known


def strands(metrics: Iterable[str]) -> list[frozenset[str]]:
    """Metrics that share a figure, and so a draw: those that count for Q together, every other one alone."""
    known = frozenset(metrics)
    whole = [known & QUALITY] if known & QUALITY else []
    return whole + [frozenset((each,)) for each in sorted(known - QUALITY)]


def conversations(names: Iterable[str], count: int, seed: int) -> list[str]:
    return sorted(names, key=lambda name: _luck(seed, "conversation", name))[:count]


def drawn(pairs: Pairs, turns: int | None, seed: int, conversation: str) -> list[Pair]:
    """The criteria of a conversation that are labelled: those of so many random turns; every strand draws its own."""
    found: list[Pair] = []
    for strand in strands(pair[2] for pair in pairs):
        mine = [pair for pair in pairs if pair[2] in strand]
        at = set(cells((pair[:2] for pair in mine), turns, seed, conversation))
        found += [pair for pair in mine if pair[:2] in at]
    return found


def cells(found: Iterable[Cell], turns: int | None, seed: int, conversation: str) -> list[Cell]:
    """So many of a conversation's turns, each as likely as another; all of them for None. In their order."""
    ordered = sorted(set(found), key=lambda cell: _luck(seed, "turn", conversation, *map(str, cell)))
    return sorted(ordered[:turns], key=lambda cell: (cell[0], cell[1] is None, cell[1] or 0))


def shuffled(names: Sequence[str], seed: int, *place: str) -> list[str]:
    """Arms in an order that tells nothing."""
    return sorted(names, key=lambda name: _luck(seed, "order", *place, name))


def _luck(seed: int, *what: str) -> str:
    return digest_of("label sheet", str(seed), *what)
