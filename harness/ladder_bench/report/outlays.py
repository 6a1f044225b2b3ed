"""Outlays: what is said of an errand's calls before any is sent."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ladder_bench.calls.errand import Outlay
from ladder_bench.models.local import PREFIX
from ladder_bench.report import text
from ladder_bench.report.routes import hosts_of


def announce(outlays: Sequence[Outlay], tell: Callable[[str], None]) -> None:
    """Say a line for each tier: how many calls, who receives them, and about what they cost."""
    for each in outlays:
        tell(line(each))


def line(outlay: Outlay) -> str:
    tier = outlay.tier
    said = f"{tier.name} ({tier.model}): {text.counted(outlay.calls, 'call')}, {outlay.stored:,} of them stored"
    if not tier.live:
        return text.one_line(f"{said}; the others are computed here and cost nothing")
    if outlay.to_send:
        usual = "this machine" if tier.model.startswith(PREFIX) else "its provider's usual host"
        where = ", ".join(hosts_of(tier)) or usual
        said += f"; {outlay.to_send:,} to send to {where}, about {_dollars(outlay)}"
    return text.one_line(said)


def _dollars(outlay: Outlay) -> str:
    """From short replies to long ones, and the most that the tier's bound of an answer allows."""
    low, high, most = (text.spent(each) for each in (outlay.low_usd, outlay.high_usd, outlay.most_usd))
    return f"{low} to {high} (at most {most}, were every reply as long as it may be, and none asked for twice)"
