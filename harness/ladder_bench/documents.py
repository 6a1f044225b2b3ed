"""Documents: files as plain values that know the line and column of each of their keys. YAML, JSON, JSON lines."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem, path_text

Loc = tuple[str | int, ...]
Place = tuple[int, int]  # line and column, from 1
Positions = Mapping[Loc, Place]
MOST_LEVELS = 100  # of nesting; beyond it a file is broken or hostile, and Python's own limit is near


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, one line of one, or a part of either, that knows where each of its keys stands."""

    file: str
    value: Json
    positions: Positions = field(default_factory=dict)
    line: int | None = None  # of a JSON text; its columns are looked up only when something is wrong
    source: str = ""
    root: Loc = ()  # where a part stands in the whole

    def problem(self, loc: Loc, message: str) -> Problem:
        whole = (*self.root, *loc)
        positions = self.positions or _json_positions(self.source, self.line or 1)
        known = [whole[:length] for length in range(len(whole), -1, -1) if whole[:length] in positions]
        line, column = positions[known[0]] if known else (self.line or 1, 1)
        return Problem(message, self.file, line, column, path_text(whole))

    def at(self, *loc: str | int) -> Document:
        """A part of this document, whose problems are still reported from the top."""
        value = self.value
        for part in loc:
            value = value[part]
        return replace(self, value=value, root=(*self.root, *loc))


def display(path: Path) -> str:
    """A path as a reader would type it: relative where it lies under the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


# --- bytes ---------------------------------------------------------------------------------


def read_text(path: Path) -> str:
    """Read a UTF-8 file, decompressing .gz and .zst. Raises InputError."""
    return decode(read_bytes(path), display(path))


def read_bytes(path: Path) -> bytes:
    """Read a file's bytes, decompressing .gz and .zst. Raises InputError."""
    name = display(path)
    try:
        if path.is_dir():
            raise InputError(Problem("is a folder; a file is needed", name, 1, 1))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror or error}", name, 1, 1)) from None
    return _unpacked(data, path.suffix, name)


def _unpacked(data: bytes, suffix: str, name: str) -> bytes:
    import zlib

    try:
        if suffix == ".gz":
            return gzip.decompress(data)
        if suffix == ".zst":
            return b"".join(_zstd_frames(data))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(Problem(f"is not a whole {suffix} file: {error}", name, 1, 1)) from None
    return data


def _zstd_frames(data: bytes) -> Iterator[bytes]:
    import zstandard

    while data:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            yield frame.decompress(data)
        except zstandard.ZstdError as error:
            raise ValueError(error) from None
        if not frame.eof:  # the library itself says nothing about a file that was cut off
            raise EOFError("it ended before its last frame did")
        data = frame.unused_data


def decode(data: bytes, name: str) -> str:
    """Decode UTF-8, with or without a byte order mark. Raises InputError with the place of the first bad byte."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(Problem("is UTF-16; save the file as UTF-8", name, 1, 1))
    try:
        text = data.decode("utf-8")
        at, what = text.find("\0"), "holds a zero byte: it is binary, or UTF-16"
    except UnicodeDecodeError as error:
        text, what = data[: error.start].decode("utf-8"), f"is not UTF-8: byte 0x{data[error.start]:02x}"
        at = len(text)
    if at < 0:
        return text
    line, column = _place(text, at)
    raise InputError(Problem(f"{what}; save the file as UTF-8", name, line, column))


def _place(text: str, offset: int) -> Place:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


# --- YAML ----------------------------------------------------------------------------------


def read_yaml(path: Path) -> Document:
    """Read one YAML 1.2 file: plain values only, no anchors, tags or objects. Raises InputError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.reader import ReaderError

    name, text = display(path), read_text(path)
    tree = _Tree(name)
    try:
        tree.read(YAML(typ="safe", pure=True).parse(text))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        tree.problems.append(Problem(f"is not valid YAML: {_yaml_message(error)}", name, line, column))
    except ReaderError as error:
        character = ord(error.character) if isinstance(error.character, str) else error.character
        what = f"is not valid YAML: control character U+{character:04X}"
        tree.problems.append(Problem(what, name, *_place(text, error.position)))
    if tree.problems:
        raise InputError(tree.problems)
    return Document(name, tree.value, tree.positions)


