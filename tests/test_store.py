"""Every finished call, once, under a key made of everything that can change its answer."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import reply, request, tier
from ladder_bench.domain import History, Message, Price, Reply, Request, Usage
from ladder_bench.errors import InputError, ModelError
from ladder_bench.store import MissError, Store, backend_of, key_of

Send = Callable[[Request], Awaitable[Reply]]
KEY = "ab" * 32


def key(asked: Request, fingerprint: str = "", salt: str = "") -> str:
    return key_of(asked, backend_of(asked.tier, fingerprint), salt)


# --- keys ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        request("hello"),
        request("hi", system="be kind"),
        request("hi", history=History().plus(Message("user", "before"))),
        request("hi", conversation="c2"),
        request("hi", sample=1),
        request("hi", tier=tier("light", "openai/other")),
        request("hi", tier=tier("light", params={"temperature": 0})),
        request("hi", tier=tier("light", params={"api_base": "http://elsewhere/v1"})),
        replace(request("hi"), now=(Message("system", "hi"),)),
        replace(request("hi"), now=(Message("user", "hi", '{"tool_call_id":"t"}'),)),
        replace(request("hi"), now=(Message("user", "hi"), Message("user", ""))),
    ],
)
def test_requests_that_can_be_answered_differently_have_different_keys(other: Request) -> None:
    assert key(other) != key(request("hi"))


@pytest.mark.parametrize(
    "other",
    [
        request("hi", tier=tier("another-name", "scripted/light")),
        request("hi", tier=tier("light", price=Price(99, 99))),
        request("hi", tier=tier("light", params={"api_key_env": "OTHER_KEY"})),
        request("hi", turn=7),
    ],
)
def test_what_cannot_change_the_answer_is_no_part_of_the_key(other: Request) -> None:
    assert key(other) == key(request("hi"))


def test_the_backends_fingerprint_and_the_salt_are_part_of_the_key() -> None:
    assert len({key(request("hi")), key(request("hi"), "seed 2"), key(request("hi"), salt="two-step")}) == 3


@pytest.mark.parametrize("model", ["simulated/light", "recorded"])
def test_a_backend_that_answers_by_turn_has_a_key_by_turn(model: str) -> None:
    """A shortened context can show two turns the same prompt."""
    second, fifth = (request("go on", tier=tier("light", model), turn=turn) for turn in (2, 5))

    assert key(second) != key(fifth)


TEXT = st.text(max_size=4)
MESSAGES = st.lists(st.builds(Message, st.sampled_from(["user", "assistant"]), TEXT), max_size=3).map(tuple)


@given(*[st.tuples(TEXT, MESSAGES, MESSAGES, st.integers(0, 1), TEXT)] * 2)
def test_two_requests_share_a_key_only_if_they_are_the_same(first: tuple, second: tuple) -> None:  # type: ignore[type-arg]
    def asked(parts: tuple) -> str:  # type: ignore[type-arg]
        system, history, now, sample, conversation = parts
        base = request(system=system, history=History().plus(*history), sample=sample, conversation=conversation)
        return key(replace(base, now=now))

    assert (asked(first) == asked(second)) == (first == second)


# --- keeping calls -------------------------------------------------------------------------


def counting(said: Reply | Exception | None = None, wait: asyncio.Event | None = None) -> tuple[Send, list[Request]]:
    """A backend that keeps what it was sent; it may wait for an event, or fail."""
    sent: list[Request] = []

    async def send(asked: Request) -> Reply:
        sent.append(asked)
        await (wait.wait() if wait else asyncio.sleep(0))
        if isinstance(said, Exception):
            raise said
        return said or reply()

    return send, sent


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def fetched(path: Path, send: Send | None, times: int = 1) -> list[Reply]:
    async def together() -> list[Reply]:
        with Store(path) as store:
            return list(await asyncio.gather(*(store.fetch(KEY, request(), send) for _ in range(times))))

    return asyncio.run(together())


def test_a_call_is_sent_once_and_found_by_the_next_run(path: Path) -> None:
    said = reply("grüß \ud800", usage=Usage(1, 2, 3, 4, 5, True), notes=("dropped seed",), model="m", finish="stop")
    send, sent = counting(said)

    assert fetched(path, send) == fetched(path, None) == [said]
    assert len(sent) == 1


def test_a_reply_without_usage_or_latency_comes_back_without(path: Path) -> None:
    fetched(path, counting(reply(usage=None, latency_s=None))[0])

    assert fetched(path, None)[0] == reply(usage=None, latency_s=None)


def test_tasks_that_ask_at_once_share_one_call(path: Path) -> None:
    send, sent = counting()

    assert fetched(path, send, times=50) == [reply()] * 50
    assert len(sent) == 1


def test_everybody_who_waits_sees_the_error_and_the_next_one_tries_again(path: Path) -> None:
    async def scenario() -> tuple[list[object], Reply]:
        with Store(path) as store:
            failing, _ = counting(ModelError("timeout", "late"))
            first = await asyncio.gather(
                *(store.fetch(KEY, request(), failing) for _ in range(3)), return_exceptions=True
            )
            return list(first), await store.fetch(KEY, request(), counting()[0])

    errors, said = asyncio.run(scenario())
    assert [str(each) for each in errors] == ["timeout: late"] * 3
    assert said == reply()


def test_a_miss_while_nothing_may_be_sent_names_its_place(path: Path) -> None:
    with pytest.raises(MissError, match="conversation 'c1', turn 1, tier 'light'"):
        fetched(path, None)


def test_when_the_sender_is_cancelled_somebody_who_waits_sends_it(path: Path) -> None:
    async def scenario() -> tuple[list[Reply], int]:
        with Store(path) as store:
            gate = asyncio.Event()
            send, sent = counting(wait=gate)
            tasks = [asyncio.create_task(store.fetch(KEY, request(), send)) for _ in range(4)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            tasks[2].cancel()
            await asyncio.sleep(0)
            gate.set()
            return await asyncio.gather(tasks[1], tasks[3]), len(sent)

    assert asyncio.run(scenario()) == ([reply(), reply()], 2)


def test_a_waiter_that_is_cancelled_disturbs_nobody(path: Path) -> None:
    async def scenario() -> tuple[Reply, int]:
        with Store(path) as store:
            gate = asyncio.Event()
            send, sent = counting(wait=gate)
            first, second = (asyncio.create_task(store.fetch(KEY, request(), send)) for _ in range(2))
            await asyncio.sleep(0)
            second.cancel()
            gate.set()
            return await first, len(sent)

    assert asyncio.run(scenario()) == (reply(), 1)


def test_a_commit_that_fails_reaches_everybody_who_waits_and_hangs_nobody(path: Path) -> None:
    async def scenario() -> list[object]:
        with Store(path) as store:
            full = sqlite3.connect(path)
            full.execute("CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END")
            full.close()
            keys = [f"{n:064x}" for n in (1, 1, 2, 3)]
            fetches = [store.fetch(each, request(), counting()[0]) for each in keys]
            return list(await asyncio.wait_for(asyncio.gather(*fetches, return_exceptions=True), 10))

    errors = asyncio.run(scenario())
    assert all(isinstance(each, InputError) and "disk is full" in str(each) for each in errors)


@pytest.mark.parametrize("damage", [b"", b"not zstd", b"\x28\xb5\x2f\xfd"])
def test_a_row_that_cannot_be_read_is_fetched_again_once(path: Path, damage: bytes) -> None:
    fetched(path, counting()[0])
    with sqlite3.connect(path) as database:
        database.execute("UPDATE calls SET reply = ?", (damage,))
    database.close()
    send, sent = counting(reply("again"))

    assert fetched(path, send) == fetched(path, send) == [reply("again")]
    assert len(sent) == 1


def test_a_flipped_bit_in_a_stored_answer_is_noticed(path: Path) -> None:
    """Every bit of the stored body is covered by its checksum, also where it would decompress to another text."""
    fetched(path, counting(reply("the dose is 10 mg, " * 3))[0])
    with sqlite3.connect(path) as database:
        (body,) = database.execute("SELECT reply FROM calls").fetchone()
        with Store(path) as store:
            for bit in range(8 * len(body)):
                broken = bytearray(body)
                broken[bit // 8] ^= 1 << bit % 8
                assert store._unpack(bytes(broken)) in (None, reply("the dose is 10 mg, " * 3))
    database.close()


def test_a_file_that_is_no_store_is_refused_in_one_line(path: Path) -> None:
    path.write_text("something else entirely, and long enough to look like a file" * 20)

    with pytest.raises(InputError, match="cannot be opened"):
        Store(path)


def test_a_store_of_a_newer_version_is_refused(path: Path) -> None:
    Store(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version=99")
    database.close()

    with pytest.raises(InputError, match="newer ladder-bench"):
        Store(path)


# --- several processes ---------------------------------------------------------------------

WORKER = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from builders import reply, request
from ladder_bench.store import Store

async def send(asked):
    os.write(log, (asked.now[0].content + "\\n").encode())
    await asyncio.sleep(0.01)
    return reply("answer to " + asked.now[0].content)

async def main():
    with Store(Path(sys.argv[1])) as store:
        for start in range(0, {calls}, 10):
            keys = range(start, min(start + 10, {calls}))
            await asyncio.gather(*(store.fetch(f"{{n:04x}}" * 16, request(str(n)), send) for n in keys))

log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
asyncio.run(main())
"""


