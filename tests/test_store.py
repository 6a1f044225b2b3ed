"""Every finished call, once, under a key made of everything that can change its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from builders import reply, request, tier
from ladder_bench.domain import History, Message, Price, Reply, Request, Usage
from ladder_bench.errors import InputError, ModelError
from ladder_bench.store import MissError, Send, Store, backend_of, database, key_of, ledger

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


class Backend:
    """A backend that keeps what it was sent; it may wait for an event, or fail. What it answers is durable first."""

    def __init__(self, said: Reply | Exception | None = None, wait: asyncio.Event | None = None) -> None:
        self.said, self.wait = said or reply(), wait
        self.sent: list[str] = []

    def on(self, store: Store) -> Send:
        async def send(key: str, asked: Request) -> Reply:
            self.sent.append(key)
            await (self.wait.wait() if self.wait else asyncio.sleep(0))
            if isinstance(self.said, Exception):
                raise self.said
            said = self.said
            await store.durable(lambda db: database.put(db, key, asked.origin.conversation, asked.tier.model, said))
            return said

        return send


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "calls.sqlite"


def fetched(path: Path, backend: Backend | None, times: int = 1, since: float | None = None) -> list[Reply]:
    async def together() -> list[Reply]:
        with Store(path) as store:
            send = backend.on(store) if backend else None

            def stale(_: str, found: Reply) -> bool:
                return since is not None and found.at is not None and found.at < since

            return list(await asyncio.gather(*(store.fetch(KEY, request(), send, stale) for _ in range(times))))

    return asyncio.run(together())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """The file as any program sees it, changes written when the block ends."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection


WHOLE = reply(
    "grüß \ud800", usage=Usage(1, 2, 3, 4, 5, True), notes=("dropped seed",), model="m", finish="stop",
    first_token_s=0.05, at=1.7e9,
)  # fmt: skip


def test_a_call_is_sent_once_and_found_by_the_next_run(path: Path) -> None:
    backend = Backend(WHOLE)

    assert fetched(path, backend) == fetched(path, None) == [WHOLE]
    assert backend.sent == [KEY]


def test_a_reply_without_usage_or_latency_comes_back_without(path: Path) -> None:
    fetched(path, Backend(reply(usage=None, latency_s=None)))

    assert fetched(path, None)[0] == reply(usage=None, latency_s=None)


def test_a_text_that_several_calls_share_is_stored_once(path: Path) -> None:
    with Store(path) as store:
        for n in range(3):
            store.write(lambda db, n=n: database.put(db, f"{n:064x}", f"c{n}", "m", reply("the same")))

    with opened(path) as connection:
        assert [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("calls", "bodies")] == [
            3,
            1,
        ]


def test_tasks_that_ask_at_once_share_one_call(path: Path) -> None:
    backend = Backend()

    assert fetched(path, backend, times=50) == [reply()] * 50
    assert len(backend.sent) == 1


def test_everybody_who_waits_sees_the_error_and_the_next_one_tries_again(path: Path) -> None:
    async def scenario() -> tuple[list[object], Reply]:
        with Store(path) as store:
            failing = Backend(ModelError("timeout", "late")).on(store)
            first = await asyncio.gather(
                *(store.fetch(KEY, request(), failing) for _ in range(3)), return_exceptions=True
            )
            return list(first), await store.fetch(KEY, request(), Backend().on(store))

    errors, said = asyncio.run(scenario())
    assert [str(each) for each in errors] == ["timeout: late"] * 3
    assert said == reply()


def test_a_miss_while_nothing_may_be_sent_names_its_place(path: Path) -> None:
    with pytest.raises(MissError, match="conversation 'c1', turn 1, tier 'light'"):
        fetched(path, None)


def test_when_the_sender_is_cancelled_somebody_who_waits_sends_it(path: Path) -> None:
    async def scenario() -> tuple[list[Reply], int]:
        with Store(path) as store:
            backend = Backend(wait=asyncio.Event())
            tasks = [asyncio.create_task(store.fetch(KEY, request(), backend.on(store))) for _ in range(4)]
            await asyncio.sleep(0)
            tasks[0].cancel()
            tasks[2].cancel()
            await asyncio.sleep(0)
            assert backend.wait
            backend.wait.set()
            return await asyncio.gather(tasks[1], tasks[3]), len(backend.sent)

    assert asyncio.run(scenario()) == ([reply(), reply()], 2)


