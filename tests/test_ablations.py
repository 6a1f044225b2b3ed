"""What one knob buys: pairs of strategies that differ in it alone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from builders import escalation, ladder
from ladder_bench.analyse.ablations import pairs
from ladder_bench.domain import FRAME_PARTS, GUARDRAILS, TRIGGER_NAMES, Handoff, Ladder, Step
from ladder_bench.plan import single
from tabled import TIERS, Tabled

PLAIN = ladder(name="plain")
MEMORY = Handoff(memory="standard")
RECORDED = ({"name": "advanced", "model": "recorded", "off_path": "error"}, TIERS[1])


def found(*strategies: Ladder, mode: str = "rollout", tiers: Any = TIERS) -> list[tuple[str, str, str, str, str]]:
    about = {"strategies": [asdict(each) for each in strategies], "tiers": tiers, "mode": mode}
    return [(pair.knob, pair.before, pair.after, pair.base, pair.strategy) for pair in pairs(about)]


def reasons(*strategies: Ladder, mode: str = "rollout", tiers: Any = TIERS) -> dict[str, str | None]:
    about = {"strategies": [asdict(each) for each in strategies], "tiers": tiers, "mode": mode}
    return {pair.knob: pair.why for pair in pairs(about)}


# --- pairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("knob", "before", "after", "without", "with_it"),
    [
        ("memory", "none", "standard", PLAIN, replace(PLAIN, handoff=MEMORY)),
        ("context", "full", "memory_only", {"memory": "standard"}, {"memory": "standard", "context": "memory_only"}),
        ("context", "full", "recent 2", {"memory": "standard"}, {"memory": "standard", "context": "recent", "recent": 2}),
        ("writer", "extractive", "outgoing", {"memory": "standard"}, {"memory": "standard", "writer": "outgoing"}),
        ("refresh_every", "none", "3", {"memory": "standard", "refresh_every": None}, {"memory": "standard"}),
        ("max_tokens", "100", "250", {"memory": "standard", "max_tokens": 100}, {"memory": "standard"}),
        ("scaffold", "none", "standard", PLAIN, replace(PLAIN, scaffold=FRAME_PARTS)),
        ("scaffold", "none", "goal, plan", PLAIN, replace(PLAIN, scaffold=("goal", "plan"))),
        ("guardrails", "none", "standard", PLAIN, replace(PLAIN, guardrails=GUARDRAILS)),
        ("guide_turns", "1", "2", ladder("advanced:1", "light"), ladder("advanced:2", "light")),
    ],
)  # fmt: skip
def test_strategies_that_differ_in_one_knob_are_a_pair_the_one_without_it_first(
    knob: str, before: str, after: str, without: Any, with_it: Any
) -> None:
    first, second = (
        replace(PLAIN, handoff=Handoff(**each)) if isinstance(each, dict) else each for each in (without, with_it)
    )
    first, second = replace(first, name="first"), replace(second, name="second", control=True)

    assert found(first, second) == found(second, first) == [(knob, before, after, "first", "second")]


def test_triggers_and_every_setting_of_an_escalation_are_knobs() -> None:
    rules = replace(PLAIN, name="rules", escalation=escalation(triggers=TRIGGER_NAMES))
    asked = replace(PLAIN, name="asked", escalation=escalation(triggers=TRIGGER_NAMES, detect="light"))
    fewer = replace(PLAIN, name="fewer", escalation=escalation(triggers=("high_stakes",)))
    once = replace(PLAIN, name="once", escalation=escalation(triggers=TRIGGER_NAMES, at_most=1))
    later = replace(PLAIN, name="later", escalation=escalation(triggers=TRIGGER_NAMES, returns="never"))

    assert found(PLAIN, rules) == [("triggers", "none", "rules", "plain", "rules")]
    assert found(PLAIN, fewer) == [("triggers", "none", "rules: high_stakes", "plain", "fewer")]
    assert found(fewer, rules) == [("triggers", "rules: high_stakes", "rules", "fewer", "rules")]
    assert found(asked, rules) == [("detect", "rules", "light", "rules", "asked")]
    assert found(rules, once) == [("at_most", "1", "3", "once", "rules")]
    assert found(later, rules) == [("return", "resolved", "never", "rules", "later")]


def test_what_differs_in_two_knobs_or_in_what_it_climbs_is_no_pair() -> None:
    both = replace(PLAIN, name="both", handoff=MEMORY, scaffold=FRAME_PARTS)

    assert found(PLAIN, both) == []
    assert found(PLAIN, ladder("advanced:2", "mid", name="other")) == []
    assert found(PLAIN, replace(PLAIN, name="mixed", mix=(("advanced", 0.5), ("light", 0.5)))) == []
    assert found(PLAIN, replace(PLAIN, name="again")) == []


def test_settings_of_a_memory_mean_nothing_where_there_is_none() -> None:
    written = replace(PLAIN, name="written", handoff=Handoff(memory="standard", writer="outgoing", max_tokens=80))

    assert [pair[0] for pair in found(PLAIN, written)] == ["memory"]


def test_each_tier_with_the_pack_is_held_against_itself_and_each_ladder_against_its_last_tier_with_it() -> None:
    singles = [single("light", pack=False), single("light", pack=True)]

    assert found(*singles, PLAIN) == [
        ("pack on a single tier", "light", "light + pack", "light", "light + pack"),
        ("ladder beyond the pack", "light + pack", "plain", "light + pack", "plain"),
    ]


def test_a_ladder_of_one_tier_that_climbs_is_held_against_that_tier_with_the_pack() -> None:
    cascade = Ladder("cascade", (Step("light", 1), Step("light")), escalation(triggers=TRIGGER_NAMES))
    still = replace(cascade, name="still", escalation=None)

    assert found(single("light", pack=True), cascade) == [
        ("ladder beyond the pack", "light + pack", "cascade", "light + pack", "cascade")
    ]
    assert found(single("light", pack=True), still) == []


# --- what may not be said ------------------------------------------------------------------


def test_forced_replay_says_nothing_about_framing() -> None:
    framed = replace(PLAIN, name="framed", scaffold=FRAME_PARTS)
    packs = (single("light", pack=False), single("light", pack=True))
    said = reasons(PLAIN, framed, *packs, replace(PLAIN, name="told", handoff=MEMORY), mode="forced")

    assert all("cannot show what framing does" in str(said[k]) for k in ("scaffold", "pack on a single tier"))
    assert "cannot show what framing does" in str(said["ladder beyond the pack"])
    assert said["memory"] is None


def test_a_recorded_guide_reads_no_scaffold_and_a_recorded_follower_no_memory() -> None:
    framed = replace(PLAIN, name="framed", scaffold=FRAME_PARTS)
    upside = ladder("light:1", "advanced", name="upside")

    assert "'advanced' is recorded" in str(reasons(PLAIN, framed, tiers=RECORDED)["scaffold"])
    assert reasons(PLAIN, replace(PLAIN, name="told", handoff=MEMORY), tiers=RECORDED) == {"memory": None}
    assert "reads no memory" in str(
        reasons(upside, replace(upside, name="t", handoff=MEMORY), tiers=RECORDED)["memory"]
    )
    assert "no guardrails" in str(
        reasons(upside, replace(upside, name="g", guardrails=GUARDRAILS), tiers=RECORDED)["guardrails"]
    )


def test_a_row_that_is_withheld_has_its_reason_and_no_number() -> None:
    framed = replace(PLAIN, name="framed", scaffold=FRAME_PARTS)
    row = run({"plain": 0.0, "framed": 0.1}, (PLAIN, framed), mode="forced").summary()["ablations"][0]

    assert row["why"]
    assert all(each["value"] is None and each["why"] == row["why"] for each in row["differences"].values())
    assert row["cost_ratio"]["value"] is row["p_adjusted"] is None


# --- differences ---------------------------------------------------------------------------


def run(effects: dict[str, float], strategies: tuple[Ladder, ...], mode: str = "rollout", seed: int = 0) -> Tabled:
    """Thirty conversations of three turns whose quality has luck of its own, and each strategy's effect."""
    made = Tabled(strategies, mode)
    shared = np.random.default_rng(seed).uniform(0.3, 0.6, (30, 3))
    for name, effect in effects.items():
        for case in range(30):
            for turn in range(3):
                made.turn(name, f"c{case:02}", turn + 1, "light", shared[case, turn] + effect, usd=1.0 + effect)
    return made


