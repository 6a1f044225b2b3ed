"""Fingerprints: what has to be the same in two runs before their numbers may be compared, and what differs.

Who answered, with what ladder and prompts, at what price, is what a comparison is about, and is not in here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from ladder_bench import folder
from ladder_bench.domain import Json, canonical, digest_of
from ladder_bench.sides.secrets import without

SHORT = 16  # characters of a hash
NAMED = 3  # conversations that a message names
Names = tuple[str, str]  # of the two that are compared
Says = Callable[[Json, Json, Names], str]


def fingerprint(run: folder.Run) -> Json:
    """What a run was measured on and by: JSON without any text of a conversation.

    `conversations`: a hash of each conversation with its criteria, by id; None where an id is all that arms share
    (imported transcripts), or the folder is from before conversations were kept.
    """
    about = run.about
    config = about["config"]
    bodies = {} if about.get("imported") else _digests(run)
    return {
        "mode": about["mode"],
        "conversations": {name: bodies.get(name) for name in sorted(about["dataset"]["conversations"])},
        "judges": sorted(_judge(each) for each in about.get("judges") or ()),
        "rubrics": {each["id"]: each["hash"] for each in about.get("rubrics") or [about["rubric"]]},
        "weights": config["weights"],
        "resolved_quality": config["resolved_quality"],
        "compared_with": about.get("compared_with"),
        "user": config.get("user"),
        "gap_s": config["gap_s"],
    }


def differences(first: Json, second: Json, names: Names = ("first", "second")) -> list[str]:
    """Why two runs may not be compared, a line each; empty where they may. `names`: what the lines call them."""
    found = _conversations(first["conversations"], second["conversations"], names)
    for name, says in _RULES.items():
        one, other = first.get(name), second.get(name)
        if one != other:
            found.append(says(one, other, names))
    return found


def _digests(run: folder.Run) -> dict[str, str]:
    """The hash of each kept conversation. Its own is of the file's line; older bodies are hashed whole."""
    rows = folder.rows_of(run.tables["conversations"])
    return {row["id"]: (json.loads(row["body"]).get("digest") or digest_of(row["body"]))[:SHORT] for row in rows}


def _judge(tier: Mapping[str, Json]) -> str:
    """A judge by its model and parameters, without keys: its name is the user's affair."""
    return f"{tier['model']} {canonical(without(tier['params']))}"


def _conversations(first: Mapping[str, Json], second: Mapping[str, Json], names: Names) -> list[str]:
    """Which conversations one of two has alone, and which are not the same."""
    found = []
    for alone, where in _alone(first, second, names):
        if alone:
            found.append(f"conversations differ: {len(alone)} only in the {where} ({_named(alone)})")
    changed = [
        name
        for name in first.keys() & second.keys()
        if first[name] != second[name] and None not in (first[name], second[name])
    ]
    if changed:
        found.append(
            f"conversations differ: {len(changed)} have the same id and another content or other criteria "
            f"({_named(changed)})"
        )
    return found


def _named(names: Sequence[str] | set[str]) -> str:
    shown = sorted(names)[:NAMED]
    return ", ".join(shown) + (", ..." if len(names) > NAMED else "")


def _rubrics(first: Mapping[str, str], second: Mapping[str, str], names: Names) -> str:
    """Rubrics by id: those that one has alone, and those that changed."""
    changed = sorted(name for name in first.keys() & second.keys() if first[name] != second[name])
    alone = [f"{', '.join(sorted(ids))} only in the {where}" for ids, where in _alone(first, second, names) if ids]
    parts = [f"{', '.join(changed)} changed (its text, its prompt or both)"] if changed else []
    return f"rubrics differ: {'; '.join([*parts, *alone])}"


def _alone(first: Mapping[str, Json], second: Mapping[str, Json], names: Names) -> list[tuple[set[str], str]]:
    """The ids that one of two has alone, with its name."""
    return [(first.keys() - second.keys(), names[0]), (second.keys() - first.keys(), names[1])]


def _both(what: str) -> Says:
    return lambda one, other, names: (
        f"{what} differs: {_shown(one)} in the {names[0]}, {_shown(other)} in the {names[1]}"
    )


def _shown(value: Json) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    return "none" if value is None else value if isinstance(value, str) else canonical(value)


_RULES: dict[str, Says] = {
    "mode": _both("replay mode"),
    "judges": _both("judge"),
    "rubrics": _rubrics,
    "weights": _both("weights of criteria"),
    "resolved_quality": _both("the quality from which a conversation counts as resolved"),
    "compared_with": _both("whom answers were compared with"),
    "user": _both("the played user"),
    "gap_s": _both("the declared seconds between turns"),
}
