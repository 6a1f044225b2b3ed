"""Both transports against a server on loopback: a real client, a real socket, no network, the same contract."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

from ladder_bench.domain import History, Message, Origin, Price, Reply, Request, Tier, Usage, canonical
from ladder_bench.errors import FatalModelError, ModelError
from ladder_bench.models import chat, live_client, transport_of
from ladder_bench.models.direct import Direct
from ladder_bench.models.hosted import Hosted
from loopback import Answering, Behaviour, Provider, completion, serve, server
from loopback_answers import logprobs_of

pytestmark = pytest.mark.filterwarnings("ignore")  # litellm's own dependencies warn
SECRET = "sk-never-shown-4711"


@pytest.fixture(params=["direct", "litellm"], autouse=True)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("LADDER_TEST_KEY", SECRET)
    return str(request.param)


def ask(
    url: str,
    transport: Any,
    stream: bool = False,
    hosts: tuple[str, ...] = (),
    schema: str = "",
    json_output: Any = "prompt",
    **params: Any,
) -> Reply:
    settings = {"api_base": url, "api_key_env": "LADDER_TEST_KEY", **params}
    tier = Tier(
        "strong",
        "openai/some-model",
        settings,
        Price(1.0, 2.0),
        transport=transport,
        stream=stream,
        hosts=hosts,
        json_output=json_output,
    )
    request = asked(tier, schema)
    client = live_client(tier)
    assert isinstance(transport_of(tier), Direct if transport == "direct" else Hosted)

    async def once() -> Reply:
        try:
            await client.open()
            return await client.complete(request)
        finally:
            await client.close()

    return asyncio.run(once())


def asked(tier: Tier, schema: str = "") -> Request:
    history = History().plus(Message("user", "hi"), Message("assistant", "hello"))
    return Request(tier, "Be kind.", history, (Message("user", "go on"),), Origin("c", 2), schema=schema)


def answered(behave: Answering, transport: str, **params: Any) -> tuple[Reply, list[dict[str, Any]]]:
    with server(behave) as (url, seen):
        return ask(url, transport, **params), seen


def refused(behaviour: Behaviour, transport: str, **more: Any) -> ModelError:
    with serve(behaviour) as provider, pytest.raises(ModelError) as caught:
        ask(provider.url, transport, **more)
    return caught.value


def test_a_reply_carries_text_usage_wait_age_and_the_served_model(transport: str) -> None:
    reply, seen = answered(lambda body, before: (200, completion("the answer")), transport)

    assert (reply.text, reply.usage, reply.model) == ("the answer", Usage(30, 7, cached=12), "served-model")
    assert reply.latency_s is not None
    assert reply.latency_s > 0
    assert reply.at is not None
    assert (reply.finish, reply.origin) == ("stop", "live")
    assert [m["role"] for m in seen[0]["messages"]] == ["system", "user", "assistant", "user"]
    assert seen[0]["max_tokens"] == 1024


def test_params_reach_the_provider_and_the_key_comes_from_the_environment(transport: str) -> None:
    _, seen = answered(lambda body, before: (200, completion()), transport, temperature=0, max_output_tokens=50)

    assert (seen[0]["temperature"], seen[0]["max_tokens"]) == (0, 50)
    assert seen[0]["authorization"] == f"Bearer {SECRET}"
    assert not {"api_key_env", "api_base", "max_output_tokens"} & set(seen[0])


def test_a_stream_gives_the_same_fields_and_the_time_to_the_first_token(transport: str) -> None:
    with serve(Behaviour(chunk_delay_s=0.01, delay_s=0.02)) as provider:
        streamed, whole = ask(provider.url, transport, stream=True), ask(provider.url, transport)

    assert (streamed.text, streamed.usage, streamed.model, streamed.finish) == (
        whole.text, whole.usage, whole.model, whole.finish,
    )  # fmt: skip
    assert streamed.first_token_s is not None
    assert streamed.latency_s is not None
    assert 0 < streamed.first_token_s < streamed.latency_s
    assert whole.first_token_s is None


@pytest.mark.parametrize("usage", ["missing", "zero", "negative"])
def test_usage_that_is_missing_or_cannot_be_is_none_and_flagged(transport: str, usage: str) -> None:
    with serve(Behaviour(usage=usage)) as provider:
        reply, streamed = ask(provider.url, transport), ask(provider.url, transport, stream=True)

    assert (reply.usage, streamed.usage) == (None, None)
    assert any(flag.startswith("usage") for flag in reply.notes)


def test_usage_beyond_what_the_prompt_can_hold_is_flagged(transport: str) -> None:
    implausible = completion("hi", prompt=None)
    implausible["usage"] = {"prompt_tokens": 90_000, "completion_tokens": 3, "total_tokens": 90_003}
    reply, _ = answered(lambda body, before: (200, implausible), transport)

    assert reply.usage == Usage(90_000, 3)
    assert any("implausible" in flag for flag in reply.notes)


@pytest.mark.parametrize(
    ("served", "flagged"),
    [("some-model", False), ("some-model-2026-05-01", False), ("openai/some-model", False), ("other-model", True)],
)
def test_a_served_model_other_than_the_requested_one_is_flagged(transport: str, served: str, flagged: bool) -> None:
    reply, _ = answered(lambda body, before: (200, completion(model=served)), transport)

    assert any("served by" in flag for flag in reply.notes) is flagged


def test_an_answer_that_was_cut_short_says_so(transport: str) -> None:
    with serve(Behaviour(script=["length"])) as provider:
        assert "truncated" in ask(provider.url, transport, max_output_tokens=5).notes


@pytest.mark.parametrize(
    ("outcome", "kinds", "charged"),
    [
        ("429", {"rate_limited"}, False),
        ("500", {"provider_error"}, None),
        ("502", {"provider_error"}, None),
        ("html", {"not_a_completion", "provider_error", "cut", "no_choices"}, None),
        ("bad_json", {"not_a_completion", "provider_error", "cut"}, None),
        ("cut", {"cut"}, None),
        ("cut_middle", {"cut", "not_a_completion", "provider_error"}, None),
        ("no_choices", {"no_choices", "provider_error"}, None),
        ("null_content", {"no_content", "provider_error"}, None),
        ("400_context", {"context_overflow"}, False),
    ],
)
def test_a_failure_has_its_kind_and_says_whether_it_was_charged(
    transport: str, outcome: str, kinds: set[str], charged: bool | None
) -> None:
    error = refused(Behaviour(script=[outcome]), transport)

    assert error.kind in kinds
    assert not isinstance(error, FatalModelError)
    assert error.charged in ({charged, True} if charged is None else {charged})


@pytest.mark.parametrize("outcome", ["429_after", "429_date"])
def test_a_provider_that_asks_to_wait_is_heard_in_both_forms(transport: str, outcome: str) -> None:
    error = refused(Behaviour(script=[outcome], retry_after_s=7), transport)

    assert error.kind == "rate_limited"
    assert error.retry_after_s == pytest.approx(7, abs=1.5)


def test_a_stream_that_breaks_off_is_no_answer(transport: str) -> None:
    error = refused(Behaviour(script=["cut_middle"]), transport, stream=True)

    assert error.kind in {"cut", "provider_error"}


def test_a_refused_key_is_fatal_names_the_variable_and_never_shows_the_key(transport: str) -> None:
    error = refused(Behaviour(api_key="sk-another"), transport)

    assert isinstance(error, FatalModelError)
    assert "LADDER_TEST_KEY" in str(error)
    assert SECRET not in str(error)


def test_an_unset_key_is_fatal_before_anything_is_sent(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LADDER_TEST_KEY")
    with serve() as provider:
        with pytest.raises(FatalModelError, match="LADDER_TEST_KEY is not set"):
            ask(provider.url, transport)
        assert provider.ledger().outcomes == {}


def test_an_unknown_model_is_fatal(transport: str) -> None:
    with pytest.raises(FatalModelError, match="not known there"):
        answered(lambda body, before: (404, {"error": {"message": "no such model", "code": "x"}}), transport)


def test_nobody_listening_is_no_connection_and_free(transport: str) -> None:
    with serve() as provider:
        url = provider.url
    with pytest.raises(ModelError) as caught:
        ask(url, transport)

    assert (caught.value.kind, caught.value.charged) == ("no_connection", False)


def test_a_tier_that_names_its_hosts_follows_no_redirect(transport: str) -> None:
    with serve() as elsewhere, pytest.raises(ModelError):
        _redirected(elsewhere, transport)
    assert elsewhere.ledger().outcomes == {}


def _redirected(elsewhere: Provider, transport: str) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("location", f"{elsewhere.url}/chat/completions")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=listening.serve_forever, daemon=True).start()
    try:
        ask(f"http://127.0.0.1:{listening.server_port}/v1", transport, hosts=("127.0.0.1",))
    finally:
        listening.shutdown()
        listening.server_close()


# --- log-probabilities ---------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_the_mean_logprob_of_the_tokens_comes_where_it_was_asked_for(transport: str, stream: bool) -> None:
    said = "An answer of a few tokens, the last of them short – and in all."
    values = [token["logprob"] for token in logprobs_of(said)]
    with serve(Behaviour(text=said)) as provider:
        told = ask(provider.url, transport, stream=stream, logprobs=True)
        untold = ask(provider.url, transport, stream=stream)

    assert (told.text, untold.text) == (said, said)
    assert len(values) > 3
    assert told.logprob == pytest.approx(sum(values) / len(values))
    assert untold.logprob is None


@pytest.mark.parametrize(
    "logprobs",
    [
        None,
        "odd",
        [],
        {"content": None},
        {"content": []},
        {"content": {"logprob": -1}},
        {"tokens": ["he", "llo"], "token_logprobs": [-0.1, -0.2]},
        {"content": ["he", "llo"]},
        {"content": [{"token": "he", "logprob": -0.1}, {"token": "llo"}]},
        {"content": [{"token": "hello", "logprob": None}]},
        {"content": [{"token": "hello", "logprob": "low"}]},
        {"content": [{"token": "hello", "logprob": True}]},
        {"content": [{"token": "hello", "logprob": 0.9}]},
        {"content": [{"token": "hello", "logprob": -(10**400)}]},
        json.loads('{"content": [{"token": "hello", "logprob": NaN}, {"token": "!", "logprob": -Infinity}]}'),
    ],
    ids=str,
)
def test_logprobs_of_an_odd_shape_are_unknown_and_the_answer_stays(transport: str, logprobs: Any) -> None:
    body = completion("hello")
    body["choices"][0]["logprobs"] = logprobs
    try:
        reply, _ = answered(lambda asked, before: (200, body), transport, logprobs=True)
    except ModelError as error:
        if transport == "direct" or error.kind != "provider_error":
            raise
        pytest.skip("litellm refuses the whole answer")

    assert (reply.text, reply.logprob) == ("hello", None)


def test_a_stream_that_leaves_tokens_out_has_no_mean(transport: str) -> None:
    told = {"content": [{"token": "x", "logprob": -1.0}]}

    def folded(*chunks: dict[str, Any]) -> float | None:
        stream = chat.Stream(0.0)
        for chunk in chunks:
            stream.add({"choices": [{"index": 0, **chunk}]})
        stream.add({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        return chat.reply_of(stream.completion(), asked(Tier("t", "openai/m", {}, Price(1, 2))), 0.1).logprob

    assert folded({"delta": {"content": "x"}, "logprobs": told}, {"delta": {}, "logprobs": told}) == -1.0
    assert folded({"delta": {"content": "x"}, "logprobs": told}, {"delta": {"content": "y"}}) is None
    assert folded({"delta": {"content": "x"}, "logprobs": "odd"}) is None


def test_what_a_provider_does_not_support_is_fatal_and_says_what_to_leave_out(transport: str) -> None:
    if transport == "direct":
        pytest.skip("it knows no providers")
    with serve() as provider:
        settings = {"api_base": provider.url, "api_key_env": "LADDER_TEST_KEY", "logprobs": True}
        client = Hosted(Tier("strong", "anthropic/claude-sonnet-4-5", settings, Price(1, 2)))
        with pytest.raises(FatalModelError, match=r"'strong': .*\['logprobs'\].*; leave them out of 'params'"):
            asyncio.run(client.complete(asked(client._tier)))
        assert provider.ledger().outcomes == {}


# --- replies in JSON -----------------------------------------------------------------------

SCHEMA = {
    "type": "object",
    "properties": {"fires": {"type": "boolean"}},
    "required": ["fires"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("json_output", "sent"),
    [
        ("schema", {"type": "json_schema", "json_schema": {"name": "reply", "strict": True, "schema": SCHEMA}}),
        ("object", {"type": "json_object"}),
        ("prompt", None),
    ],
)
def test_a_schema_is_sent_as_the_tier_says_and_only_where_there_is_one(
    transport: str, json_output: str, sent: Any, stream: bool
) -> None:
    """The server answers whole what was asked for as a stream: it is what it was sent that counts."""
    seen: list[dict[str, Any]] = []
    for schema in (canonical(SCHEMA), ""):
        with server(lambda body, before: (200, completion('{"fires": true}'))) as (url, bodies):
            with contextlib.suppress(ModelError):
                ask(url, transport, stream=stream, schema=schema, json_output=json_output)
            seen += bodies[:1]

    assert [body.get("response_format") for body in seen] == [sent, None]


def test_a_schema_that_is_sent_counts_in_a_calls_worst_case(transport: str) -> None:
    whole = canonical(SCHEMA)
    most = {
        json_output: chat.most_input_tokens(
            asked(Tier("t", "openai/m", {}, Price(1, 2), json_output=json_output), whole)
        )
        for json_output in ("schema", "prompt")
    }

    assert most["schema"] >= most["prompt"] + len(whole)


ESCAPED = SECRET.replace("-", "\\u002d")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("field", ["content", "model", "finish_reason"])
def test_a_key_that_is_echoed_goes_no_further(transport: str, field: str, stream: bool) -> None:
    whole = completion(f"it is {SECRET}" if field == "content" else "hi", model=SECRET if field == "model" else "m")
    if field == "finish_reason":
        whole["choices"][0]["finish_reason"] = SECRET
    with serve(Behaviour(text=f"it is {SECRET}", served_model=SECRET)) as provider:
        replies = [ask(provider.url, transport, stream=stream)]
    with contextlib.suppress(ModelError):
        replies.append(answered(lambda body, before: (200, json.dumps(whole).replace(SECRET, ESCAPED)), transport)[0])

    assert SECRET not in str(replies)


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_a_key_that_is_echoed_in_an_error_goes_no_further(transport: str, status: int) -> None:
    said = json.dumps({"error": {"message": f"your key {SECRET}", "code": SECRET}}).replace(SECRET, ESCAPED)
    with pytest.raises(ModelError) as caught:
        answered(lambda body, before: (status, said), transport)

    assert SECRET not in str(caught.value)


def test_a_self_hosted_server_needs_no_key_and_gets_nobody_elses(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    _, seen = answered(lambda body, before: (200, completion()), transport, api_key_env=None)

    assert SECRET not in str(seen[0]["authorization"])


def test_a_provider_without_any_key_is_fatal_and_says_what_to_set(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    if transport == "direct":
        pytest.skip("the direct transport has no usual variable")
    client = Hosted(Tier("strong", "openai/gpt-4o", {}, Price(1, 2)))

    with pytest.raises(FatalModelError, match="no key was found"):
        asyncio.run(client.complete(Request(client._tier, "", History(), (Message("user", "hi"),), Origin("c", 1))))


def test_params_that_providers_call_otherwise_bound_the_answer_too(transport: str) -> None:
    _, seen = answered(lambda body, before: (200, completion()), transport, max_completion_tokens=33)

    assert seen[0]["max_completion_tokens"] == 33
    assert "max_tokens" not in seen[0]
    assert Tier("t", "openai/m", {"max_tokens": 21}, Price(1, 2)).max_output_tokens == 21


@pytest.mark.parametrize(
    "body",
    [
        completion(usage=False) | {"usage": {"prompt_tokens": 10**30, "completion_tokens": 1}},
        completion(usage=False) | {"usage": {"prompt_tokens": "30", "completion_tokens": 1}},
        completion(usage=False) | {"usage": {"prompt_tokens": 30, "completion_tokens": None, "x": [None]}},
        completion(usage=False) | {"choices": {"0": "x"}},
        completion(usage=False) | {"choices": ["x"]},
        completion(usage=False) | {"choices": [{"message": "x"}]},
        completion(usage=False) | {"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]},
        {"error": {"message": "overloaded"}},
        [],
        "[" * 100_000,
        '{"choices": [{"message": {"content": "x"}}], "usage": {"prompt_tokens": 1e999, "completion_tokens": 1}}',
        '{"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "model": "\\ud800"}',
    ],
)
def test_json_of_an_odd_shape_is_an_error_of_the_call_or_an_answer_without_usage(transport: str, body: Any) -> None:
    try:
        reply, _ = answered(lambda asked, before: (200, body), transport)
    except ModelError as error:
        assert not isinstance(error, FatalModelError)  # noqa: PT017
    else:
        str(reply).encode()
        assert reply.usage is None or reply.usage.input < 10**9


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b""])
def test_a_stream_ends_at_done_whatever_comes_after(transport: str, end: bytes) -> None:
    lines = (b"\r\n" if b"\r" in end else b"\n").join(
        [
            b": a comment",
            b"",
            b'data: {"choices": [{"delta": {"content": "hel"}}]}',
            b"",
            b'data: {"choices": [{"delta":',
            b'data: {"content": "lo"}, "finish_reason": "stop"}]}',
            b"",
            b'data: {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2}}',
            b"",
            b"data: [DONE]",
        ]
    )
    if transport == "litellm":
        pytest.skip("its own parser")
    reply = _raw(b"text/event-stream", lines + end)

    assert (reply.text, reply.usage) == ("hello", Usage(9, 2))


def _raw(content_type: bytes, body: bytes) -> Reply:
    """Ask a server that sends these bytes and then neither says more nor hangs up."""
    import socket
    from threading import Event, Thread

    listening = socket.create_server(("127.0.0.1", 0))
    asked = Event()

    def serve_once() -> None:
        connection, _ = listening.accept()
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: " + content_type + b"\r\n\r\n" + body)
        if not body.endswith(b"\n"):
            connection.shutdown(socket.SHUT_WR)
        asked.wait(5)
        connection.close()

    thread = Thread(target=serve_once, daemon=True)
    thread.start()
    try:
        return ask(f"http://127.0.0.1:{listening.getsockname()[1]}/v1", "direct", stream=True)
    finally:
        asked.set()
        thread.join()
        listening.close()


def test_a_long_served_name_costs_no_time(transport: str) -> None:
    served = "some-model-" + "1" * 60 + "!"
    reply, _ = answered(lambda body, before: (200, completion(model=served)), transport)

    assert reply.model == served


@pytest.mark.parametrize("before", range(270, 301, 5))
def test_a_key_across_the_place_where_an_error_is_cut_leaves_no_part_of_itself(transport: str, before: int) -> None:
    said = json.dumps({"error": {"message": "x" * before + SECRET}})
    with pytest.raises(ModelError) as caught:
        answered(lambda body, asked: (400, said), transport)

    assert SECRET[:8] not in str(caught.value)
