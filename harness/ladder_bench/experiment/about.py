"""run.json: everything that a reader needs to know how the numbers came about, and to make them again."""

from __future__ import annotations

import datetime
import platform
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from ladder_bench import __version__, content, folder
from ladder_bench.domain import Conversation, Json, digest_of
from ladder_bench.experiment.prepare import Options, Prepared
from ladder_bench.prices import snapshot
from ladder_bench.replay import Player

VERSION = re.compile(r"\{# version (\d+) #\}")
PACKAGES = ("litellm", "datasets", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "jinja2", "pydantic", "regex")


def about_run(
    prepared: Prepared,
    options: Options,
    started: datetime.datetime,
    stopped: Json | None,
    complete: Collection[str],
) -> Json:
    """Everything that a reader needs to know how the numbers came about, and to make them again. No secrets."""
    matrix, loaded = prepared.matrix, prepared.corpus
    prompts = sorted(content.shipped("ladders", "prompts").glob("*.jinja"))
    about: dict[str, Any] = {
        "schema": folder.SCHEMA,
        "version": __version__,
        "command": options.command,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.time() - started.timestamp(), 2),
        "mode": matrix.mode,
        "incomplete": stopped,
        "dataset": {
            "name": loaded.name,
            "source": options.dataset or matrix.dataset,
            "digest": loaded.digest,
            "turns": sum(len(each.turns) for each in loaded.conversations if each.id in complete),
            "holds": _holds(loaded.conversations),
            "conversations": list(complete),
        },
        "config": {
            "matrix": matrix.file,
            "tiers": matrix.tiers.file,
            "rubrics": list(matrix.rubrics),
            "weights": dict(prepared.rubric.weights),
            "controls": list(matrix.controls),
            "samples": prepared.samples,
            "seed": prepared.seed,
            "gap_s": matrix.gap_s,
            "unresolved_cost_usd": matrix.unresolved_cost_usd,
            "resolved_quality": matrix.resolved_quality,
            "lexicons": {
                "folder": None if matrix.lexicons is None else str(matrix.lexicons),
                "hash": prepared.rules.digest[:16],
            },
            "user": None if prepared.player is None else _player(prepared.player),
            "sharing": options.sharing,
            "offline": options.offline,
            "fresh": list(options.fresh),
            "max_age_s": options.max_age_s,
        },
        "strategies": [asdict(ladder) for ladder in prepared.strategies.ladders],
        "dropped": [asdict(each) for each in prepared.strategies.dropped],
        "tiers": [{**asdict(tier), "params": dict(tier.params)} for tier in matrix.tiers.tiers],
        "prices": snapshot({tier.name: tier.price for tier in matrix.tiers.tiers}, started.date()),
        "prompts": {path.name: _prompt(path.read_text("utf-8")) for path in prompts},
        "rubric": {"id": prepared.rubric.id, "version": prepared.rubric.version, "hash": prepared.rubric.digest[:16]},
        "packages": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "notes": list(prepared.notes),
    }
    return about


def _prompt(text: str) -> Json:
    """A prompt's version, as its first line declares it, and its hash, which changes with every character."""
    declared = VERSION.match(text)
    return {"version": int(declared[1]) if declared else None, "hash": digest_of(text)[:16]}


def _player(player: Player) -> Json:
    return {
        "tier": player.tier.name,
        "model": player.tier.model,
        "most_turns": player.most_turns,
        "patience": player.patience,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except ImportError:
        return "not installed"


def _holds(conversations: Sequence[Conversation]) -> dict[str, bool]:
    """Which gold fields a dataset has anywhere: what is missing switches metrics off, by name."""
    intents = [each.intent for each in conversations if each.intent]
    criteria = [criterion for each in conversations for turn in each.turns for criterion in turn.criteria]
    return {
        "intent": bool(intents),
        "constraints": any(intent.constraints for intent in intents),
        "criteria": bool(criteria),
        "format": any(intent.output_contract for intent in intents) or any(c.kind == "format" for c in criteria),
        "labels": any(turn.labels is not None for each in conversations for turn in each.turns),
    }
