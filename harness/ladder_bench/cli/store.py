"""`store stats | export | import | verify | prune | forget`."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ladder_bench.cli.app import JsonOption, StoreOption, app, print_json, seconds_of

if TYPE_CHECKING:
    from ladder_bench.store.upkeep import Pruned, Stats, Verified

DEFAULT = Path(".ladder-bench/calls.sqlite")
RUNS = Path("reports/runs")

commands = typer.Typer(help="Look after the call store: what is in it, is it whole, copy it, remove from it.")
app.add_typer(commands, name="store")

FileArgument = Annotated[
    str, typer.Argument(metavar="FILE", help="A .jsonl, .jsonl.gz or .jsonl.zst file; - for the standard stream.")
]


@commands.command()
def stats(store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Say what is stored: calls by model and their age, attempts by how they ended, and runs that are not complete."""
    from ladder_bench.store import upkeep

    path = store or DEFAULT
    with upkeep.opened(path) as connection:
        found = upkeep.stats(connection)
        size = upkeep.bytes_of(path)
    if as_json:
        print_json({"file": str(path), "bytes": size, **_stats_json(found)})
    else:
        _print_stats(path, size, found)


@commands.command()
def verify(
    store: StoreOption = None,
    drop: Annotated[bool, typer.Option("--drop", help="Remove damaged calls now; a run fetches them again.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check every call against its seal, and the file itself. Exit code 2 where something is damaged and stays."""
    from ladder_bench.store import database, upkeep

    path = store or DEFAULT
    with upkeep.opened(path) as connection:
        found = upkeep.verify(connection)
        dropped = 0
        if drop and found.damaged:
            with database.transaction(connection):
                dropped = upkeep.drop_damaged(connection, found.damaged)
    if as_json:
        rows = {"calls": found.calls, "damaged": list(found.damaged), "dropped": dropped}
        print_json({**rows, "orphaned_bodies": found.orphans, "faults": list(found.faults)})
    else:
        _print_verified(path, found, dropped if drop else None)
    if found.faults or (found.damaged and not drop):
        raise typer.Exit(2)


@commands.command("export")
def export(file: FileArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Write every call that is not damaged to a file, whole or not at all: a line a call, in the order of the keys.

    Attempts and what they cost are the ledger of this machine and are not exported.
    """
    from ladder_bench.store import transfer, upkeep

    with upkeep.opened(store or DEFAULT) as connection:
        done = transfer.export(connection, file)
    for key in done.damaged:
        typer.echo(f"left out, damaged: {key}", err=True)
    for fault in done.faults:
        typer.echo(f"the file of the store is damaged: {_plain(fault)}", err=True)
    if as_json and file != transfer.STANDARD:
        print_json({"file": file, "calls": done.calls, "damaged": list(done.damaged), "faults": list(done.faults)})
    else:
        _say(f"{_counted(done.calls, 'call')} exported", err=file == transfer.STANDARD)


@commands.command("import")
def import_(file: FileArgument, store: StoreOption = None, as_json: JsonOption = False) -> None:
    """Take the calls of an export that are not stored yet, all or none. Nothing that is stored is overwritten."""
    from ladder_bench.store import database, transfer, upkeep

    path = store or DEFAULT
    transfer.check_name(file)
    database.connect(path).close()  # here, a store that is not there is made
    with upkeep.opened(path) as connection:
        done = transfer.take(connection, file)
    if as_json:
        rows = {"taken": done.taken, "already_there": done.there, "repaired": done.repaired}
        print_json({"file": file, **rows, "different": list(done.different)})
        return
    parts = [f"{_counted(done.taken, 'call')} taken", f"{done.there:,} already there"]
    parts += [f"{done.repaired:,} damaged ones put right"] if done.repaired else []
    _say("; ".join(parts))
    for line in done.different:
        _say(f"{file}:{line}: is stored with another answer, which stays")


@commands.command()
def prune(
    store: StoreOption = None,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Calls answered longer ago than this: 12h, 30d.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="Calls of this model, as `stats` names it. Repeatable.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Remove calls by age, by model or by both, and always bodies that no call uses; then make the file smaller.

    Computed answers (simulated tiers) have no age: they go only where --model names them. The ledger stays.
    """
    from ladder_bench.store import upkeep

    path = store or DEFAULT
    before = None if older_than is None else time.time() - seconds_of(older_than, "--older-than")
    with upkeep.opened(path) as connection:
        size = upkeep.bytes_of(path)
        done = upkeep.prune(connection, upkeep.Unwanted(tuple(model or ()), before), dry_run)
        freed = size - upkeep.bytes_of(path)
    if as_json:
        rows = {"dry_run": dry_run, "calls": done.calls, "bodies": done.bodies, "body_bytes": done.bytes}
        print_json({**rows, "freed_bytes": 0 if dry_run else freed, "unshrunk": done.unshrunk})
    else:
        _say(_pruned(done, dry_run, freed))
    if done.unshrunk:
        typer.echo(
            f"the file could not be made smaller: {done.unshrunk}; 'ladder-bench store prune' tries again", err=True
        )


@commands.command()
def forget(
    conversation: Annotated[str, typer.Argument(help="The id of a conversation.")],
    store: StoreOption = None,
    runs: Annotated[Path | None, typer.Option(help=f"Where run folders lie; default {RUNS}.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a conversation from the store without a trace, and list the run folders that hold copies of it.

    What it cost stays on the ledger, without its name. No run may use the store meanwhile. Run folders, exports and
    datasets are yours to remove.
    """
    from ladder_bench.content import did_you_mean, display, shortened
    from ladder_bench.errors import InputError
    from ladder_bench.store import upkeep

    path = store or DEFAULT
    if runs is not None and not runs.is_dir():
        raise InputError(f"--runs {display(runs)}: is no folder")
    folders = _run_folders(runs or RUNS)
    copies = [folder for folder, held in folders.items() if held is not None and conversation in held]
    with upkeep.opened(path) as connection:
        stored = upkeep.conversations(connection)
        if conversation not in stored and not copies:
            known = stored.union(*(held for held in folders.values() if held))
            raise InputError(
                f"{display(path)}: holds nothing of conversation '{shortened(conversation)}'"
                f"{did_you_mean(conversation, known)}{_unattributed(upkeep.unattributed(connection))}"
            )
        nothing = upkeep.Forgotten(0, 0, 0, upkeep.unattributed(connection))
        done = upkeep.forget(connection, conversation) if conversation in stored else nothing
    unread = [folder for folder, held in folders.items() if held is None]
    if as_json:
        rows = {"conversation": conversation, "calls": done.calls, "bodies": done.bodies, "attempts": done.attempts}
        lists = {"copies": [str(folder) for folder in copies], "unread": [str(folder) for folder in unread]}
        print_json({**rows, "unattributed": done.unattributed, **lists, "unshrunk": done.unshrunk})
    else:
        _say(
            f"removed from {display(path)}: {_counted(done.calls, 'call')}, {_counted(done.bodies, 'body')}; "
            f"the ledger keeps what {_counted(done.attempts, 'attempt')} cost, without its name"
        )
        if copies:
            _say(f"copies of it are still in {_counted(len(copies), 'run folder')}; to remove:")
        for folder in copies:
            typer.echo(f"rm -r {shlex.quote(str(folder))}")
    for folder in unread:
        typer.echo(f"{folder}: its run.json cannot be read; look whether it holds a copy", err=True)
    if done.unattributed:
        typer.echo(_unattributed(done.unattributed).removeprefix("; "), err=True)
    if done.unshrunk:
        typer.echo(
            f"error: traces may be left in the file's free pages: {done.unshrunk}; put that right and run "
            "'ladder-bench store prune'",
            err=True,
        )
        raise typer.Exit(2)


def _unattributed(calls: int) -> str:
    """What to do about calls from the first version of the store, which did not say whose they are."""
    if not calls:
        return ""
    return (
        f"; {_counted(calls, 'stored call')} from an earlier version, which did not say of which conversation, "
        "may belong to it: \"ladder-bench store prune --model ''\" removes them"
    )


def _run_folders(place: Path) -> dict[Path, frozenset[str] | None]:
    """Run folders under a place, each with the conversations that it holds; None where its run.json cannot be read."""
    found: dict[Path, frozenset[str] | None] = {}
    for about in sorted(place.rglob("run.json")):
        try:
            held = json.loads(about.read_text(encoding="utf-8"))["dataset"]["conversations"]
            found[about.parent] = frozenset(each for each in held if isinstance(each, str))
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            found[about.parent] = None
    return found


# --- printing ------------------------------------------------------------------------------


def _stats_json(found: Stats) -> dict[str, Any]:
    from dataclasses import asdict

    rows = asdict(found)
    for model in rows["models"]:
        model.update(oldest=_when(model["oldest"]), newest=_when(model["newest"]))
    for experiment in rows["open"]:
        experiment.update(started=_when(experiment["started"]))
    return rows


def _print_stats(path: Path, size: int, found: Stats) -> None:
    from ladder_bench.content import display

    _say(
        f"{display(path)}: {_bytes(size)}, {_counted(found.calls, 'call')}, {_counted(found.bodies, 'distinct body')}, "
        f"{_counted(found.conversations, 'conversation')}"
    )
    if found.models:
        _table(
            ("model", "calls", "oldest", "newest", "size"),
            [
                (each.model or "(from an earlier version)", f"{each.calls:,}", _when(each.oldest) or "no age",
                 _when(each.newest) or "no age", _bytes(each.bytes))
                for each in found.models
            ],
        )  # fmt: skip
    if found.outcomes:
        _table(
            ("attempts that ended", "number", "paid, $", "at most, $"),
            [
                (each.outcome or "in flight, or killed", f"{each.attempts:,}", f"{each.paid_usd:.6f}",
                 f"{each.at_most_usd:.6f}")
                for each in found.outcomes
            ],
        )  # fmt: skip
    if found.open:
        _table(
            ("runs that are not complete", "begun", "attempts", "paid, $", "at most, $"),
            [
                (each.experiment[:16], _when(each.started) or "", f"{each.attempts:,}", f"{each.paid_usd:.6f}",
                 f"{each.at_most_usd:.6f}")
                for each in found.open
            ],
        )  # fmt: skip


def _print_verified(path: Path, found: Verified, dropped: int | None) -> None:
    from ladder_bench.content import display
    from ladder_bench.store.upkeep import RESCUE

    for key in found.damaged:
        typer.echo(f"damaged: {_plain(key)}")
    for fault in found.faults:
        typer.echo(f"fault of the file: {_plain(fault)}")
    state = "no damage" if not (found.damaged or found.faults) else f"{len(found.damaged):,} damaged"
    orphans = (
        ""
        if not found.orphans
        else f"; {_counted(found.orphans, 'body')} that no call uses ('store prune' removes them)"
    )
    _say(f"{display(path)}: {_counted(found.calls, 'call')} checked, {state}{orphans}")
    if dropped is not None and found.damaged:
        _say(f"{_counted(dropped, 'damaged call')} removed; the next run that needs them fetches them again")
    elif found.damaged:
        _say("a damaged call is never used: the next run that needs it fetches it again; --drop removes it now")
    if found.faults:
        _say(RESCUE)


def _pruned(done: Pruned, dry_run: bool, freed: int) -> str:
    what = (
        f"{_counted(done.calls, 'call')} and {_counted(done.bodies, 'body')} ({_bytes(done.bytes)} of text, compressed)"
    )
    return f"would remove {what}" if dry_run else f"removed {what}; the file is {_bytes(max(0, freed))} smaller"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers or times."""
    cells = [[_plain(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    typer.echo()
    for row in cells:
        first, *others = (
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        typer.echo("  ".join((first, *others)).rstrip())


def _plain(text: str) -> str:
    from ladder_bench.report.text import one_line

    return one_line(text)


def _say(line: str, err: bool = False) -> None:
    typer.echo(_plain(line), err=err)


def _counted(number: int, noun: str) -> str:
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def _bytes(size: float) -> str:
    """A size as people write it; a kilobyte has 1,000 bytes."""
    for unit in ("bytes", "kB", "MB"):
        if abs(size) < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def _when(at: float | None) -> str | None:
    """A moment (seconds since 1970) in UTC."""
    if at is None:
        return None
    try:
        return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (OverflowError, ValueError, OSError):
        return f"{at:g} s since 1970"
