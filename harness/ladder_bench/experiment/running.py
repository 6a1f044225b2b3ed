"""Running: every conversation through every strategy, then grades, numbers and pages."""

from __future__ import annotations

import asyncio
import datetime
import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ladder_bench import folder, report
from ladder_bench.analyse.summary import summarise
from ladder_bench.calls import Calls, Layers, Stop, Terms, interruptible
from ladder_bench.domain import Conversation, Graded, Json, Ladder, Transcript
from ladder_bench.errors import FatalModelError, StoppedError
from ladder_bench.experiment.about import about_run
from ladder_bench.experiment.prepare import JUDGES, Options, Prepared, prepare
from ladder_bench.replay import replay
from ladder_bench.rows import Rows
from ladder_bench.store import Store, ledger

COMPUTED_AT_ONCE = 16  # conversations in progress where no provider is asked; else twice the calls in flight
RUNS = Path("reports/runs")
MOST_UNGRADED = 2000  # transcripts; about 20 kB each
Place = tuple[int, int, int]  # (conversation, strategy, sample) by index
Placed = tuple[Place, Transcript]  # and what was said


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is."""

    conversations: int
    of: int
    distinct: int
    asked: int
    sent: int


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told how a run goes: after every conversation, and what a person should know at once."""

    progress: Callable[[Progress], None] = lambda _: None
    warn: Callable[[str], None] = lambda _: None


def run(options: Options, listener: Listener | None = None) -> folder.Run:
    """Run a matrix and write its run folder. Raises InputError, FatalModelError, StoppedError.

    A run that was stopped (a cap, a deadline, Ctrl-C) is written with the conversations that were complete in every
    strategy, and says so; where there are none, or a complete run stands in its place, StoppedError is raised.
    """
    listener = listener or Listener()
    prepared = prepare(options)
    started = datetime.datetime.now(datetime.UTC)
    out = options.out or RUNS / f"{started:%Y%m%d-%H%M%S}-{prepared.corpus.name.replace('/', '-').replace(':', '-')}"
    folder.check_target(out)
    experiment = prepared.identity(options)
    with Store(options.store) as store:
        store.write(lambda connection: ledger.begin(connection, experiment))
        rows = Rows(prepared.matrix.gap_s)
        work = _Work(prepared, options, store, rows, listener)
        done = asyncio.run(work.replayed())
        spent = store.write(lambda connection: ledger.spent(connection, experiment))
        stopped = _stopped(work.stop, done, prepared, out)
        attempts = store.write(lambda connection: ledger.attempts(connection, experiment))
        tables = {**rows.tables(), "attempts": folder.table("attempts", attempts)}
        complete = [prepared.corpus.conversations[index].id for index in sorted(done)]
        about = about_run(prepared, options, started, stopped, complete)
        summary = summarise(about, tables, work.counts(spent), spent.paid)
        result = folder.Run(out, about, tables, summary)
        folder.write(out, about, tables, summary, report.pages(result))
        if not stopped and not any(row["failed_turns"] for row in summary["strategies"]):
            # else the same command would ask again for what failed, under a cap that had forgotten what that cost
            store.write(lambda connection: ledger.complete(connection, experiment))
    for key in sorted(store.counts.damaged):
        listener.warn(f"{options.store}: call {key} was damaged and was not used")
    return result


def _stopped(stop: Stop, done: set[int], prepared: Prepared, out: Path) -> Json | None:
    """What run.json says of a run that was told to stop; None where it was not. Raises what it ends with instead."""
    if stop.error is not None:
        raise stop.error
    if stop.reason is None or len(done) == len(prepared.corpus.conversations):
        return None
    goes_on = "what was answered is stored, and the same command goes on from there"
    if not done:
        raise StoppedError(f"stopped before a conversation was complete in every strategy: {stop.reason}; {goes_on}")
    if folder.is_complete(out):
        raise StoppedError(f"stopped: {stop.reason}; {out} holds a complete run and was left as it is; {goes_on}")
    return {"reason": stop.reason, "conversations": len(done), "of": len(prepared.corpus.conversations)}


