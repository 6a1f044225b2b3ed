"""`judge selftest`."""

from __future__ import annotations

from typing import Annotated

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, print_json
from ladder_bench.cli.judge import judge
from ladder_bench.cli.progress import progress_bar


@judge.command()
def selftest(
    cases: Annotated[
        str, typer.Argument(metavar="CASES", help="A .jsonl file of cases; default: the bundled ones.")
    ] = "selftest",
    tiers: Annotated[
        str | None, typer.Option(metavar="FILE", help="A tiers file, or a bundled name, whose judges are tested.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--judge", metavar="NAME", help="Only this judge, or a tier that is to be one. Repeatable."),
    ] = None,
    flaws: Annotated[
        list[str] | None, typer.Option("--flaw", metavar="KIND", help="Only cases with this kind of flaw. Repeatable.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many cases, of all kinds in turn.")] = None,
    misses: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many missed flaws and false alarms to show of each judge.")
    ] = 5,
    offline: Annotated[bool, typer.Option("--offline", help="Send nothing: stored replies only.")] = False,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Never pay more than this.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show judges answers with one planted flaw each, and their clean twins: what do they see, what do they imagine?

    Each judge is tested alone, and several also as a panel that decides by majority.
    They are asked by the rubrics as a run asks them; checks do not help.
    How many calls there are to send, to whom and at what cost is said before; what is stored costs nothing.
    Seeing planted flaws is a condition, no proof: `judge calibrate` holds a judge against people.
    Exit code 3: no answer could be scored, or a cap or Ctrl-C ended it.
    """
    from ladder_bench.calls.errand import Bounds
    from ladder_bench.experiment import Progress
    from ladder_bench.report.selftest import print_selftest
    from ladder_bench.selftest import testing

    options = testing.Options(
        cases=cases,
        tiers=tiers,
        judges=tuple(names or ()),
        flaws=tuple(flaws or ()),
        limit=limit,
        bounds=Bounds(offline, max_cost) if store is None else Bounds(offline, max_cost, store),
    )
    with progress_bar("testing") as listener:
        found = testing.selftest(
            options, listener.warn, lambda done, of, counts: listener.progress(Progress(done, of, *counts))
        )
    if as_json:
        print_json(found)
    else:
        print_selftest(found, misses)
    if all(each["unscored_answers"] == 2 * found["cases"] for each in found["judges"].values()):
        raise typer.Exit(INCONCLUSIVE)
