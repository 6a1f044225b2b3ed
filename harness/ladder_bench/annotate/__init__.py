"""Annotate: a model drafts intent and criteria of plain logs, from the user's words alone, for a person to review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ladder_bench import config, content, corpus, models
from ladder_bench.annotate import asking, lines
from ladder_bench.annotate.asking import Finding
from ladder_bench.annotate.drafts import drafts
from ladder_bench.annotate.lines import Line
from ladder_bench.annotate.merging import Merged, lacks_something, merged
from ladder_bench.calls import Keys
from ladder_bench.calls.calling import Fetch
from ladder_bench.calls.errand import Bounds, Errand, Taken
from ladder_bench.corpus import hub
from ladder_bench.documents import display
from ladder_bench.domain import Json, Request, Tier, digest_of
from ladder_bench.errors import InputError
from ladder_bench.report.outlays import announce

__all__ = ["Options", "annotate"]

SUFFIXES = (".gz", ".zst", ".jsonl", ".json", ".parquet", ".csv")
ITEMS = ("goal", "constraints", "non_goals", "blocking_unknowns", "output_contract", "criteria", "hindsight")
UNNEEDED = "it has intent and criteria already"
NOTHING = "nothing to draft from the user's words"


@dataclass(frozen=True, slots=True)
class Options:
    """Who drafts (`tier`, of a tiers file), for which conversations, and where they go.

    `out` None: beside the dataset, with `.annotated` in its name. `force`: where that is there, it is replaced.
    """

    dataset: str
    tier: str
    tiers: str
    out: Path | None = None
    force: bool = False
    limit: int | None = None
    bounds: Bounds = field(default_factory=Bounds)


def annotate(options: Options, tell: Callable[[str], None] = lambda _: None) -> Json:
    """Draft, and write the dataset with what was drafted. `tell` is told what is sent, and its price, before it is.

    Nothing is written where it was stopped, or where nothing was drafted. Raises InputError, MissError (offline, and
    not stored) and FatalModelError.
    """
    tier = _drafter(options.tier, options.tiers)
    loaded, found = lines.read(options.dataset, options.limit)
    out = _out(options)
    reasons = [_left_out(each) for each in found]
    asked = {
        index: asking.request(each.conversation, tier) for index, each in enumerate(found) if reasons[index] is None
    }
    taken, said = _said(list(asked.values()), tier, options.bounds, tell) if asked else (None, [])
    prompt = asking.prompt_digest()
    results: dict[int, Merged] = {}
    for index, each in zip(asked, said, strict=True):
        if isinstance(each, str):
            reasons[index] = each
            continue
        results[index] = _merged(found[index], each, tier, prompt)
        if not results[index].added:
            reasons[index] = NOTHING
    stopped = taken.stopped if taken else None
    drafted = sum(bool(each.added) for each in results.values())
    if drafted and not stopped:
        lines.write(out, (each.text(results[i].changes if i in results else {}) for i, each in enumerate(found)))
    return {
        "dataset": loaded.name,
        "out": display(out) if drafted and not stopped else None,
        "author": tier.model,
        "prompt": prompt,
        "conversations": len(found),
        "asked": len(asked),
        "drafted": drafted,
        "items": _counted(results),
        "dropped": dict(sorted(Counter(why for each in results.values() for why in each.left_out).items())),
        "left_as_they_were": dict(sorted(Counter(why for why in reasons if why).items())),
        "calls": taken.as_json() if taken else None,
        "notes": list(loaded.notes),
    }


def _drafter(name: str, file: str) -> Tier:
    """The tier that is asked. Raises InputError."""
    known = config.load_tiers(file)
    able = {tier.name: tier for tier in (*known.tiers, *known.judges) if tier.live}
    if name in able:
        return able[name]
    what = "is recorded or simulated and drafts nothing" if name in known.names else "is no tier"
    valid = ", ".join(able) or "none; the file needs a tier with a live model"
    raise InputError(
        f"--with: '{content.shortened(name)}' {what} of {known.file}{content.did_you_mean(name, able)}; valid: {valid}"
    )


def _out(options: Options) -> Path:
    """Where the drafts go. Raises InputError where that would overwrite something."""
    source = None if options.dataset.startswith(hub.HUB) else _file(options.dataset)
    out = options.out or _beside(options.dataset, source)
    if source is not None and out.resolve() == source.resolve():
        raise InputError(f"--out: {display(out)} is the dataset itself, which is never overwritten; name another file")
    if not out.name.endswith(".jsonl"):
        raise InputError(f"--out: must end with .jsonl, not '{content.shortened(out.name)}'")
    if out.is_dir() or not out.resolve().parent.is_dir():
        raise InputError(f"--out: {display(out)} must be a file in a folder that is there")
    if out.exists() and not options.force:
        raise InputError(f"{display(out)} is there already, perhaps with reviewed drafts; --out FILE or --force")
    return out


def _file(dataset: str) -> Path:
    return Path(dataset) if hub.handles(dataset) else corpus.find(dataset)


def _beside(dataset: str, source: Path | None) -> Path:
    """DATASET.annotated.jsonl: beside a user's file; here for what is bundled or on the Hub."""
    if source is None or source.is_relative_to(content.shipped("datasets")):
        return Path(f"{dataset.removeprefix(hub.HUB).replace('/', '-').replace(':', '-')}.annotated.jsonl")
    stem = source.name
    for suffix in SUFFIXES:
        stem = stem.removesuffix(suffix)
    return source.with_name(f"{stem}.annotated.jsonl")


def _left_out(line: Line) -> str | None:
    """Why a conversation is not asked about, None where it is."""
    if line.conversation.author is not None:
        return "it has drafts already"
    return None if lacks_something(line.value, len(line.conversation.turns)) else UNNEEDED


def _said(
    asked: Sequence[Request], tier: Tier, bounds: Bounds, tell: Callable[[str], None]
) -> tuple[Taken, list[Finding]]:
    """What the tier replied, and what it took to ask."""
    clients = {tier.name: models.live_client(tier)}
    keys = Keys(clients, sharing=True)
    experiment = digest_of("annotate", *sorted({keys.of(each, "") for each in asked}))[:32]

    async def all_of(fetch: Fetch) -> list[Finding]:
        return await asking.asked_all(asked, fetch)

    with Errand(experiment, clients, bounds, tell) as errand:
        announce(errand.foreseen(all_of, asking.length), tell)
        said = errand.made(all_of)
        return errand.taken(), said


def _merged(line: Line, said: Json, tier: Tier, prompt: str) -> Merged:
    found = drafts(said, line.conversation)
    whole = merged(line.value, found, tier.model, prompt)
    return Merged(whole.changes, whole.added, (*found.dropped, *whole.left_out))


def _counted(results: Mapping[int, Merged]) -> dict[str, int]:
    """How many drafts there are of each kind."""
    kinds = Counter(item.kind for each in results.values() for item in each.added)
    return {kind: kinds[kind] for kind in ITEMS}
