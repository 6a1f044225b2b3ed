"""Values that everything is made of: JSON, and hashes of texts."""

from __future__ import annotations

import hashlib
import json
from typing import Any

Json = Any


def digest_of(*parts: str) -> str:
    """Hash strings so that no two different tuples of strings collide by concatenation."""
    whole = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        whole.update(len(data).to_bytes(8, "big"))
        whole.update(data)
    return whole.hexdigest()


def canonical(value: Json) -> str:
    """Render a JSON value so that equal values give equal text."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
