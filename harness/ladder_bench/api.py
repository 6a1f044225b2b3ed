"""The Python interface: what the command line does, as values for notebooks and scripts.

    import ladder_bench as lb

    run = lb.run("matrix.yaml", out="reports/runs/mine")
    run.summary()          # every metric of every strategy, with interval and n
    run.pareto()           # cost and quality as a matplotlib figure
    lb.compare(old, run)   # what changed
    lb.gate(run, "baseline.json").outcome

Tables are pandas DataFrames that belong to the caller. All of it works where an event loop is running already.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from ladder_bench import folder
from ladder_bench.domain import Json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Found = TypeVar("Found")
ESTIMATE = ("value", "low", "high", "n", "unscored", "why")


class Run:
    """A run folder: its numbers and tables. `path` is the folder, `about` its run.json, `json` its summary.json."""

    def __init__(self, found: folder.Run) -> None:
        self._run = found
        self.path: Path = found.path
        self.about: Json = found.about
        self.json: Json = found.summary

    @property
    def verdict(self) -> str:
        """The one sentence that the run allows."""
        return str(self.json["verdict"]["text"])

    @property
    def banners(self) -> list[str]:
        """What to beware of before any number is believed."""
        return list(self.json["banners"])

    def summary(self) -> pd.DataFrame:
        """One row a strategy and metric: value, 95 % interval (low, high), n conversations, unscored, and why if none.

        Quality and shares are of 1, costs USD a conversation, waits seconds.
        """
        import pandas as pd

        rows = [
            {"strategy": each["name"], "metric": metric, **{name: found[name] for name in ESTIMATE}}
            for each in self.json["strategies"]
            for metric, found in each["metrics"].items()
        ]
        return pd.DataFrame(rows, columns=["strategy", "metric", *ESTIMATE])

    def turns(self) -> pd.DataFrame:
        """One row a conversation, strategy, sample and turn, its texts in place of their ids."""
        texts = self._texts()
        table = self._frame("turns")
        for column in ("user", "answer"):
            table[column] = table[column].map(texts)
        return table

    def calls(self) -> pd.DataFrame:
        """One row a call: purpose, tier, usage in tokens, latency in seconds, cost in USD (warm, cold, billed)."""
        return self._frame("calls")

    def verdicts(self) -> pd.DataFrame:
        """One row a grade: metric, criterion, value in [0, 1] (none: unscored), reason, and who graded."""
        return self._frame("verdicts")

    def pareto(self) -> Figure:
        """Cost against quality, with intervals and the line between single tiers."""
        from ladder_bench.report import figure, marks

        found: Figure = figure.whole(marks.marks(self.json, self.about), self.banners)
        return found

    def _frame(self, name: str) -> pd.DataFrame:
        found: pd.DataFrame = self._run.tables[name].to_pandas()
        return found

    def _texts(self) -> dict[str, str]:
        messages = self._run.tables["messages"]
        return dict(zip(messages["id"].to_pylist(), messages["content"].to_pylist(), strict=True))

    def __repr__(self) -> str:
        conversations = len(self.about["dataset"]["conversations"])
        counted = f"{len(self.json['strategies'])} strategies x {conversations} conversations of {self.json['dataset']}"
        return "\n".join([f"<Run {self.path}: {counted}>", self.verdict, *(f"! {each}" for each in self.banners)])

    def _repr_html_(self) -> str:
        """The verdict, the banners and the table of quality and cost, as a notebook shows them."""
        shown = ("quality", "resolved", "cost_usd_warm", "qpd")
        head = "".join(f"<th>{name}</th>" for name in ("strategy", *shown, "pareto"))
        body = "".join(
            f"<tr><td>{escape(each['name'])}</td>"
            + "".join(f"<td>{_cell(each['metrics'][name])}</td>" for name in shown)
            + f"<td>{each['pareto']}</td></tr>"
            for each in self.json["strategies"]
        )
        banners = "".join(f"<p>! {escape(each)}</p>" for each in self.banners)
        return (
            f"<p><b>{escape(self.verdict)}</b></p>{banners}"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def run(
    matrix: str | Path = "quickstart",
    *,
    dataset: str | Path | None = None,
    tiers: str | Path | None = None,
    rubrics: Sequence[str | Path] | None = None,
    judges: Sequence[str] | None = None,
    replay: Literal["rollout", "forced", "simulated"] | None = None,
    out: str | Path | None = None,
    **options: Any,
) -> Run:
    """Replay a matrix over recorded conversations and write a run folder, as `ladder-bench run` does.

    `options`: what else `experiment.Options` knows: limit, samples, seed, concurrency, offline, sharing, max_cost_usd,
    max_minutes, fresh, max_age_s, store. Raises InputError, FatalModelError, StoppedError, and TypeError for an unknown
    option.
    """
    from ladder_bench import experiment

    chosen: dict[str, Any] = {key: Path(value) if key == "store" else value for key, value in options.items()}
    asked = experiment.Options(
        matrix=str(matrix),
        dataset=None if dataset is None else str(dataset),
        tiers=None if tiers is None else str(tiers),
        rubrics=None if rubrics is None else tuple(map(str, rubrics)),
        judges=None if judges is None else tuple(judges),
        replay=replay,
        out=None if out is None else Path(out),
        command="ladder_bench.run(...)",
        **chosen,
    )
    return Run(_outside_a_loop(lambda: experiment.run(asked)))


def load(path: str | Path) -> Run:
    """Read a run folder. Raises InputError where it is none."""
    return Run(folder.read(Path(path)))


class Comparison:
    """What changed. `json` is what `ladder-bench compare --json` prints; its keys are in `ladder_bench.comparison`."""

    def __init__(self, found: Json) -> None:
        self.json: Json = found

    @property
    def headline(self) -> str:
        """What changed, in a sentence."""
        return str(self.json["headline"])

    def differences(self) -> pd.DataFrame:
        """One row a comparison and metric: candidate minus base, 95 % interval, n, and what that shows."""
        import pandas as pd

        rows = [
            {
                "base": _held(each["base"]),
                "candidate": _held(each["candidate"]),
                "metric": metric,
                **{name: found[name] for name in ESTIMATE},
                "says": found["says"],
                "direction": found["direction"],
            }
            for each in self.json["comparisons"]
            for metric, found in each["metrics"].items()
        ]
        return pd.DataFrame(rows, columns=["base", "candidate", "metric", *ESTIMATE, "says", "direction"])

    def __repr__(self) -> str:
        return "\n".join([self.headline, *(f"! {each}" for each in self.json["notes"])])


def compare(
    *runs: Run | str | Path,
    strategies: Sequence[str] = (),
    against: str | None = None,
    common: bool = False,
    by_tag: bool = False,
    unresolved_usd: float | None = None,
) -> Comparison:
    """Compare runs, the base first, or the strategies of one run, as `ladder-bench compare` does.

    `strategies` of the later runs, `against` one of the first; of one run the base, then what is held against it.
    Raises InputError that says what is not alike.
    """
    from ladder_bench import comparison

    options = comparison.Options(tuple(strategies), against, common, by_tag, unresolved_usd)
    return Comparison(comparison.compare([_path(each) for each in runs], options).found)


class Gated:
    """A gate's decision. `json` is what `ladder-bench gate --json` prints; `outcome` may be refused."""

    def __init__(self, found: Json) -> None:
        self.json: Json = found
        self.outcome: str = found["outcome"]

    @property
    def reasons(self) -> list[str]:
        """Why there is no decision, where it is refused; else the one sentence that says why it is what it is."""
        return list(self.json.get("reasons") or [self.json["why"]])

    def tests(self) -> pd.DataFrame:
        """One row a blocking test or limit: outcome, value, one-sided bounds (5 % each), margin, and the n it needs."""
        import pandas as pd

        return pd.DataFrame([*self.json.get("tests", ()), *self.json.get("limits", ())])

    def __repr__(self) -> str:
        return f"{self.outcome.upper()}: {'; '.join(self.reasons)}"