def worker(path: Path, log: Path, calls: int) -> subprocess.Popen[bytes]:
    """A process that fetches `calls` calls and logs each that it sends."""
    code = WORKER.format(tests=str(Path(__file__).parent), calls=calls)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen([sys.executable, "-c", code, str(path), str(log)], env=environment, stderr=subprocess.PIPE)


def finished(process: subprocess.Popen[bytes]) -> int:
    _, errors = process.communicate(timeout=60)
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


def test_processes_that_ask_at_once_share_one_call(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "sent"
    together = [worker(path, log, 60) for _ in range(3)]

    assert [finished(each) for each in together] == [0, 0, 0]
    assert sorted(log.read_text().split(), key=int) == [str(n) for n in range(60)]


def test_a_process_killed_at_any_moment_loses_at_most_its_calls_in_flight(path: Path, tmp_path: Path) -> None:
    log = tmp_path / "sent"
    for delay in (0.02, 0.11, 0.05, 0.17, 0.08):
        process = worker(path, log, 200)
        before = log.stat().st_size if log.exists() else 0
        while process.poll() is None and (not log.exists() or log.stat().st_size == before):
            os.sched_yield()  # until it sends something
        try:
            process.wait(delay)
        except subprocess.TimeoutExpired:
            process.kill()
        finished(process)
    finished(worker(path, log, 200))

    sent = log.read_text().split()
    assert set(sent) == {str(n) for n in range(200)}
    assert len(sent) <= 200 + 5 * 10
    with Store(path) as store:
        replies = [store.get(f"{n:04x}" * 16) for n in range(200)]
    assert replies == [reply(f"answer to {n}") for n in range(200)]
