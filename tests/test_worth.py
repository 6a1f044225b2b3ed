"""What quality is worth: QPD and dollars against the base, sensitivity to F, and cost at equal quality."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from builders import ladder, scores
from ladder_bench.analyse import equal_quality, sensitivity
from ladder_bench.analyse.estimates import Array
from ladder_bench.analyse.metrics import Scores
from ladder_bench.analyse.sensitivity import FACTORS, qpd_against_base
from ladder_bench.plan import single
from ladder_bench.report import worth
from report_runs import STRATEGIES, Talk, run

F = 2.0


def arm(name: str, resolved: Array, cost: Array) -> Scores:
    return scores(name, resolved=resolved, cost_usd_warm=cost, quality=resolved)


def outcomes(share: float, n: int = 200, seed: int = 0) -> Array:
    """0 and 1 with exactly this share of 1."""
    drawn = np.arange(n) < round(share * n)
    return np.random.default_rng(seed).permutation(drawn).astype(float)


def around(mean: float, n: int = 200, seed: int = 0) -> Array:
    drawn = np.random.default_rng(seed).uniform(0.9, 1.1, n)
    return mean * drawn / drawn.mean()


# --- QPD and F -----------------------------------------------------------------------------


def test_log_qpd_and_dollars_against_the_base_follow_their_formulas() -> None:
    one, base = arm("a", outcomes(0.9), around(0.5)), arm("b", outcomes(0.8), around(1.0))
    found = qpd_against_base(one, base, F)

    assert found["log_ratio"]["value"] == pytest.approx(math.log(0.9 / 0.7) - math.log(0.8 / 1.4))
    assert found["dollars"]["value"] == pytest.approx((0.5 + F * 0.1) - (1.0 + F * 0.2))
    assert found["point_usd"]["value"] == pytest.approx(0.01 * (0.5 + F) / 0.9)
    assert found["verdict"] == "better"


def test_a_point_of_r_at_its_price_leaves_qpd_as_it_is() -> None:
    share, cost = 0.8, 1.0
    worth_usd = qpd_against_base(arm("a", outcomes(share), around(cost)), arm("b", outcomes(share), around(cost)), F)

    def qpd(r: float, c: float) -> float:
        return r / (c + F * (1 - r))

    assert qpd(share + 0.01, cost + worth_usd["point_usd"]["value"]) == pytest.approx(qpd(share, cost), rel=1e-3)


@pytest.mark.parametrize(
    ("share", "cost", "flips"),
    [
        (0.9, 0.5, False),  # better and cheaper, whatever F is
        (0.6, 0.3, True),  # cheaper and worse: what an unresolved conversation costs decides
    ],
)
def test_a_conclusion_that_turns_with_f_is_tagged(share: float, cost: float, flips: bool) -> None:
    found = qpd_against_base(arm("a", outcomes(share), around(cost)), arm("b", outcomes(0.8), around(1.0)), F)

    assert found["f_sensitive"] is flips
    assert [each["factor"] for each in found["sweep"]] == list(FACTORS)


def test_an_arm_against_itself_is_identical_at_every_f() -> None:
    one = arm("a", outcomes(0.8), around(1.0))
    found = qpd_against_base(one, one, F)

    assert (found["log_ratio"]["low"], found["log_ratio"]["high"]) == (0.0, 0.0)
    assert (found["log_ratio"]["why"], found["dollars"]["why"]) == ("identical", "identical")
    assert {each["verdict"] for each in found["sweep"]} == {"identical"}
    assert found["f_sensitive"] is False


def test_swapping_the_arms_flips_the_sign_and_prices_scale_out() -> None:
    one, base = arm("a", outcomes(0.9), around(0.5)), arm("b", outcomes(0.8, seed=1), around(1.0))
    dearer = [arm(each.strategy, each.values["resolved"], 7 * each.values["cost_usd_warm"]) for each in (one, base)]
    found, swapped = qpd_against_base(one, base, F), qpd_against_base(base, one, F)

    assert swapped["log_ratio"]["value"] == pytest.approx(-found["log_ratio"]["value"], abs=1e-12)
    assert swapped["log_ratio"]["low"] == pytest.approx(-found["log_ratio"]["high"], abs=1e-12)
    scaled = qpd_against_base(*dearer, 7 * F)
    assert scaled["log_ratio"]["high"] == pytest.approx(found["log_ratio"]["high"], abs=1e-12)
    assert scaled["dollars"]["value"] == pytest.approx(7 * found["dollars"]["value"])


def test_nothing_resolved_is_a_reason_and_no_logarithm_while_dollars_remain() -> None:
    found = qpd_against_base(arm("a", np.zeros(50), around(0.5, 50)), arm("b", outcomes(0.8, 50), around(1.0, 50)), F)

    assert found["log_ratio"]["value"] is None
    assert "nothing is resolved" in found["log_ratio"]["why"]
    assert found["dollars"]["value"] == pytest.approx((0.5 + F) - (1.0 + 0.2 * F))
    assert found["f_sensitive"] is None


@pytest.mark.parametrize(
    ("cost", "usd", "why"),
    [(np.full(50, np.nan), F, "no conversation has a cost and an outcome in both"), (around(1.0, 50), None, "nobody knows")],
)  # fmt: skip
def test_a_missing_cost_or_f_is_missing_with_its_reason(cost: Array, usd: float | None, why: str) -> None:
    found = qpd_against_base(arm("a", outcomes(0.9, 50), cost), arm("b", outcomes(0.8, 50), around(1.0, 50)), usd)

    assert found["log_ratio"]["value"] is found["dollars"]["value"] is None
    assert found["dollars"]["why"].startswith(why)
    assert (found["verdict"], found["sweep"]) == (None, [])


def test_fewer_than_20_conversations_conclude_nothing() -> None:
    found = qpd_against_base(
        arm("a", outcomes(0.9, 19), around(0.5, 19)), arm("b", outcomes(0.8, 19), around(1.0, 19)), F
    )

    assert found["log_ratio"]["why"].startswith("no interval: 19 conversations")
    assert found["verdict"] is sensitivity.sign(sensitivity.Estimate(1.0, None, None, 19)) is None


# --- cost at equal quality -----------------------------------------------------------------

ABOUT: dict[str, Any] = {
    "mode": "rollout",
    "strategies": [asdict(single(each, pack=False)) for each in ("top", "mid", "low")]
    + [asdict(ladder("top:1", "low", name="two-step"))],
    "tiers": [{"name": each, "model": f"live/{each}"} for each in ("top", "mid", "low")],
}
SINGLES = {"top": (0.9, 10.0), "mid": (0.8, 4.0), "low": (0.6, 1.0)}


def rated(name: str, quality: float, cost: float, n: int = 100) -> Scores:
    """Quality and cost around their means; the strategies share their luck."""
    luck = np.random.default_rng(0).uniform(-0.02, 0.02, n)
    luck -= luck.mean()
    return scores(name, quality=quality + luck * quality, cost_usd_warm=cost * (1 + luck))


def against_line(quality: float, cost: float, n: int = 100, **singles: tuple[float, float]) -> dict[str, Any]:
    found = {name: rated(name, *each, n) for name, each in (SINGLES | singles).items()}
    found["two-step"] = rated("two-step", quality, cost, n)
    return equal_quality.cost_at_equal_quality(ABOUT, found)["two-step"]


def test_the_saving_is_against_the_line_between_the_two_neighbouring_single_tiers() -> None:
    """Halfway between mid (0.8, $4) and top (0.9, $10) the line costs $7."""
    found = against_line(0.85, 3.0)

    assert found["line_cost_usd"] == pytest.approx(7.0)
    assert found["between"] == ["mid", "top"]
    assert found["saving_usd"]["value"] == pytest.approx(4.0)
    assert found["saving_share"]["value"] == pytest.approx(4 / 7)
    assert found["saving_usd"]["low"] < 4.0 < found["saving_usd"]["high"]
    assert (found["outside_share"], found["saving_usd"]["n"]) == (0.0, 100)


def test_a_tier_above_the_line_and_one_that_is_beaten_make_no_line() -> None:
    """A mid at $8 lies above the line from low to top; a mid that is worse and dearer than low is beaten."""
    assert against_line(0.75, 3.0, mid=(0.8, 8.0))["between"] == ["low", "top"]
    assert against_line(0.75, 3.0, mid=(0.5, 2.0))["between"] == ["low", "top"]


@pytest.mark.parametrize(
    ("quality", "why"),
    [
        (0.95, "its quality 0.950 is above that of every single tier (the best, top: 0.900)"),
        (0.5, "its quality 0.500 is below that of every single tier (low: 0.600)"),
    ],
)
def test_outside_of_the_line_nothing_is_extrapolated(quality: float, why: str) -> None:
    found = against_line(quality, 3.0)

    assert found["saving_usd"]["value"] is None
    assert why in found["saving_usd"]["why"]
    assert "nothing is extrapolated" in found["saving_usd"]["why"]


def test_below_what_a_cheaper_tier_beats_there_is_no_line_either() -> None:
    found = against_line(0.55, 3.0, mid=(0.5, 2.0))

    assert found["saving_usd"]["value"] is None
    assert "below that of every single tier that no other one beats" in found["saving_usd"]["why"]


def test_the_interval_is_withheld_where_draws_leave_the_line() -> None:
    found = {name: rated(name, *each) for name, each in SINGLES.items()}
    own = np.random.default_rng(1).normal(0, 0.1, 100)
    found["two-step"] = scores("two-step", quality=0.899 + own - own.mean(), cost_usd_warm=np.full(100, 3.0))
    row = equal_quality.cost_at_equal_quality(ABOUT, found)["two-step"]

    assert row["saving_usd"]["value"] is not None
    assert row["saving_usd"]["low"] is None
    assert row["saving_usd"]["why"].startswith("interval withheld: ")
    assert row["outside_share"] > 0.05


def test_small_samples_and_single_tiers_have_no_interval_and_no_saving() -> None:
    assert against_line(0.85, 3.0, n=19)["saving_usd"]["why"] == "no interval: 19 conversations, 20 are needed"
    found = equal_quality.cost_at_equal_quality(ABOUT, {name: rated(name, *each) for name, each in SINGLES.items()})
    assert {row["saving_usd"]["why"] for row in found.values()} == {"it is a single tier: the line is made of those"}


def test_a_missing_cost_leaves_its_conversation_out_and_no_cost_at_all_is_a_reason() -> None:
    found = {name: rated(name, *each) for name, each in (SINGLES | {"two-step": (0.85, 3.0)}).items()}
    cost = found["two-step"].values["cost_usd_warm"].copy()
    cost[:10] = np.nan
    some = scores("two-step", quality=found["two-step"].values["quality"], cost_usd_warm=cost)
    none = scores("two-step", quality=found["two-step"].values["quality"], cost_usd_warm=np.full(100, np.nan))

    assert equal_quality.cost_at_equal_quality(ABOUT, found | {"two-step": some})["two-step"]["saving_usd"]["n"] == 90
    without = equal_quality.cost_at_equal_quality(ABOUT, found | {"two-step": none})["two-step"]
    assert without["saving_usd"]["why"] == "no conversation has a quality and a cost"


def test_the_line_is_covered_as_often_as_its_interval_says() -> None:
    """Truth: singles at 0.6 and $1, 0.9 and $10; a strategy at 0.75 and $3 saves $2.50."""
    random = np.random.default_rng(3)
    covered = 0
    for _ in range(200):
        hard = random.normal(0, 0.1, 80)
        found = {
            name: scores(
                name,
                quality=quality + hard + random.normal(0, 0.05, 80),
                cost_usd_warm=cost * random.lognormal(-0.08, 0.4, 80),
            )
            for name, (quality, cost) in (SINGLES | {"mid": (0.5, 2.0), "two-step": (0.75, 3.0)}).items()
        }
        saving = equal_quality.cost_at_equal_quality(ABOUT, found)["two-step"]["saving_usd"]
        covered += saving["low"] <= 2.5 <= saving["high"]

    assert covered / 200 >= 0.90


# --- the section ---------------------------------------------------------------------------


def test_the_section_says_what_f_is_and_shows_dollars_beside_qpd() -> None:
    base = arm("advanced", outcomes(0.8), around(1.0))
    rows = tuple(
        row
        | {
            "qpd_against_base": qpd_against_base(arm(row["name"], outcomes(share), around(cost)), base, F),
            "cost_at_equal_quality": against_line(0.85, 3.0),
        }
        for row, share, cost in zip(STRATEGIES, (0.8, 0.75, 0.6), (1.0, 0.6, 0.3), strict=True)
    )
    given = run(Talk(), strategies=rows)
    found = worth.worth(given.summary, given.about)

    assert found is not None
    assert "an assumption: nobody declared it" in found.assumption
    assert found.against is not None
    assert found.against.heads[1:4] == (
        "QPD / the base's", "effective $ against the base", "$ that one point of R is worth",
    )  # fmt: skip
    assert "F-sensitive" in {getattr(cell, "mark", "") for line in found.against.lines for cell in line.cells}
    assert worth.worth(run(Talk()).summary, given.about) is None
