"""Movers: in how many conversations a candidate is better or worse, and which ones moved most."""

from __future__ import annotations

import numpy as np

from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import comparable
from ladder_bench.comparison.contrasts import Pair
from ladder_bench.domain import Json

SAME = 1e-9  # apart
MOST = 10  # movers in each direction
JUDGED = ("quality", "resolved")  # what says better or worse, the first that both have
COST = "cost_usd_warm"


def counts(pair: Pair) -> dict[str, Json] | None:
    """Improved, regressed and unchanged conversations; None where arms share none, or nothing says what is better."""
    by = _by(pair, JUDGED) if pair.paired else None
    if by is None:
        return None
    change = _change(pair, by)
    known = change[~np.isnan(change)]
    return {
        "by": by,
        "improved": int((known > SAME).sum()),
        "regressed": int((known < -SAME).sum()),
        "unchanged": int((np.abs(known) <= SAME).sum()),
        "n": int(known.size),
        "unscored": int(change.size - known.size),
    }


def movers(pair: Pair) -> dict[str, Json] | None:
    """The conversations with the largest changes, `up` where the value rose and `down` where it fell, largest first."""
    by = _by(pair, (*JUDGED, COST)) if pair.paired else None
    if by is None:
        return None
    mine, theirs = comparable(pair.candidate.score, pair.base.score, by)
    change, names = mine - theirs, pair.base.held.conversations
    order = sorted(np.flatnonzero(np.abs(change) > SAME).tolist(), key=lambda at: (-abs(change[at]), names[at]))

    def shown(sign: int) -> list[Json]:
        return [
            {
                "conversation": names[at],
                "base": float(theirs[at]),
                "candidate": float(mine[at]),
                "difference": float(change[at]),
            }
            for at in order
            if change[at] * sign > 0
        ]

    up, down = shown(1), shown(-1)
    return {
        "by": by,
        "up": up[:MOST],
        "down": down[:MOST],
        "left_out": {"up": max(0, len(up) - MOST), "down": max(0, len(down) - MOST)},
    }


def _by(pair: Pair, metrics: tuple[str, ...]) -> str | None:
    """The first metric that some conversation has in both."""
    return next((name for name in metrics if not np.isnan(_change(pair, name)).all()), None)


def _change(pair: Pair, metric: str) -> Array:
    mine, theirs = comparable(pair.candidate.score, pair.base.score, metric)
    return mine - theirs
