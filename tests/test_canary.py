"""The canary: has the model behind a name changed since its answers were stored?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import live
import loopback
from ladder_bench import experiment
from ladder_bench.canary import Options, canary
from ladder_bench.errors import InputError
from loopback import Behaviour, Provider


def stored(place: Path, provider: Provider) -> None:
    live.write(place, provider.url, 12, 3, strategies=[{"single": "strong"}])
    experiment.run(live.options(place))


def sung(place: Path, **more: Any) -> Any:
    return canary(place / "run", Options(store=place / "calls.sqlite", **{"calls": 20, **more}))


def test_the_same_model_shows_no_drift_and_its_stored_answers_stay(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        stored(tmp_path, provider)
        found = sung(tmp_path)
        assert experiment.run(live.options(tmp_path)).summary["calls"]["sent"] == 0

    assert found["outcome"] == "no_drift_seen"
    assert found["attempts"] == 40  # each call twice


def test_another_name_behind_the_same_model_is_drift(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        stored(tmp_path, provider)
        provider.behave(Behaviour(served_model="strong-turbo"))
        found = sung(tmp_path)

    assert found["outcome"] == "drift"
    assert "strong-turbo" in str(found["tiers"])


def test_other_answers_are_drift(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        stored(tmp_path, provider)
        provider.behave(Behaviour(text="Something else altogether, in a few plain words."))
        found = sung(tmp_path)
        again = experiment.run(live.options(tmp_path)).summary["calls"]

    assert found["outcome"] == "drift"
    assert again["sent"] == 0  # what it was told now is not kept


def test_a_model_that_never_says_the_same_twice_has_not_drifted(tmp_path: Path) -> None:
    words = [
        "order",
        "ship",
        "late",
        "early",
        "box",
        "door",
        "rain",
        "sun",
        "north",
        "south",
        "carrier",
        "depot",
        "label",
        "scan",
        "truck",
        "plane",
    ]

    def different(body: dict[str, Any], before: int) -> tuple[int, Any]:
        text = " ".join(words[(before * 7 + n * (before % 5 + 1)) % len(words)] for n in range(12))
        return 200, loopback.completion(text, model="strong")

    with loopback.server(different) as (url, _):
        live.write(tmp_path, url, 12, 3, strategies=[{"single": "strong"}])
        experiment.run(live.options(tmp_path))
        found = sung(tmp_path)

    assert found["outcome"] == "no_drift_seen"


def test_too_few_calls_cannot_tell(tmp_path: Path) -> None:
    with loopback.serve() as provider:
        stored(tmp_path, provider)

        assert sung(tmp_path, calls=3)["outcome"] == "cannot_tell"


def test_a_run_without_live_calls_is_refused(tmp_path: Path) -> None:
    options = experiment.Options(limit=1, store=tmp_path / "calls.sqlite", out=tmp_path / "run")
    experiment.run(options)

    with pytest.raises(InputError, match="live"):
        sung(tmp_path)
