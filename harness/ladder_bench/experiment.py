"""The experiment: names become instances, and the stages run in order. The only module that sees the whole line."""

from __future__ import annotations

import asyncio
import datetime
import platform
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ladder_bench import __version__, config, content, corpus, cost, folder, models, report
from ladder_bench.analyse.summary import summarise
from ladder_bench.corpus import Corpus
from ladder_bench.domain import Conversation, Json, Ladder, Mode, Reply, Request, Transcript, canonical, digest_of
from ladder_bench.errors import InputError
from ladder_bench.judge.grading import ConversationGrader
from ladder_bench.judge.rubric import Rubric, load_rubric
from ladder_bench.plan import Strategies, expand
from ladder_bench.replay import UNSEEN, Setting, replay
from ladder_bench.rows import Rows
from ladder_bench.store import MissError, Store, backend_of, key_of
from ladder_bench.triggers import Rules

WORKERS = 16  # conversations in progress at once; a tier's own limit bounds its calls in flight
RUNS = Path("reports/runs")
PACKAGES = ("litellm", "datasets", "numpy", "scipy", "pandas", "pyarrow", "matplotlib", "jinja2", "pydantic", "regex")
Progress = Callable[[int, int, int, int], None]  # conversations done, of, distinct calls, answers they gave


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line adds to a matrix; None leaves what the matrix says."""

    matrix: str = "quickstart"
    dataset: str | None = None
    tiers: str | None = None
    rubrics: tuple[str, ...] | None = None
    replay: Mode | None = None
    limit: int | None = None
    samples: int | None = None
    seed: int | None = None
    concurrency: int | None = None
    offline: bool = False
    sharing: bool = True
    store: Path = Path(".ladder-bench/calls.sqlite")
    out: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a run or a plan needs, loaded and checked; nothing sent."""

    matrix: config.Matrix
    corpus: Corpus
    strategies: Strategies
    rubric: Rubric
    rules: Rules
    clients: Mapping[str, models.ModelClient]
    seed: int
    samples: int
    notes: tuple[str, ...]


def prepare(options: Options) -> Prepared:
    """Load and check everything by name. Raises InputError."""
    rubrics = list(options.rubrics) if options.rubrics else None
    matrix = config.load_matrix(options.matrix, options.tiers, rubrics, options.replay)
    loaded = corpus.load(options.dataset or matrix.dataset, None if options.dataset else matrix.path, options.limit)
    strategies = expand(matrix, loaded)
    seed = matrix.seed if options.seed is None else options.seed
    rules = load_rules()
    return Prepared(
        matrix=matrix,
        corpus=loaded,
        strategies=strategies,
        rubric=load_rubric(matrix.rubrics, matrix.path),
        rules=rules,
        clients=models.clients(matrix.tiers.tiers, {each.id: each for each in loaded.conversations}, seed),
        seed=seed,
        samples=options.samples or matrix.samples,
        notes=(*_unevaluated(strategies, rules, loaded), *loaded.notes),
    )


def load_rules() -> Rules:
    files = sorted(content.shipped("ladders", "triggers").glob("*.yaml"))
    return Rules({path.stem: content.read_yaml(path).value for path in files})


def _unevaluated(strategies: Strategies, rules: Rules, loaded: Corpus) -> list[str]:
    """Triggers that strategies name and nothing here can see: not evaluated is not 'did not fire'."""
    named = {name for ladder in strategies.ladders if ladder.escalation for name in ladder.escalation.triggers}
    notes = []
    if missing := sorted(named - rules.evaluated):
        notes.append(f"triggers without a detector in this version, not evaluated: {', '.join(missing)}")
    foreign = sum(not rules.speaks(each.language) for each in loaded.conversations)
    if named and foreign:
        notes.append(f"triggers were not evaluated in {foreign} conversations: their language has no lexicon")
    return notes


# --- running -------------------------------------------------------------------------------


