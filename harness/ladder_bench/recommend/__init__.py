"""The recommendation: the cheapest strategy that respects a policy's floors and limits, or why none does."""