def gate(
    run: Run | str | Path,
    baseline: str | Path,
    *,
    policy: str | Path | None = None,
    strategy: str | None = None,
    against: str | None = None,
    prices: str | Path | None = None,
    anchor: str | Path | None = None,
    common: bool = False,
) -> Gated:
    """Decide whether a run is as good as its baseline, as `ladder-bench gate` does; nothing exits here.

    Runs that cannot be compared give the outcome "refused" with the reasons. Raises InputError for what cannot be read.
    """
    from ladder_bench.gating.files import Options, gate_files
    from ladder_bench.gating.policy import load_policy

    rules = load_policy(None if policy is None else str(policy))
    options = Options(
        rules,
        strategy,
        against,
        None if prices is None else str(prices),
        None if anchor is None else Path(anchor),
        common,
    )
    return Gated(gate_files(_path(run), Path(baseline), options))


def _path(run: Run | str | Path) -> Path:
    return run.path if isinstance(run, Run) else Path(run)


def _held(side: Json) -> str:
    return f"{side['run']}: {side['strategy']}"


def _outside_a_loop(work: Callable[[], Found]) -> Found:
    """Call what starts an event loop of its own: in another thread where one is running here, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(work).result()


def _cell(found: Json) -> str:
    if found["value"] is None:
        return f"n/a ({escape(str(found['why']))})"
    if found["low"] is None:
        return f"{found['value']:.4g} (n = {found['n']}, no interval)"
    return f"{found['value']:.4g} [{found['low']:.4g}, {found['high']:.4g}], n = {found['n']}"
