"""Calls as JSON lines, to carry them from one store to another.

The first line is {"ladder-bench-store": 2, "calls": N}; each other is a call under its seal, in the order of the keys.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import sqlite3
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

from ladder_bench.content import did_you_mean, display
from ladder_bench.documents import Document, Loc
from ladder_bench.domain import Json, Reply, Usage, canonical, digest_of
from ladder_bench.errors import InputError, Problem
from ladder_bench.store import database
from ladder_bench.store.upkeep import drop_damaged, each_call, reading, stored

MARK = "ladder-bench-store"
STANDARD = "-"  # stdout or stdin
SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst")
LONGEST_LINE = 1 << 26  # bytes; the longest answers are a hundredth of it
MOST_PROBLEMS = 20


# --- out -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """How many calls were written, the keys of damaged ones, which were not, and faults of the store's file."""

    calls: int
    damaged: tuple[str, ...]
    faults: tuple[str, ...]


def check_name(name: str) -> None:
    """Raises InputError for a file name that does not say its format."""
    if name != STANDARD and not name.endswith(SUFFIXES):
        raise InputError(f"{name}: a file of calls ends in {', '.join(SUFFIXES)}")


def export(connection: sqlite3.Connection, name: str) -> Exported:
    """Write every call that checks out to a file, whole or not at all, or to stdout ("-"). Raises InputError."""
    check_name(name)
    if name == STANDARD:
        return write(connection, sys.stdout.buffer)
    path = Path(name)
    draft = path.with_name(f".{path.name}.partial")
    try:
        with draft.open("wb") as file, _packed(file, path.suffix) as out:
            exported = write(connection, out)
        draft.replace(path)
    except OSError as error:
        raise InputError(f"{display(path)}: cannot be written: {error.strerror or error}") from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return exported


@contextlib.contextmanager
def _packed(file: Any, suffix: str) -> Iterator[Any]:
    """A stream into a file, compressed as its name says; the same calls give the same bytes."""
    if suffix == ".gz":
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
            yield packed
    elif suffix == ".zst":
        with zstandard.ZstdCompressor(write_checksum=True).stream_writer(file, closefd=False) as packed:
            yield packed
    else:
        yield file


def write(connection: sqlite3.Connection, out: BinaryIO) -> Exported:
    """Write every call that checks out, as the store is now, as uncompressed lines."""
    faults: list[str] = []
    damaged: list[str] = []
    with reading(connection):
        calls = sum(call.reply is not None for call in each_call(connection))
        out.write(_line({MARK: database.SCHEMA, "calls": calls}))  # a reader can tell a file that was cut off
        for call in each_call(connection, faults):
            if call.reply is None:
                damaged.append(call.key)
                continue
            reply = asdict(call.reply)
            at = reply.pop("at")
            fields = {"key": call.key, "conversation": call.conversation, "model": call.model, "at": at, "reply": reply}
            out.write(_line({**fields, "seal": _seal(fields)}))
    out.flush()
    return Exported(calls, tuple(damaged), tuple(faults))