class _Work:
    """One run's replay: workers take conversations in turn; a stopped run keeps those that are complete."""

    def __init__(
        self,
        prepared: Prepared,
        options: Options,
        store: Store,
        rows: Rows,
        listener: Listener,
    ) -> None:
        self._prepared, self._options, self._store, self._rows = prepared, options, store, rows
        self._listener = listener
        self.stop = Stop()

    async def replayed(self) -> set[int]:
        """Replay and grade; the indexes of the conversations that are complete."""
        options = self._options
        oldest = None if options.max_age_s is None else time.time() - options.max_age_s
        layers = Layers(options.offline, options.sharing, options.fresh, oldest)
        terms = Terms(self._prepared.identity(self._options), self._options.max_cost_usd)
        optional = self._prepared.optional
        self._calls = Calls(self._prepared.clients, self._store, layers, self.stop, terms, optional)
        self._todo = iter(enumerate(self._prepared.corpus.conversations))
        self._done: set[int] = set()
        self._ungraded: list[
            tuple[int, list[Placed], list[Graded] | None]
        ] = []  # a heap; None: by rule, when there is time
        self._next = 0
        self._most_ungraded = MOST_UNGRADED // (len(self._prepared.strategies.ladders) * self._prepared.samples)
        loop = asyncio.get_running_loop()
        if self._options.max_minutes is not None:
            minutes = self._options.max_minutes
            loop.call_later(minutes * 60, self.stop.request, f"--max-minutes {minutes:g}")
        live = [tier.limits.concurrency for tier in self._prepared.tiers if tier.live]
        at_once = 2 * max(live) if live else COMPUTED_AT_ONCE
        try:
            with interruptible(self.stop, self._listener.warn):
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(at_once, len(self._prepared.corpus.conversations))):
                        group.create_task(self._worker())
        except BaseExceptionGroup as found:  # the first failure ended all tasks; it is the one to show
            raise _first(found) from None
        finally:
            await self._calls.close()
        self._next = len(self._prepared.corpus.conversations)
        self._grade(0)
        return self._done

    def counts(self, spent: ledger.Spent) -> dict[str, Json]:
        return {
            **self._counts(),
            "attempts": spent.attempts,
            "failed_attempts": spent.failed,
            "spent_at_most_usd": spent.at_most,
        }

    def _counts(self) -> dict[str, int]:
        return {
            "distinct": len(self._calls.keys.distinct),
            "unshared": self._calls.keys.asked,
            "sent": len(self._store.counts.sent),
            "from_store": len(self._store.counts.from_store),
        }

    async def _worker(self) -> None:
        for index, conversation in self._todo:
            try:
                transcripts = await self._transcripts(index, conversation)
                graded = await self._judged(conversation, transcripts) if self._prepared.panel.asks else None
            except (StoppedError, FatalModelError):
                return  # `stop` knows why
            self._done.add(index)
            heapq.heappush(self._ungraded, (index, transcripts, graded))
            await asyncio.sleep(0)  # twice: workers that finished together take up their next conversations first
            await asyncio.sleep(0)
            self._grade(self._most_ungraded if self._calls.waiting else 0)
            counts = self._counts()
            total = len(self._prepared.corpus.conversations)
            self._listener.progress(
                Progress(len(self._done), total, counts["distinct"], counts["unshared"], counts["sent"])
            )

    def _grade(self, left: int) -> None:
        """Grade what was replayed until so many are left. It is CPU work, so it waits while providers answer.

        It goes by the order of the conversations, so that their rows need not be sorted, as long as memory allows.
        """
        while len(self._ungraded) > left:
            if self._ungraded[0][0] > self._next and len(self._ungraded) <= self._most_ungraded:
                return
            index, transcripts, graded = heapq.heappop(self._ungraded)
            self._next = max(self._next, index + 1)
            conversation = self._prepared.corpus.conversations[index]
            if graded is None:
                graded = self._prepared.panel.by_rule(conversation, self._lives(transcripts))
            for (place, transcript), grades in zip(transcripts, graded, strict=True):
                self._rows.add(place, conversation, transcript, grades)

    async def _judged(self, conversation: Conversation, transcripts: list[Placed]) -> list[Graded]:
        fetch = self._calls.fetcher(JUDGES)
        return await self._prepared.panel.graded(conversation, self._lives(transcripts), fetch)

    def _lives(self, transcripts: list[Placed]) -> list[tuple[Transcript, Ladder]]:
        ladders = self._prepared.strategies.ladders
        return [(transcript, ladders[place[1]]) for place, transcript in transcripts]

    async def _transcripts(self, index: int, conversation: Conversation) -> list[Placed]:
        """Every strategy and sample of one conversation, side by side so that shared calls are sent once.

        Where one fails the others still finish what they have in flight: it is paid for.
        """
        ladders = self._prepared.strategies.ladders
        places = [(index, n, sample) for n in range(len(ladders)) for sample in range(self._prepared.samples)]
        replays = (
            replay(conversation, ladders[n], self._prepared.setting(sample), self._calls.fetcher(ladders[n].name))
            for _, n, sample in places
        )
        found = await asyncio.gather(*replays, return_exceptions=True)
        failures = [each for each in found if isinstance(each, BaseException)]
        if failures:
            raise next((each for each in failures if not isinstance(each, StoppedError)), failures[0])
        return [(place, each) for place, each in zip(places, found, strict=True) if isinstance(each, Transcript)]


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