def test_a_waiter_that_is_cancelled_disturbs_nobody(path: Path) -> None:
    async def scenario() -> tuple[Reply, int]:
        with Store(path) as store:
            backend = Backend(wait=asyncio.Event())
            first, second = (asyncio.create_task(store.fetch(KEY, request(), backend.on(store))) for _ in range(2))
            await asyncio.sleep(0)
            second.cancel()
            assert backend.wait
            backend.wait.set()
            return await first, len(backend.sent)

    assert asyncio.run(scenario()) == (reply(), 1)


# --- age -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "sent"), [(99.0, 1), (100.0, 0), (None, 0)])
def test_an_answer_that_is_too_old_is_asked_for_again_and_one_without_an_age_never(
    path: Path, at: float | None, sent: int
) -> None:
    fetched(path, Backend(reply("before", at=at)))
    again = Backend(reply("again", at=200.0))

    (said,) = fetched(path, again, since=100.0)

    assert (said.text, len(again.sent)) == (("again", 1) if sent else ("before", 0))
    assert fetched(path, None) == [said]


def test_a_fresh_answer_is_asked_for_once_however_many_ask(path: Path) -> None:
    fetched(path, Backend(reply("before", at=99.0)))
    again = Backend(reply("again", at=200.0))

    assert fetched(path, again, times=20, since=100.0) == [reply("again", at=200.0)] * 20
    assert len(again.sent) == 1


def test_what_was_found_and_what_was_sent_are_counted_by_key(path: Path) -> None:
    async def scenario(other: str) -> tuple[set[str], set[str]]:
        with Store(path) as store:
            for key in (KEY, other, other):
                await store.fetch(key, request(), Backend().on(store))
            return store.counts.sent, store.counts.from_store

    fetched(path, Backend())
    other = "cd" * 32

    assert asyncio.run(scenario(other)) == ({other}, {KEY})


# --- writing -------------------------------------------------------------------------------


def test_what_is_written_together_shares_one_commit(path: Path) -> None:
    statements: list[str] = []

    async def scenario() -> list[int]:
        with Store(path) as store:
            store._writer.set_trace_callback(statements.append)
            return list(await asyncio.gather(*(store.durable(lambda db, n=n: n) for n in range(64))))

    assert asyncio.run(scenario()) == list(range(64))
    assert statements.count("COMMIT") == 1


def test_a_commit_that_fails_reaches_everybody_who_waits_and_hangs_nobody(path: Path) -> None:
    async def scenario() -> list[object]:
        with Store(path) as store:
            with opened(path) as other:
                other.execute(
                    "CREATE TRIGGER full BEFORE INSERT ON calls BEGIN SELECT RAISE(ROLLBACK, 'disk is full'); END"
                )
            keys = [f"{n:064x}" for n in (1, 1, 2, 3)]
            fetches = [store.fetch(each, request(), Backend().on(store)) for each in keys]
            return list(await asyncio.wait_for(asyncio.gather(*fetches, return_exceptions=True), 10))

    errors = asyncio.run(scenario())
    assert all(isinstance(each, InputError) and "disk is full" in str(each) for each in errors)


FULL = """
import asyncio, resource, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_store import Backend, reply, request
from ladder_bench.errors import InputError
from ladder_bench.store import Store

async def main():
    with Store(Path(sys.argv[1])) as store:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
        import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        try:
            for n in range(1000):
                await store.fetch(f"{{n:064x}}", request(), Backend(reply(str(n) * 5000)).on(store))
                print(n, flush=True)
        except InputError as error:
            print(error, file=sys.stderr)

asyncio.run(main())
"""


def test_when_the_disk_is_full_the_run_ends_in_one_line_and_what_was_answered_is_there(path: Path) -> None:
    """A file that may not grow stands for a disk that is full."""
    done = python(FULL.format(tests=str(Path(__file__).parent), limit=200_000), str(path))
    said, errors = done.communicate(timeout=60)

    assert errors.decode().count("\n") == 1, errors.decode()
    assert "the call store cannot be written" in errors.decode()
    kept = len(said.split())
    assert kept > 0
    with Store(path) as store:
        assert all(store.get(f"{n:064x}") for n in range(kept))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_store_that_may_not_be_written_is_refused_in_one_line(path: Path) -> None:
    Store(path).close()
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with pytest.raises(InputError, match=r"calls\.sqlite: the call store cannot be"):
            fetched(path, Backend())
    finally:
        path.parent.chmod(0o700)


