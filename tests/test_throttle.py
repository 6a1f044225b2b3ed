"""The throttle with a clock of its own: how many requests are in flight, and how fast they start."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ladder_bench.calls.stop import Stop
from ladder_bench.calls.throttle import Throttle
from ladder_bench.domain import Limits
from ladder_bench.errors import StoppedError


class Clock:
    """Time that passes when somebody pauses."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Still(Stop):
    """A stop whose pauses take no time but the clock's."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    async def pause(self, seconds: float) -> None:
        self._clock.now += max(0.0, seconds)
        self.check()


def starts(limits: Limits, tokens: Sequence[int], used: Sequence[int] = ()) -> list[float]:
    """Seconds at which requests of so many tokens start, one after the other; `used` is what each then takes."""

    async def run() -> list[float]:
        clock = Clock()
        throttle = Throttle(limits, Still(clock), clock)
        found = []
        for number, each in enumerate(tokens):
            async with throttle.place():
                found.append(await throttle.pace(each) - 100.0)
                if used:
                    throttle.used(each, used[number])
        return found

    return asyncio.run(run())


def test_requests_start_evenly_and_a_little_below_their_rate() -> None:
    assert starts(Limits(requests_per_minute=60), [1] * 4) == pytest.approx([0, 1.02, 2.04, 3.06])


def test_tokens_start_evenly_by_what_each_request_can_use() -> None:
    assert starts(Limits(tokens_per_minute=6000), [100, 50, 1]) == pytest.approx([0, 1.02, 1.53])


def test_what_a_request_did_not_use_comes_back_and_what_it_used_beyond_is_owed() -> None:
    limits = Limits(tokens_per_minute=6000)

    assert starts(limits, [100, 100, 1], used=[50, 100, 1]) == pytest.approx([0, 0.51, 1.53])
    assert starts(limits, [100, 100, 1], used=[300, 100, 1]) == pytest.approx([0, 3.06, 4.08])


def test_without_limits_nobody_waits() -> None:
    assert starts(Limits(), [10**6] * 3) == [0, 0, 0]


def in_flight(throttle: Throttle, asked: int) -> int:
    """How many of so many requests are let in at once."""

    async def run() -> int:
        inside, most = 0, 0
        release = asyncio.Event()

        async def one() -> None:
            nonlocal inside, most
            async with throttle.place():
                inside += 1
                most = max(most, inside)
                await release.wait()
                inside -= 1

        tasks = [asyncio.create_task(one()) for _ in range(asked)]
        for _ in range(20):
            await asyncio.sleep(0)
        seen = inside
        release.set()
        await asyncio.gather(*tasks)
        assert most <= max(seen, 1) or most == seen
        return seen

    return asyncio.run(run())


def test_no_more_than_its_concurrency_is_in_flight() -> None:
    assert in_flight(Throttle(Limits(concurrency=3), Stop()), 10) == 3


def test_a_refusal_shrinks_what_is_in_flight_once_for_all_that_flew_together_and_successes_grow_it() -> None:
    clock = Clock()
    throttle = Throttle(Limits(concurrency=10), Stop(), clock)
    for _ in range(5):
        throttle.refused(started=99.0, retry_after_s=None)
    clock.now += 1
    throttle.refused(started=clock.now - 1.5, retry_after_s=None)
    shrunk = in_flight(throttle, 20)
    for _ in range(100):
        throttle.succeeded()

    assert shrunk == 7
    assert in_flight(throttle, 20) == 10


def test_everybody_is_held_back_as_long_as_the_provider_asks() -> None:
    async def run() -> float:
        clock = Clock()
        throttle = Throttle(Limits(), Still(clock), clock)
        throttle.refused(clock.now, retry_after_s=30)
        return await throttle.pace(1) - 100.0

    assert asyncio.run(run()) == 30


def test_whoever_waits_for_a_place_is_turned_away_when_the_run_stops() -> None:
    async def run() -> list[BaseException | None]:
        stop = Stop()
        throttle = Throttle(Limits(concurrency=1), stop)

        async def one() -> None:
            async with throttle.place():
                stop.request("enough")

        return await asyncio.gather(one(), one(), one(), return_exceptions=True)

    first, *others = asyncio.run(run())
    assert first is None
    assert all(isinstance(each, StoppedError) for each in others)


def test_a_new_process_goes_on_with_the_pace_of_the_last_one() -> None:
    async def run() -> list[float]:
        clock = Clock()
        throttle = Throttle(Limits(requests_per_minute=60), Still(clock), clock)
        throttle.resume(seconds_ago=0.5)
        return [await throttle.pace(1) - 100.0 for _ in range(2)]

    assert asyncio.run(run()) == pytest.approx([0.52, 1.54])
