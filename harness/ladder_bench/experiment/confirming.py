"""Confirming: the runs that a search needs, made from matrices that it writes: every tier alone, and a rollout."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ladder_bench import config, folder, revive
from ladder_bench.content import display
from ladder_bench.domain import Json
from ladder_bench.errors import InputError, LadderBenchError
from ladder_bench.experiment.prepare import Options, Prepared, load_rules, prepare
from ladder_bench.experiment.running import RUNS, Listener, run
from ladder_bench.search import Found
from ladder_bench.search.candidates import Candidate, candidates
from ladder_bench.search.confirmed import confirmed
from ladder_bench.search.reading import UNDEFINED
from ladder_bench.search.written import yaml_of
from ladder_bench.triggers import Rules

RESULT = "search.json"


def screened(options: Options, out: Path, listener: Listener) -> folder.Run:
    """Let every tier of `options.tiers` answer the recorded history alone; the run is kept in OUT/screen.

    Raises InputError.
    """
    assert options.tiers is not None
    settings: dict[str, Any] = {
        "tiers": _lasting(options.tiers),
        "replay": "forced",
        "controls": "none",
        "strategies": [{"single": name} for name in config.load_tiers(options.tiers).names],
    }
    options = _written(options, settings, out / "screen")
    _check_gradable(prepare(options))  # before anybody is asked, or paid
    return run(options, listener)


def _check_gradable(prepared: Prepared) -> None:
    """Raises InputError where nothing could have a grade."""
    conversations = prepared.corpus.conversations
    graded = any(
        turn.criteria or each.constraints_at(turn.number) for each in conversations for turn in each.turns
    )  # fmt: skip
    if not graded and not prepared.panel.asks:
        raise InputError(f"dataset '{prepared.corpus.name}': {UNDEFINED}")


def confirmation(
    options: Options, screen: folder.Run, found: Found, asked_for: bool, out: Path, listener: Listener
) -> dict[str, Json]:
    """What a rollout over the conversations that did not choose says of the best, or why there is none.

    Nobody is paid unless that is `asked_for`.
    """
    about = screen.about
    names = tuple(tier["name"] for tier in about["tiers"])
    paid = [tier.name for tier in revive.tiers(about) if tier.live]
    if paid and not asked_for:
        who = " and ".join(paid)
        return {"why": f"{who} would be asked, for money: --confirm does it, and --max-cost bounds what it may cost"}
    if len(names) == 1:
        return {"why": "there is one tier, and no ladder without a second one"}
    options = replace(options, dataset=options.dataset or about["dataset"]["source"], only=frozenset(found.held_out))
    known = candidates(names, found.best, found.result["family"]["longest"])
    try:
        rolled = _rolled(options, screen, known, out, listener)
    except LadderBenchError as error:
        return {"why": f"the rollout could not be run: {str(error).splitlines()[0]}"}
    return confirmed(rolled, known, found.result["goal"]["margin"])


def folder_for(out: Path | None, name: str) -> Path:
    """The folder that a search is kept in. Raises InputError where it holds something else."""
    if out is None:
        now = datetime.datetime.now(datetime.UTC)
        return RUNS / f"{now:%Y%m%d-%H%M%S}-search-{Path(name).name.split('.')[0].replace(':', '-')}"
    if out.exists() and not out.is_dir():
        raise InputError(f"{display(out)}: is a file; --out needs a folder")
    if out.is_dir() and any(out.iterdir()) and not (out / RESULT).is_file() and not (out / "screen.yaml").is_file():
        what = "holds something else than a search; --out needs a new folder, an empty one or an old search"
        raise InputError(f"{display(out)}: {what}")
    return out


def keep(out: Path, result: Json) -> None:
    """Write what a search found, and the chosen ladder, into its folder. Raises InputError."""
    write(out / RESULT, folder.json_text(result))
    write(out / "chosen.yaml", result["chosen"]["yaml"])


def _rolled(
    options: Options, screen: folder.Run, known: Sequence[Candidate], out: Path, listener: Listener
) -> folder.Run:
    """Send candidates through a rollout; the run is kept in OUT/confirm. The screen's settings hold."""
    about = screen.about
    config_of = about["config"]
    lexicons = config_of["lexicons"]["folder"]
    settings: dict[str, Any] = {
        "tiers": _tiers(options.tiers or config_of["tiers"], about),
        "rubrics": config_of["rubrics"],
        "replay": "rollout",
        "controls": ["placebo"],
        "samples": config_of["samples"],
        "seed": config_of["seed"],
        "gap_s": config_of["gap_s"],
        "resolved_quality": config_of["resolved_quality"],
        "strategies": [_use(each, index, out) for index, each in enumerate(known)],
    }
    if config_of["unresolved_cost_usd"] is not None:
        settings["unresolved_cost_usd"] = config_of["unresolved_cost_usd"]
    if lexicons is not None:
        settings["lexicons"] = str(Path(lexicons).resolve())
    names = tuple(judge["name"] for judge in about.get("judges") or ())
    chosen = replace(options, tiers=None, rubrics=None, judges=names or None)
    chosen = _written(chosen, settings, out / "confirm")
    _check_same(prepare(chosen), screen)
    return run(chosen, listener)