def test_a_file_that_became_read_only_is_refused_in_one_line(path: Path) -> None:
    async def scenario() -> None:
        with Store(path) as store:
            store._writer.execute("PRAGMA query_only=ON")  # what SQLite says on a file system gone read-only
            await store.fetch(KEY, request(), Backend().on(store))

    with pytest.raises(InputError, match="the call store cannot be written: attempt to write a readonly database"):
        asyncio.run(scenario())


def test_a_place_where_no_file_can_be_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for path in (tmp_path, tmp_path / "file" / "calls.sqlite"):
        with pytest.raises(InputError, match="the call store cannot be opened"):
            Store(path)


# --- damage --------------------------------------------------------------------------------

DAMAGES = {
    "an empty reply": "UPDATE calls SET reply = x''",
    "a reply that is not compressed": "UPDATE calls SET reply = 'not zstd'",
    "a reply cut off": "UPDATE calls SET reply = substr(reply, 1, 8)",
    "a body that is gone": "DELETE FROM bodies",
    "a body cut off": "UPDATE bodies SET body = substr(body, 1, 8)",
    "an empty body": "UPDATE bodies SET body = x''",
    "a body that claims to be huge": "UPDATE bodies SET body = x'28b52ffde000000000000000010000' || body",
    "another model": "UPDATE calls SET model = 'other'",
    "another age": "UPDATE calls SET at = 1.0",
    "another conversation": "UPDATE calls SET conversation = 'c2'",
    "a conversation that is no text": "UPDATE calls SET conversation = CAST(x'ff' AS TEXT)",
    "another seal": "UPDATE calls SET seal = x'00'",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_row_is_named_and_fetched_again_once(path: Path, damage: str) -> None:
    async def scenario(backend: Backend) -> tuple[Reply, set[str]]:
        with Store(path) as store:
            return await store.fetch(KEY, request(), backend.on(store)), store.counts.damaged

    fetched(path, Backend())
    with opened(path) as connection:
        connection.execute(damage)
    backend = Backend(reply("again"))

    assert asyncio.run(scenario(backend)) == (reply("again"), {KEY})
    assert asyncio.run(scenario(backend)) == (reply("again"), set())
    assert len(backend.sent) == 1


def test_an_age_in_whole_seconds_is_as_good_as_any(path: Path) -> None:
    fetched(path, Backend(reply(at=100)))

    assert fetched(path, None) == [reply(at=100.0)]


def test_a_row_under_another_key_is_not_trusted(path: Path) -> None:
    """A key that changed by a bit would answer another request."""
    fetched(path, Backend())
    other = "ac" * 32
    with opened(path) as connection:
        connection.execute("UPDATE calls SET key = ?", (other,))

    with Store(path) as store:
        assert store.get(other) is None
        assert store.counts.damaged == {other}


@pytest.mark.parametrize("column", ["c.reply", "b.body", "c.body", "c.seal"])
def test_a_flipped_bit_is_noticed_wherever_it_is(path: Path, column: str) -> None:
    """Also where the bytes would decompress to another text."""
    said = reply("the dose is 10 mg, " * 3)
    fetched(path, Backend(said))
    with opened(path) as connection:
        row = list(connection.execute(database.ROW).fetchone())
    place = ["key", "conversation", "model", "at", "c.body", "c.reply", "c.seal", "b.body"].index(column)
    blob = row[place]

    for bit in range(8 * len(blob)):
        broken = bytearray(blob)
        broken[bit // 8] ^= 1 << bit % 8
        row[place] = bytes(broken)
        assert database.unpack(tuple(row)) in (None, said)


# --- files of others, and of other versions ------------------------------------------------


def test_a_file_that_is_no_store_is_refused_in_one_line(path: Path) -> None:
    path.write_text("something else entirely, and long enough to look like a file" * 20)

    with pytest.raises(InputError, match="cannot be opened"):
        Store(path)


@pytest.mark.parametrize(
    "marks",
    ["", "PRAGMA user_version=1", "PRAGMA user_version=2", "PRAGMA application_id=7", "PRAGMA application_id=7; PRAGMA user_version=99"],
)  # fmt: skip
def test_another_programs_database_is_refused_and_left_as_it_is(path: Path, marks: str) -> None:
    with opened(path) as connection:
        connection.executescript(f"CREATE TABLE notes (text); {marks}")
    before = path.read_bytes()

    with pytest.raises(InputError, match="is another program's database; choose another with --store"):
        Store(path)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(path: Path) -> None:
    with opened(path) as connection:
        connection.executescript(
            f"CREATE TABLE calls (what); PRAGMA application_id={database.APPLICATION}; PRAGMA user_version=99"
        )
    before = path.read_bytes()

    with pytest.raises(InputError, match=r"newer ladder-bench \(store version 99, not 2\)"):
        Store(path)
    assert path.read_bytes() == before  # not switched to write-ahead logging, either
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def version_1(path: Path, replies: dict[str, bytes]) -> None:
    with opened(path) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE calls (key TEXT PRIMARY KEY, reply BLOB NOT NULL) WITHOUT ROWID")
        connection.executemany("INSERT INTO calls VALUES (?, ?)", replies.items())
        connection.execute("PRAGMA user_version=1")


def packed(said: Reply) -> bytes:
    """A reply as version 1 stored it: whole, in one column."""
    new = ("first_token_s", "at")
    old: dict[str, Any] = {name: value for name, value in asdict(said).items() if name not in new}
    return zstandard.ZstdCompressor(write_checksum=True).compress(json.dumps(old).encode())


def test_a_store_of_version_1_is_upgraded_and_its_calls_are_found(path: Path) -> None:
    said = replace(WHOLE, first_token_s=None, at=None)
    version_1(path, {KEY: packed(said), "cd" * 32: packed(reply(usage=None))})

    assert fetched(path, None) == fetched(path, None) == [said]
    with opened(path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (2,)


@pytest.mark.parametrize("blob", [b"", b"not zstd", packed(reply())[:-3], zstandard.compress(b'"text"')])
def test_a_damaged_row_of_version_1_is_left_behind(path: Path, blob: bytes) -> None:
    version_1(path, {KEY: blob, "cd" * 32: packed(reply())})

    with Store(path) as store:
        assert store.get(KEY) is None
        assert store.get("cd" * 32) == reply()


def test_processes_that_upgrade_at_once_upgrade_it_once(path: Path) -> None:
    version_1(path, {f"{n:064x}": packed(reply(str(n))) for n in range(300)})
    code = (
        "import sys; from pathlib import Path; from ladder_bench.store import Store; Store(Path(sys.argv[1])).close()"
    )

    assert [finished(each) for each in [python(code, str(path)) for _ in range(3)]] == [0, 0, 0]
    with Store(path) as store:
        assert [store.get(f"{n:064x}") for n in range(300)] == [reply(str(n)) for n in range(300)]


# --- the ledger ----------------------------------------------------------------------------


@pytest.fixture
def accounts(path: Path) -> Iterator[sqlite3.Connection]:
    connection = database.connect(path)
    ledger.begin(connection, "e")
    yield connection
    connection.close()


def reserve(connection: sqlite3.Connection, worst: float, cap: float | None = 1.0) -> int | None:
    with database.transaction(connection):
        return ledger.reserve(connection, "e", KEY, "c1", "light", worst, cap)


def settle(connection: sqlite3.Connection, attempt: int | None, paid: float | None, certain: bool = True) -> None:
    assert attempt is not None
    with database.transaction(connection):
        ledger.settle(connection, attempt, "answered" if certain else "timeout", 0.1, paid, certain)


def test_what_could_break_the_cap_is_not_reserved(accounts: sqlite3.Connection) -> None:
    assert [reserve(accounts, 0.4) is not None for _ in range(3)] == [True, True, False]
    assert reserve(accounts, 0.2) is not None  # to the last cent
    assert reserve(accounts, 1e-9) is None
    assert reserve(accounts, 1e-9, cap=1.1) is not None  # a cap that was raised
    assert reserve(accounts, 100, cap=None) is not None


def test_a_settled_attempt_gives_back_what_it_did_not_cost(accounts: sqlite3.Connection) -> None:
    settle(accounts, reserve(accounts, 0.9), paid=0.1)

    assert reserve(accounts, 0.9) is not None
    assert reserve(accounts, 0.1) is None


@pytest.mark.parametrize(("paid", "room"), [(None, 0.1), (0.2, 0.1), (0.95, 0.05)])
def test_an_attempt_of_unknown_outcome_keeps_its_reservation_or_what_it_cost_if_more(
    accounts: sqlite3.Connection, paid: float | None, room: float
) -> None:
    settle(accounts, reserve(accounts, 0.9), paid, certain=False)

    assert reserve(accounts, room + 0.01) is None
    assert reserve(accounts, room) is not None


def test_amounts_add_up_and_unknown_ones_are_bounded(accounts: sqlite3.Connection) -> None:
    settle(accounts, reserve(accounts, 0.5), paid=0.1)
    settle(accounts, reserve(accounts, 0.3), paid=None, certain=False)
    reserve(accounts, 0.1)  # in flight, or killed

    assert ledger.spent(accounts, "e") == ledger.Spent(paid=0.1, at_most=0.5, attempts=3, failed=2)


def test_a_run_that_is_complete_leaves_room_for_the_next_of_its_kind(accounts: sqlite3.Connection) -> None:
    settle(accounts, reserve(accounts, 0.9), paid=0.9)
    ledger.complete(accounts, "e")
    ledger.begin(accounts, "e")

    assert ledger.spent(accounts, "e").attempts == 0
    assert reserve(accounts, 0.9) is not None
    assert accounts.execute("SELECT sum(paid) FROM attempts").fetchone() == (900_000_000,)


def test_going_on_with_a_run_keeps_what_it_has_spent_and_what_was_answered(accounts: sqlite3.Connection) -> None:
    ledger.begin(accounts, "e")
    settle(accounts, reserve(accounts, 0.9), paid=0.9)
    (key,) = accounts.execute("SELECT key FROM attempts").fetchone()
    ledger.begin(accounts, "e")

    assert ledger.answered(accounts, "e", key)
    assert not ledger.answered(accounts, "another", key)
    assert reserve(accounts, 0.2) is None


@given(
    st.lists(st.tuples(st.floats(0, 0.4), st.floats(0, 1), st.sampled_from(["paid", "unknown", "open"])), max_size=30)
)
def test_what_is_held_never_exceeds_the_cap(attempts: list[tuple[float, float, str]]) -> None:
    """Where no call costs more than its worst case."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(database.TABLES)
        ledger.begin(connection, "e")
        for worst, share, end in attempts:
            attempt = reserve(connection, worst)
            if attempt is not None and end != "open":
                settle(connection, attempt, worst * share if end == "paid" else None, certain=end == "paid")

        (held,) = connection.execute("SELECT held FROM experiments").fetchone()
        assert held <= ledger.NANO
        assert round(ledger.spent(connection, "e").at_most * ledger.NANO) == held


RESERVES = """
import sys
from pathlib import Path
from ladder_bench.store import Store, ledger
with Store(Path(sys.argv[1])) as store:
    store.write(lambda db: ledger.begin(db, "e"))
    got = [store.write(lambda db: ledger.reserve(db, "e", "k", "c", "t", 0.01, 1.0)) for _ in range(100)]
    print(sum(each is not None for each in got))
"""


def test_processes_that_reserve_at_once_stay_below_the_cap_together(path: Path) -> None:
    together = [python(RESERVES, str(path)) for _ in range(2)]

    granted = []
    for each in together:
        said, errors = each.communicate(timeout=60)
        assert each.returncode == 0, errors.decode()
        granted.append(int(said))
    assert sum(granted) == 100
    with opened(path) as connection:
        assert connection.execute("SELECT held FROM experiments").fetchone() == (ledger.NANO,)


# --- several processes ---------------------------------------------------------------------

WORKER = """
import asyncio, os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from builders import reply, request
from ladder_bench.store import Store, database

async def main():
    with Store(Path(sys.argv[1])) as store:
        async def send(key, asked):
            os.write(log, (asked.now[0].content + "\\n").encode())
            await asyncio.sleep(0.01)
            said = reply("answer to " + asked.now[0].content)
            await store.durable(lambda db: database.put(db, key, "c1", "m", said))
            return said

        for start in range(0, {calls}, 10):
            keys = range(start, min(start + 10, {calls}))
            await asyncio.gather(*(store.fetch(f"{{n:04x}}" * 16, request(str(n)), send) for n in keys))

log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
asyncio.run(main())
"""


def python(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def worker(path: Path, log: Path, calls: int) -> subprocess.Popen[bytes]:
    """A process that fetches `calls` calls and logs each that it sends."""
    return python(WORKER.format(tests=str(Path(__file__).parent), calls=calls), str(path), str(log))


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
