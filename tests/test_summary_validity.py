"""Headline results three ways, where user turns no longer fit what was just said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from builders import ladder
from ladder_bench.plan import single
from tabled import Tabled, by_name

BASE, CHEAP = single("advanced", pack=False), ladder("advanced:1", "light", name="cheap")
SAME = (0.75, 0.75, 0.75, 0.75)


def lived(
    cheap: tuple[float, ...] = SAME, base: tuple[float, ...] = SAME, invalid: tuple[int, ...] = (), **more: Any
) -> Tabled:
    """Thirty conversations of four turns; `invalid` names turns whose user message does not fit in `cheap`."""
    made = Tabled((BASE, CHEAP), more.get("mode", "rollout"))
    luck = np.random.default_rng(0).uniform(-0.01, 0.01, 30)
    for case in range(30):
        name = f"c{case:02}"
        for turn in range(1, 5):
            made.turn("advanced", name, turn, "advanced", base[turn - 1], usd=4.0)
            made.turn("cheap", name, turn, "light", cheap[turn - 1] + float(luck[case]), usd=1.0)
            if turn > 1 and more.get("judged", True):
                fits = 0.0 if turn in invalid else 1.0
                made.verdict("cheap", name, turn, metric="validity", value=fits)
    return made


def of(made: Tabled) -> dict[str, Any]:
    return made.summary()["validity"]["strategies"]["cheap"]


def test_the_share_of_invalid_turns_is_over_the_turns_that_were_judged() -> None:
    made = lived(invalid=(3,))
    row = by_name(made.summary())["cheap"]["metrics"]["invalid_turn_share"]

    assert row["value"] == pytest.approx(1 / 3)
    assert row["n"] == 30
    assert of(made)["invalid_turn_share"] == row


def test_a_turn_that_could_not_be_judged_is_counted_and_stays() -> None:
    made = lived(cheap=(0.5, 0.5, 1.0, 0.5))
    for row in made.rows["verdicts"]:
        if row["metric"] == "validity" and row["turn"] == 3:
            row["value"] = None

    assert of(made)["invalid_turn_share"]["unscored"] == 30
    assert of(made)["quality"]["dropped"]["value"] == of(made)["quality"]["all"]["value"]


def test_before_it_left_the_recording_there_is_nothing_to_judge_and_nothing_unscored() -> None:
    made = lived(invalid=(3,))
    for row in made.rows["turns"]:
        row["on_recording"] = row["turn"] == 1
    for case in range(30):
        made.verdict("cheap", f"c{case:02}", 1, metric="validity", value=None)

    assert of(made)["invalid_turn_share"]["unscored"] == 0


def test_quality_is_reported_with_all_turns_without_invalid_ones_and_up_to_the_first() -> None:
    quality = of(lived(cheap=(1.0, 0.8, 0.2, 0.4), invalid=(3,)))["quality"]

    assert quality["all"]["value"] == pytest.approx(0.6, abs=0.01)
    assert quality["dropped"]["value"] == pytest.approx((1.0 + 0.8 + 0.4) / 3, abs=0.01)
    assert quality["cut"]["value"] == pytest.approx(0.9, abs=0.01)


def test_the_base_is_held_to_the_same_turns() -> None:
    against = of(lived(cheap=(0.5, 0.5, 0.5, 0.5), base=(0.5, 0.5, 1.0, 1.0), invalid=(3,)))["against_base"]

    assert against["all"]["value"] == pytest.approx(-0.25, abs=0.01)
    assert against["dropped"]["value"] == pytest.approx(-0.5 / 3, abs=0.01)
    assert against["cut"]["value"] == pytest.approx(0.0, abs=0.01)


def test_a_strategy_that_fails_at_the_hard_turn_is_no_better_for_it() -> None:
    """Both are equally good wherever both answered, however the difference is counted."""
    made = lived(cheap=(1.0, 1.0, 1.0, 0.25), base=(1.0, 1.0, 1.0, 0.25))
    for row in made.rows["turns"] + made.rows["verdicts"]:
        if row["strategy"] == "cheap" and row["turn"] == 4 and row["conversation"] < "c15":
            row.update({"failure": "timeout"} if "failure" in row or "tier" in row else {"value": None})
    summary = made.summary()
    of_cheap = by_name(summary)["cheap"]["against_base"]["quality"]

    assert of_cheap["value"] == pytest.approx(0.0, abs=0.01)
    assert of_cheap["n"] == 30
    assert all(each["value"] == pytest.approx(0.0, abs=0.01) for each in of(made)["against_base"].values())


def test_a_conclusion_that_flips_is_not_identified_and_is_no_verdict() -> None:
    made = lived(cheap=(0.75, 0.75, 1.0, 0.25), base=(0.75, 0.75, 0.75, 0.25), invalid=(3,))
    summary = made.summary()

    assert of(made)["identified"] is False
    assert summary["verdict"]["outcome"] == "none"
    assert "not identified: cheap" in summary["verdict"]["text"]
    assert any(banner.startswith("not identified: cheap") for banner in summary["banners"])


def test_a_conclusion_that_holds_every_way_may_be_the_verdict() -> None:
    summary = lived(invalid=(3,)).summary()

    assert summary["validity"]["strategies"]["cheap"]["identified"] is True
    assert (summary["verdict"]["outcome"], summary["verdict"]["strategy"]) == ("found", "cheap")
    assert not any("not identified" in banner for banner in summary["banners"])


def test_where_nobody_judged_it_is_neither_identified_nor_not() -> None:
    made = lived(judged=False)

    assert of(made)["identified"] is None
    assert made.summary()["verdict"]["outcome"] == "found"
    assert "nobody judged whether its user turns still fit" in made.summary()["verdict"]["text"]
    assert "no user turn was judged" in made.summary()["validity"]["why"]


def test_an_arm_that_never_left_the_recording_says_so() -> None:
    base = lived(invalid=(3,)).summary()["validity"]["strategies"]["advanced"]

    assert base["invalid_turn_share"]["value"] is None
    assert base["invalid_turn_share"]["why"] == "no user turn after it left the recording"


@pytest.mark.parametrize(("mode", "reason"), [("forced", "forced replay"), ("simulated", "simulated user")])
def test_other_modes_say_why_there_is_nothing_to_judge(mode: str, reason: str) -> None:
    summary = lived(judged=False, mode=mode).summary()

    assert summary["validity"]["why"].startswith(reason)
    assert by_name(summary)["cheap"]["metrics"]["invalid_turn_share"]["why"].startswith(reason)
