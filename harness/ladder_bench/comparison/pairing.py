"""Pairing: which strategies are held against which."""

from __future__ import annotations

from collections.abc import Sequence

from ladder_bench.comparison.arms import Held
from ladder_bench.content import did_you_mean, display, shortened
from ladder_bench.errors import InputError
from ladder_bench.sides.reading import unknown

Names = tuple[Held, str]  # a run and the strategy's name in it
FEWEST = 2  # strategies of one run


def matched(held: Sequence[Held], chosen: Sequence[str], against: str | None) -> list[tuple[Names, Names]]:
    """Pairs of (base, candidate). Raises InputError where there are none.

    One run: its base, or the first of the chosen ones, with all others. Several: every later run's strategies with
    those of the same name in the first, or with the one that they are held `against`; runs of one strategy each are
    paired whatever their names.
    """
    if len(held) == 1:
        return _within(held[0], chosen, against)
    first, found = held[0], []
    if against is not None:
        _known(first, against)
    for each in held[1:]:
        for name in chosen:
            _known(each, name)
        found += _across(first, each, chosen, against)
    if not found:
        raise InputError(_nothing(held, chosen))
    return found


def _within(held: Held, chosen: Sequence[str], against: str | None) -> list[tuple[Names, Names]]:
    for name in (*chosen, *([against] if against is not None else [])):
        _known(held, name)
    if against is not None:
        base, others = against, tuple(chosen) or held.names
    elif chosen:
        base, others = chosen[0], tuple(chosen[1:])
        if len(chosen) < FEWEST:
            base, others = held.base, tuple(chosen)
    else:
        base, others = held.base, held.names
    found = [((held, base), (held, name)) for name in dict.fromkeys(others) if name != base]
    if not found:
        where = display(held.run.path)
        if len(held.names) == 1:
            raise InputError(f"{where}: nothing to compare: its only strategy is '{shortened(base)}'; name two runs")
        raise InputError(
            f"{where}: nothing to compare '{shortened(base)}' with; choose another one with --strategy: {_listed(held)}"
        )
    return found


def _across(first: Held, other: Held, chosen: Sequence[str], against: str | None) -> list[tuple[Names, Names]]:
    if against is not None:
        names = tuple(dict.fromkeys(chosen)) or other.names
        return [((first, against), (other, name)) for name in names]
    if not chosen and len(first.names) == len(other.names) == 1:
        return [((first, first.names[0]), (other, other.names[0]))]
    names = tuple(dict.fromkeys(chosen)) or other.names
    if chosen:
        for name in names:
            _known(first, name, "; to hold it against another one, name that with --against")
    return [((first, name), (other, name)) for name in names if name in first.names]


def _known(held: Held, name: str, more: str = "") -> None:
    if name not in held.names:
        raise InputError(f"{display(held.run.path)}: {unknown(name, held.names)}{more}")


def _nothing(held: Sequence[Held], chosen: Sequence[str]) -> str:
    """That no strategy has the same name in two runs, what each holds, and which names are nearly the same."""
    holds = "; ".join(f"{display(each.run.path)} has {_listed(each)}" for each in held)
    near = ""
    for each in held[1:]:
        for name in each.names:
            near = near or did_you_mean(name, held[0].names)
    return (
        f"no strategy has the same name in both: {holds}{near}; choose with --strategy (of the later run) "
        "and --against (of the first)"
    )


def _listed(held: Held) -> str:
    shown = [f"'{shortened(name)}'" for name in held.names[:8]]
    more = len(held.names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def unmatched(held: Sequence[Held], pairs: Sequence[tuple[Names, Names]]) -> dict[str, list[str]]:
    """By run the strategies that are in no pair."""
    used = {(each.label, name) for pair in pairs for each, name in pair}
    found = {each.label: [name for name in each.names if (each.label, name) not in used] for each in held}
    return {label: names for label, names in found.items() if names}
