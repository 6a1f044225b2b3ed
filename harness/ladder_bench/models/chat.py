"""The chat-completions form that both transports speak: request bodies, replies, streams and errors.

What providers send as success and is none (no choices, no content) is raised here; missing usage comes back as None,
never as 0 tokens; a served model other than the requested one and usage that cannot be are flagged.
"""

from __future__ import annotations

import email.utils
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ladder_bench.domain import OUTPUT_BOUNDS, Json, Reply, Request, Tier, Usage
from ladder_bench.errors import FatalModelError, ModelError

OURS = ("api_base", "api_key_env", "max_output_tokens", "extra_headers")  # params that are not the provider's
TRUNCATED = "truncated"
LOGPROB = (-1e6, 1e-3)  # least and most that a token's log-probability can be; 0 with room for rounding
MOST_TOKENS = 10**9  # of a call; more is no count


def provider_params(tier: Tier) -> dict[str, Json]:
    """What a provider is sent beside the messages; `max_tokens` always, so that a call's worst case is known."""
    params = {name: value for name, value in tier.params.items() if name not in OURS}
    if not set(OUTPUT_BOUNDS) & set(params):
        params["max_tokens"] = tier.max_output_tokens
    if tier.stream:
        params |= {"stream": True, "stream_options": {"include_usage": True}}
    return params


def response_format(request: Request) -> dict[str, Json]:
    """What a provider is sent for a reply with a JSON schema, as the tier says; {} for prose, or where the prompt asks."""
    if not request.schema or request.tier.json_output == "prompt":
        return {}
    if request.tier.json_output == "object":
        return {"response_format": {"type": "json_object"}}
    schema = {"name": "reply", "strict": True, "schema": json.loads(request.schema)}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


def most_tokens_beside(tier: Tier) -> int:
    """An upper bound of the tokens of what is sent beside the messages: tools and schemas are read, too."""
    return len(json.dumps(provider_params(tier)))  # ASCII: a byte a character


def api_key(tier: Tier) -> str | None:
    """The tier's key, from the variable that it names. Raises FatalModelError where that is not set."""
    variable = tier.params.get("api_key_env")
    if variable is None:
        return None
    key = os.environ.get(variable)
    if not key:
        raise FatalModelError("no_key", f"tier '{tier.name}': the variable {variable} is not set", charged=False)
    return key


# --- replies -------------------------------------------------------------------------------


def reply_of(payload: Any, request: Request, latency_s: float, first_token_s: float | None = None) -> Reply:
    """The reply in a chat completion (a JSON object). Raises ModelError where there is no answer in it."""
    if not isinstance(payload, Mapping) or "choices" not in payload:
        raise ModelError("not_a_completion", f"the provider's answer has no 'choices': {_short(payload)}")
    usage, flags = _usage(payload, request)
    charged = True if usage else None
    choices = payload["choices"]
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        raise ModelError("no_choices", "the provider answered without a choice", charged=charged, usage=usage)
    finish = choices[0].get("finish_reason")
    message = choices[0].get("message")
    text = message.get("content") if isinstance(message, Mapping) else None
    if not isinstance(text, str):
        what = f"the provider answered without content (finish reason: {finish})"
        raise ModelError("no_content", what, charged=charged, usage=usage)
    served = _short(payload.get("model") or "")
    if served and not _same_model(request.tier.model, served):
        flags.append(f"served by {served}")
    if finish == "length":
        flags.append(TRUNCATED)
    return Reply(
        text=text,
        usage=usage,
        latency_s=latency_s,
        origin="live",
        model=served or None,
        finish=_short(finish) if isinstance(finish, str) else None,
        notes=tuple(flags),
        first_token_s=first_token_s,
        at=round(time.time(), 3),
        logprob=_mean_logprob(_tokens(choices[0])),
    )


def _tokens(choice: Mapping[str, Any]) -> list[Any]:
    """What a choice, or a chunk of one, says of its tokens; empty where it says nothing."""
    logprobs = choice.get("logprobs")
    content = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    return content if isinstance(content, list) else []


def _mean_logprob(tokens: Sequence[Any]) -> float | None:
    """The mean log-probability of an answer's tokens; None where there are none, or one's is missing or cannot be."""
    total = 0.0
    for token in tokens:
        value = token.get("logprob") if isinstance(token, Mapping) else None
        if isinstance(value, bool) or not isinstance(value, int | float) or not LOGPROB[0] <= value <= LOGPROB[1]:
            return None
        total += value
    return min(0.0, total / len(tokens)) if tokens else None


def _same_model(requested: str, served: str) -> bool:
    """Whether a served name is the requested model, a dated version of it, or its file."""
    wanted, got = requested.rpartition("/")[2].casefold(), served.rpartition("/")[2].casefold()
    rest = got[len(wanted) :]
    return got.startswith(wanted) and (not rest or re.match(r"[-@:._](?:v?\d|latest$|gguf$)", rest) is not None)


