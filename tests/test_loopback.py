"""The provider on loopback does what it says: other tests rest on it."""

from __future__ import annotations

import asyncio
import email.utils
import json
import time
from collections.abc import Coroutine
from typing import Any

import aiohttp
import pytest

import loopback
from loopback import Behaviour, Provider
from loopback_desk import FAILURES

HUNG_UP = (aiohttp.ServerDisconnectedError, aiohttp.ClientPayloadError, aiohttp.ClientOSError)
Answer = tuple[int, dict[str, str], str]  # status, headers, body


async def ask(provider: Provider, text: str = "hi", timeout_s: float = 10.0, **more: Any) -> Answer:
    body = {"model": "m", "messages": [{"role": "user", "content": text}]} | more
    timeout = aiohttp.ClientTimeout(timeout_s)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.post(f"{provider.url}/chat/completions", json=body) as response,
    ):
        headers = {name.lower(): value for name, value in response.headers.items()}
        return response.status, headers, await response.text()


def all_of(*asked: Coroutine[Any, Any, Answer]) -> list[Any]:
    async def gathered() -> list[Any]:
        return await asyncio.gather(*asked, return_exceptions=True)

    return asyncio.run(gathered())


def one(behaviour: Behaviour, **asked: Any) -> Answer:
    with loopback.serve(behaviour) as provider:
        return asyncio.run(ask(provider, **asked))


def events(text: str) -> list[Any]:
    data = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith("data: ")]
    assert data.pop() == "[DONE]"
    return [json.loads(each) for each in data]


# --- answers -------------------------------------------------------------------------------


def test_the_same_request_gets_the_same_answer_and_another_one_another() -> None:
    first, again, other = (json.loads(one(Behaviour(), text=text)[2]) for text in ("hi", "hi", "bye"))

    assert first == again
    assert first["choices"][0]["message"]["content"] != other["choices"][0]["message"]["content"]


def test_usage_is_counted_from_bytes_and_an_answer_keeps_within_max_tokens() -> None:
    whole = json.loads(one(Behaviour(text="a" * 100), text="b" * 40, max_tokens=20)[2])

    assert whole["usage"] == {
        "prompt_tokens": 14, "completion_tokens": 20, "total_tokens": 34, "prompt_tokens_details": {"cached_tokens": 0},
    }  # fmt: skip
    assert whole["choices"][0]["message"]["content"] == "a" * 80
    assert whole["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(
    ("usage", "prompt"), [("missing", None), ("zero", 0), ("tenth", 1), ("tenfold", 140), ("negative", -14)]
)
def test_usage_may_lie_and_the_bill_does_not(usage: str, prompt: int | None) -> None:
    with loopback.serve(Behaviour(text="a" * 400, usage=usage, input_usd=1.0, output_usd=2.0)) as provider:
        whole = json.loads(asyncio.run(ask(provider, "b" * 40))[2])

    assert whole.get("usage", {}).get("prompt_tokens") == prompt
    assert provider.ledger().billed_usd == pytest.approx((14 + 2 * 100) / 1e6)


def test_a_prompt_that_begins_as_one_before_is_cached_up_to_there() -> None:
    messages = [{"role": "user", "content": "b" * 400}, {"role": "user", "content": "go on"}]
    with loopback.serve(Behaviour(text="a", cache_minimum=100, input_usd=1, cached_usd=0.1, output_usd=0)) as provider:
        asyncio.run(ask(provider, messages=messages[:1]))
        whole = json.loads(asyncio.run(ask(provider, messages=messages))[2])

    assert whole["usage"]["prompt_tokens_details"]["cached_tokens"] == 104
    assert provider.ledger().billed_usd == pytest.approx((104 + 6 + 104 * 0.1) / 1e6)


