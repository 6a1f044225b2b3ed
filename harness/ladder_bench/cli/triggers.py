"""`triggers eval`."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, app, print_json
from ladder_bench.errors import InputError

triggers = typer.Typer(help="Triggers: what makes a ladder climb, and how well it is noticed.", no_args_is_help=True)
app.add_typer(triggers, name="triggers")

ALL = "all"


@triggers.command("eval")
def evaluate(
    dataset: Annotated[
        str,
        typer.Argument(metavar="DATASET", help="A .jsonl file, hf:owner/name[:split], or a bundled name; with labels."),
    ] = "triggers",
    trigger: Annotated[
        list[str] | None, typer.Option("--trigger", metavar="NAME", help="Only this trigger. Repeatable.")
    ] = None,
    detect: Annotated[
        str, typer.Option(metavar="rules|TIER", help="Who looks: the rules, or a tier that is asked for each text.")
    ] = "rules",
    tiers: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where that tier is: a tiers file, or a bundled name; offline.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only conversations with this tag.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first conversations.")] = None,
    misses: Annotated[
        str, typer.Option(metavar="N|all", help="How many missed turns and false alarms to show of each trigger.")
    ] = "5",
    offline: Annotated[
        bool, typer.Option("--offline", help="Send nothing: stored and simulated replies only.")
    ] = False,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Never pay more than this.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the simulator.")] = 0,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare what fires with a dataset's labels: precision, recall, F1, and every turn where they differ.

    The labels of a turn stand under 'turns', [] where nothing should fire.
    'labels' are of the message, 'answer_labels' of the recorded answer:

    {"messages": [...],
     "turns": {"2": {"labels": ["goal_change"], "answer_labels": []}}}

    Turns without labels are left out.
    Rules are free and send nothing.
    A tier is asked once for each message and each answer:
    how many calls that is, and at what cost, is said before they are sent.
    Exit code 3: most texts could not be evaluated, or a cap stopped it.
    """
    from ladder_bench import detect as detection
    from ladder_bench.report.detection import print_detection

    shown = _most(misses)
    if offline:  # `datasets` reads it when it is imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    chosen: dict[str, Any] = {} if store is None else {"store": store}
    options = detection.Options(
        dataset=dataset,
        triggers=tuple(trigger or ()),
        tag=tag,
        limit=limit,
        detect=detect,
        tiers=tiers,
        offline=offline,
        max_cost_usd=max_cost,
        seed=seed,
        **chosen,
    )
    found = detection.evaluate(options, lambda line: typer.echo(line, err=True))
    if as_json:
        print_json(found)
    else:
        print_detection(found, shown)
    if found["inconclusive"] or (found["calls"] and found["calls"]["stopped"]):
        raise typer.Exit(INCONCLUSIVE)


def _most(misses: str) -> int | None:
    """A number of confusions, None for all of them. Raises InputError."""
    if misses == ALL:
        return None
    if not (misses.isascii() and misses.isdigit()):
        raise InputError(f"--misses: must be a whole number from 0, or {ALL}, not '{misses[:40]}'")
    return int(misses)
