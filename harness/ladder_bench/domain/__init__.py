"""The vocabulary: what a conversation, a ladder, a call, a verdict and an estimate are.

Frozen values, standard library only. Missing is None, never 0, "" or NaN.
"""

from ladder_bench.domain.calls import Answered, Call, Origin, Purpose, Reply, Request, Transcript
from ladder_bench.domain.conversations import (
    Check,
    Constraint,
    Conversation,
    Criterion,
    History,
    Intent,
    Kind,
    Message,
    Recording,
    Statement,
    Turn,
    Usage,
)
from ladder_bench.domain.grades import Estimate, Graded, Judgement, Verdict
from ladder_bench.domain.strategies import (
    FRAME_PARTS,
    GUARDRAILS,
    TRIGGER_NAMES,
    Decision,
    Escalation,
    Fired,
    Handoff,
    Ladder,
    Mode,
    Step,
)
from ladder_bench.domain.tiers import DEFAULT_MAX_OUTPUT_TOKENS, IMPORTED, OUTPUT_BOUNDS, Limits, Price, Tier
from ladder_bench.domain.values import Json, canonical, digest_of

__all__ = [
    "DEFAULT_MAX_OUTPUT_TOKENS", "FRAME_PARTS", "GUARDRAILS", "IMPORTED", "OUTPUT_BOUNDS", "TRIGGER_NAMES", "Answered",
    "Call", "Check", "Constraint", "Conversation", "Criterion", "Decision", "Escalation", "Estimate", "Fired", "Graded",
    "Handoff", "History", "Intent", "Json", "Judgement", "Kind", "Ladder", "Limits", "Message", "Mode", "Origin",
    "Price", "Purpose", "Recording", "Reply", "Request", "Statement", "Step", "Tier", "Transcript", "Turn", "Usage",
    "Verdict", "canonical", "digest_of",
]  # fmt: skip