def _yaml_message(error: Any) -> str:
    text = " ".join(str(error.problem or "").split())
    if "'\\t'" in text:
        return "a tab where spaces are needed; indent with spaces"
    begun = error.context_mark if error.context and error.context_mark else None
    if begun and error.problem_mark and begun.line < error.problem_mark.line:
        text += f", {error.context} that begins on line {begun.line + 1}"
    return text or "it cannot be read"


class _Tree:
    """Plain values from YAML events. Objects are never made, and a file cannot grow by naming a part of itself."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.value: Json = None
        self.positions: dict[Loc, Place] = {(): (1, 1)}
        self.problems: list[Problem] = []

    def read(self, events: Iterator[Any]) -> None:
        documents = 0
        for event in events:
            kind = type(event).__name__
            if kind == "DocumentStartEvent":
                documents += 1
                if documents > 1:
                    self._refuse((), "a second document begins here; keep one a file", event)
                    return
                if event.version not in (None, (1, 2)):
                    self._refuse((), "files are read as YAML 1.2; leave out the %YAML line", event)
            elif kind not in ("StreamStartEvent", "StreamEndEvent", "DocumentEndEvent"):
                self.value = self._node(event, events, ())

    def _refuse(self, loc: Loc, message: str, event: Any) -> None:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        self.problems.append(Problem(message, self.name, line, column, path_text(loc)))

    def _node(self, event: Any, events: Iterator[Any], loc: Loc) -> Json:
        kind = type(event).__name__
        if event.anchor is not None:
            self._refuse(loc, "anchors and aliases (&, *) are not read; write the value out", event)
        if getattr(event, "tag", None) is not None:
            self._refuse(loc, f"tags such as '{event.tag}' are not read; write a plain value", event)
        if kind == "AliasEvent":
            return None
        if kind == "ScalarEvent":
            return self._scalar(event, loc)
        if len(loc) >= MOST_LEVELS:
            self._refuse((), f"nested deeper than {MOST_LEVELS} levels", event)
            raise InputError(self.problems)
        return self._items(events, loc) if kind == "SequenceStartEvent" else self._mapping(events, loc)

    def _scalar(self, event: Any, loc: Loc) -> Json:
        value = plain_scalar(event.value) if event.style is None else event.value
        if isinstance(value, str) and _SURROGATE.search(value):
            self._refuse(loc, "holds half of a surrogate pair; write the character itself", event)
        return value

    def _items(self, events: Iterator[Any], loc: Loc) -> list[Json]:
        items: list[Json] = []
        while type(event := next(events)).__name__ != "SequenceEndEvent":
            here = (*loc, len(items))
            self.positions[here] = (event.start_mark.line + 1, event.start_mark.column + 1)
            items.append(self._node(event, events, here))
        return items

    def _mapping(self, events: Iterator[Any], loc: Loc) -> dict[str, Json]:
        found: dict[str, Json] = {}
        while type(event := next(events)).__name__ != "MappingEndEvent":
            key = self._node(event, events, loc)
            if not isinstance(key, str):
                self._refuse(
                    loc, f"a key must be text, not {getattr(event, 'value', 'a list or mapping')}; quote it", event
                )
                key = str(key)
            here = (*loc, key)
            if key in found:
                self._refuse(here, f"duplicate key '{key}': first on line {self.positions[here][0]}; keep one", event)
            self.positions.setdefault(here, (event.start_mark.line + 1, event.start_mark.column + 1))
            found[key] = self._node(next(events), events, here)
        return found


_CONSTANTS = {text: value for value, texts in (
    (None, ("", "~", "null", "Null", "NULL")), (True, ("true", "True", "TRUE")), (False, ("false", "False", "FALSE")),
) for text in texts}  # fmt: skip
_INTEGER = re.compile(r"[-+]?[0-9]{1,300}")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain_scalar(text: str) -> Json:
    """The value of an unquoted YAML scalar, by the core schema of YAML 1.2.2, section 10.3.2."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _NOT_FINITE.fullmatch(text) else text


# --- JSON ----------------------------------------------------------------------------------


def read_json_lines(path: Path) -> Iterator[Document | InputError]:
    """Yield each line that holds something: parsed, or as what is wrong with it. Raises InputError."""
    name = display(path)
    # not splitlines(): U+2028 and its like are ordinary characters inside a JSON string
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            try:
                yield parse_json(line, name, number)
            except InputError as error:
                yield error


