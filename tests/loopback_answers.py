"""What the server on loopback says: answers that are a function of the request, usage that may lie, errors as sent."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MESSAGE_OVERHEAD = 4  # tokens around each message, as in OpenAI's chat format
CHUNK_CHARACTERS = 20
LIES = ("tenth", "tenfold", "negative")
USAGES = ("honest", "missing", "zero", "lying", *LIES)
OPENINGS = ("First", "In short", "As you said", "To be safe", "Next", "Then", "If you agree", "Above all")
SUBJECTS = ("the order", "your plan", "the second step", "the invoice", "that setting", "the café table", "the team")
VERBS = ("needs", "keeps", "replaces", "confirms", "delays", "covers", "explains", "depends on")
OBJECTS = ("one more check", "the old version", "a signed copy", "14 days", "the backup – twice", "2 of 3 reviews")
HTML = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Work:
    """What a model did for a request. `completion` and `prompt` in tokens, `cached` of the prompt's."""

    text: str
    finish: str
    prompt: int
    cached: int
    completion: int


def to_json(value: Any) -> str:
    """JSON as it goes over the wire, not ASCII alone."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def key_of(body: Mapping[str, Any]) -> str:
    """Key of a request: hash of its model and messages."""
    whole = to_json([body.get("model"), body.get("messages")])
    return hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def share_of(*parts: object) -> float:
    """A number in [0, 1) drawn by hash: the same parts draw the same."""
    digest = hashlib.sha256("/".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def sentences(key: str) -> str:
    """A few sentences, one to nine, by the key alone."""
    draw = random.Random(key)
    count = min(9, 1 + int(draw.expovariate(0.4)))
    return " ".join(
        f"{draw.choice(OPENINGS)}, {draw.choice(SUBJECTS)} {draw.choice(VERBS)} {draw.choice(OBJECTS)}."
        for _ in range(count)
    )


def message_tokens(message: Mapping[str, Any], bytes_per_token: float) -> int:
    """Tokens of a message: its bytes and what is around them."""
    content = message.get("content") or ""
    rest = {name: value for name, value in message.items() if name not in ("role", "content")}
    whole = (content if isinstance(content, str) else to_json(content)) + (to_json(rest) if rest else "")
    return MESSAGE_OVERHEAD + _tokens(len(whole.encode("utf-8", "surrogatepass")), bytes_per_token)


def shortened(text: str, most: int | None, bytes_per_token: float) -> tuple[str, int, bool]:
    """(text, its tokens, whether it was cut) with no more tokens than `most`."""
    data = text.encode()
    tokens = _tokens(len(data), bytes_per_token)
    if most is None or tokens <= most:
        return text, tokens, False
    return data[: int(most * bytes_per_token)].decode(errors="ignore"), most, True


def _tokens(size: int, bytes_per_token: float) -> int:
    return -int(-size // bytes_per_token)


# --- bodies --------------------------------------------------------------------------------


def completion(text: str | None = "hello", usage: bool = True, **changes: Any) -> dict[str, Any]:
    """A chat completion as providers send it; `changes` replace its keys."""
    body: dict[str, Any] = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
    }
    if usage:
        body["usage"] = _usage(30, 12, 7)
    return body | changes


def usage_said(work: Work, kind: str, key: str) -> dict[str, Any] | None:
    """What a completion says that it used; `kind` is one of `USAGES`, where lying is one of `LIES` by the key."""
    if kind == "lying":
        kind = LIES[int(share_of("lie", key) * len(LIES))]
    if kind == "missing":
        return None
    factor = {"honest": 1.0, "zero": 0.0, "tenth": 0.1, "tenfold": 10.0, "negative": -1.0}[kind]
    return _usage(*(int(count * factor) for count in (work.prompt, work.cached, work.completion)))


def _usage(prompt: int, cached: int, completed: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completed,
        "total_tokens": prompt + completed,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


def logprobs_of(text: str) -> list[dict[str, Any]]:
    """What a provider says of its tokens, where it is asked: here a token is what a stream sends at once."""
    pieces = [text[n : n + CHUNK_CHARACTERS] for n in range(0, len(text), CHUNK_CHARACTERS)]
    return [{"token": t, "logprob": -4 * share_of("logprob", t), "bytes": None, "top_logprobs": []} for t in pieces]


def chunks(whole: Mapping[str, Any], with_usage: bool) -> Iterator[dict[str, Any]]:
    """A completion as the chunks of a stream: role, content, finish reason, then usage where it was asked for."""
    head = {"id": whole["id"], "object": "chat.completion.chunk", "created": whole["created"], "model": whole["model"]}
    if with_usage:
        head["usage"] = None
    for choice in whole["choices"]:
        text = choice["message"]["content"] or ""
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None if text == "" else ""}]
        deltas += [{"content": text[n : n + CHUNK_CHARACTERS]} for n in range(0, len(text), CHUNK_CHARACTERS)]
        told = [{}, *({"logprobs": {"content": [token]}} for token in logprobs_of(text))]
        for delta, tokens in zip(deltas, told if "logprobs" in choice else [{}] * len(deltas), strict=True):
            yield head | {"choices": [{"index": 0, "delta": delta, "finish_reason": None, **tokens}]}
        yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    if with_usage and "usage" in whole:
        yield head | {"choices": [], "usage": whole["usage"]}


def error(message: str, kind: str, code: str | None = None, param: str | None = None) -> dict[str, Any]:
    """An error as OpenAI sends it."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def context_overflow(tokens: int, window: int) -> dict[str, Any]:
    return error(
        f"This model's maximum context length is {window} tokens. However, your messages resulted in {tokens} tokens. "
        "Please reduce the length of the messages.",
        "invalid_request_error",
        "context_length_exceeded",
        "messages",
    )
