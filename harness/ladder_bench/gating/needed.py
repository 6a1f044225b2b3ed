"""Needed: how many conversations, or samples of each, would decide a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, isfinite, sqrt

from ladder_bench.analyse.decisions import POWER, Decided, Test, conversations_needed, conversations_needed_together
from ladder_bench.analyse.effects import Effect
from ladder_bench.analyse.estimates import FEWEST
from ladder_bench.analyse.turns import Flags
from ladder_bench.domain import Json
from ladder_bench.gating.blocking import SLICE
from ladder_bench.gating.pair import Pair

FEWEST_SAMPLES = 2


def needed(pair: Pair, decided: Sequence[Decided], slices: Mapping[str, Flags]) -> dict[str, Json]:
    """`n` conversations, or users where those are what counts, with which all tests pass together with
    80 % power if nothing differs.

    `with_twice_the_samples`: the same with twice the samples of each; None where one sample does not tell what noise
    there is between them, whose share of the variance is `noise_share`, by test. `samples`: of each conversation, for a
    suite, where more conversations are no help.
    """
    found: dict[str, Json] = {
        "n": None,
        "with_twice_the_samples": None,
        "samples": None,
        "noise_share": {},
        "power": POWER,
    }
    tests = [each.test for each in decided if isfinite(each.test.effect.deviation) and each.test.effect.deviation > 0]
    if pair.inference == "suite":
        return {**found, "samples": _samples(pair, tests)}
    whole = [
        Test(test.name, pair.among_all(test.effect, _among(pair, test.name, slices)), test.margin) for test in tests
    ]
    noise = {test.name: pair.noise_share(_measure(test.name)) for test in whole}
    known = {name: share for name, share in noise.items() if share is not None}
    if whole and len(known) == len(whole):
        less = [_with_twice_the_samples(test, known[test.name]) for test in whole]
        found["with_twice_the_samples"] = conversations_needed_together(less)
    found["noise_share"] = noise
    together = conversations_needed_together(whole) if whole else FEWEST
    alone = [each.needed for each in decided if each.needed is not None and not each.test.name.startswith(SLICE)]
    if together is not None:
        found["n"] = max([together, *alone])  # the first is found by draws, so it may fall short by a few
    return found


def _samples(pair: Pair, tests: Sequence[Test]) -> int | None:
    """Samples of each conversation with which each test would pass: the noise falls with their number.

    None where there are too few conversations for any.
    """
    if any(test.effect.fewest < FEWEST for test in tests):
        return None
    times = [(conversations_needed(test.effect.deviation, test.margin) or FEWEST) / test.effect.n for test in tests]
    return max(FEWEST_SAMPLES, ceil(max(times, default=0.0) * pair.run.samples))


def _measure(name: str) -> str:
    return "quality" if name.startswith(SLICE) else name


def _among(pair: Pair, name: str, slices: Mapping[str, Flags]) -> Flags:
    return pair.known(_measure(name), slices[name.removeprefix(SLICE)] if name.startswith(SLICE) else None)


def _with_twice_the_samples(test: Test, noise: float) -> Test:
    """Half of the noise between samples goes; what differs between conversations stays."""
    factor = sqrt(1 - noise / 2)
    return Test(test.name, Effect(test.effect.value, tuple(part * factor for part in test.effect.parts)), test.margin)