def read_json(path: Path) -> Document:
    """Read a file that is one JSON value. Raises InputError."""
    return parse_json(read_text(path), display(path), 1)


def parse_json(text: str, name: str, number: int) -> Document:
    """Parse a JSON text that begins on line `number`. Raises InputError with everything wrong that JSON can tell."""
    wrong: list[str] = []

    def pairs(items: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(items)
        if len(found) < len(items):
            wrong.append("duplicate")
        return found

    def number_of(token: str) -> float:
        value = float(token)
        if not math.isfinite(value):
            wrong.append(token)
        return value

    if text.count("{") + text.count("[") > MOST_LEVELS and (place := _too_deep(text)) is not None:
        raise InputError(
            Problem(f"broken JSON: nested deeper than {MOST_LEVELS} levels", name, *_shifted(place, number))
        )
    try:
        value = json.loads(text, object_pairs_hook=pairs, parse_float=number_of, parse_constant=number_of)
    except json.JSONDecodeError as error:
        place = _shifted((error.lineno, error.colno), number)
        raise InputError(Problem(f"broken JSON: {error.msg}", name, *place)) from None
    except ValueError:  # Python refuses whole numbers of over 4,300 digits
        raise InputError(Problem("broken JSON: a number of thousands of digits", name, number, 1)) from None
    if wrong or "\\ud" in text or "\\uD" in text:
        problems = [Problem(what, name, *_shifted(at, number), path_text(loc)) for loc, what, at in _json_faults(text)]
        if problems:
            raise InputError(problems)
    return Document(name, value, line=number, source=text)


def _shifted(place: Place, first_line: int) -> Place:
    return place[0] + first_line - 1, place[1]


_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+')


def _too_deep(text: str) -> Place | None:
    level = 0
    for match in _TOKEN.finditer(text):
        level += (match[0] in "{[") - (match[0] in "}]")
        if level > MOST_LEVELS:
            return _place(text, match.start())
    return None


def _json_tokens(text: str) -> Iterator[tuple[Loc, str, int, bool]]:
    """Yield (path, token, offset, is a key) for each key and each value of a valid JSON text."""
    loc: list[str | int] = []
    objects: list[bool] = []
    key_next = False
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == ",":
            key_next = objects[-1]
            if not key_next:
                loc[-1] = int(loc[-1]) + 1
        elif token in "}]":
            objects.pop()
            loc.pop()
            key_next = False
        elif key_next:
            loc[-1] = json.loads(token)
            key_next = False
            yield tuple(loc), token, match.start(), True
        elif token != ":":
            yield tuple(loc), token, match.start(), False
            if token in "{[":
                objects.append(token == "{")
                loc.append("" if token == "{" else 0)
                key_next = token == "{"


@lru_cache(maxsize=4)
def _json_positions(text: str, first_line: int) -> Positions:
    """Where each key and each item of a list stands."""
    found: dict[Loc, Place] = {}
    lines = _Lines(text, first_line)
    for loc, _, offset, _ in _json_tokens(text):
        found.setdefault(loc, lines.place(offset))
    return found


def _json_faults(text: str) -> Iterator[tuple[Loc, str, Place]]:
    """What Python's JSON reader lets pass: duplicate keys, numbers that are not finite, half surrogate pairs."""
    seen: dict[Loc, Place] = {}
    lines = _Lines(text, 1)
    for loc, token, offset, is_key in _json_tokens(text):
        at = lines.place(offset)
        if is_key and loc in seen:
            yield loc, f"duplicate key '{loc[-1]}'; keep one", at
        elif is_key:
            seen[loc] = at
        if token[0] == '"':
            if "\\u" in token and _SURROGATE.search(json.loads(token)):
                yield loc, "holds half of a surrogate pair; write the character itself", at
        elif token[0] in "-0123456789NI" and not math.isfinite(float(token)):
            yield loc, f"{token} is not a finite JSON number; use a finite number or null", at


class _Lines:
    """Line and column of rising offsets, in one pass over the text."""

    def __init__(self, text: str, first_line: int) -> None:
        self._text, self._line, self._start = text, first_line, 0

    def place(self, offset: int) -> Place:
        while (end := self._text.find("\n", self._start, offset)) >= 0:
            self._line, self._start = self._line + 1, end + 1
        return self._line, offset - self._start + 1
