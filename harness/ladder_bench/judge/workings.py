"""Workings: what known numbers give by calculation, and whether a claim that fits would do so by chance.

With many numbers nearly everything can be computed from some of them. So a result counts only where an invented number
would rarely meet one: results near the claim are counted, and how finely the claim is written says how many of them it
would meet. "2,283.75" meets none, "20 %" most of what some percentages give.

One step: sum, difference, product, quotient, share, change in percent, a percentage of, one period to another (a month
to a year), a sum or mean of neighbours. Units must fit: money times hours is money, metres and kilograms are not added.
Two steps: a result of one step with a further number, or two such results added.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from ladder_bench.judge.quantities import Quantity, last_digit
from ladder_bench.judge.units import MONEY, alike

# results that a claim may be expected to meet by chance, up to which one counts: found by trial, on datasets/specifics
ONE_STEP, TWO_STEPS, TWO_RESULTS = 0.8, 0.8, 0.1
ROUND = 0.85  # how much wider a zero at the end leaves a claim open, against a last digit that is none
COARSE = 0.02  # a claim that is written less finely is not looked for in two steps
FINE = 0.002  # one that is written at least so finely is looked for among sums of two results
SHARES = "shares"  # the pool of percentages that quotients and changes give
PLAIN = "plain "  # pools of sums, differences and means alone, by dimension
ANY = "any"  # the pool of all results as they are written, for claims without a unit
MAY_BE_BARE = frozenset((*MONEY, "time"))  # of these the parts are often given without a unit
PRICED = ("energy", "mass", "volume", "area")  # a price or a rate may be for the base unit: kWh, kg, litre
LONGEST = 12  # list of neighbours that are added up
MOST_ADDED = 10  # numbers of an answer that are calculated with

Pools = dict[str, list[float]]
Sought = tuple[float, float, float, str]  # a result, how far off it may be, how finely the claim is written, a pool


class Workings:
    """Numbers and what they give. `on` goes on from there without changing it: evidence is worked out once."""

    __slots__ = ("_added", "_base", "_more", "_numbers", "_pending", "_periods", "_seen")

    def __init__(self, every: Iterable[float] = (), further: Iterable[float] = ()) -> None:
        self._periods = (*every, *further)
        self._base: Pools = no_results()
        self._more: Pools = no_results()  # what numbers that were added later give
        self._numbers: list[Quantity] = []
        self._pending: list[Quantity] = []
        self._seen: set[tuple[float, str]] = set()
        self._added = 0

    @classmethod
    def of(cls, numbers: Iterable[Quantity], results: Pools, periods: Iterable[float] = ()) -> Workings:
        """What the numbers give, beside results that are already known, and from one of these periods to another."""
        found = cls(periods)
        for name, values in results.items():
            found._base[name].extend(values)
        for number in numbers:
            if found._is_new(number):
                for other in found._numbers:
                    _combine(number, other, found._base)
                found._by_itself(number, found._base)
                found._numbers.append(number)
        found._base = {name: sorted({value for value in pool if value > 0}) for name, pool in found._base.items()}
        return found

    def on(self, periods: Iterable[float]) -> Workings:
        """Go on from here, with the further periods that the answer speaks of."""
        further = [period for period in periods if period not in self._periods]
        other = Workings(self._periods, further)
        other._base, other._numbers, other._seen = self._base, list(self._numbers), set(self._seen)
        for number in self._numbers if further else ():
            _periodic(number, further, other._more)
        for pool in other._more.values():
            pool.sort()
        return other

    def add(self, number: Quantity) -> None:
        """Calculate with one more number from now on."""
        if self._added < MOST_ADDED and self._is_new(number):
            self._added += 1
            self._pending.append(number)

    def _is_new(self, number: Quantity) -> bool:
        key = (number.written, number.dimension)
        if key in self._seen or number.written <= 0 or number.written == 1:
            return False
        self._seen.add(key)
        return True

    def chance(self, claim: Quantity) -> float | None:
        """How many results so finely written a claim would meet by chance; None where it is no result, or by chance."""
        if claim.written <= 0 or claim.value <= 0:
            return None
        self._work_out()
        plain = self._plainly(claim)
        if plain is not None:
            return plain
        sought = self._sought(claim)
        expected, hit = 0.0, False
        for target, slack, fineness, pool in sought:
            expected += self._count(pool, target / 2, 2 * target) / DOUBLINGS * fineness
            hit = hit or self._has(pool, target, slack)
        if hit:
            return expected if expected <= ONE_STEP else None
        return expected if self._in_two_steps(claim, sought) else None

    def _plainly(self, claim: Quantity) -> float | None:
        """The same for sums and differences of what has the claim's unit."""
        pool, slack = PLAIN + claim.dimension, max(claim.slack, 1e-9 * claim.value)
        if not self._has(pool, claim.value, slack):
            return None
        expected = self._count(pool, claim.value / 2, 2 * claim.value) / DOUBLINGS * _fineness(claim)
        return expected if expected <= ONE_STEP else None

    def _sought(self, claim: Quantity) -> list[Sought]:
        fineness = _fineness(claim)
        slack, step = max(claim.slack, 1e-9 * claim.value), max(claim.step, 1e-9 * claim.written)
        if claim.dimension == "":
            return [(claim.written, step, fineness, ANY)]
        if claim.dimension == "%":
            return [(claim.value, slack, fineness, name) for name in ("%", SHARES)]
        names = [name for name in {**self._base, **self._more} if alike(name, claim.dimension)]
        found = [(claim.value, slack, fineness, name) for name in names]
        if names or claim.dimension in MAY_BE_BARE:
            found.append((claim.written, step, fineness, ""))
        return found

    def _work_out(self) -> None:
        if not self._pending:
            return
        for number in self._pending:
            for other in self._numbers:
                _combine(number, other, self._more)
            self._by_itself(number, self._more)
            self._numbers.append(number)
        self._pending.clear()
        for pool in self._more.values():
            pool.sort()

    def _by_itself(self, number: Quantity, pools: Pools) -> None:
        if number.dimension == "%":
            pools["%"].append(100 - number.written)
        _periodic(number, self._periods, pools)

    def _count(self, pool: str, low: float, high: float) -> int:
        base, more = self._base.get(pool, ()), self._more.get(pool, ())
        return bisect_right(base, high) - bisect_left(base, low) + bisect_right(more, high) - bisect_left(more, low)

    def _has(self, pool: str, target: float, slack: float) -> bool:
        for results in (self._base.get(pool, ()), self._more.get(pool, ())):
            place = bisect_left(results, target - slack)
            if place < len(results) and results[place] <= target + slack:
                return True
        return False

    # --- two steps -------------------------------------------------------------------------

    def _in_two_steps(self, claim: Quantity, sought: Sequence[Sought]) -> bool:
        if _fineness(claim) > COARSE:
            return False
        shares = claim.dimension == "%"
        steps = list(
            self._shares(claim) if shares else (step for each in sought for step in self._further(claim, each))
        )
        if not any(self._has(pool, target, slack) for target, slack, _, pool, _ in steps):
            return not shares and any(self._two_results(*each) for each in sought)
        expected = 0.0
        for target, _, fineness, pool, width in steps:
            low, high = (target / 2, 2 * target) if width is None else (target - width, target + width)
            expected += self._count(pool, low, high) / (DOUBLINGS if width is None else 1.0) * fineness
            if expected > TWO_STEPS:
                return False
        return True

    def _further(self, claim: Quantity, sought: Sought) -> Iterator[tuple[float, float, float, str, float | None]]:
        """What a result must be so that one more number makes the claim of it; last how far around to count."""
        target, slack, fineness, pool = sought
        bare = pool in ("", ANY)
        for number in self._numbers:
            if number.dimension == "%":
                for rate in _rates(number.written):
                    yield target / rate, slack / rate, fineness, pool, None
                continue
            fits = number.dimension == "" or alike(number.dimension, claim.dimension)
            if (bare or fits) and not _trivial(number):
                size = number.written if bare else number.value
                for other in (target - size, target + size):
                    if other > 0:
                        yield other, slack, fineness, pool, target / 2
            if bare or not alike(number.dimension, claim.dimension):
                size = number.written
                yield target / size, slack / size, fineness, pool, None
                yield target * size, slack * size, fineness, pool, None

    def _shares(self, claim: Quantity) -> Iterator[tuple[float, float, float, str, float | None]]:
        """What a result would have to be so that it and a number give the claimed share or change."""
        share, step, fineness = claim.written / 100, claim.step / 100, _fineness(claim)
        for number in self._numbers:
            if number.dimension == "%":
                continue
            size, pool = number.value, number.dimension
            yield size * share, size * step, fineness, pool, None
            yield size / share, size * step / share**2, fineness, pool, None
            yield size * (1 + share), size * step, fineness * share / (1 + share), pool, None
            if share < 1:
                yield size * (1 - share), size * step, fineness * share / (1 - share), pool, None

    def _two_results(self, target: float, slack: float, fineness: float, pool: str) -> bool:
        """Say whether two results add up to a finely written claim."""
        if fineness > FINE:
            return False
        near = [value for value in (*self._base.get(pool, ()), *self._more.get(pool, ())) if value < target]
        if len(near) ** 2 * fineness > 50 * TWO_RESULTS:
            return False
        near.sort()
        pairs = _pairs_up_to(near, 1.5 * target) - _pairs_up_to(near, 0.5 * target)
        return pairs * fineness <= TWO_RESULTS and any(self._has(pool, target - first, slack) for first in near)


