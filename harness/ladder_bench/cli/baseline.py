"""`baseline`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import JsonOption, app, print_json
from ladder_bench.content import display, is_file
from ladder_bench.errors import InputError

baseline = typer.Typer(help="What a gate holds runs against: a small JSON file to commit, with numbers and no text.")
app.add_typer(baseline, name="baseline")


@baseline.command()
def update(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The baseline to write.")],
    strategy: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this strategy; the first is the primary one. Repeatable."),
    ] = None,
    anchor: Annotated[
        bool, typer.Option("--anchor", help="The baseline of a release, which later updates do not touch.")
    ] = False,
    unresolved_cost: Annotated[
        float | None,
        typer.Option(min=0, metavar="USD", help="What an unresolved conversation costs; default: what the run says."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over an anchor.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write what gates will hold later runs against: scores by conversation, token counts, fingerprints.

    Commit the file: it holds ids and numbers, a line a conversation, and no text. A baseline with --anchor is the one
    of a release; `gate --anchor` holds runs against it, too, so that small losses do not add up unseen.
    """
    from ladder_bench import folder
    from ladder_bench.sides import baselines, reading

    run = folder.read(run_folder)
    if run.about.get("incomplete"):
        raise InputError(
            f"{display(run_folder)}: the run is incomplete (it was stopped); resume it with the same command"
        )
    _keep_anchor(out, anchor, force)
    found = reading.baseline_of(run, strategy or None)
    if strategy:
        found = replace(found, primary=strategy[0])
    if unresolved_cost is not None:
        found = replace(found, unresolved_usd=unresolved_cost, declared=True)
    size = baselines.write(out, replace(found, anchor=anchor))
    said = {
        "file": str(out), "anchor": anchor, "primary": found.primary, "strategies": list(found.sides),
        "conversations": len(found.fingerprint["conversations"]), "bytes": size,
    }  # fmt: skip
    if as_json:
        print_json(said)
        return
    what = "anchored baseline" if anchor else "baseline"
    count = len(found.sides)
    typer.echo(
        f"{what}: {display(out)}, {size / 1000:,.0f} kB, {said['conversations']:,} conversations, "
        f"{count} {'strategy' if count == 1 else 'strategies'}"
    )
    typer.echo(f"primary: {found.primary} (what a gate is about unless --strategy says otherwise)")
    if found.simulated:
        typer.echo("! simulated tiers: these numbers illustrate the tool, they say nothing about any model")
    typer.echo(f"next: ladder-bench gate RUN --baseline {display(out)}")


def _keep_anchor(out: Path, anchor: bool, force: bool) -> None:
    """Refuse to move an anchor by accident."""
    from ladder_bench.sides import baselines

    if force or not is_file(out):
        return
    try:
        held = baselines.load(out)
    except InputError as error:
        if not baselines.is_baseline(out):
            raise InputError(f"{display(out)}: is there and is no baseline; choose another file, or --force") from None
        if anchor:
            raise error
        return
    if held.anchor and not anchor:
        raise InputError(f"{display(out)}: is an anchor, which updates do not move; choose another --out")
    if held.anchor:
        raise InputError(f"{display(out)}: is an anchor already; --force moves it")
