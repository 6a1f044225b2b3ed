"""`judge sample`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ladder_bench.cli.app import JsonOption, print_json
from ladder_bench.cli.judge import judge
from ladder_bench.errors import InputError


@judge.command()
def sample(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder that a judge graded.")],
    n: Annotated[int, typer.Option("--n", min=1, help="How many conversations to draw.")] = 60,
    turns: Annotated[
        str, typer.Option(metavar="K|all", help="How many random turns of each conversation, or all of them.")
    ] = "1",
    arms: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Twice: the two strategies to compare, the base first; default: the run's."),
    ] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only criteria of this metric; default: all that count for Q. Repeatable."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed draws others; more conversations of one seed add to it.")] = 0,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the sheet goes, as FILE.csv and FILE.html.")] = Path(
        "labels.csv"
    ),
    as_json: JsonOption = False,
) -> None:
    """Draw what people label, to find out how far a run's judges can be believed.

    Conversations are drawn at random, and of each one random turn, with the answers of both arms.
    People see what the judge saw: nothing of strategies, tiers, models or verdicts, and arms in random order.
    What both arms answered alike is asked once.
    The sheet is a form that works in any browser without a network, and the same as CSV for a spreadsheet.
    `judge calibrate` reads what either of them saves.
    """
    from ladder_bench import folder
    from ladder_bench.calibration import form, spreadsheet
    from ladder_bench.calibration.sheets import Wanted, draw

    wanted = Wanted(n, _turns(turns), tuple(arms or ()), tuple(metric or ()), seed)
    files = out.with_suffix(".csv"), out.with_suffix(".html")
    for path in files:
        if path.exists():
            raise InputError(f"{path}: exists, and may hold labels; name another --out")
    if run_folder.resolve() in out.resolve().parents:
        raise InputError(
            f"{out}: lies in the run folder, which is replaced when it is graded again; name another --out"
        )
    sheet = draw(folder.read(run_folder), wanted)
    _write(files[0], spreadsheet.as_csv(sheet), "utf-8-sig")
    _write(files[1], form.page(sheet, files[0].name), "utf-8")
    if as_json:
        print_json(
            {
                "files": [str(path) for path in files],
                "sheet": sheet.id,
                "arms": list(sheet.arms),
                "metrics": list(sheet.metrics),
                "conversations": sheet.conversations,
                "of": sheet.of,
                "turns": sheet.turns,
                "cards": len(sheet.cards),
                "items": len(sheet.ids),
                "left_out": dict(sheet.left_out),
            }
        )
        return
    from ladder_bench.report import text

    each = (
        "all turns" if sheet.turns is None else "a random turn" if sheet.turns == 1 else f"{sheet.turns} random turns"
    )
    lines = [
        f"{sheet.conversations:,} of {text.counted(sheet.of, 'conversation')}, {each} of each, both arms: "
        f"{text.counted(len(sheet.ids), 'criterion', 'criteria')} on {text.counted(len(sheet.cards), 'card')}",
        f"arms: {sheet.arms[0]} (base) and {sheet.arms[1]}; metrics: {', '.join(sheet.metrics)}",
        *(f"left out: {', '.join(names)}: {why}" for why, names in _by_reason(sheet.left_out).items()),
        f"label in {files[1]} (a browser) or {files[0]} (a spreadsheet), then: "
        f"ladder-bench judge calibrate {run_folder} --labels FILE",
    ]
    for line in lines:
        typer.echo(text.one_line(line))


def _by_reason(left_out: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, why in left_out.items():
        found.setdefault(why, []).append(name)
    return found


def _turns(said: str) -> int | None:
    """A number of turns, None for all. Raises InputError."""
    if said == "all":
        return None
    if not (said.isascii() and said.isdigit() and 0 < int(said) < 10_000):
        raise InputError(f"--turns: must be a whole number from 1, or all, not '{said[:40]}'")
    return int(said)


def _write(path: Path, content: str, encoding: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding=encoding, errors="replace", newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None
