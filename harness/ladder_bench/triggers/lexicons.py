"""Lexicons: the phrases of the rule triggers, the bundled ones and a user's own beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ladder_bench.domain import Json

Content = Mapping[str, Json]  # a lexicon's YAML


def extended(bundled: Content, own: Content) -> dict[str, Json]:
    """A bundled lexicon with a user's phrases and structures added, and their settings and languages in its place."""
    phrases = bundled.get("phrases", {}), own.get("phrases", {})
    return {
        **bundled,
        "languages": own.get("languages", bundled.get("languages", ())),
        "phrases": _joined(*phrases),
        "structures": [*bundled.get("structures", ()), *own.get("structures", ())],
        "settings": {**bundled.get("settings", {}), **own.get("settings", {})},
    }


def _joined(bundled: Any, own: Any) -> Any:
    """Groups within groups, down to lists of phrases, which are joined."""
    if isinstance(bundled, Mapping) and isinstance(own, Mapping):
        names = dict.fromkeys((*bundled, *own))
        return {
            name: _joined(bundled[name], own[name]) if name in bundled and name in own else {**bundled, **own}[name]
            for name in names
        }
    return [*bundled, *own]
