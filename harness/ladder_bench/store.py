"""The call store: every finished call, once, under a key made of everything that can change its answer.

SQLite in WAL mode, replies compressed. A call is durable before anybody uses it; a key being fetched is awaited, not
fetched again, by the tasks of this process and by other processes.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import zstandard

from ladder_bench.content import display
from ladder_bench.domain import Reply, Request, Tier, Usage, canonical, digest_of
from ladder_bench.errors import InputError, LadderBenchError

SCHEMA = 1
BUSY_S = 30.0
LOCK_POLL_S = 0.02
Fetch = Callable[[Request], Awaitable[Reply]]


class MissError(LadderBenchError):
    """A call that is not in the store while nothing may be sent."""


def backend_of(tier: Tier, fingerprint: str) -> str:
    """What answers, whatever it is called: the model and its parameters (base URL included), and its fingerprint.

    `fingerprint` is the backend's own: a simulator's seed and gold data, a recording's hash. Which variable holds the
    key to a provider is no part of it: the same model answers.
    """
    params = {name: value for name, value in tier.params.items() if name != "api_key_env"}
    return digest_of(str(SCHEMA), tier.model, canonical(params), fingerprint)


def key_of(request: Request, backend: str, salt: str = "") -> str:
    """Key of a request: all that can change its answer, and the conversation, so that draws stay independent.

    Never the tier's name, the strategy's name or the transport. `salt` separates what must not be shared. An offline
    backend answers from the turn, so the turn counts there: a shortened context can show two turns the same prompt.
    """
    offline = request.tier.simulated or request.tier.recorded
    return digest_of(
        backend,
        request.origin.conversation,
        str(request.origin.turn) if offline else "",
        str(request.sample),
        request.system,
        request.history.digest,
        *(message.digest for message in request.now),
        salt,
    )


@dataclass(slots=True)
class Counts:
    """Keys that this run sent, and keys that it found finished from earlier runs."""

    sent: set[str] = field(default_factory=set)
    from_store: set[str] = field(default_factory=set)


class Store:
    """Calls on disk. Use as a context manager. Raises InputError where the file cannot be opened or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts = Counts()
        self._flights: dict[str, asyncio.Future[Reply]] = {}
        self._pending: list[tuple[str, bytes, asyncio.Future[None]]] = []
        self._compress = zstandard.ZstdCompressor(level=3, write_checksum=True).compress
        self._decompress = zstandard.ZstdDecompressor().decompress
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
            self._prepare()
            self._locks = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"{display(path)}: the call store cannot be opened: {error}; choose another with --store"
            ) from None

    def _prepare(self) -> None:
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA:
            raise InputError(
                f"{display(self.path)}: written by a newer ladder-bench (store version {version}, not {SCHEMA}); "
                "upgrade, or choose another with --store"
            )
        if version < SCHEMA:
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, reply BLOB NOT NULL) WITHOUT ROWID"
            )
            self._database.execute(f"PRAGMA user_version={SCHEMA}")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()
        os.close(self._locks)

    def get(self, key: str) -> Reply | None:
        """The stored reply, or None where there is none that can be read. Raises InputError for a broken file."""
        try:
            row = self._database.execute("SELECT reply FROM calls WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise InputError(
                f"{display(self.path)}: the call store cannot be read: {error}; choose another with --store"
            ) from None
        return self._unpack(row[0]) if row else None

    def _found(self, key: str) -> Reply | None:
        reply = self.get(key)
        if reply is not None and key not in self.counts.sent:
            self.counts.from_store.add(key)
        return reply

    async def fetch(self, key: str, request: Request, send: Fetch | None) -> Reply:
        """Reply for a request: stored, or sent once however many ask.

        Raises MissError where there is no `send`, ModelError from `send`, InputError where the store fails.
        """
        while True:
            if (reply := self._found(key)) is not None:
                return reply
            if send is None:
                raise MissError(
                    f"not in the store, and nothing may be sent: conversation '{request.origin.conversation}', "
                    f"turn {request.origin.turn}, tier '{request.tier.name}'"
                )
            flight = self._flights.get(key)
            if flight is None:
                return await self._fly(key, request, send)
            await asyncio.wait([flight])
            if not flight.cancelled():  # else its sender was cancelled, and we were not: send it ourselves
                return flight.result()

    async def _fly(self, key: str, request: Request, send: Fetch) -> Reply:
        """Send a call that others may wait for; they see its reply or its error."""
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._send_once(key, request, send)
        except BaseException as error:
            if isinstance(error, Exception):
                flight.set_exception(error)
                flight.exception()  # whoever waits sees it; nobody waiting is no fault
            else:
                flight.cancel()
            raise
        else:
            flight.set_result(reply)
            return reply
        finally:
            del self._flights[key]

    async def _send_once(self, key: str, request: Request, send: Fetch) -> Reply:
        """Hold the key's byte of the lock file, which the kernel frees at kill -9, while the call is in flight."""
        place = int(key[:15], 16)
        while not self._locked(place):
            await asyncio.sleep(LOCK_POLL_S)
        try:
            if (reply := self._found(key)) is not None:  # another process finished it while we waited
                return reply
            self.counts.sent.add(key)
            reply = await send(request)
            await self._durable(key, reply)
            return reply
        finally:
            fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, place)

    def _locked(self, place: int) -> bool:
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):  # another process holds it
            return False
        except OSError as error:
            raise InputError(
                f"{display(self.path)}: the call store cannot be locked: {error}; "
                "choose one on a local disk with --store"
            ) from None
        return True

    async def _durable(self, key: str, reply: Reply) -> None:
        """Wait until the reply is on disk. Replies that finish together share one commit."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((key, self._pack(reply), done))
        if len(self._pending) == 1:
            asyncio.get_running_loop().call_soon(self._commit)
        await done

    def _commit(self) -> None:
        batch, self._pending = self._pending, []
        problem: InputError | None = None
        try:
            self._database.execute("BEGIN IMMEDIATE")
            # replace: a row that could not be read was fetched again
            self._database.executemany("INSERT OR REPLACE INTO calls VALUES (?, ?)", [row[:2] for row in batch])
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            problem = InputError(
                f"{display(self.path)}: the call store cannot be written: {error}; "
                "free some space or choose another with --store"
            )
            with contextlib.suppress(sqlite3.Error):
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
        for _, _, done in batch:
            if done.cancelled():
                continue
            if problem is None:
                done.set_result(None)
            else:
                done.set_exception(problem)

    def _pack(self, reply: Reply) -> bytes:
        return self._compress(json.dumps(asdict(reply)).encode())

    def _unpack(self, blob: bytes) -> Reply | None:
        """A stored reply; None where its bytes do not check out, so that it is fetched again."""
        try:
            row = json.loads(self._decompress(blob))
            usage = row.pop("usage")
            return Reply(usage=Usage(**usage) if usage else None, **{**row, "notes": tuple(row["notes"])})
        except (zstandard.ZstdError, ValueError, TypeError, KeyError, AttributeError):
            return None
