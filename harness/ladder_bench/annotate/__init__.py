"""Annotate: a model drafts intent and criteria of plain logs, from the user's words alone, for a person to review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from ladder_bench import config, content, models
from ladder_bench.annotate import asking, lines, target
from ladder_bench.annotate.asking import Failure, Finding
from ladder_bench.annotate.drafts import HINDSIGHT, KINDS, drafts
from ladder_bench.annotate.held import held, left
from ladder_bench.annotate.lines import Line
from ladder_bench.annotate.merging import Merged, has_criteria, has_intent, merged
from ladder_bench.calls import Keys
from ladder_bench.calls.calling import Fetch
from ladder_bench.calls.errand import Bounds, Errand, Taken
from ladder_bench.documents import display
from ladder_bench.domain import Json, Request, Tier, digest_of
from ladder_bench.errors import FatalModelError, InputError
from ladder_bench.report.outlays import announce

__all__ = ["Options", "Watch", "annotate", "review"]

ORDER = (*KINDS.values(), HINDSIGHT)
DRAFTED = "with drafts already"
UNNEEDED = "with an intent and criteria of their own"
BEYOND = "beyond --limit"
NOT_ASKED = (DRAFTED, UNNEEDED, BEYOND)
NOTHING = "the reply has no draft"
DROPPED = "every draft was dropped"
KEYS = ("no_key", "refused_key")  # what the user can put right


@dataclass(frozen=True, slots=True)
class Options:
    """Who drafts (`tier`, of a tiers file), for which conversations, and where they go.

    `out` None: beside the dataset, with `.annotated` in its name. `force`: where that is there, it is replaced, and
    kept under another name. `limit`: so many conversations are asked about; the others are written as they are.
    """

    dataset: str
    tier: str
    tiers: str
    out: Path | None = None
    force: bool = False
    limit: int | None = None
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told what is sent, and its price, before it is; and then how many conversations of how many are done,
    and how many calls were sent."""

    tell: Callable[[str], None] = lambda _: None
    progress: Callable[[int, int, int], None] = lambda done, of, sent: None


def annotate(options: Options, watch: Watch | None = None) -> Json:
    """Draft, and write the dataset with what was drafted; nothing is written where nothing was.

    What a cap or Ctrl-C ended is written as far as it came. Raises InputError, MissError (offline, and not stored) and
    FatalModelError, where a key is missing or refused.
    """
    tier = _drafter(options.tier, options.tiers)
    log = lines.read(options.dataset)
    out = target.of(options.dataset, log.suffix, options.out)
    target.check(out, options.force)
    failures = _not_asked(log.lines, options.limit)
    asked = {
        place: asking.request(each.conversation, tier)
        for place, each in enumerate(log.lines)
        if failures[place] is None
    }
    taken, said = _said(list(asked.values()), tier, options.bounds, watch or Watch()) if asked else (None, [])
    results: dict[int, Merged] = {}
    for place, each in zip(asked, said, strict=True):
        if isinstance(each, Failure):
            failures[place] = each
            continue
        results[place] = result = _merged(log.lines[place], each, tier)
        if result.value is None:
            failures[place] = Failure(DROPPED if result.dropped else NOTHING)
    values = {place: each.value for place, each in results.items() if each.value is not None}
    kept = target.write(out, log.text(values), options.force) if values else None
    if not values:
        _check_keys(failures)
    shown = [_reviewed(log.lines[place], each) for place, each in results.items()]
    return {
        "dataset": log.corpus.name,
        "source": options.dataset,
        "out": display(out) if values else None,
        "kept": None if kept is None else display(kept),
        "author": tier.model,
        "prompt": asking.prompt_digest(),
        "conversations": len(log.lines),
        "asked": len(asked),
        "drafted": len(values),
        "drafts": shown,
        "items": _counted(shown),
        "dropped": dict(Counter(each["why"] for one in shown for each in one["dropped"]).most_common()),
        "left_as_they_were": _by_reason(log.lines, failures),
        "calls": taken.as_json() if taken else None,
        "notes": list(log.corpus.notes),
    }


def review(dataset: str) -> Json:
    """The drafts that a dataset holds, as they are there now. Raises InputError where it has none."""
    log = lines.read(dataset)
    found = {place: Merged(each.value, ()) for place, each in enumerate(log.lines) if each.conversation.author}
    shown = [_reviewed(log.lines[place], each) for place, each in found.items()]
    if not found:
        how = f"`ladder-bench annotate {content.shortened(dataset)} --with TIER --tiers FILE` makes some"
        raise InputError(f"{content.shortened(dataset)}: holds no drafts; {how}")
    return {
        "dataset": log.corpus.name,
        "source": dataset,
        "conversations": len(log.lines),
        "drafted": len(found),
        "reviewed": sum(each["status"] != "draft" for each in shown),
        "drafts": shown,
        "items": _counted(shown),
    }