def _line(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode("ascii") + b"\n"


def _seal(fields: Mapping[str, Json]) -> str:
    return digest_of(canonical(fields))[:32]


# --- in ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Imported:
    """Calls taken, calls that were there already, and damaged ones put right.

    `different` are the lines of calls that are there with another answer: the store keeps its own.
    """

    taken: int
    there: int
    repaired: int
    different: tuple[int, ...]


def take(connection: sqlite3.Connection, name: str) -> Imported:
    """Take the calls of a file ("-": stdin) that are not there, all or none of them.

    Raises InputError with file and line for everything that is wrong in it, a newer version or a file cut off.
    """
    with contextlib.closing(sqlite3.connect("", isolation_level=None)) as draft:  # SQLite's own temporary file
        for statement in (*database.TABLES.split(";"), "CREATE TABLE lines (key TEXT PRIMARY KEY, line INTEGER)"):
            draft.execute(statement)
        _read_into(draft, name)
        there, damaged, different = _compare(connection, draft)
        new = "WHERE key NOT IN (SELECT key FROM there)"
        with database.transaction(connection):  # short, so that a run that uses the store hardly waits
            repaired = drop_damaged(connection, damaged)
            connection.executemany(
                "INSERT OR REPLACE INTO bodies VALUES (?, ?)",  # replace: one that is there may be damaged
                draft.execute(f"SELECT * FROM bodies WHERE id IN (SELECT body FROM calls {new})"),
            )
            added = connection.executemany(
                "INSERT OR IGNORE INTO calls VALUES (?, ?, ?, ?, ?, ?, ?)", draft.execute(f"SELECT * FROM calls {new}")
            ).rowcount
    return Imported(max(0, added) - repaired, there, repaired, different)


def _compare(connection: sqlite3.Connection, draft: sqlite3.Connection) -> tuple[int, list[str], tuple[int, ...]]:
    """How many calls of a draft are there already, the keys of those that are damaged, the lines of those that differ.

    Leaves the keys of the good ones in the draft's table `there`.
    """
    draft.execute("CREATE TABLE there (key TEXT PRIMARY KEY)")
    damaged: list[str] = []
    different: list[int] = []
    count = 0
    with reading(connection), database.transaction(draft):
        for key, body, line in draft.execute("SELECT key, body, line FROM calls JOIN lines USING (key) ORDER BY line"):
            row = connection.execute("SELECT body FROM calls WHERE key = ?", (key,)).fetchone()
            if row is None:
                continue
            if stored(connection, key).reply is None:
                damaged.append(key)
                continue
            count += 1
            draft.execute("INSERT INTO there VALUES (?)", (key,))
            if row[0] != body:
                different.append(line)
    return count, damaged, tuple(different)


def _read_into(draft: sqlite3.Connection, name: str) -> None:
    """Check every line of a file and put its call into a draft. Raises InputError with everything that is wrong."""
    shown = "stdin" if name == STANDARD else display(Path(name))
    problems: list[Problem] = []
    declared: int | None = None
    calls = number = 0
    with database.transaction(draft):
        for number, text in _lines(name, shown):
            try:
                document = _document(text, shown, number)
                if number == 1:
                    declared = _declared(document)
                    continue
                calls += 1
                _check_call(document)
                _put(draft, document)
            except InputError as error:
                problems.extend(error.problems)
                if number == 1 or len(problems) >= MOST_PROBLEMS:
                    raise InputError(problems) from None
        if number == 0:
            problems.append(Problem(f"is empty; {HEADER}", shown, 1))
        elif not problems and declared not in (None, calls):
            what = f"holds {calls} calls and its first line says {declared}: it was cut off or changed"
            problems.append(Problem(f"{what}; export it again", shown, number))
        if problems:
            raise InputError(problems)


HEADER = f'the first line of a file of calls is {{"{MARK}": {database.SCHEMA}}}'


def _lines(name: str, shown: str) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank. Raises InputError."""
    check_name(name)
    number = 0
    try:
        with contextlib.ExitStack() as stack:
            file = sys.stdin.buffer if name == STANDARD else stack.enter_context(Path(name).open("rb"))
            stream = stack.enter_context(_unpacked(file, Path(name).suffix)) if name != STANDARD else file
            while data := stream.readline(LONGEST_LINE):
                number += 1
                if len(data) == LONGEST_LINE:
                    raise InputError(Problem("the line is too long for a call", shown, number))
                text = data.decode("utf-8")
                if text.strip():
                    yield number, text.rstrip("\n")
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"is not UTF-8: byte 0x{data[error.start]:02x}", shown, number)) from None
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(Problem(f"cannot be read: {reason}", shown, number or None)) from None


def _unpacked(file: Any, suffix: str) -> Any:
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=file, mode="rb")
    if suffix == ".zst":
        return io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True))
    return contextlib.nullcontext(file)


def _document(text: str, file: str, line: int) -> Document:
    try:
        return Document(file, json.loads(text), line=line, source=text)
    except json.JSONDecodeError as error:
        raise InputError(Problem(f"broken JSON: {error.msg}", file, line, error.colno)) from None
    except (ValueError, RecursionError) as error:
        raise InputError(Problem(f"broken JSON: {error}", file, line)) from None


def _declared(document: Document) -> int | None:
    """How many calls a file says it holds, None where it does not say. Raises InputError for other files."""
    header = document.value if isinstance(document.value, dict) else {}
    version, calls = header.get(MARK), header.get("calls")
    if type(version) is not int or not (calls is None or type(calls) is int):
        raise InputError(document.problem((), f"is no file of calls; {HEADER}"))
    if version > database.SCHEMA:
        raise InputError(
            document.problem((), f"written by a newer ladder-bench (version {version}, not {database.SCHEMA}); upgrade")
        )
    return calls


LARGEST = sys.float_info.max  # JSON knows larger whole numbers, and infinity
Valid = tuple[Callable[[Any], bool], str]
HEX = re.compile("[0-9a-f]{64}")
TEXT: Valid = (lambda value: isinstance(value, str), "text")
TEXT_OR_NULL: Valid = (lambda value: value is None or isinstance(value, str), "text or null")
NAME: Valid = (lambda value: isinstance(value, str) and not re.search("[\ud800-\udfff]", value), "text")
COUNT: Valid = (lambda value: type(value) is int and 0 <= value < 2**53, "a whole number, 0 or more")
SECONDS: Valid = (
    lambda value: value is None or (type(value) in (int, float) and 0 <= value <= LARGEST),
    "seconds, 0 or more, or null",
)
CALL: Mapping[str, Valid] = {
    "key": (lambda value: isinstance(value, str) and bool(HEX.fullmatch(value)), "64 hexadecimal digits"),
    "conversation": NAME, "model": NAME, "at": SECONDS, "seal": TEXT,
    "reply": (lambda value: isinstance(value, dict), "a mapping"),
}  # fmt: skip
REPLY: Mapping[str, Valid] = {
    "text": TEXT, "usage": (lambda value: value is None or isinstance(value, dict), "a mapping or null"),
    "latency_s": SECONDS, "origin": TEXT, "model": TEXT_OR_NULL, "finish": TEXT_OR_NULL, "first_token_s": SECONDS,
    "notes": (lambda value: isinstance(value, list) and all(isinstance(v, str) for v in value), "a list of texts"),
    "logprob": (
        lambda value: value is None or (type(value) in (int, float) and -LARGEST <= value <= 0),
        "a number, 0 or less, or null",
    ),
}  # fmt: skip
LATER = ("logprob",)  # keys that files of earlier versions do not have
USAGE: Mapping[str, Valid] = {
    **dict.fromkeys(("input", "output", "cached", "cache_write", "reasoning"), COUNT),
    "estimated": (lambda value: isinstance(value, bool), "true or false"),
}


def _check_call(document: Document) -> None:
    """Raises InputError with everything that keeps a line from being a call as it was exported."""
    if not isinstance(document.value, dict):
        raise InputError(document.problem((), "is no call; a mapping with 'key' and 'reply' is needed"))
    problems = list(_faults(document, (), CALL))
    if not problems:
        problems += _faults(document, ("reply",), REPLY)
    if not problems and document.value["reply"]["usage"] is not None:
        problems += _faults(document, ("reply", "usage"), USAGE)
    if not problems and document.value["seal"] != _seal({k: v for k, v in document.value.items() if k != "seal"}):
        problems.append(document.problem((), "the call does not match its seal: it was changed after it was exported"))
    if problems:
        raise InputError(problems)


def _faults(document: Document, loc: Loc, valid: Mapping[str, Valid]) -> Iterator[Problem]:
    value = document.at(*loc).value
    for name in value:
        if name not in valid:
            yield document.problem((*loc, name), f"unknown key{did_you_mean(name, valid)}")
    for name, (check, what) in valid.items():
        if name not in value:
            if name not in LATER:
                yield document.problem(loc, f"'{name}' is missing")
        elif not check(value[name]):
            yield document.problem((*loc, name), f"must be {what}")


def _put(draft: sqlite3.Connection, document: Document) -> None:
    call = document.value
    try:
        draft.execute("INSERT INTO lines VALUES (?, ?)", (call["key"], document.line))
    except sqlite3.IntegrityError:
        (first,) = draft.execute("SELECT line FROM lines WHERE key = ?", (call["key"],)).fetchone()
        raise InputError(document.problem(("key",), f"is also on line {first}; keep one")) from None
    reply, at = call["reply"], call["at"]
    usage = Usage(**reply["usage"]) if reply["usage"] else None
    rest = {**reply, "usage": usage, "notes": tuple(reply["notes"])}
    database.put(
        draft, call["key"], call["conversation"], call["model"], Reply(**rest, at=None if at is None else float(at))
    )
