"""Recommending where users have several conversations: users are what is counted, in bounds, dollars and halves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ladder_bench.analyse import effects
from ladder_bench.analyse.estimates import Array
from ladder_bench.recommend import choosing, constraints, crossfit
from ladder_bench.recommend.deciding import recommend
from ladder_bench.recommend.evidence import Evidence
from ladder_bench.report import decision
from ladder_bench.report import recommend as pages
from test_recommend import evidence, noise, policy, run

USERS = np.repeat(np.arange(25), 8)
FLOOR = {"against": "base", "margin": 0.03}


def owned(read: Evidence, users: Any = USERS, **given: Any) -> Evidence:
    return replace(read, owners=tuple(f"user{user:02}" for user in users), **given)


def outcome_of(read: Evidence, **floors: Any) -> constraints.Judged:
    """Of the last arm, by the first floor."""
    arm = list(read.arms.values())[-1]
    return constraints.judged(read, read.high_stakes(), arm, policy(**floors))[0]


# --- a planted null: each user prefers one of two arms, and the second is worse by just the margin ---


def paired(random: np.random.Generator, segments: Sequence[str] | None = None, shares: Any = None) -> Evidence:
    first = random.normal(0.8, 0.05, 200)
    second = first - 0.03 + random.normal(0, 0.2, 25)[USERS] + random.normal(0, 0.05, 200)
    return evidence(200, segments, shares, first={"quality": first}, second={"quality": second})


def weighted(random: np.random.Generator) -> Evidence:
    """Users have conversations of both segments."""
    return paired(random, [str(name) for name in random.choice(["a", "b"], 200)], {"a": 0.8, "b": 0.2})


def apart(random: np.random.Generator) -> Evidence:
    """Users have conversations in both arms, none of them in two."""
    likes, there = random.normal(0, 0.1, 25)[USERS], random.random(200) < 0.5
    noisy = random.normal(0.8, 0.05, 200)
    first, second = np.where(there, noisy - likes, np.nan), np.where(there, np.nan, noisy + likes - 0.03)
    arms = {"first": {"quality": first, "lived": there * 1.0}, "second": {"quality": second, "lived": 1.0 - there}}
    return replace(evidence(200, **arms), unpaired=True)


@pytest.mark.parametrize("drawn", [paired, weighted, apart])
def test_what_few_users_like_is_not_said_to_be_met_in_more_than_5_percent(drawn: Any) -> None:
    random, runs = np.random.default_rng(3), 800
    met = alone = 0
    for _ in range(runs):
        read = drawn(random)
        met += outcome_of(owned(read), quality=FLOOR).outcome == "met"
        alone += outcome_of(read, quality=FLOOR).outcome == "met"

    assert met / runs <= 0.065  # 5 % and twice its error
    assert alone / runs > 0.2  # proof that the test can fail


def test_dollars_cover_the_truth_in_19_of_20_runs_where_users_differ() -> None:
    random, held = np.random.default_rng(5), 0
    for _ in range(800):
        cost = 1.0 + random.normal(0, 0.2, 25)[USERS] + random.normal(0, 0.1, 200)
        found = owned(evidence(200, a={"cost": cost})).estimate((cost,), effects.mean)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 1.0 <= found.high

    assert 0.93 <= held / 800 <= 0.97


# --- what is counted -----------------------------------------------------------------------


def test_a_users_second_conversation_that_is_like_the_first_decides_nothing() -> None:
    once, twice = noise(40, 0.52), np.tile(noise(40, 0.52), 2)
    segments = ["a", "b"] * 20
    for own, shares in ((None, None), (segments, {"a": 0.7, "b": 0.3})):
        alone = outcome_of(evidence(40, own, shares, a={"quality": once}))
        users = np.tile(np.arange(40), 2)
        both = outcome_of(owned(evidence(80, own and own * 2, shares, a={"quality": twice}), users))
        assert both.n == alone.n == 40
        assert both.value == pytest.approx(alone.value)
        assert both.low == pytest.approx(alone.low, abs=0.002)  # traffic weights count fewer degrees of freedom


def test_below_20_users_nothing_is_decided_however_many_conversations_they_have() -> None:
    users = np.arange(190) // 10
    read = owned(evidence(190, a={"quality": noise(190, 0.9), "turns over 5 s": np.zeros(190)}), users)
    quality, waits = constraints.judged(read, None, read.arms["a"], policy(latency={"over_s": 5, "at_most": 0.5}))

    for each in (quality, waits):
        assert (each.outcome, each.low, each.n, each.why) == ("undecided", None, 19, "19 users, 20 are needed")
    assert read.estimate((noise(190, 0.9),), effects.mean).why == "no interval: 19 users, 20 are needed"
    assert read.estimate((np.zeros(190),), effects.mean).low is None


def test_a_segment_of_few_users_has_no_bounds_and_says_so() -> None:
    rare = np.arange(200) < 40  # of 5 users
    read = evidence(200, ["rare" if each else "usual" for each in rare], {"rare": 0.5, "usual": 0.5}, a={})
    found = outcome_of(owned(read))

    assert found.outcome == "undecided"
    assert found.why == "no interval: the segment 'rare' has 5 users, and traffic weights need 20 in each"


def test_what_no_user_ever_met_is_as_sure_as_the_number_of_users() -> None:
    """Zero of n users: the upper bound is 1 - 0.05^(1/n)."""
    read = owned(evidence(200, a={"turns over 5 s": np.zeros(200)}))
    found = constraints.judged(read, None, read.arms["a"], policy(latency={"over_s": 5, "at_most": 0.05}))[1]

    assert found.high == pytest.approx(1 - 0.05 ** (1 / 25))
    assert found.outcome == "undecided"


def test_a_limit_that_nobody_broke_is_no_more_certain_among_many_strategies() -> None:
    """59 conversations just do for one strategy at 5 %; for three they do not."""
    limited = policy(quality=None, latency={"over_s": 5, "at_most": 0.05})
    arms: dict[str, dict[str, Array]] = {name: {"turns over 5 s": np.zeros(59)} for name in "abc"}

    assert {each.status for each in choosing.candidates(evidence(59, a=arms["a"]), limited)} == {"holds"}
    assert {each.status for each in choosing.candidates(evidence(59, **arms), limited)} == {"undecided"}


def test_conversations_that_only_another_arm_has_are_not_unscored() -> None:
    quality = [np.where(np.arange(100) < 60, noise(100, 0.9), np.nan), np.where(np.arange(100) < 60, np.nan, 0.8)]
    quality[0][0] = np.nan
    arms = {name: {"quality": each, "lived": lived} for name, each, lived in
            zip("ab", quality, ((np.arange(100) < 60) * 1.0, (np.arange(100) >= 60) * 1.0), strict=True)}  # fmt: skip
    read = replace(evidence(100, **arms), unpaired=True)
    first, second = (constraints.judged(read, None, arm, policy(quality={"at_least": 0.5, **FLOOR}))
                     for arm in read.arms.values())  # fmt: skip

    assert [each.unscored for each in first] == [1, 1]
    assert [each.unscored for each in second] == [0, 1]


def test_what_all_of_two_groups_did_is_not_certain_to_be_equal() -> None:
    """All of 25 users resolve everything in both arms: each share is known to about 14 points, by users."""
    there = np.arange(200) % 8 < 4
    arms = {
        name: {"quality": np.where(own, 1.0, np.nan), "lived": own * 1.0} for name, own in (("a", there), ("b", ~there))
    }
    split = {name: {"quality": each["quality"], "lived": each["lived"]} for name, each in arms.items()}
    for users in (USERS, np.where(there, USERS, 100 + USERS)):  # the same users in both arms, and others
        found = outcome_of(owned(replace(evidence(200, **split), unpaired=True), users), quality=FLOOR)
        assert found.outcome == "undecided"
        assert found.low is not None
        assert -0.3 < found.low < -0.1


def test_the_conversations_of_a_user_are_in_one_half() -> None:
    names, segments = [f"user{user:02}" for user in USERS], ["a", "b", "b", "b"] * 50
    half = crossfit.folds(names, segments)

    assert [int(half[user == USERS].sum()) for user in range(25)].count(8) == 12
    assert set(half.reshape(25, 8).sum(axis=1)) == {0.0, 8.0}
    assert crossfit.folds(names[::-1], segments[::-1]).tolist() == half[::-1].tolist()


def test_high_stakes_floors_are_told_as_they_are_asked_where_nothing_is_labelled() -> None:
    read = evidence(a={})
    read = replace(read, against=dict(read.against) | {"high_stakes": None})

    for floor, said in (
        ({"margin": 0.05}, ["high-stakes quality against the base: at most 5.00 points lower"]),
        ({"at_least": 0.9}, ["high-stakes quality: at least 0.900"]),
    ):
        asked = constraints.judged(read, None, read.arms["a"], policy(high_stakes=floor))[1:]
        assert [decision.limit_text({"name": each.constraint.name, "kind": each.constraint.kind,
                                     "at_least": each.constraint.at_least, "limit": each.constraint.limit})
                for each in asked] == said  # fmt: skip


# --- a whole run ---------------------------------------------------------------------------


def of_users(n: int, users: int) -> Any:
    given = run(n)
    owners = {f"c{place:03}": f"{place % users:016x}" for place in range(n)}
    return recommend(replace(given, about=given.about | {"cluster": owners}), policy(quality={**FLOOR, "margin": 0.05}))


def test_a_recommendation_over_users_says_that_n_counts_them() -> None:
    found = of_users(200, 25)

    assert (found["conversations"], found["units"], found["clusters"]) == (200, "clusters", 25)
    assert {row["usd_month"]["n"] for row in found["strategies"]} == {25}
    assert "n = 25 users)" in decision.headline(found)[0]
    assert found["cross_fitted"]["why"] == "too few users: 13 and 12 in the halves, 20 are needed in each"
    page = pages.markdown(found)
    assert "n = 25 users unless a cell says otherwise" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "200 conversations of 25 users" in page


def test_users_with_a_conversation_each_are_conversations() -> None:
    alone, plain = of_users(60, 60), recommend(run(60), policy(quality={**FLOOR, "margin": 0.05}))

    assert alone == plain
    assert (alone["units"], alone["clusters"]) == ("conversations", None)
