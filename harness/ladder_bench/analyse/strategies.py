"""Strategies as run.json describes them: what they are made of, and which of them are plain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, TRIGGER_NAMES, Json

Strategy = Mapping[str, Json]
PLACEBO = "placebo ("  # how the name of a placebo begins
IN_MEMORY = ("writer", "refresh_every", "max_tokens")  # knobs that mean nothing without a memory
IN_ESCALATION = ("detect", "on_unknown", "to", "return", "at_most", "cooldown_turns")  # nor these without triggers


def tiers(strategy: Strategy) -> tuple[str, ...]:
    """The tiers of its steps or its mix, in their order, each once."""
    names = [share[0] for share in strategy["mix"]] or [step["tier"] for step in strategy["steps"]]
    return tuple(dict.fromkeys(names))


def escalation(strategy: Strategy) -> Mapping[str, Json] | None:
    """Its escalation, if it has triggers that could open one."""
    found: Mapping[str, Json] | None = strategy["escalation"]
    return found if found and found["triggers"] else None


def detector(opens: Mapping[str, Json]) -> str:
    """Who looks for an escalation's triggers: "rules", or the tier that is asked."""
    return str(opens.get("detect", "rules"))


def is_single(strategy: Strategy) -> bool:
    return len(tiers(strategy)) == 1 and not strategy["mix"] and escalation(strategy) is None


def certain(strategy: Strategy) -> frozenset[str]:
    """Counts that are 0 because of what the strategy is: nothing can climb, nobody can take over."""
    if escalation(strategy) is not None:
        return frozenset()
    never = ["escalations_per_conversation"]
    if len(tiers(strategy)) == 1:
        never.append("handoffs_per_conversation")
    return frozenset(never)


def is_plain(strategy: Strategy) -> bool:
    """One tier for all turns, without prompts."""
    return (
        is_single(strategy) and len(strategy["steps"]) == 1 and not strategy["scaffold"] and not strategy["guardrails"]
    )


def is_placebo(strategy: Strategy) -> bool:
    return bool(strategy["control"]) and is_plain(strategy) and str(strategy["name"]).startswith(PLACEBO)


def plain_by_tier(strategies: Iterable[Strategy]) -> dict[str, str]:
    """The name of the plain single tier, by tier."""
    found: dict[str, str] = {}
    for strategy in strategies:
        if is_plain(strategy):
            found.setdefault(tiers(strategy)[0], strategy["name"])
    return found


def compared_with(about: Json) -> str | None:
    """With whom pairs are compared: the strongest tier alone, as it answers afresh where what it said is recorded."""
    top = about["tiers"][0]["name"]
    alone = plain_by_tier(about["strategies"])
    return placebos(about).get(top) or alone.get(top) or next(iter(alone.values()), None)


def titled(strategies: Iterable[Strategy], name: str) -> str:
    """A strategy's name, with the tier that it is where it is a tier alone under another name."""
    for strategy in strategies:
        if strategy["name"] == name and is_plain(strategy) and not is_placebo(strategy):
            tier = tiers(strategy)[0]
            return name if name == tier else f"{name} ({tier} alone)"
    return name


def packed_by_tier(strategies: Iterable[Strategy]) -> dict[str, str]:
    """The name of the single tier with the prompt pack, scaffold and guardrails, by tier."""
    found: dict[str, str] = {}
    for strategy in strategies:
        if is_single(strategy) and strategy["scaffold"] and strategy["guardrails"]:
            found.setdefault(tiers(strategy)[0], strategy["name"])
    return found


def recorded_tiers(known: Iterable[Mapping[str, Json]]) -> frozenset[str]:
    """The tiers of run.json that answer from the log."""
    return frozenset(tier["name"] for tier in known if tier["model"] == "recorded")


def placebos(about: Json) -> dict[str, str]:
    """The name of the strategy that answers afresh what a recorded tier answered in the log, by that tier.

    None in forced mode: there every arm follows the recording, so it needs nobody to stand for it.
    """
    if about.get("mode") == "forced":
        return {}
    afresh = {tiers(each)[0]: str(each["name"]) for each in about["strategies"] if is_placebo(each)}
    known = recorded_tiers(about["tiers"])
    return {
        tier["name"]: afresh[tier["off_path"]]
        for tier in about["tiers"]
        if tier["name"] in known and tier.get("off_path") in afresh
    }


