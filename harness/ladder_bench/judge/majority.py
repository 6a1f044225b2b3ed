"""The majority: what several judges say of one thing becomes one value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def majority(values: Sequence[float | None]) -> float | None:
    """The value that more than half of those who could tell agree on; None where there is none."""
    told = [value for value in values if value is not None]
    if not told:
        return None
    value, times = Counter(told).most_common(1)[0]
    return value if 2 * times > len(told) else None
