"""The gate: what passes, what fails, what stays open, and what may not be compared."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from math import log
from pathlib import Path

import numpy as np
import pytest

from gate_runs import F, Made, decide, luck, noisy, row, run
from ladder_bench import content
from ladder_bench.domain import Price
from ladder_bench.errors import InputError
from ladder_bench.gating import policy as policies
from ladder_bench.gating.policy import PolicyShape

N = 400


def made(seed: int = 0, **more: object) -> dict[str, Made]:
    """A strategy of N conversations with luck; another seed is another run of it."""
    values = {"quality": noisy(N, seed=seed), "resolved": luck(N), "output": 100 + (noisy(N, seed=seed + 5) * 20)}
    return {"ladder": Made(**{**values, **more})}


# --- outcomes ------------------------------------------------------------------------------


def test_a_run_against_itself_passes_with_differences_of_exactly_0() -> None:
    found = decide(run(N, made=made()), run(N, made=made()))

    assert found["outcome"] == "pass"
    assert found["why"] == f"identical in all {N} conversations"
    assert [(each["value"], each["low"], each["high"]) for each in found["tests"]] == [(0.0, 0.0, 0.0)] * 3
    assert found["primary"]["effective_usd"]["value"] == 0.0


def test_a_run_against_itself_passes_with_few_conversations() -> None:
    found = decide(run(3), run(3))

    assert found["outcome"] == "pass"


def test_a_run_that_differs_by_noise_alone_passes() -> None:
    found = decide(run(N, made=made(1)), run(N, made=made(0)))

    assert found["outcome"] == "pass"
    assert row(found, "quality")["low"] > -0.03


def test_a_drop_of_six_points_fails_on_quality() -> None:
    worse = made(1, quality=noisy(N, mean=0.79, seed=1))

    found = decide(run(N, made=worse), run(N, made=made(0)))

    assert found["outcome"] == "fail"
    assert row(found, "quality")["outcome"] == "fail"
    assert "quality is shown to be worse" in found["why"]


def test_claims_that_nothing_supports_fail_on_harm() -> None:
    found = decide(run(N, made=made(unsupported=luck(N, 0.4))), run(N, made=made(unsupported=luck(N, 0.1))))

    assert row(found, "harm")["outcome"] == "fail"
    assert row(found, "harm")["value"] > 0.2
    assert row(found, "harm")["better"] == "lower"
    assert row(found, "harm")["low"] < row(found, "harm")["value"] < row(found, "harm")["high"]


def test_few_conversations_leave_it_open_and_say_how_many_are_needed() -> None:
    new, old = Made(quality=noisy(12, seed=1)), Made(quality=noisy(12))

    found = decide(run(12, made={"ladder": new}), run(12, made={"ladder": old}))

    assert found["outcome"] == "inconclusive"
    assert found["why"] == "too few conversations to tell: 12, and 20 are needed for an interval"
    assert row(found, "quality")["low"] is None
    assert row(found, "quality")["needed_n"] >= 20


def test_an_open_decision_says_how_many_conversations_would_decide_it() -> None:
    new, old = Made(quality=noisy(30, seed=1, sd=0.3)), Made(quality=noisy(30, sd=0.3))

    found = decide(run(30, made={"ladder": new}), run(30, made={"ladder": old}))

    assert found["outcome"] == "inconclusive"
    assert found["needed_n"] == row(found, "quality")["needed_n"] > 30
    assert found["needed"]["with_twice_the_samples"] is None


def test_samples_tell_what_more_of_them_would_do() -> None:
    sides = [Made(quality=0.5, samples=2, seed=seed, spread=0.2) for seed in (1, 0)]

    found = decide(*(run(200, made={"ladder": each}) for each in sides))

    assert found["samples"] == [2, 2]
    assert found["needed"]["noise_share"]["quality"] > 0.7
    assert 20 <= found["needed"]["with_twice_the_samples"] < 0.75 * found["needed_n"]


def test_a_run_that_resolves_nothing_fails_without_a_logarithm() -> None:
    found = decide(run(N, made=made(resolved=0.0)), run(N, made=made()))

    assert row(found, "qpd")["outcome"] == "fail"
    assert row(found, "qpd")["value"] is None
    assert found["why"].startswith("the run resolves nothing")


def test_resolving_nothing_fails_against_itself() -> None:
    assert decide(run(N, made=made(resolved=0.0)), run(N, made=made(resolved=0.0)))["outcome"] == "fail"


def test_losses_that_were_never_seen_are_not_taken_for_impossible() -> None:
    few, many = 60, 600
    sides = [[Made(quality=noisy(n, seed=seed, sd=0.02), output=100 + seed) for seed in (1, 0)] for n in (few, many)]

    cheap = {"unresolved_cost_usd": 0.01}
    found = [
        decide(*(run(len(pair[0].quality), made={"ladder": each}, summary=cheap) for each in pair)) for pair in sides
    ]

    assert [each["outcome"] for each in found] == ["inconclusive", "pass"]
    assert row(found[0], "qpd")["why"] == (
        "the same conversations are resolved on both sides; 60 of them do not exclude that one in 21 would be lost"
    )
    assert few < found[0]["needed_n"] == row(found[0], "qpd")["needed_n"] < many


def test_the_same_answers_for_less_pass() -> None:
    sides = [Made(quality=noisy(60), input=tokens) for tokens in (500, 1000)]

    found = decide(*(run(60, made={"ladder": each}) for each in sides))

    assert found["outcome"] == "pass"
    assert row(found, "qpd")["low"] == row(found, "qpd")["value"] > 0


def test_quality_per_dollar_is_a_relative_change() -> None:
    old = Made(resolved=luck(N), output=100)
    new = Made(resolved=luck(N), output=100, input=2000)

    found = decide(run(N, made={"ladder": new}), run(N, made={"ladder": old}))

    cost = [2 * (tokens * 0.5 + 100 * 2.0) / 1e6 for tokens in (2000, 1000)]
    unresolved = F * (1 - luck(N).mean())
    assert row(found, "qpd")["value"] == pytest.approx((cost[1] + unresolved) / (cost[0] + unresolved) - 1)
    assert found["primary"]["cost_usd_warm"]["difference"]["value"] == pytest.approx(cost[0] - cost[1])


def test_what_an_unresolved_conversation_costs_is_the_baselines() -> None:
    new = run(N, made=made(1), summary={"unresolved_cost_usd": 999.0})

    assert decide(new, run(N, made=made()))["primary"]["unresolved_cost_usd"] == F


# --- preconditions -------------------------------------------------------------------------


def refused(found: dict[str, object]) -> str:
    assert found["outcome"] == "refused"
    reasons = found["reasons"]
    assert isinstance(reasons, list)
    return "\n".join(reasons)


def test_other_conversations_are_refused_with_their_names() -> None:
    new = run(names=[f"talk-{index:04}" for index in range(5, 60)])

    assert "5 only in the baseline (talk-0000, talk-0001, talk-0002, ...)" in refused(decide(new, run()))


def test_a_conversation_that_changed_is_refused_with_its_name() -> None:
    new = run(digests={"talk-0007": "another"})

    assert "(talk-0007)" in refused(decide(new, run()))


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({"judges": [{"model": "openai/other", "params": {}}]}, "judge differs: none in the baseline"),
        ({"rubrics": [{"id": "checks", "hash": "r2", "grader": "checks"}]}, "rubrics differ: checks changed"),
        ({"mode": "forced"}, "replay mode differs: rollout in the baseline, forced in the run"),
        ({"config": {"resolved_quality": 0.9, "unresolved_cost_usd": F, "weights": {}, "gap_s": 60.0}}, "weights"),
        ({"incomplete": {"why": "cap"}}, "the run is incomplete"),
    ],
)
def test_a_run_that_was_measured_otherwise_is_refused(about: dict[str, object], reason: str) -> None:
    assert reason in refused(decide(run(about=about), run()))


def test_usage_that_was_estimated_is_refused_unless_the_policy_allows_it() -> None:
    new = run(N, made=made(estimated=True))

    assert "was estimated in the run" in refused(decide(new, run(N, made=made())))
    allowed = decide(new, run(N, made=made()), policy={"allow_estimated": True})
    assert allowed["outcome"] == "pass"
    assert any("is estimated, as the policy allows" in note for note in allowed["notes"])


def test_more_than_one_point_between_what_is_left_out_is_refused() -> None:
    quality = noisy(N).tolist()
    quality[:6] = [None] * 6

    assert "1.5% of the conversations have no quality in the run and 0.0% in the baseline" in refused(
        decide(run(N, made=made(quality=quality)), run(N, made=made()))
    )


@pytest.mark.parametrize(
    ("judging", "reason"),
    [
        ({"unscored": {"not_json": 3}, "criteria": 100}, "3.0% of 100 criteria got no readable reply in the run"),
        ({"unscored": {"cannot_assess": 3}, "criteria": 100}, None),
        ({"unscored": {}, "criteria": 100, "flips": 0.2}, "changed its mind on 20.0%"),
    ],
)
def test_a_judge_that_cannot_be_read_or_flips_is_refused(judging: dict[str, object], reason: str | None) -> None:
    flips = judging.pop("flips", None)
    said = {
        "judges": [{"name": "judge", **judging}],
        "repeats": {"judge": {"criteria": 50, "flip_rate": {"value": flips}}},
    }

    found = decide(run(summary={"judging": said}), run())

    assert (found["outcome"] == "pass") if reason is None else (reason in refused(found))


def test_what_was_not_measured_names_the_test_and_the_policy_that_does_without() -> None:
    runs = [run(made={"ladder": Made(resolved=None, quality=None)}) for _ in range(2)]

    assert refused(decide(*runs)).count("\n") == 1
    assert "'tests: [harm]' does without" in refused(decide(*runs))


def test_a_baseline_that_resolves_nothing_holds_nobody_to_anything() -> None:
    assert "the baseline resolves nothing" in refused(decide(run(N, made=made()), run(N, made=made(resolved=0.0))))


# --- prices --------------------------------------------------------------------------------


def test_both_sides_are_repriced_at_the_runs_prices_and_it_says_so() -> None:
    dearer = {"advanced": Price(4.0, 20.0), "light": Price(5.0, 20.0)}

    found = decide(run(N, made=made(), prices=dearer), run(N, made=made()))

    assert found["outcome"] == "pass"
    assert row(found, "qpd")["value"] == 0.0
    assert found["notes"] == ["repriced: light input 0.5 -> 5, light output 2 -> 20 (USD per million tokens)"]


def test_terms_of_a_cache_that_changed_set_nothing_apart() -> None:
    old = run(N, made=made(), prices={"light": Price(0.5, 2.0, cached=0.1, minimum_prefix=0)})
    new = run(N, made=made(), prices={"light": Price(0.5, 2.0, cached=0.1, minimum_prefix=4096)})

    found = decide(new, old)

    assert row(found, "qpd")["value"] == 0.0
    assert any("the terms of its cache changed" in note for note in found["notes"])


def test_declared_prices_hold_for_both_sides() -> None:
    found = decide(run(N, made=made()), run(N, made=made()), prices={"light": Price(1.0, 2.0)}, priced_by="p.yaml")

    assert found["primary"]["cost_usd_warm"]["run"] == found["primary"]["cost_usd_warm"]["baseline"] > 0.002
    assert found["notes"][0] == "prices of both sides from p.yaml"


def test_a_tier_without_a_price_is_refused_where_dollars_are_asked_for() -> None:
    unpriced = {"advanced": None, "light": None}
    pair = run(N, made=made(), prices=unpriced), run(N, made=made(), prices=unpriced)

    assert "tier 'light' has no price: name one with --prices" in refused(decide(*pair))
    assert decide(*pair, policy={"tests": ["quality", "harm"]})["outcome"] == "pass"
    assert decide(*pair, prices={"light": Price(1.0, 2.0)})["outcome"] == "pass"


def test_a_tier_that_only_the_baseline_has_keeps_its_price() -> None:
    old = run(N, made=made(tier="advanced"))

    found = decide(run(N, made=made(), prices={"light": Price(0.5, 2.0)}), old)

    assert "tier 'advanced' is in the baseline alone and keeps its price of then" in found["notes"]
    assert found["primary"]["cost_usd_warm"]["baseline"] > found["primary"]["cost_usd_warm"]["run"]


def test_another_model_behind_a_tiers_name_is_priced_by_its_own_price_and_it_says_so() -> None:
    tiers = [{"name": "light", "model": "scripted/grand", "price": asdict(Price(5.0, 20.0))}]

    found = decide(run(N, made=made(), about={"tiers": tiers}), run(N, made=made()))

    usd = found["primary"]["cost_usd_warm"]
    assert usd["run"] == pytest.approx(10 * usd["baseline"], rel=1e-6)
    assert found["notes"] == [
        "tier 'light' is scripted/light in the baseline and scripted/grand in the run: what the baseline used keeps its "
        "price of then"
    ]


def test_declared_prices_are_those_of_the_runs_model() -> None:
    tiers = [{"name": "light", "model": "scripted/grand", "price": asdict(Price(5.0, 20.0))}]

    found = decide(run(N, made=made(), about={"tiers": tiers}), run(N, made=made()), prices={"light": Price(1.0, 4.0)})

    usd = found["primary"]["cost_usd_warm"]
    assert usd["run"] == pytest.approx(2 * usd["baseline"], rel=1e-6)


# --- limits and flags ----------------------------------------------------------------------


def test_a_floor_is_held_against_the_run_alone() -> None:
    old, new = run(N, made=made()), run(N, made=made())

    assert row(decide(new, old, policy={"limits": {"quality": {"floor": 0.8}}}), "quality floor")["outcome"] == "pass"
    found = decide(new, old, policy={"limits": {"quality": {"floor": 0.9}}})
    assert found["outcome"] == "fail"
    assert row(found, "quality floor")["value"] == pytest.approx(0.85, abs=0.01)


def test_a_slice_that_got_worse_fails_though_the_whole_did_not() -> None:
    tags = {f"talk-{index:04}": ["refunds"] for index in range(60)}
    quality = noisy(N, seed=1)
    quality[:60] -= 0.2
    quality[60:] += 0.035

    found = decide(
        run(N, made=made(quality=quality), tags=tags), run(N, made=made(), tags=tags),
        policy={"limits": {"slices": [{"tag": "refunds"}]}},
    )  # fmt: skip

    assert row(found, "quality")["outcome"] == "pass"
    assert row(found, "slice refunds")["outcome"] == "fail"
    assert row(found, "slice refunds")["n"] == 60
    assert found["outcome"] == "fail"


def test_a_slice_that_no_conversation_is_in_is_an_error() -> None:
    tags = {"talk-0001": ["refunds"]}

    with pytest.raises(InputError, match="'refund'; did you mean 'refunds'"):
        decide(run(tags=tags), run(tags=tags), policy={"limits": {"slices": [{"tag": "refund"}]}})


def test_waiting_is_limited_by_the_share_of_slow_turns() -> None:
    slow = np.where(np.arange(N) % 10 == 0, 30.0, 1.0)
    policy = {"limits": {"latency": {"over_s": 10.0, "share": 0.05}}}

    found = decide(run(N, made=made(wait_s=slow)), run(N, made=made()), policy=policy)

    assert row(found, "turns over 10 s")["value"] == pytest.approx(0.1)
    assert row(found, "turns over 10 s")["outcome"] == "fail"
    assert decide(run(N, made=made()), run(N, made=made()), policy=policy)["outcome"] == "pass"


def test_harm_of_few_conversations_has_the_same_wide_bounds_against_the_anchor() -> None:
    claims = np.zeros(N)
    claims[:3] = 5.0
    new, old = run(N, made=made(unsupported=claims)), run(N, made=made())

    found = decide(new, old, old, policy={"limits": {"anchor": {"harm": 0.05}}})

    here, there = row(found, "harm"), row(found, "harm against the anchor")
    assert (here["low"], here["high"]) == (there["low"], there["high"])
    assert here["high"] - here["value"] > 1.2 * (here["value"] - here["low"])


def test_small_losses_that_each_pass_do_not_pass_the_anchor() -> None:
    anchor, last = run(N, made=made(quality=noisy(N) + 0.05)), run(N, made=made())
    new = run(N, made=made(1))

    assert decide(new, last)["outcome"] == "pass"
    found = decide(new, last, anchor)
    assert row(found, "quality against the anchor")["outcome"] == "fail"
    assert found["outcome"] == "fail"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"output": 0, "input": 0}, "anchor: 100.0% of the conversations were answered with a usage of 0 tokens"),
        ({"estimated": True}, "anchor: usage of 800 calls was estimated in the run"),
        ({"resolved": np.nan}, "anchor: resolved is not defined"),
    ],
)
def test_an_anchor_is_held_to_what_it_needs_though_no_test_needs_it(more: dict[str, object], reason: str) -> None:
    policy = {"tests": ["quality", "harm"], "limits": {"anchor": {"qpd": 0.10}}}
    old = run(N, made=made())

    found = decide(run(N, made=made(**more)), old, old, policy=policy)

    assert reason in refused(found)


def test_answers_without_a_token_leave_padding_open() -> None:
    policy = {"tests": ["quality", "harm"]}

    found = decide(run(N, made=made(output=0, input=0)), run(N, made=made()), policy=policy)

    assert found["outcome"] == "inconclusive"
    assert found["why"] == "not enough to tell about padding: a side has no answer tokens"


def test_a_calibrated_judge_shrinks_the_margin_of_quality() -> None:
    found = decide(
        run(N, made=made(1)), run(N, made=made()), policy={"judge": {"sensitivity": 0.9, "specificity": 0.7}}
    )

    assert row(found, "quality")["margin"] == pytest.approx(0.03 * 0.6)
    assert any("J = 0.60" in note for note in found["notes"])


def test_flags_do_not_decide_unless_the_policy_is_strict() -> None:
    runs = [Made(quality=noisy(30, seed=seed, sd=0.001)) for seed in (1, 0)]
    pair = [run(30, made={"ladder": each}) for each in runs]

    assert decide(*pair)["outcome"] == "pass"
    assert row(decide(*pair), "small sample")["raised"]
    strict = decide(*pair, policy={"strict": True})
    assert strict["outcome"] == "inconclusive"
    assert "small sample" in strict["why"]


def test_conversations_that_the_run_alone_lost_are_a_flag() -> None:
    found = decide(run(N, made=made(failed=(1, 2, 3))), run(N, made=made()))

    assert row(found, "left out")["raised"]
    assert row(found, "left out")["why"] == "if the 3 conversations that have no quality in the run alone counted as 0"


def test_tokens_that_doubled_are_a_flag() -> None:
    found = decide(run(N, made=made(input=3000)), run(N, made=made(input=1000)))

    assert row(found, "tokens per turn")["raised"]
    assert row(found, "tokens per turn")["value"] > 2.0


def test_turns_that_fit_no_longer_are_held_against_the_placebo() -> None:
    """Where a tier is recorded, what a replay does to user turns anyway is in its placebo as well."""
    placebo = "placebo (light)"
    both = {"ladder": made()["ladder"], placebo: made()["ladder"]}
    found = run(N, made=both)
    afresh = [{**each, "control": each["name"] == placebo} for each in found.about["strategies"]]
    tiers = [{**found.about["tiers"][0], "model": "recorded", "off_path": "light"}, found.about["tiers"][1]]
    about = {"strategies": afresh, "tiers": tiers}

    flags = decide(run(N, made=both, about=about), run(N, made=both, about=about), strategy="ladder")["review"]

    assert next(each for each in flags if each["name"] == "invalid turns")["against"] == placebo


def test_a_verdict_that_hangs_on_what_a_failure_costs_is_flagged() -> None:
    new, old = Made(tier="advanced", resolved=luck(N, 0.93)), Made(tier="light", resolved=luck(N, 0.9))

    found = decide(run(N, made={"ladder": new}), run(N, made={"ladder": old}))

    assert row(found, "F-sensitive")["raised"]
    assert "F, what one unresolved conversation costs you: at $" in row(found, "F-sensitive")["why"]
    assert {each["outcome"] for each in found["sweep"]} >= {"pass", "fail"}


# --- who against whom ----------------------------------------------------------------------


def test_one_strategy_on_each_side_is_held_against_the_other_and_it_says_so() -> None:
    found = decide(run(made={"new": Made()}), run(made={"old": Made()}))

    assert (found["strategy"], found["against"]) == ("new", "old")
    assert "'new' is held against 'old', the only strategy of the baseline" in found["notes"]


def test_a_strategy_is_held_against_the_one_of_the_same_name_or_the_named_one() -> None:
    both = run(N, made={"a": made()["ladder"], "b": made(quality=0.2)["ladder"]})

    assert decide(both, both, strategy="b")["outcome"] == "pass"
    assert decide(both, both, strategy="b", against="a")["outcome"] == "fail"
    with pytest.raises(InputError, match="no strategy 'c'"):
        decide(both, both, strategy="c")
    with pytest.raises(InputError, match="baseline: no strategy 'c'"):
        decide(both, both, strategy="a", against="c")


def test_suite_inference_needs_samples_and_sees_only_the_noise_between_them() -> None:
    assert "needs samples >= 2" in refused(decide(run(), run(), policy={"inference": "suite"}))
    spread = noisy(30, sd=0.2)
    sides = [run(30, made={"ladder": Made(quality=spread - worse, samples=3)}) for worse in (0.1, 0.0)]

    found = decide(*sides, policy={"inference": "suite"})

    assert row(found, "quality")["outcome"] == "fail"
    assert row(found, "quality")["n"] == 30
    assert row(found, "quality")["needed_n"] is None


def test_a_decision_is_json_without_a_number_that_json_has_not() -> None:
    found = decide(run(12, made={"ladder": Made(quality=noisy(12, seed=1))}), run(12))

    text = json.dumps(found, allow_nan=False)

    assert {"outcome", "primary", "tests", "limits", "review", "needed_n"} <= json.loads(text).keys()
    assert {"name", "outcome", "value", "low", "high", "margin", "needed_n"} <= json.loads(text)["tests"][0].keys()


def test_the_margin_of_quality_per_dollar_is_tested_as_a_logarithm() -> None:
    found = decide(run(N, made=made(1)), run(N, made=made()))

    low = row(found, "qpd")["low"]
    assert (log(1 + low) > log(0.9)) == (row(found, "qpd")["outcome"] == "pass")


# --- the policy ----------------------------------------------------------------------------


def test_the_bundled_policy_says_the_defaults_and_names_every_key() -> None:
    text = content.shipped("ladders", "policies", "gate.yaml").read_text(encoding="utf-8")
    nested = [
        PolicyShape,
        *(kind for name, kind in vars(policies).items() if name.endswith("Shape") and name != "Shape"),
    ]

    assert policies.load_policy("gate") == PolicyShape() == policies.load_policy(None)
    assert [key for kind in nested for key in content.keys_of(kind) if f"{key}:" not in text] == []


def test_a_policy_of_recommend_is_named_as_such() -> None:
    with pytest.raises(InputError, match="this is a policy of recommend"):
        policies.load_policy("recommend")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("margins: {qpd: 0}", "margins.qpd: must be greater than 0, not 0"),
        ("margins: {quality: 3}", "margins.quality: must be less than 1, not 3"),
        ("tests: []", "tests: is empty; at least one is needed"),
        ("tests: [qpd, qpd]", "each test may be named once"),
        ("judge: {sensitivity: 0.5, specificity: 0.5}", "a judge that guesses is no ground for a decision"),
        ("limits: {slices: [{tag: a}, {tag: a}]}", "each tag may be named once"),
        ("limits: {latency: {over_s: .nan, share: 0.1}}", "policy.yaml:1:20: limits.latency.over_s"),
        ("[]", "must be a mapping"),
    ],
)
def test_a_policy_that_means_nothing_is_refused_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InputError, match=re.escape(problem)):
        policies.load_policy(str(path))


def test_an_empty_policy_is_all_defaults(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("# nothing yet\n", encoding="utf-8")

    assert policies.load_policy(str(path)) == PolicyShape()
