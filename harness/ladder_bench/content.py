"""Content: find and read what ships with the package and what users write: YAML, JSON lines, prompts.

Every problem in a file is reported with its line and column, and with what would be valid.
"""

from __future__ import annotations

import difflib
import gzip
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem

if TYPE_CHECKING:
    import jinja2
    import pydantic

Loc = tuple[str | int, ...]
Positions = Mapping[Loc, tuple[int, int]]
ModelT = TypeVar("ModelT", bound="pydantic.BaseModel")
HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file, or one line of one, that knows where each of its keys stands."""

    file: str
    value: Json
    positions: Positions = field(default_factory=dict)
    line: int | None = None  # of a JSON line; its columns are looked up only when something is wrong
    source: str = ""

    def problem(self, loc: Loc, message: str) -> Problem:
        positions = self.positions or _json_positions(self.source, self.line or 1)
        known = [loc[:length] for length in range(len(loc), -1, -1) if loc[:length] in positions]
        line, column = positions[known[0]] if known else (self.line or 1, 1)
        return Problem(message, self.file, line, column, path_text(loc))


def shipped(*parts: str) -> Path:
    """Path of something that ships with the package, in a checkout as in a wheel."""
    packed = HERE / "shipped"
    return (packed if packed.is_dir() else HERE.parents[1]).joinpath(*parts)


def locate(name: str, folder: str, suffix: str = ".yaml", near: Path | None = None) -> Path:
    """Find a user's file by path (as typed, or beside the file that names it), else a bundled one by its name."""
    candidates = [Path(name)] + ([near.parent / name] if near else [])
    for path in candidates:
        if path.is_file():
            return path
    bundled = shipped(*folder.split("/"), name + suffix)
    if bundled.is_file() and "/" not in name:
        return bundled
    names = sorted(path.name.removesuffix(suffix) for path in shipped(*folder.split("/")).glob("*" + suffix))
    raise InputError(f"no such file or bundled name: '{name}'{did_you_mean(name, names)}; bundled: {', '.join(names)}")


def display(path: Path) -> str:
    """A path as a reader would type it: relative where it lies under the current folder."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name), list(valid), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def path_text(loc: Sequence[str | int]) -> str:
    """("steps", 0, "turn") as people write it: steps[0].turn."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


# --- YAML ----------------------------------------------------------------------------------


def read_yaml(path: Path) -> Document:
    """Read one YAML file with the position of every key. Raises InputError."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    name = display(path)
    text = decode(read_bytes(path), name)
    try:
        tree = YAML(typ="rt").load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise InputError(Problem(_one_line(error.problem or "is not valid YAML"), name, line, column)) from None
    except (YAMLError, ValueError) as error:
        raise InputError(Problem(f"is not valid YAML: {_one_line(str(error))}", name, 1, 1)) from None
    positions: dict[Loc, tuple[int, int]] = {(): (1, 1)}
    return Document(name, _plain(tree, (), positions), positions)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _plain(node: Any, loc: Loc, positions: dict[Loc, tuple[int, int]]) -> Json:
    """Turn a round-trip tree into plain values, noting where each key and item stands."""
    if isinstance(node, Mapping):
        marks = getattr(node, "lc", None)
        plain = {}
        for key, value in node.items():
            here = (*loc, str(key))
            if marks and key in (marks.data or {}):
                line, column = marks.key(key)
                positions[here] = (line + 1, column + 1)
            plain[str(key)] = _plain(value, here, positions)
        return plain
    if isinstance(node, list):
        marks = getattr(node, "lc", None)
        for index in range(len(node)):
            if marks and index in (marks.data or {}):
                line, column = marks.item(index)
                positions[(*loc, index)] = (line + 1, column + 1)
        return [_plain(item, (*loc, index), positions) for index, item in enumerate(node)]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return None if node is None else str(node)


# --- JSON lines ----------------------------------------------------------------------------


def read_bytes(path: Path) -> bytes:
    """Read a file, decompressing .gz and .zst. Raises InputError."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(data)
        if path.suffix == ".zst":
            import zstandard

            with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data)) as stream:
                return stream.read()
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror or error}", display(path))) from None
    except (EOFError, ValueError) as error:
        raise InputError(Problem(f"is not a valid {path.suffix} file: {error}", display(path))) from None
    except Exception as error:  # zstandard's and zlib's errors share no base class with the others
        if type(error).__module__.split(".")[0] not in ("zstandard", "zstd", "zlib"):
            raise
        raise InputError(Problem(f"is not a valid {path.suffix} file: {error}", display(path))) from None
    return data


