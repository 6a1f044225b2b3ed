"""Owners: whose each conversation is, as hashes, where a log says so. What one user does is no independent evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ladder_bench import folder
from ladder_bench.domain import digest_of

_HASH = re.compile(r"[0-9a-f]{8,64}")
NAMED = 3  # conversations that a message names


def owners_of(run: folder.Run) -> dict[str, str]:
    """The hashed user of each conversation that has one, by id; what is no hash becomes one."""
    found = run.about.get("cluster") or {}
    if not isinstance(found, Mapping):
        raise TypeError("cluster: not by conversation")
    return {
        name: owner if _HASH.fullmatch(owner) else digest_of("user", owner)[:16]
        for name, owner in sorted(found.items())
    }


def clusters(conversations: Sequence[str], owners: Mapping[str, str]) -> tuple[str, ...]:
    """The cluster of each conversation, its own where it has no user; empty where none has one."""
    if not any(name in owners for name in conversations):
        return ()
    return tuple(owners.get(name, f"\0{name}") for name in conversations)


def differ(run: Mapping[str, str], baseline: Mapping[str, str], among: Sequence[str]) -> str | None:
    """Why two sides may not be compared, where they do not say the same of whose the conversations are."""
    changed = [name for name in among if run.get(name) != baseline.get(name)]
    if not changed:
        return None
    for one, other, where in ((run, baseline, "run"), (baseline, run, "baseline")):
        if one and not other:
            return (
                f"whose the conversations are (users) is known in the {where} alone: write the baseline and import the "
                "run from logs that both name them, or neither"
            )
    shown = ", ".join(changed[:NAMED]) + (", ..." if len(changed) > NAMED else "")
    return f"users differ: {len(changed):,} conversations are another user's in the run than in the baseline ({shown})"
