"""The simulator's luck: draws that depend on nothing but their names, so that whoever names the same draw shares it."""

from __future__ import annotations

import hashlib
from statistics import NormalDist

_NORMAL = NormalDist()


def uniform(*names: object) -> float:
    """A draw in (0, 1)."""
    name = "\x1f".join(map(str, names)).encode("utf-8", "surrogatepass")
    return (int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big") + 0.5) / 2**64


def normal(draw: float) -> float:
    """The standard normal value of a draw in (0, 1)."""
    return _NORMAL.inv_cdf(draw)