# --- asking --------------------------------------------------------------------------------


def _drafter(name: str, file: str) -> Tier:
    """The tier that is asked. Raises InputError."""
    known = config.load_tiers(file)
    able = {tier.name: tier for tier in (*known.tiers, *known.judges) if tier.live}
    if name in able:
        return able[name]
    what = f"--with: there is no tier '{content.shortened(name)}' in {known.file}{content.did_you_mean(name, able)}"
    if name in known.names:
        what = f"--with: tier '{name}' of {known.file} is recorded or simulated, and drafts nothing"
    raise InputError(f"{what}; valid: {', '.join(able) or 'none; the file needs a tier with a live model'}")


def _not_asked(found: Sequence[Line], limit: int | None) -> list[Failure | None]:
    """Why a conversation is not asked about, None where it is."""
    reasons: list[Failure | None] = []
    asked = 0
    for each in found:
        why = None
        if each.conversation.author is not None:
            why = DRAFTED
        elif has_intent(each.value) and has_criteria(each.value):
            why = UNNEEDED
        elif limit is not None and asked >= limit:
            why = BEYOND
        asked += why is None
        reasons.append(None if why is None else Failure(why))
    return reasons


def _said(asked: Sequence[Request], tier: Tier, bounds: Bounds, watch: Watch) -> tuple[Taken, list[Finding]]:
    """What the tier replied, and what it took to ask."""
    clients = {tier.name: models.live_client(tier)}
    keys = Keys(clients, sharing=True)
    experiment = digest_of("annotate", *sorted({keys.of(each, "") for each in asked}))[:32]
    # the tier is optional: where it falls silent, what it said before is not lost
    with Errand(experiment, clients, bounds, watch.tell, optional=(tier.name,)) as errand:
        done = count(1)

        async def foreseen(fetch: Fetch) -> list[Finding]:
            return await asking.asked_all(asked, fetch)

        async def made(fetch: Fetch) -> list[Finding]:
            return await asking.asked_all(
                asked, fetch, lambda: watch.progress(next(done), len(asked), errand.counts[2])
            )

        announce(errand.foreseen(foreseen, asking.length), watch.tell)
        said = errand.made(made)
        return errand.taken(), said


def _merged(line: Line, said: Json, tier: Tier) -> Merged:
    return merged(line.value, drafts(said, line.conversation), tier.model, asking.prompt_digest())


def _check_keys(failures: Sequence[Failure | None]) -> None:
    """Raises FatalModelError where no call was made for want of a key."""
    kinds = {each.kind for each in failures if each is not None and each.kind}
    if kinds and kinds <= set(KEYS):
        first = next(each for each in failures if each is not None and each.kind in KEYS)
        raise FatalModelError(first.kind, first.what.partition(": ")[2])


# --- what came of it -----------------------------------------------------------------------


def _reviewed(line: Line, result: Merged) -> Json:
    """A conversation with its drafts, and those that were dropped."""
    annotation = (result.value or {}).get("annotation") or {}
    return {
        "conversation": line.conversation.id,
        "turns": len(line.conversation.turns),
        "author": annotation.get("author"),
        "status": annotation.get("status"),
        "reviewer": annotation.get("reviewer"),
        "drafts": [] if result.value is None else held(result.value, line.conversation),
        "dropped": [left(each) for each in result.dropped],
    }


def _counted(shown: Sequence[Json]) -> dict[str, int]:
    kinds = Counter(item["kind"] for each in shown for item in each["drafts"])
    return {kind: kinds[kind] for kind in ORDER if kinds[kind]}


def _by_reason(found: Sequence[Line], failures: Sequence[Failure | None]) -> list[Json]:
    """The conversations that are as they were, by reason; `example` tells more of one, `again` whether to ask again."""
    by: dict[str, list[tuple[str, Failure]]] = {}
    for line, failure in zip(found, failures, strict=True):
        if failure is not None:
            by.setdefault(failure.why, []).append((line.conversation.id, failure))
    return [
        {
            "why": why,
            "conversations": [name for name, _ in these],
            "example": these[0][1].what or None,
            "asked": why not in NOT_ASKED,
            "again": any(each.kind for _, each in these),
        }
        for why, these in sorted(by.items(), key=lambda pair: (-len(pair[1]), pair[0]))
    ]
