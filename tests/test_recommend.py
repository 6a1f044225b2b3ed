"""Recommending: constraints with one-sided bounds, a choice shown for all strategies at once, and what luck adds to it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from builders import ladder
from ladder_bench import cli, content, folder
from ladder_bench.analyse.estimates import Array
from ladder_bench.documents import Document, read_yaml
from ladder_bench.domain import Ladder
from ladder_bench.errors import InputError
from ladder_bench.folder import Run
from ladder_bench.plan import single
from ladder_bench.recommend import choosing, constraints, crossfit
from ladder_bench.recommend.deciding import recommend
from ladder_bench.recommend.evidence import Arm, Evidence
from ladder_bench.recommend.policy import Policy, load_policy, read_policy
from ladder_bench.report import decision
from ladder_bench.report import recommend as pages
from ladder_bench.validation import validate
from report_runs import HOSTILE, Tags
from tabled import Tabled

TRAFFIC = {"conversations_per_month": 1000}
FLOOR = {"quality": {"at_least": 0.5}, "traffic": TRAFFIC}
REAL = ({"name": "advanced", "model": "live/big"}, {"name": "light", "model": "live/small"})


def policy(**given: Any) -> Policy:
    return read_policy(Document("p.yaml", FLOOR | given))


def problems(tmp_path: Path, text: str) -> list[str]:
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(InputError) as raised:
        read_policy(read_yaml(tmp_path / "p.yaml"))
    return [str(each).split("p.yaml:")[1] for each in raised.value.problems]


# --- the policy ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("traffic: {conversations_per_month: 9}\n", "1:1: names no floor and no limit"),
        ("quality: {}\ntraffic: {conversations_per_month: 9}\n", "1:1: quality: needs 'at_least: 0.9'"),
        ("quality: {at_leest: 1}\ntraffic: {conversations_per_month: 9}\n", "1:11: quality.at_leest: unknown key; did you"),
        ("quality: {at_least: 1.5}\ntraffic: {conversations_per_month: 9}\n", "1:11: quality.at_least: must be less"),
        ("quality: {at_least: 1}\n", "1:1: 'traffic' is missing"),
        ("quality: {at_least: 1}\ntraffic: {}\n", "2:1: traffic: needs 'conversations_per_month'"),
        ("quality: {at_least: 1}\ntraffic: {conversations_per_month: 0}\n", "2:11: traffic.conversations_per_month: must be"),
        ("quality: {at_least: 1}\ntraffic: {counts: {a: 0}}\n", "2:11: traffic.counts: adds up to 0"),
        ("quality: {at_least: 1}\ntraffic: {counts: {a: 1}, weights: {a: 1}}\n", "2:1: traffic: has both"),
        ("latency: {over_s: 3}\ntraffic: {conversations_per_month: 9}\n", "1:1: latency: 'over_s' and 'at_most' belong"),
        ("quality: {at_least: 1}\ntraffic: {counts: {leagl: 1}}\nsegments: [legal]\n",
         "2:20: traffic.counts.leagl: is no segment; did you mean 'legal'?"),
        ("quality: {at_least: 1}\ntraffic: {conversations_per_month: 9}\nby_segment: true\n", "3:1: by_segment: needs"),
        ("quality: {at_least: 1}\ntraffic: {conversations_per_month: 9}\nsegments: [a, a]\n", "3:15: segments[1]: 'a' is"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_policy_is_said_at_its_place(tmp_path: Path, text: str, problem: str) -> None:
    assert any(each.startswith(problem) for each in problems(tmp_path, text))


def test_the_bundled_policy_is_valid_and_is_told_by_its_content() -> None:
    assert validate([content.shipped("ladders", "policies", "recommend.yaml")]).problems == ()
    assert load_policy("recommend").per_month == 40_000


def test_counts_are_the_traffic_and_the_order_of_precedence_where_none_is_listed() -> None:
    read = policy(traffic={"counts": {"legal": 30, "sql": 10, "other": 60}})

    assert (read.per_month, read.segments) == (100, ("legal", "sql"))
    assert read.shares == {"legal": 0.3, "sql": 0.1, "other": 0.6}


# --- constraints ---------------------------------------------------------------------------


def evidence(
    n: int = 100,
    segments: Sequence[str] | None = None,
    shares: Any = None,
    stakes: Any = None,
    **arms: dict[str, Array],
) -> Evidence:
    """Arms of columns; what is not given is the same for all. `base` is the first one."""
    base = next(iter(arms.values()))
    made = {}
    for name, columns in arms.items():
        full = {"cost": np.ones(n), "quality": np.ones(n), "resolved": np.ones(n), "unsupported": np.zeros(n),
                "waited": np.full(n, 4.0), "lived": np.ones(n)} | columns  # fmt: skip
        full |= {
            "rate": full["resolved"],
            "quality own": full["quality"],
            "quality other": base.get("quality", np.ones(n)),
        }
        made[name] = Arm(name, False, full, ())
    high = np.zeros(n, dtype=bool) if stakes is None else stakes
    ids = tuple(f"c{place:04}" for place in range(n))
    return Evidence(
        ids, tuple(segments or ["other"] * n), shares, high, made, next(iter(arms)), {"quality": next(iter(arms))}
    )


def noise(n: int, mean: float, spread: float = 0.1, seed: int = 0) -> Array:
    """Values with exactly this mean and this standard deviation."""
    drawn = np.random.default_rng(seed).standard_normal(n)
    return mean + spread * (drawn - drawn.mean()) / drawn.std(ddof=1)


@pytest.mark.parametrize(
    ("mean", "outcome"), [(0.517, "met"), (0.516, "undecided"), (0.484, "undecided"), (0.483, "violated")]
)
def test_a_floor_is_met_or_violated_by_the_bound_and_never_by_the_value(mean: float, outcome: str) -> None:
    """t(99, 0.95) * 0.1 / 10 = 0.0166."""
    read = evidence(a={"quality": noise(100, mean)})

    (found,) = constraints.judged(read, read.high_stakes(), read.arms["a"], policy())
    assert found.outcome == outcome
    assert found.low == pytest.approx(mean - 0.0166, abs=1e-4)


def test_an_undecided_constraint_says_how_many_conversations_would_decide() -> None:
    """((1.645 + 0.842) * 0.1 / 0.01)^2 = 618.3."""
    read = evidence(a={"quality": noise(100, 0.51)})

    (found,) = constraints.judged(read, read.high_stakes(), read.arms["a"], policy())
    assert found.needed() == 619


def test_below_20_conversations_nothing_is_decided_and_the_reason_is_given() -> None:
    read = evidence(19, a={"quality": noise(19, 0.9)})

    (found,) = constraints.judged(read, read.high_stakes(), read.arms["a"], policy())
    assert (found.outcome, found.low, found.why) == ("undecided", None, "19 conversations, 20 are needed")


def test_a_limit_that_nobody_broke_is_met_only_with_enough_conversations() -> None:
    """Zero of n: the upper bound is 1 - 0.05^(1/n), below 5 % from 59 on."""
    limited = policy(latency={"over_s": 5, "at_most": 0.05})
    outcomes = []
    for n in (58, 59):
        read = evidence(n, a={"turns over 5 s": np.zeros(n)})
        outcomes.append(constraints.judged(read, read.high_stakes(), read.arms["a"], limited)[1].outcome)

    assert outcomes == ["undecided", "met"]


def test_a_share_of_turns_is_a_ratio_of_turns_not_a_mean_of_conversations() -> None:
    over, waited = np.tile([0.0, 1.0], 50), np.tile([8.0, 2.0], 50)
    read = evidence(a={"turns over 5 s": over, "waited": waited})

    found = constraints.judged(read, read.high_stakes(), read.arms["a"], policy(latency={"over_s": 5, "at_most": 0.5}))[
        1
    ]
    assert found.value == pytest.approx(0.1)


def test_the_base_holds_a_floor_against_itself_without_a_margin() -> None:
    read = evidence(a={"quality": noise(100, 0.9)}, b={"quality": noise(100, 0.7)})
    tested = choosing.candidates(read, policy(quality={"against": "base", "margin": 0.0}))

    assert [(each.arm.name, each.status) for each in tested] == [("a", "holds"), ("b", "violates")]
    assert tested[0].p_not_met == 0.0


def test_stakes_are_high_in_their_own_conversations_alone() -> None:
    stakes = np.arange(100) < 40
    quality = np.where(stakes, noise(100, 0.3), noise(100, 0.95))
    read = evidence(stakes=stakes, a={"quality": quality})

    whole, high = constraints.judged(read, read.high_stakes(), read.arms["a"], policy(high_stakes={"at_least": 0.6}))
    assert (whole.outcome, high.outcome, high.n) == ("met", "violated", 40)


def test_without_high_stakes_in_the_data_the_floor_is_undecided_with_the_reason() -> None:
    read = evidence(a={})

    found = constraints.judged(read, read.high_stakes(), read.arms["a"], policy(high_stakes={"at_least": 0.6}))[1]
    assert found.outcome == "undecided"
    assert "labels no turn as high_stakes" in str(found.why)


def test_a_missing_cost_refuses_to_choose_and_a_missing_quality_to_judge() -> None:
    read = evidence(a={"cost": np.full(100, np.nan)}, b={"quality": np.full(100, np.nan)})
    first, second = choosing.candidates(read, policy())

    assert (first.status, first.reasons) == ("undecided", (choosing.NO_COST,))
    assert (second.status, second.reasons) == ("undecided", ("quality: no conversation has a value",))
    assert choosing.cheapest([first, second]) is None


# --- many strategies -----------------------------------------------------------------------


def test_the_cheapest_that_holds_is_chosen_and_undecided_cheaper_ones_are_not() -> None:
    read = evidence(
        dear={"cost": noise(100, 3.0), "quality": noise(100, 0.9)},
        good={"cost": noise(100, 2.0), "quality": noise(100, 0.9)},
        unsure={"cost": noise(100, 1.0), "quality": noise(100, 0.505)},
        bad={"cost": noise(100, 0.1), "quality": noise(100, 0.1)},
    )
    tested = choosing.candidates(read, policy())

    assert [each.status for each in tested] == ["holds", "holds", "undecided", "violates"]
    best, naive = choosing.cheapest(tested), choosing.naive(tested)
    assert best is not None
    assert best.arm.name == "good"
    assert naive is not None
    assert naive.arm.name == "unsure"
    assert choosing.as_cheap(read, best, tested) == []


def test_among_twenty_strategies_at_the_floor_one_is_said_to_hold_in_at_most_6_5_percent_of_runs() -> None:
    """One by one, at 5 % each, that would be in most of them: 1 - 0.95^20 = 64 %."""
    random = np.random.default_rng(1)
    claimed = single = 0
    runs = 400
    for _ in range(runs):
        arms = {f"s{place}": {"quality": random.normal(0.5, 0.1, 60)} for place in range(20)}
        tested = choosing.candidates(evidence(60, **arms), policy())
        claimed += any(each.status == "holds" for each in tested)
        single += any(each.constraints[0].outcome == "met" for each in tested)

    assert claimed / runs <= 0.065
    assert single / runs > 0.5  # proof that the test can fail


def test_what_is_chosen_on_one_half_is_reported_without_luck_on_the_other() -> None:
    """Ten equally dear strategies: the cheapest looks cheaper than it is, cross-fitted it does not."""
    random = np.random.default_rng(2)
    naive, fitted = [], []
    for _ in range(200):
        arms = {f"s{place}": {"cost": random.normal(1.0, 0.3, 80)} for place in range(10)}
        read, rules = evidence(80, **arms), policy(traffic={"conversations_per_month": 1})
        best = choosing.cheapest(choosing.candidates(read, rules))
        assert best is not None
        naive.append(best.usd)
        fitted.append(crossfit.report(read, rules, crossfit.halves(read, rules), True)["usd_month"])

    error = 0.3 / np.sqrt(80)
    assert np.mean(naive) - 1.0 < -error  # about 1.5 standard errors too cheap
    assert abs(np.mean([each["value"] for each in fitted]) - 1.0) < 0.2 * error
    assert np.mean([each["low"] <= 1.0 <= each["high"] for each in fitted]) >= 0.93


def test_halves_are_as_large_in_every_segment_and_do_not_depend_on_the_order() -> None:
    ids, segments = [f"c{place}" for place in range(60)], ["a"] * 20 + ["b"] * 40
    half = crossfit.folds(ids, segments)

    assert [half[:20].sum(), half[20:].sum()] == [10, 20]
    assert crossfit.folds(ids[::-1], segments[::-1]).tolist() == half[::-1].tolist()


# --- traffic and segments ------------------------------------------------------------------


def test_traffic_weights_a_mean_by_segment_with_the_error_of_a_stratified_one() -> None:
    """0.9 of 1 and 0.1 of 5; SE^2 = 0.9^2 s^2 / 50 + 0.1^2 s^2 / 50."""
    cost = np.concatenate([noise(50, 1.0, 0.2, 1), noise(50, 5.0, 0.2, 2)])
    read = evidence(segments=["a"] * 50 + ["b"] * 50, shares={"a": 0.9, "b": 0.1}, x={"cost": cost})
    effect = read.effect((cost,), lambda values, weights: constraints.effects.mean(values, weights))

    assert not isinstance(effect, str)
    assert effect.value == pytest.approx(1.4)
    assert effect.error == pytest.approx(0.2 * np.sqrt((0.81 + 0.01) / 50))


def test_choosing_by_segment_gains_where_segments_need_different_strategies() -> None:
    """In `easy` the cheap one holds, in `hard` it does not: half of the traffic then costs 1 in place of 3."""
    n, easy = 200, np.arange(200) < 100
    segments = ["easy" if each else "hard" for each in easy]
    read = evidence(
        n, segments=segments,
        dear={"cost": noise(n, 3.0), "quality": noise(n, 0.9)},
        cheap={"cost": noise(n, 1.0), "quality": np.where(easy, noise(n, 0.9), noise(n, 0.2))},
    )  # fmt: skip
    rules = policy(quality={"at_least": 0.7}, segments=["easy", "hard"], by_segment=True)
    found = crossfit.by_segment(read, rules, crossfit.halves(read, rules), "dear")

    assert {row["segment"]: row["choice"] for row in found["rows"]} == {"easy": "cheap", "hard": "dear"}
    gain = found["gain"]["usd_month"]
    assert gain["value"] == pytest.approx(1000, abs=30)
    assert gain["low"] < gain["value"] < gain["high"]


def test_a_segment_with_fewer_than_20_conversations_in_a_half_is_said_to_be_too_small() -> None:
    n = 100
    read = evidence(n, segments=["rare"] * 39 + ["usual"] * 61, a={"cost": noise(n, 2.0), "quality": noise(n, 0.9)})
    rules = policy(segments=["rare", "usual"], by_segment=True)
    found = crossfit.by_segment(read, rules, crossfit.halves(read, rules), "a")

    assert found["gain"]["too_small"] == ["rare"]
    assert found["rows"][0]["choice"] is None
    assert found["rows"][0]["applied"] == "a"
    assert found["rows"][0]["why"].startswith("too few conversations of 'rare': 20 and 19 in the halves")


# --- a whole run ---------------------------------------------------------------------------

STRATEGIES = (
    single("advanced", pack=False),
    single("light", pack=False),
    ladder("advanced:1", "light", name="two-step"),
)
QUALITY = {"advanced": 0.9, "light": 0.4, "two-step": 0.88}
USD = {"advanced": 3.0, "light": 0.1, "two-step": 1.0}


def run(
    n: int = 60, tiers: Any = REAL, strategies: Sequence[Ladder] = STRATEGIES, tags: Any = (), labels: str | None = None
) -> Run:
    """A run of one turn a conversation; the strategies share their luck. `tags`: from the place of a conversation."""
    made = Tabled(strategies, tiers=tiers)
    luck = np.random.default_rng(0).uniform(-0.05, 0.05, (2, n))
    for strategy in strategies:
        for place in range(n):
            quality = QUALITY[strategy.name] + luck[0, place] * (1 + 0.1 * USD[strategy.name])
            usd = USD[strategy.name] * (1 + luck[1, place])
            made.turn(strategy.name, f"c{place:03}", 1, strategy.tiers[0], quality, usd=usd, wait_s=2.0, labels=labels)
    own = [tags(place) if callable(tags) else list(tags) for place in range(n)]
    made.rows["conversations"] = [
        {"id": f"c{place:03}", "body": json.dumps({"tags": each})} for place, each in enumerate(own)
    ]
    about = made.about()
    return Run(Path("run"), about, made.tables(), made.summary())


def test_a_recommendation_is_the_cheapest_that_keeps_quality_with_dollars_a_month() -> None:
    found = recommend(run(), policy(quality={"against": "base", "margin": 0.05}))

    assert (found["outcome"], found["choice"]) == ("found", "two-step")
    rows = {row["name"]: row for row in found["strategies"]}
    assert rows["light"]["status"] == "violates"
    month = rows["two-step"]["usd_month"]
    assert month["low"] < month["value"] < month["high"]
    assert month["value"] == pytest.approx(1000, rel=0.02)
    assert rows["two-step"]["saving_usd_month"]["value"] == pytest.approx(2 * month["value"], rel=0.02)
    assert rows["advanced"]["saving_usd_month"] == {
        **rows["advanced"]["saving_usd_month"],
        "value": 0.0,
        "why": "identical",
    }
    assert found["cross_fitted"]["choices"] == ["two-step", "two-step"]
    assert found["cross_fitted"]["by_luck"] is False
    assert found["cross_fitted"]["usd_month"] == month
    assert json.loads(json.dumps(found, allow_nan=False))["schema"] == 1


def test_twice_the_traffic_is_twice_the_dollars_and_the_same_choice() -> None:
    one, two = (recommend(run(), policy(traffic={"conversations_per_month": each})) for each in (1000, 2000))

    assert one["choice"] == two["choice"]
    for first, second in zip(one["strategies"], two["strategies"], strict=True):
        assert second["usd_month"]["high"] == pytest.approx(2 * first["usd_month"]["high"])
        assert second["constraints"] == first["constraints"]


def test_a_policy_that_nothing_meets_gets_none_with_every_reason() -> None:
    found = recommend(run(), policy(quality={"at_least": 0.99}))

    assert (found["outcome"], found["choice"]) == ("none", None)
    assert decision.headline(found)[0].startswith("None of 3 strategies holds")
    assert all(
        decision.reasons(row)[0].startswith("violated: quality: at least 0.990; it is") for row in found["strategies"]
    )


def test_too_few_conversations_are_no_answer_and_say_so() -> None:
    found = recommend(run(12), policy())

    assert (found["outcome"], found["choice"]) == ("undecided", None)
    assert "nothing can be chosen" in decision.headline(found)[0].lower()
    assert found["cross_fitted"]["why"].startswith("too few conversations: 6 and 6 in the halves")


def test_in_a_simulation_nothing_is_recommended() -> None:
    simulated = tuple(tier | {"model": f"simulated/{tier['name']}"} for tier in REAL)
    found = recommend(run(tiers=simulated), policy())

    for shown in (
        " ".join(decision.headline(found)),
        pages.markdown(found),
        pages.page(found, "ladder-bench recommend"),
    ):
        assert "in this simulation" in shown.lower()
        assert "recommended" not in shown.lower()
    assert "Recommended: " in decision.headline(recommend(run(), policy()))[0]


def test_controls_are_chosen_only_where_they_may_be() -> None:
    strategies = (STRATEGIES[0], replace(STRATEGIES[1], control=True), replace(STRATEGIES[2], control=True))
    given = run(strategies=strategies)

    assert recommend(given, policy())["choice"] == "advanced"
    assert recommend(given, policy(controls=True))["choice"] == "two-step"
    only = run(strategies=(replace(STRATEGIES[0], control=True),))
    with pytest.raises(InputError, match="every strategy of this run is a control"):
        recommend(only, policy())


def test_high_stakes_are_the_labelled_conversations_or_those_of_a_tag() -> None:
    given = run(tags=lambda place: ["legal"] if place % 2 else ["sql"], labels='["high_stakes"]')

    by_label, by_tag = (
        recommend(given, policy(high_stakes=floor))["strategies"][0]["constraints"][1]
        for floor in ({"at_least": 0.5}, {"at_least": 0.5, "tag": "legal"})
    )
    assert (by_label["n"], by_tag["n"]) == (60, 30)


def test_traffic_by_segment_weighs_conversations_and_0_leaves_a_segment_out() -> None:
    given = run(tags=lambda place: ["legal"] if place < 30 else ["sql", "legal"])
    found = recommend(given, policy(traffic={"counts": {"sql": 0, "legal": 500}}, segments=["sql", "legal"]))

    assert found["conversations"] == 30
    assert found["policy"]["conversations_per_month"] == 500


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"segments": ["legl"]}, "no conversation of this run has the tag 'legl'; did you mean 'legal'?"),
        ({"traffic": {"counts": {"legal": 1}}}, "30 of 60 conversations have none of these tags: add 'other: …'"),
        ({"high_stakes": {"at_least": 0.5, "tag": "x"}}, "no conversation of this run has the tag 'x'; tags are: legal"),
        ({"quality": {"against": "two-stp"}}, "no strategy 'two-stp' in this run; did you mean 'two-step'?"),
    ],
)  # fmt: skip
def test_what_a_policy_names_and_the_run_has_not_got_is_an_error_at_its_place(given: Any, problem: str) -> None:
    with pytest.raises(InputError, match=r"p\.yaml") as raised:
        recommend(run(tags=lambda place: ["legal"] if place % 2 else []), policy(**given))

    assert problem in str(raised.value)


def test_one_strategy_without_anything_resolved_still_has_its_answer() -> None:
    given = run(strategies=STRATEGIES[1:2])
    found = recommend(given, policy(quality={"at_least": 0.3}, latency={"p50_s": 3, "p90_s": 5}))

    assert found["choice"] == "light"
    assert [each["name"] for each in found["strategies"][0]["constraints"]] == [
        "quality", "turns over 3 s (p50)", "turns over 5 s (p90)",
    ]  # fmt: skip


def test_hostile_tags_are_text_on_every_page() -> None:
    hostile = HOSTILE.replace("\x00", "")
    found = recommend(
        run(80, tags=lambda place: [hostile] if place % 2 else ["plain"]),
        policy(segments=[hostile, "plain"], by_segment=True),
    )
    page = Tags(pages.page(found, "ladder-bench recommend"))

    assert not page.named("script")
    assert not page.named("img")
    assert "\u202e" not in page.words
    assert "<script>" not in pages.markdown(found)


def test_the_command_answers_in_json_and_with_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given, where = run(), [str(tmp_path / name) for name in ("run", "p.yaml", "r.md", "r.html")]
    tables = {name: given.tables.get(name) or folder.table(name, []) for name in folder.TABLES}
    folder.write(tmp_path / "run", given.about, tables, given.summary, {})
    (tmp_path / "p.yaml").write_text("quality: {at_least: 0.99}\ntraffic: {conversations_per_month: 10}\n")

    written = ["--markdown", where[2], "--html", where[3]]
    assert outcome(["recommend", where[0], "--policy", where[1], "--json", *written]) == 3
    assert json.loads(capsys.readouterr().out)["outcome"] == "none"
    assert (tmp_path / "r.md").read_text().startswith("# d: ladder-bench recommend")
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    (tmp_path / "p.yaml").write_text("quality: {at_least: 0.3}\ntraffic: {conversations_per_month: 10}\n")
    assert outcome(["recommend", where[0], "--policy", where[1]]) == 0
    assert "Recommended: the cheapest" in capsys.readouterr().out


def outcome(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as raised:
        cli.main(arguments)
    return int(raised.value.code or 0)


def test_a_floor_may_be_of_what_is_resolved_and_dollars_are_against_whom_it_names() -> None:
    found = recommend(run(), policy(quality=None, resolved={"against": "light", "margin": 0.1}))

    rows = {row["name"]: row for row in found["strategies"]}
    assert found["base"] == "light"
    assert rows["light"]["saving_usd_month"]["value"] == 0.0
    assert rows["advanced"]["constraints"][0]["name"] == "resolved against light"
    assert found["choice"] == "light"


def test_arms_over_different_conversations_are_held_against_each_other_by_welch() -> None:
    first, second = np.full(100, np.nan), np.full(100, np.nan)
    first[:50], second[50:] = noise(50, 0.9, seed=1), noise(50, 0.8, seed=2)
    read = replace(evidence(a={"quality": first}, b={"quality": second}), unpaired=True)
    _, other = choosing.candidates(read, policy(quality={"against": "base", "margin": 0.2}))

    (found,) = other.constraints
    assert (found.outcome, found.n) == ("met", 100)
    assert found.low == pytest.approx(-0.1 - 1.661 * 0.1 * np.sqrt(2 / 50), abs=1e-3)


def test_a_limit_that_nothing_can_break_is_met_among_however_many() -> None:
    arms = {f"s{place}": {"turns over 5 s": np.full(100, 4.0)} for place in range(9)}
    tested = choosing.candidates(evidence(**arms), policy(quality=None, latency={"over_s": 5, "at_most": 1.0}))

    assert {each.status for each in tested} == {"holds"}


def test_where_unresolved_conversations_are_dear_another_choice_is_named() -> None:
    found = recommend(run(), policy(quality={"at_least": 0.3}, unresolved_cost_usd=100.0))

    assert (found["choice"], found["cheapest_effective"]) == ("light", "two-step")
    assert any("two-step would be the cheapest that holds" in each for each in decision.headline(found))


def test_what_a_choice_costs_more_than_the_base_is_said_as_more() -> None:
    found = recommend(run(), policy(quality={"at_least": 0.8, "against": "light", "margin": 0.5}))

    assert found["choice"] == "two-step"
    said = decision.headline(found)[0]
    assert "more than light (8" in said
    assert "−" not in said


def test_a_floor_near_the_top_is_not_said_to_be_met_more_often_because_qualities_are_skewed() -> None:
    """Beta(4.5, 0.5) has mean 0.9: by a plain t its 5 % are nearly 10, and 0.5 % nearly 3 once strategies are many."""
    random = np.random.default_rng(4)
    constraint = constraints.Constraint("quality", "share", True, 0.9)
    found, plain = [], []
    for _ in range(3000):
        effect = constraints.effects.of(constraints.effects.mean(random.beta(4.5, 0.5, 30)))
        found.append(constraints._by_t(constraint, effect)[2])
        plain.append(effect.reversed().p_below(-0.9))

    assert np.mean(np.array(found) <= 0.05) <= 0.065
    assert np.mean(np.array(found) <= 0.005) <= 0.012
    assert np.mean(np.array(plain) <= 0.05) > 0.085  # proof that the test can fail


def test_the_bound_and_the_p_value_of_a_skewed_value_agree() -> None:
    effect = constraints.effects.of(constraints.effects.mean(np.random.default_rng(0).exponential(1.0, 40)))
    for at_least in (True, False):
        low, high, _ = constraints._by_t(constraints.Constraint("x", "rate", at_least, 1.0), effect)
        at_bound = constraints.Constraint("x", "rate", at_least, low if at_least else high)

        assert constraints._by_t(at_bound, effect)[2] == pytest.approx(0.05)


POINT = constraints.Judged(
    constraints.Constraint("quality", "share", True, 0.5), "undecided", 0.6, 0.4, 0.8, 100, 0, 0.2, 0.1
)


def test_a_number_that_nobody_has_is_no_number() -> None:
    near = replace(POINT, value=0.5 + 1e-9)

    assert (near.needed(), near.beyond()) == (None, True)
    assert (replace(near, share=0.01).needed(), replace(near, value=0.5).beyond()) == (None, False)
    assert decision._needed({"needed_n": 1_240, "needed_n_above": None}) == "about 1,240"
    assert decision._needed({"needed_n": None, "needed_n_above": 10**6}, "n = ") == "more than n = 1,000,000"
    assert decision._needed({"needed_n": None, "needed_n_above": None}) == ""
