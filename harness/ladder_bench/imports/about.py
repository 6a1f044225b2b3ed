"""run.json of imported transcripts: where they are from, what was left out, and how far arms may be compared."""

from __future__ import annotations

import datetime
import platform
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ladder_bench import __version__, folder, prices
from ladder_bench.documents import display
from ladder_bench.domain import IMPORTED, Conversation, Json, Ladder, Price, Step, Tier, digest_of
from ladder_bench.imports.lives import Life
from ladder_bench.imports.pricing import Priced

PACKAGES = ("numpy", "scipy", "pyarrow", "pydantic")
RUBRIC = {"id": "none", "version": 0, "hash": "none"}  # nothing was graded
SEVERAL = "several"  # models of one arm
Cells = Mapping[str, frozenset[str]]  # the conversations of each arm


@dataclass(frozen=True, slots=True)
class Source:
    """Where transcripts are from, and what the command said."""

    files: tuple[Path, ...]
    formats: tuple[str, ...]
    command: str
    started: datetime.datetime


@dataclass(frozen=True, slots=True)
class Design:
    """How arms may be compared: paired where they share conversations, and how many of those each arm lacks."""

    design: str
    common: int
    only: Mapping[str, int]


def design(arms: Cells) -> Design:
    """Paired where some conversation is in two arms or more. `common` are those that every arm has."""
    counts = Counter(name for names in arms.values() for name in names)
    common = sum(count == len(arms) for count in counts.values())
    shared = len(arms) == 1 or any(count > 1 for count in counts.values())
    only = {arm: sum(counts[name] < len(arms) for name in names) for arm, names in arms.items()}
    return Design("paired" if shared else "unpaired", common, only)


def words_differ(found: Sequence[Life]) -> bool:
    """Whether users said something else to one arm than to another in some conversation."""
    said: dict[str, tuple[str, ...]] = {}
    for life in found:
        words = tuple(turn.user.digest for turn in life.conversation.turns)
        if said.setdefault(life.conversation.id, words) != words:
            return True
    return False


def models(found: Sequence[Life]) -> dict[str, str | None]:
    """By arm the model that the log names; None where it names none, or several."""
    named: dict[str, set[str]] = {}
    for life in found:
        own = {said.model for said in life.said if said.by_model and said.model} or {life.model or ""}
        named.setdefault(life.arm, set()).update(own - {""})
    return {arm: next(iter(each)) if len(each) == 1 else None for arm, each in named.items()}


def clusters(found: Sequence[Life]) -> tuple[dict[str, str], list[str]]:
    """Whose each conversation is, where the log says so, as a hash; and what a reader must know."""
    owners: dict[str, str] = {}
    several: set[str] = set()
    for life in found:
        if life.user is None:
            continue
        owner = digest_of("user", life.user)[:16]
        if owners.setdefault(life.conversation.id, owner) != owner:
            several.add(life.conversation.id)
    conversations = {life.conversation.id for life in found}
    warnings = [f"conversations of several users, the first one counts: {len(several):,}"] if several else []
    if owners and (without := len(conversations - owners.keys())):
        warnings.append(f"conversations without a user, each taken for one of its own: {without:,}")
    return owners, warnings


def about(found: Sequence[Life], priced: Priced, source: Source, options: Json, warnings: Sequence[str]) -> Json:
    """run.json. `options`: what the user chose of gap_s, unresolved_cost_usd and estimate."""
    arms: dict[str, set[str]] = {}
    for life in found:
        arms.setdefault(life.arm, set()).add(life.conversation.id)
    how = design({arm: frozenset(names) for arm, names in arms.items()})
    owners, _ = clusters(found)
    named = models(found)
    conversations = list(dict.fromkeys(life.conversation.id for life in found))
    return {
        "schema": folder.SCHEMA,
        "version": __version__,
        "command": source.command,
        "started": source.started.isoformat(timespec="seconds"),
        "seconds": round(time.time() - source.started.timestamp(), 2),
        "mode": "imported",
        "design": how.design,
        "cluster": owners,
        "incomplete": None,
        "dataset": {
            "name": ", ".join(dict.fromkeys(_stem(path) for path in source.files)),
            "source": ", ".join(map(display, source.files)),
            "digest": digest_of(*(part for life in found for part in _identity(life))),
            "turns": sum(len(life.conversation.turns) for life in found),
            "holds": _holds([life.conversation for life in found]),
            "conversations": conversations,
        },
        "imported": {
            "format": " + ".join(source.formats),
            "arms": {arm: _arm(arm, found, priced, named[arm]) for arm in arms},
            "outcomes": sum(life.conversation.resolved is not None for life in found),
            "common": how.common,
            "only": dict(how.only),
            "words_differ": words_differ(found),
            "estimated": bool(options["estimate"]),
        },
        "config": {
            "matrix": "",
            "tiers": options["tiers"] or "",
            "rubrics": [],
            "weights": {},
            "controls": [],
            "samples": 1 + max(life.sample for life in found),
            "seed": 0,
            "gap_s": options["gap_s"],
            "unresolved_cost_usd": options["unresolved_cost_usd"],
            "resolved_quality": 0.8,
            "user": None,
            "sharing": True,
            "offline": True,
        },
        "strategies": [asdict(Ladder(arm, (Step(arm),))) for arm in arms],
        "dropped": [],
        "tiers": [_tier(arm, named[arm], priced.prices.get(arm)) for arm in priced.order],
        "prices": prices.snapshot(dict(priced.prices), source.started.date()),
        "prompts": {},
        "rubric": RUBRIC,
        "rubrics": [],
        "judges": [],
        "judge_repeats": None,
        "compared_with": None,
        "packages": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "notes": list(warnings),
    }


def _stem(path: Path) -> str:
    return path.name.split(".json")[0]


def _identity(life: Life) -> tuple[str, ...]:
    return life.arm, str(life.sample), life.conversation.id, life.conversation.digest


def _holds(conversations: Sequence[Conversation]) -> dict[str, bool]:
    """Which gold the transcripts carry: that is for grading them later."""
    intents = [each.intent for each in conversations if each.intent]
    return {
        "intent": bool(intents),
        "constraints": any(intent.constraints for intent in intents),
        "criteria": any(turn.criteria for each in conversations for turn in each.turns),
        "format": any(intent.output_contract for intent in intents),
        "labels": any(turn.labels is not None for each in conversations for turn in each.turns),
    }


def _arm(arm: str, found: Sequence[Life], priced: Priced, model: str | None) -> Json:
    mine = [life for life in found if life.arm == arm]
    return {
        "transcripts": len(mine),
        "conversations": len({life.conversation.id for life in mine}),
        "samples": len({life.sample for life in mine}),
        "outcomes": sum(life.conversation.resolved is not None for life in mine),
        "model": model,
        "price_from": priced.sources.get(arm),
    }


def _tier(arm: str, model: str | None, price: Price | None) -> Json:
    """The arm as a tier that nobody can ask. Its price is None where nobody named one."""
    tier = asdict(Tier(arm, f"{IMPORTED}{model or 'unnamed'}", {}, price or Price(0.0, 0.0), cache_group=arm))
    return tier if price else {**tier, "price": None}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