# --- one step ------------------------------------------------------------------------------


def no_results() -> Pools:
    """No results yet, of any dimension."""
    return defaultdict(list)


def _combine(first: Quantity, second: Quantity, pools: Pools) -> None:
    """Add what two numbers give to the pools."""
    if second.dimension == "%" or (second.dimension == "" and first.dimension != "%"):
        first, second = second, first
    if first.dimension == "%" and second.dimension != "%":
        for rate in _rates(first.written):
            _keep(pools, second.dimension, second.value * rate, second.written * rate)
    elif alike(first.dimension, second.dimension):
        _alike(first, second, pools)
    elif first.dimension == "":
        _counted(second, first, pools)
    else:
        _different(first, second, pools)


def _keep(pools: Pools, dimension: str, value: float, written: float) -> None:
    pools[dimension].append(value)
    pools[ANY].append(written)


def _plain(pools: Pools, dimension: str, value: float, written: float) -> None:
    """Keep a sum or difference also apart: those are the first to be thought of."""
    _keep(pools, dimension, value, written)
    pools[PLAIN + dimension].append(value)


def _alike(first: Quantity, second: Quantity, pools: Pools) -> None:
    """Of one dimension, or both without: sums, differences, quotients, shares and changes."""
    dimension = first.dimension
    larger, smaller = (first, second) if first.value >= second.value else (second, first)
    factor = first.value / first.written
    if not (_trivial(first) or _trivial(second)):
        _plain(pools, dimension, larger.value + smaller.value, (larger.value + smaller.value) / factor)
        _plain(pools, dimension, larger.value - smaller.value, (larger.value - smaller.value) / factor)
    if smaller.value <= 0:
        return
    ratio = larger.value / smaller.value
    if dimension == "%":
        pools[SHARES].extend((100 * ratio - 100, 100 - 100 / ratio))
        return
    _keep(pools, "", ratio, ratio)
    if dimension == "length":
        _keep(pools, "area", larger.value * smaller.value, larger.written * smaller.written)
    if dimension == "":
        _keep(pools, "", 1 / ratio, 1 / ratio)
        _keep(pools, "", larger.value * smaller.value, larger.value * smaller.value)
    _shared(ratio, pools)


