"""Resolution: whether a conversation counts as resolved, and at which turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ladder_bench.analyse.turns import TurnScore
from ladder_bench.domain import Mode

RECORDED_OUTCOME = "recorded outcome"  # what the verdict on a log's own outcome is about


@dataclass(frozen=True, slots=True)
class Reached:
    """What a played user came away with: 1 what they came for, 0 not, None where nobody can say. `turn` if known."""

    value: float | None
    turn: int | None


class Told:
    """What was said of the conversation as a whole: by the log, or by a judge whom a rubric has asked about it."""

    __slots__ = ("missed", "recorded", "unknown")

    def __init__(self) -> None:
        self.missed = self.unknown = False
        self.recorded: bool | None = None

    def add(self, value: float | None, recorded: bool = False) -> None:
        if recorded and value is not None:
            self.recorded = value == 1.0
            return
        self.unknown |= value is None
        self.missed |= value is not None and value < 1.0


@dataclass(frozen=True, slots=True)
class Life:
    """A conversation as a strategy lived it: what each turn scored, and the recorded turn that it is about.

    `complete`: every turn was answered. `reached` is there where a played user left; `told` where a judge was asked
    whether the conversation is resolved: then that is what counts.
    """

    scored: dict[int, TurnScore]
    steps: dict[int, int]
    complete: bool
    reached: Reached | None = None
    told: Told | None = None

    @property
    def turn_of_resolution(self) -> int:
        """The last turn, where no verdict names one: a played user leaves when satisfied."""
        named = self.reached.turn if self.reached else None
        return named or max(self.steps)

    def resolved(self, threshold: float, mode: Mode) -> bool | None:
        """Whether it is resolved, as a judge says who was asked, else as the mode has it; None: nobody can tell."""
        if self.told and self.told.recorded is not None:
            return self.told.recorded  # it happened, whatever anybody says of it
        if self.told:
            if self.told.missed:
                return False
            return None if self.told.unknown or not self.complete else True
        return self.in_simulation() if mode == "simulated" else self.in_replay(threshold)

    def in_replay(self, threshold: float) -> bool | None:
        """All critical criteria met and Q at least the threshold.

        None where that could not be judged: a critical criterion is unscored, or turns were not answered.
        """
        scored = list(self.scored.values())
        shares = [turn.met / turn.weight for turn in scored if turn.weight > 0]
        if any(turn.critical_missed for turn in scored):
            return False
        if any(turn.critical_unknown for turn in scored) or not shares or not self.complete:
            return None
        return sum(shares) / len(shares) >= threshold - 1e-12

    def in_simulation(self) -> bool | None:
        """The played user has what they came for, and no critical criterion was still missed when they moved on."""
        scored = self._last_of_each_step()
        reached = self.reached.value if self.reached else None
        if reached == 0.0 or any(turn.critical_missed for turn in scored):
            return False
        if reached is None or any(turn.critical_unknown for turn in scored) or not self.complete:
            return None
        return True

    def _last_of_each_step(self) -> Sequence[TurnScore]:
        """A user who asks again gets another answer: the last one on each recorded turn counts."""
        return list({self.steps.get(number, number): self.scored[number] for number in sorted(self.scored)}.values())
