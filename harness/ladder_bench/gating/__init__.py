"""The gate: may this change go out? A run against a committed baseline, with three outcomes."""
