"""Preparing: names become instances, checked; nothing is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ladder_bench import config, content, corpus, models
from ladder_bench.analyse import strategies as named
from ladder_bench.corpus import Corpus
from ladder_bench.domain import Mode, Price, Tier, canonical, digest_of
from ladder_bench.errors import InputError
from ladder_bench.judge.asking import check
from ladder_bench.judge.panel import Panel
from ladder_bench.judge.rubric import Rubric, load_rubrics
from ladder_bench.plan import Strategies, expand
from ladder_bench.replay import Player, Setting
from ladder_bench.triggers import Rules
from ladder_bench.triggers.lexicons import extended

JUDGES = "judges"  # who fetches grades: no strategy, they share them


@dataclass(frozen=True, slots=True)
class Options:
    """What a command line adds to a matrix; None leaves what the matrix says.

    `fresh` names tiers whose stored answers are asked for again; `max_age_s` does so for all that are older. `only`:
    the ids of the conversations that are replayed, all of them without it.
    """

    matrix: str = "quickstart"
    dataset: str | None = None
    tiers: str | None = None
    rubrics: tuple[str, ...] | None = None
    judges: tuple[str, ...] | None = None
    repeats: config.Repeats | None = None
    replay: Mode | None = None
    limit: int | None = None
    only: frozenset[str] | None = None
    samples: int | None = None
    seed: int | None = None
    concurrency: int | None = None
    offline: bool = False
    sharing: bool = True
    max_cost_usd: float | None = None
    max_minutes: float | None = None
    fresh: tuple[str, ...] = ()
    max_age_s: float | None = None
    store: Path = Path(".ladder-bench/calls.sqlite")
    out: Path | None = None
    command: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that a run or a plan needs, loaded and checked; nothing sent."""

    matrix: config.Matrix
    corpus: Corpus
    strategies: Strategies
    rubrics: tuple[Rubric, ...]
    panel: Panel
    rules: Rules
    clients: Mapping[str, models.ModelClient]
    seed: int
    samples: int
    notes: tuple[str, ...]
    player: Player | None = None

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Everybody who may be asked: the tiers, who plays the user, and the judges."""
        own = self.matrix.tiers.tiers
        others = (*([] if self.player is None else [self.player.tier]), *(self.panel.judges if self.panel.asks else ()))
        return (*own, *(tier for tier in others if tier not in own))

    @property
    def optional(self) -> frozenset[str]:
        """Those whose silence leaves grades out and ends nothing: judges that do nothing else."""
        return frozenset(tier.name for tier in self.panel.judges) - frozenset(self.matrix.tiers.names)

    def setting(self, sample: int) -> Setting:
        """What a replay of one sample needs."""
        tiers = self.matrix.tiers
        return Setting(
            tiers={tier.name: tier for tier in tiers.tiers},
            rank={name: tiers.rank(name) for name in tiers.names},
            rules=self.rules,
            mode=self.matrix.mode,
            sample=sample,
            player=self.player,
        )

    def identity(self, options: Options) -> str:
        """What makes two runs the same experiment: all that decides its calls, nothing that paces or bounds them."""
        tiers = [[tier.name, tier.model, dict(tier.params)] for tier in self.tiers]
        strategies = [repr(ladder) for ladder in self.strategies.ladders]
        settings = [self.matrix.mode, self.samples, self.seed, options.sharing, repr(self.player), self.rules.digest]
        if self.panel.asks:
            settings += [each.digest for each in self.rubrics] + [repr(self.panel.repeats)]
        return digest_of(self.corpus.digest, canonical([tiers, strategies, settings]))[:32]


def prepare(options: Options) -> Prepared:
    """Load and check everything by name. Raises InputError."""
    wanted = list(options.rubrics) if options.rubrics else None
    matrix = config.load_matrix(options.matrix, options.tiers, wanted, options.replay)
    if options.judges is not None:
        matrix = replace(matrix, judges=tuple(matrix.tiers.judge(name) for name in options.judges))
    if options.repeats is not None:
        matrix = replace(matrix, judge_repeats=options.repeats)
    if options.concurrency is not None:
        matrix = replace(matrix, tiers=matrix.tiers.with_concurrency(options.concurrency))
    _check_names(options.fresh, matrix)
    loaded = corpus.load(options.dataset or matrix.dataset, None if options.dataset else matrix.path, options.limit)
    if options.only is not None:
        loaded = corpus.among(loaded, options.only)
    strategies = expand(matrix, loaded)
    seed = matrix.seed if options.seed is None else options.seed
    rules = load_rules(matrix.lexicons)
    rubrics = load_rubrics(matrix.rubrics, matrix.path)
    player = _player(matrix)
    prepared = Prepared(
        matrix=matrix,
        corpus=loaded,
        strategies=strategies,
        rubrics=rubrics,
        panel=_panel(rubrics, matrix, strategies, seed),
        rules=rules,
        clients={},
        seed=seed,
        samples=options.samples or matrix.samples,
        notes=(*_unevaluated(strategies, rules, loaded, matrix), *loaded.notes),
        player=player,
    )
    conversations = {each.id: each for each in loaded.conversations}
    return replace(prepared, clients=models.clients(prepared.tiers, conversations, seed))


def _panel(rubrics: tuple[Rubric, ...], matrix: config.Matrix, strategies: Strategies, seed: int) -> Panel:
    """Who grades. Raises InputError where a rubric cannot be used here."""
    check_rubrics(rubrics, [ladder.name for ladder in strategies.ladders])
    about = {
        "mode": matrix.mode,
        "strategies": [asdict(ladder) for ladder in strategies.ladders],
        "tiers": [asdict(tier) for tier in matrix.tiers.tiers],
    }
    return Panel(rubrics, matrix.judges, matrix.mode, matrix.judge_repeats, seed, named.compared_with(about))


def check_rubrics(rubrics: Sequence[Rubric], strategies: Sequence[str]) -> None:
    """Raises InputError where a prompt cannot be rendered, or a rubric compares with a strategy that is not there."""
    for rubric in rubrics:
        check(rubric)
        if rubric.against is not None and rubric.against not in strategies:
            hint = content.did_you_mean(rubric.against, strategies)
            valid = ", ".join(strategies[:10])
            raise InputError(f"rubric '{rubric.id}': no strategy is called '{rubric.against}'{hint}; valid: {valid}")


def _player(matrix: config.Matrix) -> Player | None:
    """Who plays the user: a tier of the matrix, or the simulator's own, who is free."""
    if matrix.mode != "simulated":
        return None
    setting = matrix.user
    if setting.tier is not None:
        return Player(matrix.tiers[setting.tier], setting.most_turns, setting.patience)
    profile = config.simulator_profile("simulated/user") or {"params": {}}
    tier = Tier("(user)", "simulated/user", profile["params"], Price(0.0, 0.0), cache_group="(user)")
    return Player(tier, setting.most_turns, setting.patience)


