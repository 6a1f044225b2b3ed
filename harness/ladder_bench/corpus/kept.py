"""Conversations as a run keeps them: whole, with what a good answer does, as JSON and back."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import lru_cache
from typing import Any

from ladder_bench.domain import Conversation, Json, canonical


def to_json(conversation: Conversation) -> str:
    return canonical(asdict(conversation))


def from_json(text: str) -> Conversation:
    """The conversation that `to_json` wrote. Raises KeyError, TypeError or ValueError where it is none."""
    found: Conversation = _built(Conversation, json.loads(text))
    return found


def _built(kind: Any, value: Json) -> Any:
    """A value of a kind, as the vocabulary's dataclasses name them, from its JSON."""
    inner = typing.get_args(kind)
    if value is None or kind is Any:
        return value
    if isinstance(kind, type) and is_dataclass(kind):
        return kind(**{name: _built(hint, value[name]) for name, hint in _hints(kind).items()})
    if typing.get_origin(kind) is tuple:
        return tuple(_built(inner[0], each) for each in value)
    if type(None) in inner:
        return _built(next(each for each in inner if each is not type(None)), value)
    return dict(value) if isinstance(value, Mapping) else value


@lru_cache(maxsize=32)
def _hints(kind: type) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind) if each.init}
