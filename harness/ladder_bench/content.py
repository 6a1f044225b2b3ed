"""Content: find what ships with the package and what users write, and check it against its shape.

Every problem in a file is reported with its line and column, and with what would be valid.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ladder_bench.documents import Document, Loc, display, read_yaml
from ladder_bench.domain import Json
from ladder_bench.errors import InputError, Problem, path_text

if TYPE_CHECKING:
    import jinja2
    import pydantic

__all__ = [
    "Document",
    "Loc",
    "did_you_mean",
    "display",
    "is_file",
    "locate",
    "locate_rubric",
    "parse",
    "path_text",
    "prompt_sources",
    "prompts",
    "read_yaml",
    "shipped",
]

ModelT = TypeVar("ModelT", bound="pydantic.BaseModel")
BESIDE_LADDERS = "simulator.yaml"  # lies in their folder and is none
HERE = Path(__file__).parent


def shipped(*parts: str) -> Path:
    """Path of something that ships with the package, in a checkout as in a wheel."""
    packed = HERE / "shipped"
    return (packed if packed.is_dir() else HERE.parents[1]).joinpath(*parts)


def is_file(path: Path) -> bool:
    """Say whether a path leads to a file; one that is too long or may not be looked at does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def locate(name: str, folder: str, suffix: str = ".yaml", near: Path | None = None) -> Path:
    """Find a user's file by path (as typed, or beside the file that names it), else a bundled one by its name."""
    candidates = [Path(name)] + ([near.parent / name] if near else [])
    for path in candidates:
        if is_file(path):
            return path
    found = shipped(*folder.split("/")).glob("*" + suffix)
    names = sorted(path.name.removesuffix(suffix) for path in found if path.name != BESIDE_LADDERS)
    if name in names:
        return shipped(*folder.split("/"), name + suffix)
    raise InputError(
        f"no such file or bundled name: '{shortened(name)}'{did_you_mean(name, names)}; bundled: {', '.join(names)}"
    )


def locate_rubric(name: str, near: Path | None = None) -> Path:
    """Find a rubric: as a path, in a folder `rubrics` beside the matrix or here, or bundled. Raises InputError."""
    places = [Path("rubrics")] if near is None else [near.parent / "rubrics", near.parent, Path("rubrics")]
    own = (place / f"{name}.yaml" for place in places if "/" not in name)
    return next((path for path in own if is_file(path)), None) or locate(name, "rubrics", near=near)


def did_you_mean(name: object, valid: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(name)[:100], list(valid), n=1, cutoff=0.6)
    return f"; did you mean '{close[0]}'?" if close else ""