def _check_names(fresh: tuple[str, ...], matrix: config.Matrix) -> None:
    for name in fresh:
        if name not in matrix.tiers.names:
            hint = content.did_you_mean(name, matrix.tiers.names)
            raise InputError(f"--fresh: unknown tier '{name}'{hint}; valid: {', '.join(matrix.tiers.names)}")


def load_rules(own: Path | None = None) -> Rules:
    """The bundled rules; with a folder of lexicons, those added to the bundled ones of the same name.

    Raises InputError where a file there is no trigger's lexicon, or clashes with the bundled one.
    """
    files = sorted(content.shipped("ladders", "triggers").glob("*.yaml"))
    lexicons = {path.stem: content.read_yaml(path).value for path in files}
    for path in [] if own is None else sorted(own.glob("*.yaml")):
        if path.stem not in lexicons:
            hint = content.did_you_mean(path.stem, lexicons)
            valid = ", ".join(lexicons)
            raise InputError(f"{content.display(path)}: no trigger is called '{path.stem}'{hint}; valid names: {valid}")
        try:
            lexicons[path.stem] = extended(lexicons[path.stem], content.read_yaml(path).value)
            Rules({path.stem: lexicons[path.stem]})
        except (AttributeError, TypeError):
            what = "is no lexicon: it needs 'phrases' as groups of lists; `ladder-bench validate` says more"
            raise InputError(f"{content.display(path)}: {what}") from None
        except InputError as error:
            raise InputError(f"{content.display(path)}: {error.problems[0]}") from None
    return Rules(lexicons)


def _unevaluated(strategies: Strategies, rules: Rules, loaded: Corpus, matrix: config.Matrix) -> list[str]:
    """Triggers that strategies name and nothing here can see: not evaluated is not 'did not fire'."""
    escalations = [ladder.escalation for ladder in strategies.ladders if ladder.escalation]
    named = {name for each in escalations if each.detect == "rules" for name in each.triggers}
    asked = {each.detect for each in escalations if each.detect != "rules" and each.triggers}
    notes = []
    if missing := sorted(named - rules.evaluated):
        notes.append(f"triggers without a detector in this version, not evaluated: {', '.join(missing)}")
    foreign = sum(not rules.speaks(each.language) for each in loaded.conversations)
    if named and foreign:
        notes.append(f"triggers were not evaluated in {_conversations(foreign)}: their language has no lexicon")
    silent = sum(each.language is None for each in loaded.conversations)
    if named and silent:
        notes.append(f"{_conversations(silent)} without 'language': the rules for triggers read them as English")
    unlabelled = sum(turn.labels is None for each in loaded.conversations for turn in each.turns)
    if unlabelled and any(matrix.tiers[name].simulated for name in asked):
        messages = "1 message is" if unlabelled == 1 else f"{unlabelled:,} messages are"
        notes.append(f"the simulated detector knows labels only: {messages} unlabelled")
    return notes


def _conversations(count: int) -> str:
    return "1 conversation" if count == 1 else f"{count:,} conversations"
