"""The ledger of the server on loopback: every request that reached the provider, what became of it, what it billed."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

ANSWERS = {
    "answered",
    "hang",
    "hang_middle",
    "length",
    "wrong_model",
}  # outcomes that end in a completion which a client can use


@dataclass(slots=True)
class Entry:
    """One request. Times are seconds on the machine's monotonic clock, tokens are true whatever the usage said."""

    key: str  # hash of model and messages: two samples of one prompt have the same
    attempt: int  # of this key, from 1; 0 where the rate limit or a bad key turned it away
    at_s: float  # arrival
    outcome: str = "answered"
    left_s: float | None = None  # just before the last byte, or when the client hung up; None while it is in flight
    delivered: bool = False  # the last byte was written to a connection that was open
    status: int | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    billed_usd: float = 0.0


@dataclass(frozen=True)
class Ledger:
    """Entries in the order of arrival, and what tests ask of them."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Ledger:
        return cls(tuple(Entry(**row) for row in rows))

    def rows(self) -> list[dict[str, Any]]:
        return [asdict(entry) for entry in self.entries]

    @cached_property
    def billed_usd(self) -> float:
        return sum(entry.billed_usd for entry in self.entries)

    @cached_property
    def outcomes(self) -> Counter[str]:
        return Counter(entry.outcome for entry in self.entries)

    @cached_property
    def answered(self) -> Counter[str]:
        """Completions delivered per key. 2 for two samples or two conversations with one prompt, else a call repeated."""
        return Counter(entry.key for entry in self.entries if entry.delivered and entry.outcome in ANSWERS)

    @cached_property
    def repeated(self) -> Counter[str]:
        """Completions per key beyond the first."""
        return Counter({key: count - 1 for key, count in self.answered.items() if count > 1})

    @cached_property
    def lost(self) -> int:
        """Requests whose client hung up before it had the answer, cuts by the server not counted."""
        return sum(
            entry.left_s is not None and not entry.delivered and entry.outcome in ANSWERS for entry in self.entries
        )

    @cached_property
    def seconds(self) -> float:
        """First arrival to last departure."""
        left = [entry.left_s for entry in self.entries if entry.left_s is not None]
        return max(left) - min(entry.at_s for entry in self.entries) if left else 0.0

    @cached_property
    def most_in_flight(self) -> int:
        """Requests at the provider at once. A client that hangs up is noticed a moment after it has left."""
        forever = float("inf")
        steps = [(entry.at_s, 1) for entry in self.entries]
        steps += [(forever if entry.left_s is None else entry.left_s, -1) for entry in self.entries]
        most = now = 0
        for _, step in sorted(steps):
            now += step
            most = max(most, now)
        return most

    def most_requests(self, window_s: float) -> int:
        """Arrivals in the busiest window of this length, turned away or not."""
        return int(self._most(window_s, lambda entry: 1))

    def most_tokens(self, window_s: float) -> int:
        """Prompt and completion tokens of the requests that arrived in the busiest window of this length."""
        return int(self._most(window_s, lambda entry: entry.prompt_tokens + entry.completion_tokens))

    def _most(self, window_s: float, weigh: Callable[[Entry], float]) -> float:
        window: deque[Entry] = deque()
        most = total = 0.0
        for entry in sorted(self.entries, key=lambda each: each.at_s):
            window.append(entry)
            total += weigh(entry)
            while window[0].at_s <= entry.at_s - window_s:
                total -= weigh(window.popleft())
            most = max(most, total)
        return most
