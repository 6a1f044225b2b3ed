"""Sides: one strategy of a run as comparisons see it, and whether two of them may be compared at all."""