def test_a_stream_holds_the_answer_in_chunks_then_usage_then_done() -> None:
    asked = {"stream": True, "stream_options": {"include_usage": True}}
    found = events(one(Behaviour(text="In short, one more check – twice."), **asked)[2])

    text = "".join(choice["delta"].get("content") or "" for chunk in found for choice in chunk["choices"])
    assert text == "In short, one more check – twice."
    assert [choice["finish_reason"] for choice in found[-2]["choices"]] == ["stop"]
    assert (found[-1]["choices"], found[-1]["usage"]["completion_tokens"]) == ([], 9)
    assert len(found) > 4


def test_a_stream_pauses_before_its_first_token_and_between_chunks() -> None:
    started = time.monotonic()
    found = events(one(Behaviour(text="a" * 60, delay_s=0.05, chunk_delay_s=0.02), stream=True)[2])

    assert time.monotonic() - started >= 0.05 + 0.02 * (len(found) - 1)


# --- failures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("429", "rate_limit_exceeded"),
        ("500", "server_error"),
        ("502", "<html>"),
        ("html", "<html>"),
        ("401", "invalid_api_key"),
        ("400_context", "context_length_exceeded"),
        ("error_200", "upstream_error"),
        ("no_choices", '"choices":[]'),
        ("null_content", '"content":null'),
        ("length", '"finish_reason":"length"'),
        ("wrong_model", '"model":"another-model-1"'),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_has_its_status_and_form(kind: str, holds: str, stream: bool) -> None:
    status, _, text = one(Behaviour(script=[kind]), stream=stream)

    assert status == FAILURES[kind]
    assert holds in text or (stream and kind == "no_choices" and '"delta"' not in text)


def test_retry_after_comes_in_seconds_or_as_a_date() -> None:
    in_seconds = one(Behaviour(script=["429_after"], retry_after_s=2.5))[1]["retry-after"]
    started = time.time()
    as_date = email.utils.parsedate_to_datetime(one(Behaviour(script=["429_date"]))[1]["retry-after"])

    assert in_seconds == "2.5"
    assert started + 1 <= as_date.timestamp() <= time.time() + 2
    assert "retry-after" not in one(Behaviour(script=["429"]))[1]


