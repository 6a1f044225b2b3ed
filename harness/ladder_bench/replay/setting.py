"""What a replay needs beyond the conversation and the ladder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ladder_bench.domain import Mode, Tier
from ladder_bench.triggers import Rules


@dataclass(frozen=True, slots=True)
class Player:
    """Who plays the user in a simulated replay: a tier, and how long it goes on.

    `most_turns` bounds a conversation, None for twice the recorded turns and two; `patience` is how often it asks again
    about one matter.
    """

    tier: Tier
    most_turns: int | None = None
    patience: int = 2


@dataclass(frozen=True, slots=True)
class Setting:
    """`rank` gives each tier's place, 0 for the strongest. `player` is there in simulated mode alone."""

    tiers: Mapping[str, Tier]
    rank: Mapping[str, int]
    rules: Rules
    mode: Mode
    sample: int = 0
    player: Player | None = None
