"""Drift: do answers given now differ from a stored one by more than they differ among themselves?

Answers to one request vary, at temperature 0 too, so each request is answered twice now, and the two answers show by
how much. If nothing changed, the stored answer and the two new ones are three draws from one distribution, and `stored`
is a label that any of the three could carry. The test moves the label through its places, together for the calls of a
conversation, which may depend on each other: the p-value is the share of labellings under which the measure is as far
from 0 as it was seen. It is exact (Fisher 1935); where labellings are many, a random part of them stands for all
(Phipson and Smyth 2010). It takes for granted that answers vary now as they did then: a server that is much busier or
much quieter than it was may answer differently with the same model.
"""

from __future__ import annotations

import difflib
import math
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

import numpy as np

from ladder_bench.analyse import estimates
from ladder_bench.analyse.estimates import Array
from ladder_bench.domain import Estimate

ALPHA = 0.05  # that anything is called drift where nothing changed, over all tiers and measures
POWER = 0.8  # of what `detectable` says
FEWEST_CALLS, FEWEST_CONVERSATIONS = 8, 5
MOST_WORDS = 400  # of an answer that are compared: the time grows with their square
LABELLINGS = 3**13  # up to so many are counted one by one
DRAWS = 99_999  # labellings that are drawn where there are more
TOLERANCE = 1e-9  # sums in another order differ by less
WORDS = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\\W\\d_]+|\\d+|[^\\w\\s]|_")


@dataclass(frozen=True, slots=True)
class Answers:
    """Three answers to one request: the stored one, then two given now. `tokens`: their lengths."""

    conversation: str
    texts: tuple[str, str, str]
    tokens: tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Pairs:
    """A share or mean over calls: of the stored answer with the new ones, and of these with each other."""

    stored: float
    new: float


@dataclass(frozen=True, slots=True)
class Compared:
    """What a tier's answers show. `p_similarity` and `p_length` are adjusted over all tiers and measures (Holm).

    `drop` is in similarity, `length` the ratio of new to stored tokens. `detectable` is the drop, the same in every
    answer, that would have been seen with 80 % power; `fewest_changed` conversations must change for any to be seen.
    `too_few` says why nothing can be told; then what was tested is None.
    """

    calls: int
    conversations: int
    equal: Pairs | None = None
    similarity: Pairs | None = None
    drop: Estimate | None = None
    length: Estimate | None = None
    p_similarity: float | None = None
    p_length: float | None = None
    detectable: float | None = None
    fewest_changed: int | None = None
    too_few: str | None = None

    @property
    def drifted(self) -> bool:
        return any(p is not None and p <= ALPHA for p in (self.p_similarity, self.p_length))


def compare(tiers: Mapping[str, Sequence[Answers]], seed: int = 0) -> dict[str, Compared]:
    """Compare the answers of every tier, tested together."""
    described = {name: _described(answers) for name, answers in tiers.items()}
    tested = [name for name, found in described.items() if found.too_few is None]
    fewest = fewest_changed(2 * len(tested))
    for name in [name for name in tested if described[name].conversations < fewest]:
        why = f"{described[name].conversations} conversations; testing {len(tested)} tiers needs {fewest}"
        described[name] = replace(described[name], too_few=why)
        tested.remove(name)
    effects = {(name, measure): _effects(tiers[name], of) for name in tested for measure, of in MEASURES.items()}
    adjusted = holm({place: p_value(each, seed) for place, each in effects.items()})
    for name in tested:
        described[name] = replace(
            described[name],
            p_similarity=adjusted[name, "similarity"],
            p_length=adjusted[name, "length"],
            detectable=detectable(effects[name, "similarity"][:, 0], len(effects)),
            fewest_changed=fewest_changed(len(effects)),
        )
    return described


def _described(answers: Sequence[Answers]) -> Compared:
    """Everything but the tests."""
    conversations = len({each.conversation for each in answers})
    if not answers:
        return Compared(0, 0, too_few="no call was answered")
    log = estimates.mean(_effects(answers, _log_ratios)[:, 0])
    found = Compared(
        len(answers),
        conversations,
        _pairs(answers, lambda first, second: float(first == second)),
        _pairs(answers, similarity),
        estimates.mean(_effects(answers, _drops)[:, 0]),
        replace(log, value=_exp(log.value), low=_exp(log.low), high=_exp(log.high)),
    )
    if found.calls >= FEWEST_CALLS and conversations >= FEWEST_CONVERSATIONS:
        return found
    why = (
        f"{found.calls} calls of {conversations} conversations; "
        f"{FEWEST_CALLS} of {FEWEST_CONVERSATIONS} are the fewest that can tell"
    )
    return replace(found, too_few=why)


