"""Testing: the cases go to each judge alone and, where there are several, to all of them as a panel."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ladder_bench import content, models
from ladder_bench.calls.calling import Fetch
from ladder_bench.calls.errand import Bounds, Errand
from ladder_bench.domain import Json, Reply, Request, Tier, canonical, digest_of
from ladder_bench.errors import InputError, StoppedError
from ladder_bench.judge.asking import likely_tokens
from ladder_bench.report.outlays import announce
from ladder_bench.selftest.cases import SHIPPED, Case, load
from ladder_bench.selftest.looks import Look, looks
from ladder_bench.selftest.scores import summarised
from ladder_bench.tiers import load_tiers

PANEL = ""  # in the place of a judge's name: all of them, by majority
SHORT, LONG = 0.5, 2.0  # how far a reply's length may lie from the likely one

Told = Callable[[str], None]
Progressed = Callable[[int, int, tuple[int, int, int]], None]  # (cases done, of so many, counts of calls)


@dataclass(frozen=True, slots=True)
class Options:
    """Which cases, of which kinds of flaw (() for all) and at most how many, and which judges of a tiers file."""

    cases: str = SHIPPED
    tiers: str | None = None
    judges: tuple[str, ...] = ()
    flaws: tuple[str, ...] = ()
    limit: int | None = None
    bounds: Bounds = field(default_factory=Bounds)


def selftest(options: Options, tell: Told = lambda _: None, progressed: Progressed = lambda *_: None) -> Json:
    """Test judges. `tell` is told what is sent, and its price, before it is.

    Raises InputError, MissError (offline, and not stored), and StoppedError where a cap or Ctrl-C ended it.
    """
    cases = chosen(load(options.cases), options.flaws, options.limit)
    judges = _judges(options)
    clients = {judge.name: models.live_client(judge) for judge in judges}
    work = _Work(cases, judges, progressed)
    with Errand(_experiment(cases, judges), clients, options.bounds, tell, frozenset(clients)) as errand:
        announce(errand.foreseen(work.looks, _length), tell)
        try:
            found = errand.made(lambda fetch: work.looks(fetch, errand))
        except StoppedError as stopped:
            goes_on = "what was answered is stored, and the same command goes on from there"
            raise StoppedError(f"stopped: {stopped}; {goes_on}") from None
        taken = errand.taken()
    return {
        "cases": len(cases),
        "file": options.cases,
        "rubrics": {case.rubric.id: case.rubric.digest[:16] for case in cases},
        "judges": {judge.name: {"model": judge.model, **summarised(found[judge.name])} for judge in judges},
        "panel": summarised(found[PANEL]) if PANEL in found else None,
        "calls": taken.as_json(),
    }


# --- which cases, and who is asked ---------------------------------------------------------


def chosen(cases: Sequence[Case], flaws: Sequence[str], limit: int | None) -> tuple[Case, ...]:
    """The cases of these kinds, at most `limit` of them, taken from the kinds in turn. Raises InputError."""
    kinds = list(dict.fromkeys(case.flaw for case in cases))
    for flaw in flaws:
        if flaw not in kinds:
            hint = content.did_you_mean(flaw, kinds)
            raise InputError(f"--flaw: no case has '{content.shortened(flaw)}'{hint}; valid: {', '.join(kinds)}")
    places: dict[str, int] = {}
    ranked = []
    for case in cases:
        places[case.flaw] = places.get(case.flaw, 0) + 1
        if not flaws or case.flaw in flaws:
            ranked.append((places[case.flaw], case))
    kept = {case.id for _, case in sorted(ranked, key=lambda each: each[0])[:limit]}  # stable: kinds stay in order
    return tuple(case for _, case in ranked if case.id in kept)


def _judges(options: Options) -> tuple[Tier, ...]:
    """Those named, else all judges of the tiers file. Raises InputError."""
    if options.tiers is None:
        raise InputError("--tiers: name a tiers file that has 'judges', or one of its tiers with --judge NAME")
    known = load_tiers(options.tiers)
    found = tuple(known.judge(name) for name in dict.fromkeys(options.judges)) or known.judges
    if not found:
        able = ", ".join(tier.name for tier in known.tiers if tier.live) or "none of them answers live"
        raise InputError(f"{known.file} names no 'judges'; name a tier that is to judge with --judge NAME: {able}")
    return found


def _experiment(cases: Sequence[Case], judges: Sequence[Tier]) -> str:
    """The same for the same test, so that its cap holds over resumptions."""
    who = canonical([[judge.name, judge.model, dict(judge.params)] for judge in judges])
    return digest_of("selftest", who, *(case.digest for case in cases))[:32]


def _length(request: Request) -> tuple[int, int]:
    likely = likely_tokens(request)
    return int(likely * SHORT), int(likely * LONG)


# --- asking --------------------------------------------------------------------------------


class _Work:
    """All cases before each judge, and before all of them together."""

    def __init__(self, cases: Sequence[Case], judges: Sequence[Tier], progressed: Progressed) -> None:
        self._cases, self._progressed = cases, progressed
        self._panels: Mapping[str, Sequence[Tier]] = {judge.name: (judge,) for judge in judges}
        if len(judges) > 1:
            self._panels = {**self._panels, PANEL: judges}

    async def looks(self, fetch: Fetch, errand: Errand | None = None) -> dict[str, list[Look]]:
        """What every panel says; without an errand nothing is told of progress."""
        done, total = 0, len(self._panels) * len(self._cases)

        def one_more() -> None:
            nonlocal done
            done += 1
            if errand is not None:
                self._progressed(done, total, errand.counts)

        asked = fetch if errand is None else _ending(errand, fetch)
        return {name: await looks(self._cases, panel, asked, one_more) for name, panel in self._panels.items()}


def _ending(errand: Errand, fetch: Fetch) -> Fetch:
    """A fetch that ends the errand where a key is missing: it is missing for every call."""

    async def asked(request: Request) -> tuple[str, Reply]:
        try:
            return await fetch(request)
        except InputError as error:
            errand.stop.request(str(error), error)
            raise

    return asked
