"""`annotate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, app, print_json
from ladder_bench.cli.progress import progress_bar
from ladder_bench.errors import InputError

SHOWN = 10  # conversations whose drafts are printed as they are made; `--review` prints all


@app.command()
def annotate(
    dataset: Annotated[
        str,
        typer.Argument(
            metavar="DATASET", help="A .jsonl, .json, .parquet or .csv file, hf:owner/name[:split], or a bundled name."
        ),
    ],
    tier: Annotated[str | None, typer.Option("--with", metavar="TIER", help="The tier, or judge, that drafts.")] = None,
    tiers: Annotated[
        str | None, typer.Option(metavar="FILE", help="Where that tier is: a tiers file, or a bundled name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The file to write; default: DATASET.annotated.jsonl beside it.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace that file if it is there; it is kept as FILE.1, FILE.2, ...")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Ask about N conversations; the others stay as they are.")
    ] = None,
    review: Annotated[
        bool, typer.Option("--review", help="Only show the drafts that DATASET holds; nobody is asked.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Send nothing: stored replies only.")] = False,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Never pay more than this.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a model draft intent and criteria for plain logs, for you to review.

    The model sees the user's messages and the system prompt, never an answer.
    A draft counts only with words of the user from the message it names.
    Where a later message corrects ("no, I meant ..."), the earlier turn gets
    a criterion of hindsight.
    Drafts are for grading only, and marked with who drafted them.

    What is written is the dataset with the drafts; all else keeps its bytes.
    A conversation with an intent, or criteria, of its own gets no other ones.
    A reply that cannot be read is asked for once more.
    Where nothing comes of that, the conversation stays as it was.
    How many calls there are, to whom and at what cost is said before.
    Exit code 3: nothing was drafted, or a cap or Ctrl-C ended it early; what
    was drafted until then is written.
    """
    from ladder_bench import annotate as annotating
    from ladder_bench.calls.errand import Bounds
    from ladder_bench.experiment import Progress
    from ladder_bench.report import drafts

    if offline:  # `datasets` reads it when it is imported
        os.environ["HF_HUB_OFFLINE"] = "1"
    if review:
        shown = annotating.review(dataset)
        print_json(shown) if as_json else drafts.print_review(shown)
        return
    if tier is None or tiers is None:
        missing = "--with TIER" if tier is None else "--tiers FILE"
        raise InputError(
            f"{missing} is missing: who drafts? Name a tier and its file, such as --with light --tiers local"
        )
    bounds = Bounds(offline, max_cost) if store is None else Bounds(offline, max_cost, store)
    options = annotating.Options(dataset, tier, tiers, out, force, limit, bounds)
    with progress_bar("drafting") as listener:

        def progress(done: int, of: int, sent: int) -> None:
            listener.progress(Progress(done, of, done, done, sent))

        found = annotating.annotate(options, annotating.Watch(listener.warn, progress))
    if as_json:
        print_json(found)
    else:
        drafts.print_annotated(found, SHOWN)
    if not found["drafted"] or found["calls"]["stopped"]:
        raise typer.Exit(INCONCLUSIVE)
