"""Written: a ladder as the YAML of a ladder file, to paste. Pure."""

from __future__ import annotations

import json
import re

from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, Escalation, Ladder

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
WORDS = {"true", "false", "null", "yes", "no", "on", "off", "none"}  # plain words that YAML may take for something else


def yaml_of(ladder: Ladder) -> str:
    """The text of a ladder file. Shortened contexts are not written: the family has none."""
    steps = ", ".join(
        f"{{tier: {_text(step.tier)}}}" if step.turns is None else f"{{tier: {_text(step.tier)}, turns: {step.turns}}}"
        for step in ladder.steps
    )
    lines = [f"name: {json.dumps(ladder.name, ensure_ascii=False)}", f"steps: [{steps}]"]
    if ladder.escalation is not None:
        lines.append(_escalation(ladder.escalation))
    lines.append(f"handoff: {{memory: {ladder.handoff.memory}}}")
    for key, parts, every in (
        ("scaffold", ladder.scaffold, FRAME_PARTS), ("guardrails", ladder.guardrails, GUARDRAILS)
    ):  # fmt: skip
        if parts:
            lines.append(f"{key}: {'standard' if parts == every else json.dumps(list(parts))}")
    return "\n".join(lines) + "\n"


def _escalation(escalation: Escalation) -> str:
    back = f"{{after_turns: {escalation.after_turns}}}" if escalation.after_turns else escalation.returns
    parts = [
        f"to: {_text(escalation.to)}",
        f"triggers: [{', '.join(escalation.triggers)}]",
        f"return: {back}",
        f"at_most: {escalation.at_most}",
        f"cooldown_turns: {escalation.cooldown_turns}",
    ]
    return f"escalation: {{{', '.join(parts)}}}"


def _text(name: str) -> str:
    plain = PLAIN.fullmatch(name) and name.lower() not in WORDS
    return name if plain else json.dumps(name, ensure_ascii=False)
