"""Changes: what differs between two runs, and between two strategies, knob by knob; no prompt's text, no secret."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit, urlunsplit

from ladder_bench.analyse import strategies
from ladder_bench.comparison.arms import Arm, Held
from ladder_bench.domain import Json, canonical
from ladder_bench.sides.secrets import HIDDEN, hides, without

LONGEST = 200  # characters of a value
NOT_OF_TIERS = ("name", "price", "cache_group")
CONFIG = (
    "samples", "seed", "gap_s", "unresolved_cost_usd", "resolved_quality", "weights", "rubrics", "lexicons", "user",
    "controls", "offline", "fresh", "max_age_s",
)  # fmt: skip


def between_runs(base: Held, candidate: Held) -> list[dict[str, Json]]:
    """What the two runs differ in beside their strategies: {what, base, candidate}, None for what one has not got."""
    one, other = base.run.about, candidate.run.about
    return [
        {"what": what, "base": _shown(what, first), "candidate": _shown(what, second)}
        for what, first, second in _between(one, other)
        if first != second
    ]


def _between(one: Json, other: Json) -> Iterator[tuple[str, Json, Json]]:
    for name in ("version", "mode", "incomplete", "compared_with"):
        yield name, one.get(name), other.get(name)
    yield "dataset name", one["dataset"].get("name"), other["dataset"].get("name")
    yield "dataset digest", _short(one["dataset"].get("digest")), _short(other["dataset"].get("digest"))
    for name in CONFIG:
        yield from _leaves(name, one["config"].get(name), other["config"].get(name))
    first, second = ({each["name"]: each for each in about["tiers"]} for about in (one, other))
    for name in dict.fromkeys((*first, *second)):
        yield from _tier(f"tier {name}", first.get(name), second.get(name))
    first, second = ({each["name"]: each for each in about.get("judges") or ()} for about in (one, other))
    for name in dict.fromkeys((*first, *second)):
        yield from _tier(f"judge {name}", first.get(name), second.get(name))
    first, second = ({each["id"]: each for each in _rubrics(about)} for about in (one, other))
    for name in dict.fromkeys((*first, *second)):
        yield f"rubric {name}", _version(first.get(name)), _version(second.get(name))
    for what in ("prompts", "packages"):
        first, second = one.get(what) or {}, other.get(what) or {}
        for name in dict.fromkeys((*first, *second)):
            yield f"{what.removesuffix('s')} {name}", _version(first.get(name)), _version(second.get(name))
    yield "notes", "; ".join(one.get("notes") or ()) or None, "; ".join(other.get("notes") or ()) or None


def _short(digest: Json) -> Json:
    return digest[:16] if isinstance(digest, str) else digest


def _tier(what: str, first: Json, second: Json) -> Iterator[tuple[str, Json, Json]]:
    if first is None or second is None:
        yield what, first and first["model"], second and second["model"]
        return
    for key in dict.fromkeys((*first, *second)):
        if key not in NOT_OF_TIERS:
            yield from _leaves(f"{what} {key}", first.get(key), second.get(key))
    yield from _leaves(f"{what} price", first.get("price"), second.get("price"))


def _leaves(what: str, first: Json, second: Json) -> Iterator[tuple[str, Json, Json]]:
    """The values that differ inside two mappings, each by its path; other values as they are."""
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        for key in dict.fromkeys((*first, *second)):
            yield from _leaves(f"{what}.{key}", first.get(key), second.get(key))
    else:
        yield what, first, second


def _rubrics(about: Json) -> list[Json]:
    return about.get("rubrics") or ([about["rubric"]] if about.get("rubric") else [])


def _version(found: Json) -> Json:
    if not isinstance(found, Mapping):
        return found
    version = found.get("version")
    return f"{'' if version is None else f'version {version}, '}hash {found.get('hash')}"


# --- strategies ----------------------------------------------------------------------------


def between_strategies(base: Arm, candidate: Arm) -> list[dict[str, Json]]:
    """The knobs that two strategies are set differently on, as people write their values."""
    one, other = base.strategy, candidate.strategy
    first, second = strategies.knobs(one), strategies.knobs(other)
    found = []
    if first["ladder"] != second["ladder"] or first["guide_turns"] != second["guide_turns"]:
        found.append({"what": "ladder", "base": ladder(one), "candidate": ladder(other)})
    for knob in first:
        if knob in ("ladder", "guide_turns") or first[knob] == second[knob] or _idle(knob, first, second):
            continue
        found.append(
            {"what": knob, "base": strategies.readable(knob, one), "candidate": strategies.readable(knob, other)}
        )
    return found


def ladder(strategy: Mapping[str, Json]) -> str:
    """The steps of a strategy in a line: advanced for 2 turns, then light."""
    if strategy["mix"]:
        return ", ".join(f"{share:.0%} {tier}" for tier, share in strategy["mix"]) + " at random"
    parts = []
    for step in strategy["steps"]:
        turns = step["turns"]
        parts.append(step["tier"] + ("" if turns is None else f" for {turns} turn{'' if turns == 1 else 's'}"))
    return ", then ".join(parts)


def _idle(knob: str, first: Mapping[str, Json], second: Mapping[str, Json]) -> bool:
    """Whether a knob means nothing: of a memory or an escalation that neither of both has."""
    if knob in strategies.IN_MEMORY:
        return bool(first["memory"] == second["memory"] == "none")
    return knob in strategies.IN_ESCALATION and not first["triggers"] and not second["triggers"]


# --- values --------------------------------------------------------------------------------


def _shown(what: str, value: Json) -> str | None:
    """A value as it may be shown: short, and without what could be a key."""
    if value is None:
        return None
    path = re.split(r"[ .]", what)
    if any(hides(name, value) for name in path[_named(path) :]):  # what is inside of headers as well
        return HIDDEN
    text = value if isinstance(value, str) else canonical(without(value))
    text = _without_user(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _named(path: list[str]) -> int:
    """Where the parameters begin: a tier or a judge may be called as it likes."""
    return path.index("params") + 1 if "params" in path else len(path) - 1


def _without_user(text: str) -> str:
    """A URL without the name and the password that it may hold, and without its query."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    if not parts.scheme or not parts.netloc:
        return text
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, HIDDEN if parts.query else "", ""))
