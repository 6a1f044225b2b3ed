"""`reprice` and `canary`: what has changed about a run's prices, and about the models behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ladder_bench.cli.app import INCONCLUSIVE, JsonOption, StoreOption, app, print_json

if TYPE_CHECKING:
    from ladder_bench.reprice import Repriced

DRIFT = 1  # exit code
SHOWN = {"cost_usd_warm": "warm", "cost_usd_cold": "cold", "cost_usd_billed": "billed", "qpd": "QPD"}
RATES = ("input", "cached", "cache_write", "output", "reasoning", "ttl_s", "minimum_prefix", "steps")

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]


@app.command()
def reprice(
    run_folder: RunArgument,
    prices: Annotated[
        str, typer.Option(metavar="FILE", help="Prices by tier, or a tiers file whose tiers' prices are taken.")
    ],
    out: Annotated[Path | None, typer.Option(help="A run folder for the result; default: RUN itself.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a run would have cost at other prices, without a call, and write its numbers and pages again.

    Quality, tokens and waits stay, and so does what the run really paid. FILE holds USD per million tokens:

    prices: {advanced: {input: 3, cached: 0.3, cache_write: 3.75, output: 15}}
    """
    from ladder_bench import reprice as repricing

    done = repricing.reprice(run_folder, prices, out)
    if as_json:
        print_json(_repriced_json(done))
    else:
        _print_repriced(done)


