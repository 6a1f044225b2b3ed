"""Upkeep of a call store: what is in it, what is damaged, and removing what nobody wants any more.

Each function works on a connection from `opened`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ladder_bench.content import did_you_mean, display, shortened
from ladder_bench.domain import Reply
from ladder_bench.errors import InputError
from ladder_bench.store import database, ledger

BUSY_S = 5.0  # a person waits for it; a run's commits take milliseconds
MOST_FAULTS = 20  # of the file, as SQLite words them
ORPHANS = "FROM bodies WHERE id NOT IN (SELECT body FROM calls)"


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a store that is there. What goes wrong on it becomes an InputError of one line."""
    connection = database.connect(path, create=False)
    try:
        connection.execute(f"PRAGMA busy_timeout={BUSY_S * 1000:.0f}")
        connection.text_factory = lambda data: data.decode("utf-8", "replace")  # a damaged name must not stop a reader
        yield connection
    except sqlite3.Error as error:
        raise _told(path, error) from None
    finally:
        connection.close()


def _told(path: Path, error: sqlite3.Error) -> InputError:
    if _code(error) == sqlite3.SQLITE_BUSY:
        what = "another process is using the call store; wait until it has finished, or stop it"
    elif _code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        what = f"the file of the call store is damaged: {error}; {RESCUE}"
    elif _code(error) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
        what = f"the call store cannot be changed: {error}; nothing was, free some space and try again"
    else:
        what = f"the call store cannot be changed: {error}"
    return InputError(f"{display(path)}: {what}")


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary result code; 255, which it has not, where Python raised the error."""
    return getattr(error, "sqlite_errorcode", 255) & 0xFF


RESCUE = (
    "'ladder-bench store export FILE' saves every call that can be read (not the ledger of attempts); "
    "then move the store away and 'ladder-bench store import FILE'"
)


def bytes_of(path: Path) -> int:
    """Size of a store on disk, with what SQLite has not yet moved from its log into the file."""
    files = (path, path.with_name(path.name + "-wal"))
    return sum(file.stat().st_size for file in files if file.is_file())


# --- what is in it -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ModelCalls:
    """Calls of one model. Times in seconds since 1970, None where answers have no age. `bytes` as stored; an answer
    that two models share counts for both."""

    model: str
    calls: int
    oldest: float | None
    newest: float | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Attempts that ended the same way, None for those whose end nobody knows: in flight, or killed. USD."""

    outcome: str | None
    attempts: int
    paid_usd: float
    at_most_usd: float


@dataclass(frozen=True, slots=True)
class OpenExperiment:
    """A run that has begun and is not complete, since `started` (seconds since 1970), and what it has spent in USD."""

    experiment: str
    started: float
    attempts: int
    paid_usd: float
    at_most_usd: float


@dataclass(frozen=True, slots=True)
class Stats:
    calls: int
    bodies: int
    conversations: int
    models: tuple[ModelCalls, ...]
    outcomes: tuple[Outcome, ...]
    open: tuple[OpenExperiment, ...]


def stats(connection: sqlite3.Connection) -> Stats:
    """Count what a store holds; whether it can be trusted is what `verify` says."""
    with reading(connection):
        sizes = dict(
            connection.execute(
                "SELECT c.model, sum(length(b.body)) FROM (SELECT DISTINCT model, body FROM calls) c "
                "JOIN bodies b ON b.id = c.body GROUP BY c.model"
            )
        )
        models = connection.execute(
            "SELECT model, count(*), min(at), max(at), sum(length(reply)) FROM calls GROUP BY model ORDER BY model"
        )
        outcomes = connection.execute(
            "SELECT outcome, count(*), total(paid), total(max(held, coalesce(paid, 0))) FROM attempts "
            "GROUP BY outcome ORDER BY outcome IS NULL, outcome"
        )
        begun = connection.execute("SELECT id, started FROM experiments ORDER BY started, id").fetchall()
        return Stats(
            calls=_count(connection, "FROM calls"),
            bodies=_count(connection, "FROM bodies"),
            conversations=_count(connection, "FROM (SELECT DISTINCT conversation FROM calls WHERE conversation != '')"),
            models=tuple(
                ModelCalls(model, calls, oldest, newest, size + sizes.get(model, 0))
                for model, calls, oldest, newest, size in models
            ),
            outcomes=tuple(
                Outcome(outcome, attempts, paid / ledger.NANO, at_most / ledger.NANO)
                for outcome, attempts, paid, at_most in outcomes
            ),
            open=tuple(_open(connection, *row) for row in begun),
        )


def _open(connection: sqlite3.Connection, experiment: str, started: float) -> OpenExperiment:
    spent = ledger.spent(connection, experiment)
    return OpenExperiment(experiment, started, spent.attempts, spent.paid, spent.at_most)


def _count(connection: sqlite3.Connection, what: str, values: Sequence[Any] = ()) -> int:
    return int(connection.execute(f"SELECT count(*) {what}", values).fetchone()[0])


@contextlib.contextmanager
def reading(connection: sqlite3.Connection) -> Iterator[None]:
    """See the store as it is now until the block ends, whatever a run writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


# --- what is damaged -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredCall:
    """A call as it was read; `reply` is None where its bytes do not check out."""

    key: str
    conversation: str
    model: str
    reply: Reply | None


def each_call(connection: sqlite3.Connection, faults: list[str] | None = None) -> Iterator[StoredCall]:
    """Every call in the order of the keys. Where pages cannot be read, say so in `faults` and go on behind them."""
    last: str | None = ""
    while last is not None:
        try:
            for (key,) in connection.execute("SELECT key FROM calls WHERE key > ? ORDER BY key", (last,)):
                if str(key) > last:  # a damaged tree may lead back
                    last = str(key)
                    yield stored(connection, last)
            return
        except sqlite3.Error as error:
            if _code(error) == sqlite3.SQLITE_BUSY:
                raise
            if faults is not None and str(error) not in faults:
                faults.append(str(error))
            last = _behind(last)


def stored(connection: sqlite3.Connection, key: str) -> StoredCall:
    try:
        row = connection.execute(f"{database.ROW} WHERE c.key = ?", (key,)).fetchone()
    except sqlite3.Error as error:
        if _code(error) == sqlite3.SQLITE_BUSY:
            raise
        row = None
    return StoredCall(key, str(row[1]), str(row[2]), database.unpack(row)) if row else StoredCall(key, "", "", None)


def _behind(key: str) -> str | None:
    """The next prefix of four hexadecimal digits: keys are hashes, so few are lost with the pages in between."""
    try:
        place = int(key[:4].ljust(4, "0"), 16) + 1
    except ValueError:
        return None
    return f"{place:04x}" if place <= 0xFFFF else None


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found: keys of `damaged` calls, bodies that no call uses (None: not known), faults of the file."""

    calls: int
    damaged: tuple[str, ...]
    orphans: int | None
    faults: tuple[str, ...]


def verify(connection: sqlite3.Connection) -> Verified:
    """Check every seal and body, and the file itself. A file that is damaged is reported, never raised."""
    faults: list[str] = []
    damaged: list[str] = []
    calls, orphans = 0, None
    with reading(connection):
        for call in each_call(connection, faults):
            calls += 1
            if call.reply is None:
                damaged.append(call.key)
        try:
            found = connection.execute(f"PRAGMA integrity_check({MOST_FAULTS})").fetchall()
            faults += [line for row in found if row[0] != "ok" for line in str(row[0]).splitlines()]
            orphans = _count(connection, ORPHANS)
        except sqlite3.DatabaseError as error:
            faults.append(str(error))
    return Verified(calls, tuple(damaged), orphans, tuple(dict.fromkeys(faults)))


def drop_damaged(connection: sqlite3.Connection, keys: Sequence[str]) -> int:
    """Remove those of these calls that are damaged, inside a transaction; how many: a run may have mended some."""
    still = [(key,) for key in keys if stored(connection, key).reply is None]
    return max(0, connection.executemany("DELETE FROM calls WHERE key = ?", still).rowcount)