def run(options: Options, progress: Progress | None = None) -> folder.Run:
    """Run a matrix and write its run folder. Raises InputError, FatalModelError."""
    prepared = prepare(options)
    started = datetime.datetime.now(datetime.UTC)
    out = options.out or RUNS / f"{started:%Y%m%d-%H%M%S}-{prepared.corpus.name.replace('/', '-').replace(':', '-')}"
    folder.check_target(out)
    with Store(options.store) as store:
        keys = _Keys(prepared, store, options)
        rows = Rows(prepared.matrix.gap_s)
        try:
            asyncio.run(_replay_all(prepared, keys, rows, progress))
        except BaseExceptionGroup as group:  # the first failure ended all tasks; it is the one to show
            raise _first(group) from None
        counts = {
            "distinct": len(keys.distinct),
            "unshared": keys.asked,
            "sent": len(store.counts.sent),
            "from_store": len(store.counts.from_store),
        }
    tables = rows.tables()
    about = _about(prepared, options, started)
    summary = summarise(about, tables, counts, keys.spent_usd)
    result = folder.Run(out, about, tables, summary)
    folder.write(out, about, tables, summary, report.pages(result))
    return result


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class _Keys:
    """Gives each request its key and its reply: from the store, the recording, or the tier's client."""

    def __init__(self, prepared: Prepared, store: Store, options: Options) -> None:
        self._clients, self._store, self._sharing = prepared.clients, store, options.sharing
        self._offline = options.offline
        self._backends: dict[tuple[str, str], str] = {}
        limits = prepared.matrix.tiers.concurrency
        self._limits = {name: options.concurrency or limits.get(name, WORKERS) for name in prepared.clients}
        self._gates: dict[str, asyncio.Semaphore] = {}
        self.distinct: set[str] = set()
        self.asked = 0
        self.spent_usd = 0.0

    def fetcher(self, strategy: str) -> Callable[[Request], Awaitable[tuple[str, Reply]]]:
        """A fetch for one strategy; without sharing its calls are its own."""
        salt = "" if self._sharing else strategy

        async def fetch(request: Request) -> tuple[str, Reply]:
            key = self._key(request, salt)
            self.asked += 1
            self.distinct.add(key)
            client = self._clients[request.tier.name]
            if request.tier.recorded:  # a read-only layer above the store: nothing to send, nothing to keep
                return key, await client.complete(request)
            send = None if self._offline and not request.tier.simulated else self._send
            try:
                return key, await self._store.fetch(key, request, send)
            except MissError as error:
                raise MissError(f"strategy '{strategy}': {error}; run once without --offline") from None

        return fetch

    def stored(self, request: Request, strategy: str) -> tuple[str, Reply | None]:
        """The key of a request and its reply, where nothing needs to be sent for it."""
        key = self._key(request, "" if self._sharing else strategy)
        self.asked += 1
        self.distinct.add(key)
        return key, self._store.get(key)

    def _key(self, request: Request, salt: str) -> str:
        place = (request.tier.name, request.origin.conversation)
        if place not in self._backends:
            fingerprint = self._clients[request.tier.name].fingerprint(request.origin.conversation)
            self._backends[place] = backend_of(request.tier, fingerprint)
        return key_of(request, self._backends[place], salt)

    async def _send(self, request: Request) -> Reply:
        name = request.tier.name
        gate = self._gates.setdefault(name, asyncio.Semaphore(self._limits[name]))
        async with gate:
            reply = await self._clients[name].complete(request)
        if reply.origin == "live" and reply.usage is not None:
            self.spent_usd += cost.billed_usd(reply.usage, request.tier.price)
        return reply


async def _replay_all(prepared: Prepared, keys: _Keys, rows: Rows, progress: Progress | None) -> None:
    todo = iter(enumerate(prepared.corpus.conversations))
    done = 0

    async def worker() -> None:
        nonlocal done
        for index, conversation in todo:
            grader = ConversationGrader(conversation, prepared.matrix.mode, prepared.rubric.weights)
            for place, transcript in await _transcripts(prepared, keys, index, conversation):
                rows.add(place, conversation, transcript, grader.grade(transcript))
            done += 1
            if progress:
                progress(done, len(prepared.corpus.conversations), len(keys.distinct), keys.asked)

    async with asyncio.TaskGroup() as group:
        for _ in range(WORKERS):
            group.create_task(worker())


async def _transcripts(
    prepared: Prepared, keys: _Keys, index: int, conversation: Conversation
) -> list[tuple[tuple[int, int, int], Transcript]]:
    """Every strategy and sample of one conversation, side by side so that shared calls are sent once."""
    places = [(index, n, sample) for n in range(len(prepared.strategies.ladders)) for sample in range(prepared.samples)]
    async with asyncio.TaskGroup() as group:
        tasks = []
        for _, n, sample in places:
            ladder = prepared.strategies.ladders[n]
            coroutine = replay(conversation, ladder, _setting(prepared, sample), keys.fetcher(ladder.name))
            tasks.append(group.create_task(coroutine))
    return [(place, task.result()) for place, task in zip(places, tasks, strict=True)]


def _setting(prepared: Prepared, sample: int) -> Setting:
    tiers = prepared.matrix.tiers
    return Setting(
        tiers={tier.name: tier for tier in tiers.tiers},
        rank={name: tiers.rank(name) for name in tiers.names},
        rules=prepared.rules,
        mode=prepared.matrix.mode,
        sample=sample,
    )


