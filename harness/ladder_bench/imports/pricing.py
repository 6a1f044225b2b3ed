"""Pricing: what the tokens of each arm cost, by a file that the user names or by the price list, and where from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ladder_bench import content, prices, tiers
from ladder_bench.domain import Price
from ladder_bench.errors import InputError


@dataclass(frozen=True, slots=True)
class Priced:
    """Prices by arm, where each is from, the arms dearest first (or as the file has them), and what a reader must know.

    Arms without a price are in `order` and nowhere else.
    """

    prices: Mapping[str, Price]
    sources: Mapping[str, str]
    order: tuple[str, ...]
    warnings: tuple[str, ...]


def priced(arms: Mapping[str, str | None], file: str | None) -> Priced:
    """Price arms; each with the model that the log names, None where it names none or several. Raises InputError.

    A tiers file says who is strongest; without one that is the dearest.
    """
    found: dict[str, Price] = {}
    sources: dict[str, str] = {}
    warnings: list[str] = []
    order: list[str] = []
    if file is not None:
        found, warnings = _of_file(file, arms)
        sources = dict.fromkeys(found, file)
        order = list(found)
    for name, model in arms.items():
        if name not in found and model is not None and (price := prices.listed_price(model)) is not None:
            found[name] = price
            sources[name] = f"the pinned price list, for {model}"
    listed = [name for name in found if name not in order]
    order += sorted(listed, key=lambda name: -(found[name].input + found[name].output))
    if listed:
        warnings.append(f"prices from the pinned list, by the model that the log names: {', '.join(listed)}")
    return Priced(found, sources, (*order, *(name for name in arms if name not in found)), tuple(warnings))


def _of_file(file: str, arms: Mapping[str, str | None]) -> tuple[dict[str, Price], list[str]]:
    """The prices of the tiers that are named like arms. Raises InputError where none is."""
    document = content.read_yaml(content.locate(file, "ladders/tiers"))
    known, _ = tiers.prices_in(document)
    found = {name: price for name, price in known.items() if name in arms}
    if not found:
        raise InputError(
            f"--tiers {file}: none of its tiers is named like an arm; it has {_named(list(known))}, the arms are "
            f"{_named(list(arms))}"
        )
    others = [name for name in known if name not in arms]
    return found, [f"tiers that are no arm, not used: {_named(others)}"] if others else []


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
