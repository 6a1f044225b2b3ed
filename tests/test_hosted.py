"""Hosted models through litellm, against a server on loopback: a real client, a real socket, no network."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ladder_bench.domain import History, Message, Origin, Price, Reply, Request, Tier, Usage
from ladder_bench.errors import FatalModelError, InputError, ModelError
from ladder_bench.models.hosted import Hosted
from loopback import Behaviour, completion, server

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own dependencies warn
SECRET = "sk-never-shown-4711"


def ask(behave: Behaviour, **params: Any) -> tuple[Reply, list[dict[str, Any]]]:
    with server(behave) as (url, seen):
        settings = {"api_base": url, "api_key_env": "LADDER_TEST_KEY", **params}
        tier = Tier("strong", "openai/some-model", settings, Price(1.0, 2.0))
        history = History().plus(Message("user", "hi"), Message("assistant", "hello"))
        request = Request(tier, "Be kind.", history, (Message("user", "go on"),), Origin("c", 2))
        return asyncio.run(Hosted(tier, backoff_s=0.0).complete(request)), seen


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LADDER_TEST_KEY", SECRET)


def test_a_reply_carries_text_usage_wait_and_the_served_model() -> None:
    reply, seen = ask(lambda body, before: (200, completion("the answer")))

    assert (reply.text, reply.usage, reply.model) == ("the answer", Usage(30, 7, cached=12), "served-model")
    assert reply.latency_s is not None
    assert reply.latency_s > 0
    assert [m["role"] for m in seen[0]["messages"]] == ["system", "user", "assistant", "user"]
    assert seen[0]["max_tokens"] == 1024


def test_params_reach_the_provider_and_the_key_comes_from_the_environment() -> None:
    _, seen = ask(lambda body, before: (200, completion()), temperature=0, max_output_tokens=50)

    assert (seen[0]["temperature"], seen[0]["max_tokens"]) == (0, 50)
    assert seen[0]["authorization"] == f"Bearer {SECRET}"
    assert "api_key_env" not in seen[0]


def test_missing_usage_is_none_and_not_zero() -> None:
    reply, _ = ask(lambda body, before: (200, completion(usage=False)))

    assert reply.usage is None


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(completion(None), "no_content"), (completion(choices=[]), "no_choices")],
)
def test_a_success_without_an_answer_is_an_error(answer: Any, kind: str) -> None:
    with pytest.raises(ModelError) as caught:
        ask(lambda body, before: (200, answer))

    assert caught.value.kind in (kind, "provider_error")


def test_a_refused_key_is_fatal_names_the_variable_and_never_shows_the_key() -> None:
    with pytest.raises(FatalModelError) as caught:
        ask(lambda body, before: (401, {"error": {"message": f"bad key {SECRET}", "type": "invalid_request_error"}}))

    assert "LADDER_TEST_KEY" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_an_unset_key_is_fatal_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADDER_TEST_KEY")

    with pytest.raises(FatalModelError, match="LADDER_TEST_KEY is not set"):
        ask(lambda body, before: (200, completion()))


def test_a_passing_failure_is_tried_again_by_the_harness_alone() -> None:
    reply, seen = ask(
        lambda body, before: (200, completion()) if before >= 2 else (500, {"error": {"message": "oops"}})
    )

    assert reply.text == "hello"
    assert len(seen) == 3


def test_a_bad_request_is_not_tried_again() -> None:
    seen: list[int] = []

    def refuse(body: dict[str, Any], before: int) -> tuple[int, Any]:
        seen.append(before)
        return 400, {"error": {"message": "unknown parameter", "type": "invalid_request_error"}}

    with pytest.raises(ModelError, match="bad_request"):
        ask(refuse)

    assert seen == [0]


def test_a_tier_may_only_reach_the_hosts_that_it_names() -> None:
    tier = Tier("t", "openai/m", {"api_base": "http://elsewhere.example/v1"}, Price(1, 1), hosts=("127.0.0.1",))

    with pytest.raises(InputError, match="may reach 127"):
        Hosted(tier)