def decode(data: bytes, name: str) -> str:
    """Decode UTF-8, with or without a byte order mark. Raises InputError with the place of the bad byte."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line, column = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        message = f"is not UTF-8: byte 0x{data[error.start]:02x}; save the file as UTF-8"
        raise InputError(Problem(message, name, line, column)) from None


def read_json_lines(path: Path) -> Iterator[Document | Problem]:
    """Yield each line that holds something: parsed, or as the problem that it is."""
    name = display(path)
    # not splitlines(): U+2028 and its like are ordinary characters inside a JSON string
    for number, line in enumerate(decode(read_bytes(path), name).split("\n"), 1):
        if line.strip():
            yield parse_json(line, name, number)


def parse_json(text: str, name: str, number: int) -> Document | Problem:
    try:
        value = json.loads(text, object_pairs_hook=_unique_keys, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        # of a whole file the decoder knows the line; of one line its number is known here
        return Problem(f"broken JSON: {error.msg}", name, number + error.lineno - 1, error.colno)
    except RecursionError:
        return Problem("broken JSON: nested too deeply", name, number, 1)
    except _BadValueError as error:
        column = text.find(error.token) + 1
        if error.last:
            column = text.rfind(error.token) + 1
        return Problem(str(error), name, number, max(column, 1))
    return Document(name, value, line=number, source=text)


class _BadValueError(ValueError):
    def __init__(self, message: str, token: str, last: bool = False) -> None:
        super().__init__(message)
        self.token, self.last = token, last


def _unique_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _BadValueError(f"duplicate key '{key}'; keep one", json.dumps(key), last=True)
            seen.add(key)
    return found


def _no_constant(token: str) -> Json:
    raise _BadValueError(f"{token} is not a JSON number; use a finite number or null", token)


def _json_positions(text: str, first_line: int) -> Positions:
    """Where each key of a JSON text stands, found by reading it again with the YAML reader, of which JSON is a subset."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    raw: dict[Loc, tuple[int, int]] = {}
    try:
        _plain(YAML(typ="rt").load(text), (), raw)
    except (YAMLError, ValueError, RecursionError):
        return {(): (first_line, 1)}
    return {(): (first_line, 1)} | {loc: (line + first_line - 1, column) for loc, (line, column) in raw.items()}


# --- shapes --------------------------------------------------------------------------------


def parse(model: type[ModelT], document: Document) -> ModelT:
    """Validate a document against a pydantic model. Raises InputError with one problem an error."""
    import pydantic

    try:
        return model.model_validate(document.value, strict=True)
    except pydantic.ValidationError as error:
        found: dict[Loc, Problem] = {}
        for detail in error.errors():
            # a value that fits no member of a union is reported once a member; the first says enough
            loc = _existing(document.value, tuple(detail["loc"]), extra=detail["type"] == "missing")
            found.setdefault(loc, _problem(document, model, detail, loc))
        raise InputError(list(found.values())) from None


def _existing(value: Json, loc: Loc, extra: bool) -> Loc:
    """Cut a pydantic path where it stops being one of the document's (it names union members too)."""
    for depth, part in enumerate(loc):
        inside = isinstance(value, Mapping) and part in value
        if not inside and not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return loc if extra else loc[:depth]
        value = value[part]
    return loc


def _problem(document: Document, model: type[pydantic.BaseModel], detail: Any, loc: Loc) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        valid = _valid_keys(model, loc[:-1])
        listed = f"; valid: {', '.join(valid)}" if valid else ""
        return document.problem(loc, f"unknown key{did_you_mean(loc[-1], valid) or listed}")
    if kind == "missing":
        return document.problem(loc[:-1], f"'{loc[-1]}' is missing")
    if kind == "value_error":
        return document.problem(loc, str(context.get("error", detail["msg"])))
    if kind in ("literal_error", "enum"):
        valid = [part.strip("'") for part in context["expected"].replace(" or ", ", ").split(", ")]
        return document.problem(
            loc,
            f"unknown value {_shown(detail['input'])}{did_you_mean(detail['input'], valid)}; valid: {', '.join(valid)}",
        )
    message = detail["msg"].replace("Input should be", "must be").replace("valid integer", "whole number")
    return document.problem(loc, f"{message}, not {_shown(detail['input'])}")


def _shown(value: Json) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "..."


def _valid_keys(model: Any, loc: Loc) -> list[str]:
    """Follow a path through nested models to the keys that are valid at its end."""
    import typing

    here: Any = model
    for part in loc:
        if isinstance(part, str) and hasattr(here, "model_fields"):
            names = {(info.alias or name): info.annotation for name, info in here.model_fields.items()}
            here = names.get(part, here)
        nested = [here]
        while nested:  # unwrap list[X], dict[str, X], X | None to the first model inside
            candidate = nested.pop()
            if hasattr(candidate, "model_fields"):
                here = candidate
                break
            nested.extend(typing.get_args(candidate))
    return [info.alias or name for name, info in getattr(here, "model_fields", {}).items()]


# --- prompts -------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def prompts() -> jinja2.Environment:
    """The prompt environment: sandboxed, strict about undefined names; it renders our files, never content."""
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(
        loader=jinja2.FileSystemLoader(shipped("ladders", "prompts")),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )
