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
from ladder_bench.domain import Conversation, Json, Tier, digest_of
from ladder_bench.experiment.prepare import Options, Prepared
from ladder_bench.judge.panel import Panel
from ladder_bench.judge.rubric import Rubric
from ladder_bench.judge.sheets import metrics
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
            "weights": dict(prepared.panel.weights),
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
        "tiers": [_tier(tier) for tier in matrix.tiers.tiers],
        "prices": snapshot({tier.name: tier.price for tier in _paid(prepared)}, started.date()),
        "prompts": {path.name: _prompt(path.read_text("utf-8")) for path in prompts},
        **about_judging(prepared.panel),
        "packages": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "notes": list(prepared.notes),
    }
    return about


def about_judging(panel: Panel) -> dict[str, Json]:
    """What run.json says of how answers were graded."""
    judges = [_tier(tier) for tier in panel.judges] if panel.asks else []
    return {
        "rubric": {key: _rubric(panel.rubrics[0])[key] for key in ("id", "version", "hash")},
        "rubrics": [_rubric(rubric) for rubric in panel.rubrics],
        "judges": judges,
        "judge_repeats": asdict(panel.repeats) if panel.asks else None,
        "compared_with": panel.against if any(each.grader == "pairwise" for each in panel.rubrics) else None,
    }


def _rubric(rubric: Rubric) -> Json:
    return {
        "id": rubric.id,
        "version": rubric.version,
        "hash": rubric.digest[:16],
        "grader": rubric.grader,
        "level": rubric.level,
        "metric": rubric.metric,
        "metrics": sorted(metrics(rubric)) if rubric.asks else [],
        "criteria": {each.id: each.text for each in rubric.own},
        "against": rubric.against,
        "prompts": list(rubric.prompts),
    }


def _tier(tier: Tier) -> Json:
    return {**asdict(tier), "params": dict(tier.params)}


def _paid(prepared: Prepared) -> list[Tier]:
    own = prepared.matrix.tiers.tiers
    judges = prepared.panel.judges if prepared.panel.asks else ()
    return [*own, *(tier for tier in judges if tier not in own)]


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