def _shared(ratio: float, pools: Pools) -> None:
    pools[SHARES].extend((100 / ratio, 100 * ratio, abs(100 * ratio - 100), abs(100 - 100 / ratio)))


def _counted(amount: Quantity, count: Quantity, pools: Pools) -> None:
    """An amount and a number without a unit: so many times it, its part, and sums as if it had the unit."""
    dimension, size = amount.dimension, count.written
    factor = amount.value / amount.written
    _keep(pools, dimension, amount.value * size, amount.written * size)
    _keep(pools, dimension, amount.value / size, amount.written / size)
    _keep(pools, "", size / amount.written, size / amount.written)
    if dimension == "length":  # 5.2 x 4.1 m
        _keep(pools, "area", amount.value * size * factor, amount.written * size)
    if dimension in MONEY and amount.value > 0:
        _shared(amount.value / size, pools)
    if not _trivial(count):
        _keep(pools, dimension, (amount.written + size) * factor, amount.written + size)
        _keep(pools, dimension, abs(amount.written - size) * factor, abs(amount.written - size))


def _different(first: Quantity, second: Quantity, pools: Pools) -> None:
    """Amounts of two dimensions: 5,100 kWh at 0.34 EUR, 300 km in 4 hours, 640 GB at 55 MB/s."""
    if {first.dimension, second.dimension} == {"data", "data/s"}:
        seconds = first.value / second.value if first.dimension == "data" else second.value / first.value
        _keep(pools, "time", seconds, seconds)
        return
    for amount, other in ((first, second), (second, first)):
        for size in {other.written, other.value} if other.dimension in PRICED else (other.written,):
            _keep(pools, amount.dimension, amount.value * size, amount.written * size)
            _keep(pools, amount.dimension, amount.value / size, amount.written / size)