def staying(about: Json) -> dict[str, str]:
    """The strategy that shows each tier answering all along: its plain single, or a recorded tier's placebo."""
    return plain_by_tier(about["strategies"]) | placebos(about)


def planned_tier(strategy: Strategy, turn: int) -> str | None:
    """The tier that the steps name for a turn, counted from 1; None where a mix draws it."""
    if strategy["mix"]:
        return None
    last = 0
    for step in strategy["steps"]:
        last += step["turns"] or 0
        if step["turns"] is None or turn <= last:
            return str(step["tier"])
    return str(strategy["steps"][-1]["tier"])


# --- knobs ---------------------------------------------------------------------------------


def knobs(strategy: Strategy) -> dict[str, Json]:
    """All that can be set on a strategy, by the knob's name; `ladder` is what must agree for anything to compare."""
    handoff, opens = strategy["handoff"], strategy["escalation"] or {}
    steps = [(step["tier"], step["turns"]) for step in strategy["steps"]]
    mix = tuple(tuple(share) for share in strategy["mix"])
    several = len(steps) > 1 and not mix
    after = opens.get("after_turns")
    return {
        "ladder": (steps[0][0], tuple(steps[1:]), mix) if several or mix else tuple(steps),
        "guide_turns": steps[0][1] if several else None,
        "scaffold": _parts(strategy["scaffold"]),
        "guardrails": _parts(strategy["guardrails"]),
        "memory": handoff["memory"],
        "context": ("recent", handoff["recent"]) if handoff["context"] == "recent" else (handoff["context"], None),
        **{name: handoff[name] for name in IN_MEMORY},
        "triggers": tuple(sorted(opens.get("triggers", ()))),
        "return": ("after_turns", after) if opens.get("returns") == "after_turns" else (opens.get("returns"), None),
        **{name: opens.get(name) for name in IN_ESCALATION if name != "return"},
    }


def _parts(value: Json) -> tuple[str, ...]:
    """Parts by name; older runs have one name for all of them, or none."""
    return (value,) if isinstance(value, str) else tuple(value or ())


def only_change(first: Mapping[str, Json], second: Mapping[str, Json]) -> str | None:
    """The one knob in which two strategies differ; None where they differ in more, or in what they climb."""
    ignored: set[str] = set()
    if "none" in (first["memory"], second["memory"]):
        ignored.update(IN_MEMORY)
    if not first["triggers"] or not second["triggers"]:
        ignored.update(IN_ESCALATION)
    differ = [name for name in first if first[name] != second[name] and name not in ignored]
    return differ[0] if len(differ) == 1 and differ[0] != "ladder" else None


WHOLE = {"scaffold": FRAME_PARTS, "guardrails": GUARDRAILS}
CONTEXTS = ("full", "recent", "memory_only")
RETURNS = ("after_turns", "resolved", "never")


def extent(knob: str, value: Json) -> tuple[Json, ...]:
    """How much of a mitigation a knob's value is, for ordering: none of it comes first."""
    if knob == "context":
        return CONTEXTS.index(value[0]), -(value[1] or 0)
    if knob == "return":
        return RETURNS.index(value[0]), value[1] or 0
    if knob in ("scaffold", "guardrails", "triggers"):
        return len(value), value
    if knob == "refresh_every":  # a smaller number refreshes more
        return (0, 0) if value is None else (1, -value)
    if knob == "guide_turns":
        return (1, 0) if value is None else (0, value)
    if knob in ("memory", "writer", "detect", "on_unknown"):
        first = ("none", "extractive", "rules", "stay")
        return (0, "") if value in first else (1, value)
    return (value,)


def readable(knob: str, strategy: Strategy) -> str:
    """A knob's value as people write it."""
    value = knobs(strategy)[knob]
    if knob == "triggers":
        return _triggers(value, strategy)
    if knob in WHOLE:
        return "standard" if set(value) == set(WHOLE[knob]) else ", ".join(value) or "none"
    if knob in ("context", "return"):
        return value[0] if value[1] is None else f"{value[0]} {value[1]}"
    return "none" if value is None else str(value)


def _triggers(names: Sequence[str], strategy: Strategy) -> str:
    if not names:
        return "none"
    by = detector(strategy["escalation"])
    return by if set(names) == set(TRIGGER_NAMES) else f"{by}: {', '.join(names)}"
