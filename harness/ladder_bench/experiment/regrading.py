"""Regrading: a run's transcripts are graded again, by other rubrics or judges, from its folder alone.

What was answered, and what that cost, stays to the byte; verdicts, judgements, the judges' calls and all numbers that
follow from them are made again. Nothing is written before everything is graded.
"""

from __future__ import annotations

import asyncio
import datetime
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ladder_bench import config, folder, models, prices, report, revive
from ladder_bench.analyse import strategies as named
from ladder_bench.analyse.resolution import RECORDED_OUTCOME
from ladder_bench.analyse.summary import summarise
from ladder_bench.calls.calling import Fetch
from ladder_bench.calls.errand import Bounds, Errand, Taken
from ladder_bench.content import display
from ladder_bench.domain import Graded, Json, Request, Tier, canonical, digest_of
from ladder_bench.errors import InputError, StoppedError
from ladder_bench.experiment.about import about_judging
from ladder_bench.experiment.planning import LONGER, SHORTER
from ladder_bench.experiment.prepare import JUDGES, check_rubrics
from ladder_bench.experiment.running import COMPUTED_AT_ONCE, Listener, Progress
from ladder_bench.judge.asking import likely_tokens
from ladder_bench.judge.panel import Panel
from ladder_bench.judge.rubric import Rubric, load_rubrics
from ladder_bench.report.outlays import announce
from ladder_bench.revive import Revived
from ladder_bench.rows import Rows
from ladder_bench.tiers import Tiers, load_tiers

MADE_AGAIN = ("verdicts", "judgements")


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line adds to what the run says; None or () leaves that.

    `tiers` is a file whose judges grade, `judges` are names among them, or without it among the run's own.
    """

    rubrics: tuple[str, ...] = ()
    tiers: str | None = None
    judges: tuple[str, ...] = ()
    repeats: config.Repeats | None = None
    bounds: Bounds = field(default_factory=Bounds)
    out: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Regraded:
    """A run before and after. `taken` is None where nobody was asked."""

    before: folder.Run
    after: folder.Run
    taken: Taken | None


def regrade(run: Path, options: Options, listener: Listener | None = None) -> Regraded:
    """Grade a run again and write its folder, or another one. `listener` is told what is sent, before it is.

    Raises InputError, MissError (offline, and not stored), and StoppedError where a cap or Ctrl-C ended it: then the
    folder is as it was.
    """
    listener = listener or Listener()
    out = options.out or run
    folder.check_target(out)
    before = folder.read(run)
    revive.check(before)
    try:
        panel = _panel(before, options, listener)
        experiment = _experiment(before, panel)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(run)}: the run folder is damaged: {error!r}") from None
    work = _Work(before, panel, listener)
    if not panel.asks:
        tables = _tables(before, work.by_rule(), [])
        return Regraded(before, _written(before, panel, tables, None, options), None)
    clients = {judge.name: models.live_client(judge) for judge in panel.judges}
    apart = None if before.about["config"]["sharing"] else JUDGES
    with Errand(experiment, clients, options.bounds, listener.warn, frozenset(clients), apart) as errand:
        announce(errand.foreseen(work.foreseen, _length), listener.warn)
        try:
            rows = errand.made(lambda fetch: work.graded(fetch, errand))
        except StoppedError as stopped:
            raise StoppedError(
                f"stopped: {stopped}; {display(out)} was left as it was; what was answered is stored, and the same "
                "command goes on from there"
            ) from None
        taken = errand.taken()
        tables = _tables(before, rows, errand.attempts())
        if options.out is None and (why := _nothing(tables)) is not None:
            raise StoppedError(
                f"nothing that was asked could be judged ({why}); {display(run)} was left as it was; --out FOLDER "
                "writes the result all the same"
            )
        return Regraded(before, _written(before, panel, tables, taken, options), taken)


def _nothing(tables: Mapping[str, Any]) -> str | None:
    """Why no judgement has a value, None where one has, or where there was nothing to ask."""
    said = tables["judgements"].select(["value", "outcome", "reason"]).to_pylist()
    if not said or any(row["value"] is not None for row in said):
        return None
    return f"{said[0]['outcome'].replace('_', ' ')}: {said[0]['reason']}"


# --- who grades, and by what ---------------------------------------------------------------


def _panel(run: folder.Run, options: Options, listener: Listener) -> Panel:
    about = run.about
    rubrics = _rubrics(about, options, listener)
    _check_imported(run, rubrics)
    check_rubrics(rubrics, [each["name"] for each in about["strategies"]])
    repeats = options.repeats or config.Repeats(**(about.get("judge_repeats") or {}))
    asking = [rubric.id for rubric in rubrics if rubric.asks]
    judges = _judges(about, options) if asking or options.judges or options.tiers else ()
    if asking and not judges:
        own = [tier.name for tier in revive.tiers(about) if tier.live]
        among = f", or one of the run's tiers with --judge: {', '.join(own)}" if own else ""
        raise InputError(
            f"rubric '{asking[0]}' needs a judge, and {display(run.path)} names none; "
            f"name a tiers file that has 'judges' with --tiers FILE{among}"
        )
    if judges and not asking:
        listener.warn("nobody is asked: these rubrics need no judge")
    against = named.compared_with(about)
    return Panel(rubrics, judges, about["mode"], repeats, about["config"]["seed"], against)


def _check_imported(run: folder.Run, rubrics: Sequence[Rubric]) -> None:
    """Raises InputError where imported transcripts cannot be graded as is asked."""
    if run.about["mode"] != "imported":
        return
    if not rubrics:
        raise InputError(
            f"{display(run.path)}: imported transcripts, which nothing has graded yet; name rubrics with --rubrics, "
            "such as checks, which asks no model"
        )
    for rubric in rubrics:
        if rubric.grader == "pairwise":
            raise InputError(
                f"rubric '{rubric.id}' compares two answers to one message, and arms of imported transcripts had each "
                "their own user messages; name a rubric that grades answers by themselves"
            )


def _rubrics(about: Json, options: Options, listener: Listener) -> tuple[Rubric, ...]:
    """The rubrics to grade by. Raises InputError where one is not to be found any more."""
    if options.rubrics:
        return load_rubrics(options.rubrics)
    matrix = Path(about["config"]["matrix"])
    found = load_rubrics(about["config"]["rubrics"], matrix if matrix.is_file() else None)
    hashes = {each["id"]: each["hash"] for each in about.get("rubrics") or [about["rubric"]]}
    for rubric in found:
        if hashes.get(rubric.id, rubric.digest[:16]) != rubric.digest[:16]:
            listener.warn(f"rubric '{rubric.id}' has changed since the run was graded")
    return found


def _judges(about: Json, options: Options) -> tuple[Tier, ...]:
    """Those named, else all judges of the tiers file, else those of the run. Raises InputError."""
    if options.tiers is not None:
        known = load_tiers(options.tiers)
    else:
        known = Tiers(revive.tiers(about), "a tiers file, and that with --tiers", revive.judges(about))
    return tuple(known.judge(name) for name in dict.fromkeys(options.judges)) or known.judges


def _experiment(run: folder.Run, panel: Panel) -> str:
    """The same for the same judging of the same run, so that its cap holds over resumptions."""
    judges = [[tier.name, tier.model, dict(tier.params)] for tier in panel.judges]
    parts = [run.about["dataset"]["digest"], run.about["started"], canonical(run.about["strategies"])]
    return digest_of("judge", *parts, *(each.digest for each in panel.rubrics), canonical(judges), repr(panel.repeats))[
        :32
    ]


def _length(request: Request) -> tuple[int, int]:
    """Tokens of a judge's reply, as a plan expects them."""
    likely = likely_tokens(request)
    return int(likely * SHORTER), int(likely * LONGER)