def _usage(payload: Mapping[str, Any], request: Request) -> tuple[Usage | None, list[str]]:
    """What the provider counted, None where it is missing or cannot be; and what there is to flag."""
    raw = payload.get("usage")
    if not isinstance(raw, Mapping):
        return None, ["usage missing"]
    details = raw.get("prompt_tokens_details") or {}
    answer_details = raw.get("completion_tokens_details") or {}
    timings = payload.get("timings") or {}  # llama.cpp
    try:
        usage = Usage(
            input=_count(raw.get("prompt_tokens")),
            output=_count(raw.get("completion_tokens")),
            cached=_count(details.get("cached_tokens", raw.get("cache_read_input_tokens", timings.get("cache_n")))),
            cache_write=_count(raw.get("cache_creation_input_tokens", details.get("cache_creation_tokens"))),
            reasoning=_count(answer_details.get("reasoning_tokens")),
        )
    except (TypeError, ValueError, AttributeError, OverflowError):
        return None, ["usage unreadable"]
    if usage.input == 0:  # a prompt always has tokens: this is how missing usage looks through some gateways
        return None, ["usage missing"]
    if usage.cached + usage.cache_write > usage.input or usage.reasoning > usage.output:
        return None, ["usage contradicts itself"]
    most = request.tier.max_output_tokens
    if usage.input > most_input_tokens(request) or usage.output > most:
        return usage, [
            f"usage implausible: {usage.input} tokens in, {usage.output} out (at most {most} were asked for)"
        ]
    return usage, []


def _count(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        raise ValueError(value)
    if value != int(value):
        raise ValueError(value)
    return int(value)


def most_input_tokens(request: Request) -> int:
    """An upper bound of a prompt's tokens: no tokenizer makes more than one of a byte; templates add some of their own."""
    texts = (text for m in request.messages for text in (m.content, m.extra))
    sizes = sum(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts)
    schema = response_format(request)  # providers put it into the prompt
    sent = len(json.dumps(schema)) if schema else 0
    return sizes + sent + 32 * len(request.messages) + 256


# --- streams -------------------------------------------------------------------------------


@dataclass(slots=True)
class Stream:
    """Folds the chunks of a streamed completion into one. `first_token_s` counts from `started` (perf_counter)."""

    started: float
    first_token_s: float | None = None
    _parts: list[str] = field(default_factory=list)
    _tokens: list[Any] = field(default_factory=list)
    _rest: dict[str, Any] = field(default_factory=dict)
    _finish: Any = None
    _seen: bool = False

    def add(self, chunk: Any) -> None:
        """Take one chunk. Raises ModelError for an error that came as a chunk."""
        if not isinstance(chunk, Mapping) or chunk.get("error"):
            raise ModelError("provider_error", f"the stream broke off: {_short(chunk)}")
        self._rest |= {name: chunk[name] for name in ("model", "usage", "timings") if chunk.get(name)}
        choices = chunk.get("choices") or ()
        if not isinstance(choices, Sequence) or not all(isinstance(choice, Mapping) for choice in choices):
            raise ModelError("not_a_completion", f"the stream holds no choices: {_short(chunk)}")
        for choice in choices:
            self._seen = True
            delta = choice.get("delta")
            piece = delta.get("content") if isinstance(delta, Mapping) else None
            if isinstance(piece, str):
                if piece and self.first_token_s is None:
                    self.first_token_s = time.perf_counter() - self.started
                self._parts.append(piece)
            # text whose tokens are not told leaves the mean unknown
            self._tokens += _tokens(choice) or ([None] if piece else [])
            self._finish = choice.get("finish_reason") or self._finish

    def completion(self) -> dict[str, Any]:
        """The whole as a chat completion. Raises ModelError where the stream ended without saying why."""
        if self._seen and self._finish is None:
            raise ModelError("cut", "the stream ended in the middle of the answer")
        content = "".join(self._parts) if self._parts else None
        whole = {
            "message": {"content": content},
            "finish_reason": self._finish,
            "logprobs": {"content": self._tokens},
        }
        return {**self._rest, "choices": [whole] if self._seen else []}


# --- errors --------------------------------------------------------------------------------


def error_of(status: int, said: str, headers: Mapping[str, str], tier: Tier, code: str = "") -> ModelError:
    """Sort an HTTP error by what it means for the call and for the run. `said`: its text, without the key."""
    said = " ".join(said.split())
    if status in (401, 403):
        variable = tier.params.get("api_key_env") or "the provider's usual variable"
        what = f"tier '{tier.name}': the key in {variable} was refused: {said}"
        return FatalModelError("refused_key", what, charged=False)
    if status == 404:
        what = f"tier '{tier.name}': '{tier.model}' is not known there: {said}"
        return FatalModelError("no_such_model", what, charged=False)
    if status == 429:
        return ModelError("rate_limited", said, retry_after_s=retry_after(headers), charged=False)
    if status in (408, 409, 425) or status >= 500:
        return ModelError("provider_error", f"HTTP {status}: {said}", retry_after_s=retry_after(headers))
    if (
        status == 413
        or code == "context_length_exceeded"
        or re.search(r"context.{0,20}(length|window|size)", said, re.I)
    ):
        return ModelError("context_overflow", said, charged=False)
    if "content_policy" in code or "content_filter" in code:
        return ModelError("refused_content", said, charged=False)
    if 300 <= status < 400:
        return ModelError("redirected", f"HTTP {status}: redirects are not followed", charged=False)
    return ModelError("bad_request", f"HTTP {status}: {said}", charged=False)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a Retry-After header asks to wait, in either of its forms (RFC 9110, 10.2.3)."""
    value = next((text for name, text in headers.items() if name.lower() == "retry-after"), "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return None


def _short(value: Any) -> str:
    """A line of what a provider sent, whatever it is; `Discreet` cuts it, after the keys are out."""
    return " ".join(str(value).encode("utf-8", "replace").decode().split())
