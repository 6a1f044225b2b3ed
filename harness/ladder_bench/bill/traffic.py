"""Traffic: how many conversations a month, as declared or as the log's timestamps say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

DAY_S = 86_400.0
MONTH_S = 365.25 / 12 * DAY_S
SHORTEST_S = DAY_S  # of a log that a month is derived from


@dataclass(frozen=True, slots=True)
class Traffic:
    """`per_month` is None where nobody knows, and then `why` says so; else it says where the number is from."""

    per_month: float | None
    source: Literal["declared", "log", "unknown"]
    why: str


def traffic(declared: float | None, began: Sequence[float | None] | None) -> Traffic:
    """Find the traffic. `began`: Unix seconds of each conversation, None for a log that was read in part."""
    if declared is not None:
        return Traffic(declared, "declared", "as declared")
    if began is None:
        return Traffic(None, "unknown", "only a part of the log was read")
    known = [each for each in began if each is not None]
    if not known:
        return Traffic(None, "unknown", "the log has no timestamps")
    if len(known) < len(began):
        return Traffic(
            None, "unknown", f"{len(began) - len(known):,} of {len(began):,} conversations have no timestamp"
        )
    span_s = max(known) - min(known)
    if span_s < SHORTEST_S:
        return Traffic(None, "unknown", f"the log's conversations began within {span_s / 3600:.1f} hours, not a day")
    per_month = (len(known) - 1) / span_s * MONTH_S  # the first one only starts the clock
    return Traffic(per_month, "log", f"{len(known):,} conversations began within {span_s / DAY_S:,.1f} days of the log")