@pytest.mark.parametrize("kind", ["cut", "cut_middle"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_connection_is_cut_and_the_work_is_billed(kind: str, stream: bool) -> None:
    with loopback.serve(Behaviour(script=[kind])) as provider:
        found = all_of(ask(provider, stream=stream))

    assert isinstance(found[0], HUNG_UP)
    assert provider.ledger().billed_usd > 0
    assert not provider.ledger().answered


def test_truncated_json_is_a_whole_response() -> None:
    status, headers, text = one(Behaviour(script=["bad_json"]))

    assert (status, int(headers["content-length"])) == (200, len(text.encode()))
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(text)


@pytest.mark.parametrize("kind", ["hang", "hang_middle"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_gives_up_is_billed_and_counted_as_lost(kind: str, stream: bool) -> None:
    with loopback.serve(Behaviour(script=[kind])) as provider:
        found = all_of(ask(provider, timeout_s=0.3, stream=stream))
        deadline = time.monotonic() + 5
        while not provider.ledger().lost and time.monotonic() < deadline:
            time.sleep(0.01)

    assert isinstance(found[0], TimeoutError)
    assert provider.ledger().lost == 1
    assert provider.ledger().billed_usd > 0


@pytest.mark.parametrize(("bills", "dollars"), [(False, 0.0), (True, 14 / 1e6)])
def test_whether_errors_are_billed_can_be_chosen(bills: bool, dollars: float) -> None:
    behaviour = Behaviour(script=["500", "429"], bill_errors=bills, input_usd=1, output_usd=0)
    with loopback.serve(behaviour) as provider:
        asyncio.run(ask(provider, "b" * 40))
        asyncio.run(ask(provider, "b" * 40))

    assert provider.ledger().billed_usd == pytest.approx(dollars)


def test_failures_are_drawn_at_their_rates_and_the_same_way_each_time() -> None:
    def outcomes(seed: int) -> list[tuple[str, str]]:
        with loopback.serve(Behaviour(failures={"500": 0.2, "429": 0.1}, seed=seed)) as provider:
            all_of(*(ask(provider, f"question {n}") for n in range(200)))
        return sorted((entry.key, entry.outcome) for entry in provider.ledger().entries)

    first = outcomes(1)

    assert first == outcomes(1)
    assert first != outcomes(2)
    assert 40 <= sum(outcome != "answered" for _, outcome in first) <= 80


def test_only_so_many_draws_of_a_request_fail() -> None:
    with loopback.serve(Behaviour(failures={"500": 1.0}, most_failures=2)) as provider:
        statuses = [asyncio.run(ask(provider))[0] for _ in range(4)]

    assert statuses == [500, 500, 200, 200]


def test_a_wrong_key_is_refused_and_quoted() -> None:
    status, _, text = one(Behaviour(api_key="sk-right"))

    assert status == 401
    assert "Incorrect API key provided: ." in text


def test_a_prompt_above_the_context_window_is_refused() -> None:
    behaviour = Behaviour(context_window=50)

    assert one(behaviour, text="b" * 100, max_tokens=21)[0] == 200
    assert one(behaviour, text="b" * 100, max_tokens=22)[0] == 400


# --- limits and the ledger -----------------------------------------------------------------


def test_requests_above_the_rate_are_turned_away_and_told_when_to_come_back() -> None:
    with loopback.serve(Behaviour(requests_per_minute=5, window_s=60)) as provider:
        found = all_of(*(ask(provider, f"{n}") for n in range(8)))

    assert sorted(status for status, _, _ in found) == [200] * 5 + [429] * 3
    assert all(50 < float(headers["retry-after"]) <= 60 for status, headers, _ in found if status == 429)
    assert provider.ledger().most_requests(60) == 8
    assert provider.ledger().outcomes["rate_limited"] == 3


def test_tokens_above_the_rate_are_turned_away() -> None:
    with loopback.serve(Behaviour(text="a" * 24, tokens_per_minute=100)) as provider:
        found = all_of(*(ask(provider, f"{n:040d}") for n in range(8)))  # 20 tokens each

    assert sorted(status for status, _, _ in found) == [200] * 5 + [429] * 3
    assert provider.ledger().most_tokens(60) == 160


def test_the_busiest_window_is_found_wherever_it_begins() -> None:
    ledger = loopback.Ledger.of({"key": "k", "attempt": 1, "at_s": at} for at in (0.0, 0.9, 1.0, 1.1, 1.8, 2.0))

    assert ledger.most_requests(1.0) == 4  # 0.9 to 1.8
    assert ledger.most_requests(0.2) == 2


def test_the_ledger_counts_what_was_in_flight_and_what_came_twice() -> None:
    with loopback.serve(Behaviour(delay_s=0.1)) as provider:
        all_of(ask(provider, "a"), ask(provider, "a"), ask(provider, "b"))
    ledger = provider.ledger()

    assert ledger.most_in_flight == 3
    assert (len(ledger.answered), ledger.repeated.total()) == (2, 1)
    assert 0.1 <= ledger.seconds < 5.0


def test_the_behaviour_can_change_while_it_is_served() -> None:
    with loopback.serve(Behaviour(script=["500"])) as provider:
        before = asyncio.run(ask(provider, "a"))[0]
        provider.behave(Behaviour())
        after = asyncio.run(ask(provider, "b"))[0]

    assert (before, after) == (500, 200)


def test_a_process_of_its_own_behaves_the_same() -> None:
    behaviour = Behaviour(script=["429_after"], retry_after_s=3, text="fixed – text")
    with loopback.process(behaviour) as provider:
        refused, answered = asyncio.run(ask(provider)), asyncio.run(ask(provider))

    assert (refused[0], refused[1]["retry-after"]) == (429, "3")
    assert json.loads(answered[2])["choices"][0]["message"]["content"] == "fixed – text"
    assert provider.ledger().outcomes == {"429_after": 1, "answered": 1}


def test_an_unknown_failure_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="teapot"):
        Behaviour(failures={"teapot": 0.1})
