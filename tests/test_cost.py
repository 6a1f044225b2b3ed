"""What a call costs: cold, billed, and warm as production with a prefix cache would see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import PRICE
from ladder_bench.cost import Prompt, billed_usd, cold_usd, count_tokens, estimated_usage, warm_usd
from ladder_bench.domain import Message, Price, Usage

STRONG = Price(input=4, cached=0.2, cache_write=5, output=20, ttl_s=300, minimum_prefix=512)
LIGHT = Price(input=1, cached=0.1, cache_write=1.25, output=5, ttl_s=300, minimum_prefix=4096)


def prompts(tiers: str, gap_s: float) -> Iterator[Prompt]:
    """A 1,500-token system prompt, 250 tokens in and 450 out a turn; one letter a turn says who answers it."""
    history = [Message("system", "you are")]
    for turn, tier in enumerate(tiers, 1):
        history.append(Message("user", f"question {turn}"))
        usage = Usage(1500 + 250 * turn + 450 * (turn - 1), 450)
        yield Prompt(tier, {"S": STRONG, "L": LIGHT}[tier], usage, tuple(history), (turn - 1) * gap_s)
        history.append(Message("assistant", f"answer {turn}"))


@pytest.mark.parametrize(
    ("tiers", "short_gaps", "cold", "long_gaps"),
    [
        ("S" * 12, 0.1668, 0.3768, 0.4440),
        ("L" * 12, 0.0547, 0.0942, 0.1082),
        ("SS" + "L" * 10, 0.0766, 0.1203, 0.1385),
        ("SL" * 6, 0.1359, 0.2292, 0.2681),
    ],
)
def test_a_conversation_costs_what_the_published_table_says(
    tiers: str, short_gaps: float, cold: float, long_gaps: float
) -> None:
    assert round(sum(warm_usd(list(prompts(tiers, 60)))), 4) == short_gaps
    assert round(sum(cold_usd(each.usage, each.price) for each in prompts(tiers, 60)), 4) == cold
    assert round(sum(warm_usd(list(prompts(tiers, 600)))), 4) == long_gaps


def prompt(*messages: str, tokens: int = 1000, at_s: float = 0.0, price: Price = PRICE, group: str = "g") -> Prompt:
    whole = tuple(Message("user" if n % 2 == 0 else "assistant", text) for n, text in enumerate(messages))
    return Prompt(group, price, Usage(tokens, 0), whole, at_s)


def test_the_cache_lives_exactly_as_long_as_its_ttl() -> None:
    first, price = prompt("a" * 984, tokens=250), PRICE
    in_time = prompt("a" * 984, "b", "c", tokens=260, at_s=price.ttl_s)
    too_late = prompt("a" * 984, "b", "c", tokens=260, at_s=price.ttl_s + 0.001)

    assert warm_usd([first, in_time])[1] == pytest.approx((250 * 0.1 + 10 * 1.25) / 1e6)
    assert warm_usd([first, too_late])[1] == pytest.approx(260 * 1.25 / 1e6)


def test_a_cache_is_shared_within_a_group_only() -> None:
    first, other = prompt("same"), prompt("same", group="other")

    assert warm_usd([first, other])[1] == warm_usd([other])[0]
    assert warm_usd([first, prompt("same", at_s=1.0)])[1] < warm_usd([first])[0]


def test_a_prefix_that_ends_inside_a_message_has_its_share_of_the_characters() -> None:
    """The memory stands at a message's end, so what stands before it stays cached."""
    first = prompt("u" * 1984 + "OLD" * 10, tokens=503)
    second = prompt("u" * 1984 + "NEW!", tokens=501)
    cached = int(501 * 1984 / (1988 + 16))

    assert warm_usd([first, second])[1] == pytest.approx((cached * 0.1 + (501 - cached) * 1.25) / 1e6)


def test_a_changed_system_prompt_leaves_nothing_behind_it_cached() -> None:
    first = Prompt("g", PRICE, Usage(1000, 0), (Message("system", "A"), Message("user", "long " * 100)), 0.0)
    second = Prompt("g", PRICE, Usage(1000, 0), (Message("system", "B"), Message("user", "long " * 100)), 1.0)

    assert warm_usd([first, second])[1] == warm_usd([second])[0]


def test_without_cache_prices_warm_is_cold() -> None:
    price = Price(input=3, output=9, minimum_prefix=0)
    both = [prompt("a", price=price), prompt("a", "b", "c", price=price, at_s=1)]

    assert warm_usd(both) == [cold_usd(each.usage, price) for each in both]


def test_billed_charges_cached_written_and_reasoning_tokens_at_their_own_rates() -> None:
    price = Price(input=4, output=20, cached=0.4, cache_write=5, reasoning=30)
    usage = Usage(input=1000, output=100, cached=600, cache_write=300, reasoning=40)

    assert billed_usd(usage, price) == pytest.approx((100 * 4 + 600 * 0.4 + 300 * 5 + 60 * 20 + 40 * 30) / 1e6)


@given(
    st.builds(Usage, *[st.integers(0, 10**7)] * 5),
    st.sampled_from([PRICE, STRONG, LIGHT, Price(input=3, output=9, reasoning=1)]),
)
def test_no_usage_costs_less_than_nothing_or_more_than_its_dearest_rate(usage: Usage, price: Price) -> None:
    rates = [rate for rate in (price.input, price.cached, price.cache_write) if rate is not None]
    output_rates = [rate for rate in (price.output, price.reasoning) if rate is not None]
    most = usage.input * max(rates) + usage.output * max(output_rates)

    assert 0 <= billed_usd(usage, price) <= most / 1e6 * (1 + 1e-9)


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 900)), min_size=1, max_size=8), st.floats(0.01, 100))
def test_scaling_prices_scales_every_cost(turns: list[tuple[int, float]], factor: float) -> None:
    def at(scale: float) -> list[float]:
        price = Price(4 * scale, 20 * scale, 0.2 * scale, 5 * scale, minimum_prefix=512)
        return warm_usd(
            [
                prompt(*("m" * 50 for _ in range(2 * n + 1)), tokens=tokens, at_s=at_s, price=price)
                for n, (tokens, at_s) in enumerate(turns)
            ]
        )

    assert at(factor) == pytest.approx([factor * each for each in at(1.0)], rel=1e-12)


def test_missing_usage_is_counted_and_flagged() -> None:
    usage = estimated_usage([Message("user", "hello there")], "hi")

    assert usage.estimated
    assert usage.input == count_tokens("hello there") + 4


def test_text_that_no_encoder_likes_is_counted_all_the_same() -> None:
    assert count_tokens("\ud800 lone") > 0