# --- planning ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Route:
    """Who answers each turn of a conversation, as far as that is known before anything is sent."""

    strategy: str
    conversation: str
    tiers: tuple[str, ...]
    reasons: tuple[str, ...]
    certain: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do. `distinct` counts calls on the assumption that different prompts get different answers."""

    prepared: Prepared
    routes: tuple[Route, ...]
    distinct: int
    unshared: int
    stored: int


def plan(options: Options) -> Plan:
    """Walk every conversation through every ladder without sending anything. Raises InputError."""
    prepared = prepare(options)
    with Store(options.store) as store:
        keys = _Keys(prepared, store, options)
        stored: set[str] = set()
        routes: list[Route] = []

        async def walk() -> None:
            for conversation in prepared.corpus.conversations:
                for ladder in prepared.strategies.ladders:
                    transcript = await replay(
                        conversation, ladder, _setting(prepared, 0), _foresight(prepared, keys, ladder, stored)
                    )
                    routes.append(_route(transcript))

        asyncio.run(walk())
        times = prepared.samples
        return Plan(prepared, tuple(routes), len(keys.distinct) * times, keys.asked * times, len(stored))


def check_conversation(plan: Plan, name: str) -> None:
    """Raises InputError where a plan has no such conversation."""
    names = [each.id for each in plan.prepared.corpus.conversations]
    if name not in names:
        raise InputError(f"no conversation '{name}'{content.did_you_mean(name, names)}")


def _foresight(
    prepared: Prepared, keys: _Keys, ladder: Ladder, stored: set[str]
) -> Callable[[Request], Awaitable[tuple[str, Reply]]]:
    """A fetch that sends nothing: what is recorded or stored is known, anything else stands for an answer to come."""

    async def fetch(request: Request) -> tuple[str, Reply]:
        key, reply = keys.stored(request, ladder.name)
        if request.tier.recorded:
            return key, await prepared.clients[request.tier.name].complete(request)
        if reply is None:
            return key, Reply(f"(answer {key})", None, None, UNSEEN)
        stored.add(key)
        return key, reply

    return fetch


def _route(transcript: Transcript) -> Route:
    decisions = [answered.decision for answered in transcript.answered]
    return Route(
        transcript.strategy,
        transcript.conversation,
        tuple(decision.tier for decision in decisions),
        tuple(decision.reason for decision in decisions),
        tuple(decision.certain for decision in decisions),
    )


# --- run.json ------------------------------------------------------------------------------


def _about(prepared: Prepared, options: Options, started: datetime.datetime) -> Json:
    """Everything that a reader needs to know how the numbers came about, and to make them again. No secrets."""
    matrix, loaded = prepared.matrix, prepared.corpus
    prices = {tier.name: asdict(tier.price) for tier in matrix.tiers.tiers}
    prompts = sorted(content.shipped("ladders", "prompts").glob("*.jinja"))
    about: dict[str, Any] = {
        "schema": folder.SCHEMA,
        "version": __version__,
        "command": options.command,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.time() - started.timestamp(), 2),
        "mode": matrix.mode,
        "dataset": {
            "name": loaded.name,
            "source": options.dataset or matrix.dataset,
            "digest": loaded.digest,
            "turns": loaded.turns,
            "holds": _holds(loaded.conversations),
            "conversations": [each.id for each in loaded.conversations],
        },
        "config": {
            "matrix": matrix.file,
            "tiers": matrix.tiers.file,
            "rubrics": list(matrix.rubrics),
            "weights": dict(prepared.rubric.weights),
            "controls": list(matrix.controls),
            "samples": prepared.samples,
            "seed": prepared.seed,
            "gap_s": matrix.gap_s,
            "unresolved_cost_usd": matrix.unresolved_cost_usd,
            "resolved_quality": matrix.resolved_quality,
            "sharing": options.sharing,
            "offline": options.offline,
        },
        "strategies": [asdict(ladder) for ladder in prepared.strategies.ladders],
        "dropped": [asdict(each) for each in prepared.strategies.dropped],
        "tiers": [{**asdict(tier), "params": dict(tier.params)} for tier in matrix.tiers.tiers],
        "prices": {"date": f"{started:%Y-%m-%d}", "hash": digest_of(canonical(prices))[:16], "usd_per_million": prices},
        "prompts": {path.name: digest_of(path.read_text("utf-8"))[:16] for path in prompts},
        "rubric": {"id": prepared.rubric.id, "version": prepared.rubric.version, "hash": prepared.rubric.digest[:16]},
        "packages": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "notes": list(prepared.notes),
    }
    return about


def _version(package: str) -> str:
    try:
        return version(package)
    except ImportError:
        return "not installed"


def _holds(conversations: Sequence[Conversation]) -> dict[str, bool]:
    """Which gold fields a dataset has anywhere: what is missing switches metrics off, by name."""
    intents = [each.intent for each in conversations if each.intent]
    criteria = [criterion for each in conversations for turn in each.turns for criterion in turn.criteria]
    return {
        "intent": bool(intents),
        "constraints": any(intent.constraints for intent in intents),
        "criteria": bool(criteria),
        "format": any(intent.output_contract for intent in intents) or any(c.kind == "format" for c in criteria),
        "labels": any(turn.labels is not None for each in conversations for turn in each.turns),
    }
