"""What makes two calls the same call, beyond the prompt: schemas, purposes, the recorded turn that is played."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from builders import request, tier
from ladder_bench.domain import Origin, Request, canonical
from ladder_bench.store import backend_of, key_of

SCHEMA = canonical({"type": "object"})
OFFLINE = "simulated/light"


def key(asked: Request) -> str:
    return key_of(asked, backend_of(asked.tier, "fingerprint"))


def asked(model: str = "openai/m", json_output: Any = "prompt", **more: Any) -> Request:
    return request(tier=tier("light", model, json_output=json_output), **more)


def test_keys_of_answers_in_prose_are_what_they_were_in_earlier_versions() -> None:
    assert key(asked()) == "4d32b9de3d80fa821f0983b59c06c0bed0fbb0a2c77ac58dd61bdcdceccea69c"
    assert key(asked(OFFLINE)) == "21bfbf533b01cd3e360a3ae388142bd911afb6d1081bc41cc276f33f9ab425d7"


def test_a_schema_is_part_of_the_key_whether_it_is_sent_or_not() -> None:
    for model in ("openai/m", OFFLINE):
        keys = {key(asked(model, schema=schema)) for schema in ("", SCHEMA, canonical({"type": "array"}))}
        assert len(keys) == 3


def test_how_json_is_asked_for_is_part_of_the_key_only_where_there_is_a_schema() -> None:
    ways = ("schema", "object", "prompt")

    assert len({key(asked(json_output=way, schema=SCHEMA)) for way in ways}) == 3
    assert len({key(asked(json_output=way)) for way in ways}) == 1


def test_a_purpose_and_a_step_are_part_of_the_key_of_offline_backends_alone() -> None:
    for model, keys in (("openai/m", 1), (OFFLINE, 4)):
        plain = asked(model)
        varied = [
            plain,
            replace(plain, purpose="memory"),
            replace(plain, purpose="trigger"),
            replace(plain, origin=Origin("c1", 1, step=2)),
        ]
        assert len({key(each) for each in varied}) == keys


def test_asking_for_logprobs_asks_anew() -> None:
    told = tier("light", "openai/m", params={"logprobs": True})

    assert key(request(tier=told)) != key(request(tier=tier("light", "openai/m")))
