"""The fooling suite: what looks cheap or good and is neither. None of it passes the gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import numpy as np
import pytest

from gate_runs import PRICES, Made, decide, luck, noisy, row, run
from ladder_bench import folder
from ladder_bench.domain import Price

N = 400
HARD = np.arange(N) < 40  # the conversations that nobody resolves easily


def honest() -> Made:
    """What the baseline did: hard conversations are worse and seldom resolved."""
    quality = np.where(HARD, noisy(N, 0.55), noisy(N, 0.9))
    resolved = np.where(HARD, luck(N, 0.2), luck(N, 0.95))
    return Made(quality=quality, resolved=resolved, unsupported=luck(N, 0.1), output=300, tier="advanced")


def changed(**more: object) -> folder.Run:
    values = {**honest().__dict__, **more}
    return run(N, made={"ladder": Made(**values)})


def empty_answers() -> folder.Run:
    return changed(quality=0.0, resolved=0.0, unsupported=0.0, output=1)


def nearly_empty_answers() -> folder.Run:
    """One in fifty is resolved by chance, for next to nothing."""
    return changed(quality=0.05, resolved=luck(N, 0.02), unsupported=0.0, output=1, tier="light")


def refusals() -> folder.Run:
    return changed(quality=0.1, resolved=luck(N, 0.05), unsupported=0.0, output=30)


def padding() -> folder.Run:
    """The same answers at several times the length: an unresolved conversation costs so much that QPD hardly moves."""
    return changed(output=1200, tier="light")


def padding_of_hard_answers_alone() -> folder.Run:
    return changed(output=np.where(HARD, 4000, 300))


def dropped_hard_conversations() -> folder.Run:
    kept = [f"talk-{index:04}" for index in range(N) if not HARD[index]]
    made = honest()
    picked = {name: value[~HARD] for name, value in made.__dict__.items() if isinstance(value, np.ndarray)}
    return run(names=kept, made={"ladder": Made(**{**made.__dict__, **picked})})


def a_price_of_0() -> folder.Run:
    return run(N, made={"ladder": honest()}, prices={**PRICES, "advanced": Price(0.0, 0.0)})


def a_price_of_0_for_answers() -> folder.Run:
    return run(N, made={"ladder": honest()}, prices={**PRICES, "advanced": Price(4.0, 0.0)})


def a_price_of_0_for_thinking() -> folder.Run:
    return run(N, made={"ladder": honest()}, prices={**PRICES, "advanced": Price(4.0, 20.0, reasoning=0.0)})


def a_dearer_model_under_the_same_name() -> folder.Run:
    tiers = [
        {"name": name, "model": f"scripted/{name}-pro", "price": {**asdict(price), "input": 400.0, "output": 2000.0}}
        for name, price in PRICES.items()
    ]
    return run(N, made={"ladder": honest()}, about={"tiers": tiers})


def a_usage_of_0() -> folder.Run:
    return changed(output=0, input=0)


def a_usage_of_0_in_hard_conversations() -> folder.Run:
    return changed(output=np.where(HARD, 0, 300), input=0)


def a_cheaper_worse_tier() -> folder.Run:
    """Raw quality per dollar is eight times as high."""
    return changed(quality=honest().quality - 0.08, tier="light")


def a_much_cheaper_much_worse_tier() -> folder.Run:
    return changed(quality=0.03, resolved=luck(N, 0.03), unsupported=0.0, tier="light", output=5, input=20)


def failed_hard_conversations() -> folder.Run:
    return changed(failed=tuple(np.flatnonzero(HARD)))


def a_few_failed_hard_conversations() -> folder.Run:
    return changed(failed=tuple(range(6)))


def estimated_usage() -> folder.Run:
    return changed(estimated=True, output=1)


def hard_conversations_without_quality() -> folder.Run:
    return changed(quality=np.where(HARD, np.nan, 0.95))


def hard_conversations_without_an_outcome() -> folder.Run:
    return changed(resolved=np.where(HARD, np.nan, 1.0))


def the_same_quality_for_more_claims() -> folder.Run:
    return changed(unsupported=luck(N, 0.4))


def another_judge() -> folder.Run:
    return run(N, made={"ladder": honest()}, about={"judges": [{"model": "openai/kind", "params": {}}]})


def a_stopped_run() -> folder.Run:
    return run(N, made={"ladder": honest()}, about={"incomplete": {"why": "the cap"}})


FOOLING = (
    empty_answers, nearly_empty_answers, refusals, padding, padding_of_hard_answers_alone, dropped_hard_conversations,
    a_price_of_0, a_price_of_0_for_answers, a_price_of_0_for_thinking, a_dearer_model_under_the_same_name, a_usage_of_0, a_usage_of_0_in_hard_conversations, a_cheaper_worse_tier, a_much_cheaper_much_worse_tier,
    failed_hard_conversations, a_few_failed_hard_conversations, estimated_usage, hard_conversations_without_quality,
    hard_conversations_without_an_outcome, the_same_quality_for_more_claims, another_judge, a_stopped_run,
)  # fmt: skip


@pytest.mark.parametrize("fool", FOOLING, ids=lambda each: each.__name__)
def test_nothing_that_only_looks_good_passes(fool: Callable[[], folder.Run]) -> None:
    found = decide(fool(), run(N, made={"ladder": honest()}))

    assert found["outcome"] != "pass", found.get("why")


@pytest.mark.parametrize(
    ("fool", "outcome"),
    [
        (empty_answers, "fail"), (nearly_empty_answers, "fail"), (refusals, "fail"), (padding, "inconclusive"),
        (dropped_hard_conversations, "refused"), (a_price_of_0, "refused"), (a_cheaper_worse_tier, "fail"),
        (a_price_of_0_for_thinking, "refused"), (a_dearer_model_under_the_same_name, "fail"),
        (failed_hard_conversations, "refused"), (estimated_usage, "refused"),
        (hard_conversations_without_quality, "refused"), (the_same_quality_for_more_claims, "fail"),
    ],
    ids=lambda each: getattr(each, "__name__", each),
)  # fmt: skip
def test_each_is_stopped_for_the_right_reason(fool: Callable[[], folder.Run], outcome: str) -> None:
    assert decide(fool(), run(N, made={"ladder": honest()}))["outcome"] == outcome


def test_padding_is_named_and_a_gain_in_quality_pays_for_it() -> None:
    old = run(N, made={"ladder": honest()})

    padded = decide(padding(), old)
    better = decide(changed(output=1200, tier="light", quality=honest().quality + 0.03), old)

    assert padded["why"] == "answers are longer without being better: 4.0 times the baseline's tokens an answer"
    assert row(better, "padding")["outcome"] == "pass"
    assert decide(padding(), old, policy={"limits": {"padding": None}})["outcome"] == "pass"


def test_raw_quality_per_dollar_would_have_been_fooled() -> None:
    old, new = run(N, made={"ladder": honest()}), a_much_cheaper_much_worse_tier()

    found = decide(new, old)

    cost = found["primary"]["cost_usd_warm"]
    assert 0.03 / cost["run"] > 10 * 0.86 / cost["baseline"]
    assert found["primary"]["qpd"]["run"] < found["primary"]["qpd"]["baseline"]
    assert row(found, "qpd")["outcome"] == "fail"
