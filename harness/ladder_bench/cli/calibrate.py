"""`judge calibrate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, print_json
from ladder_bench.cli.judge import judge
from ladder_bench.errors import InputError

MARGIN = 0.03  # of quality, as the verdict has it


@judge.command()
def calibrate(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The run that the labels are of.")],
    labels: Annotated[
        list[Path],
        typer.Option(metavar="FILE", help="Labels: a filled-in sheet, CSV or JSON lines. Repeatable, a file a person."),
    ],
    arms: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Twice: the two strategies, the base first; default: those labelled."),
    ] = None,
    margin: Annotated[float, typer.Option(help="The loss that matters, as a share of criteria met.")] = MARGIN,
    as_json: JsonOption = False,
) -> None:
    """Compare judges with people: agreement, errors, whether a judge favours an arm, and the corrected difference.

    Labels are the sheet that `judge sample` draws, as the form or a spreadsheet saves it, or rows of one's own:

    {"conversation": "c1", "strategy": "light", "turn": 2, "criterion": "t2a", "label": "met"}

    'label' is met, not_met or cannot_assess; empty: not yet.
    'labeller' tells people apart; without it every file is a person.
    Of several people the majority counts.
    Rows of one's own must be of conversations drawn at random, and of both arms, or nothing here is right.
    Exit code 3: there are too few labels to decide anything.
    """
    from ladder_bench import folder
    from ladder_bench.calibration import calibrating, results
    from ladder_bench.report.calibration import print_calibration

    if not 0 < margin < 1:
        raise InputError(f"--margin: must be above 0 and below 1, such as 0.03, not {margin:g}")
    found = results.as_json(calibrating.calibrate(folder.read(run_folder), labels, tuple(arms or ()), margin))
    if as_json:
        print_json(found)
    else:
        print_calibration(found)
    if not found["decided"]:
        raise typer.Exit(INCONCLUSIVE)
