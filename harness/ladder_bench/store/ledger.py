"""The ledger of attempts, and the cap: what is held against it is written before a request is sent.

An experiment is one matrix over one dataset, whatever process works on it: it opens with the first of them and closes
when a run is complete, so a cap holds over kills and resumptions. Amounts are whole 10^-9 USD in the database, and USD
outside.
"""

from __future__ import annotations

import math
import sqlite3
import time
from dataclasses import dataclass
from typing import Any

NANO = 10**9
MOST = 2**60  # 10^-9 USD: a billion dollars, and within SQLite's integers


@dataclass(frozen=True, slots=True)
class Spent:
    """USD of an experiment: paid as far as is known; at most, with every attempt of unknown outcome in full."""

    paid: float
    at_most: float
    attempts: int
    failed: int


def begin(connection: sqlite3.Connection, experiment: str) -> None:
    """Open an experiment, or go on with it."""
    connection.execute("INSERT OR IGNORE INTO experiments VALUES (?, ?, 0)", (experiment, time.time()))


def complete(connection: sqlite3.Connection, experiment: str) -> None:
    """Close an experiment; its attempts stay on the ledger under a name that no later run has."""
    row = connection.execute("SELECT started FROM experiments WHERE id = ?", (experiment,)).fetchone()
    if row:
        closed = f"{experiment}@{row[0]:.3f}"
        connection.execute("UPDATE attempts SET experiment = ? WHERE experiment = ?", (closed, experiment))
        connection.execute("DELETE FROM experiments WHERE id = ?", (experiment,))


def reserve(
    connection: sqlite3.Connection,
    experiment: str,
    key: str,
    conversation: str,
    tier: str,
    worst_usd: float,
    cap_usd: float | None,
) -> int | None:
    """Write an attempt down before it is sent; its id, or None where its worst case would break the cap."""
    worst = math.ceil(min(worst_usd * NANO, MOST))
    cap = MOST if cap_usd is None else math.floor(min(cap_usd * NANO, MOST))
    room = connection.execute(
        "UPDATE experiments SET held = held + ? WHERE id = ? AND held + ? <= ?", (worst, experiment, worst, cap)
    )
    if room.rowcount == 0:
        if connection.execute("SELECT 1 FROM experiments WHERE id = ?", (experiment,)).fetchone():
            return None
        begin(connection, experiment)  # another process has completed it meanwhile
        return reserve(connection, experiment, key, conversation, tier, worst_usd, cap_usd)
    written = connection.execute(
        "INSERT INTO attempts (experiment, key, conversation, tier, at, reserved, held) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (experiment, key, conversation, tier, time.time(), worst, worst),
    )
    return written.lastrowid


def settle(
    connection: sqlite3.Connection, attempt: int, outcome: str, seconds: float, paid_usd: float | None, certain: bool
) -> None:
    """Close an attempt. `paid_usd` None: nobody knows. What is not certain keeps its reservation, or more."""
    paid = None if paid_usd is None else math.ceil(min(paid_usd * NANO - 1e-6, MOST))
    experiment, held = connection.execute("SELECT experiment, held FROM attempts WHERE id = ?", (attempt,)).fetchone()
    keeps = paid if certain and paid is not None else max(held, paid or 0)
    connection.execute(
        "UPDATE attempts SET at = ?, outcome = ?, seconds = ?, paid = ?, held = ? WHERE id = ?",
        (time.time() - seconds, outcome, seconds, paid, keeps, attempt),
    )
    connection.execute("UPDATE experiments SET held = held + ? WHERE id = ?", (keeps - held, experiment))


def withdraw(connection: sqlite3.Connection, attempt: int) -> None:
    """Take back an attempt that was never sent."""
    experiment, held = connection.execute("SELECT experiment, held FROM attempts WHERE id = ?", (attempt,)).fetchone()
    connection.execute("DELETE FROM attempts WHERE id = ?", (attempt,))
    connection.execute("UPDATE experiments SET held = held - ? WHERE id = ?", (held, experiment))


def last_start(connection: sqlite3.Connection, tier: str) -> float | None:
    """When a tier was last asked (seconds since 1970), None where it never was."""
    row = connection.execute("SELECT at FROM attempts WHERE tier = ? ORDER BY id DESC LIMIT 1", (tier,)).fetchone()
    return row and float(row[0])


def answered(connection: sqlite3.Connection, experiment: str, key: str) -> bool:
    """Whether a call was answered for an experiment that is not complete yet."""
    row = connection.execute(
        "SELECT 1 FROM attempts WHERE experiment = ? AND key = ? AND outcome = 'answered'", (experiment, key)
    ).fetchone()
    return row is not None


def attempts(connection: sqlite3.Connection, experiment: str) -> list[tuple[Any, ...]]:
    """An experiment's attempts in the order in which they were made, as `folder.TABLES` has them."""
    rows = connection.execute(
        "SELECT key, conversation, tier, at, seconds, coalesce(outcome, 'unknown'), reserved, paid "
        "FROM attempts WHERE experiment = ? ORDER BY id",
        (experiment,),
    )
    return [(*row[:6], row[6] / NANO, None if row[7] is None else row[7] / NANO) for row in rows]


def spent(connection: sqlite3.Connection, experiment: str) -> Spent:
    paid, held, attempts, failed = connection.execute(
        "SELECT sum(paid), sum(max(held, coalesce(paid, 0))), count(*), sum(coalesce(outcome, '') != 'answered') "
        "FROM attempts WHERE experiment = ?",
        (experiment,),
    ).fetchone()
    return Spent((paid or 0) / NANO, (held or 0) / NANO, attempts, failed or 0)
