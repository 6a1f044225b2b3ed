"""ladder-bench: which model ladder keeps quality, and what it saves.

In Python: `import ladder_bench as lb`, then `lb.run`, `lb.load`, `lb.compare`, `lb.gate` (module `ladder_bench.api`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ladder_bench.api import Comparison as Comparison
    from ladder_bench.api import Gated as Gated
    from ladder_bench.api import Run as Run
    from ladder_bench.api import compare as compare
    from ladder_bench.api import gate as gate
    from ladder_bench.api import load as load
    from ladder_bench.api import run as run

__version__ = "0.1.0"
_INTERFACE = ("Comparison", "Gated", "Run", "compare", "gate", "load", "run")


def __getattr__(name: str) -> Any:
    """The interface is loaded when it is first asked for: the command line does without it."""
    if name not in _INTERFACE:
        raise AttributeError(f"module 'ladder_bench' has no attribute '{name}'")
    from ladder_bench import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_INTERFACE])