@app.command()
def canary(
    run_folder: RunArgument,
    n: Annotated[int, typer.Option("--n", min=1, help="Calls of each tier to send again, each twice.")] = 20,
    tier: Annotated[str | None, typer.Option(metavar="NAME", help="Only this tier's calls.")] = None,
    seed: Annotated[int, typer.Option(help="Picks the calls.")] = 0,
    max_cost: Annotated[float | None, typer.Option(min=0, metavar="USD", help="Never pay more than this.")] = None,
    store: StoreOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send some of a run's live calls again, and test whether the models behind them have changed.

    Each call is sent twice: what its two new answers differ by is what answers differ by anyway. Stored answers stay as
    they are. Exit code 0: no drift seen; 1: drift; 3: the sample cannot tell.
    """
    from ladder_bench import canary as canaries

    chosen: dict[str, Any] = {} if store is None else {"store": store}
    options = canaries.Options(n, tier, seed, max_cost, **chosen)
    found = canaries.canary(run_folder, options, lambda line: typer.echo(line, err=True))
    if as_json:
        print_json(found)
    else:
        _print_canary(found)
    if found["outcome"] != "no_drift_seen":
        raise typer.Exit(DRIFT if found["outcome"] == "drift" else INCONCLUSIVE)


# --- reprice -------------------------------------------------------------------------------


def _repriced_json(done: Repriced) -> dict[str, Any]:
    before, after = done.before, done.after
    pairs = zip(before.summary["strategies"], after.summary["strategies"], strict=True)
    return {
        "run": str(after.path),
        "prices": {"before": before.about["prices"]["hash"], "after": after.about["prices"]["hash"]},
        "tiers": [
            {"tier": old["name"], "kept": old["name"] in done.kept, "before": old["price"], "after": new["price"]}
            for old, new in zip(before.about["tiers"], after.about["tiers"], strict=True)
        ],
        "strategies": [
            {"name": old["name"]}
            | {name: {"before": old["metrics"][name], "after": new["metrics"][name]} for name in SHOWN}
            for old, new in pairs
        ],
        "verdict": {"before": before.summary["verdict"], "after": after.summary["verdict"]},
    }


def _print_repriced(done: Repriced) -> None:
    before, after = done.before, done.after
    verdicts = [run.summary["verdict"]["text"] for run in (before, after)]
    _say(verdicts[1])
    _say("The verdict is the same as before." if verdicts[0] == verdicts[1] else f"Before: {verdicts[0]}")
    _table(
        ("$ a conversation", *SHOWN.values()),
        [
            (old["name"], *(_change(old["metrics"][name], new["metrics"][name]) for name in SHOWN))
            for old, new in zip(before.summary["strategies"], after.summary["strategies"], strict=True)
        ],
    )
    typer.echo()
    for old, new in zip(before.about["tiers"], after.about["tiers"], strict=True):
        _say(f"{old['name']}: {'keeps its price' if old['name'] in done.kept else _rates(old['price'], new['price'])}")
    _say(f"report: {after.path / 'report.html'}")


def _change(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    from ladder_bench.report.text import number

    old, new = before["value"], after["value"]
    if old is None or new is None:
        return "n/a" if new is None else f"n/a -> {number(new)}"
    return number(new) if old == new else f"{number(old)} -> {number(new)}"


def _rates(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    if before is None:
        return f"had no price; input {_rate(after['input'])}, output {_rate(after['output'])}"
    changed = [f"{name} {_rate(before[name])} -> {_rate(after[name])}" for name in RATES if before[name] != after[name]]
    return ", ".join(changed) or "the same price"


def _rate(value: Any) -> str:
    if isinstance(value, list | tuple):
        return (
            ", ".join(f"above {above}: {step['input']:g} in, {step['output']:g} out" for above, step in value) or "none"
        )
    return "none of its own" if value is None else f"{value:g}"


# --- canary --------------------------------------------------------------------------------

SAID = {"drift": "Drift.", "cannot_tell": "Cannot tell.", "no_drift_seen": "No drift seen."}


def _print_canary(found: Mapping[str, Any]) -> None:
    from ladder_bench.report.text import counted, spent

    _say(SAID[found["outcome"]])
    if found["stopped"]:
        _say(f"! stopped: {found['stopped']}")
    _table(
        ("tier", "stored since", "calls", "conversations", "equal, stored", "new", "alike, stored", "new", "length"),
        [_canary_row(each) for each in found["tiers"]],
    )
    _say("stored: stored answers with new ones; new: two new ones with each other; length: new over stored tokens")
    typer.echo()
    for each in found["tiers"]:
        _say(f"{each['tier']} ({each['model']}): {each['why']}")
        for note in each["notes"]:
            _say(f"! {each['tier']}: {note}")
        if each["not_answered"]:
            kinds = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in each["not_answered"].items())
            _say(f"! {each['tier']}: of {counted(each['picked'], 'call')} not answered twice: {kinds}")
    _say(f"{counted(found['attempts'], 'request')} sent, {found['failed_attempts']} failed; "
         f"spent {spent(found['spent_usd'])}, at most {spent(found['spent_at_most_usd'])}")  # fmt: skip


def _canary_row(each: Mapping[str, Any]) -> tuple[str, ...]:
    from ladder_bench.report.text import number, percent, score

    equal, alike, length = each["equal"], each["similarity"], each["length"]
    oldest = each["answered_at"]["oldest"]
    return (
        each["tier"],
        "unknown" if oldest is None else datetime.fromtimestamp(oldest, UTC).strftime("%Y-%m-%d"),
        f"{each['calls']}",
        f"{each['conversations']}",
        *((percent(equal["stored"]), percent(equal["new"])) if equal else ("n/a", "n/a")),
        *((score(alike["stored"]), score(alike["new"])) if alike else ("n/a", "n/a")),
        number(length["value"]) + _interval(length) if length else "n/a",
    )


def _interval(estimate: Mapping[str, Any]) -> str:
    from ladder_bench.report.text import interval

    if estimate["low"] is None:
        return ""
    return f" ({interval(estimate['value'], estimate['low'], estimate['high'], 'count')})"


# --- printing ------------------------------------------------------------------------------


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table whose first column is text and whose others are numbers."""
    from ladder_bench.report.text import one_line

    cells = [[one_line(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    typer.echo()
    for first, *others in cells:
        padded = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        typer.echo("  ".join((first.ljust(widths[0]), *padded)).rstrip())


def _say(line: str) -> None:
    from ladder_bench.report.text import one_line

    typer.echo(one_line(line))
