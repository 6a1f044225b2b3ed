"""Secrets: what of a tier's parameters may be written down for others to read."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ladder_bench.domain import Json

HIDDEN = "(not shown)"
_KEY = re.compile(
    r"(?:^|[_.-])(?:api_?keys?|keys?|key[_-]?id|tokens?|secrets?|pass(?:word|wd|phrase)?|auth(?:orization)?|headers?|"
    r"bearer|credentials?|cookies?)(?:[_-](?:id|json|file|value))?$",
    re.IGNORECASE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_COUNTS = re.compile(r"(?:max|min|output|completion|input|prompt|budget|thinking|reasoning)\w*tokens$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a parameter's name says that it holds a key, or headers, which may."""
    return bool(_KEY.search(_HUMP.sub("_", name))) and not _COUNTS.search(name)


def without(value: Json) -> Json:
    """A nested value with what could be a key left out. Numbers and flags are no keys."""
    if isinstance(value, Mapping):
        return {name: HIDDEN if hides(str(name), each) else without(each) for name, each in value.items()}
    return [without(each) for each in value] if isinstance(value, list | tuple) else value


def hides(name: str, value: Json) -> bool:
    """Whether a value under that name may not be shown."""
    return is_secret(name) and value is not None and not isinstance(value, bool | int | float)