def shortened(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."


# --- shapes --------------------------------------------------------------------------------


def parse(model: type[ModelT], document: Document, problems: list[Problem] | None = None) -> ModelT:
    """Validate a document against a pydantic model. Raises InputError with one problem an error.

    With `problems`, what is wrong goes there and the rest is returned without it, so that later checks can go on;
    where the rest is no whole value, everything in `problems` is raised.
    """
    import pydantic

    try:
        return model.model_validate(document.value, strict=True)
    except pydantic.ValidationError as error:
        found: dict[Loc, Problem] = {}
        for detail in _each_once(_told_apart(document.value, error.errors())):
            found.setdefault(detail["loc"], _problem(document, model, detail))
        if problems is None:
            raise InputError(list(found.values())) from None
        problems.extend(found.values())
    spoiled = {loc[0] for loc in found if loc}
    try:
        rest = {key: value for key, value in document.value.items() if key not in spoiled}
        return model.model_validate(rest, strict=True)
    except (AttributeError, pydantic.ValidationError):
        raise InputError(problems) from None


def _told_apart(value: Json, details: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """Details with paths that exist in the document. A union's errors are those of the member that was meant."""
    unions: dict[Loc, list[tuple[str, dict[str, Any]]]] = {}
    for detail in details:
        loc = tuple(detail["loc"])
        depth = _existing(value, loc)
        if depth == len(loc) or (depth == len(loc) - 1 and detail["type"] == "missing"):
            yield {**detail, "loc": loc}
        else:  # pydantic puts the name of the union's member into the path
            unions.setdefault(loc[:depth], []).append(
                (str(loc[depth]), {**detail, "loc": loc[:depth] + loc[depth + 1 :]})
            )
    for loc, members in unions.items():
        given = value
        for part in loc:
            given = given[part]
        sought = "Shape" if isinstance(given, Mapping) else "list[" if isinstance(given, list) else "?"
        meant = [each for name, each in members if sought in name]
        if meant:
            yield from meant
            continue
        valid = [_expected(each) for _, each in members]
        yield {"type": "union", "loc": loc, "input": given, "msg": " or ".join(dict.fromkeys(valid))}


def _each_once(details: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Details without the missing keys that stand there misspelt: a typing error is one problem."""
    listed = list(details)
    unknown = [detail["loc"] for detail in listed if detail["type"] == "extra_forbidden"]
    return [
        detail
        for detail in listed
        if detail["type"] != "missing"
        or not any(loc[:-1] == detail["loc"][:-1] and did_you_mean(loc[-1], detail["loc"][-1:]) for loc in unknown)
    ]


def _expected(detail: Mapping[str, Any]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("literal_error", "enum"):
        return str(context["expected"])
    if kind in ("model_type", "model_attributes_type"):
        return "a mapping"
    return str(KINDS_OF_VALUE.get(kind, detail["msg"].replace("Input should be ", "")))


def _existing(value: Json, loc: Loc) -> int:
    """How many parts of a path lead somewhere in a document."""
    for depth, part in enumerate(loc):
        inside = isinstance(value, Mapping) and part in value
        if not inside and not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return depth
        value = value[part]
    return len(loc)


KINDS_OF_VALUE = {
    "string_type": "text", "list_type": "a list", "dict_type": "a mapping", "bool_type": "true or false",
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number",
    "finite_number": "a finite number",
}  # fmt: skip


def _problem(document: Document, model: type[pydantic.BaseModel], detail: Mapping[str, Any]) -> Problem:
    kind, loc, context, given = detail["type"], detail["loc"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        valid = _valid_keys(model, loc[:-1])
        listed = f"; valid: {', '.join(valid)}" if valid else ""
        return document.problem(loc, f"unknown key{did_you_mean(loc[-1], valid) or listed}")
    if kind == "missing":
        return document.problem(loc[:-1], f"'{loc[-1]}' is missing")
    if kind == "value_error":
        return document.problem(loc, str(context.get("error", detail["msg"])))
    if kind in ("literal_error", "enum", "union"):
        keys = ": ..., ".join(_valid_keys(model, loc))
        expected = str(context.get("expected", detail["msg"])).replace("a mapping", f"{{{keys}: ...}}")
        words = [part.strip("'") for part in expected.replace(" or ", ", ").split(", ")]
        hint = did_you_mean(given, words) if isinstance(given, str) else ""
        return document.problem(loc, f"unknown value {_shown(given)}{hint}; valid: {', '.join(words)}")
    if kind in ("model_type", "model_attributes_type"):
        keys = ", ".join(_valid_keys(model, loc))
        if given is None and not loc:
            return document.problem(loc, f"is empty; a mapping is needed, with the keys {keys}")
        return document.problem(loc, f"must be a mapping with the keys {keys}, not {_shown(given)}")
    if kind in ("too_short", "string_too_short"):
        return document.problem(loc, "is empty; at least one is needed" if kind == "too_short" else "must not be empty")
    if kind in KINDS_OF_VALUE:
        return document.problem(loc, f"must be {KINDS_OF_VALUE[kind]}, not {_shown(given)}")
    message = detail["msg"].replace("Input should be", "must be").replace("greater than or equal to", "at least")
    return document.problem(loc, f"{message}, not {_shown(given)}")


def _shown(value: Json) -> str:
    if isinstance(value, dict | list) and len(value) > 20:
        return f"a {'mapping' if isinstance(value, dict) else 'list'} of {len(value)}"
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
    return keys_of(here)


def keys_of(model: Any) -> list[str]:
    """The keys of a shape, as they are written."""
    return [info.alias or name for name, info in getattr(model, "model_fields", {}).items()]


# --- prompts -------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def prompts(own: Path | None = None, folder: str = "ladders/prompts") -> jinja2.Environment:
    """The prompt environment: sandboxed, strict about undefined names; it renders our files, never content.

    `own` is a user's folder, which is looked into before the bundled one.
    """
    import jinja2
    from jinja2.sandbox import SandboxedEnvironment

    return SandboxedEnvironment(
        loader=jinja2.FileSystemLoader([*([own] if own else []), shipped(*folder.split("/"))]),
        undefined=jinja2.StrictUndefined,
        autoescape=False,
        keep_trailing_newline=False,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def prompt_sources(name: str, own: Path | None, folder: str) -> dict[str, str]:
    """The text of a prompt and of every one that it extends or includes, by name. Raises InputError."""
    import jinja2
    from jinja2 import meta

    environment = prompts(own, folder)
    assert environment.loader is not None
    found: dict[str, str] = {}
    todo = [name]
    while todo:
        each = todo.pop()
        if each in found:
            continue
        try:
            found[each] = environment.loader.get_source(environment, each)[0]
            todo += [other for other in meta.find_referenced_templates(environment.parse(found[each])) if other]
        except jinja2.TemplateNotFound:
            names = environment.list_templates(extensions=["jinja"])
            hint = did_you_mean(each, names) or f"; bundled: {', '.join(names)}"
            raise InputError(f"no prompt '{shortened(each)}' beside the file{hint}") from None
        except (jinja2.TemplateSyntaxError, UnicodeDecodeError) as error:
            raise InputError(f"prompt '{each}': {error}") from None
    return dict(sorted(found.items()))