# --- removing ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Which calls may go: of these models, from before a moment (seconds since 1970), or both.

    A call without an age (its answer was computed) is never too old; it goes where its model is named.
    """

    models: tuple[str, ...] = ()
    before: float | None = None

    @property
    def where(self) -> tuple[str, tuple[Any, ...]]:
        """An SQL condition and its values."""
        parts: list[str] = []
        if self.models:
            parts.append(f"model IN ({', '.join('?' * len(self.models))})")
        if self.before is not None:
            parts.append("(at < ? OR at IS NULL)" if self.models else "at < ?")
        return " AND ".join(parts) or "0", (*self.models, *([] if self.before is None else [self.before]))


@dataclass(frozen=True, slots=True)
class Pruned:
    """Calls and bodies that went, the bodies' compressed size, and why the file did not shrink, where it did not."""

    calls: int
    bodies: int
    bytes: int
    unshrunk: str | None = None


def prune(connection: sqlite3.Connection, unwanted: Unwanted, dry_run: bool = False) -> Pruned:
    """Remove unwanted calls, and bodies that no call uses; the ledger stays. Raises InputError for an unknown model."""
    known = [row[0] for row in connection.execute("SELECT DISTINCT model FROM calls ORDER BY model")]
    for model in unwanted.models:
        if model not in known:
            raise InputError(
                f"--model: no stored call is of '{shortened(model)}'{did_you_mean(model, known)}; "
                f"stored: {', '.join(known) or 'none'}"
            )
    condition, values = unwanted.where
    if dry_run:
        with reading(connection):
            return _pruned(connection, condition, values)
    with database.transaction(connection):
        pruned = _pruned(connection, condition, values)
        connection.execute(f"DELETE FROM calls WHERE {condition}", values)
        connection.execute(f"DELETE {ORPHANS}")
    return Pruned(pruned.calls, pruned.bodies, pruned.bytes, shrink(connection))


def _pruned(connection: sqlite3.Connection, condition: str, values: tuple[Any, ...]) -> Pruned:
    bodies, size = connection.execute(
        "SELECT count(*), coalesce(sum(length(body)), 0) FROM bodies "
        f"WHERE id NOT IN (SELECT body FROM calls WHERE ({condition}) IS NOT TRUE)",
        values,
    ).fetchone()
    return Pruned(_count(connection, f"FROM calls WHERE {condition}", values), bodies, size)


def shrink(connection: sqlite3.Connection) -> str | None:
    """Give the space of what was removed back to the disk; why not, where that failed: what was removed stays so."""
    try:
        connection.execute("VACUUM")
        busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        return str(error)
    return "another process is using it" if busy else None


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What went with a conversation. `unattributed` calls stay: version 1 of the store did not say whose they are.

    `unshrunk` says why pages that were freed earlier could not be wiped, where they could not.
    """

    calls: int
    bodies: int
    attempts: int
    unattributed: int
    unshrunk: str | None = None


def conversations(connection: sqlite3.Connection) -> set[str]:
    """Every conversation that a store names."""
    rows = connection.execute("SELECT conversation FROM calls UNION SELECT conversation FROM attempts")
    return {row[0] for row in rows} - {""}


def forget(connection: sqlite3.Connection, conversation: str) -> Forgotten:
    """Remove a conversation so that no byte of it stays in the store's files; what it cost stays on the ledger.

    Bodies that no call uses and damaged calls go too: either may be of this conversation. Needs the store alone.
    """
    with _alone(connection):
        connection.execute("PRAGMA secure_delete=ON")
        damaged = [call.key for call in each_call(connection) if call.reply is None]
        with database.transaction(connection):
            calls = connection.execute("DELETE FROM calls WHERE conversation = ?", (conversation,)).rowcount
            drop_damaged(connection, damaged)
            bodies = connection.execute(f"DELETE {ORPHANS}").rowcount
            attempts = connection.execute(
                "UPDATE attempts SET conversation = '', key = '' WHERE conversation = ?", (conversation,)
            ).rowcount
        unshrunk = shrink(connection)
    return Forgotten(calls, bodies, attempts, unattributed(connection), unshrunk)


def unattributed(connection: sqlite3.Connection) -> int:
    """How many calls do not say of which conversation they are."""
    return _count(connection, "FROM calls WHERE conversation = ''")


@contextlib.contextmanager
def _alone(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep every other process out, and the write-ahead log gone: it would hold pages as they were.

    A run that has the store open could write again what is being removed; with it open, SQLite refuses this change.
    """
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
        yield
    finally:
        connection.execute("PRAGMA locking_mode=NORMAL")
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA journal_mode=WAL")