def _pairs(answers: Sequence[Answers], alike: Callable[[str, str], float]) -> Pairs:
    values = [[alike(*pair) for pair in _opposite(each.texts)] for each in answers]
    new, second, first = np.asarray(values).mean(axis=0)
    return Pairs(float(first + second) / 2, float(new))


def _exp(value: float | None) -> float | None:
    return None if value is None else math.exp(value)


# --- measures ------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def similarity(first: str, second: str) -> float:
    """How alike two texts are, from 0 to 1: difflib's ratio over their words, in either order the same."""
    if first == second:
        return 1.0
    one, other = ([found[0] for found in islice(WORDS.finditer(text), MOST_WORDS)] for text in sorted((first, second)))
    return difflib.SequenceMatcher(None, one, other, autojunk=False).ratio()


def _opposite(texts: tuple[str, str, str]) -> tuple[tuple[str, str], tuple[str, str], tuple[str, str]]:
    """For each text the pair of the two others."""
    stored, first, second = texts
    return (first, second), (stored, second), (stored, first)


def _drops(answers: Answers) -> list[float]:
    """For each answer, if it were the stored one: how much less alike it and the others are than those two."""
    return _against_others([-similarity(*pair) for pair in _opposite(answers.texts)])


def _log_ratios(answers: Answers) -> list[float]:
    """For each answer, if it were the stored one: the log of the others' length, geometric mean, over its own."""
    return _against_others([math.log(max(1, tokens)) for tokens in answers.tokens])


def _against_others(values: Sequence[float]) -> list[float]:
    return [(sum(values) - value) / 2 - value for value in values]


MEASURES: dict[str, Callable[[Answers], list[float]]] = {"similarity": _drops, "length": _log_ratios}


def _effects(answers: Sequence[Answers], measure: Callable[[Answers], list[float]]) -> Array:
    """A row a conversation, the mean over its calls; a column for each answer that could be the stored one."""
    groups: dict[str, list[list[float]]] = defaultdict(list)
    for each in answers:
        groups[each.conversation].append(measure(each))
    return np.array([np.mean(rows, axis=0) for rows in groups.values()])


# --- tests ---------------------------------------------------------------------------------


def p_value(effects: Array, seed: int = 0) -> float:
    """How likely a sum at least so far from 0 is, if each row's label is in any of the columns; it is in the first."""
    seen = abs(float(effects[:, 0].sum())) - TOLERANCE
    if 3 ** len(effects) <= LABELLINGS:
        sums = np.zeros(1)
        for row in effects:
            sums = (sums[:, None] + row).ravel()
        return float(np.mean(np.abs(sums) >= seen))
    generator = np.random.default_rng(seed)
    drawn = np.zeros(DRAWS)
    for row in effects:
        drawn += row[generator.integers(3, size=DRAWS)]
    return (1 + int(np.sum(np.abs(drawn) >= seen))) / (1 + DRAWS)


def holm(p_values: Mapping[tuple[str, str], float]) -> dict[tuple[str, str], float]:
    """p-values that keep the chance of any false alarm at their level together (Holm 1979)."""
    found: dict[tuple[str, str], float] = {}
    highest = 0.0
    for rank, place in enumerate(sorted(p_values, key=lambda place: (p_values[place], place))):
        highest = max(highest, min(1.0, p_values[place] * (len(p_values) - rank)))
        found[place] = highest
    return found


def fewest_changed(tests: int) -> int:
    """Conversations whose answers must change before the test can call it drift, if the others are all the same."""
    return max(1, math.ceil(math.log(max(1, tests) / ALPHA, 3) - TOLERANCE))


def detectable(differences: Array, tests: int) -> float:
    """The mean that differences which vary so much would be told from 0 at, with 80 % power (normal theory)."""
    freedom = differences.size - 1
    quantiles = estimates.t_quantile(1 - ALPHA / 2 / tests, freedom) + estimates.t_quantile(POWER, freedom)
    return quantiles * estimates.standard_error(differences)