# --- grading -------------------------------------------------------------------------------


class _Work:
    """All conversations of a run before a panel, as few in memory as its judges keep busy."""

    def __init__(self, run: folder.Run, panel: Panel, listener: Listener) -> None:
        self._run, self._panel, self._listener = run, panel, listener
        self._samples = run.about["config"]["samples"]
        self._total = run.tables["transcripts"].num_rows or len(run.about["dataset"]["conversations"])

    def by_rule(self) -> Rows:
        rows = self._rows()
        for index, each in enumerate(revive.revived(self._run)):
            self._add(rows, index, each, self._panel.by_rule(each.conversation, each.lives))
        return rows

    async def foreseen(self, fetch: Fetch) -> None:
        """Ask all that would be asked, and keep nothing."""
        for each in revive.revived(self._run):
            await self._panel.graded(each.conversation, each.lives, fetch)

    async def graded(self, fetch: Fetch, errand: Errand) -> Rows:
        """Where one conversation fails, the others still finish what they have in flight: it is paid for."""
        rows = self._rows()
        todo = enumerate(revive.revived(self._run))
        done = 0

        async def worker() -> None:
            nonlocal done
            for index, each in todo:
                try:
                    found = await self._panel.graded(each.conversation, each.lives, fetch)
                except InputError as error:  # a key that is missing here is missing for all
                    errand.stop.request(str(error), error)
                    raise
                self._add(rows, index, each, found)
                done += 1
                self._listener.progress(Progress(done, self._total, *errand.counts))

        at_once = max(COMPUTED_AT_ONCE, *(2 * judge.limits.concurrency for judge in self._panel.judges))
        ends = await asyncio.gather(*(worker() for _ in range(min(at_once, self._total))), return_exceptions=True)
        failures = [end for end in ends if end is not None]
        if failures:
            raise next((each for each in failures if not isinstance(each, StoppedError)), failures[0])
        return rows

    def _rows(self) -> Rows:
        return Rows(self._run.about["config"]["gap_s"])

    def _add(self, rows: Rows, index: int, each: Revived, found: Sequence[Graded]) -> None:
        for number, ((transcript, _), graded) in enumerate(zip(each.lives, found, strict=True)):
            place = (index, number // self._samples, number % self._samples)
            rows.add_grades(place, each.conversation, transcript, graded)


# --- what is written -----------------------------------------------------------------------


def _written(
    before: folder.Run, panel: Panel, tables: Mapping[str, Any], taken: Taken | None, options: Options
) -> folder.Run:
    about, calls, spent = _about(before.about, panel, options), before.summary["calls"], before.summary["spent_usd"]
    if taken is not None:
        about["judged"]["calls"] = taken.as_json()
        calls = {
            **calls,
            "attempts": calls["attempts"] + taken.spent.attempts,
            "failed_attempts": calls["failed_attempts"] + taken.spent.failed,
            "spent_at_most_usd": calls["spent_at_most_usd"] + taken.spent.at_most,
        }
        spent += taken.spent.paid
    summary = summarise(about, tables, calls, spent)
    after = folder.Run(options.out or before.path, about, tables, summary)
    folder.write(after.path, about, tables, summary, report.pages(after))
    return after


def _about(about: Json, panel: Panel, options: Options) -> dict[str, Any]:
    """run.json with other rubrics and judges, and when and how it was graded by them."""
    names = list(options.rubrics) or about["config"]["rubrics"]
    now = datetime.datetime.now(datetime.UTC)
    return {
        **about,
        **about_judging(panel),
        "config": {**about["config"], "rubrics": names, "weights": dict(panel.weights)},
        "prices": _prices(about, panel),
        "judged": {"at": now.isoformat(timespec="seconds"), "command": options.command, "calls": None},
    }


def _prices(about: Json, panel: Panel) -> Json:
    """The run's prices as they were frozen, without those of judges that no longer grade, with those that now do."""
    old = {judge.name for judge in revive.judges(about)} - {tier.name for tier in revive.tiers(about)}
    kept = {
        name: prices.from_snapshot(row) for name, row in about["prices"]["usd_per_million"].items() if name not in old
    }
    judges = {judge.name: judge.price for judge in panel.judges} if panel.asks else {}
    return prices.snapshot({**judges, **kept}, datetime.date.fromisoformat(about["prices"]["date"]))


def _tables(before: folder.Run, rows: Rows, attempts: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """The run's tables with other grades: the judges' calls follow the serving calls of their life."""
    made, old = rows.tables(), before.tables
    serving = folder.having(old["calls"], "purpose", ["judge"], without=True)
    calls = folder.joined([serving, made["calls"]])
    verdicts = folder.joined([folder.having(old["verdicts"], "grader", [RECORDED_OUTCOME]), made["verdicts"]])
    return {
        **old,
        **{name: made[name] for name in MADE_AGAIN},
        "verdicts": folder.in_order(verdicts, _places(verdicts, before.about)),
        "calls": folder.in_order(calls, _places(calls, before.about)),
        "messages": _messages(old, serving, made["messages"]),
        "attempts": folder.joined([old["attempts"], folder.table("attempts", list(attempts))]),
    }


def _places(calls: Any, about: Json) -> array[int]:
    """The place of the life of each row in the order of conversations, strategies and samples."""
    conversations = {name: place for place, name in enumerate(about["dataset"]["conversations"])}
    ladders = {each["name"]: place for place, each in enumerate(about["strategies"])}
    samples = about["config"]["samples"]
    rows = folder.rows_of(calls.select(["conversation", "strategy", "sample"]))
    lives = ((conversations[row["conversation"]], ladders[row["strategy"]], row["sample"]) for row in rows)
    return array("q", ((n * len(ladders) + ladder) * samples + sample for n, ladder, sample in lives))


def _messages(old: Mapping[str, Any], serving: Any, judged: Any) -> Any:
    """The bodies that turns and serving calls use, and what judges replied now."""
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [old["turns"]["answer"], old["turns"]["user"], serving["answer"], pc.list_flatten(serving["messages"])]
    used = pc.unique(pa.chunked_array([chunk for each in columns for chunk in each.chunks]))
    kept = old["messages"].filter(pc.is_in(old["messages"]["id"], value_set=used))
    new = judged.filter(pc.invert(pc.is_in(judged["id"], value_set=kept["id"])))
    return folder.joined([kept, new]).sort_by("id")
