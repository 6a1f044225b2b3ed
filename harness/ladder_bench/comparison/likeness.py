"""Likeness: like is compared with like, over the same conversations and at the same prices, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ladder_bench import folder, prices
from ladder_bench.comparison.arms import Held
from ladder_bench.content import display
from ladder_bench.domain import IMPORTED, Json, Price
from ladder_bench.errors import InputError, Problem
from ladder_bench.sides.fingerprints import differences, fingerprint
from ladder_bench.sides.repricing import priced

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COMMON = "; --common compares what both hold"
OF_CONVERSATIONS = "conversations differ"  # how a difference of that kind begins


@dataclass(frozen=True, slots=True)
class Alike:
    """Runs that may be compared. `common`: how many conversations were kept, and left out by run, where that was asked.

    `repriced`: by run the tiers that were priced again, and at whose prices; None where all had the same.
    """

    held: tuple[Held, ...]
    common: Json
    repriced: Json


def alike(paths: Sequence[Path], common: bool) -> Alike:
    """Read runs and make them comparable. Raises InputError that says what differs."""
    if len(paths) > len(LETTERS):
        raise InputError(f"at most {len(LETTERS)} runs can be compared at once, not {len(paths)}")
    held = [Held(letter, folder.read(path)) for letter, path in zip(LETTERS, paths, strict=False)]
    found = [_fingerprint(each) for each in held]
    for each in held:
        if not each.conversations or not each.names:
            raise InputError(f"{display(each.run.path)}: holds no conversation and strategy to compare")
    kept, problems = None, _differences(held, found)
    if common and len(held) > 1 and not any(each.unpaired for each in held):
        kept = _kept(found)
        found = [{**each, "conversations": _among(each["conversations"], kept)} for each in found]
        problems = _differences(held, found)
        if not kept:
            problems = ["--common: the runs have no conversation in common"]
    if problems:
        raise InputError([Problem(each) for each in problems])
    said = None
    if kept is not None:
        said = {"kept": len(kept), "left_out": {each.label: len(each.conversations) - len(kept) for each in held}}
        held = [_restricted(each, kept) for each in held]
    held, again = _repriced(held)
    return Alike(tuple(held), said, again)


def _fingerprint(held: Held) -> Json:
    try:
        return fingerprint(held.run)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(held.run.path)}: the run folder is damaged: {error!r}") from None


def _differences(held: Sequence[Held], found: Sequence[Json]) -> list[str]:
    """Why the runs may not be compared with the first one."""
    problems = []
    for other, print_ in zip(held[1:], found[1:], strict=True):
        apart = held[0].unpaired or other.unpaired
        if held[0].unpaired != other.unpaired:
            problems.append(
                f"{_two(held[0], other)}: the arms of one are paired by conversation, those of the other not"
            )
        for each in differences(found[0], print_):
            if each.startswith(OF_CONVERSATIONS):
                if apart:
                    continue
                each += COMMON if _kept([found[0], print_]) else ""
            problems.append(f"{_two(held[0], other)}: {each}")
    return problems


def _two(first: Held, second: Held) -> str:
    return f"{display(first.run.path)} and {display(second.run.path)}"


# --- conversations in common ---------------------------------------------------------------


def _kept(found: Sequence[Json]) -> list[str]:
    """The conversations that all runs hold, with the same content."""
    first, *others = (each["conversations"] for each in found)
    return [name for name, body in first.items() if all(name in other and _same(body, other[name]) for other in others)]


def _same(first: str | None, second: str | None) -> bool:
    return first == second or None in (first, second)


def _among(found: Mapping[str, Json], kept: Sequence[str]) -> dict[str, Json]:
    return {name: found[name] for name in kept}


def _restricted(held: Held, kept: Sequence[str]) -> Held:
    run, wanted = held.run, set(kept)
    if wanted == set(held.conversations):
        return held
    column = {"conversations": "id"}
    tables = {
        name: table
        if name in ("messages", "attempts")
        else folder.having(table, column.get(name, "conversation"), kept)
        for name, table in run.tables.items()
    }
    dataset = run.about["dataset"]
    names = [name for name in dataset["conversations"] if name in wanted]
    about = {**run.about, "dataset": {**dataset, "conversations": names}}
    return replace(held, run=folder.Run(run.path, about, tables, run.summary))


# --- prices --------------------------------------------------------------------------------


def _repriced(held: Sequence[Held]) -> tuple[list[Held], Json]:
    """Every run at the prices of the second one, as far as it has the same models."""
    if len(held) == 1:
        return list(held), None
    at = held[1]
    known = _prices(at)
    found, by_run = [], {}
    for each in held:
        own = _prices(each)
        changed = {
            name: price
            for name, (model, before) in own.items()
            if (price := _price_of(name, model, known)) is not None and price != before
        }
        if not changed:
            found.append(each)
            continue
        now = {name: changed.get(name, before) for name, (_, before) in own.items()}
        tables = {**each.run.tables, "calls": priced(each.run, now)}
        by_run[each.label] = sorted(changed)
        found.append(replace(each, run=folder.Run(each.run.path, each.run.about, tables, each.run.summary)))
    return found, {"at": at.label, "date": _date(at), "tiers": by_run} if by_run else None


def _prices(held: Held) -> dict[str, tuple[str, Price]]:
    """Each tier's model and price."""
    try:
        return {
            tier["name"]: (tier["model"], prices.from_snapshot(tier["price"]))
            for tier in held.run.about["tiers"]
            if tier.get("price")
        }
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{display(held.run.path)}: the run folder is damaged: {error!r}") from None


def _price_of(name: str, model: str, known: Mapping[str, tuple[str, Price]]) -> Price | None:
    """The price of a model: that of the tier of the same name, else the one that all tiers of that model have.

    None where nobody has that model. Recordings and imported arms are not the same model because they are called alike.
    """
    if name in known and known[name][0] == model:
        return known[name][1]
    if model == "recorded" or model.startswith(IMPORTED):
        return None
    found = {price for other, price in known.values() if other == model}
    return next(iter(found)) if len(found) == 1 else None


def _date(held: Held) -> str | None:
    found: str | None = (held.run.about.get("prices") or {}).get("date")
    return found