def grid() -> tuple[Ladder, ...]:
    return tuple(
        replace(PLAIN, name=f"{memory} {len(parts)}", handoff=Handoff(memory=memory), scaffold=parts)
        for memory in ("none", "standard")
        for parts in ((), FRAME_PARTS)
    )


def test_differences_are_paired_by_conversation_and_say_what_the_mitigation_buys() -> None:
    rows = run({"none 0": 0.0, "none 6": 0.2, "standard 0": 0.1, "standard 6": 0.3}, grid()).summary()["ablations"]
    quality = {(row["knob"], row["base"]): row["differences"]["quality"] for row in rows}

    assert quality["memory", "none 0"]["value"] == pytest.approx(0.1)
    assert quality["scaffold", "standard 0"]["value"] == pytest.approx(0.2)
    assert quality["memory", "none 0"]["high"] - quality["memory", "none 0"]["low"] < 1e-9  # luck is shared
    assert rows[0]["cost_ratio"]["value"] == pytest.approx(1.2)
    assert all(row["differences"]["handoffs_per_conversation"]["value"] == 0 for row in rows)


def test_the_pooled_row_of_a_knob_is_the_mean_over_its_pairs() -> None:
    pooled = run({"none 0": 0.0, "none 6": 0.2, "standard 0": 0.1, "standard 6": 0.4}, grid()).summary()[
        "ablations_pooled"
    ]
    rows = {row["knob"]: row for row in pooled}

    assert rows["memory"]["pairs"] == rows["scaffold"]["pairs"] == 2
    assert rows["memory"]["differences"]["quality"]["value"] == pytest.approx((0.1 + 0.2) / 2)
    assert rows["scaffold"]["differences"]["quality"]["value"] == pytest.approx((0.2 + 0.3) / 2)
    assert rows["memory"]["cost_ratio"]["value"] == pytest.approx((1.1 + 1.4) / (1.0 + 1.2))


def test_knobs_that_do_nothing_have_differences_of_exactly_0() -> None:
    rows = run(dict.fromkeys(("none 0", "none 6", "standard 0", "standard 6"), 0.0), grid()).summary()["ablations"]

    assert {(row["differences"]["quality"]["low"], row["differences"]["quality"]["high"]) for row in rows} == {
        (0.0, 0.0)
    }
    assert {row["p_adjusted"] for row in rows} == {1.0}


def test_where_nothing_has_an_effect_a_table_rarely_says_otherwise() -> None:
    """Holm over the rows of a table: any p below 0.05 in at most about 5 of 100 runs."""
    wrong = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        made = Tabled(grid())
        for strategy in grid():
            for case in range(25):
                made.turn(strategy.name, f"c{case:02}", 1, "light", float(rng.uniform(0.2, 0.8)))
        wrong += any(row["p_adjusted"] < 0.05 for row in made.summary()["ablations"])

    assert wrong / 120 <= 0.09


def test_a_single_tier_ladder_of_one_step_has_no_guide_turns() -> None:
    assert found(Ladder("a", (Step("light"),)), Ladder("b", (Step("light"),), scaffold=("goal",)))[0][0] == "scaffold"
