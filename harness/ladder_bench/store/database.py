"""The database of the call store: its schema, its rows and their seals. SQLite in WAL mode, bodies compressed.

calls        one finished call under its key, sealed: a row whose bytes changed is never trusted
bodies       every answer's text, once
experiments  runs that have begun and are not complete, with what is held against their cap (10^-9 USD)
attempts     every request that was sent, written before it is sent: what it reserved, how it ended, what it cost
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from dataclasses import fields
from json.encoder import encode_basestring_ascii
from pathlib import Path
from typing import Any

import zstandard

from ladder_bench.content import display
from ladder_bench.domain import Reply, Usage
from ladder_bench.errors import InputError

SCHEMA = 2
APPLICATION = 0x6C616464  # "ladd": SQLite's application_id
BUSY_S = 30.0
TABLES = """
CREATE TABLE bodies (id BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE calls (
    key TEXT PRIMARY KEY, conversation TEXT NOT NULL, model TEXT NOT NULL, at REAL, body BLOB NOT NULL,
    reply BLOB NOT NULL, seal BLOB NOT NULL
) WITHOUT ROWID;
CREATE TABLE experiments (id TEXT PRIMARY KEY, started REAL NOT NULL, held INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY, experiment TEXT NOT NULL, key TEXT NOT NULL, conversation TEXT NOT NULL, tier TEXT NOT NULL,
    at REAL NOT NULL, seconds REAL, outcome TEXT, reserved INTEGER NOT NULL, held INTEGER NOT NULL, paid INTEGER
);
CREATE INDEX attempts_of_experiment ON attempts (experiment, key);
"""
ROW = (
    "SELECT c.key, c.conversation, c.model, c.at, c.body, c.reply, c.seal, b.body "
    "FROM calls c LEFT JOIN bodies b ON b.id = c.body"
)


def connect(path: Path, create: bool = True, any_thread: bool = False) -> sqlite3.Connection:
    """Open a store, making or upgrading it. Raises InputError where it cannot be, or is not one of ours."""
    try:
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
        elif not path.is_file():
            raise InputError(f"{display(path)}: there is no call store; choose one with --store")
        connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None, check_same_thread=not any_thread)
    except (OSError, sqlite3.Error) as error:
        raise cannot("opened", path, error) from None
    connection.text_factory = lambda data: data.decode("utf-8", "replace")  # a damaged name is damage, no error
    try:
        _prepare(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise cannot("opened", path, error) from None
    except BaseException:
        connection.close()
        raise
    return connection


def cannot(what: str, path: Path, error: Exception) -> InputError:
    hint = "free some space or choose another with --store" if what == "written" else "choose another with --store"
    return InputError(f"{display(path)}: the call store cannot be {what}: {error}; {hint}")


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Look before anything is changed: another program's database, or a newer store, stays as it is."""
    version, application = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("user_version", "application_id")
    )
    tables = _tables(connection)
    ours = application == APPLICATION or (application == 0 and (not tables or (version, tables) == (1, {"calls"})))
    if not ours:
        raise InputError(f"{display(path)}: is another program's database; choose another with --store")
    if version > SCHEMA:
        raise InputError(
            f"{display(path)}: written by a newer ladder-bench (store version {version}, not {SCHEMA}); "
            "upgrade, or choose another with --store"
        )
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    if version < SCHEMA:
        with transaction(connection):  # another process may have been quicker
            if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA:
                _upgrade(connection)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _upgrade(connection: sqlite3.Connection) -> None:
    old = "calls" in _tables(connection)
    if old:
        connection.execute("ALTER TABLE calls RENAME TO calls_1")
    for statement in TABLES.split(";"):
        connection.execute(statement)
    if old:  # version 1 kept the whole reply in one column, and did not say of which conversation it is
        for key, blob in connection.execute("SELECT key, reply FROM calls_1"):
            with contextlib.suppress(zstandard.ZstdError, ValueError, TypeError, KeyError, AttributeError, MemoryError):
                put(connection, key, "", "", _reply(json.loads(zstandard.ZstdDecompressor().decompress(blob))))
        connection.execute("DROP TABLE calls_1")
    connection.execute(f"PRAGMA application_id={APPLICATION}")
    connection.execute(f"PRAGMA user_version={SCHEMA}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, on disk when the block ends."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


REST = tuple(each.name for each in fields(Reply) if each.name not in ("text", "usage"))
USAGE = tuple(each.name for each in fields(Usage))

# --- rows ----------------------------------------------------------------------------------


def put(connection: sqlite3.Connection, key: str, conversation: str, model: str, reply: Reply) -> None:
    """Write a call; one that is there is replaced: it could not be read, or was asked for afresh."""
    text = reply.text.encode("utf-8", "surrogatepass")
    body = _hash(text)
    rest = {name: getattr(reply, name) for name in REST}
    rest["usage"] = reply.usage and {name: getattr(reply.usage, name) for name in USAGE}
    if reply.logprob is None:
        del rest["logprob"]  # so that such a reply is the same bytes in every store, also in those from before
    packed = _COMPRESSOR.compress(json.dumps(rest, separators=(",", ":")).encode())
    at = None if reply.at is None else float(reply.at)  # as the column gives it back
    seal = _seal(key, conversation, model, at, body, packed)
    # replace: a body that could not be read is written again
    connection.execute("INSERT OR REPLACE INTO bodies VALUES (?, ?)", (body, _COMPRESSOR.compress(text)))
    connection.execute(
        "INSERT OR REPLACE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)",
        (key, conversation, model, at, body, packed, seal),
    )


def unpack(row: tuple[Any, ...]) -> Reply | None:
    """The reply in a row of `ROW`; None where its bytes do not check out."""
    key, conversation, model, at, body, packed, seal, text = row
    try:
        if _seal(key, conversation, model, at, body, packed) != seal:
            return None
        whole = _DECOMPRESSOR.decompress(text)
        if _hash(whole) != body:
            return None
        rest = json.loads(_DECOMPRESSOR.decompress(packed))
        rest["text"] = whole.decode("utf-8", "surrogatepass")
        return _reply(rest)
    except (zstandard.ZstdError, ValueError, TypeError, KeyError, AttributeError, MemoryError):
        return None


def _reply(row: dict[str, Any]) -> Reply:
    usage = row["usage"]
    row["usage"] = Usage(**usage) if usage else None
    row["notes"] = tuple(row["notes"])
    return Reply(**row)


def _hash(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=16).digest()


def _seal(key: str, conversation: str, model: str, at: float | None, body: bytes, packed: bytes) -> bytes:
    names = ", ".join(map(encode_basestring_ascii, (key, conversation, model)))  # with `at`, a JSON array
    return _hash(f"[{names}, {'null' if at is None else float.__repr__(at)}]".encode() + body + packed)


_COMPRESSOR = zstandard.ZstdCompressor(level=3)
_DECOMPRESSOR = zstandard.ZstdDecompressor()
