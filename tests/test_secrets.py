"""What of a tier's parameters may be written down for others to read."""

from __future__ import annotations

import pytest

from ladder_bench.comparison.changes import _leaves, _shown
from ladder_bench.sides.secrets import is_secret, without


@pytest.mark.parametrize(
    "name",
    ["api_key", "X-API-Key", "accessToken", "aws_access_key_id", "vertex_credentials_json", "bearer_token",
     "subscription-key", "extra_headers", "Authorization", "private_key"],
)  # fmt: skip
def test_names_of_keys_are_known(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["temperature", "max_tokens", "max_output_tokens", "budget_tokens", "api_key_env", "monkey", "author"]
)
def test_names_that_only_sound_like_keys_are_shown(name: str) -> None:
    assert not is_secret(name)


def test_keys_are_left_out_at_every_depth() -> None:
    found = without({"seed": 1, "list": [{"apikey": "sk-1"}], "more": {"token": "sk-2", "top_k": 3}})

    assert found == {
        "seed": 1, "list": [{"apikey": "(not shown)"}], "more": {"token": "(not shown)", "top_k": 3}
    }  # fmt: skip


def test_a_header_is_not_shown_whatever_it_is_called() -> None:
    first, second = ({"extra_headers": {"X-Team": f"sk-{n}"}, "seed": n} for n in (1, 2))

    shown = {what: _shown(what, value) for what, value, _ in _leaves("tier a params", first, second)}

    assert shown == {"tier a params.extra_headers.X-Team": "(not shown)", "tier a params.seed": "1"}