def _periodic(number: Quantity, periods: Iterable[float], pools: Pools) -> None:
    if number.dimension not in ("time", "%"):
        for period in periods:
            _keep(pools, number.dimension, number.value * period, number.written * period)
            _keep(pools, number.dimension, number.value / period, number.written / period)


def totals(numbers: Sequence[Quantity], pools: Pools) -> None:
    """Add the sums and means of three and more neighbours of a dimension to the pools; money may leave out its unit."""
    dimensions = {number.dimension for number in numbers}
    for dimension in dimensions - {"%"}:
        groups = [[number for number in numbers if number.dimension == dimension]]
        if dimension in MONEY and "" in dimensions:
            groups.append([number for number in numbers if number.dimension in ("", dimension)])
        for group in groups:
            _runs(group[:LONGEST], dimension, pools)


def _runs(numbers: Sequence[Quantity], dimension: str, pools: Pools) -> None:
    for first in range(len(numbers) - 2):
        value = written = 0.0
        for count, number in enumerate(numbers[first:], start=1):
            value, written = value + number.value, written + number.written
            if count > 2:
                _plain(pools, dimension, value, written)
                _plain(pools, dimension, value / count, written / count)


def _fineness(claim: Quantity) -> float:
    """The width that the claim's last digit leaves open, against its size; zeros at the end tell a little, too."""
    whole = claim.written == int(claim.written)
    place = max(last_digit(claim.written) if whole else 0.0, 2 * claim.step, 1e-6 * claim.written)
    if whole and 0 < claim.step < 0.5:  # 310.00
        place = 1.0
    if claim.step == 0.0 and not whole:  # two and a half
        place = 0.5
    open_width = place / max(claim.written, 3 * place)
    return ROUND * open_width if whole and place >= 10 else open_width


def _pairs_up_to(numbers: list[float], limit: float) -> int:
    pairs, last = 0, len(numbers) - 1
    for first, number in enumerate(numbers):
        while last > first and number + numbers[last] > limit:
            last -= 1
        if last <= first:
            break
        pairs += last - first
    return pairs


def _trivial(number: Quantity) -> bool:
    """Whole numbers up to 3 are as a rule counts of something else: nothing is added to them."""
    return number.dimension == "" and number.written <= 3 and number.written == int(number.written)


def _rates(percent: float) -> Iterator[float]:
    yield from (rate for rate in (percent / 100, 1 + percent / 100, 1 - percent / 100) if rate > 0)


DOUBLINGS = 1.386  # log(4): results are counted from half the claim to twice it
