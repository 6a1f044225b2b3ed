"""Corrections: those that the user prompted, apart from those that an assistant made of its own accord."""

from __future__ import annotations

import pytest

from ladder_bench.analyse.corrections import NONE, UNTOLD
from ladder_bench.plan import single
from tabled import Tabled, by_name

LADDERS = (single("advanced", pack=False), single("light", pack=False))
SHARE = "self_corrections_prompted_share"


def corrected(*reasons: str) -> Tabled:
    """24 conversations; light takes something back in each, for these reasons in turn."""
    made = Tabled(LADDERS)
    for case in range(24):
        for strategy in ("advanced", "light"):
            made.turn(strategy, f"c{case:02}", 1, strategy, 1.0)
        made.verdict(
            "light", f"c{case:02}", 1, metric="self_correction", value=1.0, reason=reasons[case % len(reasons)]
        )
        made.verdict("light", f"c{case:02}", 1, metric="self_correction", value=0.0, reason="none: prompted nothing")
    return made


def test_what_the_user_prompted_is_told_from_what_nobody_asked_for() -> None:
    reasons = (
        "prompted by the user: sorry",
        "self-initiated: I was wrong",
        "2 of 3: prompted: you are right",
        "Prompted.",
    )
    found = by_name(corrected(*reasons).summary())["light"]["metrics"][SHARE]

    assert found["value"] == pytest.approx(0.75)
    assert found["low"] < 0.75 < found["high"]
    assert (found["n"], found["unscored"]) == (24, 0)


def test_a_correction_of_which_nobody_says_who_began_it_is_counted_as_that() -> None:
    found = by_name(corrected("self-initiated: oh", "it changed its mind").summary())["light"]["metrics"][SHARE]
    silent = by_name(corrected("it changed its mind").summary())["light"]["metrics"][SHARE]

    assert (found["value"], found["n"], found["unscored"]) == (0.0, 12, 12)
    assert (silent["value"], silent["why"], silent["unscored"]) == (None, UNTOLD, 24)


def test_where_nothing_was_taken_back_there_is_no_share() -> None:
    found = by_name(corrected("prompted").summary())["advanced"]["metrics"][SHARE]

    assert (found["value"], found["why"]) == (None, NONE)