def rules_of(about: Json) -> Rules:
    """The rules that a run's triggers were looked for with. Raises InputError where they have changed."""
    lexicons = about["config"].get("lexicons")
    if lexicons is None:  # imported: no trigger was looked for
        return load_rules(None)
    rules = load_rules(None if lexicons["folder"] is None else Path(lexicons["folder"]))
    if rules.digest[:16] != lexicons["hash"]:
        raise InputError("the triggers' lexicons have changed since the run was made; run it again")
    return rules


def _check_same(prepared: Prepared, screen: folder.Run) -> None:
    """Raises InputError where conversations are no longer what was screened."""
    screened = {row["id"]: json.loads(row["body"])["digest"] for row in folder.rows_of(screen.tables["conversations"])}
    for each in prepared.corpus.conversations:
        if each.digest != screened.get(each.id):
            raise InputError(f"conversation '{each.id}' has changed since it was screened; screen it again")


def _tiers(name: str, screen: Json) -> str:
    """The tiers file of a screen, for another matrix. Raises InputError where it has other tiers by now."""
    path = Path(name)
    if not path.exists() and path.parts[-3:-1] == ("ladders", "tiers"):
        name = path.stem  # a bundled file, as it was seen from another folder
    found = [(tier.name, tier.model) for tier in config.load_tiers(name).tiers]
    if found != [(tier["name"], tier["model"]) for tier in screen["tiers"]]:
        raise InputError(f"{name}: has other tiers than the run; name its own with --tiers")
    return _lasting(name)


def _use(candidate: Candidate, index: int, out: Path) -> dict[str, Json]:
    """A line of the matrix; a ladder goes into a file of its own beside it."""
    if candidate.ladder is None:
        return {"single": candidate.single, "pack": candidate.pack}
    path = Path("ladders") / f"{index:02d}.yaml"
    write(out / path, yaml_of(candidate.ladder))
    return {"ladder": str(path)}


def _written(options: Options, settings: dict[str, Any], out: Path) -> Options:
    """Options for the run OUT, whose matrix is written beside it."""
    matrix = out.with_name(f"{out.name}.yaml")
    if options.dataset is not None:
        settings["dataset"] = _lasting(options.dataset)
    write(matrix, json.dumps(settings, ensure_ascii=False, indent=1) + "\n")
    return replace(options, matrix=str(matrix), dataset=None, tiers=None, out=out)


def _lasting(name: str) -> str:
    """A path that means the same from any folder; other names as they are."""
    return str(Path(name).absolute()) if Path(name).exists() else name


def write(path: Path, text: str) -> None:
    """Write a text and the folders above it. Raises InputError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
