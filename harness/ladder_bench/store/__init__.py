"""The call store: every finished call, once, under a key made of everything that can change its answer.

A call is durable before anybody uses it; a key being fetched is awaited, not fetched again, by the tasks of this
process and by other processes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ladder_bench.content import display
from ladder_bench.domain import Reply, Request
from ladder_bench.errors import InputError, LadderBenchError
from ladder_bench.store import database
from ladder_bench.store.keys import backend_of, key_of

__all__ = ["Counts", "MissError", "Send", "Stale", "Store", "backend_of", "key_of"]

LOCK_POLL_S = 0.02
Send = Callable[[str, Request], Awaitable[Reply]]
Stale = Callable[[str, Reply], bool]
Pause = Callable[[float], Awaitable[None]]
Work = Callable[[sqlite3.Connection], Any]


class MissError(LadderBenchError):
    """A call that is not in the store while nothing may be sent."""


@dataclass(slots=True)
class Counts:
    """Keys that this run sent, that it found finished from earlier runs, and whose stored rows were damaged."""

    sent: set[str] = field(default_factory=set)
    from_store: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)


class Store:
    """Calls on disk. Use as a context manager. Raises InputError where the file cannot be opened or written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts = Counts()
        self._flights: dict[str, asyncio.Future[Reply]] = {}
        self._pending: list[tuple[Work, asyncio.Future[Any]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._database = database.connect(path)
        self._writer = database.connect(path, any_thread=True)
        self._beside = ThreadPoolExecutor(1, "store")
        try:
            self._locks = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            self._database.close()
            self._writer.close()
            raise database.cannot("opened", path, error) from None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._beside.shutdown()
        self._writer.close()
        self._database.close()
        os.close(self._locks)

    # --- reading ---------------------------------------------------------------------------

    def get(self, key: str) -> Reply | None:
        """The stored reply, or None where there is none that can be trusted. Raises InputError for a broken file."""
        try:
            row = self._database.execute(f"{database.ROW} WHERE c.key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise database.cannot("read", self.path, error) from None
        if row is None:
            return None
        reply = database.unpack(row)
        if reply is None:
            self.counts.damaged.add(key)
        return reply

    def _found(self, key: str, stale: Stale | None) -> Reply | None:
        """The stored reply, unless it is stale."""
        reply = self.get(key)
        if reply is None or (stale is not None and stale(key, reply)):
            return None
        if key not in self.counts.sent:
            self.counts.from_store.add(key)
        return reply

    # --- sending once ----------------------------------------------------------------------

    async def fetch(
        self, key: str, request: Request, send: Send | None, stale: Stale | None = None, pause: Pause = asyncio.sleep
    ) -> Reply:
        """Reply for a request: stored and not `stale`, or sent once however many ask.

        `pause` waits while another process sends the call. Raises MissError where there is no `send`, InputError where
        the store fails, and whatever `send` and `pause` raise.
        """
        while True:
            if (reply := self._found(key, stale)) is not None:
                return reply
            if send is None:
                raise MissError(
                    f"not in the store, and nothing may be sent: conversation '{request.origin.conversation}', "
                    f"turn {request.origin.turn}, tier '{request.tier.name}'"
                )
            flight = self._flights.get(key)
            if flight is None:
                return await self._fly(key, request, send, stale, pause)
            await asyncio.wait([flight])
            if not flight.cancelled():  # else its sender was cancelled, and we were not: send it ourselves
                return flight.result()

    async def _fly(self, key: str, request: Request, send: Send, stale: Stale | None, pause: Pause) -> Reply:
        """Send a call that others may wait for; they see its reply or its error."""
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._send_once(key, request, send, stale, pause)
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

    async def _send_once(self, key: str, request: Request, send: Send, stale: Stale | None, pause: Pause) -> Reply:
        """Hold the key's byte of the lock file, which the kernel frees at kill -9, while the call is in flight."""
        place = int(key[:15], 16)
        while not self._locked(place):
            await pause(LOCK_POLL_S)
        try:
            if (reply := self._found(key, stale)) is not None:  # another process finished it while we waited
                return reply
            self.counts.sent.add(key)
            return await send(key, request)
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

    # --- writing ---------------------------------------------------------------------------

    async def durable(self, work: Work) -> Any:
        """Do work on the database, and return its result when it is on disk. What comes together shares one commit."""
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending.append((work, done))
        if self._writing is None:
            self._writing = asyncio.create_task(self._commits())
        return await done

    async def _commits(self) -> None:
        """Commit batch after batch beside the event loop: a disk takes milliseconds, and answers arrive meanwhile."""
        loop = asyncio.get_running_loop()
        try:
            while self._pending:
                batch, self._pending = self._pending, []
                try:
                    results = await loop.run_in_executor(self._beside, self._done, [work for work, _ in batch])
                except Exception as error:
                    for _, done in batch:
                        if not done.cancelled():
                            done.set_exception(error)
                else:
                    for (_, done), result in zip(batch, results, strict=True):
                        if not done.cancelled():
                            done.set_result(result)
        finally:
            self._writing = None

    def _done(self, batch: list[Work]) -> list[Any]:
        return list(self._within(self._writer, lambda connection: [work(connection) for work in batch]))

    def read(self, work: Work) -> Any:
        """Ask the database something."""
        try:
            return work(self._database)
        except sqlite3.Error as error:
            raise database.cannot("read", self.path, error) from None

    def write(self, work: Work) -> Any:
        """Do work on the database at once."""
        return self._within(self._database, work)

    def _within(self, connection: sqlite3.Connection, work: Work) -> Any:
        if not self._in_place():
            raise InputError(f"{display(self.path)}: the call store was moved or removed while it was in use")
        try:
            with database.transaction(connection):
                return work(connection)
        except sqlite3.Error as error:
            raise database.cannot("written", self.path, error) from None

    def _in_place(self) -> bool:
        """Whether the path still leads to the files that were opened: what is written elsewhere is lost."""
        try:
            return os.path.samestat(os.fstat(self._locks), self.path.with_suffix(".lock").stat()) and self.path.exists()
        except OSError:
            return False
