"""`judge`: grading a run again. Other commands about judges join the group."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, app, print_json
from ladder_bench.cli.progress import progress_bar
from ladder_bench.errors import InputError

if TYPE_CHECKING:
    from ladder_bench.config import Repeats
    from ladder_bench.experiment.regrading import Regraded

AGAIN = "RUN"  # the command that a run folder in the place of a command means
SHARE = re.compile(r"(?P<share>\d*\.?\d+)\s*(?P<percent>%?)(?:\s*x\s*(?P<times>\d+))?")


class RunOrCommand(TyperGroup):
    """Takes what is no command for a run folder."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = [AGAIN, *args]
        return super().parse_args(ctx, args)


class OfRun(TyperCommand):
    """Its name stands for its argument."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [self.options_metavar or ""]


judge = typer.Typer(
    cls=RunOrCommand, help="Grade a run again, and find out how far its judges can be trusted.", no_args_is_help=True
)
app.add_typer(judge, name="judge")


@judge.command(AGAIN, cls=OfRun)
def again(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    rubrics: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A rubric file, or a bundled name; default: the run's. Repeatable."),
    ] = None,
    tiers: Annotated[
        str | None, typer.Option(metavar="FILE", help="A tiers file whose judges grade; default: the run's judges.")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--judge", metavar="NAME", help="Only this judge, or a tier that is to be one. Repeatable."),
    ] = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE[xTIMES]",
            help="Ask this share of the questions again, so many times: 0.1x2, 10%; 0 for none.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A run folder for the result; default: RUN itself.")] = None,
    offline: Annotated[bool, typer.Option("--offline", help="Send nothing: stored replies only.")] = False,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Never pay more than this.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade a run again with other rubrics or judges, from its folder alone.

    Answers and what they cost stay; grades, numbers and pages are made again.
    What a judge has said before under the same prompt is in the store and costs nothing.
    How many calls there are to send, to whom and at what cost is said before.
    `--rubrics checks` asks nobody.
    Where a judge fails, what it was asked stays unscored, with the reason.
    Exit code 3: nothing that was asked could be judged, or a cap or Ctrl-C ended it and RUN is as it was.
    """
    from ladder_bench.calls.errand import Bounds
    from ladder_bench.experiment.regrading import Options, regrade

    options = Options(
        rubrics=tuple(rubrics or ()),
        tiers=tiers,
        judges=tuple(names or ()),
        repeats=None if repeats is None else repeats_of(repeats),
        bounds=Bounds(offline, max_cost) if store is None else Bounds(offline, max_cost, store),
        out=out,
        command=shlex.join(["ladder-bench", *sys.argv[1:]]),
    )
    with progress_bar("judging") as listener:
        done = regrade(run_folder, options, listener)
    said = outcomes(done)
    if as_json:
        print_json(_json(done, said))
    else:
        _print(done, said)
    if said and not any(each["judged"] for each in said.values()):
        raise typer.Exit(INCONCLUSIVE)


def repeats_of(said: str) -> Repeats:
    """SHARE or SHARExTIMES, the share as 0.1 or 10%. Raises InputError."""
    from ladder_bench.config import Repeats

    found = SHARE.fullmatch(said.strip())
    share = float(found["share"]) / (100 if found["percent"] else 1) if found else -1.0
    times = int((found and found["times"]) or 2)
    if not 0 <= share <= 1 or not 1 <= times <= 20:
        what = "must be a share from 0 to 1, alone or with a number of times from 1 to 20, such as 0.1 or 0.1x2"
        raise InputError(f"--repeats: {what}, not '{said[:40]}'")
    return Repeats(share, times)


# --- what came of it -----------------------------------------------------------------------


def outcomes(done: Regraded) -> dict[str, dict[str, Any]]:
    """By judge: how many judgements count, how many of them have a value, and why the others have none."""
    from ladder_bench import folder

    found: dict[str, Counter[str]] = {each["name"]: Counter() for each in done.after.about["judges"]}
    reasons: dict[str, str] = {}
    wanted = ["judge", "repeat", "outcome", "value", "reason"]
    for row in folder.rows_of(done.after.tables["judgements"].select(wanted)):
        if row["repeat"] == 0:
            outcome = "judged" if row["value"] is not None else row["outcome"]
            found[row["judge"]][outcome] += 1
            if outcome != "judged":
                reasons.setdefault(f"{row['judge']} {outcome}", row["reason"])
    return {
        name: {
            "judgements": counts.total(),
            "judged": counts["judged"],
            "unscored": {outcome: n for outcome, n in sorted(counts.items()) if outcome != "judged"},
            "example": next((reason for key, reason in reasons.items() if key.startswith(f"{name} ")), None),
        }
        for name, counts in found.items()
    }


def _json(done: Regraded, said: Mapping[str, Any]) -> dict[str, Any]:
    before, after = done.before, done.after
    old = {each["name"]: each["metrics"] for each in before.summary["strategies"]}
    return {
        "run": str(after.path),
        "rubrics": after.about["rubrics"],
        "judges": {name: dict(each) for name, each in said.items()},
        "calls": None if done.taken is None else done.taken.as_json(),
        "strategies": [
            {
                "name": each["name"],
                "metrics": {
                    name: {"before": old[each["name"]].get(name), "after": estimate}
                    for name, estimate in each["metrics"].items()
                },
            }
            for each in after.summary["strategies"]
        ],
        "verdict": {"before": before.summary["verdict"], "after": after.summary["verdict"]},
    }


def _print(done: Regraded, said: Mapping[str, Any]) -> None:
    from ladder_bench.report import terminal, text

    terminal.print_summary(done.after)
    typer.echo()
    for line in (*_changes(done), *_of_judges(said), *_taken(done)):
        typer.echo(text.one_line(line))


def _changes(done: Regraded) -> Sequence[str]:
    """How Q has moved, a line for each strategy whose Q has."""
    from ladder_bench.report import text

    lines = []
    pairs = zip(done.before.summary["strategies"], done.after.summary["strategies"], strict=True)
    for old, new in pairs:
        values = [each["metrics"]["quality"]["value"] for each in (old, new)]
        if values[0] != values[1]:
            shown = ["n/a" if value is None else text.score(value) for value in values]
            lines.append(f"{new['name']}: Q {shown[0]} before, {shown[1]} now")
    rubrics = ", ".join(each["id"] for each in done.after.about["rubrics"])
    return [f"graded again by: {rubrics}", *(lines or ["Q is the same as before"])]


def _of_judges(said: Mapping[str, Any]) -> Sequence[str]:
    from ladder_bench.report import text

    lines = []
    for name, each in said.items():
        unscored = each["judgements"] - each["judged"]
        line = f"{name}: {text.counted(each['judgements'], 'judgement')}"
        if unscored:
            kinds = ", ".join(f"{kind.replace('_', ' ')} {number:,}" for kind, number in each["unscored"].items())
            line = f"! {line}, {unscored:,} without a value: {kinds}; such as: {each['example']}"
        lines.append(line)
    return lines


def _taken(done: Regraded) -> Sequence[str]:
    from ladder_bench.report import text

    taken = done.taken
    if taken is None:
        return ["nobody was asked"]
    most = taken.spent.at_most
    upper = f", at most {text.spent(most)}" if most > taken.spent.paid else ""
    return [
        f"judging: {text.counted(taken.distinct, 'call')}, {taken.sent:,} sent, {taken.from_store:,} from the store; "
        f"spent {text.spent(taken.spent.paid)}{upper}"
    ]
