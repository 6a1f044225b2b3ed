"""ladder-bench: which model ladder keeps quality, and what it saves."""

__version__ = "0.1.0"
